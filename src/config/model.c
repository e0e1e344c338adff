/* SPDX-License-Identifier: Apache-2.0 */
/* The configuration as data: making, copying and freeing it; see model.h. Everything that the model points to
 * is its own, so a copy duplicates each string and each inner array; the order of the fields here follows
 * model.h. */
#include "config/model_find.h"

#include <errno.h>
#include <stdlib.h>

#include "config/array.h"

void config_init(struct config *c)
{
    *c = (struct config){
        .lifetime_seconds = CONFIG_DEFAULT_LIFETIME_SECONDS,
        .lifetime_kilobytes = CONFIG_DEFAULT_LIFETIME_KILOBYTES,
        .replay_window = CONFIG_DEFAULT_REPLAY_WINDOW,
        .keepalive.retry_seconds = 2,
    };
}

/* ---- Freeing
 * ----------------------------------------------------------------------------------------------------- */

#define ARRAY_DONE(array, done)                          \
    do {                                                 \
        for (uint32_t i_ = 0; i_ < (array)->count; i_++) \
            done(&(array)->items[i_]);                   \
        array_free(array);                               \
    } while (0)

static void kept_done(struct config_kept *k)
{
    free(k->text);
}

static void reference_done(struct config_reference *r)
{
    free(r->name);
}

void config_key_done(struct config_isakmp_key *k)
{
    free(k->hostname);
    wipe(&k->secret, sizeof(k->secret));
}

void config_isakmp_peer_done(struct config_isakmp_peer *p)
{
    free(p->hostname);
    free(p->client_endpoint);
    free(p->description);
    wipe(&p->password, sizeof(p->password));
}

void config_transform_set_done(struct config_transform_set *t)
{
    free(t->name);
}

static void map_peer_done(struct config_map_peer *p)
{
    free(p->hostname);
}

void config_entry_done(struct config_crypto_map_entry *e)
{
    reference_done(&e->access_list);
    reference_done(&e->dynamic);
    ARRAY_DONE(&e->peers, map_peer_done);
    ARRAY_DONE(&e->transform_sets, reference_done);
    free(e->description);
}

void config_map_done(struct config_crypto_map *m)
{
    free(m->name);
    reference_done(&m->local_address);
    ARRAY_DONE(&m->entries, config_entry_done);
}

void config_group_track_done(struct config_group_track *t)
{
    reference_done(&t->interface);
}

void config_standby_done(struct config_standby *s)
{
    array_free(&s->secondaries);
    ARRAY_DONE(&s->tracks, config_group_track_done);
    free(s->name);
    reference_done(&s->follow);
    wipe(&s->secret, sizeof(s->secret));
}

void config_vrrp_done(struct config_vrrp *v)
{
    array_free(&v->addresses);
    ARRAY_DONE(&v->tracks, config_group_track_done);
    free(v->description);
}

void config_track_done(struct config_track *t)
{
    reference_done(&t->interface);
    array_free(&t->objects);
}

void config_probe_done(struct config_probe *p)
{
    reference_done(&p->source_interface);
    ARRAY_DONE(&p->kept, kept_done);
}

void config_ssp_done(struct config_ssp *s)
{
    ARRAY_DONE(&s->names, reference_done);
    wipe(&s->secret, sizeof(s->secret));
    free(s->certificate);
    free(s->private_key);
    free(s->authority);
    free(s->peer_name);
    reference_done(&s->profile);
    ARRAY_DONE(&s->kept, kept_done);
}

static void passive_done(struct config_passive_interface *p)
{
    reference_done(&p->interface);
}

void config_router_done(struct config_router *r)
{
    array_free(&r->networks);
    array_free(&r->redistribute);
    ARRAY_DONE(&r->passive, passive_done);
    ARRAY_DONE(&r->kept, kept_done);
}

void config_interface_done(struct config_interface *i)
{
    free(i->name);
    array_free(&i->addresses);
    free(i->description);
    reference_done(&i->crypto_map);
    reference_done(&i->crypto_redundancy);
    ARRAY_DONE(&i->standby, config_standby_done);
    ARRAY_DONE(&i->vrrp, config_vrrp_done);
    array_free(&i->eigrp);
    ARRAY_DONE(&i->kept, kept_done);
}

void config_acl_entry_done(struct config_acl_entry *e)
{
    free(e->remark);
}

void config_access_list_done(struct config_access_list *l)
{
    free(l->name);
    ARRAY_DONE(&l->entries, config_acl_entry_done);
}

void config_route_done(struct config_route *r)
{
    reference_done(&r->interface);
    free(r->name);
}

void config_done(struct config *c)
{
    free(c->file);
    free(c->hostname);
    array_free(&c->isakmp_policies);
    ARRAY_DONE(&c->isakmp_keys, config_key_done);
    ARRAY_DONE(&c->isakmp_peers, config_isakmp_peer_done);
    ARRAY_DONE(&c->transform_sets, config_transform_set_done);
    ARRAY_DONE(&c->dynamic_maps, config_map_done);
    ARRAY_DONE(&c->crypto_maps, config_map_done);
    ARRAY_DONE(&c->tracks, config_track_done);
    ARRAY_DONE(&c->ssp_groups, config_ssp_done);
    ARRAY_DONE(&c->interfaces, config_interface_done);
    ARRAY_DONE(&c->routers, config_router_done);
    ARRAY_DONE(&c->access_lists, config_access_list_done);
    ARRAY_DONE(&c->routes, config_route_done);
    ARRAY_DONE(&c->probes, config_probe_done);
    ARRAY_DONE(&c->kept, kept_done);
    config_init(c);
}

/* ---- Copying
 * ----------------------------------------------------------------------------------------------------- */

/* Replaces a string borrowed from the original by one of our own; after a failure by NULL, so that what was
 * copied so far can be freed like any other object. */
static void own_string(char **s, bool *ok)
{
    if (*s == NULL)
        return;
    *s = *ok ? strdup(*s) : NULL;
    *ok &= *s != NULL;
}

/* Gives `array`, whose items are the original's, items of its own and calls `own` for each. */
#define ARRAY_OWN(array, own, ok)                        \
    do {                                                 \
        __typeof__(*(array)) from_ = *(array);           \
        *(ok) &= array_copy(&from_, array);              \
        for (uint32_t i_ = 0; i_ < (array)->count; i_++) \
            own(&(array)->items[i_], ok);                \
    } while (0)

static void own_nothing(void *item, bool *ok)
{
    (void)item;
    (void)ok;
}

static void kept_own(struct config_kept *k, bool *ok)
{
    own_string(&k->text, ok);
}

static void reference_own(struct config_reference *r, bool *ok)
{
    own_string(&r->name, ok);
}

static void key_own(struct config_isakmp_key *k, bool *ok)
{
    own_string(&k->hostname, ok);
}

static void isakmp_peer_own(struct config_isakmp_peer *p, bool *ok)
{
    own_string(&p->hostname, ok);
    own_string(&p->client_endpoint, ok);
    own_string(&p->description, ok);
}

static void transform_set_own(struct config_transform_set *t, bool *ok)
{
    own_string(&t->name, ok);
}

static void map_peer_own(struct config_map_peer *p, bool *ok)
{
    own_string(&p->hostname, ok);
}

static void entry_own(struct config_crypto_map_entry *e, bool *ok)
{
    reference_own(&e->access_list, ok);
    reference_own(&e->dynamic, ok);
    ARRAY_OWN(&e->peers, map_peer_own, ok);
    ARRAY_OWN(&e->transform_sets, reference_own, ok);
    own_string(&e->description, ok);
}

static void map_own(struct config_crypto_map *m, bool *ok)
{
    own_string(&m->name, ok);
    reference_own(&m->local_address, ok);
    ARRAY_OWN(&m->entries, entry_own, ok);
}

static void group_track_own(struct config_group_track *t, bool *ok)
{
    reference_own(&t->interface, ok);
}

static void standby_own(struct config_standby *s, bool *ok)
{
    ARRAY_OWN(&s->secondaries, own_nothing, ok);
    ARRAY_OWN(&s->tracks, group_track_own, ok);
    own_string(&s->name, ok);
    reference_own(&s->follow, ok);
}

static void vrrp_own(struct config_vrrp *v, bool *ok)
{
    ARRAY_OWN(&v->addresses, own_nothing, ok);
    ARRAY_OWN(&v->tracks, group_track_own, ok);
    own_string(&v->description, ok);
}

static void track_own(struct config_track *t, bool *ok)
{
    reference_own(&t->interface, ok);
    ARRAY_OWN(&t->objects, own_nothing, ok);
}

static void ssp_own(struct config_ssp *s, bool *ok)
{
    ARRAY_OWN(&s->names, reference_own, ok);
    own_string(&s->certificate, ok);
    own_string(&s->private_key, ok);
    own_string(&s->authority, ok);
    own_string(&s->peer_name, ok);
    reference_own(&s->profile, ok);
    ARRAY_OWN(&s->kept, kept_own, ok);
}

static void passive_own(struct config_passive_interface *p, bool *ok)
{
    reference_own(&p->interface, ok);
}

static void router_own(struct config_router *r, bool *ok)
{
    ARRAY_OWN(&r->networks, own_nothing, ok);
    ARRAY_OWN(&r->redistribute, own_nothing, ok);
    ARRAY_OWN(&r->passive, passive_own, ok);
    ARRAY_OWN(&r->kept, kept_own, ok);
}

static void interface_own(struct config_interface *i, bool *ok)
{
    own_string(&i->name, ok);
    ARRAY_OWN(&i->addresses, own_nothing, ok);
    own_string(&i->description, ok);
    reference_own(&i->crypto_map, ok);
    reference_own(&i->crypto_redundancy, ok);
    ARRAY_OWN(&i->standby, standby_own, ok);
    ARRAY_OWN(&i->vrrp, vrrp_own, ok);
    ARRAY_OWN(&i->eigrp, own_nothing, ok);
    ARRAY_OWN(&i->kept, kept_own, ok);
}

static void acl_entry_own(struct config_acl_entry *e, bool *ok)
{
    own_string(&e->remark, ok);
}

static void access_list_own(struct config_access_list *l, bool *ok)
{
    own_string(&l->name, ok);
    ARRAY_OWN(&l->entries, acl_entry_own, ok);
}

static void route_own(struct config_route *r, bool *ok)
{
    reference_own(&r->interface, ok);
    own_string(&r->name, ok);
}

static void probe_own(struct config_probe *p, bool *ok)
{
    reference_own(&p->source_interface, ok);
    ARRAY_OWN(&p->kept, kept_own, ok);
}

int config_copy(const struct config *c, struct config *ret)
{
    bool ok = true;
    *ret = *c;
    own_string(&ret->file, &ok);
    own_string(&ret->hostname, &ok);
    ARRAY_OWN(&ret->isakmp_policies, own_nothing, &ok);
    ARRAY_OWN(&ret->isakmp_keys, key_own, &ok);
    ARRAY_OWN(&ret->isakmp_peers, isakmp_peer_own, &ok);
    ARRAY_OWN(&ret->transform_sets, transform_set_own, &ok);
    ARRAY_OWN(&ret->dynamic_maps, map_own, &ok);
    ARRAY_OWN(&ret->crypto_maps, map_own, &ok);
    ARRAY_OWN(&ret->tracks, track_own, &ok);
    ARRAY_OWN(&ret->ssp_groups, ssp_own, &ok);
    ARRAY_OWN(&ret->interfaces, interface_own, &ok);
    ARRAY_OWN(&ret->routers, router_own, &ok);
    ARRAY_OWN(&ret->access_lists, access_list_own, &ok);
    ARRAY_OWN(&ret->routes, route_own, &ok);
    ARRAY_OWN(&ret->probes, probe_own, &ok);
    ARRAY_OWN(&ret->kept, kept_own, &ok);
    if (ok)
        return 0;
    config_done(ret);
    return -ENOMEM;
}
