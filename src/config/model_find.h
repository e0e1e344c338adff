/* SPDX-License-Identifier: Apache-2.0 */
/* The orders of the model's arrays, and freeing single objects, for the files of this room that change the
 * model. The compare functions are for array_find: the key comes first. Whoever
 * removes an element calls its done function first. */
#ifndef CONFIG_MODEL_FIND_H
#define CONFIG_MODEL_FIND_H

#include "config/model.h"

/* Keys of objects found by who they are for. */
struct find_who {
    struct prefix prefix; /* address unset: by hostname */
    const char *hostname;
};

int compare_policy(const void *priority, const void *policy); /* uint32_t */
int compare_key(const void *who, const void *key);            /* struct find_who */
int compare_isakmp_peer(const void *who, const void *peer);   /* struct find_who, the prefix one address */
int compare_transform_set(const void *name, const void *set); /* char */
int compare_crypto_map(const void *name, const void *map);    /* char */
int compare_crypto_map_entry(const void *sequence, const void *entry);  /* uint32_t */
int compare_interface(const void *name, const void *interface);         /* char */
int compare_access_list(const void *name, const void *list);            /* char */
int compare_acl_entry(const void *sequence, const void *entry);         /* uint32_t */
int compare_track(const void *number, const void *track);               /* uint32_t */
int compare_track_object(const void *number, const void *object);       /* uint32_t */
int compare_probe(const void *number, const void *probe);               /* uint32_t */
int compare_ssp(const void *number, const void *ssp);                   /* uint32_t */
int compare_standby(const void *group, const void *standby);            /* uint32_t */
int compare_vrrp(const void *group, const void *vrrp);                  /* uint32_t */
int compare_router(const void *protocol, const void *router);           /* uint32_t */
int compare_router_network(const void *network, const void *other);     /* struct config_router_network */
int compare_redistribute(const void *source, const void *redistribute); /* uint32_t */
int compare_passive_interface(const void *name, const void *passive);   /* char */
int compare_eigrp_interface(const void *process, const void *eigrp);    /* uint32_t */
int compare_route(const void *route, const void *other); /* struct config_route, by its identity */

void config_key_done(struct config_isakmp_key *k);
void config_isakmp_peer_done(struct config_isakmp_peer *p);
void config_transform_set_done(struct config_transform_set *t);
void config_entry_done(struct config_crypto_map_entry *e);
void config_map_done(struct config_crypto_map *m);
void config_interface_done(struct config_interface *i);
void config_acl_entry_done(struct config_acl_entry *e);
void config_access_list_done(struct config_access_list *l);
void config_router_done(struct config_router *r);
void config_route_done(struct config_route *r);
void config_group_track_done(struct config_group_track *t);
void config_standby_done(struct config_standby *s);
void config_vrrp_done(struct config_vrrp *v);
void config_track_done(struct config_track *t);
void config_probe_done(struct config_probe *p);
void config_ssp_done(struct config_ssp *s);

#endif
