/* SPDX-License-Identifier: Apache-2.0 */
/* The list of actions, see actions.h. */
#include <assert.h>
#include <stdarg.h>
#include <stdio.h>

#include "redundancy/actions.h"

struct redundancy_action *redundancy_action_add(struct redundancy_actions *a,
                                                enum redundancy_action_kind kind)
{
    assert(a->count < REDUNDANCY_ACTIONS_MAX);
    struct redundancy_action *action = &a->items[a->count++];
    *action = (struct redundancy_action){.kind = kind};
    return action;
}

void redundancy_log_add(struct redundancy_actions *a, const char *facility, uint8_t severity,
                        const char *mnemonic, const char *format, ...)
{
    struct redundancy_log *log = &redundancy_action_add(a, REDUNDANCY_LOG)->log;
    va_list arguments;
    log->facility = facility;
    log->severity = severity;
    log->mnemonic = mnemonic;
    va_start(arguments, format);
    vsnprintf(log->text, sizeof(log->text), format, arguments);
    va_end(arguments);
}

char *redundancy_mac_print(const uint8_t mac[REDUNDANCY_MAC], char out[16])
{
    snprintf(out, 16, "%02x%02x.%02x%02x.%02x%02x", mac[0], mac[1], mac[2], mac[3], mac[4], mac[5]);
    return out;
}

bool redundancy_limit_take(struct redundancy_limit *limit, ns now, ns window, uint32_t most)
{
    if (limit->used == 0 || ns_since(now, limit->started) >= window)
        *limit = (struct redundancy_limit){.started = now};
    if (limit->used >= most)
        return false;
    limit->used++;
    return true;
}

bool redundancy_put_off(bool *excused, ns due, ns now)
{
    *excused = !*excused && ns_since(now, due) > REDUNDANCY_LATE;
    return *excused;
}
