/* SPDX-License-Identifier: Apache-2.0 */
/* The commands `ip access-list extended`, `access-list 101` and `ipv6 access-list`. An entry that is given
 * without a number goes to the end with the next multiple of ten; the writer leaves out the numbers that come
 * about so. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "config/session.h"

enum { SEQUENCE_STEP = 10, SEQUENCE_MAX = 2147483647 };

static struct config_access_list *list_make(struct grammar_call *call, const char *name, uint8_t family,
                                            uint32_t *ret_at)
{
    struct config *c = config_of(call);
    struct config_access_list *list = array_find(&c->access_lists, name, compare_access_list, ret_at);
    if (list != NULL)
        return list;
    char *copy = strdup(name);
    list = copy != NULL ? array_insert(&c->access_lists, *ret_at) : NULL;
    if (list == NULL) {
        free(copy);
        return NULL;
    }
    *list = (struct config_access_list){.name = copy, .family = family, .place = session_place(call, NULL)};
    return list;
}

/* Opens or removes a list by its name. */
static int apply_list(struct grammar_call *call)
{
    struct config *c = config_of(call);
    const struct grammar_value *name = grammar_arg(call, "list");
    uint8_t family = grammar_has(call, "ipv6") ? ADDRESS_V6 : ADDRESS_V4;
    uint32_t at;
    struct config_access_list *list = array_find(&c->access_lists, name->text, compare_access_list, &at);
    if (call_negative(call)) {
        if (list == NULL)
            return session_error(call, name, "there is no access list '%s'", name->text);
        config_access_list_done(list);
        array_remove(&c->access_lists, at);
        return 0;
    }
    if (list != NULL && list->family != family)
        return session_error(call, name, "'%s' is already the name of an %s access list", name->text,
                             list->family == ADDRESS_V6 ? "IPv6" : "IPv4");
    char *end;
    unsigned long number = strtoul(name->text, &end, 10);
    if (*end == 0 && !(number >= 100 && number <= 199) && !(number >= 2000 && number <= 2699))
        return session_error(
            call, name, "%s is not the number of an extended access list, expected <100-199> or <2000-2699>",
            name->text);
    if (list == NULL && c->access_lists.count >= CONFIG_MAX_ACCESS_LISTS)
        return session_limit(call, CONFIG_MAX_ACCESS_LISTS, "access lists");
    if (list_make(call, name->text, family, &at) == NULL)
        return -ENOMEM;
    session_of(call)->index = at;
    return 0;
}

/* ---- Entries
 * ----------------------------------------------------------------------------------------------------- */

static void label_of(char out[16], const char *side, const char *what)
{
    snprintf(out, 16, "%s-%s", side, what);
}

static const struct grammar_value *side_arg(struct grammar_call *call, const char *side, const char *what)
{
    char label[16];
    label_of(label, side, what);
    return grammar_arg(call, label);
}

static int read_ports(struct grammar_call *call, const char *side, struct config_acl_side *s)
{
    const struct grammar_value *low = side_arg(call, side, "port"), *high = side_arg(call, side, "port2");
    s->port_match = CONFIG_PORT_ANY;
    s->port_low = 0;
    s->port_high = 65535;
    if (low == NULL)
        return 0;
    uint16_t port = (uint16_t)low->number;
    if (side_arg(call, side, "eq") != NULL) {
        s->port_match = CONFIG_PORT_EQ;
        s->port_low = s->port_high = port;
    } else if (side_arg(call, side, "gt") != NULL) {
        if (port == 65535)
            return session_error(call, low, "no port is greater than 65535");
        s->port_match = CONFIG_PORT_GT;
        s->port_low = port + 1;
    } else if (side_arg(call, side, "lt") != NULL) {
        if (port == 0)
            return session_error(call, low, "no port is less than 0");
        s->port_match = CONFIG_PORT_LT;
        s->port_high = port - 1;
    } else {
        if (high->number < port)
            return session_error(call, high, "the range ends before it begins");
        s->port_match = CONFIG_PORT_RANGE;
        s->port_low = port;
        s->port_high = (uint16_t)high->number;
    }
    return 0;
}

static void read_wildcard(struct grammar_call *call, const struct grammar_value *v,
                          const struct grammar_value *wildcard, struct config_acl_side *s)
{
    uint32_t free_bits = (uint32_t)wildcard->number, address = address_v4_get(&v->address);
    int length = prefix_length_of_mask(~free_bits);
    /* The commonest mistake of all: a network mask where the wildcard belongs. */
    int as_mask = prefix_length_of_mask(free_bits);
    if (length < 0 && as_mask > 0) {
        struct address meant = address_v4(~free_bits);
        char text[ADDRESS_TEXT];
        session_warning(call, wildcard,
                        "%s is a network mask, but wildcard bits stand here; did you mean %s?",
                        wildcard->text, address_print(&meant, text));
    }
    s->address = address_v4(address & ~free_bits);
    s->wildcard = free_bits;
    s->length = length < 0 ? CONFIG_ACL_HOLES : (uint8_t)length;
}

static int read_side(struct grammar_call *call, const char *side, uint8_t family, struct config_acl_side *s)
{
    const struct grammar_value *v = side_arg(call, side, "address"),
                               *wildcard = side_arg(call, side, "wildcard");
    if (v == NULL) { /* any */
        uint8_t zero[16] = {0};
        s->address = address_of(zero, family == ADDRESS_V6 ? 16 : 4);
        s->wildcard = family == ADDRESS_V6 ? 0 : UINT32_MAX;
        s->length = 0;
    } else if (wildcard != NULL) {
        read_wildcard(call, v, wildcard, s);
    } else {
        bool host = side_arg(call, side, "host") != NULL;
        struct prefix prefix = {v->address, host ? address_bits(&v->address) : v->length};
        prefix_mask(&prefix);
        s->address = prefix.address;
        s->length = prefix.length;
    }
    return read_ports(call, side, s);
}

static int read_entry(struct grammar_call *call, uint8_t family, struct config_acl_entry *e)
{
    const struct grammar_value *number = grammar_arg(call, "protocol-number"),
                               *remark = grammar_arg(call, "remark-text");
    *e = (struct config_acl_entry){.place = session_place(call, NULL), .log = grammar_has(call, "log")};
    if (remark != NULL) {
        e->action = CONFIG_ACL_REMARK;
        e->remark = (char *)remark->text;
        if (strlen(remark->text) > CONFIG_MAX_DESCRIPTION)
            return session_error(call, remark, "a remark has at most %d characters", CONFIG_MAX_DESCRIPTION);
        return 0;
    }
    e->action = grammar_has(call, "permit") ? CONFIG_ACL_PERMIT : CONFIG_ACL_DENY;
    for (size_t i = 0; i < acl_protocol_count; i++)
        if (grammar_has(call, acl_protocols[i].name))
            e->protocol = acl_protocols[i].number;
    if (number != NULL)
        e->protocol = (uint8_t)number->number;
    int r = read_side(call, "s", family, &e->source);
    if (r == 0)
        r = read_side(call, "d", family, &e->destination);
    const char *const sides[] = {"s", "d"};
    for (size_t i = 0; i < 2 && r == 0; i++)
        if (side_arg(call, sides[i], "port") != NULL && e->protocol != 6 && e->protocol != 17)
            r = session_error(call, side_arg(call, sides[i], "port") - 1, "only tcp and udp have ports");
    return r;
}

static bool entry_equal(const struct config_acl_entry *a, const struct config_acl_entry *b, uint8_t family)
{
    char ta[CONFIG_MAX_LINE], tb[CONFIG_MAX_LINE];
    return a->action == b->action && strcmp(config_acl_entry_print(a, family, ta, sizeof(ta)),
                                            config_acl_entry_print(b, family, tb, sizeof(tb))) == 0;
}

static int remove_entry(struct grammar_call *call, struct config_access_list *list,
                        const struct config_acl_entry *e)
{
    const struct grammar_value *number = grammar_arg(call, "sequence");
    for (uint32_t i = 0; i < list->entries.count; i++) {
        struct config_acl_entry *old = &list->entries.items[i];
        if (number != NULL ? old->sequence != number->number : !entry_equal(old, e, list->family))
            continue;
        config_acl_entry_done(old);
        array_remove(&list->entries, i);
        return 0;
    }
    return session_error(call, number, "access list '%s' has no such entry", list->name);
}

static int add_entry(struct grammar_call *call, struct config_access_list *list, struct config_acl_entry *e)
{
    const struct grammar_value *number = grammar_arg(call, "sequence");
    uint32_t count = list->entries.count, at;
    uint64_t sequence = SEQUENCE_STEP;
    if (number != NULL)
        sequence = number->number;
    else if (count > 0)
        sequence = (uint64_t)list->entries.items[count - 1].sequence + SEQUENCE_STEP;
    if (count >= CONFIG_MAX_ACCESS_LIST_ENTRIES)
        return session_limit(call, CONFIG_MAX_ACCESS_LIST_ENTRIES, "entries of one access list");
    if (sequence > SEQUENCE_MAX)
        return session_error(call, number, "access list '%s' has no number left behind its last entry",
                             list->name);
    e->sequence = (uint32_t)sequence;
    /* Typed again, a line changes nothing. In files, where lists are long, a double entry is harmless. */
    for (uint32_t i = 0; i < count && number == NULL && session_of(call)->line == 0; i++)
        if (entry_equal(&list->entries.items[i], e, list->family))
            return 0;
    const struct config_acl_entry *old = array_find(&list->entries, &e->sequence, compare_acl_entry, &at);
    if (old != NULL && entry_equal(old, e, list->family))
        return 0;
    if (old != NULL)
        return session_error(call, number, "access list '%s' has another entry %u already", list->name,
                             e->sequence);
    char *remark = e->remark != NULL ? strdup(e->remark) : NULL;
    struct config_acl_entry *slot = NULL;
    if (e->remark == NULL || remark != NULL)
        slot = array_insert(&list->entries, at);
    if (slot == NULL) {
        free(remark);
        return -ENOMEM;
    }
    *slot = *e;
    slot->remark = remark;
    return 0;
}

static int apply_entry(struct grammar_call *call)
{
    struct config_access_list *list = session_access_list(call);
    struct config_acl_entry e;
    int r = read_entry(call, list->family, &e);
    if (r < 0)
        return r;
    return call_negative(call) ? remove_entry(call, list, &e) : add_entry(call, list, &e);
}

/* `no 20` */
static int apply_number(struct grammar_call *call)
{
    if (!call_negative(call))
        return session_error(call, NULL, "incomplete command, expected 'permit', 'deny' or 'remark'");
    return remove_entry(call, session_access_list(call), NULL);
}

/* `access-list 101 permit ...` adds; `no access-list 101` removes the whole list. */
static int apply_numbered(struct grammar_call *call)
{
    struct config *c = config_of(call);
    const struct grammar_value *name = grammar_arg(call, "list");
    struct config_acl_entry e;
    uint32_t at;
    char text[16];
    snprintf(text, sizeof(text), "%u", (unsigned)name->number);
    if (call_negative(call)) {
        struct config_access_list *list = array_find(&c->access_lists, text, compare_access_list, &at);
        if (list == NULL)
            return session_error(call, name, "there is no access list '%s'", text);
        config_access_list_done(list);
        array_remove(&c->access_lists, at);
        return 0;
    }
    int r = read_entry(call, ADDRESS_V4, &e);
    if (r < 0)
        return r;
    if (config_find_access_list(c, text) == NULL && c->access_lists.count >= CONFIG_MAX_ACCESS_LISTS)
        return session_limit(call, CONFIG_MAX_ACCESS_LISTS, "access lists");
    struct config_access_list *list = list_make(call, text, ADDRESS_V4, &at);
    return list != NULL ? add_entry(call, list, &e) : -ENOMEM;
}

/* ---- Writing
 * ----------------------------------------------------------------------------------------------------- */

static bool numbered_by_tens(const struct config_access_list *list)
{
    for (uint32_t i = 0; i < list->entries.count; i++)
        if (list->entries.items[i].sequence != (i + 1) * SEQUENCE_STEP)
            return false;
    return list->entries.count > 0;
}

static void write_list(struct config_writer *w, const struct config_access_list *list)
{
    char entry[CONFIG_MAX_LINE];
    bool v6 = list->family == ADDRESS_V6,
         short_form = list->name[0] <= '9' && list->name[0] >= '0' &&
                      strspn(list->name, "0123456789") == strlen(list->name) && numbered_by_tens(list);
    uint64_t expected = SEQUENCE_STEP;
    if (!short_form)
        writer_line(w, v6 ? "ipv6 access-list %s" : "ip access-list extended %s", list->name);
    for (uint32_t i = 0; i < list->entries.count; i++) {
        const struct config_acl_entry *e = &list->entries.items[i];
        if (w->meaning && e->action == CONFIG_ACL_REMARK)
            continue;
        config_acl_entry_print(e, list->family, entry, sizeof(entry));
        if (short_form)
            writer_line(w, "access-list %s %s", list->name, entry);
        else if (e->sequence == expected || w->meaning)
            writer_line(w, " %s", entry);
        else
            writer_line(w, v6 ? " sequence %u %s" : " %u %s", e->sequence, entry);
        expected = (uint64_t)e->sequence + SEQUENCE_STEP;
    }
    writer_separator(w);
}

static void write_lists(struct config_writer *w, const struct config *c, const void *object)
{
    (void)object;
    for (uint32_t i = 0; i < c->access_lists.count; i++)
        write_list(w, &c->access_lists.items[i]);
}

/* ---- Table
 * ------------------------------------------------------------------------------------------------------- */

#define PORTS(s)                                                                                     \
    " [eq:" s "-eq PORT:" s "-port|gt:" s "-gt PORT:" s "-port|lt:" s "-lt PORT:" s "-port|range:" s \
    "-range PORT:" s "-port PORT:" s "-port2] "
#define SIDE4(s) \
    "{any|host:" s "-host IPV4:" s "-address|IPV4:" s "-address WILDCARD:" s "-wildcard}" PORTS(s)
#define SIDE6(s) "{any|host:" s "-host IPV6:" s "-address|PREFIX6:" s "-address}" PORTS(s)
#define PROTOCOLS(any) \
    "{" any "|icmp|igmp|ipinip|tcp|udp|gre|esp|ahp|eigrp|ospf|pim|pcp|<1-255>:protocol-number} "
#define ENTRY4 "{permit|deny} " PROTOCOLS("ip") SIDE4("s") SIDE4("d") "[log]"
#define ENTRY6 "{permit|deny} " PROTOCOLS("ipv6") SIDE6("s") SIDE6("d") "[log]"
#define PORTS_HELP \
    "This port\nPort\nPorts above\nPort\nPorts below\nPort\nPorts from, to\nFirst port\nLast port\n"
#define SIDE4_HELP \
    "Every address\nOne address\nAddress\nNetwork\nWildcard bits: set bits may be anything\n" PORTS_HELP
#define SIDE6_HELP "Every address\nOne address\nAddress\nPrefix\n" PORTS_HELP
#define PROTOCOLS_HELP                                                                    \
    "Every protocol\nICMP\nIGMP\nIP in IP\nTCP\nUDP\nGRE\nESP\nAH\nEIGRP\nOSPF\nPIM\nIP " \
    "compression\nProtocol number\n"
#define ENTRY4_HELP                                                                  \
    "Take these packets\nLeave these packets\n" PROTOCOLS_HELP SIDE4_HELP SIDE4_HELP \
    "Accepted, without effect\n"
#define ENTRY6_HELP                                                                  \
    "Take these packets\nLeave these packets\n" PROTOCOLS_HELP SIDE6_HELP SIDE6_HELP \
    "Accepted, without effect\n"
#define NUMBERED      "access-list {<100-199>:list|<2000-2699>:list} "
#define NUMBERED_HELP "An access list\nExtended list\nExtended list\n"

static const struct grammar_command commands[] = {
    {.mode = CONFIG_MODE_GLOBAL,
     .enters = CONFIG_MODE_ACCESS_LIST,
     .no_tokens = 4,
     .grammar = "ip access-list extended NAME:list",
     .help = "IP\nAn access list\nWith protocol, source and destination\nName, or a number of 100-199 and "
             "2000-2699\n",
     .about = "Which packets something else is about; the first entry that fits decides, and the end denies.",
     .apply = apply_list,
     .write = write_lists},
    {.mode = CONFIG_MODE_ACCESS_LIST,
     .no_tokens = 255,
     .grammar = "[<1-2147483647>:sequence] " ENTRY4,
     .help = "Number of the entry\n" ENTRY4_HELP,
     .standard = "without a number, ten more than the last entry",
     .apply = apply_entry},
    {.mode = CONFIG_MODE_ACCESS_LIST,
     .no_tokens = 255,
     .grammar = "[<1-2147483647>:sequence] remark LINE:remark-text",
     .help = "Number of the entry\nA text for people\nText\n",
     .apply = apply_entry},
    {.mode = CONFIG_MODE_ACCESS_LIST,
     .flags = GRAMMAR_HIDDEN,
     .no_tokens = 255,
     .grammar = "<1-2147483647>:sequence",
     .help = "Number of the entry\n",
     .apply = apply_number},
    {.mode = CONFIG_MODE_GLOBAL,
     .no_tokens = 2,
     .grammar = NUMBERED ENTRY4,
     .help = NUMBERED_HELP ENTRY4_HELP,
     .apply = apply_numbered},
    {.mode = CONFIG_MODE_GLOBAL,
     .no_tokens = 255,
     .grammar = NUMBERED "remark LINE:remark-text",
     .help = NUMBERED_HELP "A text for people\nText\n",
     .apply = apply_numbered},
    {.mode = CONFIG_MODE_GLOBAL,
     .enters = CONFIG_MODE_ACCESS_LIST6,
     .no_tokens = 3,
     .grammar = "ipv6 access-list NAME:list",
     .help = "IPv6\nAn access list\nName\n",
     .apply = apply_list},
    {.mode = CONFIG_MODE_ACCESS_LIST6,
     .no_tokens = 255,
     .grammar = "[sequence:sequence-word <1-2147483647>:sequence] " ENTRY6,
     .help = "Number of the entry\nNumber\n" ENTRY6_HELP,
     .standard = "without a number, ten more than the last entry",
     .apply = apply_entry},
    {.mode = CONFIG_MODE_ACCESS_LIST6,
     .no_tokens = 255,
     .grammar = "[sequence:sequence-word <1-2147483647>:sequence] remark LINE:remark-text",
     .help = "Number of the entry\nNumber\nA text for people\nText\n",
     .apply = apply_entry},
    {.mode = CONFIG_MODE_ACCESS_LIST6,
     .flags = GRAMMAR_HIDDEN,
     .no_tokens = 255,
     .grammar = "sequence:sequence-word <1-2147483647>:sequence",
     .help = "Number of the entry\nNumber\n",
     .apply = apply_number},
};

const struct command_table table_access_list = {commands, ARRAY_SIZE(commands)};
