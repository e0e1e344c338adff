/* SPDX-License-Identifier: Apache-2.0 */
/* From the model's crypto maps to what is in force on this machine now: which device protects by which map
 * (bindings), which of them share their SAs (a scope), and one connection for each sequence of a map in a
 * scope. SPD, IKE configuration, steering and firewall are all made from this, so that they cannot disagree.
 */
#ifndef CONTROL_APPLY_SCOPES_H
#define CONTROL_APPLY_SCOPES_H

#include "config/model.h"
#include "control/apply/connection_ids.h"
#include "control/apply/devices.h"

/* Bindings of one map that has a local-address share one scope, as SAs belong to that address; any other
 * binding is a scope by itself. */
struct scope {
    const struct config_crypto_map *map;
    const struct config_interface *interface; /* of its first binding */
    const char *name;                         /* of the interface whose address it uses */
    uint32_t ifindex;                         /* of the first binding */
    struct address local_v4, local_v6;        /* unset: has none */
    uint8_t group; /* of gateways that share the SAs (ssp/ssp.h); the addresses are then here in either role.
                      0: none */
    const char *shared; /* what names it on both gateways */
    bool redundancy;    /* they are virtual: here while this gateway is the active one */
    uint32_t first_connection, connection_count;
};

struct scope_binding {
    const struct config_interface *interface;
    uint32_t ifindex;
    uint32_t scope;
};

struct scope_connection {
    uint32_t id;
    uint32_t scope;
    uint32_t sequence; /* of the crypto map; entry->sequence is that of the dynamic map */
    bool dynamic;      /* `entry` is of a dynamic map */
    const struct config_crypto_map_entry *entry;
    const struct config_access_list *access_list;
    struct config_access_list *own_list; /* made by dynamic.h where the entry has none */
    struct address local; /* of the family of its peers; unset: the scope has no such address */
};

struct scopes {
    struct scope *scopes;
    struct scope_binding *bindings;
    struct scope_connection *connections;
    uint32_t scope_count, binding_count, connection_count;
};

/* Why something of the configuration is not in force. */
struct scopes_problem {
    struct config_place place;
    char text[200];
};

/* `report` is called for each problem. -ENOMEM, -E2BIG (more bindings or connections than the SPD holds),
 * then `ret` is empty. The result borrows from the model. */
int scopes_make(const struct config *c, const struct devices *d, struct connection_ids *ids,
                struct scopes *ret, void (*report)(void *context, const struct scopes_problem *p),
                void *context) must_check;
void scopes_done(struct scopes *s);

/* The number of a group of gateways that share SAs, in the SA table and for the IKE machine: 1..7 in the
 * order of the configuration. 0: `s` is NULL, or there are too many. */
uint8_t scopes_shared_group(const struct config *c, const struct config_ssp *s);

static inline const struct scope *scope_of(const struct scopes *s, const struct scope_connection *c)
{
    return &s->scopes[c->scope];
}

#endif
