/* SPDX-License-Identifier: Apache-2.0 */
/* One member's shared group (with its membership and its leases) through a sequence of events: verdicts, what
 * a session may bring of another member that says whatever it likes, acknowledgements, traffic, new pairs and
 * records, switchovers, ticks, and restarts. The engine, the stores and the session are a model. After each:
 * the group serves only while the verdict is its own, or while it hands the role over, and in an epoch higher
 * than any it has heard of; a ceiling rises no further than what was acknowledged, and vanishes only when the
 * other member left or handed the pair over; a snapshot has everything; nothing is due at once for ever. */
#include <stdlib.h>

#include "base/be.h"
#include "events.h"
#include "replication/shared_group.h"

enum { SLOTS = 6, KEYS = 5, KIND = 1, PREFIX = 17, TOLD = 2048 };

struct pair {
    bool there, sent;
    bool ended; /* the ceilings that it waits, or waited, to be installed with */
    uint32_t spi;
    uint64_t out, in; /* highest used */
    uint64_t granted_out, granted_in;
    uint64_t ceiling_out, ceiling_in, out_mark, in_mark;
    uint64_t known_out, known_in; /* most that was acknowledged, of this pair */
    uint64_t waits;               /* for this acknowledgement it waits to be installed; 0: installed */
    uint64_t new_out, new_in;
};

/* Ceilings that are on their way. */
struct told {
    uint64_t number;
    uint32_t slot, spi;
    uint64_t out, in;
};

struct run {
    struct events e;
    struct shared_group group;
    struct pair pairs[SLOTS];
    struct {
        bool there, sent;
    } records[KEYS];
    struct told told[TOLD];
    unsigned told_count;
    bool up, fed, active, snapshot;
    bool ceilings_end; /* an event under way may end ceilings */
    uint64_t number, acked;
    uint32_t epoch, heard; /* of the last activation; the highest of the other's roles */
    uint32_t spi;
    size_t room;
    struct {
        uint8_t state;
        uint32_t epoch;
        bool bounded, in_step;
    } noted;
};

/* ---- stores and engine ---- */

static void op_each(void *c, bool (*add)(void *to, uint8_t kind, uint64_t key), void *to)
{
    struct run *r = c;
    for (unsigned i = 0; i < KEYS; i++)
        if (r->records[i].there)
            add(to, KIND, i);
    for (unsigned i = 0; i < SLOTS; i++)
        if (r->pairs[i].there)
            add(to, SHARED_PAIR, i);
}

static bool op_get(void *c, uint8_t kind, uint64_t key, struct bytes *ret)
{
    struct run *r = c;
    *ret = bytes_of("record", 6);
    return kind == SHARED_PAIR ? r->pairs[key].there : r->records[key].there;
}

static void op_put(void *c, uint8_t kind, uint64_t key, struct bytes data, int64_t shift, bool merge)
{
    struct run *r = c;
    (void)data, (void)shift, (void)merge;
    assert(kind == KIND && key < KEYS);
    r->records[key].there = true;
}

static void op_drop(void *c, uint8_t kind, uint64_t key)
{
    struct run *r = c;
    if (kind == SHARED_PAIR && key < SLOTS)
        r->pairs[key] = (struct pair){0};
    else if (kind == KIND && key < KEYS)
        r->records[key].there = false;
}

static void op_put_pair(void *c, uint32_t slot, struct bytes data, int64_t shift, bool merge, uint64_t out,
                        uint64_t in)
{
    struct run *r = c;
    struct pair *p = &r->pairs[slot];
    (void)shift;
    assert(slot < SLOTS && data.len >= 4);
    uint32_t spi = be32_load(data.data);
    if (merge && p->there)
        return;
    if (!p->there || p->spi != spi)
        *p = (struct pair){.there = true, .spi = spi};
    p->granted_out = out;
    p->granted_in = in;
    p->ceiling_out = p->ceiling_in = UINT64_MAX;
    p->waits = 0;
}

static void op_grant(void *c, const struct session_lease *l, bool merge)
{
    struct pair *p = &((struct run *)c)->pairs[l->slot];
    if (!p->there || p->waits || p->spi != l->spi_in)
        return;
    p->granted_out = merge ? MAX(p->granted_out, l->out) : l->out;
    p->granted_in = merge ? MAX(p->granted_in, l->in) : l->in;
}

static bool op_position(void *c, uint32_t slot, uint32_t *ret_spi, uint64_t *ret_out, uint64_t *ret_in)
{
    const struct pair *p = &((struct run *)c)->pairs[slot];
    if (!p->there || p->waits)
        return false;
    *ret_spi = p->spi;
    *ret_out = MAX(p->out + 1, p->granted_out);
    *ret_in = MAX(p->in + 1, p->granted_in);
    return true;
}

static void rise_check(const struct run *r, uint64_t from, uint64_t to, uint64_t known)
{
    if (to <= from)
        return;
    if (to == UINT64_MAX)
        assert(r->ceilings_end);
    else
        assert(to <= known);
}

static void op_ceilings(void *c, uint32_t slot, const struct session_lease *l, uint64_t out_mark,
                        uint64_t in_mark)
{
    struct run *r = c;
    struct pair *p = &r->pairs[slot];
    assert(p->there && !p->waits && p->spi == l->spi_in);
    if (!p->ended) {
        rise_check(r, p->ceiling_out, l->out, p->known_out);
        rise_check(r, p->ceiling_in, l->in, p->known_in);
    }
    p->ended = false;
    p->ceiling_out = l->out;
    p->ceiling_in = l->in;
    p->out_mark = out_mark;
    p->in_mark = in_mark;
}

static void op_rekey(void *c, uint32_t slot)
{
    struct run *r = c;
    assert(r->pairs[slot].there && r->group.membership.state == SESSION_OWNER);
}

static void op_nothing(void *c)
{
    (void)c;
}

static void op_activate(void *c, uint32_t epoch)
{
    struct run *r = c;
    assert(epoch > r->epoch && epoch > r->heard);
    assert(r->noted.state != SESSION_OWNER || r->noted.epoch <= epoch);
    r->active = true;
    r->epoch = epoch;
    for (unsigned i = 0; i < SLOTS; i++) {
        r->pairs[i].out = MAX(r->pairs[i].out, ns_since(r->pairs[i].granted_out, 1));
        r->pairs[i].in = MAX(r->pairs[i].in, ns_since(r->pairs[i].granted_in, 1));
    }
}

static void op_deactivate(void *c)
{
    ((struct run *)c)->active = false;
}

static void op_forget(void *c)
{
    struct run *r = c;
    memset(r->pairs, 0, sizeof(r->pairs));
    memset(r->records, 0, sizeof(r->records));
}

static void op_note(void *c)
{
    struct run *r = c;
    const struct membership *m = &r->group.membership;
    r->noted.state = m->state;
    r->noted.epoch = m->epoch;
    r->noted.bounded = m->bounded;
    r->noted.in_step = m->in_step;
}

static void op_hold(void *c, ns until)
{
    struct run *r = c;
    assert(until == 0 || (until > r->e.now && until <= r->e.now + NS_PER_S));
}

static void op_switched(void *c, bool ok)
{
    (void)c, (void)ok;
}

static void op_released(void *c, uint64_t number)
{
    struct run *r = c;
    for (unsigned i = 0; i < SLOTS; i++) {
        struct pair *p = &r->pairs[i];
        if (!p->there || !p->waits || p->waits > number)
            continue;
        p->waits = 0;
        p->ceiling_out = p->new_out;
        p->ceiling_in = p->new_in;
    }
}

/* ---- the session ---- */

static uint64_t number_next(struct run *r, bool records)
{
    return r->up && (r->fed || !records) ? ++r->number : 0;
}

static void told_add(struct run *r, uint64_t number, uint32_t slot, uint32_t spi, uint64_t out, uint64_t in)
{
    if (number && r->told_count < TOLD)
        r->told[r->told_count++] = (struct told){number, slot, spi, out, in};
}

static uint64_t op_send_put(void *c, uint8_t kind, uint64_t key, struct bytes data, bool snapshot)
{
    struct run *r = c;
    uint64_t number = number_next(r, true);
    assert(!snapshot || !number || r->snapshot);
    if (kind != SHARED_PAIR) {
        r->records[key].sent = true;
        return number;
    }
    struct pair *p = &r->pairs[key];
    uint64_t out = be64_load(data.data), in = be64_load(data.data + 8);
    p->sent = true;
    told_add(r, number, (uint32_t)key, p->spi, out, in);
    /* What the other one is told is never less than what the engine may use. */
    if (!p->waits && out && r->active)
        assert(out >= p->ceiling_out && in >= p->ceiling_in);
    return number;
}

static uint64_t op_send_delete(void *c, uint8_t kind, uint64_t key)
{
    (void)kind, (void)key;
    return number_next(c, true);
}

static uint64_t op_send_leases(void *c, const struct session_lease *l, size_t n, bool exact)
{
    struct run *r = c;
    uint64_t number = number_next(r, true);
    for (size_t i = 0; i < n; i++) {
        const struct pair *p = &r->pairs[l[i].slot];
        assert(p->there && p->spi == l[i].spi_in);
        if (exact)
            assert(l[i].out > p->out && l[i].in > p->in);
        else
            told_add(r, number, l[i].slot, l[i].spi_in, l[i].out, l[i].in);
        assert(exact || !r->active || (l[i].out >= p->ceiling_out && l[i].in >= p->ceiling_in));
    }
    assert(!exact || !r->active || r->group.merging);
    return number;
}

static uint64_t op_send_role(void *c, const struct session_role_state *role)
{
    const struct membership *m = &((struct run *)c)->group.membership;
    assert(role->role == m->state && role->epoch <= m->epoch);
    return number_next(c, false);
}

static uint64_t op_send_notice(void *c, uint32_t code)
{
    assert(code >= MEMBERSHIP_WANT && code <= MEMBERSHIP_MERGED);
    return number_next(c, false);
}

static uint64_t op_send_begin(void *c)
{
    struct run *r = c;
    uint64_t number = number_next(r, false);
    r->fed = r->snapshot = number != 0;
    for (unsigned i = 0; i < KEYS; i++)
        r->records[i].sent = false;
    for (unsigned i = 0; i < SLOTS; i++)
        r->pairs[i].sent = false;
    return number;
}

static uint64_t op_send_end(void *c)
{
    struct run *r = c;
    assert(!r->up || r->snapshot);
    r->snapshot = false;
    for (unsigned i = 0; i < KEYS; i++)
        assert(!r->up || !r->records[i].there || r->records[i].sent);
    for (unsigned i = 0; i < SLOTS; i++)
        assert(!r->up || !r->pairs[i].there || r->pairs[i].sent);
    return number_next(r, true);
}

static bool op_feed(void *c)
{
    struct run *r = c;
    return r->fed = r->up;
}

static size_t op_room(void *c)
{
    struct run *r = c;
    size_t room = r->up ? r->room : 0;
    r->room -= MIN(r->room, 4096U);
    return room;
}

static const struct shared_group_ops ops = {
    .each = op_each,
    .get = op_get,
    .put = op_put,
    .drop = op_drop,
    .put_pair = op_put_pair,
    .grant = op_grant,
    .position = op_position,
    .ceilings = op_ceilings,
    .rekey = op_rekey,
    .settle = op_nothing,
    .activate = op_activate,
    .deactivate = op_deactivate,
    .forget = op_forget,
    .note = op_note,
    .in_step = op_nothing,
    .hold = op_hold,
    .yield = op_nothing,
    .disown = op_nothing,
    .drain = op_nothing,
    .switched = op_switched,
    .released = op_released,
    .send_put = op_send_put,
    .send_delete = op_send_delete,
    .send_leases = op_send_leases,
    .send_role = op_send_role,
    .send_notice = op_send_notice,
    .send_begin = op_send_begin,
    .send_end = op_send_end,
    .feed = op_feed,
    .room = op_room,
};

/* ---- what must hold ---- */

static void check(struct run *r)
{
    const struct membership *m = &r->group.membership;
    bool leaving = m->switching == SWITCH_YIELDED || m->switching == SWITCH_DRAINING;
    assert(!r->active || m->ours || leaving);
    assert(r->active == (m->state == SESSION_OWNER));
    assert(!m->ours || m->state == SESSION_OWNER || m->switching == SWITCH_TAKING);
    assert(m->epoch >= r->epoch && m->epoch >= r->heard && m->peer_up == r->up);
    assert(!m->in_step || m->state != SESSION_OWNER || m->peer_up);
    for (unsigned i = 0; i < SLOTS; i++) {
        const struct pair *p = &r->pairs[i];
        if (p->there && !p->waits && r->active && !p->ended)
            assert(r->group.leases[i].out == p->ceiling_out && r->group.leases[i].in == p->ceiling_in);
        /* What waits for an acknowledgement waits only as long as one may come. */
        assert(!p->waits || shared_group_waits(&r->group, p->waits));
    }
}

/* ---- what happens ---- */

/* The other member left, or merged what it had: ceilings may end, now or for what waits when it asks. */
static void ceilings_end(struct run *r, bool now)
{
    r->ceilings_end = now;
    for (unsigned i = 0; now && i < SLOTS; i++)
        r->pairs[i].ended |= r->pairs[i].waits > 0;
}

static void session(struct run *r, struct session_action a)
{
    shared_group_session(&r->group, &a, r->e.now);
}

static void lost(struct run *r, bool bye)
{
    struct session_action a = {.kind = SESSION_PEER_LOST};
    a.lost.reason = bye ? SESSION_LOST_LEFT : SESSION_LOST_CLOSED;
    if (!r->up)
        return;
    r->up = r->fed = r->snapshot = false;
    r->told_count = 0;
    ceilings_end(r, bye);
    session(r, a);
    ceilings_end(r, false);
}

static void role(struct run *r)
{
    uint8_t kind = events_u8(&r->e);
    struct session_action a = {.kind = SESSION_ROLE};
    uint32_t epoch = r->group.membership.epoch;
    a.role.role = kind % SESSION_ROLES;
    a.role.in_step = kind & 128;
    a.role.epoch = kind & 64 ? 0 : kind & 32 ? epoch + 1 : epoch - MIN(epoch, (kind & 16) / 16U);
    session(r, a);
    r->heard = MAX(r->heard, a.role.epoch);
}

static void acknowledge(struct run *r)
{
    struct session_action a = {.kind = SESSION_ACKED};
    a.acked = r->number - MIN(r->number, events_below(&r->e, 8));
    if (a.acked <= r->acked)
        return;
    r->acked = a.acked;
    unsigned kept = 0;
    for (unsigned i = 0; i < r->told_count; i++) {
        const struct told *t = &r->told[i];
        struct pair *p = &r->pairs[t->slot];
        if (t->number > a.acked) {
            r->told[kept++] = *t;
        } else if (p->there && p->spi == t->spi) {
            p->known_out = MAX(p->known_out, t->out);
            p->known_in = MAX(p->known_in, t->in);
        }
    }
    r->told_count = kept;
    session(r, a);
}

static void record_comes(struct run *r)
{
    uint8_t kind = events_u8(&r->e), data[PREFIX + 4] = {0};
    struct session_action a = {.kind = kind & 1 ? SESSION_PUT : SESSION_DELETE, .snapshot = kind & 2};
    a.put.kind = kind & 4 ? SHARED_PAIR : KIND;
    a.put.key = a.put.kind == KIND ? kind / 8U % KEYS : kind / 8U % (SLOTS + 2);
    if (kind & 1) {
        be64_store(data, events_u8(&r->e) * 5U);
        be64_store(data + 8, events_u8(&r->e) * 5U);
        data[16] = kind >> 7;
        be32_store(data + PREFIX, kind & 64 ? 7 : ++r->spi);
        a.put.data = bytes_of(data, kind == 255 ? 3 : sizeof(data));
    }
    session(r, a);
}

static void leases_come(struct run *r)
{
    uint8_t kind = events_u8(&r->e), raw[24];
    struct session_action a = {.kind = SESSION_LEASES, .exact = kind & 1};
    uint32_t slot = kind / 2U % (SLOTS + 1);
    be32_store(raw, slot);
    be32_store(raw + 4, slot < SLOTS ? r->pairs[slot].spi + (kind >> 7) : 0);
    be64_store(raw + 8, events_u8(&r->e) * 5U);
    be64_store(raw + 16, events_u8(&r->e) * 5U);
    a.leases.count = 1;
    a.leases.size = sizeof(raw);
    a.leases.raw = raw;
    session(r, a);
}

static void notice(struct run *r, uint32_t code)
{
    struct session_action a = {.kind = SESSION_NOTICE};
    a.notice.code = code;
    ceilings_end(r, code == MEMBERSHIP_MERGED);
    session(r, a);
    ceilings_end(r, false);
}

/* The engine uses numbers below the ceilings, and asks for more at the marks. */
static void traffic(struct run *r)
{
    uint8_t kind = events_u8(&r->e);
    uint32_t slot = kind % SLOTS;
    struct pair *p = &r->pairs[slot];
    if (!r->active || !p->there || p->waits)
        return;
    for (unsigned i = 0; i < 1U << (kind >> 5) && p->out + 1 < p->ceiling_out; i++)
        p->out++;
    for (unsigned i = 0; i < 1U << (kind >> 5) && p->in + 1 < p->ceiling_in; i++)
        p->in++;
    if (p->out < p->out_mark && p->in < p->in_mark && !(kind & 16))
        return;
    shared_group_lease_due(&r->group, slot, r->e.now);
    /* Where the group knows no ceilings the engine has none. */
    if (p->there && r->group.leases[slot].out == UINT64_MAX)
        assert(p->ceiling_out == UINT64_MAX && p->ceiling_in == UINT64_MAX);
}

static void pair_new(struct run *r)
{
    uint32_t slot = events_below(&r->e, SLOTS);
    struct session_lease l;
    uint8_t data[4];
    if (r->pairs[slot].there) {
        r->pairs[slot] = (struct pair){0};
        shared_group_pair_gone(&r->group, slot, r->e.now);
        return;
    }
    if (r->group.membership.state != SESSION_OWNER)
        return;
    r->pairs[slot] = (struct pair){.there = true, .spi = ++r->spi, .waits = UINT64_MAX};
    be32_store(data, r->spi);
    uint64_t number = shared_group_pair_new(&r->group, slot, r->spi, bytes_of(data, 4), &l, r->e.now);
    struct pair *p = &r->pairs[slot];
    p->waits = number && shared_group_waits(&r->group, number) ? number : 0;
    p->new_out = p->ceiling_out = l.out;
    p->new_in = p->ceiling_in = l.in;
    p->out_mark = l.out / 2 + 1;
    p->in_mark = l.in / 2 + 1;
}

static void record_change(struct run *r)
{
    unsigned key = events_below(&r->e, KEYS);
    if (r->group.membership.state != SESSION_OWNER)
        return;
    r->records[key].there = !r->records[key].there;
    if (r->records[key].there)
        shared_group_put(&r->group, KIND, key, bytes_of("record", 6), r->e.now);
    else
        shared_group_delete(&r->group, KIND, key, r->e.now);
}

static void tick(struct run *r)
{
    unsigned rounds = 0;
    do {
        shared_group_tick(&r->group, r->e.now);
        assert(++rounds < 8);
    } while (shared_group_deadline(&r->group) <= r->e.now);
}

static void begin(struct run *r, uint8_t state)
{
    const struct shared_group_config c = {.slots = SLOTS, .limits = {.inbound = 64, .outbound = 32}};
    int error = shared_group_init(&r->group, &c, &ops, r, state, r->noted.epoch, r->noted.bounded, r->e.now);
    assert(error == 0);
}

/* The process died; its successor begins with what was noted and what is in the SA table. */
static void restart(struct run *r)
{
    bool owner = r->noted.state == SESSION_OWNER;
    shared_group_done(&r->group);
    r->up = r->fed = r->snapshot = false;
    r->told_count = 0;
    for (unsigned i = 0; i < SLOTS; i++)
        if (r->pairs[i].waits)
            r->pairs[i] = (struct pair){0}; /* was never installed */
    r->active = owner;
    begin(r, owner                                                   ? SESSION_OWNER
             : r->noted.state == SESSION_STANDBY && r->noted.in_step ? SESSION_STANDBY
                                                                     : SESSION_EMPTY);
    for (uint32_t i = 0; i < SLOTS; i++) {
        struct pair *p = &r->pairs[i];
        if (p->there)
            shared_group_restore(&r->group, i, p->ceiling_out, p->ceiling_in, p->out_mark);
    }
    r->heard = MIN(r->heard, r->group.membership.epoch); /* what was not noted will be heard again */
}

static void happen(struct run *r)
{
    uint8_t kind = events_u8(&r->e);
    bool up = r->up;
    events_pass(&r->e, shared_group_deadline(&r->group));
    r->room = kind & 128 ? 1 << 20 : 20 * 1024;
    switch (kind % 32) {
    case 0:
    case 1:
    case 2:
        shared_group_verdict(&r->group, kind & 64, r->e.now);
        break;
    case 3:
    case 4:
        r->up = true;
        if (!up)
            session(r, (struct session_action){.kind = SESSION_PEER_UP});
        break;
    case 5:
        lost(r, kind & 64);
        break;
    case 6:
        ceilings_end(r, true);
        if (up)
            session(r, (struct session_action){.kind = SESSION_BYE});
        r->up = r->group.membership.peer_up;
        ceilings_end(r, false);
        break;
    case 7:
        restart(r);
        break;
    case 8:
        shared_group_switchover(&r->group, r->e.now);
        break;
    case 9:
        shared_group_drained(&r->group, r->e.now);
        break;
    case 10:
    case 11:
    case 12:
        tick(r);
        break;
    case 13:
    case 14:
    case 15:
        traffic(r);
        break;
    case 16:
    case 17:
        pair_new(r);
        break;
    case 18:
        record_change(r);
        break;
    default:
        if (!up)
            break;
        if (kind % 32 < 23)
            role(r);
        else if (kind % 32 < 25)
            notice(r, 1 + events_below(&r->e, 8));
        else if (kind % 32 < 26)
            session(r, (struct session_action){.kind = kind & 64 ? SESSION_SNAPSHOT_BEGIN
                                                                 : SESSION_SNAPSHOT_END});
        else if (kind % 32 < 28)
            record_comes(r);
        else if (kind % 32 < 29)
            leases_come(r);
        else
            acknowledge(r);
        break;
    }
    check(r);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
    static struct run r;
    r = (struct run){.e = events_of(data, len, 100 * NS_PER_S), .noted.state = SESSION_EMPTY};
    begin(&r, SESSION_EMPTY);
    while (events_next(&r.e))
        happen(&r);
    shared_group_done(&r.group);
    return 0;
}
