/* SPDX-License-Identifier: Apache-2.0 */
/* The EIGRP machine through a sequence of events: three neighbours (the last one FRR) that say hello, begin
 * and begin anew, send routes, queries and acknowledgements that fit or nearly; declared routes that come and
 * go; interfaces that change, break and leave; time. After each: what is sent parses and is whole, only what
 * a neighbour was told is withdrawn from it, routes are changed and removed only where they were set and lead
 * to somebody on the network, nothing stays without neighbours, and the machine does not ask to be called at
 * once for ever. */
#include <stdlib.h>

#include "eigrp/eigrp.h"
#include "events.h"

enum { IFINDEX = 2, NEIGHBOURS = 3, PREFIXES = 16, AT_ONCE = 200 };

static const uint32_t own = 0x0a010001;

struct told {
    uint32_t sequence; /* the last reliable packet to it */
    bool has[PREFIXES];
};

struct run {
    struct events e;
    struct eigrp *machine;
    bool port;
    bool routes[PREFIXES];
    uint16_t declared;
    struct told told[NEIGHBOURS];
    uint32_t said; /* sequence number of the neighbours */
};

static struct eigrp_actions actions;

static struct prefix prefix_of(unsigned i)
{
    return (struct prefix){address_v4(0x0a400000 + i * 256), 24};
}

static unsigned index_of(const struct prefix *p)
{
    uint32_t i = (address_v4_get(&p->address) - 0x0a400000) / 256;

    assert(p->length == 24 && i < PREFIXES);
    return i;
}

static bool unreachable(const struct eigrp_route *r, bool frr)
{
    if (frr) {
        assert((uint32_t)(r->metric.delay + r->metric.bandwidth) == 0 && !r->external);
        return (uint32_t)(r->metric.delay + 2560) == EIGRP_DELAY_INFINITE;
    }
    return r->metric.delay == EIGRP_DELAY_INFINITE;
}

static void reliable_check(struct run *r, unsigned to, const struct eigrp_header *h, struct reader tlvs)
{
    struct told *t = &r->told[to];
    struct eigrp_tlv tlv;
    struct prefix p;
    bool again = h->sequence == t->sequence; /* sent again: what it says was counted */

    assert(h->opcode != EIGRP_QUERY && h->opcode != EIGRP_REQUEST && h->opcode != EIGRP_SIA_QUERY);
    t->sequence = h->sequence;
    if (h->flags & EIGRP_INIT)
        memset(t->has, 0, sizeof t->has);
    while (eigrp_tlv_next(&tlvs, &tlv)) {
        struct reader d = reader_of(tlv.route.destinations);
        assert(tlv.type == EIGRP_TLV_INTERNAL || tlv.type == EIGRP_TLV_EXTERNAL);
        assert(eigrp_destination_next(&d, &p));
        unsigned i = index_of(&p);
        bool gone = unreachable(&tlv.route, to == NEIGHBOURS - 1);
        assert(!gone || again || h->opcode != EIGRP_UPDATE || t->has[i]);
        t->has[i] = again ? t->has[i] : !gone;
    }
}

static void send_check(struct run *r, const struct eigrp_action *a)
{
    struct eigrp_header h;
    struct reader tlvs;

    assert(a->send.ifindex == IFINDEX && a->send.len >= EIGRP_HEADER && a->send.len <= 1480);
    assert(eigrp_parse(bytes_of(a->send.data, a->send.len), &h, &tlvs) == EIGRP_ERROR_OK);
    assert(h.autonomous_system == 100 && !(h.flags & EIGRP_CONDITIONAL));
    if (a->send.destination == EIGRP_MULTICAST) {
        assert(h.opcode == EIGRP_HELLO && h.sequence == 0 && h.acknowledgement == 0);
        return;
    }
    unsigned to = a->send.destination - own - 1;
    assert(to < NEIGHBOURS);
    if (h.sequence)
        reliable_check(r, to, &h, tlvs);
    else
        assert(h.opcode == EIGRP_HELLO && h.acknowledgement);
}

static void step(struct run *r, struct eigrp_event event)
{
    event.now = r->e.now;
    actions.count = 0;
    eigrp_step(r->machine, &event, &actions);
    for (unsigned i = 0; i < actions.count; i++) {
        const struct eigrp_action *a = &actions.items[i];
        if (a->kind == EIGRP_SEND)
            send_check(r, a);
        else if (a->kind == EIGRP_ROUTE) {
            assert(a->route.ifindex == IFINDEX && a->route.next_hop >> 8 == own >> 8 &&
                   a->route.next_hop != own);
            assert(!(r->declared >> index_of(&a->route.destination) & 1));
            r->routes[index_of(&a->route.destination)] = true;
        } else if (a->kind == EIGRP_ROUTE_REMOVE) {
            assert(r->routes[index_of(&a->route.destination)]);
            r->routes[index_of(&a->route.destination)] = false;
        }
    }
}

/* What is due now is done, in a few turns. */
static void settle(struct run *r)
{
    unsigned turns = 0;

    while (eigrp_deadline(r->machine) <= r->e.now) {
        step(r, (struct eigrp_event){.kind = EIGRP_EVENT_TICK});
        assert(++turns < AT_ONCE);
    }
    for (unsigned i = 0; i < PREFIXES; i++)
        assert(!r->routes[i] || (r->port && !(r->declared >> i & 1)));
}

/* ---- events ---- */

static void port_set(struct run *r)
{
    struct eigrp_event e = {.kind = EIGRP_EVENT_PORT,
                            .port = {.ifindex = IFINDEX,
                                     .name = "eth0",
                                     .address = {address_v4(own), 24},
                                     .hello = (uint16_t)(1 + events_below(&r->e, 60)),
                                     .hold = (uint16_t)events_u8(&r->e),
                                     .mtu = events_bool(&r->e) ? 1500 : 576}};

    step(r, e);
    r->port = true;
}

static void declare(struct run *r)
{
    uint16_t mask = events_u16(&r->e);
    uint8_t look = events_u8(&r->e);

    eigrp_declare_begin(r->machine);
    for (unsigned i = 0; i < PREFIXES; i++) {
        const struct eigrp_offer o = {.destination = prefix_of(i),
                                      .ifindex = look & 4 && i == 0 ? IFINDEX : 3,
                                      .external = look & 1,
                                      .bandwidth = look,
                                      .delay = look & 2 ? UINT32_MAX : 10,
                                      .mtu = 1500};
        if (mask >> i & 1)
            eigrp_declare(r->machine, &o, (uint32_t)(r->e.now / NS_PER_S));
    }
    eigrp_declare_end(r->machine, r->e.now);
    r->declared = mask;
    step(r, (struct eigrp_event){.kind = EIGRP_EVENT_TICK});
}

static void routes_write(struct run *r, struct writer *w)
{
    for (unsigned n = events_below(&r->e, 20); n > 0; n--) {
        uint8_t look = events_u8(&r->e);
        struct prefix p = prefix_of(look % PREFIXES);
        const struct eigrp_route route = {.external = look & 16,
                                          .next_hop = look & 128 ? own + look % 8 : 0,
                                          .metric = {look & 32 ? EIGRP_DELAY_INFINITE : look, 25600, 1500,
                                                     look & 64 ? 100 : 1, 255, 1, 0, 0}};
        eigrp_write_route(w, &route, &p);
    }
}

static void hello_write(struct run *r, unsigned from, struct writer *w)
{
    uint8_t how = events_u8(&r->e);
    uint8_t k[EIGRP_K_VALUES] = {1, 0, 1, 0, 0, 0};

    if (how % 16 == 0)
        memset(k, 255, 5);
    if (how % 16 == 1)
        k[1] = 1;
    eigrp_write_parameter(w, k, events_u8(&r->e));
    eigrp_write_version(w, from == NEIGHBOURS - 1 ? 8 : 15, 0);
    if (how % 16 == 2)
        eigrp_write_termination(w, events_bool(&r->e) ? own : own + 9);
    if (how % 16 == 3) {
        const uint8_t sequence[] = {0, 3, 0, 9, 4, 10, 1, 0, how & 16 ? 1 : 9, 0, 5, 0, 8};
        write_copy(w, sequence, sizeof sequence);
        write_be32(w, r->said + 1);
    }
}

static void packet(struct run *r, uint8_t what)
{
    static const uint8_t opcodes[] = {EIGRP_HELLO, EIGRP_UPDATE, EIGRP_UPDATE,    EIGRP_QUERY,
                                      EIGRP_REPLY, EIGRP_HELLO,  EIGRP_SIA_QUERY, EIGRP_UPDATE};
    static uint8_t out[EIGRP_PACKET_MAX];
    unsigned from = events_below(&r->e, NEIGHBOURS);
    struct eigrp_header h = {.opcode = opcodes[what % 8], .autonomous_system = 100};
    struct writer w = writer_of(out, sizeof out);
    uint8_t how = events_u8(&r->e);

    if (h.opcode != EIGRP_HELLO) {
        r->said += how & 3 ? 1 : 0;
        h.sequence = how & 4 ? r->said : (uint32_t)events_near(&r->e, r->said);
        h.flags = what % 8 == 2 ? EIGRP_INIT : how >> 4;
    }
    if (how & 8 && what % 8 != 0)
        h.acknowledgement = r->told[from].sequence;
    eigrp_write_header(&w, &h);
    if (h.opcode == EIGRP_HELLO && !h.acknowledgement)
        hello_write(r, from, &w);
    else if (h.opcode != EIGRP_HELLO)
        routes_write(r, &w);
    size_t len = eigrp_write_finish(&w);
    assert(len > 0);
    step(r, (struct eigrp_event){.kind = EIGRP_EVENT_PACKET,
                                 .ifindex = IFINDEX,
                                 .packet = {bytes_of(out, len), own + 1 + from}});
}

static void hear(struct run *r, unsigned from, uint8_t opcode, uint32_t flags, uint32_t sequence)
{
    const struct eigrp_header h = {.opcode = opcode,
                                   .flags = flags == UINT32_MAX ? 0 : flags,
                                   .sequence = sequence,
                                   .acknowledgement = flags == UINT32_MAX ? 0 : r->told[from].sequence,
                                   .autonomous_system = 100};
    const uint8_t k[EIGRP_K_VALUES] = {1, 0, 1, 0, 0, 0};
    uint8_t out[64];
    struct writer w = writer_of(out, sizeof out);

    eigrp_write_header(&w, &h);
    if (flags == UINT32_MAX) {
        eigrp_write_parameter(&w, k, 15);
        eigrp_write_version(&w, from == NEIGHBOURS - 1 ? 8 : 15, 0);
    }
    size_t len = eigrp_write_finish(&w);
    step(r, (struct eigrp_event){.kind = EIGRP_EVENT_PACKET,
                                 .ifindex = IFINDEX,
                                 .packet = {bytes_of(out, len), own + 1 + from}});
}

/* A session as it should begin, up to the end of our table. */
static void meet(struct run *r)
{
    unsigned from = events_below(&r->e, NEIGHBOURS), acknowledgements = events_below(&r->e, 4);

    hear(r, from, EIGRP_HELLO, UINT32_MAX, 0);
    hear(r, from, EIGRP_UPDATE, EIGRP_INIT, ++r->said);
    for (; acknowledgements > 0; acknowledgements--)
        hear(r, from, EIGRP_HELLO, 0, 0);
}

static void event(struct run *r)
{
    uint8_t what = events_u8(&r->e);

    events_pass(&r->e, eigrp_deadline(r->machine));
    if (what < 40)
        meet(r);
    else if (what < 180)
        packet(r, what);
    else if (what < 215)
        step(r, (struct eigrp_event){.kind = EIGRP_EVENT_TICK});
    else if (what < 240)
        declare(r);
    else if (what < 250)
        port_set(r);
    else {
        static const enum eigrp_event_kind kinds[] = {EIGRP_EVENT_PORT_GONE, EIGRP_EVENT_PORT_LOST,
                                                      EIGRP_EVENT_LEAVE};
        step(r, (struct eigrp_event){.kind = kinds[what % 3], .ifindex = IFINDEX});
        r->port = false;
    }
    settle(r);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
    const struct eigrp_config c = {.autonomous_system = 100, .router_id = own};
    struct run r = {.e = events_of(data, len, NS_PER_S), .said = 100};

    r.machine = eigrp_new(&c, r.e.now);
    if (!r.machine)
        abort();
    port_set(&r);
    while (events_next(&r.e))
        event(&r);
    step(&r, (struct eigrp_event){.kind = EIGRP_EVENT_LEAVE});
    r.port = false;
    settle(&r);
    eigrp_free(r.machine);
    return 0;
}
