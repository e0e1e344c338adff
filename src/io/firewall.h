/* SPDX-License-Identifier: Apache-2.0 */
/* The clear twins of the policy, as packet filter rules of the kernel (libnftables): on an interface with a
 * policy, packets that the policy protects and that come in clear are dropped, and packets that it protects
 * never leave in clear, be our processes alive or not (RFC 4301 §5.1, §5.2).
 *
 * All is in one table, `inet holdfast`, which is replaced in one step; nobody else's rules are touched. Never
 * dropped are: IPsec and IKE of this machine (protocols 50 and 51, UDP 500 and 4500), what carries our mark,
 * path MTU messages to this machine, neighbour discovery, and link-local multicast (VRRP, HSRP, routing
 * protocols). An ICMP error that quotes a packet of a protected flow does not leave either, whatever its own
 * addresses are.
 */
#ifndef IO_FIREWALL_H
#define IO_FIREWALL_H

#include "base/bytes.h"

/* One line of an access list as traffic leaves by the interface; what comes in is compared the other way
 * round. Bits set in a wildcard are not compared. Of the first match: permit drops, deny goes on with the
 * next sequence. */
struct firewall_rule {
    uint8_t permit;
    uint8_t family;   /* enum address_family */
    uint8_t protocol; /* 0: any */
    uint8_t has_ports;
    uint8_t source[16], source_wildcard[16];
    uint8_t destination[16], destination_wildcard[16];
    uint16_t source_port_low, source_port_high;
    uint16_t destination_port_low, destination_port_high;
};

/* One sequence of a crypto map. */
struct firewall_sequence {
    uint32_t number; /* unique on its interface */
    const struct firewall_rule *rules;
    size_t rule_count;
};

struct firewall_interface {
    const char *name;
    const struct firewall_sequence *sequences; /* in their order */
    size_t sequence_count;
};

struct firewall_rules {
    const struct firewall_interface *interfaces;
    size_t interface_count;
    uint32_t mark; /* of what this machine's IPsec sends */
};

struct firewall;

/* -ENOMEM. */
int firewall_new(struct firewall **ret) must_check;
/* Leaves the rules in the kernel: they must outlive us. */
void firewall_free(struct firewall *f);
/* Replaces all rules in one step; counters go on. -EPERM no rights; -EOPNOTSUPP the kernel lacks nf_tables;
 * -EINVAL it refused the rules: firewall_error() tells why. On failure the former rules stay. */
int firewall_apply(struct firewall *f, const struct firewall_rules *rules) must_check;
/* Takes the table away: when the gateway is taken out of service for good. */
int firewall_remove(struct firewall *f) must_check;
/* What libnftables said about the last failure; never NULL. */
const char *firewall_error(const struct firewall *f);

struct firewall_counter {
    const char *interface;
    uint32_t
        sequence; /* FIREWALL_SEQUENCE_MANY: sequences that are looked up together, where there are many */
    uint64_t packets_in, bytes_in;   /* came in clear, dropped */
    uint64_t packets_out, bytes_out; /* would have left in clear, dropped */
};

enum { FIREWALL_SEQUENCE_MANY = UINT32_MAX };

/* Those that dropped anything at all. */
int firewall_counters(struct firewall *f, void (*each)(void *user, const struct firewall_counter *c),
                      void *user) must_check;

#endif
