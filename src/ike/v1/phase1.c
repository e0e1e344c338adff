/* SPDX-License-Identifier: Apache-2.0 */
/* What main mode and aggressive mode share. The steps of both are a table: in which state which payloads must
 * be there, encrypted or not, and who handles them. A message that does not fit its state is dropped: the
 * peer's retransmission or ours repairs it. Nothing unauthenticated ends a negotiation, except that an error
 * notify shortens our patience (RFC 2408 §5.14 gives it no protection). RFC 2409 §5.4, RFC 3947. */
#include "ike/v1/phase1.h"

#include "ike/auth/preshared.h"
#include "ike/exchange/exchange.h"
#include "ike/exchange/message.h"
#include "ike/negotiate/phase1_policy.h"
#include "ike/sa/connection.h"
#include "ike/sa/ike_sa.h"
#include "ike/v1/dpd.h"
#include "ike/v1/informational.h"

#include <errno.h>
#include <stdio.h>

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

static const char *mode_name(const struct ike_sa *sa)
{
    return sa->aggressive ? "Aggressive" : "Main";
}

/* ---- beginning and ending ---- */

bool phase1_set_psk(struct ike_sa *sa, struct bytes key)
{
    message_free(&sa->phase1->psk);
    sa->phase1->psk = message_copy(key);
    return sa->phase1->psk != NULL;
}

struct ike_sa *phase1_initiate(struct ike *ike, const struct ike_connection *config, uint32_t peer,
                               const char **ret_cause)
{
    const struct ike_peer *p = &config->peers[peer];
    const struct ike_key *key = preshared_by_address(ike, &p->address);
    struct bytes psk = key ? key->key : (struct bytes){0};
    bool aggressive = p->aggressive && !ike->config->aggressive_disabled;
    if (aggressive && p->aggressive_key.len)
        psk = p->aggressive_key;
    if (psk.len == 0) {
        *ret_cause = "no pre-shared key for it";
        return NULL;
    }
    struct endpoint local = {config->local, ISAKMP_PORT}, remote = {p->address, ISAKMP_PORT};
    struct ike_sa *sa = sa_new(ike, true, &local, &remote);
    if (!sa || !phase1_set_psk(sa, psk)) {
        if (sa)
            sa_free(ike, sa, NULL);
        *ret_cause = "too many IKE SAs";
        return NULL;
    }
    sa->aggressive = aggressive;
    sa->phase1->connection = config->id;
    sa->phase1->peer = peer;
    ike->statistics.phase1_initiated++;
    if (aggressive) {
        if (!am_start(ike, sa, ret_cause)) {
            sa_free(ike, sa, NULL);
            return NULL;
        }
    } else {
        mm_start(ike, sa);
        if (!sa->phase1->sent) {
            sa_free(ike, sa, NULL);
            *ret_cause = "no isakmp policy with pre-shared keys";
            return NULL;
        }
    }
    sa_timer(ike, sa);
    return sa;
}

bool phase1_reauthenticate(struct ike *ike, struct ike_sa *old)
{
    const char *cause = NULL;
    if (sa_find_path_initiating(ike, &old->local.address, &old->remote.address))
        return true;
    struct peer_link *link = peer_link_find(ike, &old->local.address, &old->remote.address, NULL);
    /* A peer that is not known beforehand comes again by itself. */
    bool ours = link && !link->connection->config->dynamic;
    struct ike_sa *sa = ours ? phase1_initiate(ike, link->connection->config, link->peer, &cause) : NULL;
    if (!sa)
        return false;
    sa->replaces = old->id;
    ike->statistics.rekeys++;
    return true;
}

static void log_failure(struct ike *ike, struct ike_sa *sa, const char *cause)
{
    char peer[ADDRESS_TEXT], where[96] = "";
    struct connection *c = sa->phase1 && sa->phase1->connection != UINT32_MAX
                               ? connection_find(ike, sa->phase1->connection)
                               : NULL;
    if (c && c->config)
        snprintf(where, sizeof(where), " (crypto map %.48s %u)", c->config->map_name, c->config->sequence);
    ike_log(ike, 6, "IKMP_MODE_FAILURE", "Processing of %s mode failed with peer at %s%s: %s", mode_name(sa),
            address_print(&sa->remote.address, peer), where, cause);
}

void phase1_fail(struct ike *ike, struct ike_sa *sa, const char *cause)
{
    char text[128];
    snprintf(text, sizeof(text), "%s", cause); /* it may lie in what is freed */
    if (sa->initiator || ike_log_allowed(ike))
        log_failure(ike, sa, text);
    sa_free(ike, sa, text);
}

/* A real answer may still come for a moment, but nothing is sent again. */
static void lose_patience(struct ike *ike, struct ike_sa *sa)
{
    struct phase1 *p = sa->phase1;
    if (p->send_at != NS_NEVER) {
        p->tries = IKE_TRIES;
        p->send_at = ns_min(p->send_at, ike->now + IKE_HINT_PATIENCE);
        sa_timer(ike, sa);
    }
}

void phase1_hint(struct ike *ike, struct ike_sa *sa, uint16_t type)
{
    struct phase1 *p = sa->phase1;
    if (!p || !sa->initiator || type == 0 || type >= 8192)
        return;
    p->hint = (uint8_t)MIN(type, 255);
    lose_patience(ike, sa);
}

/* A peer with another key answers our authentication with an error that it seals with its own: it cannot say
 * anything that we could read. A notify that overtook the answer looks the same, so one counts only when
 * another follows after we sent again. */
void phase1_unreadable(struct ike *ike, struct ike_sa *sa)
{
    struct phase1 *p = sa->phase1;
    if (!p || sa->state != PHASE1_MM_I_AUTH_SENT || p->unreadable > 1)
        return;
    if (p->unreadable == 0 || p->tries > 1)
        p->unreadable++;
    if (p->unreadable > 1) {
        p->auth_undecryptable = true;
        lose_patience(ike, sa);
    }
}

static const char *give_up_cause(const struct ike_sa *sa, char *out, size_t size)
{
    const struct phase1 *p = sa->phase1;
    if (p->hint) {
        bool key = p->hint == ISAKMP_NOTIFY_PAYLOAD_MALFORMED && sa->state == PHASE1_MM_I_AUTH_SENT;
        snprintf(out, size, "peer says %s%s", isakmp_notify_name(p->hint),
                 key ? ": the pre-shared keys probably differ" : "");
        return out;
    }
    if (p->auth_undecryptable || sa->state == PHASE1_MM_I_AUTH_SENT)
        return "no usable answer to our authentication: the pre-shared keys probably differ";
    return sa->state == PHASE1_MM_I_SA_SENT || sa->state == PHASE1_AM_I_SENT ? "no answer"
                                                                             : "peer stopped answering";
}

void phase1_timer(struct ike *ike, struct ike_sa *sa)
{
    struct phase1 *p = sa->phase1;
    char cause[128];
    unsigned most = sa->state == PHASE1_AM_R_SENT ? IKE_TRIES_AGGRESSIVE_ANSWER : IKE_TRIES;
    if (p->send_at <= ike->now && p->tries >= most && sa->initiator) {
        phase1_fail(ike, sa, give_up_cause(sa, cause, sizeof(cause)));
        return;
    }
    if (sa->expires <= ike->now) {
        phase1_fail(ike, sa, give_up_cause(sa, cause, sizeof(cause)));
        return;
    }
    if (p->send_at <= ike->now && p->tries >= most)
        p->send_at = NS_NEVER; /* a responder's patience ends with the half-open timeout */
    if (p->send_at <= ike->now) {
        p->tries++;
        p->send_at = ike->now + retransmit_interval(p->tries);
        ike->statistics.retransmissions++;
        ike_debugf(ike, "(%u): retransmitting phase 1 %s, attempt %u of %u", sa->number, mode_name(sa),
                   p->tries, most);
        message_send(ike, sa, message_bytes(p->sent));
    }
    sa_timer(ike, sa);
}

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
    uint8_t iv[CBC_BLOCK_MAX];
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

/* ---- writing ---- */

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
    message_send(ike, sa, whole);
    sa_timer(ike, sa);
    return true;
}

bool phase1_nonce(struct ike *ike, uint8_t *nonce, uint16_t *len)
{
    rng_fill(&ike->rng, nonce, IKE_NONCE_SIZE);
    *len = IKE_NONCE_SIZE;
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

/* ---- vendor ids and NAT ---- */

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

static bool nat_d(const struct ike_sa *sa, const struct endpoint *e, uint8_t out[HASH_MAX])
{
    return keymat_nat_d(sa->policy.hash, sa->cookie_i, sa->cookie_r,
                        bytes_of(e->address.bytes, address_len(&e->address)), e->port, out);
}

/* RFC 3947 §3.2: first where the packet goes to, then where it comes from. */
void phase1_write_nat_d(struct ike *ike, struct ike_sa *sa, struct isakmp_writer *w)
{
    (void)ike;
    uint8_t digest[HASH_MAX];
    uint8_t type = sa->natt_draft ? ISAKMP_PAYLOAD_NAT_D_DRAFT : ISAKMP_PAYLOAD_NAT_D;
    const struct endpoint *ends[] = {&sa->remote, &sa->local};
    for (size_t i = 0; sa->phase1->natt && i < 2; i++)
        if (nat_d(sa, ends[i], digest))
            isakmp_write_payload(w, type, bytes_of(digest, hash_size(sa->policy.hash)));
}

/* Any mismatch is NAT, on a direct link too: peers that want UDP encapsulation send a false one on purpose.
 */
void phase1_read_nat_d(struct ike *ike, struct ike_sa *sa, const struct phase1_input *in)
{
    uint8_t own[HASH_MAX], theirs[HASH_MAX];
    size_t n = hash_size(sa->policy.hash);
    uint8_t type = sa->natt_draft ? ISAKMP_PAYLOAD_NAT_D_DRAFT : ISAKMP_PAYLOAD_NAT_D;
    uint32_t count = isakmp_payload_count(in->m, type);
    if (!sa->phase1->natt || count < 2 || !nat_d(sa, &in->event->datagram.local, own) ||
        !nat_d(sa, &in->event->datagram.remote, theirs))
        return;
    sa->nat_local = !bytes_equal(isakmp_payload_find(in->m, type, 0)->body, bytes_of(own, n));
    sa->nat_remote = true;
    for (uint32_t i = 1; i < count; i++)
        if (bytes_equal(isakmp_payload_find(in->m, type, i)->body, bytes_of(theirs, n)))
            sa->nat_remote = false;
    if (sa->nat_local || sa->nat_remote)
        ike_debugf(ike, "(%u): NAT found: %s%s", sa->number, sa->nat_local ? "we are behind it " : "",
                   sa->nat_remote ? "the peer is behind it" : "");
}

void phase1_float(struct ike_sa *sa)
{
    if (!(sa->nat_local || sa->nat_remote) || sa->nat_port)
        return;
    sa->nat_port = true;
    sa->local.port = ISAKMP_PORT_NATT;
    sa->remote.port = ISAKMP_PORT_NATT;
}

/* RFC 3947 §4: an initiator that sees NAT moves to port 4500. NAT-D payloads are not authenticated with
 * pre-shared keys; where they were tampered with on one side only, what the initiator does decides, so that
 * both agree. */
void phase1_peer_floated(struct ike_sa *sa, const struct ike_event *event)
{
    sa->nat_port = event->datagram.nat_port;
    sa->local.port = event->datagram.local.port;
    if (!sa->nat_port)
        sa->nat_local = sa->nat_remote = false;
}

/* ---- keys ---- */

bool phase1_take_ke(struct ike *ike, struct ike_sa *sa, const struct isakmp_message *m,
                    const char **ret_cause)
{
    struct phase1 *p = sa->phase1;
    struct bytes ke = isakmp_payload_find(m, ISAKMP_PAYLOAD_KE, 0)->body;
    struct bytes nonce = isakmp_payload_find(m, ISAKMP_PAYLOAD_NONCE, 0)->body;
    if (ke.len != dh_public_size(sa->policy.group) || ke.len > DH_PUBLIC_MAX ||
        nonce.len > ISAKMP_NONCE_MAX) {
        *ret_cause = "public value has not the size of the group";
        return false;
    }
    if (!p->kx)
        p->kx = pool_take(&ike->kx_pool);
    if (!p->kx) {
        ike_debugf(ike, "(%u): too many key exchanges at once", sa->number);
        return false;
    }
    memcpy(p->kx->peer_public, ke.data, ke.len);
    p->kx->peer_public_len = (uint16_t)ke.len;
    uint8_t *to = sa->initiator ? p->kx->nonce_r : p->kx->nonce_i;
    memcpy(to, nonce.data, nonce.len);
    *(sa->initiator ? &p->kx->nonce_r_len : &p->kx->nonce_i_len) = (uint16_t)nonce.len;
    return true;
}

static struct bytes public_of(const struct ike_sa *sa, bool initiator)
{
    const struct key_exchange *kx = sa->phase1->kx;
    return sa->initiator == initiator ? dh_public(&kx->keypair)
                                      : bytes_of(kx->peer_public, kx->peer_public_len);
}

bool phase1_keys(struct ike *ike, struct ike_sa *sa, struct bytes shared)
{
    struct phase1 *p = sa->phase1;
    struct keymat_phase1 k;
    enum hash_algorithm hash = sa->policy.hash;
    size_t n = hash_size(hash), block = cbc_block_size(sa->policy.encryption);
    struct bytes ni = bytes_of(p->kx->nonce_i, p->kx->nonce_i_len),
                 nr = bytes_of(p->kx->nonce_r, p->kx->nonce_r_len);
    sa->key_len = sa->policy.encryption == CBC_DES    ? 8
                  : sa->policy.encryption == CBC_3DES ? 24
                                                      : (uint8_t)(sa->policy.key_bits / 8);
    bool good = keymat_skeyid_preshared(hash, message_bytes(p->psk), ni, nr, k.skeyid) &&
                keymat_derive(hash, &k, shared, sa->cookie_i, sa->cookie_r) &&
                keymat_cipher_key(hash, k.skeyid_e, sa->key_len, sa->key) &&
                keymat_iv_phase1(hash, public_of(sa, true), public_of(sa, false), block, p->iv);
    if (good) {
        memcpy(p->skeyid, k.skeyid, n);
        memcpy(sa->skeyid_d, k.skeyid_d, n);
        memcpy(sa->skeyid_a, k.skeyid_a, n);
    }
    wipe(&k, sizeof(k));
    (void)ike;
    return good;
}

bool phase1_hash(struct ike *ike, const struct ike_sa *sa, bool of_initiator, struct bytes identity,
                 uint8_t out[HASH_MAX])
{
    (void)ike;
    return keymat_hash_phase1(sa->policy.hash, sa->phase1->skeyid, public_of(sa, of_initiator),
                              public_of(sa, !of_initiator), of_initiator ? sa->cookie_i : sa->cookie_r,
                              of_initiator ? sa->cookie_r : sa->cookie_i, message_bytes(sa->phase1->sa_body),
                              identity, out);
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

/* ---- the end ---- */

void phase1_accept(struct ike *ike, struct ike_sa *sa, struct bytes datagram)
{
    struct phase1 *p = sa->phase1;
    p->answered = ike_digest(ike, datagram);
    p->hint = 0;
    p->send_at = NS_NEVER;
    message_free(&p->sent);
}

bool phase1_done(struct ike *ike, struct ike_sa *sa, bool initial_contact, bool last)
{
    struct bytes whole = {0};
    struct phase1 *p = sa->phase1;
    if (last) {
        whole = message_seal(ike, sa, p->iv);
        sa->answer = whole.len ? message_copy(whole) : NULL;
        if (!sa->answer)
            return false;
        sa->answered = p->answered;
        sa->answer_until = ike->now + IKE_ANSWER_KEPT;
    }
    uint32_t spi = sa->invalid_spi;
    memcpy(sa->iv_base, p->iv, sizeof(sa->iv_base));
    phase1_free(ike, sa);
    sa_establish(ike, sa, initial_contact);
    dpd_start(ike, sa);
    record_sa(ike, sa);
    message_send(ike, sa, whole);
    if (spi)
        informational_invalid_spi(ike, sa, sa->invalid_spi_protocol, spi);
    sa->invalid_spi = 0;
    sa_timer(ike, sa);
    return true;
}
