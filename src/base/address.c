/* SPDX-License-Identifier: Apache-2.0 */
/* Addresses, prefixes, endpoints and selectors: comparing, parsing and printing. Called from every room, on
 * the packet path too (nothing allocates). Always holds: bytes beyond an address's length are zero, so whole
 * structs compare. Selectors follow RFC 4301 §4.4.1.1; IPv6 text is that of RFC 5952. */
#include "base/address.h"

#include "base/be.h"
#include "base/hash_table.h"

#include <arpa/inet.h>
#include <stdio.h>

struct address address_v4(uint32_t host_order)
{
    struct address a = {.family = ADDRESS_V4};
    be32_store(a.bytes, host_order);
    return a;
}

struct address address_of(const void *data, size_t len)
{
    struct address a = {.family = ADDRESS_NONE};
    if (len != 4 && len != 16)
        return a;
    a.family = len == 4 ? ADDRESS_V4 : ADDRESS_V6;
    memcpy(a.bytes, data, len);
    return a;
}

uint32_t address_v4_get(const struct address *a)
{
    return a->family == ADDRESS_V4 ? be32_load(a->bytes) : 0;
}

size_t address_len(const struct address *a)
{
    return a->family == ADDRESS_V4 ? 4 : a->family == ADDRESS_V6 ? 16 : 0;
}

uint8_t address_bits(const struct address *a)
{
    return (uint8_t)(address_len(a) * 8);
}

bool address_equal(const struct address *a, const struct address *b)
{
    return a->family == b->family && memcmp(a->bytes, b->bytes, address_len(a)) == 0;
}

int address_compare(const struct address *a, const struct address *b)
{
    if (a->family != b->family)
        return a->family < b->family ? -1 : 1;
    int order = memcmp(a->bytes, b->bytes, address_len(a));
    return (order > 0) - (order < 0);
}

uint32_t address_hash(const struct address *a)
{
    return hash_bytes(a->bytes, address_len(a), a->family);
}

bool address_is_set(const struct address *a)
{
    return a->family == ADDRESS_V4 || a->family == ADDRESS_V6;
}

bool address_is_any(const struct address *a)
{
    static const uint8_t zero[16];
    return memcmp(a->bytes, zero, address_len(a)) == 0;
}

bool address_is_multicast(const struct address *a)
{
    if (a->family == ADDRESS_V4)
        return (a->bytes[0] & 0xf0) == 0xe0;
    return a->family == ADDRESS_V6 && a->bytes[0] == 0xff;
}

bool address_parse(const char *text, struct address *ret)
{
    struct address a = {0};
    if (inet_pton(AF_INET, text, a.bytes) == 1)
        a.family = ADDRESS_V4;
    else if (inet_pton(AF_INET6, text, a.bytes) == 1)
        a.family = ADDRESS_V6;
    else
        return false;
    *ret = a;
    return true;
}

char *address_print(const struct address *a, char out[ADDRESS_TEXT])
{
    if (!address_is_set(a))
        strcpy(out, "none");
    else
        inet_ntop(a->family == ADDRESS_V4 ? AF_INET : AF_INET6, a->bytes, out, ADDRESS_TEXT);
    return out;
}

/* Whether the first `bits` bits agree; both of the same family, bits within it. */
static bool bits_equal(const uint8_t *a, const uint8_t *b, unsigned bits)
{
    unsigned whole = bits / 8, rest = bits % 8;
    if (memcmp(a, b, whole) != 0)
        return false;
    return rest == 0 || ((a[whole] ^ b[whole]) & (0xff00 >> rest) & 0xff) == 0;
}

bool prefix_contains(const struct prefix *p, const struct address *a)
{
    if (p->address.family != a->family || !address_is_set(a) || p->length > address_bits(a))
        return false;
    return bits_equal(p->address.bytes, a->bytes, p->length);
}

bool prefix_covers(const struct prefix *outer, const struct prefix *inner)
{
    return inner->length >= outer->length && inner->length <= address_bits(&inner->address) &&
           prefix_contains(outer, &inner->address);
}

bool prefix_equal(const struct prefix *a, const struct prefix *b)
{
    return a->length == b->length && address_equal(&a->address, &b->address);
}

void prefix_mask(struct prefix *p)
{
    size_t len = address_len(&p->address);
    for (size_t i = 0; i < len; i++) {
        unsigned bits = p->length > 8 * i ? MIN(p->length - 8 * i, 8u) : 0;
        p->address.bytes[i] &= (uint8_t)(0xff00 >> bits);
    }
}

int prefix_length_of_mask(uint32_t mask)
{
    uint32_t host = ~mask;
    if (host & (host + 1))
        return -1;
    return host ? __builtin_clz(host) : 32;
}

uint32_t prefix_mask_of_length(uint8_t length)
{
    return length == 0 ? 0 : length >= 32 ? UINT32_MAX : ~(UINT32_MAX >> length);
}

char *prefix_print(const struct prefix *p, char out[PREFIX_TEXT])
{
    char text[ADDRESS_TEXT];
    snprintf(out, PREFIX_TEXT, "%s/%u", address_print(&p->address, text), p->length);
    return out;
}

bool endpoint_equal(const struct endpoint *a, const struct endpoint *b)
{
    return a->port == b->port && address_equal(&a->address, &b->address);
}

uint32_t endpoint_hash(const struct endpoint *e)
{
    return hash_bytes(e->address.bytes, address_len(&e->address), (uint64_t)e->port << 8 | e->address.family);
}

char *endpoint_print(const struct endpoint *e, char out[ENDPOINT_TEXT])
{
    char text[ADDRESS_TEXT];
    bool v6 = e->address.family == ADDRESS_V6;
    snprintf(out, ENDPOINT_TEXT, v6 ? "[%s]:%u" : "%s:%u", address_print(&e->address, text), e->port);
    return out;
}

bool selector_equal(const struct selector *a, const struct selector *b)
{
    return prefix_equal(&a->local, &b->local) && prefix_equal(&a->remote, &b->remote) &&
           a->protocol == b->protocol && a->local_port_low == b->local_port_low &&
           a->local_port_high == b->local_port_high && a->remote_port_low == b->remote_port_low &&
           a->remote_port_high == b->remote_port_high;
}

bool selector_covers(const struct selector *outer, const struct selector *inner)
{
    return prefix_covers(&outer->local, &inner->local) && prefix_covers(&outer->remote, &inner->remote) &&
           (outer->protocol == 0 || outer->protocol == inner->protocol) &&
           outer->local_port_low <= inner->local_port_low &&
           outer->local_port_high >= inner->local_port_high &&
           outer->remote_port_low <= inner->remote_port_low &&
           outer->remote_port_high >= inner->remote_port_high;
}

void selector_mirror(const struct selector *s, struct selector *ret)
{
    *ret = (struct selector){
        .local = s->remote,
        .remote = s->local,
        .protocol = s->protocol,
        .local_port_low = s->remote_port_low,
        .local_port_high = s->remote_port_high,
        .remote_port_low = s->local_port_low,
        .remote_port_high = s->local_port_high,
    };
}

enum { PORTS_TEXT = 16 };

static const char *ports_print(uint16_t low, uint16_t high, char out[PORTS_TEXT])
{
    if (low == 0 && high == UINT16_MAX)
        out[0] = '\0';
    else if (low == high)
        snprintf(out, PORTS_TEXT, "[%u]", low);
    else
        snprintf(out, PORTS_TEXT, "[%u-%u]", low, high);
    return out;
}

char *selector_print(const struct selector *s, char out[SELECTOR_TEXT])
{
    char local[PREFIX_TEXT], remote[PREFIX_TEXT], local_ports[PORTS_TEXT], remote_ports[PORTS_TEXT];
    char protocol[16] = "";
    if (s->protocol == 1 || s->protocol == 6 || s->protocol == 17)
        strcpy(protocol, s->protocol == 1 ? " icmp" : s->protocol == 6 ? " tcp" : " udp");
    else if (s->protocol != 0)
        snprintf(protocol, sizeof(protocol), " proto %u", s->protocol);
    snprintf(out, SELECTOR_TEXT, "%s%s -> %s%s%s", prefix_print(&s->local, local),
             ports_print(s->local_port_low, s->local_port_high, local_ports),
             prefix_print(&s->remote, remote),
             ports_print(s->remote_port_low, s->remote_port_high, remote_ports), protocol);
    return out;
}
