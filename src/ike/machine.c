/* SPDX-License-Identifier: Apache-2.0 */
/* The top of the machine: making it, configuring it, and the step. A step handles its event, then works off
 * what is due as long as there is room for its actions; the rest stays due and ike_deadline says so. */
#include "ike/machine.h"

#include "ike/auth/preshared.h"
#include "ike/exchange/exchange.h"
#include "ike/exchange/message.h"
#include "ike/half_open_record.h"
#include "ike/intake/fragments.h"
#include "ike/intake/intake.h"
#include "ike/negotiate/proxy.h"
#include "ike/replica.h"
#include "ike/sa/connection.h"
#include "ike/sa/group.h"
#include "ike/sa/ike_sa.h"
#include "ike/sa/pair.h"
#include "ike/sa/slots.h"
#include "ike/sa/successor.h"
#include "ike/v1/dpd.h"
#include "ike/v1/informational.h"
#include "ike/v1/phase1.h"
#include "ike/v1/quick_mode.h"

#include <assert.h>
#include <stdlib.h>

enum { UNITS_PER_STEP = 1024 };

static const struct ike_config no_config;

/* ---- making ---- */

static void limits_set(struct ike *ike, const struct ike_limits *limits)
{
    ike->limits = *limits;
    if (ike->limits.sa_max == 0)
        ike->limits.sa_max = IKE_SA_MAX_DEFAULT;
    ike->limits.pair_max = MIN(ike->limits.pair_max, (uint32_t)SPI_SLOTS_MAX);
    assert(ike->limits.pair_max > 0 && ike->limits.member < SPI_MEMBERS_MAX);
}

static int tables_init(struct ike *ike)
{
    uint32_t sas = ike->limits.sa_max, pairs = ike->limits.pair_max;
    struct {
        struct hash_table *table;
        uint32_t expected;
    } tables[] = {
        {&ike->sa_by_id, sas},           {&ike->sa_by_cookie, sas},       {&ike->sa_by_initial, sas / 8},
        {&ike->sa_by_path, sas},         {&ike->sa_by_remote, sas},       {&ike->sa_by_identity, sas},
        {&ike->pair_by_spi_out, pairs},  {&ike->pair_by_selector, pairs}, {&ike->orphan_by_path, pairs / 8},
        {&ike->connection_by_id, pairs}, {&ike->contact_by_path, sas},    {&ike->wish_by_selector, pairs / 8},
        {&ike->source_by_address, 4096},
    };
    for (size_t i = 0; i < ARRAY_SIZE(tables); i++)
        if (hash_table_init(tables[i].table, MAX(tables[i].expected, 16u)) < 0)
            return -1;
    return 0;
}

static void pools_init(struct ike *ike)
{
    uint32_t sas = ike->limits.sa_max, pairs = ike->limits.pair_max;
    pool_init(&ike->sa_pool, sizeof(struct ike_sa), sas);
    pool_init(&ike->phase1_pool, sizeof(struct phase1), MIN(sas, (uint32_t)IKE_NEGOTIATIONS_MAX * 2));
    pool_init(&ike->kx_pool, sizeof(struct key_exchange), IKE_NEGOTIATIONS_MAX);
    pool_init(&ike->exchange_pool, sizeof(struct exchange), MAX(sas, pairs));
    pool_init(&ike->quick_pool, sizeof(struct quick), IKE_NEGOTIATIONS_MAX);
    pool_init(&ike->pair_pool, sizeof(struct ike_pair), pairs);
    pool_init(&ike->connection_pool, sizeof(struct connection), SPI_SLOTS_MAX * 2);
    pool_init(&ike->wish_pool, sizeof(struct wish), IKE_WISHES_MAX);
    pool_init(&ike->source_pool, sizeof(struct source), sas);
    pool_init(&ike->contact_pool, sizeof(struct contact), sas);
    pool_init(&ike->reassembly_pool, reassembly_size(), IKE_REASSEMBLIES_MAX);
}

struct ike *ike_new(const struct ike_limits *limits, const uint8_t seed[32])
{
    struct ike *ike = calloc(1, sizeof(*ike));
    if (!ike)
        return NULL;
    limits_set(ike, limits);
    rng_init(&ike->rng, seed);
    ike->seed = rng_u64(&ike->rng);
    ike->config = &no_config;
    ike->member = ike->limits.member;
    list_init(&ike->sas);
    list_init(&ike->connections);
    list_init(&ike->fresh);
    list_init(&ike->proven);
    groups_init(ike);
    pools_init(ike);
    ike->pairs = calloc(ike->limits.pair_max, sizeof(*ike->pairs));
    if (!ike->pairs || tables_init(ike) < 0 || slots_init(ike) < 0) {
        ike_free(ike);
        return NULL;
    }
    return ike;
}

/* Objects own little outside their pools: what the lists still name. */
static void objects_free(struct ike *ike)
{
    list_for_each_safe(&ike->sas, l, next)
    {
        struct ike_sa *sa = list_entry(l, struct ike_sa, all);
        list_for_each(&sa->exchanges, e)
        {
            struct exchange *x = list_entry(e, struct exchange, on_sa);
            message_free(&x->sent);
            if (x->quick)
                message_free(&x->quick->peer);
        }
        if (sa->phase1)
            phase1_free(ike, sa);
        reassembly_free(ike, sa);
        message_free(&sa->answer);
        free(sa->identity);
    }
}

void ike_free(struct ike *ike)
{
    if (!ike)
        return;
    objects_free(ike);
    connections_done(ike);
    preshared_done(ike);
    struct hash_table *tables[] = {&ike->sa_by_id,         &ike->sa_by_cookie,     &ike->sa_by_initial,
                                   &ike->sa_by_path,       &ike->sa_by_remote,     &ike->sa_by_identity,
                                   &ike->pair_by_spi_out,  &ike->pair_by_selector, &ike->orphan_by_path,
                                   &ike->connection_by_id, &ike->contact_by_path,  &ike->wish_by_selector,
                                   &ike->source_by_address};
    for (size_t i = 0; i < ARRAY_SIZE(tables); i++)
        hash_table_done(tables[i]);
    struct pool *pools[] = {&ike->sa_pool,     &ike->phase1_pool,  &ike->kx_pool,         &ike->exchange_pool,
                            &ike->quick_pool,  &ike->pair_pool,    &ike->connection_pool, &ike->wish_pool,
                            &ike->source_pool, &ike->contact_pool, &ike->reassembly_pool};
    for (size_t i = 0; i < ARRAY_SIZE(pools); i++)
        pool_done(pools[i]);
    slots_done(ike);
    groups_done(ike);
    free(ike->pairs);
    wipe(ike, sizeof(*ike));
    free(ike);
}

void ike_configure(struct ike *ike, const struct ike_config *config, ns now)
{
    ike->now = now;
    ike->config = config;
    if (config->members > 0 && config->member < MIN(config->members, SPI_MEMBERS_MAX)) {
        ike->member = config->member;
        ike->members = config->members;
    } else {
        ike->member = ike->limits.member;
        ike->members = 0;
    }
    /* Without memory for the indexes nothing new can be negotiated; what stands goes on. */
    bool grouped = groups_configure(ike) == 0;
    ike->config_failed = preshared_index(ike) < 0 || connections_configure(ike) < 0 || !grouped;
    list_for_each(&ike->sas, l)
    {
        struct ike_sa *sa = list_entry(l, struct ike_sa, all);
        if (sa_alive(sa)) {
            dpd_start(ike, sa);
            sa_timer(ike, sa);
        }
    }
}

void ike_debug(struct ike *ike, bool messages, bool keys)
{
    ike->debug_messages = messages;
    ike->debug_keys = keys;
}

/* ---- timers ---- */

static void sa_end_doomed(struct ike *ike, struct ike_sa *sa)
{
    if (sa->doom == SA_DOOMED_WITH_PAIRS && !list_empty(&sa->pairs)) {
        sa_timer(ike, sa);
        return;
    }
    if (sa->tell && sa_established(sa)) {
        record_forget(ike, IKE_RECORD_SA, sa->id);
        sa->unrecorded = true;
        informational_delete_sa(ike, sa);
    }
    list_for_each_safe(&sa->wishes, l, next)
    {
        struct wish *w = list_entry(l, struct wish, on_sa);
        if (!w->fresh) /* with a quick mode under way, too: the peer is not to blame */
            wish_retry_peer(ike, w);
    }
    struct address local = sa->local.address, remote = sa->remote.address;
    bool dangling = !list_empty(&sa->pairs) && !sa->superseded && sa->dpd;
    sa_free(ike, sa, "IKE SA deleted");
    if (dangling)
        dpd_take_up(ike, &local, &remote);
}

static void sa_established_timer(struct ike *ike, struct ike_sa *sa)
{
    successor_sa(ike, sa);
    if (sa->doom)
        return;
    if (sa->resume)
        successor_answers(ike, sa);
    if (sa->expires <= ike->now || sa->delete_at <= ike->now) {
        ike_debugf(ike, "(%u): IKE SA is at its end", sa->number);
        sa_doom(ike, sa, SA_DOOMED, true);
        return;
    }
    if (sa->answer && sa->answer_until <= ike->now)
        message_free(&sa->answer);
    if (sa->dirty) {
        sa->dirty = false;
        record_sa(ike, sa);
        half_open_forget(ike, sa);
    }
    if (sa->reauth_at <= ike->now) {
        if (!list_empty(&sa->pairs) && !phase1_reauthenticate(ike, sa))
            ike_debugf(ike, "(%u): cannot be re-authenticated by us", sa->number);
        /* Nothing to carry: it just ends. */
        ns again = ike->now + IKE_HALF_OPEN_TIMEOUT + NS_PER_S;
        sa->reauth_at = again < sa->expires && !list_empty(&sa->pairs) ? again : NS_NEVER;
    }
    if (sa->keepalive_at <= ike->now) {
        static const uint8_t keepalive = ISAKMP_NAT_KEEPALIVE;
        struct ike_action *a = action_add(ike, IKE_ACTION_SEND);
        a->send.local = sa->local;
        a->send.remote = sa->remote;
        a->send.nat_port = true;
        a->send.keepalive = true;
        a->send.data = action_copy(ike, bytes_of(&keepalive, 1));
        uint32_t interval = ike->config->nat_keepalive_seconds;
        sa->keepalive_at = interval ? ike->now + interval * NS_PER_S : NS_NEVER;
    }
    if (sa->dpd_at <= ike->now)
        dpd_timer(ike, sa);
    sa_timer(ike, sa);
}

static void sa_timer_fired(struct ike *ike, struct ike_sa *sa)
{
    if (sa->doom)
        sa_end_doomed(ike, sa);
    else if (reassembly_deadline(sa) <= ike->now) {
        reassembly_free(ike, sa);
        sa_timer(ike, sa);
    } else if (sa_established(sa))
        sa_established_timer(ike, sa);
    else
        phase1_timer(ike, sa);
}

static void timer_fired(struct ike *ike, struct timer *t)
{
    switch (t->kind) {
    case TIMER_SA:
        sa_timer_fired(ike, container_of(t, struct ike_sa, timer));
        break;
    case TIMER_EXCHANGE:
        exchange_step(ike, container_of(t, struct exchange, timer));
        break;
    case TIMER_PAIR:
        pair_step(ike, container_of(t, struct ike_pair, timer));
        break;
    case TIMER_WISH:
        wish_step(ike, container_of(t, struct wish, timer));
        break;
    }
}

/* ---- events ---- */

static void on_acquire(struct ike *ike, const struct ike_event *e)
{
    struct connection *c = connection_find(ike, e->acquire.connection);
    struct selector s = e->acquire.selector;
    proxy_widen(&s); /* pairs and wishes are known by what IKEv1 can say */
    if (c && c->config && pair_find_current(ike, c, &s))
        return; /* it came up meanwhile */
    if (c && c->config && !c->config->dynamic && c->quiet_until <= ike->now &&
        wish_make(ike, c, &e->acquire.selector, UINT32_MAX, true))
        return;
    if (c && c->config && c->config->dynamic) {
        char text[SELECTOR_TEXT];
        ike_log(ike, 4, "DYNAMIC_NO_SA",
                "crypto map %s %u: no SA for %s, and a dynamic crypto map does not initiate: dropped",
                c->config->map_name, c->config->sequence, selector_print(&e->acquire.selector, text));
    }
    struct ike_action *a = action_add(ike, IKE_ACTION_ACQUIRE_FAILED);
    a->acquire_failed.connection = e->acquire.connection;
    a->acquire_failed.selector = e->acquire.selector;
}

static void on_job(struct ike *ike, struct ike_job *job)
{
    ike->jobs -= ike->jobs > 0;
    struct ike_sa *sa = sa_find_id(ike, job->sa);
    if (sa && !sa->doom && !group_standby(ike, sa->timer.group)) {
        struct exchange *x = job->exchange ? exchange_find_id(sa, job->exchange) : NULL;
        if (x)
            quick_job(ike, x, job);
        else if (job->exchange == 0)
            phase1_job(ike, sa, job);
    }
    ike_job_free(job);
}

static void on_pair(struct ike *ike, const struct ike_event *e)
{
    if (e->type == IKE_EVENT_SLOT_FREE) {
        slot_drained(ike, e->pair.slot);
        return;
    }
    struct ike_pair *p = pair_find(ike, e->pair.slot, e->pair.spi_in);
    if (!p || p->doom)
        return;
    p = p->inner ? p->inner : p;
    switch (e->type) {
    case IKE_EVENT_PAIR_SOFT:
        pair_soft(ike, p);
        break;
    case IKE_EVENT_PAIR_HARD:
        pair_doom(ike, p, true);
        break;
    case IKE_EVENT_PAIR_USED:
        if (p->confirmed)
            break;
        if (p->sa)
            list_for_each(&p->sa->exchanges, l)
            {
                struct exchange *x = list_entry(l, struct exchange, on_sa);
                if (x->slot == p->slot && x->state == EXCHANGE_R_SENT)
                    exchange_finish(ike, x, EXCHANGE_R_DONE);
            }
        pair_confirm(ike, p, false);
        break;
    case IKE_EVENT_PEER_MOVED:
        if (p->sa && p->sa->nat_remote && sa_alive(p->sa))
            sa_move(ike, p->sa, &e->pair.remote);
        break;
    default:
        break;
    }
}

static void on_invalid_spi(struct ike *ike, const struct ike_event *e)
{
    const char *cause = NULL;
    ike->statistics.invalid_spi++;
    struct ike_sa *sa = sa_find_path(ike, &e->invalid_spi.local, &e->invalid_spi.remote);
    if (sa) {
        informational_invalid_spi(ike, sa, e->invalid_spi.protocol, e->invalid_spi.spi);
        return;
    }
    sa = sa_find_path_initiating(ike, &e->invalid_spi.local, &e->invalid_spi.remote);
    if (sa) { /* perhaps made for traffic of ours: the peer is told all the same, once it is established */
        if (!sa->invalid_spi) {
            sa->invalid_spi = e->invalid_spi.spi;
            sa->invalid_spi_protocol = e->invalid_spi.protocol;
        }
        phase1_hasten(ike, sa);
        return;
    }
    struct peer_link *link = peer_link_find(ike, &e->invalid_spi.local, &e->invalid_spi.remote, NULL);
    if (!ike->config->invalid_spi_recovery || !link || link->connection->config->dynamic ||
        link->connection->quiet_until > ike->now)
        return;
    sa = phase1_initiate(ike, link->connection->config, link->peer, 0, &cause);
    if (!sa)
        return;
    link->connection->quiet_until = 0;
    sa->invalid_spi = e->invalid_spi.spi;
    sa->invalid_spi_protocol = e->invalid_spi.protocol;
}

/* Only those that are being made: a failure to send may be forged, and established SAs have DPD. */
static void on_path_failed(struct ike *ike, const struct ike_event *e)
{
    struct ike_sa *sa;
    for (unsigned i = 0; i < 4 && (sa = sa_find_initiating_to(ike, &e->path_failed.remote.address)); i++)
        phase1_fail(ike, sa, "cannot be reached");
}

static void forget_local(struct ike *ike, const struct address *local)
{
    for (uint32_t slot = 0; slot < ike->limits.pair_max; slot++) {
        struct ike_pair *p = ike->pairs[slot];
        if (p && !p->inner && !p->loose && p->timer.group == 0 && address_equal(&p->local.address, local))
            pair_forget(ike, p);
    }
    list_for_each(&ike->sas, l)
    {
        struct ike_sa *sa = list_entry(l, struct ike_sa, all);
        if (sa->timer.group == 0 && address_equal(&sa->local.address, local))
            sa_forget(ike, sa, SA_DOOMED_WITH_PAIRS);
    }
}

static void on_clear(struct ike *ike, const struct ike_event *e)
{
    if (e->clear.scope == IKE_CLEAR_LOCAL) {
        forget_local(ike, &e->clear.peer);
        return;
    }
    for (uint32_t slot = 0; slot < ike->limits.pair_max; slot++) {
        struct ike_pair *p = ike->pairs[slot];
        if (!p || p->inner || p->loose || group_standby(ike, p->timer.group))
            continue;
        enum ike_clear_scope scope = e->clear.scope;
        if (scope == IKE_CLEAR_EVERYTHING || scope == IKE_CLEAR_ALL_PAIRS ||
            (scope == IKE_CLEAR_PEER_PAIRS && address_equal(&p->remote.address, &e->clear.peer)) ||
            (scope == IKE_CLEAR_CONNECTION && p->connection->id == e->clear.number) ||
            (scope == IKE_CLEAR_PAIR && slot == e->clear.number))
            pair_doom(ike, p, true);
    }
    list_for_each(&ike->sas, l)
    {
        struct ike_sa *sa = list_entry(l, struct ike_sa, all);
        enum ike_clear_scope scope = e->clear.scope;
        if (group_standby(ike, sa->timer.group))
            continue;
        if (scope == IKE_CLEAR_EVERYTHING || scope == IKE_CLEAR_ALL_ISAKMP ||
            (scope == IKE_CLEAR_ONE_ISAKMP && sa->number == e->clear.number))
            sa_doom(ike, sa, SA_DOOMED_WITH_PAIRS, true);
    }
    if (e->clear.scope == IKE_CLEAR_CONNECTION || e->clear.scope == IKE_CLEAR_EVERYTHING)
        wishes_drop(ike, e->clear.scope == IKE_CLEAR_CONNECTION ? (uint32_t)e->clear.number : UINT32_MAX);
}

static void on_traffic(struct ike *ike, const struct ike_event *e)
{
    if (e->traffic.sa & QUERY_PAIR) {
        pair_traffic(ike, (uint32_t)e->traffic.sa, MAX(e->traffic.last_in, e->traffic.last_out));
        return;
    }
    struct ike_sa *sa = sa_find_id(ike, e->traffic.sa);
    if (sa)
        dpd_traffic(ike, sa, e->traffic.last_in, e->traffic.last_out);
}

/* The group that an event is about; 0: none, or it takes care of that itself. */
static uint8_t group_of_event(const struct ike *ike, const struct ike_event *e)
{
    const struct ike_pair *p = NULL;
    const struct ike_sa *sa = NULL;
    switch (e->type) {
    case IKE_EVENT_DATAGRAM:
        return group_of(ike, &e->datagram.local.address);
    case IKE_EVENT_ACQUIRE:
        return group_of_connection(ike, connection_find(ike, e->acquire.connection));
    case IKE_EVENT_INVALID_SPI:
        return group_of(ike, &e->invalid_spi.local);
    case IKE_EVENT_JOB:
        sa = sa_find_id(ike, e->job->sa);
        return sa ? sa->timer.group : 0;
    case IKE_EVENT_TRAFFIC:
        if (e->traffic.sa & QUERY_PAIR)
            p = (uint32_t)e->traffic.sa < ike->limits.pair_max ? ike->pairs[(uint32_t)e->traffic.sa] : NULL;
        else
            sa = sa_find_id(ike, e->traffic.sa);
        return p ? p->timer.group : sa ? sa->timer.group : 0;
    case IKE_EVENT_PAIR_SOFT:
    case IKE_EVENT_PAIR_HARD:
    case IKE_EVENT_PAIR_USED:
    case IKE_EVENT_PEER_MOVED:
        p = pair_find(ike, e->pair.slot, e->pair.spi_in);
        return p ? p->timer.group : 0;
    case IKE_EVENT_ROLE:
        return e->role.group < IKE_GROUPS_MAX ? e->role.group : 0;
    default:
        return 0;
    }
}

/* What happens to a group that another one serves is not for us. */
static bool not_ours(struct ike *ike, const struct ike_event *e)
{
    if (!group_standby(ike, ike->acting_group) || e->type == IKE_EVENT_ROLE || e->type == IKE_EVENT_JOB)
        return false;
    ike->statistics.standby_ignored += e->type == IKE_EVENT_DATAGRAM;
    if (e->type == IKE_EVENT_ACQUIRE) {
        struct ike_action *a = action_add(ike, IKE_ACTION_ACQUIRE_FAILED);
        a->acquire_failed.connection = e->acquire.connection;
        a->acquire_failed.selector = e->acquire.selector;
    }
    return true;
}

static void on_event(struct ike *ike, const struct ike_event *e)
{
    ike->acting_group = group_of_event(ike, e);
    if (not_ours(ike, e))
        return;
    switch (e->type) {
    case IKE_EVENT_TIMER:
        break;
    case IKE_EVENT_DATAGRAM:
        intake_datagram(ike, e);
        break;
    case IKE_EVENT_ACQUIRE:
        on_acquire(ike, e);
        break;
    case IKE_EVENT_JOB:
        on_job(ike, e->job);
        break;
    case IKE_EVENT_TRAFFIC:
        on_traffic(ike, e);
        break;
    case IKE_EVENT_INVALID_SPI:
        on_invalid_spi(ike, e);
        break;
    case IKE_EVENT_PATH_FAILED:
        on_path_failed(ike, e);
        break;
    case IKE_EVENT_CLEAR:
        on_clear(ike, e);
        break;
    case IKE_EVENT_ROLE:
        group_role(ike, e->role.group, e->role.active, e->role.forget);
        break;
    case IKE_EVENT_REPLICA:
        replica_event(ike, e);
        break;
    default:
        on_pair(ike, e);
    }
}

void ike_step(struct ike *ike, const struct ike_event *event, struct ike_actions *ret_actions)
{
    ret_actions->count = 0;
    ret_actions->used = 0;
    ike->out = ret_actions;
    ike->now = MAX(event->now, ike->now);
    on_event(ike, event);
    for (unsigned i = 0; i < UNITS_PER_STEP && action_room(ike); i++) {
        ns at;
        struct timer *t = group_timer_next(ike, &at);
        if (!t || at > ike->now)
            break;
        group_timer_taken(ike, t);
        timer_fired(ike, t);
    }
    ike->acting_group = 0;
    ike->out = NULL;
}

ns ike_deadline(const struct ike *ike)
{
    ns at;
    (void)group_timer_next(ike, &at);
    return at;
}
