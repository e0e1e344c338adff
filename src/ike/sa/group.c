/* SPDX-License-Identifier: Apache-2.0 */
/* Roles and timers of groups. Always holds: a timer that is set lies in heaps[t->heap]; no timer of a group
 * that we stand by for runs, except of what is forgotten, which lies in heap 0 like what has no group. */
#include "ike/sa/group.h"

#include "ike/exchange/exchange.h"
#include "ike/intake/fragments.h"
#include "ike/sa/connection.h"
#include "ike/sa/ike_sa.h"
#include "ike/sa/pair.h"
#include "ike/sa/successor.h"

#include <errno.h>

void groups_init(struct ike *ike)
{
    list_init(&ike->loose);
}

void groups_done(struct ike *ike)
{
    for (size_t i = 0; i < ARRAY_SIZE(ike->heaps); i++)
        timer_heap_done(&ike->heaps[i]);
}

uint8_t group_of(const struct ike *ike, const struct address *local)
{
    for (uint8_t g = 1; g < IKE_GROUPS_MAX; g++)
        for (unsigned i = 0; i < IKE_GROUP_ADDRESSES && ike->groups[g].used; i++)
            if (address_is_set(local) && address_equal(&ike->groups[g].local[i], local))
                return g;
    return 0;
}

uint8_t group_of_connection(const struct ike *ike, const struct connection *c)
{
    if (!c || !c->config)
        return 0;
    uint8_t g = c->config->group;
    return g && g < IKE_GROUPS_MAX && ike->groups[g].used ? g : group_of(ike, &c->config->local);
}

bool group_standby(const struct ike *ike, uint8_t group)
{
    return group != 0 && !ike->roles[group].active;
}

/* ---- timers ---- */

int timers_reserve(struct ike *ike, uint8_t group)
{
    uint32_t n =
        ike->sa_pool.taken + ike->exchange_pool.taken + ike->pair_pool.taken + ike->wish_pool.taken + 1;
    if (timer_heap_reserve(&ike->heaps[0], n) < 0)
        return -ENOMEM;
    for (unsigned i = 0; i < 2 && group; i++)
        if (timer_heap_reserve(&ike->heaps[2 * group + i], n) < 0)
            return -ENOMEM;
    return 0;
}

static uint8_t heap_of(const struct ike *ike, const struct timer *t)
{
    if (t->group == 0 || t->forgotten)
        return 0;
    return (uint8_t)(2 * t->group + ike->roles[t->group].active);
}

void group_timer_set(struct ike *ike, struct timer *t, ns at)
{
    uint8_t heap = heap_of(ike, t);
    if (heap != t->heap)
        timer_cancel(&ike->heaps[t->heap], t);
    t->heap = heap;
    timer_set(&ike->heaps[heap], t, at);
}

void group_timer_cancel(struct ike *ike, struct timer *t)
{
    timer_cancel(&ike->heaps[t->heap], t);
}

static bool overdue(const struct ike *ike, const struct timer *t)
{
    return t->heap != 0 && t->at <= ike->roles[t->group].since;
}

struct timer *group_timer_next(const struct ike *ike, ns *ret_at)
{
    struct timer *best = NULL;
    *ret_at = NS_NEVER;
    for (unsigned i = 0; i < ARRAY_SIZE(ike->heaps); i++) {
        const struct group_role *role = &ike->roles[i / 2];
        struct timer *t = timer_heap_first(&ike->heaps[i]);
        if (!t || group_standby(ike, (uint8_t)(i / 2)))
            continue;
        ns at = t->at;
        if (overdue(ike, t) && role->paced >= IKE_TAKEOVER_PACE)
            at = MAX(at, role->paced_from + IKE_TAKEOVER_TICK);
        if (at < *ret_at) {
            *ret_at = at;
            best = t;
        }
    }
    return best;
}

void group_timer_taken(struct ike *ike, struct timer *t)
{
    struct group_role *role = &ike->roles[t->group];
    if (overdue(ike, t)) {
        if (ns_since(ike->now, role->paced_from) >= IKE_TAKEOVER_TICK) {
            role->paced_from = ike->now;
            role->paced = 0;
        }
        role->paced++;
    }
    group_timer_cancel(ike, t);
    ike->acting_group = t->group;
}

void group_timer_forget(struct ike *ike, struct timer *t)
{
    if (!t->forgotten) {
        group_timer_cancel(ike, t);
        t->forgotten = true;
        ike->roles[t->group].forgetting++;
    }
    group_timer_set(ike, t, ike->now);
}

void group_timer_done(struct ike *ike, struct timer *t)
{
    group_timer_cancel(ike, t);
    if (t->forgotten)
        ike->roles[t->group].forgetting--;
    t->forgotten = false;
}

/* ---- roles ---- */

/* The other member goes on with it where it has its record; so do we, should the role come back. */
static void half_open_stand_by(struct ike *ike, struct ike_sa *sa)
{
    if (!sa->half_recorded || sa->doom) {
        sa_free(ike, sa, NULL);
        return;
    }
    reassembly_free(ike, sa);
    sa->resume = true;
    sa_timer(ike, sa);
}

/* What is under way is gone without a word; so is what was about to end. */
static void drop_negotiations(struct ike *ike, uint8_t group)
{
    wishes_drop_group(ike, group);
    list_for_each_safe(&ike->sas, l, next)
    {
        struct ike_sa *sa = list_entry(l, struct ike_sa, all);
        if (sa->timer.group != group)
            continue;
        if (!sa_established(sa)) {
            half_open_stand_by(ike, sa);
            continue;
        }
        list_for_each_safe(&sa->exchanges, e, after)
        {
            struct exchange *x = list_entry(e, struct exchange, on_sa);
            if (x->quick)
                exchange_free(ike, x, NULL);
            else
                exchange_rest(ike, x);
        }
        if (sa->doom)
            sa_forget(ike, sa, (enum sa_doom)sa->doom);
    }
    for (uint32_t slot = 0; slot < ike->slots.mark; slot++) {
        struct ike_pair *p = ike->pairs[slot];
        if (p && p->timer.group == group && p->doom)
            pair_forget(ike, p);
    }
}

static void forget(struct ike *ike, uint8_t group)
{
    drop_negotiations(ike, group);
    for (uint32_t slot = 0; slot < ike->slots.mark; slot++) {
        struct ike_pair *p = ike->pairs[slot];
        if (p && p->timer.group == group && !p->inner)
            pair_forget(ike, p);
    }
    list_for_each(&ike->sas, l)
    {
        struct ike_sa *sa = list_entry(l, struct ike_sa, all);
        if (sa->timer.group == group)
            sa_forget(ike, sa, SA_DOOMED_WITH_PAIRS);
    }
    contacts_forget(ike, group);
}

static void stand_by(struct ike *ike, uint8_t group)
{
    struct timer_heap *from = &ike->heaps[2 * group + 1];
    struct timer *t;
    ike->roles[group].active = false;
    drop_negotiations(ike, group);
    while ((t = timer_heap_first(from)))
        group_timer_set(ike, t, t->at);
}

void group_role(struct ike *ike, uint8_t group, bool active, bool forget_all)
{
    if (group == 0 || group >= IKE_GROUPS_MAX || !ike->groups[group].used)
        return;
    struct group_role *role = &ike->roles[group];
    if (forget_all)
        forget(ike, group);
    if (active && !role->active) {
        role->active = true;
        role->era++;
        role->since = ike->now;
        role->paced = 0;
        role->paced_from = ike->now;
        successor_begin(ike, group);
    } else if (!active && role->active) {
        stand_by(ike, group);
    }
}

bool ike_forgetting(const struct ike *ike, uint8_t group)
{
    return group < IKE_GROUPS_MAX && ike->roles[group].forgetting != 0;
}

/* ---- configuration ---- */

static int regroup(struct ike *ike, struct timer *t, uint8_t group)
{
    bool set = t->place != 0;
    ns at = t->at;
    if (t->group == group || t->forgotten)
        return 0;
    if (timers_reserve(ike, group) < 0)
        return -ENOMEM;
    group_timer_cancel(ike, t);
    t->group = group;
    if (set)
        group_timer_set(ike, t, at);
    return 0;
}

static int sa_regroup(struct ike *ike, struct ike_sa *sa, const bool *stood_by)
{
    uint8_t was = sa->timer.group, is = group_of(ike, &sa->local.address);
    if (was == is || sa->timer.forgotten)
        return 0;
    if (stood_by[was]) {
        sa_forget(ike, sa, SA_DOOMED_WITH_PAIRS);
        return 0;
    }
    list_for_each(&sa->exchanges,
                  e) if (regroup(ike, &list_entry(e, struct exchange, on_sa)->timer, is) < 0) return -ENOMEM;
    sa->era = ike->roles[is].era;
    return regroup(ike, &sa->timer, is);
}

static int pair_regroup(struct ike *ike, struct ike_pair *p, const bool *stood_by)
{
    uint8_t was = p->timer.group, is = group_of(ike, &p->local.address);
    if (was == is || p->timer.forgotten)
        return 0;
    if (stood_by[was]) {
        if (!p->inner)
            pair_forget(ike, p);
        return 0;
    }
    p->era = ike->roles[is].era;
    return regroup(ike, &p->timer, is);
}

int groups_configure(struct ike *ike)
{
    const struct ike_config *config = ike->config;
    bool stood_by[IKE_GROUPS_MAX], changed = false;
    for (uint8_t g = 0; g < IKE_GROUPS_MAX; g++) {
        const struct ike_group *was = &ike->groups[g], *is = &config->groups[g];
        stood_by[g] = was->used && group_standby(ike, g);
        if (was->used != is->used || memcmp(was->local, is->local, sizeof(was->local)) != 0)
            changed = true;
        ike->groups[g] = *is;
        ike->groups[g].used = is->used && g != 0;
        if (!is->used)
            ike->roles[g].active = false;
    }
    if (!changed)
        return 0;
    int result = 0;
    list_for_each(&ike->sas, l) if (sa_regroup(ike, list_entry(l, struct ike_sa, all), stood_by) < 0) result =
        -ENOMEM;
    for (uint32_t slot = 0; slot < ike->slots.mark; slot++)
        if (ike->pairs[slot] && pair_regroup(ike, ike->pairs[slot], stood_by) < 0)
            result = -ENOMEM;
    for (uint32_t b = 0; b < hash_table_buckets(&ike->wish_by_selector); b++)
        for (struct hash_link *l = ike->wish_by_selector.buckets[b]; l; l = l->next) {
            struct wish *w = container_of(l, struct wish, by_selector);
            if (regroup(ike, &w->timer, group_of_connection(ike, w->connection)) < 0)
                result = -ENOMEM;
        }
    for (uint8_t g = 1; g < IKE_GROUPS_MAX; g++)
        if (ike->groups[g].used && group_standby(ike, g) && !stood_by[g])
            drop_negotiations(ike, g);
    return result;
}
