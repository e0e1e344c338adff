/* SPDX-License-Identifier: Apache-2.0 */
/* The packet ciphers of ESP and AH over libipsec-mb, a burst at a time. The engine calls packet_cipher_seal
 * and packet_cipher_open; control expands keys into the shared SA table with packet_key_init.
 *
 * A `struct packet_key` is the expanded key of one direction of one SA. It holds no pointers: it may lie at
 * different addresses in several processes, be copied with memcpy, and be used by any process on the same
 * machine. A key that was wiped, never made, made for the other direction or expanded for another kind of
 * processor is refused (PACKET_RESULT_BAD_KEY), so an empty slot never seals anything.
 *
 * A `struct packet_cipher` belongs to one thread. Nothing here allocates after packet_cipher_new, reads a
 * clock or logs. RFC 4303, 4302, 2403-2405, 2410, 2451, 3602, 4106, 4868, 7634.
 */
#ifndef CRYPTO_PACKET_CIPHER_H
#define CRYPTO_PACKET_CIPHER_H

#include "base/bytes.h"
#include "base/rng.h"

enum packet_encryption {
    PACKET_ENCRYPTION_NULL,
    PACKET_ENCRYPTION_DES,
    PACKET_ENCRYPTION_3DES,
    PACKET_ENCRYPTION_AES_CBC,
    PACKET_ENCRYPTION_AES_GCM16,
    PACKET_ENCRYPTION_AES_GCM12,
    PACKET_ENCRYPTION_AES_GCM8,
    PACKET_ENCRYPTION_CHACHA20_POLY1305,
    PACKET_ENCRYPTION_COUNT
};

enum packet_integrity {
    PACKET_INTEGRITY_NONE,
    PACKET_INTEGRITY_MD5_96,
    PACKET_INTEGRITY_SHA1_96,
    PACKET_INTEGRITY_SHA256_128,
    PACKET_INTEGRITY_SHA384_192,
    PACKET_INTEGRITY_SHA512_256,
    PACKET_INTEGRITY_COUNT
};

enum {
    PACKET_BURST_MAX = 64,
    PACKET_COVERED_MAX =
        65530, /* header .. payload; the limit of libipsec-mb less the 4 implicit bytes of ESN */
    PACKET_ICV_MAX = 32,
    PACKET_IV_MAX = 16,
    PACKET_KEY_MAX = 36, /* AES-256-GCM or ChaCha20, with its salt */
    PACKET_INTEGRITY_KEY_MAX = 64,
    PACKET_ALGORITHMS_TEXT = 64
};

/* What one SA does. AH and `esp-null`: encryption NULL. The AEADs (GCM, ChaCha20): integrity NONE. */
struct packet_algorithms {
    uint8_t encryption; /* enum packet_encryption */
    uint8_t key_bytes;  /* of the cipher, without a salt: 0, 8, 24, 16/24/32, 32 */
    uint8_t integrity;  /* enum packet_integrity */
};

/* Known values, a key length that the cipher has, an AEAD alone, and not both NULL and NONE (RFC 4303 §3.2).
 */
bool packet_algorithms_valid(const struct packet_algorithms *a);
bool packet_algorithms_equal(const struct packet_algorithms *a, const struct packet_algorithms *b);
bool packet_encryption_aead(enum packet_encryption e);
/* Bytes of key material to derive: the cipher's key, and for an AEAD its 4-byte salt behind it. */
size_t packet_encryption_key_len(const struct packet_algorithms *a);
size_t packet_integrity_key_len(const struct packet_algorithms *a);
size_t packet_iv_len(const struct packet_algorithms *a); /* on the wire: 0, 8, 16 */
size_t packet_block(
    const struct packet_algorithms *a); /* payload with trailer is a multiple of this: 4, 8, 16 */
size_t packet_icv_len(const struct packet_algorithms *a); /* 0 (no integrity), 8, 12, 16, 24, 32 */
/* As transform sets write them: "esp-des", "esp-aes 256", "esp-gcm", ...; "esp-sha-hmac" or, for AH,
 * "ah-sha-hmac", "" for NONE. "?" if unknown. */
const char *packet_encryption_name(const struct packet_algorithms *a);
const char *packet_integrity_name(enum packet_integrity i, bool ah);
/* "esp-aes 256 esp-sha-hmac" */
char *packet_algorithms_print(const struct packet_algorithms *a, char out[PACKET_ALGORITHMS_TEXT]);

/* 1024 bytes. The largest content is the AES-GCM key with the 48 powers of the hash key that the AVX-512 code
 * reads. */
enum { PACKET_KEY_SIZE = 1024 };

struct packet_key {
    union {
        uint8_t gcm[1008]; /* libipsec-mb's struct gcm_key_data */
        uint8_t chacha20[32];
        struct {
            union {
                uint8_t aes[240];    /* round keys of this direction */
                uint64_t des[3][16]; /* three schedules; single DES uses the first */
            };
            uint8_t ipad[64]; /* HMAC states after the padded key */
            uint8_t opad[64];
        };
    };
    uint8_t salt[4];
    struct packet_algorithms algorithms;
    uint8_t arch; /* the kind of processor that the tables above are for; 0: no key */
    uint8_t seal; /* 1: this key seals, 0: it opens */
    uint8_t icv_len, block;
    uint8_t reserved[5];
} __attribute__((aligned(64)));

_Static_assert(sizeof(struct packet_key) == PACKET_KEY_SIZE, "SA slots are laid out for this size");

struct packet_cipher;

/* `rng` gives the key of the IV generator. NULL if memory is short or the processor lacks SSE4.2 and AES.
 * About 220 KiB. */
struct packet_cipher *packet_cipher_new(struct rng *rng);
void packet_cipher_free(struct packet_cipher *c);
/* "sse", "avx", "avx2", "avx512" */
const char *packet_cipher_arch(const struct packet_cipher *c);
/* The same for a chosen instruction set by that name, NULL if this processor lacks it: tests and benchmarks.
 */
struct packet_cipher *packet_cipher_new_for(struct rng *rng, const char *arch);

/* Key lengths must be exactly packet_encryption_key_len() and packet_integrity_key_len(); -EINVAL if not or
 * if the algorithms are not valid; `ret` is untouched then. */
int packet_key_init(struct packet_cipher *c, struct packet_key *ret, const struct packet_algorithms *a,
                    bool seal, struct bytes encryption_key, struct bytes integrity_key) must_check;
void packet_key_wipe(struct packet_key *key);

enum packet_result {
    PACKET_RESULT_OK,
    PACKET_RESULT_BAD_ICV,    /* drop it: the payload may have been decrypted already */
    PACKET_RESULT_BAD_LENGTH, /* no multiple of the block, empty for CBC, or longer than PACKET_COVERED_MAX;
                                 untouched */
    PACKET_RESULT_BAD_KEY     /* see above; untouched */
};

/* One packet. `header` .. `payload` + payload_len is contiguous and is what integrity covers:
 *
 *   ESP   header = SPI, sequence number; then the IV; payload = data .. next header; icv = payload +
 * payload_len AH    header = the whole IP packet with mutable fields and the ICV field zeroed; payload = its
 * end, payload_len = 0; icv = the ICV field when sealing (written last), the caller's copy of the received
 * ICV when opening
 *
 * With ESN and a separate integrity algorithm the high half is appended in place while hashing (RFC 4303
 * §2.2.1): 4 bytes behind the payload must be writable; they are put back (ESP: they are the ICV's). An AEAD
 * has the first 8 bytes at `header` and the high half as its AAD (RFC 4106 §5). */
struct packet_job {
    const struct packet_key *key;
    uint8_t *header;
    uint8_t *iv; /* packet_iv_len() bytes; the caller fills them before sealing: packet_cipher_ivs for CBC */
    uint8_t *payload;
    uint8_t *icv;
    uint32_t payload_len;
    uint32_t sequence_high;
    bool esn;
    uint8_t result; /* out: enum packet_result */
    void *user;     /* the caller's */
};

/* Encrypts in place and writes the ICVs, of up to PACKET_BURST_MAX jobs (asserted) with any mix of keys. All
 * are done on return; the number that are PACKET_RESULT_OK comes back. */
size_t packet_cipher_seal(struct packet_cipher *c, struct packet_job *jobs, size_t n);
/* Compares the ICVs in constant time and decrypts in place. A packet with a separate integrity algorithm is
 * decrypted only if its ICV is right, so that the caller may try another sequence_high (RFC 4303 App A3); an
 * AEAD packet is not usable after PACKET_RESULT_BAD_ICV. */
size_t packet_cipher_open(struct packet_cipher *c, struct packet_job *jobs, size_t n);

/* Fills `iv` of each job whose key seals with CBC and leaves the other jobs alone. The values are an
 * encrypted counter: unpredictable (RFC 3602 §3); the 16-byte ones of AES never come twice from one
 * packet_cipher, the 8-byte ones of DES and 3DES are the half of such a value and repeat as seldom as random
 * ones do. */
void packet_cipher_ivs(struct packet_cipher *c, const struct packet_job *jobs, size_t n);

#endif
