/* SPDX-License-Identifier: Apache-2.0 */
/* Peers that the configuration names by host name. Answers come from the loop's pool, so a name server that
 * is silent holds nothing up; a name is asked for again every minute while it is in use. */
#include <netdb.h>
#include <netinet/in.h>
#include <stdlib.h>

#include "control/control.h"

enum { NAMES_MAX = 1024, NAME_MAX_LENGTH = 253, AGAIN_MS = 60000, RETRY_MS = 5000 };

struct name {
    uv_getaddrinfo_t request;
    uv_timer_t timer;
    struct resolver *resolver;
    struct address address;
    bool asking, complained;
    char text[NAME_MAX_LENGTH + 1];
};

struct resolver {
    struct control *control;
    struct name *names[NAMES_MAX];
    unsigned count;
};

struct resolver *resolver_new(struct control *c)
{
    struct resolver *r = calloc(1, sizeof *r);

    if (r)
        r->control = c;
    return r;
}

static void name_ask(struct name *n);

static void again_due(uv_timer_t *timer)
{
    name_ask(timer->data);
}

static bool name_used(const struct name *n)
{
    const struct config *c = n->resolver->control->config;

    for (uint32_t m = 0; c && m < c->crypto_maps.count; m++)
        for (uint32_t e = 0; e < c->crypto_maps.items[m].entries.count; e++) {
            const struct config_crypto_map_entry *entry = &c->crypto_maps.items[m].entries.items[e];
            for (uint32_t p = 0; p < entry->peers.count; p++)
                if (entry->peers.items[p].hostname && strcmp(entry->peers.items[p].hostname, n->text) == 0)
                    return true;
        }
    return false;
}

static struct address answer_address(const struct addrinfo *list)
{
    for (const struct addrinfo *a = list; a; a = a->ai_next) {
        if (a->ai_family == AF_INET)
            return address_of(&((const struct sockaddr_in *)(const void *)a->ai_addr)->sin_addr, 4);
        if (a->ai_family == AF_INET6)
            return address_of(&((const struct sockaddr_in6 *)(const void *)a->ai_addr)->sin6_addr, 16);
    }
    return (struct address){0};
}

static void answered(uv_getaddrinfo_t *request, int status, struct addrinfo *list)
{
    struct name *n = request->data;
    struct control *c = n->resolver->control;
    struct address address = answer_address(list);

    n->asking = false;
    if (list)
        uv_freeaddrinfo(list);
    if (address_is_set(&address)) {
        n->complained = false;
        if (!address_equal(&address, &n->address)) {
            char text[ADDRESS_TEXT];
            n->address = address;
            log_line(c->log, "HOLDFAST", 6, "NAME", "peer %s has address %s", n->text,
                     address_print(&address, text));
            control_reapply_soon(c, true);
        }
    } else if (!n->complained) {
        n->complained = true;
        log_line(c->log, "HOLDFAST", 4, "NAME", "the address of peer %s cannot be found: %s", n->text,
                 status ? uv_strerror(status) : "it has none");
    }
    if (name_used(n))
        uv_timer_start(&n->timer, again_due, address_is_set(&n->address) ? AGAIN_MS : RETRY_MS, 0);
}

static void name_ask(struct name *n)
{
    const struct addrinfo hints = {.ai_family = AF_UNSPEC, .ai_socktype = SOCK_DGRAM};

    if (n->asking)
        return;
    n->request.data = n;
    n->asking =
        uv_getaddrinfo(&n->resolver->control->loop, &n->request, answered, n->text, NULL, &hints) == 0;
}

struct address resolver_find(void *resolver, const char *hostname)
{
    struct resolver *r = resolver;

    for (unsigned i = 0; i < r->count; i++) {
        if (strcmp(r->names[i]->text, hostname) != 0)
            continue;
        if (!uv_is_active((uv_handle_t *)&r->names[i]->timer))
            name_ask(r->names[i]);
        return r->names[i]->address;
    }
    size_t len = strlen(hostname);
    struct name *n = r->count < NAMES_MAX && len <= NAME_MAX_LENGTH ? calloc(1, sizeof *n) : NULL;
    if (!n)
        return (struct address){0};
    n->resolver = r;
    memcpy(n->text, hostname, len + 1);
    uv_timer_init(&r->control->loop, &n->timer);
    n->timer.data = n;
    r->names[r->count++] = n;
    name_ask(n);
    return (struct address){0};
}
