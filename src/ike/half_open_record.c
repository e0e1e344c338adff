/* SPDX-License-Identifier: Apache-2.0 */
/* The bytes of a half-open exchange's record, written and read, and how many there may be. Each state has a
 * set of parts that it needs: a record with another set is none. Our secret is in it only while it is still
 * to be used. */
#include "ike/half_open_record.h"

#include "ike/record_codec.h"
#include "ike/restore.h"
#include "ike/sa/group.h"
#include "ike/sa/ike_sa.h"

enum {
    PUBLIC = HALF_OPEN_PUBLIC,
    OWN = HALF_OPEN_PUBLIC | HALF_OPEN_PRIVATE,
    OFFERED = HALF_OPEN_PEER | HALF_OPEN_NONCE_I,
    DERIVED = HALF_OPEN_POLICY | HALF_OPEN_PUBLIC | HALF_OPEN_PEER | HALF_OPEN_KEYS | HALF_OPEN_SENT,
};

/* Where a job is under way the initiator's record is that of its last message: sent again, it brings the
 * answer again. A responder's has what the job is made from. */
static const struct {
    uint8_t state;
    bool initiator, aggressive;
    uint16_t parts;
} states[] = {
    {PHASE1_MM_I_SA_SENT, true, false, HALF_OPEN_SENT},
    {PHASE1_MM_I_KE_SENT, true, false, HALF_OPEN_POLICY | OWN | HALF_OPEN_NONCE_I | HALF_OPEN_SENT},
    {PHASE1_MM_I_AUTH_SENT, true, false, DERIVED},
    {PHASE1_MM_R_SA_SENT, false, false, HALF_OPEN_POLICY | HALF_OPEN_SENT},
    {PHASE1_MM_R_SHARED, false, false, HALF_OPEN_POLICY | OFFERED},
    {PHASE1_MM_R_KE_SENT, false, false, DERIVED},
    {PHASE1_AM_I_SENT, true, true,
     HALF_OPEN_POLICY | OWN | HALF_OPEN_NONCE_I | HALF_OPEN_IDENTITY | HALF_OPEN_SENT},
    {PHASE1_AM_R_SHARED, false, true, HALF_OPEN_POLICY | OFFERED | HALF_OPEN_IDENTITY},
    {PHASE1_AM_R_SENT, false, true, DERIVED | HALF_OPEN_IDENTITY},
};

static uint16_t parts_of(const struct ike_sa *sa)
{
    for (size_t i = 0; i < ARRAY_SIZE(states); i++)
        if (states[i].state == sa->state)
            return states[i].parts;
    return 0;
}

/* ---- writing ---- */

static void put_part(struct writer *w, uint16_t parts, uint16_t part, struct bytes b)
{
    if (parts & part)
        put_bytes(w, b);
}

static void put_keys(struct writer *w, const struct ike_sa *sa)
{
    size_t n = hash_size(sa->policy.hash);
    put_bytes(w, bytes_of(sa->phase1->skeyid, n));
    put_bytes(w, bytes_of(sa->skeyid_d, n));
    put_bytes(w, bytes_of(sa->skeyid_a, n));
    put_bytes(w, bytes_of(sa->key, sa->key_len));
    write_copy(w, sa->phase1->iv, sizeof(sa->phase1->iv));
}

static void record_write(struct writer *w, const struct ike_sa *sa, uint16_t parts)
{
    const struct phase1 *p = sa->phase1;
    const struct key_exchange *kx = p->kx;
    write_u8(w, RECORD_VERSION);
    write_u8(w, sa->state);
    write_be32(w, sa->number);
    write_be16(w, sa_record_flags(sa));
    write_copy(w, sa->cookie_i, 16);
    put_endpoint(w, &sa->local);
    put_endpoint(w, &sa->remote);
    write_be64(w, sa->created);
    write_be64(w, sa->expires);
    write_be32(w, p->connection);
    write_be64(w, sa->replaces);
    write_be64(w, p->answered);
    write_u8(w, p->natt);
    write_u8(w, p->proposal_number);
    write_u8(w, p->transform_index);
    write_u8(w, sa->proven);
    write_be16(w, parts);
    if (parts & HALF_OPEN_POLICY)
        put_policy(w, &sa->policy);
    put_bytes(w, message_bytes(p->sa_body));
    put_part(w, parts, HALF_OPEN_IDENTITY, message_bytes(p->identity_sent));
    put_part(w, parts, HALF_OPEN_SENT, message_bytes(p->sent));
    if (kx) {
        put_part(w, parts, HALF_OPEN_PUBLIC, dh_public(&kx->keypair));
        put_part(w, parts, HALF_OPEN_PRIVATE, bytes_of(kx->keypair.private, kx->keypair.private_len));
        put_part(w, parts, HALF_OPEN_PEER, bytes_of(kx->peer_public, kx->peer_public_len));
        put_part(w, parts, HALF_OPEN_NONCE_I, bytes_of(kx->nonce_i, kx->nonce_i_len));
        put_part(w, parts, HALF_OPEN_NONCE_R, bytes_of(kx->nonce_r, kx->nonce_r_len));
    }
    if (parts & HALF_OPEN_KEYS)
        put_keys(w, sa);
}

/* ---- how many ---- */

void half_open_recorded(struct ike *ike, struct ike_sa *sa)
{
    if (!sa->half_recorded)
        ike->half_recorded.count[sa->initiator]++;
    sa->half_recorded = true;
    bool unproven = !sa->initiator && !sa_established(sa) && !sa->proven;
    if (unproven != sa->half_unproven)
        ike->half_recorded.unproven += unproven ? 1 : -1u;
    sa->half_unproven = unproven;
}

static bool may_begin(struct ike *ike, const struct ike_sa *sa)
{
    if (ike->half_recorded.count[sa->initiator] >= IKE_HALF_OPEN_RECORDS_MAX)
        return false;
    if (sa->initiator || sa->proven)
        return true;
    if (ns_since(ike->now, ike->half_recorded.window) >= NS_PER_S) {
        ike->half_recorded.window = ike->now;
        ike->half_recorded.begun = 0;
    }
    if (ike->half_recorded.unproven >= IKE_HALF_OPEN_RECORDS_UNPROVEN ||
        ike->half_recorded.begun >= IKE_HALF_OPEN_RECORDS_UNPROVEN)
        return false;
    ike->half_recorded.begun++;
    return true;
}

void half_open_record(struct ike *ike, struct ike_sa *sa)
{
    uint8_t buffer[IKE_RECORD_MAX];
    uint16_t parts = parts_of(sa);
    if (parts == 0 || !ike->out || (!sa->half_recorded && !may_begin(ike, sa)))
        return;
    struct writer w = writer_of(buffer, sizeof(buffer));
    record_write(&w, sa, parts);
    if (w.failed) {
        half_open_forget(ike, sa); /* an offer of unusual length; an older state is of no use */
    } else {
        half_open_recorded(ike, sa);
        record_put(ike, IKE_RECORD_HALF_OPEN, sa->id, writer_bytes(&w));
    }
    wipe(buffer, sizeof(buffer));
}

/* Whatever the running unit of work belongs to: an eviction may come from another group. */
void half_open_forget(struct ike *ike, struct ike_sa *sa)
{
    uint8_t group = ike->acting_group;
    bool replica = ike->acting_replica;
    if (!sa->half_recorded)
        return;
    ike->half_recorded.count[sa->initiator]--;
    ike->half_recorded.unproven -= sa->half_unproven;
    sa->half_recorded = sa->half_unproven = false;
    ike->acting_group = sa->timer.group;
    ike->acting_replica = replica || group_standby(ike, sa->timer.group);
    record_forget(ike, IKE_RECORD_HALF_OPEN, sa->id);
    ike->acting_group = group;
    ike->acting_replica = replica;
}

/* ---- reading ---- */

static struct bytes get_part(struct reader *r, uint16_t parts, uint16_t part)
{
    return parts & part ? get_bytes(r) : (struct bytes){0};
}

static bool state_fits(const struct half_open_record *h)
{
    for (size_t i = 0; i < ARRAY_SIZE(states); i++)
        if (states[i].state == h->state)
            return states[i].parts == h->parts && states[i].initiator == !!(h->flags & SA_INITIATOR) &&
                   states[i].aggressive == !!(h->flags & SA_AGGRESSIVE);
    return false;
}

static bool keys_read(struct reader *r, struct half_open_record *h)
{
    size_t n = hash_size(h->policy.hash);
    h->skeyid = get_bytes(r);
    h->skeyid_d = get_bytes(r);
    h->skeyid_a = get_bytes(r);
    h->key = get_bytes(r);
    read_copy(r, h->iv, sizeof(h->iv));
    return h->skeyid.len == n && h->skeyid_d.len == n && h->skeyid_a.len == n && h->key.len == h->key_len;
}

static bool lengths_fit(const struct half_open_record *h)
{
    size_t public = dh_public_size(h->policy.group);
    return h->sa_body.len > 0 && h->sa_body.len <= IKE_SA_BODY_MAX && h->sent.len <= IKE_SENT_MAX &&
           !(h->parts & HALF_OPEN_SENT && h->sent.len < ISAKMP_HEADER) &&
           h->identity_sent.len <= IKE_DATAGRAM_MAX && h->private.len <= DH_PRIVATE_MAX &&
           !(h->parts & HALF_OPEN_PRIVATE && h->private.len == 0) &&
           !(h->parts & (HALF_OPEN_PUBLIC | HALF_OPEN_PEER) && public == 0) &&
           (!(h->parts & HALF_OPEN_PUBLIC) || h->public.len == public) &&
           (!(h->parts & HALF_OPEN_PEER) || h->peer_public.len == public) &&
           h->nonce_i.len <= ISAKMP_NONCE_MAX && h->nonce_r.len <= ISAKMP_NONCE_MAX;
}

bool half_open_record_parse(struct bytes data, int64_t shift, struct half_open_record *h)
{
    static const uint8_t none[8];
    struct reader reader = reader_of(data), *r = &reader;
    *h = (struct half_open_record){0};
    if (read_u8(r) != RECORD_VERSION)
        return false;
    h->state = read_u8(r);
    h->number = read_be32(r);
    h->flags = read_be16(r);
    read_copy(r, h->cookies, sizeof(h->cookies));
    h->local = get_endpoint(r);
    h->remote = get_endpoint(r);
    h->created = get_time(r, shift);
    h->expires = get_time(r, shift);
    h->connection = read_be32(r);
    h->replaces = read_be64(r);
    h->answered = read_be64(r);
    h->natt = read_u8(r);
    h->proposal_number = read_u8(r);
    h->transform_index = read_u8(r);
    h->proven = read_u8(r);
    h->parts = read_be16(r);
    if (!state_fits(h) || h->natt >= ISAKMP_VENDOR_COUNT ||
        memcmp(h->cookies + (h->flags & SA_INITIATOR ? 0 : 8), none, 8) == 0 ||
        (h->parts & HALF_OPEN_POLICY && !get_policy(r, &h->policy, &h->key_len)))
        return false;
    h->sa_body = get_bytes(r);
    h->identity_sent = get_part(r, h->parts, HALF_OPEN_IDENTITY);
    h->sent = get_part(r, h->parts, HALF_OPEN_SENT);
    h->public = get_part(r, h->parts, HALF_OPEN_PUBLIC);
    h->private = get_part(r, h->parts, HALF_OPEN_PRIVATE);
    h->peer_public = get_part(r, h->parts, HALF_OPEN_PEER);
    h->nonce_i = get_part(r, h->parts, HALF_OPEN_NONCE_I);
    h->nonce_r = get_part(r, h->parts, HALF_OPEN_NONCE_R);
    return (!(h->parts & HALF_OPEN_KEYS) || keys_read(r, h)) && reader_done(r) && lengths_fit(h);
}
