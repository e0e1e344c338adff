/* SPDX-License-Identifier: Apache-2.0 */
/* Authentication of HSRP messages: the text of RFC 2281 §5.1, or keyed MD5 (RFC 1828: key, fill, data, key)
 * over the whole datagram with its digest zero. The sender's address is under the digest and must be the one
 * that the packet came from. Nothing here protects from a replay; HSRP has nothing for that. */
#include <assert.h>

#include "base/cursor.h"
#include "crypto/hash.h"
#include "redundancy/hsrp_internal.h"

enum { MD5_BLOCK = 64 };

/* The key as MD5 itself would fill it up to the end of a block. Returns the length. */
static size_t key_fill(const char *key, uint8_t out[2 * MD5_BLOCK])
{
    size_t len = strlen(key);
    size_t total = len + 9 <= MD5_BLOCK ? MD5_BLOCK : 2 * MD5_BLOCK;
    memset(out, 0, 2 * MD5_BLOCK);
    memcpy(out, key, len);
    out[len] = 0x80;
    out[total - 8] = (uint8_t)(len * 8);
    out[total - 7] = (uint8_t)(len * 8 >> 8);
    return total;
}

static bool digest_compute(const char *key, struct bytes datagram, size_t digest_at, uint8_t out[HSRP_DIGEST])
{
    static const uint8_t no_digest[HSRP_DIGEST];
    uint8_t filled[2 * MD5_BLOCK];
    size_t rest = digest_at + HSRP_DIGEST;
    struct bytes parts[] = {
        bytes_of(filled, key_fill(key, filled)),
        bytes_of(datagram.data, digest_at),
        bytes_of(no_digest, sizeof(no_digest)),
        bytes_of(datagram.data + rest, datagram.len - rest),
        bytes_of(key, strlen(key)),
    };
    int error = hash_compute(HASH_MD5, parts, ARRAY_SIZE(parts), out);
    wipe(filled, sizeof(filled));
    return error == 0;
}

void hsrp_sign_prepare(const struct hsrp_group *g, struct hsrp_message *m)
{
    if (g->config.authentication == HSRP_AUTHENTICATION_TEXT) {
        m->has_text = true;
        memcpy(m->text, g->config.text, sizeof(m->text));
        return;
    }
    m->has_md5 = true;
    memcpy(m->md5_source, g->config.interface_address.bytes, sizeof(m->md5_source));
}

void hsrp_sign(const struct hsrp_group *g, const struct hsrp_message *m, uint8_t *datagram, size_t len)
{
    uint8_t digest[HSRP_DIGEST];
    if (!m->has_md5)
        return;
    assert(m->md5_digest_at + (size_t)HSRP_DIGEST <= len);
    /* Without MD5 (a library that forbids it) the digest stays zero and nobody believes us: the safe side. */
    if (digest_compute(g->config.key, bytes_of(datagram, len), m->md5_digest_at, digest))
        memcpy(datagram + m->md5_digest_at, digest, sizeof(digest));
}

static bool digest_matches(const char *key, struct bytes datagram, const struct hsrp_message *m)
{
    uint8_t digest[HSRP_DIGEST];
    return digest_compute(key, datagram, m->md5_digest_at, digest) &&
           bytes_equal_secret(bytes_of(digest, sizeof(digest)),
                              bytes_of(m->md5_digest, sizeof(m->md5_digest)));
}

bool hsrp_authentic(const struct hsrp_group *g, struct bytes datagram, const struct hsrp_message *m,
                    const struct address *source, ns now)
{
    if (g->config.authentication == HSRP_AUTHENTICATION_TEXT)
        return m->has_text && !m->has_md5 &&
               bytes_equal_secret(bytes_of(m->text, HSRP_TEXT), bytes_of(g->config.text, HSRP_TEXT));
    if (!m->has_md5)
        return false;
    if (source->family == ADDRESS_V4 && memcmp(m->md5_source, source->bytes, sizeof(m->md5_source)) != 0)
        return false;
    return digest_matches(g->config.key, datagram, m) ||
           (now < g->old_key_until && digest_matches(g->old_key, datagram, m));
}
