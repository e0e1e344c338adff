/* SPDX-License-Identifier: Apache-2.0 */
/* The pieces that records are made of, each written and read here. Included by what writes records
 * (records.c, half_open_record.c, pair_install.c) and what reads them (restore.c and the two others). */
#ifndef IKE_RECORD_CODEC_H
#define IKE_RECORD_CODEC_H

#include "base/address.h"
#include "base/cursor.h"
#include "base/time.h"
#include "crypto/cbc.h"
#include "crypto/hash.h"
#include "ike/ike_config.h"

enum { RECORD_VERSION = 1 };

enum sa_flag {
    SA_INITIATOR = 1,
    SA_AGGRESSIVE = 2,
    SA_NAT_LOCAL = 4,
    SA_NAT_REMOTE = 8,
    SA_NAT_PORT = 16,
    SA_NATT_DRAFT = 32,
    SA_DPD = 64,
    SA_FRAGMENTATION = 128,
    SA_SUPERSEDED = 256,
};

enum pair_record_flag {
    PAIR_RECORD_INITIATOR = 1,
    PAIR_RECORD_CONFIRMED = 2,
    PAIR_RECORD_SUPERSEDED = 4,
    PAIR_RECORD_TUNNEL = 8,
    PAIR_RECORD_UDP = 16,
    PAIR_RECORD_ESN = 32,
    PAIR_RECORD_REKEYING = 64,
};

static inline void put_address(struct writer *w, const struct address *a)
{
    write_u8(w, a->family);
    write_copy(w, a->bytes, address_len(a));
}

static inline struct address get_address(struct reader *r)
{
    struct address a = {.family = read_u8(r)};
    if (a.family != ADDRESS_NONE && a.family != ADDRESS_V4 && a.family != ADDRESS_V6)
        r->failed = true;
    read_copy(r, a.bytes, address_len(&a));
    return a;
}

static inline void put_endpoint(struct writer *w, const struct endpoint *e)
{
    put_address(w, &e->address);
    write_be16(w, e->port);
}

static inline struct endpoint get_endpoint(struct reader *r)
{
    struct endpoint e = {.address = get_address(r)};
    e.port = read_be16(r);
    return e;
}

static inline void put_prefix(struct writer *w, const struct prefix *p)
{
    put_address(w, &p->address);
    write_u8(w, p->length);
}

static inline struct prefix get_prefix(struct reader *r)
{
    struct prefix p = {.address = get_address(r)};
    p.length = read_u8(r);
    if (p.length > address_bits(&p.address))
        r->failed = true;
    return p;
}

static inline void put_bytes(struct writer *w, struct bytes b)
{
    write_be16(w, (uint16_t)b.len);
    write_bytes(w, b);
}

static inline struct bytes get_bytes(struct reader *r)
{
    return read_bytes(r, read_be16(r));
}

/* A time of another clock. 0 and NS_NEVER are no times. */
static inline ns get_time(struct reader *r, int64_t shift)
{
    ns t = read_be64(r);
    if (t == 0 || t == NS_NEVER)
        return t;
    ns by = shift < 0 ? -(ns)shift : (ns)shift;
    if (shift < 0)
        return t > by ? t - by : 1;
    return t < NS_NEVER - 1 - by ? t + by : NS_NEVER - 1;
}

static inline void put_policy(struct writer *w, const struct ike_policy *p)
{
    write_be16(w, p->priority);
    write_u8(w, p->encryption);
    write_be16(w, p->key_bits);
    write_u8(w, p->hash);
    write_u8(w, p->group);
    write_u8(w, p->authentication);
    write_be32(w, p->lifetime_seconds);
}

/* False: not one that we could have. `ret_key_len`: bytes of the cipher's key. */
static inline bool get_policy(struct reader *r, struct ike_policy *p, uint8_t *ret_key_len)
{
    p->priority = read_be16(r);
    p->encryption = read_u8(r);
    p->key_bits = read_be16(r);
    p->hash = read_u8(r);
    p->group = read_u8(r);
    p->authentication = read_u8(r);
    p->lifetime_seconds = read_be32(r);
    if (r->failed || hash_size(p->hash) == 0 || cbc_block_size(p->encryption) == 0)
        return false;
    *ret_key_len =
        p->encryption == CBC_AES ? (uint8_t)(p->key_bits / 8) : (p->encryption == CBC_DES ? 8 : 24);
    return cbc_key_size_valid(p->encryption, *ret_key_len);
}

static inline void put_selector(struct writer *w, const struct selector *s)
{
    put_prefix(w, &s->local);
    put_prefix(w, &s->remote);
    write_u8(w, s->protocol);
    write_be16(w, s->local_port_low);
    write_be16(w, s->local_port_high);
    write_be16(w, s->remote_port_low);
    write_be16(w, s->remote_port_high);
}

static inline struct selector get_selector(struct reader *r)
{
    struct selector s = {.local = get_prefix(r)};
    s.remote = get_prefix(r);
    s.protocol = read_u8(r);
    s.local_port_low = read_be16(r);
    s.local_port_high = read_be16(r);
    s.remote_port_low = read_be16(r);
    s.remote_port_high = read_be16(r);
    return s;
}

#endif
