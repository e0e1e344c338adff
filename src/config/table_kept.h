/* SPDX-License-Identifier: Apache-2.0 */
/* Lines that are known but have no function here. Internal to the command tables. They are shown as they
 * were typed, with keywords written out, and each is reported once as having no effect (check.h). Several
 * tables have such lines, hence this header. */
#ifndef CONFIG_TABLE_KEPT_H
#define CONFIG_TABLE_KEPT_H

#include "config/session.h"

/* The type of config.kept and config_interface.kept, which have none of their own. */
struct kept_list {
    struct config_kept *items;
    uint32_t count, capacity;
};

/* Keeps the line of the call at `at`, unless it stands between `from` and `at` already. Its opposite (with or
 * without `no`) goes; `default` leaves neither. */
int kept_add(struct grammar_call *call, struct kept_list *list, uint32_t from, uint32_t at);
/* Keeps `no X` of a command that is refused: to be without it is what we are anyway. */
int kept_refused(struct grammar_call *call);

#endif
