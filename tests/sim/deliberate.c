/* SPDX-License-Identifier: Apache-2.0 */
/* See deliberate.h. */
#include "deliberate.h"

#include <stdio.h>

enum deliberate deliberate_now;

const char *deliberate_name(enum deliberate bug)
{
    static const char *const names[DELIBERATE_BUGS] = {
        [DELIBERATE_NONE] = "none",
        [DELIBERATE_REUSE_SEQUENCE] = "reuse a sequence",
        [DELIBERATE_SKIP_WAIT] = "skip the wait for an acknowledgement",
        [DELIBERATE_EARLY_RAISE] = "ceilings raised before that",
        [DELIBERATE_FORGET_EPOCH] = "forget the epoch",
        [DELIBERATE_DELIVER_REPLAY] = "deliver a replay",
        [DELIBERATE_TWO_OWNERS] = "two owners",
        [DELIBERATE_TWO_ACTIVE] = "two Active routers",
        [DELIBERATE_LOST_RECORD] = "lost record",
        [DELIBERATE_LEAKED_HALF_OPEN] = "leaked half-open",
        [DELIBERATE_CLEAR_PACKET] = "clear packet",
        [DELIBERATE_STALE_DELETE] = "stale delete",
        [DELIBERATE_STALE_KEPT] = "stale record kept",
        [DELIBERATE_UNBOUNDED_QUEUE] = "unbounded queue",
        [DELIBERATE_MERGE_FORGOTTEN] = "merge forgotten",
    };
    return bug < DELIBERATE_BUGS ? names[bug] : "?";
}

int deliberate_each(const enum deliberate *bugs, size_t n, uint64_t count,
                    bool (*holds)(uint64_t seed, char why[DELIBERATE_WHY]))
{
    int missed = 0;
    for (size_t i = 0; i < n; i++) {
        char why[DELIBERATE_WHY] = "", sound[DELIBERATE_WHY] = "";
        uint64_t seed = 1;
        deliberate_now = bugs[i];
        while (seed <= count && holds(seed, why))
            seed++;
        deliberate_now = DELIBERATE_NONE;
        bool found = seed <= count && holds(seed, sound);
        if (found)
            printf("%-37s found by seed %lu: %s\n", deliberate_name(bugs[i]), seed, why);
        else if (seed > count)
            printf("%-37s NOT FOUND in %lu seeds\n", deliberate_name(bugs[i]), count);
        else
            printf("%-37s seed %lu fails without it: %s\n", deliberate_name(bugs[i]), seed, sound);
        fflush(stdout);
        missed += !found;
    }
    return missed ? 1 : 0;
}
