/* SPDX-License-Identifier: Apache-2.0 */
/* See pair_policy.h. A selector that policy does not know yet is put into SPD and steering at once, before
 * the peer can send anything under it, so that no answer leaves in clear. The firewall, which is the second
 * line of defence, follows a moment later for all that came meanwhile: its rules are made as a whole. */
#include "control/apply/pair_policy.h"

#include <errno.h>
#include <stdlib.h>

#include "control/apply/dynamic.h"
#include "control/control.h"
#include "control/routing/reverse_routes.h"

enum { FIREWALL_PAUSE_MS = 50, FIREWALL_SHARE = 10 };

static void firewall_due(uv_timer_t *timer)
{
    struct control *c = timer->data;
    ns began = clock_now();

    if (apply_firewall(c, &c->generation->scopes) != 0)
        log_line(c->log, "HOLDFAST", 3, "FIREWALL", "the rules of dynamic crypto maps are not up to date");
    c->firewall_cost = ns_since(clock_now(), began);
}

/* Never more than a tenth of the time goes into making the rules anew. */
static void firewall_soon(struct control *c)
{
    uint64_t pause =
        MAX((uint64_t)(FIREWALL_SHARE * c->firewall_cost / NS_PER_MS), (uint64_t)FIREWALL_PAUSE_MS);

    if (!uv_is_active((uv_handle_t *)&c->firewall_timer))
        uv_timer_start(&c->firewall_timer, firewall_due, pause, 0);
}

int pair_policy_begin(struct control *c)
{
    c->dynamic = dynamic_new();
    c->reverse_routes = reverse_routes_new(c);
    uv_timer_init(&c->loop, &c->firewall_timer);
    c->firewall_timer.data = c;
    return c->dynamic && c->reverse_routes ? 0 : -ENOMEM;
}

static int selector_add(struct control *c, const struct sad_pair *p)
{
    const struct netlink_route route = {.destination = p->selector.remote,
                                        .ifindex = c->tun_ifindex,
                                        .table = HOLDFAST_TABLE,
                                        .type = NETLINK_ROUTE_UNICAST,
                                        .protocol = NETLINK_PROTOCOL_HOLDFAST};
    enum dynamic_change change = dynamic_add(c->dynamic, p->entry, &p->selector);

    if (change == DYNAMIC_FULL)
        return -ENOSPC;
    if (change == DYNAMIC_KNOWN)
        return 0;
    int error = control_policy_refresh(c);
    if (!error) {
        error = netlink_route_add(c->netlink, &route);
        error = error == -EEXIST ? 0 : error; /* another entry's, or an exception that wins */
    }
    if (!error)
        firewall_soon(c);
    else
        dynamic_take_back(c->dynamic, p->entry, &p->selector);
    return error;
}

int pair_policy_add(struct control *c, const struct sad_pair *p)
{
    int error = dynamic_holds(c->dynamic, p->entry) ? selector_add(c, p) : 0;

    if (!error)
        reverse_routes_add(c->reverse_routes, p->entry, &p->selector.remote, &p->remote.address);
    return error;
}

void pair_policy_remove(struct control *c, const struct sad_pair *p)
{
    dynamic_remove(c->dynamic, p->entry, &p->selector);
    reverse_routes_remove(c->reverse_routes, p->entry, &p->selector.remote, &p->remote.address);
}

void pair_policy_move(struct control *c, const struct sad_pair *p, const struct endpoint *remote)
{
    reverse_routes_add(c->reverse_routes, p->entry, &p->selector.remote, &remote->address);
    reverse_routes_remove(c->reverse_routes, p->entry, &p->selector.remote, &p->remote.address);
}

static bool takes_selectors(const struct scope_connection *c)
{
    return c->dynamic && !c->entry->access_list.name;
}

/* An entry may have become one that takes anything: what its pairs carry is protected from now on, too. */
static int selectors_count(struct control *c, const struct scopes *s)
{
    uint32_t used = atomic_load(&c->sad->slots_used), count = 0;
    uint32_t *ids = calloc(s->connection_count + 1, sizeof *ids);
    int error = ids ? 0 : -ENOMEM;

    for (uint32_t i = 0; i < s->connection_count && ids; i++)
        if (takes_selectors(&s->connections[i]))
            ids[count++] = s->connections[i].id;
    if (count)
        dynamic_recount(c->dynamic);
    for (uint32_t slot = sad_next_slot(c->sad, 0, used); slot < used && count && !error;
         slot = sad_next_slot(c->sad, slot + 1, used)) {
        const struct sad_pair *p = &c->sad->pairs[slot];
        uint32_t state = atomic_load(&p->state), at = 0;
        if (state != PAIR_INBOUND && state != PAIR_ACTIVE && state != PAIR_SUPERSEDED)
            continue;
        while (at < count && ids[at] != p->entry)
            at++;
        if (at < count && dynamic_add(c->dynamic, p->entry, &p->selector) == DYNAMIC_FULL)
            error = -ENOMEM;
    }
    free(ids);
    return error;
}

int pair_policy_fill(struct control *c, struct generation *g)
{
    int error = selectors_count(c, &g->scopes);

    return error ? error : dynamic_fill(c->dynamic, &g->scopes);
}

void pair_policy_use(struct control *c)
{
    uv_timer_stop(&c->firewall_timer);
    dynamic_use(c->dynamic, &c->generation->scopes);
    reverse_routes_configure(c->reverse_routes);
}

void pair_policy_end(struct control *c)
{
    uv_timer_stop(&c->firewall_timer);
    reverse_routes_end(c->reverse_routes);
}
