/* SPDX-License-Identifier: Apache-2.0 */
/* What the machines of this room ask their shell to do, in order: a bounded list of tagged values, the same
 * for HSRP and VRRP. The shell carries all of them out before it gives the machine its next event. */
#ifndef REDUNDANCY_ACTIONS_H
#define REDUNDANCY_ACTIONS_H

#include "base/address.h"
#include "base/time.h"
#include "wire/hsrp.h"
#include "wire/vrrp.h"

enum redundancy_action_kind {
    REDUNDANCY_SEND, /* `send`: a datagram (HSRP: UDP payload, VRRP: IP payload) to the protocol's multicast
                        address */
    REDUNDANCY_OWN,  /* take the group's virtual addresses and its virtual MAC: hsrp_addresses, vrrp_addresses
                      */
    REDUNDANCY_DISOWN,   /* give up all that was taken (a changed configuration may say DISOWN, OWN) */
    REDUNDANCY_ANNOUNCE, /* `address`: one gratuitous ARP, or one unsolicited neighbor advertisement */
    REDUNDANCY_LOG,      /* `log` */
    REDUNDANCY_STATE,    /* the group's state changed: `from`, `to` (enum hsrp_state or vrrp_state) */
};

enum {
    REDUNDANCY_ACTIONS_MAX = 48,
    REDUNDANCY_LOG_TEXT = 192,
    REDUNDANCY_INTERFACE_TEXT = 32,
    REDUNDANCY_ADDRESSES_MAX = VRRP_ADDRESSES_MAX,
    REDUNDANCY_MAC = 6,
};

struct redundancy_send {
    uint16_t len;
    bool from_virtual_mac; /* the frame's source is the group's virtual MAC, so that switches learn where it
                              is */
    uint8_t data[VRRP_MESSAGE_MAX];
};

struct redundancy_log {
    const char *facility; /* "HSRP" */
    uint8_t severity;
    const char *mnemonic; /* "STATECHANGE" */
    char text[REDUNDANCY_LOG_TEXT];
};

struct redundancy_action {
    enum redundancy_action_kind kind;
    uint8_t from, to;
    union {
        struct redundancy_send send;
        struct address address;
        struct redundancy_log log;
    };
};

struct redundancy_actions {
    uint16_t count;
    struct redundancy_action items[REDUNDANCY_ACTIONS_MAX];
};

/* A new one at the end, zeroed but for its kind. One step never makes more than REDUNDANCY_ACTIONS_MAX
 * (asserted). */
struct redundancy_action *redundancy_action_add(struct redundancy_actions *a,
                                                enum redundancy_action_kind kind);
void redundancy_log_add(struct redundancy_actions *a, const char *facility, uint8_t severity,
                        const char *mnemonic, const char *format, ...) __attribute__((format(printf, 5, 6)));
/* At most so many in a window that starts with its first: bounds what a neighbour can make us do. Zeroed:
 * unused. */
struct redundancy_limit {
    ns started;
    uint32_t used;
};

/* A timer that says that somebody is silent, and that is served later than this, may be late because our
 * process was: what the other one said meanwhile is still in a socket. It is put off once, by
 * REDUNDANCY_PATIENCE, so that the shell reads its sockets first. */
#define REDUNDANCY_LATE     NS_PER_MS
#define REDUNDANCY_PATIENCE NS_PER_MS

/* Whether a timer that was due at `due` is to be put off at `now`; `excused` remembers that it was. */
bool redundancy_put_off(bool *excused, ns due, ns now);

/* How often a second a Master or Active router says again that an address is its, when somebody else claims
 * it: whoever claims it again and again must not keep it for longer than a moment. */
enum { REDUNDANCY_DEFENCES = 10 };

/* False where `most` were taken in this window. */
bool redundancy_limit_take(struct redundancy_limit *limit, ns now, ns window, uint32_t most);

/* "0000.0c07.ac01". Returns `out`. */
char *redundancy_mac_print(const uint8_t mac[REDUNDANCY_MAC], char out[16]);

#endif
