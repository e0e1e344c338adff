/* SPDX-License-Identifier: Apache-2.0 */
/* See ledger.h. */
#include "site/world/ledger.h"

#include <assert.h>
#include <stdlib.h>

#include "base/hash_table.h"
#include "control/control.h"
#include "control/ssp/internal.h"
#include "crypto/packet_cipher.h"
#include "site/gateway/gateway.h"

enum {
    ISAKMP_PORT = 500,
    ISAKMP_HEADER = 28,
    QUICK_MODE = 32,
    EXCHANGES_RECORDED = 4, /* as ike/limits.h has it */
    TAKEOVER_CALLS = 500,   /* of the kernel, in the turn that takes a group over; most often 50 */
    LOOK_EACH = 16,         /* turns */
    CATCH_EACH = 8,         /* packets */
};

/* What a process may hold at most, beyond all that an attacker or a fault can cause: promise 7. */
static const size_t CONTROL_BYTES = 24 << 20, ENGINE_BYTES = 96 << 20;

/* ---- sets ---- */

static void numbers_grow(struct numbers *n)
{
    uint64_t *old = n->list;
    size_t room = n->room;
    n->room = room ? 2 * room : 1 << 12;
    n->list = calloc(n->room, sizeof(*n->list));
    assert(n->list);
    n->count = 0;
    for (size_t i = 0; i < room; i++)
        if (old[i])
            (void)numbers_add(n, old[i]);
    free(old);
}

static size_t place(const struct numbers *n, uint64_t x)
{
    return (x * 0x9e3779b97f4a7c15 >> 20) & (n->room - 1);
}

bool numbers_add(struct numbers *n, uint64_t x)
{
    x = x ? x : 1;
    if (2 * n->count >= n->room)
        numbers_grow(n);
    size_t at = place(n, x);
    for (; n->list[at]; at = (at + 1) & (n->room - 1))
        if (n->list[at] == x)
            return false;
    n->list[at] = x;
    n->count++;
    return true;
}

bool numbers_have(const struct numbers *n, uint64_t x)
{
    x = x ? x : 1;
    for (size_t at = place(n, x); n->room && n->list[at]; at = (at + 1) & (n->room - 1))
        if (n->list[at] == x)
            return true;
    return false;
}

void numbers_done(struct numbers *n)
{
    free(n->list);
    *n = (struct numbers){0};
}

/* hash_bytes has 32 bits: two of them. */
static uint64_t hash64(const void *data, size_t len)
{
    return (uint64_t)hash_bytes(data, len, 0x51f15e) << 32 | hash_bytes(data, len, 0xfeed);
}

static uint64_t mix(uint64_t a, uint64_t b)
{
    uint64_t x = (a ^ b * 0x9e3779b97f4a7c15) * 0xbf58476d1ce4e5b9;
    return x ^ x >> 31;
}

/* ---- promises 1 and 2: what is sealed ---- */

enum { KEY_PREFIX = 64 }; /* of an expanded key: it has the key itself, or its first round keys */

static void sealed(struct ledger *l, const struct site_node *n, const struct packet_job *j)
{
    uint64_t key = mix(hash64(j->key, KEY_PREFIX), hash64(j->key->salt, sizeof(j->key->salt)));
    size_t iv_len = packet_iv_len(&j->key->algorithms);
    uint32_t sequence;
    memcpy(&sequence, j->header + 4, 4);
    l->sealed++;
    if (!numbers_add(&l->sequences, mix(key, (uint64_t)j->sequence_high << 32 | sequence)))
        site_fail(l->site, "promise 2: %s seals number %u under one key twice", n->name,
                  __builtin_bswap32(sequence));
    if (iv_len >= 8 && !numbers_add(&l->ivs, mix(key, hash64(j->iv, iv_len))))
        site_fail(l->site, "promise 1: %s uses one IV under one key twice", n->name);
}

size_t __real_packet_cipher_seal(struct packet_cipher *c, struct packet_job *jobs, size_t n);
size_t __wrap_packet_cipher_seal(struct packet_cipher *c, struct packet_job *jobs, size_t n);

size_t __wrap_packet_cipher_seal(struct packet_cipher *c, struct packet_job *jobs, size_t n)
{
    size_t good = __real_packet_cipher_seal(c, jobs, n);
    struct process *p = process_leave();
    struct ledger *l = p ? p->node->site->ledger : NULL;
    for (size_t i = 0; l && i < n; i++)
        if (jobs[i].result == PACKET_RESULT_OK)
            sealed(l, p->node, &jobs[i]);
    process_return(p);
    return good;
}

/* ---- promise 5: an answer is said again byte for byte ---- */

static uint64_t exchange_of(const struct frame *f, const struct address *peer)
{
    uint8_t key[16 + 4 + 16];
    memcpy(key, f->data, 16);
    memcpy(key + 16, f->data + 20, 4);
    memcpy(key + 20, peer->bytes, 16);
    return hash64(key, sizeof(key));
}

static bool is_quick_mode(const struct frame *f)
{
    return f->protocol == SITE_PROTOCOL_UDP && f->to_port == ISAKMP_PORT && f->len >= ISAKMP_HEADER &&
           f->data[18] == QUICK_MODE;
}

static bool is_member(const struct ledger *l, const struct site_node *n)
{
    return n == l->members[0] || n == l->members[1];
}

/* The newest first. */
static struct ledger_answer *request_of(struct ledger *l, uint64_t exchange)
{
    struct ledger_answer *found = NULL;
    for (unsigned i = 1; i <= LEDGER_ANSWERS && !found; i++) {
        struct ledger_answer *a = &l->answers[(l->answer_next - i) % LEDGER_ANSWERS];
        found = a->exchange == exchange ? a : NULL;
    }
    return found;
}

/* Said again it becomes the newest, with what was answered before. */
static void request(struct ledger *l, const struct frame *f)
{
    struct ledger_answer now = {
        .request = hash64(f->data, f->len), .exchange = exchange_of(f, &f->from), .sa = hash64(f->data, 16)};
    if (numbers_have(&l->begun, now.exchange))
        return;
    for (unsigned i = 0; i < LEDGER_ANSWERS; i++)
        if (l->answers[i].request == now.request) {
            now = l->answers[i];
            l->answers[i] = (struct ledger_answer){0};
        }
    l->answers[l->answer_next++ % LEDGER_ANSWERS] = now;
}

static const struct ssp_group *group_of(const struct site_node *n)
{
    const struct control *c = gateway_control(n);
    return c && c->ssp ? c->ssp->groups[1] : NULL;
}

struct wanted {
    const uint8_t *cookies, *message_id;
    bool found;
};

static void record_search(void *context, uint8_t kind, uint64_t key, struct bytes data)
{
    struct wanted *w = context;
    (void)key;
    w->found = w->found || (kind == IKE_RECORD_SA && memmem(data.data, data.len, w->cookies, 16) &&
                            memmem(data.data, data.len, w->message_id, 4));
}

/* A record of the IKE SA that knows of this exchange. Who has died meanwhile had it. */
static bool standby_knows(const struct ledger *l, const struct site_node *owner, const struct frame *f)
{
    const struct control *c = gateway_control(l->members[owner == l->members[0]]);
    struct wanted w = {.cookies = f->data, .message_id = f->data + 20, .found = !c};
    if (c)
        record_store_each(c->records, record_search, &w);
    return w.found;
}

/* The record of an IKE SA has its newest exchanges only: many of them push each other out. */
static bool is_recorded(const struct ledger *l, const struct ledger_answer *a)
{
    unsigned all = 0;
    for (unsigned i = 0; i < LEDGER_ANSWERS; i++)
        all += l->answers[i].sa == a->sa;
    return all <= EXCHANGES_RECORDED;
}

static void answered(struct ledger *l, const struct site_node *n, const struct frame *f)
{
    struct ledger_answer *a = request_of(l, exchange_of(f, &f->to));
    const struct ssp_group *g = group_of(n);
    uint64_t answer = hash64(f->data, f->len);
    if (!a) { /* we began it */
        if (numbers_add(&l->begun, exchange_of(f, &f->to)))
            l->answers[l->answer_next++ % LEDGER_ANSWERS] = (struct ledger_answer){.sa = hash64(f->data, 16)};
        return;
    }
    if (!a->answer) {
        a->answer = answer;
        a->promised = g && membership_commits(&g->shared.membership) && !l->many && is_recorded(l, a);
        if (a->promised && !standby_knows(l, n, f))
            site_fail(l->site, "promise 5: %s answers a quick mode before its standby knows of it", n->name);
        return;
    }
    l->answered_again++;
    if (a->answer != answer && a->promised)
        site_fail(l->site, "promise 5: %s answers a quick mode in other words than before", n->name);
}

void ledger_forget_answers(struct ledger *l)
{
    memset(l->answers, 0, sizeof(l->answers));
}

/* ---- the wires ---- */

static void caught_keep(struct ledger *l, const struct fabric_end *end, const struct frame *f)
{
    struct ledger_caught *c = &l->caught[l->caught_next++ % LEDGER_CAUGHT];
    free(c->frame);
    *c = (struct ledger_caught){frame_copy(f), end->node, end->port};
}

static void flow_sent(struct ledger *l, const struct fabric_end *end, const struct frame *f)
{
    bool outside = l->outside >> end->link & 1;
    if (outside) {
        site_fail(l->site, "promise 4: %s sends packet %lu of flow %u in clear", end->node->name,
                  f->flow.sequence, f->flow.flow);
        return;
    }
    if (f->flow.flow & LEDGER_FORGED)
        site_fail(l->site, "promise 4: %s lets a packet in that came in clear", end->node->name);
    l->delivered_count++;
    if (!numbers_add(&l->delivered, mix(f->flow.flow, f->flow.sequence)))
        site_fail(l->site, "promise 3: packet %lu of flow %u is delivered twice, now by %s", f->flow.sequence,
                  f->flow.flow, end->node->name);
}

static void sent(struct ledger *l, const struct fabric_end *end, const struct frame *f)
{
    if (f->protocol == SITE_PROTOCOL_FLOW) {
        flow_sent(l, end, f);
    } else if (f->protocol == SITE_PROTOCOL_ESP) {
        l->esp++;
        if (!numbers_add(&l->wire, mix(hash64(f->data, MIN(f->len, 64u)), hash64(&f->to, sizeof(f->to)))))
            site_fail(l->site, "promise 2: %s sends an ESP packet twice", end->node->name);
    } else if (is_quick_mode(f)) {
        l->isakmp++;
        if (is_member(l, end->node))
            answered(l, end->node, f);
    }
}

void ledger_tap(void *context, const struct fabric_end *end, bool inbound, const struct frame *f)
{
    struct ledger *l = context;
    if (f->kind != FRAME_IP || !node_is_gateway(end->node))
        return;
    if (!inbound) {
        sent(l, end, f);
        return;
    }
    bool worth = f->protocol == SITE_PROTOCOL_ESP ? l->esp % CATCH_EACH == 0 : is_quick_mode(f);
    if (worth)
        caught_keep(l, end, f);
    if (is_quick_mode(f) && is_member(l, end->node))
        request(l, f);
}

/* ---- after a turn ---- */

/* Whatever waits for something has a time at which it ends. Who stands by waits for nothing: the owner's
 * timers are not his. */
static void deadlines_look(struct ledger *l, const struct site_node *n, const struct control *c)
{
    struct ike_statistics s;
    bool ours = !is_member(l, n) || sad_group_active(atomic_load(&c->sad->groups[1].word));
    ike_statistics(c->ike, &s);
    if (ours && (s.half_open || s.exchanges) && ike_deadline(c->ike) == NS_NEVER)
        site_fail(l->site, "%s: %u half-open SAs and %u exchanges wait without a deadline", n->name,
                  s.half_open, s.exchanges);
    if (c->commit.count && !group_of(n))
        site_fail(l->site, "%s: actions wait for a standby that there is none of", n->name);
}

static void bounds_look(struct ledger *l, const struct process *p)
{
    size_t *peak = p->role == NODE_CONTROL ? &l->control_peak : &l->engine_peak;
    *peak = MAX(*peak, p->bytes_peak);
    if (p->bytes > (p->role == NODE_CONTROL ? CONTROL_BYTES : ENGINE_BYTES))
        site_fail(l->site, "promise 7: %s of %s has %zu bytes",
                  p->role == NODE_CONTROL ? "control" : "the engine", p->node->name, p->bytes);
}

static bool used(const struct sad_pair *p)
{
    uint32_t state = atomic_load(&p->state);
    return state == PAIR_INBOUND || state == PAIR_ACTIVE || state == PAIR_SUPERSEDED;
}

static bool may_take_over(const struct site_node *n)
{
    const struct ssp_group *g = group_of(n);
    return g && !g->bye &&
           (g->shared.membership.state == SESSION_SYNCING || g->shared.membership.state == SESSION_STANDBY);
}

static bool apart(uint64_t next, uint64_t ceiling, uint64_t other_next, uint64_t other_ceiling)
{
    return ceiling <= other_next || other_ceiling <= next;
}

/* What the owner may use of a pair and what the other one would use after a takeover have nothing in common.
 */
static void ceilings_look(struct ledger *l, unsigned owner)
{
    const struct sad *x = gateway_sad(l->members[owner]), *y = gateway_sad(l->members[1 - owner]);
    if (!x || !y || !sad_group_active(atomic_load(&x->groups[1].word)) ||
        !may_take_over(l->members[1 - owner]))
        return;
    uint32_t end = atomic_load(&x->slots_used);
    for (uint32_t slot = sad_next_slot(x, 0, end); slot < end; slot = sad_next_slot(x, slot + 1, end)) {
        const struct sad_pair *a = &x->pairs[slot], *b = &y->pairs[slot];
        if (!used(a) || !used(b) || a->spi_in != b->spi_in)
            continue;
        uint64_t mine = MAX(atomic_load(&a->sequence_out) + 1, a->granted_out);
        uint64_t others = MAX(atomic_load(&b->sequence_out) + 1, b->granted_out);
        if (!apart(mine, atomic_load(&a->sequence_ceiling), others, atomic_load(&b->sequence_ceiling)))
            site_fail(l->site, "slot %u: %s may send %lu to %ld, the other one would go on at %lu", slot,
                      l->members[owner]->name, mine, (long)atomic_load(&a->sequence_ceiling), others);
        mine = MAX(a->replay.top + 1, a->granted_in);
        others = MAX(b->replay.top + 1, b->granted_in);
        if (!apart(mine, atomic_load(&a->receive_ceiling), others, atomic_load(&b->receive_ceiling)))
            site_fail(l->site, "slot %u: %s may accept %lu to %ld, the other one would go on at %lu", slot,
                      l->members[owner]->name, mine, (long)atomic_load(&a->receive_ceiling), others);
    }
}

/* How much was done in the turn that made the group ours: promise 6. */
static void takeover_look(struct ledger *l, unsigned member, const struct process *p)
{
    const struct sad *sad = gateway_sad(p->node);
    uint32_t word = sad ? atomic_load(&sad->groups[1].word) : 0;
    if (sad_group_active(word) && !sad_group_active(l->words[member])) {
        uint64_t calls = p->calls - l->calls[member];
        l->takeovers++;
        l->takeover_calls = MAX(l->takeover_calls, calls);
        if (calls > TAKEOVER_CALLS)
            site_fail(l->site, "promise 6: %s makes %lu calls of the kernel to take the group over",
                      p->node->name, calls);
    }
    l->words[member] = word;
    l->calls[member] = p->calls;
}

void ledger_turned(struct process *p)
{
    struct ledger *l = p->node->site->ledger;
    if (p->role == NODE_CONTROL && is_member(l, p->node))
        takeover_look(l, p->node == l->members[1], p);
    if (l->turns++ % LOOK_EACH)
        return;
    bounds_look(l, p);
    if (p->role == NODE_CONTROL && p->alive)
        deadlines_look(l, p->node, p->program);
    for (unsigned i = 0; i < 2 && l->members[i]; i++)
        ceilings_look(l, i);
}

/* ---- life ---- */

void ledger_init(struct ledger *l, struct site *s)
{
    *l = (struct ledger){.site = s};
    s->ledger = l;
    s->turned = ledger_turned;
}

void ledger_done(struct ledger *l)
{
    numbers_done(&l->ivs);
    numbers_done(&l->sequences);
    numbers_done(&l->wire);
    numbers_done(&l->begun);
    numbers_done(&l->delivered);
    for (unsigned i = 0; i < LEDGER_CAUGHT; i++)
        free(l->caught[i].frame);
}
