/* SPDX-License-Identifier: Apache-2.0 */
/* A sorted view of everything that belongs to the connections: what `show crypto ipsec sa`, `session` and
 * `isakmp sa` print is gathered from it, so that their order is the same and stays the same. Borrows from the
 * source. */
#ifndef CONTROL_SHOW_COLLECT_H
#define CONTROL_SHOW_COLLECT_H

#include "control/show/internal.h"

struct show_connection {
    const struct scope_connection *connection; /* its number, entry and access list */
    const struct scope *scope;
    const struct ike_connection *ike; /* NULL: left out of IKE's configuration */
};

struct show_collection {
    struct show_connection *connections; /* by interface, map, sequence */
    uint32_t connection_count;
    uint32_t *by_id;               /* indexes of connections, by their number */
    const struct sad_pair **pairs; /* those that carry traffic: by connection, selector, conn id */
    uint32_t pair_count;
    struct ike_pair_view *views; /* by slot */
    uint32_t view_count;
    struct ike_sa_view *sas; /* by family, connection (as above), conn id */
    uint32_t sa_count;
    uint32_t *order; /* sa indexes, by local and remote address */
};

/* False: no memory. Then and always: collection_done. */
bool collection_make(const struct show_source *s, struct show_collection *ret) must_check;
void collection_done(struct show_collection *c);

/* The first pair of a connection, and how many there are. */
const struct sad_pair **collection_pairs(const struct show_collection *c, uint32_t connection,
                                         uint32_t *ret_count);
/* Those of them that serve a selector: the first, and how many there are. */
const struct sad_pair **collection_flow(const struct sad_pair **pairs, uint32_t count,
                                        const struct selector *selector, uint32_t *ret_count);
const struct ike_pair_view *collection_view(const struct show_collection *c, uint32_t slot);
/* The IKE SA between two addresses: an established one before others, the newest of them. NULL: none. */
const struct ike_sa_view *collection_sa(const struct show_collection *c, const struct address *local,
                                        const struct address *remote);
const struct show_connection *collection_connection(const struct show_collection *c, uint32_t id);
/* The field's letters for what was negotiated: D dead peer detection, N NAT traversal, F fragmentation.
 * Returns `out`. */
enum { CAPABILITIES_TEXT = 8 };
char *sa_capabilities(const struct ike_sa_view *v, char out[CAPABILITIES_TEXT]);
int selector_compare(const struct selector *a, const struct selector *b);

#endif
