/* SPDX-License-Identifier: Apache-2.0 */
/* A network that loses, duplicates, reorders and delays, and can be cut, all drawn from one seeded generator.
 */
#ifndef SIM_NETWORK_H
#define SIM_NETWORK_H

#include "base/rng.h"
#include "schedule.h"

struct weather {
    uint32_t loss_permille, duplicate_permille;
    ns delay_low, delay_high; /* drawn per datagram: a wide range reorders */
    bool cut;
};

struct network {
    struct schedule *schedule;
    struct rng *rng;
    struct weather weather;
    uint64_t sent, lost, duplicated, delivered;
};

/* Copies `data`; `arrive` is called with it in h->data, h->len, h->number, and must not keep it. */
void network_send(struct network *n, const void *data, size_t len, uint64_t number,
                  void (*arrive)(void *context, struct happening *h), void *context);

#endif
