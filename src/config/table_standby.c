/* SPDX-License-Identifier: Apache-2.0 */
/* The commands `standby ...` of an interface: HSRP groups (RFC 2281). A group begins with any line that names
 * it; `no standby N` takes all of it away. Without a number group 0 is meant. Times are kept in milliseconds
 * and written in the unit that was typed. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <strings.h>

#include "config/table_group.h"

enum { HELLO_MSEC_MIN = 15, HELLO_MSEC_MAX = 999, HOLD_MSEC_MIN = 50, HOLD_MSEC_MAX = 3000 };

static uint32_t group_of(const struct grammar_call *call)
{
    return (uint32_t)grammar_number(call, "group", 0);
}

static int group_remove(struct grammar_call *call)
{
    struct config_interface *i = session_interface(call);
    uint32_t group = group_of(call), at;
    struct config_standby *s = array_find(&i->standby, &group, compare_standby, &at);
    if (s == NULL)
        return session_error(call, grammar_arg(call, "group"), "there is no standby group %u", group);
    config_standby_done(s);
    array_remove(&i->standby, at);
    return 0;
}

/* The group of the line, made if the line gives something. NULL with `ret` set: nothing is left to do. */
static struct config_standby *group_take(struct grammar_call *call, int *ret)
{
    struct config_interface *i = session_interface(call);
    uint32_t group = group_of(call), at;
    struct config_standby *s = array_find(&i->standby, &group, compare_standby, &at);
    *ret = 0;
    if (call_negative(call) && call->count == 2 && grammar_arg(call, "group") != NULL) {
        *ret = group_remove(call);
        return NULL;
    }
    if (s != NULL || call_negative(call))
        return s;
    if (i->standby.count >= CONFIG_MAX_STANDBY_GROUPS) {
        *ret = session_limit(call, CONFIG_MAX_STANDBY_GROUPS, "standby groups of one interface");
        return NULL;
    }
    s = array_insert(&i->standby, at);
    if (s == NULL) {
        *ret = -ENOMEM;
        return NULL;
    }
    *s = (struct config_standby){.group = (uint16_t)group,
                                 .priority = CONFIG_DEFAULT_PRIORITY,
                                 .hello_ms = CONFIG_DEFAULT_HELLO_MS,
                                 .hold_ms = CONFIG_DEFAULT_HOLD_MS,
                                 .place = session_place(call, NULL)};
    return s;
}

static int apply_ip(struct grammar_call *call)
{
    const struct grammar_value *v = grammar_arg(call, "vip");
    if (v != NULL && !call_negative(call) && !group_address_good(call, v))
        return -EINVAL;
    int r;
    struct config_standby *s = group_take(call, &r);
    if (s == NULL)
        return r;
    struct group_address_list *secondaries = (struct group_address_list *)&s->secondaries;
    bool secondary = grammar_has(call, "secondary");
    if (call_negative(call)) {
        bool primary = v == NULL ||
                       (!secondary && address_is_set(&s->address) && address_equal(&s->address, &v->address));
        if (!primary && !group_address_remove(secondaries, &v->address))
            return session_error(call, v, "%s is not an address of this group", v->text);
        if (primary) {
            s->has_ip = false;
            s->address = (struct address){0};
        }
        return 0;
    }
    if (secondary)
        return address_is_set(&s->address) && address_equal(&s->address, &v->address)
                   ? session_error(call, v, "this address is already the primary one")
                   : group_address_add(call, secondaries, secondaries->count, v);
    s->has_ip = true;
    s->address = (struct address){0};
    if (v != NULL) {
        s->address = v->address;
        group_address_remove(secondaries, &v->address);
    }
    return 0;
}

static void preempt_set(struct grammar_call *call, struct config_standby *s)
{
    s->preempt = true;
    s->preempt_delay = (struct config_preempt_delay){
        .minimum = (uint16_t)grammar_number(call, "minimum", 0),
        .reload = (uint16_t)grammar_number(call, "reload", 0),
        .sync = (uint16_t)grammar_number(call, "sync", 0),
    };
}

static int apply_priority(struct grammar_call *call)
{
    int r;
    struct config_standby *s = group_take(call, &r);
    if (s == NULL)
        return r;
    s->priority = call_negative(call) ? CONFIG_DEFAULT_PRIORITY
                                      : (uint8_t)grammar_number(call, "value", CONFIG_DEFAULT_PRIORITY);
    /* Old texts have both on one line. */
    if (grammar_has(call, "preempt") && !call_negative(call))
        preempt_set(call, s);
    return 0;
}

static int apply_preempt(struct grammar_call *call)
{
    int r;
    struct config_standby *s = group_take(call, &r);
    if (s == NULL)
        return r;
    if (!call_negative(call)) {
        preempt_set(call, s);
        return 0;
    }
    s->preempt_delay = (struct config_preempt_delay){0};
    s->preempt &= grammar_has(call, "delay");
    return 0;
}

/* One of two times: its unit and its range. */
static bool time_of(struct grammar_call *call, const char *label, bool msec, uint32_t low_ms,
                    uint32_t high_ms, uint32_t *ret_ms)
{
    const struct grammar_value *v = grammar_arg(call, label);
    uint64_t n = v->number;
    if (msec && (n < low_ms || n > high_ms)) {
        session_error(call, v, "%s is out of range, expected <%u-%u> milliseconds", v->text, low_ms, high_ms);
        return false;
    }
    if (!msec && (n < 1 || n > 255)) {
        session_error(call, v, "%s is out of range, expected <1-255> seconds", v->text);
        return false;
    }
    *ret_ms = (uint32_t)(msec ? n : n * 1000);
    return true;
}

static int apply_timers(struct grammar_call *call)
{
    bool hello_msec = grammar_has(call, "hello-msec"), hold_msec = grammar_has(call, "hold-msec");
    uint32_t hello = CONFIG_DEFAULT_HELLO_MS, hold = CONFIG_DEFAULT_HOLD_MS;
    if (!call_negative(call) &&
        (!time_of(call, "hello", hello_msec, HELLO_MSEC_MIN, HELLO_MSEC_MAX, &hello) ||
         !time_of(call, "hold", hold_msec, HOLD_MSEC_MIN, HOLD_MSEC_MAX, &hold)))
        return -EINVAL;
    if (hold <= hello)
        return session_error(call, grammar_arg(call, "hold"),
                             "the hold time must be longer than the hello time");
    int r;
    struct config_standby *s = group_take(call, &r);
    if (s == NULL)
        return r;
    bool written = !call_negative(call);
    s->timers_written = written;
    s->hello_msec = written && hello_msec;
    s->hold_msec = written && hold_msec;
    s->hello_ms = hello;
    s->hold_ms = hold;
    return 0;
}

static int apply_authentication(struct grammar_call *call)
{
    const struct grammar_value *text = grammar_arg(call, "key-text"), *md5 = grammar_arg(call, "key-md5");
    const struct grammar_value *v = md5 != NULL ? md5 : text;
    size_t limit = md5 != NULL ? CONFIG_STANDBY_MD5_KEY : CONFIG_STANDBY_TEXT;
    if (!call_negative(call) && strlen(v->text) > limit)
        return session_error(call, v, "%s has at most %zu characters",
                             md5 != NULL ? "the key" : "the authentication text", limit);
    int r;
    struct config_standby *s = group_take(call, &r);
    if (s == NULL)
        return r;
    wipe(&s->secret, sizeof(s->secret));
    s->authentication = CONFIG_STANDBY_AUTHENTICATION_DEFAULT;
    s->md5_timeout = 0;
    if (call_negative(call))
        return 0;
    s->authentication = md5 != NULL ? CONFIG_STANDBY_AUTHENTICATION_MD5 : CONFIG_STANDBY_AUTHENTICATION_TEXT;
    s->secret.len = (uint8_t)strlen(v->text);
    memcpy(s->secret.text, v->text, s->secret.len + 1);
    s->md5_timeout = (uint16_t)grammar_number(call, "seconds", 0);
    return 0;
}

static int apply_track(struct grammar_call *call)
{
    int r;
    struct config_standby *s = group_take(call, &r);
    return s == NULL ? r : group_track_apply(call, (struct group_track_list *)&s->tracks);
}

static int apply_name(struct grammar_call *call)
{
    int r;
    struct config_standby *s = group_take(call, &r);
    if (s == NULL)
        return r;
    return string_set(&s->name, call_negative(call) ? NULL : grammar_arg(call, "group-name")->text);
}

static int apply_follow(struct grammar_call *call)
{
    int r;
    struct config_standby *s = group_take(call, &r);
    if (s == NULL)
        return r;
    if (!call_negative(call))
        return reference_set(&s->follow, call, grammar_arg(call, "group-name"));
    reference_clear(&s->follow);
    return 0;
}

/* "0000.0c07.ac01" */
static bool mac_parse(const char *text, uint8_t ret[6])
{
    unsigned words[3];
    int end = 0;
    if (sscanf(text, "%4x.%4x.%4x%n", &words[0], &words[1], &words[2], &end) != 3 || text[end] != 0 ||
        strlen(text) != 14)
        return false;
    for (int i = 0; i < 6; i++)
        ret[i] = (uint8_t)(words[i / 2] >> (i % 2 == 0 ? 8 : 0));
    return true;
}

static int apply_mac(struct grammar_call *call)
{
    const struct grammar_value *v = grammar_arg(call, "mac");
    uint8_t mac[6] = {0};
    static const uint8_t none[6];
    if (!call_negative(call) &&
        (!mac_parse(v->text, mac) || (mac[0] & 1) != 0 || memcmp(mac, none, sizeof(mac)) == 0))
        return session_error(call, v, "'%s' is not the MAC address of a station, expected H.H.H", v->text);
    int r;
    struct config_standby *s = group_take(call, &r);
    if (s != NULL)
        memcpy(s->mac, mac, sizeof(mac));
    return r;
}

static int apply_version(struct grammar_call *call)
{
    struct config_interface *i = session_interface(call);
    i->standby_version = !call_negative(call) && grammar_has(call, "2") ? 2 : 1;
    i->standby_version_written = !call_negative(call);
    return 0;
}

static int apply_use_bia(struct grammar_call *call)
{
    session_interface(call)->standby_use_bia = !call_negative(call);
    return 0;
}

static int apply_delay(struct grammar_call *call)
{
    struct config_interface *i = session_interface(call);
    i->standby_delay_written = !call_negative(call);
    i->standby_delay_minimum = call_negative(call) ? 0 : (uint16_t)grammar_number(call, "minimum", 0);
    i->standby_delay_reload = call_negative(call) ? 0 : (uint16_t)grammar_number(call, "reload", 0);
    return 0;
}

/* ---- Writing
 * ----------------------------------------------------------------------------------------------------- */

static void write_interface(struct config_writer *w, const struct config_interface *i)
{
    if (i->standby_delay_written)
        writer_line(w, "standby delay minimum %u reload %u", i->standby_delay_minimum,
                    i->standby_delay_reload);
    if (w->meaning || i->standby_version_written)
        writer_line(w, "standby version %u", i->standby_version == 2 ? 2 : 1);
    if (i->standby_use_bia)
        writer_line(w, "standby use-bia");
}

static void write_addresses(struct config_writer *w, const char *prefix, const struct config_standby *s)
{
    char text[ADDRESS_TEXT];
    bool set = address_is_set(&s->address);
    if (s->has_ip)
        writer_line(w, "%s ip%s%s", prefix, set ? " " : "", set ? address_print(&s->address, text) : "");
    for (uint32_t n = 0; n < s->secondaries.count; n++)
        writer_line(w, "%s ip %s secondary", prefix, address_print(&s->secondaries.items[n].address, text));
}

static void write_times(struct config_writer *w, const char *prefix, const struct config_standby *s)
{
    if (w->meaning || s->timers_written)
        writer_line(w, "%s timers %s%u %s%u", prefix, s->hello_msec ? "msec " : "",
                    s->hello_msec ? s->hello_ms : s->hello_ms / 1000, s->hold_msec ? "msec " : "",
                    s->hold_msec ? s->hold_ms : s->hold_ms / 1000);
    if (w->meaning || s->priority != CONFIG_DEFAULT_PRIORITY)
        writer_line(w, "%s priority %u", prefix, s->priority);
    if (!s->preempt)
        return;
    const struct config_preempt_delay *d = &s->preempt_delay;
    const uint16_t values[] = {d->minimum, d->reload, d->sync};
    static const char *const words[] = {"minimum", "reload", "sync"};
    char delay[64] = "";
    for (size_t n = 0; n < ARRAY_SIZE(values); n++)
        if (values[n] > 0)
            snprintf(delay + strlen(delay), sizeof(delay) - strlen(delay), " %s %u", words[n], values[n]);
    writer_line(w, "%s preempt%s%s", prefix, delay[0] != 0 ? " delay" : "", delay);
}

static void write_authentication(struct config_writer *w, const char *prefix, const struct config_standby *s)
{
    if (s->authentication == CONFIG_STANDBY_AUTHENTICATION_TEXT)
        writer_line(w, "%s authentication text %s", prefix, writer_secret(w, &s->secret));
    if (s->authentication != CONFIG_STANDBY_AUTHENTICATION_MD5)
        return;
    const char *secret = writer_secret(w, &s->secret);
    char timeout[24] = "";
    if (s->md5_timeout > 0)
        snprintf(timeout, sizeof(timeout), " timeout %u", s->md5_timeout);
    /* A key that reads like the type of a key needs one in front. */
    writer_line(w, "%s authentication md5 key-string %s%s%s", prefix, strcmp(secret, "0") == 0 ? "0 " : "",
                secret, timeout);
}

static void write_group(struct config_writer *w, const struct config_standby *s)
{
    char prefix[24];
    static const uint8_t none[6];
    snprintf(prefix, sizeof(prefix), "standby %u", s->group);
    write_addresses(w, prefix, s);
    if (s->follow.name != NULL)
        writer_line(w, "%s follow %s", prefix, s->follow.name);
    write_times(w, prefix, s);
    write_authentication(w, prefix, s);
    if (s->name != NULL)
        writer_line(w, "%s name %s", prefix, s->name);
    if (memcmp(s->mac, none, sizeof(none)) != 0)
        writer_line(w, "%s mac-address %02x%02x.%02x%02x.%02x%02x", prefix, s->mac[0], s->mac[1], s->mac[2],
                    s->mac[3], s->mac[4], s->mac[5]);
    group_track_write(w, prefix, (const struct group_track_list *)&s->tracks);
}

static void write_standby(struct config_writer *w, const struct config *c, const void *object)
{
    const struct config_interface *i = object;
    (void)c;
    write_interface(w, i);
    for (uint32_t n = 0; n < i->standby.count; n++)
        write_group(w, &i->standby.items[n]);
}

/* ---- Table
 * ------------------------------------------------------------------------------------------------------- */

#define STANDBY "Hot standby (HSRP)\n"
#define GROUP   STANDBY "Number of the group\n"
#define DELAY                                                                                             \
    "Only after a time\nSeconds\nAfter it could\nSeconds\nAfter this gateway started\nSeconds\nAt most, " \
    "while state "                                                                                        \
    "is synchronized\nSeconds\n"
#define DELAY_GRAMMAR \
    "[delay {<0-3600>:minimum|minimum <0-3600>:minimum|reload <0-3600>:reload|sync <0-3600>:sync}...]"

static const struct grammar_command commands[] = {
    {.mode = CONFIG_MODE_INTERFACE,
     .no_tokens = 2,
     .grammar = "standby [<0-4095>:group] ip [IPV4:vip [secondary]]",
     .help = GROUP "A virtual address\nAddress; without it, it is learned\nOne more, beside the first\n",
     .about = "Gateways that share the address elect one of them, which answers for it.",
     .apply = apply_ip,
     .write = write_standby},
    {.mode = CONFIG_MODE_INTERFACE,
     .no_tokens = 2,
     .grammar = "standby [<0-4095>:group] priority <0-255>:value [preempt " DELAY_GRAMMAR "]",
     .help = GROUP "The highest becomes active\nPriority\nTake over from one with a lower priority\n" DELAY,
     .standard = "100",
     .apply = apply_priority},
    {.mode = CONFIG_MODE_INTERFACE,
     .no_tokens = 2,
     .grammar = "standby [<0-4095>:group] preempt " DELAY_GRAMMAR,
     .help = GROUP "Take over from one with a lower priority\n" DELAY,
     .standard = "off: who is active stays it",
     .apply = apply_preempt},
    {.mode = CONFIG_MODE_INTERFACE,
     .no_tokens = 2,
     .grammar =
         "standby [<0-4095>:group] timers [msec:hello-msec] <1-999>:hello [msec:hold-msec] <1-3000>:hold",
     .help = GROUP "Times\nIn milliseconds\nBetween two hellos: <1-254> seconds or <15-999> milliseconds\nIn "
                   "milliseconds\nUntil a silent one is dead: <1-255> seconds or <50-3000> milliseconds\n",
     .standard = "3 and 10 seconds",
     .apply = apply_timers},
    {.mode = CONFIG_MODE_INTERFACE,
     .no_tokens = 2,
     .grammar = "standby [<0-4095>:group] authentication {KEY:key-text|text KEY:key-text|md5 key-string [0] "
                "KEY:key-md5 [timeout <1-32767>:seconds]}",
     .help =
         GROUP "How hellos prove where they come from\nText\nA text in clear\nText\nA digest\nMade with a "
               "key\nThe key follows as it is\nKey\nHow long the former key is still "
               "accepted\nSeconds\n",
     .standard = "text cisco",
     .apply = apply_authentication},
    {.mode = CONFIG_MODE_INTERFACE,
     .no_tokens = 2,
     .grammar =
         "standby [<0-4095>:group] track {<1-1000>:object [decrement <1-255>:decrement|shutdown]|INTERFACE "
         "[<1-255>:decrement]}",
     .help = GROUP "What lowers the priority while it is down\nNumber of a tracked object\nBy how "
                   "much\nPriority\nThe group stops instead\nInterface\nPriority\n",
     .standard = "decrement 10",
     .apply = apply_track},
    {.mode = CONFIG_MODE_INTERFACE,
     .no_tokens = 2,
     .grammar = "standby [<0-4095>:group] name NAME:group-name",
     .help = GROUP "The name of the group\nName\n",
     .standard = "hsrp-INTERFACE-GROUP, such as hsrp-Fa0/0-1",
     .apply = apply_name},
    {.mode = CONFIG_MODE_INTERFACE,
     .no_tokens = 2,
     .grammar = "standby [<0-4095>:group] follow NAME:group-name",
     .help = GROUP "Take the state of another group\nName of that group\n",
     .apply = apply_follow},
    {.mode = CONFIG_MODE_INTERFACE,
     .no_tokens = 2,
     .grammar = "standby [<0-4095>:group] mac-address NAME:mac",
     .help = GROUP "The virtual MAC address\nH.H.H\n",
     .standard = "0000.0c07.acXX, with version 2 0000.0c9f.fXXX",
     .apply = apply_mac},
    {.mode = CONFIG_MODE_INTERFACE,
     .no_tokens = 2,
     .grammar = "standby version {1|2}",
     .help = STANDBY "Version of the protocol\n256 groups, seconds\n4096 groups, milliseconds\n",
     .standard = "1",
     .apply = apply_version},
    {.mode = CONFIG_MODE_INTERFACE,
     .no_tokens = 2,
     .grammar = "standby use-bia",
     .help = STANDBY "The interface's own MAC address in place of a virtual one\n",
     .apply = apply_use_bia},
    {.mode = CONFIG_MODE_INTERFACE,
     .no_tokens = 2,
     .grammar = "standby delay {minimum <0-10000>:minimum|reload <0-10000>:reload}...",
     .help = STANDBY "How long the groups wait\nAfter the interface came up\nSeconds\nAfter this gateway "
                     "started\nSeconds\n",
     .standard = "no delay",
     .apply = apply_delay},
    {.mode = CONFIG_MODE_INTERFACE,
     .flags = GRAMMAR_UNSUPPORTED,
     .no_tokens = 255,
     .grammar = "standby [<0-4095>] {ipv6|bfd|redirect|redirects|sso|mac-refresh} [LINE]",
     .help = GROUP "IPv6\nBidirectional forwarding detection\nICMP redirects\nICMP redirects\nStateful "
                   "switchover\nRefreshing MAC addresses\nParameters\n"},
};

const struct command_table table_standby = {commands, ARRAY_SIZE(commands)};
