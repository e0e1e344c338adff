/* SPDX-License-Identifier: Apache-2.0 */
/* DES and 3DES in CBC mode for processors without AVX-512, where libipsec-mb has only a portable version, 60
 * times slower than libcrypto's (measured: 3DES 5 against 290 Mbit/s).
 *
 * It uses libcrypto's low-level functions on purpose, deprecated as they are: their key schedule is 128 plain
 * bytes that can lie in the shared SA table, and they allocate nothing per packet; an EVP context can do
 * neither.
 */
#define OPENSSL_SUPPRESS_DEPRECATED
#include <openssl/des.h>

#include "crypto/packet_internal.h"

_Static_assert(sizeof(DES_key_schedule) <= sizeof(((struct packet_key *)0)->des[0]),
               "a schedule of libcrypto fits");
_Static_assert(_Alignof(DES_key_schedule) <= _Alignof(uint64_t), "and is aligned");

void packet_des_expand(struct packet_key *k, const uint8_t *key)
{
    for (size_t i = 0; i < k->algorithms.key_bytes / 8u; i++)
        DES_set_key_unchecked((const_DES_cblock *)(key + 8 * i), (DES_key_schedule *)k->des[i]);
}

void packet_des_run(const struct packet_job *j, bool seal)
{
    const struct packet_key *k = j->key;
    int direction = seal ? DES_ENCRYPT : DES_DECRYPT;
    DES_cblock iv;

    memcpy(iv, j->iv, sizeof(iv));
    /* libcrypto takes the schedules without const and only reads them. */
    if (k->algorithms.encryption == PACKET_ENCRYPTION_DES)
        DES_ncbc_encrypt(j->payload, j->payload, j->payload_len, (DES_key_schedule *)k->des[0], &iv,
                         direction);
    else
        DES_ede3_cbc_encrypt(j->payload, j->payload, j->payload_len, (DES_key_schedule *)k->des[0],
                             (DES_key_schedule *)k->des[1], (DES_key_schedule *)k->des[2], &iv, direction);
}
