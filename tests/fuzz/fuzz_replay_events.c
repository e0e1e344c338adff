/* SPDX-License-Identifier: Apache-2.0 */
/* One pair of SAs that two members share, as their SA tables have it, through sequence numbers claimed,
 * packets that arrive in any order, ceilings that rise, and takeovers: planned with exact counters, or with
 * what was granted. Against lists of all that was ever sent and accepted: no number is sent twice, none is
 * accepted twice, none is refused as a replay that was not one, and what is refused as old is below the
 * window. The number that ESN guesses is that of RFC 4303 appendix A2. */
#include "events.h"
#include "ipsec/replay.h"
#include "ipsec/takeover.h"

enum { SEEN = 4096 };

struct seen {
    uint64_t numbers[SEEN];
    unsigned count;
};

struct run {
    struct events e;
    struct sad_pair pairs[2]; /* at each member */
    struct sad *sad;
    unsigned owner;
    uint32_t epoch;
    uint32_t size;
    uint64_t iv_bases[EVENTS_MAX + 2]; /* of each epoch */
    struct seen sent, accepted;
};

static bool seen_has(const struct seen *s, uint64_t number)
{
    for (unsigned i = 0; i < s->count; i++)
        if (s->numbers[i] == number)
            return true;
    return false;
}

static void seen_add(struct seen *s, uint64_t number)
{
    assert(!seen_has(s, number));
    if (s->count < SEEN)
        s->numbers[s->count++] = number;
}

static struct sad_pair *owned(struct run *r)
{
    return &r->pairs[r->owner];
}

static void claim(struct run *r)
{
    uint8_t kind = events_u8(&r->e);
    struct sad_pair *p = owned(r);
    uint64_t end = kind & 128 ? 1ULL << 32 : UINT64_MAX, sequence;
    for (unsigned i = 0; i < 1U + kind % 16; i++) {
        enum drop_reason reason = takeover_admit(r->sad, p, r->e.now);
        assert(reason ==
               (sad_group_active(atomic_load(&r->sad->groups[1].word)) ? DROP_NONE : DROP_NOT_OWNER));
        if (reason != DROP_NONE || !takeover_claim(p, end, &sequence))
            return;
        assert(sequence > 0 && sequence < end && sequence < atomic_load(&p->sequence_ceiling));
        assert(sad_group_epoch(atomic_load(&r->sad->groups[1].word)) == atomic_load(&p->epoch));
        seen_add(&r->sent, sequence);
    }
}

/* RFC 4303 appendix A2, in its own words: Tl, Th, Seql, W. */
static uint64_t guess_reference(uint64_t top, uint32_t size, uint32_t low)
{
    uint32_t tl = (uint32_t)top, th = (uint32_t)(top >> 32), high;
    if (tl >= size - 1)
        high = low >= tl - size + 1 ? th : th + 1;
    else
        high = low >= tl - size + 1 ? (th > 0 ? th - 1 : 0) : th;
    return (uint64_t)high << 32 | low;
}

static void arrive(struct run *r)
{
    struct sad_pair *p = owned(r);
    uint64_t sequence = events_near(&r->e, p->replay.top);
    if (takeover_admit(r->sad, p, r->e.now) != DROP_NONE)
        return;
    assert(replay_guess(&p->replay, r->size, (uint32_t)sequence, true) ==
           guess_reference(p->replay.top, replay_size(r->size), (uint32_t)sequence));
    if (!takeover_may_accept(p, sequence))
        return;
    assert(sequence < atomic_load(&p->receive_ceiling));
    uint64_t top = p->replay.top;
    enum drop_reason first = replay_check(&p->replay, r->size, sequence);
    enum drop_reason reason = replay_commit(&p->replay, r->size, sequence);
    assert(first == reason);
    bool old = sequence == 0 || (sequence <= top && top - sequence >= replay_size(r->size));
    assert((reason == DROP_REPLAY_OLD) == old);
    if (reason == DROP_NONE)
        seen_add(&r->accepted, sequence);
    else if (reason == DROP_REPLAY) /* or closed by a takeover: nobody knows */
        assert(seen_has(&r->accepted, sequence) || r->accepted.count == SEEN || sequence < p->taken_in);
    assert(p->replay.top == MAX(top, reason == DROP_NONE ? sequence : 0));
    assert(replay_check(&p->replay, r->size, sequence) != DROP_NONE);
}

/* The standby acknowledged higher ceilings: it has them before the owner goes by them. */
static void lease(struct run *r)
{
    struct sad_pair *p = owned(r), *other = &r->pairs[!r->owner];
    uint64_t out, in;
    if (takeover_admit(r->sad, p, r->e.now) != DROP_NONE)
        return;
    takeover_position(p, &out, &in);
    assert(out == atomic_load(&p->sequence_out) + 1 || out == p->granted_out);
    uint8_t by = events_u8(&r->e);
    uint64_t out_ceiling = atomic_load(&p->sequence_ceiling), in_ceiling = atomic_load(&p->receive_ceiling);
    out = out > UINT64_MAX - 256 ? UINT64_MAX - 1 : out + 1 + by % 32;
    in = in > UINT64_MAX - 256 ? UINT64_MAX - 1 : in + by / 8;
    other->granted_out = MAX(out, out_ceiling);
    other->granted_in = MAX(in, in_ceiling);
    if (by & 1) /* else the acknowledgement is lost: told, and not in force */
        return;
    atomic_store(&p->sequence_ceiling, other->granted_out);
    atomic_store(&p->receive_ceiling, other->granted_in);
}

/* The other member goes on, by what it was granted or by exact counters that it was told. */
static void take_over(struct run *r, bool planned)
{
    struct sad_pair *old = owned(r), *p = &r->pairs[!r->owner];
    uint64_t out, in;
    if (planned) {
        takeover_position(old, &out, &in);
        p->granted_out = out;
        p->granted_in = in;
    }
    r->owner = !r->owner;
    r->epoch++;
    atomic_store(&r->sad->groups[1].word, sad_group_word(r->epoch, r->owner, true));
    atomic_store(&p->sequence_ceiling, UINT64_MAX);
    atomic_store(&p->receive_ceiling, UINT64_MAX);
    assert(takeover_admit(r->sad, p, r->e.now) == DROP_NONE);
    assert(atomic_load(&p->sequence_out) + 1 >= p->granted_out && p->replay.top + 1 >= p->granted_in);
    for (unsigned i = 0; i < r->epoch && r->epoch < SAD_EPOCH_MAX; i++)
        assert(r->iv_bases[i] >> 48 != p->iv_base >> 48);
    r->iv_bases[r->epoch] = p->iv_base;
    /* Before it sends anything it has told the new standby what it may use. */
    takeover_position(p, &out, &in);
    p = &r->pairs[!r->owner];
    p->granted_out = out > UINT64_MAX - 64 ? UINT64_MAX - 1 : out + 16;
    p->granted_in = in > UINT64_MAX - 64 ? UINT64_MAX - 1 : in + 16;
    atomic_store(&owned(r)->sequence_ceiling, p->granted_out);
    atomic_store(&owned(r)->receive_ceiling, p->granted_in);
}

static void happen(struct run *r)
{
    uint8_t kind = events_u8(&r->e);
    uint32_t word = atomic_load(&r->sad->groups[1].word);
    switch (kind % 16) {
    case 0:
        take_over(r, false);
        break;
    case 1:
        take_over(r, true);
        break;
    case 2:
        atomic_store(&r->sad->groups[1].word, sad_group_word(r->epoch, r->owner, !sad_group_active(word)));
        break;
    case 3:
    case 4:
    case 5:
        lease(r);
        break;
    case 6:
    case 7:
    case 8:
        claim(r);
        break;
    default:
        arrive(r);
        break;
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
    static struct run r;
    static struct sad sad;
    static const uint64_t starts[] = {0, 0, UINT32_MAX - 20ULL, UINT64_MAX - 300};
    memset(&r, 0, sizeof(r));
    r.e = events_of(data, len, NS_PER_S);
    r.sad = &sad;
    uint8_t how = events_u8(&r.e);
    r.size = how & 3 ? 64U << (how & 3) : 32;
    r.epoch = 0;
    r.owner = 1;
    for (unsigned i = 0; i < 2; i++) {
        r.pairs[i].group = 1;
        r.pairs[i].replay_size = (uint16_t)r.size;
        r.pairs[i].iv_base = UINT64_MAX;
    }
    r.iv_bases[0] = UINT64_MAX;
    r.pairs[0].granted_out = starts[how >> 2 & 3];
    r.pairs[0].granted_in = starts[how >> 4 & 3];
    take_over(&r, false);
    while (events_next(&r.e))
        happen(&r);
    return 0;
}
