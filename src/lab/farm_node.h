/* SPDX-License-Identifier: Apache-2.0 */
/* The farm of spokes of a farm node: start, readiness, questions. It is the program `holdfast lab farm` in
 * the node's namespace (src/farm), told what to do by its local socket. Its folder is /run/holdfast/LAB/NODE,
 * with farm.sock (its own) and daemon.log (ours). Called by run.c, condition.c and commands.c; it ends with
 * the lab, like everything in its namespaces. */
#ifndef LAB_FARM_NODE_H
#define LAB_FARM_NODE_H

#include <jansson.h>

#include "lab/gateway.h"

enum { FARM_NODE_NAMESPACE = 128 };

/* `up` is answered when the tunnels are there. */
#define FARM_NODE_PATIENCE (600 * NS_PER_S)

struct farm_node {
    const struct node *node;
    int netns;
    char folder[128];
    char partner[FARM_NODE_NAMESPACE]; /* namespace of the far end; empty: none */
    pid_t pid;                         /* if this process started it, else 0 */
};

/* `partner`: the node that has the far end of the traffic, or NULL. */
void farm_node_init(struct farm_node *f, const struct node *node, int netns, const char *lab,
                    const char *partner);
/* Until it answers. */
int farm_node_start(struct farm_node *f, ns timeout) must_check;
/* `ret_status` as of waitpid. */
bool farm_node_died(struct farm_node *f, int *ret_status);
/* One command; `ret_answer` is to be freed. -ETIMEDOUT, -EINTR (lab_stopping), or of the socket. */
int farm_node_ask(const struct farm_node *f, const char *command, ns timeout, char **ret_answer) must_check;

/* An answer in a few words, to be freed; NULL if memory is short. */
char *farm_node_summary(const json_t *answer);

#endif
