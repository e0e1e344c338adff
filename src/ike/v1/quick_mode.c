/* SPDX-License-Identifier: Apache-2.0 */
/* Quick mode, RFC 2409 §5.5:
 *
 *     initiator                                      responder
 *     HDR*, HASH(1), SA, Ni [, KE] [, IDci, IDcr]  -->
 *                                              <--   HDR*, HASH(2), SA, Nr [, KE] [, IDci, IDcr]
 *     HDR*, HASH(3)                                -->
 *
 * The responder installs its pair before the second message, so nothing that the initiator sends with the new
 * keys is lost, and itself sends with them only after the third message or the first packet on the new pair.
 * All that the third message needs is computed with the second and kept in the exchange, so a successor can
 * go on from there. */
#include "ike/v1/quick_mode.h"

#include "base/be.h"
#include "ike/exchange/exchange.h"
#include "ike/exchange/message.h"
#include "ike/negotiate/phase2_transform.h"
#include "ike/negotiate/proxy.h"
#include "ike/sa/connection.h"
#include "ike/sa/ike_sa.h"
#include "ike/sa/pair.h"
#include "ike/sa/slots.h"
#include "ike/v1/informational.h"
#include "ike/v1/quick_pair.h"

#include <errno.h>
#include <stdio.h>

/* ---- initiator ---- */

/* HDR*, HASH(1), SA, Ni [, KE] [, IDci, IDcr] --> */
static bool write_first(struct ike *ike, struct exchange *x)
{
    uint8_t *hash;
    struct ike_sa *sa = x->sa;
    struct quick *q = x->quick;
    const struct ike_connection *config = q->connection->config;
    if (!config)
        return false;
    struct isakmp_writer *w = message_begin_phase2(ike, sa, ISAKMP_EXCHANGE_QUICK, x->message_id, &hash);
    if (phase2_write_offer(config, sa, &q->selector, q->spis[0], q->spis[1], w) == 0)
        return false;
    isakmp_write_payload(w, ISAKMP_PAYLOAD_NONCE, bytes_of(q->kx->nonce_i, q->kx->nonce_i_len));
    if (config->pfs_group)
        isakmp_write_payload(w, ISAKMP_PAYLOAD_KE, dh_public(&q->kx->keypair));
    proxy_write(w, &q->selector, true);
    struct bytes whole = message_finish_phase2(ike, sa, x->message_id, hash, (struct bytes){0}, x->iv);
    x->state = EXCHANGE_I_SENT;
    if (!exchange_keep(ike, x, whole, true))
        return false;
    message_send(ike, sa, whole);
    ike_debugf(ike, "(%u): beginning quick mode, message id %08x", sa->number, x->message_id);
    return true;
}

static bool wants(const struct ike_connection *config, bool ah)
{
    for (uint32_t i = 0; i < config->transform_set_count; i++)
        if (ah ? config->transform_sets[i]->has_ah : config->transform_sets[i]->has_esp)
            return true;
    return false;
}

static bool quick_take_slot(struct ike *ike, struct quick *q, unsigned i, uint32_t peer_spi)
{
    q->has[i] = slot_take(ike, peer_spi, &q->slots[i], &q->spis[i]);
    return q->has[i];
}

static struct quick *quick_new(struct ike *ike, struct exchange *x, struct connection *c,
                               const struct selector *s)
{
    struct quick *q = x->quick = pool_take(&ike->quick_pool);
    if (!q)
        return NULL;
    q->kx = pool_take(&ike->kx_pool);
    q->connection = c;
    q->selector = *s;
    return q->kx ? q : NULL;
}

bool quick_initiate(struct ike *ike, struct ike_sa *sa, struct wish *w, const char **ret_cause)
{
    const struct ike_connection *config = w->connection->config;
    struct exchange *x = exchange_new(ike, sa, 0, EXCHANGE_I_JOB);
    if (!x)
        return false;
    struct quick *q = quick_new(ike, x, w->connection, &w->selector);
    if (!q || (wants(config, false) && !quick_take_slot(ike, q, 0, 0)) ||
        (wants(config, true) && !quick_take_slot(ike, q, 1, 0))) {
        *ret_cause = q ? "no slot for a new pair of IPsec SAs is left" : NULL;
        exchange_free(ike, x, NULL);
        return false;
    }
    proxy_widen(&q->selector);
    rng_fill(&ike->rng, q->kx->nonce_i, IKE_NONCE_SIZE);
    q->kx->nonce_i_len = IKE_NONCE_SIZE;
    bool good = config->pfs_group ? job_start(ike, sa->id, x->id, config->pfs_group, NULL, (struct bytes){0})
                                  : write_first(ike, x);
    if (!good) {
        *ret_cause = "no transform set that IKEv1 can negotiate";
        exchange_free(ike, x, NULL);
        return false;
    }
    x->wish = w;
    w->exchange = x;
    ike->statistics.quick_initiated++;
    return true;
}

/* Something in an authentic answer is not as agreed: the peer is told, the next one is tried. */
static void initiator_reject(struct ike *ike, struct exchange *x, uint16_t type, const char *cause)
{
    char peer[ENDPOINT_TEXT];
    be32 spi = be32_of(x->quick->spis[0] ? x->quick->spis[0] : x->quick->spis[1]);
    ike_log(ike, 6, "IKMP_MODE_FAILURE", "Processing of Quick mode failed with peer at %s: %s",
            endpoint_print(&x->sa->remote, peer), cause);
    informational_notify(ike, x->sa, ISAKMP_PROTOCOL_ESP, type, bytes_of(&spi, 4), (struct bytes){0});
    exchange_free(ike, x, cause);
}

static bool parse_kept(struct ike *ike, const struct quick *q)
{
    struct isakmp_header h;
    struct bytes kept = message_bytes(q->peer);
    if (isakmp_header_parse(kept, &h) != ISAKMP_OK)
        return false;
    struct bytes body = bytes_of(kept.data + ISAKMP_HEADER, kept.len - ISAKMP_HEADER);
    const struct isakmp_payload *sa;
    return isakmp_body_parse(&h, body, &ike->message) == ISAKMP_OK &&
           (sa = isakmp_payload_find(&ike->message, ISAKMP_PAYLOAD_SA, 0)) &&
           isakmp_sa_parse(sa->body, &ike->sa_payload) == ISAKMP_OK;
}

/* Keeps a decrypted message beyond the scratch memory. */
static bool keep(struct quick *q, struct bytes datagram, const struct isakmp_message *m)
{
    const struct isakmp_payload *last = &m->payloads[m->count - 1];
    const uint8_t *begin = m->payloads[0].whole.data;
    size_t len = (size_t)(last->whole.data + last->whole.len - begin);
    message_free(&q->peer);
    q->peer = message_copy(bytes_of(datagram.data, ISAKMP_HEADER + len));
    if (!q->peer)
        return false;
    memcpy(q->peer->data + ISAKMP_HEADER, begin, len);
    be32_store(q->peer->data + 24, (uint32_t)(ISAKMP_HEADER + len));
    return true;
}

/* HDR*, HASH(3) --> */
static void write_third(struct ike *ike, struct exchange *x)
{
    uint8_t *hash, digest[HASH_MAX];
    struct ike_sa *sa = x->sa;
    const struct key_exchange *kx = x->quick->kx;
    struct bytes ni = bytes_of(kx->nonce_i, kx->nonce_i_len), nr = bytes_of(kx->nonce_r, kx->nonce_r_len);
    (void)message_begin_phase2(ike, sa, ISAKMP_EXCHANGE_QUICK, x->message_id, &hash);
    if (!hash || !keymat_hash_3(sa->policy.hash, sa->skeyid_a, x->message_id, ni, nr, digest))
        return;
    memcpy(hash, digest, hash_size(sa->policy.hash));
    struct bytes whole = message_seal(ike, sa, x->iv);
    if (!exchange_keep(ike, x, whole, false))
        return;
    exchange_finish(ike, x, EXCHANGE_I_DONE);
    record_sa(ike, sa);
    message_send(ike, sa, whole);
}

/* Both directions would have one key (slots.h). */
static bool spi_twice(const struct quick *q, const struct phase2_choice *c)
{
    for (unsigned i = 0; i < c->count; i++)
        if (c->transforms[i].spi_out == q->spis[c->transforms[i].protocol == 50 ? 0 : 1])
            return true;
    return false;
}

/* <-- HDR*, HASH(2), SA, Nr [, KE] [, IDci, IDcr]: the keys are all there. */
static void initiator_finish(struct ike *ike, struct exchange *x, struct bytes shared)
{
    struct quick *q = x->quick;
    struct phase2_choice choice;
    const struct ike_connection *config = q->connection->config;
    if (!config || !parse_kept(ike, q) ||
        !phase2_check_choice(config, x->sa, &q->selector, &ike->sa_payload, &choice)) {
        initiator_reject(ike, x, ISAKMP_NOTIFY_NO_PROPOSAL_CHOSEN, "peer chose what was not offered");
        return;
    }
    if (spi_twice(q, &choice)) {
        initiator_reject(ike, x, ISAKMP_NOTIFY_NO_PROPOSAL_CHOSEN, "peer chose our SPI");
        return;
    }
    quick_read_lifetime(&ike->message, &choice);
    if (!quick_install(ike, x, &choice, shared, true)) {
        initiator_reject(ike, x, ISAKMP_NOTIFY_NO_PROPOSAL_CHOSEN, "out of memory");
        return;
    }
    struct wish *w = x->wish;
    x->wish = NULL;
    write_third(ike, x);
    if (w) {
        w->exchange = NULL;
        wish_done(ike, w);
    }
}

/* <-- HDR*, HASH(2), SA, Nr [, KE] [, IDci, IDcr] */
static bool initiator_second(struct ike *ike, struct exchange *x, const struct isakmp_message *m,
                             struct bytes datagram)
{
    struct quick *q = x->quick;
    struct key_exchange *kx = q->kx;
    struct selector answered;
    bool given;
    const struct isakmp_payload *nonce = isakmp_payload_find(m, ISAKMP_PAYLOAD_NONCE, 0);
    const struct isakmp_payload *ke = isakmp_payload_find(m, ISAKMP_PAYLOAD_KE, 0);
    uint8_t group = q->connection->config ? q->connection->config->pfs_group : 0;
    x->send_at = NS_NEVER;
    if (!nonce || !isakmp_payload_find(m, ISAKMP_PAYLOAD_SA, 0) || (group != 0) != (ke != NULL) ||
        (group && ke->body.len != dh_public_size(group)) || nonce->body.len > ISAKMP_NONCE_MAX) {
        initiator_reject(ike, x, ISAKMP_NOTIFY_PAYLOAD_MALFORMED, "second message lacks a payload");
        return true;
    }
    if (!proxy_read(x->sa, m, true, &answered, &given) || !selector_equal(&answered, &q->selector)) {
        initiator_reject(ike, x, ISAKMP_NOTIFY_INVALID_ID_INFORMATION,
                         "peer answers with other proxy identities");
        return true;
    }
    memcpy(kx->nonce_r, nonce->body.data, nonce->body.len);
    kx->nonce_r_len = (uint16_t)nonce->body.len;
    if (!keep(q, datagram, m)) {
        initiator_reject(ike, x, ISAKMP_NOTIFY_NO_PROPOSAL_CHOSEN, "out of memory");
        return true;
    }
    if (!group) {
        initiator_finish(ike, x, (struct bytes){0});
    } else {
        x->state = EXCHANGE_I_SHARED;
        if (!job_start(ike, x->sa->id, x->id, group, &kx->keypair, ke->body))
            initiator_reject(ike, x, ISAKMP_NOTIFY_NO_PROPOSAL_CHOSEN, "out of memory");
        else
            exchange_timer(ike, x);
    }
    return true;
}

void quick_refused(struct ike *ike, struct ike_sa *sa, uint16_t type, struct bytes spi)
{
    struct exchange *only = NULL, *named = NULL;
    unsigned pending = 0;
    char cause[64], peer[ENDPOINT_TEXT];
    list_for_each(&sa->exchanges, l)
    {
        struct exchange *x = list_entry(l, struct exchange, on_sa);
        if (x->state != EXCHANGE_I_SENT || !x->quick)
            continue;
        only = x;
        pending++;
        for (unsigned i = 0; i < 2; i++)
            if (spi.len == 4 && x->quick->has[i] && be32_load(spi.data) == x->quick->spis[i])
                named = x;
    }
    if (!named && pending == 1)
        named = only;
    if (!named)
        return;
    snprintf(cause, sizeof(cause), "peer refuses: %s", isakmp_notify_name(type));
    ike_log(ike, 6, "IKMP_MODE_FAILURE", "Processing of Quick mode failed with peer at %s: %s",
            endpoint_print(&sa->remote, peer), cause);
    exchange_free(ike, named, cause);
}

/* ---- responder ---- */

struct judgement {
    struct connection *connection; /* NULL: refused with `type` */
    uint16_t type;
    struct connection *nearest; /* for the log */
    struct phase2_choice choice;
};

/* The connection of this peer, lowest sequence first, whose access list covers the proxies and whose
 * transform sets fit. */
static void judge(struct ike *ike, const struct ike_sa *sa, const struct selector *s, struct judgement *ret)
{
    *ret = (struct judgement){.type = ISAKMP_NOTIFY_INVALID_ID_INFORMATION};
    struct peer_link *link = NULL;
    struct phase2_choice choice;
    while ((link = peer_link_find(ike, &sa->local.address, &sa->remote.address, link))) {
        struct connection *c = link->connection;
        uint32_t sequence = c->config->sequence;
        if (!proxy_allowed(c->config, s)) {
            if (!ret->nearest)
                ret->nearest = c;
            continue;
        }
        if (ret->connection && ret->connection->config->sequence <= sequence)
            continue;
        if (phase2_choose(c->config, sa, s, &ike->sa_payload, &choice)) {
            ret->connection = c;
            ret->choice = choice;
        } else {
            ret->type = ISAKMP_NOTIFY_NO_PROPOSAL_CHOSEN;
            ret->nearest = c;
        }
    }
}

static void refuse(struct ike *ike, struct exchange *x, uint16_t type)
{
    struct bytes spi = {0};
    uint8_t protocol = ISAKMP_PROTOCOL_ESP;
    if (ike->sa_payload.proposal_count) {
        spi = ike->sa_payload.proposals[0].spi;
        protocol = ike->sa_payload.proposals[0].protocol;
    }
    x->until = ike->now + IKE_ANSWER_KEPT;
    exchange_finish(ike, x, EXCHANGE_R_REFUSED);
    informational_notify(ike, x->sa, protocol, type, spi, (struct bytes){0});
}

static void log_refusal(struct ike *ike, const struct ike_sa *sa, const struct selector *s,
                        const struct judgement *j)
{
    char peer[ENDPOINT_TEXT], selector[SELECTOR_TEXT], why[320];
    const struct ike_connection *c = j->nearest ? j->nearest->config : NULL;
    endpoint_print(&sa->remote, peer);
    selector_print(s, selector);
    if (!c) {
        ike_log(ike, 4, "IPSEC_PROXY_MISMATCH", "peer %s asks for %s: no crypto map has it as a peer", peer,
                selector);
    } else if (j->type == ISAKMP_NOTIFY_NO_PROPOSAL_CHOSEN) {
        ike->statistics.no_proposal++;
        phase2_explain(c, &ike->sa_payload, why, sizeof(why));
        ike_log(ike, 4, "IPSEC_NO_PROPOSAL", "crypto map %s %u, peer %s: no transform set fits: %s",
                c->map_name, c->sequence, peer, why);
    } else {
        ike_log(ike, 4, "IPSEC_PROXY_MISMATCH",
                "crypto map %s %u, peer %s: proxy identities not supported: %s is in no permit line",
                c->map_name, c->sequence, peer, selector);
    }
}

/* <-- HDR*, HASH(2), SA, Nr [, KE] [, IDci, IDcr] [, N] */
static bool write_second(struct ike *ike, struct exchange *x, const struct phase2_choice *choice,
                         struct bytes *ret)
{
    uint8_t *hash;
    struct ike_sa *sa = x->sa;
    struct quick *q = x->quick;
    struct bytes ni = bytes_of(q->kx->nonce_i, q->kx->nonce_i_len);
    struct bytes nr = bytes_of(q->kx->nonce_r, q->kx->nonce_r_len);
    const struct isakmp_message *m = &ike->message;
    struct isakmp_writer *w = message_begin_phase2(ike, sa, ISAKMP_EXCHANGE_QUICK, x->message_id, &hash);
    phase2_write_choice(w, &ike->sa_payload, choice);
    isakmp_write_payload(w, ISAKMP_PAYLOAD_NONCE, nr);
    if (choice->group)
        isakmp_write_payload(w, ISAKMP_PAYLOAD_KE, dh_public(&q->kx->keypair));
    for (uint32_t i = 0; i < 2; i++) {
        const struct isakmp_payload *id = isakmp_payload_find(m, ISAKMP_PAYLOAD_ID, i);
        if (id)
            isakmp_write_payload(w, ISAKMP_PAYLOAD_ID, id->body);
    }
    if (choice->shortened)
        quick_write_lifetime(w, choice);
    *ret = message_finish_phase2(ike, sa, x->message_id, hash, ni, x->iv);
    return keymat_hash_3(sa->policy.hash, sa->skeyid_a, x->message_id, ni, nr, x->expected) &&
           exchange_keep(ike, x, *ret, true);
}

static void responder_answer(struct ike *ike, struct exchange *x, struct bytes shared)
{
    struct quick *q = x->quick;
    struct phase2_choice choice;
    struct bytes whole;
    const struct ike_connection *config = q->connection->config;
    if (!config || !parse_kept(ike, q) ||
        !phase2_choose(config, x->sa, &q->selector, &ike->sa_payload, &choice)) {
        exchange_free(ike, x, NULL); /* the configuration changed meanwhile */
        return;
    }
    bool good = true;
    for (unsigned i = 0; i < choice.count && good; i++) {
        unsigned place = choice.transforms[i].protocol == 50 ? 0 : 1;
        good = quick_take_slot(ike, q, place, choice.transforms[i].spi_out);
        choice.transforms[i].spi_in = q->spis[place];
    }
    rng_fill(&ike->rng, q->kx->nonce_r, IKE_NONCE_SIZE);
    q->kx->nonce_r_len = IKE_NONCE_SIZE;
    good = good && write_second(ike, x, &choice, &whole) && quick_install(ike, x, &choice, shared, false);
    if (!good) {
        ike_log(ike, 3, "IPSEC_NO_SLOT", "no room for a new pair of IPsec SAs");
        exchange_free(ike, x, NULL);
        return;
    }
    x->state = EXCHANGE_R_SENT;
    quick_free(ike, x);
    record_sa(ike, x->sa);
    message_send(ike, x->sa, whole);
}

/* HDR*, HASH(1), SA, Ni [, KE] [, IDci, IDcr] --> */
static bool responder_first(struct ike *ike, struct ike_sa *sa, const struct isakmp_message *m,
                            struct bytes datagram, const uint8_t *iv)
{
    struct judgement j = {.type = ISAKMP_NOTIFY_INVALID_ID_INFORMATION};
    struct selector selector = {0};
    bool given;
    if (!message_authentic(sa, m, (struct bytes){0}) || exchange_find(sa, m->header.message_id))
        return false;
    struct exchange *x = exchange_new(ike, sa, m->header.message_id, EXCHANGE_R_SHARED);
    if (!x) {
        ike_debugf(ike, "(%u): too many quick modes at once, dropped", sa->number);
        return true;
    }
    memcpy(x->iv, iv, sizeof(x->iv));
    x->answered = ike_digest(ike, datagram);
    ike->statistics.quick_responded++;
    const struct isakmp_payload *sa_payload = isakmp_payload_find(m, ISAKMP_PAYLOAD_SA, 0);
    const struct isakmp_payload *nonce = isakmp_payload_find(m, ISAKMP_PAYLOAD_NONCE, 0);
    const struct isakmp_payload *ke = isakmp_payload_find(m, ISAKMP_PAYLOAD_KE, 0);
    ike->sa_payload.proposal_count = 0;
    enum isakmp_error error =
        sa_payload ? isakmp_sa_parse(sa_payload->body, &ike->sa_payload) : ISAKMP_ERROR_PAYLOAD_BODY;
    if (error != ISAKMP_OK || !nonce || nonce->body.len > ISAKMP_NONCE_MAX) {
        ike->statistics.malformed++;
        refuse(ike, x, error != ISAKMP_OK ? isakmp_error_notify(error) : ISAKMP_NOTIFY_PAYLOAD_MALFORMED);
        return true;
    }
    if (proxy_read(sa, m, false, &selector, &given))
        judge(ike, sa, &selector, &j);
    if (!j.connection) {
        log_refusal(ike, sa, &selector, &j);
        refuse(ike, x, j.type);
        return true;
    }
    uint8_t group = j.choice.group;
    if ((group != 0) != (ke != NULL) || (group && ke->body.len != dh_public_size(group))) {
        refuse(ike, x, ISAKMP_NOTIFY_INVALID_KEY_INFORMATION);
        return true;
    }
    struct quick *q = quick_new(ike, x, j.connection, &selector);
    if (!q || !keep(q, datagram, m)) {
        exchange_free(ike, x, NULL);
        return true;
    }
    memcpy(q->kx->nonce_i, nonce->body.data, nonce->body.len);
    q->kx->nonce_i_len = (uint16_t)nonce->body.len;
    if (!group)
        responder_answer(ike, x, (struct bytes){0});
    else if (!job_start(ike, sa->id, x->id, group, NULL, ke->body))
        exchange_free(ike, x, NULL);
    return true;
}

/* HDR*, HASH(3) --> */
static bool responder_third(struct ike *ike, struct exchange *x, const struct isakmp_message *m,
                            struct bytes datagram, const uint8_t *iv)
{
    const struct ike_sa *sa = x->sa;
    if (m->payloads[0].type != ISAKMP_PAYLOAD_HASH ||
        !bytes_equal_secret(m->payloads[0].body, bytes_of(x->expected, hash_size(sa->policy.hash))))
        return false;
    memcpy(x->iv, iv, sizeof(x->iv));
    x->closed = ike_digest(ike, datagram);
    struct ike_pair *p = x->slot < ike->limits.pair_max ? ike->pairs[x->slot] : NULL;
    exchange_finish(ike, x, EXCHANGE_R_DONE);
    if (p)
        pair_confirm(ike, p, true);
    return true;
}

/* ---- both ---- */

bool quick_receive(struct ike *ike, struct ike_sa *sa, struct exchange *x, const struct isakmp_message *m,
                   struct bytes datagram, const uint8_t *iv)
{
    if (!x)
        return responder_first(ike, sa, m, datagram, iv);
    if (x->state == EXCHANGE_R_SENT)
        return responder_third(ike, x, m, datagram, iv);
    if (x->state != EXCHANGE_I_SENT)
        return false;
    const struct key_exchange *kx = x->quick->kx;
    if (!message_authentic(sa, m, bytes_of(kx->nonce_i, kx->nonce_i_len)))
        return false;
    memcpy(x->iv, iv, sizeof(x->iv));
    x->answered = ike_digest(ike, datagram);
    return initiator_second(ike, x, m, datagram);
}

void quick_job(struct ike *ike, struct exchange *x, struct ike_job *job)
{
    struct quick *q = x->quick;
    if (!q)
        return;
    if (job->result != 0) {
        const char *cause =
            job->result == -EBADMSG ? "public value of the peer is not acceptable" : "key exchange failed";
        if (x->by_peer)
            refuse(ike, x, ISAKMP_NOTIFY_INVALID_KEY_INFORMATION);
        else
            initiator_reject(ike, x, ISAKMP_NOTIFY_INVALID_KEY_INFORMATION, cause);
        return;
    }
    q->kx->keypair = job->keypair;
    if (x->state == EXCHANGE_I_JOB) {
        if (!write_first(ike, x))
            exchange_free(ike, x, "no transform set that IKEv1 can negotiate");
    } else if (x->state == EXCHANGE_I_SHARED) {
        initiator_finish(ike, x, secret_bytes(&job->shared));
    } else if (x->state == EXCHANGE_R_SHARED) {
        responder_answer(ike, x, secret_bytes(&job->shared));
    }
}
