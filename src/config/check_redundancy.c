/* SPDX-License-Identifier: Apache-2.0 */
/* Checks on HSRP and VRRP groups and tracked objects: references that lead nowhere, virtual addresses that
 * cannot be. Called by config_check. Loops of lists are found by a walk that visits each object once. */
#include "config/check_redundancy.h"

#include <stdlib.h>

#include "config/model_find.h"

static void check_tracks_of(const struct config *c, const struct config_interface *i, const char *kind,
                            unsigned group, const struct config_group_track *tracks, uint32_t count,
                            struct config_errors *errors)
{
    for (uint32_t n = 0; n < count; n++) {
        const struct config_group_track *t = &tracks[n];
        if (t->object > 0 && config_find_track(c, t->object) == NULL)
            config_errors_add(errors, CONFIG_ERROR, t->place,
                              "interface %s: %s %u tracks object %u, which does not exist", i->name, kind,
                              group, t->object);
        /* Linux names may be devices that Holdfast does not configure. */
        if (t->object == 0 && t->interface.name[0] >= 'A' && t->interface.name[0] <= 'Z' &&
            config_find_interface(c, t->interface.name) == NULL)
            config_errors_add(errors, CONFIG_ERROR, t->place,
                              "interface %s: %s %u tracks interface %s, which does not exist", i->name, kind,
                              group, t->interface.name);
    }
}

static bool in_network(const struct config_interface *i, const struct address *a)
{
    for (uint32_t n = 0; n < i->addresses.count; n++) {
        struct prefix network = i->addresses.items[n].prefix, one = {*a, address_bits(a)};
        prefix_mask(&network);
        if (network.address.family == a->family && prefix_covers(&network, &one))
            return true;
    }
    return false;
}

static bool is_own(const struct config_interface *i, const struct address *a)
{
    for (uint32_t n = 0; n < i->addresses.count; n++)
        if (address_equal(&i->addresses.items[n].prefix.address, a))
            return true;
    return false;
}

static void check_virtual(const struct config_interface *i, const struct address *a,
                          struct config_place place, bool own_allowed, struct config_errors *errors)
{
    char text[ADDRESS_TEXT];
    bool link_local = a->family == ADDRESS_V6 && a->bytes[0] == 0xfe && (a->bytes[1] & 0xc0) == 0x80;
    if (is_own(i, a)) {
        if (!own_allowed)
            config_errors_add(errors, CONFIG_ERROR, place,
                              "interface %s: the virtual address %s is the interface's own", i->name,
                              address_print(a, text));
    } else if (!link_local && !in_network(i, a)) {
        config_errors_add(errors, CONFIG_WARNING, place,
                          "interface %s: the virtual address %s is in none of its networks", i->name,
                          address_print(a, text));
    }
}

static void check_standby(const struct config *c, const struct config_interface *i,
                          const struct config_standby *s, struct config_errors *errors)
{
    const struct config_interface *other;
    if (s->group > 255 && i->standby_version != 2)
        config_errors_add(errors, CONFIG_ERROR, s->place,
                          "interface %s: standby group %u needs 'standby version 2'", i->name, s->group);
    if (address_is_set(&s->address))
        check_virtual(i, &s->address, s->place, false, errors);
    for (uint32_t n = 0; n < s->secondaries.count; n++)
        check_virtual(i, &s->secondaries.items[n].address, s->secondaries.items[n].place, false, errors);
    check_tracks_of(c, i, "standby", s->group, s->tracks.items, s->tracks.count, errors);
    if (s->follow.name == NULL)
        return;
    const struct config_standby *leader = config_find_standby_name(c, s->follow.name, &other);
    if (leader == NULL)
        config_errors_add(errors, CONFIG_ERROR, s->follow.place,
                          "interface %s: standby %u follows group '%s', which does not exist", i->name,
                          s->group, s->follow.name);
    else if (leader->follow.name != NULL)
        config_errors_add(errors, CONFIG_ERROR, s->follow.place,
                          "interface %s: standby %u follows group '%s', which follows another itself",
                          i->name, s->group, s->follow.name);
}

static void check_vrrp(const struct config *c, const struct config_interface *i, const struct config_vrrp *v,
                       struct config_errors *errors)
{
    bool first6 = true;
    for (uint32_t n = 0; n < v->addresses.count; n++) {
        const struct config_group_address *a = &v->addresses.items[n];
        bool v6 = a->address.family == ADDRESS_V6;
        bool link_local = v6 && a->address.bytes[0] == 0xfe && (a->address.bytes[1] & 0xc0) == 0x80;
        if (v6 && first6 && !link_local) /* RFC 9568 §5.2.9 */
            config_errors_add(errors, CONFIG_ERROR, a->place,
                              "interface %s: the first IPv6 address of vrrp %u must be a link-local one",
                              i->name, v->group);
        first6 &= !v6;
        check_virtual(i, &a->address, a->place, true, errors);
    }
    check_tracks_of(c, i, "vrrp", v->group, v->tracks.items, v->tracks.count, errors);
}

static void check_crypto(const struct config *c, const struct config_interface *i,
                         struct config_errors *errors)
{
    const struct config_interface *other;
    const struct config_reference *r = &i->crypto_redundancy;
    const struct config_standby *s = config_find_standby_name(c, r->name, &other);
    if (s == NULL)
        config_errors_add(errors, CONFIG_ERROR, r->place,
                          "interface %s: there is no standby group with the name '%s'", i->name, r->name);
    else if (other != i)
        config_errors_add(errors, CONFIG_ERROR, r->place,
                          "interface %s: standby group '%s' is on interface %s", i->name, r->name,
                          other->name);
    else if (!s->has_ip)
        config_errors_add(errors, CONFIG_ERROR, r->place,
                          "interface %s: standby group '%s' has no virtual address", i->name, r->name);
}

/* Depth first; `seen`: 1 on the way, 2 finished. */
static void walk_list(const struct config *c, const struct config_track *t, uint8_t *seen,
                      struct config_errors *errors)
{
    seen[t->number] = 1;
    for (uint32_t n = 0; n < t->objects.count; n++) {
        const struct config_track_object *o = &t->objects.items[n];
        const struct config_track *next = config_find_track(c, o->number);
        if (next == NULL)
            config_errors_add(errors, CONFIG_ERROR, o->place, "track %u: object %u does not exist", t->number,
                              o->number);
        else if (seen[o->number] == 1)
            config_errors_add(errors, CONFIG_ERROR, o->place, "track %u: object %u contains this list itself",
                              t->number, o->number);
        else if (seen[o->number] == 0)
            walk_list(c, next, seen, errors);
    }
    seen[t->number] = 2;
}

static void check_tracks(const struct config *c, struct config_errors *errors)
{
    uint8_t seen[CONFIG_MAX_TRACKS + 1] = {0};
    for (uint32_t n = 0; n < c->tracks.count; n++) {
        const struct config_track *t = &c->tracks.items[n];
        if (seen[t->number] == 0)
            walk_list(c, t, seen, errors);
        if (t->interface.name != NULL && t->interface.name[0] >= 'A' && t->interface.name[0] <= 'Z' &&
            config_find_interface(c, t->interface.name) == NULL)
            config_errors_add(errors, CONFIG_ERROR, t->interface.place,
                              "track %u: interface %s does not exist", t->number, t->interface.name);
    }
}

void check_redundancy(const struct config *c, struct config_errors *errors)
{
    for (uint32_t n = 0; n < c->interfaces.count; n++) {
        const struct config_interface *i = &c->interfaces.items[n];
        for (uint32_t g = 0; g < i->standby.count; g++)
            check_standby(c, i, &i->standby.items[g], errors);
        for (uint32_t g = 0; g < i->vrrp.count; g++)
            check_vrrp(c, i, &i->vrrp.items[g], errors);
        if (i->crypto_redundancy.name != NULL)
            check_crypto(c, i, errors);
    }
    check_tracks(c, errors);
}
