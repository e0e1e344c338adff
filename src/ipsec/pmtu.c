/* SPDX-License-Identifier: Apache-2.0 */
/* See pmtu.h. Sizes are computed here and nowhere else: encapsulate.c builds what pmtu_inner_max counted
 * with. */
#include "ipsec/pmtu.h"

#include "ipsec/ah.h"
#include "ipsec/pair_index.h"
#include "wire/ip.h"
#include "wire/ipsec_headers.h"

uint32_t pmtu_inner_max(const struct sad_pair *pair, const struct sad_pair *bundle, uint32_t mtu,
                        uint32_t ip_header_len)
{
    uint8_t version = pair->remote.address.family;
    bool outer_header = pair->flags & (PAIR_TUNNEL | PAIR_UDP);
    uint32_t inside =
        pair->flags & PAIR_TUNNEL ? 0 : ip_header_len; /* part of the inner packet that stays outside */
    uint32_t overhead = outer_header ? (version == 4 ? IPV4_HEADER : IPV6_HEADER) : ip_header_len;
    if (bundle)
        overhead += ah_length(&bundle->algorithms, version);
    uint32_t align = 1, trailer = 0;
    if (pair->protocol == IP_PROTOCOL_AH) {
        overhead += ah_length(&pair->algorithms, version);
    } else {
        overhead += ESP_HEADER + (uint32_t)packet_iv_len(&pair->algorithms) +
                    (uint32_t)packet_icv_len(&pair->algorithms) + (pair->flags & PAIR_UDP ? UDP_HEADER : 0);
        align = MAX((uint32_t)packet_block(&pair->algorithms), (uint32_t)ESP_ALIGN);
        trailer = ESP_TRAILER;
    }
    mtu = MIN(mtu, (uint32_t)PACKET_MAX);
    if (mtu < overhead + align + trailer)
        return 0;
    return inside + (mtu - overhead) / align * align - trailer;
}

uint32_t pmtu_outer(const struct sad_pair *pair, uint32_t interface_mtu, ns now)
{
    uint32_t mtu = interface_mtu ? interface_mtu : 1500;
    return pair->path_mtu && now < pair->path_mtu_expiry ? MIN(mtu, pair->path_mtu) : mtu;
}

static bool learn(struct sad_pair *pair, uint32_t mtu, ns now)
{
    uint32_t floor = pair->remote.address.family == ADDRESS_V4 ? PMTU_FLOOR_V4 : PMTU_FLOOR_V6;
    bool known = pair->path_mtu && now < pair->path_mtu_expiry;
    mtu = MAX(mtu, floor);
    if (known && mtu > pair->path_mtu)
        return false; /* only time raises it: RFC 1191 §3 */
    /* One change a second is more than any route does. */
    if (known && ns_since(now + PMTU_LIFETIME, pair->path_mtu_expiry) < NS_PER_S)
        return false;
    bool lowered = !known || mtu < pair->path_mtu;
    pair->path_mtu = mtu;
    pair->path_mtu_expiry = now + PMTU_LIFETIME;
    return lowered;
}

uint32_t pmtu_icmp(const struct packet_path *path, uint8_t family, struct bytes icmp, ns now)
{
    struct icmp_error error;
    struct ip_packet packet;
    if (family == ADDRESS_V6 ? !icmp_error_parse_message(6, icmp, &error)
                             : ip_parse(icmp, &packet) != IP_OK || !icmp_error_parse(&packet, &error))
        return PAIR_NONE;
    if (error.kind != ICMP_ERROR_TOO_BIG || !error.has_spi)
        return PAIR_NONE;
    uint32_t slot = pair_index_find_outbound(path->index, error.spi, &error.destination);
    if (slot == PAIR_NONE)
        return PAIR_NONE;
    struct sad_pair *pair = &path->sad->pairs[slot];
    /* What was not sent yet cannot have been too big. 32 bits of 64 suffice with ESN: the pair is found
     * already. */
    uint64_t sent = atomic_load_explicit(&pair->sequence_out, memory_order_relaxed);
    if (error.sequence != 0 && !(pair->flags & PAIR_ESN) && error.sequence > sent)
        return PAIR_NONE;
    if (sad_is_bundle_outer(path->sad, slot)) {
        slot = pair->bundle; /* sizes are reckoned with the ESP inside */
        pair = &path->sad->pairs[slot];
    }
    uint32_t mtu = error.mtu ? error.mtu : pmtu_plateau_below(error.quoted_length);
    if (mtu >= error.quoted_length && error.quoted_length > 0)
        return PAIR_NONE; /* it would have fitted */
    return learn(pair, mtu, now) ? slot : PAIR_NONE;
}
