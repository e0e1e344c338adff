/* SPDX-License-Identifier: Apache-2.0 */
/* KEYMAT to pairs, RFC 2409 §5.5: each direction has its own, made with the SPI that its receiver chose; the
 * cipher's key is cut off first, then the key of the integrity algorithm. Always holds: the record of a pair
 * is an action before its installation. */
#include "ike/v1/quick_pair.h"

#include "base/be.h"
#include "ike/exchange/exchange.h"
#include "ike/sa/connection.h"
#include "ike/sa/ike_sa.h"
#include "ike/sa/pair.h"
#include "ike/sa/slots.h"

enum { KEYMAT_MAX = PACKET_KEY_MAX + PACKET_INTEGRITY_KEY_MAX };

static void volume_limits(struct ike *ike, const struct ike_pair *p, struct ike_pair_install *in)
{
    in->soft_bytes = in->hard_bytes = UINT64_MAX;
    if (p->lifetime_kilobytes == 0)
        return;
    uint64_t hard = (uint64_t)p->lifetime_kilobytes * 1024, margin = hard / 10;
    if (!p->initiator)
        margin /= 2;
    margin += margin / 4 * rng_below(&ike->rng, 1000) / 1000;
    in->hard_bytes = hard;
    in->soft_bytes = hard - margin;
}

static bool derive(struct ike *ike, const struct exchange *x, const struct ike_pair *p, struct bytes shared,
                   struct ike_pair_install *in)
{
    uint8_t keys[KEYMAT_MAX];
    const struct key_exchange *kx = x->quick->kx;
    const struct ike_sa *sa = x->sa;
    uint8_t protocol = p->protocol == 50 ? ISAKMP_PROTOCOL_ESP : ISAKMP_PROTOCOL_AH;
    size_t cipher = packet_encryption_key_len(&p->algorithms),
           integrity = packet_integrity_key_len(&p->algorithms);
    struct bytes ni = bytes_of(kx->nonce_i, kx->nonce_i_len), nr = bytes_of(kx->nonce_r, kx->nonce_r_len);
    bool good = keymat_phase2(sa->policy.hash, sa->skeyid_d, shared, protocol, p->spi_in, ni, nr, keys,
                              cipher + integrity);
    in->encryption_key_in = action_copy(ike, bytes_of(keys, cipher));
    in->integrity_key_in = action_copy(ike, bytes_of(keys + cipher, integrity));
    good = good && keymat_phase2(sa->policy.hash, sa->skeyid_d, shared, protocol, p->spi_out, ni, nr, keys,
                                 cipher + integrity);
    in->encryption_key_out = action_copy(ike, bytes_of(keys, cipher));
    in->integrity_key_out = action_copy(ike, bytes_of(keys + cipher, integrity));
    wipe(keys, sizeof(keys));
    return good;
}

static void describe(struct ike *ike, const struct ike_pair *p, struct ike_pair_install *in)
{
    const struct ike_connection *config = p->connection->config;
    const struct ike_pair *other = p->outer ? p->outer : p->inner;
    in->slot = p->slot;
    in->spi_in = p->spi_in;
    in->spi_out = p->spi_out;
    in->connection = p->connection->id;
    in->number = p->number;
    in->protocol = p->protocol;
    in->tunnel = p->tunnel;
    in->udp = p->udp;
    in->esn = p->esn;
    in->initiator = p->initiator;
    in->confirmed = p->confirmed;
    in->bundle = other != NULL;
    in->bundle_slot = other ? other->slot : 0;
    in->algorithms = p->algorithms;
    in->selector = p->selector;
    in->local = p->local;
    in->remote = p->remote;
    in->replay_size = config->replay_size;
    in->df_policy = config->df_policy;
    in->fragment_after = config->fragment_after;
    in->hard_expiry = p->expires;
    volume_limits(ike, p, in);
}

static struct ike_pair *pair_make(struct ike *ike, struct exchange *x, const struct phase2_choice *c,
                                  unsigned i, bool initiator)
{
    struct quick *q = x->quick;
    unsigned place = c->transforms[i].protocol == 50 ? 0 : 1;
    struct ike_pair *p = pair_new(ike, x->sa, q->connection, q->slots[place]);
    if (!p)
        return NULL;
    p->protocol = c->transforms[i].protocol;
    p->algorithms = c->transforms[i].algorithms;
    p->spi_in = q->spis[place];
    p->spi_out = c->transforms[i].spi_out;
    p->selector = q->selector;
    p->initiator = p->confirmed = initiator;
    p->tunnel = c->tunnel;
    p->udp = c->udp;
    p->esn = c->esn;
    p->pfs_group = c->group;
    p->lifetime_seconds = MAX(c->lifetime_seconds, (uint32_t)IKE_LIFETIME_MIN);
    p->lifetime_kilobytes = c->lifetime_kilobytes;
    return p;
}

static void log_up(struct ike *ike, const struct ike_pair *p)
{
    char peer[ENDPOINT_TEXT], id[128];
    ike_warn_weak_packet(ike, &p->algorithms);
    if (p->pfs_group)
        ike_warn_weak(ike, CBC_NONE, HASH_NONE, p->pfs_group);
    if (pair_is_only(p))
        ike_log(ike, 5, "SESSION_STATUS", "Crypto tunnel is UP. Peer %s Id: %s",
                endpoint_print(&p->remote, peer), sa_identity_print(p->sa, id));
}

bool quick_install(struct ike *ike, struct exchange *x, const struct phase2_choice *choice,
                   struct bytes shared, bool initiator)
{
    struct quick *q = x->quick;
    struct ike_pair *made[2] = {NULL, NULL};
    for (unsigned i = 0; i < choice->count; i++) {
        made[i] = pair_make(ike, x, choice, i, initiator);
        if (!made[i]) {
            if (made[0])
                pair_release(ike, made[0]);
            return false;
        }
    }
    if (made[1]) { /* AH goes around ESP */
        made[0]->outer = made[1];
        made[1]->inner = made[0];
        made[1]->number = made[0]->number;
    }
    for (unsigned i = 0; i < choice->count; i++)
        pair_index(ike, made[i]);
    pair_start(ike, made[0]);
    for (unsigned i = 0; i < choice->count; i++) {
        struct ike_pair *p = made[i];
        p->expires = made[0]->expires;
        record_pair(ike, p);
        struct ike_action *a = action_add(ike, IKE_ACTION_INSTALL_PAIR);
        describe(ike, p, &a->install);
        if (!derive(ike, x, p, shared, &a->install))
            memset(&a->install.encryption_key_out, 0,
                   4 * sizeof(struct bytes)); /* refused by the packet cipher */
        slot_installed(ike, p->slot);
        q->has[p->protocol == 50 ? 0 : 1] = false;
    }
    x->slot = made[0]->slot;
    ike->statistics.quick_established++;
    log_up(ike, made[0]);
    if (initiator)
        pair_confirm(ike, made[0], false);
    else
        connection_worked(ike, q->connection, &x->sa->remote.address);
    return true;
}

void quick_write_lifetime(struct isakmp_writer *w, const struct phase2_choice *choice)
{
    be32 spi = be32_of(choice->transforms[0].spi_in);
    uint8_t protocol = choice->transforms[0].protocol == 50 ? ISAKMP_PROTOCOL_ESP : ISAKMP_PROTOCOL_AH;
    isakmp_begin_notify(w, protocol, ISAKMP_NOTIFY_RESPONDER_LIFETIME, bytes_of(&spi, 4));
    isakmp_write_basic(w, ISAKMP_IPSEC_LIFE_TYPE, ISAKMP_LIFE_SECONDS);
    isakmp_write_number(w, ISAKMP_IPSEC_LIFE_DURATION, choice->lifetime_seconds);
    if (choice->lifetime_kilobytes) {
        isakmp_write_basic(w, ISAKMP_IPSEC_LIFE_TYPE, ISAKMP_LIFE_KILOBYTES);
        isakmp_write_number(w, ISAKMP_IPSEC_LIFE_DURATION, choice->lifetime_kilobytes);
    }
    isakmp_end_payload(w);
}

static void read_one(struct bytes attributes, struct phase2_choice *choice)
{
    struct reader r = reader_of(attributes);
    struct isakmp_attribute a;
    uint64_t type = 0;
    while (isakmp_attribute_next(&r, &a)) {
        uint32_t v = a.has_value ? (uint32_t)MIN(a.value, (uint64_t)UINT32_MAX) : UINT32_MAX;
        if (a.type == ISAKMP_IPSEC_LIFE_TYPE)
            type = v;
        else if (a.type == ISAKMP_IPSEC_LIFE_DURATION && v && type == ISAKMP_LIFE_SECONDS)
            choice->lifetime_seconds = MIN(choice->lifetime_seconds, v);
        else if (a.type == ISAKMP_IPSEC_LIFE_DURATION && v && type == ISAKMP_LIFE_KILOBYTES)
            choice->lifetime_kilobytes = choice->lifetime_kilobytes ? MIN(choice->lifetime_kilobytes, v) : v;
    }
}

void quick_read_lifetime(const struct isakmp_message *m, struct phase2_choice *choice)
{
    struct isakmp_notify n;
    const struct isakmp_payload *p;
    for (uint32_t i = 0; (p = isakmp_payload_find(m, ISAKMP_PAYLOAD_NOTIFY, i)); i++)
        if (isakmp_notify_parse(p->body, &n) == ISAKMP_OK && n.type == ISAKMP_NOTIFY_RESPONDER_LIFETIME &&
            n.protocol != ISAKMP_PROTOCOL_ISAKMP)
            read_one(n.data, choice);
}
