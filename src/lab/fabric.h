/* SPDX-License-Identifier: Apache-2.0 */
/* The network of a lab: a namespace per node, and one more, LAB.fabric, with the wires in it.
 *
 * Every link is a bridge in the fabric and a veth pair per end, so that a fault never touches a node's own
 * device: `cut` takes the fabric's side down and the node sees its carrier go, `blackhole` takes the ports
 * out of the bridge (or drops at one port) and everything vanishes with the carrier up, `lossy` drops at the
 * ports. Watches listen on the fabric's ports.
 *
 * Always holds: port and bridge names follow from the scenario alone (fabric_port), so another process can
 * work on a lab that `lab up` built. Called by run.c and lab.c. */
#ifndef LAB_FABRIC_H
#define LAB_FABRIC_H

#include "lab/scenario.h"

struct nl_sock;

enum { LAB_NAME = 48, FABRIC_ERROR = 256 };

struct fabric {
    const struct scenario *scenario;
    char lab[LAB_NAME];
    int fabric_ns;
    int node_ns[SCENARIO_NODES];
    struct nl_sock *netlink; /* in the fabric */
    char error[FABRIC_ERROR];
};

/* Nothing open yet; fabric_build and fabric_open do it themselves. */
void fabric_init(struct fabric *f, const struct scenario *s, const char *lab);
/* On failure `error` says which step failed, and fabric_done is still to be called. */
int fabric_build(struct fabric *f, const struct scenario *s, const char *lab) must_check;
int fabric_open(struct fabric *f, const struct scenario *s, const char *lab) must_check;
/* Closes descriptors; the namespaces stay. */
void fabric_done(struct fabric *f);

/* end < 0: every end. */
int fabric_cut(struct fabric *f, unsigned link, int end) must_check;
int fabric_blackhole(struct fabric *f, unsigned link) must_check;
/* Only at one end, and only what its node receives (WATCH_IN) or sends (WATCH_OUT); WATCH_NEITHER ends it. */
int fabric_blackhole_end(struct fabric *f, unsigned link, unsigned end,
                         enum watch_direction direction) must_check;
int fabric_lossy(struct fabric *f, unsigned link, double percent) must_check;
/* Undoes all of them. With an end: only what was done there. */
int fabric_repair(struct fabric *f, unsigned link, int end) must_check;

void fabric_port(unsigned link, unsigned end, char name[SCENARIO_DEVICE]);
void fabric_namespace(const char *lab, const char *node, char name[2 * SCRIPT_NAME]);

#endif
