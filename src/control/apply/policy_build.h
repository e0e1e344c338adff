/* SPDX-License-Identifier: Apache-2.0 */
/* The routes of HOLDFAST_TABLE: what leads interesting traffic into the TUN device. They catch a superset;
 * the engine applies the exact access lists. */
#ifndef CONTROL_APPLY_POLICY_BUILD_H
#define CONTROL_APPLY_POLICY_BUILD_H

#include "control/apply/scopes.h"

struct policy_routes {
    struct netlink_route *routes; /* sorted by destination, each once */
    uint32_t count;
};

/* The smallest prefix that holds all destinations of an access list line. */
void policy_destination(const struct config_acl_entry *e, uint8_t family, struct prefix *ret);

/* A route to the TUN device for each destination that a connection protects, and a throw route (the usual
 * tables decide) for each connected network of a device without crypto map and, where all destinations are
 * protected, for link-local and multicast ones. -ENOMEM. */
int policy_build(const struct scopes *s, const struct devices *d, uint32_t tun_ifindex,
                 struct policy_routes *ret) must_check;
void policy_done(struct policy_routes *p);
/* By family, address, length; the order of policy_routes. */
int policy_compare(const struct prefix *a, const struct prefix *b);

#endif
