/* SPDX-License-Identifier: Apache-2.0 */
/* Checks on a whole model: references that lead nowhere, addresses that collide, cryptography that is weak.
 * They find what no single line shows. `error` means that the gateway cannot do what the text asks for; the
 * parser refuses such a file. `warning` means that it will probably not do what was meant. */
#ifndef CONFIG_CHECK_H
#define CONFIG_CHECK_H

#include "config/errors.h"
#include "config/model.h"

/* Adds to `errors`, sorted by place. Time about linear in the size of the model. */
void config_check(const struct config *c, struct config_errors *errors);

#endif
