/* SPDX-License-Identifier: Apache-2.0 */
/* Runs the pair simulator (world.h).
 *
 *   pair_world FIRST COUNT              runs seeds FIRST .. FIRST+COUNT-1; a seed that fails is shrunk
 *   pair_world --show SEED [MASK [BUG]] one seed with its timeline, only with the faults of the mask
 *   pair_bugs --mutations COUNT         each deliberate bug (its number is BUG above) must be found within
 *                                       COUNT seeds; this is the build that has them
 *   pair_world --seeds FILE             what was found before: lines of "SEED MASK cause"
 */
#include <stdio.h>
#include <stdlib.h>

#include "deliberate.h"
#include "pair/world.h"
#include "shrink.h"

enum { FAILURES_MAX = 10, AGAIN = 200 };

static bool holds(struct run *r, uint32_t mask)
{
    struct run_totals ignored = {0};
    r->mask = mask;
    return run_seed(r, &ignored);
}

static bool fails(void *context, uint32_t mask)
{
    return !holds(context, mask);
}

static void shrink(uint64_t seed, const char *program)
{
    struct run r = {.seed = seed};
    holds(&r, (1 << FAULTS_MAX) - 1);
    printf("seed %lu: %s\n", seed, r.why);
    uint32_t mask = shrink_faults(r.fault_count, fails, &r);
    holds(&r, mask);
    printf("  shrunk to %d faults: %s\n  %s --show %lu %u\n", __builtin_popcount(mask), r.why, program, seed,
           mask);
    fflush(stdout);
}

/* A second run is the same to the last number, also when everything is looked at after each step: what did
 * not change was rightly passed over. */
static bool same_again(const struct run *first)
{
    struct run r = {.seed = first->seed, .look_at_all = true};
    holds(&r, UINT32_MAX);
    if (r.trace == first->trace && r.steps == first->steps)
        return true;
    printf("seed %lu: two runs differ, %s\n", r.seed, r.why);
    return false;
}

static int run_many(const char *program, uint64_t first, uint64_t count)
{
    struct run_totals t = {0};
    for (uint64_t seed = first; seed < first + count && t.failed < FAILURES_MAX; seed++) {
        struct run r = {.seed = seed, .mask = UINT32_MAX};
        if (!run_seed(&r, &t))
            shrink(seed, program);
        else if (seed % AGAIN == 0 && !same_again(&r))
            t.failed++;
    }
    printf("%lu seeds, %lu failed; %lu steps, %lu packets out, %lu in, %lu rightly in clear, %lu refused; "
           "%lu takeovers, %lu "
           "switchovers, %lu merges, %lu snapshots; pairs lost with the last member %lu, for a slot %lu, "
           "forgotten %lu (in %lu), begun anew by the peer %lu\n",
           t.runs, t.failed, t.steps, t.out, t.in, t.clear, t.refused, t.takeovers, t.switchovers, t.merges,
           t.snapshots, t.lost_dead, t.conflicts, t.lost_forgotten, t.forgotten, t.renegotiated);
    return t.failed || t.runs != count ? 1 : 0;
}

#ifdef HOLDFAST_DELIBERATE_BUGS

static bool seed_holds(uint64_t seed, char why[DELIBERATE_WHY])
{
    struct run r = {.seed = seed};
    if (holds(&r, UINT32_MAX))
        return true;
    snprintf(why, DELIBERATE_WHY, "%s", r.why);
    return false;
}

static int run_mutations(uint64_t count)
{
    static const enum deliberate bugs[] = {
        DELIBERATE_REUSE_SEQUENCE, DELIBERATE_SKIP_WAIT,       DELIBERATE_EARLY_RAISE,
        DELIBERATE_FORGET_EPOCH,   DELIBERATE_DELIVER_REPLAY,  DELIBERATE_TWO_OWNERS,
        DELIBERATE_LOST_RECORD,    DELIBERATE_CLEAR_PACKET,    DELIBERATE_STALE_DELETE,
        DELIBERATE_STALE_KEPT,     DELIBERATE_UNBOUNDED_QUEUE, DELIBERATE_MERGE_FORGOTTEN};
    return deliberate_each(bugs, ARRAY_SIZE(bugs), count, seed_holds);
}

#endif

/* Seeds of former bugs. */
static int run_seeds(const char *path)
{
    char line[256];
    int failed = 0, count = 0;
    FILE *f = fopen(path, "r");
    if (!f) {
        perror(path);
        return 2;
    }
    while (fgets(line, sizeof(line), f)) {
        struct run r = {0};
        struct run_totals t = {0};
        if (line[0] == '#' || sscanf(line, "%lu %u", &r.seed, &r.mask) != 2)
            continue;
        count++;
        if (run_seed(&r, &t))
            continue;
        printf("%s: seed %lu mask %u fails again: %s\n", path, r.seed, r.mask, r.why);
        failed++;
    }
    fclose(f);
    printf("%d seeds of former bugs, %d failed\n", count, failed);
    return failed || !count ? 1 : 0;
}

static int run_shown(int argc, char **argv)
{
    struct run_totals t = {0};
    struct run r = {.seed = strtoull(argv[2], NULL, 10),
                    .mask = argc > 3 ? (uint32_t)strtoul(argv[3], NULL, 10) : UINT32_MAX,
                    .show = true};
#ifdef HOLDFAST_DELIBERATE_BUGS
    deliberate_now = argc > 4 ? (enum deliberate)strtoul(argv[4], NULL, 10) : DELIBERATE_NONE;
#endif
    return run_seed(&r, &t) ? 0 : 1;
}

int main(int argc, char **argv)
{
    int result = 2;
    run_memory();
    if (argc >= 3 && strcmp(argv[1], "--show") == 0)
        result = run_shown(argc, argv);
#ifdef HOLDFAST_DELIBERATE_BUGS
    else if (argc == 3 && strcmp(argv[1], "--mutations") == 0)
        result = run_mutations(strtoull(argv[2], NULL, 10));
#endif
    else if (argc == 3 && strcmp(argv[1], "--seeds") == 0)
        result = run_seeds(argv[2]);
    else if (argc == 3 && argv[1][0] != '-')
        result = run_many(argv[0], strtoull(argv[1], NULL, 10), strtoull(argv[2], NULL, 10));
    else
        fprintf(stderr,
                "usage: %s FIRST COUNT | --show SEED [MASK [BUG]] | --mutations COUNT | --seeds FILE\n",
                argv[0]);
    run_memory_done();
    return result;
}
