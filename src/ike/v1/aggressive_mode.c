/* SPDX-License-Identifier: Apache-2.0 */
/* Aggressive mode with pre-shared keys, RFC 2409 §5.4:
 *
 *     initiator                          responder
 *     HDR, SA, KE, Ni, IDii       -->
 *                                 <--    HDR, SA, KE, Nr, IDir, HASH_R, NAT-D*
 *     HDR[*], HASH_I, NAT-D*      -->                        from port 4500 if NAT is between
 *
 * The group is fixed by the first message, so all offered transforms have one. The responder chooses the key
 * by IDii. The third message may come in the clear or encrypted; the IV that phase 2 starts from differs
 * accordingly (exchange/message.h keeps phase1->iv as it was when nothing was encrypted). */
#include "ike/v1/phase1.h"

#include "ike/auth/preshared.h"
#include "ike/exchange/message.h"
#include "ike/half_open_record.h"
#include "ike/negotiate/phase1_policy.h"
#include "ike/sa/connection.h"
#include "ike/sa/ike_sa.h"
#include "ike/v1/informational.h"

#include <assert.h>

enum { IKE_AGGRESSIVE_JOBS_MAX = 512 };

bool am_start(struct ike *ike, struct ike_sa *sa, const char **ret_cause)
{
    struct phase1 *p = sa->phase1;
    const struct ike_policy *first = NULL;
    for (uint32_t i = 0; i < ike->config->policy_count && !first; i++)
        if (policy_usable(&ike->config->policies[i]))
            first = &ike->config->policies[i];
    if (!first) {
        *ret_cause = "no isakmp policy with pre-shared keys";
        return false;
    }
    sa->policy = *first;
    p->kx = pool_take(&ike->kx_pool);
    if (!p->kx || !job_start(ike, sa->id, 0, first->group, NULL, (struct bytes){0})) {
        *ret_cause = "too many key exchanges at once";
        return false;
    }
    sa->state = PHASE1_AM_I_KEYPAIR;
    return true;
}

/* HDR, SA, KE, Ni, IDii --> */
void am_i_keypair(struct ike *ike, struct ike_sa *sa, struct ike_job *job)
{
    uint8_t identity[IKE_IDENTITY_MAX + 4];
    struct phase1 *p = sa->phase1;
    p->kx->keypair = job->keypair;
    phase1_nonce(ike, p->kx->nonce_i, &p->kx->nonce_i_len);
    struct isakmp_writer *w = phase1_write(ike, sa, ISAKMP_EXCHANGE_AGGRESSIVE, false);
    policy_write_offer(ike->config, w, sa->policy.group);
    struct bytes body = isakmp_written_body(w);
    p->sa_body = message_copy(bytes_of(body.data + ISAKMP_GENERIC_HEADER, body.len - ISAKMP_GENERIC_HEADER));
    isakmp_write_payload(w, ISAKMP_PAYLOAD_KE, dh_public(&p->kx->keypair));
    isakmp_write_payload(w, ISAKMP_PAYLOAD_NONCE, bytes_of(p->kx->nonce_i, p->kx->nonce_i_len));
    struct bytes id = bytes_of(identity, phase1_identity(ike, sa, identity, sizeof(identity)));
    p->identity_sent = message_copy(id);
    isakmp_write_payload(w, ISAKMP_PAYLOAD_ID, id);
    phase1_write_vendors(ike, sa, w);
    sa->state = PHASE1_AM_I_SENT;
    if (!p->sa_body || !p->identity_sent || !phase1_send(ike, sa, true))
        phase1_fail(ike, sa, "out of memory");
}

static const struct ike_key *key_of(struct ike *ike, const struct phase1_input *in, struct bytes *ret_psk)
{
    char peer[ADDRESS_TEXT];
    struct isakmp_id id;
    const struct isakmp_payload *payload = isakmp_payload_find(in->m, ISAKMP_PAYLOAD_ID, 0);
    const struct address *from = &in->event->datagram.remote.address;
    const struct ike_key *key =
        isakmp_id_parse(payload->body, &id) == ISAKMP_OK ? preshared_by_identity(ike, &id, from) : NULL;
    if (key) {
        *ret_psk = key->key;
        return key;
    }
    ike->statistics.authentication_failed++;
    if (ike_log_allowed(ike))
        ike_log(ike, 4, "IKMP_NO_PRESHARED_KEY", "No pre-shared key for the identity that peer %s claims",
                address_print(from, peer));
    return NULL;
}

/* --> HDR, SA, KE, Ni, IDii */
bool am_r_first(struct ike *ike, struct ike_sa *none, const struct phase1_input *in, const char **ret_cause)
{
    const struct ike_event *e = in->event;
    struct ike_policy policy;
    uint8_t proposal, transform;
    struct bytes psk;
    assert(!none);
    if (ike->config->aggressive_disabled) {
        ike_debugf(ike, "aggressive mode is disabled, dropped");
        return false;
    }
    if (!key_of(ike, in, &psk) || !phase1_choose_policy(ike, in, &policy, &proposal, &transform, ret_cause))
        return false;
    /* Each costs a key exchange before the peer proved anything. */
    if (ike->jobs >= IKE_AGGRESSIVE_JOBS_MAX || !sa_half_open_admit(ike, &e->datagram.remote.address))
        return false;
    struct ike_sa *sa = sa_new(ike, false, &e->datagram.local, &e->datagram.remote);
    if (!sa)
        return false;
    memcpy(sa->cookie_i, in->m->header.initiator_cookie, 8);
    sa->expires = ike->now + IKE_HALF_OPEN_TIMEOUT;
    sa->nat_port = e->datagram.nat_port;
    sa->policy = policy;
    sa->aggressive = true;
    sa_half_open_add(ike, sa);
    ike->statistics.phase1_responded++;
    struct phase1 *p = sa->phase1;
    p->sa_body = message_copy(in->m->payloads[0].body);
    p->identity_sent = message_copy(isakmp_payload_find(in->m, ISAKMP_PAYLOAD_ID, 0)->body);
    phase1_read_vendors(ike, sa, in->m);
    if (!p->sa_body || !p->identity_sent || !phase1_set_psk(sa, psk) ||
        !phase1_take_ke(ike, sa, in->m, ret_cause) ||
        !job_start(ike, sa->id, 0, policy.group, NULL,
                   bytes_of(p->kx->peer_public, p->kx->peer_public_len))) {
        sa_free(ike, sa, NULL);
        return false;
    }
    phase1_accept(ike, sa, in->datagram);
    /* The chosen transform is written when the shared secret is there: its place in SAi_b is kept. */
    p->proposal_number = proposal;
    p->transform_index = transform;
    sa->state = PHASE1_AM_R_SHARED;
    half_open_record(ike, sa);
    sa_timer(ike, sa);
    return true;
}

/* <-- HDR, SA, KE, Nr, IDir, HASH_R, NAT-D* */
void am_r_shared(struct ike *ike, struct ike_sa *sa, struct ike_job *job)
{
    uint8_t identity[IKE_IDENTITY_MAX + 4], hash[HASH_MAX];
    struct phase1 *p = sa->phase1;
    p->kx->keypair = job->keypair;
    phase1_nonce(ike, p->kx->nonce_r, &p->kx->nonce_r_len);
    struct bytes id = bytes_of(identity, phase1_identity(ike, sa, identity, sizeof(identity)));
    if (!phase1_keys(ike, sa, secret_bytes(&job->shared)) || !phase1_hash(ike, sa, false, id, hash) ||
        isakmp_sa_parse(message_bytes(p->sa_body), &ike->sa_payload) != ISAKMP_OK) {
        phase1_fail(ike, sa, "keys cannot be derived");
        return;
    }
    struct isakmp_writer *w = phase1_write(ike, sa, ISAKMP_EXCHANGE_AGGRESSIVE, false);
    policy_write_choice(w, &ike->sa_payload, p->proposal_number, p->transform_index);
    isakmp_write_payload(w, ISAKMP_PAYLOAD_KE, dh_public(&p->kx->keypair));
    isakmp_write_payload(w, ISAKMP_PAYLOAD_NONCE, bytes_of(p->kx->nonce_r, p->kx->nonce_r_len));
    isakmp_write_payload(w, ISAKMP_PAYLOAD_ID, id);
    isakmp_write_payload(w, ISAKMP_PAYLOAD_HASH, bytes_of(hash, hash_size(sa->policy.hash)));
    phase1_write_nat_d(ike, sa, w);
    phase1_write_vendors(ike, sa, w);
    sa->state = PHASE1_AM_R_SENT;
    if (!phase1_send(ike, sa, true))
        phase1_fail(ike, sa, "out of memory");
}

/* <-- HDR, SA, KE, Nr, IDir, HASH_R, NAT-D* */
bool am_i_second(struct ike *ike, struct ike_sa *sa, const struct phase1_input *in, const char **ret_cause)
{
    struct ike_policy policy;
    struct phase1 *p = sa->phase1;
    enum isakmp_error error =
        isakmp_sa_parse(isakmp_payload_find(in->m, ISAKMP_PAYLOAD_SA, 0)->body, &ike->sa_payload);
    if (error != ISAKMP_OK || !policy_check_choice(ike->config, &ike->sa_payload, &policy) ||
        policy.group != p->kx->keypair.group) {
        *ret_cause = error != ISAKMP_OK ? isakmp_error_name(error) : "peer chose what we did not offer";
        return false;
    }
    sa->policy = policy;
    if (!phase1_take_ke(ike, sa, in->m, ret_cause))
        return false;
    message_free(&p->am2);
    p->am2 = message_copy(in->datagram);
    if (!p->am2 || !job_start(ike, sa->id, 0, policy.group, &p->kx->keypair,
                              bytes_of(p->kx->peer_public, p->kx->peer_public_len)))
        return false;
    memcpy(sa->cookie_r, in->m->header.responder_cookie, 8);
    phase1_read_vendors(ike, sa, in->m);
    phase1_read_nat_d(ike, sa, in);
    p->event_remote = in->event->datagram.remote;
    p->event_local = in->event->datagram.local;
    /* Not accepted yet: a forged answer must not end our retransmissions. */
    p->paused_at = p->send_at;
    p->send_at = NS_NEVER;
    sa->resume = false;
    sa->state = PHASE1_AM_I_SHARED;
    sa_timer(ike, sa);
    return true;
}

/* A forged second message: the real one may still come. */
static void am_i_reject(struct ike *ike, struct ike_sa *sa)
{
    struct phase1 *p = sa->phase1;
    memset(sa->cookie_r, 0, 8);
    sa->nat_local = sa->nat_remote = sa->dpd = sa->fragmentation = false;
    p->natt = 0;
    p->send_at = ns_min(p->paused_at, ike->now + NS_PER_S);
    sa->state = PHASE1_AM_I_SENT;
    sa_timer(ike, sa);
}

/* HDR*, HASH_I, NAT-D* --> */
void am_i_shared(struct ike *ike, struct ike_sa *sa, struct ike_job *job)
{
    uint8_t hash[HASH_MAX];
    struct phase1 *p = sa->phase1;
    struct bytes datagram = message_bytes(p->am2);
    struct ike_event event = {.type = IKE_EVENT_DATAGRAM, .now = ike->now};
    event.datagram.remote = p->event_remote;
    event.datagram.local = p->event_local;
    struct phase1_input in = {.event = &event, .m = &ike->message, .datagram = datagram};
    if (isakmp_message_parse(datagram, &ike->message) != ISAKMP_OK ||
        !phase1_keys(ike, sa, secret_bytes(&job->shared)) || !phase1_authenticate(ike, sa, &in)) {
        am_i_reject(ike, sa);
        return;
    }
    uint64_t answered = ike_digest(ike, datagram);
    struct message *am2 = p->am2;
    p->am2 = NULL;
    phase1_accept(ike, sa, message_bytes(am2));
    message_free(&am2);
    sa->phase1->answered = answered;
    phase1_float(sa);
    struct isakmp_writer *w = phase1_write(ike, sa, ISAKMP_EXCHANGE_AGGRESSIVE, true);
    if (!phase1_hash(ike, sa, true, message_bytes(p->identity_sent), hash)) {
        phase1_fail(ike, sa, "keys cannot be derived");
        return;
    }
    isakmp_write_payload(w, ISAKMP_PAYLOAD_HASH, bytes_of(hash, hash_size(sa->policy.hash)));
    phase1_write_nat_d(ike, sa, w);
    phase1_write_initial_contact(ike, sa, w);
    if (!phase1_done(ike, sa, false, true))
        phase1_fail(ike, sa, "out of memory");
}

/* --> HDR[*], HASH_I, NAT-D* */
bool am_r_third(struct ike *ike, struct ike_sa *sa, const struct phase1_input *in, const char **ret_cause)
{
    char peer[ADDRESS_TEXT];
    uint8_t expected[HASH_MAX];
    struct phase1 *p = sa->phase1;
    struct bytes identity = message_bytes(p->identity_sent);
    struct bytes hash = isakmp_payload_find(in->m, ISAKMP_PAYLOAD_HASH, 0)->body;
    struct isakmp_id id;
    (void)ret_cause;
    if (isakmp_id_parse(identity, &id) != ISAKMP_OK || !phase1_hash(ike, sa, true, identity, expected) ||
        !bytes_equal_secret(hash, bytes_of(expected, hash_size(sa->policy.hash)))) {
        ike->statistics.authentication_failed++;
        if (ike_log_allowed(ike))
            ike_log(ike, 4, "IKMP_AUTH_FAIL",
                    "Authentication method 1 failed with host %s: its pre-shared key does not match ours "
                    "(crypto isakmp key)",
                    address_print(&in->event->datagram.remote.address, peer));
        return false;
    }
    sa_set_identity(ike, sa, &id);
    bool initial_contact = phase1_has_initial_contact(sa, in->m);
    phase1_read_nat_d(ike, sa, in);
    phase1_peer_floated(sa, in->event);
    if (sa->nat_port || sa->nat_remote)
        sa_move(ike, sa, &in->event->datagram.remote);
    phase1_accept(ike, sa, in->datagram);
    if (!phase1_done(ike, sa, initial_contact, false)) {
        phase1_fail(ike, sa, "out of memory");
        return true;
    }
    informational_lifetime(ike, sa);
    return true;
}
