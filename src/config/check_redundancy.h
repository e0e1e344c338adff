/* SPDX-License-Identifier: Apache-2.0 */
/* The part of config_check that looks at HSRP and VRRP groups and at tracked objects. Internal to this room.
 */
#ifndef CONFIG_CHECK_REDUNDANCY_H
#define CONFIG_CHECK_REDUNDANCY_H

#include "config/errors.h"

void check_redundancy(const struct config *c, struct config_errors *errors);

#endif
