/* SPDX-License-Identifier: Apache-2.0 */
/* A world from a seed: its configurations are written as a person would, in one of the two languages for
 * shared SAs, with timers, lifetimes and limits drawn. */
#include <assert.h>
#include <stdio.h>
#include <stdlib.h>

#include "config/text.h"
#include "site/world/world.h"

static const ns MONTH = 30 * 86400 * NS_PER_S;

/* What the gateways have in common. */
struct choices {
    bool today, pfs, preempt;
    const char *timers;
    uint32_t replay_in, replay_out, lifetime;
};

/* ---- configurations ---- */

static void ike_write(struct text *t, const struct choices *c)
{
    text_printf(t, "crypto isakmp policy 10\n authentication pre-share\n%s",
                c->today ? " encryption aes 256\n hash sha256\n group 19\n" : " lifetime 3600\n");
    text_add(t, "crypto isakmp keepalive 10 2 periodic\ncrypto isakmp invalid-spi-recovery\n");
}

static void transform_write(struct text *t, const struct choices *c)
{
    text_printf(t, "crypto ipsec transform-set esp-tunnel %s\n",
                c->today ? "esp-gcm 256" : "esp-des esp-sha-hmac");
    text_printf(t, "crypto ipsec security-association lifetime seconds %u\n", c->lifetime);
}

static void entry_write(struct text *t, const struct choices *c, unsigned sequence, const char *peer)
{
    text_printf(t, "crypto map vpn %u ipsec-isakmp\n set peer %s\n set transform-set esp-tunnel\n%s",
                sequence, peer, c->pfs ? (c->today ? " set pfs group19\n" : " set pfs group1\n") : "");
    text_printf(t, " match address tunnel-%u\n", sequence);
}

static void standby_write(struct text *t, const struct choices *c, unsigned member, unsigned group,
                          const char *address, const char *name, unsigned track)
{
    text_printf(t, " standby delay minimum 1 reload 1\n standby %u ip %s\n standby %u timers %s\n", group,
                address, group, c->timers);
    if (member == 0)
        text_printf(t, " standby %u priority 110\n", group);
    if (c->preempt)
        text_printf(t, " standby %u preempt\n", group);
    text_printf(t, " standby %u name %s\n standby %u track %u shutdown\n", group, name, group, track);
}

static char *member_config(const struct world *w, const struct choices *c, unsigned member)
{
    struct text t;
    text_init(&t);
    text_printf(&t, "hostname GW%u\ntrack 1 interface FastEthernet0/0 line-protocol\n", member + 1);
    text_add(&t, "track 2 interface FastEthernet0/1 line-protocol\n");
    ike_write(&t, c);
    for (unsigned s = 0; s < w->spoke_count; s++)
        text_printf(&t, "crypto isakmp key bastion-of-keys address 9.1.2.%u\n", 4 * s + 2);
    text_printf(&t, "crypto isakmp key between-gateways address 192.168.255.%u\n", 2 - member);
    transform_write(&t, c);
    text_printf(&t, "crypto map vpn %s replay-interval inbound %u outbound %u\n",
                c->today ? "redundancy" : "ha", c->replay_in, c->replay_out);
    for (unsigned s = 0; s < w->spoke_count; s++) {
        char peer[32];
        snprintf(peer, sizeof(peer), "9.1.2.%u", 4 * s + 2);
        entry_write(&t, c, 10 + s, peer);
    }
    if (c->today)
        text_printf(&t,
                    "redundancy inter-device\n scheme standby public\n scheme standby private\n"
                    "ipc zone default\n association 1\n  no shutdown\n  protocol sctp\n   local-port 5000\n"
                    "    local-ip 192.168.255.%u\n   remote-port 5000\n    remote-ip 192.168.255.%u\n",
                    member + 1, 2 - member);
    else
        text_printf(&t,
                    "ssp group 1\n remote 192.168.255.%u\n redundancy public\n redundancy private\n"
                    "crypto isakmp ssp 1\n",
                    2 - member);
    text_printf(&t, "interface FastEthernet0/0\n device lan0\n ip address 10.1.1.%u 255.255.255.0\n",
                member + 1);
    standby_write(&t, c, member, 2, "10.1.1.254", "private", 2);
    text_printf(&t, "interface FastEthernet0/1\n device wan0\n ip address 9.1.1.%u 255.255.255.240\n",
                35 + member);
    standby_write(&t, c, member, 1, "9.1.1.37", "public", 1);
    text_printf(&t, " crypto map vpn %s\n", c->today ? "redundancy public stateful" : "ssp 1");
    text_printf(&t, "interface FastEthernet1/0\n device repl0\n ip address 192.168.255.%u 255.255.255.252\n",
                member + 1);
    text_add(&t, "ip route 0.0.0.0 0.0.0.0 9.1.1.33\n");
    for (unsigned s = 0; s < w->spoke_count; s++) {
        text_printf(&t, "ip access-list extended tunnel-%u\n", 10 + s);
        for (unsigned p = 0; p < w->policies; p++)
            text_printf(&t, " permit ip 10.1.0.0 0.0.255.255 10.%u.%u.0 0.0.0.255\n", 64 + s, p);
    }
    text_add(&t, "end\n");
    assert(!t.failed);
    char *text = strdup(text_get(&t));
    text_done(&t);
    return text;
}

static char *spoke_config(const struct world *w, const struct choices *c, unsigned s)
{
    struct text t;
    text_init(&t);
    text_printf(&t, "hostname SPOKE%u\n", s + 1);
    ike_write(&t, c);
    text_add(&t, "crypto isakmp key bastion-of-keys address 9.1.1.37\n");
    transform_write(&t, c);
    entry_write(&t, c, 10, "9.1.1.37");
    text_printf(&t, "interface FastEthernet0/0\n device lan0\n ip address 10.%u.0.1 255.255.0.0\n", 64 + s);
    text_printf(&t,
                "interface Serial1/0:0\n device wan0\n ip address 9.1.2.%u 255.255.255.252\n crypto map vpn\n"
                "ip route 0.0.0.0 0.0.0.0 9.1.2.%u\nip access-list extended tunnel-10\n",
                4 * s + 2, 4 * s + 1);
    for (unsigned p = 0; p < w->policies; p++)
        text_printf(&t, " permit ip 10.%u.%u.0 0.0.0.255 10.1.0.0 0.0.255.255\n", 64 + s, p);
    text_add(&t, "end\n");
    assert(!t.failed);
    char *text = strdup(text_get(&t));
    text_done(&t);
    return text;
}

/* ---- nodes and wires ---- */

static struct prefix network(uint32_t address, uint8_t length)
{
    return (struct prefix){address_v4(address), length};
}

static uint32_t ip(unsigned a, unsigned b, unsigned c, unsigned d)
{
    return a << 24 | b << 16 | c << 8 | d;
}

static unsigned plug(struct world *w, unsigned link, struct site_node *n, const char *device)
{
    unsigned port = site_port_add(n, device, FABRIC_MTU);
    fabric_plug(&w->fabric, link, n, port);
    return port;
}

static struct site_node *gateway(struct world *w, const char *name, char *config, uint32_t slots)
{
    struct site_node *n =
        gateway_new(&w->site, name, &(struct gateway_settings){.config = config, .slots = slots});
    free(config);
    return n;
}

static void hub_build(struct world *w, const struct choices *c, uint32_t slots)
{
    static const char *const names[] = {"GW1", "GW2"};
    fabric_link_add(&w->fabric, "lan", 0);
    fabric_link_add(&w->fabric, "wan", 0);
    fabric_link_add(&w->fabric, "repl", 0);
    w->host_hub = host_new(&w->site, "HOST", false);
    host_address_add(w->host_hub, plug(w, LINK_LAN, w->host_hub->node, "eth0"),
                     &(struct prefix){address_v4(ip(10, 1, 1, 10)), 24});
    struct host_route out = {network(0, 0), address_v4(ip(10, 1, 1, 254)), 0};
    host_route_add(w->host_hub, &out);
    w->backbone = host_new(&w->site, "BACKBONE", true);
    struct prefix hub = network(ip(9, 1, 1, 33), 28);
    host_address_add(w->backbone, plug(w, LINK_WAN, w->backbone->node, "hub0"), &hub);
    for (unsigned m = 0; m < 2; m++) {
        struct site_node *n = w->members[m] = gateway(w, names[m], member_config(w, c, m), slots);
        plug(w, LINK_LAN, n, "lan0");
        plug(w, LINK_WAN, n, "wan0");
        plug(w, LINK_REPLICATION, n, "repl0");
        w->ledger.members[m] = n;
    }
    w->ledger.outside |= 1 << LINK_WAN;
}

static void spoke_build(struct world *w, const struct choices *c, unsigned s, uint32_t slots)
{
    char name[16];
    unsigned wan = fabric_link_add(&w->fabric, "wan-spoke", 0),
             lan = fabric_link_add(&w->fabric, "lan-spoke", 0);
    struct prefix p = network(ip(9, 1, 2, 4 * s + 1), 30);
    snprintf(name, sizeof(name), "spoke%u", s);
    host_address_add(w->backbone, plug(w, wan, w->backbone->node, name), &p);
    snprintf(name, sizeof(name), "SPOKE%u", s + 1);
    struct site_node *n = w->spokes[s] = gateway(w, name, spoke_config(w, c, s), slots);
    plug(w, wan, n, "wan0");
    plug(w, lan, n, "lan0");
    w->ledger.outside |= 1ULL << wan;
    snprintf(name, sizeof(name), "HOST%u", s + 1);
    struct host *h = w->hosts[s] = host_new(&w->site, name, false);
    unsigned port = plug(w, lan, h->node, "eth0");
    for (unsigned k = 0; k < w->policies; k++) {
        p = network(ip(10, 64 + s, k, 10), 16);
        host_address_add(h, port, &p);
    }
    struct host_route out = {network(0, 0), address_v4(ip(10, 64 + s, 0, 1)), 0};
    host_route_add(h, &out);
}

/* ---- flows ---- */

enum { FLOW_SIZE = 120 };

static void flow_send(void *context, struct happening *h)
{
    struct world_flow *f = context;
    struct world *w = f->world;
    (void)h;
    if (site_now(&w->site) >= w->quiet_at)
        return;
    struct frame *frame = frame_new(0);
    frame->kind = FRAME_IP;
    frame->protocol = SITE_PROTOCOL_FLOW;
    frame->from = f->source;
    frame->to = f->destination;
    frame->size = FLOW_SIZE;
    frame->flow = (struct flow_packet){f->number, ++f->sent};
    (void)host_send(f->from, frame);
    free(frame);
    site_later(&w->site, f->period / 2 + rng_u64(&w->site.rng) % f->period, flow_send, f, 0);
}

static void host_hears(void *context, struct host *h, const struct frame *frame)
{
    struct world *w = context;
    (void)h;
    if (frame->protocol != SITE_PROTOCOL_FLOW || frame->flow.flow >= w->flow_count)
        return;
    struct world_flow *f = &w->flows[frame->flow.flow];
    ns now = site_now(&w->site);
    if (w->healed)
        f->gap = MAX(f->gap, ns_since(now, f->heard));
    f->received++;
    f->heard = now;
}

static void flow_add(struct world *w, struct host *from, struct host *to, uint32_t source,
                     uint32_t destination, ns period)
{
    struct world_flow *f = &w->flows[w->flow_count];
    *f = (struct world_flow){.world = w,
                             .number = w->flow_count++,
                             .from = from,
                             .to = to,
                             .source = address_v4(source),
                             .destination = address_v4(destination),
                             .period = period};
    site_later(&w->site, NS_PER_S + rng_u64(&w->site.rng) % period, flow_send, f, 0);
}

static void flows_build(struct world *w, ns period, bool busy)
{
    w->host_hub->receive = host_hears;
    w->host_hub->context = w;
    for (unsigned s = 0; s < w->spoke_count; s++) {
        w->hosts[s]->receive = host_hears;
        w->hosts[s]->context = w;
        for (unsigned k = 0; k < w->policies; k++) {
            ns each = period ? period
                      : busy ? (5 + rng_below(&w->site.rng, 100)) * NS_PER_MS
                             : (20 + rng_below(&w->site.rng, 150)) * NS_PER_MS;
            flow_add(w, w->host_hub, w->hosts[s], ip(10, 1, 1, 10), ip(10, 64 + s, k, 10), each);
            flow_add(w, w->hosts[s], w->host_hub, ip(10, 64 + s, k, 10), ip(10, 1, 1, 10), each);
        }
    }
}

/* ---- a world ---- */

static void choices_draw(struct world *w, struct choices *c, bool hour)
{
    static const struct {
        const char *text;
        ns hello, hold;
    } timers[] = {{"msec 15 msec 50", 15 * NS_PER_MS, 50 * NS_PER_MS},
                  {"msec 100 msec 350", 100 * NS_PER_MS, 350 * NS_PER_MS},
                  {"msec 250 1", 250 * NS_PER_MS, NS_PER_S}};
    struct rng *r = &w->site.rng;
    unsigned t = rng_below(r, ARRAY_SIZE(timers));
    t = hour ? ARRAY_SIZE(timers) - 1 : t;
    w->hello = timers[t].hello;
    w->hold = timers[t].hold;
    *c = (struct choices){.today = rng_below(r, 2),
                          .pfs = rng_below(r, 3) == 0,
                          .preempt = rng_below(r, 3) == 0,
                          .timers = timers[t].text,
                          .replay_in = 64u << rng_below(r, 5),
                          .replay_out = rng_below(r, 2) ? 1000 : 100000,
                          .lifetime = hour              ? 600
                                      : rng_below(r, 2) ? 120
                                                        : 3600};
}

void world_build(struct world *w, uint64_t seed, const struct world_size *size)
{
    struct choices c;
    *w = (struct world){.quiet_at = NS_NEVER};
    site_init(&w->site, seed);
    fabric_init(&w->fabric, &w->site, seed + 1);
    ledger_init(&w->ledger, &w->site);
    w->fabric.tap = ledger_tap;
    w->fabric.tap_context = &w->ledger;
    w->spoke_count = size->spokes ? size->spokes : 1 + rng_below(&w->site.rng, 2);
    w->policies = size->policies ? size->policies : 1 + rng_below(&w->site.rng, 2);
    w->ledger.many = w->policies > 2;
    choices_draw(w, &c, size->hour);
    uint32_t slots = MAX(128u, 8 * w->spoke_count * w->policies);
    hub_build(w, &c, slots);
    for (unsigned s = 0; s < w->spoke_count; s++)
        spoke_build(w, &c, s, slots);
    for (unsigned i = 0; i < w->site.node_count; i++) {
        struct site_node *n = w->site.nodes[i];
        if (!n->ops->start)
            continue;
        node_clock_set(n, (int64_t)(rng_u64(&w->site.rng) % MONTH),
                       (int32_t)rng_below(&w->site.rng, 200) - 100);
        n->ops->start(n);
    }
    flows_build(w, size->period, size->busy);
}

void world_done(struct world *w)
{
    site_done(&w->site);
    ledger_done(&w->ledger);
}
