/* SPDX-License-Identifier: Apache-2.0 */
/* What the world may ask of a gateway node beyond struct node_ops: where it dies, and what it has, for the
 * invariants. */
#ifndef SIM_SITE_GATEWAY_H
#define SIM_SITE_GATEWAY_H

#include "site/gateway/kernel.h"

struct control;

bool node_is_gateway(const struct site_node *n);
/* NULL while it has no power. */
struct kernel *gateway_kernel(const struct site_node *n);
/* NULL: control is not there. */
struct control *gateway_control(const struct site_node *n);
struct sad *gateway_sad(const struct site_node *n); /* NULL: no power */
/* The process dies at its call number `calls` of the kernel from now: in the middle of anything. */
void gateway_die_after(struct site_node *n, enum node_role role, uint64_t calls);
void gateway_spare(struct site_node *n); /* it does not */
/* The next control process finds no records and no running configuration: the memory was lost. */
void gateway_lose_records(struct site_node *n);
/* Its clock shows another time: what waits for one is due at another moment. */
void gateway_clock_changed(struct site_node *n);
bool gateway_serves(const struct site_node *n); /* both processes run, none is frozen */

#endif
