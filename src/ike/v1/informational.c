/* SPDX-License-Identifier: Apache-2.0 */
/* Informational exchanges. Each has a message id and an IV of its own that chain nowhere else, so one that
 * comes in the middle of anything disturbs nothing. What comes in the clear is a hint (phase1_hint) and never
 * ends an established SA. RFC 2408 §3.14, §3.15, §5.14; RFC 2409 §5.7; RFC 2407 §4.6.3. */
#include "ike/v1/informational.h"

#include "base/be.h"
#include "ike/exchange/message.h"
#include "ike/sa/connection.h"
#include "ike/sa/ike_sa.h"
#include "ike/sa/pair.h"
#include "ike/v1/dpd.h"
#include "ike/v1/phase1.h"
#include "ike/v1/quick_mode.h"

/* ---- sending ---- */

static uint32_t draw_message_id(struct ike *ike)
{
    uint32_t id;
    do {
        id = rng_u32(&ike->rng);
    } while (id == 0);
    return id;
}

static void finish(struct ike *ike, struct ike_sa *sa, uint32_t message_id, uint8_t *hash)
{
    uint8_t iv[CBC_BLOCK_MAX];
    if (!message_iv_phase2(sa, message_id, iv))
        return;
    message_send(ike, sa, message_finish_phase2(ike, sa, message_id, hash, (struct bytes){0}, iv));
}

void informational_notify(struct ike *ike, struct ike_sa *sa, uint8_t protocol, uint16_t type,
                          struct bytes spi, struct bytes data)
{
    uint8_t *hash;
    uint32_t id = draw_message_id(ike);
    struct isakmp_writer *w = message_begin_phase2(ike, sa, ISAKMP_EXCHANGE_INFORMATIONAL, id, &hash);
    isakmp_write_notify(w, protocol, type, spi, data);
    ike_debugf(ike, "(%u): sending notify %s", sa->number, isakmp_notify_name(type));
    finish(ike, sa, id, hash);
}

void informational_delete_sa(struct ike *ike, struct ike_sa *sa)
{
    uint8_t *hash;
    uint32_t id = draw_message_id(ike);
    struct isakmp_writer *w = message_begin_phase2(ike, sa, ISAKMP_EXCHANGE_INFORMATIONAL, id, &hash);
    isakmp_write_delete(w, ISAKMP_PROTOCOL_ISAKMP, 16, bytes_of(sa->cookie_i, 16));
    finish(ike, sa, id, hash);
}

static uint8_t protocol_number(const struct ike_pair *p)
{
    return p->protocol == 50 ? ISAKMP_PROTOCOL_ESP : ISAKMP_PROTOCOL_AH;
}

void informational_delete_pair(struct ike *ike, struct ike_sa *sa, const struct ike_pair *pair)
{
    uint8_t *hash;
    uint32_t id = draw_message_id(ike);
    struct isakmp_writer *w = message_begin_phase2(ike, sa, ISAKMP_EXCHANGE_INFORMATIONAL, id, &hash);
    for (const struct ike_pair *p = pair; p; p = p->outer) {
        be32 spi = be32_of(p->spi_in); /* a sender's inbound SPI is the receiver's outbound one */
        isakmp_write_delete(w, protocol_number(p), 4, bytes_of(&spi, 4));
    }
    finish(ike, sa, id, hash);
}

void informational_lifetime(struct ike *ike, struct ike_sa *sa)
{
    uint8_t *hash;
    uint32_t id = draw_message_id(ike);
    struct isakmp_writer *w = message_begin_phase2(ike, sa, ISAKMP_EXCHANGE_INFORMATIONAL, id, &hash);
    phase1_write_lifetime(ike, sa, w);
    finish(ike, sa, id, hash);
}

void informational_invalid_spi(struct ike *ike, struct ike_sa *sa, uint8_t protocol, uint32_t spi)
{
    be32 wire = be32_of(spi);
    if (sa->invalid_spi_at && ns_since(ike->now, sa->invalid_spi_at) < NS_PER_S)
        return;
    sa->invalid_spi_at = ike->now;
    uint8_t number = protocol == 51 ? ISAKMP_PROTOCOL_AH : ISAKMP_PROTOCOL_ESP;
    informational_notify(ike, sa, number, ISAKMP_NOTIFY_INVALID_SPI, bytes_of(&wire, 4), bytes_of(&wire, 4));
}

/* One small message per first message of a stranger, never larger than what came. */
void informational_refuse(struct ike *ike, const struct ike_event *event, const struct isakmp_header *header,
                          uint16_t type)
{
    struct isakmp_header h = {.version = ISAKMP_VERSION_1, .exchange = ISAKMP_EXCHANGE_INFORMATIONAL};
    uint8_t buffer[ISAKMP_HEADER + 64];
    struct isakmp_writer w;
    memcpy(h.initiator_cookie, header->initiator_cookie, 8);
    memcpy(h.responder_cookie, header->responder_cookie, 8);
    h.message_id = draw_message_id(ike);
    isakmp_writer_init(&w, buffer, sizeof(buffer), &h);
    isakmp_write_notify(&w, ISAKMP_PROTOCOL_ISAKMP, type, (struct bytes){0}, (struct bytes){0});
    struct ike_action *a = action_add(ike, IKE_ACTION_SEND);
    a->send.local = event->datagram.local;
    a->send.remote = event->datagram.remote;
    a->send.nat_port = event->datagram.nat_port;
    a->send.data = action_copy(ike, isakmp_writer_finish(&w));
    ike->statistics.messages_out++;
}

/* ---- receiving ---- */

/* The peer does not know what we send on: that pair is of no use, and a new one is wanted. */
static void invalid_spi(struct ike *ike, struct ike_sa *sa, const struct isakmp_notify *n)
{
    char peer[ENDPOINT_TEXT];
    struct bytes spi = n->spi.len == 4 ? n->spi : n->data;
    uint8_t protocol = n->protocol == ISAKMP_PROTOCOL_AH ? 51 : 50;
    if (spi.len < 4)
        return;
    struct ike_pair *p = pair_find_out(ike, sa, protocol, be32_load(spi.data));
    if (!p)
        return;
    p = p->inner ? p->inner : p;
    ike_log(ike, 5, "IKMP_INVALID_SPI", "peer %s does not know SPI 0x%08x: its IPsec SAs are made anew",
            endpoint_print(&sa->remote, peer), p->spi_out);
    p->renew = !p->superseded;
    pair_doom(ike, p, false);
}

static void notify_receive(struct ike *ike, struct ike_sa *sa, const struct isakmp_message *m,
                           struct bytes body)
{
    struct isakmp_notify n;
    if (isakmp_notify_parse(body, &n) != ISAKMP_OK) {
        ike->statistics.malformed++;
        return;
    }
    ike_debugf(ike, "(%u): notify %s received", sa->number, isakmp_notify_name(n.type));
    switch (n.type) {
    case ISAKMP_NOTIFY_R_U_THERE:
    case ISAKMP_NOTIFY_R_U_THERE_ACK:
        dpd_notify(ike, sa, &n);
        break;
    case ISAKMP_NOTIFY_INVALID_SPI:
        invalid_spi(ike, sa, &n);
        break;
    case ISAKMP_NOTIFY_RESPONDER_LIFETIME:
        if (n.protocol == ISAKMP_PROTOCOL_ISAKMP) {
            uint32_t was = sa->policy.lifetime_seconds;
            phase1_read_lifetime(sa, m);
            if (sa->policy.lifetime_seconds < was)
                sa->dirty = true, sa_relife(ike, sa);
        }
        break;
    case ISAKMP_NOTIFY_CONNECTED: /* a commit bit's end: our pair is in use already */
    case ISAKMP_NOTIFY_INITIAL_CONTACT:
    case ISAKMP_NOTIFY_REPLAY_STATUS:
        break;
    default:
        if (n.type > 0 && n.type < 8192)
            quick_refused(ike, sa, n.type, n.spi);
    }
}

static void delete_sa(struct ike *ike, struct ike_sa *sa, struct bytes cookies)
{
    /* It may name an older SA of the same peer (RFC 2408 §3.15 does not tie it to the SA that protects it).
     */
    struct ike_sa *gone = sa_find_cookies(ike, cookies.data);
    if (!gone || !sa_established(gone) || !address_equal(&gone->remote.address, &sa->remote.address) ||
        !address_equal(&gone->local.address, &sa->local.address))
        return;
    ike_debugf(ike, "(%u): peer deletes the IKE SA", gone->number);
    sa_doom(ike, gone, SA_DOOMED, false);
}

static void delete_receive(struct ike *ike, struct ike_sa *sa, struct bytes body)
{
    struct isakmp_delete d;
    if (isakmp_delete_parse(body, &d) != ISAKMP_OK) {
        ike->statistics.malformed++;
        return;
    }
    for (uint32_t i = 0; i < d.spi_count; i++) {
        struct bytes spi = isakmp_delete_spi(&d, i);
        if (d.protocol == ISAKMP_PROTOCOL_ISAKMP && spi.len == 16) {
            delete_sa(ike, sa, spi);
        } else if (spi.len == 4) {
            struct ike_pair *p =
                pair_find_out(ike, sa, d.protocol == ISAKMP_PROTOCOL_AH ? 51 : 50, be32_load(spi.data));
            if (p) /* some peers name both SPIs: those that are not ours to send on are passed over */
                pair_deleted_by_peer(ike, p);
        }
    }
}

void informational_receive(struct ike *ike, struct ike_sa *sa, const struct isakmp_message *m)
{
    for (uint32_t i = 1; i < m->count; i++) {
        if (m->payloads[i].type == ISAKMP_PAYLOAD_NOTIFY)
            notify_receive(ike, sa, m, m->payloads[i].body);
        else if (m->payloads[i].type == ISAKMP_PAYLOAD_DELETE)
            delete_receive(ike, sa, m->payloads[i].body);
    }
}

void informational_receive_clear(struct ike *ike, struct ike_sa *sa, const struct isakmp_message *m)
{
    struct isakmp_notify n;
    const struct isakmp_payload *p = isakmp_payload_find(m, ISAKMP_PAYLOAD_NOTIFY, 0);
    if (!p || isakmp_notify_parse(p->body, &n) != ISAKMP_OK || sa_established(sa))
        return;
    ike_debugf(ike, "(%u): unprotected notify %s: a hint", sa->number, isakmp_notify_name(n.type));
    phase1_hint(ike, sa, n.type);
}
