/* SPDX-License-Identifier: Apache-2.0 */
/* What a TUN device may hand over: a vnet_header and a packet. Whatever can be split comes out as packets
 * that parse and have right checksums; merging them again loses no byte of payload. */
#include "ipsec/coalesce.h"
#include "ipsec/segment.h"
#include "wire/ip.h"

#include <assert.h>

enum { SLOT = 12288, INPUT_MAX = 8192 };

static void segment_check(const struct segment *s)
{
    struct ip_packet ip;
    assert(ip_parse(bytes_of(s->data, s->len), &ip) == IP_OK && ip.total_length == s->len);
    assert(ip.version == 6 || ipv4_checksum_ok(s->data));
    uint64_t sum = checksum_pseudo(&ip.source, &ip.destination, ip.protocol, (uint32_t)ip.payload.len);
    assert(be16_get(checksum_finish(checksum_add(sum, ip.payload.data, ip.payload.len))) == 0);
}

/* `exact`: no packet has link padding behind it, which merging cuts off. */
static void merge_check(const struct segment *segments, size_t n, bool exact)
{
    static struct coalescer *c;
    struct coalesce_packet packets[BURST_MAX];
    size_t before = 0, after = 0, count = 0;
    if (!c)
        c = coalescer_new();
    assert(c);
    coalescer_set(c, true, true);
    for (size_t i = 0; i < n; i++) {
        packets[i] = (struct coalesce_packet){segments[i].data, segments[i].len};
        before += segments[i].len;
    }
    size_t runs = coalesce_burst(c, packets, n);
    for (size_t i = 0; i < runs; i++) {
        const struct coalesced *out = coalesced_at(c, i);
        size_t len = 0;
        for (int k = 1; k < out->iov_count; k++)
            len += out->iov[k].iov_len;
        count += out->segments;
        /* The headers of all but the first are gone. */
        after += len + (size_t)(out->segments - 1) * out->header.header_len;
        struct ip_packet ip;
        if (out->segments > 1)
            assert(ip_parse(bytes_of(out->iov[1].iov_base, len), &ip) == IP_OK || len > out->iov[1].iov_len);
    }
    assert(count == n && (exact ? after == before : after <= before));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
    static uint8_t packet[PACKET_HEADROOM + INPUT_MAX + PACKET_TAILROOM], slots[BURST_MAX * SLOT];
    struct vnet_header h;
    struct segmenter s;
    struct segment segments[BURST_MAX];
    if (len < sizeof(h) || len > INPUT_MAX)
        return 0;
    memcpy(&h, data, sizeof(h));
    len -= sizeof(h);
    memcpy(packet + PACKET_HEADROOM, data + sizeof(h), len);
    if (segmenter_init(&s, &h, packet + PACKET_HEADROOM, (uint32_t)len) != DROP_NONE)
        return 0;
    while (!segmenter_done(&s)) {
        size_t n = segmenter_next(&s, slots, SLOT, segments, BURST_MAX);
        assert(n > 0);
        for (size_t i = 0; !s.whole && i < n; i++)
            segment_check(&segments[i]);
        merge_check(segments, n, !s.whole);
    }
    return 0;
}
