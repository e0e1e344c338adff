/* SPDX-License-Identifier: Apache-2.0 */
/* See collect.h. Everything is sorted once and then found by binary search: a gateway with 100,000
 * tunnels is shown in time about linear in their number. */
#include "control/show/collect.h"

#include <stdlib.h>

#include "config/interface_name.h"

/* A growing array of whatever is visited. */
struct gathering {
    void *items;
    size_t size;
    uint32_t count, capacity;
    bool failed;
};

static void gather(struct gathering *g, const void *item)
{
    if (g->failed)
        return;
    if (g->count == g->capacity) {
        uint32_t capacity = g->capacity ? 2 * g->capacity : 64;
        void *items = reallocarray(g->items, capacity, g->size);
        if (!items) {
            g->failed = true;
            return;
        }
        g->items = items;
        g->capacity = capacity;
    }
    memcpy((char *)g->items + g->count++ * g->size, item, g->size);
}

static void gather_sa(void *user, const struct ike_sa_view *v)
{
    gather(user, v);
}

static void gather_view(void *user, const struct ike_pair_view *v)
{
    gather(user, v);
}

static int compare_numbers(uint64_t a, uint64_t b)
{
    return a < b ? -1 : a > b;
}

static int compare_connections(const void *a, const void *b)
{
    const struct show_connection *x = a, *y = b;
    int r = interface_name_compare(x->scope->interface->name, y->scope->interface->name);

    if (r == 0)
        r = strcmp(x->scope->map->name, y->scope->map->name);
    if (r == 0)
        r = compare_numbers(x->connection->sequence, y->connection->sequence);
    return r ? r : compare_numbers(x->connection->id, y->connection->id);
}

static int compare_prefixes(const struct prefix *a, const struct prefix *b)
{
    int r = compare_numbers(a->address.family, b->address.family);

    if (r == 0)
        r = memcmp(a->address.bytes, b->address.bytes, sizeof a->address.bytes);
    return r ? r : compare_numbers(a->length, b->length);
}

int selector_compare(const struct selector *a, const struct selector *b)
{
    int r = compare_prefixes(&a->local, &b->local);

    if (r == 0)
        r = compare_prefixes(&a->remote, &b->remote);
    if (r == 0)
        r = compare_numbers(a->protocol, b->protocol);
    if (r == 0)
        r = compare_numbers((uint64_t)a->local_port_low << 16 | a->local_port_high,
                            (uint64_t)b->local_port_low << 16 | b->local_port_high);
    if (r == 0)
        r = compare_numbers((uint64_t)a->remote_port_low << 16 | a->remote_port_high,
                            (uint64_t)b->remote_port_low << 16 | b->remote_port_high);
    return r;
}

static int compare_pairs(const void *a, const void *b)
{
    const struct sad_pair *x = *(const struct sad_pair *const *)a, *y = *(const struct sad_pair *const *)b;
    int r = compare_numbers(x->entry, y->entry);

    if (r == 0)
        r = selector_compare(&x->selector, &y->selector);
    if (r == 0)
        r = compare_numbers(x->connection, y->connection);
    return r ? r : compare_numbers(x->spi_in, y->spi_in);
}

static int compare_views(const void *a, const void *b)
{
    return compare_numbers(((const struct ike_pair_view *)a)->slot, ((const struct ike_pair_view *)b)->slot);
}

/* A connection's place in the printed order; those that are not configured any more come last. */
static uint64_t place_of(const struct show_collection *c, uint32_t id)
{
    const struct show_connection *found = collection_connection(c, id);

    return found ? (uint64_t)(found - c->connections) : UINT64_MAX;
}

static int compare_sas(const void *a, const void *b, void *context)
{
    const struct ike_sa_view *x = a, *y = b;
    int r = compare_numbers(x->remote.address.family, y->remote.address.family);

    if (r == 0)
        r = compare_numbers(place_of(context, x->connection), place_of(context, y->connection));
    return r ? r : compare_numbers(x->number, y->number);
}

static int compare_places(const struct ike_sa_view *sa, const struct address *local,
                          const struct address *remote)
{
    int r = address_compare(&sa->local.address, local);

    return r ? r : address_compare(&sa->remote.address, remote);
}

/* By addresses; established before others, then the newest. */
static int compare_order(const void *a, const void *b, void *context)
{
    const struct show_collection *c = context;
    const struct ike_sa_view *x = &c->sas[*(const uint32_t *)a], *y = &c->sas[*(const uint32_t *)b];
    int r = compare_places(x, &y->local.address, &y->remote.address);

    if (r == 0)
        r = compare_numbers(x->state != IKE_QM_IDLE || x->deleted, y->state != IKE_QM_IDLE || y->deleted);
    if (r == 0)
        r = compare_numbers(y->established, x->established);
    return r ? r : compare_numbers(y->number, x->number);
}

static int compare_ids(const void *a, const void *b, void *context)
{
    const struct show_collection *c = context;

    return compare_numbers(c->connections[*(const uint32_t *)a].connection->id,
                           c->connections[*(const uint32_t *)b].connection->id);
}

const struct show_connection *collection_connection(const struct show_collection *c, uint32_t id)
{
    uint32_t low = 0, high = c->connection_count;

    while (low < high) {
        uint32_t middle = low + (high - low) / 2;
        struct show_connection *found = &c->connections[c->by_id[middle]];
        if (found->connection->id == id)
            return found;
        if (found->connection->id < id)
            low = middle + 1;
        else
            high = middle;
    }
    return NULL;
}

static uint32_t *numbers_make(uint32_t count)
{
    uint32_t *numbers = reallocarray(NULL, MAX(count, 1u), sizeof *numbers);

    for (uint32_t i = 0; numbers && i < count; i++)
        numbers[i] = i;
    return numbers;
}

static bool connections_make(const struct show_source *s, struct show_collection *c)
{
    c->connections = calloc(MAX(s->scopes->connection_count, 1u), sizeof *c->connections);
    c->by_id = numbers_make(s->scopes->connection_count);
    if (!c->connections || !c->by_id)
        return false;
    c->connection_count = s->scopes->connection_count;
    for (uint32_t i = 0; i < c->connection_count; i++) {
        const struct scope_connection *sc = &s->scopes->connections[i];
        c->connections[i] = (struct show_connection){.connection = sc, .scope = scope_of(s->scopes, sc)};
    }
    qsort(c->connections, c->connection_count, sizeof *c->connections, compare_connections);
    qsort_r(c->by_id, c->connection_count, sizeof *c->by_id, compare_ids, c);
    for (uint32_t i = 0; i < s->ike_config->connection_count; i++) {
        const struct ike_connection *ike = &s->ike_config->connections[i];
        const struct show_connection *found = collection_connection(c, ike->id);
        if (found)
            c->connections[found - c->connections].ike = ike;
    }
    return true;
}

static bool pairs_make(const struct show_source *s, struct show_collection *c)
{
    uint32_t used = MIN(s->sad->slots, atomic_load(&s->sad->slots_used));
    struct gathering g = {.size = sizeof *c->pairs};

    for (uint32_t i = sad_next_slot(s->sad, 0, used); i < used; i = sad_next_slot(s->sad, i + 1, used)) {
        const struct sad_pair *p = &s->sad->pairs[i];
        uint32_t state = atomic_load(&p->state);
        if (state == PAIR_INBOUND || state == PAIR_ACTIVE || state == PAIR_SUPERSEDED)
            gather(&g, &p);
    }
    c->pairs = g.items;
    c->pair_count = g.count;
    if (g.count)
        qsort(c->pairs, c->pair_count, sizeof *c->pairs, compare_pairs);
    return !g.failed;
}

static bool ike_make(const struct show_source *s, struct show_collection *c)
{
    struct gathering sas = {.size = sizeof *c->sas}, views = {.size = sizeof *c->views};

    s->each_sa(s->context, gather_sa, &sas);
    s->each_pair(s->context, gather_view, &views);
    c->sas = sas.items;
    c->sa_count = sas.count;
    c->views = views.items;
    c->view_count = views.count;
    c->order = numbers_make(c->sa_count);
    if (sas.failed || views.failed || !c->order)
        return false;
    if (c->sa_count) {
        qsort_r(c->sas, c->sa_count, sizeof *c->sas, compare_sas, c);
        qsort_r(c->order, c->sa_count, sizeof *c->order, compare_order, c);
    }
    if (c->view_count)
        qsort(c->views, c->view_count, sizeof *c->views, compare_views);
    return true;
}

bool collection_make(const struct show_source *s, struct show_collection *ret)
{
    *ret = (struct show_collection){0};
    return connections_make(s, ret) && pairs_make(s, ret) && ike_make(s, ret);
}

void collection_done(struct show_collection *c)
{
    free(c->connections);
    free(c->by_id);
    free(c->pairs);
    free(c->views);
    free(c->sas);
    free(c->order);
}

const struct sad_pair **collection_pairs(const struct show_collection *c, uint32_t connection,
                                         uint32_t *ret_count)
{
    uint32_t low = 0, high = c->pair_count, end;

    while (low < high) {
        uint32_t middle = low + (high - low) / 2;
        if (c->pairs[middle]->entry < connection)
            low = middle + 1;
        else
            high = middle;
    }
    for (end = low; end < c->pair_count && c->pairs[end]->entry == connection;)
        end++;
    *ret_count = end - low;
    return c->pairs ? c->pairs + low : NULL;
}

const struct sad_pair **collection_flow(const struct sad_pair **pairs, uint32_t count,
                                        const struct selector *selector, uint32_t *ret_count)
{
    uint32_t low = 0, high = count, end;

    *ret_count = 0;
    if (count == 0)
        return pairs;
    while (low < high) {
        uint32_t middle = low + (high - low) / 2;
        if (selector_compare(&pairs[middle]->selector, selector) < 0)
            low = middle + 1;
        else
            high = middle;
    }
    for (end = low; end < count && selector_compare(&pairs[end]->selector, selector) == 0;)
        end++;
    *ret_count = end - low;
    return pairs + low;
}

const struct ike_pair_view *collection_view(const struct show_collection *c, uint32_t slot)
{
    const struct ike_pair_view key = {.slot = slot};

    return c->view_count ? bsearch(&key, c->views, c->view_count, sizeof *c->views, compare_views) : NULL;
}

const struct ike_sa_view *collection_sa(const struct show_collection *c, const struct address *local,
                                        const struct address *remote)
{
    uint32_t low = 0, high = c->sa_count;

    while (low < high) {
        uint32_t middle = low + (high - low) / 2;
        if (compare_places(&c->sas[c->order[middle]], local, remote) < 0)
            low = middle + 1;
        else
            high = middle;
    }
    if (low == c->sa_count || compare_places(&c->sas[c->order[low]], local, remote) != 0)
        return NULL;
    return &c->sas[c->order[low]];
}

char *sa_capabilities(const struct ike_sa_view *v, char out[CAPABILITIES_TEXT])
{
    char *c = out;

    if (v->dpd)
        *c++ = 'D';
    if (v->nat_local || v->nat_remote)
        *c++ = 'N';
    if (v->fragmentation)
        *c++ = 'F';
    *c = 0;
    return out;
}
