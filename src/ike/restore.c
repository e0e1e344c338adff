/* SPDX-License-Identifier: Apache-2.0 */
/* Reading records (records.c writes them), and the machine that goes on from its own after a crash. A record
 * is parsed as a whole first: one that is refused leaves nothing behind. */
#include "ike/restore.h"

#include "ike/exchange/exchange.h"
#include "ike/half_open_restore.h"
#include "ike/record_codec.h"
#include "ike/sa/connection.h"
#include "ike/sa/ike_sa.h"
#include "ike/sa/pair.h"
#include "ike/sa/slots.h"
#include "ike/v1/dpd.h"

#include <errno.h>

/* ---- IKE SA ---- */

static bool exchange_read(struct reader *r, int64_t shift, struct exchange_record *x)
{
    x->message_id = read_be32(r);
    x->state = read_u8(r);
    x->by_peer = read_u8(r);
    x->slot = read_be32(r);
    read_copy(r, x->iv, sizeof(x->iv));
    x->expected = get_bytes(r);
    x->answered = read_be64(r);
    x->began = get_time(r, shift);
    x->sent = get_bytes(r);
    return !r->failed && x->expected.len <= HASH_MAX && x->message_id != 0 && x->sent.len > 0 &&
           (x->state == EXCHANGE_R_SENT || x->state == EXCHANGE_I_DONE || x->state == EXCHANGE_R_DONE);
}

/* More than we would write come from a newer gateway: the newest are first. */
static bool exchanges_read(struct reader *r, int64_t shift, struct sa_record *ret)
{
    struct exchange_record x;
    while (read_u8(r) == 1) {
        if (!exchange_read(r, shift, &x))
            return false;
        if (ret->exchange_count < ARRAY_SIZE(ret->exchanges))
            ret->exchanges[ret->exchange_count++] = x;
    }
    return true;
}

static bool keys_read(struct reader *r, struct sa_record *ret)
{
    size_t n = hash_size(ret->policy.hash);
    ret->skeyid_d = get_bytes(r);
    ret->skeyid_a = get_bytes(r);
    ret->key = get_bytes(r);
    return ret->skeyid_d.len == n && ret->skeyid_a.len == n && ret->key.len == ret->key_len;
}

bool sa_record_parse(struct bytes data, int64_t shift, struct sa_record *ret)
{
    struct reader reader = reader_of(data), *r = &reader;
    *ret = (struct sa_record){0};
    if (read_u8(r) != RECORD_VERSION)
        return false;
    ret->number = read_be32(r);
    ret->flags = read_be16(r);
    read_copy(r, ret->cookies, sizeof(ret->cookies));
    ret->local = get_endpoint(r);
    ret->remote = get_endpoint(r);
    if (!get_policy(r, &ret->policy, &ret->key_len) || !keys_read(r, ret))
        return false;
    read_copy(r, ret->iv_base, sizeof(ret->iv_base));
    ret->identity.type = read_u8(r);
    ret->identity.data = get_bytes(r);
    ret->created = get_time(r, shift);
    ret->established = get_time(r, shift);
    ret->expires = get_time(r, shift);
    ret->reauth_at = get_time(r, shift);
    ret->delete_at = get_time(r, shift);
    ret->dpd_sequence_out = read_be32(r);
    ret->dpd_sequence_in = read_be32(r);
    ret->answered = read_be64(r);
    ret->answer = get_bytes(r);
    return !r->failed && ret->identity.data.len <= IKE_IDENTITY_MAX && exchanges_read(r, shift, ret) &&
           reader_done(r);
}

void sa_record_flags_apply(struct ike_sa *sa, uint16_t f)
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

static void exchange_apply(struct ike *ike, struct ike_sa *sa, const struct exchange_record *r)
{
    struct exchange *x = exchange_find(sa, r->message_id);
    if (x && x->quick)
        return; /* ours, under way */
    if (!x)
        x = exchange_new(ike, sa, r->message_id, r->state);
    if (!x)
        return;
    x->state = r->state;
    x->by_peer = r->by_peer;
    x->slot = r->slot;
    memcpy(x->iv, r->iv, sizeof(x->iv));
    memset(x->expected, 0, sizeof(x->expected));
    if (r->expected.len)
        memcpy(x->expected, r->expected.data, r->expected.len);
    x->answered = r->answered;
    x->began = r->began;
    if (!exchange_keep(ike, x, r->sent, false)) /* not sent again by itself */
        exchange_free(ike, x, NULL);
}

void sa_record_apply(struct ike *ike, struct ike_sa *sa, const struct sa_record *r)
{
    sa_record_flags_apply(sa, r->flags);
    sa->number = r->number;
    sa->policy = r->policy;
    sa->key_len = r->key_len;
    memcpy(sa->skeyid_d, r->skeyid_d.data, r->skeyid_d.len);
    memcpy(sa->skeyid_a, r->skeyid_a.data, r->skeyid_a.len);
    memcpy(sa->key, r->key.data, r->key.len);
    memcpy(sa->iv_base, r->iv_base, sizeof(sa->iv_base));
    sa->created = r->created;
    sa->established = r->established;
    sa->expires = r->expires;
    sa->reauth_at = r->reauth_at;
    sa->delete_at = r->delete_at;
    sa->dpd_sequence_out = r->dpd_sequence_out;
    sa->dpd_sequence_in = r->dpd_sequence_in;
    message_free(&sa->answer);
    if (r->answer.len) {
        sa->answer = message_copy(r->answer);
        sa->answered = r->answered;
        sa->answer_until = ike->now + IKE_ANSWER_KEPT;
    }
    if (r->identity.data.len)
        sa_set_identity(ike, sa, &r->identity);
    for (unsigned i = r->exchange_count; i-- > 0;) /* the newest one last */
        exchange_apply(ike, sa, &r->exchanges[i]);
    ike->next_number = MAX(ike->next_number, r->number);
    contact_note(ike, &sa->local.address, &sa->remote.address);
}

/* Both records are there: we died between writing one and deleting the other, which is done in a later step.
 */
static void half_open_outlived(struct ike *ike, struct ike_sa *sa)
{
    half_open_recorded(ike, sa);
    sa->dirty = true;
}

static int restore_sa(struct ike *ike, uint64_t key, struct bytes data)
{
    struct sa_record r;
    struct ike_sa *was = sa_find_id(ike, key);
    if (!sa_record_parse(data, 0, &r) || (was && sa_established(was)))
        return -EINVAL;
    struct ike_sa *same = sa_find_cookies(ike, r.cookies);
    if (same && same != was)
        return -EINVAL;
    if (was)
        sa_free(ike, was, NULL);
    struct ike_sa *sa =
        sa_restore(ike, key, r.number, r.flags & SA_INITIATOR, r.cookies, &r.local, &r.remote);
    if (!sa)
        return -ENOMEM;
    sa_record_apply(ike, sa, &r);
    if (was)
        half_open_outlived(ike, sa);
    return 0;
}

static int restore_half_open(struct ike *ike, uint64_t key, struct bytes data)
{
    struct half_open_record h;
    if (!half_open_record_parse(data, 0, &h))
        return -EINVAL;
    struct ike_sa *sa = sa_find_id(ike, key);
    if (sa && sa_established(sa)) {
        half_open_outlived(ike, sa);
        return 0;
    }
    if (sa || sa_find_cookies(ike, h.cookies))
        return -EINVAL;
    return half_open_make(ike, key, &h) ? -EINVAL : 0;
}

/* ---- pair ---- */

bool pair_record_parse(struct bytes data, int64_t shift, struct ike_pair *p, uint32_t *ret_connection)
{
    struct reader reader = reader_of(data), *r = &reader;
    *p = (struct ike_pair){.idle_at = NS_NEVER};
    if (read_u8(r) != RECORD_VERSION)
        return false;
    p->restored_sa = read_be64(r);
    p->restored_inner = read_be32(r);
    *ret_connection = read_be32(r);
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
    p->selector = get_selector(r);
    p->local = get_endpoint(r);
    p->remote = get_endpoint(r);
    p->created = get_time(r, shift);
    p->expires = get_time(r, shift);
    p->rekey_at = get_time(r, shift);
    p->delete_at = get_time(r, shift);
    p->lifetime_seconds = read_be32(r);
    p->lifetime_kilobytes = read_be32(r);
    return reader_done(r) && (p->protocol == 50 || p->protocol == 51) &&
           packet_algorithms_valid(&p->algorithms);
}

struct ike_pair *pair_record_make(struct ike *ike, uint32_t slot, const struct ike_pair *from,
                                  uint32_t connection)
{
    uint8_t acting = ike->acting_group;
    struct connection *c = connection_restore(ike, connection);
    ike->acting_group = group_of(ike, &from->local.address);
    struct ike_pair *p = c ? pair_new(ike, NULL, c, slot) : NULL;
    ike->acting_group = acting;
    if (!p)
        return NULL;
    if (!slot_restore(ike, slot, from->spi_in)) {
        pair_release(ike, p);
        return NULL;
    }
    struct ike_pair made = *from;
    made.connection = c;
    made.slot = slot;
    made.timer = p->timer;
    made.era = p->era;
    *p = made;
    list_init(&p->on_sa);
    ike->next_number = MAX(ike->next_number, p->number);
    contact_note(ike, &p->local.address, &p->remote.address);
    return p;
}

static int restore_pair(struct ike *ike, uint64_t key, struct bytes data)
{
    struct ike_pair from;
    uint32_t connection;
    if (!pair_record_parse(data, 0, &from, &connection) || key >= ike->limits.pair_max || ike->pairs[key] ||
        spi_slot(from.spi_in) != key)
        return -EINVAL;
    struct ike_pair *p = pair_record_make(ike, (uint32_t)key, &from, connection);
    if (!p)
        return -ENOMEM;
    p->loose = true;
    ike->pairs[key] = p;
    return 0;
}

/* ---- connection ---- */

bool connection_record_parse(struct bytes data, struct connection_record *ret)
{
    struct reader r = reader_of(data);
    if (read_u8(&r) != RECORD_VERSION)
        return false;
    ret->worked = read_u8(&r);
    ret->peer = get_address(&r);
    return reader_done(&r);
}

void connection_record_apply(struct ike *ike, uint32_t id, const struct connection_record *r)
{
    struct connection *c = connection_find(ike, id);
    uint32_t index;
    if (!c || !connection_has_peer(c, &r->peer, &index))
        return; /* of a configuration that is gone */
    c->worked = r->worked;
    c->last_peer = r->peer;
    c->preferred = index;
}

static int restore_connection(struct ike *ike, uint64_t key, struct bytes data)
{
    struct connection_record r;
    if (!connection_record_parse(data, &r) || key > UINT32_MAX)
        return -EINVAL;
    connection_record_apply(ike, (uint32_t)key, &r);
    return 0;
}

/* ---- the machine ---- */

int ike_restore(struct ike *ike, uint8_t kind, uint64_t key, struct bytes data, ns now)
{
    ike->now = MAX(ike->now, now);
    switch (kind) {
    case IKE_RECORD_SA:
        return restore_sa(ike, key, data);
    case IKE_RECORD_PAIR:
        return restore_pair(ike, key, data);
    case IKE_RECORD_CONNECTION:
        return restore_connection(ike, key, data);
    case IKE_RECORD_HALF_OPEN:
        return restore_half_open(ike, key, data);
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
        if (sa->restored && sa_established(sa))
            sa_resume(ike, sa);
    }
}
