/* SPDX-License-Identifier: Apache-2.0 */
/* The intake. Cheap checks first; nothing is allocated for a message before its SA is known, except for the
 * first message of a stranger, which the half-open limits bound. A repeated message gets the same answer
 * again, byte for byte, and is never processed twice: that would break the chain of IVs. RFC 2408 §5.1, §5.2.
 */
#include "ike/intake/intake.h"

#include "ike/exchange/exchange.h"
#include "ike/exchange/message.h"
#include "ike/intake/fragments.h"
#include "ike/sa/group.h"
#include "ike/sa/ike_sa.h"
#include "ike/v1/dpd.h"
#include "ike/v1/informational.h"
#include "ike/v1/phase1.h"
#include "ike/v1/quick_mode.h"

static void malformed(struct ike *ike, const struct ike_event *event, const char *why)
{
    char peer[ENDPOINT_TEXT];
    ike->statistics.malformed++;
    if (ike_log_allowed(ike))
        ike_log(ike, 4, "IKMP_BAD_MESSAGE", "IKE message from %s failed its sanity check or is malformed: %s",
                endpoint_print(&event->datagram.remote, peer), why);
}

static void resend(struct ike *ike, const struct ike_sa *sa, const struct message *answer)
{
    ike->statistics.duplicates++;
    if (!answer)
        return;
    ike_debugf(ike, "(%u): message came again, answer sent again", sa->number);
    ike->statistics.retransmissions++;
    message_send(ike, sa, message_bytes(answer));
}

/* ---- phase 1 ---- */

static bool is_duplicate(struct ike *ike, struct ike_sa *sa, struct bytes datagram)
{
    uint64_t digest = ike_digest(ike, datagram);
    if (sa_established(sa)) {
        if (sa->answer && sa->answered == digest) {
            resend(ike, sa, sa->answer);
            return true;
        }
        return false;
    }
    struct phase1 *p = sa->phase1;
    if (p->answered != digest)
        return false;
    /* An initiator repeats what it sent by its own timer, which it does not wait for once: whoever answers
     * again may be a successor that has not what we sent since. */
    if (sa->initiator)
        phase1_hasten(ike, sa);
    resend(ike, sa, sa->initiator ? NULL : p->sent);
    return true;
}

static void receive_phase1(struct ike *ike, struct ike_sa *sa, const struct ike_event *event,
                           const struct isakmp_header *h, struct bytes datagram)
{
    static const uint8_t none[8];
    if (h->message_id != 0) {
        malformed(ike, event, "message id of phase 1 is not zero");
        return;
    }
    if (!sa && memcmp(h->responder_cookie, none, 8) == 0)
        sa = sa_find_initial(ike, h->initiator_cookie, &event->datagram.remote);
    if (sa && is_duplicate(ike, sa, datagram))
        return;
    if (sa && (sa_established(sa) || sa->aggressive != (h->exchange == ISAKMP_EXCHANGE_AGGRESSIVE))) {
        ike->statistics.duplicates++;
        return;
    }
    if (sa && sa->doom)
        return;
    if (!sa && memcmp(h->responder_cookie, none, 8) != 0)
        return; /* logged by the caller */
    bool same_host = !sa || address_equal(&sa->remote.address, &event->datagram.remote.address);
    if (!same_host && !sa->nat_local && !sa->nat_remote) {
        ike_debugf(ike, "(%u): message from another address, dropped", sa->number);
        return;
    }
    phase1_receive(ike, sa, event, h, datagram);
}

/* ---- phase 2 and informational ---- */

/* An authentic message from elsewhere: a peer behind NAT is followed (RFC 3947 §7), any other stays where it
 * is. */
static void follow(struct ike *ike, struct ike_sa *sa, const struct ike_event *event)
{
    dpd_heard(ike, sa);
    if (sa->nat_remote && event->datagram.nat_port && !endpoint_equal(&sa->remote, &event->datagram.remote))
        sa_move(ike, sa, &event->datagram.remote);
}

static void receive_phase2(struct ike *ike, struct ike_sa *sa, const struct ike_event *event,
                           const struct isakmp_header *h, struct bytes datagram)
{
    uint8_t iv[CBC_BLOCK_MAX];
    char peer[ADDRESS_TEXT];
    enum isakmp_error error;
    struct exchange *x = h->exchange == ISAKMP_EXCHANGE_QUICK ? exchange_find(sa, h->message_id) : NULL;
    uint64_t digest = x ? ike_digest(ike, datagram) : 0;
    if (x && (x->answered == digest || x->closed == digest)) {
        resend(ike, sa, x->answered == digest ? x->sent : NULL);
        return;
    }
    if (x)
        memcpy(iv, x->iv, sizeof(iv));
    else if (!message_iv_phase2(sa, h->message_id, iv))
        return;
    if (!message_open(ike, sa, h, datagram, iv, &error)) {
        malformed(ike, event, "does not decrypt to payloads");
        return;
    }
    ike_debug_message(ike, sa, &ike->message);
    const struct isakmp_message *m = &ike->message;
    if (h->exchange == ISAKMP_EXCHANGE_QUICK) {
        uint64_t id = sa->id;
        if (!quick_receive(ike, sa, x, m, datagram, iv)) {
            ike->statistics.authentication_failed++;
            if (ike_log_allowed(ike))
                ike_log(ike, 4, "IKMP_BAD_MESSAGE", "Quick mode message from %s is not authentic",
                        address_print(&event->datagram.remote.address, peer));
        } else if (sa_find_id(ike, id)) {
            follow(ike, sa, event);
        }
        return;
    }
    if (!message_authentic(sa, m, (struct bytes){0})) {
        ike->statistics.authentication_failed++;
        return;
    }
    follow(ike, sa, event);
    informational_receive(ike, sa, m);
}

static void receive_protected(struct ike *ike, struct ike_sa *sa, const struct ike_event *event,
                              const struct isakmp_header *h, struct bytes datagram)
{
    char peer[ADDRESS_TEXT];
    bool encrypted = h->flags & ISAKMP_FLAG_ENCRYPTION;
    if (!encrypted) {
        if (h->exchange == ISAKMP_EXCHANGE_INFORMATIONAL &&
            isakmp_message_parse(datagram, &ike->message) == ISAKMP_OK)
            informational_receive_clear(ike, sa, &ike->message);
        else if (ike_log_allowed(ike))
            ike_log(ike, 6, "IKMP_NOT_ENCRYPTED",
                    "IKE packet from %s was not encrypted and it should've been.",
                    address_print(&event->datagram.remote.address, peer));
        return;
    }
    if (!sa_alive(sa)) {
        /* Before the end of phase 1 nothing of phase 2 can be trusted; its state must not move. */
        if (h->exchange == ISAKMP_EXCHANGE_INFORMATIONAL)
            phase1_unreadable(ike, sa);
        if (h->exchange == ISAKMP_EXCHANGE_QUICK && !sa->doom && ike_log_allowed(ike))
            ike_log(ike, 6, "IKMP_SA_NOT_AUTH",
                    "Cannot accept Quick Mode exchange from %s if SA is not authenticated!",
                    address_print(&event->datagram.remote.address, peer));
        return;
    }
    if (h->message_id == 0) {
        malformed(ike, event, "message id is zero");
        return;
    }
    receive_phase2(ike, sa, event, h, datagram);
}

/* ---- the way in ---- */

static void no_sa(struct ike *ike, const struct ike_event *event, const struct isakmp_header *h)
{
    static const uint8_t none[8];
    char peer[ADDRESS_TEXT];
    if (h->exchange == ISAKMP_EXCHANGE_INFORMATIONAL && memcmp(h->responder_cookie, none, 8) == 0)
        return;
    if (ike_log_allowed(ike))
        ike_log(ike, 4, "IKMP_NO_SA", "IKE message from %s has no SA and is not an initialization offer",
                address_print(&event->datagram.remote.address, peer));
}

static void dispatch(struct ike *ike, const struct ike_event *event, const struct isakmp_header *h,
                     struct bytes datagram)
{
    static const uint8_t none[8];
    bool first = memcmp(h->responder_cookie, none, 8) == 0;
    struct ike_sa *sa = first ? NULL : sa_find_message(ike, h);
    if (!sa && h->exchange == ISAKMP_EXCHANGE_INFORMATIONAL)
        sa = sa_find_message(ike, h); /* a refusal of our first message has no second cookie */
    if (sa && group_standby(ike, sa->timer.group)) {
        ike->statistics.standby_ignored++; /* its cookies, and not its address */
        return;
    }
    switch (h->exchange) {
    case ISAKMP_EXCHANGE_MAIN:
    case ISAKMP_EXCHANGE_AGGRESSIVE:
        if (!sa && !first)
            no_sa(ike, event, h);
        else
            receive_phase1(ike, sa, event, h, datagram);
        break;
    case ISAKMP_EXCHANGE_QUICK:
    case ISAKMP_EXCHANGE_INFORMATIONAL:
        if (sa)
            receive_protected(ike, sa, event, h, datagram);
        else
            no_sa(ike, event, h);
        break;
    default:
        malformed(ike, event, "exchange type not supported");
    }
}

/* Fragments are reassembled for an SA that is known; what comes out is treated as if it had come whole. */
static void receive_fragment(struct ike *ike, const struct ike_event *event, const struct isakmp_header *h)
{
    struct isakmp_fragment f;
    struct ike_sa *sa = sa_find_message(ike, h);
    if (!sa || !ike->config->fragmentation || group_standby(ike, sa->timer.group))
        return;
    if (isakmp_message_parse(event->datagram.data, &ike->message) != ISAKMP_OK ||
        isakmp_fragment_parse(ike->message.payloads[0].body, &f) != ISAKMP_OK) {
        malformed(ike, event, "malformed fragment");
        return;
    }
    struct isakmp_header whole;
    struct bytes datagram = reassembly_add(ike, sa, &f);
    if (datagram.len == 0)
        return;
    if (isakmp_header_parse(datagram, &whole) != ISAKMP_OK || whole.next_payload == ISAKMP_PAYLOAD_FRAGMENT) {
        malformed(ike, event, "fragments do not make a message");
        return;
    }
    dispatch(ike, event, &whole, datagram);
}

void intake_datagram(struct ike *ike, const struct ike_event *event)
{
    struct isakmp_header h;
    struct bytes datagram = event->datagram.data;
    ike->statistics.messages_in++;
    if (datagram.len > IKE_DATAGRAM_MAX) {
        malformed(ike, event, "too long");
        return;
    }
    enum isakmp_error error = isakmp_header_parse(datagram, &h);
    if (error != ISAKMP_OK) {
        malformed(ike, event, isakmp_error_name(error));
        return;
    }
    if (h.next_payload == ISAKMP_PAYLOAD_FRAGMENT && !(h.flags & ISAKMP_FLAG_ENCRYPTION))
        receive_fragment(ike, event, &h);
    else
        dispatch(ike, event, &h, datagram);
}
