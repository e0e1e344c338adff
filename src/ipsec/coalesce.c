/* SPDX-License-Identifier: Apache-2.0 */
/* See coalesce.h. A run is a list of packets of the burst; it is open as long as something may still be added
 * to it. Runs come out in the order of their first packets, and a packet that does not fit the open run of
 * its flow closes that, so a flow is never reordered. */
#include "ipsec/coalesce.h"

#include "ipsec/memory.h"
#include "wire/ip.h"

enum {
    TCP_FIN = 1,
    TCP_SYN = 2,
    TCP_RST = 4,
    TCP_PSH = 8,
    TCP_ACK = 16,
    TCP_URG = 32,
    TCP_CWR = 128,
    NONE = 0xffff,
    RUN_SEGMENTS_MAX = 64, /* the kernel's limit for UDP */
};

struct view {
    uint8_t *data;
    uint32_t len;        /* as the IP header says */
    uint16_t header_len; /* IP and transport */
    uint16_t ip_len;
    uint16_t next; /* view of the same run; NONE */
    uint8_t version;
    bool udp;
    bool mergeable;
    uint32_t flow; /* of addresses, ports and protocol: 0 where there is none */
};

struct run {
    uint16_t first, last, count;
    bool open;
    uint32_t flow;
    uint32_t payload; /* bytes of all segments */
    uint32_t size;    /* of a segment */
};

struct coalescer {
    bool tcp, udp;
    struct view views[BURST_MAX];
    struct run runs[BURST_MAX];
    struct coalesced out[BURST_MAX];
    struct iovec iov[2 * BURST_MAX];
};

struct coalescer *coalescer_new(void)
{
    return memory_new(sizeof(struct coalescer));
}

void coalescer_free(struct coalescer *c)
{
    memory_free(c);
}

void coalescer_set(struct coalescer *c, bool tcp, bool udp)
{
    c->tcp = tcp;
    c->udp = udp;
}

static const struct tcp_header *tcp_of(const struct view *v)
{
    return (const struct tcp_header *)(v->data + v->ip_len);
}

/* A few multiplications: a collision only closes a run early. */
static uint32_t flow_of(const struct ip_packet *ip)
{
    uint64_t words[5];
    memcpy(words, ip->source.bytes, 16);
    memcpy(words + 2, ip->destination.bytes, 16);
    words[4] = (uint64_t)ip->source_port << 32 | (uint64_t)ip->destination_port << 8 | ip->protocol;
    uint64_t h = 0x9e3779b97f4a7c15;
    for (int i = 0; i < 5; i++)
        h = (h ^ words[i]) * 0xc2b2ae3d27d4eb4f, h ^= h >> 29;
    return (uint32_t)h | 1;
}

static bool checksum_right(const struct ip_packet *ip)
{
    uint64_t sum = checksum_pseudo(&ip->source, &ip->destination, ip->protocol, (uint32_t)ip->payload.len);
    return be16_get(checksum_finish(checksum_add(sum, ip->payload.data, ip->payload.len))) == 0;
}

static bool tcp_mergeable(struct view *v, const struct ip_packet *ip)
{
    const struct tcp_header *tcp = tcp_of(v);
    if (ip->payload.len < TCP_HEADER)
        return false;
    uint32_t len = (tcp->offset >> 4) * 4u;
    v->header_len = (uint16_t)(v->ip_len + len);
    return len >= TCP_HEADER && len < ip->payload.len &&
           (tcp->flags & (TCP_SYN | TCP_RST | TCP_ACK | TCP_URG | TCP_CWR)) == TCP_ACK;
}

static bool udp_mergeable(struct view *v, const struct ip_packet *ip)
{
    const struct udp_header *udp = (const struct udp_header *)(v->data + v->ip_len);
    v->header_len = (uint16_t)(v->ip_len + UDP_HEADER);
    return ip->payload.len > UDP_HEADER && be16_get(udp->length) == ip->payload.len &&
           be16_get(udp->checksum) != 0;
}

static void view_make(const struct coalescer *c, const struct coalesce_packet *p, struct view *v)
{
    struct ip_packet ip;
    *v = (struct view){.data = p->data, .len = p->len, .next = NONE};
    if (ip_parse(bytes_of(p->data, p->len), &ip) != IP_OK || ip_is_fragment(&ip) || !ip.has_ports)
        return;
    v->udp = ip.protocol == IP_PROTOCOL_UDP;
    if (!v->udp && ip.protocol != IP_PROTOCOL_TCP)
        return;
    v->flow = flow_of(&ip);
    v->len = ip.total_length;
    v->version = ip.version;
    v->ip_len = ip.header_length;
    bool plain = ip.version == 4 ? ip.header_length == IPV4_HEADER && ipv4_checksum_ok(p->data)
                                 : ip.header_length == IPV6_HEADER;
    v->mergeable = plain && (v->udp ? c->udp && udp_mergeable(v, &ip) : c->tcp && tcp_mergeable(v, &ip)) &&
                   checksum_right(&ip);
}

/* Everything of the IP header that splitting would not bring back. `n`: how many packets lie between the two.
 */
static bool ip_same(const struct view *a, const struct view *b, uint16_t n)
{
    if (a->version != b->version || a->ip_len != b->ip_len)
        return false;
    if (a->version == 6) {
        /* All but the payload length. */
        return memcmp(a->data, b->data, 4) == 0 && memcmp(a->data + 6, b->data + 6, IPV6_HEADER - 6) == 0;
    }
    const struct ipv4_header *x = (const struct ipv4_header *)a->data,
                             *y = (const struct ipv4_header *)b->data;
    bool atomic_packet = be16_get(x->flags_offset) & IPV4_DF; /* its ID means nothing, RFC 6864 §4.1 */
    return x->tos == y->tos && memcmp(&x->flags_offset, &y->flags_offset, 4) == 0 &&
           memcmp(x->source, y->source, 8) == 0 &&
           (atomic_packet || (uint16_t)(be16_get(x->id) + n) == be16_get(y->id));
}

static bool tcp_same(const struct run *r, const struct view *a, const struct view *b)
{
    const struct tcp_header *x = tcp_of(a), *y = tcp_of(b);
    return memcmp(x, y, 4) == 0 && be32_get(x->sequence) + r->payload == be32_get(y->sequence) &&
           memcmp(&x->acknowledgement, &y->acknowledgement, 5) == 0 &&
           ((x->flags ^ y->flags) & ~(TCP_PSH | TCP_FIN)) == 0 && memcmp(&x->window, &y->window, 2) == 0 &&
           memcmp(&x->urgent, &y->urgent, (size_t)(a->header_len - a->ip_len) - 18) == 0;
}

static bool run_takes(const struct coalescer *c, const struct run *r, const struct view *v)
{
    const struct view *first = &c->views[r->first];
    uint32_t payload = v->len - v->header_len;
    return v->mergeable && first->mergeable && v->udp == first->udp && v->header_len == first->header_len &&
           payload <= r->size && r->count < RUN_SEGMENTS_MAX &&
           first->header_len + r->payload + payload <= PACKET_MAX && ip_same(first, v, r->count) &&
           (v->udp ? memcmp(first->data + first->ip_len, v->data + v->ip_len, 4) == 0
                   : tcp_same(r, first, v));
}

static void run_append(struct coalescer *c, struct run *r, uint16_t i)
{
    struct view *v = &c->views[i];
    uint32_t payload = v->len - v->header_len;
    c->views[r->last].next = i;
    r->last = i;
    r->count++;
    r->payload += payload;
    r->open = payload == r->size;
    if (v->udp)
        return;
    uint8_t flags = tcp_of(v)->flags & (TCP_PSH | TCP_FIN);
    struct view *first = &c->views[r->first];
    ((struct tcp_header *)(first->data + first->ip_len))->flags |= flags;
    r->open = r->open && flags == 0;
}

static void run_start(struct coalescer *c, struct run *r, uint16_t i)
{
    const struct view *v = &c->views[i];
    *r = (struct run){.first = i, .last = i, .count = 1, .flow = v->flow, .open = v->mergeable};
    if (!v->mergeable)
        return;
    r->payload = r->size = v->len - v->header_len;
    if (!v->udp && tcp_of(v)->flags & (TCP_PSH | TCP_FIN))
        r->open = false;
}

/* Lengths, and the checksum as the kernel wants it: the pseudo header's sum, the rest is left to it. */
static void header_finish(const struct run *r, const struct view *v, struct vnet_header *h)
{
    uint32_t len = v->header_len + r->payload, transport_len = len - v->ip_len;
    struct ipv4_header *v4 = (struct ipv4_header *)v->data;
    struct ipv6_header *v6 = (struct ipv6_header *)v->data;
    struct address source = v->version == 4 ? address_of(v4->source, 4) : address_of(v6->source, 16);
    struct address destination =
        v->version == 4 ? address_of(v4->destination, 4) : address_of(v6->destination, 16);
    if (v->version == 4) {
        v4->total_length = be16_of((uint16_t)len);
        ipv4_checksum_set(v->data);
    } else {
        v6->payload_length = be16_of((uint16_t)(len - IPV6_HEADER));
    }
    uint8_t protocol = v->udp ? IP_PROTOCOL_UDP : IP_PROTOCOL_TCP;
    *h = (struct vnet_header){
        .flags = VNET_NEEDS_CSUM,
        .gso_type = v->udp            ? VNET_GSO_UDP_L4
                    : v->version == 4 ? VNET_GSO_TCPV4
                                      : VNET_GSO_TCPV6,
        .header_len = v->header_len,
        .gso_size = (uint16_t)r->size,
        .csum_start = v->ip_len,
        .csum_offset = v->udp ? offsetof(struct udp_header, checksum) : offsetof(struct tcp_header, checksum),
    };
    if (v->udp)
        ((struct udp_header *)(v->data + v->ip_len))->length = be16_of((uint16_t)transport_len);
    uint16_t sum = be16_get(checksum_finish(checksum_pseudo(&source, &destination, protocol, transport_len)));
    be16_store(v->data + v->ip_len + h->csum_offset, (uint16_t)~sum);
}

static size_t runs_lay_out(struct coalescer *c, size_t runs)
{
    struct iovec *iov = c->iov;
    for (size_t i = 0; i < runs; i++) {
        struct run *r = &c->runs[i];
        struct view *first = &c->views[r->first];
        struct coalesced *out = &c->out[i];
        *out = (struct coalesced){.iov = iov, .segments = r->count};
        *iov++ = (struct iovec){&out->header, sizeof(out->header)};
        *iov++ = (struct iovec){first->data, first->len};
        if (r->count > 1)
            header_finish(r, first, &out->header);
        for (uint16_t at = first->next; at != NONE; at = c->views[at].next) {
            const struct view *v = &c->views[at];
            *iov++ = (struct iovec){v->data + v->header_len, v->len - v->header_len};
        }
        out->iov_count = (uint16_t)(iov - out->iov);
    }
    return runs;
}

size_t coalesce_burst(struct coalescer *c, const struct coalesce_packet *packets, size_t n)
{
    size_t runs = 0;
    n = MIN(n, (size_t)BURST_MAX);
    for (uint16_t i = 0; i < n; i++) {
        struct view *v = &c->views[i];
        view_make(c, &packets[i], v);
        struct run *open = NULL;
        /* Latest first: it is the likeliest. */
        for (size_t k = runs; v->flow && !open && k-- > 0;)
            if (c->runs[k].open && c->runs[k].flow == v->flow)
                open = &c->runs[k];
        if (open && run_takes(c, open, v)) {
            run_append(c, open, i);
            continue;
        }
        if (open)
            open->open = false;
        run_start(c, &c->runs[runs++], i);
    }
    return runs_lay_out(c, runs);
}

struct coalesced *coalesced_at(struct coalescer *c, size_t i)
{
    return &c->out[i];
}
