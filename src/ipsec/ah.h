/* SPDX-License-Identifier: Apache-2.0 */
/* What AH covers of the headers in front of it: fields that routers change are taken as zero, or as the value
 * that they have at the end. Both directions call ah_zero_mutable on the packet itself and put the header
 * back afterwards. RFC 4302 §3.3.3 and App A. */
#ifndef IPSEC_AH_H
#define IPSEC_AH_H

#include "crypto/packet_cipher.h"

/* Longest run of headers in front of AH that is handled; they are kept aside meanwhile. */
enum { AH_FRONT_MAX = 256 };

/* Length of the AH header with its ICV, padded as the family demands. */
uint32_t ah_length(const struct packet_algorithms *a, uint8_t version);
/* Works on the `front_len` bytes of a parsed packet that lie before AH. False: it cannot be covered (a
 * routing header still to be followed, options that do not parse). The front may have been written to then.
 */
bool ah_zero_mutable(uint8_t *front, uint32_t front_len);

#endif
