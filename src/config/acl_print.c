/* SPDX-License-Identifier: Apache-2.0 */
/* Access list entries as text, for the writer and for `show`; see config_acl_entry_print in model.h. The text
 * is canonical: names for protocols and ports that have one, `any` and `host` wherever they say the same. It
 * is also how entries are compared, so two entries with the same text must mean the same. */
#include <stdio.h>

#include "config/model.h"
#include "config/session.h"
#include "config/token.h"

const struct acl_protocol acl_protocols[] = {
    {"icmp", 1}, {"igmp", 2}, {"ipinip", 4}, {"tcp", 6},   {"udp", 17},  {"gre", 47},
    {"esp", 50}, {"ahp", 51}, {"eigrp", 88}, {"ospf", 89}, {"pim", 103}, {"pcp", 108},
};
const size_t acl_protocol_count = ARRAY_SIZE(acl_protocols);

static void append(char *out, size_t size, size_t *used, const char *text)
{
    int n = snprintf(out + *used, size - *used, "%s%s", *used > 0 ? " " : "", text);
    *used = MIN(*used + n, size - 1);
}

static void append_number(char *out, size_t size, size_t *used, unsigned long number)
{
    char text[24];
    snprintf(text, sizeof(text), "%lu", number);
    append(out, size, used, text);
}

static void append_port(char *out, size_t size, size_t *used, uint8_t protocol, uint16_t port)
{
    const char *name = port_name(protocol, port);
    if (name != NULL)
        append(out, size, used, name);
    else
        append_number(out, size, used, port);
}

static void append_side(char *out, size_t size, size_t *used, const struct config_acl_side *s, uint8_t family)
{
    char text[PREFIX_TEXT];
    struct prefix prefix = {s->address, s->length};
    if (s->length == 0) {
        append(out, size, used, "any");
    } else if (s->length == address_bits(&s->address)) {
        append(out, size, used, "host");
        append(out, size, used, address_print(&s->address, text));
    } else if (family == ADDRESS_V6) {
        append(out, size, used, prefix_print(&prefix, text));
    } else {
        struct address wildcard = address_v4(s->wildcard);
        append(out, size, used, address_print(&s->address, text));
        append(out, size, used, address_print(&wildcard, text));
    }
}

static void append_ports(char *out, size_t size, size_t *used, const struct config_acl_side *s,
                         uint8_t protocol)
{
    switch (s->port_match) {
    case CONFIG_PORT_EQ:
        append(out, size, used, "eq");
        append_port(out, size, used, protocol, s->port_low);
        break;
    case CONFIG_PORT_GT:
        append(out, size, used, "gt");
        append_port(out, size, used, protocol, s->port_low - 1);
        break;
    case CONFIG_PORT_LT:
        append(out, size, used, "lt");
        append_port(out, size, used, protocol, s->port_high + 1);
        break;
    case CONFIG_PORT_RANGE:
        append(out, size, used, "range");
        append_port(out, size, used, protocol, s->port_low);
        append_port(out, size, used, protocol, s->port_high);
        break;
    default:
        break;
    }
}

char *config_acl_entry_print(const struct config_acl_entry *e, uint8_t family, char *out, size_t size)
{
    size_t used = 0;
    const char *protocol = NULL;
    out[0] = 0;
    if (e->action == CONFIG_ACL_REMARK) {
        append(out, size, &used, "remark");
        append(out, size, &used, e->remark);
        return out;
    }
    append(out, size, &used, e->action == CONFIG_ACL_PERMIT ? "permit" : "deny");
    for (size_t i = 0; i < acl_protocol_count; i++)
        if (acl_protocols[i].number == e->protocol)
            protocol = acl_protocols[i].name;
    if (e->protocol == 0)
        append(out, size, &used, family == ADDRESS_V6 ? "ipv6" : "ip");
    else if (protocol != NULL)
        append(out, size, &used, protocol);
    else
        append_number(out, size, &used, e->protocol);
    append_side(out, size, &used, &e->source, family);
    append_ports(out, size, &used, &e->source, e->protocol);
    append_side(out, size, &used, &e->destination, family);
    append_ports(out, size, &used, &e->destination, e->protocol);
    if (e->log)
        append(out, size, &used, "log");
    return out;
}
