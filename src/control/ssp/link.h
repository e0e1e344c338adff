/* SPDX-License-Identifier: Apache-2.0 */
/* The replication channel to one peer: TCP, TLS 1.3 (crypto/tls_channel.h) and a session
 * (replication/session.h) on the event loop. The member with the lower address listens, the other one
 * connects, and goes on trying. Of several connections the newest that proved itself counts. Nobody but the
 * peer's address is listened to; who does not prove himself within 5 s is thrown out.
 *
 * What is put in one turn of the loop goes out in one write, at the end of that turn. What waits in TLS and
 * TCP is not acknowledged yet, so session_room and unacked_hard count it, and nothing here grows without
 * bound.
 */
#ifndef CONTROL_SSP_LINK_H
#define CONTROL_SSP_LINK_H

#include "base/address.h"
#include "crypto/tls_channel.h"
#include "replication/session.h"

#include <uv.h>

struct ssp_link_config {
    struct endpoint local, remote; /* addresses of one family, not the same */
    uint32_t mark;                 /* of our packets: HOLDFAST_MARK */
    struct tls_config tls;
    struct session_config session; /* `member` is set by ssp_link_new: the lower address is 0 */
};

/* Called on the loop. `actions`: carry all but SEND and LOG out, in order, before returning; the link sends
 * after that, the acknowledgement too. Putting is allowed in there, freeing the link is not. `log`: of the
 * session and of the link, at a bounded rate; facility SSP. */
struct ssp_link_events {
    void (*actions)(void *context, const struct session_actions *a);
    void (*log)(void *context, uint8_t severity, const char *mnemonic, const char *text);
    void *context;
};

struct ssp_link;

/* -EINVAL (addresses, credentials), -ENOMEM; `text` says what is wrong with the credentials, else empty. A
 * port that is in use is tried again, and logged. */
int ssp_link_new(uv_loop_t *loop, const struct ssp_link_config *c, const struct ssp_link_events *events,
                 struct ssp_link **ret, char text[TLS_TEXT]) must_check;
/* The connection ends at once and nothing is called back; the memory goes with the loop's next turns. */
void ssp_link_free(struct ssp_link *l);
/* 0: the lower address, which listens. */
uint8_t ssp_link_member(const struct ssp_link *l);
/* For session_room, session_unacked_since, session_statistics, session_feed ... */
struct session *ssp_link_session(struct ssp_link *l);

/* As in session.h. */
uint64_t ssp_link_put(struct ssp_link *l, uint16_t group, uint8_t kind, uint64_t key, struct bytes data,
                      bool snapshot);
uint64_t ssp_link_delete(struct ssp_link *l, uint16_t group, uint8_t kind, uint64_t key, bool snapshot);
uint64_t ssp_link_leases(struct ssp_link *l, uint16_t group, const struct session_lease *leases, size_t n,
                         bool exact, bool snapshot);
uint64_t ssp_link_snapshot_begin(struct ssp_link *l, uint16_t group);
uint64_t ssp_link_snapshot_end(struct ssp_link *l, uint16_t group);
uint64_t ssp_link_role(struct ssp_link *l, uint16_t group, const struct session_role_state *role);
uint64_t ssp_link_notice(struct ssp_link *l, uint16_t group, uint32_t code, uint64_t a, uint64_t b);
uint64_t ssp_link_bye(struct ssp_link *l);
/* Sends what was put now, instead of at the end of this turn. */
void ssp_link_flush(struct ssp_link *l);

struct ssp_link_status {
    bool listening, connecting, up;
    unsigned unproved;                                /* connections that have not proved themselves yet */
    uint64_t attempts, accepted, strangers, failures; /* connects, accepts; foreign addresses; TLS */
    size_t queued;                                    /* bytes that TCP has not taken */
    uint64_t writes;
    char last_failure[TLS_TEXT + 32]; /* of TCP or TLS; empty: none since the session was up */
};
void ssp_link_status(const struct ssp_link *l, struct ssp_link_status *ret);

#endif
