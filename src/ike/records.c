/* SPDX-License-Identifier: Apache-2.0 */
/* Records: what a successor needs to go on with an IKE SA, a pair or a connection, as bytes through cursors.
 * Each begins with a version. Times are those of the machine's clock; whoever reads on another node shifts
 * them (restore.c).
 *
 * An IKE SA's record holds what phase 2 is made from (SKEYID_d, SKEYID_a, the cipher's key, the last block of
 * phase 1), the probe numbers, and the last answers with the digests of what they answer, so that a repeated
 * message gets the same answer from the successor, byte for byte. */
#include "ike/machine.h"

#include "ike/exchange/exchange.h"
#include "ike/record_codec.h"

enum { ANSWER_MAX = 1500 }; /* the second message of a quick mode with the largest group fits */

void record_put(struct ike *ike, uint8_t kind, uint64_t key, struct bytes data)
{
    if (!ike->out)
        return;
    struct ike_action *a = action_add(ike, IKE_ACTION_RECORD);
    a->record.kind = kind;
    a->record.key = key;
    a->record.data = action_copy(ike, data);
}

void record_forget(struct ike *ike, uint8_t kind, uint64_t key)
{
    if (!ike->out)
        return;
    struct ike_action *a = action_add(ike, IKE_ACTION_FORGET);
    a->record.kind = kind;
    a->record.key = key;
}

/* ---- IKE SA ---- */

uint16_t sa_record_flags(const struct ike_sa *sa)
{
    return (uint16_t)((sa->initiator ? SA_INITIATOR : 0) | (sa->aggressive ? SA_AGGRESSIVE : 0) |
                      (sa->nat_local ? SA_NAT_LOCAL : 0) | (sa->nat_remote ? SA_NAT_REMOTE : 0) |
                      (sa->nat_port ? SA_NAT_PORT : 0) | (sa->natt_draft ? SA_NATT_DRAFT : 0) |
                      (sa->dpd ? SA_DPD : 0) | (sa->fragmentation ? SA_FRAGMENTATION : 0) |
                      (sa->superseded ? SA_SUPERSEDED : 0));
}

static void put_exchange(struct writer *w, const struct exchange *x)
{
    write_be32(w, x->message_id);
    write_u8(w, x->state);
    write_u8(w, x->by_peer);
    write_be32(w, x->slot);
    write_copy(w, x->iv, sizeof(x->iv));
    put_bytes(w, bytes_of(x->expected, x->state == EXCHANGE_R_SENT ? hash_size(x->sa->policy.hash) : 0));
    write_be64(w, x->answered);
    write_be64(w, x->began);
    put_bytes(w, message_bytes(x->sent));
}

static bool worth_recording(const struct exchange *x)
{
    return (x->state == EXCHANGE_R_SENT || x->state == EXCHANGE_I_DONE || x->state == EXCHANGE_R_DONE) &&
           x->sent && x->sent->len <= ANSWER_MAX;
}

/* The newest ones, as many as fit. */
static void put_exchanges(struct writer *w, const struct ike_sa *sa)
{
    unsigned count = 0;
    for (struct list *l = sa->exchanges.prev; l != &sa->exchanges && count < IKE_RECORD_EXCHANGES_MAX;
         l = l->prev) {
        const struct exchange *x = list_entry(l, struct exchange, on_sa);
        if (!worth_recording(x) || writer_len(w) + x->sent->len + 160 > IKE_SA_RECORD_MAX)
            continue;
        write_u8(w, 1);
        put_exchange(w, x);
        count++;
    }
    write_u8(w, 0);
}

void record_sa(struct ike *ike, struct ike_sa *sa)
{
    uint8_t buffer[IKE_SA_RECORD_MAX];
    struct writer writer = writer_of(buffer, sizeof(buffer)), *w = &writer;
    size_t n = hash_size(sa->policy.hash);
    write_u8(w, RECORD_VERSION);
    write_be32(w, sa->number);
    write_be16(w, sa_record_flags(sa));
    write_copy(w, sa->cookie_i, 16);
    put_endpoint(w, &sa->local);
    put_endpoint(w, &sa->remote);
    put_policy(w, &sa->policy);
    put_bytes(w, bytes_of(sa->skeyid_d, n));
    put_bytes(w, bytes_of(sa->skeyid_a, n));
    put_bytes(w, bytes_of(sa->key, sa->key_len));
    write_copy(w, sa->iv_base, sizeof(sa->iv_base));
    write_u8(w, sa->identity_type);
    put_bytes(w, bytes_of(sa->identity, sa->identity_len));
    write_be64(w, sa->created);
    write_be64(w, sa->established);
    write_be64(w, sa->expires);
    write_be64(w, sa->reauth_at);
    write_be64(w, sa->delete_at);
    write_be32(w, sa->dpd_sequence_out);
    write_be32(w, sa->dpd_sequence_in);
    bool answer = sa->answer && sa->answer->len <= ANSWER_MAX;
    write_be64(w, answer ? sa->answered : 0);
    put_bytes(w, answer ? message_bytes(sa->answer) : (struct bytes){0});
    put_exchanges(w, sa);
    record_put(ike, IKE_RECORD_SA, sa->id, writer_bytes(w));
    wipe(buffer, sizeof(buffer));
}

/* ---- pair ---- */

void record_pair(struct ike *ike, struct ike_pair *p)
{
    uint8_t buffer[512];
    struct writer writer = writer_of(buffer, sizeof(buffer)), *w = &writer;
    write_u8(w, RECORD_VERSION);
    write_be64(w, p->sa ? p->sa->id : 0);
    write_be32(w, p->inner ? p->inner->slot : UINT32_MAX);
    write_be32(w, p->connection->id);
    write_be32(w, p->spi_in);
    write_be32(w, p->spi_out);
    write_be32(w, p->number);
    write_u8(w, p->protocol);
    write_u8(w, p->pfs_group);
    write_u8(w, (uint8_t)((p->initiator ? PAIR_RECORD_INITIATOR : 0) |
                          (p->confirmed ? PAIR_RECORD_CONFIRMED : 0) |
                          (p->superseded ? PAIR_RECORD_SUPERSEDED : 0) |
                          (p->tunnel ? PAIR_RECORD_TUNNEL : 0) | (p->udp ? PAIR_RECORD_UDP : 0) |
                          (p->esn ? PAIR_RECORD_ESN : 0) | (p->rekeying ? PAIR_RECORD_REKEYING : 0)));
    write_u8(w, p->algorithms.encryption);
    write_u8(w, p->algorithms.key_bytes);
    write_u8(w, p->algorithms.integrity);
    put_selector(w, &p->selector);
    put_endpoint(w, &p->local);
    put_endpoint(w, &p->remote);
    write_be64(w, p->created);
    write_be64(w, p->expires);
    write_be64(w, p->rekey_at);
    write_be64(w, p->delete_at);
    write_be32(w, p->lifetime_seconds);
    write_be32(w, p->lifetime_kilobytes);
    record_put(ike, IKE_RECORD_PAIR, p->slot, writer_bytes(w));
}

void record_connection(struct ike *ike, struct connection *c)
{
    uint8_t buffer[32];
    struct writer w = writer_of(buffer, sizeof(buffer));
    write_u8(&w, RECORD_VERSION);
    write_u8(&w, c->worked);
    put_address(&w, &c->last_peer);
    record_put(ike, IKE_RECORD_CONNECTION, c->id, writer_bytes(&w));
}
