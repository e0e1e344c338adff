/* SPDX-License-Identifier: Apache-2.0 */
/* Phase-2 exchanges. The list of an IKE SA is short (limits.h), so it is searched as it is. Always holds: an
 * exchange with negotiation state has either a job under way or a message out. */
#include "ike/exchange/exchange.h"

#include "ike/exchange/message.h"
#include "ike/sa/connection.h"
#include "ike/sa/ike_sa.h"
#include "ike/sa/pair.h"
#include "ike/sa/slots.h"

ns retransmit_interval(unsigned tries)
{
    return IKE_RETRANSMIT_FIRST << MIN(tries - 1, 6u);
}

struct exchange *exchange_find(const struct ike_sa *sa, uint32_t message_id)
{
    list_for_each(&sa->exchanges, l)
    {
        struct exchange *x = list_entry(l, struct exchange, on_sa);
        if (x->message_id == message_id)
            return x;
    }
    return NULL;
}

struct exchange *exchange_find_id(const struct ike_sa *sa, uint64_t id)
{
    list_for_each(&sa->exchanges, l)
    {
        struct exchange *x = list_entry(l, struct exchange, on_sa);
        if (x->id == id)
            return x;
    }
    return NULL;
}

static bool over(const struct exchange *x)
{
    return x->state == EXCHANGE_I_DONE || x->state == EXCHANGE_R_DONE || x->state == EXCHANGE_R_REFUSED;
}

/* Room for one more: the oldest finished one gives way. */
static bool room_make(struct ike *ike, struct ike_sa *sa, bool by_peer)
{
    unsigned active = 0;
    struct exchange *oldest = NULL;
    list_for_each(&sa->exchanges, l)
    {
        struct exchange *x = list_entry(l, struct exchange, on_sa);
        if (!over(x))
            active += x->by_peer == by_peer;
        else if (!oldest)
            oldest = x;
    }
    if (active >= IKE_EXCHANGES_ACTIVE_MAX)
        return false;
    if (sa->exchange_count < IKE_EXCHANGES_PER_SA_MAX)
        return true;
    if (!oldest)
        return false;
    exchange_free(ike, oldest, NULL);
    return true;
}

struct exchange *exchange_new(struct ike *ike, struct ike_sa *sa, uint32_t message_id,
                              enum exchange_state state)
{
    if (!room_make(ike, sa, message_id != 0) || timers_reserve(ike, sa->timer.group) < 0)
        return NULL;
    struct exchange *x = pool_take(&ike->exchange_pool);
    if (!x)
        return NULL;
    x->by_peer = message_id != 0;
    while (message_id == 0 || (!x->by_peer && exchange_find(sa, message_id)))
        message_id = rng_u32(&ike->rng);
    if (!message_iv_phase2(sa, message_id, x->iv)) {
        pool_put(&ike->exchange_pool, x);
        return NULL;
    }
    x->message_id = message_id;
    x->state = (uint8_t)state;
    x->sa = sa;
    x->id = id_next(ike);
    x->slot = UINT32_MAX;
    x->began = ike->now;
    x->send_at = NS_NEVER;
    x->until = ike->now + IKE_ANSWER_KEPT;
    x->timer.kind = TIMER_EXCHANGE;
    x->timer.group = sa->timer.group;
    list_add_tail(&sa->exchanges, &x->on_sa);
    sa->exchange_count++;
    ike->statistics.exchanges++;
    exchange_timer(ike, x);
    return x;
}

void quick_free(struct ike *ike, struct exchange *x)
{
    struct quick *q = x->quick;
    if (!q)
        return;
    for (unsigned i = 0; i < 2; i++)
        if (q->has[i])
            slot_drop(ike, q->slots[i]);
    message_free(&q->peer);
    kx_free(ike, &q->kx);
    pool_put(&ike->quick_pool, q);
    x->quick = NULL;
}

void exchange_free(struct ike *ike, struct exchange *x, const char *cause)
{
    if (x->wish) {
        struct wish *w = x->wish;
        x->wish = NULL;
        wish_next_peer(ike, w, cause ? cause : "negotiation given up");
    }
    quick_free(ike, x);
    message_free(&x->sent);
    group_timer_done(ike, &x->timer);
    list_remove(&x->on_sa);
    x->sa->exchange_count--;
    ike->statistics.exchanges--;
    pool_put(&ike->exchange_pool, x);
}

void exchange_timer(struct ike *ike, struct exchange *x)
{
    group_timer_set(ike, &x->timer, ns_min(x->send_at, x->until));
}

void exchange_rest(struct ike *ike, struct exchange *x)
{
    x->send_at = NS_NEVER;
    x->until = ike->now + IKE_ANSWER_KEPT;
    exchange_timer(ike, x);
}

bool exchange_keep(struct ike *ike, struct exchange *x, struct bytes message, bool wait)
{
    message_free(&x->sent);
    x->sent = message.len ? message_copy(message) : NULL;
    x->tries = 1;
    x->send_at = wait ? ike->now + retransmit_interval(1) : NS_NEVER;
    x->until = wait ? NS_NEVER : ike->now + IKE_ANSWER_KEPT;
    exchange_timer(ike, x);
    return x->sent != NULL;
}

void exchange_finish(struct ike *ike, struct exchange *x, enum exchange_state state)
{
    x->state = (uint8_t)state;
    quick_free(ike, x);
    exchange_rest(ike, x);
}

/* No answer to QM1: either the peer lost its IKE SA, then a new one helps, or it is gone. */
static void initiator_gave_up(struct ike *ike, struct exchange *x)
{
    struct ike_sa *sa = x->sa;
    struct wish *w = x->wish;
    bool silent = sa->last_in <= x->began;
    bool fresh = w && w->fresh;
    char peer[ENDPOINT_TEXT];
    ike_log(ike, 6, "IKMP_MODE_FAILURE", "Processing of Quick mode failed with peer at %s: no answer",
            endpoint_print(&sa->remote, peer));
    if (w && !fresh && silent) {
        x->wish = NULL;
        w->exchange = NULL;
        wish_retry_peer(ike, w);
    }
    exchange_free(ike, x, "no answer in quick mode");
    if (silent)
        sa_doom(ike, sa, SA_DOOMED, true);
}

void exchange_step(struct ike *ike, struct exchange *x)
{
    if (x->send_at > ike->now && x->until > ike->now) {
        exchange_timer(ike, x);
        return;
    }
    if (x->send_at <= ike->now && x->tries < IKE_TRIES) {
        x->tries++;
        x->send_at = ike->now + retransmit_interval(x->tries);
        ike->statistics.retransmissions++;
        ike_debugf(ike, "(%u): retransmitting phase 2, message id %08x, attempt %u of %u", x->sa->number,
                   x->message_id, x->tries, IKE_TRIES);
        message_send(ike, x->sa, message_bytes(x->sent));
        exchange_timer(ike, x);
        return;
    }
    if (x->state == EXCHANGE_I_SENT) {
        initiator_gave_up(ike, x);
        return;
    }
    if (x->state == EXCHANGE_R_SENT) {
        /* QM3 never came. The pair waits on: the first packet on it says as much (RFC 2409 §5.5). */
        exchange_finish(ike, x, EXCHANGE_R_DONE);
        return;
    }
    exchange_free(ike, x, "negotiation timed out");
}
