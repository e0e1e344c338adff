/* SPDX-License-Identifier: Apache-2.0 */
/* The part of config_check that looks at routing protocols and tracked routes. Internal to this room. */
#ifndef CONFIG_CHECK_ROUTER_H
#define CONFIG_CHECK_ROUTER_H

#include "config/errors.h"

void check_router(const struct config *c, struct config_errors *errors);

#endif
