/* SPDX-License-Identifier: Apache-2.0 */
/* The IKEv1 codec with anything a peer can send: chain, every payload body, the print; and what was parsed
 * and is written again must be the same bytes (clear messages) or the same chain. */
#include "wire/isakmp.h"

#include <assert.h>
#include <stdint.h>

static void selectors_check(const struct isakmp_message *m)
{
    struct isakmp_id ids[2];
    struct selector s;
    char text[SELECTOR_TEXT];
    unsigned n = 0;
    for (uint32_t i = 0; i < m->count && n < 2; i++)
        if (m->payloads[i].type == ISAKMP_PAYLOAD_ID &&
            isakmp_id_parse(m->payloads[i].body, &ids[n]) == ISAKMP_OK)
            n++;
    if (n == 2 && isakmp_ids_selector(&ids[0], &ids[1], &s)) {
        selector_print(&s, text);
        assert(selector_equal(&s, &s) && s.local.length <= address_bits(&s.local.address));
    }
}

static void sa_check(struct bytes body, struct isakmp_writer *w)
{
    static struct isakmp_sa sa;
    if (isakmp_sa_parse(body, &sa) != ISAKMP_OK) {
        isakmp_write_payload(w, ISAKMP_PAYLOAD_SA, body);
        return;
    }
    unsigned transforms = 0;
    isakmp_begin_sa(w);
    for (uint16_t i = 0; i < sa.proposal_count; i++) {
        const struct isakmp_proposal *p = &sa.proposals[i];
        assert(p->first_transform == transforms);
        isakmp_begin_proposal(w, p->number, p->protocol, p->spi);
        for (uint16_t j = 0; j < p->transform_count; j++, transforms++) {
            const struct isakmp_transform *t = &sa.transforms[transforms];
            struct reader r = reader_of(t->attributes);
            struct isakmp_attribute a;
            isakmp_begin_transform(w, t->number, t->id);
            while (isakmp_attribute_next(&r, &a))
                isakmp_write_attribute(w, &a);
            assert(reader_done(&r));
            isakmp_end_transform(w);
        }
        isakmp_end_proposal(w);
    }
    assert(transforms == sa.transform_count);
    isakmp_end_payload(w);
}

static void bodies_check(const struct isakmp_payload *p)
{
    struct isakmp_notify notify;
    struct isakmp_delete delete;
    struct isakmp_cert cert;
    struct isakmp_configuration configuration;
    struct isakmp_fragment fragment;
    struct address address;
    size_t sum = 0;
    if (isakmp_notify_parse(p->body, &notify) == ISAKMP_OK)
        sum += notify.spi.len + notify.data.len;
    if (isakmp_delete_parse(p->body, &delete) == ISAKMP_OK)
        for (uint32_t i = 0; i < delete.spi_count; i++)
            sum += isakmp_delete_spi(&delete, i).data[delete.spi_size - 1];
    if (isakmp_cert_parse(p->body, &cert) == ISAKMP_OK)
        sum += cert.data.len;
    if (isakmp_configuration_parse(p->body, &configuration) == ISAKMP_OK) {
        struct reader r = reader_of(configuration.attributes);
        struct isakmp_attribute a;
        while (isakmp_attribute_next(&r, &a))
            sum += a.data.len;
        assert(reader_done(&r));
    }
    if (isakmp_fragment_parse(p->body, &fragment) == ISAKMP_OK)
        assert(fragment.data.len + 4 == p->body.len);
    if (isakmp_nat_oa_parse(p->body, &address) == ISAKMP_OK)
        sum += address_len(&address);
    sum += isakmp_vendor_find(p->body);
    __asm__ volatile("" : : "r"(sum));
}

static void message_check(const struct isakmp_message *m, struct bytes original)
{
    static uint8_t buffer[ISAKMP_MESSAGE_MAX];
    static char text[8192];
    struct isakmp_writer w;
    struct bytes after = isakmp_after_first(m);
    assert(m->count <= ISAKMP_PAYLOADS_MAX && after.len <= original.len);
    assert(isakmp_print(m, text, sizeof(text)) < sizeof(text));
    selectors_check(m);
    isakmp_writer_init(&w, buffer, sizeof(buffer), &m->header);
    for (uint32_t i = 0; i < m->count; i++) {
        bodies_check(&m->payloads[i]);
        if (m->payloads[i].type == ISAKMP_PAYLOAD_SA)
            sa_check(m->payloads[i].body, &w);
        else
            isakmp_write_payload(&w, m->payloads[i].type, m->payloads[i].body);
    }
    struct bytes written = isakmp_writer_finish(&w);
    if (!(m->header.flags & ISAKMP_FLAG_ENCRYPTION))
        assert(bytes_equal(written, original));
    else if (m->count > 0)
        assert(bytes_equal(isakmp_written_after_first(&w), after));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
    static struct isakmp_message m;
    struct isakmp_header header;
    struct bytes datagram = bytes_of(data, len);
    enum isakmp_error error = isakmp_header_parse(datagram, &header);
    if (error == ISAKMP_OK && !(header.flags & ISAKMP_FLAG_ENCRYPTION)) {
        error = isakmp_message_parse(datagram, &m);
        if (error == ISAKMP_OK)
            message_check(&m, datagram);
    } else if (error == ISAKMP_OK) {
        /* As if decryption had given these bytes. */
        struct bytes body = bytes_of(data + ISAKMP_HEADER, len - ISAKMP_HEADER);
        error = isakmp_body_parse(&header, body, &m);
        if (error == ISAKMP_OK)
            message_check(&m, body);
    }
    if (error)
        assert(isakmp_error_notify(error) != 0 && isakmp_error_name(error)[0] != '?');
    return 0;
}
