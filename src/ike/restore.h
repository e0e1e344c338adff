/* SPDX-License-Identifier: Apache-2.0 */
/* Records read: whole, before anything is changed. For the machine that is restored from its own (restore.c)
 * and for replicas of another member's (replica.c). */
#ifndef IKE_RESTORE_H
#define IKE_RESTORE_H

#include "ike/machine.h"

struct exchange_record {
    uint32_t message_id, slot;
    uint8_t state;
    bool by_peer;
    uint8_t iv[CBC_BLOCK_MAX];
    uint64_t answered;
    ns began;
    struct bytes expected, sent;
};

/* Borrows from the record. */
struct sa_record {
    uint32_t number;
    uint16_t flags; /* enum sa_flag */
    uint8_t cookies[16];
    struct endpoint local, remote;
    struct ike_policy policy;
    uint8_t key_len;
    struct bytes skeyid_d, skeyid_a, key;
    uint8_t iv_base[CBC_BLOCK_MAX];
    struct isakmp_id identity;
    ns created, established, expires, reauth_at, delete_at;
    uint32_t dpd_sequence_out, dpd_sequence_in;
    uint64_t answered;
    struct bytes answer;
    struct exchange_record exchanges[IKE_RECORD_EXCHANGES_MAX];
    unsigned exchange_count;
};

struct connection_record {
    bool worked;
    struct address peer;
};

/* False: not such a record. Times are shifted. */
bool sa_record_parse(struct bytes data, int64_t shift, struct sa_record *ret);
/* Into a pair that is none yet: what the record says, and nothing else. */
bool pair_record_parse(struct bytes data, int64_t shift, struct ike_pair *ret, uint32_t *ret_connection);
bool connection_record_parse(struct bytes data, struct connection_record *ret);

void sa_record_flags_apply(struct ike_sa *sa, uint16_t flags);
/* All that the record says of an IKE SA, its exchanges too. */
void sa_record_apply(struct ike *ike, struct ike_sa *sa, const struct sa_record *r);
/* A pair of its own with what `from` says; not linked. NULL: no memory, or the slot is taken. */
struct ike_pair *pair_record_make(struct ike *ike, uint32_t slot, const struct ike_pair *from,
                                  uint32_t connection);
void connection_record_apply(struct ike *ike, uint32_t id, const struct connection_record *r);

#endif
