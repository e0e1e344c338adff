/* SPDX-License-Identifier: Apache-2.0 */
/* One VRRP router, of either family, through a sequence of events: advertisements of three neighbours,
 * well-formed or nearly so, ticks, up and down, priorities, claimed addresses, changed configurations. After
 * each: the addresses are owned exactly while Master, states follow each other, what is sent parses,
 * advertisements come no faster than the interval unless somebody asked for one, and the machine never asks
 * to be called at once for ever. */
#include "events.h"
#include "redundancy/vrrp.h"

enum {
    NEIGHBOURS = 3,
    HISTORY = 4,
    STORM_MAX = 2048, /* messages of one input that come in storms */
    DRIVEN = 16,      /* sent and logged for one message taken, and strangers and the Master in two windows */
};

struct said {
    uint8_t data[VRRP_MESSAGE_MAX];
    size_t len;
    struct address source;
    uint8_t ttl;
};

struct run {
    struct events e;
    struct vrrp_router r;
    struct redundancy_actions actions;
    enum vrrp_state state;
    bool owns, v6;
    ns sent_at, interval_least;
    ns window; /* a second, the shortest interval in use in it */
    uint16_t window_interval;
    uint32_t driven; /* sent and logged because of others in it */
    unsigned stormed;
    struct said said[HISTORY];
    unsigned said_count;
};

static struct address host(const struct run *r, uint8_t number)
{
    uint8_t v6[16] = {0xfe, 0x80, [15] = number};
    return r->v6 ? address_of(v6, sizeof(v6)) : address_v4(0x0a010100U + number);
}

static struct vrrp_config config_make(struct run *r)
{
    static const uint16_t intervals[] = {1, 5, 100, VRRP_INTERVAL_MAX};
    struct vrrp_config c = {.interface = "eth0", .interface_mac = {2, 0, 0, 0, 0, 1}};
    vrrp_config_default(&c);
    uint8_t flags = events_u8(&r->e), count = events_u8(&r->e);
    c.vrid = flags & 1 ? 1 : 9;
    c.preempt = flags & 2;
    c.interval = intervals[flags >> 2 & 3];
    c.preempt_minimum = flags & 16 ? 5 * NS_PER_S : 0;
    c.announce_count = flags >> 5;
    c.interface_address = host(r, 10);
    if ((count & 0xf0) == 0xf0)
        c.interface_address = (struct address){0};
    c.address_count = (uint8_t)(1 + (count & 15));
    for (unsigned i = 0; i < c.address_count; i++)
        c.addresses[i] = host(r, (uint8_t)((count & 0xc0 ? 200 : 10) + (count & 16 ? 1 : 0) + i));
    uint8_t priority = events_u8(&r->e);
    c.priority = priority % 254 + 1;
    return c;
}

/* ---- what must hold ---- */

static void sent_check(struct run *r, const struct redundancy_send *send, bool ticked, bool changed)
{
    struct vrrp_message m;
    struct address source = r->r.config.interface_address;
    /* The interval that the timer ran with may have been another one: the shortest of them counts. */
    assert(send->from_virtual_mac && send->len > VRRP_HEADER);
    if (!address_is_set(&source))
        return; /* a release before the address went */
    struct address group = vrrp_multicast(source.family);
    assert(vrrp_parse(bytes_of(send->data, send->len), &source, &group, &m) == VRRP_OK);
    assert(m.priority == VRRP_PRIORITY_RELEASE || m.priority == r->r.priority || !ticked);
    assert(!ticked || changed || r->e.now - r->sent_at >= r->interval_least);
    r->sent_at = r->e.now;
    r->interval_least = NS_NEVER;
}

static void check(struct run *r, bool ticked, bool driven)
{
    struct vrrp_router *v = &r->r;
    bool changed = false;
    for (size_t i = 0; i < r->actions.count; i++) {
        const struct redundancy_action *a = &r->actions.items[i];
        assert(a->kind != REDUNDANCY_OWN || !r->owns);
        assert(a->kind != REDUNDANCY_DISOWN || r->owns);
        assert(a->kind != REDUNDANCY_ANNOUNCE || (r->owns && address_is_set(&a->address)));
        r->owns = a->kind == REDUNDANCY_OWN || (r->owns && a->kind != REDUNDANCY_DISOWN);
        if (a->kind == REDUNDANCY_STATE) {
            assert(a->from == r->state && a->to != a->from && a->to < VRRP_STATE_COUNT);
            r->state = a->to;
            changed = true;
        }
        if (a->kind == REDUNDANCY_SEND)
            sent_check(r, &a->send, ticked, changed);
        r->driven += driven && (a->kind == REDUNDANCY_SEND || a->kind == REDUNDANCY_LOG);
    }
    r->actions.count = 0;
    assert(r->state == v->state && r->owns == (v->state == VRRP_MASTER));
    assert(v->up == (v->state != VRRP_INITIALIZE));
    assert(v->priority > 0 && (v->priority == VRRP_PRIORITY_OWNER) == vrrp_is_owner(v));
    assert(v->master_interval > 0);
    r->interval_least = ns_min(r->interval_least, v->config.interval * 10 * NS_PER_MS);
    if (r->e.now - r->window >= NS_PER_S) {
        r->window = r->e.now;
        r->window_interval = VRRP_INTERVAL_MAX;
        r->driven = 0;
    }
    r->window_interval = MIN(r->window_interval, v->config.interval);
    assert(r->driven <= DRIVEN * (64 + 16 * 100U / r->window_interval));
    /* A Backup waits for silence, a Master for its next advertisement. */
    assert((v->state == VRRP_BACKUP) == (v->master_down_timer != NS_NEVER));
    assert((v->state == VRRP_MASTER) == (v->advertisement_timer != NS_NEVER));
}

static void step(struct run *r, struct vrrp_event event)
{
    event.now = r->e.now;
    vrrp_step(&r->r, &event, &r->actions);
    check(r, event.kind == VRRP_EVENT_TICK, event.kind == VRRP_EVENT_MESSAGE);
}

static void tick(struct run *r)
{
    unsigned rounds = 0;
    do {
        step(r, (struct vrrp_event){.kind = VRRP_EVENT_TICK});
        assert(++rounds < 8);
    } while (vrrp_deadline(&r->r) <= r->e.now);
}

/* ---- what happens ---- */

static void hear(struct run *r, const struct said *s)
{
    struct vrrp_event event = {.kind = VRRP_EVENT_MESSAGE};
    event.message.payload = bytes_of(s->data, s->len);
    event.message.source = s->source;
    event.message.destination = vrrp_multicast(s->source.family);
    event.message.ttl = s->ttl;
    step(r, event);
}

static void say(struct run *r)
{
    static const uint8_t neighbours[NEIGHBOURS] = {2, 11, 12};
    static const uint16_t intervals[] = {1, 5, 100, 4095};
    struct vrrp_config *c = &r->r.config;
    struct said *s = &r->said[r->said_count++ % HISTORY];
    uint8_t kind = events_u8(&r->e), priority = events_u8(&r->e);
    struct vrrp_message m = {
        .vrid = c->vrid,
        .interval = intervals[kind & 3],
        .priority = priority % 8 < 4   ? r->r.priority
                    : priority % 8 < 5 ? (uint8_t)(r->r.priority + 1)
                    : priority % 8 < 6 ? (uint8_t)(r->r.priority - 1)
                    : priority % 8 < 7 ? VRRP_PRIORITY_RELEASE
                                       : priority,
        .address_count = c->address_count,
    };
    for (unsigned i = 0; i < m.address_count; i++)
        m.addresses[i] = host(r, (uint8_t)(200 + i));
    s->source = host(r, neighbours[(kind >> 2) % NEIGHBOURS]);
    s->ttl = kind & 64 && priority & 64 ? 254 : VRRP_TTL;
    struct address group = vrrp_multicast(s->source.family);
    s->len = vrrp_write(&m, &s->source, &group, s->data, sizeof(s->data));
    if (kind & 128 && priority & 128) { /* nearly right */
        uint8_t at = events_u8(&r->e);
        s->data[at % s->len] ^= (uint8_t)(1 << at % 8);
        s->len -= at % 16 == 15;
    }
    hear(r, s);
}

static void storm(struct run *r)
{
    uint8_t kind = events_u8(&r->e);
    unsigned last = MIN(r->said_count, 1U + kind % HISTORY);
    for (unsigned round = 0; round < 8U << (kind >> 2 & 7) && r->stormed < STORM_MAX; round++) {
        r->e.now += kind & 64 ? NS_PER_MS : kind & 128 ? NS_PER_US : 0;
        r->stormed += last;
        for (unsigned i = 0; i < last; i++)
            hear(r, &r->said[(r->said_count - last + i) % HISTORY]);
    }
}

static void configure(struct run *r)
{
    struct vrrp_config c = config_make(r);
    vrrp_configure(&r->r, &c, r->e.now, &r->actions);
    check(r, false, false);
}

static void seen(struct run *r)
{
    uint8_t kind = events_u8(&r->e);
    struct vrrp_event event = {.kind = VRRP_EVENT_ADDRESS, .seen.address = host(r, 200 + kind % 3)};
    event.seen.mac[5] = kind;
    for (unsigned i = 0; i < 1U << (kind & 7); i++)
        step(r, event);
}

static void happen(struct run *r)
{
    uint8_t kind = events_u8(&r->e);
    events_pass(&r->e, vrrp_deadline(&r->r));
    switch (kind % 16) {
    case 0:
        step(r, (struct vrrp_event){.kind = VRRP_EVENT_UP, .resume = kind & 16});
        break;
    case 1:
        step(r, (struct vrrp_event){.kind = VRRP_EVENT_DOWN});
        break;
    case 2:
        step(r, (struct vrrp_event){.kind = VRRP_EVENT_PRIORITY, .priority = events_u8(&r->e)});
        break;
    case 3:
        seen(r);
        break;
    case 4:
        configure(r);
        break;
    case 5:
        storm(r);
        break;
    case 6:
    case 7:
    case 8:
    case 9:
        tick(r);
        break;
    default:
        say(r);
        break;
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
    static struct run r;
    r = (struct run){.e = events_of(data, len, NS_PER_S),
                     .interval_least = NS_NEVER,
                     .window_interval = VRRP_INTERVAL_MAX};
    r.v6 = events_bool(&r.e);
    struct vrrp_config c = config_make(&r);
    vrrp_init(&r.r, &c, r.e.now);
    step(&r, (struct vrrp_event){.kind = VRRP_EVENT_UP});
    while (events_next(&r.e))
        happen(&r);
    step(&r, (struct vrrp_event){.kind = VRRP_EVENT_DOWN});
    assert(!r.owns && vrrp_deadline(&r.r) == NS_NEVER);
    return 0;
}
