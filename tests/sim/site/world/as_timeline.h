/* SPDX-License-Identifier: Apache-2.0 */
/* A world that was drawn from a seed (world.h), with the faults that befall it, written as a scenario of the
 * lab: topology.lab, a configuration for each gateway, timeline.lab. So a schedule that fails, or what the
 * shrinker left of it, can be played by `site_scenario` and run by `holdfast lab run` among real kernels.
 * What the language has no word for stands there as a comment at its place: a clock that jumps, records that
 * are lost, the call at which a process died, delay, duplicates and reordering. */
#ifndef SIM_SITE_AS_TIMELINE_H
#define SIM_SITE_AS_TIMELINE_H

#include "site/world/world.h"

/* Into `folder`, which is made. Faults whose bit is set in `mask`. Negative errno. */
int as_timeline_write(const struct world *w, uint32_t mask, const char *folder);

#endif
