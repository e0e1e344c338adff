/* SPDX-License-Identifier: Apache-2.0 */
/* Bursts of packets of a few flows, TCP and UDP, IPv4 and IPv6, mostly such as follow each other, merged as
 * they go to the TUN device and split again as its reader would: every packet comes back once, byte for byte
 * but for the IPv4 identification, and in order within its flow. */
#include "events.h"
#include "ipsec/coalesce.h"
#include "ipsec/segment.h"
#include "wire/ip.h"

enum { FLOWS = 4, PACKET = 512, SLOT = PACKET_HEADROOM + 4096 + PACKET_TAILROOM, MERGED = 65536 };

struct packet {
    uint8_t data[PACKET];
    uint32_t len;
    unsigned flow;
    bool seen;
};

struct run {
    struct events e;
    uint32_t sequence[FLOWS];
    struct packet packets[BURST_MAX], copies[BURST_MAX];
    size_t count;
};

static size_t network_header_write(uint8_t *out, unsigned flow, size_t payload, uint8_t protocol,
                                   uint8_t what)
{
    if (flow & 1) {
        uint8_t v6[16] = {0x20, 1, [15] = (uint8_t)flow};
        memset(out, 0, 40);
        out[0] = 0x60;
        out[1] = what & 1 ? 0x10 : 0;
        be16_store(out + 4, (uint16_t)payload);
        out[6] = protocol;
        out[7] = what & 2 ? 63 : 64;
        memcpy(out + 8, v6, 16);
        v6[0] = 0x30;
        memcpy(out + 24, v6, 16);
        return 40;
    }
    memset(out, 0, 20);
    out[0] = 0x45;
    out[1] = what & 1;
    be16_store(out + 2, (uint16_t)(20 + payload));
    be16_store(out + 4, (uint16_t)(what * 257));
    out[6] = what & 4 ? 0 : 0x40;
    out[8] = what & 2 ? 63 : 64;
    out[9] = protocol;
    be32_store(out + 12, 0x0a000001U + flow);
    be32_store(out + 16, 0x0a010001U);
    be16 sum = checksum_finish(checksum_add(0, out, 20));
    memcpy(out + 10, &sum, 2);
    return 20;
}

static void checksum_write(uint8_t *packet, size_t ip_len, size_t len, size_t at)
{
    struct ip_packet ip;
    assert(ip_parse(bytes_of(packet, len), &ip) == IP_OK);
    uint64_t sum = checksum_pseudo(&ip.source, &ip.destination, ip.protocol, (uint32_t)(len - ip_len));
    be16 folded = checksum_finish(checksum_add(sum, packet + ip_len, len - ip_len));
    if (be16_get(folded) == 0 && ip.protocol == IP_PROTOCOL_UDP)
        memset(&folded, 0xff, sizeof(folded));
    memcpy(packet + at, &folded, 2);
}

static void packet_make(struct run *r, struct packet *p)
{
    static const uint16_t sizes[] = {100, 100, 100, 100, 60, 1, 0, 101};
    struct events *e = &r->e;
    uint8_t kind = events_u8(e), oddity = events_u8(e);
    /* One packet in four is not quite what the flow has been. */
    uint8_t odd = oddity & 3 ? 0 : oddity;
    bool tcp = !(kind & 2);
    size_t options = kind & 128 ? 12 : 0, header = tcp ? 20 + options : 8, size = sizes[kind >> 2 & 7];
    p->flow = kind % FLOWS;
    p->seen = false;
    size_t ip_len = network_header_write(p->data, p->flow, header + size,
                                         tcp ? IP_PROTOCOL_TCP : IP_PROTOCOL_UDP, odd >> 2 & 7);
    uint8_t *t = p->data + ip_len;
    memset(t, 0, header);
    be16_store(t, 1000);
    be16_store(t + 2, 2000);
    if (tcp) {
        r->sequence[p->flow] += odd & 32 ? 7 : 0;
        be32_store(t + 4, r->sequence[p->flow]);
        be32_store(t + 8, odd & 64 ? 99 : 5);
        t[12] = (uint8_t)((5 + options / 4) << 4);
        t[13] = (uint8_t)(0x10 | (kind & 32 ? 8 : 0) | (odd & 128 ? 1 << (oddity >> 4 & 7) : 0));
        be16_store(t + 14, !odd && oddity >= 0xf0 ? 2048 : 1024);
        memset(t + 20, 1, options);
        r->sequence[p->flow] += (uint32_t)size;
    } else {
        be16_store(t + 4, (uint16_t)(8 + size));
    }
    for (size_t i = 0; i < size; i++)
        t[header + i] = (uint8_t)(r->count + i);
    p->len = (uint32_t)(ip_len + header + size);
    checksum_write(p->data, ip_len, p->len, ip_len + (tcp ? 16 : 6));
    if (kind & 64 && oddity & 128)
        t[tcp ? 16 : 6] ^= 1; /* a wrong checksum is the receiver's to find */
}

/* What may differ is made equal: identification and header checksum. */
static void normalize(uint8_t *packet)
{
    if (packet[0] >> 4 == 4) {
        memset(packet + 4, 0, 2);
        memset(packet + 10, 0, 2);
    }
}

/* The first of its flow that has not come yet. */
static void come_back(struct run *r, const uint8_t *data, uint32_t len)
{
    static uint8_t got[MERGED], wanted[PACKET];
    assert(len <= sizeof(got));
    memcpy(got, data, len);
    assert(got[0] >> 4 == 6 || ipv4_checksum_ok(got));
    normalize(got);
    unsigned flow = got[0] >> 4 == 6 ? got[23] : (be32_load(got + 12) - 0x0a000001U);
    for (size_t i = 0; i < r->count; i++) {
        struct packet *p = &r->copies[i];
        if (p->flow != flow || p->seen)
            continue;
        memcpy(wanted, p->data, p->len);
        normalize(wanted);
        assert(p->len == len && memcmp(wanted, got, len) == 0);
        p->seen = true;
        return;
    }
    assert(false);
}

static void split(struct run *r, const struct coalesced *out)
{
    static uint8_t merged[PACKET_HEADROOM + MERGED + PACKET_TAILROOM], slots[BURST_MAX * SLOT];
    struct segment segments[BURST_MAX];
    struct segmenter s;
    uint32_t len = 0, came = 0;
    for (unsigned i = 1; i < out->iov_count; i++) {
        assert(len + out->iov[i].iov_len <= MERGED);
        memcpy(merged + PACKET_HEADROOM + len, out->iov[i].iov_base, out->iov[i].iov_len);
        len += (uint32_t)out->iov[i].iov_len;
    }
    assert(out->iov[0].iov_base == &out->header && out->iov[0].iov_len == sizeof(out->header));
    assert(segmenter_init(&s, &out->header, merged + PACKET_HEADROOM, len) == DROP_NONE);
    while (!segmenter_done(&s)) {
        size_t n = segmenter_next(&s, slots, SLOT, segments, BURST_MAX);
        assert(n > 0);
        for (size_t i = 0; i < n; i++)
            come_back(r, segments[i].data, segments[i].len);
        came += (uint32_t)n;
    }
    assert(came == out->segments);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
    static struct run r;
    static struct coalescer *c;
    struct coalesce_packet in[BURST_MAX];
    r.e = events_of(data, len, 0);
    memset(r.sequence, 0xff, sizeof(r.sequence)); /* they wrap */
    if (!c)
        c = coalescer_new();
    assert(c);
    while (events_next(&r.e)) {
        uint8_t how = events_u8(&r.e);
        coalescer_set(c, how & 0xc0, how & 0x30);
        size_t count = 1 + how % BURST_MAX;
        for (r.count = 0; r.count < count; r.count++) {
            packet_make(&r, &r.packets[r.count]);
            r.copies[r.count] = r.packets[r.count];
            in[r.count] = (struct coalesce_packet){r.packets[r.count].data, r.packets[r.count].len};
        }
        size_t runs = coalesce_burst(c, in, count);
        for (size_t i = 0; i < runs; i++)
            split(&r, coalesced_at(c, i));
        for (size_t i = 0; i < count; i++)
            assert(r.copies[i].seen);
    }
    return 0;
}
