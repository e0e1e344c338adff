/* SPDX-License-Identifier: Apache-2.0 */
/* Two gateways with the real IKE machine, on virtual time, over a network that loses, duplicates, reorders,
 * delays and is cut, while control processes and nodes die and come back and an operator clears things. Then
 * the network heals, and what must hold then is checked:
 *
 *   - both gateways have matching pairs of IPsec SAs (SPIs, keys, selectors, algorithms), or neither has any;
 *   - nothing half-open stays: no IKE SA, no exchange, no pair that waits for its peer;
 *   - while traffic asks for it, it gets through both ways;
 *   - the same seed gives the same run, step by step.
 *
 *   ike_world FIRST COUNT        runs seeds FIRST .. FIRST+COUNT-1
 *   ike_world --show SEED        one seed with its log
 *   ike_bugs --mutations COUNT   the build with deliberate bugs: each must be found within COUNT seeds
 */
#include <assert.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/spi.h"
#include "crypto/crypto.h"
#include "deliberate.h"
#include "ike/gateway.h"

#define START  (1000 * NS_PER_S)
#define CHAOS  (400 * NS_PER_S)
#define SETTLE (150 * NS_PER_S)
#define POLL   (90 * NS_PER_S)

struct world {
    uint64_t seed;
    struct rng rng;
    struct schedule schedule;
    struct network network;
    struct gateway a, b;
    struct ike_policy policy;
    struct ike_key key;
    struct ike_transform_set set;
    struct ike_connection connections[2];
    struct ike_peer peers[2];
    ns chaos_end, traffic_end;
    bool healed;
    unsigned control_kills, node_kills, clears;
};

static uint32_t one_of(struct rng *r, const uint32_t *values, size_t count)
{
    return values[rng_below(r, (uint32_t)count)];
}

#define ONE_OF(r, ...) \
    one_of(r, (const uint32_t[]){__VA_ARGS__}, sizeof((const uint32_t[]){__VA_ARGS__}) / sizeof(uint32_t))

static ns between(struct rng *r, ns low, ns high)
{
    return low + rng_u64(r) % (high - low);
}

static void configure_connection(struct world *w, unsigned n, struct gateway *g, uint32_t lifetime,
                                 uint8_t pfs)
{
    struct ike_connection *c = &w->connections[n];
    bool aggressive = rng_below(&w->rng, 4) == 0;
    w->peers[n] = (struct ike_peer){.address = g->peer->local, .aggressive = aggressive};
    prefix_mask(&g->selector.local);
    *c = (struct ike_connection){
        .id = 7 + n,
        .map_name = "vpn",
        .interface_name = "Serial1/0:0",
        .sequence = 10,
        .local = g->local,
        .peers = &w->peers[n],
        .peer_count = 1,
        .transform_sets = {&w->set},
        .transform_set_count = 1,
        .pfs_group = pfs,
        .lifetime_seconds = lifetime,
        .lifetime_kilobytes = 4608000,
        .replay_size = 64,
        .selectors = &g->selector,
        .selector_count = 1,
    };
    g->connection = c->id;
    g->config.connections = c;
    g->config.connection_count = 1;
}

static void configure(struct world *w)
{
    struct rng *r = &w->rng;
    uint32_t lifetime = ONE_OF(r, 120, 300, 3600);
    uint8_t pfs = (uint8_t)ONE_OF(r, 0, 0, 31);
    w->policy = (struct ike_policy){.priority = 10,
                                    .encryption = CBC_AES,
                                    .key_bits = 128,
                                    .hash = (uint8_t)ONE_OF(r, HASH_SHA1, HASH_SHA256),
                                    .group = 31,
                                    .authentication = IKE_AUTH_PRESHARED,
                                    .lifetime_seconds = ONE_OF(r, 120, 600, 86400)};
    w->key = (struct ike_key){.key = bytes_of("cisco", 5)};
    w->key.peer = (struct prefix){address_v4(0), 0};
    w->set = (struct ike_transform_set){
        .name = "ts", .has_esp = true, .esp = {PACKET_ENCRYPTION_AES_GCM16, 16, PACKET_INTEGRITY_NONE}};
    struct ike_config common = {.policies = &w->policy,
                                .policy_count = 1,
                                .keys = &w->key,
                                .key_count = 1,
                                .dpd_mode = IKE_DPD_PERIODIC,
                                .dpd_seconds = 10,
                                .dpd_retry_seconds = 2,
                                .dpd_misses = 3,
                                .nat_keepalive_seconds = 20,
                                .invalid_spi_recovery = true};
    w->a.config = w->b.config = common;
    w->a.config.hostname = "A";
    w->b.config.hostname = "B";
    configure_connection(w, 0, &w->a, lifetime, pfs);
    configure_connection(w, 1, &w->b, lifetime, pfs);
}

/* ---- what goes wrong ---- */

static void weather_changes(void *context, struct happening *h)
{
    struct world *w = context;
    struct weather *now = &w->network.weather;
    (void)h;
    if (w->schedule.now >= w->chaos_end)
        return;
    now->cut = rng_below(&w->rng, 8) == 0;
    now->loss_permille = ONE_OF(&w->rng, 0, 0, 50, 200, 400);
    now->duplicate_permille = ONE_OF(&w->rng, 0, 100, 300);
    now->delay_low = NS_PER_MS;
    now->delay_high = now->delay_low + ONE_OF(&w->rng, 1, 20, 300, 3000) * NS_PER_MS;
    schedule_put(&w->schedule,
                 (struct happening){.at = w->schedule.now + between(&w->rng, NS_PER_S, 60 * NS_PER_S),
                                    .run = weather_changes,
                                    .context = w});
}

static void comes_back(void *context, struct happening *h)
{
    (void)h;
    gateway_start(context);
}

static void something_fails(void *context, struct happening *h)
{
    struct world *w = context;
    (void)h;
    if (w->schedule.now >= w->chaos_end)
        return;
    struct gateway *g = rng_below(&w->rng, 2) ? &w->a : &w->b;
    ns back = 0;
    if (g->ike) {
        switch (rng_below(&w->rng, 6)) {
        case 0:
        case 1:
            gateway_kill_control(g);
            w->control_kills++;
            back = between(&w->rng, NS_PER_MS, 2 * NS_PER_S);
            break;
        case 2:
            gateway_kill_node(g);
            w->node_kills++;
            back = between(&w->rng, NS_PER_S, 60 * NS_PER_S);
            break;
        case 3:
            w->clears++;
            gateway_clear(g, rng_below(&w->rng, 2) ? IKE_CLEAR_ALL_PAIRS : IKE_CLEAR_ALL_ISAKMP);
            break;
        default:
            break;
        }
    }
    if (back)
        schedule_put(&w->schedule,
                     (struct happening){.at = w->schedule.now + back, .run = comes_back, .context = g});
    schedule_put(&w->schedule,
                 (struct happening){.at = w->schedule.now + between(&w->rng, NS_PER_S, 80 * NS_PER_S),
                                    .run = something_fails,
                                    .context = w});
}

static void traffic(void *context, struct happening *h)
{
    struct world *w = context;
    struct gateway *g = h->number ? &w->a : &w->b;
    if (w->schedule.now >= w->traffic_end)
        return;
    gateway_send_packet(g);
    schedule_put(&w->schedule,
                 (struct happening){.at = w->schedule.now + between(&w->rng, 50 * NS_PER_MS, 2 * NS_PER_S),
                                    .run = traffic,
                                    .context = w,
                                    .number = h->number});
}

/* ---- what must hold ---- */

static bool same(struct bytes a, struct bytes b)
{
    return bytes_equal(a, b);
}

/* Whether every pair of `g` has its counterpart at the peer. */
static bool matches(struct gateway *g, char *why, size_t size)
{
    for (unsigned i = 0; i < SIM_PAIRS_MAX; i++) {
        const struct sim_pair *p = &g->pairs[i], *q = NULL;
        if (p->state == SIM_PAIR_FREE)
            continue;
        if (p->state == SIM_PAIR_INBOUND) {
            snprintf(why, size, "%s: pair 0x%08x still waits for its peer", g->name, p->install.spi_in);
            return false;
        }
        uint32_t slot = spi_slot(p->install.spi_out);
        if (slot < SIM_PAIRS_MAX && g->peer->pairs[slot].state != SIM_PAIR_FREE)
            q = &g->peer->pairs[slot];
        if (!q || q->install.spi_in != p->install.spi_out || q->install.spi_out != p->install.spi_in) {
            snprintf(why, size, "%s: pair 0x%08x has no counterpart", g->name, p->install.spi_in);
            return false;
        }
        struct selector mirrored;
        selector_mirror(&q->install.selector, &mirrored);
        if (!same(p->install.encryption_key_out, q->install.encryption_key_in) ||
            !same(p->install.encryption_key_in, q->install.encryption_key_out) ||
            !same(p->install.integrity_key_out, q->install.integrity_key_in) ||
            p->install.encryption_key_out.len == 0 || !selector_equal(&p->install.selector, &mirrored) ||
            !packet_algorithms_equal(&p->install.algorithms, &q->install.algorithms)) {
            snprintf(why, size, "%s: pair 0x%08x differs from its counterpart", g->name, p->install.spi_in);
            return false;
        }
    }
    return true;
}

static bool nothing_half_open(struct gateway *g, char *why, size_t size)
{
    struct ike_statistics s;
    ike_statistics(g->ike, &s);
    if (s.half_open || s.exchanges) {
        snprintf(why, size, "%s: %u half-open IKE SAs, %u exchanges", g->name, s.half_open, s.exchanges);
        return false;
    }
    return true;
}

static bool settled(struct world *w, char *why, size_t size)
{
    return nothing_half_open(&w->a, why, size) && nothing_half_open(&w->b, why, size) &&
           matches(&w->a, why, size) && matches(&w->b, why, size);
}

static bool traffic_passes(struct world *w, char *why, size_t size)
{
    struct gateway *both[] = {&w->a, &w->b};
    for (unsigned i = 0; i < 2; i++) {
        struct gateway *g = both[i];
        uint64_t sent = g->packets_sent, received = g->peer->packets_received;
        for (unsigned n = 0; n < 5; n++) {
            gateway_send_packet(g);
            ns until = w->schedule.now + 100 * NS_PER_MS;
            while (schedule_step(&w->schedule, until))
                ;
        }
        if (g->packets_sent - sent < 5 || g->peer->packets_received - received < 5) {
            snprintf(why, size, "%s: %d of 5 packets sent, %d received", g->name,
                     (int)(g->packets_sent - sent), (int)(g->peer->packets_received - received));
            return false;
        }
    }
    return true;
}

/* ---- a run ---- */

static void world_init(struct world *w, uint64_t seed, bool verbose)
{
    memset(w, 0, sizeof(*w));
    w->seed = seed;
    rng_init_number(&w->rng, seed);
    schedule_init(&w->schedule, START);
    w->network = (struct network){.schedule = &w->schedule, .rng = &w->rng};
    w->network.weather = (struct weather){.delay_low = NS_PER_MS, .delay_high = 5 * NS_PER_MS};
    w->a = (struct gateway){.name = "A", .peer = &w->b, .local = address_v4(0x09010182)};
    w->b = (struct gateway){.name = "B", .peer = &w->a, .local = address_v4(0x09010116)};
    struct gateway *both[] = {&w->a, &w->b};
    for (unsigned i = 0; i < 2; i++) {
        both[i]->schedule = &w->schedule;
        both[i]->network = &w->network;
        both[i]->rng = &w->rng;
        both[i]->verbose = verbose;
    }
    w->a.selector = (struct selector){.local = {address_v4(0x0a004000), 24},
                                      .remote = {address_v4(0x0a000000), 8},
                                      .local_port_high = 65535,
                                      .remote_port_high = 65535};
    selector_mirror(&w->a.selector, &w->b.selector);
    configure(w);
    w->chaos_end = START + CHAOS;
    bool quiet = rng_below(&w->rng, 4) == 0; /* nobody asks for anything once the network heals */
    w->traffic_end = quiet ? w->chaos_end : NS_NEVER;
}

static void put_first(struct world *w, void (*run)(void *, struct happening *), uint64_t number)
{
    schedule_put(&w->schedule, (struct happening){.at = START + between(&w->rng, 1, 5 * NS_PER_S),
                                                  .run = run,
                                                  .context = w,
                                                  .number = number});
}

static void run_until(struct world *w, ns until)
{
    while (schedule_step(&w->schedule, until))
        ;
}

static bool world_run(struct world *w, char *why, size_t size)
{
    gateway_start(&w->a);
    gateway_start(&w->b);
    put_first(w, weather_changes, 0);
    put_first(w, something_fails, 0);
    put_first(w, traffic, 0);
    put_first(w, traffic, 1);
    run_until(w, w->chaos_end);
    w->network.weather = (struct weather){.delay_low = NS_PER_MS, .delay_high = 5 * NS_PER_MS};
    run_until(w, w->chaos_end + 61 * NS_PER_S); /* the last node that was off is back */
    assert(w->a.ike && w->b.ike);
    bool quiet = w->traffic_end != NS_NEVER;
    /* Without traffic, what only one side still has goes by dead peer detection or by its lifetime. */
    ns settle = SETTLE + (quiet ? w->connections[0].lifetime_seconds * NS_PER_S : 0);
    run_until(w, w->chaos_end + settle);
    ns give_up = w->schedule.now + POLL;
    while (!settled(w, why, size) && w->schedule.now < give_up)
        run_until(w, w->schedule.now + NS_PER_S / 4);
    if (w->a.broken[0] || w->b.broken[0]) {
        snprintf(why, size, "%s %s", w->a.broken, w->b.broken);
        return false;
    }
    if (!settled(w, why, size))
        return false;
    return quiet || traffic_passes(w, why, size);
}

static void world_done(struct world *w)
{
    schedule_done(&w->schedule);
    gateway_done(&w->a);
    gateway_done(&w->b);
}

struct totals {
    uint64_t runs, failed, kills, node_kills, clears, sent, lost, duplicated, datagrams, packets, established;
};

static bool run_seed(uint64_t seed, bool verbose, struct totals *t, uint64_t *ret_trace,
                     char why[DELIBERATE_WHY])
{
    struct world *w = malloc(sizeof(*w));
    assert(w);
    why[0] = 0;
    world_init(w, seed, verbose);
    bool ok = world_run(w, why, DELIBERATE_WHY);
    struct ike_statistics s;
    ike_statistics(w->a.ike, &s);
    t->established += s.quick_established;
    t->runs++;
    t->failed += !ok;
    t->kills += w->control_kills;
    t->node_kills += w->node_kills;
    t->clears += w->clears;
    t->sent += w->network.sent;
    t->lost += w->network.lost;
    t->duplicated += w->network.duplicated;
    t->datagrams += w->a.datagrams_sent + w->b.datagrams_sent;
    t->packets += w->a.packets_received + w->b.packets_received;
    *ret_trace = w->a.trace ^ (w->b.trace << 1);
    world_done(w);
    free(w);
    return ok;
}

#ifdef HOLDFAST_DELIBERATE_BUGS

static bool seed_holds(uint64_t seed, char why[DELIBERATE_WHY])
{
    struct totals ignored = {0};
    uint64_t trace;
    return run_seed(seed, false, &ignored, &trace, why);
}

static int run_mutations(uint64_t count)
{
    static const enum deliberate bugs[] = {DELIBERATE_LEAKED_HALF_OPEN};
    return deliberate_each(bugs, ARRAY_SIZE(bugs), count, seed_holds);
}

#endif

int main(int argc, char **argv)
{
    struct totals t = {0};
    uint64_t trace = 0, again = 0;
    char why[DELIBERATE_WHY];
    if (argc != 3 || crypto_init() < 0) {
        fprintf(stderr, "usage: %s FIRST COUNT | --show SEED\n", argv[0]);
        return 2;
    }
#ifdef HOLDFAST_DELIBERATE_BUGS
    if (strcmp(argv[1], "--mutations") == 0)
        return run_mutations(strtoull(argv[2], NULL, 10));
#endif
    if (strcmp(argv[1], "--show") == 0) {
        bool ok = run_seed(strtoull(argv[2], NULL, 10), true, &t, &trace, why);
        printf("%s\n", ok ? "every promise held" : why);
        return ok ? 0 : 1;
    }
    uint64_t first = strtoull(argv[1], NULL, 10), count = strtoull(argv[2], NULL, 10);
    for (uint64_t seed = first; seed < first + count && t.failed < 20; seed++) {
        if (!run_seed(seed, false, &t, &trace, why))
            printf("seed %llu: %s\n", (unsigned long long)seed, why);
        if (seed % 100 == 0) {
            struct totals ignored = {0};
            run_seed(seed, false, &ignored, &again, why);
            if (again != trace) {
                printf("seed %llu: two runs differ\n", (unsigned long long)seed);
                t.failed++;
            }
        }
    }
    printf("%llu seeds, %llu failed; %llu control processes and %llu nodes killed, %llu clears; %llu "
           "datagrams and "
           "packets on the network, %llu lost, %llu duplicated; %llu IKE messages, %llu packets delivered, "
           "%llu quick "
           "modes at A since its last start\n",
           (unsigned long long)t.runs, (unsigned long long)t.failed, (unsigned long long)t.kills,
           (unsigned long long)t.node_kills, (unsigned long long)t.clears, (unsigned long long)t.sent,
           (unsigned long long)t.lost, (unsigned long long)t.duplicated, (unsigned long long)t.datagrams,
           (unsigned long long)t.packets, (unsigned long long)t.established);
    return t.failed || t.runs != count ? 1 : 0;
}
