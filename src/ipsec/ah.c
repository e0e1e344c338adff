/* SPDX-License-Identifier: Apache-2.0 */
/* See ah.h. The option lists are those of RFC 4302 App A1 (IPv4) and the "may change en route" bit of RFC
 * 8200 §4.2. */
#include "ipsec/ah.h"

#include "wire/ip.h"
#include "wire/ipsec_headers.h"

enum {
    OPTION_END = 0,
    OPTION_NOP = 1,
    OPTION_LOOSE_ROUTE = 131,
    OPTION_STRICT_ROUTE = 137,
    OPTION6_PAD1 = 0,
    OPTION6_CHANGES = 0x20,
};

uint32_t ah_length(const struct packet_algorithms *a, uint8_t version)
{
    uint32_t align = version == 4 ? 4 : 8;
    return (AH_HEADER + (uint32_t)packet_icv_len(a) + align - 1) / align * align;
}

static bool option_immutable(uint8_t type)
{
    static const uint8_t immutable[] = {130, 133, 134, 148, 149};
    for (size_t i = 0; i < sizeof(immutable); i++)
        if (immutable[i] == type)
            return true;
    return false;
}

/* The destination that a source route ends at: the ICV is made with it, for that is what the receiver sees.
 */
static void final_destination(struct ipv4_header *h, const uint8_t *option, uint8_t len)
{
    if (len >= 7 && option[2] <= len)
        memcpy(h->destination, option + len - 4, 4);
}

static bool zero_options_v4(struct ipv4_header *h, uint8_t *options, uint32_t len)
{
    for (uint32_t at = 0; at < len;) {
        uint8_t type = options[at];
        if (type == OPTION_END)
            return true;
        if (type == OPTION_NOP) {
            at++;
            continue;
        }
        if (at + 2 > len || options[at + 1] < 2 || at + options[at + 1] > len)
            return false;
        uint8_t size = options[at + 1];
        if (type == OPTION_LOOSE_ROUTE || type == OPTION_STRICT_ROUTE)
            final_destination(h, options + at, size);
        if (!option_immutable(type))
            memset(options + at, 0, size);
        at += size;
    }
    return true;
}

static bool zero_options_v6(uint8_t *options, uint32_t len)
{
    for (uint32_t at = 0; at < len;) {
        if (options[at] == OPTION6_PAD1) {
            at++;
            continue;
        }
        if (at + 2 > len || at + 2 + options[at + 1] > len)
            return false;
        if (options[at] & OPTION6_CHANGES)
            memset(options + at + 2, 0, options[at + 1]);
        at += 2u + options[at + 1];
    }
    return true;
}

static bool zero_v6(uint8_t *front, uint32_t front_len)
{
    struct ipv6_header *h = (struct ipv6_header *)front;
    h->version_class_flow = be32_of(6u << 28);
    h->hop_limit = 0;
    uint8_t next = h->next_header;
    for (uint32_t at = IPV6_HEADER; at < front_len;) {
        if (at + 8 > front_len)
            return false;
        uint32_t size = (front[at + 1] + 1u) * 8;
        if (next == IP_PROTOCOL_FRAGMENT || at + size > front_len)
            return false; /* AH covers whole packets, never fragments */
        if ((next == IP_PROTOCOL_HOPOPTS || next == IP_PROTOCOL_DSTOPTS) &&
            !zero_options_v6(front + at + 2, size - 2))
            return false;
        if (next == IP_PROTOCOL_ROUTING && front[at + 3] != 0)
            return false; /* segments left: what the end will see is not known here */
        next = front[at];
        at += size;
    }
    return true;
}

bool ah_zero_mutable(uint8_t *front, uint32_t front_len)
{
    if (front[0] >> 4 == 6)
        return front_len >= IPV6_HEADER && zero_v6(front, front_len);
    struct ipv4_header *h = (struct ipv4_header *)front;
    if (front_len < IPV4_HEADER)
        return false;
    h->tos = 0;
    h->flags_offset = be16_of(0);
    h->ttl = 0;
    h->checksum = be16_of(0);
    return zero_options_v4(h, front + IPV4_HEADER, front_len - IPV4_HEADER);
}
