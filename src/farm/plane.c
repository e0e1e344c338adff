/* SPDX-License-Identifier: Apache-2.0 */
/* See plane.h: set-up, the way out, the way in. */
#include <errno.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

#include "farm/plane_internal.h"
#include "io/random.h"
#include "io/raw_socket.h"
#include "wire/ipsec_headers.h"

enum {
    SOCKET_BUFFER = 8 << 20,
    MTU = 1500,
    INVALID_SPI_PER_SECOND = 1000, /* a thousand spokes may meet a gateway that knows none of them */
};

void plane_enter(struct plane *p)
{
    if (p->entered++ == 0)
        sad_engine_enter(p->path.engine);
}

void plane_leave(struct plane *p)
{
    if (--p->entered == 0)
        sad_engine_leave(p->path.engine);
}

/* ---- set-up ---- */

static void wildcard_write(uint8_t out[16], uint8_t length)
{
    struct address wildcard = address_v4(~prefix_mask_of_length(length));

    memcpy(out, wildcard.bytes, sizeof wildcard.bytes);
}

static void policy_build(struct plane *p)
{
    const struct plane_options *o = &p->options;
    struct spd_table *t = spd_next(p->spd);

    t->bindings[t->binding_count++] = (struct spd_binding){.ifindex = PLANE_IFINDEX, .entry_count = o->count};
    for (uint32_t i = 0; i < o->count; i++) {
        const struct selector *s = &o->selectors[i];
        struct spd_ace *ace = &t->aces[t->ace_count++];
        *ace = (struct spd_ace){.permit = true, .family = ADDRESS_V4};
        memcpy(ace->source, s->local.address.bytes, sizeof ace->source);
        memcpy(ace->destination, s->remote.address.bytes, sizeof ace->destination);
        wildcard_write(ace->source_wildcard, s->local.length);
        wildcard_write(ace->destination_wildcard, s->remote.length);
        t->entries[t->entry_count++] = (struct spd_entry){
            .id = i + 1, .sequence = i + 1, .first_ace = i, .ace_count = 1, .may_initiate = true};
    }
    spd_publish(p->spd);
}

/* Zeroed, and only what is touched costs. */
static void *map(size_t size)
{
    void *m = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);

    return m == MAP_FAILED ? NULL : m;
}

static int tables_make(struct plane *p)
{
    p->sad_bytes = sad_size(p->options.slots);
    p->sad = map(p->sad_bytes);
    p->spd = map(sizeof *p->spd);
    if (!p->sad || !p->spd)
        return -ENOMEM;
    sad_init(p->sad, p->options.slots);
    spd_init(p->spd);
    policy_build(p);
    return 0;
}

static int path_make(struct plane *p)
{
    p->path =
        (struct packet_path){.sad = p->sad, .spd = p->spd, .engine = &p->sad->engines[0], .rng = &p->rng};
    p->path.cipher = packet_cipher_new(&p->rng);
    if (!p->path.cipher)
        return -ENOTSUP; /* the processor lacks SSE4.2 or AES */
    p->path.index = pair_index_new(p->sad);
    if (!p->path.index)
        return -ENOMEM;
    p->outbound = outbound_new(&p->path);
    p->inbound = inbound_new(&p->path);
    p->reader = datagram_reader_new(BURST_MAX, PLANE_ROOM, 0, PACKET_TAILROOM);
    p->writer = datagram_writer_new();
    p->room = aligned_alloc(64, (size_t)BURST_MAX * PLANE_ROOM);
    return p->outbound && p->inbound && p->reader && p->writer && p->room ? 0 : -ENOMEM;
}

int plane_new(const struct plane_options *options, struct plane **ret)
{
    struct plane *p = calloc(1, sizeof *p);

    if (!p)
        return -ENOMEM;
    p->options = *options;
    p->raw = raw_open(ADDRESS_V4, IP_PROTOCOL_ESP, 0, SOCKET_BUFFER);
    int error = p->raw < 0 ? p->raw : random_rng(&p->rng);
    if (!error)
        error = tables_make(p);
    if (!error)
        error = path_make(p);
    if (error) {
        plane_free(p);
        return error;
    }
    p->options.selectors = NULL;
    *ret = p;
    return 0;
}

void plane_free(struct plane *p)
{
    if (!p)
        return;
    if (p->raw >= 0)
        close(p->raw);
    if (p->sad) {
        for (uint32_t i = 0; i < atomic_load(&p->sad->slots_used); i++)
            if (atomic_load(&p->sad->pairs[i].state) != PAIR_FREE)
                sad_pair_clear(&p->sad->pairs[i]);
        munmap(p->sad, p->sad_bytes);
    }
    if (p->spd)
        munmap(p->spd, sizeof *p->spd);
    if (p->outbound)
        outbound_free(p->outbound);
    if (p->inbound)
        inbound_free(p->inbound);
    if (p->path.index)
        pair_index_free(p->path.index);
    if (p->path.cipher)
        packet_cipher_free(p->path.cipher);
    datagram_reader_free(p->reader);
    datagram_writer_free(p->writer);
    free(p->room);
    rng_wipe(&p->rng);
    free(p);
}

/* ---- the way out ---- */

static void drop(struct plane *p, enum drop_reason reason)
{
    p->path.engine->drops[reason]++;
}

static void tell_pair(struct plane *p, enum ike_event_type type, uint32_t slot, uint32_t spi_in)
{
    const struct ike_event e = {.type = type, .pair = {.slot = slot, .spi_in = spi_in}};

    p->options.user.event(p->options.user.context, &e);
}

static void tell_outbound(struct plane *p, const struct outbound_result *r)
{
    if (r->notes & OUTBOUND_NOTE_SOFT)
        tell_pair(p, IKE_EVENT_PAIR_SOFT, r->slot, r->spi_in);
    if (r->notes & OUTBOUND_NOTE_HARD)
        tell_pair(p, IKE_EVENT_PAIR_HARD, r->slot, r->spi_in);
}

/* What a socket does not take at once is lost, as in a device's queue. */
static void send_all(struct plane *p, int fd, const struct datagram_out *out, unsigned n)
{
    for (unsigned at = 0; at < n;) {
        int sent = datagram_send(p->writer, fd, out + at, n - at);
        if (sent > 0) {
            at += (unsigned)sent;
            continue;
        }
        drop(p, DROP_SEND_FAILED);
        at++;
    }
}

void plane_results(struct plane *p, size_t n)
{
    const struct outbound_result *results = outbound_results(p->outbound);
    struct datagram_out out[DATAGRAM_BURST_MAX];
    struct iovec pieces[DATAGRAM_BURST_MAX];
    unsigned count = 0;
    bool udp = false;

    for (size_t i = 0; i < n; i++) {
        const struct outbound_result *r = &results[i];
        tell_outbound(p, r);
        if (r->kind != OUTBOUND_SEND_RAW && r->kind != OUTBOUND_SEND_UDP)
            continue; /* dropped and counted, or it waits */
        bool is_udp = r->kind == OUTBOUND_SEND_UDP;
        if (count == DATAGRAM_BURST_MAX || (count && is_udp != udp)) {
            send_all(p, udp ? p->options.udp : p->raw, out, count);
            count = 0;
        }
        udp = is_udp;
        pieces[count] = (struct iovec){r->data, r->len};
        out[count] = (struct datagram_out){
            .pieces = &pieces[count], .piece_count = 1, .remote = r->remote, .tos = r->traffic_class};
        if (udp)
            out[count].local = r->local;
        else
            out[count].remote.port = 0;
        count++;
    }
    send_all(p, udp ? p->options.udp : p->raw, out, count);
}

uint8_t *plane_room(struct plane *p, uint32_t len)
{
    if (p->burst_count == BURST_MAX || len > PLANE_ROOM - PACKET_HEADROOM - PACKET_TAILROOM)
        return NULL;
    return p->room + (size_t)p->burst_count * PLANE_ROOM + PACKET_HEADROOM;
}

void plane_add(struct plane *p, uint32_t len)
{
    p->burst[p->burst_count] = (struct outbound_packet){
        .data = plane_room(p, len), .len = len, .ifindex = PLANE_IFINDEX, .mtu = MTU};
    p->burst_count++;
}

static void acquires_tell(struct plane *p, ns now)
{
    struct outbound_acquire a;

    while (outbound_acquire_next(p->outbound, now, &a))
        p->options.user.acquire(p->options.user.context, a.entry);
}

void plane_flush(struct plane *p, ns now)
{
    if (p->burst_count == 0)
        return;
    plane_enter(p);
    plane_results(p, outbound_burst(p->outbound, p->burst, p->burst_count, now));
    plane_leave(p);
    p->burst_count = 0;
    acquires_tell(p, now);
}

void plane_expire(struct plane *p, ns now)
{
    plane_enter(p);
    outbound_expire(p->outbound, now);
    plane_leave(p);
    acquires_tell(p, now);
}

ns plane_deadline(const struct plane *p)
{
    return outbound_deadline(p->outbound);
}

/* ---- the way in ---- */

static bool invalid_spi_allowed(struct plane *p, ns now)
{
    if (now >= p->invalid_spi_since + NS_PER_S) {
        p->invalid_spi_since = now;
        p->invalid_spi_count = 0;
    }
    return p->invalid_spi_count++ < INVALID_SPI_PER_SECOND;
}

static void tell_inbound(struct plane *p, const struct inbound_result *r, ns now)
{
    if (r->notes & INBOUND_NOTE_USED)
        tell_pair(p, IKE_EVENT_PAIR_USED, r->slot, r->spi);
    if (r->notes & INBOUND_NOTE_SOFT)
        tell_pair(p, IKE_EVENT_PAIR_SOFT, r->slot, r->spi);
    if (r->notes & INBOUND_NOTE_HARD)
        tell_pair(p, IKE_EVENT_PAIR_HARD, r->slot, r->spi);
    if (r->notes & INBOUND_NOTE_MOVED) {
        const struct ike_event e = {.type = IKE_EVENT_PEER_MOVED,
                                    .pair = {.slot = r->slot, .spi_in = r->spi, .remote = r->remote}};
        p->options.user.event(p->options.user.context, &e);
    }
    if (r->notes & INBOUND_NOTE_INVALID_SPI && invalid_spi_allowed(p, now)) {
        const struct ike_event e = {.type = IKE_EVENT_INVALID_SPI,
                                    .invalid_spi = {.local = r->local.address,
                                                    .remote = r->remote.address,
                                                    .spi = r->spi,
                                                    .protocol = r->protocol}};
        p->options.user.event(p->options.user.context, &e);
    }
}

static void burst_in(struct plane *p, const struct inbound_packet *packets, size_t n, ns now)
{
    struct inbound_result results[BURST_MAX];

    plane_enter(p);
    inbound_burst(p->inbound, packets, n, now, results);
    for (size_t i = 0; i < n; i++) {
        if (results[i].notes)
            tell_inbound(p, &results[i], now);
        if (results[i].kind == INBOUND_DELIVER)
            p->options.user.deliver(p->options.user.context, results[i].data, results[i].len, now);
    }
    plane_leave(p);
}

int plane_fd(const struct plane *p)
{
    return p->raw;
}

bool plane_receive(struct plane *p, ns now)
{
    struct datagram received[BURST_MAX];
    struct inbound_packet packets[BURST_MAX];
    size_t count = 0;
    int n = datagram_receive(p->reader, p->raw, BURST_MAX, received);

    for (int i = 0; i < n; i++) {
        if (received[i].truncated)
            drop(p, DROP_BAD_LENGTH);
        else
            packets[count++] = (struct inbound_packet){
                .data = received[i].data, .len = received[i].len, .form = INBOUND_RAW_V4};
    }
    if (count)
        burst_in(p, packets, count, now);
    return n == BURST_MAX;
}

void plane_receive_udp(struct plane *p, const struct datagram *d, ns now)
{
    const struct inbound_packet packet = {.data = d->data,
                                          .len = d->len,
                                          .form = INBOUND_UDP,
                                          .traffic_class = d->tos,
                                          .local = {d->local.address, UDP_ENCAPSULATION_PORT},
                                          .remote = d->remote};

    burst_in(p, &packet, 1, now);
}

uint64_t plane_drops(const struct plane *p, enum drop_reason reason)
{
    return p->path.engine->drops[reason];
}

void plane_drops_reset(struct plane *p)
{
    memset(p->path.engine->drops, 0, sizeof p->path.engine->drops);
}
