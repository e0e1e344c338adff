/* SPDX-License-Identifier: Apache-2.0 */
/* Flows: for each connection the pairs of proxies that its access list asks for, each with the SAs that serve
 * it, and behind them the pairs of proxies of SAs that the access list does not name as such (a peer asked
 * for less). Shared by `show crypto ipsec sa` and `show crypto session`. */
#ifndef CONTROL_SHOW_FLOW_H
#define CONTROL_SHOW_FLOW_H

#include "control/show/collect.h"

struct show_flow {
    const struct show_collection *collection;
    const struct show_connection *connection;
    const char *interface, *map;
    uint32_t sequence, scope, ifindex;
    struct address local;
    struct selector selector;
    struct ike_connection_view state;
    const struct sad_pair **pairs;
    uint32_t pair_count;
};

/* Sorted by interface, map, sequence; then in the order of the access list. Marks the show as failed without
 * memory. */
void flows_each(struct show *s, void (*visit)(void *context, const struct show_flow *f), void *context);

/* Of one connection only. */
void flows_of(const struct show *s, const struct show_collection *c, const struct show_connection *connection,
              void (*visit)(void *context, const struct show_flow *f), void *context);

struct flow_totals {
    uint64_t encapsulated, encrypted, digested, decapsulated, decrypted, verified, send_errors,
        receive_errors;
};

void flow_total(const struct show_flow *f, struct flow_totals *ret);
/* The pair that sends; NULL: none does. */
const struct sad_pair *flow_sending(const struct show_flow *f);
/* Where its packets go: the sending SA's peer, else the one that IKE talks to, else the first one configured.
 */
struct endpoint flow_remote(const struct show_flow *f);
/* One SA as facts. */
json_t *flow_sa_facts(struct show *s, const struct show_flow *f, const struct sad_pair *p, bool inbound);

#endif
