/* SPDX-License-Identifier: Apache-2.0 */
/* EIGRP packets for IPv4 with classic metrics, RFC 7868 §6: the payload of IP protocol 88. Parsed and written
 * here, one field after the other; what a packet means is src/eigrp's business. Nothing allocates; what is
 * parsed borrows from its packet.
 *
 * Metrics travel scaled: bandwidth as 256 * 10^7 / kbit/s, delay in 1/256 of 10 us. Delay 0xffffffff says
 * that a destination cannot be reached.
 */
#ifndef WIRE_EIGRP_H
#define WIRE_EIGRP_H

#include "base/address.h"
#include "base/cursor.h"

enum {
    EIGRP_HEADER = 20,
    EIGRP_PACKET_MAX = 1480, /* that we write */
    EIGRP_TTL = 2,
    EIGRP_TOS = 0xc0,
    EIGRP_PROTOCOL = 88,
    EIGRP_K_VALUES = 6,
    EIGRP_GOODBYE_K = 255, /* all of K1..K5 */
    EIGRP_HOPS_MAX = 100,
    EIGRP_TLV_ROUTE_MAX = 49, /* external, a prefix of 25 bits and more */
    EIGRP_TLV_HELLO_MAX = 12 + 8 + 6,
};

#define EIGRP_MULTICAST       0xe000000aU /* 224.0.0.10 */
#define EIGRP_DELAY_INFINITE  0xffffffffU
#define EIGRP_BANDWIDTH_SCALE 2560000000U /* divided by kbit/s */

enum eigrp_opcode {
    EIGRP_UPDATE = 1,
    EIGRP_REQUEST = 2,
    EIGRP_QUERY = 3,
    EIGRP_REPLY = 4,
    EIGRP_HELLO = 5,
    EIGRP_SIA_QUERY = 10,
    EIGRP_SIA_REPLY = 11,
};

enum eigrp_flag { EIGRP_INIT = 1, EIGRP_CONDITIONAL = 2, EIGRP_RESTART = 4, EIGRP_END_OF_TABLE = 8 };

enum eigrp_tlv_type {
    EIGRP_TLV_PARAMETER = 0x0001,
    EIGRP_TLV_AUTHENTICATION = 0x0002,
    EIGRP_TLV_SEQUENCE = 0x0003,
    EIGRP_TLV_VERSION = 0x0004,
    EIGRP_TLV_NEXT_SEQUENCE = 0x0005,
    EIGRP_TLV_STUB = 0x0006,
    EIGRP_TLV_TERMINATION = 0x0007,
    EIGRP_TLV_INTERNAL = 0x0102,
    EIGRP_TLV_EXTERNAL = 0x0103,
};

enum eigrp_stub {
    EIGRP_STUB_CONNECTED = 1,
    EIGRP_STUB_STATIC = 2,
    EIGRP_STUB_SUMMARY = 4,
    EIGRP_STUB_RECEIVE_ONLY = 8,
    EIGRP_STUB_REDISTRIBUTED = 16,
};

/* Where an external route came from: RFC 7868 §6.7.1. */
enum eigrp_origin { EIGRP_ORIGIN_STATIC = 3, EIGRP_ORIGIN_OSPF = 6, EIGRP_ORIGIN_CONNECTED = 11 };

#define EIGRP_ERRORS(X)                          \
    X(OK, "ok")                                  \
    X(TRUNCATED, "truncated")                    \
    X(VERSION, "unknown version")                \
    X(OPCODE, "unknown opcode")                  \
    X(CHECKSUM, "bad checksum")                  \
    X(TLV_LENGTH, "bad length of a TLV")         \
    X(DESTINATION, "bad destination of a route") \
    X(ADDRESS_LENGTH, "bad length of addresses")

enum eigrp_error {
#define X(name, text) EIGRP_ERROR_##name,
    EIGRP_ERRORS(X)
#undef X
        EIGRP_ERROR_COUNT
};

struct eigrp_header {
    uint8_t opcode;
    uint32_t flags, sequence, acknowledgement;
    uint16_t virtual_router, autonomous_system;
    uint16_t checksum; /* of the packet as it came */
};

struct eigrp_metric {
    uint32_t delay, bandwidth; /* scaled */
    uint32_t mtu;              /* 24 bits */
    uint8_t hops, reliability, load, tag, flags;
};

struct eigrp_external {
    uint32_t router_id, autonomous_system, tag, metric;
    uint8_t protocol, flags;
};

struct eigrp_route {
    bool external;
    uint32_t next_hop; /* 0: the sender */
    struct eigrp_metric metric;
    struct eigrp_external origin; /* external only */
    struct bytes destinations;    /* eigrp_destination_next; checked while parsing */
};

struct eigrp_tlv {
    uint16_t type; /* enum eigrp_tlv_type, or one that we do not know */
    struct bytes value;
    union {
        struct {
            uint8_t k[EIGRP_K_VALUES];
            uint16_t hold; /* seconds */
        } parameter;
        struct {
            uint8_t os_major, os_minor, major, minor;
        } version;
        struct bytes addresses; /* SEQUENCE: four bytes each */
        uint32_t next_sequence;
        uint32_t address; /* TERMINATION */
        uint16_t stub;
        struct eigrp_route route;
    };
};

const char *eigrp_error_name(enum eigrp_error error); /* never NULL */
const char *eigrp_opcode_name(uint8_t opcode);        /* never NULL */

/* The header, and where the TLVs begin. All TLVs are looked at: what is good here can be walked without
 * errors. */
enum eigrp_error eigrp_parse(struct bytes packet, struct eigrp_header *ret,
                             struct reader *ret_tlvs) must_check;
/* False at the end. */
bool eigrp_tlv_next(struct reader *tlvs, struct eigrp_tlv *ret) must_check;
/* Host bits are cleared. False at the end. */
bool eigrp_destination_next(struct reader *destinations, struct prefix *ret) must_check;

/* Writing: begin, TLVs, finish. A writer that failed stays so. */
void eigrp_write_header(struct writer *w, const struct eigrp_header *h);
void eigrp_write_parameter(struct writer *w, const uint8_t k[EIGRP_K_VALUES], uint16_t hold);
void eigrp_write_version(struct writer *w, uint8_t os_major, uint8_t os_minor);
void eigrp_write_stub(struct writer *w, uint16_t flags);
void eigrp_write_termination(struct writer *w, uint32_t address);
void eigrp_write_route(struct writer *w, const struct eigrp_route *r, const struct prefix *destination);
/* Sets the checksum. Returns the length, 0 where the writer failed. */
size_t eigrp_write_finish(struct writer *w);
/* Another acknowledgement in a packet that is written: a packet sent again carries the latest. */
void eigrp_acknowledge(uint8_t *packet, size_t len, uint32_t acknowledgement);

#endif
