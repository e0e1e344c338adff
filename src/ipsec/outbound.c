/* SPDX-License-Identifier: Apache-2.0 */
/* The outbound burst (see outbound.h): each packet is planned (decision.h, outbound_size.c) into a list of
 * packets to be sealed; then numbers are claimed, headers built and all of them sealed in one call of the
 * cipher, twice with bundles. A sequence number that was claimed is never given back: what fails after that
 * leaves a gap, never a repetition. */
#include "ipsec/outbound_internal.h"

#include "ipsec/memory.h"
#include "ipsec/pmtu.h"
#include "ipsec/takeover.h"
#include "wire/ipsec_headers.h"

enum { RUN_MAX = 64, RUN_BYTES_MAX = 65000 };

/* ---- results ---- */

struct outbound_result *result_add(struct outbound *o, enum outbound_kind kind, size_t source)
{
    if (o->result_count == OUTBOUND_RESULTS_MAX)
        return NULL;
    struct outbound_result *r = &o->results[o->result_count++];
    *r = (struct outbound_result){.kind = kind, .source = (uint16_t)source, .slot = PAIR_NONE};
    return r;
}

void result_drop(struct outbound *o, enum drop_reason reason, size_t source)
{
    o->path.engine->drops[reason]++;
    struct outbound_result *r = result_add(o, OUTBOUND_DROPPED, source);
    if (r)
        r->reason = (uint8_t)reason;
}

static void result_drop_pair(struct outbound *o, const struct sealing *s)
{
    result_drop(o, s->reason, s->source);
    s->pair->out.errors++;
    if (o->result_count > 0 && o->results[o->result_count - 1].kind == OUTBOUND_DROPPED) {
        struct outbound_result *r = &o->results[o->result_count - 1];
        r->slot = s->slot;
        r->spi_in = s->pair->spi_in;
        r->notes = s->notes;
    }
}

const struct outbound_result *outbound_results(const struct outbound *o)
{
    return o->results;
}

/* ---- numbers and lifetimes ---- */

static enum drop_reason sequence_claim(struct sad_pair *pair, uint64_t *ret, uint8_t *notes)
{
    uint64_t end = pair->flags & PAIR_ESN ? UINT64_MAX : 1ULL << 32, sequence;
    if (!takeover_claim(pair, end, &sequence)) {
        *notes |= sequence >= end ? OUTBOUND_NOTE_HARD : pair->group ? OUTBOUND_NOTE_LEASE : 0;
        return sequence >= end ? DROP_SEQUENCE_EXHAUSTED : DROP_SEQUENCE_LEASE;
    }
    if (takeover_out_due(pair, sequence))
        *notes |= OUTBOUND_NOTE_LEASE;
    if (sequence >= end / 4 * 3 && !pair->soft_reported) {
        pair->soft_reported = 1;
        *notes |= OUTBOUND_NOTE_SOFT;
    }
    *ret = sequence;
    return DROP_NONE;
}

/* A sequence number and the volume for one packet, or why it may not be sent. */
static enum drop_reason claim(const struct outbound *o, struct sad_pair *pair, uint32_t bytes, uint8_t *notes,
                              uint64_t *ret)
{
    enum drop_reason reason = takeover_admit(o->path.sad, pair, o->now);
    if (reason != DROP_NONE)
        return reason;
    if (o->now >= pair->hard_expiry || pair->out.bytes + bytes > pair->hard_bytes) {
        *notes |= OUTBOUND_NOTE_HARD;
        return DROP_SA_EXPIRED;
    }
    reason = sequence_claim(pair, ret, notes);
    if (reason != DROP_NONE)
        return reason;
    pair->out.packets++;
    pair->out.bytes += bytes;
    pair->out.last = o->now;
    if (pair->out.bytes >= pair->soft_bytes && !pair->soft_reported) {
        pair->soft_reported = 1;
        *notes |= OUTBOUND_NOTE_SOFT;
    }
    return DROP_NONE;
}

/* ---- sealing ---- */

struct sealing *sealing_add(struct outbound *o)
{
    if (o->sealing_count == BURST_MAX)
        outbound_flush(o);
    struct sealing *s = &o->sealings[o->sealing_count++];
    memset(s, 0, offsetof(struct sealing, front));
    return s;
}

static void seal_jobs(struct outbound *o, struct packet_job *jobs, size_t n)
{
    if (n == 0)
        return;
    packet_cipher_ivs(o->path.cipher, jobs, n);
    if (packet_cipher_seal(o->path.cipher, jobs, n) == n)
        return;
    for (size_t i = 0; i < n; i++) {
        struct sealing *s = jobs[i].user;
        if (jobs[i].result != PACKET_RESULT_OK)
            s->reason = jobs[i].result == PACKET_RESULT_BAD_KEY ? DROP_NO_SA : DROP_BAD_LENGTH;
    }
}

static size_t seal_first(struct outbound *o)
{
    size_t jobs = 0;
    for (size_t i = 0; i < o->sealing_count; i++) {
        struct sealing *s = &o->sealings[i];
        uint64_t sequence = 0;
        s->reason = (uint8_t)claim(o, s->pair, s->counted, &s->notes, &sequence);
        if (s->reason != DROP_NONE)
            continue;
        uint16_t id = o->next_id++;
        s->reason = (uint8_t)(s->pair->protocol == IP_PROTOCOL_AH
                                  ? encapsulate_ah(s, s->pair, sequence, id, &o->jobs[jobs])
                                  : encapsulate_esp(s, sequence, id, &o->jobs[jobs]));
        jobs += s->reason == DROP_NONE;
    }
    return jobs;
}

static size_t seal_bundles(struct outbound *o)
{
    size_t jobs = 0;
    for (size_t i = 0; i < o->sealing_count; i++) {
        struct sealing *s = &o->sealings[i];
        uint64_t sequence = 0;
        if (!s->bundle || s->reason != DROP_NONE)
            continue;
        s->reason = (uint8_t)claim(o, s->bundle, s->counted, &s->notes, &sequence);
        if (s->reason == DROP_NONE)
            s->reason = (uint8_t)encapsulate_ah(s, s->bundle, sequence, 0, &o->bundle_jobs[jobs]);
        jobs += s->reason == DROP_NONE;
    }
    return jobs;
}

static void emit(struct outbound *o, const struct sealing *s)
{
    const struct sad_pair *pair = s->pair;
    bool udp = pair->flags & PAIR_UDP;
    struct outbound_result like = {
        .kind = udp ? OUTBOUND_SEND_UDP : OUTBOUND_SEND_RAW,
        .notes = s->notes,
        .protocol = s->bundle ? IP_PROTOCOL_AH : pair->protocol,
        .traffic_class = s->traffic_class,
        .dont_fragment = s->dont_fragment,
        .source = s->source,
        .len = s->len,
        .data = s->data,
        .slot = s->slot,
        .spi_in = pair->spi_in,
        .local = pair->local,
        .remote = pair->remote,
    };
    if (udp)
        sad_pair_remote(pair, &like.remote);
    o->path.engine->packets_out++;
    o->path.engine->bytes_out += s->counted;
    if (s->fragment_after && !udp) {
        outbound_fragment_after(o, s, &like);
        return;
    }
    struct outbound_result *r = result_add(o, like.kind, s->source);
    if (r)
        *r = like;
    else
        o->path.engine->drops[DROP_FRAGMENT_FAILED]++;
}

void outbound_flush(struct outbound *o)
{
    seal_jobs(o, o->jobs, seal_first(o));
    for (size_t i = 0; i < o->sealing_count; i++)
        if (o->sealings[i].pair->protocol == IP_PROTOCOL_AH && o->sealings[i].reason == DROP_NONE)
            encapsulate_ah_finish(&o->sealings[i]);
    seal_jobs(o, o->bundle_jobs, seal_bundles(o));
    for (size_t i = 0; i < o->sealing_count; i++) {
        struct sealing *s = &o->sealings[i];
        if (s->reason != DROP_NONE) {
            result_drop_pair(o, s);
            continue;
        }
        if (s->bundle)
            encapsulate_ah_finish(s);
        emit(o, s);
    }
    o->sealing_count = 0;
}

/* ---- one packet ---- */

/* A packet that goes back to the kernel is forwarded twice; it must lose one hop only. */
static void hop_give_back(uint8_t *packet)
{
    if (packet[0] >> 4 == 6) {
        struct ipv6_header *h = (struct ipv6_header *)packet;
        h->hop_limit += h->hop_limit < UINT8_MAX;
        return;
    }
    struct ipv4_header *h = (struct ipv4_header *)packet;
    if (h->ttl == UINT8_MAX)
        return;
    be16 from, to;
    memcpy(&from, &h->ttl, sizeof(from)); /* the 16-bit word of TTL and protocol */
    h->ttl++;
    memcpy(&to, &h->ttl, sizeof(to));
    h->checksum = checksum_update16(h->checksum, from, to);
}

static void bypass(struct outbound *o, const struct decision *d, uint8_t *data)
{
    if (!d->from_us)
        hop_give_back(data);
    o->path.engine->packets_bypassed++;
}

/* An ICMP error quotes the packet that it is about. About one that policy protects it must not leave in
 * clear, though its own addresses, a router's, are in no access list (RFC 4301 §6.2). */
static bool quotes_protected(struct outbound *o, const struct ip_packet *packet, uint32_t ifindex)
{
    struct icmp_error error;
    if (!packet->has_icmp || !icmp_error_parse(packet, &error))
        return false;
    struct packet_tuple tuple = {.local = error.destination,
                                 .remote = error.source,
                                 .protocol = error.protocol,
                                 .has_ports = error.has_ports,
                                 .local_port = error.destination_port,
                                 .remote_port = error.source_port,
                                 .ifindex = ifindex};
    const struct decision *d = decide(&o->decider, &tuple);
    return d && d->protect;
}

bool outbound_plan(struct outbound *o, const struct outbound_packet *p, size_t source, bool waited)
{
    struct ip_packet packet;
    struct packet_tuple tuple;
    if (ip_parse(bytes_of(p->data, p->len), &packet) != IP_OK) {
        result_drop(o, DROP_MALFORMED, source);
        return true;
    }
    if (p->ifindex == 0) {
        result_drop(o, DROP_NO_ROUTE, source);
        return true;
    }
    tuple_of(&packet, &tuple);
    tuple.ifindex = p->ifindex;
    bool quotes = quotes_protected(o, &packet, p->ifindex); /* before: a decision lasts until the next */
    const struct decision *d = decide(&o->decider, &tuple);
    if (!d) {
        result_drop(o, DROP_NO_SA, source);
    } else if (!d->protect && quotes) {
        result_drop(o, DROP_SELECTOR_MISMATCH, source);
    } else if (!d->protect) {
        bypass(o, d, p->data);
        struct outbound_result *r = result_add(o, OUTBOUND_BYPASS, source);
        if (r) {
            r->data = p->data;
            r->len = (uint32_t)packet.data.len;
        }
    } else if (d->slot != PAIR_NONE) {
        outbound_fit(o, p, &packet, d, source);
    } else if (waited) {
        return false;
    } else {
        wait_add(o, p, d, source);
    }
    return true;
}

bool outbound_bypasses(struct outbound *o, uint8_t *data, uint32_t len, uint32_t ifindex)
{
    struct ip_packet packet;
    struct packet_tuple tuple;
    if (ifindex == 0 || ip_parse(bytes_of(data, len), &packet) != IP_OK)
        return false;
    tuple_of(&packet, &tuple);
    tuple.ifindex = ifindex;
    const struct decision *d = decide(&o->decider, &tuple);
    if (!d || d->protect)
        return false;
    bypass(o, d, data);
    return true;
}

/* ---- the burst ---- */

void outbound_begin(struct outbound *o, ns now)
{
    o->now = now;
    o->result_count = 0;
    o->arena_used = 0;
    wait_reuse_released(o);
}

static bool run_continues(const struct outbound_result *first, const struct outbound_result *r,
                          uint32_t bytes, uint16_t run)
{
    return r->kind == OUTBOUND_SEND_UDP && r->slot == first->slot && r->len <= first->len &&
           r->traffic_class == first->traffic_class && r->dont_fragment == first->dont_fragment &&
           run < RUN_MAX && bytes + r->len <= RUN_BYTES_MAX;
}

static void mark_runs(struct outbound *o)
{
    for (size_t i = 0; i < o->result_count;) {
        struct outbound_result *first = &o->results[i];
        first->run = first->kind == OUTBOUND_SEND_UDP;
        uint32_t bytes = first->len;
        size_t next = i + 1;
        for (; first->run && next < o->result_count &&
               run_continues(first, &o->results[next], bytes, first->run);) {
            o->results[next].run = 0;
            bytes += o->results[next].len;
            first->run++;
            if (o->results[next++].len < first->len)
                break; /* only the last may be shorter */
        }
        i = next;
    }
}

size_t outbound_end(struct outbound *o)
{
    outbound_flush(o);
    mark_runs(o);
    return o->result_count;
}

size_t outbound_burst(struct outbound *o, const struct outbound_packet *packets, size_t n, ns now)
{
    outbound_begin(o, now);
    o->path.engine->bursts++;
    for (size_t i = 0; i < n && i < BURST_MAX; i++)
        outbound_plan(o, &packets[i], i, false);
    return outbound_end(o);
}

/* ---- making ---- */

struct outbound *outbound_new(const struct packet_path *path)
{
    struct outbound *o = memory_new(sizeof(*o));
    if (!o)
        return NULL;
    o->path = *path;
    o->decider.path = &o->path;
    o->decider.policy = spd_index_new();
    o->arena = memory_new(ARENA_SIZE);
    o->waiting = memory_new(sizeof(*o->waiting) * OUTBOUND_WAIT_MAX);
    o->wait_memory = memory_new((size_t)OUTBOUND_WAIT_MAX * WAIT_SLOT);
    if (!o->decider.policy || !o->arena || !o->waiting || !o->wait_memory) {
        outbound_free(o);
        return NULL;
    }
    o->next_id = (uint16_t)rng_u32(path->rng);
    o->icmp_tokens = ICMP_BURST;
    wait_init(o);
    return o;
}

void outbound_free(struct outbound *o)
{
    if (!o)
        return;
    spd_index_free(o->decider.policy);
    memory_free(o->arena);
    memory_free(o->waiting);
    memory_free(o->wait_memory);
    memory_free(o);
}
