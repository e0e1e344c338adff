/* SPDX-License-Identifier: Apache-2.0 */
/* What dynamic crypto maps without an access list protect: the selectors that peers brought along. A selector
 * comes with the first pair that has it and stays when the last pair is gone, as long as its entry is
 * configured: so what was protected once does not leave in clear afterwards, but is dropped and counted. Only
 * where the table is full the oldest ones without pairs give way.
 *
 * The selectors of a connection are an access list like any other, so that SPD, steering and firewall are
 * made from it as always. Pure but for memory; control's other files put in force what it says. */
#ifndef CONTROL_APPLY_DYNAMIC_H
#define CONTROL_APPLY_DYNAMIC_H

#include "control/apply/scopes.h"

enum { DYNAMIC_SELECTORS_MAX = 65536 };

enum dynamic_change {
    DYNAMIC_KNOWN, /* policy has it already */
    DYNAMIC_NEW,   /* policy must be made anew before the pair is used */
    DYNAMIC_FULL,  /* no room, no memory: the pair cannot be used */
};

struct dynamic_policy;

struct dynamic_policy *dynamic_new(void);
void dynamic_free(struct dynamic_policy *d);
/* One pair more, one pair less. */
enum dynamic_change dynamic_add(struct dynamic_policy *d, uint32_t connection, const struct selector *s);
void dynamic_remove(struct dynamic_policy *d, uint32_t connection, const struct selector *s);
/* The same for a pair that could not be used: a selector that came with it goes with it. */
void dynamic_take_back(struct dynamic_policy *d, uint32_t connection, const struct selector *s);
/* No pair is counted any more; all are counted anew with dynamic_add. */
void dynamic_recount(struct dynamic_policy *d);
/* Gives each dynamic connection of `s` that has no access list one made of its selectors. -ENOMEM. */
int dynamic_fill(const struct dynamic_policy *d, struct scopes *s) must_check;
/* `s` (filled, lives until the next call) is in force: its lists grow with dynamic_add, and what belongs to
 * none of its connections is forgotten. */
void dynamic_use(struct dynamic_policy *d, struct scopes *s);
/* Whether a connection's selectors are held here. */
bool dynamic_holds(const struct dynamic_policy *d, uint32_t connection);
uint32_t dynamic_count(const struct dynamic_policy *d);

#endif
