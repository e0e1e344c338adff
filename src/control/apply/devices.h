/* SPDX-License-Identifier: Apache-2.0 */
/* What control knows of the machine's network devices and addresses: filled at start, kept up by the netlink
 * monitor, read by everything that compiles the configuration. */
#ifndef CONTROL_APPLY_DEVICES_H
#define CONTROL_APPLY_DEVICES_H

#include "io/netlink.h"

struct config;

enum { DEVICES_MAX = 8192, DEVICE_ADDRESSES_MAX = 65536 };

struct devices {
    struct netlink_link *links;
    uint32_t link_count, link_capacity;
    struct netlink_address *addresses;
    uint32_t address_count, address_capacity;
};

void devices_done(struct devices *d);
/* Everything anew from the kernel. -errno; then `d` is as before. */
int devices_read(struct devices *d, struct netlink *n) must_check;
/* Takes a link or address event in. False: nothing changed. -ENOMEM is treated as no change; a later read
 * repairs it. */
bool devices_update(struct devices *d, const struct netlink_event *e);

const struct netlink_link *devices_find(const struct devices *d, const char *name);
const struct netlink_link *devices_find_index(const struct devices *d, uint32_t ifindex);
bool devices_has_address(const struct devices *d, uint32_t ifindex, const struct prefix *p);
/* The device of an interface, which may be configured or not; NULL: there is none. */
const struct netlink_link *devices_of_interface(const struct devices *d, const struct config *config,
                                                const char *interface);
/* The address that an interface gives to what is sent in its name. False: it has none of that family. */
bool devices_source(const struct devices *d, const struct config *config, const char *interface,
                    uint8_t family, struct address *ret) must_check;
bool devices_owns(const struct devices *d, const struct address *a);

#endif
