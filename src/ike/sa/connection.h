/* SPDX-License-Identifier: Apache-2.0 */
/* Connections (one crypto map sequence each) with the peer that is in use, and wishes: tunnels that are
 * wanted and not there yet. One negotiation per (connection, selector). */
#ifndef IKE_CONNECTION_H
#define IKE_CONNECTION_H

#include "ike/machine.h"

int connections_configure(struct ike *ike) must_check; /* -ENOMEM */
void connections_done(struct ike *ike);
struct connection *connection_find(const struct ike *ike, uint32_t id);
/* Also one that is not configured: its pairs go in ike_restore_done. */
struct connection *connection_restore(struct ike *ike, uint32_t id);
/* Iterates the links of (local, peer): the first, then those behind `after`; links to any peer come last. */
struct peer_link *peer_link_find(const struct ike *ike, const struct address *local,
                                 const struct address *peer, struct peer_link *after);
/* `ret_index` (may be NULL): 0 where the connection takes any peer. */
bool connection_has_peer(const struct connection *c, const struct address *peer, uint32_t *ret_index);
void connection_error(struct connection *c, const char *text);
void connection_release_pair(struct ike *ike, struct connection *c); /* one pair less */
void connection_idle(struct ike *ike, struct connection *c); /* its pair was idle: back to the default peer */
void connection_worked(struct ike *ike, struct connection *c, const struct address *peer);

/* Wants a tunnel; if it is wanted already, that one goes on. `peer`: to try first, or UINT32_MAX. False: no
 * memory. */
bool wish_make(struct ike *ike, struct connection *c, const struct selector *s, uint32_t peer, bool acquire);
/* Wants a pair anew with the peer of an IKE SA that a dynamic connection has: under that SA or not at all. */
bool wish_make_dynamic(struct ike *ike, struct connection *c, const struct selector *s,
                       const struct address *peer, struct ike_sa *sa);
struct wish *wish_find(const struct ike *ike, const struct connection *c, const struct selector *s);
void wish_kick(struct ike *ike, struct wish *w); /* goes on in a later step */
void wish_step(struct ike *ike, struct wish *w);
void wish_next_peer(struct ike *ike, struct wish *w, const char *cause);
void wish_retry_peer(struct ike *ike, struct wish *w); /* the same again, through a new IKE SA */
void wish_done(struct ike *ike, struct wish *w);       /* it came true */
void wish_free(struct ike *ike, struct wish *w);
void wishes_drop_group(struct ike *ike, uint8_t group);
void wishes_drop(struct ike *ike, uint32_t connection); /* UINT32_MAX: all */

#endif
