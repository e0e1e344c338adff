/* SPDX-License-Identifier: Apache-2.0 */
/* The list of devices and addresses. Both are short (a gateway has tens of them), so lists are searched from
 * the start. */
#include "control/apply/devices.h"

#include <errno.h>
#include <stdlib.h>

#include "config/model.h"

void devices_done(struct devices *d)
{
    free(d->links);
    free(d->addresses);
    *d = (struct devices){0};
}

static bool room_make(void **list, uint32_t count, uint32_t *capacity, size_t size, uint32_t limit)
{
    if (count < *capacity)
        return true;
    uint32_t next = *capacity ? *capacity * 2 : 16;
    if (count >= limit)
        return false;
    void *grown = realloc(*list, size * next);
    if (!grown)
        return false;
    *list = grown;
    *capacity = next;
    return true;
}

static struct netlink_link *link_find(const struct devices *d, uint32_t ifindex)
{
    for (uint32_t i = 0; i < d->link_count; i++)
        if (d->links[i].ifindex == ifindex)
            return &d->links[i];
    return NULL;
}

static bool link_put(struct devices *d, const struct netlink_link *l)
{
    struct netlink_link *known = link_find(d, l->ifindex);

    if (known) {
        bool changed = known->up != l->up || known->carrier != l->carrier || known->mtu != l->mtu ||
                       known->master != l->master || strcmp(known->name, l->name) != 0;
        *known = *l;
        return changed;
    }
    if (!room_make((void **)&d->links, d->link_count, &d->link_capacity, sizeof *d->links, DEVICES_MAX))
        return false;
    d->links[d->link_count++] = *l;
    return true;
}

static bool link_remove(struct devices *d, uint32_t ifindex)
{
    struct netlink_link *known = link_find(d, ifindex);

    if (!known)
        return false;
    *known = d->links[--d->link_count];
    for (uint32_t i = d->address_count; i-- > 0;)
        if (d->addresses[i].ifindex == ifindex)
            d->addresses[i] = d->addresses[--d->address_count];
    return true;
}

static struct netlink_address *address_find(const struct devices *d, uint32_t ifindex, const struct prefix *p)
{
    for (uint32_t i = 0; i < d->address_count; i++)
        if (d->addresses[i].ifindex == ifindex && prefix_equal(&d->addresses[i].prefix, p))
            return &d->addresses[i];
    return NULL;
}

static bool address_put(struct devices *d, const struct netlink_address *a)
{
    struct netlink_address *known = address_find(d, a->ifindex, &a->prefix);

    if (known) {
        *known = *a;
        return false;
    }
    if (!room_make((void **)&d->addresses, d->address_count, &d->address_capacity, sizeof *d->addresses,
                   DEVICE_ADDRESSES_MAX))
        return false;
    d->addresses[d->address_count++] = *a;
    return true;
}

static bool address_remove(struct devices *d, const struct netlink_address *a)
{
    struct netlink_address *known = address_find(d, a->ifindex, &a->prefix);

    if (!known)
        return false;
    *known = d->addresses[--d->address_count];
    return true;
}

static void link_each(void *user, const struct netlink_link *l)
{
    link_put(user, l);
}

static void address_each(void *user, const struct netlink_address *a)
{
    address_put(user, a);
}

int devices_read(struct devices *d, struct netlink *n)
{
    struct devices fresh = {0};
    int error = netlink_links(n, link_each, &fresh);

    if (!error)
        error = netlink_addresses(n, address_each, &fresh);
    if (error) {
        devices_done(&fresh);
        return error;
    }
    devices_done(d);
    *d = fresh;
    return 0;
}

bool devices_update(struct devices *d, const struct netlink_event *e)
{
    switch (e->change) {
    case NETLINK_LINK_CHANGED:
        return link_put(d, &e->link);
    case NETLINK_LINK_REMOVED:
        return link_remove(d, e->link.ifindex);
    case NETLINK_ADDRESS_ADDED:
        return address_put(d, &e->address);
    case NETLINK_ADDRESS_REMOVED:
        return address_remove(d, &e->address);
    default:
        return false;
    }
}

const struct netlink_link *devices_find(const struct devices *d, const char *name)
{
    for (uint32_t i = 0; i < d->link_count; i++)
        if (strcmp(d->links[i].name, name) == 0)
            return &d->links[i];
    return NULL;
}

const struct netlink_link *devices_find_index(const struct devices *d, uint32_t ifindex)
{
    return link_find(d, ifindex);
}

bool devices_has_address(const struct devices *d, uint32_t ifindex, const struct prefix *p)
{
    return address_find(d, ifindex, p) != NULL;
}

const struct netlink_link *devices_of_interface(const struct devices *d, const struct config *config,
                                                const char *interface)
{
    const struct config_interface *i = config_find_interface(config, interface);
    struct config_interface bare = {.name = (char *)interface};
    char device[CONFIG_MAX_DEVICE + 1];

    return interface_device(i ? i : &bare, device) ? devices_find(d, device) : NULL;
}

bool devices_source(const struct devices *d, const struct config *config, const char *interface,
                    uint8_t family, struct address *ret)
{
    const struct config_interface *i = config_find_interface(config, interface);
    const struct config_interface_address *a = i ? config_interface_primary(i, family) : NULL;

    if (a) {
        *ret = a->prefix.address;
        return true;
    }
    const struct netlink_link *l = devices_of_interface(d, config, interface);
    for (uint32_t k = 0; l && k < d->address_count; k++) {
        const struct netlink_address *n = &d->addresses[k];
        if (n->ifindex == l->ifindex && n->prefix.address.family == family) {
            *ret = n->prefix.address;
            return true;
        }
    }
    return false;
}

bool devices_owns(const struct devices *d, const struct address *a)
{
    for (uint32_t i = 0; i < d->address_count; i++)
        if (address_equal(&d->addresses[i].prefix.address, a))
            return true;
    return false;
}
