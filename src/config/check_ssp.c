/* SPDX-License-Identifier: Apache-2.0 */
/* Checks on SSP groups, `redundancy inter-device` and what refers to them. Called by config_check. What would
 * leave a gateway without a partner, without a key, or with the role but without one of its sides, is found
 * here and not at the takeover. */
#include "config/check_ssp.h"

#include <stdio.h>

#include "config/model_find.h"

enum {
    LABEL_TEXT = 40,
    LIST_DEPTH = 8,  /* tracked lists in lists that are followed; loops are an error elsewhere */
    LEAST_LEASE = 64 /* packets: a smaller inbound interval has no effect */
};

static const char *label(const struct config_ssp *s, char out[LABEL_TEXT])
{
    if (s->number == CONFIG_SSP_INTER_DEVICE)
        snprintf(out, LABEL_TEXT, "redundancy inter-device");
    else
        snprintf(out, LABEL_TEXT, "ssp group %u", s->number);
    return out;
}

/* ---- Addresses
 * --------------------------------------------------------------------------------------------------- */

/* Whether it is an address of ours, of an interface or a virtual one. */
static bool is_ours(const struct config *c, const struct address *a, bool virtual_too)
{
    for (uint32_t n = 0; n < c->interfaces.count; n++) {
        const struct config_interface *i = &c->interfaces.items[n];
        for (uint32_t k = 0; k < i->addresses.count; k++)
            if (address_equal(&i->addresses.items[k].prefix.address, a))
                return true;
        for (uint32_t k = 0; virtual_too && k < i->standby.count; k++)
            if (address_is_set(&i->standby.items[k].address) &&
                address_equal(&i->standby.items[k].address, a))
                return true;
    }
    return false;
}

static bool is_neighbour(const struct config *c, const struct address *a)
{
    struct prefix one = {*a, address_bits(a)};
    for (uint32_t n = 0; n < c->interfaces.count; n++)
        for (uint32_t k = 0; k < c->interfaces.items[n].addresses.count; k++) {
            struct prefix network = c->interfaces.items[n].addresses.items[k].prefix;
            prefix_mask(&network);
            if (network.address.family == a->family && prefix_covers(&network, &one))
                return true;
        }
    return false;
}

static void check_addresses(const struct config *c, const struct config_ssp *s, struct config_errors *errors)
{
    char who[LABEL_TEXT], text[ADDRESS_TEXT];
    if (!address_is_set(&s->remote)) {
        config_errors_add(errors, CONFIG_ERROR, s->place, "%s names no other gateway", label(s, who));
        return;
    }
    if (is_ours(c, &s->remote, true))
        config_errors_add(errors, CONFIG_ERROR, s->remote_place,
                          "%s: the other gateway's address %s is our own", label(s, who),
                          address_print(&s->remote, text));
    if (!address_is_set(&s->local)) {
        if (!is_neighbour(c, &s->remote))
            config_errors_add(
                errors, CONFIG_WARNING, s->remote_place,
                "%s: %s is in no network of ours, so the route to it decides from which address "
                "we speak: a local address makes that certain",
                label(s, who), address_print(&s->remote, text));
    } else if (!is_ours(c, &s->local, false)) {
        config_errors_add(errors, CONFIG_ERROR, s->local_place,
                          "%s: %s is no address of an interface of ours", label(s, who),
                          address_print(&s->local, text));
    } else if (s->local.family != s->remote.family) {
        config_errors_add(errors, CONFIG_ERROR, s->local_place,
                          "%s: one of the two addresses is IPv4 and the other IPv6", label(s, who));
    }
}

static void check_key(const struct config *c, const struct config_ssp *s, struct config_errors *errors)
{
    char who[LABEL_TEXT], text[ADDRESS_TEXT];
    if (s->authentication != CONFIG_SSP_ISAKMP_KEY || !address_is_set(&s->remote))
        return;
    const struct config_isakmp_key *key = config_find_key(c, &s->remote);
    if (key == NULL)
        config_errors_add(errors, CONFIG_ERROR, s->remote_place,
                          "%s: there is neither an 'authentication' nor a 'crypto isakmp key' for %s: keys "
                          "never cross a network in clear",
                          label(s, who), address_print(&s->remote, text));
    else if (key->prefix.length < address_bits(&s->remote))
        config_errors_add(
            errors, CONFIG_WARNING, s->remote_place,
            "%s: the isakmp key for %s is shared with others, who could pose as that gateway and "
            "be given all keys: give the group an 'authentication' of its own",
            label(s, who), address_print(&s->remote, text));
}

/* ---- HSRP groups
 * ------------------------------------------------------------------------------------------------- */

static bool object_follows(const struct config *c, uint32_t number, const char *interface, int depth)
{
    const struct config_track *t = config_find_track(c, number);
    if (t == NULL || depth == 0)
        return false;
    if (t->interface.name != NULL)
        return strcmp(t->interface.name, interface) == 0;
    for (uint32_t n = 0; n < t->objects.count; n++)
        if (object_follows(c, t->objects.items[n].number, interface, depth - 1))
            return true;
    return false;
}

/* Whether the group loses its priority when that interface fails. */
static bool group_follows(const struct config *c, const struct config_standby *s, const char *interface)
{
    for (uint32_t n = 0; n < s->tracks.count; n++) {
        const struct config_group_track *t = &s->tracks.items[n];
        if (t->interface.name != NULL ? strcmp(t->interface.name, interface) == 0
                                      : object_follows(c, t->object, interface, LIST_DEPTH))
            return true;
    }
    return false;
}

/* What only lowers the other gateway's priority has an effect by preemption alone; a group that is shut down
 * goes. */
static bool needs_preempt(const struct config_standby *s)
{
    for (uint32_t n = 0; n < s->tracks.count; n++)
        if (!s->tracks.items[n].shutdown)
            return true;
    return false;
}

/* Every group of one SSP group must give up when a side of another is lost. */
static void check_tracking(const struct config *c, const struct config_ssp *s, struct config_errors *errors)
{
    char who[LABEL_TEXT];
    for (uint32_t a = 0; a < s->names.count; a++) {
        const struct config_interface *here = NULL, *there = NULL;
        const struct config_reference *name = &s->names.items[a];
        const struct config_standby *group = config_find_standby_name(c, name->name, &here);
        if (group == NULL || group->follow.name != NULL)
            continue;
        if (!group->preempt && needs_preempt(group))
            config_errors_add(errors, CONFIG_WARNING, name->place,
                              "%s: standby group '%s' has no 'preempt': it does not take over from a gateway "
                              "that lost priority",
                              label(s, who), name->name);
        if (s->names.count == 1 && group->tracks.count == 0)
            config_errors_add(
                errors, CONFIG_WARNING, name->place,
                "%s: standby group '%s' tracks nothing: a gateway that lost its other side would "
                "keep the role",
                label(s, who), name->name);
        for (uint32_t b = 0; b < s->names.count; b++)
            if (b != a && config_find_standby_name(c, s->names.items[b].name, &there) != NULL &&
                there != here && !group_follows(c, group, there->name))
                config_errors_add(
                    errors, CONFIG_WARNING, name->place,
                    "%s: standby group '%s' does not track interface %s of group '%s': a gateway "
                    "that lost that side would keep the role",
                    label(s, who), name->name, there->name, s->names.items[b].name);
    }
}

static void check_timers(const struct config *c, const struct config_ssp *s, struct config_errors *errors)
{
    const struct config_standby *driver = config_ssp_driver(c, s, NULL);
    char who[LABEL_TEXT];
    for (uint32_t n = 0; n < s->names.count && driver != NULL; n++) {
        const struct config_standby *group = config_find_standby_name(c, s->names.items[n].name, NULL);
        if (group == NULL)
            continue;
        if (group->hold_ms < 3 * group->hello_ms)
            config_errors_add(
                errors, CONFIG_WARNING, s->names.items[n].place,
                "%s: the hold time of standby group '%s' is less than three hello times: two lost "
                "hellos make a takeover",
                label(s, who), s->names.items[n].name);
        if (group->hold_ms != driver->hold_ms)
            config_errors_add(errors, CONFIG_WARNING, s->names.items[n].place,
                              "%s: standby group '%s' has another hold time than '%s': one side fails over "
                              "before the other",
                              label(s, who), s->names.items[n].name, s->names.items[0].name);
    }
}

static void check_names(const struct config *c, uint32_t at, struct config_errors *errors)
{
    const struct config_ssp *s = &c->ssp_groups.items[at];
    char who[LABEL_TEXT], other[LABEL_TEXT];
    if (s->names.count == 0)
        config_errors_add(errors, CONFIG_ERROR, s->place,
                          "%s names no standby group: nothing says which gateway is active", label(s, who));
    for (uint32_t n = 0; n < s->names.count; n++) {
        const struct config_reference *name = &s->names.items[n];
        const struct config_standby *group = config_find_standby_name(c, name->name, NULL);
        if (group == NULL)
            config_errors_add(errors, CONFIG_ERROR, name->place,
                              "%s: there is no standby group with the name '%s'", label(s, who), name->name);
        else if (!address_is_set(&group->address))
            config_errors_add(errors, CONFIG_ERROR, name->place,
                              "%s: standby group '%s' needs a virtual address that is configured",
                              label(s, who), name->name);
        for (uint32_t k = 0; k < at; k++)
            for (uint32_t m = 0; m < c->ssp_groups.items[k].names.count; m++)
                if (strcmp(c->ssp_groups.items[k].names.items[m].name, name->name) == 0)
                    config_errors_add(errors, CONFIG_ERROR, name->place,
                                      "%s: standby group '%s' belongs to %s already", label(s, who),
                                      name->name, label(&c->ssp_groups.items[k], other));
    }
    check_tracking(c, s, errors);
    check_timers(c, s, errors);
}

/* ---- The two forms
 * ----------------------------------------------------------------------------------------------- */

static void check_inter_device(const struct config *c, const struct config_ssp *s,
                               struct config_errors *errors)
{
    struct config_place place = s->inter_device ? s->place : s->zone_place;
    if (c->ssp_groups.count > 1)
        config_errors_add(errors, CONFIG_ERROR, place,
                          "'ssp group' and 'redundancy inter-device' are two forms of the same: there can be "
                          "but one of them");
    if (!s->inter_device)
        config_errors_add(errors, CONFIG_ERROR, place,
                          "'ipc zone default' has no effect without 'redundancy inter-device'");
    else if (!s->zone || s->association == 0 || !s->sctp)
        config_errors_add(
            errors, CONFIG_ERROR, place,
            "'redundancy inter-device' needs 'ipc zone default' with an association, its protocol "
            "and the addresses of both gateways");
    if (s->association_shutdown)
        config_errors_add(errors, CONFIG_WARNING, s->zone_place,
                          "association %u is shut down: no state is shared", s->association);
    if (s->sctp)
        config_errors_add(errors, CONFIG_NOTE, s->zone_place,
                          "'protocol sctp' has the effect of TLS 1.3 over TCP on the same ports");
    if (s->profile.name != NULL)
        config_errors_add(errors, CONFIG_NOTE, s->profile.place,
                          "'security ipsec' has no effect: the channel is protected by TLS 1.3");
    for (uint32_t n = 0; n < s->kept.count; n++)
        config_errors_add(errors, CONFIG_NOTE, s->kept.items[n].place, "'%.*s' has no effect here",
                          (int)strcspn(s->kept.items[n].text, " "), s->kept.items[n].text);
}

/* ---- Crypto maps
 * ------------------------------------------------------------------------------------------------- */

static void check_peers(const struct config_interface *i, const struct config_crypto_map *m,
                        const struct address *virtual_address, struct config_errors *errors)
{
    char text[ADDRESS_TEXT];
    for (uint32_t n = 0; n < m->entries.count; n++)
        for (uint32_t k = 0; k < m->entries.items[n].peers.count; k++) {
            const struct config_map_peer *p = &m->entries.items[n].peers.items[k];
            if (address_is_set(&p->address) && address_equal(&p->address, virtual_address))
                config_errors_add(errors, CONFIG_ERROR, p->place,
                                  "crypto map %s %u: peer %s is the virtual address of interface %s", m->name,
                                  m->entries.items[n].sequence, address_print(virtual_address, text),
                                  i->name);
        }
}

static void check_isakmp(const struct config *c, const struct config_interface *i,
                         struct config_errors *errors)
{
    if (c->isakmp_ssp == 0)
        config_errors_add(
            errors, CONFIG_WARNING, i->crypto_ssp_place,
            "interface %s: there is no 'crypto isakmp ssp %u': ISAKMP SAs are shared nevertheless, "
            "IPsec SAs are of no use without them",
            i->name, i->crypto_ssp);
    else if (c->isakmp_ssp != i->crypto_ssp)
        config_errors_add(errors, CONFIG_ERROR, i->crypto_ssp_place,
                          "interface %s: ISAKMP SAs are shared by ssp group %u and IPsec SAs by ssp group %u",
                          i->name, c->isakmp_ssp, i->crypto_ssp);
}

static void check_interface(const struct config *c, const struct config_interface *i,
                            struct config_errors *errors)
{
    const struct config_ssp *s = config_interface_ssp(c, i);
    const struct config_interface *where = NULL;
    if (i->crypto_map.name == NULL || (i->crypto_ssp == 0 && !i->crypto_stateful))
        return;
    if (s == NULL && i->crypto_ssp > 0) {
        config_errors_add(errors, CONFIG_ERROR, i->crypto_ssp_place, "interface %s: there is no ssp group %u",
                          i->name, i->crypto_ssp);
        return;
    }
    if (s == NULL) {
        config_errors_add(errors, CONFIG_ERROR, i->crypto_redundancy.place,
                          "interface %s: neither 'redundancy inter-device' nor an ssp group has the standby "
                          "group '%s': there is nobody to share SAs with",
                          i->name, i->crypto_redundancy.name);
        return;
    }
    if (i->crypto_ssp > 0)
        check_isakmp(c, i, errors);
    const struct config_standby *group = config_interface_crypto_standby(c, i, &where);
    if (group != NULL && where != i && i->crypto_ssp > 0)
        config_errors_add(errors, CONFIG_ERROR, i->crypto_ssp_place,
                          "interface %s: none of the standby groups of ssp group %u is on this interface",
                          i->name, i->crypto_ssp);
    const struct config_crypto_map *m = config_find_crypto_map(c, i->crypto_map.name);
    if (m == NULL)
        return; /* said elsewhere */
    if (m->local_address.name != NULL)
        config_errors_add(
            errors, CONFIG_WARNING, m->local_address.place,
            "crypto map %s: local-address has no effect on interface %s, where tunnels end at a "
            "virtual address",
            m->name, i->name);
    if (group != NULL && address_is_set(&group->address))
        check_peers(i, m, &group->address, errors);
}

static void check_replay(const struct config *c, const struct config_crypto_map *m,
                         struct config_errors *errors)
{
    bool shared = false;
    if (m->replay_inbound == 0 && m->replay_outbound == 0)
        return;
    for (uint32_t n = 0; n < c->interfaces.count && !shared; n++)
        shared = c->interfaces.items[n].crypto_map.name != NULL &&
                 strcmp(c->interfaces.items[n].crypto_map.name, m->name) == 0 &&
                 config_interface_ssp(c, &c->interfaces.items[n]) != NULL;
    if (!shared)
        config_errors_add(
            errors, CONFIG_WARNING, m->replay_place,
            "crypto map %s: a replay interval has no effect, for no interface shares the SAs of "
            "this map with another gateway",
            m->name);
    if (m->replay_inbound > 0 && m->replay_inbound < LEAST_LEASE)
        config_errors_add(errors, CONFIG_WARNING, m->replay_place,
                          "crypto map %s: an inbound replay interval below %d packets counts as %d", m->name,
                          LEAST_LEASE, LEAST_LEASE);
}

void check_ssp(const struct config *c, struct config_errors *errors)
{
    for (uint32_t n = 0; n < c->ssp_groups.count; n++) {
        const struct config_ssp *s = &c->ssp_groups.items[n];
        if (s->number == CONFIG_SSP_INTER_DEVICE) {
            check_inter_device(c, s, errors);
            if (!s->inter_device || !s->zone)
                continue;
        }
        check_addresses(c, s, errors);
        check_key(c, s, errors);
        check_names(c, n, errors);
    }
    for (uint32_t n = 0; n < c->interfaces.count; n++)
        check_interface(c, &c->interfaces.items[n], errors);
    for (uint32_t n = 0; n < c->crypto_maps.count; n++)
        check_replay(c, &c->crypto_maps.items[n], errors);
    if (c->isakmp_ssp > 0 && config_find_ssp(c, c->isakmp_ssp) == NULL)
        config_errors_add(errors, CONFIG_ERROR, c->isakmp_ssp_place, "there is no ssp group %u",
                          c->isakmp_ssp);
}
