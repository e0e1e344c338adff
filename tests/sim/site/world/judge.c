/* SPDX-License-Identifier: Apache-2.0 */
/* Liveness: what must hold some time after the faults have ended. One member owns the group, has the
 * addresses, the other one stands by in step; each policy has a live pair at both ends that matches; traffic
 * flows. */
#include <stdio.h>

#include "control/control.h"
#include "control/redundancy/redundancy.h"
#include "control/ssp/internal.h"
#include "site/gateway/gateway.h"
#include "site/world/world.h"

static const struct ssp_group *group_of(const struct site_node *n)
{
    const struct control *c = gateway_control(n);
    return c && c->ssp ? c->ssp->groups[1] : NULL;
}

static bool sends(const struct sad_pair *p)
{
    return atomic_load(&p->state) == PAIR_ACTIVE;
}

/* The pair of `other` that is the other end of `p`. */
static bool has_end(const struct sad *other, const struct sad_pair *p)
{
    uint32_t end = atomic_load(&other->slots_used);
    for (uint32_t slot = sad_next_slot(other, 0, end); slot < end;
         slot = sad_next_slot(other, slot + 1, end)) {
        const struct sad_pair *q = &other->pairs[slot];
        uint32_t state = atomic_load(&q->state);
        if ((state == PAIR_ACTIVE || state == PAIR_INBOUND) && q->spi_in == p->spi_out &&
            q->spi_out == p->spi_in)
            return true;
    }
    return false;
}

/* A policy of a spoke: a pair that sends there and is at the owner, too. */
static bool policy_is_live(const struct world *w, const struct sad *spoke, const struct sad *owner,
                           unsigned s, unsigned k)
{
    struct address inside = address_v4(10u << 24 | (64 + s) << 16 | k << 8);
    uint32_t end = atomic_load(&spoke->slots_used);
    (void)w;
    for (uint32_t slot = sad_next_slot(spoke, 0, end); slot < end;
         slot = sad_next_slot(spoke, slot + 1, end)) {
        const struct sad_pair *p = &spoke->pairs[slot];
        if (sends(p) && address_equal(&p->selector.local.address, &inside) && has_end(owner, p))
            return true;
    }
    return false;
}

static bool used(const struct sad *sad, uint32_t slot)
{
    uint32_t state = atomic_load(&sad->pairs[slot].state);
    return sad->pairs[slot].group == 1 &&
           (state == PAIR_INBOUND || state == PAIR_ACTIVE || state == PAIR_SUPERSEDED);
}

/* The standby has the pairs that the owner has, and no others. What another owner may have used is not for
 * it; that is being rekeyed. */
static bool same_pairs(const struct ssp_group *owner, const struct sad *x, const struct sad *y)
{
    uint32_t end = MAX(atomic_load(&x->slots_used), atomic_load(&y->slots_used));
    for (uint32_t slot = 0; slot < end; slot++) {
        if (used(x, slot) && owner->shared.leases[slot].final)
            continue;
        if (used(x, slot) != used(y, slot) ||
            (used(x, slot) && x->pairs[slot].spi_in != y->pairs[slot].spi_in))
            return false;
    }
    return true;
}

static const char *group_look(const struct world *w, unsigned *ret_owner)
{
    static char text[160];
    const struct ssp_group *g[2] = {group_of(w->members[0]), group_of(w->members[1])};
    for (unsigned m = 0; m < 2; m++) {
        if (!gateway_serves(w->members[m]) || !g[m])
            return "a member does not serve";
    }
    unsigned owner = g[0]->shared.membership.state == SESSION_OWNER ? 0 : 1;
    const struct membership *a = &g[owner]->shared.membership, *b = &g[1 - owner]->shared.membership;
    if (a->state != SESSION_OWNER || b->state != SESSION_STANDBY) {
        snprintf(text, sizeof(text), "the members are %s and %s",
                 session_role_name(g[0]->shared.membership.state),
                 session_role_name(g[1]->shared.membership.state));
        return text;
    }
    if (!a->in_step || !b->in_step)
        return "the standby is not in step";
    for (unsigned i = 0; i < g[owner]->name_count; i++) {
        if (!redundancy_is_active(g[owner]->control, g[owner]->names[i]) ||
            redundancy_is_active(g[1 - owner]->control, g[owner]->names[i]))
            return "the addresses are not where the owner is";
    }
    const struct sad *x = gateway_sad(w->members[owner]), *y = gateway_sad(w->members[1 - owner]);
    if (!sad_group_active(atomic_load(&x->groups[1].word)) ||
        sad_group_active(atomic_load(&y->groups[1].word)))
        return "the SA tables do not know whose the group is";
    if (!same_pairs(g[owner], x, y))
        return "the standby has other pairs than the owner";
    *ret_owner = owner;
    return NULL;
}

const char *world_settled(const struct world *w)
{
    static char text[160];
    unsigned owner = 0;
    const char *why = group_look(w, &owner);
    if (why)
        return why;
    for (unsigned s = 0; s < w->spoke_count; s++) {
        if (!gateway_serves(w->spokes[s]))
            return "a spoke does not serve";
        for (unsigned k = 0; k < w->policies; k++) {
            if (policy_is_live(w, gateway_sad(w->spokes[s]), gateway_sad(w->members[owner]), s, k))
                continue;
            snprintf(text, sizeof(text), "policy %u of spoke %u has no live pair", k, s + 1);
            return text;
        }
    }
    return NULL;
}

const char *world_flows(const struct world *w, ns within)
{
    static char text[160];
    for (unsigned i = 0; i < w->flow_count; i++) {
        ns silent = ns_since(w->site.schedule.now, w->flows[i].heard);
        if (silent <= within + 3 * w->flows[i].period)
            continue;
        snprintf(text, sizeof(text), "flow %u %s spoke %u is silent for %lu ms", i, i % 2 ? "from" : "to",
                 i / 2 / w->policies + 1, silent / NS_PER_MS);
        return text;
    }
    return NULL;
}
