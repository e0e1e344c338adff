/* SPDX-License-Identifier: Apache-2.0 */
/* HSRP and VRRP on this machine: what control's other files need to know of it. The machines are in
 * src/redundancy; here are their sockets, timers, virtual MAC devices and facts.
 *
 * The one truth of who owns a virtual address is the kernel: it is on a device of ours exactly while its
 * group is Active (Master). Whoever compiles the configuration looks at control's table of devices and needs
 * nothing else: a crypto map with `redundancy` has its local address while that address is there. */
#ifndef CONTROL_REDUNDANCY_REDUNDANCY_H
#define CONTROL_REDUNDANCY_REDUNDANCY_H

#include "base/address.h"

struct config;
struct control;
struct redundancy;

/* Takes away what a predecessor left: its virtual devices. Before the first configuration. */
int redundancy_begin(struct control *c) must_check;
/* Groups and tracked objects as `after` and the present devices have them. What is unchanged goes on. */
void redundancy_apply(struct control *c, const struct config *after);
/* A device or an address changed: lines, tracked interfaces. Cheap. */
void redundancy_links(struct control *c);
/* The engine started: it is asked whether it is fit. */
void redundancy_engine_ready(struct control *c);
/* Every group gives its role away and says so; devices and settings are taken back. */
void redundancy_end(struct control *c);

/* A tracked object of the configuration. */
bool redundancy_track_up(const struct control *c, uint16_t number);
/* ---- for shared groups (ssp/ssp.h), by the name of an HSRP group ---- */

/* "Active"; NULL: it does not run. */
const char *redundancy_state(const struct control *c, const char *name);
bool redundancy_is_active(const struct control *c, const char *name);
/* It is not active, configured to preempt, and better than the router that is. */
bool redundancy_would_preempt(const struct control *c, const char *name);
void redundancy_preemption_changed(struct control *c); /* ssp_preempts says something else */
void redundancy_synced(struct control *c, const char *name);
void redundancy_yield(struct control *c, const char *name);  /* gives the role to the standby router */
void redundancy_disown(struct control *c, const char *name); /* addresses that were kept go now */

/* A virtual address that is not ours now: nothing is sent from it. */
bool redundancy_silent(const struct control *c, const struct address *local);
/* The virtual devices whose parent is `ifindex`, or all (0). */
void redundancy_devices(const struct control *c, uint32_t ifindex,
                        void (*each)(void *context, const char *name), void *context);
unsigned redundancy_device_count(const struct control *c);

#endif
