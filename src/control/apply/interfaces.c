/* SPDX-License-Identifier: Apache-2.0 */
/* Addresses, MTU and shutdown of the devices. What is already as it should be is left alone: after a restart
 * nothing flaps. Each address that we added is recorded, so that it can be taken away at the end, whichever
 * process does it. */
#include <errno.h>
#include <stdio.h>
#include <unistd.h>

#include "base/hash_table.h"
#include "control/control.h"
#include "io/arp.h"
#include "io/multicast_socket.h"
#include "io/sysctl.h"

struct added_address {
    uint32_t ifindex;
    struct prefix prefix;
};

static uint64_t address_key(uint32_t ifindex, const struct prefix *p)
{
    uint8_t bytes[sizeof p->address.bytes + 6];

    memcpy(bytes, p->address.bytes, 16);
    bytes[16] = p->address.family;
    bytes[17] = p->length;
    memcpy(bytes + 18, &ifindex, 4);
    return (uint64_t)hash_bytes(bytes, sizeof bytes, 1) << 32 | hash_bytes(bytes, sizeof bytes, 2);
}

static void address_added(struct control *c, uint32_t ifindex, const struct prefix *p)
{
    struct added_address a;

    memset(&a, 0, sizeof a);
    a.ifindex = ifindex;
    a.prefix.address = p->address;
    a.prefix.length = p->length;
    if (record_store_put(c->records, CONTROL_RECORD_ADDRESS, address_key(ifindex, p),
                         bytes_of(&a, sizeof a)) != 0)
        log_line(c->log, "HOLDFAST", 4, "RECORD",
                 "an added address could not be noted: it will stay on its device");
}

/* A neighbour that asked in vain would ask again only after a second: it is told. The kernel does so for a
 * device that comes up (arp_notify), we for an address on one that is up. */
static void address_announce(const struct netlink_link *l, const struct address *a)
{
    int s = l->up && l->has_mac && !l->loopback ? frame_socket_open() : -1;

    if (s < 0)
        return;
    (void)!arp_announce(s, l->ifindex, l->mac, a);
    close(s);
}

static void address_set(struct control *c, const struct config_interface *i,
                        const struct config_interface_address *a, const struct netlink_link *l)
{
    char text[PREFIX_TEXT];
    uint32_t ifindex = l->ifindex;

    if (devices_has_address(&c->devices, ifindex, &a->prefix))
        return;
    int error = netlink_address_add(c->netlink, ifindex, &a->prefix, 0);
    if (error == 0) {
        address_added(c, ifindex, &a->prefix);
        address_announce(l, &a->prefix.address);
    } else if (error != -EEXIST)
        log_line(c->log, "HOLDFAST", 3, "ADDRESS", "%s:%u: address %s of interface %s cannot be set: %s",
                 c->config_file, a->place.line, prefix_print(&a->prefix, text), i->name, strerror(-error));
}

static void address_unset(struct control *c, uint32_t ifindex, const struct prefix *p)
{
    if (!devices_has_address(&c->devices, ifindex, p))
        return;
    (void)!netlink_address_delete(c->netlink, ifindex, p);
    record_store_delete(c->records, CONTROL_RECORD_ADDRESS, address_key(ifindex, p));
}

static bool config_has_address(const struct config_interface *i, const struct prefix *p)
{
    for (uint32_t a = 0; i && a < i->addresses.count; a++)
        if (prefix_equal(&i->addresses.items[a].prefix, p))
            return true;
    return false;
}

static void interface_set(struct control *c, const struct config_interface *i, const struct netlink_link *l)
{
    int error = 0;

    if (!l->up && !l->loopback)
        (void)!sysctl_interface_set("ipv4", l->name, "arp_notify", 1);
    if (i->mtu && i->mtu != l->mtu)
        error = netlink_link_set_mtu(c->netlink, l->ifindex, i->mtu);
    if (error)
        log_line(c->log, "HOLDFAST", 3, "MTU", "%s:%u: interface %s cannot have an MTU of %u: %s",
                 c->config_file, i->place.line, i->name, i->mtu, strerror(-error));
    for (uint32_t a = 0; a < i->addresses.count; a++)
        address_set(c, i, &i->addresses.items[a], l);
    if (l->loopback && i->shutdown)
        return; /* other Loopbacks live on the same device */
    error = l->up == !i->shutdown ? 0 : netlink_link_set_up(c->netlink, l->ifindex, !i->shutdown);
    if (error)
        log_line(c->log, "HOLDFAST", 3, "LINK", "%s:%u: interface %s cannot be set %s: %s", c->config_file,
                 i->place.line, i->name, i->shutdown ? "down" : "up", strerror(-error));
}

static const struct netlink_link *link_of(struct control *c, const struct config_interface *i,
                                          char device[CONFIG_MAX_DEVICE + 1])
{
    return interface_device(i, device) ? devices_find(&c->devices, device) : NULL;
}

static void removed_unset(struct control *c, const struct config *before, const struct config *after)
{
    char device[CONFIG_MAX_DEVICE + 1], device_after[CONFIG_MAX_DEVICE + 1];

    for (uint32_t k = 0; before && k < before->interfaces.count; k++) {
        const struct config_interface *was = &before->interfaces.items[k];
        const struct config_interface *is = config_find_interface(after, was->name);
        const struct netlink_link *l = link_of(c, was, device);
        if (is && (!interface_device(is, device_after) || strcmp(device, device_after) != 0))
            is = NULL; /* bound to another device now */
        for (uint32_t a = 0; l && a < was->addresses.count; a++)
            if (!config_has_address(is, &was->addresses.items[a].prefix))
                address_unset(c, l->ifindex, &was->addresses.items[a].prefix);
    }
}

/* One warning for each time that a device is missed. */
static void missing_report(struct control *c, const struct config *before, const struct config_interface *i,
                           const char *device)
{
    char device_before[CONFIG_MAX_DEVICE + 1];
    const struct config_interface *was = before ? config_find_interface(before, i->name) : NULL;

    if (was && interface_device(was, device_before) && strcmp(device, device_before) == 0)
        return;
    log_line(c->log, "HOLDFAST", 4, "NODEVICE",
             "%s:%u: interface %s: there is no device %s, its configuration is applied when it appears",
             c->config_file, i->place.line, i->name, device);
}

static bool link_appeared(const struct control *c, uint32_t ifindex)
{
    if (c->appeared_count > ARRAY_SIZE(c->appeared))
        return true;
    for (unsigned k = 0; k < c->appeared_count; k++)
        if (c->appeared[k] == ifindex)
            return true;
    return false;
}

void apply_interfaces(struct control *c, const struct config *before, const struct config *after)
{
    char device[CONFIG_MAX_DEVICE + 1];

    if (before != after)
        removed_unset(c, before, after);
    for (uint32_t k = 0; k < after->interfaces.count; k++) {
        const struct config_interface *i = &after->interfaces.items[k];
        const struct netlink_link *l = link_of(c, i, device);
        if (l && (before != after || link_appeared(c, l->ifindex)))
            interface_set(c, i, l);
        else if (!l && before != after && i->name[0] != 'N')
            missing_report(c, before, i, device);
    }
}

struct withdraw {
    struct control *control;
};

static void address_withdraw(void *context, uint8_t kind, uint64_t key, struct bytes data)
{
    const struct withdraw *w = context;
    struct added_address a;

    (void)key;
    if (kind != CONTROL_RECORD_ADDRESS || data.len != sizeof a)
        return;
    memcpy(&a, data.data, sizeof a);
    (void)!netlink_address_delete(w->control->netlink, a.ifindex, &a.prefix);
}

void apply_addresses_withdraw(struct control *c)
{
    struct withdraw w = {c};

    record_store_each(c->records, address_withdraw, &w);
}
