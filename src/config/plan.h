/* SPDX-License-Identifier: Apache-2.0 */
/* The difference of two models as a list of changes, so that control touches only what changed and leaves
 * every other tunnel up. Objects are compared by meaning: a default that is written out equals one that is
 * not. */
#ifndef CONFIG_PLAN_H
#define CONFIG_PLAN_H

#include "config/grammar.h"
#include "config/model.h"

enum config_kind {
    CONFIG_KIND_HOSTNAME,
    CONFIG_KIND_ISAKMP_GLOBAL, /* keepalive, identity, nat keepalive ...: concerns IKE as a whole, no tunnel
                                  by itself */
    CONFIG_KIND_IPSEC_GLOBAL,  /* lifetimes, replay window, df-bit ... */
    CONFIG_KIND_ISAKMP_POLICY, /* number: priority */
    CONFIG_KIND_ISAKMP_KEY,    /* name: address/length or hostname */
    CONFIG_KIND_ISAKMP_PEER,   /* name: address or hostname */
    CONFIG_KIND_TRANSFORM_SET,
    CONFIG_KIND_ACCESS_LIST,
    CONFIG_KIND_TRACK, /* number: of the object */
    CONFIG_KIND_SSP,   /* number: of the group; 0: redundancy inter-device and ipc zone */
    CONFIG_KIND_INTERFACE,
    CONFIG_KIND_ROUTER,           /* name: ospf or eigrp; number: process or AS */
    CONFIG_KIND_ROUTE,            /* name: the route's line */
    CONFIG_KIND_PROBE,            /* number: of the operation */
    CONFIG_KIND_CRYPTO_MAP,       /* local-address or which interfaces carry it */
    CONFIG_KIND_CRYPTO_MAP_ENTRY, /* name, number: sequence. Changed also where what it refers to changed; one
                                     that stands for a dynamic map where anything of that did */
    CONFIG_KINDS,
};

enum config_change_type { CONFIG_ADDED, CONFIG_REMOVED, CONFIG_CHANGED };

/* Why a crypto map entry counts as changed: bits of config_change.reasons. */
enum config_reason {
    CONFIG_REASON_SELECTORS = 1,      /* the access list, or which one */
    CONFIG_REASON_PEERS = 2,          /* the list of peers */
    CONFIG_REASON_TRANSFORM = 4,      /* transform sets or PFS */
    CONFIG_REASON_LIFETIME = 8,       /* lifetimes, idle time: existing SAs may live on */
    CONFIG_REASON_LOCAL_ADDRESS = 16, /* the address it sends from, or the interfaces it is on */
    CONFIG_REASON_KEY = 32,           /* the pre-shared key of one of its peers: existing SAs may live on */
    CONFIG_REASON_DESCRIPTION = 64,   /* no effect on traffic */
    CONFIG_REASON_ROUTES = 128,       /* reverse routes: existing SAs may live on */
};

struct config_change {
    uint8_t kind; /* enum config_kind */
    uint8_t type; /* enum config_change_type */
    uint8_t reasons;
    uint32_t number;
    char *name; /* NULL for global kinds */
};

struct config_plan {
    CONFIG_ARRAY(struct config_change)
    changes; /* removals of what refers first, additions of what is referred to first */
};

/* `g` as from config_grammar_init. -ENOMEM, then `ret` is empty. */
int config_plan_make(const struct grammar *g, const struct config *before, const struct config *after,
                     struct config_plan *ret) must_check;
void config_plan_done(struct config_plan *p);
/* The change of that object, or NULL: it is the same in both. `name` NULL for global kinds. */
const struct config_change *config_plan_find(const struct config_plan *p, enum config_kind kind,
                                             const char *name, uint32_t number);
/* One line each: "changed crypto map vpn 10 (peers)". */
void config_plan_print(const struct config_plan *p, struct text *out);

#endif
