/* SPDX-License-Identifier: Apache-2.0 */
/* Records: what a successor needs to go on with an IKE SA, a pair or a connection, as bytes through cursors.
 * Each begins with a version. Times are those of the machine's clock; whoever restores on another node gives
 * the clock of the group.
 *
 * An IKE SA's record holds what phase 2 is made from (SKEYID_d, SKEYID_a, the cipher's key, the last block of
 * phase 1), the probe numbers, and the last answers with the digests of what they answer, so that a repeated
 * message gets the same answer from the successor, byte for byte. */
#include "ike/machine.h"

#include "ike/exchange/exchange.h"
#include "ike/sa/connection.h"
#include "ike/sa/ike_sa.h"
#include "ike/sa/pair.h"
#include "ike/sa/slots.h"
#include "ike/v1/dpd.h"

#include <errno.h>
#include <stdlib.h>

enum { RECORD_VERSION = 1, ANSWER_MAX = 700 };

/* ---- pieces ---- */

static void put_address(struct writer *w, const struct address *a)
{
    write_u8(w, a->family);
    write_copy(w, a->bytes, address_len(a));
}

static struct address get_address(struct reader *r)
{
    struct address a = {.family = read_u8(r)};
    if (a.family != ADDRESS_NONE && a.family != ADDRESS_V4 && a.family != ADDRESS_V6)
        r->failed = true;
    read_copy(r, a.bytes, address_len(&a));
    return a;
}

static void put_endpoint(struct writer *w, const struct endpoint *e)
{
    put_address(w, &e->address);
    write_be16(w, e->port);
}

static struct endpoint get_endpoint(struct reader *r)
{
    struct endpoint e = {.address = get_address(r)};
    e.port = read_be16(r);
    return e;
}

static void put_prefix(struct writer *w, const struct prefix *p)
{
    put_address(w, &p->address);
    write_u8(w, p->length);
}

static struct prefix get_prefix(struct reader *r)
{
    struct prefix p = {.address = get_address(r)};
    p.length = read_u8(r);
    if (p.length > address_bits(&p.address))
        r->failed = true;
    return p;
}

static void put_bytes(struct writer *w, struct bytes b)
{
    write_be16(w, (uint16_t)b.len);
    write_bytes(w, b);
}

static struct bytes get_bytes(struct reader *r)
{
    return read_bytes(r, read_be16(r));
}

static void record_put(struct ike *ike, uint8_t kind, uint64_t key, struct bytes data)
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

enum sa_flag {
    SA_INITIATOR = 1,
    SA_AGGRESSIVE = 2,
    SA_NAT_LOCAL = 4,
    SA_NAT_REMOTE = 8,
    SA_NAT_PORT = 16,
    SA_NATT_DRAFT = 32,
    SA_DPD = 64,
    SA_FRAGMENTATION = 128,
    SA_SUPERSEDED = 256,
};

static uint16_t sa_flags(const struct ike_sa *sa)
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
        if (!worth_recording(x) || writer_len(w) + x->sent->len + 160 > IKE_RECORD_MAX)
            continue;
        write_u8(w, 1);
        put_exchange(w, x);
        count++;
    }
    write_u8(w, 0);
}

void record_sa(struct ike *ike, struct ike_sa *sa)
{
    uint8_t buffer[IKE_RECORD_MAX];
    struct writer writer = writer_of(buffer, sizeof(buffer)), *w = &writer;
    size_t n = hash_size(sa->policy.hash);
    write_u8(w, RECORD_VERSION);
    write_be32(w, sa->number);
    write_be16(w, sa_flags(sa));
    write_copy(w, sa->cookie_i, 16);
    put_endpoint(w, &sa->local);
    put_endpoint(w, &sa->remote);
    write_be16(w, sa->policy.priority);
    write_u8(w, sa->policy.encryption);
    write_be16(w, sa->policy.key_bits);
    write_u8(w, sa->policy.hash);
    write_u8(w, sa->policy.group);
    write_u8(w, sa->policy.authentication);
    write_be32(w, sa->policy.lifetime_seconds);
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

enum pair_record_flag {
    PAIR_RECORD_INITIATOR = 1,
    PAIR_RECORD_CONFIRMED = 2,
    PAIR_RECORD_SUPERSEDED = 4,
    PAIR_RECORD_TUNNEL = 8,
    PAIR_RECORD_UDP = 16,
    PAIR_RECORD_ESN = 32,
    PAIR_RECORD_REKEYING = 64,
};

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
    put_prefix(w, &p->selector.local);
    put_prefix(w, &p->selector.remote);
    write_u8(w, p->selector.protocol);
    write_be16(w, p->selector.local_port_low);
    write_be16(w, p->selector.local_port_high);
    write_be16(w, p->selector.remote_port_low);
    write_be16(w, p->selector.remote_port_high);
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

/* ---- reading ---- */

static bool get_exchange(struct ike *ike, struct reader *r, struct ike_sa *sa)
{
    uint32_t message_id = read_be32(r);
    uint8_t state = read_u8(r), by_peer = read_u8(r);
    uint32_t slot = read_be32(r);
    uint8_t iv[CBC_BLOCK_MAX];
    read_copy(r, iv, sizeof(iv));
    struct bytes expected = get_bytes(r);
    uint64_t answered = read_be64(r);
    ns began = read_be64(r);
    struct bytes sent = get_bytes(r);
    if (r->failed || expected.len > HASH_MAX || message_id == 0 || sent.len == 0 ||
        (state != EXCHANGE_R_SENT && state != EXCHANGE_I_DONE && state != EXCHANGE_R_DONE))
        return false;
    struct exchange *x = exchange_find(sa, message_id) ? NULL : exchange_new(ike, sa, message_id, state);
    if (!x)
        return true;
    x->by_peer = by_peer;
    x->slot = slot;
    memcpy(x->iv, iv, sizeof(iv));
    memcpy(x->expected, expected.data, expected.len);
    x->answered = answered;
    x->began = began;
    if (!exchange_keep(ike, x, sent, false)) /* not sent again by itself */
        exchange_free(ike, x, NULL);
    return true;
}

static bool key_read(struct reader *r, uint8_t *out, size_t want)
{
    struct bytes b = get_bytes(r);
    if (b.len != want)
        return false;
    memcpy(out, b.data, want);
    return true;
}

static void sa_flags_set(struct ike_sa *sa, uint16_t f)
{
    sa->aggressive = f & SA_AGGRESSIVE;
    sa->nat_local = f & SA_NAT_LOCAL;
    sa->nat_remote = f & SA_NAT_REMOTE;
    sa->nat_port = f & SA_NAT_PORT;
    sa->natt_draft = f & SA_NATT_DRAFT;
    sa->dpd = f & SA_DPD;
    sa->fragmentation = f & SA_FRAGMENTATION;
    sa->superseded = f & SA_SUPERSEDED;
}

static bool sa_read_policy(struct reader *r, struct ike_policy *p)
{
    p->priority = read_be16(r);
    p->encryption = read_u8(r);
    p->key_bits = read_be16(r);
    p->hash = read_u8(r);
    p->group = read_u8(r);
    p->authentication = read_u8(r);
    p->lifetime_seconds = read_be32(r);
    return !r->failed && hash_size(p->hash) != 0 && cbc_block_size(p->encryption) != 0;
}

static bool sa_read(struct ike *ike, struct reader *r, struct ike_sa *sa)
{
    if (!sa_read_policy(r, &sa->policy))
        return false;
    size_t n = hash_size(sa->policy.hash);
    sa->key_len = sa->policy.encryption == CBC_AES ? (uint8_t)(sa->policy.key_bits / 8)
                                                   : (sa->policy.encryption == CBC_DES ? 8 : 24);
    if (!cbc_key_size_valid(sa->policy.encryption, sa->key_len) || !key_read(r, sa->skeyid_d, n) ||
        !key_read(r, sa->skeyid_a, n) || !key_read(r, sa->key, sa->key_len))
        return false;
    read_copy(r, sa->iv_base, sizeof(sa->iv_base));
    struct isakmp_id id = {.type = read_u8(r)};
    id.data = get_bytes(r);
    sa->created = read_be64(r);
    sa->established = read_be64(r);
    sa->expires = read_be64(r);
    sa->reauth_at = read_be64(r);
    sa->delete_at = read_be64(r);
    sa->dpd_sequence_out = read_be32(r);
    sa->dpd_sequence_in = read_be32(r);
    uint64_t answered = read_be64(r);
    struct bytes answer = get_bytes(r);
    if (r->failed || id.data.len > IKE_IDENTITY_MAX)
        return false;
    if (answer.len) {
        sa->answer = message_copy(answer);
        sa->answered = answered;
        sa->answer_until = ike->now + IKE_ANSWER_KEPT;
    }
    if (id.data.len)
        sa_set_identity(ike, sa, &id);
    while (read_u8(r) == 1)
        if (!get_exchange(ike, r, sa))
            return false;
    return reader_done(r);
}

static int restore_sa(struct ike *ike, uint64_t key, struct reader *r)
{
    uint32_t number = read_be32(r);
    uint16_t flags = read_be16(r);
    uint8_t cookies[16];
    read_copy(r, cookies, sizeof(cookies));
    struct endpoint local = get_endpoint(r), remote = get_endpoint(r);
    if (r->failed || sa_find_id(ike, key) || sa_find_cookies(ike, cookies))
        return -EINVAL;
    struct ike_sa *sa = sa_restore(ike, key, number, flags & SA_INITIATOR, cookies, &local, &remote);
    if (!sa)
        return -ENOMEM;
    sa_flags_set(sa, flags);
    if (!sa_read(ike, r, sa)) {
        sa->restored = false;
        sa->state = PHASE1_MM_I_SA_SENT; /* nothing of it was ever known outside */
        sa_free(ike, sa, NULL);
        return -EINVAL;
    }
    ike->next_number = MAX(ike->next_number, number);
    if ((key >> 56) == ike->limits.member)
        ike->next_id = MAX(ike->next_id, key);
    contact_note(ike, &local.address, &remote.address);
    return 0;
}

static bool pair_read(struct reader *r, struct ike_pair *p)
{
    p->spi_in = read_be32(r);
    p->spi_out = read_be32(r);
    p->number = read_be32(r);
    p->protocol = read_u8(r);
    p->pfs_group = read_u8(r);
    uint8_t f = read_u8(r);
    p->initiator = f & PAIR_RECORD_INITIATOR;
    p->confirmed = f & PAIR_RECORD_CONFIRMED;
    p->superseded = f & PAIR_RECORD_SUPERSEDED;
    p->tunnel = f & PAIR_RECORD_TUNNEL;
    p->udp = f & PAIR_RECORD_UDP;
    p->esn = f & PAIR_RECORD_ESN;
    p->rekeying = f & PAIR_RECORD_REKEYING;
    p->algorithms.encryption = read_u8(r);
    p->algorithms.key_bytes = read_u8(r);
    p->algorithms.integrity = read_u8(r);
    p->selector.local = get_prefix(r);
    p->selector.remote = get_prefix(r);
    p->selector.protocol = read_u8(r);
    p->selector.local_port_low = read_be16(r);
    p->selector.local_port_high = read_be16(r);
    p->selector.remote_port_low = read_be16(r);
    p->selector.remote_port_high = read_be16(r);
    p->local = get_endpoint(r);
    p->remote = get_endpoint(r);
    p->created = read_be64(r);
    p->expires = read_be64(r);
    p->rekey_at = read_be64(r);
    p->delete_at = read_be64(r);
    p->lifetime_seconds = read_be32(r);
    p->lifetime_kilobytes = read_be32(r);
    return reader_done(r) && (p->protocol == 50 || p->protocol == 51) &&
           packet_algorithms_valid(&p->algorithms);
}

static int restore_pair(struct ike *ike, uint64_t key, struct reader *r)
{
    uint64_t sa = read_be64(r);
    uint32_t inner = read_be32(r), id = read_be32(r);
    if (r->failed || key >= ike->limits.pair_max || ike->pairs[key])
        return -EINVAL;
    struct connection *c = connection_restore(ike, id);
    struct ike_pair *p = c ? pair_new(ike, NULL, c, (uint32_t)key) : NULL;
    if (!p)
        return -ENOMEM;
    if (!pair_read(r, p) || !slot_restore(ike, (uint32_t)key, p->spi_in)) {
        pair_release(ike, p);
        return -EINVAL;
    }
    p->restored_sa = sa;
    p->restored_inner = inner;
    p->loose = true;
    ike->pairs[key] = p;
    ike->next_number = MAX(ike->next_number, p->number);
    contact_note(ike, &p->local.address, &p->remote.address);
    return 0;
}

static int restore_connection(struct ike *ike, uint64_t key, struct reader *r)
{
    bool worked = read_u8(r);
    struct address peer = get_address(r);
    if (!reader_done(r) || key > UINT32_MAX)
        return -EINVAL;
    struct connection *c = connection_find(ike, (uint32_t)key);
    uint32_t index;
    if (!c || !connection_has_peer(c, &peer, &index))
        return 0; /* of a configuration that is gone */
    c->worked = worked;
    c->last_peer = peer;
    c->preferred = index;
    return 0;
}

int ike_restore(struct ike *ike, uint8_t kind, uint64_t key, struct bytes data, ns now)
{
    struct reader r = reader_of(data);
    ike->now = MAX(ike->now, now);
    if (read_u8(&r) != RECORD_VERSION)
        return -EINVAL;
    switch (kind) {
    case IKE_RECORD_SA:
        return restore_sa(ike, key, &r);
    case IKE_RECORD_PAIR:
        return restore_pair(ike, key, &r);
    case IKE_RECORD_CONNECTION:
        return restore_connection(ike, key, &r);
    }
    return -EINVAL;
}

void ike_restore_done(struct ike *ike, ns now)
{
    ike->now = MAX(ike->now, now);
    slots_restored(ike);
    pairs_link_restored(ike);
    list_for_each(&ike->sas, l)
    {
        struct ike_sa *sa = list_entry(l, struct ike_sa, all);
        if (!sa->restored || !sa_established(sa))
            continue;
        sa->last_in = ike->now;
        if (sa->nat_local && ike->config->nat_keepalive_seconds)
            sa->keepalive_at = ike->now + ike->config->nat_keepalive_seconds * NS_PER_S;
        dpd_start(ike, sa);
        sa_timer(ike, sa);
    }
}
