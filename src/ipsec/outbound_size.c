/* SPDX-License-Identifier: Apache-2.0 */
/* What happens to a packet that would be too big for the outer path once it is protected: an ICMP error to
 * its source, fragments of it that are protected each, or fragments of the protected packet. Called by the
 * outbound burst.
 *
 * Fragments live in the arena of the burst. Packets of GRE and the like in transport mode are never split
 * before: a receiver takes transport mode for whole packets only (RFC 4303 §3.3.4). RFC 4301 §7, §8; RFC 8200
 * §4.5. */
#include "ipsec/outbound_internal.h"

#include "ipsec/pmtu.h"

/* Room for a packet of `size` bytes, with head and tail room; NULL when the burst has used it up. */
static uint8_t *arena_take(struct outbound *o, uint32_t size)
{
    uint32_t whole = (PACKET_HEADROOM + size + PACKET_TAILROOM + 63) / 64 * 64;
    if (whole > ARENA_SIZE - o->arena_used)
        return NULL;
    uint8_t *p = o->arena + o->arena_used + PACKET_HEADROOM;
    o->arena_used += whole;
    return p;
}

/* ---- to be sealed ---- */

static void sealing_set(struct sealing *s, const struct ip_packet *packet, uint8_t *data, uint32_t len,
                        size_t source)
{
    s->data = data;
    s->len = s->counted = len;
    s->source = (uint16_t)source;
    s->version = packet->version;
    s->protocol = packet->protocol;
    s->header_length = packet->header_length;
    s->next_header_at = packet->next_header_at;
    uint8_t ecn = ecn_encapsulate(packet->traffic_class, true);
    s->traffic_class = (uint8_t)((packet->traffic_class & ~ECN_MASK) | ecn);
}

static bool df_of(const struct sad_pair *pair, const struct ip_packet *packet)
{
    return pair->flags & PAIR_DF_SET || (!(pair->flags & PAIR_DF_CLEAR) && packet->dont_fragment);
}

/* ---- ICMP ---- */

static bool icmp_allowed(struct outbound *o, uint32_t group)
{
    ns passed = ns_since(o->now, o->icmp_refilled);
    uint64_t tokens = passed / (NS_PER_S / ICMP_PER_SECOND);
    if (tokens > 0) {
        o->icmp_tokens = (uint32_t)MIN(o->icmp_tokens + tokens, (uint64_t)ICMP_BURST);
        o->icmp_refilled = o->now;
    }
    if (o->icmp_tokens == 0 || (group != 0 && group == o->icmp_group))
        return false;
    o->icmp_tokens--;
    o->icmp_group = group;
    return true;
}

/* An own address on the protected side, so that the error does not look spoofed to the sender. */
static struct address icmp_source(const struct outbound *o, const struct sad_pair *pair, uint8_t family)
{
    uint32_t version = atomic_load_explicit(&o->path.spd->version, memory_order_acquire);
    const struct spd_table *t = spd_table(o->path.spd, version);
    struct address any = {0};
    for (uint32_t i = 0; i < t->own_address_count; i++) {
        const struct address *a = &t->own_addresses[i];
        if (prefix_contains(&pair->selector.local, a))
            return *a;
        if (a->family == family && !address_is_set(&any))
            any = *a;
    }
    return address_is_set(&any) || pair->local.address.family != family ? any : pair->local.address;
}

static void too_big(struct outbound *o, const struct outbound_packet *p, const struct ip_packet *packet,
                    const struct sad_pair *pair, uint32_t mtu, size_t source)
{
    uint8_t *out = icmp_allowed(o, p->group) ? arena_take(o, ICMP_V6_ERROR_MAX) : NULL;
    struct address from = icmp_source(o, pair, packet->version);
    size_t len = out && from.family == packet->version
                     ? icmp_error_write(ICMP_ERROR_TOO_BIG, packet->data, &from, mtu, out, ICMP_V6_ERROR_MAX)
                     : 0;
    struct outbound_result *r = len > 0 ? result_add(o, OUTBOUND_ICMP, source) : NULL;
    if (!r) {
        result_drop(o, DROP_TOO_BIG, source);
        return;
    }
    r->reason = DROP_TOO_BIG;
    r->data = out;
    r->len = (uint32_t)len;
    o->path.engine->drops[DROP_TOO_BIG]++;
    o->path.engine->icmp_sent++;
}

/* ---- fragments ---- */

static void fragment_before(struct outbound *o, const struct ip_packet *packet, const struct sealing *like,
                            uint32_t inner_max, size_t source)
{
    struct ipv4_fragmenter f;
    if (inner_max < IPV4_MTU_MIN || ipv4_fragment_begin(&f, packet->data, (uint16_t)inner_max) != IP_OK) {
        result_drop(o, DROP_FRAGMENT_FAILED, source);
        return;
    }
    for (;;) {
        uint32_t used = o->arena_used;
        uint8_t *out = arena_take(o, inner_max);
        if (!out || o->result_count + o->sealing_count >= OUTBOUND_RESULTS_MAX) {
            result_drop(o, DROP_FRAGMENT_FAILED, source);
            return;
        }
        size_t len = ipv4_fragment_next(&f, out);
        if (len == 0) {
            o->arena_used = used;
            return;
        }
        struct sealing *s = sealing_add(o);
        memcpy(s, like, offsetof(struct sealing, front));
        s->data = out;
        s->len = s->counted = (uint32_t)len;
        o->path.engine->fragments_sent++;
    }
}

/* RFC 8200 §4.5: the headers in front of ESP or AH, a fragment header, and a part of the rest. */
static size_t fragment_v6(uint8_t *out, const struct sealing *s, uint32_t offset, uint32_t size, uint32_t id)
{
    uint32_t rest = s->len - s->header_length;
    uint32_t part = MIN(rest - offset, size);
    memcpy(out, s->data, s->header_length);
    uint8_t *fragment = out + s->header_length;
    fragment[0] = out[s->next_header_at];
    fragment[1] = 0;
    be16_store(fragment + 2, (uint16_t)(offset | (offset + part < rest)));
    be32_store(fragment + 4, id);
    out[s->next_header_at] = IP_PROTOCOL_FRAGMENT;
    size_t len = s->header_length + IPV6_FRAGMENT_HEADER + part;
    be16_store(out + offsetof(struct ipv6_header, payload_length), (uint16_t)(len - IPV6_HEADER));
    memcpy(fragment + IPV6_FRAGMENT_HEADER, s->data + s->header_length + offset, part);
    return len;
}

static bool fragment_emit(struct outbound *o, const struct outbound_result *like, uint8_t *out, size_t len)
{
    struct outbound_result *r = result_add(o, OUTBOUND_SEND_RAW, like->source);
    if (!r)
        return false;
    *r = *like;
    r->data = out;
    r->len = (uint32_t)len;
    o->path.engine->fragments_sent++;
    return true;
}

static bool fragments_v4(struct outbound *o, const struct sealing *s, const struct outbound_result *like)
{
    struct ipv4_fragmenter f;
    if (ipv4_fragment_begin(&f, bytes_of(s->data, s->len), (uint16_t)s->mtu) != IP_OK)
        return false;
    for (;;) {
        uint8_t *out = arena_take(o, s->mtu);
        size_t len = out ? ipv4_fragment_next(&f, out) : 0;
        if (len == 0)
            return out != NULL;
        if (!fragment_emit(o, like, out, len))
            return false;
    }
}

static bool fragments_v6(struct outbound *o, const struct sealing *s, const struct outbound_result *like)
{
    if (s->mtu < s->header_length + IPV6_FRAGMENT_HEADER + 8u)
        return false;
    uint32_t size = (s->mtu - s->header_length - IPV6_FRAGMENT_HEADER) / 8 * 8, id = rng_u32(o->path.rng);
    for (uint32_t offset = 0; offset < s->len - s->header_length; offset += size) {
        uint8_t *out = arena_take(o, s->mtu);
        if (!out || !fragment_emit(o, like, out, fragment_v6(out, s, offset, size, id)))
            return false;
    }
    return true;
}

void outbound_fragment_after(struct outbound *o, const struct sealing *s, const struct outbound_result *like)
{
    bool v6 = s->version == 6;
    bool room = s->mtu >= (v6 ? (uint32_t)IPV6_MTU_MIN : (uint32_t)IPV4_MTU_MIN) && s->mtu <= PACKET_MAX;
    size_t first = o->result_count;
    if (room && (v6 ? fragments_v6(o, s, like) : fragments_v4(o, s, like)))
        return;
    o->result_count = first; /* a part of the fragments is of no use */
    result_drop(o, DROP_FRAGMENT_FAILED, s->source);
}

/* ---- the rules ---- */

enum size_rule { SIZE_FITS, SIZE_ICMP, SIZE_BEFORE, SIZE_AFTER };

static enum size_rule size_rule(const struct sad_pair *pair, const struct ip_packet *packet,
                                uint32_t inner_max)
{
    if (packet->total_length <= inner_max)
        return SIZE_FITS;
    /* Every IPv6 link carries 1280 bytes: a tunnel that cannot splits what it made (RFC 2473 §7.1). */
    if (packet->version == 6)
        return packet->total_length > MAX(inner_max, (uint32_t)IPV6_MTU_MIN) ? SIZE_ICMP : SIZE_AFTER;
    if (packet->dont_fragment)
        return pair->flags & PAIR_DF_CLEAR ? SIZE_AFTER : SIZE_ICMP;
    if (!(pair->flags & PAIR_TUNNEL))
        return SIZE_AFTER;
    return pair->flags & PAIR_FRAGMENT_AFTER && !(pair->flags & PAIR_DF_SET) ? SIZE_AFTER : SIZE_BEFORE;
}

void outbound_fit(struct outbound *o, const struct outbound_packet *p, const struct ip_packet *packet,
                  const struct decision *decision, size_t source)
{
    struct sad_pair *pair = &o->path.sad->pairs[decision->slot];
    struct sad_pair *bundle = NULL;
    if (pair->flags & PAIR_BUNDLE_INNER) {
        bundle = pair->bundle < o->path.sad->slots ? &o->path.sad->pairs[pair->bundle] : NULL;
        uint32_t state = bundle ? atomic_load_explicit(&bundle->state, memory_order_acquire) : PAIR_FREE;
        if ((state != PAIR_INBOUND && state != PAIR_ACTIVE && state != PAIR_SUPERSEDED) ||
            bundle->protocol != IP_PROTOCOL_AH || pair->flags & PAIR_UDP) {
            result_drop(o, DROP_NO_SA, source);
            return;
        }
    }
    bool transport = !(pair->flags & PAIR_TUNNEL);
    if (transport && (ip_is_fragment(packet) || packet->version != pair->remote.address.family)) {
        result_drop(o, ip_is_fragment(packet) ? DROP_FRAGMENT_FAILED : DROP_FAMILY_UNSUPPORTED, source);
        return;
    }
    uint32_t mtu = pmtu_outer(pair, p->mtu, o->now);
    uint32_t inner_max = pmtu_inner_max(pair, bundle, mtu, packet->header_length);
    enum size_rule rule = size_rule(pair, packet, inner_max);
    if (rule == SIZE_ICMP) {
        uint32_t floor = packet->version == 6 ? IPV6_MTU_MIN : IPV4_MTU_MIN;
        too_big(o, p, packet, pair, MAX(inner_max, floor), source);
        return;
    }
    struct sealing like = {.slot = decision->slot, .pair = pair, .bundle = bundle, .mtu = mtu};
    sealing_set(&like, packet, p->data, (uint32_t)packet->data.len, source);
    like.fragment_after = rule == SIZE_AFTER;
    like.dont_fragment = rule != SIZE_AFTER && df_of(pair, packet);
    if (rule == SIZE_BEFORE) {
        fragment_before(o, packet, &like, inner_max, source);
        return;
    }
    struct sealing *s = sealing_add(o);
    memcpy(s, &like, offsetof(struct sealing, front));
}
