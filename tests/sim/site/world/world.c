/* SPDX-License-Identifier: Apache-2.0 */
/* Whole gateways under faults that are drawn from a seed, with the promises checked all the time and liveness
 * when the faults have ended.
 *
 *     site_world FIRST COUNT          so many seeds; what fails is shrunk
 *     site_world --show SEED [MASK]   one, told; MASK: only these of its faults
 *     site_world --as-timeline FOLDER SEED [MASK]   the same as a scenario of the lab
 *     site_world --hour [SEED]        one virtual hour of the pair with 100 tunnels
 *     site_world --regressions        the seeds that found something once
 *     site_bugs --mutations COUNT     the build with deliberate bugs: each must be found within COUNT seeds
 */
#include <assert.h>
#include <malloc.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "crypto/crypto.h"
#include "deliberate.h"
#include "shrink.h"
#include "site/gateway/gateway.h"
#include "site/world/as_timeline.h"
#include "site/world/world.h"

static const ns CHAOS_BEGIN = SITE_START + 6 * NS_PER_S, CHAOS_END = SITE_START + 16 * NS_PER_S;
/* How long after the healing everything is to be as it should be, at the latest. */
static const ns SETTLE = 45 * NS_PER_S, LOOK = 250 * NS_PER_MS, FLOWS = 2 * NS_PER_S;

/* TLS draws keys of its own: with the real one no two runs are the same to the byte. */
#ifdef SITE_REAL_CRYPTO
enum { REPEATS = false };
#else
enum { REPEATS = true };
#endif

struct outcome {
    uint64_t trace, frames, sealed, delivered, takeovers, replayed, forged, befallen, answered_again;
    size_t control_peak, engine_peak;
    uint64_t takeover_calls;
    unsigned faults;
    bool failed;
    char why[240];
    ns settled;       /* after the healing */
    uint64_t slowest; /* of a total: the seed that took longest for it */
};

/* ---- one run ---- */

static void show(void *context, const struct site_node *n, const char *topic, const char *text)
{
    const struct world *w = context;
    ns t = site_now(&w->site) - SITE_START;
    printf("%4lu.%06lu %-9s %-9s %s\n", t / NS_PER_S, t % NS_PER_S / NS_PER_US, n ? n->name : "", topic,
           text);
}

static void outcome_of(const struct world *w, struct outcome *o)
{
    const struct ledger *l = &w->ledger;
    o->trace = w->site.trace;
    o->frames = w->site.frames;
    o->sealed = l->sealed;
    o->delivered = l->delivered_count;
    o->takeovers = l->takeovers;
    o->takeover_calls = l->takeover_calls;
    o->control_peak = l->control_peak;
    o->engine_peak = l->engine_peak;
    o->replayed = w->replayed;
    o->forged = w->forged;
    o->befallen = w->befallen;
    o->answered_again = l->answered_again;
    o->faults = w->fault_count;
    o->failed = w->site.failed;
    memcpy(o->why, w->site.why, sizeof(o->why));
}

/* Until everything is as it should be, or too late. */
static void settle(struct world *w, struct outcome *o)
{
    ns end = site_now(&w->site) + SETTLE;
    const char *why = "";
    while (!w->site.failed && site_now(&w->site) < end && why) {
        site_run(&w->site, site_now(&w->site) + LOOK);
        world_keep_up(w);
        why = world_settled(w);
        if (!why)
            why = world_flows(w, FLOWS);
    }
    o->settled = site_now(&w->site) + SETTLE - end;
    if (why && !w->site.failed)
        site_fail(&w->site, "%lu s after the healing: %s", SETTLE / NS_PER_S, why);
}

/* What the gateways say for themselves when it has failed: SITE_ASK='show crypto ipsec sa'. */
static void ask_all(struct world *w)
{
    const char *line = getenv("SITE_ASK");
    for (unsigned i = 0; line && i < w->site.node_count; i++) {
        struct site_node *n = w->site.nodes[i];
        char *answer = n->ops->command ? n->ops->command(n, line) : NULL;
        if (answer)
            printf("%s# %s\n%s\n", n->name, line, answer);
        free(answer);
    }
}

static bool busy; /* the seeds of --regressions are of worlds with more traffic and longer chaos */

static void run_seed(uint64_t seed, uint32_t mask, bool shown, struct outcome *o)
{
    ns begin = busy ? SITE_START + 8 * NS_PER_S : CHAOS_BEGIN,
       end = busy ? SITE_START + 20 * NS_PER_S : CHAOS_END;
    uint64_t blocks = memory_world_blocks();
    struct world *w = calloc(1, sizeof(*w));
    assert(w);
    *o = (struct outcome){0};
    world_build(w, seed, &(struct world_size){.busy = busy});
    faults_draw(w, 1 + rng_below(&w->site.rng, 10), begin, end);
    faults_plan(w, mask);
    attacker_begin(w, 50 * NS_PER_MS);
    w->site.listening = shown;
    w->site.listen = show;
    w->site.listen_context = w;
    site_run(&w->site, SITE_START + NS_PER_S);
    for (unsigned i = 0; shown && getenv("SITE_DEBUG") && i < w->site.node_count; i++)
        if (w->site.nodes[i]->ops->command)
            free(w->site.nodes[i]->ops->command(w->site.nodes[i], getenv("SITE_DEBUG")));
    site_run(&w->site, end);
    if (!w->site.failed)
        world_heal(w);
    settle(w, o);
    if (shown && w->site.failed)
        ask_all(w);
    outcome_of(w, o);
    world_done(w);
    free(w);
    if (!o->failed && memory_world_blocks() != blocks) {
        o->failed = true;
        snprintf(o->why, sizeof(o->why), "%ld blocks of memory were not given back",
                 (long)(memory_world_blocks() - blocks));
    }
}

/* ---- many ---- */

struct shrinking {
    uint64_t seed;
};

static bool fails(void *context, uint32_t mask)
{
    const struct shrinking *s = context;
    struct outcome o;
    run_seed(s->seed, mask, false, &o);
    return o.failed;
}

static void shrink(const char *program, uint64_t seed, const struct outcome *first)
{
    struct shrinking s = {seed};
    uint32_t mask = shrink_faults(first->faults, fails, &s);
    printf("seed %lu: %s\n  shrunk to %d faults: %s --show %lu %u\n", seed, first->why,
           __builtin_popcount(mask), program, seed, mask);
    fflush(stdout);
}

static void total(struct outcome *t, const struct outcome *o, uint64_t seed)
{
    if (o->settled > t->settled)
        t->slowest = seed;
    t->frames += o->frames;
    t->sealed += o->sealed;
    t->delivered += o->delivered;
    t->takeovers += o->takeovers;
    t->replayed += o->replayed;
    t->forged += o->forged;
    t->befallen += o->befallen;
    t->answered_again += o->answered_again;
    t->takeover_calls = MAX(t->takeover_calls, o->takeover_calls);
    t->control_peak = MAX(t->control_peak, o->control_peak);
    t->engine_peak = MAX(t->engine_peak, o->engine_peak);
    t->settled = MAX(t->settled, o->settled);
}

static int run_many(const char *program, uint64_t first, uint64_t count)
{
    struct outcome t = {0}, o, again;
    uint64_t failed = 0, runs = 0;
    for (uint64_t seed = first; seed < first + count && failed < 10; seed++) {
        run_seed(seed, UINT32_MAX, false, &o);
        runs++;
        total(&t, &o, seed);
        if (o.failed) {
            failed++;
            shrink(program, seed, &o);
        }
        if (seed % 50 || !REPEATS)
            continue;
        run_seed(seed, UINT32_MAX, false, &again);
        if (again.trace != o.trace) {
            printf("seed %lu: two runs differ\n", seed);
            failed++;
        }
    }
    printf("%lu seeds, %lu failed; %lu faults, %lu takeovers (at most %lu calls of the kernel in one), %lu "
           "frames, "
           "%lu packets sealed, %lu delivered, %lu replayed, %lu forged, %lu quick modes answered again; at "
           "most "
           "%zu KiB in control, %zu KiB in an engine; settled at most %lu ms after the faults (seed %lu)\n",
           runs, failed, t.befallen, t.takeovers, t.takeover_calls, t.frames, t.sealed, t.delivered,
           t.replayed, t.forged, t.answered_again, t.control_peak >> 10, t.engine_peak >> 10,
           t.settled / NS_PER_MS, t.slowest);
    return failed ? 1 : 0;
}

/* What once found a bug: the seed, and the faults that it took. */
static int run_regressions(void)
{
    static const struct {
        uint64_t seed;
        uint32_t mask;
    } list[] = {
        {441, 353}, /* a replica's hard expiry stayed; a replaced pair without successor was never rekeyed */
        {554, 167}, /* a pair that the IKE machine refused in a merge stayed in the SA table */
    };
    int failed = 0;
    busy = true;
    for (size_t i = 0; i < ARRAY_SIZE(list); i++) {
        struct outcome o;
        run_seed(list[i].seed, list[i].mask, false, &o);
        printf("seed %lu: %s\n", list[i].seed, o.failed ? o.why : "good");
        failed += o.failed;
    }
    return failed ? 1 : 0;
}

/* ---- deliberate bugs ---- */

#ifdef HOLDFAST_DELIBERATE_BUGS
static bool seed_holds(uint64_t seed, char why[DELIBERATE_WHY])
{
    struct outcome o;
    run_seed(seed, UINT32_MAX, false, &o);
    snprintf(why, DELIBERATE_WHY, "%s", o.why);
    return !o.failed;
}

static int run_mutations(uint64_t count)
{
    /* pair_bugs finds the others: what they need is rare here, or a snapshot larger than any here. */
    static const enum deliberate bugs[] = {
        DELIBERATE_REUSE_SEQUENCE,   DELIBERATE_SKIP_WAIT,  DELIBERATE_EARLY_RAISE, DELIBERATE_FORGET_EPOCH,
        DELIBERATE_DELIVER_REPLAY,   DELIBERATE_TWO_OWNERS, DELIBERATE_TWO_ACTIVE,  DELIBERATE_CLEAR_PACKET,
        DELIBERATE_LEAKED_HALF_OPEN, DELIBERATE_STALE_KEPT};
    return deliberate_each(bugs, ARRAY_SIZE(bugs), count, seed_holds);
}
#else
static int run_mutations(uint64_t count)
{
    (void)count;
    fprintf(stderr, "this build has no deliberate bugs\n");
    return 2;
}
#endif

/* ---- an hour ---- */

static const ns HOUR = 3600 * NS_PER_S, WARM = 60 * NS_PER_S;

static void next_fault(void *context, struct happening *h)
{
    struct world *w = context;
    (void)h;
    if (w->healed)
        return;
    faults_draw(w, 1, site_now(&w->site), site_now(&w->site));
    fault_befall(w, &w->faults[0]);
    site_later(&w->site, site_between(&w->site, NS_PER_S, 40 * NS_PER_S), next_fault, w, 0);
}

/* What a process holds must not grow with the time that it lives. */
static void growth_look(struct world *w, const uint64_t before[WORLD_SPOKES_MAX],
                        const uint64_t lives[WORLD_SPOKES_MAX])
{
    for (unsigned s = 0; s < w->spoke_count; s++) {
        const struct process *p = &gateway_kernel(w->spokes[s])->processes[NODE_CONTROL];
        if (p->life == lives[s] && p->block_count > before[s] + before[s] / 5)
            site_fail(&w->site, "leak: control of %s had %lu blocks of memory and has %lu",
                      w->spokes[s]->name, before[s], p->block_count);
    }
}

static int run_hour(uint64_t seed)
{
    static const struct world_size size = {
        .spokes = 4, .policies = 25, .period = 10 * NS_PER_S, .hour = true};
    struct world *w = calloc(1, sizeof(*w));
    uint64_t blocks[WORLD_SPOKES_MAX], lives[WORLD_SPOKES_MAX];
    struct outcome o = {0};
    struct timespec began, ended;
    assert(w);
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &began);
    world_build(w, seed, &size);
    site_run(&w->site, SITE_START + WARM);
    const char *why = world_settled(w);
    if (why)
        site_fail(&w->site, "one minute after the start: %s", why);
    for (unsigned s = 0; s < w->spoke_count; s++) {
        const struct kernel *k = gateway_kernel(w->spokes[s]);
        blocks[s] = k->processes[NODE_CONTROL].block_count;
        lives[s] = k->processes[NODE_CONTROL].life;
    }
    next_fault(w, NULL);
    attacker_begin(w, NS_PER_S);
    site_run(&w->site, SITE_START + HOUR - SETTLE);
    if (!w->site.failed)
        world_heal(w);
    settle(w, &o);
    site_run(&w->site, SITE_START + HOUR);
    if (!w->site.failed)
        growth_look(w, blocks, lives);
    outcome_of(w, &o);
    uint64_t events = w->site.schedule.order;
    world_done(w);
    free(w);
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &ended);
    printf("one hour, 100 tunnels, seed %lu: %s; %lu faults, %lu takeovers (at most %lu calls of the kernel "
           "in one), "
           "%lu happenings, %lu frames, %lu packets sealed, %lu delivered; %.1f s of processor time\n",
           seed, o.failed ? o.why : "good", o.befallen, o.takeovers, o.takeover_calls, events, o.frames,
           o.sealed, o.delivered,
           (double)(ended.tv_sec - began.tv_sec) + (double)(ended.tv_nsec - began.tv_nsec) / 1e9);
    return o.failed;
}

/* The world of a seed as a scenario of the lab. */
static int write_scenario(const char *folder, uint64_t seed, uint32_t mask)
{
    struct world *w = calloc(1, sizeof(*w));
    assert(w);
    world_build(w, seed, &(struct world_size){.busy = busy});
    faults_draw(w, 1 + rng_below(&w->site.rng, 10), CHAOS_BEGIN, CHAOS_END);
    int rc = as_timeline_write(w, mask, folder);
    if (rc < 0)
        fprintf(stderr, "%s: %s\n", folder, strerror(-rc));
    world_done(w);
    free(w);
    return rc < 0;
}

int main(int argc, char **argv)
{
    int result = 2;
    /* Large tables that a process hardly touches are fresh pages, whatever was freed before. */
    mallopt(M_MMAP_THRESHOLD, 128 << 10);
    if (crypto_init() < 0)
        return 2;
    if (argc >= 3 && strcmp(argv[1], "--show") == 0) {
        struct outcome o;
        if (getenv("SITE_FIRST"))
            run_seed(strtoull(getenv("SITE_FIRST"), NULL, 10), UINT32_MAX, false, &o);
        run_seed(strtoull(argv[2], NULL, 10), argc > 3 ? (uint32_t)strtoul(argv[3], NULL, 10) : UINT32_MAX,
                 true, &o);
        printf("%s, trace %016lx\n", o.failed ? o.why : "good", o.trace);
        result = o.failed;
    } else if (argc == 2 && strcmp(argv[1], "--regressions") == 0) {
        result = run_regressions();
    } else if (argc == 3 && strcmp(argv[1], "--mutations") == 0) {
        result = run_mutations(strtoull(argv[2], NULL, 10));
    } else if (argc >= 2 && strcmp(argv[1], "--hour") == 0) {
        result = run_hour(argc > 2 ? strtoull(argv[2], NULL, 10) : 1);
    } else if (argc >= 4 && strcmp(argv[1], "--as-timeline") == 0) {
        result = write_scenario(argv[2], strtoull(argv[3], NULL, 10),
                                argc > 4 ? (uint32_t)strtoul(argv[4], NULL, 10) : UINT32_MAX);
    } else if (argc == 3) {
        result = run_many(argv[0], strtoull(argv[1], NULL, 10), strtoull(argv[2], NULL, 10));
    } else {
        fprintf(
            stderr,
            "usage: %s FIRST COUNT | --show SEED [MASK] | --as-timeline FOLDER SEED [MASK] | --hour [SEED]\n",
            argv[0]);
    }
    return result;
}
