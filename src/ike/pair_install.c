/* SPDX-License-Identifier: Apache-2.0 */
/* A pair as the packet path has it, as the bytes of a record: what another gateway needs to use it. Written
 * and read by the shell of the machine; the machine itself keeps no keys of pairs. */
#include "base/spi.h"
#include "ike/ike.h"
#include "ike/record_codec.h"

#include <errno.h>

enum install_flag {
    INSTALL_TUNNEL = 1,
    INSTALL_UDP = 2,
    INSTALL_ESN = 4,
    INSTALL_INITIATOR = 8,
    INSTALL_CONFIRMED = 16,
    INSTALL_BUNDLE = 32,
    INSTALL_FRAGMENT_AFTER = 64,
    INSTALL_KNOWN = 127,
};

static uint8_t flags_of(const struct ike_pair_install *in)
{
    return (uint8_t)((in->tunnel ? INSTALL_TUNNEL : 0) | (in->udp ? INSTALL_UDP : 0) |
                     (in->esn ? INSTALL_ESN : 0) | (in->initiator ? INSTALL_INITIATOR : 0) |
                     (in->confirmed ? INSTALL_CONFIRMED : 0) | (in->bundle ? INSTALL_BUNDLE : 0) |
                     (in->fragment_after ? INSTALL_FRAGMENT_AFTER : 0));
}

size_t pair_install_write(const struct ike_pair_install *in, uint8_t *out, size_t size)
{
    struct writer writer = writer_of(out, size), *w = &writer;
    write_u8(w, RECORD_VERSION);
    write_be32(w, in->slot);
    write_be32(w, in->spi_in);
    write_be32(w, in->spi_out);
    write_be32(w, in->connection);
    write_be32(w, in->number);
    write_u8(w, in->protocol);
    write_u8(w, flags_of(in));
    write_be32(w, in->bundle_slot);
    write_u8(w, in->algorithms.encryption);
    write_u8(w, in->algorithms.key_bytes);
    write_u8(w, in->algorithms.integrity);
    put_selector(w, &in->selector);
    put_endpoint(w, &in->local);
    put_endpoint(w, &in->remote);
    write_be16(w, in->replay_size);
    write_u8(w, in->df_policy);
    write_be64(w, in->hard_expiry);
    write_be64(w, in->soft_bytes);
    write_be64(w, in->hard_bytes);
    put_bytes(w, in->encryption_key_out);
    put_bytes(w, in->integrity_key_out);
    put_bytes(w, in->encryption_key_in);
    put_bytes(w, in->integrity_key_in);
    return writer_bytes(w).len;
}

static void flags_read(struct ike_pair_install *in, uint8_t f)
{
    in->tunnel = f & INSTALL_TUNNEL;
    in->udp = f & INSTALL_UDP;
    in->esn = f & INSTALL_ESN;
    in->initiator = f & INSTALL_INITIATOR;
    in->confirmed = f & INSTALL_CONFIRMED;
    in->bundle = f & INSTALL_BUNDLE;
    in->fragment_after = f & INSTALL_FRAGMENT_AFTER;
}

static bool valid(const struct ike_pair_install *in)
{
    size_t cipher = packet_encryption_key_len(&in->algorithms);
    size_t integrity = packet_integrity_key_len(&in->algorithms);
    return in->slot < SPI_SLOTS_MAX && spi_slot(in->spi_in) == in->slot &&
           (in->protocol == 50 || in->protocol == 51) && (!in->bundle || in->bundle_slot < SPI_SLOTS_MAX) &&
           packet_algorithms_valid(&in->algorithms) && in->encryption_key_out.len == cipher &&
           in->encryption_key_in.len == cipher && in->integrity_key_out.len == integrity &&
           in->integrity_key_in.len == integrity && in->local.address.family == in->remote.address.family &&
           address_is_set(&in->local.address) && in->df_policy <= 2;
}

int pair_install_parse(struct bytes data, int64_t shift, struct ike_pair_install *ret)
{
    struct reader reader = reader_of(data), *r = &reader;
    struct ike_pair_install in = {0};
    if (read_u8(r) != RECORD_VERSION)
        return -EINVAL;
    in.slot = read_be32(r);
    in.spi_in = read_be32(r);
    in.spi_out = read_be32(r);
    in.connection = read_be32(r);
    in.number = read_be32(r);
    in.protocol = read_u8(r);
    uint8_t flags = read_u8(r);
    flags_read(&in, flags);
    in.bundle_slot = read_be32(r);
    in.algorithms.encryption = read_u8(r);
    in.algorithms.key_bytes = read_u8(r);
    in.algorithms.integrity = read_u8(r);
    in.selector = get_selector(r);
    in.local = get_endpoint(r);
    in.remote = get_endpoint(r);
    in.replay_size = read_be16(r);
    in.df_policy = read_u8(r);
    in.hard_expiry = get_time(r, shift);
    in.soft_bytes = read_be64(r);
    in.hard_bytes = read_be64(r);
    in.encryption_key_out = get_bytes(r);
    in.integrity_key_out = get_bytes(r);
    in.encryption_key_in = get_bytes(r);
    in.integrity_key_in = get_bytes(r);
    if (!reader_done(r) || flags & ~INSTALL_KNOWN || !valid(&in))
        return -EINVAL;
    *ret = in;
    return 0;
}
