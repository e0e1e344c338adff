/* SPDX-License-Identifier: Apache-2.0 */
/* One HSRP group through a sequence of events: what three neighbours say, well-formed and authentic or nearly
 * so, ticks, up and down, priorities, addresses claimed by others, and changed configurations, at times that
 * the input chooses. After each: the addresses are owned exactly while Active, states follow each other, what
 * is sent parses and authenticates, hellos come no faster than the hello time, the machine never asks to be
 * called at once for ever, and what neighbours can make it send and log in a second is bounded. */
#include "crypto/crypto.h"
#include "events.h"
#include "redundancy/hsrp_internal.h"

enum {
    NEIGHBOURS = 3,
    HISTORY = 4,
    STORM_MAX = 2048, /* messages of one input that come in storms */
    DRIVEN = 20,      /* sent and logged for one message taken, and strangers and known ones in two windows */
};

static const uint32_t neighbour_address[NEIGHBOURS] = {0x0a010102, 0x0a01010b, 0x0a01010c};

struct said {
    uint8_t data[HSRP_MESSAGE_MAX + 8];
    size_t len;
    struct address source;
};

struct run {
    struct events e;
    struct hsrp_group g;
    struct redundancy_actions actions;
    enum hsrp_state state;
    bool owns;
    ns hello_at, hello_least; /* the last hello, the shortest hello time in use since */
    ns announced_at;
    ns window, window_hello; /* a second, the shortest hello time in use in it */
    uint32_t driven;         /* sent and logged because of others in it */
    unsigned stormed;
    struct said said[HISTORY];
    unsigned said_count;
};

static struct hsrp_config config_make(struct events *e)
{
    static const ns times[] = {15 * NS_PER_MS, 50 * NS_PER_MS, 250 * NS_PER_MS, NS_PER_S,
                               3 * NS_PER_S,   10 * NS_PER_S,  60 * NS_PER_S,   254 * NS_PER_S};
    static const ns delays[] = {0, NS_PER_MS, NS_PER_S, 5 * NS_PER_S, 60 * NS_PER_S};
    struct hsrp_config c = {.interface = "eth0", .interface_mac = {2, 0, 0, 0, 0, 1}};
    hsrp_config_default(&c);
    uint8_t flags = events_u8(e), more = events_u8(e), timers = events_u8(e);
    c.version = flags & 1 ? 2 : 1;
    c.group = flags & 2 ? 7 : 1;
    c.preempt = flags & 4;
    c.timers_set = flags & 8;
    c.use_bia = flags & 16;
    c.follows = (flags & 0xe0) == 0xe0;
    c.interface_address = address_v4(0x0a01010a);
    if (!(more & 1))
        c.virtual_address = address_v4(0x0a0101fe - (more >> 1 & 1));
    c.secondary_count = more >> 2 & 3 ? (uint8_t)(more >> 2 & 3) * 5 : 0;
    for (unsigned i = 0; i < c.secondary_count; i++)
        c.secondary[i] = address_v4(0x0a010180 + i);
    c.authentication = more & 16 ? HSRP_AUTHENTICATION_MD5 : HSRP_AUTHENTICATION_TEXT;
    memcpy(c.key, more & 32 ? "another key" : "key", more & 32 ? 12 : 4);
    c.key_timeout = more & 64 ? 5 * NS_PER_S : 0;
    c.mac_set = more & 128;
    c.mac[5] = 9;
    c.hello = times[timers & 3];
    c.hold = times[(timers & 3) + 1 + (timers >> 2 & 3)];
    c.announce_count = timers >> 4 & 7;
    c.priority = (uint8_t)(events_u8(e));
    uint8_t delay = events_u8(e);
    c.delay_minimum = delays[delay % 5];
    c.delay_reload = delays[delay / 5 % 5];
    c.preempt_minimum = delays[delay / 25 % 5];
    c.preempt_sync = delay >= 125 ? 10 * NS_PER_S : 0;
    return c;
}

/* ---- what must hold ---- */

static void sent_check(struct run *r, const struct redundancy_send *send, bool changed, bool ticked)
{
    struct bytes datagram = bytes_of(send->data, send->len);
    struct hsrp_group *g = &r->g;
    struct hsrp_message m;
    assert(hsrp_parse(datagram, &m) == HSRP_OK && m.version >= 1 && m.version <= 2);
    assert(m.state != HSRP_INITIAL && m.priority <= UINT8_MAX);
    if (m.opcode != HSRP_HELLO)
        return;
    assert(hsrp_authentic(g, datagram, &m, &g->config.interface_address, r->e.now));
    assert(!ticked || changed || r->e.now - r->hello_at >= r->hello_least);
    r->hello_at = r->e.now;
    r->hello_least = NS_NEVER;
}

/* A new role is announced at once, and then again at the configured distance. */
static void announcement_check(struct run *r, const struct redundancy_action *a, bool fresh)
{
    assert(r->owns && address_is_set(&a->address));
    assert(fresh || r->e.now - r->announced_at >= r->g.config.announce_interval);
}

/* `driven`: it was a neighbour's doing. */
static void check(struct run *r, bool ticked, bool driven)
{
    struct hsrp_group *g = &r->g;
    bool changed = false, announced = false;
    for (size_t i = 0; i < r->actions.count; i++) {
        const struct redundancy_action *a = &r->actions.items[i];
        assert(a->kind != REDUNDANCY_OWN || !r->owns);
        assert(a->kind != REDUNDANCY_DISOWN || r->owns);
        if (a->kind == REDUNDANCY_ANNOUNCE)
            announcement_check(r, a, changed || !ticked);
        announced = announced || a->kind == REDUNDANCY_ANNOUNCE;
        r->owns = a->kind == REDUNDANCY_OWN || (r->owns && a->kind != REDUNDANCY_DISOWN);
        if (a->kind == REDUNDANCY_STATE) {
            assert(a->from == r->state && a->to != a->from && a->to < HSRP_STATE_COUNT);
            r->state = a->to;
            changed = true;
        }
        if (a->kind == REDUNDANCY_SEND)
            sent_check(r, &a->send, changed, ticked);
        r->driven += driven && (a->kind == REDUNDANCY_SEND || a->kind == REDUNDANCY_LOG);
    }
    assert(r->state == g->state && r->owns == (g->state == HSRP_ACTIVE));
    assert(g->hello > 0 && g->hold > g->hello);
    assert(g->up || g->state == HSRP_INITIAL);
    assert(g->state <= HSRP_LEARN || address_is_set(&g->virtual_address));
    r->hello_least = ns_min(r->hello_least, g->config.follows ? 0 : g->hello);
    r->actions.count = 0;
    if (announced && (ticked || changed)) /* else it answers somebody, or is bound anew */
        r->announced_at = r->e.now;
    if (r->e.now - r->window >= NS_PER_S) {
        r->window = r->e.now;
        r->window_hello = NS_NEVER;
        r->driven = 0;
    }
    r->window_hello = ns_min(r->window_hello, g->hello);
    assert(r->driven <= DRIVEN * (64 + 16 * (NS_PER_S / r->window_hello)));
    /* What is up and takes part in an election waits for something. */
    assert(!g->up || g->config.follows || g->state == HSRP_LEARN || hsrp_deadline(g) != NS_NEVER);
}

static void step(struct run *r, struct hsrp_event event)
{
    event.now = r->e.now;
    hsrp_step(&r->g, &event, &r->actions);
    check(r, event.kind == HSRP_EVENT_TICK, event.kind == HSRP_EVENT_MESSAGE);
}

/* As the shell does: it comes back until nothing is due. */
static void tick(struct run *r)
{
    unsigned rounds = 0;
    do {
        step(r, (struct hsrp_event){.kind = HSRP_EVENT_TICK});
        assert(++rounds < 8);
    } while (hsrp_deadline(&r->g) <= r->e.now);
}

/* ---- what happens ---- */

static void hear(struct run *r, const struct said *s)
{
    step(r,
         (struct hsrp_event){.kind = HSRP_EVENT_MESSAGE, .message = {bytes_of(s->data, s->len), s->source}});
}

static void say(struct run *r)
{
    static const uint32_t seconds[] = {0, 15, 50, 250, 1000, 3000, 10000, 255000};
    struct events *e = &r->e;
    struct hsrp_group neighbour = r->g;
    struct said *s = &r->said[r->said_count++ % HISTORY];
    uint8_t kind = events_u8(e), state = events_u8(e), timers = events_u8(e);
    neighbour.config.interface_address = s->source = address_v4(neighbour_address[kind % NEIGHBOURS]);
    struct hsrp_message m = {
        .version = r->g.config.version,
        .opcode = state % 8 < 5    ? HSRP_HELLO
                  : state % 8 == 5 ? HSRP_COUP
                                   : HSRP_RESIGN,
        .state = (uint8_t)(HSRP_LEARN + state / 8 % 5),
        .group = r->g.config.group,
        .priority = timers & 128 ? r->g.priority : (uint8_t)(r->g.priority + (timers & 64 ? 1 : -1)),
        .hello_ms = seconds[timers & 7],
        .hold_ms = seconds[timers >> 3 & 7],
        .identifier = {2, 0, 0, 0, 0, (uint8_t)kind},
    };
    if (!(kind & 64))
        m.virtual_address = address_v4(0x0a0101fe - (kind >> 7));
    hsrp_sign_prepare(&neighbour, &m);
    s->len = hsrp_write(&m, s->data, sizeof(s->data));
    hsrp_sign(&neighbour, &m, s->data, s->len);
    if ((state & 0xc0) == 0xc0) { /* nearly right */
        uint8_t at = events_u8(e);
        s->data[at % s->len] ^= (uint8_t)(1 << at / 32);
        s->len -= at % 16 == 15;
    }
    hear(r, s);
}

/* What was said last, again and again, as fast as a wire carries it. */
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
    struct hsrp_config c = config_make(&r->e);
    hsrp_configure(&r->g, &c, r->e.now, &r->actions);
    check(r, false, false);
}

static void seen(struct run *r)
{
    uint8_t kind = events_u8(&r->e);
    struct hsrp_event event = {.kind = HSRP_EVENT_ADDRESS};
    event.seen.address = address_v4(0x0a0101fe - kind % 3);
    event.seen.mac[5] = kind;
    for (unsigned i = 0; i < 1U << (kind & 7); i++)
        step(r, event);
}

static void happen(struct run *r)
{
    struct events *e = &r->e;
    uint8_t kind = events_u8(e);
    events_pass(e, hsrp_deadline(&r->g));
    switch (kind % 16) {
    case 0:
        step(r, (struct hsrp_event){
                    .kind = HSRP_EVENT_UP, .reload = kind & 16, .resume = kind & 32 ? kind / 64 + 3 : 0});
        break;
    case 1:
        step(r, (struct hsrp_event){.kind = HSRP_EVENT_DOWN});
        break;
    case 2:
        step(r, (struct hsrp_event){.kind = HSRP_EVENT_PRIORITY, .priority = events_u8(e)});
        break;
    case 3:
        seen(r);
        break;
    case 4:
        step(r, (struct hsrp_event){.kind = HSRP_EVENT_LEADER, .leader = kind / 16 % HSRP_STATE_COUNT});
        break;
    case 5:
        step(r, (struct hsrp_event){.kind = kind & 16 ? HSRP_EVENT_SYNCED : HSRP_EVENT_YIELD});
        break;
    case 6:
        configure(r);
        break;
    case 7:
        storm(r);
        break;
    case 8:
    case 9:
    case 10:
    case 11:
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
    static bool ready;
    ready = ready || crypto_init() == 0;
    assert(ready);
    r = (struct run){.e = events_of(data, len, NS_PER_S), .hello_least = NS_NEVER, .window_hello = NS_NEVER};
    struct hsrp_config c = config_make(&r.e);
    hsrp_init(&r.g, &c, r.e.now);
    step(&r, (struct hsrp_event){.kind = HSRP_EVENT_UP});
    while (events_next(&r.e))
        happen(&r);
    r.e.now += NS_PER_S;
    step(&r, (struct hsrp_event){.kind = HSRP_EVENT_DOWN});
    assert(!r.owns && hsrp_deadline(&r.g) == NS_NEVER);
    hsrp_done(&r.g);
    return 0;
}
