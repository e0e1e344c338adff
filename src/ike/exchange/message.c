/* SPDX-License-Identifier: Apache-2.0 */
/* Sealing and opening. Always holds: the IV that an exchange goes on from moves only with a message that we
 * sent or that proved authentic, so a forged or repeated one cannot break the chain (RFC 2409 appendix B). */
#include "ike/exchange/message.h"

static struct bytes cipher_key(const struct ike_sa *sa)
{
    return bytes_of(sa->key, sa->key_len);
}

bool message_open(struct ike *ike, const struct ike_sa *sa, const struct isakmp_header *h,
                  struct bytes datagram, uint8_t *iv, enum isakmp_error *ret_error)
{
    size_t len = datagram.len - ISAKMP_HEADER;
    *ret_error = ISAKMP_ERROR_PAYLOAD_LENGTH;
    if (len == 0 || len > sizeof(ike->plain) || len % cbc_block_size(sa->policy.encryption) != 0)
        return false;
    memcpy(ike->plain, datagram.data + ISAKMP_HEADER, len);
    if (cbc_decrypt(sa->policy.encryption, cipher_key(sa), iv, ike->plain, len) != 0)
        return false;
    *ret_error = isakmp_body_parse(h, bytes_of(ike->plain, len), &ike->message);
    return *ret_error == ISAKMP_OK;
}

struct bytes message_seal(struct ike *ike, const struct ike_sa *sa, uint8_t *iv)
{
    struct isakmp_writer *w = &ike->writer;
    isakmp_write_padding(w, cbc_block_size(sa->policy.encryption));
    struct bytes whole = isakmp_writer_finish(w);
    if (whole.len <= ISAKMP_HEADER)
        return (struct bytes){0};
    uint8_t *body = ike->written + ISAKMP_HEADER;
    if (cbc_encrypt(sa->policy.encryption, cipher_key(sa), iv, body, whole.len - ISAKMP_HEADER) != 0)
        return (struct bytes){0};
    return whole;
}

struct isakmp_writer *message_begin_phase2(struct ike *ike, const struct ike_sa *sa, uint8_t exchange,
                                           uint32_t message_id, uint8_t **ret_hash)
{
    struct isakmp_header h = {.version = ISAKMP_VERSION_1,
                              .exchange = exchange,
                              .flags = ISAKMP_FLAG_ENCRYPTION,
                              .message_id = message_id};
    memcpy(h.initiator_cookie, sa->cookie_i, 8);
    memcpy(h.responder_cookie, sa->cookie_r, 8);
    isakmp_writer_init(&ike->writer, ike->written, sizeof(ike->written), &h);
    *ret_hash = isakmp_write_payload_gap(&ike->writer, ISAKMP_PAYLOAD_HASH, hash_size(sa->policy.hash));
    return &ike->writer;
}

struct bytes message_finish_phase2(struct ike *ike, const struct ike_sa *sa, uint32_t message_id,
                                   uint8_t *hash, struct bytes nonce_i, uint8_t *iv)
{
    uint8_t digest[HASH_MAX];
    struct bytes rest = isakmp_written_after_first(&ike->writer);
    if (!hash || rest.len == 0 ||
        !keymat_hash_phase2(sa->policy.hash, sa->skeyid_a, message_id, nonce_i, rest, digest))
        return (struct bytes){0};
    memcpy(hash, digest, hash_size(sa->policy.hash));
    return message_seal(ike, sa, iv);
}

bool message_iv_phase2(const struct ike_sa *sa, uint32_t message_id, uint8_t iv[CBC_BLOCK_MAX])
{
    memset(iv, 0, CBC_BLOCK_MAX); /* all of it goes into records, also what a shorter block leaves */
    return keymat_iv_phase2(sa->policy.hash, sa->iv_base, message_id, cbc_block_size(sa->policy.encryption),
                            iv);
}

bool message_authentic(const struct ike_sa *sa, const struct isakmp_message *m, struct bytes nonce_i)
{
    uint8_t digest[HASH_MAX];
    if (m->count == 0 || m->payloads[0].type != ISAKMP_PAYLOAD_HASH)
        return false;
    return keymat_hash_phase2(sa->policy.hash, sa->skeyid_a, m->header.message_id, nonce_i,
                              isakmp_after_first(m), digest) &&
           bytes_equal_secret(m->payloads[0].body, bytes_of(digest, hash_size(sa->policy.hash)));
}

static void send_one(struct ike *ike, const struct ike_sa *sa, struct bytes datagram)
{
    struct ike_action *a = action_add(ike, IKE_ACTION_SEND);
    a->send.local = sa->local;
    a->send.remote = sa->remote;
    a->send.nat_port = sa->nat_port;
    a->send.data = action_copy(ike, datagram);
    ike->statistics.messages_out++;
}

void message_send(struct ike *ike, const struct ike_sa *sa, struct bytes message)
{
    if (message.len == 0)
        return;
    if (!sa->fragmentation || !ike->config->fragmentation || message.len <= IKE_FRAGMENT_SIZE) {
        send_one(ike, sa, message);
        return;
    }
    uint8_t buffer[IKE_FRAGMENT_DATA + 64];
    struct isakmp_header h;
    if (isakmp_header_parse(message, &h) != ISAKMP_OK)
        return;
    h.flags = 0;
    uint16_t id = ++ike->fragment_id;
    uint8_t number = 1;
    for (size_t at = 0; at < message.len; number++) {
        size_t len = MIN(message.len - at, (size_t)IKE_FRAGMENT_DATA);
        struct isakmp_writer w;
        isakmp_writer_init(&w, buffer, sizeof(buffer), &h);
        isakmp_write_fragment(&w, id, number, at + len == message.len, bytes_of(message.data + at, len));
        send_one(ike, sa, isakmp_writer_finish(&w));
        at += len;
    }
}
