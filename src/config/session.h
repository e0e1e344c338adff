/* SPDX-License-Identifier: Apache-2.0 */
/* What the command tables share: how a handler reaches the model, reports an error, and keeps a string.
 * Internal to this room. A handler changes the model only when it is sure to succeed; it returns 0, or
 * -EINVAL after session_error(), or -ENOMEM. */
#ifndef CONFIG_SESSION_H
#define CONFIG_SESSION_H

#include "config/array.h"
#include "config/grammar.h"
#include "config/model_find.h"
#include "config/parse.h"
#include "config/write.h"

/* One table per subject, in the order in which the text has them. */
struct command_table {
    const struct grammar_command *commands;
    size_t count;
};

extern const struct command_table table_system, table_isakmp, table_ipsec, table_dynamic_map,
    table_crypto_map, table_reverse_route, table_track, table_ssp, table_inter_device, table_interface,
    table_standby, table_vrrp, table_router_interface, table_router, table_route, table_access_list,
    table_sla, table_tail;

struct acl_protocol {
    const char *name;
    uint8_t number;
};

extern const struct acl_protocol acl_protocols[];
extern const size_t acl_protocol_count;

static inline struct config_session *session_of(struct grammar_call *call)
{
    return call->user;
}

static inline struct config *config_of(struct grammar_call *call)
{
    return session_of(call)->config;
}

/* Whether the line takes something back. */
static inline bool call_negative(const struct grammar_call *call)
{
    return call->no || call->is_default;
}

/* The place of a value of the line, or of the line's beginning. */
struct config_place session_place(const struct grammar_call *call, const struct grammar_value *v);
/* Reports an error at a value (NULL: the beginning of the line) and returns -EINVAL. */
int session_error(struct grammar_call *call, const struct grammar_value *v, const char *format, ...)
    __attribute__((format(printf, 3, 4)));
void session_warning(struct grammar_call *call, const struct grammar_value *v, const char *format, ...)
    __attribute__((format(printf, 3, 4)));
/* "at most N WHAT can be configured" */
int session_limit(struct grammar_call *call, uint32_t limit, const char *what);

/* The object of the current sub-mode. */
struct config_isakmp_policy *session_policy(struct grammar_call *call);
struct config_isakmp_peer *session_isakmp_peer(struct grammar_call *call);
struct config_transform_set *session_transform_set(struct grammar_call *call);
struct config_crypto_map_entry *session_entry(struct grammar_call *call);
struct config_interface *session_interface(struct grammar_call *call);
struct config_track *session_track(struct grammar_call *call);
struct config_probe *session_probe(struct grammar_call *call);
struct config_router *session_router(struct grammar_call *call);
struct config_access_list *session_access_list(struct grammar_call *call);

/* Replaces a string of the model by a copy of `value` (NULL: by none). */
int string_set(char **string, const char *value) must_check;
int reference_set(struct config_reference *r, struct grammar_call *call,
                  const struct grammar_value *v) must_check;
void reference_clear(struct config_reference *r);

#endif
