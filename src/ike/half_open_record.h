/* SPDX-License-Identifier: Apache-2.0 */
/* Half-open phase 1 exchanges as records: what a successor needs to go on with a main or aggressive mode that
 * is not finished. Written before the message that depends on it, replaced with each, deleted when the
 * exchange is over; where it was established the record of the IKE SA has come before.
 *
 * Of our own exchanges every message is recorded. Of a peer's, all from the one on with which it proved its
 * address; before that only a few at a time (limits.h), so that a flood of first messages costs neither the
 * store nor the other gateway anything. What is not recorded is negotiated anew after a takeover. */
#ifndef IKE_HALF_OPEN_RECORD_H
#define IKE_HALF_OPEN_RECORD_H

#include "ike/machine.h"

/* What of it is there; each state has its own set. */
enum half_open_part {
    HALF_OPEN_POLICY = 1,
    HALF_OPEN_PUBLIC = 2,  /* our public value */
    HALF_OPEN_PRIVATE = 4, /* and the secret of it */
    HALF_OPEN_PEER = 8,    /* the peer's public value */
    HALF_OPEN_NONCE_I = 16,
    HALF_OPEN_NONCE_R = 32,
    HALF_OPEN_KEYS = 64, /* SKEYID and its children */
    HALF_OPEN_IDENTITY = 128,
    HALF_OPEN_SENT = 256, /* waits for an answer, or was the last answer */
};

/* Borrows from the record. */
struct half_open_record {
    uint8_t state; /* enum phase1_state */
    uint32_t number;
    uint16_t flags; /* enum sa_flag */
    uint8_t cookies[16];
    struct endpoint local, remote;
    ns created, expires;
    uint32_t connection; /* UINT32_MAX: responder */
    uint64_t replaces, answered;
    uint8_t natt, proposal_number, transform_index;
    bool proven; /* the peer has proved its address */
    uint16_t parts;
    struct ike_policy policy;
    uint8_t key_len;
    struct bytes sa_body, identity_sent, sent;
    struct bytes public, private, peer_public, nonce_i, nonce_r;
    struct bytes skeyid, skeyid_d, skeyid_a, key;
    uint8_t iv[CBC_BLOCK_MAX];
};

/* False: not such a record. Times are shifted. */
bool half_open_record_parse(struct bytes data, int64_t shift, struct half_open_record *ret);

/* Writes or replaces its record, if it may have one. In what follows nothing depends on more than that. */
void half_open_record(struct ike *ike, struct ike_sa *sa);
/* Its record goes, if there is one. */
void half_open_forget(struct ike *ike, struct ike_sa *sa);
/* One that a record made, or whose record is there beside that of the established IKE SA: it counts. */
void half_open_recorded(struct ike *ike, struct ike_sa *sa);

#endif
