/* SPDX-License-Identifier: Apache-2.0 */
/* Phase 1 goes on where another one stopped: a member of the group that died, or this process before it did.
 * The message that was sent last may not have left, and its answer may have gone to the dead one: it is sent
 * again, byte for byte, at once, and its deadlines begin anew. A key exchange whose result is lost is begun
 * anew. */
#include "ike/v1/phase1.h"

#include "ike/auth/preshared.h"
#include "ike/exchange/exchange.h"
#include "ike/exchange/message.h"
#include "ike/sa/connection.h"
#include "ike/sa/ike_sa.h"

static bool job_again(struct ike *ike, struct ike_sa *sa)
{
    const struct key_exchange *kx = sa->phase1->kx;
    struct bytes none = {0}, peer = kx ? bytes_of(kx->peer_public, kx->peer_public_len) : none;
    switch (sa->state) {
    case PHASE1_MM_I_KEYPAIR:
    case PHASE1_AM_I_KEYPAIR:
        return job_start(ike, sa->id, 0, sa->policy.group, NULL, none);
    case PHASE1_MM_I_SHARED:
    case PHASE1_AM_I_SHARED:
        return kx && job_start(ike, sa->id, 0, sa->policy.group, &kx->keypair, peer);
    case PHASE1_MM_R_SHARED:
    case PHASE1_AM_R_SHARED:
        return kx && job_start(ike, sa->id, 0, sa->policy.group, NULL, peer);
    default:
        return false;
    }
}

void phase1_resume(struct ike *ike, struct ike_sa *sa)
{
    struct phase1 *p = sa->phase1;
    sa->resume = false;
    if (sa->expires <= ike->now) { /* nobody served for so long */
        sa_free(ike, sa, NULL);
        return;
    }
    sa->expires = ike->now + IKE_HALF_OPEN_TIMEOUT * (sa->initiator ? 2 : 1);
    if (p->sent) {
        bool waits = sa->initiator || sa->state == PHASE1_AM_R_SENT;
        p->tries = 1;
        p->send_at = waits ? ike->now + retransmit_interval(1) : NS_NEVER;
        ike->statistics.retransmissions++;
        ike_debugf(ike, "(%u): phase 1 goes on, last message sent again", sa->number);
        message_send(ike, sa, message_bytes(p->sent));
    } else if (!job_again(ike, sa)) {
        phase1_fail(ike, sa, "cannot be gone on with");
        return;
    }
    sa_timer(ike, sa);
}

bool phase1_find_psk(struct ike *ike, struct ike_sa *sa)
{
    const struct phase1 *p = sa->phase1;
    struct isakmp_id id;
    struct connection *c = sa->aggressive && sa->initiator ? connection_find(ike, p->connection) : NULL;
    if (c && c->config && p->peer < c->config->peer_count && c->config->peers[p->peer].aggressive_key.len)
        return phase1_set_psk(sa, c->config->peers[p->peer].aggressive_key);
    const struct ike_key *key = NULL;
    if (!sa->aggressive || sa->initiator)
        key = preshared_by_address(ike, &sa->remote.address);
    else if (isakmp_id_parse(message_bytes(p->identity_sent), &id) == ISAKMP_OK)
        key = preshared_by_identity(ike, &id, &sa->remote.address);
    return key && phase1_set_psk(sa, key->key);
}
