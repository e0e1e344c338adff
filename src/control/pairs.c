/* SPDX-License-Identifier: Apache-2.0 */
/* The pairs of SAs in shared memory: filled, switched, taken away. A slot is written completely before its
 * state says that it is in use, and cleared only when every engine has passed a quiescent point since it was
 * marked dead. */
#include <assert.h>
#include <errno.h>
#include <sched.h>
#include <stdlib.h>

#include "control/apply/pair_policy.h"
#include "control/control.h"

enum { ENGINE = 0, TELL_AGAIN_MS = 20 };

static const ns QUIESCENCE_TIME = 50 * NS_PER_MS;

static struct sad_pair *pair_of(struct control *c, uint32_t slot, uint32_t spi_in)
{
    if (slot >= c->sad->slots)
        return NULL;
    struct sad_pair *p = &c->sad->pairs[slot];
    return p->spi_in == spi_in && atomic_load(&p->state) != PAIR_FREE ? p : NULL;
}

static bool pair_message(struct control *c, enum channel_type type, uint32_t slot, uint32_t spi_in)
{
    struct channel_message m = {.type = type, .pair = {.slot = slot, .spi_in = spi_in}};

    return control_channel_try(c, &m);
}

/* The engine's queue was full: it is told of every pair anew, as much at a time as the queue takes. */
static void tell_due(uv_timer_t *timer)
{
    struct control *c = timer->data;

    uint32_t used = atomic_load(&c->sad->slots_used);

    for (c->tell_slot = sad_next_slot(c->sad, c->tell_slot, used); c->tell_slot < used;
         c->tell_slot = sad_next_slot(c->sad, c->tell_slot + 1, used)) {
        const struct sad_pair *p = &c->sad->pairs[c->tell_slot];
        uint32_t state = atomic_load(&p->state);
        if (state == PAIR_FREE || state == PAIR_LARVAL || state == PAIR_DEAD)
            continue;
        if (!pair_message(c, CHANNEL_PAIR_ADDED, c->tell_slot, p->spi_in)) {
            uv_timer_start(&c->tell_timer, tell_due, TELL_AGAIN_MS, 0);
            return;
        }
    }
}

static void pair_tell(struct control *c, enum channel_type type, uint32_t slot, uint32_t spi_in)
{
    if (!pair_message(c, type, slot, spi_in)) {
        c->tell_slot = 0;
        c->tell_timer.data = c;
        uv_timer_start(&c->tell_timer, tell_due, TELL_AGAIN_MS, 0);
    }
    if (c->debug.ipsec)
        log_debug(c->log, "IPSEC", "%s pair %u, inbound spi 0x%X",
                  type == CHANNEL_PAIR_ADDED ? "in use:" : "removed:", slot, spi_in);
}

static uint16_t flags_of(const struct ike_pair_install *p)
{
    unsigned flags = 0;

    flags |= p->tunnel ? PAIR_TUNNEL : 0;
    flags |= p->udp ? PAIR_UDP : 0;
    flags |= p->esn ? PAIR_ESN : 0;
    flags |= p->replay_size == 0 ? PAIR_NO_REPLAY_CHECK : 0;
    flags |= p->df_policy == 1 ? PAIR_DF_SET : 0;
    flags |= p->df_policy == 2 ? PAIR_DF_CLEAR : 0;
    flags |= p->fragment_after ? PAIR_FRAGMENT_AFTER : 0;
    flags |= p->bundle && p->protocol == 50 ? PAIR_BUNDLE_INNER : 0;
    return (uint16_t)flags;
}

static int keys_init(struct control *c, const struct ike_pair_install *p, struct sad_pair *pair)
{
    int error = packet_key_init(c->cipher, &pair->seal_key, &p->algorithms, true, p->encryption_key_out,
                                p->integrity_key_out);

    if (!error)
        error = packet_key_init(c->cipher, &pair->open_key, &p->algorithms, false, p->encryption_key_in,
                                p->integrity_key_in);
    return error;
}

static void pair_fill(struct control *c, const struct ike_pair_install *p, struct sad_pair *pair)
{
    ns now = clock_now();

    pair->spi_in = p->spi_in;
    pair->spi_out = p->spi_out;
    pair->entry = p->connection;
    pair->bundle = p->bundle ? p->bundle_slot : UINT32_MAX;
    pair->connection = p->number;
    pair->flags = flags_of(p);
    pair->protocol = p->protocol;
    pair->owner = ENGINE;
    pair->replay_size = (uint16_t)MIN(p->replay_size, (uint16_t)REPLAY_WINDOW_MAX);
    pair->algorithms = p->algorithms;
    pair->selector = p->selector;
    pair->local = p->local;
    pair->remote = p->remote;
    pair->remote_now = p->remote;
    pair->created = now;
    pair->hard_expiry = p->hard_expiry;
    pair->soft_bytes = p->soft_bytes;
    pair->hard_bytes = p->hard_bytes;
    pair->iv_base = sad_iv_base(0, 0, rng_u64(&c->rng));
    atomic_store(&pair->sequence_ceiling, UINT64_MAX);
    atomic_store(&pair->receive_ceiling, UINT64_MAX);
    atomic_store(&pair->out_mark, UINT64_MAX);
    atomic_store(&pair->in_mark, UINT64_MAX);
    atomic_store(&pair->preferred_since, now);
}

/* Waits for the engines, but not for one that is dead: it will read everything anew. */
static void quiescence_wait(struct control *c)
{
    uint64_t epochs[SAD_ENGINES_MAX];
    ns end = clock_now() + QUIESCENCE_TIME;

    sad_epochs_take(c->sad, epochs);
    while (!sad_epochs_passed(c->sad, epochs) && clock_now() < end)
        sched_yield();
}

static bool in_use(uint32_t state)
{
    return state == PAIR_INBOUND || state == PAIR_ACTIVE || state == PAIR_SUPERSEDED;
}

/* A pair of a group: what it may use, or where a takeover goes on. */
static void pair_share(struct control *c, struct sad_pair *pair, const struct pair_share *share)
{
    pair->group = share->group;
    if (share->replica) {
        pair->granted_out = share->ceilings.out;
        pair->granted_in = share->ceilings.in;
        return;
    }
    uint32_t epoch = sad_group_epoch(atomic_load(&c->sad->groups[share->group].word));
    atomic_store(&pair->epoch, epoch);
    pair->iv_base = sad_iv_base(share->member, epoch, pair->iv_base << 16);
    control_pair_ceilings(pair, &share->ceilings, UINT64_MAX, UINT64_MAX);
    atomic_store(&pair->out_mark, share->ceilings.out / 2 + 1);
    atomic_store(&pair->in_mark, share->ceilings.in / 2 + 1);
}

void control_pair_ceilings(struct sad_pair *pair, const struct session_lease *l, uint64_t out_mark,
                           uint64_t in_mark)
{
    atomic_store(&pair->out_mark, out_mark);
    atomic_store(&pair->in_mark, in_mark);
    atomic_store(&pair->sequence_ceiling, l->out);
    atomic_store(&pair->receive_ceiling, l->in);
}

/* The owner used the slot again before our engine was asked about its former pair. */
static void slot_take_back(struct control *c, struct sad_pair *pair)
{
    uint32_t state = atomic_load(&pair->state);

    if (in_use(state)) {
        atomic_store(&pair->state, PAIR_DEAD);
        pair_policy_remove(c, pair);
        pair_tell(c, CHANNEL_PAIR_REMOVED, (uint32_t)(pair - c->sad->pairs), pair->spi_in);
    }
    if (in_use(state) || state == PAIR_DEAD) {
        quiescence_wait(c);
        sad_pair_clear(pair);
    }
}

int control_pair_replica(struct control *c, const struct ike_pair_install *p, const struct pair_share *share)
{
    struct sad_pair *pair = p->slot < c->sad->slots ? &c->sad->pairs[p->slot] : NULL;

    if (!pair)
        return -EINVAL;
    if (in_use(atomic_load(&pair->state)) && pair->spi_in == p->spi_in && pair->group == share->group) {
        const struct session_lease none = {.out = UINT64_MAX, .in = UINT64_MAX};
        pair->granted_out = share->ceilings.out;
        pair->granted_in = share->ceilings.in;
        pair->hard_expiry = p->hard_expiry; /* our clock may have jumped since it came first */
        control_pair_ceilings(pair, &none, UINT64_MAX, UINT64_MAX);
        return 0;
    }
    slot_take_back(c, pair);
    return control_pair_install(c, p, share);
}

void control_settle(struct control *c)
{
    quiescence_wait(c);
}

int control_pair_install(struct control *c, const struct ike_pair_install *p, const struct pair_share *share)
{
    if (p->slot >= c->sad->slots)
        return -EINVAL;
    struct sad_pair *pair = &c->sad->pairs[p->slot];
    uint32_t state = atomic_load(&pair->state);
    if (state != PAIR_FREE && state != PAIR_LARVAL) {
        /* Slots are the IKE machine's to give: what is still here is of another member, whose pair it
         * refused.
         */
        if (!share || !share->group)
            return -EBUSY;
        slot_take_back(c, pair);
    }

    sad_slot_use(c->sad, p->slot);
    atomic_store(&pair->state, PAIR_LARVAL);
    pair_fill(c, p, pair);
    if (share && share->group)
        pair_share(c, pair, share);
    int error = keys_init(c, p, pair);
    if (!error)
        error = pair_policy_add(c, pair);
    if (error) {
        sad_pair_clear(pair);
        return error;
    }
    atomic_store(&pair->state, p->confirmed ? PAIR_ACTIVE : PAIR_INBOUND);
    pair_tell(c, CHANNEL_PAIR_ADDED, p->slot, p->spi_in);
    return 0;
}

void control_pair_confirm(struct control *c, uint32_t slot, uint32_t spi_in)
{
    struct sad_pair *p = pair_of(c, slot, spi_in);
    uint32_t was = p ? atomic_load(&p->state) : PAIR_DEAD;

    /* The engine may have been told by a packet meanwhile: then it is active already. */
    if ((was == PAIR_INBOUND || was == PAIR_SUPERSEDED) &&
        atomic_compare_exchange_strong(&p->state, &was, PAIR_ACTIVE))
        pair_tell(c, CHANNEL_PAIR_ADDED, slot, spi_in);
}

void control_pair_supersede(struct control *c, uint32_t slot, uint32_t spi_in)
{
    struct sad_pair *p = pair_of(c, slot, spi_in);

    if (p && atomic_load(&p->state) != PAIR_DEAD)
        atomic_store(&p->state, PAIR_SUPERSEDED);
}

void control_pair_move(struct control *c, uint32_t slot, uint32_t spi_in, const struct endpoint *remote)
{
    struct sad_pair *p = pair_of(c, slot, spi_in);

    if (p && !endpoint_equal(&p->remote, remote)) {
        pair_policy_move(c, p, remote);
        p->remote = *remote;
        pair_tell(c, CHANNEL_PAIR_ADDED, slot, spi_in);
    }
}

/* ---- taking away ---- */

static bool retiring_add(struct retiring *r, uint32_t slot)
{
    if (r->count == r->capacity) {
        uint32_t next = r->capacity ? 2 * r->capacity : 256;
        uint32_t *grown = realloc(r->slots, next * sizeof *grown);
        if (!grown)
            return false;
        r->slots = grown;
        r->capacity = next;
    }
    r->slots[r->count++] = slot;
    return true;
}

static void slot_free(struct control *c, uint32_t slot)
{
    struct ike_event e = {.type = IKE_EVENT_SLOT_FREE, .pair = {.slot = slot}};

    if (atomic_load(&c->sad->pairs[slot].state) != PAIR_DEAD)
        return; /* the owner's next pair took its place */
    e.pair.spi_in = c->sad->pairs[slot].spi_in;
    sad_pair_clear(&c->sad->pairs[slot]);
    control_ike(c, &e);
}

static void retire_due(uv_timer_t *timer)
{
    struct control *c = timer->data;

    if (c->retired.count && sad_epochs_passed(c->sad, c->retired.epochs)) {
        for (uint32_t i = 0; i < c->retired.count; i++)
            slot_free(c, c->retired.slots[i]);
        c->retired.count = 0;
    }
    if (c->retired.count == 0 && c->retiring.count) {
        struct retiring swap = c->retired;
        c->retired = c->retiring;
        c->retiring = swap;
        sad_epochs_take(c->sad, c->retired.epochs);
    }
    if (c->retired.count)
        uv_timer_start(&c->retire_timer, retire_due, CONTROL_RETIRING_WAIT_MS, 0);
}

static void pair_retire(struct control *c, uint32_t slot)
{
    if (!retiring_add(&c->retiring, slot)) {
        quiescence_wait(c);
        slot_free(c, slot);
        return;
    }
    c->retire_timer.data = c;
    if (!uv_is_active((uv_handle_t *)&c->retire_timer))
        uv_timer_start(&c->retire_timer, retire_due, CONTROL_RETIRING_WAIT_MS, 0);
}

void control_pair_remove(struct control *c, uint32_t slot, uint32_t spi_in)
{
    struct sad_pair *p = pair_of(c, slot, spi_in);

    if (!p) {
        /* Never installed: its slot is free at once. */
        const struct ike_event e = {.type = IKE_EVENT_SLOT_FREE, .pair = {.slot = slot, .spi_in = spi_in}};
        control_ike(c, &e);
        return;
    }
    if (atomic_exchange(&p->state, PAIR_DEAD) == PAIR_DEAD)
        return;
    pair_policy_remove(c, p);
    pair_tell(c, CHANNEL_PAIR_REMOVED, slot, spi_in);
    pair_retire(c, slot);
}

/* ---- after a restart ---- */

struct reconcile {
    struct control *control;
    uint8_t *known;    /* one bit per slot */
    uint32_t *missing; /* slots that the machine has and the SAD has not */
    uint32_t missing_count, limit, kept;
};

static void known_visit(void *context, const struct ike_pair_view *v)
{
    struct reconcile *r = context;
    struct sad_pair *p = pair_of(r->control, v->slot, v->spi_in);
    uint32_t state = p ? atomic_load(&p->state) : PAIR_FREE;

    if (state == PAIR_INBOUND || state == PAIR_ACTIVE || state == PAIR_SUPERSEDED) {
        r->known[v->slot / 8] |= (uint8_t)(1u << v->slot % 8);
        r->kept++;
    } else if (r->missing_count < r->limit) {
        r->missing[r->missing_count++] = v->slot;
    }
}

void control_pairs_reconcile(struct control *c)
{
    uint32_t used = atomic_load(&c->sad->slots_used), orphans = 0;
    struct reconcile r = {.control = c, .limit = c->sad->slots};

    r.known = calloc(c->sad->slots / 8 + 1, 1);
    r.missing = calloc(c->sad->slots, sizeof *r.missing);
    if (!r.known || !r.missing)
        abort(); /* the supervisor starts another one */
    ike_each_pair(c->ike, known_visit, &r);
    for (uint32_t slot = sad_next_slot(c->sad, 0, used); slot < used;
         slot = sad_next_slot(c->sad, slot + 1, used)) {
        struct sad_pair *p = &c->sad->pairs[slot];
        if (atomic_load(&p->state) == PAIR_FREE || r.known[slot / 8] >> slot % 8 & 1)
            continue;
        uint32_t state = atomic_exchange(&p->state, PAIR_DEAD);
        if (state == PAIR_INBOUND || state == PAIR_ACTIVE || state == PAIR_SUPERSEDED)
            pair_policy_remove(c, p);
        pair_tell(c, CHANNEL_PAIR_REMOVED, slot, p->spi_in);
        orphans++;
    }
    if (orphans) {
        quiescence_wait(c);
        for (uint32_t slot = sad_next_slot(c->sad, 0, used); slot < used;
             slot = sad_next_slot(c->sad, slot + 1, used))
            if (atomic_load(&c->sad->pairs[slot].state) == PAIR_DEAD)
                sad_pair_clear(&c->sad->pairs[slot]);
    }
    for (uint32_t i = 0; i < r.missing_count; i++) {
        const struct ike_event e = {.type = IKE_EVENT_CLEAR,
                                    .clear = {.scope = IKE_CLEAR_PAIR, .number = r.missing[i]}};
        control_ike(c, &e);
    }
    if (c->restarted)
        log_line(c->log, "HOLDFAST", 5, "RESTORED", "%u pairs of SAs kept, %u removed, %u asked for anew",
                 r.kept, orphans, r.missing_count);
    free(r.known);
    free(r.missing);
}
