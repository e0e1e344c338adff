/* SPDX-License-Identifier: Apache-2.0 */
/* IP addresses, prefixes, endpoints and traffic selectors, of both families in one type. */
#ifndef BASE_ADDRESS_H
#define BASE_ADDRESS_H

#include "base/bytes.h"

enum address_family { ADDRESS_NONE = 0, ADDRESS_V4 = 4, ADDRESS_V6 = 6 };

struct address {
    uint8_t family;    /* enum address_family */
    uint8_t bytes[16]; /* network order; IPv4 uses the first 4, the rest is zero */
};

struct prefix {
    struct address address;
    uint8_t length;
};

struct endpoint {
    struct address address;
    uint16_t port; /* host order */
};

/* What an SA carries: one prefix each side, an IP protocol (0: any) and ports (0..65535: any).
 * RFC 4301 §4.4.1.1, as IKEv1 proxy identities can express it. */
struct selector {
    struct prefix local;
    struct prefix remote;
    uint8_t protocol;
    uint16_t local_port_low, local_port_high;
    uint16_t remote_port_low, remote_port_high;
};

enum { ADDRESS_TEXT = 46, PREFIX_TEXT = 50, ENDPOINT_TEXT = 56, SELECTOR_TEXT = 160 };

struct address address_v4(uint32_t host_order);
struct address address_of(const void *data, size_t len); /* len 4 or 16, else family NONE */
uint32_t address_v4_get(const struct address *a);        /* host order; 0 unless IPv4 */
bool address_equal(const struct address *a, const struct address *b);
int address_compare(const struct address *a, const struct address *b);
uint32_t address_hash(const struct address *a);
bool address_is_set(const struct address *a);
bool address_is_any(const struct address *a); /* unset, 0.0.0.0 or :: */
bool address_is_multicast(const struct address *a);
uint8_t address_bits(const struct address *a); /* 32, 128 or 0 */
size_t address_len(const struct address *a);   /* 4, 16 or 0 */
/* Both families, no zone, no surrounding text. */
bool address_parse(const char *text, struct address *ret);
char *address_print(const struct address *a, char out[ADDRESS_TEXT]);

bool prefix_contains(const struct prefix *p, const struct address *a);
bool prefix_covers(const struct prefix *outer, const struct prefix *inner);
bool prefix_equal(const struct prefix *a, const struct prefix *b);
void prefix_mask(struct prefix *p); /* clears the host bits */
/* -1 if the mask has holes. Masks are host order. */
int prefix_length_of_mask(uint32_t mask);
uint32_t prefix_mask_of_length(uint8_t length);
char *prefix_print(const struct prefix *p, char out[PREFIX_TEXT]);

bool endpoint_equal(const struct endpoint *a, const struct endpoint *b);
uint32_t endpoint_hash(const struct endpoint *e);
char *endpoint_print(const struct endpoint *e, char out[ENDPOINT_TEXT]); /* 9.1.1.22:500, [2001:db8::1]:500 */

bool selector_equal(const struct selector *a, const struct selector *b);
/* Whether everything that `inner` carries is carried by `outer` too. */
bool selector_covers(const struct selector *outer, const struct selector *inner);
void selector_mirror(const struct selector *s, struct selector *ret);
char *selector_print(const struct selector *s, char out[SELECTOR_TEXT]);

#endif
