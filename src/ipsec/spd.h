/* SPDX-License-Identifier: Apache-2.0 */
/* The security policy database in shared memory: which traffic that leaves by which interface is protected
 * how.
 *
 * Control compiles the configuration's crypto maps and access lists into a table, in the one of two buffers
 * that is not in use, and publishes it by `spd_publish`; the engine reads the table that `version` names and
 * starts over when that changed. Control overwrites the old buffer only after the engines passed a quiescent
 * point (ipsec/sad.h).
 *
 * The packet's way: egress interface -> binding -> entries in order of their sequence -> access list, first
 * match: permit protects, deny falls through to the next entry, no match in any entry: in clear (RFC 4301
 * §4.4.1). Later fragments carry no ports: an ace with ports matches them by addresses and protocol alone if
 * it permits, and never if it denies (as the field's access lists do).
 */
#ifndef IPSEC_SPD_H
#define IPSEC_SPD_H

#include <stdatomic.h>

#include "base/address.h"
#include "ipsec/tuple.h"
#include "wire/ip.h"

enum {
    SPD_BINDINGS_MAX = 256,
    SPD_ENTRIES_MAX = 1 << 17,
    SPD_ACES_MAX = 1 << 18,
    SPD_ADDRESSES_MAX = 1024,
    SPD_NO_ENTRY = UINT32_MAX,
};

/* One line of an access list. Bits set in a wildcard are not compared. */
struct spd_ace {
    uint8_t permit;
    uint8_t family;   /* enum address_family */
    uint8_t protocol; /* 0: any */
    uint8_t has_ports;
    uint8_t source[16], source_wildcard[16];
    uint8_t destination[16], destination_wildcard[16];
    uint16_t source_port_low, source_port_high;
    uint16_t destination_port_low, destination_port_high;
};

/* One sequence of a crypto map within one scope. Bindings that share a local address share the scope, hence
 * the entries and the SAs; bindings that do not have entries of their own. */
struct spd_entry {
    uint32_t id; /* given by control; stays with (scope, map, sequence) over changes of the configuration */
    uint32_t sequence;
    uint32_t first_ace, ace_count;
    uint8_t may_initiate; /* a packet without SA asks for one; else it is dropped and counted */
};

struct spd_binding {
    uint32_t ifindex;
    struct address local_v4, local_v6;
    uint32_t first_entry, entry_count;
};

struct spd_table {
    uint32_t binding_count, entry_count, ace_count, own_address_count;
    struct spd_binding bindings[SPD_BINDINGS_MAX];
    struct address own_addresses[SPD_ADDRESSES_MAX]; /* of this gateway: their packets had no TTL taken off */
    struct spd_entry entries[SPD_ENTRIES_MAX];
    struct spd_ace aces[SPD_ACES_MAX];
};

struct spd {
    char magic[8];              /* "HFSPD01" */
    _Atomic uint32_t version;   /* 0: nothing published yet. The table is tables[version & 1] */
    struct spd_table tables[2]; /* sparse */
};

void spd_init(struct spd *spd);
bool spd_valid(const struct spd *spd, size_t size);

/* Control: the buffer to fill (emptied), then publish it. */
struct spd_table *spd_next(struct spd *spd);
void spd_publish(struct spd *spd);

static inline const struct spd_table *spd_table(const struct spd *spd, uint32_t version)
{
    return &spd->tables[version & 1];
}

const struct spd_binding *spd_binding_find(const struct spd_table *t, uint32_t ifindex);

/* What happens to a packet that leaves by `b`. On SPD_PROTECT `ret_entry` and `ret_ace` are indexes into the
 * table. */
enum spd_verdict { SPD_BYPASS, SPD_PROTECT };
enum spd_verdict spd_match(const struct spd_table *t, const struct spd_binding *b,
                           const struct ip_packet *packet, uint32_t *ret_entry, uint32_t *ret_ace);

/* The same for what is left of a packet in a tuple (tuple.local is its source). */
enum spd_verdict spd_match_tuple(const struct spd_table *t, const struct spd_binding *b,
                                 const struct packet_tuple *tuple, uint32_t *ret_entry, uint32_t *ret_ace);
/* Whether this line matches, be it a permit or a deny. */
bool spd_ace_matches(const struct spd_ace *ace, const struct packet_tuple *p);
/* Whether an address is this gateway's. */
bool spd_owns(const struct spd_table *t, const struct address *a);

/* The selector that an ace asks for in a negotiation (proxy identities). False if a wildcard has holes. */
bool spd_ace_selector(const struct spd_ace *ace, struct selector *ret);

#endif
