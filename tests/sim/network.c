/* SPDX-License-Identifier: Apache-2.0 */
/* See network.h. */
#include <assert.h>
#include <stdlib.h>

#include "network.h"

struct in_flight {
    struct network *network;
    void (*arrive)(void *context, struct happening *h);
    void *context;
    uint8_t data[];
};

static void drop(struct happening *h)
{
    free(h->data);
}

static void land(void *context, struct happening *h)
{
    struct in_flight *f = h->data;
    struct happening inner = *h;
    (void)context;
    f->network->delivered++;
    inner.data = f->data;
    f->arrive(f->context, &inner);
    free(f);
}

void network_send(struct network *n, const void *data, size_t len, uint64_t number,
                  void (*arrive)(void *context, struct happening *h), void *context)
{
    unsigned copies = 1;
    n->sent++;
    if (n->weather.cut || rng_below(n->rng, 1000) < n->weather.loss_permille) {
        n->lost++;
        return;
    }
    if (rng_below(n->rng, 1000) < n->weather.duplicate_permille) {
        n->duplicated++;
        copies = 2;
    }
    while (copies--) {
        struct in_flight *f = malloc(sizeof(*f) + len);
        assert(f);
        f->network = n;
        f->arrive = arrive;
        f->context = context;
        if (len)
            memcpy(f->data, data, len);
        ns range = n->weather.delay_high - n->weather.delay_low;
        ns delay = n->weather.delay_low + (range ? rng_u64(n->rng) % range : 0);
        schedule_put(n->schedule, (struct happening){.at = n->schedule->now + delay,
                                                     .run = land,
                                                     .drop = drop,
                                                     .number = number,
                                                     .data = f,
                                                     .len = len});
    }
}
