/* SPDX-License-Identifier: Apache-2.0 */
/* The commands `interface ...` and what stands below them. Lines that only mean
 * something to a router's hardware are kept without effect; those that would change the way of packets and
 * are not offered are refused, for silence would be a lie. */
#include <ctype.h>
#include <errno.h>
#include <stdlib.h>

#include "config/session.h"
#include "config/table_kept.h"

static int apply_interface(struct grammar_call *call)
{
    struct config *c = config_of(call);
    const struct grammar_value *name = grammar_arg(call, "interface");
    uint32_t at;
    struct config_interface *i = array_find(&c->interfaces, name->text, compare_interface, &at);
    if (call_negative(call)) {
        if (i == NULL)
            return session_error(call, name, "there is no interface %s", name->text);
        config_interface_done(i);
        array_remove(&c->interfaces, at);
        return 0;
    }
    if (i == NULL) {
        if (c->interfaces.count >= CONFIG_MAX_INTERFACES)
            return session_limit(call, CONFIG_MAX_INTERFACES, "interfaces");
        char *copy = strdup(name->text);
        if (copy == NULL)
            return -ENOMEM;
        i = array_insert(&c->interfaces, at);
        if (i == NULL) {
            free(copy);
            return -ENOMEM;
        }
        i->name = copy;
        i->place = session_place(call, NULL);
    }
    session_of(call)->index = at;
    return 0;
}

static void write_interfaces(struct config_writer *w, const struct config *c, const void *object)
{
    (void)object;
    for (uint32_t i = 0; i < c->interfaces.count; i++) {
        writer_line(w, "interface %s", c->interfaces.items[i].name);
        writer_mode(w, CONFIG_MODE_INTERFACE, c, &c->interfaces.items[i]);
        writer_separator(w);
    }
}

static int apply_description(struct grammar_call *call)
{
    const struct grammar_value *line = grammar_arg(call, "line");
    if (!call_negative(call) && strlen(line->text) > CONFIG_MAX_DESCRIPTION)
        return session_error(call, line, "a description has at most %d characters", CONFIG_MAX_DESCRIPTION);
    return string_set(&session_interface(call)->description, call_negative(call) ? NULL : line->text);
}

static void write_description(struct config_writer *w, const struct config *c, const void *object)
{
    const struct config_interface *i = object;
    (void)c;
    if (i->description != NULL)
        writer_line(w, "description %s", i->description);
}

static int apply_device(struct grammar_call *call)
{
    struct config_interface *i = session_interface(call);
    const struct grammar_value *name = grammar_arg(call, "name");
    if (call_negative(call)) {
        i->device[0] = 0;
        return 0;
    }
    size_t len = strlen(name->text);
    if (len > CONFIG_MAX_DEVICE)
        return session_error(call, name, "a device name has at most %d characters", CONFIG_MAX_DEVICE);
    for (size_t n = 0; n < len; n++)
        if (!isalnum((unsigned char)name->text[n]) && strchr("-_.@", name->text[n]) == NULL)
            return session_error(call, name, "'%s' is not the name of a Linux device", name->text);
    if (strcmp(name->text, ".") == 0 || strcmp(name->text, "..") == 0)
        return session_error(call, name, "'%s' is not the name of a Linux device", name->text);
    memset(i->device, 0, sizeof(i->device));
    memcpy(i->device, name->text, len);
    return 0;
}

static void write_device(struct config_writer *w, const struct config *c, const void *object)
{
    const struct config_interface *i = object;
    (void)c;
    if (i->device[0] != 0)
        writer_line(w, "device %s", i->device);
}

/* ---- Addresses
 * --------------------------------------------------------------------------------------------------- */

/* IPv4 before IPv6, the primary first, then by value. */
static bool address_before(const struct config_interface_address *a, const struct config_interface_address *b)
{
    if (a->prefix.address.family != b->prefix.address.family)
        return a->prefix.address.family == ADDRESS_V4;
    if (a->secondary != b->secondary)
        return !a->secondary;
    return address_compare(&a->prefix.address, &b->prefix.address) < 0;
}

static int address_add(struct grammar_call *call, struct config_interface *i,
                       struct config_interface_address address)
{
    uint32_t at = 0;
    /* The same address again, or another primary, takes the place of the one that was there. */
    for (uint32_t n = i->addresses.count; n-- > 0;) {
        const struct config_interface_address *old = &i->addresses.items[n];
        bool primary = address.prefix.address.family == ADDRESS_V4 && !address.secondary && !old->secondary &&
                       old->prefix.address.family == ADDRESS_V4;
        bool same = address_equal(&old->prefix.address, &address.prefix.address);
        if (same && !primary && old->secondary != address.secondary)
            return session_error(call, NULL, "this address is already the primary one");
        if (same || primary)
            array_remove(&i->addresses, n);
    }
    if (i->addresses.count >= CONFIG_MAX_ADDRESSES)
        return session_limit(call, CONFIG_MAX_ADDRESSES, "addresses of one interface");
    while (at < i->addresses.count && address_before(&i->addresses.items[at], &address))
        at++;
    struct config_interface_address *slot = array_insert(&i->addresses, at);
    if (slot == NULL)
        return -ENOMEM;
    *slot = address;
    return 0;
}

/* Without `v` all of the family. */
static int address_remove(struct grammar_call *call, struct config_interface *i,
                          const struct grammar_value *v, uint8_t family)
{
    bool found = v == NULL;
    for (uint32_t n = i->addresses.count; n-- > 0;) {
        const struct address *a = &i->addresses.items[n].prefix.address;
        if (a->family != family || (v != NULL && !address_equal(a, &v->address)))
            continue;
        array_remove(&i->addresses, n);
        found = true;
    }
    return found ? 0 : session_error(call, v, "%s is not an address of this interface", v->text);
}

static int apply_ip_address(struct grammar_call *call)
{
    struct config_interface *i = session_interface(call);
    const struct grammar_value *v = grammar_arg(call, "ipv4"), *mask = grammar_arg(call, "mask");
    if (call_negative(call))
        return address_remove(call, i, v, ADDRESS_V4);
    uint32_t host = address_v4_get(&v->address), bits = ~prefix_mask_of_length(mask->length);
    if (address_is_any(&v->address) || address_is_multicast(&v->address) || host == UINT32_MAX ||
        mask->length == 0)
        return session_error(call, v, "%s %s cannot be the address of an interface", v->text, mask->text);
    if (mask->length < 31 && ((host & bits) == 0 || (host & bits) == bits))
        return session_error(call, v, "%s is the %s address of its network", v->text,
                             (host & bits) == 0 ? "network" : "broadcast");
    struct config_interface_address address = {.prefix = {v->address, mask->length},
                                               .secondary = grammar_has(call, "secondary"),
                                               .place = session_place(call, v)};
    return address_add(call, i, address);
}

static int apply_ipv6_address(struct grammar_call *call)
{
    struct config_interface *i = session_interface(call);
    const struct grammar_value *v = grammar_arg(call, "prefix");
    if (call_negative(call))
        return address_remove(call, i, v, ADDRESS_V6);
    if (address_is_any(&v->address) || address_is_multicast(&v->address) || v->length == 0)
        return session_error(call, v, "%s cannot be the address of an interface", v->text);
    struct config_interface_address address = {.prefix = {v->address, v->length},
                                               .place = session_place(call, v)};
    return address_add(call, i, address);
}

static void write_addresses(struct config_writer *w, const struct config *c, const void *object)
{
    const struct config_interface *i = object;
    char text[PREFIX_TEXT], mask[ADDRESS_TEXT];
    (void)c;
    for (uint32_t n = 0; n < i->addresses.count; n++) {
        const struct config_interface_address *a = &i->addresses.items[n];
        if (a->prefix.address.family == ADDRESS_V6) {
            writer_line(w, "ipv6 address %s", prefix_print(&a->prefix, text));
        } else {
            struct address m = address_v4(prefix_mask_of_length(a->prefix.length));
            writer_line(w, "ip address %s %s%s", address_print(&a->prefix.address, text),
                        address_print(&m, mask), a->secondary ? " secondary" : "");
        }
    }
}

/* ---- The rest
 * ---------------------------------------------------------------------------------------------------- */

static int apply_mtu(struct grammar_call *call)
{
    session_interface(call)->mtu = call_negative(call) ? 0 : (uint16_t)grammar_number(call, "bytes", 0);
    return 0;
}

static void write_mtu(struct config_writer *w, const struct config *c, const void *object)
{
    const struct config_interface *i = object;
    (void)c;
    if (i->mtu > 0)
        writer_line(w, "mtu %u", i->mtu);
}

static int apply_crypto_map(struct grammar_call *call)
{
    struct config_reference *r = &session_interface(call)->crypto_map,
                            *redundancy = &session_interface(call)->crypto_redundancy;
    const struct grammar_value *name = grammar_arg(call, "name"), *group = grammar_arg(call, "standby-name");
    struct config_interface *i = session_interface(call);
    if (!call_negative(call)) {
        int result = group != NULL ? reference_set(redundancy, call, group) : 0;
        if (result == 0)
            result = reference_set(r, call, name);
        if (result < 0)
            return result;
        if (group == NULL)
            reference_clear(redundancy);
        i->crypto_stateful = grammar_has(call, "stateful");
        i->crypto_ssp = (uint8_t)grammar_number(call, "ssp-group", 0);
        i->crypto_ssp_place = session_place(call, grammar_arg(call, "ssp-group"));
        return 0;
    }
    if (name != NULL && (r->name == NULL || strcmp(name->text, r->name) != 0))
        return session_error(call, name, "crypto map '%s' is not on this interface", name->text);
    reference_clear(redundancy);
    reference_clear(r);
    i->crypto_stateful = false;
    i->crypto_ssp = 0;
    return 0;
}

static void write_crypto_map(struct config_writer *w, const struct config *c, const void *object)
{
    const struct config_interface *i = object;
    (void)c;
    if (i->crypto_map.name == NULL)
        return;
    if (i->crypto_ssp > 0)
        writer_line(w, "crypto map %s ssp %u", i->crypto_map.name, i->crypto_ssp);
    else
        writer_line(w, "crypto map %s%s%s%s", i->crypto_map.name,
                    i->crypto_redundancy.name != NULL ? " redundancy " : "",
                    i->crypto_redundancy.name != NULL ? i->crypto_redundancy.name : "",
                    i->crypto_stateful ? " stateful" : "");
}

static int apply_shutdown(struct grammar_call *call)
{
    session_interface(call)->shutdown = !call_negative(call);
    return 0;
}

static void write_shutdown(struct config_writer *w, const struct config *c, const void *object)
{
    const struct config_interface *i = object;
    (void)c;
    if (i->shutdown)
        writer_line(w, "shutdown");
}

static int apply_kept(struct grammar_call *call)
{
    struct config_interface *i = session_interface(call);
    return kept_add(call, (struct kept_list *)&i->kept, 0, i->kept.count);
}

static void write_kept(struct config_writer *w, const struct config *c, const void *object)
{
    const struct config_interface *i = object;
    (void)c;
    for (uint32_t n = 0; n < i->kept.count && !w->meaning; n++)
        writer_line(w, "%s", i->kept.items[n].text);
}

#define KEPT(words_of_no, text, words)                                                                   \
    {                                                                                                    \
        .mode = CONFIG_MODE_INTERFACE, .flags = GRAMMAR_KEPT, .no_tokens = words_of_no, .grammar = text, \
        .help = words, .apply = apply_kept                                                               \
    }
#define UNSUPPORTED(text, words)                                                                        \
    {                                                                                                   \
        .mode = CONFIG_MODE_INTERFACE, .flags = GRAMMAR_UNSUPPORTED, .no_tokens = 255, .grammar = text, \
        .help = words                                                                                   \
    }

static const struct grammar_command commands[] = {
    {.mode = CONFIG_MODE_GLOBAL,
     .enters = CONFIG_MODE_INTERFACE,
     .no_tokens = 255,
     .grammar = "interface INTERFACE",
     .help = "An interface\nSuch as Serial1/0:0, or a Linux device\n",
     .about = "A name of the router's kind is bound to a Linux device by `device`; a Linux name is itself.",
     .apply = apply_interface,
     .write = write_interfaces},
    {.mode = CONFIG_MODE_INTERFACE,
     .no_tokens = 1,
     .grammar = "description LINE",
     .help = "A text for people\nText\n",
     .apply = apply_description,
     .write = write_description},
    {.mode = CONFIG_MODE_INTERFACE,
     .no_tokens = 1,
     .grammar = "device NAME",
     .help = "The Linux device behind this interface\nName of the device\n",
     .standard =
         "the short form of the name: Serial1/0:0 is se1_0_0, FastEthernet0/0 is fa0_0, Loopback0 is lo",
     .apply = apply_device,
     .write = write_device},
    {.mode = CONFIG_MODE_INTERFACE,
     .no_tokens = 2,
     .grammar = "ip address IPV4 MASK [secondary]",
     .help =
         "IP\nAn address of this interface\nAddress\nNetwork mask\nOne more, beside the primary address\n",
     .apply = apply_ip_address,
     .write = write_addresses},
    {.mode = CONFIG_MODE_INTERFACE,
     .no_tokens = 2,
     .grammar = "ipv6 address PREFIX6",
     .help = "IPv6\nAn address of this interface\nAddress and prefix length\n",
     .apply = apply_ipv6_address},
    {.mode = CONFIG_MODE_INTERFACE,
     .no_tokens = 1,
     .grammar = "mtu <68-9216>:bytes",
     .help = "Largest packet\nBytes\n",
     .standard = "the device's own",
     .apply = apply_mtu,
     .write = write_mtu},
    KEPT(1, "{half-duplex|full-duplex}", "Half duplex\nFull duplex\n"),
    KEPT(1, "duplex {auto|full|half}", "Duplex\nBy negotiation\nFull\nHalf\n"),
    KEPT(1, "speed {10|100|1000|10000|auto}",
         "Speed\n10 Mbit/s\n100 Mbit/s\n1 Gbit/s\n10 Gbit/s\nBy negotiation\n"),
    KEPT(2, "negotiation auto", "Negotiation\nOn\n"),
    KEPT(1, "media-type NAME", "Media\nType\n"),
    KEPT(1, "bandwidth <1-10000000>", "Bandwidth for routing metrics\nkbit/s\n"),
    KEPT(1, "delay <1-16777215>", "Delay for routing metrics\nTens of microseconds\n"),
    KEPT(1, "load-interval <30-600>", "Load statistics\nSeconds\n"),
    KEPT(1, "fair-queue [LINE]", "Weighted fair queueing\nParameters\n"),
    KEPT(1, "hold-queue LINE", "Queue lengths\nParameters\n"),
    KEPT(2, "clock rate <300-8000000>", "Clock\nRate\nbit/s\n"),
    KEPT(1, "serial LINE", "Serial line\nParameters\n"),
    KEPT(1, "encapsulation {hdlc|ppp}", "Encapsulation of the line\nHDLC\nPPP\n"),
    KEPT(2, "cdp enable", "Discovery protocol\nOn\n"),
    KEPT(2, "mop {enabled|sysid}", "Maintenance protocol\nOn\nSystem id\n"),
    KEPT(1, "switchport [LINE]", "Switch port\nParameters\n"),
    KEPT(
        2,
        "ip {proxy-arp|redirects|unreachables|directed-broadcast|mask-reply|route-cache [LINE]|mroute-cache}",
        "IP\nProxy ARP\nICMP redirects\nICMP unreachables\nDirected broadcasts\nMask replies\nSwitching\n"
        "Parameters\nMulticast switching\n"),
    {.mode = CONFIG_MODE_INTERFACE,
     .flags = GRAMMAR_KEPT,
     .no_tokens = 1,
     .grammar = "keepalive [<0-32767> [<1-255>]]",
     .help = "Line keepalives\nSeconds\nRetries\n",
     .apply = apply_kept,
     .write = write_kept},
    {.mode = CONFIG_MODE_INTERFACE,
     .no_tokens = 2,
     .grammar = "crypto map NAME [redundancy NAME:standby-name [stateful]|ssp <1-100>:ssp-group]",
     .help = "Encryption and IPsec\nProtect what leaves here\nName of the crypto map\n"
             "Tunnels end at the virtual address of an HSRP group\nName of the group\n"
             "Share the SAs with the other gateway of `redundancy inter-device`\n"
             "Share the SAs with the other gateway of an SSP group, at its virtual address\nNumber\n",
     .apply = apply_crypto_map,
     .write = write_crypto_map},
    {.mode = CONFIG_MODE_INTERFACE,
     .no_tokens = 255,
     .grammar = "shutdown",
     .help = "Take the interface down\n",
     .standard = "up",
     .apply = apply_shutdown,
     .write = write_shutdown},
    UNSUPPORTED("crypto ipsec [LINE]", "Encryption\nIPsec\nParameters\n"),
    UNSUPPORTED("tunnel [LINE]", "Tunnel\nParameters\n"),
    UNSUPPORTED("ppp [LINE]", "PPP\nParameters\n"),
    UNSUPPORTED("multilink-group [LINE]", "Multilink\nGroup\n"),
    UNSUPPORTED("dialer [LINE]", "Dialer\nParameters\n"),
    UNSUPPORTED("dialer-group [LINE]", "Dialer\nGroup\n"),
    UNSUPPORTED("backup [LINE]", "Backup interface\nParameters\n"),
    UNSUPPORTED("service-policy [LINE]", "Quality of service\nParameters\n"),
    UNSUPPORTED("encapsulation {dot1q|frame-relay|isl} [LINE]",
                "Encapsulation\nVLAN\nFrame relay\nISL\nParameters\n"),
    UNSUPPORTED(
        "ip {access-group|nat|mtu|policy|tcp|vrf|unnumbered|helper-address|inspect|virtual-reassembly} "
        "[LINE]",
        "IP\nPacket filter\nAddress "
        "translation\nMTU\nPolicy\nTCP\nVRF\nUnnumbered\nHelper\nInspection\n"
        "Reassembly\nParameters\n"),
    UNSUPPORTED("ipv6 {enable|mtu|nd|ospf|traffic-filter|unnumbered} [LINE]",
                "IPv6\nOn\nMTU\nNeighbour discovery\nOSPF\nFilter\nUnnumbered\nParameters\n"),
};

const struct command_table table_interface = {commands, ARRAY_SIZE(commands)};
