/* SPDX-License-Identifier: Apache-2.0 */
/* What engine and control tell each other, over a SOCK_SEQPACKET pair that the supervisor keeps when one of
 * them dies. State lives in shared memory (ipsec/sad.h, ipsec/spd.h); these messages only say that something
 * happened, so a lost one costs a delay and never correctness: the engine repeats an acquire while packets
 * wait, and reads the pairs anew when it starts. Neither side ever blocks on the other.
 */
#ifndef ENGINE_CHANNEL_H
#define ENGINE_CHANNEL_H

#include "base/address.h"
#include "base/time.h"

enum channel_type {
    /* engine -> control */
    CHANNEL_ACQUIRE = 1, /* a packet needs an SA: acquire */
    CHANNEL_PAIR_SOFT,   /* soft volume passed, or sequence numbers three quarters used: pair */
    CHANNEL_PAIR_HARD,   /* hard volume or last sequence number reached: pair */
    CHANNEL_PAIR_USED,   /* first packet arrived: pair */
    CHANNEL_INVALID_SPI, /* a packet for an SPI that is not ours: invalid_spi. Limited to a few per second */
    CHANNEL_PEER_MOVED,  /* the peer's NAT mapping changed: pair; its new place is in sad_pair.remote_now */
    CHANNEL_DATAGRAM,    /* an IKE message that reached the engine's socket on port 4500; `data` follows, the
                            non-ESP marker taken off */
    CHANNEL_PAIR_LEASE,  /* a pair of a redundancy group comes near its ceilings, or is at one: pair */
    CHANNEL_READY,       /* the engine started (also: again) and serves */
    /* control -> engine */
    CHANNEL_PAIR_ADDED = 64, /* pair: index it, send what waits for it */
    CHANNEL_PAIR_REMOVED,    /* pair: forget it */
    CHANNEL_ACQUIRE_FAILED,  /* acquire: drop what waits */
    CHANNEL_DEBUG,           /* debug: on or off */
    CHANNEL_CLEAR_COUNTERS,
    CHANNEL_HEARTBEAT, /* nothing to do: reading it moves the engine's epoch, which control looks at */
};

enum { CHANNEL_DATA_MAX = 9000 };

struct channel_acquire {
    uint32_t entry; /* spd_entry.id */
    uint32_t ace;   /* of that entry, counted from its first_ace */
    uint32_t ifindex;
    struct selector selector; /* of the ace */
    struct selector packet;   /* of the packet that asks: host addresses, protocol, ports */
};

struct channel_message {
    uint32_t type;     /* enum channel_type */
    uint32_t data_len; /* bytes that follow this struct */
    ns at;
    union {
        struct channel_acquire acquire;
        struct {
            uint32_t slot;
            uint32_t spi_in; /* tells a successor in the same slot apart */
        } pair;
        struct {
            uint32_t spi;
            uint8_t protocol;
            struct endpoint local, remote; /* ports 0 without UDP encapsulation */
        } invalid_spi;
        struct {
            struct endpoint local, remote;
        } datagram;
        struct {
            uint32_t on;
        } debug;
    };
};

#endif
