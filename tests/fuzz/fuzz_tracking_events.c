/* SPDX-License-Identifier: Apache-2.0 */
/* Tracked objects and the ownership verdict through a sequence of events: objects configured, changed and
 * removed, facts, time. After each: what was reported as changed is what changed, lists say what their
 * members say, what is settled needs no timer, and the verdict is ours exactly where it may be. */
#include <errno.h>
#include <stdio.h>

#include "events.h"
#include "redundancy/ownership.h"
#include "redundancy/tracking.h"

enum { NUMBERS = 12, INTERFACES = 3 };

struct run {
    struct events e;
    struct tracking t;
    struct track_changes changes;
    struct {
        bool there, up;
    } before[NUMBERS + 1];
    struct ownership ownership;
    uint32_t epoch;
};

/* ---- tracking ---- */

static bool is_list(const struct track_config *c)
{
    return c->kind >= TRACK_LIST_AND && c->kind <= TRACK_LIST_WEIGHT;
}

static bool list_raw(const struct tracking *t, const struct track_object *o)
{
    const struct track_config *c = &o->config;
    unsigned up = 0, weight = 0;
    for (unsigned i = 0; i < c->member_count; i++) {
        const struct track_object *m = tracking_find(t, c->members[i].number);
        if (m && m->known && m->up != c->members[i].negate) {
            up++;
            weight += c->members[i].weight;
        }
    }
    if (c->kind == TRACK_LIST_AND)
        return c->member_count > 0 && up == c->member_count;
    if (c->kind == TRACK_LIST_OR)
        return up > 0;
    return weight >= c->weight_up ? true : weight <= c->weight_down ? false : o->raw;
}

static bool reported(const struct run *r, uint16_t number)
{
    for (unsigned i = 0; i < r->changes.count; i++)
        if (r->changes.numbers[i] == number)
            return true;
    return false;
}

static void object_check(struct run *r, const struct track_object *o)
{
    assert(!is_list(&o->config) || o->raw == list_raw(&r->t, o));
    assert(!o->up || o->known);
    /* Different from what the facts say only while a delay runs. */
    assert((o->due == NS_NEVER) == (!o->known || o->raw == o->up));
    assert(o->due == NS_NEVER || o->due > r->e.now);
}

static void tracking_check(struct run *r)
{
    for (uint16_t n = 1; n <= NUMBERS; n++) {
        const struct track_object *o = tracking_find(&r->t, n);
        bool up = o && o->up;
        if (o)
            object_check(r, o);
        assert((r->before[n].there == (o != NULL) && r->before[n].up == up) || reported(r, n));
        r->before[n].there = o != NULL;
        r->before[n].up = up;
    }
    for (unsigned i = 1; i < r->t.count; i++)
        assert(r->t.objects[i - 1].config.number < r->t.objects[i].config.number);
    assert(tracking_deadline(&r->t) > r->e.now);
    r->changes.count = 0;
}

static const char *interface_name(unsigned i)
{
    static const char *const names[INTERFACES] = {"eth0", "eth1", "Serial1/0:0"};
    return names[i % INTERFACES];
}

static void set(struct run *r)
{
    static const ns delays[] = {0, 0, NS_PER_MS, 10 * NS_PER_S};
    struct events *e = &r->e;
    uint8_t kind = events_u8(e), more = events_u8(e);
    struct track_config c = {.number = (uint16_t)(1 + kind % NUMBERS),
                             .kind = more % 8,
                             .delay_up = delays[more >> 4 & 3],
                             .delay_down = delays[more >> 6 & 3]};
    if (c.kind <= TRACK_INTERFACE_ROUTING)
        snprintf(c.interface, sizeof(c.interface), "%s", interface_name(kind / NUMBERS));
    if (c.kind == TRACK_ROUTE)
        c.prefix = (struct prefix){address_v4(0x0a000000U + (kind / NUMBERS % 2 << 16)), 16};
    if (is_list(&c)) {
        c.member_count = kind / NUMBERS % 5;
        for (unsigned i = 0; i < c.member_count; i++) {
            uint8_t member = events_u8(e);
            c.members[i] = (struct track_member){
                .number = (uint16_t)(1 + member % NUMBERS), .negate = member & 128, .weight = member / 4};
        }
        c.weight_up = 40;
        c.weight_down = more & 8 ? 40 : 10;
    }
    int result = tracking_set(&r->t, &c, e->now, &r->changes);
    assert(result == 0 || (result == -EINVAL && is_list(&c)));
    /* A list that holds lists never ends in itself, so this walk ends. */
    assert(result < 0 || tracking_find(&r->t, c.number));
}

static void fact(struct run *r)
{
    uint8_t kind = events_u8(&r->e);
    struct track_fact f = {.kind = kind & 3,
                           .interface = interface_name(kind >> 2 & 3),
                           .line = kind & 16,
                           .routing = kind & 32,
                           .up = kind & 64,
                           .prefix = {address_v4(0x0a000000U + (kind >> 7 << 16)), 16}};
    tracking_fact(&r->t, &f, r->e.now, &r->changes);
}

static void uses_check(struct run *r)
{
    struct track_use uses[4];
    uint8_t kind = events_u8(&r->e);
    unsigned count = kind % 5, expected = 200, floor = kind & 128 ? 1 : 0;
    bool shutdown = false;
    for (unsigned i = 0; i < count; i++) {
        uint8_t use = events_u8(&r->e);
        uses[i] = (struct track_use){(uint16_t)(1 + use % (NUMBERS + 1)), (uint8_t)(use | 15),
                                     (use & 0xe0) == 0xe0};
        const struct track_object *o = tracking_find(&r->t, uses[i].number);
        bool down = o && !o->up;
        shutdown = shutdown || (down && uses[i].shutdown);
        if (down && !uses[i].shutdown)
            expected -= MIN(expected, uses[i].decrement);
    }
    assert(tracking_priority(&r->t, 200, (uint8_t)floor, uses, count) == MAX(expected, floor));
    assert(tracking_shutdown(&r->t, uses, count) == shutdown);
}

/* ---- ownership ---- */

static void verdict(struct run *r)
{
    uint8_t kind = events_u8(&r->e);
    struct ownership_input in = {.member_count = kind % (OWNERSHIP_MEMBERS_MAX + 1),
                                 .control_fit = kind & 128 || kind & 64,
                                 .engine_fit = kind & 128 || kind & 32,
                                 .tracked_up = kind & 128 || kind & 16};
    bool peer = false;
    for (unsigned i = 0; i < in.member_count; i++) {
        uint8_t member = events_u8(&r->e);
        in.members[i] = (struct ownership_member){member % 3, member & 4, member & 8};
        peer = peer || in.members[i].peer_known;
    }
    bool was = r->ownership.verdict.serve_addresses;
    bool changed = ownership_step(&r->ownership, &in, r->e.now);
    const struct ownership_verdict *v = &r->ownership.verdict;
    bool fit = in.control_fit && in.engine_fit && in.tracked_up;
    bool ours = fit && (in.member_count == 0 || in.members[0].state == OWNERSHIP_MEMBER_ACTIVE);
    assert(v->run == fit && v->serve_addresses == ours && v->speak_ike == ours && v->hold_routes == ours);
    assert(v->role == (!ours ? OWNERSHIP_STANDBY : peer ? OWNERSHIP_OWNER : OWNERSHIP_ALONE));
    r->epoch += ours && !was;
    assert(r->ownership.epoch == r->epoch && (changed || ours == was));
    assert(!ownership_step(&r->ownership, &in, r->e.now));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
    static struct run r;
    memset(r.before, 0, sizeof(r.before));
    r.e = events_of(data, len, NS_PER_S);
    r.changes.count = 0;
    r.epoch = 0;
    tracking_init(&r.t);
    ownership_init(&r.ownership, r.e.now);
    while (events_next(&r.e)) {
        uint8_t kind = events_u8(&r.e);
        events_pass(&r.e, tracking_deadline(&r.t));
        /* The shell comes when something is due before it says anything else. */
        tracking_tick(&r.t, r.e.now, &r.changes);
        if (kind % 8 < 2)
            set(&r);
        else if (kind % 8 < 5)
            fact(&r);
        else if (kind % 8 == 5)
            tracking_remove(&r.t, (uint16_t)(1 + kind / 8 % NUMBERS), r.e.now, &r.changes);
        else if (kind % 8 == 6)
            uses_check(&r);
        else
            verdict(&r);
        tracking_check(&r);
    }
    return 0;
}
