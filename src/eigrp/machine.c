/* SPDX-License-Identifier: Apache-2.0 */
/* The machine's entry: interfaces, hellos, timers, and the turn of everything after each event. State says
 * what is due (a neighbour that has something to hear, a destination that changed); each turn carries out as
 * much as the list of actions holds and asks for another turn at once if that was not all. */
#include <assert.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include "eigrp/internal.h"

/* The last actions are kept for goodbyes and hellos, one for each interface. */
enum { ACTIONS_RESERVED = EIGRP_PORTS_MAX };

struct eigrp *eigrp_new(const struct eigrp_config *config, ns now)
{
    struct eigrp *e = calloc(1, sizeof *e);

    if (!e)
        return NULL;
    e->config = *config;
    e->sequence = (uint32_t)(now / NS_PER_MS);
    list_init(&e->changes);
    list_init(&e->dirty);
    pool_init(&e->neighbours, sizeof(struct eigrp_neighbour), EIGRP_NEIGHBOURS_ALL);
    pool_init(&e->locals, sizeof(struct eigrp_local), EIGRP_LOCAL_MAX);
    pool_init(&e->destinations, sizeof(struct eigrp_destination), EIGRP_PATHS_MAX);
    pool_init(&e->paths, sizeof(struct eigrp_path), EIGRP_PATHS_MAX);
    if (hash_table_init(&e->local_table, EIGRP_LOCAL_MAX) != 0 ||
        hash_table_init(&e->destination_table, EIGRP_PATHS_MAX) != 0) {
        eigrp_free(e);
        return NULL;
    }
    return e;
}

void eigrp_free(struct eigrp *e)
{
    if (!e)
        return;
    pool_done(&e->neighbours);
    pool_done(&e->locals);
    pool_done(&e->destinations);
    pool_done(&e->paths);
    hash_table_done(&e->local_table);
    hash_table_done(&e->destination_table);
    free(e);
}

void eigrp_configure(struct eigrp *e, const struct eigrp_config *config)
{
    assert(config->autonomous_system == e->config.autonomous_system);
    e->config = *config;
}

/* ---- actions ---- */

/* NULL: the list is full, and another turn is asked for. */
struct eigrp_action *eigrp_action_add(struct eigrp *e, struct eigrp_actions *a, enum eigrp_action_kind kind)
{
    if (a->count >= EIGRP_ACTIONS_MAX - ACTIONS_RESERVED) {
        e->again = true;
        return NULL;
    }
    a->items[a->count].kind = kind;
    return &a->items[a->count++];
}

/* What does not fit is not logged. */
void eigrp_action_log(struct eigrp_actions *a, uint8_t severity, const char *mnemonic, const char *format,
                      ...)
{
    va_list args;

    if (a->count >= EIGRP_ACTIONS_MAX - ACTIONS_RESERVED)
        return;
    struct eigrp_action *action = &a->items[a->count++];
    action->kind = EIGRP_LOG;
    action->log.severity = severity;
    action->log.mnemonic = mnemonic;
    va_start(args, format);
    vsnprintf(action->log.text, sizeof action->log.text, format, args);
    va_end(args);
}

/* ---- interfaces ---- */

struct eigrp_port *eigrp_port_find(struct eigrp *e, uint32_t ifindex)
{
    for (unsigned i = 0; i < EIGRP_PORTS_MAX; i++)
        if (e->ports[i].used && e->ports[i].config.ifindex == ifindex)
            return &e->ports[i];
    return NULL;
}

static void hello_write(struct eigrp *e, const struct eigrp_port *p, bool goodbye, struct eigrp_actions *a)
{
    uint8_t k[EIGRP_K_VALUES] = {1, 0, 1, 0, 0, 0};
    const struct eigrp_header h = {.opcode = EIGRP_HELLO, .autonomous_system = e->config.autonomous_system};

    if (a->count >= EIGRP_ACTIONS_MAX)
        return;
    struct eigrp_action *action = &a->items[a->count++];
    struct writer w = writer_of(action->send.data, sizeof action->send.data);
    action->kind = EIGRP_SEND;
    action->send.ifindex = p->config.ifindex;
    action->send.destination = EIGRP_MULTICAST;
    if (goodbye)
        memset(k, EIGRP_GOODBYE_K, EIGRP_K_VALUES - 1);
    eigrp_write_header(&w, &h);
    eigrp_write_parameter(&w, k, p->config.hold);
    eigrp_write_version(&w, 1, 0);
    if (e->config.stub)
        eigrp_write_stub(&w, e->config.stub);
    action->send.len = (uint16_t)eigrp_write_finish(&w);
    e->counters.sent[EIGRP_HELLO]++;
}

void hello_now(struct eigrp *e, struct eigrp_port *p, struct eigrp_actions *a)
{
    hello_write(e, p, false, a);
}

static void port_clear(struct eigrp *e, struct eigrp_port *p, const char *why, struct eigrp_actions *a)
{
    list_for_each_safe(&p->neighbours, at, next)
        neighbour_remove(e, list_entry(at, struct eigrp_neighbour, port_link), why, a);
}

/* Neighbours are told to take us for gone, and FRR each route. */
static void port_leave(struct eigrp *e, struct eigrp_port *p, struct eigrp_actions *a)
{
    list_for_each(&p->neighbours, at)
        neighbour_farewell(e, list_entry(at, struct eigrp_neighbour, port_link), a);
    hello_write(e, p, true, a);
    port_clear(e, p, "interface leaves", a);
}

static void port_set(struct eigrp *e, const struct eigrp_event *event, struct eigrp_actions *a)
{
    struct eigrp_port *p = eigrp_port_find(e, event->port.ifindex);

    for (unsigned i = 0; i < EIGRP_PORTS_MAX && !p; i++)
        if (!e->ports[i].used)
            p = &e->ports[i];
    if (!p) {
        eigrp_action_log(a, 3, "LIMIT", "%s: more than %u interfaces, no EIGRP here", event->port.name,
                         EIGRP_PORTS_MAX);
        return;
    }
    if (p->used && !prefix_equal(&p->config.address, &event->port.address))
        port_leave(e, p, a); /* from the former address; the shell sends from that which is there */
    if (!p->used) {
        *p = (struct eigrp_port){.used = true};
        list_init(&p->neighbours);
    }
    p->config = event->port;
    p->hello_at = event->now; /* also a changed hold time is told at once */
}

static void port_remove(struct eigrp *e, uint32_t ifindex, bool lost, struct eigrp_actions *a)
{
    struct eigrp_port *p = eigrp_port_find(e, ifindex);

    if (!p)
        return;
    if (lost)
        port_clear(e, p, "interface down", a);
    else
        port_leave(e, p, a);
    p->used = false;
}

/* ---- the turn ---- */

static void port_run(struct eigrp *e, struct eigrp_port *p, ns now, struct eigrp_actions *a)
{
    if (p->hello_at <= now) {
        hello_now(e, p, a);
        p->hello_at = now + p->config.hello * NS_PER_S;
    }
    list_for_each_safe(&p->neighbours, at, next)
        neighbour_run(e, list_entry(at, struct eigrp_neighbour, port_link), now, a);
}

static void run(struct eigrp *e, ns now, struct eigrp_actions *a)
{
    if (e->gather_until <= now)
        e->gather_until = 0;
    for (unsigned i = 0; i < EIGRP_PORTS_MAX; i++)
        if (e->ports[i].used)
            port_run(e, &e->ports[i], now, a);
    locals_free_withdrawn(e);
    learn_run(e, a);
}

void eigrp_step(struct eigrp *e, const struct eigrp_event *event, struct eigrp_actions *a)
{
    e->again = false;
    switch (event->kind) {
    case EIGRP_EVENT_PORT:
        port_set(e, event, a);
        break;
    case EIGRP_EVENT_PORT_GONE:
    case EIGRP_EVENT_PORT_LOST:
        port_remove(e, event->ifindex, event->kind == EIGRP_EVENT_PORT_LOST, a);
        break;
    case EIGRP_EVENT_PACKET:
        packet_receive(e, event, a);
        break;
    case EIGRP_EVENT_LEAVE:
        for (unsigned i = 0; i < EIGRP_PORTS_MAX; i++)
            if (e->ports[i].used)
                port_remove(e, e->ports[i].config.ifindex, false, a);
        break;
    case EIGRP_EVENT_TICK:
        break;
    }
    run(e, event->now, a);
}

ns eigrp_deadline(const struct eigrp *e)
{
    ns at = e->again ? 0 : NS_NEVER;

    for (unsigned i = 0; i < EIGRP_PORTS_MAX; i++) {
        const struct eigrp_port *p = &e->ports[i];
        if (!p->used)
            continue;
        at = ns_min(at, p->hello_at);
        list_for_each(&p->neighbours, l) at =
            ns_min(at, neighbour_deadline(e, list_entry(l, struct eigrp_neighbour, port_link)));
    }
    return at;
}

/* ---- views ---- */

void eigrp_each_neighbour(const struct eigrp *e, ns now,
                          void (*each)(void *user, const struct eigrp_neighbour_view *v), void *user)
{
    for (unsigned i = 0; i < EIGRP_PORTS_MAX; i++) {
        const struct eigrp_port *p = &e->ports[i];
        if (!p->used)
            continue;
        list_for_each(&p->neighbours, l)
        {
            const struct eigrp_neighbour *n = list_entry(l, struct eigrp_neighbour, port_link);
            struct eigrp_neighbour_view v = {.address = n->address,
                                             .ifindex = p->config.ifindex,
                                             .up = n->up,
                                             .frr = neighbour_is_frr(n),
                                             .hold_left = (uint16_t)(ns_since(n->hold_at, now) / NS_PER_S),
                                             .up_since = n->up_since,
                                             .srtt = n->srtt,
                                             .rto = n->rto,
                                             .waiting = n->len > 0,
                                             .last_sequence = n->last_sequence,
                                             .os_major = n->os_major,
                                             .os_minor = n->os_minor,
                                             .major = n->major,
                                             .minor = n->minor,
                                             .routes = n->paths};
            memcpy(v.port, p->config.name, sizeof v.port);
            each(user, &v);
        }
    }
}

void eigrp_each_port(const struct eigrp *e, void (*each)(void *user, const struct eigrp_port_view *v),
                     void *user)
{
    for (unsigned i = 0; i < EIGRP_PORTS_MAX; i++) {
        const struct eigrp_port *p = &e->ports[i];
        const struct eigrp_port_view v = {p->config, p->neighbour_count};
        if (p->used)
            each(user, &v);
    }
}

const struct eigrp_counters *eigrp_counters(const struct eigrp *e)
{
    return &e->counters;
}
