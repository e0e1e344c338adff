/* SPDX-License-Identifier: Apache-2.0 */
/* `router eigrp AS`: the machine of src/eigrp with its sockets (one for each interface that speaks), what it
 * announces, and what it learned as routes of the kernel's main table (protocol number 192, as FRR's).
 *
 * What is announced besides connected networks is read from the kernel: static and reverse routes carry our
 * protocol numbers there, and only those in force are there. */
#ifndef CONTROL_ROUTING_EIGRP_H
#define CONTROL_ROUTING_EIGRP_H

struct config;
struct control;
struct eigrp;

enum { EIGRP_KERNEL_PROTOCOL = 192 };

/* `after` is in force, or devices changed. */
void eigrp_process_apply(struct control *c, const struct config *after);
/* Static or reverse routes changed in the kernel: announced soon, all that changes meanwhile together. */
void eigrp_process_routes_changed(struct control *c);
/* Says goodbye and takes the learned routes away. */
void eigrp_process_end(struct control *c);
/* NULL: `router eigrp` is not configured. */
const struct eigrp *eigrp_process_machine(const struct control *c);

#endif
