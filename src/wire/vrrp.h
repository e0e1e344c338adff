/* SPDX-License-Identifier: Apache-2.0 */
/* VRRP advertisements: version 3 for IPv4 and IPv6 (RFC 9568 §5) parsed and written, version 2 (RFC 3768)
 * recognized so that it can be counted. What is given and made is the payload of IP protocol 112; its
 * checksum covers the pseudo header of the addresses, which come along.
 */
#ifndef WIRE_VRRP_H
#define WIRE_VRRP_H

#include "base/address.h"
#include "base/cursor.h"

enum {
    VRRP_TTL = 255, /* sent and demanded: RFC 9568 §7.1 */
    VRRP_TOS = 0xc0,
    VRRP_HEADER = 8,
    VRRP_ADDRESSES_MAX = 16, /* ours; advertisements with more are counted as errors */
    VRRP_MESSAGE_MAX = VRRP_HEADER + 16 * VRRP_ADDRESSES_MAX,
    VRRP_MAC = 6,
    VRRP_INTERVAL_MAX = 4095, /* centiseconds */
    VRRP_PRIORITY_OWNER = 255,
    VRRP_PRIORITY_RELEASE = 0,
    VRRP_PRIORITY_DEFAULT = 100,
};

#define VRRP_V4_MULTICAST 0xe0000012U /* 224.0.0.18 */

#define VRRP_ERRORS(X)                  \
    X(OK, "ok")                         \
    X(TRUNCATED, "truncated")           \
    X(VERSION, "not version 3")         \
    X(VERSION_2, "version 2")           \
    X(TYPE, "unknown type")             \
    X(VRID, "virtual router 0")         \
    X(COUNT, "bad number of addresses") \
    X(INTERVAL, "interval 0")           \
    X(CHECKSUM, "bad checksum")

enum vrrp_error {
#define X(name, text) VRRP_##name,
    VRRP_ERRORS(X)
#undef X
        VRRP_ERROR_COUNT
};

struct vrrp_message {
    uint8_t vrid; /* 1..255 */
    uint8_t priority;
    uint16_t interval; /* centiseconds */
    uint8_t address_count;
    struct address addresses[VRRP_ADDRESSES_MAX]; /* IPv6: the link-local one first */
};

const char *vrrp_error_name(enum vrrp_error error); /* never NULL */

/* `source` and `destination` as in the IP header; their family says which one the payload has. `ret` is
 * untouched on error. */
enum vrrp_error vrrp_parse(struct bytes payload, const struct address *source,
                           const struct address *destination, struct vrrp_message *ret) must_check;
/* The virtual router that a payload names, whatever else is wrong with it. */
bool vrrp_peek(struct bytes payload, uint8_t *ret_vrid) must_check;
/* Returns the length, 0 if `size` does not do (VRRP_MESSAGE_MAX does). Fields must be in range, the addresses
 * of `source`'s family (asserted). */
size_t vrrp_write(const struct vrrp_message *m, const struct address *source,
                  const struct address *destination, uint8_t *out, size_t size);

struct address vrrp_multicast(uint8_t family); /* 224.0.0.18, ff02::12 */
/* 0000.5e00.01VV, 0000.5e00.02VV: RFC 9568 §7.3. */
void vrrp_virtual_mac(uint8_t family, uint8_t vrid, uint8_t ret_mac[VRRP_MAC]);

#endif
