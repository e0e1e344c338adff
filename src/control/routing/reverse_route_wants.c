/* SPDX-License-Identifier: Apache-2.0 */
/* Which routes an SA asks for; see reverse_routes.h. */
#include "control/routing/reverse_routes.h"

size_t reverse_route_wants(const struct config_reverse_route *r, const struct prefix *remote,
                           const struct address *peer, struct reverse_want ret[REVERSE_WANTS_MAX])
{
    const struct address *hop = address_is_set(&r->remote_peer) ? &r->remote_peer : peer;
    size_t n = 0;

    if (!r->enabled || !address_is_set(hop) || hop->family != remote->address.family)
        return 0;
    ret[n++] = (struct reverse_want){*remote, *hop, r->distance};
    if (r->gateway && address_is_set(peer) && peer->family == hop->family && !address_equal(peer, hop))
        ret[n++] = (struct reverse_want){{*peer, address_bits(peer)}, *hop, r->distance};
    return n;
}
