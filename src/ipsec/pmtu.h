/* SPDX-License-Identifier: Apache-2.0 */
/* Path MTU of the outer path, and what it leaves for inner packets. The engine's shell calls pmtu_icmp with
 * ICMP messages that its raw ICMP sockets receive; outbound.c asks pmtu_inner_max. ICMP is not authenticated:
 * a message counts only if it quotes an SPI and a destination that we send to, never goes below a floor, and
 * is limited in number. RFC 4301 §8.2, RFC 1191 §6.3, RFC 8201 §4.
 */
#ifndef IPSEC_PMTU_H
#define IPSEC_PMTU_H

#include "base/time.h"
#include "ipsec/path.h"

enum { PMTU_FLOOR_V4 = 576, PMTU_FLOOR_V6 = 1280 };

#define PMTU_LIFETIME (600 * NS_PER_S)

/* Largest inner packet that fits an outer packet of `mtu` bytes: with its IP header of `ip_header_len` bytes,
 * that a transport mode SA keeps outside. 0 if nothing fits. `bundle` is the pair applied after this one, or
 * NULL. */
uint32_t pmtu_inner_max(const struct sad_pair *pair, const struct sad_pair *bundle, uint32_t mtu,
                        uint32_t ip_header_len);
/* The MTU to count with: that of the interface, or less where an ICMP message said so and has not expired. */
uint32_t pmtu_outer(const struct sad_pair *pair, uint32_t interface_mtu, ns now);

/* `icmp` is the ICMP message: v4 as the raw socket gives it, with the IP header; v6 without (the socket's
 * way). Returns the slot of the pair whose path_mtu it lowered, or PAIR_NONE (not for us, not plausible, too
 * many). */
uint32_t pmtu_icmp(const struct packet_path *path, uint8_t family, struct bytes icmp, ns now);

#endif
