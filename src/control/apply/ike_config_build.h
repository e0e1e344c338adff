/* SPDX-License-Identifier: Apache-2.0 */
/* From the model and the scopes to what the IKE machine must know. */
#ifndef CONTROL_APPLY_IKE_CONFIG_BUILD_H
#define CONTROL_APPLY_IKE_CONFIG_BUILD_H

#include "control/apply/scopes.h"
#include "ike/ike_config.h"

/* Owns the arrays that `config` points to; strings and keys are the model's. */
struct ike_config_owned {
    struct ike_config config;
    struct ike_policy *policies;
    struct ike_key *keys;
    struct ike_transform_set *transform_sets;
    struct ike_connection *connections;
    struct ike_peer *peers;
    struct selector *selectors;
    char hostname[64]; /* where the configuration has none */
};

/* The address of a peer that is written as a name; unset: not known (yet). */
struct peer_names {
    struct address (*find)(void *context, const char *hostname);
    void *context;
};

/* -ENOMEM. `report` as scopes_make. */
int ike_config_build(const struct config *c, const struct scopes *s, const struct peer_names *names,
                     struct ike_config_owned *ret,
                     void (*report)(void *context, const struct scopes_problem *p), void *context) must_check;
void ike_config_done(struct ike_config_owned *o);

#endif
