/* SPDX-License-Identifier: Apache-2.0 */
/* What the command tables share; see session.h. The object of a sub-mode is kept as an index, which stays
 * right because a line of a sub-mode changes only what is inside its object; any line that adds or removes
 * objects is a global one and ends the sub-mode. An index that points nowhere is our own bug. */
#include "config/session.h"

#include <assert.h>
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

struct config_place session_place(const struct grammar_call *call, const struct grammar_value *v)
{
    const struct config_session *s = call->user;
    uint16_t column = v != NULL ? v->column : call->count > 0 ? call->values[0].column : 1;
    return (struct config_place){.line = s->line, .column = column};
}

int session_error(struct grammar_call *call, const struct grammar_value *v, const char *format, ...)
{
    char text[GRAMMAR_FAULT_TEXT];
    va_list ap;
    va_start(ap, format);
    vsnprintf(text, sizeof(text), format, ap);
    va_end(ap);
    config_errors_add(session_of(call)->errors, CONFIG_ERROR, session_place(call, v), "%s", text);
    return -EINVAL;
}

void session_warning(struct grammar_call *call, const struct grammar_value *v, const char *format, ...)
{
    char text[GRAMMAR_FAULT_TEXT];
    va_list ap;
    va_start(ap, format);
    vsnprintf(text, sizeof(text), format, ap);
    va_end(ap);
    config_errors_add(session_of(call)->errors, CONFIG_WARNING, session_place(call, v), "%s", text);
}

int session_limit(struct grammar_call *call, uint32_t limit, const char *what)
{
    return session_error(call, NULL, "too many: at most %u %s can be configured", limit, what);
}

struct config_isakmp_policy *session_policy(struct grammar_call *call)
{
    assert(session_of(call)->index < config_of(call)->isakmp_policies.count);
    return &config_of(call)->isakmp_policies.items[session_of(call)->index];
}

struct config_isakmp_peer *session_isakmp_peer(struct grammar_call *call)
{
    assert(session_of(call)->index < config_of(call)->isakmp_peers.count);
    return &config_of(call)->isakmp_peers.items[session_of(call)->index];
}

struct config_transform_set *session_transform_set(struct grammar_call *call)
{
    assert(session_of(call)->index < config_of(call)->transform_sets.count);
    return &config_of(call)->transform_sets.items[session_of(call)->index];
}

struct config_crypto_map_entry *session_entry(struct grammar_call *call)
{
    struct config *c = config_of(call);
    assert(session_of(call)->index <
           (session_of(call)->dynamic_map ? c->dynamic_maps.count : c->crypto_maps.count));
    struct config_crypto_map *map =
        &(session_of(call)->dynamic_map ? c->dynamic_maps.items
                                        : c->crypto_maps.items)[session_of(call)->index];
    assert(session_of(call)->entry_index < map->entries.count);
    return &map->entries.items[session_of(call)->entry_index];
}

struct config_interface *session_interface(struct grammar_call *call)
{
    assert(session_of(call)->index < config_of(call)->interfaces.count);
    return &config_of(call)->interfaces.items[session_of(call)->index];
}

struct config_track *session_track(struct grammar_call *call)
{
    assert(session_of(call)->index < config_of(call)->tracks.count);
    return &config_of(call)->tracks.items[session_of(call)->index];
}

struct config_probe *session_probe(struct grammar_call *call)
{
    assert(session_of(call)->index < config_of(call)->probes.count);
    return &config_of(call)->probes.items[session_of(call)->index];
}

struct config_router *session_router(struct grammar_call *call)
{
    assert(session_of(call)->index < config_of(call)->routers.count);
    return &config_of(call)->routers.items[session_of(call)->index];
}

struct config_access_list *session_access_list(struct grammar_call *call)
{
    assert(session_of(call)->index < config_of(call)->access_lists.count);
    return &config_of(call)->access_lists.items[session_of(call)->index];
}

int string_set(char **string, const char *value)
{
    char *copy = value != NULL ? strdup(value) : NULL;
    if (value != NULL && copy == NULL)
        return -ENOMEM;
    free(*string);
    *string = copy;
    return 0;
}

int reference_set(struct config_reference *r, struct grammar_call *call, const struct grammar_value *v)
{
    int result = string_set(&r->name, v->text);
    if (result == 0)
        r->place = session_place(call, v);
    return result;
}

void reference_clear(struct config_reference *r)
{
    free(r->name);
    *r = (struct config_reference){0};
}
