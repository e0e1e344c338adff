/* SPDX-License-Identifier: Apache-2.0 */
/* HSRP packets of both versions: parse, write, and the addresses that follow from a group's number. Version 1
 * is RFC 2281 §5.1; version 2 is a sequence of TLVs (group state, interface state, text and MD5
 * authentication). UDP payloads only: who authenticates, elects and sends is src/redundancy.
 *
 * Milliseconds: version 2 carries them. Version 1 carries whole seconds; a hello time below one second is
 * written as 0, "not said", which nobody learns from, and a hold time is rounded up.
 */
#ifndef WIRE_HSRP_H
#define WIRE_HSRP_H

#include "base/address.h"
#include "base/be.h"
#include "base/cursor.h"

enum {
    HSRP_PORT = 1985,
    HSRP_PORT_V6 = 2029,
    HSRP_TTL = 1,
    HSRP_TOS = 0xc0,
    HSRP_V1_LENGTH = 20,
    HSRP_MESSAGE_MAX = 80, /* what hsrp_write writes at most */
    HSRP_TEXT = 8,
    HSRP_DIGEST = 16,
    HSRP_MAC = 6,
    HSRP_V1_GROUP_MAX = 255,
    HSRP_V2_GROUP_MAX = 4095,
};

#define HSRP_V1_MULTICAST 0xe0000002U /* 224.0.0.2 */
#define HSRP_V2_MULTICAST 0xe0000066U /* 224.0.0.102 */

enum hsrp_opcode { HSRP_HELLO = 0, HSRP_COUP = 1, HSRP_RESIGN = 2, HSRP_ADVERTISE = 3 };

/* RFC 2281 §5.3; not the numbers of either wire format. */
enum hsrp_state {
    HSRP_INITIAL,
    HSRP_LEARN,
    HSRP_LISTEN,
    HSRP_SPEAK,
    HSRP_STANDBY,
    HSRP_ACTIVE,
    HSRP_STATE_COUNT
};

#define HSRP_ERRORS(X)             \
    X(OK, "ok")                    \
    X(TRUNCATED, "truncated")      \
    X(VERSION, "unknown version")  \
    X(OPCODE, "unknown opcode")    \
    X(STATE, "unknown state")      \
    X(TLV, "bad TLV")              \
    X(FIELD, "field out of range") \
    X(ADDRESS, "virtual address is not usable")

enum hsrp_error {
#define X(name, text) HSRP_##name,
    HSRP_ERRORS(X)
#undef X
        HSRP_ERROR_COUNT
};

struct hsrp_message {
    uint8_t version; /* 1 or 2 */
    uint8_t opcode;  /* enum hsrp_opcode */
    uint8_t state;   /* enum hsrp_state; of the sender */
    uint16_t group;
    uint32_t priority;              /* 0..255 */
    uint32_t hello_ms, hold_ms;     /* hello 0: not said */
    struct address virtual_address; /* unset: the sender does not know it */
    uint8_t identifier[HSRP_MAC];   /* version 2: the sender's own MAC */
    bool has_text;                  /* version 1 without MD5: always */
    uint8_t text[HSRP_TEXT];
    bool has_md5;
    uint32_t md5_key_id;
    uint8_t md5_source[4];
    uint8_t md5_digest[HSRP_DIGEST];
    uint16_t md5_digest_at; /* parse, write: where the digest is in the datagram */
};

/* Never NULL. State names are the field's: Init, Learn, Listen, Speak, Standby, Active. */
const char *hsrp_error_name(enum hsrp_error error);
const char *hsrp_state_name(enum hsrp_state state);
const char *hsrp_opcode_name(enum hsrp_opcode opcode);

/* A datagram to an HSRP port. An advertisement (opcode 3, or a version 2 datagram that has only an interface
 * state) is HSRP_OK with that opcode and nothing else filled in. `ret` is untouched on error. */
enum hsrp_error hsrp_parse(struct bytes datagram, struct hsrp_message *ret) must_check;
/* Version and group of a datagram of which nothing else need be right, to find the group that is meant. */
bool hsrp_peek(struct bytes datagram, uint8_t *ret_version, uint16_t *ret_group) must_check;
/* Writes a hello, coup or resign; with has_md5 the digest field holds md5_digest (zero to compute it, see
 * md5_digest_at, which is set). Returns the length, 0 if `size` does not do (HSRP_MESSAGE_MAX does). Fields
 * must be in range (asserted). */
size_t hsrp_write(struct hsrp_message *m, uint8_t *out, size_t size);

/* 0000.0c07.acGG, 0000.0c9f.fGGG, and for IPv6 0005.73a0.0GGG. */
void hsrp_virtual_mac(uint8_t version, uint8_t family, uint16_t group, uint8_t ret_mac[HSRP_MAC]);

#endif
