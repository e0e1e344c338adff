/* SPDX-License-Identifier: Apache-2.0 */
/* What packet_key.c and packet_cipher.c share: the state of one thread's cipher. */
#ifndef CRYPTO_PACKET_INTERNAL_H
#define CRYPTO_PACKET_INTERNAL_H

#include <intel-ipsec-mb.h>

#include "crypto/packet_cipher.h"

enum { PACKET_NONCE_LEN = 12 };

/* What one packet needs beside the packet while it is in flight. libipsec-mb keeps pointers, no copies. */
struct packet_scratch {
    const void *des[3];               /* libipsec-mb wants 3DES as pointers to the schedules */
    uint8_t tag[PACKET_ICV_MAX];      /* as computed */
    uint8_t received[PACKET_ICV_MAX]; /* opening with ESN: the high half is written over it */
    uint8_t behind[4];                /* what the high half was written over */
    uint8_t nonce[16];                /* of which PACKET_NONCE_LEN count */
    uint8_t aad[16];                  /* 8 or 12 count */
};

struct packet_cipher {
    IMB_MGR *mb; /* in this allocation, behind the struct */
    size_t size;
    uint8_t arch;    /* as in struct packet_key, never 0 */
    bool des_direct; /* DES goes through packet_des.c */
    struct packet_scratch scratch[PACKET_BURST_MAX];
    struct gcm_context_data gcm;
    /* The IV generator: AES-128 of a counter. */
    uint8_t iv_key[240] __attribute__((aligned(16)));
    uint64_t iv_counter[2];
    uint8_t iv_blocks[PACKET_BURST_MAX][16] __attribute__((aligned(16)));
};

/* packet_des.c: the key schedules, and one packet in place. */
void packet_des_expand(struct packet_key *k, const uint8_t *key);
void packet_des_run(const struct packet_job *j, bool seal);

static inline bool packet_encryption_des(uint8_t e)
{
    return e == PACKET_ENCRYPTION_DES || e == PACKET_ENCRYPTION_3DES;
}

static inline bool packet_encryption_gcm(uint8_t e)
{
    return e == PACKET_ENCRYPTION_AES_GCM16 || e == PACKET_ENCRYPTION_AES_GCM12 ||
           e == PACKET_ENCRYPTION_AES_GCM8;
}

static inline bool packet_encryption_cbc(uint8_t e)
{
    return packet_encryption_des(e) || e == PACKET_ENCRYPTION_AES_CBC;
}

#endif
