/* SPDX-License-Identifier: Apache-2.0 */
/* The inbound burst (see inbound.h): every packet finds its pair and is checked against the replay window,
 * all are opened by one call of the cipher, then each is committed and taken apart in the order of arrival.
 * ESP that was inside AH goes round a second time. The window is committed before anything is delivered: a
 * process that dies in between loses packets and never delivers one twice. */
#include "ipsec/inbound.h"

#include "ipsec/decapsulate.h"
#include "ipsec/inbound_hold.h"
#include "ipsec/memory.h"
#include "ipsec/pair_index.h"
#include "ipsec/replay.h"
#include "ipsec/takeover.h"
#include "ipsec/tuple.h"
#include "wire/ipsec_headers.h"

enum { SPARE_SIZE = 1 << 19 };

static const ns BEHIND_PATIENCE = 2 * NS_PER_S;

struct inbound {
    struct packet_path path;
    ns now;
    struct inbound_result *results;
    const struct inbound_packet *packets;
    struct hold *hold;
    bool releasing; /* what waits is tried for the last time */
    struct opening openings[BURST_MAX];
    struct packet_job jobs[BURST_MAX];
    uint16_t again[BURST_MAX]; /* openings whose ESP was inside AH */
    size_t job_count, again_count;
    uint32_t spare_used;
    uint8_t *spare; /* packets that need a header in front and have no room for it */
};

static uint8_t *spare_take(struct inbound *in, uint32_t size)
{
    uint32_t whole = (size + 63) / 64 * 64;
    if (whole > SPARE_SIZE - in->spare_used)
        return NULL;
    uint8_t *p = in->spare + in->spare_used;
    in->spare_used += whole;
    return p;
}

static void drop(struct inbound *in, struct opening *o, enum drop_reason reason)
{
    struct inbound_result *r = &in->results[o->index];
    r->kind = INBOUND_DROPPED;
    r->reason = (uint8_t)reason;
    in->path.engine->drops[reason]++;
    if (o->pair && reason != DROP_DUMMY)
        o->pair->in.errors++;
}

/* ---- before opening ---- */

/* Where the protected packet begins, in what the socket gave. */
static enum drop_reason locate(struct inbound *in, const struct inbound_packet *p, struct opening *o)
{
    o->udp = p->form == INBOUND_UDP;
    o->at = p->data;
    o->len = p->len;
    o->protocol = p->form == INBOUND_RAW_V6 ? p->protocol : IP_PROTOCOL_ESP;
    o->traffic_class = p->traffic_class;
    o->local = p->local.address;
    o->remote = p->remote.address;
    o->version = o->remote.family;
    if (p->form == INBOUND_RAW_V4) {
        struct ip_packet packet;
        if (ip_parse(bytes_of(p->data, p->len), &packet) != IP_OK || packet.version != 4 ||
            ip_is_fragment(&packet))
            return DROP_MALFORMED;
        o->ip = p->data;
        o->at = p->data + packet.header_length;
        o->len = (uint32_t)packet.payload.len;
        o->front_len = packet.header_length;
        o->next_header_at = packet.next_header_at;
        o->version = 4;
        o->protocol = packet.protocol;
        o->traffic_class = packet.traffic_class;
        o->local = packet.destination;
        o->remote = packet.source;
    }
    if (o->protocol != IP_PROTOCOL_ESP && o->protocol != IP_PROTOCOL_AH)
        return DROP_NOT_PROTECTED;
    if (o->len < (o->protocol == IP_PROTOCOL_ESP ? ESP_HEADER : AH_HEADER))
        return DROP_BAD_LENGTH;
    if (p->form != INBOUND_RAW_V6 || o->protocol != IP_PROTOCOL_AH)
        return DROP_NONE;
    /* AH covers the header that an IPv6 raw socket keeps for itself: it is made again, mutable fields apart.
     */
    struct ip_header_fields fields = {
        .source = o->remote,
        .destination = o->local,
        .payload_length = (uint16_t)o->len,
        .protocol = IP_PROTOCOL_AH,
        .traffic_class = o->traffic_class,
        .ttl = 64,
    };
    uint8_t *copy = o->len <= PACKET_MAX ? spare_take(in, IPV6_HEADER + o->len + PACKET_TAILROOM) : NULL;
    if (!copy || ip_header_write(copy, &fields) != IPV6_HEADER)
        return DROP_BAD_LENGTH;
    memcpy(copy + IPV6_HEADER, o->at, o->len);
    o->ip = copy;
    o->at = copy + IPV6_HEADER;
    o->front_len = IPV6_HEADER;
    o->next_header_at = offsetof(struct ipv6_header, next_header);
    return DROP_NONE;
}

static bool is_bundle_of(const struct sad *sad, uint32_t ah_slot, const struct sad_pair *esp)
{
    return esp->flags & PAIR_BUNDLE_INNER && esp->bundle == ah_slot && ah_slot < sad->slots;
}

/* After a takeover numbers are refused that the peer has not used yet. It passes them by soon, or, where
 * little traffic flows, new SAs are the cure. */
static bool behind(const struct inbound *in, struct sad_pair *pair, uint64_t sequence)
{
    if (sequence >= pair->taken_in || pair->behind_reported ||
        ns_since(in->now, pair->taken_at) < BEHIND_PATIENCE)
        return false;
    pair->behind_reported = 1;
    return true;
}

/* The pair, the number, the checks that need no key. */
static enum drop_reason admit(struct inbound *in, struct opening *o)
{
    struct inbound_result *r = &in->results[o->index];
    uint32_t at = o->protocol == IP_PROTOCOL_ESP ? 0 : offsetof(struct ah_header, spi);
    uint32_t spi = be32_load(o->at + at);
    struct sad_pair *pair = sad_find_inbound(in->path.sad, spi);
    r->spi = spi;
    r->protocol = o->protocol;
    if (!pair || pair->protocol != o->protocol) {
        r->notes |= INBOUND_NOTE_INVALID_SPI;
        return DROP_UNKNOWN_SPI;
    }
    o->pair = pair;
    o->slot = r->slot = sad_slot(in->path.sad, pair);
    bool inner = o->ah_slot != PAIR_NONE;
    if (inner ? !is_bundle_of(in->path.sad, o->ah_slot, pair) : (pair->flags & PAIR_BUNDLE_INNER) != 0)
        return DROP_NOT_PROTECTED; /* the policy wants both */
    enum drop_reason reason = takeover_admit(in->path.sad, pair, in->now);
    if (reason != DROP_NONE)
        return reason;
    if (in->now >= pair->hard_expiry || pair->in.bytes >= pair->hard_bytes) {
        r->notes |= INBOUND_NOTE_HARD;
        return DROP_SA_EXPIRED;
    }
    o->sequence =
        replay_guess(&pair->replay, pair->replay_size, be32_load(o->at + at + 4), pair->flags & PAIR_ESN);
    if (pair->flags & PAIR_NO_REPLAY_CHECK)
        return DROP_NONE;
    reason = replay_check(&pair->replay, pair->replay_size, o->sequence);
    if (reason != DROP_NONE && behind(in, pair, o->sequence))
        r->notes |= INBOUND_NOTE_BEHIND;
    return reason;
}

static void prepare(struct inbound *in, struct opening *o)
{
    enum drop_reason reason = admit(in, o);
    if (reason == DROP_NONE && !in->releasing && o->ah_slot == PAIR_NONE &&
        takeover_may_wait(o->pair, o->sequence))
        (void)!hold_copy(in->hold, &in->packets[o->index], o->index, o->slot, in->results[o->index].spi,
                         o->sequence);
    if (reason == DROP_NONE)
        reason = o->protocol == IP_PROTOCOL_ESP ? decapsulate_esp(o, &in->jobs[in->job_count])
                                                : decapsulate_ah(o, &in->jobs[in->job_count]);
    if (reason == DROP_NONE)
        in->job_count++;
    else
        drop(in, o, reason);
}

/* ---- after opening ---- */

/* The peer's NAT gave it another place. Only a packet that is newer than all others may say so: a copy sent
 * on from elsewhere is not (RFC 7296 §2.23). */
static void follow_peer(struct inbound *in, const struct opening *o, const struct endpoint *from)
{
    struct sad_pair *pair = o->pair;
    uint32_t version = atomic_load_explicit(&pair->remote_version, memory_order_relaxed);
    struct endpoint known;
    sad_pair_remote(pair, &known);
    if (endpoint_equal(&known, from) || packet_icv_len(&pair->algorithms) == 0)
        return;
    atomic_store_explicit(&pair->remote_version, version | 1, memory_order_relaxed);
    atomic_thread_fence(memory_order_release);
    pair->remote_now = *from;
    atomic_store_explicit(&pair->remote_version, (version | 1) + 1, memory_order_release);
    in->results[o->index].notes |= INBOUND_NOTE_MOVED;
    pair_index_add(in->path.index, o->slot); /* ICMP errors will quote the new place */
}

/* A packet waits for a higher ceiling, or has waited long enough: then nothing up to it waits any more. A
 * pair of which the peer sends no more would else seem to have packets for ever. */
static void want(struct inbound *in, struct sad_pair *pair, uint64_t sequence)
{
    uint64_t wanted = atomic_load_explicit(&pair->in_wanted, memory_order_relaxed);
    if (!in->releasing)
        wanted = MAX(wanted, sequence);
    else if (wanted <= sequence || hold_empty(in->hold))
        wanted = 0;
    atomic_store_explicit(&pair->in_wanted, wanted, memory_order_relaxed);
}

/* The packet is the peer's and new. */
static enum drop_reason commit(struct inbound *in, const struct opening *o, const struct inbound_packet *p)
{
    struct sad_pair *pair = o->pair;
    struct inbound_result *r = &in->results[o->index];
    bool newest = o->sequence > pair->replay.top;
    if (takeover_in_due(pair, o->sequence))
        r->notes |= INBOUND_NOTE_LEASE;
    if (!takeover_may_accept(pair, o->sequence)) {
        want(in, pair, o->sequence);
        r->notes |= INBOUND_NOTE_LEASE;
        return DROP_REPLAY_LEASE;
    }
    if (pair->flags & PAIR_NO_REPLAY_CHECK) {
        replay_note(&pair->replay, o->sequence);
    } else {
        enum drop_reason reason = replay_commit(&pair->replay, pair->replay_size, o->sequence);
        if (reason != DROP_NONE)
            return reason;
    }
    uint32_t state = PAIR_INBOUND;
    if (atomic_load_explicit(&pair->state, memory_order_relaxed) == PAIR_INBOUND &&
        atomic_compare_exchange_strong(&pair->state, &state, PAIR_ACTIVE)) {
        pair_index_add(in->path.index, o->slot);
        r->notes |= INBOUND_NOTE_USED;
    }
    if (newest && p->form == INBOUND_UDP && pair->flags & PAIR_UDP)
        follow_peer(in, o, &p->remote);
    if (pair_index_received(in->path.index, o->slot, in->now))
        r->notes |= INBOUND_NOTE_PREFERRED;
    return DROP_NONE;
}

static void count(struct inbound *in, struct opening *o, uint32_t bytes)
{
    struct sad_pair *pair = o->pair;
    pair->in.packets++;
    pair->in.bytes += bytes;
    pair->in.last = in->now;
    struct inbound_result *r = &in->results[o->index];
    if (pair->in.bytes >= pair->soft_bytes && !pair->soft_reported) {
        pair->soft_reported = 1;
        r->notes |= INBOUND_NOTE_SOFT;
    }
    if (pair->in.bytes >= pair->hard_bytes)
        r->notes |= INBOUND_NOTE_HARD;
}

static enum drop_reason deliver(struct inbound *in, struct opening *o)
{
    struct ip_packet inner;
    uint8_t *spare = decapsulate_needs_spare(o) ? spare_take(in, IPV6_HEADER + o->payload_len) : NULL;
    enum drop_reason reason = decapsulate_inner(o, spare, &inner);
    if (reason != DROP_NONE)
        return reason;
    struct packet_tuple tuple;
    tuple_of(&inner, &tuple);
    tuple_mirror(&tuple);
    if (!tuple_in_selector(&tuple, &o->pair->selector))
        return DROP_SELECTOR_MISMATCH;
    count(in, o, inner.total_length);
    if (o->ah_slot != PAIR_NONE) {
        struct opening ah = {.pair = &in->path.sad->pairs[o->ah_slot], .index = o->index};
        count(in, &ah, inner.total_length);
    }
    struct inbound_result *r = &in->results[o->index];
    r->kind = INBOUND_DELIVER;
    r->data = o->payload;
    r->len = inner.total_length;
    in->path.engine->packets_in++;
    in->path.engine->bytes_in += inner.total_length;
    return DROP_NONE;
}

static enum drop_reason finish_ah(struct inbound *in, struct opening *o)
{
    decapsulate_ah_finish(o);
    if (!sad_is_bundle_outer(in->path.sad, o->slot))
        return deliver(in, o);
    if (o->next_header != IP_PROTOCOL_ESP)
        return o->next_header == IP_PROTOCOL_NONE ? DROP_DUMMY : DROP_BAD_NEXT_HEADER;
    if (o->payload_len < ESP_HEADER)
        return DROP_BAD_LENGTH;
    /* For ESP in transport mode the headers have to be where it looks for them. */
    uint8_t *front = o->payload - o->front_len;
    memmove(front, o->ip, o->front_len);
    front[o->next_header_at] = IP_PROTOCOL_ESP;
    o->ip = front;
    o->at = o->payload;
    o->len = o->payload_len;
    o->protocol = IP_PROTOCOL_ESP;
    o->ah_slot = o->slot;
    in->again[in->again_count++] = (uint16_t)o->index;
    return DROP_NONE;
}

static enum drop_reason finish(struct inbound *in, const struct inbound_packet *packets,
                               const struct packet_job *job)
{
    struct opening *o = job->user;
    if (job->result != PACKET_RESULT_OK)
        return job->result == PACKET_RESULT_BAD_ICV ? DROP_BAD_ICV : DROP_BAD_LENGTH;
    enum drop_reason reason = commit(in, o, &packets[o->index]);
    if (reason != DROP_NONE)
        return reason;
    if (o->protocol == IP_PROTOCOL_AH)
        return finish_ah(in, o);
    reason = decapsulate_esp_finish(o);
    return reason != DROP_NONE ? reason : deliver(in, o);
}

static void open_all(struct inbound *in, const struct inbound_packet *packets)
{
    if (in->job_count == 0)
        return;
    packet_cipher_open(in->path.cipher, in->jobs, in->job_count);
    for (size_t i = 0; i < in->job_count; i++) {
        struct opening *o = in->jobs[i].user;
        enum drop_reason reason = finish(in, packets, &in->jobs[i]);
        if (reason == DROP_REPLAY_LEASE && !in->releasing && hold_keep(in->hold, o->index, in->now))
            in->results[o->index].kind = INBOUND_WAITS;
        else if (reason != DROP_NONE)
            drop(in, o, reason);
    }
    in->job_count = 0;
}

static void opening_init(struct opening *o, size_t index)
{
    memset(o, 0, offsetof(struct opening, icv));
    o->index = (uint16_t)index;
    o->slot = o->ah_slot = PAIR_NONE;
}

void inbound_burst(struct inbound *in, const struct inbound_packet *packets, size_t n, ns now,
                   struct inbound_result *results)
{
    n = MIN(n, (size_t)BURST_MAX);
    in->now = now;
    in->results = results;
    in->packets = packets;
    hold_begin(in->hold);
    in->job_count = in->again_count = 0;
    in->spare_used = 0;
    in->path.engine->bursts++;
    for (size_t i = 0; i < n; i++) {
        struct opening *o = &in->openings[i];
        opening_init(o, i);
        memset(&results[i], 0, offsetof(struct inbound_result, local));
        results[i].slot = PAIR_NONE;
        enum drop_reason reason = locate(in, &packets[i], o);
        if (reason != DROP_NONE)
            drop(in, o, reason);
        else
            prepare(in, o);
    }
    open_all(in, packets);
    for (size_t i = 0; i < in->again_count; i++)
        prepare(in, &in->openings[in->again[i]]);
    open_all(in, packets);
    for (size_t i = 0; i < n; i++) {
        if (!results[i].notes)
            continue;
        results[i].local = (struct endpoint){in->openings[i].local,
                                             packets[i].form == INBOUND_UDP ? packets[i].local.port : 0};
        results[i].remote = (struct endpoint){in->openings[i].remote,
                                              packets[i].form == INBOUND_UDP ? packets[i].remote.port : 0};
    }
}

bool inbound_waiting(const struct inbound *in)
{
    return !hold_empty(in->hold);
}

bool inbound_waits_for(const struct inbound *in, uint32_t *ret_slot, uint32_t *ret_spi)
{
    return hold_first(in->hold, ret_slot, ret_spi);
}

size_t inbound_release(struct inbound *in, ns now, struct inbound_packet packets[],
                       struct inbound_result *results)
{
    size_t n = hold_take(in->hold, in->path.sad, now, packets, BURST_MAX);
    if (n == 0)
        return 0;
    in->releasing = true;
    inbound_burst(in, packets, n, now, results);
    in->releasing = false;
    return n;
}

struct inbound *inbound_new(const struct packet_path *path)
{
    struct inbound *in = memory_new(sizeof(*in));
    if (!in)
        return NULL;
    in->path = *path;
    in->spare = memory_new(SPARE_SIZE);
    in->hold = hold_new();
    if (!in->spare || !in->hold) {
        inbound_free(in);
        return NULL;
    }
    return in;
}

void inbound_free(struct inbound *in)
{
    if (!in)
        return;
    memory_free(in->spare);
    hold_free(in->hold);
    memory_free(in);
}
