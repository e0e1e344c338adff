/* SPDX-License-Identifier: Apache-2.0 */
/* From record to exchange. The pre-shared key is not in the record: it is looked up as at the beginning, for
 * those states that still need it. */
#include "ike/half_open_restore.h"

#include "ike/record_codec.h"
#include "ike/restore.h"
#include "ike/sa/connection.h"
#include "ike/sa/ike_sa.h"
#include "ike/v1/phase1.h"

/* As messages they are freed with the exchange. */
static bool messages_apply(struct phase1 *p, const struct half_open_record *h)
{
    p->sa_body = message_copy(h->sa_body);
    if (h->identity_sent.len)
        p->identity_sent = message_copy(h->identity_sent);
    if (h->sent.len)
        p->sent = message_copy(h->sent);
    return p->sa_body && !p->identity_sent == !h->identity_sent.len && !p->sent == !h->sent.len;
}

static void copy(uint8_t *to, uint16_t *ret_len, struct bytes from)
{
    if (from.len)
        memcpy(to, from.data, from.len);
    *ret_len = (uint16_t)from.len;
}

static bool key_exchange_apply(struct ike *ike, struct phase1 *p, const struct half_open_record *h)
{
    if (!(h->parts & (HALF_OPEN_PUBLIC | HALF_OPEN_PEER)))
        return true;
    p->kx = pool_take(&ike->kx_pool);
    if (!p->kx)
        return false;
    struct dh_keypair *k = &p->kx->keypair;
    if (h->parts & HALF_OPEN_PUBLIC) {
        k->group = h->policy.group;
        copy(k->public, &k->public_len, h->public);
    }
    if (h->private.len)
        memcpy(k->private, h->private.data, h->private.len);
    k->private_len = (uint8_t)h->private.len;
    copy(p->kx->peer_public, &p->kx->peer_public_len, h->peer_public);
    copy(p->kx->nonce_i, &p->kx->nonce_i_len, h->nonce_i);
    copy(p->kx->nonce_r, &p->kx->nonce_r_len, h->nonce_r);
    return true;
}

static void keys_apply(struct ike_sa *sa, const struct half_open_record *h)
{
    if (!(h->parts & HALF_OPEN_KEYS))
        return;
    sa->key_len = h->key_len;
    memcpy(sa->phase1->skeyid, h->skeyid.data, h->skeyid.len);
    memcpy(sa->skeyid_d, h->skeyid_d.data, h->skeyid_d.len);
    memcpy(sa->skeyid_a, h->skeyid_a.data, h->skeyid_a.len);
    memcpy(sa->key, h->key.data, h->key.len);
    memcpy(sa->phase1->iv, h->iv, sizeof(sa->phase1->iv));
}

/* What it was begun for, and the offer that the choice was made of. */
static const char *origin_apply(struct ike *ike, struct ike_sa *sa, const struct half_open_record *h)
{
    struct phase1 *p = sa->phase1;
    p->proposal_number = h->proposal_number;
    p->transform_index = h->transform_index;
    if (h->state == PHASE1_AM_R_SHARED && (isakmp_sa_parse(h->sa_body, &ike->sa_payload) != ISAKMP_OK ||
                                           h->proposal_number >= ike->sa_payload.proposal_count ||
                                           h->transform_index >= ike->sa_payload.transform_count))
        return "cannot be read";
    if (!sa->initiator)
        return NULL;
    struct connection *c = connection_find(ike, h->connection);
    if (!c || !c->config || c->config->dynamic || !connection_has_peer(c, &h->remote.address, &p->peer))
        return "it is of a connection that is not configured";
    p->connection = h->connection;
    return NULL;
}

static const char *apply(struct ike *ike, struct ike_sa *sa, const struct half_open_record *h)
{
    struct phase1 *p = sa->phase1;
    sa->state = h->state;
    sa_record_flags_apply(sa, h->flags);
    sa->created = h->created;
    sa->expires = h->expires;
    sa->replaces = h->replaces;
    sa->policy = h->policy;
    p->answered = h->answered;
    p->natt = h->natt;
    const char *wrong = origin_apply(ike, sa, h);
    if (wrong)
        return wrong;
    if (!messages_apply(p, h) || !key_exchange_apply(ike, p, h))
        return "no memory";
    keys_apply(sa, h);
    if (!(h->parts & HALF_OPEN_KEYS) && !phase1_find_psk(ike, sa))
        return "there is no pre-shared key for its peer";
    return NULL;
}

const char *half_open_make(struct ike *ike, uint64_t id, const struct half_open_record *h)
{
    bool initiator = h->flags & SA_INITIATOR;
    if (ike->half_recorded.count[initiator] >= IKE_HALF_OPEN_RECORDS_MAX ||
        (!initiator && !sa_half_open_room(ike)))
        return "too many are half-open";
    struct ike_sa *sa =
        sa_half_open_restore(ike, id, h->number, initiator, h->cookies, &h->local, &h->remote);
    if (!sa)
        return "no memory";
    const char *wrong = apply(ike, sa, h);
    if (wrong) {
        sa_free(ike, sa, NULL);
        return wrong;
    }
    if (initiator) {
        sa_index_path(ike, sa);
    } else {
        sa_half_open_add(ike, sa);
        if (h->proven)
            sa_half_open_proven(ike, sa);
    }
    half_open_recorded(ike, sa);
    ike->next_number = MAX(ike->next_number, h->number);
    sa->resume = true;
    sa_timer(ike, sa);
    return NULL;
}
