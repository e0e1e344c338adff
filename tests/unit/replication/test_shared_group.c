/* SPDX-License-Identifier: Apache-2.0 */
/* Two members' shared groups over a link that is a queue: snapshots for which the room ends in the middle,
 * changes beside them, merges, and the ceilings of single pairs. What runs against each other in long chains
 * of faults is tests/sim/pair_world. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>

#include <cmocka.h>

#include "base/be.h"
#include "replication/shared_group.h"

enum { SLOTS = 32, RECORDS = 256, FRAMES = 1024, KIND = 2 };

struct pair {
    bool there;
    uint32_t spi;
    uint64_t out, in, granted_out, granted_in, ceiling_out, ceiling_in, out_mark;
    unsigned rekeys;
};

struct frame {
    struct session_action action;
    uint8_t data[64];
    uint8_t leases[24 * 64];
    struct session_lease list[64];
};

struct member {
    struct shared_group group;
    struct member *other;
    struct {
        uint8_t kind;
        uint64_t key;
        uint8_t value;
    } records[RECORDS];
    unsigned count;
    struct pair pairs[SLOTS];
    struct frame *frames; /* on their way to the other one */
    unsigned first, last;
    uint64_t number; /* of the last frame */
    bool up, active;
    unsigned room; /* puts that there is room for */
    uint32_t epoch;
    unsigned forgotten, in_step, released;
};

static struct member members[2];

/* ---- what the group reaches ---- */

static int record_at(const struct member *m, uint8_t kind, uint64_t key)
{
    for (unsigned i = 0; i < m->count; i++)
        if (m->records[i].kind == kind && m->records[i].key == key)
            return (int)i;
    return -1;
}

static void record_set(struct member *m, uint8_t kind, uint64_t key, uint8_t value)
{
    int at = record_at(m, kind, key);
    if (at < 0)
        at = (int)m->count++;
    m->records[at].kind = kind;
    m->records[at].key = key;
    m->records[at].value = value;
}

static void record_unset(struct member *m, uint8_t kind, uint64_t key)
{
    int at = record_at(m, kind, key);
    if (at >= 0)
        m->records[at] = m->records[--m->count];
    if (kind == SHARED_PAIR)
        m->pairs[key].there = false;
}

static void op_each(void *c, bool (*add)(void *to, uint8_t kind, uint64_t key), void *to)
{
    struct member *m = c;
    for (unsigned i = 0; i < m->count; i++)
        add(to, m->records[i].kind, m->records[i].key);
}

static bool op_get(void *c, uint8_t kind, uint64_t key, struct bytes *ret)
{
    struct member *m = c;
    int at = record_at(m, kind, key);
    if (at >= 0)
        *ret = bytes_of(&m->records[at].value, 1);
    return at >= 0;
}

static void op_put(void *c, uint8_t kind, uint64_t key, struct bytes data, int64_t shift, bool merge)
{
    struct member *m = c;
    (void)shift;
    if (!merge || record_at(m, kind, key) < 0)
        record_set(m, kind, key, data.data[0]);
}

static void op_drop(void *c, uint8_t kind, uint64_t key)
{
    record_unset(c, kind, key);
}

static void op_put_pair(void *c, uint32_t slot, struct bytes data, int64_t shift, bool merge, uint64_t out,
                        uint64_t in)
{
    struct member *m = c;
    struct pair *p = &m->pairs[slot];
    (void)shift;
    if (merge && p->there)
        return;
    record_set(m, SHARED_PAIR, slot, data.data[0]);
    if (!p->there)
        *p = (struct pair){.there = true, .spi = data.data[0]};
    p->granted_out = out;
    p->granted_in = in;
    p->ceiling_out = p->ceiling_in = UINT64_MAX;
}

static void op_grant(void *c, const struct session_lease *l, bool merge)
{
    struct pair *p = &((struct member *)c)->pairs[l->slot];
    if (!p->there || p->spi != l->spi_in)
        return;
    p->granted_out = merge ? MAX(p->granted_out, l->out) : l->out;
    p->granted_in = merge ? MAX(p->granted_in, l->in) : l->in;
}

static bool op_position(void *c, uint32_t slot, uint32_t *ret_spi, uint64_t *ret_out, uint64_t *ret_in)
{
    const struct pair *p = &((struct member *)c)->pairs[slot];
    if (!p->there)
        return false;
    *ret_spi = p->spi;
    *ret_out = MAX(p->out + 1, p->granted_out);
    *ret_in = MAX(p->in + 1, p->granted_in);
    return true;
}

static void op_ceilings(void *c, uint32_t slot, const struct session_lease *l, uint64_t out_mark,
                        uint64_t in_mark)
{
    struct pair *p = &((struct member *)c)->pairs[slot];
    (void)in_mark;
    p->ceiling_out = l->out;
    p->ceiling_in = l->in;
    p->out_mark = out_mark;
}

static void op_rekey(void *c, uint32_t slot)
{
    ((struct member *)c)->pairs[slot].rekeys++;
}

static void op_activate(void *c, uint32_t epoch)
{
    struct member *m = c;
    m->active = true;
    m->epoch = epoch;
}

static void op_deactivate(void *c)
{
    ((struct member *)c)->active = false;
}

static void op_forget(void *c)
{
    struct member *m = c;
    m->forgotten++;
    while (m->count)
        record_unset(m, m->records[0].kind, m->records[0].key);
}

static void op_nothing(void *c)
{
    (void)c;
}

static void op_in_step(void *c)
{
    ((struct member *)c)->in_step++;
}

static void op_hold(void *c, ns until)
{
    (void)c;
    (void)until;
}

static void op_switched(void *c, bool ok)
{
    (void)c;
    (void)ok;
}

static void op_released(void *c, uint64_t number)
{
    (void)number;
    ((struct member *)c)->released++;
}

static struct frame *frame_new(struct member *m, uint8_t kind)
{
    assert_true(m->last - m->first < FRAMES);
    struct frame *f = &m->frames[m->last % FRAMES];
    *f = (struct frame){.action = {.kind = kind}};
    m->last += m->up;
    m->number += m->up;
    return f;
}

static uint64_t op_send_put(void *c, uint8_t kind, uint64_t key, struct bytes data, bool snapshot)
{
    struct member *m = c;
    struct frame *f = frame_new(m, SESSION_PUT);
    assert_true(data.len <= sizeof(f->data));
    memcpy(f->data, data.data, data.len);
    f->action.snapshot = snapshot;
    f->action.put.kind = kind;
    f->action.put.key = key;
    f->action.put.data = bytes_of(f->data, data.len);
    m->room -= snapshot && m->room;
    return m->up ? m->number : 0;
}

static uint64_t op_send_delete(void *c, uint8_t kind, uint64_t key)
{
    struct member *m = c;
    struct frame *f = frame_new(m, SESSION_DELETE);
    f->action.put.kind = kind;
    f->action.put.key = key;
    return m->up ? m->number : 0;
}

static uint64_t op_send_leases(void *c, const struct session_lease *l, size_t n, bool exact)
{
    struct member *m = c;
    struct frame *f = frame_new(m, SESSION_LEASES);
    f->action.exact = exact;
    f->action.leases.count = (uint32_t)n;
    f->action.leases.size = 24;
    f->action.leases.raw = f->leases;
    for (size_t i = 0; i < n; i++) {
        be32_store(f->leases + 24 * i, l[i].slot);
        be32_store(f->leases + 24 * i + 4, l[i].spi_in);
        be64_store(f->leases + 24 * i + 8, l[i].out);
        be64_store(f->leases + 24 * i + 16, l[i].in);
    }
    return m->up ? m->number : 0;
}

static uint64_t op_send_role(void *c, const struct session_role_state *r)
{
    struct member *m = c;
    frame_new(m, SESSION_ROLE)->action.role = *r;
    return m->up ? m->number : 0;
}

static uint64_t op_send_notice(void *c, uint32_t code)
{
    struct member *m = c;
    frame_new(m, SESSION_NOTICE)->action.notice.code = code;
    return m->up ? m->number : 0;
}

static uint64_t op_send_begin(void *c)
{
    frame_new(c, SESSION_SNAPSHOT_BEGIN);
    return ((struct member *)c)->up ? ((struct member *)c)->number : 0;
}

static uint64_t op_send_end(void *c)
{
    frame_new(c, SESSION_SNAPSHOT_END);
    return ((struct member *)c)->up ? ((struct member *)c)->number : 0;
}

static bool op_feed(void *c)
{
    return ((struct member *)c)->up;
}

static size_t op_room(void *c)
{
    return ((struct member *)c)->room ? 64 * 1024 : 0;
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
    .note = op_nothing,
    .in_step = op_in_step,
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

/* ---- two of them ---- */

static const ns START = 100 * NS_PER_S;
static ns now;
static struct member *const a = &members[0], *const b = &members[1];

static void member_start(struct member *m, uint8_t state, uint32_t epoch)
{
    const struct shared_group_config config = {
        .member = m == b, .slots = SLOTS, .limits = {.inbound = 100, .outbound = 1000}};
    assert_int_equal(
        0, shared_group_init(&m->group, &config, &ops, m, state, epoch, state == SESSION_OWNER, now));
}

static int begin(void **state)
{
    (void)state;
    now = START;
    for (unsigned i = 0; i < 2; i++) {
        struct frame *frames = calloc(FRAMES, sizeof(*frames));
        assert_non_null(frames);
        members[i] = (struct member){.other = &members[1 - i], .frames = frames, .room = 1000000};
        member_start(&members[i], SESSION_EMPTY, 0);
    }
    return 0;
}

static int end(void **state)
{
    (void)state;
    for (unsigned i = 0; i < 2; i++) {
        shared_group_done(&members[i].group);
        free(members[i].frames);
    }
    return 0;
}

/* The next frame towards the other one arrives, and is acknowledged. */
static bool deliver(struct member *from)
{
    if (from->first == from->last)
        return false;
    uint64_t number = from->number - (from->last - from->first) + 1;
    const struct session_action acked = {.kind = SESSION_ACKED, .acked = number};
    struct frame f = from->frames[from->first++ % FRAMES];
    if (f.action.kind == SESSION_PUT)
        f.action.put.data.data = f.data;
    f.action.leases.raw = f.action.kind == SESSION_LEASES ? f.leases : f.action.leases.raw;
    shared_group_session(&from->other->group, &f.action, now);
    shared_group_session(&from->group, &acked, now);
    return true;
}

static void settle(void)
{
    while (deliver(a) || deliver(b))
        ;
}

static void meet(void)
{
    const struct session_action up = {.kind = SESSION_PEER_UP};
    a->up = b->up = true;
    shared_group_session(&a->group, &up, now);
    shared_group_session(&b->group, &up, now);
}

static void part(void)
{
    const struct session_action lost = {.kind = SESSION_PEER_LOST, .lost = {.reason = SESSION_LOST_CLOSED}};
    a->up = b->up = false;
    a->first = a->last;
    b->first = b->last;
    shared_group_session(&a->group, &lost, now);
    shared_group_session(&b->group, &lost, now);
}

static void pair_make(struct member *m, uint32_t slot, uint8_t spi)
{
    struct session_lease c;
    shared_group_pair_new(&m->group, slot, spi, bytes_of(&spi, 1), &c, now);
    record_set(m, SHARED_PAIR, slot, spi);
    m->pairs[slot] = (struct pair){.there = true, .spi = spi, .ceiling_out = c.out, .ceiling_in = c.in};
}

static void record_make(struct member *m, uint64_t key, uint8_t value)
{
    record_set(m, KIND, key, value);
    shared_group_put(&m->group, KIND, key, bytes_of(&value, 1), now);
}

static void assert_same(void)
{
    assert_int_equal(a->count, b->count);
    for (unsigned i = 0; i < a->count; i++) {
        int at = record_at(b, a->records[i].kind, a->records[i].key);
        assert_true(at >= 0);
        assert_int_equal(a->records[i].value, b->records[at].value);
    }
}

/* a owns, with records and pairs; b is nothing. */
static void a_owns(void)
{
    shared_group_verdict(&a->group, true, now);
    for (uint8_t i = 0; i < 40; i++)
        record_make(a, i, i);
    for (uint8_t i = 0; i < 8; i++)
        pair_make(a, i, (uint8_t)(10 + i));
}

/* ---- snapshots ---- */

static void room_ends_in_the_middle(void **state)
{
    (void)state;
    a_owns();
    b->count = 0;
    record_set(b, KIND, 999, 9); /* of a predecessor */
    a->room = 10;
    meet();
    settle();
    assert_int_equal(SESSION_SYNCING, b->group.membership.state);
    assert_int_equal(10, b->count);
    assert_int_equal(1, b->forgotten);
    /* What changes meanwhile goes beside it. */
    record_make(a, 3, 103);
    record_make(a, 100, 1);
    record_unset(a, KIND, 35);
    shared_group_delete(&a->group, KIND, 35, now);
    pair_make(a, 20, 77);
    settle();
    unsigned turns = 0;
    for (; b->group.membership.state != SESSION_STANDBY; turns++) {
        a->room = 3;
        now += NS_PER_MS;
        shared_group_tick(&a->group, now);
        settle();
    }
    assert_same();
    assert_int_equal(turns * NS_PER_MS, a->group.snapshot_took);
    assert_int_equal(turns * NS_PER_MS, b->group.snapshot_took);
    assert_true(a->group.membership.in_step);
    assert_int_equal(1, b->in_step);
    for (uint32_t slot = 0; slot < SLOTS; slot++)
        if (a->pairs[slot].there) {
            assert_true(a->pairs[slot].ceiling_out <= b->pairs[slot].granted_out);
            assert_true(a->pairs[slot].ceiling_in <= b->pairs[slot].granted_in);
            assert_true(b->pairs[slot].ceiling_out == UINT64_MAX);
        }
}

static void a_broken_one_begins_again(void **state)
{
    (void)state;
    a_owns();
    for (unsigned puts = 1; puts < 36; puts += 5) {
        a->room = puts;
        meet();
        settle();
        assert_int_equal(SESSION_SYNCING, b->group.membership.state);
        part();
        assert_int_equal(SESSION_SYNCING, b->group.membership.state);
        record_unset(a, KIND, puts % 40); /* what b has of it goes with the snapshot that comes through */
    }
    a->room = 1000;
    meet();
    settle();
    assert_int_equal(SESSION_STANDBY, b->group.membership.state);
    assert_same();
    /* It is the same life: ceilings rise again. */
    a->pairs[0].out = a->pairs[0].ceiling_out - 1;
    uint64_t before = a->pairs[0].ceiling_out;
    shared_group_lease_due(&a->group, 0, now);
    assert_int_equal(before, a->pairs[0].ceiling_out);
    settle();
    assert_true(a->pairs[0].ceiling_out > before && a->pairs[0].ceiling_out <= b->pairs[0].granted_out);
    assert_int_equal(0, a->pairs[0].rekeys);
}

/* ---- ceilings ---- */

static void a_standby_that_begins_anew(void **state)
{
    (void)state;
    a_owns();
    meet();
    settle();
    part();
    for (uint32_t slot = 0; slot < 8; slot++)
        assert_true(a->group.leases[slot].capped && !a->group.leases[slot].final);
    shared_group_lease_due(&a->group, 0, now);
    assert_int_equal(1, a->pairs[0].rekeys);
    shared_group_done(&b->group);
    b->count = 0;
    memset(b->pairs, 0, sizeof(b->pairs));
    member_start(b, SESSION_EMPTY, 0);
    meet();
    settle();
    /* It has the pairs and may not use one of their numbers; they are rekeyed, some at a time. */
    assert_same();
    for (uint32_t slot = 0; slot < 8; slot++) {
        assert_true(a->group.leases[slot].final && a->pairs[slot].out_mark == UINT64_MAX);
        assert_int_equal(1, b->pairs[slot].ceiling_out);
        assert_int_equal(1, b->pairs[slot].ceiling_in);
    }
    shared_group_tick(&a->group, shared_group_deadline(&a->group));
    for (uint32_t slot = 0; slot < 8; slot++)
        assert_int_equal(slot == 0 ? 2 : 1, a->pairs[slot].rekeys);
    /* A successor of a's control knows which they are. */
    shared_group_done(&a->group);
    member_start(a, SESSION_OWNER, 1);
    shared_group_restore(&a->group, 0, a->pairs[0].ceiling_out, a->pairs[0].ceiling_in, a->pairs[0].out_mark);
    assert_true(a->group.leases[0].final);
}

static void the_acknowledgement_of_an_owner(void **state)
{
    (void)state;
    a_owns();
    meet();
    settle();
    uint64_t before = a->pairs[0].ceiling_out;
    a->pairs[0].out = before - 1;
    shared_group_lease_due(&a->group, 0, now); /* on its way */
    shared_group_verdict(&b->group, true, now);
    while (deliver(b))
        ;
    settle();
    assert_int_equal(before, a->pairs[0].ceiling_out);
    assert_true(a->group.leases[0].capped);
    assert_false(a->group.membership.in_step);
}

/* A pair that waits for its acknowledgement while the other member leaves in good order is installed with the
 * ceilings that it was given, of which the group knows no more: the first time it asks it gets rid of them.
 */
static void ceilings_end_while_a_pair_waits(void **state)
{
    (void)state;
    const struct session_action bye = {.kind = SESSION_BYE};
    const uint8_t spi = 42;
    struct session_lease c;
    a_owns();
    meet();
    settle();
    assert_true(shared_group_pair_new(&a->group, 20, spi, bytes_of(&spi, 1), &c, now) > 0);
    assert_true(c.out < UINT64_MAX);
    a->up = false;
    shared_group_session(&a->group, &bye, now);
    record_set(a, SHARED_PAIR, 20, spi);
    a->pairs[20] = (struct pair){.there = true, .spi = spi, .ceiling_out = c.out, .ceiling_in = c.in};
    a->pairs[20].out = c.out / 2 + 1;
    shared_group_lease_due(&a->group, 20, now);
    assert_true(a->pairs[20].ceiling_out == UINT64_MAX && a->pairs[20].ceiling_in == UINT64_MAX);
    assert_int_equal(0, a->pairs[20].rekeys);
}

/* ---- merges ---- */

static void a_split_heals(void **state)
{
    (void)state;
    a_owns();
    meet();
    settle();
    part();
    shared_group_verdict(&b->group, true, now);
    pair_make(b, 21, 88); /* each makes one alone */
    pair_make(a, 22, 99);
    record_make(b, 3, 200); /* and goes on with what both have */
    record_make(a, 3, 100);
    b->pairs[0].out = 5000;
    record_unset(a, SHARED_PAIR, 1); /* a has deleted one that b still has */
    shared_group_pair_gone(&a->group, 1, now);
    b->pairs[1].out = 10;
    shared_group_verdict(&b->group, false, now);
    meet();
    while (b->group.membership.state == SESSION_STALE && (deliver(a) || deliver(b)))
        if (a->pairs[21].there && a->epoch == 1)
            assert_int_equal(1, a->pairs[21].ceiling_out); /* not before the merge is complete */
    assert_int_equal(3, a->epoch);
    assert_true(a->pairs[21].ceiling_out == UINT64_MAX && a->pairs[21].granted_out >= 1);
    assert_true(a->pairs[0].granted_out >= 5001 && a->pairs[0].ceiling_out == UINT64_MAX);
    settle();
    assert_same();
    assert_int_equal(100, a->records[record_at(a, KIND, 3)].value);
    assert_true(b->pairs[22].there && b->group.membership.state == SESSION_STANDBY);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(room_ends_in_the_middle, begin, end),
        cmocka_unit_test_setup_teardown(a_broken_one_begins_again, begin, end),
        cmocka_unit_test_setup_teardown(a_standby_that_begins_anew, begin, end),
        cmocka_unit_test_setup_teardown(the_acknowledgement_of_an_owner, begin, end),
        cmocka_unit_test_setup_teardown(ceilings_end_while_a_pair_waits, begin, end),
        cmocka_unit_test_setup_teardown(a_split_heals, begin, end),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
