/* SPDX-License-Identifier: Apache-2.0 */
/* See table_group.h. A tracked thing stands in a group once: the same line with another decrement replaces
 * it. */
#include "config/table_group.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

static bool track_is(const struct config_group_track *t, const struct grammar_value *object,
                     const struct grammar_value *interface)
{
    if (object != NULL)
        return t->object == object->number;
    return t->interface.name != NULL && strcmp(t->interface.name, interface->text) == 0;
}

int group_track_apply(struct grammar_call *call, struct group_track_list *tracks)
{
    const struct grammar_value *object = grammar_arg(call, "object"),
                               *interface = grammar_arg(call, "interface");
    uint32_t at = 0;
    if (object == NULL && interface == NULL) { /* `no ... track`: all of them */
        while (tracks->count > 0) {
            config_group_track_done(&tracks->items[tracks->count - 1]);
            array_remove(tracks, tracks->count - 1);
        }
        return 0;
    }
    while (at < tracks->count && !track_is(&tracks->items[at], object, interface))
        at++;
    if (call_negative(call)) {
        if (at == tracks->count)
            return session_error(call, object != NULL ? object : interface, "this is not tracked here");
        config_group_track_done(&tracks->items[at]);
        array_remove(tracks, at);
        return 0;
    }
    if (at == tracks->count) {
        struct config_reference name = {0};
        if (tracks->count >= CONFIG_MAX_GROUP_TRACKS)
            return session_limit(call, CONFIG_MAX_GROUP_TRACKS, "tracked things of one group");
        if (interface != NULL && reference_set(&name, call, interface) < 0)
            return -ENOMEM;
        struct config_group_track *t = array_add(tracks);
        if (t == NULL) {
            reference_clear(&name);
            return -ENOMEM;
        }
        t->interface = name;
        t->object = object != NULL ? (uint16_t)object->number : 0;
    }
    tracks->items[at].decrement = (uint8_t)grammar_number(call, "decrement", CONFIG_DEFAULT_DECREMENT);
    tracks->items[at].shutdown = grammar_has(call, "shutdown");
    tracks->items[at].place = session_place(call, object != NULL ? object : interface);
    return 0;
}

void group_track_write(struct config_writer *w, const char *prefix, const struct group_track_list *tracks)
{
    for (uint32_t i = 0; i < tracks->count; i++) {
        const struct config_group_track *t = &tracks->items[i];
        char decrement[24] = "";
        bool written = w->meaning || t->decrement != CONFIG_DEFAULT_DECREMENT;
        if (t->shutdown)
            snprintf(decrement, sizeof(decrement), " shutdown");
        else if (written)
            snprintf(decrement, sizeof(decrement), "%s %u", t->object > 0 ? " decrement" : "", t->decrement);
        if (t->object > 0)
            writer_line(w, "%s track %u%s", prefix, t->object, decrement);
        else
            writer_line(w, "%s track %s%s", prefix, t->interface.name, decrement);
    }
}

bool group_address_good(struct grammar_call *call, const struct grammar_value *v)
{
    const struct address *a = &v->address;
    bool bad = address_is_any(a) || address_is_multicast(a) ||
               (a->family == ADDRESS_V4 && (a->bytes[0] == 127 || address_v4_get(a) == UINT32_MAX));
    if (bad)
        session_error(call, v, "%s cannot be a virtual address", v->text);
    return !bad;
}

int group_address_add(struct grammar_call *call, struct group_address_list *list, uint32_t at,
                      const struct grammar_value *v)
{
    for (uint32_t i = 0; i < list->count; i++)
        if (address_equal(&list->items[i].address, &v->address))
            return 0;
    if (list->count >= CONFIG_MAX_GROUP_ADDRESSES)
        return session_limit(call, CONFIG_MAX_GROUP_ADDRESSES, "virtual addresses of one group");
    struct config_group_address *slot = array_insert(list, at);
    if (slot == NULL)
        return -ENOMEM;
    *slot = (struct config_group_address){.address = v->address, .place = session_place(call, v)};
    return 0;
}

bool group_address_remove(struct group_address_list *list, const struct address *a)
{
    for (uint32_t i = 0; i < list->count; i++)
        if (address_equal(&list->items[i].address, a)) {
            array_remove(list, i);
            return true;
        }
    return false;
}
