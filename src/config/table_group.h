/* SPDX-License-Identifier: Apache-2.0 */
/* What the commands of HSRP and VRRP groups and of tracked objects share. Internal to the command tables. The
 * lists have the layout of the model's arrays, which have no types of their own. */
#ifndef CONFIG_TABLE_GROUP_H
#define CONFIG_TABLE_GROUP_H

#include "config/session.h"

struct group_track_list {
    struct config_group_track *items;
    uint32_t count, capacity;
};

struct group_address_list {
    struct config_group_address *items;
    uint32_t count, capacity;
};

/* A track line: values labelled `object` or `interface`, `decrement`, keyword `shutdown`. */
int group_track_apply(struct grammar_call *call, struct group_track_list *tracks);
/* "standby 1" as `prefix` gives "standby 1 track 100 decrement 20". */
void group_track_write(struct config_writer *w, const char *prefix, const struct group_track_list *tracks);
/* Whether an address can be a virtual one; reports if not. */
bool group_address_good(struct grammar_call *call, const struct grammar_value *v);
/* Adds the value at `at` unless it is there (then it stays where it is); reports at the limit. */
int group_address_add(struct grammar_call *call, struct group_address_list *list, uint32_t at,
                      const struct grammar_value *v);
/* False: it is not there. */
bool group_address_remove(struct group_address_list *list, const struct address *a);

#endif
