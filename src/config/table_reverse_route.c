/* SPDX-License-Identifier: Apache-2.0 */
/* The commands `reverse-route` and `set reverse-route`, inside an entry of a crypto map or dynamic map:
 * routes to the networks behind the peer, which come with the SAs and go with them (`static`: are always
 * there). Distance and tag may stand on either line; the text has them on the second. */
#include <errno.h>

#include "config/session.h"

static const struct grammar_value *repeated(const struct grammar_call *call)
{
    static const char *const labels[] = {"static", "remote-peer", "distance", "tag"};
    for (size_t i = 0; i < ARRAY_SIZE(labels); i++) {
        const struct grammar_value *first = grammar_arg(call, labels[i]);
        const struct grammar_value *second = first != NULL ? grammar_arg_after(call, labels[i], first) : NULL;
        if (second != NULL)
            return second;
    }
    return NULL;
}

static int apply_reverse_route(struct grammar_call *call)
{
    struct config_reverse_route *r = &session_entry(call)->reverse_route;
    if (call_negative(call)) {
        *r = (struct config_reverse_route){0};
        return 0;
    }
    const struct grammar_value *again = repeated(call), *peer = grammar_arg(call, "remote-peer");
    if (again != NULL)
        return session_error(call, again, "'%s' stands here twice", again->text);
    if (peer != NULL && (address_is_any(&peer->address) || address_is_multicast(&peer->address)))
        return session_error(call, peer, "%s cannot be the address of a peer", peer->text);
    struct config_reverse_route next = {
        .enabled = true,
        .is_static = grammar_has(call, "static"),
        .gateway = grammar_has(call, "gateway"),
        .distance = (uint8_t)grammar_number(call, "distance", r->enabled ? r->distance : 1),
        .tag = (uint32_t)grammar_number(call, "tag", r->tag),
        .place = session_place(call, NULL),
    };
    if (peer != NULL)
        next.remote_peer = peer->address;
    *r = next;
    return 0;
}

static int apply_set(struct grammar_call *call)
{
    struct config_reverse_route *r = &session_entry(call)->reverse_route;
    if (!r->enabled)
        return session_error(call, NULL, "there is no 'reverse-route' in this entry");
    if (grammar_has(call, "tag"))
        r->tag = call_negative(call) ? 0 : (uint32_t)grammar_number(call, "n", 0);
    else
        r->distance = call_negative(call) ? 1 : (uint8_t)grammar_number(call, "n", 1);
    return 0;
}

static void write_reverse_route(struct config_writer *w, const struct config *c, const void *object)
{
    const struct config_crypto_map_entry *e = object;
    const struct config_reverse_route *r = &e->reverse_route;
    char peer[ADDRESS_TEXT] = "";
    bool has_peer = address_is_set(&r->remote_peer);
    (void)c;
    if (!r->enabled)
        return;
    writer_line(w, "reverse-route%s%s%s%s", r->is_static ? " static" : "", has_peer ? " remote-peer " : "",
                has_peer ? address_print(&r->remote_peer, peer) : "", r->gateway ? " gateway" : "");
    if (w->meaning || r->distance != 1)
        writer_line(w, "set reverse-route distance %u", r->distance);
    if (r->tag > 0)
        writer_line(w, "set reverse-route tag %u", r->tag);
}

static const struct grammar_command commands[] = {
    {.mode = CONFIG_MODE_CRYPTO_MAP,
     .no_tokens = 1,
     .grammar =
         "reverse-route [static|remote-peer ADDRESS:remote-peer [gateway]|distance <1-255>:distance|tag "
         "<1-4294967295>:tag]...",
     .help = "Routes to the networks behind the peer\nAlways, also without SAs\nBy another next hop than the "
             "peer\nNext hop\nWith a route to the peer by it, too\nDistance of these "
             "routes\nDistance\nA mark for routing protocols\nMark\n",
     .about = "The routes come with the SAs to a network and go with the last of them.",
     .standard = "off; distance 1, no tag",
     .apply = apply_reverse_route,
     .write = write_reverse_route},
    {.mode = CONFIG_MODE_CRYPTO_MAP,
     .no_tokens = 3,
     .grammar = "set reverse-route {distance <1-255>:n|tag <1-4294967295>:n}",
     .help = "Set\nOf the routes of reverse-route\nDistance\nDistance\nA mark for routing protocols\nMark\n",
     .standard = "distance 1, no tag",
     .apply = apply_set},
};

const struct command_table table_reverse_route = {commands, ARRAY_SIZE(commands)};
