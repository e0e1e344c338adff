/* SPDX-License-Identifier: Apache-2.0 */
/* The engine's two indexes against what they index: policies published one after the other and searched by
 * spd_index, compared with the plain search; pairs installed, activated, superseded, moved between peers and
 * removed under pair_index, with and without the messages that say so, compared with a search of all slots.
 * What is found is always a pair that may send, of the right entry, and none is narrower or newer. */
#include <stdlib.h>
#include <sys/mman.h>

#include "events.h"
#include "ipsec/pair_index.h"
#include "ipsec/spd_index.h"

enum { SLOTS = 24, ENTRIES = 4, PROBES = 4 };

struct run {
    struct events e;
    struct sad *sad;
    struct spd *spd;
    struct pair_index *pairs;
    struct spd_index *policy;
    uint32_t generation; /* of SPIs */
    ns created;
};

static struct address address_make(uint8_t kind)
{
    uint8_t v6[16] = {0x20, 1, [3] = kind & 3, [15] = kind >> 2 & 3};
    if (kind & 128)
        return address_of(v6, sizeof(v6));
    return address_v4(0x0a000000U + ((kind & 3U) << 8) + (kind >> 2 & 3U));
}

static struct packet_tuple tuple_make(struct events *e)
{
    static const uint8_t protocols[] = {6, 17, 1, 47};
    static const uint16_t ports[] = {0, 80, 443, 65535};
    uint8_t local = events_u8(e), remote = events_u8(e), what = events_u8(e);
    struct packet_tuple t;
    memset(&t, 0, sizeof(t));
    t.local = address_make(local & 0x7f);
    t.remote = address_make(remote & 0x7f);
    if (local & remote & 128) {
        t.local = address_make(local);
        t.remote = address_make(remote);
    }
    t.protocol = protocols[what & 3];
    t.has_ports = t.protocol == 6 || (t.protocol == 17 && what & 128);
    t.ports_hidden = t.protocol == 17 && !(what & 128);
    if (t.has_ports) {
        t.local_port = ports[what >> 2 & 3];
        t.remote_port = ports[what >> 4 & 3];
    }
    t.ifindex = 1 + (what >> 6 & 1);
    return t;
}

/* ---- policy ---- */

static struct spd_ace ace_make(struct events *e)
{
    static const uint8_t wildcards[4][16] = {
        {0}, {0, 0, 0, 255, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 255}, {0, 0, 255, 0}, {255, 255, 255, 255}};
    uint8_t kind = events_u8(e), wild = events_u8(e);
    struct packet_tuple t = tuple_make(e);
    struct spd_ace a = {.permit = kind & 3 ? 1 : 0, .family = t.local.family};
    memcpy(a.source, t.local.bytes, sizeof(a.source));
    memcpy(a.destination, t.remote.bytes, sizeof(a.destination));
    memcpy(a.source_wildcard, wildcards[wild & 3], sizeof(a.source_wildcard));
    memcpy(a.destination_wildcard, wildcards[wild >> 2 & 3], sizeof(a.destination_wildcard));
    if (wild & 16) {
        memset(a.source_wildcard, 255, sizeof(a.source_wildcard));
        memset(a.destination_wildcard, 255, sizeof(a.destination_wildcard));
    }
    a.protocol = kind & 4 ? t.protocol : 0;
    a.has_ports = kind & 8 && a.protocol == 6;
    a.source_port_high = kind & 16 ? UINT16_MAX : t.local_port;
    a.source_port_low = kind & 16 ? 0 : t.local_port;
    a.destination_port_low = kind & 32 ? 80 : 0;
    a.destination_port_high = kind & 32 ? 443 : UINT16_MAX;
    return a;
}

static void publish(struct run *r)
{
    struct spd_table *t = spd_next(r->spd);
    uint8_t kind = events_u8(&r->e);
    for (uint32_t e = 0; e < 1U + kind % ENTRIES; e++) {
        uint8_t lines = events_u8(&r->e);
        t->entries[e] = (struct spd_entry){.id = 1 + (e + kind / 4) % ENTRIES,
                                           .sequence = e,
                                           .first_ace = t->ace_count,
                                           .ace_count = lines % 6};
        for (unsigned i = 0; i < lines % 6U; i++)
            t->aces[t->ace_count++] = ace_make(&r->e);
        t->entry_count++;
    }
    /* Two interfaces: one with all of it, one with the end of it. */
    t->bindings[0] = (struct spd_binding){.ifindex = 1, .entry_count = t->entry_count};
    t->bindings[1] = (struct spd_binding){
        .ifindex = 2, .first_entry = t->entry_count / 2, .entry_count = t->entry_count - t->entry_count / 2};
    t->binding_count = 2;
    spd_publish(r->spd);
}

static void policy_check(struct run *r, const struct packet_tuple *tuple)
{
    uint32_t version = atomic_load(&r->spd->version), entry = 0, ace = 0, entry_plain = 0, ace_plain = 0;
    if (version == 0)
        return;
    const struct spd_table *t = spd_table(r->spd, version);
    const struct spd_binding *b = spd_binding_find(t, tuple->ifindex);
    assert(b);
    spd_index_follow(r->policy, t, version);
    enum spd_verdict verdict = spd_index_match(r->policy, t, b, tuple, &entry, &ace);
    assert(verdict == spd_match_tuple(t, b, tuple, &entry_plain, &ace_plain));
    assert(verdict == SPD_BYPASS || (entry == entry_plain && ace == ace_plain));
    /* What a negotiation asks for carries the packet that asked. */
    struct selector s;
    if (verdict == SPD_PROTECT && spd_ace_selector(&t->aces[ace], &s))
        assert(tuple_in_selector(tuple, &s));
}

/* ---- pairs ---- */

static uint32_t width_of(const struct selector *s)
{
    uint32_t ports =
        (uint32_t)(s->local_port_high - s->local_port_low) + (s->remote_port_high - s->remote_port_low);
    return (uint32_t)(256 - s->local.length - s->remote.length) << 18 | (uint32_t)(s->protocol == 0) << 17 |
           MIN(ports, (1U << 17) - 1);
}

static bool newer(const struct sad_pair *a, const struct sad_pair *b)
{
    ns since_a = atomic_load(&a->preferred_since), since_b = atomic_load(&b->preferred_since);
    return since_a != since_b ? since_a > since_b : a->created > b->created;
}

static bool sends(const struct sad_pair *p)
{
    return atomic_load(&p->state) == PAIR_ACTIVE || atomic_load(&p->state) == PAIR_SUPERSEDED;
}

static bool in_group(const struct sad_pair *a, const struct sad_pair *b)
{
    return a->entry == b->entry && selector_equal(&a->selector, &b->selector);
}

/* Whether `p` is the one of its group that sends. */
static bool is_best(const struct run *r, const struct sad_pair *p)
{
    for (uint32_t i = 0; i < SLOTS; i++) {
        const struct sad_pair *o = &r->sad->pairs[i];
        if (o == p || !sends(o) || !in_group(o, p))
            continue;
        bool active = atomic_load(&p->state) == PAIR_ACTIVE, other = atomic_load(&o->state) == PAIR_ACTIVE;
        if (active != other ? other : newer(o, p))
            return false;
    }
    return true;
}

static void pairs_check(struct run *r, const struct packet_tuple *tuple, uint32_t entry)
{
    uint32_t least = UINT32_MAX, found = pair_index_find(r->pairs, entry, tuple);
    for (uint32_t i = 0; i < SLOTS; i++) {
        const struct sad_pair *p = &r->sad->pairs[i];
        if (sends(p) && p->entry == entry && tuple_in_selector(tuple, &p->selector))
            least = MIN(least, width_of(&p->selector));
    }
    assert((found == PAIR_NONE) == (least == UINT32_MAX));
    if (found == PAIR_NONE)
        return;
    const struct sad_pair *p = &r->sad->pairs[found];
    assert(sends(p) && p->entry == entry && tuple_in_selector(tuple, &p->selector));
    assert(width_of(&p->selector) == least && is_best(r, p));
}

static void outbound_check(struct run *r, uint32_t slot)
{
    const struct sad_pair *p = &r->sad->pairs[slot];
    uint32_t state = atomic_load(&p->state);
    if (state == PAIR_FREE)
        return;
    uint32_t found = pair_index_find_outbound(r->pairs, p->spi_out, &p->remote.address);
    assert(state < PAIR_INBOUND || state == PAIR_DEAD || found == slot);
}

static void install(struct run *r, uint32_t slot, bool told)
{
    struct sad_pair *p = &r->sad->pairs[slot];
    uint8_t kind = events_u8(&r->e), lengths = events_u8(&r->e);
    struct packet_tuple t = tuple_make(&r->e);
    if (atomic_load(&p->state) != PAIR_FREE) {
        atomic_store(&p->state, PAIR_FREE);
        if (told)
            pair_index_remove(r->pairs, slot);
    }
    p->spi_in = spi_make(0, ++r->generation & 0xfff, slot);
    p->spi_out = 0x1000 + r->generation;
    p->entry = 1 + kind % ENTRIES;
    p->created = ++r->created;
    p->bundle = UINT32_MAX;
    p->flags = PAIR_TUNNEL;
    atomic_store(&p->preferred_since, r->created);
    uint8_t bits = address_bits(&t.local);
    p->selector = (struct selector){.local = {t.local, lengths & 1 ? bits : bits - 8},
                                    .remote = {t.remote, lengths & 2 ? bits : bits - 8},
                                    .local_port_high = UINT16_MAX,
                                    .remote_port_high = UINT16_MAX};
    if (lengths & 4)
        p->selector.protocol = t.protocol;
    if (lengths & 8 && t.has_ports)
        p->selector.remote_port_low = p->selector.remote_port_high = t.remote_port;
    if (lengths & 16)
        p->selector.local.length = p->selector.remote.length = 0;
    prefix_mask(&p->selector.local);
    prefix_mask(&p->selector.remote);
    p->remote = (struct endpoint){address_v4(0xc0000201U + (kind >> 6)), 0};
    atomic_store(&p->state, kind & 32 ? PAIR_INBOUND : PAIR_ACTIVE);
    sad_slot_use(r->sad, slot);
    if (told)
        pair_index_add(r->pairs, slot);
}

static void state_change(struct run *r, uint32_t slot, uint8_t kind)
{
    struct sad_pair *p = &r->sad->pairs[slot];
    static const uint32_t states[] = {PAIR_ACTIVE, PAIR_SUPERSEDED, PAIR_DEAD, PAIR_ACTIVE};
    if (atomic_load(&p->state) == PAIR_FREE)
        return;
    atomic_store(&p->state, states[kind >> 6]);
    pair_index_add(r->pairs, slot);
}

static void received(struct run *r, uint32_t slot)
{
    const struct sad_pair *p = &r->sad->pairs[slot];
    uint32_t before = pair_index_generation(r->pairs);
    ns now = ++r->created;
    if (atomic_load(&p->state) != PAIR_ACTIVE)
        return;
    bool changed = pair_index_received(r->pairs, slot, now);
    assert(changed == (pair_index_generation(r->pairs) != before));
    /* Whoever was heard is answered: the pair that sends goes to its peer. */
    for (uint32_t i = 0; i < SLOTS; i++) {
        const struct sad_pair *o = &r->sad->pairs[i];
        if (sends(o) && in_group(o, p) && is_best(r, o))
            assert(address_equal(&o->remote.address, &p->remote.address));
    }
}

static void happen(struct run *r)
{
    uint8_t kind = events_u8(&r->e);
    uint32_t slot = events_below(&r->e, SLOTS);
    switch (kind % 8) {
    case 0:
        publish(r);
        break;
    case 1:
    case 2:
    case 3:
        install(r, slot, true);
        break;
    case 4: /* the message was lost */
        install(r, slot, false);
        pair_index_sync(r->pairs);
        break;
    case 5:
        state_change(r, slot, kind);
        break;
    case 6:
        received(r, slot);
        break;
    default:
        atomic_store(&r->sad->pairs[slot].state, PAIR_FREE);
        pair_index_remove(r->pairs, slot);
        break;
    }
    for (unsigned i = 0; i < PROBES; i++) {
        struct packet_tuple t = tuple_make(&r->e);
        policy_check(r, &t);
        for (uint32_t entry = 1; entry <= ENTRIES; entry++)
            pairs_check(r, &t, entry);
    }
    outbound_check(r, slot);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
    static struct run r;
    if (!r.sad) {
        r.sad = mmap(NULL, sad_size(SLOTS), PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
        r.spd = mmap(NULL, sizeof(struct spd), PROT_READ | PROT_WRITE,
                     MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
        assert(r.sad != MAP_FAILED && r.spd != MAP_FAILED);
        spd_init(r.spd);
        r.policy = spd_index_new();
        assert(r.policy);
    }
    memset((void *)r.sad, 0, sad_size(SLOTS));
    sad_init(r.sad, SLOTS);
    r.pairs = pair_index_new(r.sad);
    assert(r.pairs);
    r.e = events_of(data, len, 0);
    r.generation = 0;
    r.created = NS_PER_S;
    publish(&r);
    while (events_next(&r.e))
        happen(&r);
    pair_index_free(r.pairs);
    return 0;
}
