/* SPDX-License-Identifier: Apache-2.0 */
/* See dynamic.h. Selectors lie in a hash table by (connection, selector); the access list of a connection has
 * them in the order in which they came, which does not matter since all lines permit. */
#include "control/apply/dynamic.h"

#include <errno.h>
#include <stdlib.h>

#include "base/hash_table.h"
#include "base/list.h"

struct item {
    struct hash_link link;
    struct list all; /* oldest first */
    uint32_t connection;
    uint32_t pairs;
    struct selector selector;
};

struct dynamic_policy {
    struct hash_table table;
    struct list all;
    struct scopes *scopes; /* in force */
};

struct dynamic_policy *dynamic_new(void)
{
    struct dynamic_policy *d = calloc(1, sizeof *d);

    if (!d || hash_table_init(&d->table, DYNAMIC_SELECTORS_MAX) != 0) {
        free(d);
        return NULL;
    }
    list_init(&d->all);
    return d;
}

static void item_free(struct dynamic_policy *d, struct item *i)
{
    hash_table_remove(&d->table, &i->link);
    list_remove(&i->all);
    free(i);
}

void dynamic_free(struct dynamic_policy *d)
{
    if (!d)
        return;
    list_for_each_safe(&d->all, at, next) item_free(d, list_entry(at, struct item, all));
    hash_table_done(&d->table);
    free(d);
}

static uint32_t item_hash(uint32_t connection, const struct selector *s)
{
    uint32_t hash = hash_bytes(s->remote.address.bytes, 16, connection ^ s->remote.length);

    return hash_bytes(s->local.address.bytes, 16, hash ^ s->local.length ^ s->protocol);
}

static struct item *item_find(const struct dynamic_policy *d, uint32_t connection, const struct selector *s)
{
    uint32_t hash = item_hash(connection, s);

    for (struct hash_link *l = hash_table_first(&d->table, hash); l; l = hash_link_next(l, hash)) {
        struct item *i = container_of(l, struct item, link);
        if (i->connection == connection && selector_equal(&i->selector, s))
            return i;
    }
    return NULL;
}

/* The line that permits a selector. Ports of a range that IKE cannot say do not occur. */
static struct config_acl_entry entry_of(const struct selector *s, uint32_t sequence)
{
    struct config_acl_entry e = {.sequence = sequence, .action = CONFIG_ACL_PERMIT, .protocol = s->protocol};
    bool source = s->local_port_low != 0 || s->local_port_high != UINT16_MAX;
    bool destination = s->remote_port_low != 0 || s->remote_port_high != UINT16_MAX;

    e.source = (struct config_acl_side){.address = s->local.address,
                                        .length = s->local.length,
                                        .port_match = source ? CONFIG_PORT_RANGE : CONFIG_PORT_ANY,
                                        .port_low = s->local_port_low,
                                        .port_high = s->local_port_high};
    e.destination = (struct config_acl_side){.address = s->remote.address,
                                             .length = s->remote.length,
                                             .port_match = destination ? CONFIG_PORT_RANGE : CONFIG_PORT_ANY,
                                             .port_low = s->remote_port_low,
                                             .port_high = s->remote_port_high};
    return e;
}

static bool list_append(struct config_access_list *a, const struct selector *s)
{
    if (a->family != s->remote.address.family)
        return true; /* of an entry that has an address of the other family now: IKE ends the pair */
    if (a->entries.count == a->entries.capacity) {
        uint32_t next = a->entries.capacity ? 2 * a->entries.capacity : 16;
        struct config_acl_entry *grown = realloc(a->entries.items, next * sizeof *grown);
        if (!grown)
            return false;
        a->entries.items = grown;
        a->entries.capacity = next;
    }
    a->entries.items[a->entries.count] = entry_of(s, a->entries.count + 1);
    a->entries.count++;
    return true;
}

static struct config_access_list *list_find(const struct scopes *s, uint32_t connection)
{
    for (uint32_t i = 0; s && i < s->connection_count; i++)
        if (s->connections[i].own_list && s->connections[i].id == connection)
            return s->connections[i].own_list;
    return NULL;
}

static bool side_is(const struct config_acl_side *a, const struct prefix *p, uint16_t low, uint16_t high)
{
    return address_equal(&a->address, &p->address) && a->length == p->length && a->port_low == low &&
           a->port_high == high;
}

static void list_drop(struct config_access_list *a, const struct selector *s)
{
    for (uint32_t i = 0; i < a->entries.count; i++) {
        const struct config_acl_entry *e = &a->entries.items[i];
        if (e->protocol != s->protocol ||
            !side_is(&e->source, &s->local, s->local_port_low, s->local_port_high) ||
            !side_is(&e->destination, &s->remote, s->remote_port_low, s->remote_port_high))
            continue;
        a->entries.items[i] = a->entries.items[--a->entries.count];
        return;
    }
}

/* Room for one more: the oldest that has no pair goes. */
static bool room_make(struct dynamic_policy *d)
{
    if (d->table.count < DYNAMIC_SELECTORS_MAX)
        return true;
    list_for_each(&d->all, at)
    {
        struct item *i = list_entry(at, struct item, all);
        struct config_access_list *l = list_find(d->scopes, i->connection);
        if (i->pairs > 0)
            continue;
        if (l)
            list_drop(l, &i->selector);
        item_free(d, i);
        return true;
    }
    return false;
}

enum dynamic_change dynamic_add(struct dynamic_policy *d, uint32_t connection, const struct selector *s)
{
    struct item *i = item_find(d, connection, s);

    if (i) {
        i->pairs++;
        return DYNAMIC_KNOWN;
    }
    i = room_make(d) ? calloc(1, sizeof *i) : NULL;
    struct config_access_list *l = list_find(d->scopes, connection);
    if (!i || (l && !list_append(l, s))) {
        free(i);
        return DYNAMIC_FULL;
    }
    i->connection = connection;
    i->pairs = 1;
    i->selector = *s;
    hash_table_add(&d->table, &i->link, item_hash(connection, s));
    list_add_tail(&d->all, &i->all);
    return DYNAMIC_NEW;
}

void dynamic_remove(struct dynamic_policy *d, uint32_t connection, const struct selector *s)
{
    struct item *i = item_find(d, connection, s);

    if (i && i->pairs > 0)
        i->pairs--;
}

void dynamic_take_back(struct dynamic_policy *d, uint32_t connection, const struct selector *s)
{
    struct item *i = item_find(d, connection, s);
    struct config_access_list *l = list_find(d->scopes, connection);

    if (!i || i->pairs == 0 || --i->pairs > 0)
        return;
    if (l)
        list_drop(l, s);
    item_free(d, i);
}

void dynamic_recount(struct dynamic_policy *d)
{
    list_for_each(&d->all, at) list_entry(at, struct item, all)->pairs = 0;
}

static int list_make(struct scope_connection *c)
{
    struct config_access_list *l = calloc(1, sizeof *l);

    if (!l)
        return -ENOMEM;
    l->name = (char *)"";
    l->family = c->access_list->family;
    c->own_list = l;
    c->access_list = l;
    return 0;
}

int dynamic_fill(const struct dynamic_policy *d, struct scopes *s)
{
    bool any = false;
    int error = 0;

    for (uint32_t i = 0; i < s->connection_count && !error; i++)
        if (s->connections[i].dynamic && !s->connections[i].entry->access_list.name) {
            error = list_make(&s->connections[i]);
            any = true;
        }
    list_for_each(&d->all, at)
    {
        const struct item *i = list_entry(at, struct item, all);
        struct config_access_list *l = any && !error ? list_find(s, i->connection) : NULL;
        if (l && !list_append(l, &i->selector))
            error = -ENOMEM;
    }
    return error;
}

void dynamic_use(struct dynamic_policy *d, struct scopes *s)
{
    d->scopes = s;
    list_for_each_safe(&d->all, at, next)
    {
        struct item *i = list_entry(at, struct item, all);
        if (!list_find(s, i->connection))
            item_free(d, i);
    }
}

bool dynamic_holds(const struct dynamic_policy *d, uint32_t connection)
{
    return list_find(d->scopes, connection) != NULL;
}

uint32_t dynamic_count(const struct dynamic_policy *d)
{
    return d->table.count;
}
