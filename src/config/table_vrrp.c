/* SPDX-License-Identifier: Apache-2.0 */
/* The commands `vrrp ...` of an interface: virtual routers (RFC 9568). One group may have IPv4 and IPv6
 * addresses; its other settings are the same for both. `no vrrp N` takes all of it away. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "config/table_group.h"

enum { ADVERTISE_MIN_MS = 10, ADVERTISE_MAX_MS = 40950, ADVERTISE_STEP_MS = 10 }; /* RFC 9568 §5.2.7 */

static struct config_vrrp *group_take(struct grammar_call *call, int *ret)
{
    struct config_interface *i = session_interface(call);
    uint32_t group = (uint32_t)grammar_number(call, "group", 0), at;
    struct config_vrrp *v = array_find(&i->vrrp, &group, compare_vrrp, &at);
    *ret = 0;
    if (call_negative(call) && call->count == 2) {
        if (v == NULL) {
            *ret = session_error(call, grammar_arg(call, "group"), "there is no vrrp group %u", group);
            return NULL;
        }
        config_vrrp_done(v);
        array_remove(&i->vrrp, at);
        return NULL;
    }
    if (v != NULL || call_negative(call))
        return v;
    if (i->vrrp.count >= CONFIG_MAX_STANDBY_GROUPS) {
        *ret = session_limit(call, CONFIG_MAX_STANDBY_GROUPS, "vrrp groups of one interface");
        return NULL;
    }
    v = array_insert(&i->vrrp, at);
    if (v == NULL) {
        *ret = -ENOMEM;
        return NULL;
    }
    *v = (struct config_vrrp){.group = (uint16_t)group,
                              .priority = CONFIG_DEFAULT_PRIORITY,
                              .advertise_ms = CONFIG_DEFAULT_ADVERTISE_MS,
                              .place = session_place(call, NULL)};
    return v;
}

static int apply_address(struct grammar_call *call)
{
    const struct grammar_value *v = grammar_arg(call, "vip");
    if (v != NULL && !call_negative(call) && !group_address_good(call, v))
        return -EINVAL;
    int r;
    struct config_vrrp *group = group_take(call, &r);
    if (group == NULL)
        return r;
    struct group_address_list *list = (struct group_address_list *)&group->addresses;
    uint8_t family = grammar_has(call, "ipv6") ? ADDRESS_V6 : ADDRESS_V4;
    uint32_t first = 0, end;
    while (family == ADDRESS_V6 && first < list->count && list->items[first].address.family == ADDRESS_V4)
        first++;
    for (end = first; end < list->count && list->items[end].address.family == family;)
        end++;
    if (call_negative(call)) {
        if (v != NULL)
            return group_address_remove(list, &v->address)
                       ? 0
                       : session_error(call, v, "%s is not an address of this group", v->text);
        while (end > first)
            array_remove(list, --end);
        return 0;
    }
    if (grammar_has(call, "secondary")) {
        if (end == first)
            return session_error(call, v, "a secondary address needs a primary one before it");
        return group_address_add(call, list, end, v);
    }
    /* The primary one is replaced; a secondary one that becomes primary moves to the front. */
    bool have = end > first;
    if (have && address_equal(&list->items[first].address, &v->address))
        return 0;
    if (group_address_remove(list, &v->address))
        have = true;
    if (have && list->count > first && list->items[first].address.family == family)
        array_remove(list, first);
    return group_address_add(call, list, first, v);
}

static int apply_priority(struct grammar_call *call)
{
    int r;
    struct config_vrrp *v = group_take(call, &r);
    if (v != NULL)
        v->priority = call_negative(call) ? CONFIG_DEFAULT_PRIORITY
                                          : (uint8_t)grammar_number(call, "value", CONFIG_DEFAULT_PRIORITY);
    return r;
}

static int apply_preempt(struct grammar_call *call)
{
    int r;
    struct config_vrrp *v = group_take(call, &r);
    if (v == NULL)
        return r;
    bool delay_only = call->no && grammar_has(call, "delay");
    v->no_preempt = call->no && !delay_only;
    v->preempt_delay = call_negative(call) ? 0 : (uint16_t)grammar_number(call, "minimum", 0);
    return 0;
}

static int apply_timers(struct grammar_call *call)
{
    const struct grammar_value *n = grammar_arg(call, "n");
    bool msec = grammar_has(call, "msec");
    uint64_t ms = CONFIG_DEFAULT_ADVERTISE_MS;
    if (!call_negative(call)) {
        ms = msec ? n->number : n->number * 1000;
        if (ms < ADVERTISE_MIN_MS || ms > ADVERTISE_MAX_MS)
            return session_error(call, n,
                                 "%s is out of range, expected <1-40> seconds or <%d-%d> milliseconds",
                                 n->text, ADVERTISE_MIN_MS, ADVERTISE_MAX_MS);
        if (ms % ADVERTISE_STEP_MS != 0)
            return session_error(call, n,
                                 "the interval is sent in hundredths of a second: %s is no multiple of %d",
                                 n->text, ADVERTISE_STEP_MS);
    }
    int r;
    struct config_vrrp *v = group_take(call, &r);
    if (v == NULL)
        return r;
    v->advertise_written = !call_negative(call);
    v->advertise_msec = v->advertise_written && msec;
    v->advertise_ms = (uint32_t)ms;
    return 0;
}

static int apply_track(struct grammar_call *call)
{
    int r;
    struct config_vrrp *v = group_take(call, &r);
    return v == NULL ? r : group_track_apply(call, (struct group_track_list *)&v->tracks);
}

static int apply_description(struct grammar_call *call)
{
    const struct grammar_value *line = grammar_arg(call, "line");
    if (!call_negative(call) && strlen(line->text) > CONFIG_MAX_DESCRIPTION)
        return session_error(call, line, "a description has at most %d characters", CONFIG_MAX_DESCRIPTION);
    int r;
    struct config_vrrp *v = group_take(call, &r);
    return v == NULL ? r : string_set(&v->description, call_negative(call) ? NULL : line->text);
}

static void write_addresses(struct config_writer *w, const char *prefix, const struct config_vrrp *v)
{
    char text[ADDRESS_TEXT];
    for (uint32_t n = 0; n < v->addresses.count; n++) {
        const struct address *a = &v->addresses.items[n].address;
        bool secondary = n > 0 && v->addresses.items[n - 1].address.family == a->family;
        writer_line(w, "%s %s %s%s", prefix, a->family == ADDRESS_V6 ? "ipv6" : "ip", address_print(a, text),
                    secondary ? " secondary" : "");
    }
}

static void write_vrrp(struct config_writer *w, const struct config *c, const void *object)
{
    const struct config_interface *i = object;
    (void)c;
    for (uint32_t n = 0; n < i->vrrp.count; n++) {
        const struct config_vrrp *v = &i->vrrp.items[n];
        char prefix[24];
        snprintf(prefix, sizeof(prefix), "vrrp %u", v->group);
        if (v->description != NULL)
            writer_line(w, "%s description %s", prefix, v->description);
        write_addresses(w, prefix, v);
        if (w->meaning || v->advertise_written)
            writer_line(w, "%s timers advertise %s%u", prefix, v->advertise_msec ? "msec " : "",
                        v->advertise_msec ? v->advertise_ms : v->advertise_ms / 1000);
        if (v->no_preempt)
            writer_line(w, "no %s preempt", prefix);
        else if (v->preempt_delay > 0)
            writer_line(w, "%s preempt delay minimum %u", prefix, v->preempt_delay);
        if (w->meaning || v->priority != CONFIG_DEFAULT_PRIORITY)
            writer_line(w, "%s priority %u", prefix, v->priority);
        group_track_write(w, prefix, (const struct group_track_list *)&v->tracks);
    }
}

#define GROUP "Virtual router (VRRP)\nNumber of the group\n"

static const struct grammar_command commands[] = {
    {.mode = CONFIG_MODE_INTERFACE,
     .no_tokens = 2,
     .grammar = "vrrp <1-255>:group {ip IPV4:vip|ipv6 IPV6:vip} [secondary]",
     .help = GROUP "An IPv4 address\nAddress\nAn IPv6 address, the link-local one first\nAddress\nOne more, "
                   "beside the first\n",
     .about = "Gateways that share the addresses elect one of them, which answers for them. A group may have "
              "addresses of both families.",
     .apply = apply_address,
     .write = write_vrrp},
    {.mode = CONFIG_MODE_INTERFACE,
     .no_tokens = 2,
     .grammar = "vrrp <1-255>:group priority <1-254>:value",
     .help = GROUP "The highest becomes active\nPriority\n",
     .standard = "100; 255 where the address is the interface's own",
     .apply = apply_priority},
    {.mode = CONFIG_MODE_INTERFACE,
     .no_tokens = 2,
     .grammar = "vrrp <1-255>:group preempt [delay minimum <0-3600>:minimum]",
     .help = GROUP "Take over from one with a lower priority\nOnly after a time\nAfter it could\nSeconds\n",
     .standard = "on, without delay",
     .apply = apply_preempt},
    {.mode = CONFIG_MODE_INTERFACE,
     .no_tokens = 2,
     .grammar = "vrrp <1-255>:group timers advertise [msec] <1-40950>:n",
     .help = GROUP "Times\nBetween two advertisements\nIn milliseconds\n<1-40> seconds or <10-40950> "
                   "milliseconds\n",
     .standard = "1 second",
     .apply = apply_timers},
    {.mode = CONFIG_MODE_INTERFACE,
     .no_tokens = 2,
     .grammar = "vrrp <1-255>:group track <1-1000>:object [decrement <1-253>:decrement]",
     .help = GROUP "What lowers the priority while it is down\nNumber of a tracked object\nBy how "
                   "much\nPriority\n",
     .standard = "decrement 10",
     .apply = apply_track},
    {.mode = CONFIG_MODE_INTERFACE,
     .no_tokens = 2,
     .grammar = "vrrp <1-255>:group description LINE",
     .help = GROUP "A text for people\nText\n",
     .apply = apply_description},
    {.mode = CONFIG_MODE_INTERFACE,
     .flags = GRAMMAR_UNSUPPORTED,
     .no_tokens = 255,
     .grammar = "vrrp <1-255> {authentication|shutdown|timers learn|sso|name} [LINE]",
     .help = GROUP "Authentication\nStop\nTimes\nLearned\nStateful switchover\nName\nParameters\n"},
};

const struct command_table table_vrrp = {commands, ARRAY_SIZE(commands)};
