/* SPDX-License-Identifier: Apache-2.0 */
/* Two members of a group and one peer: A serves, B has every record before anything that follows from it, P
 * is the peer. B's clock is another one. */
#ifndef IKE_TRIO_H
#define IKE_TRIO_H

#include "world.h"

struct trio {
    struct world *w;
    struct node *a, *b, *p;
};

/* `configure` (or NULL) is called for each before it starts. */
void trio_new(struct trio *t, void (*configure)(struct node *n));
void connect_now(struct trio *t);
/* A is gone; half a second later B serves. */
void take_over(struct trio *t);
/* The packet path of `n` gets what it has no SA for. */
void unknown_spi(struct node *n, const struct world_pair *of_peer);
/* Traffic both ways finds out what is missing: until P and B have a tunnel, for at most 3 minutes. */
void traffic(struct node *from, struct node *to);
bool converge(struct trio *t);
void rekey(struct node *n);
unsigned records_of(struct node *n, const struct world_record **ret);

/* Configurations. */
void with_pfs(struct node *n);
void with_bundle(struct node *n);
void with_dpd(struct node *n);

#endif
