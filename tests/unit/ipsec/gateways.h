/* SPDX-License-Identifier: Apache-2.0 */
/* Two gateways with one tunnel between them, in memory: what the tests of the packet path share. The spoke
 * protects 10.1.0.0/16 -> 10.2.0.0/16 and 2001:db8:1::/48 -> 2001:db8:2::/48 on interface 2; the hub the
 * other way round. */
#ifndef TEST_GATEWAYS_H
#define TEST_GATEWAYS_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "ipsec/inbound.h"
#include "ipsec/outbound.h"
#include "ipsec/pair_index.h"
#include "ipsec/pmtu.h"
#include "ipsec/replay.h"
#include "wire/ip.h"

enum {
    GATEWAY_SLOTS = 256,
    GATEWAY_IFINDEX = 2,
    ENTRY_ID = 77,
    BUFFER = PACKET_HEADROOM + 65536 + PACKET_TAILROOM
};

struct gateway {
    struct sad *sad;
    struct spd *spd;
    struct packet_path path;
    struct rng rng;
    struct outbound *out;
    struct inbound *in;
};

struct tunnel {
    struct packet_algorithms algorithms;
    uint8_t protocol;
    uint16_t flags;
    uint16_t replay_size;
    bool outer_v6;
    uint64_t sequence; /* last one sent, both ways */
};

extern struct gateway spoke, hub;

void gateway_init(struct gateway *g, uint64_t seed, uint32_t slots);
void gateway_done(struct gateway *g);
/* The private state is made anew from shared memory: an engine that died. */
void gateway_restart(struct gateway *g);
/* Policy: `local` and `remote` networks of both families on GATEWAY_IFINDEX. */
void gateway_policy(struct gateway *g, bool is_hub);
/* One pair in `slot` of both, keys swapped, ACTIVE; added to both indexes. */
void tunnel_install(const struct tunnel *t, uint32_t slot, ns created);
void tunnel_keys(struct gateway *g, struct sad_pair *pair, const struct packet_algorithms *a,
                 const uint8_t *send, const uint8_t *receive);

/* An IP packet of `len` bytes with an UDP payload, in a buffer with room around it. */
struct outbound_packet packet_make(uint8_t buffer[BUFFER], uint8_t version, uint32_t len, bool df,
                                   uint8_t traffic_class);
/* Sends one result into the other gateway's inbound burst: how it comes out of a socket there. */
struct inbound_packet packet_arrive(const struct outbound_result *r, uint8_t *buffer);

int two_gateways(void **state);
int no_gateways(void **state);

#endif
