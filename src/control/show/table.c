/* SPDX-License-Identifier: Apache-2.0 */
/* The show commands as grammar: data alone, so that `holdfast commands` can print the reference without a
 * gateway. */
#include "control/show/internal.h"

#define SHOW(name, text, helps, sentence)                                                                 \
    {                                                                                                     \
        .mode = GRAMMAR_MODE_EXEC, .flags = GRAMMAR_CAN_PIPE, .id = name, .grammar = text, .help = helps, \
        .about = sentence                                                                                 \
    }

#define HELP_SHOW       "Show what is\n"
#define HELP_CRYPTO     HELP_SHOW "Encryption and IPsec\n"
#define HELP_SSP        "State synchronization\n"
#define HELP_REDUNDANCY "Stateful failover\n"

const struct grammar_command show_commands[] = {
    SHOW(SHOW_ISAKMP_SA, "show crypto isakmp sa [active|standby] [detail]",
         HELP_CRYPTO "Key management\nIts security associations\nThose in use\nThose kept ready for another "
                     "gateway\nAlgorithms, lifetimes and capabilities too\n",
         "IKE SAs: peers, state and number."),
    SHOW(SHOW_ISAKMP_POLICY, "show crypto isakmp policy",
         HELP_CRYPTO "Key management\nWhat is offered to peers\n",
         "The policies in the order in which they are offered, with a warning for what is weak."),
    SHOW(SHOW_IPSEC_SA,
         "show crypto ipsec sa [active|standby] [interface INTERFACE:where|map NAME:tag|peer ADDRESS:who] "
         "[detail]",
         HELP_CRYPTO "IPsec\nIts security associations\nThose in use\nThose kept ready for another "
                     "gateway\nOf one interface\nInterface\nOf one crypto map\nName "
                     "of the crypto "
                     "map\nWith one peer\nAddress of the peer\nSequence numbers, windows and path MTU too\n",
         "What is protected by which IPsec SAs, with counters and remaining lifetimes."),
    SHOW(SHOW_TRANSFORM_SET, "show crypto ipsec transform-set", HELP_CRYPTO "IPsec\nSets of algorithms\n",
         "The transform sets, with a warning for what is weak."),
    SHOW(SHOW_CRYPTO_MAP, "show crypto map [tag NAME:tag]",
         HELP_CRYPTO "What is protected, and with whom\nOf one name\nName of the crypto map\n",
         "The crypto maps with their access lists, peers and interfaces."),
    SHOW(SHOW_CRYPTO_SESSION, "show crypto session [detail]",
         HELP_CRYPTO "Peers and whether they can be reached\nCounters, lifetimes and capabilities too\n",
         "One paragraph for each peer: its state, its IKE SA, the flows and their SAs."),
    SHOW(SHOW_CRYPTO_ENGINE, "show crypto engine", HELP_CRYPTO "The packet path and its drops\n",
         "Packets, bursts and every reason for which a packet was dropped."),
    SHOW(SHOW_INTERFACES, "show interfaces [INTERFACE:where]",
         HELP_SHOW "Interfaces and their counters\nInterface\n",
         "State, addresses, MTU and counters of the configured interfaces."),
    SHOW(SHOW_INTERFACE_BRIEF, "show ip interface brief", HELP_SHOW "IP\nInterfaces\nOne line each\n",
         "One line for each interface: address and state."),
    SHOW(SHOW_ACCESS_LISTS, "show access-lists [NAME:name]", HELP_SHOW "Access lists\nOf one name\n",
         "The access lists."),
    SHOW(SHOW_ACCESS_LISTS, "show ip access-lists [NAME:name]", HELP_SHOW "IP\nAccess lists\nOf one name\n",
         "The same as `show access-lists`."),
    SHOW(SHOW_IP_ROUTE, "show ip route", HELP_SHOW "IP\nThe kernel's routing table\n",
         "The IPv4 routes that the kernel uses, whoever made them."),
    SHOW(SHOW_RUNNING_CONFIG, "show running-config [masked]",
         HELP_SHOW "The configuration in force\nWith keys left out, for giving away\n",
         "The configuration in force. It can be read again as it is, unless keys are masked."),
    SHOW(SHOW_STARTUP_CONFIG, "show startup-config", HELP_SHOW "The configuration file\n",
         "The configuration file as it is."),
    SHOW(SHOW_LOGGING, "show logging", HELP_SHOW "The last lines of the log\n",
         "The log's ring in memory; it outlives the control process."),
    SHOW(SHOW_PROCESSES, "show processes", HELP_SHOW "The processes of this gateway\n",
         "Supervisor, control and engines: process id, time since their start, restarts, memory."),
    SHOW(SHOW_VERSION, "show version", HELP_SHOW "Version and uptime\n",
         "Version, uptime and processor code."),
    SHOW(SHOW_STANDBY_BRIEF, "show standby brief", HELP_SHOW "HSRP groups\nOne line each\n",
         "One line for each HSRP group: priority, state, who is active and standby."),
    SHOW(SHOW_STANDBY, "show standby [INTERFACE:where] [all]",
         HELP_SHOW "HSRP groups\nInterface\nAlso those without a virtual address\n",
         "HSRP groups: state, virtual addresses and MAC, timers, active and standby router, tracking."),
    SHOW(SHOW_VRRP_BRIEF, "show vrrp brief", HELP_SHOW "VRRP groups\nOne line each\n",
         "One line for each virtual router of VRRP."),
    SHOW(SHOW_VRRP, "show vrrp [INTERFACE:where]", HELP_SHOW "VRRP groups\nInterface\n",
         "Virtual routers of VRRP: state, addresses, intervals, master."),
    SHOW(SHOW_EIGRP_NEIGHBORS, "show ip eigrp neighbors", HELP_SHOW "IP\nEIGRP\nNeighbors\n",
         "Neighbors of EIGRP: hold time, uptime, round trip, whether something waits, last sequence number."),
    SHOW(SHOW_EIGRP_INTERFACES, "show ip eigrp interfaces", HELP_SHOW "IP\nEIGRP\nInterfaces\n",
         "Interfaces that speak EIGRP: address, timers, number of neighbors."),
    SHOW(SHOW_EIGRP_TOPOLOGY, "show ip eigrp topology", HELP_SHOW "IP\nEIGRP\nTopology table\n",
         "What EIGRP announces and what it learned: destinations, metrics, ways."),
    SHOW(SHOW_TRACK, "show track [<1-1000>:number]", HELP_SHOW "Tracked objects\nIts number\n",
         "Tracked objects: what they look at, their state and how often it changed."),
    SHOW(SHOW_SLA_STATISTICS, "show ip sla statistics [<1-2147483647>:operation]",
         HELP_SHOW "IP\nProbes\nWhat they found\nNumber of the probe\n",
         "Probes: the result of the latest request, successes and failures."),
    SHOW(SHOW_SLA_CONFIGURATION, "show ip sla configuration [<1-2147483647>:operation]",
         HELP_SHOW "IP\nProbes\nWhat they do\nNumber of the probe\n",
         "Probes: target, source, times and schedule, also those that were not written."),
    SHOW(SHOW_SLA_SUMMARY, "show ip sla summary", HELP_SHOW "IP\nProbes\nOne line each\n",
         "One line for each probe."),
    SHOW(SHOW_SSP, "show ssp", HELP_SHOW HELP_SSP,
         "Groups that share state with another gateway: roles, epochs, how far the other one is, takeovers."),
    SHOW(SHOW_SSP_PEERS, "show ssp peers", HELP_SHOW HELP_SSP "The other gateways\n",
         "The other gateways and whether they are connected."),
    SHOW(SHOW_SSP_CLIENTS, "show ssp clients", HELP_SHOW HELP_SSP "Who shares state\n",
         "Who shares state, and in which version."),
    SHOW(SHOW_SSP_PACKET, "show ssp packet", HELP_SHOW HELP_SSP "Counters of the connection\n",
         "Counters of the connections with the other gateways."),
    SHOW(SHOW_SSP_REDUNDANCY, "show ssp redundancy", HELP_SHOW HELP_SSP "Standby groups\n",
         "The standby groups that say who is active."),
    SHOW(SHOW_CRYPTO_HA, "show crypto ha", HELP_CRYPTO "Stateful failover\n",
         "The virtual addresses at which shared tunnels end."),
    SHOW(SHOW_REDUNDANCY_STATES, "show redundancy [states]",
         HELP_SHOW HELP_REDUNDANCY "States of both gateways\n", "The states of both gateways."),
    SHOW(SHOW_REDUNDANCY_INTERDEVICE, "show redundancy inter-device",
         HELP_SHOW HELP_REDUNDANCY "With another gateway\n", "The state between the two gateways."),
    SHOW(SHOW_REDUNDANCY_HISTORY, "show redundancy history", HELP_SHOW HELP_REDUNDANCY "What has changed\n",
         "Changes of role, the oldest first: when, why, and how long they took."),
    SHOW(SHOW_DEBUGGING, "show debugging", HELP_SHOW "Which debugging is on\n", "Which debugging is on."),
};

const size_t show_command_count = ARRAY_SIZE(show_commands);
