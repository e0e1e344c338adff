/* SPDX-License-Identifier: Apache-2.0 */
/* The sizes and names of the packet algorithms, as one table each. RFC 4303 §2, 4106, 7634, 4868; the names
 * are the tokens of transform sets. */
#include <stdio.h>

#include "crypto/packet_cipher.h"

static const struct {
    uint8_t key_min, key_max; /* in steps of 8 */
    uint8_t salt, iv, block;
    uint8_t icv; /* of an AEAD */
    const char *name;
} encryptions[PACKET_ENCRYPTION_COUNT] = {
    [PACKET_ENCRYPTION_NULL] = {0, 0, 0, 0, 4, 0, "esp-null"},
    [PACKET_ENCRYPTION_DES] = {8, 8, 0, 8, 8, 0, "esp-des"},
    [PACKET_ENCRYPTION_3DES] = {24, 24, 0, 8, 8, 0, "esp-3des"},
    [PACKET_ENCRYPTION_AES_CBC] = {16, 32, 0, 16, 16, 0, "esp-aes"},
    [PACKET_ENCRYPTION_AES_GCM16] = {16, 32, 4, 8, 4, 16, "esp-gcm"},
    [PACKET_ENCRYPTION_AES_GCM12] = {16, 32, 4, 8, 4, 12, "esp-gcm12"},
    [PACKET_ENCRYPTION_AES_GCM8] = {16, 32, 4, 8, 4, 8, "esp-gcm8"},
    [PACKET_ENCRYPTION_CHACHA20_POLY1305] = {32, 32, 4, 8, 4, 16, "esp-chacha20-poly1305"},
};

static const char *const long_keys[PACKET_ENCRYPTION_COUNT][2] = {
    [PACKET_ENCRYPTION_AES_CBC] = {"esp-aes 192", "esp-aes 256"},
    [PACKET_ENCRYPTION_AES_GCM16] = {"esp-gcm 192", "esp-gcm 256"},
    [PACKET_ENCRYPTION_AES_GCM12] = {"esp-gcm12 192", "esp-gcm12 256"},
    [PACKET_ENCRYPTION_AES_GCM8] = {"esp-gcm8 192", "esp-gcm8 256"},
};

static const struct {
    uint8_t key, icv;
    const char *esp, *ah;
} integrities[PACKET_INTEGRITY_COUNT] = {
    [PACKET_INTEGRITY_NONE] = {0, 0, "", ""},
    [PACKET_INTEGRITY_MD5_96] = {16, 12, "esp-md5-hmac", "ah-md5-hmac"},
    [PACKET_INTEGRITY_SHA1_96] = {20, 12, "esp-sha-hmac", "ah-sha-hmac"},
    [PACKET_INTEGRITY_SHA256_128] = {32, 16, "esp-sha256-hmac", "ah-sha256-hmac"},
    [PACKET_INTEGRITY_SHA384_192] = {48, 24, "esp-sha384-hmac", "ah-sha384-hmac"},
    [PACKET_INTEGRITY_SHA512_256] = {64, 32, "esp-sha512-hmac", "ah-sha512-hmac"},
};

bool packet_encryption_aead(enum packet_encryption e)
{
    return (size_t)e < ARRAY_SIZE(encryptions) && encryptions[e].salt != 0;
}

bool packet_algorithms_valid(const struct packet_algorithms *a)
{
    if (a->encryption >= PACKET_ENCRYPTION_COUNT || a->integrity >= PACKET_INTEGRITY_COUNT)
        return false;
    if (a->key_bytes < encryptions[a->encryption].key_min ||
        a->key_bytes > encryptions[a->encryption].key_max || a->key_bytes % 8)
        return false;
    if (encryptions[a->encryption].salt)
        return a->integrity == PACKET_INTEGRITY_NONE;
    return a->encryption != PACKET_ENCRYPTION_NULL || a->integrity != PACKET_INTEGRITY_NONE;
}

bool packet_algorithms_equal(const struct packet_algorithms *a, const struct packet_algorithms *b)
{
    return a->encryption == b->encryption && a->key_bytes == b->key_bytes && a->integrity == b->integrity;
}

size_t packet_encryption_key_len(const struct packet_algorithms *a)
{
    return a->encryption < PACKET_ENCRYPTION_COUNT ? (size_t)a->key_bytes + encryptions[a->encryption].salt
                                                   : 0;
}

size_t packet_integrity_key_len(const struct packet_algorithms *a)
{
    return a->integrity < PACKET_INTEGRITY_COUNT ? integrities[a->integrity].key : 0;
}

size_t packet_iv_len(const struct packet_algorithms *a)
{
    return a->encryption < PACKET_ENCRYPTION_COUNT ? encryptions[a->encryption].iv : 0;
}

size_t packet_block(const struct packet_algorithms *a)
{
    return a->encryption < PACKET_ENCRYPTION_COUNT ? encryptions[a->encryption].block : 0;
}

size_t packet_icv_len(const struct packet_algorithms *a)
{
    if (a->encryption >= PACKET_ENCRYPTION_COUNT || a->integrity >= PACKET_INTEGRITY_COUNT)
        return 0;
    return encryptions[a->encryption].salt ? encryptions[a->encryption].icv : integrities[a->integrity].icv;
}

const char *packet_encryption_name(const struct packet_algorithms *a)
{
    const char *name = NULL;

    if (a->encryption >= PACKET_ENCRYPTION_COUNT)
        return "?";
    if (a->key_bytes == 24 || a->key_bytes == 32)
        name = long_keys[a->encryption][a->key_bytes == 32];
    return name ? name : encryptions[a->encryption].name;
}

const char *packet_integrity_name(enum packet_integrity i, bool ah)
{
    if ((size_t)i >= ARRAY_SIZE(integrities))
        return "?";
    return ah ? integrities[i].ah : integrities[i].esp;
}

char *packet_algorithms_print(const struct packet_algorithms *a, char out[PACKET_ALGORITHMS_TEXT])
{
    const char *integrity = packet_integrity_name(a->integrity, false);

    snprintf(out, PACKET_ALGORITHMS_TEXT, "%s%s%s", packet_encryption_name(a), integrity[0] ? " " : "",
             integrity);
    return out;
}
