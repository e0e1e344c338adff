/* SPDX-License-Identifier: Apache-2.0 */
/* The part of config_check that looks at stateful failover. Internal to this room. */
#ifndef CONFIG_CHECK_SSP_H
#define CONFIG_CHECK_SSP_H

#include "config/errors.h"

void check_ssp(const struct config *c, struct config_errors *errors);

#endif
