/* SPDX-License-Identifier: Apache-2.0 */
/* The outbound direction with packets that wait: bursts for flows of several entries of the policy, some of
 * which may not ask; pairs that come and go, of this gateway alone and of a group whose role and ceilings
 * change; acquires that are asked for, fail or are never answered; packets that are too old. After each:
 * every packet was sent, or passed in clear, or was dropped and counted, or waits, once; what waits is
 * bounded and has a deadline; a pair's numbers go up by one; a flow's packets stay in their order; nothing is
 * sent at or above a ceiling, or for a group that is not active; nobody asks twice within a second. */
#include <stdlib.h>
#include <sys/mman.h>

#include "base/be.h"
#include "events.h"
#include "ipsec/outbound.h"
#include "ipsec/pair_index.h"
#include "wire/ip.h"

enum { SLOTS = 16, ENTRIES = 4, ACES = 12, PACKET = 60 };

struct run {
    struct events e;
    struct packet_path path;
    struct outbound *o;
    struct rng rng;
    uint32_t generation, identifier; /* of SPIs, of packets */
    uint64_t in, sent, bypassed, dropped, waiting;
    uint64_t sequence[SLOTS];     /* of the pair in the slot, sent last */
    uint32_t last[ENTRIES][ACES]; /* identifier of the flow's last packet that was sent */
    ns asked[ENTRIES][ACES];
};

static void policy_make(struct spd *spd)
{
    struct spd_table *t = spd_next(spd);
    for (uint32_t e = 0; e < ENTRIES; e++) {
        /* The last one may not initiate. */
        t->entries[e] = (struct spd_entry){.id = 10 + e,
                                           .sequence = e,
                                           .first_ace = e * ACES,
                                           .ace_count = ACES,
                                           .may_initiate = e < ENTRIES - 1};
        for (uint32_t a = 0; a < ACES; a++)
            t->aces[e * ACES + a] = (struct spd_ace){.permit = 1,
                                                     .family = ADDRESS_V4,
                                                     .source = {10, (uint8_t)e, (uint8_t)a},
                                                     .source_wildcard = {0, 0, 0, 255},
                                                     .destination = {10, 99},
                                                     .destination_wildcard = {0, 0, 255, 255}};
    }
    t->entry_count = ENTRIES;
    t->ace_count = ENTRIES * ACES;
    t->bindings[0] = (struct spd_binding){.ifindex = 1, .entry_count = ENTRIES};
    t->binding_count = 1;
    spd_publish(spd);
}

static uint64_t drops(const struct run *r)
{
    uint64_t n = 0;
    for (unsigned i = 0; i < DROP_REASON_COUNT; i++)
        n += r->path.engine->drops[i];
    return n;
}

/* ---- what comes out ---- */

static void sent(struct run *r, const struct outbound_result *result)
{
    const struct sad_pair *p = &r->path.sad->pairs[result->slot];
    uint32_t word = atomic_load(&r->path.sad->groups[p->group].word);
    assert(result->slot < SLOTS && p->spi_in == result->spi_in && sad_group_active(word));
    assert(atomic_load(&p->state) == PAIR_ACTIVE || atomic_load(&p->state) == PAIR_SUPERSEDED);
    const uint8_t *esp = result->data + 20, *inner = esp + 8;
    uint32_t sequence = be32_load(esp + 4);
    assert(be32_load(esp) == p->spi_out && sequence == r->sequence[result->slot] + 1);
    assert(sequence < atomic_load(&p->sequence_ceiling));
    r->sequence[result->slot] = sequence;
    uint32_t entry = inner[13], ace = inner[14], identifier = be32_load(inner + 28);
    assert(p->entry == 10 + entry && identifier > r->last[entry][ace]);
    r->last[entry][ace] = identifier;
    r->sent++;
}

static void results_take(struct run *r, size_t n, uint64_t drops_before)
{
    const struct outbound_result *results = outbound_results(r->o);
    uint64_t dropped = 0;
    for (size_t i = 0; i < n; i++) {
        switch (results[i].kind) {
        case OUTBOUND_SEND_RAW:
            sent(r, &results[i]);
            break;
        case OUTBOUND_BYPASS:
            r->bypassed++;
            break;
        case OUTBOUND_DROPPED:
            assert(results[i].reason != DROP_NONE && results[i].reason < DROP_REASON_COUNT);
            dropped++;
            break;
        case OUTBOUND_WAITS:
            r->waiting++;
            break;
        default:
            assert(false);
        }
    }
    assert(drops(r) - drops_before == dropped);
    r->dropped += dropped;
}

static void check(const struct run *r)
{
    assert(r->in == r->sent + r->bypassed + r->dropped + r->waiting);
    assert(r->waiting <= OUTBOUND_WAIT_MAX && r->waiting <= ENTRIES * ACES * OUTBOUND_WAIT_FLOW_MAX);
    assert((r->waiting > 0) == (outbound_deadline(r->o) != NS_NEVER));
}

/* ---- what happens ---- */

static void burst(struct run *r)
{
    static uint8_t room[BURST_MAX][PACKET_HEADROOM + PACKET + PACKET_TAILROOM];
    struct outbound_packet packets[BURST_MAX];
    uint8_t kind = events_u8(&r->e), flow = events_u8(&r->e);
    unsigned n = 1 + (kind & 128 ? kind % BURST_MAX : kind % 4);
    for (unsigned i = 0; i < n; i++) {
        uint8_t *d = room[i] + PACKET_HEADROOM;
        unsigned entry = flow / ACES % ENTRIES, ace = flow % ACES;
        struct ip_packet parsed;
        memset(d, 0, PACKET);
        d[0] = 0x45;
        be16_store(d + 2, PACKET);
        d[8] = 64;
        d[9] = IP_PROTOCOL_UDP;
        be32_store(d + 12, 10U << 24 | entry << 16 | ace << 8 | 1);
        be32_store(d + 16, kind >= 0xf0 ? 0x08080808 : 0x0a630001);
        be16_store(d + 20, 1000);
        be16_store(d + 22, 2000);
        be16_store(d + 24, PACKET - 20);
        be32_store(d + 28, ++r->identifier);
        assert(ip_parse(bytes_of(d, PACKET), &parsed) == IP_OK);
        packets[i] = (struct outbound_packet){d, PACKET, kind == 0xef ? 0 : 1, 1500, 0};
        flow += kind & 64 ? 1 : 0;
    }
    r->in += n;
    uint64_t before = drops(r);
    results_take(r, outbound_burst(r->o, packets, n, r->e.now), before);
}

static void pair_remove(struct run *r, uint32_t slot)
{
    sad_pair_clear(&r->path.sad->pairs[slot]);
    pair_index_remove(r->path.index, slot);
}

/* A flow of which nothing waits any more may ask anew at once. */
static void asked_forget(struct run *r, uint32_t entry)
{
    memset(r->asked[entry], 0, sizeof(r->asked[entry]));
}

/* The shell is told of a pair: what waited for it goes first. */
static void release(struct run *r, uint32_t entry)
{
    unsigned rounds = 0;
    asked_forget(r, entry - 10);
    for (;;) {
        uint64_t before = drops(r), waiting = r->waiting;
        size_t n = outbound_release(r->o, entry, r->e.now);
        if (n == 0)
            return;
        results_take(r, n, before);
        r->waiting = waiting - n; /* each was one that waited */
        assert(++rounds < 64);
    }
}

static void pair_install(struct run *r)
{
    static const uint8_t key[20] = "0123456789abcdefghi";
    uint8_t kind = events_u8(&r->e), flow = events_u8(&r->e);
    uint32_t slot = kind % SLOTS, entry = flow / ACES % ENTRIES;
    struct sad_pair *p = &r->path.sad->pairs[slot];
    pair_remove(r, slot);
    p->spi_in = spi_make(0, 1 + (++r->generation & 0xfff), slot);
    p->spi_out = 0x10000 + r->generation;
    p->protocol = IP_PROTOCOL_ESP;
    p->flags = PAIR_TUNNEL;
    p->entry = 10 + entry;
    p->bundle = UINT32_MAX;
    p->group = kind & 128 ? 1 : 0;
    p->algorithms = (struct packet_algorithms){PACKET_ENCRYPTION_NULL, 0, PACKET_INTEGRITY_SHA1_96};
    p->selector = (struct selector){{address_v4(0x0a000000U | entry << 16 | flow % ACES << 8), 24},
                                    {address_v4(0x0a630000), 16},
                                    0,
                                    0,
                                    UINT16_MAX,
                                    0,
                                    UINT16_MAX};
    p->local = (struct endpoint){address_v4(0xc0000201), 0};
    p->remote = (struct endpoint){address_v4(0xc0000202), 0};
    p->hard_expiry = kind & 32 ? r->e.now + 60 * NS_PER_S : NS_NEVER;
    p->soft_bytes = 2000;
    p->hard_bytes = kind & 64 ? 4000 : UINT64_MAX;
    p->created = r->generation;
    atomic_store(&p->preferred_since, r->generation);
    atomic_store(&p->sequence_ceiling, p->group ? 1U + (flow & 31) : UINT64_MAX);
    atomic_store(&p->receive_ceiling, UINT64_MAX);
    atomic_store(&p->out_mark, 8);
    atomic_store(&p->in_mark, UINT64_MAX);
    uint32_t word = atomic_load(&r->path.sad->groups[p->group].word);
    atomic_store(&p->epoch, sad_group_epoch(word));
    assert(packet_key_init(r->path.cipher, &p->seal_key, &p->algorithms, true, bytes_of(NULL, 0),
                           bytes_of(key, 20)) == 0);
    atomic_store(&p->state, kind & 16 ? PAIR_INBOUND : PAIR_ACTIVE);
    sad_slot_use(r->path.sad, slot);
    pair_index_add(r->path.index, slot);
    r->sequence[slot] = 0;
    release(r, p->entry);
}

static void acquires(struct run *r)
{
    struct outbound_acquire a;
    unsigned rounds = 0;
    while (outbound_acquire_next(r->o, r->e.now, &a)) {
        uint32_t entry = a.entry - 10;
        assert(entry < ENTRIES - 1 && a.ace < ACES && a.ifindex == 1 && ++rounds <= ENTRIES * ACES);
        assert(selector_covers(&a.selector, &a.packet));
        ns asked = r->asked[entry][a.ace];
        assert(asked == 0 || r->e.now - asked >= OUTBOUND_ACQUIRE_REPEAT);
        r->asked[entry][a.ace] = r->e.now;
    }
    rounds = 0;
    while (outbound_refused_next(r->o, r->e.now, &a))
        assert(a.entry == 10 + ENTRIES - 1 && ++rounds < 2);
    assert(outbound_deadline(r->o) == NS_NEVER || outbound_deadline(r->o) > r->e.now || r->waiting > 0);
}

static void expire(struct run *r)
{
    uint64_t before = drops(r);
    size_t n = outbound_expire(r->o, r->e.now);
    assert(drops(r) - before == n && n <= r->waiting);
    r->waiting -= n;
    r->dropped += n;
    for (uint32_t entry = 0; n > 0 && entry < ENTRIES; entry++)
        asked_forget(r, entry);
    acquires(r);
    assert(outbound_deadline(r->o) > r->e.now); /* the shell came, and need not come again now */
}

static void fail(struct run *r)
{
    uint8_t flow = events_u8(&r->e);
    uint64_t before = drops(r);
    r->asked[flow / ACES % ENTRIES][flow % ACES] = 0;
    size_t n = outbound_acquire_failed(r->o, 10 + flow / ACES % ENTRIES, flow % ACES);
    assert(drops(r) - before == n && n <= OUTBOUND_WAIT_FLOW_MAX && n <= r->waiting);
    r->waiting -= n;
    r->dropped += n;
}

static void pair_change(struct run *r, uint8_t kind)
{
    uint32_t slot = events_below(&r->e, SLOTS);
    struct sad_pair *p = &r->path.sad->pairs[slot];
    uint32_t state = atomic_load(&p->state);
    if (state == PAIR_FREE)
        return;
    if (kind & 64) {
        uint64_t ceiling = atomic_load(&p->sequence_ceiling);
        if (p->group)
            atomic_store(&p->sequence_ceiling, ceiling + (kind & 15));
        return;
    }
    atomic_store(&p->state, kind & 128 ? PAIR_SUPERSEDED : PAIR_ACTIVE);
    pair_index_add(r->path.index, slot);
    release(r, p->entry);
}

static void happen(struct run *r)
{
    uint8_t kind = events_u8(&r->e);
    events_pass(&r->e, outbound_deadline(r->o));
    switch (kind % 16) {
    case 0:
    case 1:
        pair_install(r);
        break;
    case 2:
        pair_remove(r, kind / 16U);
        break;
    case 3:
    case 4:
        pair_change(r, kind);
        break;
    case 5: /* the role, in the same epoch: numbers go on */
        atomic_store(&r->path.sad->groups[1].word, sad_group_word(1, 0, kind & 128));
        break;
    case 6:
    case 7:
        release(r, 10 + events_below(&r->e, ENTRIES));
        break;
    case 8:
        fail(r);
        break;
    case 9:
        expire(r);
        break;
    case 10:
        acquires(r);
        break;
    default:
        burst(r);
        break;
    }
    check(r);
}

/* The tables are large: they are made anew only when the clock has gone far. What an input leaves in them is
 * nothing that waits, and no pair. */
static void start(struct run *r)
{
    struct packet_path *path = &r->path;
    if (!path->sad) {
        path->sad = mmap(NULL, sad_size(SLOTS), PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
        path->spd = mmap(NULL, sizeof(struct spd), PROT_READ | PROT_WRITE,
                         MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
        assert(path->sad != MAP_FAILED && path->spd != MAP_FAILED);
        rng_init_number(&r->rng, 1);
        path->rng = &r->rng;
        spd_init(path->spd);
        policy_make(path->spd);
        sad_init(path->sad, SLOTS);
        path->engine = &path->sad->engines[0];
        path->cipher = packet_cipher_new(&r->rng);
        assert(path->cipher);
    }
    outbound_free(r->o);
    pair_index_free(path->index);
    path->index = pair_index_new(path->sad);
    r->o = outbound_new(path);
    assert(path->index && r->o);
    r->e.now = NS_PER_S;
}

static void end(struct run *r)
{
    r->e.now += OUTBOUND_WAIT_TIMEOUT;
    expire(r);
    check(r);
    assert(r->waiting == 0);
    for (uint32_t slot = 0; slot < SLOTS; slot++)
        pair_remove(r, slot);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
    static struct run r;
    if (!r.o || r.e.now > UINT64_MAX / 4)
        start(&r);
    atomic_store(&r.path.sad->groups[1].word, sad_group_word(1, 0, true));
    memset(r.path.engine->drops, 0, sizeof(r.path.engine->drops));
    memset(r.last, 0, sizeof(r.last));
    memset(r.asked, 0, sizeof(r.asked));
    r.identifier = 0;
    r.in = r.sent = r.bypassed = r.dropped = 0;
    r.e = events_of(data, len, r.e.now + NS_PER_S);
    while (events_next(&r.e))
        happen(&r);
    end(&r);
    return 0;
}
