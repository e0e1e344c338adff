/* SPDX-License-Identifier: Apache-2.0 */
/* See exec_table.h. */
#include "control/cli/exec_table.h"

const struct grammar_command exec_commands[] = {
    {.grammar = "clear crypto isakmp [<1-4294967295>:conn-id]",
     .help = "Reset functions\nEncryption subsystem\nDelete ISAKMP SAs\nconnection id of one of them\n",
     .about = "Deletes ISAKMP SAs; the peers are told."},
    {.grammar = "clear crypto isakmp ha standby",
     .help = "Reset functions\nEncryption subsystem\nISAKMP SAs\nStateful failover\nForget those of the "
             "standby\n",
     .about = "Forgets the ISAKMP SAs that are kept ready for another gateway, and takes them anew from it."},
    {.grammar = "clear crypto sa ha standby [peer ADDRESS:peer]",
     .help = "Reset functions\nEncryption subsystem\nIPsec SAs\nStateful failover\nForget those of the "
             "standby\nthose with one peer\nits address\n",
     .about = "Forgets the IPsec SAs that are kept ready for another gateway, and takes them anew from it."},
    {.grammar = "clear crypto sa",
     .help = "Reset functions\nEncryption subsystem\nDelete IPsec SAs\n",
     .about = "Deletes all IPsec SAs; the peers are told, traffic makes new ones."},
    {.grammar = "clear crypto sa peer ADDRESS:peer",
     .help = "Reset functions\nEncryption subsystem\nDelete IPsec SAs\nthose with one peer\nits address\n",
     .about = "Deletes the IPsec SAs with a peer."},
    {.grammar = "clear crypto sa map NAME",
     .help = "Reset functions\nEncryption subsystem\nDelete IPsec SAs\nthose of one crypto map\nits name\n",
     .about = "Deletes the IPsec SAs of a crypto map."},
    {.grammar = "clear crypto sa counters",
     .help = "Reset functions\nEncryption subsystem\nIPsec SAs\nset the packet counters to zero\n",
     .about = "Sets the counters of IPsec to zero."},
    {.grammar = "clear logging", .help = "Reset functions\nEmpty the log\n", .about = "Empties the log."},
    {.grammar = "debug crypto {isakmp|ipsec|engine|keys}",
     .help = "Debugging functions\nEncryption subsystem\nISAKMP messages\nIPsec SAs\nthe packet path\nkeys, "
             "to files for "
             "Wireshark\n",
     .about = "Switches debugging on.",
     .no_tokens = 255},
    {.grammar = "undebug crypto {isakmp|ipsec|engine|keys}",
     .help = "Disable debugging functions\nEncryption subsystem\nISAKMP messages\nIPsec SAs\nthe packet "
             "path\nkeys, to files "
             "for Wireshark\n",
     .about = "Switches debugging off."},
    {.grammar = "undebug all",
     .help = "Disable debugging functions\nall of them\n",
     .about = "Switches all debugging off."},
    {.grammar = "configure terminal",
     .help = "Enter configuration mode\nConfigure from this terminal\n",
     .about = "Enters the configuration mode; each line takes effect when it is entered."},
    {.grammar = "write [memory]",
     .help = "Write the running configuration\nto the configuration file\n",
     .about = "Saves the running configuration to the configuration file."},
    {.grammar = "copy running-config startup-config",
     .help = "Copy a configuration\nthe running one\nto the configuration file\n",
     .about = "Saves the running configuration to the configuration file."},
    {.grammar =
         "ping {ADDRESS:target|HOSTNAME:name} [source {ADDRESS:source-address|INTERFACE:source-interface}] "
         "[size <36-18024>:bytes] [repeat <1-2147483647>:count] [timeout <1-3600>:seconds] [df-bit]",
     .help = "Send echo messages\naddress to reach\nname to reach\nset the source\nan own address\nthe "
             "address of an "
             "interface\nsize of the packets\nbytes, headers included\nhow many\nnumber of packets\nhow long "
             "to wait for an "
             "answer\nseconds\nset the do-not-fragment bit\n",
     .about = "Sends ICMP echo requests and prints one character for each: ! answered, . not answered, U "
              "unreachable, M too big."},
    {.grammar = "redundancy {switchover|force-switchover}",
     .help = "Stateful failover\nHand the role over to the other gateway\nHand it over\n",
     .about = "Hands all groups that this gateway owns over to the other one: no packet is lost."},
    {.grammar = "show ip ospf [neighbor [detail]|interface|database|route]",
     .help = "Show what is\nIP\nOSPF, as FRR knows it\nNeighbours\nEverything about "
             "them\nInterfaces\nDatabase\nRoutes\n",
     .about = "What FRR's command of the same name says."},
    {.grammar = "terminal monitor",
     .help = "Set terminal parameters\nshow log lines here as they come\n",
     .about = "Shows log and debug lines on this connection as they are written."},
    {.grammar = "terminal no monitor",
     .help = "Set terminal parameters\nnegate\nno log lines here\n",
     .about = "Ends `terminal monitor`."},
    {.grammar = "terminal length <0-512>",
     .help = "Set terminal parameters\nlines of a page\nnumber\n",
     .about = "Accepted; the command pages by itself."},
    {.grammar = "exit", .help = "Leave the command\n", .about = "Ends the connection."},
    {.grammar = "quit", .help = "Leave the command\n", .about = "Ends the connection."},
    {.grammar = "logout", .help = "Leave the command\n", .about = "Ends the connection."},
};
