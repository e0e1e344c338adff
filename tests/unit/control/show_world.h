/* SPDX-License-Identifier: Apache-2.0 */
/* A gateway that stands still, for the tests of show: a configuration, made-up devices, fixed views of IKE
 * and a small SAD. Time is 10000 seconds after the machine's start. */
#ifndef TESTS_UNIT_CONTROL_SHOW_WORLD_H
#define TESTS_UNIT_CONTROL_SHOW_WORLD_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "control/apply/ike_config_build.h"
#include "control/show/ha.h"
#include "control/show/show.h"

enum { WORLD_SLOTS = 16, WORLD_SAS = 8, WORLD_NOW_S = 10000 };

struct world {
    struct grammar grammar;
    struct config config;
    struct devices devices;
    struct connection_ids *ids;
    struct scopes scopes;
    struct ike_config_owned ike;
    struct sad *sad;
    struct log *log;
    void *ring;
    struct ike_sa_view sas[WORLD_SAS];
    unsigned sa_count;
    struct ike_pair_view views[WORLD_SLOTS];
    unsigned view_count;
    struct netlink_route routes[4];
    unsigned route_count;
    struct supervisor_process processes[SUPERVISOR_PROCESSES];
    struct ha_facts ha;                    /* of stateful failover; shown once world_ha was called */
    struct ike_connection_view connection; /* of every connection; its id is set when asked */
    struct show_source source;
};

/* The gateway of the golden texts: two SAs, a rekeyed pair, AH around ESP, IPv6. */
void world_full(struct world *w);
/* The same as a member of two redundancy groups: one owned, one stood by for. After world_full. */
void world_ha(struct world *w);
/* Nothing but this configuration. */
void world_begin(struct world *w, const char *config);
void world_end(struct world *w);
/* Runs a line into `out` (initialised here). Returns what show_run does. */
int world_show(struct world *w, const char *line, struct text *out);

#endif
