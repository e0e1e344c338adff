/* SPDX-License-Identifier: Apache-2.0 */
/* The part of config_check that looks at probes (`ip sla`) and at the objects that track them. Internal to
 * this room. */
#ifndef CONFIG_CHECK_PROBE_H
#define CONFIG_CHECK_PROBE_H

#include "config/errors.h"

void check_probes(const struct config *c, struct config_errors *errors);

#endif
