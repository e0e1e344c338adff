/* SPDX-License-Identifier: Apache-2.0 */
/* An IKE SA is established: what it replaces, what it takes over of the same peer, how long it lives. */
#include "ike/sa/ike_sa.h"

#include "ike/sa/connection.h"
#include "ike/sa/pair.h"

/* RFC 2407 §4.6.3.3: the peer has no other SAs. By identity; an address as identity says nothing once NAT is
 * between, where many peers call themselves 192.168.1.1 (RFC 3947 §6). SAs that came up while this one was
 * being made are not meant: both sides may begin at once. Nor are those with another address of ours: each
 * address is an identity of its own, and to the peer another gateway. */
static void honour_initial_contact(struct ike *ike, struct ike_sa *sa)
{
    uint32_t h = sa_identity_hash(ike, sa);
    for (struct hash_link *l = hash_table_first(&ike->sa_by_identity, h); l; l = hash_link_next(l, h)) {
        struct ike_sa *old = container_of(l, struct ike_sa, by_identity);
        if (old == sa || !sa_established(old) || !sa_same_identity(old, sa) ||
            old->established >= sa->created || !address_equal(&old->local.address, &sa->local.address))
            continue;
        bool is_address =
            sa->identity_type == ISAKMP_ID_IPV4_ADDR || sa->identity_type == ISAKMP_ID_IPV6_ADDR;
        if (is_address && (sa->nat_remote || old->nat_remote) && !endpoint_equal(&sa->remote, &old->remote))
            continue;
        ike_debugf(ike, "(%u): peer starts anew: IKE SA (%u) of the same identity goes", sa->number,
                   old->number);
        sa_doom(ike, old, SA_DOOMED_WITH_PAIRS, false);
    }
    orphans_forget(ike, sa);
}

static bool same_peer(const struct ike_sa *old, const struct ike_sa *sa)
{
    return sa_on_path(old, &sa->local.address, &sa->remote.address) &&
           (sa_same_identity(old, sa) || (!old->nat_remote && !sa->nat_remote));
}

static void adopt(struct ike *ike, struct ike_sa *sa)
{
    uint32_t h = sa_path_hash(ike, &sa->local.address, &sa->remote.address);
    for (struct hash_link *l = hash_table_first(&ike->sa_by_path, h); l; l = hash_link_next(l, h)) {
        struct ike_sa *old = container_of(l, struct ike_sa, by_path);
        if (old == sa || !sa_alive(old) || !same_peer(old, sa))
            continue;
        while (!list_empty(&old->pairs))
            pair_adopt(ike, list_entry(old->pairs.next, struct ike_pair, on_sa), sa);
        sa->session_up = sa->session_up || old->session_up;
        old->session_up = false;
        old->superseded = true;
        old->reauth_at = NS_NEVER;
        if (old->id == sa->replaces)
            old->delete_at = ike->now + IKE_SA_OVERLAP;
        old->dirty = true;
        sa_timer(ike, old);
    }
    orphans_adopt(ike, sa);
}

/* How long before its end an IKE SA is made anew. Who began the old one begins first; the jitter spreads
 * many. */
static ns reauth_margin(struct ike *ike, const struct ike_sa *sa, ns life)
{
    ns margin = ns_min(life / 4, IKE_REAUTH_MARGIN_MAX);
    if (!sa->initiator)
        margin /= 2;
    return margin + margin / 4 * rng_below(&ike->rng, 1000) / 1000;
}

void sa_relife(struct ike *ike, struct ike_sa *sa)
{
    ns life = (ns)MAX(sa->policy.lifetime_seconds, (uint32_t)IKE_LIFETIME_MIN) * NS_PER_S;
    sa->expires = sa->established + life;
    if (!sa->superseded)
        sa->reauth_at = sa->expires - reauth_margin(ike, sa, life);
    sa_timer(ike, sa);
}

void sa_establish(struct ike *ike, struct ike_sa *sa, bool initial_contact)
{
    char peer[ENDPOINT_TEXT];
    sa_half_open_remove(ike, sa);
    sa_unindex_remote(ike, sa);
    sa->state = PHASE1_ESTABLISHED;
    sa->established = sa->last_in = ike->now;
    sa_relife(ike, sa);
    if (sa->nat_local && ike->config->nat_keepalive_seconds)
        sa->keepalive_at = ike->now + ike->config->nat_keepalive_seconds * NS_PER_S;
    sa->dpd_sequence_out = rng_u32(&ike->rng) >> 2;
    sa_index_path(ike, sa);
    if (initial_contact && sa->identity)
        honour_initial_contact(ike, sa);
    adopt(ike, sa);
    contact_note(ike, &sa->local.address, &sa->remote.address);
    ike->statistics.phase1_established++;
    ike_warn_weak(ike, sa->policy.encryption, sa->policy.hash, sa->policy.group);
    ike_debugf(ike, "(%u): SA has been authenticated with %s", sa->number, endpoint_print(&sa->remote, peer));
    if (ike->debug_keys && ike->out) {
        struct ike_action *a = action_add(ike, IKE_ACTION_KEYS);
        memcpy(a->keys.cookie_initiator, sa->cookie_i, 8);
        a->keys.key = action_copy(ike, bytes_of(sa->key, sa->key_len));
    }
    list_for_each_safe(&sa->wishes, l, next) wish_kick(ike, list_entry(l, struct wish, on_sa));
}
