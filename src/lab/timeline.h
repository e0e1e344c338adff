/* SPDX-License-Identifier: Apache-2.0 */
/* What timeline.c and condition_text.c share: words that name things of a scenario. Each takes one word or
 * reports what was expected in its place. */
#ifndef LAB_TIMELINE_H
#define LAB_TIMELINE_H

#include "lab/scenario.h"

/* The words [from, until) as text, to be freed. */
char *statement_source(const struct statement *s, unsigned from, unsigned until);
bool take_node(struct script *t, struct statement *st, const struct scenario *s, unsigned *ret);
/* NODE:DEVICE, an end of a link. */
bool take_link_end(struct script *t, struct statement *st, const struct scenario *s, unsigned *ret_link,
                   unsigned *ret_end);
bool take_gateway(struct script *t, struct statement *st, const struct scenario *s, unsigned *ret);
bool take_farm(struct script *t, struct statement *st, const struct scenario *s, unsigned *ret);
bool take_role(struct script *t, struct statement *st, enum role *ret);
/* On failure `ret` may own strings: step_done frees them. */
bool condition_parse(const struct scenario *s, struct script *t, struct statement *st, struct condition *ret);

/* judge_text.c. `capture`; the name of a `mark` that was parsed; `judge`, which leaves step->judge. */
bool capture_parse(struct scenario *s, struct script *t, struct statement *st);
bool mark_add(struct scenario *s, struct script *t, struct step *step);
bool judge_parse(const struct scenario *s, struct script *t, struct statement *st, struct step *step);

#endif
