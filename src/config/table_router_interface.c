/* SPDX-License-Identifier: Apache-2.0 */
/* What interfaces say about routing protocols: `ip ospf ...` for FRR, `ip hello-interval eigrp ...` for our
 * own EIGRP. Authentication is refused by name: no key goes through here. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "config/session.h"

static int apply_number(struct grammar_call *call)
{
    struct config_ospf_interface *o = &session_interface(call)->ospf;
    bool on = !call_negative(call);
    uint16_t n = on ? (uint16_t)grammar_number(call, "n", 0) : 0;
    if (grammar_has(call, "cost"))
        o->cost = n;
    else if (grammar_has(call, "hello-interval"))
        o->hello = n;
    else if (grammar_has(call, "priority")) {
        o->priority = (uint8_t)n;
        o->priority_written = on;
    } else
        o->mtu_ignore = on;
    return 0;
}

static int apply_dead(struct grammar_call *call)
{
    struct config_ospf_interface *o = &session_interface(call)->ospf;
    bool on = !call_negative(call);
    o->dead = on ? (uint16_t)grammar_number(call, "n", 0) : 0;
    o->dead_multiplier = on ? (uint8_t)grammar_number(call, "multiplier", 0) : 0;
    return 0;
}

static const char *const network_names[] = {[CONFIG_OSPF_BROADCAST] = "broadcast",
                                            [CONFIG_OSPF_POINT_TO_POINT] = "point-to-point",
                                            [CONFIG_OSPF_POINT_TO_MULTIPOINT] = "point-to-multipoint",
                                            [CONFIG_OSPF_NON_BROADCAST] = "non-broadcast"};

static int apply_network(struct grammar_call *call)
{
    struct config_ospf_interface *o = &session_interface(call)->ospf;
    o->network = CONFIG_OSPF_NETWORK_DEFAULT;
    for (uint8_t i = CONFIG_OSPF_BROADCAST; i < ARRAY_SIZE(network_names) && !call_negative(call); i++)
        if (grammar_has(call, network_names[i]))
            o->network = i;
    return 0;
}

static void write_ospf(struct config_writer *w, const struct config *c, const void *object)
{
    const struct config_ospf_interface *o = &((const struct config_interface *)object)->ospf;
    (void)c;
    if (o->network != CONFIG_OSPF_NETWORK_DEFAULT)
        writer_line(w, "ip ospf network %s", network_names[o->network]);
    if (o->hello > 0)
        writer_line(w, "ip ospf hello-interval %u", o->hello);
    if (o->dead > 0)
        writer_line(w, "ip ospf dead-interval %u", o->dead);
    if (o->dead_multiplier > 0)
        writer_line(w, "ip ospf dead-interval minimal hello-multiplier %u", o->dead_multiplier);
    if (o->cost > 0)
        writer_line(w, "ip ospf cost %u", o->cost);
    if (o->priority_written)
        writer_line(w, "ip ospf priority %u", o->priority);
    if (o->mtu_ignore)
        writer_line(w, "ip ospf mtu-ignore");
}

static int apply_eigrp(struct grammar_call *call)
{
    struct config_interface *i = session_interface(call);
    uint32_t process = (uint32_t)grammar_number(call, "process", 0), at;
    struct config_eigrp_interface *e = array_find(&i->eigrp, &process, compare_eigrp_interface, &at);
    uint16_t n = call_negative(call) ? 0 : (uint16_t)grammar_number(call, "n", 0);
    if (e == NULL && call_negative(call))
        return 0;
    if (e == NULL)
        e = array_insert(&i->eigrp, at);
    if (e == NULL)
        return -ENOMEM;
    e->process = (uint16_t)process;
    if (grammar_has(call, "hold-time"))
        e->hold = n;
    else
        e->hello = n;
    if (e->hold == 0 && e->hello == 0)
        array_remove(&i->eigrp, at);
    return 0;
}

static void write_eigrp(struct config_writer *w, const struct config *c, const void *object)
{
    const struct config_interface *i = object;
    (void)c;
    for (uint32_t n = 0; n < i->eigrp.count; n++) {
        const struct config_eigrp_interface *e = &i->eigrp.items[n];
        if (e->hello > 0)
            writer_line(w, "ip hello-interval eigrp %u %u", e->process, e->hello);
        if (e->hold > 0)
            writer_line(w, "ip hold-time eigrp %u %u", e->process, e->hold);
    }
}

#define OSPF(text, words)                                                                           \
    {                                                                                               \
        .mode = CONFIG_MODE_INTERFACE, .no_tokens = 3, .grammar = text, .help = "IP\nOSPF\n" words, \
        .apply = apply_number                                                                       \
    }

static const struct grammar_command commands[] = {
    {.mode = CONFIG_MODE_INTERFACE,
     .no_tokens = 3,
     .grammar = "ip ospf network {broadcast|point-to-point|point-to-multipoint|non-broadcast}",
     .help =
         "IP\nOSPF\nKind of network\nMany, with multicast\nTwo routers\nMany, each for itself\nMany, without "
         "multicast\n",
     .standard = "as the device is",
     .apply = apply_network,
     .write = write_ospf},
    OSPF("ip ospf hello-interval <1-65535>:n", "Time between two hellos\nSeconds\n"),
    {.mode = CONFIG_MODE_INTERFACE,
     .no_tokens = 3,
     .grammar = "ip ospf dead-interval {<1-65535>:n|minimal hello-multiplier <2-20>:multiplier}",
     .help =
         "IP\nOSPF\nSilence after which a neighbour is dead\nSeconds\nOne second\nHellos in it\nHow many\n",
     .standard = "four times the hello interval",
     .apply = apply_dead},
    OSPF("ip ospf cost <1-65535>:n", "Cost of this way\nCost\n"),
    OSPF("ip ospf priority <0-255>:n", "Who becomes designated router\nPriority; 0 never\n"),
    OSPF("ip ospf mtu-ignore", "Neighbours may have another MTU\n"),
    {.mode = CONFIG_MODE_INTERFACE,
     .no_tokens = 255,
     .grammar = "ip hello-interval eigrp <1-65535>:process <1-65535>:n",
     .help = "IP\nTime between two hellos\nEIGRP\nAutonomous system\nSeconds\n",
     .standard = "5",
     .apply = apply_eigrp,
     .write = write_eigrp},
    {.mode = CONFIG_MODE_INTERFACE,
     .no_tokens = 255,
     .grammar = "ip hold-time eigrp <1-65535>:process <1-65535>:n",
     .help = "IP\nSilence after which a neighbour is dead\nEIGRP\nAutonomous system\nSeconds\n",
     .standard = "15",
     .apply = apply_eigrp},
    {.mode = CONFIG_MODE_INTERFACE,
     .flags = GRAMMAR_UNSUPPORTED,
     .no_tokens = 255,
     .grammar =
         "ip ospf {authentication|authentication-key|message-digest-key|retransmit-interval|transmit-delay|"
         "demand-circuit|database-filter|<1-65535>} [LINE]",
     .help =
         "IP\nOSPF\nAuthentication\nKey\nKey\nTimes\nTimes\nDemand circuit\nFilter\nProcess\nParameters\n"},
    {.mode = CONFIG_MODE_INTERFACE,
     .flags = GRAMMAR_UNSUPPORTED,
     .no_tokens = 255,
     .grammar =
         "ip {summary-address|authentication|bandwidth-percent|split-horizon|next-hop-self} eigrp [LINE]",
     .help = "IP\nSummary\nAuthentication\nShare\nSplit horizon\nNext hop\nEIGRP\nParameters\n"},
};

const struct command_table table_router_interface = {commands, ARRAY_SIZE(commands)};
