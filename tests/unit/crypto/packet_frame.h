/* SPDX-License-Identifier: Apache-2.0 */
/* What the tests of the packet ciphers share: packets in memory, keys, and the list of all combinations. */
#ifndef TEST_CRYPTO_PACKET_FRAME_H
#define TEST_CRYPTO_PACKET_FRAME_H

#include <stdlib.h>

#include "crypto/packet_cipher.h"

enum { FRAME = 512, HEADER = 8, COMBINATIONS = 64 };

/* A packet in memory with room around it, and the job for it. */
struct frame {
    uint8_t data[FRAME];
    struct packet_job job;
};

static inline struct packet_key *key_new(struct packet_cipher *c, const struct packet_algorithms *a,
                                         bool seal, const uint8_t *material)
{
    struct packet_key *k = aligned_alloc(64, sizeof(*k));

    assert_non_null(k);
    assert_int_equal(packet_key_init(c, k, a, seal, bytes_of(material, packet_encryption_key_len(a)),
                                     bytes_of(material + PACKET_KEY_MAX, packet_integrity_key_len(a))),
                     0);
    return k;
}

static inline void key_free(struct packet_key *k)
{
    packet_key_wipe(k);
    free(k);
}

static inline void frame_lay(struct frame *f, const struct packet_key *k, size_t payload_len, bool esn)
{
    size_t iv_len = packet_iv_len(&k->algorithms);

    f->job = (struct packet_job){.key = k,
                                 .header = f->data,
                                 .iv = f->data + HEADER,
                                 .payload = f->data + HEADER + iv_len,
                                 .icv = f->data + HEADER + iv_len + payload_len,
                                 .payload_len = (uint32_t)payload_len,
                                 .sequence_high = 0x01020304,
                                 .esn = esn};
}

/* Every combination that packet_algorithms_valid allows. */
static inline size_t combinations(struct packet_algorithms *out)
{
    static const uint8_t key_bytes[] = {0, 8, 16, 24, 32};
    size_t n = 0;

    for (uint8_t e = 0; e < PACKET_ENCRYPTION_COUNT; e++)
        for (uint8_t i = 0; i < PACKET_INTEGRITY_COUNT; i++)
            for (size_t k = 0; k < ARRAY_SIZE(key_bytes); k++) {
                struct packet_algorithms a = {e, key_bytes[k], i};

                if (packet_algorithms_valid(&a))
                    out[n++] = a;
            }
    return n;
}

#endif
