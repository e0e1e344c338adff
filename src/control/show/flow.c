/* SPDX-License-Identifier: Apache-2.0 */
/* See flow.h. */
#include "control/show/flow.h"

static bool counts(const struct sad_pair *p)
{
    /* Of AH around ESP only the ESP pair counts packets; both see each of them. */
    return p->protocol == 50 || p->bundle == UINT32_MAX;
}

static bool verifies(const struct sad_pair *p)
{
    return p->algorithms.integrity != PACKET_INTEGRITY_NONE ||
           packet_encryption_aead(p->algorithms.encryption);
}

void flow_total(const struct show_flow *f, struct flow_totals *ret)
{
    *ret = (struct flow_totals){0};
    for (uint32_t i = 0; i < f->pair_count; i++) {
        const struct sad_pair *p = f->pairs[i];
        bool digests = verifies(p) || (p->protocol == 50 && p->bundle != UINT32_MAX);
        ret->send_errors += p->out.errors;
        ret->receive_errors += p->in.errors;
        if (!counts(p))
            continue;
        ret->encapsulated += p->out.packets;
        ret->decapsulated += p->in.packets;
        ret->digested += digests ? p->out.packets : 0;
        ret->verified += digests ? p->in.packets : 0;
        ret->encrypted += p->algorithms.encryption != PACKET_ENCRYPTION_NULL ? p->out.packets : 0;
        ret->decrypted += p->algorithms.encryption != PACKET_ENCRYPTION_NULL ? p->in.packets : 0;
    }
}

const struct sad_pair *flow_sending(const struct show_flow *f)
{
    const struct sad_pair *best = NULL;

    for (uint32_t i = 0; i < f->pair_count; i++) {
        const struct sad_pair *p = f->pairs[i];
        uint32_t state = atomic_load(&p->state);
        if (state == PAIR_INBOUND || !counts(p))
            continue;
        bool first = !best || (state == PAIR_ACTIVE && atomic_load(&best->state) != PAIR_ACTIVE);
        if (first || (state == atomic_load(&best->state) &&
                      atomic_load(&p->preferred_since) > atomic_load(&best->preferred_since)))
            best = p;
    }
    return best;
}

struct endpoint flow_remote(const struct show_flow *f)
{
    const struct sad_pair *sending = flow_sending(f);
    struct endpoint remote = {0};

    if (sending)
        return sending->remote;
    if (address_is_set(&f->state.current_peer))
        remote.address = f->state.current_peer;
    else if (f->connection->ike && f->connection->ike->peer_count)
        remote.address = f->connection->ike->peers[0].address;
    return remote;
}

/* Whether one of the configured selectors before `end` is this one. */
static bool named(const struct ike_connection *ike, const struct selector *selector)
{
    for (uint32_t i = 0; ike && i < ike->selector_count; i++)
        if (selector_equal(&ike->selectors[i], selector))
            return true;
    return false;
}

void flows_of(const struct show *s, const struct show_collection *c, const struct show_connection *connection,
              void (*visit)(void *context, const struct show_flow *f), void *context)
{
    const struct ike_connection *ike = connection->ike;
    struct show_flow f = {
        .collection = c,
        .connection = connection,
        .interface = connection->scope->interface->name,
        .map = connection->scope->map->name,
        .sequence = connection->connection->sequence,
        .scope = connection->connection->scope,
        .ifindex = connection->scope->ifindex,
        .local = connection->connection->local,
    };
    uint32_t count, same;
    const struct sad_pair **pairs = collection_pairs(c, connection->connection->id, &count);

    s->source->connection(s->source->context, connection->connection->id, &f.state);
    for (uint32_t i = 0; ike && i < ike->selector_count; i++) {
        f.selector = ike->selectors[i];
        f.pairs = collection_flow(pairs, count, &f.selector, &f.pair_count);
        visit(context, &f);
    }
    for (uint32_t i = 0; i < count; i += same) {
        f.selector = pairs[i]->selector;
        f.pairs = collection_flow(pairs, count, &f.selector, &same);
        f.pair_count = same;
        if (!named(ike, &f.selector))
            visit(context, &f);
    }
}

void flows_each(struct show *s, void (*visit)(void *context, const struct show_flow *f), void *context)
{
    struct show_collection c;

    if (!collection_make(s->source, &c))
        s->failed = true;
    for (uint32_t i = 0; i < c.connection_count && !s->failed; i++)
        flows_of(s, &c, &c.connections[i], visit, context);
    collection_done(&c);
}
