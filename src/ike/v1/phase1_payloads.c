/* SPDX-License-Identifier: Apache-2.0 */
/* Payloads that both modes write and read alike: header and sending, our identity, vendor ids, and the
 * notifies of phase 1 (INITIAL-CONTACT, RESPONDER-LIFETIME: RFC 2407 §4.6.3). */
#include "ike/v1/phase1.h"

#include "ike/exchange/exchange.h"
#include "ike/exchange/message.h"
#include "ike/half_open_record.h"
#include "ike/sa/connection.h"
#include "ike/sa/ike_sa.h"

struct isakmp_writer *phase1_write(struct ike *ike, struct ike_sa *sa, uint8_t exchange, bool encrypted)
{
    struct isakmp_header h = {
        .version = ISAKMP_VERSION_1, .exchange = exchange, .flags = encrypted ? ISAKMP_FLAG_ENCRYPTION : 0};
    memcpy(h.initiator_cookie, sa->cookie_i, 8);
    memcpy(h.responder_cookie, sa->cookie_r, 8);
    isakmp_writer_init(&ike->writer, ike->written, sizeof(ike->written), &h);
    return &ike->writer;
}

bool phase1_send(struct ike *ike, struct ike_sa *sa, bool wait)
{
    struct phase1 *p = sa->phase1;
    uint8_t flags = ike->written[19];
    struct bytes whole =
        flags & ISAKMP_FLAG_ENCRYPTION ? message_seal(ike, sa, p->iv) : isakmp_writer_finish(&ike->writer);
    struct message *kept = whole.len ? message_copy(whole) : NULL;
    if (!kept)
        return false;
    message_free(&p->sent);
    p->sent = kept;
    p->tries = 1;
    p->send_at = wait ? ike->now + retransmit_interval(1) : NS_NEVER;
    half_open_record(ike, sa);
    message_send(ike, sa, whole);
    sa_timer(ike, sa);
    return true;
}

size_t phase1_identity(const struct ike *ike, const struct ike_sa *sa, uint8_t *out, size_t size)
{
    const struct ike_config *config = ike->config;
    const char *name = config->identity == IKE_IDENTITY_HOSTNAME ? config->hostname : NULL;
    uint8_t type = ISAKMP_ID_FQDN;
    struct connection *c = sa->phase1 && sa->phase1->connection != UINT32_MAX
                               ? connection_find(ike, sa->phase1->connection)
                               : NULL;
    if (sa->aggressive && c && c->config && sa->phase1->peer < c->config->peer_count) {
        const struct ike_peer *p = &c->config->peers[sa->phase1->peer];
        if (p->aggressive_id) {
            name = p->aggressive_id;
            type = p->aggressive_id_type;
        }
    }
    struct writer w = writer_of(out, size);
    bool v4 = sa->local.address.family == ADDRESS_V4;
    write_u8(&w, name ? type : v4 ? ISAKMP_ID_IPV4_ADDR : ISAKMP_ID_IPV6_ADDR);
    write_u8(&w, 17);
    write_be16(&w, sa->nat_port ? 0 : ISAKMP_PORT); /* RFC 3947 §4 */
    if (name)
        write_copy(&w, name, MIN(strlen(name), (size_t)IKE_IDENTITY_MAX));
    else
        write_copy(&w, sa->local.address.bytes, address_len(&sa->local.address));
    return writer_bytes(&w).len;
}

/* ---- vendor ids ---- */

void phase1_write_vendors(struct ike *ike, struct ike_sa *sa, struct isakmp_writer *w)
{
    static const uint8_t natt[] = {ISAKMP_VENDOR_NATT_RFC3947, ISAKMP_VENDOR_NATT_03, ISAKMP_VENDOR_NATT_02N,
                                   ISAKMP_VENDOR_NATT_02};
    if (sa->initiator) {
        for (size_t i = 0; i < ARRAY_SIZE(natt); i++)
            isakmp_write_vendor(w, natt[i]);
    } else if (sa->phase1->natt) {
        isakmp_write_vendor(w, sa->phase1->natt);
    }
    isakmp_write_vendor(w, ISAKMP_VENDOR_DPD);
    if (ike->config->fragmentation)
        isakmp_write_vendor(w, ISAKMP_VENDOR_FRAGMENTATION);
}

void phase1_read_vendors(struct ike *ike, struct ike_sa *sa, const struct isakmp_message *m)
{
    static const uint8_t rank[ISAKMP_VENDOR_COUNT] = {[ISAKMP_VENDOR_NATT_RFC3947] = 4,
                                                      [ISAKMP_VENDOR_NATT_03] = 3,
                                                      [ISAKMP_VENDOR_NATT_02N] = 2,
                                                      [ISAKMP_VENDOR_NATT_02] = 1};
    for (uint32_t i = 0; i < m->count; i++) {
        if (m->payloads[i].type != ISAKMP_PAYLOAD_VENDOR_ID)
            continue;
        enum isakmp_vendor v = isakmp_vendor_find(m->payloads[i].body);
        if (v == ISAKMP_VENDOR_DPD)
            sa->dpd = true;
        else if (v == ISAKMP_VENDOR_FRAGMENTATION)
            sa->fragmentation = true;
        else if (rank[v] > rank[sa->phase1->natt])
            sa->phase1->natt = (uint8_t)v;
    }
    sa->natt_draft = sa->phase1->natt && sa->phase1->natt != ISAKMP_VENDOR_NATT_RFC3947;
    if (sa->phase1->natt)
        ike_debugf(ike, "(%u): peer speaks %s", sa->number, isakmp_vendor_name(sa->phase1->natt));
}

/* ---- notifies of phase 1 ---- */

static struct bytes cookies_of(const struct ike_sa *sa)
{
    return bytes_of(sa->cookie_i, 16);
}
_Static_assert(offsetof(struct ike_sa, cookie_r) == offsetof(struct ike_sa, cookie_i) + 8,
               "the cookies are one SPI");

void phase1_write_initial_contact(struct ike *ike, struct ike_sa *sa, struct isakmp_writer *w)
{
    if (contact_made(ike, &sa->local.address, &sa->remote.address))
        return;
    isakmp_write_notify(w, ISAKMP_PROTOCOL_ISAKMP, ISAKMP_NOTIFY_INITIAL_CONTACT, cookies_of(sa),
                        (struct bytes){0});
}

bool phase1_has_initial_contact(const struct ike_sa *sa, const struct isakmp_message *m)
{
    (void)sa;
    struct isakmp_notify n;
    const struct isakmp_payload *p;
    for (uint32_t i = 0; (p = isakmp_payload_find(m, ISAKMP_PAYLOAD_NOTIFY, i)); i++)
        if (isakmp_notify_parse(p->body, &n) == ISAKMP_OK && n.type == ISAKMP_NOTIFY_INITIAL_CONTACT)
            return true;
    return false;
}

void phase1_write_lifetime(struct ike *ike, struct ike_sa *sa, struct isakmp_writer *w)
{
    (void)ike;
    isakmp_begin_notify(w, ISAKMP_PROTOCOL_ISAKMP, ISAKMP_NOTIFY_RESPONDER_LIFETIME, cookies_of(sa));
    isakmp_write_basic(w, ISAKMP_IKE_LIFE_TYPE, ISAKMP_LIFE_SECONDS);
    isakmp_write_number(w, ISAKMP_IKE_LIFE_DURATION, sa->policy.lifetime_seconds);
    isakmp_end_payload(w);
}

void phase1_read_lifetime(struct ike_sa *sa, const struct isakmp_message *m)
{
    struct isakmp_notify n;
    struct isakmp_attribute a;
    const struct isakmp_payload *p;
    for (uint32_t i = 0; (p = isakmp_payload_find(m, ISAKMP_PAYLOAD_NOTIFY, i)); i++)
        if (isakmp_notify_parse(p->body, &n) == ISAKMP_OK && n.type == ISAKMP_NOTIFY_RESPONDER_LIFETIME &&
            n.protocol == ISAKMP_PROTOCOL_ISAKMP &&
            isakmp_attribute_find(n.data, ISAKMP_IKE_LIFE_DURATION, &a) && a.has_value && a.value)
            sa->policy.lifetime_seconds = (uint32_t)MIN(a.value, (uint64_t)sa->policy.lifetime_seconds);
}
