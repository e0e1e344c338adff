/* SPDX-License-Identifier: Apache-2.0 */
/* Tracked objects, see tracking.h. Facts set what an object is; lists follow their members; delays damp. An
 * object's first fact counts at once, without delay. Lists may hold lists, never themselves, so that settling
 * ends. */
#include <errno.h>

#include "redundancy/tracking.h"

void tracking_init(struct tracking *t)
{
    t->count = 0;
}

static struct track_object *object_find(const struct tracking *t, uint16_t number)
{
    size_t low = 0, high = t->count;
    while (low < high) {
        size_t middle = (low + high) / 2;
        if (t->objects[middle].config.number < number)
            low = middle + 1;
        else
            high = middle;
    }
    bool found = low < t->count && t->objects[low].config.number == number;
    return found ? (struct track_object *)&t->objects[low] : NULL;
}

const struct track_object *tracking_find(const struct tracking *t, uint16_t number)
{
    return object_find(t, number);
}

static void change_note(struct track_changes *changes, uint16_t number)
{
    for (size_t i = 0; i < changes->count; i++) {
        if (changes->numbers[i] == number)
            return;
    }
    if (changes->count < TRACKING_OBJECTS_MAX)
        changes->numbers[changes->count++] = number;
}

static bool is_list(const struct track_config *c)
{
    return c->kind == TRACK_LIST_AND || c->kind == TRACK_LIST_OR || c->kind == TRACK_LIST_WEIGHT;
}

/* ---- settling ---- */

static void list_evaluate(const struct tracking *t, struct track_object *list)
{
    const struct track_config *c = &list->config;
    uint32_t weight = 0;
    bool all = c->member_count > 0, any = false, known = true;
    for (size_t i = 0; i < c->member_count; i++) {
        const struct track_member *m = &c->members[i];
        const struct track_object *o = tracking_find(t, m->number);
        known = known && (!o || o->known);
        /* What is not configured is not up, however the list asks for it. */
        bool up = o && o->known && o->up != m->negate;
        all = all && up;
        any = any || up;
        weight += up ? m->weight : 0;
    }
    if (c->kind == TRACK_LIST_AND)
        list->raw = all;
    else if (c->kind == TRACK_LIST_OR)
        list->raw = any;
    else if (weight >= c->weight_up)
        list->raw = true;
    else if (weight <= c->weight_down)
        list->raw = false;
    if (!list->known && known) {
        list->known = true;
        list->due = 0;
    }
}

static bool object_settle(struct track_object *o, ns now, struct track_changes *changes)
{
    if (!o->known || o->raw == o->up) {
        o->due = NS_NEVER;
        return false;
    }
    ns delay = o->raw ? o->config.delay_up : o->config.delay_down;
    if (o->due == NS_NEVER)
        o->due = now + delay;
    if (o->due > now)
        return false;
    o->up = o->raw;
    o->due = NS_NEVER;
    o->changes++;
    o->last_change = now;
    change_note(changes, o->config.number);
    return true;
}

/* Lists of lists are as deep as there are objects at most. */
static void settle(struct tracking *t, ns now, struct track_changes *changes)
{
    bool changed = true;
    for (size_t round = 0; changed && round <= t->count; round++) {
        changed = false;
        for (size_t i = 0; i < t->count; i++) {
            struct track_object *o = &t->objects[i];
            bool known = o->known;
            if (is_list(&o->config))
                list_evaluate(t, o);
            changed |= object_settle(o, now, changes) || o->known != known;
        }
    }
}

/* ---- objects ---- */

/* Whether the list `c` would hold object `number`, itself or through other lists. */
static bool contains(const struct tracking *t, const struct track_config *c, uint16_t number)
{
    bool reached[TRACKING_OBJECTS_MAX] = {false};
    const struct track_config *pending[TRACKING_OBJECTS_MAX + 1] = {c};
    size_t left = 1;
    while (left > 0) {
        const struct track_config *list = pending[--left];
        for (size_t i = 0; is_list(list) && i < list->member_count; i++) {
            const struct track_object *o = tracking_find(t, list->members[i].number);
            if (list->members[i].number == number)
                return true;
            if (!o || reached[o - t->objects])
                continue;
            reached[o - t->objects] = true;
            pending[left++] = &o->config;
        }
    }
    return false;
}

static struct track_object *object_insert(struct tracking *t, uint16_t number)
{
    if (t->count == TRACKING_OBJECTS_MAX)
        return NULL;
    size_t at = t->count++;
    for (; at > 0 && t->objects[at - 1].config.number > number; at--)
        t->objects[at] = t->objects[at - 1];
    t->objects[at] = (struct track_object){.config.number = number, .due = NS_NEVER};
    return &t->objects[at];
}

/* Whether what is known of the object stays true under the other configuration. */
static bool same_subject(const struct track_config *a, const struct track_config *b)
{
    return a->kind == b->kind && strcmp(a->interface, b->interface) == 0 &&
           prefix_equal(&a->prefix, &b->prefix) && a->probe == b->probe && a->strict == b->strict;
}

int tracking_set(struct tracking *t, const struct track_config *config, ns now, struct track_changes *changes)
{
    if (config->kind > TRACK_ENGINE || config->member_count > TRACKING_MEMBERS_MAX ||
        strnlen(config->interface, sizeof(config->interface)) == sizeof(config->interface) ||
        contains(t, config, config->number))
        return -EINVAL;
    struct track_object *o = object_find(t, config->number);
    if (!o) {
        o = object_insert(t, config->number);
        if (!o)
            return -ENOSPC;
        o->last_change = now;
        change_note(changes, config->number);
    } else if (!same_subject(&o->config, config)) {
        if (o->up)
            change_note(changes, config->number);
        o->raw = o->up = o->known = false;
        o->due = NS_NEVER;
    }
    o->config = *config;
    settle(t, now, changes);
    return 0;
}

void tracking_remove(struct tracking *t, uint16_t number, ns now, struct track_changes *changes)
{
    struct track_object *o = object_find(t, number);
    if (!o)
        return;
    size_t at = (size_t)(o - t->objects);
    memmove(o, o + 1, (t->count - at - 1) * sizeof(*o));
    t->count--;
    change_note(changes, number);
    settle(t, now, changes);
}

static void raw_set(struct track_object *o, bool raw)
{
    o->raw = raw;
    if (o->known)
        return;
    o->known = true;
    o->due = 0;
}

void tracking_fact(struct tracking *t, const struct track_fact *fact, ns now, struct track_changes *changes)
{
    for (size_t i = 0; i < t->count; i++) {
        struct track_object *o = &t->objects[i];
        const struct track_config *c = &o->config;
        bool same = fact->kind == TRACK_FACT_INTERFACE && strcmp(c->interface, fact->interface) == 0;
        if (c->kind == TRACK_INTERFACE_LINE && same)
            raw_set(o, fact->line);
        else if (c->kind == TRACK_INTERFACE_ROUTING && same)
            raw_set(o, fact->line && fact->routing);
        else if (c->kind == TRACK_ROUTE && fact->kind == TRACK_FACT_ROUTE &&
                 prefix_equal(&c->prefix, &fact->prefix))
            raw_set(o, fact->up);
        else if (c->kind == TRACK_PROBE && fact->kind == TRACK_FACT_PROBE && c->probe == fact->probe)
            raw_set(o, c->strict ? fact->good : fact->up);
        else if ((c->kind == TRACK_CONTROL && fact->kind == TRACK_FACT_CONTROL) ||
                 (c->kind == TRACK_ENGINE && fact->kind == TRACK_FACT_ENGINE))
            raw_set(o, fact->up);
    }
    settle(t, now, changes);
}

void tracking_tick(struct tracking *t, ns now, struct track_changes *changes)
{
    settle(t, now, changes);
}

ns tracking_deadline(const struct tracking *t)
{
    ns first = NS_NEVER;
    for (size_t i = 0; i < t->count; i++)
        first = ns_min(first, t->objects[i].due);
    return first;
}

/* ---- uses ---- */

static bool is_down(const struct tracking *t, uint16_t number)
{
    const struct track_object *o = tracking_find(t, number);
    return o && !o->up;
}

uint8_t tracking_priority(const struct tracking *t, uint8_t configured, uint8_t floor,
                          const struct track_use *uses, size_t count)
{
    int priority = configured;
    for (size_t i = 0; i < count; i++) {
        if (!uses[i].shutdown && is_down(t, uses[i].number))
            priority -= uses[i].decrement;
    }
    return (uint8_t)MAX(priority, (int)floor);
}

bool tracking_shutdown(const struct tracking *t, const struct track_use *uses, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        if (uses[i].shutdown && is_down(t, uses[i].number))
            return true;
    }
    return false;
}
