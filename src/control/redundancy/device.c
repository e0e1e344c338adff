/* SPDX-License-Identifier: Apache-2.0 */
/* The virtual MAC's device: a macvlan on the interface, down and without addresses while another router is
 * active. Addresses go on first, then the device comes up; the other way round when it is given up. Each
 * device is recorded, so that whichever process comes after us takes it away. */
#include <errno.h>
#include <stdio.h>

#include "base/hash_table.h"
#include "control/redundancy/internal.h"
#include "io/sysctl.h"

/* Its name, and enum hsrp_state or vrrp_state. */
struct device_record {
    char name[NETLINK_NAME];
    uint8_t state;
};

static uint64_t record_key(const char *name)
{
    return (uint64_t)hash_bytes(name, strlen(name), 1) << 32 | hash_bytes(name, strlen(name), 2);
}

static void name_make(const struct redundancy_group *g, char out[NETLINK_NAME])
{
    const char *what = g->protocol == REDUNDANCY_HSRP ? "hsrp" : g->family == ADDRESS_V6 ? "vrr6" : "vrrp";
    char name[40];

    if (snprintf(name, sizeof name, "%s%u-%u", what, g->ifindex, g->number) >= NETLINK_NAME)
        snprintf(name, sizeof name, "%c%x-%x", what[3] == '6' ? 'w' : what[0], g->ifindex, g->number);
    memcpy(out, name, NETLINK_NAME - 1);
    out[NETLINK_NAME - 1] = 0;
}

static void complain(struct redundancy_group *g, const char *what, int error)
{
    log_line(g->redundancy->control->log, g->protocol == REDUNDANCY_HSRP ? "HSRP" : "VRRP", 3, "DEVICE",
             "%s Grp %u: %s: %s", g->interface, g->number, what, strerror(-error));
}

/* Answers ARP for its own addresses alone; takes what comes from sources whose route is by the interface. */
static void device_settings(const char *name)
{
    static const struct {
        const char *family, *name;
        long value;
    } table[] = {{"ipv4", "arp_ignore", 1}, {"ipv4", "accept_local", 1},  {"ipv4", "send_redirects", 0},
                 {"ipv4", "rp_filter", 0},  {"ipv6", "addr_gen_mode", 1}, {"ipv6", "accept_dad", 0},
                 {"ipv6", "accept_ra", 0},  {"ipv6", "autoconf", 0}};
    long all;

    for (size_t i = 0; i < ARRAY_SIZE(table); i++)
        (void)!sysctl_interface_set(table[i].family, name, table[i].name, table[i].value);
    /* The larger of `all` and the device counts: loose where it cannot be off. */
    if (sysctl_interface_get("ipv4", "all", "rp_filter", &all) == 0 && all == 1)
        (void)!sysctl_interface_set("ipv4", name, "rp_filter", 2);
}

void virtual_device_note(struct redundancy_group *g, uint8_t state)
{
    struct device_record record;

    if (g->device.ifindex == 0 || g->device.burned_in)
        return;
    memset(&record, 0, sizeof record);
    memcpy(record.name, g->device.name, sizeof record.name);
    record.state = state;
    (void)!record_store_put(g->redundancy->control->records, CONTROL_RECORD_VIRTUAL_DEVICE,
                            record_key(record.name), bytes_of(&record, sizeof record));
}

/* What a predecessor of this process noted; 0: nothing. */
static uint8_t noted_state(const struct control *c, const char *name)
{
    struct device_record record;
    struct bytes data;

    if (!record_store_get(c->records, CONTROL_RECORD_VIRTUAL_DEVICE, record_key(name), &data) ||
        data.len != sizeof record)
        return 0;
    memcpy(&record, data.data, sizeof record);
    return record.state;
}

/* Addresses of a predecessor on the interface itself. */
static void burned_in_sweep(struct redundancy_group *g)
{
    struct address addresses[REDUNDANCY_ADDRESSES_MAX];
    size_t n = group_addresses(g, addresses);

    for (size_t i = 0; i < n; i++) {
        struct prefix p = {addresses[i], address_bits(&addresses[i])};
        (void)!netlink_address_delete(g->redundancy->control->netlink, g->ifindex, &p);
    }
}

static int device_make(struct redundancy_group *g, const uint8_t mac[REDUNDANCY_MAC])
{
    struct control *c = g->redundancy->control;
    struct virtual_device *d = &g->device;
    struct netlink_link l;

    name_make(g, d->name);
    if (netlink_link_by_name(c->netlink, d->name, &l) == 0 && strcmp(l.kind, "macvlan") == 0)
        (void)!netlink_link_delete(c->netlink, l.ifindex);
    if (!g->has_run)
        g->resume = noted_state(c, d->name);
    int error = netlink_macvlan_add(c->netlink, g->ifindex, d->name, mac);
    if (!error)
        error = netlink_link_by_name(c->netlink, d->name, &l);
    if (error)
        return error;
    device_settings(d->name);
    d->ifindex = l.ifindex;
    d->parent = g->ifindex;
    memcpy(d->mac, mac, REDUNDANCY_MAC);
    virtual_device_note(g, 0);
    return 0;
}

int virtual_device_prepare(struct redundancy_group *g)
{
    struct virtual_device *d = &g->device;
    uint8_t mac[REDUNDANCY_MAC];
    bool burned_in = g->protocol == REDUNDANCY_HSRP && g->hsrp.config.use_bia, owned = d->owned;

    group_mac(g, mac);
    if (d->parent == g->ifindex && d->burned_in == burned_in && memcmp(d->mac, mac, REDUNDANCY_MAC) == 0 &&
        (burned_in || d->ifindex))
        return 0;
    virtual_device_remove(g);
    d->burned_in = burned_in;
    int error = 0;
    if (burned_in) {
        d->parent = d->ifindex = g->ifindex;
        memcpy(d->mac, mac, REDUNDANCY_MAC);
        burned_in_sweep(g);
    } else {
        error = device_make(g, mac);
    }
    if (error)
        complain(g, "its virtual MAC device cannot be made", error);
    return !error && owned ? virtual_device_own(g) : error;
}

static bool wanted(const struct prefix *p, const struct prefix *list, size_t n)
{
    for (size_t i = 0; i < n; i++)
        if (prefix_equal(p, &list[i]))
            return true;
    return false;
}

int virtual_device_own(struct redundancy_group *g)
{
    struct control *c = g->redundancy->control;
    struct virtual_device *d = &g->device;
    struct address addresses[REDUNDANCY_ADDRESSES_MAX];
    struct prefix want[REDUNDANCY_ADDRESSES_MAX];
    size_t n = group_addresses(g, addresses);
    int error = d->ifindex ? 0 : -ENODEV;

    for (size_t i = 0; i < n; i++)
        want[i] = (struct prefix){addresses[i], address_bits(&addresses[i])};
    for (unsigned i = 0; i < d->address_count && !error; i++)
        if (!wanted(&d->addresses[i], want, n))
            (void)!netlink_address_delete(c->netlink, d->ifindex, &d->addresses[i]);
    d->address_count = 0;
    for (size_t i = 0; i < n && !error; i++) {
        /* The owner of the address (VRRP priority 255) has it on the interface. */
        if (address_equal(&addresses[i], &g->source))
            continue;
        error = netlink_address_add(c->netlink, d->ifindex, &want[i],
                                    NETLINK_ADDRESS_NO_PREFIX_ROUTE | NETLINK_ADDRESS_HOME);
        if (error == -EEXIST)
            error = 0;
        if (!error)
            d->addresses[d->address_count++] = want[i];
    }
    if (!error && !d->burned_in)
        error = netlink_link_set_up(c->netlink, d->ifindex, true);
    d->owned = true;
    if (error)
        complain(g, "its virtual addresses cannot be taken", error);
    return error;
}

void virtual_device_disown(struct redundancy_group *g)
{
    struct control *c = g->redundancy->control;
    struct virtual_device *d = &g->device;

    if (d->ifindex && !d->burned_in)
        (void)!netlink_link_set_up(c->netlink, d->ifindex, false);
    for (unsigned i = 0; i < d->address_count && d->ifindex; i++)
        (void)!netlink_address_delete(c->netlink, d->ifindex, &d->addresses[i]);
    d->address_count = 0;
    d->owned = false;
}

void virtual_device_remove(struct redundancy_group *g)
{
    struct control *c = g->redundancy->control;
    struct virtual_device *d = &g->device;

    if (d->ifindex && d->owned)
        virtual_device_disown(g);
    if (d->ifindex && !d->burned_in) {
        (void)!netlink_link_delete(c->netlink, d->ifindex);
        record_store_delete(c->records, CONTROL_RECORD_VIRTUAL_DEVICE, record_key(d->name));
    }
    *d = (struct virtual_device){0};
}

static void left_remove(void *context, uint8_t kind, uint64_t key, struct bytes data)
{
    struct control *c = context;
    struct netlink_link l;
    struct device_record record;

    (void)key;
    if (kind != CONTROL_RECORD_VIRTUAL_DEVICE || data.len != sizeof record)
        return;
    memcpy(&record, data.data, sizeof record);
    record.name[sizeof record.name - 1] = 0;
    if (netlink_link_by_name(c->netlink, record.name, &l) == 0 && strcmp(l.kind, "macvlan") == 0)
        (void)!netlink_link_delete(c->netlink, l.ifindex);
}

void virtual_devices_sweep(struct control *c)
{
    record_store_each(c->records, left_remove, c);
}
