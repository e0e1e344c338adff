/* SPDX-License-Identifier: Apache-2.0 */
/* The topology of a scenario as a drawing of ASCII characters. Pure; called by report.c. Nodes stand in
 * columns by their distance from the first node, links are drawn between columns; a shared Ethernet is a box
 * of its own. */
#ifndef LAB_DRAW_H
#define LAB_DRAW_H

#include "lab/scenario.h"

/* Lines each ended by \n, to be freed; NULL when memory is short. */
char *draw_topology(const struct scenario *s);

#endif
