/* SPDX-License-Identifier: Apache-2.0 */
/* Packets that wait for their SA: a bounded queue, by flow (an entry of the policy and its line, which is
 * what IKE is asked for) and by age. Called by the outbound burst and by the engine when control answers. A
 * flood costs at most OUTBOUND_WAIT_MAX packets and WAIT_FLOWS_MAX flows, and ends by itself after
 * OUTBOUND_WAIT_TIMEOUT. */
#include "ipsec/outbound_internal.h"

#include "base/hash_table.h"

static uint8_t *wait_data(const struct outbound *o, const struct waiting *w)
{
    return o->wait_memory + (size_t)(w - o->waiting) * WAIT_SLOT + PACKET_HEADROOM;
}

static struct list *bucket_of(struct outbound *o, uint32_t entry)
{
    return &o->flow_buckets[hash_bytes(&entry, sizeof(entry), 5) % WAIT_BUCKETS];
}

void wait_init(struct outbound *o)
{
    list_init(&o->wait_free);
    list_init(&o->wait_all);
    list_init(&o->released);
    list_init(&o->flow_free);
    list_init(&o->flow_due);
    for (size_t i = 0; i < WAIT_BUCKETS; i++)
        list_init(&o->flow_buckets[i]);
    for (size_t i = 0; i < WAIT_FLOWS_MAX; i++) {
        list_add_tail(&o->flow_free, &o->flows[i].in_bucket);
        list_init(&o->flows[i].in_due);
        list_init(&o->flows[i].packets);
    }
    for (size_t i = 0; i < OUTBOUND_WAIT_MAX; i++) {
        list_add_tail(&o->wait_free, &o->waiting[i].in_flow);
        list_init(&o->waiting[i].in_all);
    }
}

static struct wait_flow *flow_find(struct outbound *o, uint32_t entry, uint32_t ace)
{
    list_for_each(bucket_of(o, entry), at)
    {
        struct wait_flow *f = list_entry(at, struct wait_flow, in_bucket);
        if (f->acquire.entry == entry && f->acquire.ace == ace)
            return f;
    }
    return NULL;
}

static struct wait_flow *flow_new(struct outbound *o, const struct outbound_acquire *acquire)
{
    if (list_empty(&o->flow_free))
        return NULL;
    struct wait_flow *f = list_entry(o->flow_free.next, struct wait_flow, in_bucket);
    list_remove(&f->in_bucket);
    list_add_tail(bucket_of(o, acquire->entry), &f->in_bucket);
    f->acquire = *acquire;
    f->count = 0;
    f->due = 0;
    list_add_head(&o->flow_due, &f->in_due);
    return f;
}

static void flow_free_if_empty(struct outbound *o, struct wait_flow *f)
{
    if (f->count > 0)
        return;
    list_remove(&f->in_due);
    list_remove(&f->in_bucket);
    list_add_head(&o->flow_free, &f->in_bucket);
}

/* Out of the queue, into `to`: the free list, or those whose memory results still point to. */
static void waiting_remove(struct outbound *o, struct waiting *w, struct list *to)
{
    list_remove(&w->in_flow);
    list_remove(&w->in_all);
    list_add_head(to, &w->in_flow);
    w->flow->count--;
    flow_free_if_empty(o, w->flow);
    w->flow = NULL;
}

void wait_reuse_released(struct outbound *o)
{
    list_for_each_safe(&o->released, at, following)
    {
        list_remove(at);
        list_add_head(&o->wait_free, at);
    }
}

static bool acquire_of(const struct outbound *o, const struct decision *d, struct outbound_acquire *ret)
{
    const struct spd_table *t = spd_table(o->path.spd, d->spd_version);
    const struct spd_entry *entry = &t->entries[d->entry];
    *ret = (struct outbound_acquire){
        .entry = entry->id,
        .ace = d->ace - entry->first_ace,
        .ifindex = d->tuple.ifindex,
    };
    tuple_selector(&d->tuple, &ret->packet);
    return entry->may_initiate && spd_ace_selector(&t->aces[d->ace], &ret->selector);
}

void wait_add(struct outbound *o, const struct outbound_packet *p, const struct decision *decision,
              size_t source)
{
    struct outbound_acquire acquire;
    if (!acquire_of(o, decision, &acquire)) {
        if (!o->refused) {
            o->refused = true;
            o->refused_packet = acquire;
        }
        result_drop(o, DROP_NO_SA, source);
        return;
    }
    struct wait_flow *f = flow_find(o, acquire.entry, acquire.ace);
    bool room = !list_empty(&o->wait_free) && p->len <= OUTBOUND_WAIT_PACKET_MAX &&
                (f ? f->count < OUTBOUND_WAIT_FLOW_MAX : !list_empty(&o->flow_free));
    struct outbound_result *r = room ? result_add(o, OUTBOUND_WAITS, source) : NULL;
    if (!r) {
        result_drop(o, DROP_ACQUIRE_QUEUE_FULL, source);
        return;
    }
    if (!f)
        f = flow_new(o, &acquire);
    struct waiting *w = list_entry(o->wait_free.next, struct waiting, in_flow);
    list_remove(&w->in_flow);
    list_add_tail(&f->packets, &w->in_flow);
    list_add_tail(&o->wait_all, &w->in_all);
    f->count++;
    w->flow = f;
    w->len = p->len;
    w->ifindex = p->ifindex;
    w->mtu = p->mtu;
    w->since = o->now;
    memcpy(wait_data(o, w), p->data, p->len);
}

bool outbound_acquire_next(struct outbound *o, ns now, struct outbound_acquire *ret)
{
    if (list_empty(&o->flow_due))
        return false;
    struct wait_flow *f = list_entry(o->flow_due.next, struct wait_flow, in_due);
    if (f->due > now)
        return false;
    *ret = f->acquire;
    f->due = now + OUTBOUND_ACQUIRE_REPEAT;
    list_remove(&f->in_due);
    list_add_tail(&o->flow_due, &f->in_due);
    return true;
}

size_t outbound_release(struct outbound *o, uint32_t entry, ns now)
{
    outbound_begin(o, now);
    size_t planned = 0;
    list_for_each_safe(bucket_of(o, entry), at, following)
    {
        struct wait_flow *f = list_entry(at, struct wait_flow, in_bucket);
        if (f->acquire.entry != entry)
            continue;
        /* `f` may be freed with its last packet: the number of turns is taken before. */
        uint32_t turns = f->count;
        struct list *next = f->packets.next;
        for (; turns > 0 && planned < BURST_MAX; turns--) {
            struct waiting *w = list_entry(next, struct waiting, in_flow);
            next = next->next;
            struct outbound_packet p = {wait_data(o, w), w->len, w->ifindex, w->mtu, 0};
            if (!outbound_plan(o, &p, planned, true))
                continue;
            waiting_remove(o, w, &o->released);
            planned++;
        }
    }
    return outbound_end(o);
}

static void waiting_drop(struct outbound *o, struct waiting *w, enum drop_reason reason)
{
    o->path.engine->drops[reason]++;
    waiting_remove(o, w, &o->wait_free);
}

size_t outbound_acquire_failed(struct outbound *o, uint32_t entry, uint32_t ace)
{
    struct wait_flow *f = flow_find(o, entry, ace);
    size_t dropped = f ? f->count : 0;
    for (size_t i = 0; i < dropped; i++)
        waiting_drop(o, list_entry(f->packets.next, struct waiting, in_flow), DROP_NO_SA);
    return dropped;
}

bool outbound_refused_next(struct outbound *o, ns now, struct outbound_acquire *ret)
{
    if (!o->refused || now < o->refused_until)
        return false;
    *ret = o->refused_packet;
    ret->selector = ret->packet;
    o->refused = false;
    o->refused_until = now + OUTBOUND_REFUSED_REPEAT;
    return true;
}

size_t outbound_expire(struct outbound *o, ns now)
{
    size_t dropped = 0;
    while (!list_empty(&o->wait_all)) {
        struct waiting *w = list_entry(o->wait_all.next, struct waiting, in_all);
        if (ns_since(now, w->since) < OUTBOUND_WAIT_TIMEOUT)
            break;
        waiting_drop(o, w, DROP_ACQUIRE_TIMEOUT);
        dropped++;
    }
    return dropped;
}

ns outbound_deadline(const struct outbound *o)
{
    if (list_empty(&o->wait_all))
        return NS_NEVER;
    const struct waiting *oldest = list_entry(o->wait_all.next, struct waiting, in_all);
    const struct wait_flow *next = list_entry(o->flow_due.next, struct wait_flow, in_due);
    return ns_min(oldest->since + OUTBOUND_WAIT_TIMEOUT, next->due);
}
