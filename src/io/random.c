/* SPDX-License-Identifier: Apache-2.0 */
/* See random.h: getrandom() in a loop, since a signal may cut a long read short. */
#include "io/random.h"

#include <errno.h>
#include <sys/random.h>

int random_fill(void *out, size_t len)
{
    uint8_t *at = out;
    while (len) {
        ssize_t n = getrandom(at, len, 0);
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return -errno;
        at += n;
        len -= (size_t)n;
    }
    return 0;
}

int random_rng(struct rng *ret)
{
    uint8_t seed[32];
    int r = random_fill(seed, sizeof(seed));
    if (r < 0)
        return r;
    rng_init(ret, seed);
    wipe(seed, sizeof(seed));
    return 0;
}
