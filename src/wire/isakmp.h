/* SPDX-License-Identifier: Apache-2.0 */
/* The IKEv1 codec: a datagram becomes views and views become a datagram, nothing else. Called by ike/ (and by
 * the print of `debug crypto isakmp`). Every view borrows from the datagram (or from the decrypted body).
 * What a parse function accepts is bounded by the limits below, and a parse that fails leaves its `ret`
 * untouched. RFC 2408 §3 (formats), RFC 2407 §4.6 (IPsec DOI), RFC 2409 §5 (rules), RFC 3706 (DPD), RFC 3947
 * (NAT-D, NAT-OA). */
#ifndef WIRE_ISAKMP_H
#define WIRE_ISAKMP_H

#include "base/address.h"
#include "base/cursor.h"
#include "wire/isakmp_numbers.h"

enum {
    ISAKMP_HEADER = 28,
    ISAKMP_GENERIC_HEADER = 4,
    ISAKMP_COOKIE = 8,
    ISAKMP_FLAG_ENCRYPTION = 1,
    ISAKMP_FLAG_COMMIT = 2,
    ISAKMP_FLAG_AUTHENTICATION = 4,
    ISAKMP_NONCE_MIN = 8, /* RFC 2409 §5 */
    ISAKMP_NONCE_MAX = 256,
    /* Ours: what a message may make us look at. */
    ISAKMP_MESSAGE_MAX = 65535,
    ISAKMP_PAYLOADS_MAX = 48,
    ISAKMP_PROPOSALS_MAX = 32,
    ISAKMP_TRANSFORMS_MAX = 128, /* of all proposals of an SA payload */
    ISAKMP_ATTRIBUTES_MAX = 32,  /* of one transform */
};

/* X(NAME, text, the notify that tells the peer) */
#define ISAKMP_ERRORS(X)                                                                        \
    X(SHORT, "shorter than its header", UNEQUAL_PAYLOAD_LENGTHS)                                \
    X(LENGTH, "length of header and datagram differ", UNEQUAL_PAYLOAD_LENGTHS)                  \
    X(COOKIE, "initiator cookie is zero", INVALID_COOKIE)                                       \
    X(MAJOR_VERSION, "major version not 1", INVALID_MAJOR_VERSION)                              \
    X(MINOR_VERSION, "minor version not 0", INVALID_MINOR_VERSION)                              \
    X(EXCHANGE_TYPE, "unknown exchange type", INVALID_EXCHANGE_TYPE)                            \
    X(FLAGS, "unknown flags", INVALID_FLAGS)                                                    \
    X(PAYLOAD_TYPE, "unknown payload type", INVALID_PAYLOAD_TYPE)                               \
    X(PAYLOAD_RESERVED, "reserved byte of a payload not zero", PAYLOAD_MALFORMED)               \
    X(PAYLOAD_LENGTH, "length of a payload beyond its message or too small", PAYLOAD_MALFORMED) \
    X(TOO_MANY_PAYLOADS, "too many payloads", PAYLOAD_MALFORMED)                                \
    X(TRAILING_BYTES, "bytes behind the last payload", PAYLOAD_MALFORMED)                       \
    X(DOI, "DOI not IPsec", DOI_NOT_SUPPORTED)                                                  \
    X(SITUATION, "situation not identity-only", SITUATION_NOT_SUPPORTED)                        \
    X(PROPOSAL_SYNTAX, "malformed proposal", BAD_PROPOSAL_SYNTAX)                               \
    X(TRANSFORM_SYNTAX, "malformed transform", BAD_PROPOSAL_SYNTAX)                             \
    X(ATTRIBUTE_SYNTAX, "malformed attribute", BAD_PROPOSAL_SYNTAX)                             \
    X(TOO_MANY_PROPOSALS, "too many proposals", BAD_PROPOSAL_SYNTAX)                            \
    X(TOO_MANY_TRANSFORMS, "too many transforms", BAD_PROPOSAL_SYNTAX)                          \
    X(TOO_MANY_ATTRIBUTES, "too many attributes", BAD_PROPOSAL_SYNTAX)                          \
    X(PROTOCOL, "unknown protocol", INVALID_PROTOCOL_ID)                                        \
    X(SPI, "SPI of a wrong size or zero", INVALID_SPI)                                          \
    X(NONCE, "nonce of a wrong size", PAYLOAD_MALFORMED)                                        \
    X(ID, "malformed identification", INVALID_ID_INFORMATION)                                   \
    X(PAYLOAD_BODY, "malformed payload body", PAYLOAD_MALFORMED)

enum isakmp_error {
    ISAKMP_OK = 0,
#define X(name, text, notify) ISAKMP_ERROR_##name,
    ISAKMP_ERRORS(X)
#undef X
};

const char *isakmp_error_name(enum isakmp_error error);
/* What to tell the peer; ISAKMP_OK has none (asserted). */
enum isakmp_notify_type isakmp_error_notify(enum isakmp_error error);

/* ---- messages ---- */

struct isakmp_header {
    uint8_t initiator_cookie[ISAKMP_COOKIE];
    uint8_t responder_cookie[ISAKMP_COOKIE];
    uint8_t next_payload; /* type of the first payload; of an encrypted message, of the first decrypted one */
    uint8_t version;
    uint8_t exchange; /* enum isakmp_exchange */
    uint8_t flags;
    uint32_t message_id;
    uint32_t length; /* whole message */
};

struct isakmp_payload {
    uint8_t type;       /* enum isakmp_payload_type, or an unlisted private one (>= 128) */
    struct bytes body;  /* without the generic header: the `_b` of RFC 2409 */
    struct bytes whole; /* with it */
};

struct isakmp_message {
    struct isakmp_header header;
    uint32_t count;
    struct isakmp_payload payloads[ISAKMP_PAYLOADS_MAX];
};

/* The 28 bytes in front, checked against the length of the datagram (from which a non-ESP marker was
 * removed). */
enum isakmp_error isakmp_header_parse(struct bytes datagram, struct isakmp_header *ret) must_check;
/* A clear message: header and payload chain, which must end where the message ends. An encrypted one (flag E)
 * is ISAKMP_ERROR_FLAGS: decrypt the bytes behind the header, then call isakmp_body_parse. */
enum isakmp_error isakmp_message_parse(struct bytes datagram, struct isakmp_message *ret) must_check;
/* The chain in the decrypted body of the message with `header`. Whatever stands behind the last payload is
 * padding and ignored, as its content is not covered by any hash and peers fill it differently. */
enum isakmp_error isakmp_body_parse(const struct isakmp_header *header, struct bytes body,
                                    struct isakmp_message *ret) must_check;

/* The n-th (from 0) payload of a type, or NULL. */
const struct isakmp_payload *isakmp_payload_find(const struct isakmp_message *m, uint8_t type, uint32_t n);
uint32_t isakmp_payload_count(const struct isakmp_message *m, uint8_t type);
/* From the second payload's generic header to the end of the last payload, without padding: what HASH(1),
 * HASH(2) and the hash of informational and transaction exchanges cover (RFC 2409 §5.5). Empty when there is
 * only one payload. */
struct bytes isakmp_after_first(const struct isakmp_message *m);

/* ---- SA payload ---- */

struct isakmp_attribute {
    uint16_t type;     /* without the AF bit */
    bool basic;        /* came as type/value */
    bool has_value;    /* at most 8 bytes: `value` is the number */
    uint64_t value;    /* compare this one: the encodings may differ (RFC 2409 appendix A) */
    struct bytes data; /* the bytes of the value */
};

struct isakmp_transform {
    uint8_t number;
    uint8_t id;
    struct bytes attributes; /* read with isakmp_attribute_next */
};

struct isakmp_proposal {
    uint8_t number;   /* equal numbers in a row: AND */
    uint8_t protocol; /* enum isakmp_protocol */
    struct bytes spi;
    uint16_t first_transform; /* index in the SA's transforms */
    uint16_t transform_count;
};

struct isakmp_sa {
    uint32_t doi;
    uint32_t situation;
    uint16_t proposal_count;
    uint16_t transform_count;
    struct isakmp_proposal proposals[ISAKMP_PROPOSALS_MAX];
    struct isakmp_transform transforms[ISAKMP_TRANSFORMS_MAX];
};

/* The body of an SA payload, down to the syntax of every attribute. */
enum isakmp_error isakmp_sa_parse(struct bytes body, struct isakmp_sa *ret) must_check;
/* The next attribute of `r` (begun with reader_of(attributes)); false at the end or, with r->failed, where it
 * is malformed. */
bool isakmp_attribute_next(struct reader *r, struct isakmp_attribute *ret);
/* The first attribute of a type in a list; false if there is none. */
bool isakmp_attribute_find(struct bytes attributes, uint16_t type, struct isakmp_attribute *ret);

/* ---- the other payload bodies ---- */

struct isakmp_id {
    uint8_t type;     /* enum isakmp_id_type or unlisted */
    uint8_t protocol; /* IP protocol; 0: any */
    uint16_t port;    /* host order; 0: any */
    struct bytes data;
};

struct isakmp_notify {
    uint32_t doi;
    uint8_t protocol;
    uint16_t type;
    struct bytes spi;
    struct bytes data;
};

struct isakmp_delete {
    uint32_t doi;
    uint8_t protocol;
    uint8_t spi_size;
    uint16_t spi_count;
    struct bytes spis;
    struct bytes reason; /* what follows the SPIs: empty but for delete-with-reason peers */
};

struct isakmp_cert {
    uint8_t encoding; /* enum isakmp_cert_encoding */
    struct bytes data;
};

struct isakmp_configuration {
    uint8_t type; /* enum isakmp_configuration_type */
    uint16_t identifier;
    struct bytes attributes; /* syntax already checked */
};

struct isakmp_fragment {
    uint16_t id;
    uint8_t number; /* from 1 */
    bool last;
    struct bytes data;
};

enum isakmp_error isakmp_id_parse(struct bytes body, struct isakmp_id *ret) must_check;
enum isakmp_error isakmp_notify_parse(struct bytes body, struct isakmp_notify *ret) must_check;
enum isakmp_error isakmp_delete_parse(struct bytes body, struct isakmp_delete *ret) must_check;
enum isakmp_error isakmp_cert_parse(struct bytes body,
                                    struct isakmp_cert *ret) must_check; /* CERT, CERT_REQUEST */
enum isakmp_error isakmp_configuration_parse(struct bytes body, struct isakmp_configuration *ret) must_check;
enum isakmp_error isakmp_nat_oa_parse(struct bytes body, struct address *ret) must_check;
enum isakmp_error isakmp_fragment_parse(struct bytes body, struct isakmp_fragment *ret) must_check;
/* KE, HASH, SIGNATURE, NONCE, VENDOR_ID and NAT_D are their body; the sizes of nonces are checked with the
 * chain. */

struct bytes isakmp_delete_spi(const struct isakmp_delete *d, uint32_t n); /* n < spi_count (asserted) */

/* What an ID says in addresses; false where it says something else. */
bool isakmp_id_address(const struct isakmp_id *id, struct address *ret); /* types 1 and 5 */
bool isakmp_id_range(const struct isakmp_id *id, struct address *ret_low, struct address *ret_high);
/* Address, subnet, or a range that is exactly a prefix; host bits cleared. */
bool isakmp_id_prefix(const struct isakmp_id *id, struct prefix *ret);
/* Two proxy identities as a selector; false where they are not prefixes of one family and one protocol. */
bool isakmp_ids_selector(const struct isakmp_id *local, const struct isakmp_id *remote, struct selector *ret);

/* ---- vendor ids ---- */

/* X(NAME, text, compared bytes in hex, what we append when we send it) */
#define ISAKMP_VENDORS(X)                                                               \
    X(DPD, "DPD", "afcad71368a1f1c96b8696fc77570100", "")                               \
    X(NATT_RFC3947, "NAT-T RFC 3947", "4a131c81070358455c5728f20e95452f", "")           \
    X(NATT_03, "NAT-T draft 03", "7d9419a65310ca6f2c179d9215529d56", "")                \
    X(NATT_02N, "NAT-T draft 02\\n", "90cb80913ebb696e086381b5ec427b1f", "")            \
    X(NATT_02, "NAT-T draft 02", "cd60464335df21f87cfdb2fc68b6a448", "")                \
    X(NATT_01, "NAT-T draft 01", "16f6ca16e4a4066d83821a0f0aeaa862", "")                \
    X(NATT_00, "NAT-T draft 00", "4485152d18b6bbcd0be8a8469579ddcc", "")                \
    X(NATT_08, "NAT-T draft 08", "8f8d83826d246b6fc7a8a6a428c11de8", "")                \
    X(NATT_07, "NAT-T draft 07", "439b59f8ba676c4c7737ae22eab8f582", "")                \
    X(NATT_06, "NAT-T draft 06", "4d1e0e136deafa34c4f3ea9f02ec7285", "")                \
    X(NATT_05, "NAT-T draft 05", "80d0bb3def54565ee84645d4c85ce3ee", "")                \
    X(NATT_04, "NAT-T draft 04", "9909b64eed937c6573de52ace952fa6b", "")                \
    X(NATT_DRAFT, "NAT-T draft", "4df37928e9fc4fd1b3262170d515c662", "")                \
    X(XAUTH, "XAUTH", "09002689dfd6b712", "")                                           \
    X(UNITY, "Unity", "12f5f28c457168a9702d9fe274cc", "0100")                           \
    X(ALTIGA_GATEWAY, "Altiga gateway", "1f07f70eaa6514d3b0fa96542a50", "0100")         \
    X(ALTIGA_CLIENT, "Altiga Networks", "f6f7efc7f5aeb8cb158cb9d094ba69e7", "")         \
    X(FRAGMENTATION, "FRAGMENTATION", "4048b7d56ebce88525e7de7f00d6c2d3", "80000000")   \
    X(DELETE_WITH_REASON, "delete with reason", "2d7922c6b301d9b0e1342739e9cfbbd5", "") \
    X(CISCO_VPN_REV_02, "vpnc/Cisco client", "126e1f577291153b20485f7f155b4bc8", "")

enum isakmp_vendor {
    ISAKMP_VENDOR_UNKNOWN = 0,
#define X(name, text, id, tail) ISAKMP_VENDOR_##name,
    ISAKMP_VENDORS(X)
#undef X
        ISAKMP_VENDOR_COUNT
};

enum { ISAKMP_VENDOR_MAX = 20 };

/* By the compared bytes: version and flag bytes behind them are not looked at. */
enum isakmp_vendor isakmp_vendor_find(struct bytes body);
const char *isakmp_vendor_name(enum isakmp_vendor vendor);
/* The bytes to send; returns their number. */
size_t isakmp_vendor_bytes(enum isakmp_vendor vendor, uint8_t out[ISAKMP_VENDOR_MAX]);

/* ---- writing ---- */

/* Chains payloads and patches types, counts and lengths. Sticky like the writer below it: what does not fit
 * makes isakmp_writer_finish return an empty view. Nesting errors are ours (asserted). */
struct isakmp_writer {
    struct writer w;
    uint8_t *next;      /* where the type of the next payload goes; NULL in a failed writer */
    uint8_t *payload;   /* the open payload */
    uint8_t *proposal;  /* the open proposal */
    uint8_t *transform; /* the open transform */
    uint8_t *last_proposal, *last_transform; /* their `next` bytes wait for a follower */
    size_t first_end;                        /* offset behind the first payload, 0 before */
};

/* `header.next_payload` and `header.length` are filled in as the message grows. */
void isakmp_writer_init(struct isakmp_writer *w, void *buffer, size_t size,
                        const struct isakmp_header *header);
void isakmp_begin_payload(struct isakmp_writer *w, uint8_t type);
void isakmp_end_payload(struct isakmp_writer *w);
void isakmp_write_payload(struct isakmp_writer *w, uint8_t type, struct bytes body);
/* A payload whose body the caller fills in later (a HASH over what follows); NULL if the writer failed. */
uint8_t *isakmp_write_payload_gap(struct isakmp_writer *w, uint8_t type, size_t len);
/* What isakmp_after_first will be at the receiver. */
struct bytes isakmp_written_after_first(const struct isakmp_writer *w);
/* What stands behind the header: what gets encrypted. */
struct bytes isakmp_written_body(const struct isakmp_writer *w);
/* Zero bytes until the body is a multiple of the cipher's block (RFC 2409 appendix B). */
void isakmp_write_padding(struct isakmp_writer *w, size_t block);
/* Patches the length; the whole message, or an empty view if something did not fit. */
struct bytes isakmp_writer_finish(struct isakmp_writer *w);

void isakmp_begin_sa(
    struct isakmp_writer *w); /* DOI IPsec, situation identity-only; end with isakmp_end_payload */
void isakmp_begin_proposal(struct isakmp_writer *w, uint8_t number, uint8_t protocol, struct bytes spi);
void isakmp_end_proposal(struct isakmp_writer *w);
void isakmp_begin_transform(struct isakmp_writer *w, uint8_t number, uint8_t id);
void isakmp_end_transform(struct isakmp_writer *w);

/* Attributes of an open transform, ATTRIBUTE or NOTIFY payload. */
void isakmp_write_basic(struct isakmp_writer *w, uint16_t type, uint16_t value);
void isakmp_write_variable(struct isakmp_writer *w, uint16_t type, struct bytes value);
/* A number of a variable attribute: as basic if it fits 16 bits, otherwise in 4 bytes. */
void isakmp_write_number(struct isakmp_writer *w, uint16_t type, uint32_t value);
/* The same attribute again, in the encoding it came in. */
void isakmp_write_attribute(struct isakmp_writer *w, const struct isakmp_attribute *a);

void isakmp_write_id(struct isakmp_writer *w, const struct isakmp_id *id);
void isakmp_write_id_address(struct isakmp_writer *w, const struct address *a, uint8_t protocol,
                             uint16_t port);
/* A host as an address, everything else as a subnet. */
void isakmp_write_id_prefix(struct isakmp_writer *w, const struct prefix *p, uint8_t protocol, uint16_t port);
/* The local or the remote side of a selector as a proxy identity. IKEv1 has no port ranges: a side that has
 * one makes the writer fail. */
void isakmp_write_id_selector(struct isakmp_writer *w, const struct selector *s, bool remote);
/* A notify that has attributes as data is opened with `begin` and ended with isakmp_end_payload. */
void isakmp_begin_notify(struct isakmp_writer *w, uint8_t protocol, uint16_t type, struct bytes spi);
void isakmp_write_notify(struct isakmp_writer *w, uint8_t protocol, uint16_t type, struct bytes spi,
                         struct bytes data);
/* `spis`: count * spi_size bytes. */
void isakmp_write_delete(struct isakmp_writer *w, uint8_t protocol, uint8_t spi_size, struct bytes spis);
void isakmp_write_cert(struct isakmp_writer *w, uint8_t payload_type, uint8_t encoding, struct bytes data);
void isakmp_write_vendor(struct isakmp_writer *w, enum isakmp_vendor vendor);
/* `payload_type`: NAT_OA or NAT_OA_DRAFT. */
void isakmp_write_nat_oa(struct isakmp_writer *w, uint8_t payload_type, const struct address *a);
void isakmp_begin_configuration(struct isakmp_writer *w, uint8_t type, uint16_t identifier);
void isakmp_write_fragment(struct isakmp_writer *w, uint16_t id, uint8_t number, bool last,
                           struct bytes data);

/* ---- printing ---- */

/* The message on a few lines (each ended with a newline) for `debug crypto isakmp`; cut off at `size`, always
 * NUL-terminated. Sizes stand for keys, nonces, hashes and the values of configuration attributes. Returns
 * the length. */
size_t isakmp_print(const struct isakmp_message *m, char *out, size_t size);
/* One attribute list, `phase` 1 or 2 of the given protocol: "encryption DES-CBC, hash MD5, ..." */
size_t isakmp_attributes_print(struct bytes attributes, unsigned phase, char *out, size_t size);

#endif
