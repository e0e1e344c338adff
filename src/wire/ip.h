/* SPDX-License-Identifier: Apache-2.0 */
/* IP packets of both families: headers, a bounded parse, checksums, ECN, the ICMP errors that a tunnel sends
 * and reads, and fragmentation. Called on the packet path: nothing allocates, nothing keeps state. RFC 791,
 * 792, 8200, 4443, 1071, 1191, 1624, 1812, 6040. */
#ifndef WIRE_IP_H
#define WIRE_IP_H

#include "base/address.h"
#include "base/be.h"

enum ip_protocol {
    IP_PROTOCOL_HOPOPTS = 0,
    IP_PROTOCOL_ICMP = 1,
    IP_PROTOCOL_IPV4 = 4,
    IP_PROTOCOL_TCP = 6,
    IP_PROTOCOL_UDP = 17,
    IP_PROTOCOL_DCCP = 33,
    IP_PROTOCOL_IPV6 = 41,
    IP_PROTOCOL_ROUTING = 43,
    IP_PROTOCOL_FRAGMENT = 44,
    IP_PROTOCOL_GRE = 47,
    IP_PROTOCOL_ESP = 50,
    IP_PROTOCOL_AH = 51,
    IP_PROTOCOL_ICMPV6 = 58,
    IP_PROTOCOL_NONE = 59,
    IP_PROTOCOL_DSTOPTS = 60,
    IP_PROTOCOL_IPCOMP = 108,
    IP_PROTOCOL_VRRP = 112,
    IP_PROTOCOL_SCTP = 132,
    IP_PROTOCOL_UDP_LITE = 136,
};

enum {
    IPV4_HEADER = 20,
    IPV4_HEADER_MAX = 60,
    IPV4_DF = 0x4000, /* in flags_offset */
    IPV4_MF = 0x2000,
    IPV4_OFFSET_MASK = 0x1fff, /* in 8-byte units */
    IPV4_MTU_MIN = 68,         /* RFC 791 */
    IPV6_HEADER = 40,
    IPV6_MTU_MIN = 1280,
    IPV6_EXTENSIONS_MAX = 8, /* ours */
    IPV6_FRAGMENT_HEADER = 8,
    UDP_HEADER = 8,
    TCP_HEADER = 20,
    ICMP_HEADER = 8,
    ICMP_UNREACHABLE = 3,
    ICMP_FRAGMENTATION_NEEDED = 4, /* code of ICMP_UNREACHABLE */
    ICMP_TIME_EXCEEDED = 11,
    ICMP_PARAMETER_PROBLEM = 12,
    ICMP_ECHO_REQUEST = 8,
    ICMP_ECHO_REPLY = 0,
    ICMPV6_UNREACHABLE = 1,
    ICMPV6_PACKET_TOO_BIG = 2,
    ICMPV6_TIME_EXCEEDED = 3,
    ICMPV6_PARAMETER_PROBLEM = 4,
    ICMPV6_ECHO_REQUEST = 128,
    ICMPV6_ECHO_REPLY = 129,
    ICMP_V4_ERROR_MAX = 576,  /* RFC 1812 §4.3.2.3 */
    ICMP_V6_ERROR_MAX = 1280, /* RFC 4443 §2.4 */
};

struct ipv4_header {
    uint8_t version_ihl;
    uint8_t tos;
    be16 total_length;
    be16 id;
    be16 flags_offset;
    uint8_t ttl;
    uint8_t protocol;
    be16 checksum;
    uint8_t source[4];
    uint8_t destination[4];
};

struct ipv6_header {
    be32 version_class_flow;
    be16 payload_length;
    uint8_t next_header;
    uint8_t hop_limit;
    uint8_t source[16];
    uint8_t destination[16];
};

struct udp_header {
    be16 source_port;
    be16 destination_port;
    be16 length;
    be16 checksum;
};

struct tcp_header {
    be16 source_port;
    be16 destination_port;
    be32 sequence;
    be32 acknowledgement;
    uint8_t offset; /* data offset in its high 4 bits, in 4-byte units */
    uint8_t flags;
    be16 window;
    be16 checksum;
    be16 urgent;
};

struct icmp_header {
    uint8_t type;
    uint8_t code;
    be16 checksum;
    be32 rest; /* MTU, or identifier and sequence */
};

_Static_assert(sizeof(struct ipv4_header) == IPV4_HEADER && sizeof(struct ipv6_header) == IPV6_HEADER,
               "wire sizes");
_Static_assert(sizeof(struct udp_header) == UDP_HEADER && sizeof(struct tcp_header) == TCP_HEADER,
               "wire sizes");
_Static_assert(sizeof(struct icmp_header) == ICMP_HEADER, "wire sizes");

/* ---- parsing ---- */

#define IP_ERRORS(X)                                     \
    X(TRUNCATED, "truncated")                            \
    X(VERSION, "not IPv4 or IPv6")                       \
    X(HEADER_LENGTH, "bad header length")                \
    X(TOTAL_LENGTH, "bad total length")                  \
    X(EXTENSION, "bad extension header")                 \
    X(TOO_MANY_EXTENSIONS, "too many extension headers") \
    X(FRAGMENT, "bad fragment")                          \
    X(DONT_FRAGMENT, "must not be fragmented")           \
    X(MTU, "MTU too small")

enum ip_error {
    IP_OK = 0,
#define X(name, text) IP_ERROR_##name,
    IP_ERRORS(X)
#undef X
};

const char *ip_error_name(enum ip_error error);

struct ip_packet {
    struct bytes data;    /* the packet as long as its header says; link padding behind it is cut off */
    struct bytes payload; /* behind the IP header and the extension headers */
    struct address source, destination;
    uint8_t version;       /* 4 or 6 */
    uint8_t protocol;      /* of the payload; the first upper-layer (or AH, ESP) header of IPv6 */
    uint8_t traffic_class; /* TOS of IPv4 */
    uint8_t ttl;
    uint16_t header_length;      /* payload.data - data.data */
    uint16_t total_length;       /* data.len; 40 + 65535 does not fit, IPv6 beyond 65535 is refused */
    uint16_t next_header_at;     /* offset of the byte that holds `protocol` */
    uint16_t fragment_header_at; /* IPv6: offset of the fragment header, 0 if there is none */
    bool dont_fragment;          /* always set for IPv6 */
    bool more_fragments;
    bool has_ports;           /* TCP, UDP, UDP-Lite, SCTP, DCCP, not a later fragment, ports not cut off */
    bool has_icmp;            /* ICMP of the packet's family, likewise */
    uint16_t fragment_offset; /* in bytes */
    uint32_t fragment_id;     /* IPv4 ID, or that of the IPv6 fragment header */
    uint16_t source_port, destination_port;
    uint8_t icmp_type, icmp_code;
};

/* The header checksum of IPv4 is not looked at (see ipv4_checksum_ok): packets of a TUN device come checked.
 */
enum ip_error ip_parse(struct bytes packet, struct ip_packet *ret) must_check;

static inline bool ip_is_fragment(const struct ip_packet *p)
{
    return p->more_fragments || p->fragment_offset > 0;
}

/* ---- writing headers ---- */

struct ip_header_fields {
    struct address source, destination; /* of one family */
    uint16_t payload_length;
    uint16_t id; /* IPv4 */
    uint8_t protocol;
    uint8_t traffic_class;
    uint8_t ttl;
    bool dont_fragment;  /* IPv4 */
    uint32_t flow_label; /* IPv6, 20 bits */
};

/* Writes 20 or 40 bytes, checksum included, and returns their number. 0 if the lengths do not fit the family.
 */
size_t ip_header_write(uint8_t *out, const struct ip_header_fields *f);

/* ---- checksums ---- */

/* Adds bytes to a partial sum in memory order; only the last piece of a sum may have an odd length. */
uint64_t checksum_add(uint64_t sum, const void *data, size_t len);
/* What goes into the header; over data that holds its right checksum the result is zero. */
be16 checksum_finish(uint64_t sum);
be16 checksum_of(const void *data, size_t len);
/* A checksum after a 16 or 32 bit word changed, RFC 1624 eqn. 3. */
be16 checksum_update16(be16 checksum, be16 from, be16 to);
be16 checksum_update32(be16 checksum, be32 from, be32 to);
/* The partial sum of the pseudo header of TCP, UDP, ICMPv6, for both families. `len`: of the segment. */
uint64_t checksum_pseudo(const struct address *source, const struct address *destination, uint8_t protocol,
                         uint32_t len);
/* The checksum of a whole segment whose checksum field is zero; UDP's zero becomes 0xffff (RFC 768). */
be16 checksum_transport(const struct address *source, const struct address *destination, uint8_t protocol,
                        struct bytes segment);
bool ipv4_checksum_ok(const uint8_t *header); /* a header that ip_parse accepted */
void ipv4_checksum_set(uint8_t *header);

/* ---- changing a parsed packet in place ---- */

/* false, and nothing changed, where the packet must not be forwarded any more. */
bool ip_ttl_decrement(uint8_t *packet) must_check;
/* Sets TOS / traffic class and keeps the IPv4 checksum right. */
void ip_traffic_class_set(uint8_t *packet, uint8_t traffic_class);
void ipv4_dont_fragment_set(uint8_t *packet, bool on);

/* ---- ECN, the low 2 bits of the traffic class ---- */

enum ecn { ECN_NOT_ECT = 0, ECN_ECT_1 = 1, ECN_ECT_0 = 2, ECN_CE = 3, ECN_MASK = 3 };

/* The ECN bits of the outer header: copied ("normal mode") or, for a peer that does not do ECN, cleared (RFC
 * 6040 §4.1). */
static inline uint8_t ecn_encapsulate(uint8_t inner, bool normal_mode)
{
    return normal_mode ? inner & ECN_MASK : ECN_NOT_ECT;
}

/* The ECN bits of the inner packet after decapsulation, RFC 6040 §4.2; -1: drop (outer CE, inner Not-ECT). */
int ecn_decapsulate(uint8_t outer, uint8_t inner);

/* ---- ICMP errors ---- */

enum icmp_error_kind {
    ICMP_ERROR_UNREACHABLE,       /* administratively prohibited when we write it */
    ICMP_ERROR_TOO_BIG,           /* fragmentation needed, Packet Too Big */
    ICMP_ERROR_TIME_EXCEEDED,     /* in transit */
    ICMP_ERROR_PARAMETER_PROBLEM, /* only read */
};

/* Writes the whole ICMP error packet around as much of `offending` as RFC 1812 / RFC 4443 allow and `size`
 * holds, from `source` (an own address of the same family). Returns its length, or 0 where no error may be
 * sent: about ICMP errors, later fragments, multicast, packets without a sender (RFC 1812 §4.3.2.7, RFC 4443
 * §2.4 e). `mtu` is used by TOO_BIG. */
size_t icmp_error_write(enum icmp_error_kind kind, struct bytes offending, const struct address *source,
                        uint32_t mtu, uint8_t *out, size_t size);

struct icmp_error {
    uint8_t kind; /* enum icmp_error_kind */
    uint8_t type, code;
    uint32_t mtu; /* TOO_BIG: next-hop MTU; 0 from a router older than RFC 1191, see pmtu_plateau_below */
    struct address source, destination; /* of the quoted packet, the one that we sent */
    uint16_t quoted_length;             /* total length that the quoted header states */
    uint8_t protocol;                   /* of the quoted packet: ESP, AH, UDP ... */
    bool has_spi;                       /* ESP, AH, or ESP in UDP with enough of it quoted */
    bool has_ports;                     /* UDP, TCP */
    uint32_t spi;
    uint32_t sequence; /* with has_spi, 0 where it is not quoted */
    uint16_t source_port, destination_port;
};

/* An ICMP error of either family with its checksum verified. `ret` tells what was quoted; nothing in it is
 * authenticated. false for everything else. */
bool icmp_error_parse(const struct ip_packet *packet, struct icmp_error *ret) must_check;
/* The same from an ICMP message without IP header (raw sockets of IPv6), the checksum already verified. */
bool icmp_error_parse_message(uint8_t version, struct bytes message, struct icmp_error *ret) must_check;
/* The next smaller usual MTU, RFC 1191 §7.1; at least 68. */
uint16_t pmtu_plateau_below(uint16_t length);

/* ---- IPv4 fragmentation ---- */

struct ipv4_fragmenter {
    struct bytes packet; /* as long as its header says */
    uint16_t mtu;
    uint16_t offset; /* of the next fragment's data in the payload */
    bool done;
    uint8_t header_length;                 /* of the packet */
    uint8_t later_length;                  /* of the headers of the second and following fragments */
    uint8_t later_header[IPV4_HEADER_MAX]; /* with the options that are copied */
};

/* Prepares to split an IPv4 packet (which may be a fragment itself). A packet that fits comes out as it is.
 * DF is an error: clear it first where policy says so, and give the packet a unique ID. */
enum ip_error ipv4_fragment_begin(struct ipv4_fragmenter *f, struct bytes packet, uint16_t mtu) must_check;
/* Writes the next fragment; its length, or 0 when all are out. `out` has room for the MTU. */
size_t ipv4_fragment_next(struct ipv4_fragmenter *f, uint8_t *out);

#endif
