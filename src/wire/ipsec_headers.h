/* SPDX-License-Identifier: Apache-2.0 */
/* The headers of ESP (RFC 4303 §2), AH (RFC 4302 §2) and IPComp (RFC 3173 §3) and their limits. What is done
 * with them is in ipsec/. */
#ifndef WIRE_IPSEC_HEADERS_H
#define WIRE_IPSEC_HEADERS_H

#include "base/be.h"

struct esp_header {
    be32 spi;
    be32 sequence; /* the low 32 bits */
    /* IV, payload, padding, struct esp_trailer, ICV */
};

struct esp_trailer {
    uint8_t pad_length;
    uint8_t next_header;
};

struct ah_header {
    uint8_t next_header;
    uint8_t payload_length; /* of the whole header, in 32-bit words minus 2 */
    be16 reserved;
    be32 spi;
    be32 sequence;
    /* ICV, padded to 4 bytes (IPv4) or 8 (IPv6) for the whole header */
};

struct ipcomp_header {
    uint8_t next_header;
    uint8_t flags;
    be16 cpi;
};

enum {
    ESP_HEADER = 8,
    ESP_TRAILER = 2,
    ESP_ALIGN = 4, /* trailer ends on this boundary and on the cipher's block */
    ESP_PAD_MAX = 255,
    ESP_ICV_MAX = 32,
    ESP_IV_MAX = 16,
    AH_HEADER = 12,
    IPCOMP_HEADER = 4,
    SPI_MIN = 256, /* 1..255 are reserved (RFC 4303 §2.1): not chosen, but accepted from a peer; 0 is never on
                      the wire */
    UDP_ENCAPSULATION_PORT = 4500, /* RFC 3948 */
};

_Static_assert(sizeof(struct esp_header) == ESP_HEADER && sizeof(struct ah_header) == AH_HEADER,
               "wire sizes");
_Static_assert(sizeof(struct esp_trailer) == ESP_TRAILER && sizeof(struct ipcomp_header) == IPCOMP_HEADER,
               "wire sizes");

#endif
