/* SPDX-License-Identifier: Apache-2.0 */
/* What the two directions of one engine's packet path share, and the form of the buffers that they work in.
 *
 * The engine process fills a `struct packet_path` once and hands it to outbound_new, inbound_new and the
 * functions of pmtu.h. Everything that must survive the engine is in the shared memory that `sad` and `spd`
 * name; the rest can be thrown away at any moment and made anew.
 */
#ifndef IPSEC_PATH_H
#define IPSEC_PATH_H

#include "base/rng.h"
#include "crypto/packet_cipher.h"
#include "ipsec/sad.h"
#include "ipsec/spd.h"

enum {
    BURST_MAX = 64,
    PACKET_HEADROOM = 128, /* outer IPv6 40 + UDP 8 + AH 48 + ESP 8 + IV 16, and 8 for alignment */
    PACKET_TAILROOM = 64,  /* padding 15 + trailer 2 + ICV 32 + ESN 4 */
    PACKET_MAX = 65535,
};

struct pair_index;

struct packet_path {
    struct sad *sad;
    struct spd *spd;
    struct sad_engine *engine; /* our place in sad->engines: counters and drops are counted here */
    struct packet_cipher *cipher;
    struct rng *rng; /* outer IPv4 identification */
    struct pair_index *index;
};

/* Header that a TUN device with IFF_VNET_HDR puts before each packet: linux/virtio_net.h, 10 bytes, native
 * order. */
struct vnet_header {
    uint8_t flags;    /* enum vnet_flag */
    uint8_t gso_type; /* enum vnet_gso */
    uint16_t header_len;
    uint16_t gso_size;
    uint16_t csum_start;
    uint16_t csum_offset;
};
_Static_assert(sizeof(struct vnet_header) == 10, "the kernel's layout");

enum vnet_flag { VNET_NEEDS_CSUM = 1, VNET_DATA_VALID = 2 };
enum vnet_gso {
    VNET_GSO_NONE = 0,
    VNET_GSO_TCPV4 = 1,
    VNET_GSO_TCPV6 = 4,
    VNET_GSO_UDP_L4 = 5,
    VNET_GSO_ECN = 0x80
};

#endif
