/* SPDX-License-Identifier: Apache-2.0 */
/* The farm's packet path: one engine for all spokes, with the same policy table, SA table and bursts as the
 * gateway's engine (src/ipsec), but without a TUN device: what is to go out comes from plane_room and
 * plane_add, what came in goes to a function. Spoke i is the entry with the id i + 1, which is also its
 * ike_connection.id. One thread, so a pair that is removed is gone at once.
 *
 * What the path has to tell the IKE machine (a pair used up, an unknown SPI, the first packet on a new pair)
 * leaves as an event, as the engine tells control. */
#ifndef FARM_PLANE_H
#define FARM_PLANE_H

#include "base/drop.h"
#include "ike/ike.h"
#include "io/datagram.h"

struct plane_user {
    void *context;
    void (*deliver)(void *context, uint8_t *packet, uint32_t len, ns now); /* a decrypted packet */
    void (*event)(void *context, const struct ike_event *e);               /* for the IKE machine */
    void (*acquire)(void *context, uint32_t connection);                   /* its packets wait for a pair */
};

struct plane_options {
    const struct selector *selectors; /* of each spoke, local to remote; borrowed for plane_new */
    uint32_t count;
    uint32_t slots; /* pairs */
    int udp;        /* the socket of port 4500, borrowed: pairs with UDP encapsulation */
    struct plane_user user;
};

struct plane;

/* Opens the raw socket of ESP. Negative errno. */
int plane_new(const struct plane_options *options, struct plane **ret) must_check;
void plane_free(struct plane *p);

/* ---- pairs: the IKE machine's actions ---- */

/* Negative errno: it is not installed. */
int plane_install(struct plane *p, const struct ike_pair_install *i, ns now) must_check;
void plane_confirm(struct plane *p, uint32_t slot, uint32_t spi_in, ns now);
void plane_supersede(struct plane *p, uint32_t slot, uint32_t spi_in);
void plane_move(struct plane *p, uint32_t slot, uint32_t spi_in, const struct endpoint *remote);
void plane_remove(struct plane *p, uint32_t slot, uint32_t spi_in);
/* No pair can be had now: what waits for it is dropped. */
void plane_acquire_failed(struct plane *p, uint32_t connection);
/* When the pair carried a packet last, each way; 0: never. */
void plane_traffic(const struct plane *p, uint32_t slot, ns *ret_in, ns *ret_out);

/* ---- packets ---- */

/* Room for the next packet that goes out, at most `len` bytes; NULL: the burst is full, flush it. */
uint8_t *plane_room(struct plane *p, uint32_t len);
void plane_add(struct plane *p, uint32_t len);
void plane_flush(struct plane *p, ns now);

int plane_fd(const struct plane *p); /* readable: plane_receive */
/* True: there may be more. */
bool plane_receive(struct plane *p, ns now);
/* A datagram of port 4500 that is ESP. `d->data` is written to. */
void plane_receive_udp(struct plane *p, const struct datagram *d, ns now);
/* What waits for a pair for too long, what must be asked for again. */
void plane_expire(struct plane *p, ns now);
ns plane_deadline(const struct plane *p);

uint64_t plane_drops(const struct plane *p, enum drop_reason reason);
void plane_drops_reset(struct plane *p);

#endif
