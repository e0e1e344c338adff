/* SPDX-License-Identifier: Apache-2.0 */
/* The commands `router ospf` and `router eigrp`. FRR speaks OSPF, the lines here become its configuration
 * (control/routing/translate.h); EIGRP is our own (src/eigrp). There is one process of each. The
 * two modes share handlers: the object is the same, and the grammar of a mode says what may stand in it. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "config/session.h"
#include "config/table_kept.h"

static const char *protocol_name(const struct config_router *r)
{
    return r->protocol == CONFIG_ROUTER_OSPF ? "ospf" : "eigrp";
}

static int apply_router(struct grammar_call *call)
{
    struct config *c = config_of(call);
    uint32_t protocol = grammar_has(call, "ospf") ? CONFIG_ROUTER_OSPF : CONFIG_ROUTER_EIGRP, at;
    const struct grammar_value *number = grammar_arg(call, "process");
    struct config_router *r = array_find(&c->routers, &protocol, compare_router, &at);
    if (call_negative(call)) {
        if (r == NULL || r->number != number->number)
            return session_error(call, number, "there is no such process");
        config_router_done(r);
        array_remove(&c->routers, at);
        return 0;
    }
    if (r != NULL && r->number != number->number)
        return session_error(call, number, "there is 'router %s %u' already, and one is possible",
                             protocol_name(r), r->number);
    if (r == NULL) {
        r = array_insert(&c->routers, at);
        if (r == NULL)
            return -ENOMEM;
        r->protocol = (uint8_t)protocol;
        r->number = (uint16_t)number->number;
        r->place = session_place(call, NULL);
    }
    session_of(call)->index = at;
    return 0;
}

static void write_routers(struct config_writer *w, const struct config *c, const void *object)
{
    (void)object;
    for (uint32_t i = 0; i < c->routers.count; i++) {
        const struct config_router *r = &c->routers.items[i];
        writer_line(w, "router %s %u", protocol_name(r), r->number);
        writer_mode(w, r->protocol == CONFIG_ROUTER_OSPF ? CONFIG_MODE_ROUTER_OSPF : CONFIG_MODE_ROUTER_EIGRP,
                    c, r);
        writer_separator(w);
    }
}

/* ---- router-id
 * --------------------------------------------------------------------------------------------------- */

static int apply_router_id(struct grammar_call *call)
{
    struct config_router *r = session_router(call);
    const struct grammar_value *id = grammar_arg(call, "id");
    if (!call_negative(call) && address_is_any(&id->address))
        return session_error(call, id, "0.0.0.0 cannot be a router id");
    r->router_id = call_negative(call) ? (struct address){0} : id->address;
    return 0;
}

static void write_router_id(struct config_writer *w, const struct config *c, const void *object)
{
    const struct config_router *r = object;
    char text[ADDRESS_TEXT];
    (void)c;
    if (address_is_set(&r->router_id))
        writer_line(w, "%srouter-id %s", r->protocol == CONFIG_ROUTER_EIGRP ? "eigrp " : "",
                    address_print(&r->router_id, text));
}

/* ---- network
 * ----------------------------------------------------------------------------------------------------- */

static int apply_network(struct grammar_call *call)
{
    struct config_router *r = session_router(call);
    const struct grammar_value *address = grammar_arg(call, "ipv4"),
                               *wildcard = grammar_arg(call, "wildcard");
    const struct grammar_value *area = grammar_arg(call, "area-number"),
                               *dotted = grammar_arg(call, "area-address");
    struct config_router_network n = {.place = session_place(call, address)};
    uint32_t at;
    n.wildcard = wildcard != NULL ? (uint32_t)wildcard->number : config_classful_wildcard(&address->address);
    /* As routers do: bits that the wildcard frees do not count. */
    n.address = address_v4(address_v4_get(&address->address) & ~n.wildcard);
    n.area = dotted != NULL ? address_v4_get(&dotted->address) : area != NULL ? (uint32_t)area->number : 0;
    n.area_dotted = dotted != NULL;
    struct config_router_network *slot = array_find(&r->networks, &n, compare_router_network, &at);
    if (call_negative(call)) {
        if (slot == NULL)
            return session_error(call, address, "there is no such network here");
        array_remove(&r->networks, at);
        return 0;
    }
    if (slot == NULL && r->networks.count >= CONFIG_MAX_ROUTER_NETWORKS)
        return session_limit(call, CONFIG_MAX_ROUTER_NETWORKS, "networks of one process");
    if (slot == NULL)
        slot = array_insert(&r->networks, at);
    if (slot == NULL)
        return -ENOMEM;
    *slot = n;
    return 0;
}

static void write_networks(struct config_writer *w, const struct config *c, const void *object)
{
    const struct config_router *r = object;
    char address[ADDRESS_TEXT], wildcard[ADDRESS_TEXT], area[ADDRESS_TEXT];
    (void)c;
    for (uint32_t i = 0; i < r->networks.count; i++) {
        const struct config_router_network *n = &r->networks.items[i];
        struct address wild = address_v4(n->wildcard), dotted = address_v4(n->area);
        address_print(&n->address, address);
        address_print(&wild, wildcard);
        if (n->area_dotted)
            address_print(&dotted, area);
        else
            snprintf(area, sizeof(area), "%u", n->area);
        if (r->protocol == CONFIG_ROUTER_OSPF)
            writer_line(w, "network %s %s area %s", address, wildcard, area);
        else if (n->wildcard == config_classful_wildcard(&n->address) && !w->meaning)
            writer_line(w, "network %s", address);
        else
            writer_line(w, "network %s %s", address, wildcard);
    }
}

/* ---- redistribute, default-information
 * --------------------------------------------------------------------------- */

static const char *const source_names[] = {[CONFIG_REDISTRIBUTE_CONNECTED] = "connected",
                                           [CONFIG_REDISTRIBUTE_STATIC] = "static",
                                           [CONFIG_REDISTRIBUTE_OSPF] = "ospf",
                                           [CONFIG_REDISTRIBUTE_EIGRP] = "eigrp"};
static const char *const eigrp_metric[] = {"bandwidth", "delay", "reliability", "load", "mtu"};

static int apply_redistribute(struct grammar_call *call)
{
    struct config_router *r = session_router(call);
    struct config_redistribute d = {.number = (uint16_t)grammar_number(call, "source-number", 0),
                                    .subnets = grammar_has(call, "subnets"),
                                    .metric_written = grammar_has(call, "metric"),
                                    .metric_type = (uint8_t)grammar_number(call, "type", 0),
                                    .place = session_place(call, NULL)};
    uint32_t source = CONFIG_REDISTRIBUTE_CONNECTED, at;
    while (!grammar_has(call, source_names[source]))
        source++;
    d.source = (uint8_t)source;
    d.metric[0] = (uint32_t)grammar_number(call, "metric-value", 0);
    for (size_t i = 0; i < ARRAY_SIZE(eigrp_metric) && r->protocol == CONFIG_ROUTER_EIGRP; i++)
        d.metric[i] = (uint32_t)grammar_number(call, eigrp_metric[i], 0);
    struct config_redistribute *slot = array_find(&r->redistribute, &source, compare_redistribute, &at);
    if (call_negative(call)) {
        if (slot == NULL || slot->number != d.number)
            return session_error(call, NULL, "this is not redistributed");
        array_remove(&r->redistribute, at);
        return 0;
    }
    if (slot == NULL)
        slot = array_insert(&r->redistribute, at);
    if (slot == NULL)
        return -ENOMEM;
    *slot = d;
    return 0;
}

static void write_redistribute(struct config_writer *w, const struct config *c, const void *object)
{
    const struct config_router *r = object;
    (void)c;
    for (uint32_t i = 0; i < r->redistribute.count; i++) {
        const struct config_redistribute *d = &r->redistribute.items[i];
        char number[8] = "", metric[80] = "", type[24] = "";
        if (d->number > 0)
            snprintf(number, sizeof(number), " %u", d->number);
        if (d->metric_written && r->protocol == CONFIG_ROUTER_OSPF)
            snprintf(metric, sizeof(metric), " metric %u", d->metric[0]);
        else if (d->metric_written)
            snprintf(metric, sizeof(metric), " metric %u %u %u %u %u", d->metric[0], d->metric[1],
                     d->metric[2], d->metric[3], d->metric[4]);
        if (d->metric_type > 0)
            snprintf(type, sizeof(type), " metric-type %u", d->metric_type);
        writer_line(w, "redistribute %s%s%s%s%s", source_names[d->source], number, metric, type,
                    d->subnets ? " subnets" : "");
    }
}

static int apply_default_information(struct grammar_call *call)
{
    struct config_router *r = session_router(call);
    bool on = !call_negative(call);
    r->default_information = on;
    r->default_always = on && grammar_has(call, "always");
    r->default_metric_written = on && grammar_has(call, "metric");
    r->default_metric = on ? (uint32_t)grammar_number(call, "metric-value", 0) : 0;
    r->default_metric_type = on ? (uint8_t)grammar_number(call, "type", 0) : 0;
    return 0;
}

static void write_default_information(struct config_writer *w, const struct config *c, const void *object)
{
    const struct config_router *r = object;
    char metric[24] = "", type[24] = "";
    (void)c;
    if (!r->default_information)
        return;
    if (r->default_metric_written)
        snprintf(metric, sizeof(metric), " metric %u", r->default_metric);
    if (r->default_metric_type > 0)
        snprintf(type, sizeof(type), " metric-type %u", r->default_metric_type);
    writer_line(w, "default-information originate%s%s%s", r->default_always ? " always" : "", metric, type);
}

/* ---- passive-interface
 * ------------------------------------------------------------------------------------------- */

/* Without `passive-interface default` the list names the passive ones, with it the active ones. */
static int passive_list(struct grammar_call *call, struct config_router *r, const struct grammar_value *v)
{
    uint32_t at;
    bool active = call_negative(call), wanted = active == r->passive_default;
    struct config_passive_interface *p = array_find(&r->passive, v->text, compare_passive_interface, &at);
    if (!wanted && p != NULL) {
        reference_clear(&p->interface);
        array_remove(&r->passive, at);
    }
    if (!wanted || p != NULL)
        return 0;
    struct config_passive_interface fresh = {.active = active};
    if (r->passive.count >= CONFIG_MAX_PASSIVE_INTERFACES)
        return session_limit(call, CONFIG_MAX_PASSIVE_INTERFACES, "interfaces of one process");
    int result = reference_set(&fresh.interface, call, v);
    if (result < 0)
        return result;
    p = array_insert(&r->passive, at);
    if (p == NULL) {
        reference_clear(&fresh.interface);
        return -ENOMEM;
    }
    *p = fresh;
    return 0;
}

static int apply_passive(struct grammar_call *call)
{
    struct config_router *r = session_router(call);
    const struct grammar_value *interface = grammar_arg(call, "interface");
    bool on = !call_negative(call);
    if (interface != NULL)
        return passive_list(call, r, interface);
    if (on == r->passive_default)
        return 0;
    while (r->passive.count > 0) {
        reference_clear(&r->passive.items[r->passive.count - 1].interface);
        array_remove(&r->passive, r->passive.count - 1);
    }
    r->passive_default = on;
    return 0;
}

static void write_passive(struct config_writer *w, const struct config *c, const void *object)
{
    const struct config_router *r = object;
    (void)c;
    if (r->passive_default)
        writer_line(w, "passive-interface default");
    for (uint32_t i = 0; i < r->passive.count; i++)
        writer_line(w, "%spassive-interface %s", r->passive.items[i].active ? "no " : "",
                    r->passive.items[i].interface.name);
}

/* ---- The rest
 * ---------------------------------------------------------------------------------------------------- */

static int apply_log(struct grammar_call *call)
{
    struct config_router *r = session_router(call);
    r->log_adjacency = !call_negative(call);
    r->log_adjacency_detail = r->log_adjacency && grammar_has(call, "detail");
    return 0;
}

static int apply_spf(struct grammar_call *call)
{
    struct config_router *r = session_router(call);
    bool on = !call_negative(call);
    r->spf_delay = on ? (uint32_t)grammar_number(call, "delay", 0) : 0;
    r->spf_hold = on ? (uint32_t)grammar_number(call, "hold", 0) : 0;
    r->spf_maximum = on ? (uint32_t)grammar_number(call, "maximum", 0) : 0;
    return 0;
}

static int apply_number(struct grammar_call *call)
{
    struct config_router *r = session_router(call);
    uint64_t n = call_negative(call) ? 0 : grammar_number(call, "n", 0);
    if (grammar_has(call, "maximum-paths"))
        r->maximum_paths = (uint8_t)n;
    else if (grammar_has(call, "variance"))
        r->variance = (uint8_t)n;
    else if (grammar_has(call, "distance"))
        r->distance = (uint8_t)n;
    else
        r->reference_bandwidth = (uint32_t)n;
    return 0;
}

static int apply_summary(struct grammar_call *call)
{
    struct config_router *r = session_router(call);
    if (!call_negative(call))
        return session_error(call, NULL, "nothing is summarized: only 'no auto-summary' is possible");
    return kept_add(call, (struct kept_list *)&r->kept, 0, r->kept.count);
}

static int apply_kept(struct grammar_call *call)
{
    struct config_router *r = session_router(call);
    return kept_add(call, (struct kept_list *)&r->kept, 0, r->kept.count);
}

static void write_rest(struct config_writer *w, const struct config *c, const void *object)
{
    const struct config_router *r = object;
    (void)c;
    if (r->log_adjacency)
        writer_line(w, "log-adjacency-changes%s", r->log_adjacency_detail ? " detail" : "");
    if (r->reference_bandwidth > 0)
        writer_line(w, "auto-cost reference-bandwidth %u", r->reference_bandwidth);
    if (r->spf_maximum > 0)
        writer_line(w, "timers throttle spf %u %u %u", r->spf_delay, r->spf_hold, r->spf_maximum);
    if (r->distance > 0)
        writer_line(w, "distance %u", r->distance);
    if (r->maximum_paths > 0)
        writer_line(w, "maximum-paths %u", r->maximum_paths);
    if (r->variance > 0)
        writer_line(w, "variance %u", r->variance);
    for (uint32_t i = 0; i < r->kept.count && !w->meaning; i++)
        writer_line(w, "%s", r->kept.items[i].text);
}

#define OSPF  CONFIG_MODE_ROUTER_OSPF
#define EIGRP CONFIG_MODE_ROUTER_EIGRP
#define NUMBER(in, text, words)                                                           \
    {                                                                                     \
        .mode = in, .no_tokens = 1, .grammar = text, .help = words, .apply = apply_number \
    }
#define KEPT(in, text, words)                                                                \
    {                                                                                        \
        .mode = in, .flags = GRAMMAR_KEPT, .no_tokens = 255, .grammar = text, .help = words, \
        .apply = apply_kept                                                                  \
    }
#define UNSUPPORTED(in, text, words)                                                               \
    {                                                                                              \
        .mode = in, .flags = GRAMMAR_UNSUPPORTED, .no_tokens = 255, .grammar = text, .help = words \
    }

static const struct grammar_command commands[] = {
    {.mode = CONFIG_MODE_GLOBAL,
     .enters = OSPF,
     .no_tokens = 255,
     .grammar = "router ospf <1-65535>:process",
     .help = "A routing protocol\nOSPF\nNumber of the process, known only here\n",
     .about = "Spoken by FRR on this machine, which takes this part of its configuration from here.",
     .apply = apply_router,
     .write = write_routers},
    {.mode = CONFIG_MODE_GLOBAL,
     .enters = EIGRP,
     .no_tokens = 255,
     .grammar = "router eigrp <1-65535>:process",
     .help = "A routing protocol\nEIGRP\nNumber of the autonomous system\n",
     .about = "A leaf of the network: it announces its own networks and what `redistribute` says, and passes "
              "nothing on.",
     .apply = apply_router},
    {.mode = OSPF,
     .no_tokens = 1,
     .grammar = "router-id IPV4:id",
     .help = "The name of this router in the protocol\nWritten like an address\n",
     .standard = "chosen by FRR among the addresses",
     .apply = apply_router_id,
     .write = write_router_id},
    {.mode = EIGRP,
     .no_tokens = 2,
     .grammar = "eigrp router-id IPV4:id",
     .help = "EIGRP\nThe name of this router in the protocol\nWritten like an address\n",
     .standard = "the highest address of an interface",
     .apply = apply_router_id,
     .write = write_router_id},
    {.mode = OSPF,
     .no_tokens = 255,
     .grammar = "network IPV4 WILDCARD area {<0-4294967295>:area-number|IPV4:area-address}",
     .help = "Interfaces that take part\nWith addresses in this network\nBits that may differ\nTheir "
             "area\nNumber\nWritten like an address\n",
     .apply = apply_network,
     .write = write_networks},
    {.mode = EIGRP,
     .no_tokens = 255,
     .grammar = "network IPV4 [WILDCARD]",
     .help = "Interfaces that take part\nWith addresses in this network\nBits that may differ\n",
     .standard = "the wildcard of the address's class",
     .apply = apply_network,
     .write = write_networks},
    {.mode = OSPF,
     .no_tokens = 2,
     .grammar = "redistribute {connected|static|eigrp <1-65535>:source-number} [metric "
                "<0-16777214>:metric-value|metric-type <1-2>:type|subnets]...",
     .help = "Announce other routes\nConnected networks\nStatic and reverse routes\nEIGRP\nAutonomous "
             "system\nMetric\nMetric\nType of "
             "metric\nType\nAlso those that are no class A, B or C networks\n",
     .about =
         "`static` are the routes of `ip route` and `reverse-route`; `tag` of the latter goes with them.",
     .apply = apply_redistribute,
     .write = write_redistribute},
    {.mode = EIGRP,
     .no_tokens = 2,
     .grammar = "redistribute {connected|static|ospf <1-65535>:source-number} [metric "
                "<1-4294967295>:bandwidth <0-4294967295>:delay <0-255>:reliability <1-255>:load "
                "<1-65535>:mtu]",
     .help = "Announce other routes\nConnected networks\nStatic and reverse "
             "routes\nOSPF\nProcess\nMetric\nBandwidth, "
             "kbit/s\nDelay, tens of microseconds\nReliability\nLoad\nMTU\n",
     .about =
         "`static` are the routes of `ip route` and `reverse-route`. Neighbours that are FRR hear of them as "
         "internal routes.",
     .apply = apply_redistribute,
     .write = write_redistribute},
    {.mode = OSPF,
     .no_tokens = 2,
     .grammar = "default-information originate [always|metric <0-16777214>:metric-value|metric-type "
                "<1-2>:type]...",
     .help =
         "The default route\nAnnounce it while there is one\nAlways\nMetric\nMetric\nType of metric\nType\n",
     .apply = apply_default_information,
     .write = write_default_information},
    {.mode = OSPF,
     .no_tokens = 255,
     .grammar = "passive-interface {default|INTERFACE}",
     .help = "Announce its network, but speak to nobody there\nAll that are not named with 'no'\nInterface\n",
     .apply = apply_passive,
     .write = write_passive},
    {.mode = EIGRP,
     .no_tokens = 255,
     .grammar = "passive-interface {default|INTERFACE}",
     .help = "Announce its network, but speak to nobody there\nAll that are not named with 'no'\nInterface\n",
     .apply = apply_passive,
     .write = write_passive},
    {.mode = OSPF,
     .no_tokens = 1,
     .grammar = "log-adjacency-changes [detail]",
     .help = "Log neighbours that come and go\nEvery step\n",
     .apply = apply_log,
     .write = write_rest},
    {.mode = OSPF,
     .no_tokens = 3,
     .grammar = "timers throttle spf <0-600000>:delay <0-600000>:hold <1-600000>:maximum",
     .help = "Times\nWaiting between computations\nOf the shortest paths\nms before the first\nms between "
             "two\nms at most\n",
     .standard = "FRR's: 0 50 5000",
     .apply = apply_spf},
    NUMBER(OSPF, "auto-cost reference-bandwidth <1-4294967>:n",
           "Cost of interfaces\nCost 1 is this bandwidth\nMbit/s\n"),
    NUMBER(OSPF, "distance <1-255>:n", "Distance of these routes\nDistance\n"),
    NUMBER(OSPF, "maximum-paths <1-64>:n", "Equal paths\nHow many are used\n"),
    {.mode = EIGRP,
     .no_tokens = 1,
     .grammar = "maximum-paths <1-32>:n",
     .help = "Equal paths\nHow many are used\n",
     .about =
         "One path is used, whatever is written: the best, and of equal ones that by the lowest address.",
     .apply = apply_number,
     .write = write_rest},
    {.mode = EIGRP,
     .no_tokens = 1,
     .grammar = "variance <1-128>:n",
     .help = "Unequal paths\nAs many times as bad\n",
     .about = "One path is used, whatever is written.",
     .apply = apply_number},
    {.mode = EIGRP,
     .flags = GRAMMAR_KEPT,
     .no_tokens = 1,
     .grammar = "auto-summary",
     .help = "Classful summaries at class boundaries\n",
     .about = "Only `no auto-summary`: nothing is summarized.",
     .apply = apply_summary},
    KEPT(EIGRP, "eigrp {log-neighbor-changes|log-neighbor-warnings [LINE]}",
         "EIGRP\nLog neighbours\nLog warnings\nSeconds\n"),
    UNSUPPORTED(
        OSPF,
        "{area|neighbor|summary-address|distribute-list|default-metric|discard-route|capability} [LINE]",
        "Area\nNeighbour\nSummary\nFilter\nMetric\nDiscard route\nCapability\nParameters\n"),
    UNSUPPORTED(OSPF, "redistribute {bgp|rip|isis|ospf} [LINE]",
                "Announce other routes\nBGP\nRIP\nIS-IS\nAnother OSPF\nParameters\n"),
    UNSUPPORTED(
        EIGRP,
        "{neighbor|distribute-list|default-metric|default-information|metric|offset-list|timers|distance|"
        "traffic-share} [LINE]",
        "Neighbour\nFilter\nMetric\nDefault route\nWeights\nOffsets\nTimes\nDistance\nBalance\nParameters\n"),
    UNSUPPORTED(EIGRP, "redistribute {bgp|rip|isis|eigrp} [LINE]",
                "Announce other routes\nBGP\nRIP\nIS-IS\nAnother EIGRP\nParameters\n"),
    UNSUPPORTED(EIGRP, "eigrp stub [LINE]", "EIGRP\nA stub\nParameters\n"),
};

const struct command_table table_router = {commands, ARRAY_SIZE(commands)};
