/* SPDX-License-Identifier: Apache-2.0 */
/* What main mode and aggressive mode share. The steps of both are a table: in which state which payloads must
 * be there, encrypted or not, and who handles them. A message that does not fit its state is dropped: the
 * peer's retransmission or ours repairs it. Nothing unauthenticated ends a negotiation, except that an error
 * notify shortens our patience (RFC 2408 §5.14 gives it no protection). RFC 2409 §5.4, RFC 3947. */
#include "ike/v1/phase1.h"

#include "ike/exchange/message.h"
#include "ike/sa/ike_sa.h"

#include <errno.h>

#define BIT(type) (1u << ISAKMP_PAYLOAD_##type)

enum encryption { CLEAR, ENCRYPTED, EITHER };

static const struct phase1_step {
    uint8_t state; /* PHASE1_ESTABLISHED: none yet, the first message */
    uint8_t exchange;
    uint8_t encryption;
    uint32_t required;
    phase1_handler *handle;
} steps[] = {
    /* HDR, SA                      --> */
    {PHASE1_ESTABLISHED, ISAKMP_EXCHANGE_MAIN, CLEAR, BIT(SA), mm_r_sa},
    /*                              <--   HDR, SA */
    {PHASE1_MM_I_SA_SENT, ISAKMP_EXCHANGE_MAIN, CLEAR, BIT(SA), mm_i_sa},
    /* HDR, KE, Ni, [NAT-D, NAT-D]  --> */
    {PHASE1_MM_R_SA_SENT, ISAKMP_EXCHANGE_MAIN, CLEAR, BIT(KE) | BIT(NONCE), mm_r_ke},
    /*                              <--   HDR, KE, Nr, [NAT-D, NAT-D] */
    {PHASE1_MM_I_KE_SENT, ISAKMP_EXCHANGE_MAIN, CLEAR, BIT(KE) | BIT(NONCE), mm_i_ke},
    /* HDR*, IDii, HASH_I           --> */
    {PHASE1_MM_R_KE_SENT, ISAKMP_EXCHANGE_MAIN, ENCRYPTED, BIT(ID) | BIT(HASH), mm_r_auth},
    /*                              <--   HDR*, IDir, HASH_R */
    {PHASE1_MM_I_AUTH_SENT, ISAKMP_EXCHANGE_MAIN, ENCRYPTED, BIT(ID) | BIT(HASH), mm_i_auth},
    /* HDR, SA, KE, Ni, IDii        --> */
    {PHASE1_ESTABLISHED, ISAKMP_EXCHANGE_AGGRESSIVE, CLEAR, BIT(SA) | BIT(KE) | BIT(NONCE) | BIT(ID),
     am_r_first},
    /*                              <--   HDR, SA, KE, Nr, IDir, HASH_R */
    {PHASE1_AM_I_SENT, ISAKMP_EXCHANGE_AGGRESSIVE, CLEAR,
     BIT(SA) | BIT(KE) | BIT(NONCE) | BIT(ID) | BIT(HASH), am_i_second},
    /* HDR[*], HASH_I               --> */
    {PHASE1_AM_R_SENT, ISAKMP_EXCHANGE_AGGRESSIVE, EITHER, BIT(HASH), am_r_third},
};

/* ---- receiving ---- */

static const struct phase1_step *step_find(const struct ike_sa *sa, uint8_t exchange)
{
    uint8_t state = sa ? sa->state : PHASE1_ESTABLISHED;
    for (size_t i = 0; i < ARRAY_SIZE(steps); i++)
        if (steps[i].state == state && steps[i].exchange == exchange)
            return &steps[i];
    return NULL;
}

/* NAT-D payloads of either numbering are no payloads to require, so types above 31 need no bit. */
static uint32_t present(const struct isakmp_message *m)
{
    uint32_t bits = 0;
    for (uint32_t i = 0; i < m->count; i++)
        if (m->payloads[i].type < 32)
            bits |= 1u << m->payloads[i].type;
    return bits;
}

static void bad_message(struct ike *ike, struct ike_sa *sa, const struct ike_event *event, const char *why)
{
    char peer[ENDPOINT_TEXT];
    ike->statistics.malformed++;
    if (ike_log_allowed(ike))
        ike_log(ike, 4, "IKMP_BAD_MESSAGE", "IKE message from %s failed its sanity check or is malformed: %s",
                endpoint_print(&event->datagram.remote, peer), why);
    ike_debugf(ike, "(%u): message dropped: %s", sa ? sa->number : 0, why);
}

/* MM5 or MM6 that decrypts to nonsense: the field's sign of different pre-shared keys. Said once, not at
 * every retransmission. */
static void undecryptable(struct ike *ike, struct ike_sa *sa, const struct ike_event *event)
{
    char peer[ADDRESS_TEXT];
    bool first = !sa->phase1->auth_undecryptable;
    sa->phase1->auth_undecryptable = true;
    ike->statistics.authentication_failed++;
    if (first && ike_log_allowed(ike))
        ike_log(ike, 4, "IKMP_BAD_MESSAGE",
                "IKE message from %s failed its sanity check or is malformed: its pre-shared key does not "
                "match ours "
                "(crypto isakmp key ... address)",
                address_print(&event->datagram.remote.address, peer));
}

void phase1_receive(struct ike *ike, struct ike_sa *sa, const struct ike_event *event,
                    const struct isakmp_header *header, struct bytes datagram)
{
    const struct phase1_step *step = step_find(sa, header->exchange);
    bool encrypted = header->flags & ISAKMP_FLAG_ENCRYPTION;
    char peer[ADDRESS_TEXT];
    if (!step) {
        ike_debugf(ike, "(%u): message does not fit the state, dropped", sa ? sa->number : 0);
        return;
    }
    if ((encrypted && step->encryption == CLEAR) || (!encrypted && step->encryption == ENCRYPTED)) {
        if (!encrypted && ike_log_allowed(ike))
            ike_log(ike, 6, "IKMP_NOT_ENCRYPTED",
                    "IKE packet from %s was not encrypted and it should've been.",
                    address_print(&event->datagram.remote.address, peer));
        ike->statistics.malformed++;
        return;
    }
    uint8_t iv[CBC_BLOCK_MAX] = {0};
    enum isakmp_error error;
    if (encrypted) {
        memcpy(iv, sa->phase1->iv, sizeof(iv));
        if (!message_open(ike, sa, header, datagram, iv, &error)) {
            undecryptable(ike, sa, event);
            return;
        }
    } else {
        error = isakmp_message_parse(datagram, &ike->message);
        if (error != ISAKMP_OK) {
            bad_message(ike, sa, event, isakmp_error_name(error));
            return;
        }
    }
    ike_debug_message(ike, sa, &ike->message);
    if ((present(&ike->message) & step->required) != step->required) {
        if (encrypted)
            undecryptable(ike, sa, event);
        else
            bad_message(ike, sa, event, "a payload is missing");
        return;
    }
    struct phase1_input in = {.event = event, .m = &ike->message, .datagram = datagram};
    const char *cause = NULL;
    uint64_t id = sa ? sa->id : 0;
    uint8_t before[CBC_BLOCK_MAX] = {0};
    if (sa) {
        memcpy(before, sa->phase1->iv, sizeof(before));
        if (encrypted)
            memcpy(sa->phase1->iv, iv, sizeof(iv));
    }
    if (step->handle(ike, sa, &in, &cause))
        return;
    if (sa && encrypted && sa_find_id(ike, id) && sa->phase1)
        memcpy(sa->phase1->iv, before, sizeof(before));
    if (cause)
        bad_message(ike, sa, event, cause);
}

void phase1_job(struct ike *ike, struct ike_sa *sa, struct ike_job *job)
{
    if (!sa->phase1)
        return;
    if (job->result != 0) {
        phase1_fail(ike, sa,
                    job->result == -EBADMSG ? "public value of the peer is not acceptable"
                                            : "key exchange failed");
        return;
    }
    switch (sa->state) {
    case PHASE1_MM_I_KEYPAIR:
        mm_i_keypair(ike, sa, job);
        break;
    case PHASE1_MM_I_SHARED:
        mm_i_shared(ike, sa, job);
        break;
    case PHASE1_MM_R_SHARED:
        mm_r_shared(ike, sa, job);
        break;
    case PHASE1_AM_I_KEYPAIR:
        am_i_keypair(ike, sa, job);
        break;
    case PHASE1_AM_I_SHARED:
        am_i_shared(ike, sa, job);
        break;
    case PHASE1_AM_R_SHARED:
        am_r_shared(ike, sa, job);
        break;
    default:
        break;
    }
}
