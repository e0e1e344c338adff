/* SPDX-License-Identifier: Apache-2.0 */
/* Main mode with pre-shared keys, RFC 2409 §5.4:
 *
 *     initiator                          responder
 *     HDR, SA                     -->
 *                                 <--    HDR, SA
 *     HDR, KE, Ni, NAT-D*         -->
 *                                 <--    HDR, KE, Nr, NAT-D*
 *     HDR*, IDii, HASH_I          -->                        from here on port 4500 if NAT is between
 *                                 <--    HDR*, IDir, HASH_R
 *
 * The identity comes only after the key was needed, so the key is chosen by address. */
#include "ike/v1/phase1.h"

#include "base/deliberate.h"
#include "ike/auth/preshared.h"
#include "ike/exchange/message.h"
#include "ike/half_open_record.h"
#include "ike/negotiate/phase1_policy.h"
#include "ike/sa/connection.h"
#include "ike/sa/ike_sa.h"
#include "ike/v1/informational.h"

#include <assert.h>

/* HDR, SA --> */
void mm_start(struct ike *ike, struct ike_sa *sa)
{
    struct phase1 *p = sa->phase1;
    struct isakmp_writer *w = phase1_write(ike, sa, ISAKMP_EXCHANGE_MAIN, false);
    if (policy_write_offer(ike->config, w, 0) == 0)
        return;
    struct bytes body = isakmp_written_body(w);
    p->sa_body = message_copy(bytes_of(body.data + ISAKMP_GENERIC_HEADER, body.len - ISAKMP_GENERIC_HEADER));
    if (!p->sa_body)
        return;
    phase1_write_vendors(ike, sa, w);
    sa->state = PHASE1_MM_I_SA_SENT;
    phase1_send(ike, sa, true);
}

static void log_no_proposal(struct ike *ike, const struct ike_event *event, const char *why)
{
    char peer[ADDRESS_TEXT];
    const struct endpoint *local = &event->datagram.local, *remote = &event->datagram.remote;
    ike->statistics.no_proposal++;
    if (!ike_log_allowed(ike))
        return;
    struct peer_link *link = peer_link_find(ike, &local->address, &remote->address, NULL);
    const struct ike_connection *c = link ? link->connection->config : NULL;
    ike_log(ike, 6, "IKMP_SA_NOT_ACCEPTED", "IKE offer of %s matches no isakmp policy (crypto map %s %u): %s",
            address_print(&remote->address, peer), c ? c->map_name : "-", c ? c->sequence : 0, why);
}

/* What both modes' first message asks: a policy that we share. False: refused. */
bool phase1_choose_policy(struct ike *ike, const struct phase1_input *in, struct ike_policy *ret,
                          uint8_t *ret_proposal, uint8_t *ret_transform, const char **ret_cause)
{
    char why[256];
    const struct isakmp_payload *payload = isakmp_payload_find(in->m, ISAKMP_PAYLOAD_SA, 0);
    enum isakmp_error error = isakmp_sa_parse(payload->body, &ike->sa_payload);
    if (error != ISAKMP_OK || payload->body.len > IKE_SA_BODY_MAX || payload != &in->m->payloads[0]) {
        *ret_cause = error != ISAKMP_OK ? isakmp_error_name(error) : "SA payload too long or not the first";
        return false;
    }
    if (policy_choose(ike->config, &ike->sa_payload, ret, ret_proposal, ret_transform, why, sizeof(why)))
        return true;
    log_no_proposal(ike, in->event, why);
    informational_refuse(ike, in->event, &in->m->header, ISAKMP_NOTIFY_NO_PROPOSAL_CHOSEN);
    return false;
}

/* --> HDR, SA; <-- HDR, SA */
bool mm_r_sa(struct ike *ike, struct ike_sa *none, const struct phase1_input *in, const char **ret_cause)
{
    const struct ike_event *e = in->event;
    char peer[ADDRESS_TEXT];
    struct ike_policy policy;
    uint8_t proposal, transform;
    assert(!none);
    const struct ike_key *key = preshared_by_address(ike, &e->datagram.remote.address);
    if (!key) {
        ike->statistics.authentication_failed++;
        if (ike_log_allowed(ike))
            ike_log(ike, 4, "IKMP_NO_PRESHARED_KEY", "No pre-shared key for peer %s",
                    address_print(&e->datagram.remote.address, peer));
        return false;
    }
    if (!phase1_choose_policy(ike, in, &policy, &proposal, &transform, ret_cause) ||
        !sa_half_open_admit(ike, &e->datagram.remote.address))
        return false;
    struct ike_sa *sa = sa_new(ike, false, &e->datagram.local, &e->datagram.remote);
    if (!sa)
        return false;
    memcpy(sa->cookie_i, in->m->header.initiator_cookie, 8);
    sa->expires = deliberate_bug(DELIBERATE_LEAKED_HALF_OPEN) ? NS_NEVER : ike->now + IKE_HALF_OPEN_TIMEOUT;
    sa->nat_port = e->datagram.nat_port;
    sa->policy = policy;
    sa_half_open_add(ike, sa);
    ike->statistics.phase1_responded++;
    sa->phase1->sa_body = message_copy(in->m->payloads[0].body);
    if (!sa->phase1->sa_body || !phase1_set_psk(sa, key->key)) {
        sa_free(ike, sa, NULL);
        return false;
    }
    phase1_read_vendors(ike, sa, in->m);
    phase1_accept(ike, sa, in->datagram);
    struct isakmp_writer *w = phase1_write(ike, sa, ISAKMP_EXCHANGE_MAIN, false);
    policy_write_choice(w, &ike->sa_payload, proposal, transform);
    phase1_write_vendors(ike, sa, w);
    sa->state = PHASE1_MM_R_SA_SENT;
    if (!phase1_send(ike, sa, false))
        sa_free(ike, sa, NULL);
    return true;
}

/* <-- HDR, SA */
bool mm_i_sa(struct ike *ike, struct ike_sa *sa, const struct phase1_input *in, const char **ret_cause)
{
    enum isakmp_error error =
        isakmp_sa_parse(isakmp_payload_find(in->m, ISAKMP_PAYLOAD_SA, 0)->body, &ike->sa_payload);
    if (error != ISAKMP_OK || !policy_check_choice(ike->config, &ike->sa_payload, &sa->policy)) {
        *ret_cause = error != ISAKMP_OK ? isakmp_error_name(error) : "peer chose what we did not offer";
        return false;
    }
    sa->phase1->kx = sa->phase1->kx ? sa->phase1->kx : pool_take(&ike->kx_pool);
    if (!sa->phase1->kx || !job_start(ike, sa->id, 0, sa->policy.group, NULL, (struct bytes){0}))
        return false; /* our retransmission brings the answer again */
    memcpy(sa->cookie_r, in->m->header.responder_cookie, 8);
    phase1_read_vendors(ike, sa, in->m);
    phase1_accept(ike, sa, in->datagram);
    sa->state = PHASE1_MM_I_KEYPAIR;
    sa_timer(ike, sa);
    return true;
}

/* HDR, KE, Ni, NAT-D* --> */
void mm_i_keypair(struct ike *ike, struct ike_sa *sa, struct ike_job *job)
{
    struct key_exchange *kx = sa->phase1->kx;
    kx->keypair = job->keypair;
    phase1_nonce(ike, kx->nonce_i, &kx->nonce_i_len);
    struct isakmp_writer *w = phase1_write(ike, sa, ISAKMP_EXCHANGE_MAIN, false);
    isakmp_write_payload(w, ISAKMP_PAYLOAD_KE, dh_public(&kx->keypair));
    isakmp_write_payload(w, ISAKMP_PAYLOAD_NONCE, bytes_of(kx->nonce_i, kx->nonce_i_len));
    phase1_write_nat_d(ike, sa, w);
    sa->state = PHASE1_MM_I_KE_SENT;
    if (!phase1_send(ike, sa, true))
        phase1_fail(ike, sa, "out of memory");
}

/* --> HDR, KE, Ni, NAT-D* */
bool mm_r_ke(struct ike *ike, struct ike_sa *sa, const struct phase1_input *in, const char **ret_cause)
{
    if (!phase1_take_ke(ike, sa, in->m, ret_cause))
        return false;
    const struct key_exchange *kx = sa->phase1->kx;
    if (!job_start(ike, sa->id, 0, sa->policy.group, NULL, bytes_of(kx->peer_public, kx->peer_public_len)))
        return false;
    phase1_read_nat_d(ike, sa, in);
    phase1_accept(ike, sa, in->datagram);
    sa_half_open_proven(ike, sa);
    sa->state = PHASE1_MM_R_SHARED;
    half_open_record(ike, sa); /* so that the job can be begun anew */
    sa_timer(ike, sa);
    return true;
}

/* <-- HDR, KE, Nr, NAT-D* */
void mm_r_shared(struct ike *ike, struct ike_sa *sa, struct ike_job *job)
{
    struct key_exchange *kx = sa->phase1->kx;
    kx->keypair = job->keypair;
    phase1_nonce(ike, kx->nonce_r, &kx->nonce_r_len);
    if (!phase1_keys(ike, sa, secret_bytes(&job->shared))) {
        phase1_fail(ike, sa, "keys cannot be derived");
        return;
    }
    struct isakmp_writer *w = phase1_write(ike, sa, ISAKMP_EXCHANGE_MAIN, false);
    isakmp_write_payload(w, ISAKMP_PAYLOAD_KE, dh_public(&kx->keypair));
    isakmp_write_payload(w, ISAKMP_PAYLOAD_NONCE, bytes_of(kx->nonce_r, kx->nonce_r_len));
    phase1_write_nat_d(ike, sa, w);
    sa->state = PHASE1_MM_R_KE_SENT;
    if (!phase1_send(ike, sa, false))
        phase1_fail(ike, sa, "out of memory");
}

/* <-- HDR, KE, Nr, NAT-D* */
bool mm_i_ke(struct ike *ike, struct ike_sa *sa, const struct phase1_input *in, const char **ret_cause)
{
    if (!phase1_take_ke(ike, sa, in->m, ret_cause))
        return false;
    const struct key_exchange *kx = sa->phase1->kx;
    if (!job_start(ike, sa->id, 0, sa->policy.group, &kx->keypair,
                   bytes_of(kx->peer_public, kx->peer_public_len)))
        return false;
    phase1_read_nat_d(ike, sa, in);
    phase1_accept(ike, sa, in->datagram);
    sa->state = PHASE1_MM_I_SHARED;
    sa_timer(ike, sa);
    return true;
}

/* HDR*, IDii, HASH_I --> */
void mm_i_shared(struct ike *ike, struct ike_sa *sa, struct ike_job *job)
{
    uint8_t identity[IKE_IDENTITY_MAX + 4], hash[HASH_MAX];
    if (!phase1_keys(ike, sa, secret_bytes(&job->shared))) {
        phase1_fail(ike, sa, "keys cannot be derived");
        return;
    }
    phase1_float(sa);
    struct bytes id = bytes_of(identity, phase1_identity(ike, sa, identity, sizeof(identity)));
    struct isakmp_writer *w = phase1_write(ike, sa, ISAKMP_EXCHANGE_MAIN, true);
    isakmp_write_payload(w, ISAKMP_PAYLOAD_ID, id);
    bool good = phase1_hash(ike, sa, true, id, hash);
    isakmp_write_payload(w, ISAKMP_PAYLOAD_HASH, bytes_of(hash, hash_size(sa->policy.hash)));
    phase1_write_initial_contact(ike, sa, w);
    sa->state = PHASE1_MM_I_AUTH_SENT;
    if (!good || !phase1_send(ike, sa, true))
        phase1_fail(ike, sa, "out of memory");
}

/* ID and HASH of the peer, of both modes. False: it has not our key. */
bool phase1_authenticate(struct ike *ike, struct ike_sa *sa, const struct phase1_input *in)
{
    char peer[ADDRESS_TEXT];
    uint8_t expected[HASH_MAX];
    struct bytes identity = isakmp_payload_find(in->m, ISAKMP_PAYLOAD_ID, 0)->body;
    struct bytes hash = isakmp_payload_find(in->m, ISAKMP_PAYLOAD_HASH, 0)->body;
    struct isakmp_id id;
    if (isakmp_id_parse(identity, &id) == ISAKMP_OK &&
        phase1_hash(ike, sa, !sa->initiator, identity, expected) &&
        bytes_equal_secret(hash, bytes_of(expected, hash_size(sa->policy.hash)))) {
        sa_set_identity(ike, sa, &id);
        return true;
    }
    ike->statistics.authentication_failed++;
    sa->phase1->auth_undecryptable = true;
    if (ike_log_allowed(ike))
        ike_log(ike, 4, "IKMP_AUTH_FAIL",
                "Authentication method 1 failed with host %s: its pre-shared key does not match ours "
                "(crypto isakmp key)",
                address_print(&in->event->datagram.remote.address, peer));
    return false;
}

/* --> HDR*, IDii, HASH_I; <-- HDR*, IDir, HASH_R */
bool mm_r_auth(struct ike *ike, struct ike_sa *sa, const struct phase1_input *in, const char **ret_cause)
{
    uint8_t identity[IKE_IDENTITY_MAX + 4], hash[HASH_MAX];
    (void)ret_cause;
    if (!phase1_authenticate(ike, sa, in))
        return false;
    bool initial_contact = phase1_has_initial_contact(sa, in->m);
    phase1_peer_floated(sa, in->event);
    if (sa->nat_port || sa->nat_remote)
        sa_move(ike, sa, &in->event->datagram.remote);
    phase1_accept(ike, sa, in->datagram);
    struct bytes id = bytes_of(identity, phase1_identity(ike, sa, identity, sizeof(identity)));
    struct isakmp_writer *w = phase1_write(ike, sa, ISAKMP_EXCHANGE_MAIN, true);
    isakmp_write_payload(w, ISAKMP_PAYLOAD_ID, id);
    bool good = phase1_hash(ike, sa, false, id, hash);
    isakmp_write_payload(w, ISAKMP_PAYLOAD_HASH, bytes_of(hash, hash_size(sa->policy.hash)));
    phase1_write_initial_contact(ike, sa, w);
    if (!good || !phase1_done(ike, sa, initial_contact, true)) {
        phase1_fail(ike, sa, "out of memory");
        return true;
    }
    return true;
}

/* <-- HDR*, IDir, HASH_R */
bool mm_i_auth(struct ike *ike, struct ike_sa *sa, const struct phase1_input *in, const char **ret_cause)
{
    (void)ret_cause;
    if (!phase1_authenticate(ike, sa, in))
        return false;
    bool initial_contact = phase1_has_initial_contact(sa, in->m);
    phase1_read_lifetime(sa, in->m);
    phase1_accept(ike, sa, in->datagram);
    if (!phase1_done(ike, sa, initial_contact, false))
        phase1_fail(ike, sa, "out of memory");
    return true;
}
