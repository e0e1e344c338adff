/* SPDX-License-Identifier: Apache-2.0 */
/* FRR in a node (`routing ospf` in topology.lab): zebra and the daemons of the protocols, in the node's
 * namespace, with sockets in /run/holdfast/LAB/NODE/frr. Everything that the lab starts in the node sees that
 * folder as /run/frr: vtysh and holdfastd find this FRR, and none of the machine's or of another node. Called
 * by run.c and commands.c; it ends with the lab, like everything in its namespaces. */
#ifndef LAB_ROUTING_NODE_H
#define LAB_ROUTING_NODE_H

#include "lab/gateway.h"

struct routing_node {
    const struct node *node;
    int netns;
    char folder[128]; /* of the node */
};

/* From now on processes in this namespace see the node's FRR, if there is (or will be) one. */
void routing_node_init(struct routing_node *f, const struct node *node, int netns, const char *lab);
void routing_node_bind(int netns, const char *lab, const char *node);
/* Starts what does not run and waits until it answers; a router is told its configuration. -ENOENT: FRR is
 * not installed. -EPROTO: it refuses the configuration; `ret_output` (to be freed) says what it said, else it
 * is NULL. */
int routing_node_start(struct routing_node *f, ns timeout, char **ret_output) must_check;
/* SIGKILL to all its daemons. Returns how many there were. */
unsigned routing_node_kill(const struct routing_node *f);

#endif
