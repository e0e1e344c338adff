/* SPDX-License-Identifier: Apache-2.0 */
/* What the tests of half-open exchanges share: the modes and roles, and how it is seen that two have the same
 * IKE SA. */
#ifndef IKE_TEST_HALF_OPEN_H
#define IKE_TEST_HALF_OPEN_H

#include "trio.h"

#include "ike/sa/ike_sa.h"

#define PROMPT                                                                                  \
    (150 * NS_PER_MS) /* a main and a quick mode take 90 ms; the first retransmission is at 1 s \
                       */

enum { MODES = 8, DETECTION_MS = 50 };

struct mode {
    const char *name;
    void (*configure)(struct node *n);
    bool by_peer;
};
extern const struct mode modes[MODES]; /* the first four: main and aggressive mode, ours and the peer's */

void begin(struct trio *t, const struct mode *m);
const struct ike_sa *only_sa(const struct node *n); /* NULL: none */
unsigned half_open_records(const struct node *n);
unsigned phase1s(const struct node *n); /* begun and answered ones */
/* The same IKE SA at both. */
bool agreed(struct node *x, struct node *y);
/* Between P and `with`. */
ns time_until_agreed(struct trio *t, struct node *with, ns most);
/* A is gone, and soon B serves. */
void take_over_fast(struct trio *t);

/* A filter: nothing leaves a node from its n-th message on. */
struct mute {
    const struct node *node;
    unsigned from, seen;
};
bool mute_filter(struct world *w, struct node *from, struct packet *p, void *context);
const struct packet *first_from(const struct world *w, const struct node *n,
                                unsigned nth); /* of the history */

#endif
