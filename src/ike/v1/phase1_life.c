/* SPDX-License-Identifier: Apache-2.0 */
/* How phase 1 begins and ends: initiating, sending again, giving up, hints that nobody authenticated, and the
 * moment in which the peer is proven. Called by connections (sa/connection.c), by timers, and by the steps of
 * both modes. */
#include "ike/v1/phase1.h"

#include "ike/auth/preshared.h"
#include "ike/exchange/exchange.h"
#include "ike/exchange/message.h"
#include "ike/half_open_record.h"
#include "ike/sa/connection.h"
#include "ike/sa/ike_sa.h"
#include "ike/v1/dpd.h"
#include "ike/v1/informational.h"

#include <stdio.h>

static const char *mode_name(const struct ike_sa *sa)
{
    return sa->aggressive ? "Aggressive" : "Main";
}

/* ---- beginning and ending ---- */

bool phase1_set_psk(struct ike_sa *sa, struct bytes key)
{
    message_free(&sa->phase1->psk);
    sa->phase1->psk = message_copy(key);
    return sa->phase1->psk != NULL;
}

struct ike_sa *phase1_initiate(struct ike *ike, const struct ike_connection *config, uint32_t peer,
                               uint64_t replaces, const char **ret_cause)
{
    const struct ike_peer *p = &config->peers[peer];
    const struct ike_key *key = preshared_by_address(ike, &p->address);
    struct bytes psk = key ? key->key : (struct bytes){0};
    bool aggressive = p->aggressive && !ike->config->aggressive_disabled;
    if (aggressive && p->aggressive_key.len)
        psk = p->aggressive_key;
    if (psk.len == 0) {
        *ret_cause = "no pre-shared key for it";
        return NULL;
    }
    struct endpoint local = {config->local, ISAKMP_PORT}, remote = {p->address, ISAKMP_PORT};
    struct ike_sa *sa = sa_new(ike, true, &local, &remote);
    if (!sa || !phase1_set_psk(sa, psk)) {
        if (sa)
            sa_free(ike, sa, NULL);
        *ret_cause = "too many IKE SAs";
        return NULL;
    }
    sa->aggressive = aggressive;
    sa->replaces = replaces;
    sa->phase1->connection = config->id;
    sa->phase1->peer = peer;
    ike->statistics.phase1_initiated++;
    if (aggressive) {
        if (!am_start(ike, sa, ret_cause)) {
            sa_free(ike, sa, NULL);
            return NULL;
        }
    } else {
        mm_start(ike, sa);
        if (!sa->phase1->sent) {
            sa_free(ike, sa, NULL);
            *ret_cause = "no isakmp policy with pre-shared keys";
            return NULL;
        }
    }
    sa_timer(ike, sa);
    return sa;
}

bool phase1_reauthenticate(struct ike *ike, struct ike_sa *old)
{
    const char *cause = NULL;
    if (sa_find_path_initiating(ike, &old->local.address, &old->remote.address))
        return true;
    struct peer_link *link = peer_link_find(ike, &old->local.address, &old->remote.address, NULL);
    /* A peer that is not known beforehand comes again by itself. */
    bool ours = link && !link->connection->config->dynamic;
    struct ike_sa *sa =
        ours ? phase1_initiate(ike, link->connection->config, link->peer, old->id, &cause) : NULL;
    if (!sa)
        return false;
    ike->statistics.rekeys++;
    return true;
}

static void log_failure(struct ike *ike, struct ike_sa *sa, const char *cause)
{
    char peer[ADDRESS_TEXT], where[96] = "";
    struct connection *c = sa->phase1 && sa->phase1->connection != UINT32_MAX
                               ? connection_find(ike, sa->phase1->connection)
                               : NULL;
    if (c && c->config)
        snprintf(where, sizeof(where), " (crypto map %.48s %u)", c->config->map_name, c->config->sequence);
    ike_log(ike, 6, "IKMP_MODE_FAILURE", "Processing of %s mode failed with peer at %s%s: %s", mode_name(sa),
            address_print(&sa->remote.address, peer), where, cause);
}

void phase1_fail(struct ike *ike, struct ike_sa *sa, const char *cause)
{
    char text[128];
    snprintf(text, sizeof(text), "%s", cause); /* it may lie in what is freed */
    if (sa->initiator || ike_log_allowed(ike))
        log_failure(ike, sa, text);
    sa_free(ike, sa, text);
}

/* A real answer may still come for a moment, but nothing is sent again. */
static void lose_patience(struct ike *ike, struct ike_sa *sa)
{
    struct phase1 *p = sa->phase1;
    if (p->send_at != NS_NEVER) {
        p->tries = IKE_TRIES;
        p->send_at = ns_min(p->send_at, ike->now + IKE_HINT_PATIENCE);
        sa_timer(ike, sa);
    }
}

void phase1_hint(struct ike *ike, struct ike_sa *sa, uint16_t type)
{
    struct phase1 *p = sa->phase1;
    if (!p || !sa->initiator || type == 0 || type >= 8192)
        return;
    p->hint = (uint8_t)MIN(type, 255);
    lose_patience(ike, sa);
}

/* A peer with another key answers our authentication with an error that it seals with its own: it cannot say
 * anything that we could read. A notify that overtook the answer looks the same, so one counts only when
 * another follows after we sent again. */
void phase1_unreadable(struct ike *ike, struct ike_sa *sa)
{
    struct phase1 *p = sa->phase1;
    if (!p || sa->state != PHASE1_MM_I_AUTH_SENT || p->unreadable > 1)
        return;
    if (p->unreadable == 0 || p->tries > 1)
        p->unreadable++;
    if (p->unreadable > 1) {
        p->auth_undecryptable = true;
        lose_patience(ike, sa);
    }
}

static const char *give_up_cause(const struct ike_sa *sa, char *out, size_t size)
{
    const struct phase1 *p = sa->phase1;
    if (p->hint) {
        bool key = p->hint == ISAKMP_NOTIFY_PAYLOAD_MALFORMED && sa->state == PHASE1_MM_I_AUTH_SENT;
        snprintf(out, size, "peer says %s%s", isakmp_notify_name(p->hint),
                 key ? ": the pre-shared keys probably differ" : "");
        return out;
    }
    if (p->auth_undecryptable || sa->state == PHASE1_MM_I_AUTH_SENT)
        return "no usable answer to our authentication: the pre-shared keys probably differ";
    return sa->state == PHASE1_MM_I_SA_SENT || sa->state == PHASE1_AM_I_SENT ? "no answer"
                                                                             : "peer stopped answering";
}

void phase1_hasten(struct ike *ike, struct ike_sa *sa)
{
    struct phase1 *p = sa->phase1;
    if (p && p->tries == 1 && p->send_at != NS_NEVER) {
        p->send_at = ns_min(p->send_at, ike->now);
        sa_timer(ike, sa);
    }
}

void phase1_timer(struct ike *ike, struct ike_sa *sa)
{
    struct phase1 *p = sa->phase1;
    if (sa->resume) {
        phase1_resume(ike, sa);
        return;
    }
    char cause[128];
    unsigned most = sa->state == PHASE1_AM_R_SENT ? IKE_TRIES_AGGRESSIVE_ANSWER : IKE_TRIES;
    if (p->send_at <= ike->now && p->tries >= most && sa->initiator) {
        phase1_fail(ike, sa, give_up_cause(sa, cause, sizeof(cause)));
        return;
    }
    if (sa->expires <= ike->now) {
        phase1_fail(ike, sa, give_up_cause(sa, cause, sizeof(cause)));
        return;
    }
    if (p->send_at <= ike->now && p->tries >= most)
        p->send_at = NS_NEVER; /* a responder's patience ends with the half-open timeout */
    if (p->send_at <= ike->now) {
        p->tries++;
        p->send_at = ike->now + retransmit_interval(p->tries);
        ike->statistics.retransmissions++;
        ike_debugf(ike, "(%u): retransmitting phase 1 %s, attempt %u of %u", sa->number, mode_name(sa),
                   p->tries, most);
        message_send(ike, sa, message_bytes(p->sent));
    }
    sa_timer(ike, sa);
}

/* ---- the end ---- */

void phase1_accept(struct ike *ike, struct ike_sa *sa, struct bytes datagram)
{
    struct phase1 *p = sa->phase1;
    p->answered = ike_digest(ike, datagram);
    p->hint = 0;
    p->send_at = NS_NEVER;
    sa->resume = false;
    message_free(&p->sent);
}

bool phase1_done(struct ike *ike, struct ike_sa *sa, bool initial_contact, bool last)
{
    struct bytes whole = {0};
    struct phase1 *p = sa->phase1;
    if (last) {
        whole = message_seal(ike, sa, p->iv);
        sa->answer = whole.len ? message_copy(whole) : NULL;
        if (!sa->answer)
            return false;
        sa->answered = p->answered;
        sa->answer_until = ike->now + IKE_ANSWER_KEPT;
    }
    uint32_t spi = sa->invalid_spi;
    memcpy(sa->iv_base, p->iv, sizeof(sa->iv_base));
    phase1_free(ike, sa);
    sa_establish(ike, sa, initial_contact);
    dpd_start(ike, sa);
    record_sa(ike, sa);
    half_open_forget(ike, sa);
    message_send(ike, sa, whole);
    if (spi)
        informational_invalid_spi(ike, sa, sa->invalid_spi_protocol, spi);
    sa->invalid_spi = 0;
    sa_timer(ike, sa);
    return true;
}
