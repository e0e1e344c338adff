/* SPDX-License-Identifier: Apache-2.0 */
/* See firewall_text.h. Per interface and direction a chain lets pass what is never dropped and then goes
 * through the sequences, each a chain of its own: a permit drops, a deny returns to the next one.
 *
 * With many sequences that would be slow. Where there are more than MANY, those that only permit and only
 * plain prefixes go into one set of pairs of prefixes instead (their order does not matter, since all of them
 * drop); sets must not overlap, so what lies within another pair is left out, and what overlaps otherwise
 * keeps its chain.
 *
 * An ICMP error carries the head of the packet that it is about. The engine looks into it; what the kernel
 * says after our processes died never passes the engine. So a chain `quote` per interface compares the quoted
 * packet, turned round, with the same policy, by offset: the quoted header begins 8 bytes behind the ICMP
 * header. The sets are of plain integers because those serve both. */
#include "io/firewall_text.h"

#include <arpa/inet.h>
#include <errno.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/address.h"

enum { MANY = 32, INTERFACE_NAME_MAX = 15, OVERLAP_BUDGET = 20000000 };

/* Bits behind the start of an ICMP error's header. */
enum {
    QUOTED_V4_PROTOCOL = 8 * (8 + 9),
    QUOTED_V4_SOURCE = 8 * (8 + 12),
    QUOTED_V4_DESTINATION = 8 * (8 + 16),
    QUOTED_V6_PROTOCOL = 8 * (8 + 6),
    QUOTED_V6_SOURCE = 8 * (8 + 8),
    QUOTED_V6_DESTINATION = 8 * (8 + 24),
};

void nft_text_add(struct nft_text *t, const char *format, ...)
{
    char line[1024];
    va_list args;
    va_start(args, format);
    int n = vsnprintf(line, sizeof(line), format, args);
    va_end(args);
    if (n < 0 || (size_t)n >= sizeof(line))
        t->failed = true;
    if (t->failed)
        return;
    if (t->len + (size_t)n + 1 > t->size) {
        size_t size = MAX(t->size * 2, t->len + (size_t)n + 4096);
        char *bigger = realloc(t->data, size);
        if (!bigger) {
            t->failed = true;
            return;
        }
        t->data = bigger;
        t->size = size;
    }
    memcpy(t->data + t->len, line, (size_t)n + 1);
    t->len += (size_t)n;
}

void nft_text_done(struct nft_text *t)
{
    free(t->data);
    *t = (struct nft_text){0};
}

/* ---- addresses ---- */

struct match {
    uint8_t address[16], mask[16];
    int length; /* of the prefix; -1: the mask has holes */
    size_t len;
};

static struct match match_of(uint8_t family, const uint8_t *address, const uint8_t *wildcard)
{
    struct match m = {.len = family == ADDRESS_V6 ? 16 : 4};
    bool ended = false;
    for (size_t i = 0; i < m.len * 8; i++) {
        bool compared = !(wildcard[i / 8] >> (7 - i % 8) & 1);
        if (compared && ended)
            m.length = -1;
        if (!compared)
            ended = true;
        else if (m.length >= 0)
            m.length++;
    }
    for (size_t i = 0; i < m.len; i++) {
        m.mask[i] = (uint8_t)~wildcard[i];
        m.address[i] = address[i] & m.mask[i];
    }
    return m;
}

static void text_match(struct nft_text *t, const char *side, const struct match *m)
{
    char address[INET6_ADDRSTRLEN], mask[INET6_ADDRSTRLEN];
    int af = m->len == 4 ? AF_INET : AF_INET6;
    const char *family = m->len == 4 ? "ip" : "ip6";
    inet_ntop(af, m->address, address, sizeof(address));
    inet_ntop(af, m->mask, mask, sizeof(mask));
    if (m->length < 0)
        nft_text_add(t, "%s %s & %s == %s ", family, side, mask, address);
    else if (m->length > 0)
        nft_text_add(t, "%s %s %s/%d ", family, side, address, m->length);
}

/* ---- one rule ---- */

static void text_ports(struct nft_text *t, const char *side, uint16_t low, uint16_t high)
{
    if (low == 0 && high == UINT16_MAX)
        return;
    if (low == high)
        nft_text_add(t, "th %s %u ", side, low);
    else
        nft_text_add(t, "th %s %u-%u ", side, low, high);
}

static void text_rule_as(struct nft_text *t, const struct firewall_rule *r, bool in, bool later_fragments,
                         const char *verdict)
{
    struct match source = match_of(r->family, r->source, r->source_wildcard);
    struct match destination = match_of(r->family, r->destination, r->destination_wildcard);
    nft_text_add(t, "  meta nfproto %s ", r->family == ADDRESS_V6 ? "ipv6" : "ipv4");
    text_match(t, in ? "daddr" : "saddr", &source);
    text_match(t, in ? "saddr" : "daddr", &destination);
    if (r->protocol)
        nft_text_add(t, "meta l4proto %u ", r->protocol);
    else if (r->has_ports)
        nft_text_add(t, "meta l4proto { 6, 17, 33, 132, 136 } ");
    if (later_fragments) {
        nft_text_add(t, "%s ", r->family == ADDRESS_V6 ? "frag frag-off != 0" : "ip frag-off & 0x1fff != 0");
    } else if (r->has_ports) {
        text_ports(t, in ? "dport" : "sport", r->source_port_low, r->source_port_high);
        text_ports(t, in ? "sport" : "dport", r->destination_port_low, r->destination_port_high);
    }
    nft_text_add(t, "%s\n", verdict);
}

/* Later fragments carry no ports: where a permit names ports, they match by addresses and protocol alone. */
static void text_rule(struct nft_text *t, const struct firewall_rule *r, bool in, const char *drop)
{
    text_rule_as(t, r, in, false, r->permit ? drop : "return");
    if (r->permit && r->has_ports)
        text_rule_as(t, r, in, true, drop);
}

static bool rule_valid(const struct firewall_rule *r)
{
    return (r->family == ADDRESS_V4 || r->family == ADDRESS_V6) &&
           (!r->has_ports || (r->source_port_low <= r->source_port_high &&
                              r->destination_port_low <= r->destination_port_high));
}

/* A quoted packet that came by a tunnel has the policy's destination as its source. Ports are not compared,
 * which only drops more; of IPv6 neither is the protocol of a permit, since extension headers hide it. */
static void text_quoted(struct nft_text *t, const struct match *m, unsigned v4_bit, unsigned v6_bit)
{
    bool v6 = m->len == 16;
    if (m->length == 0)
        return;
    nft_text_add(t, "@th,%u,%zu & 0x", v6 ? v6_bit : v4_bit, m->len * 8);
    for (size_t i = 0; i < m->len; i++)
        nft_text_add(t, "%02x", m->mask[i]);
    nft_text_add(t, " == 0x");
    for (size_t i = 0; i < m->len; i++)
        nft_text_add(t, "%02x", m->address[i]);
    nft_text_add(t, " ");
}

static void text_quote_rule(struct nft_text *t, const struct firewall_rule *r, const char *drop)
{
    struct match source = match_of(r->family, r->source, r->source_wildcard);
    struct match destination = match_of(r->family, r->destination, r->destination_wildcard);
    bool v6 = r->family == ADDRESS_V6;
    if (!r->permit && r->has_ports)
        return;
    nft_text_add(t, "  meta nfproto %s ", v6 ? "ipv6" : "ipv4");
    text_quoted(t, &source, QUOTED_V4_DESTINATION, QUOTED_V6_DESTINATION);
    text_quoted(t, &destination, QUOTED_V4_SOURCE, QUOTED_V6_SOURCE);
    if (r->protocol && !(v6 && r->permit))
        nft_text_add(t, "@th,%u,8 %u ", v6 ? QUOTED_V6_PROTOCOL : QUOTED_V4_PROTOCOL, r->protocol);
    nft_text_add(t, "%s\n", r->permit ? drop : "return");
}

/* ---- sets of prefixes ---- */

struct element {
    struct match source, destination;
    size_t sequence;
    bool redundant; /* another one drops all of it already */
};

struct plain {
    struct element *elements; /* sorted by destination */
    size_t count;
    bool *in_set; /* by place of the sequence in its interface */
};

static bool sequence_plain(const struct firewall_sequence *s)
{
    for (size_t i = 0; i < s->rule_count; i++) {
        const struct firewall_rule *r = &s->rules[i];
        if (!r->permit || r->protocol || r->has_ports ||
            match_of(r->family, r->source, r->source_wildcard).length < 0 ||
            match_of(r->family, r->destination, r->destination_wildcard).length < 0)
            return false;
    }
    return s->rule_count > 0;
}

static bool match_overlaps(const struct match *a, const struct match *b)
{
    int length = MIN(a->length, b->length);
    if (a->len != b->len || memcmp(a->address, b->address, (size_t)length / 8) != 0)
        return false;
    uint8_t rest = (uint8_t)(0xff00 >> length % 8);
    return length % 8 == 0 || ((a->address[length / 8] ^ b->address[length / 8]) & rest) == 0;
}

static int element_compare(const void *a, const void *b)
{
    const struct match *x = &((const struct element *)a)->destination;
    const struct match *y = &((const struct element *)b)->destination;
    if (x->len != y->len)
        return x->len < y->len ? -1 : 1;
    int r = memcmp(x->address, y->address, x->len);
    return r ? r : x->length - y->length;
}

/* Prefixes nest or are apart: in this order those that may overlap an element in their destination come right
 * behind it. */
static void plain_separate(struct plain *p)
{
    size_t budget = OVERLAP_BUDGET;
    for (size_t i = 0; i < p->count; i++)
        for (size_t j = i + 1; j < p->count; j++) {
            if (!match_overlaps(&p->elements[i].destination, &p->elements[j].destination))
                break;
            const struct match *source = &p->elements[i].source;
            if (!p->elements[i].redundant && match_overlaps(source, &p->elements[j].source)) {
                if (source->length <= p->elements[j].source.length)
                    p->elements[j].redundant = true;
                else
                    p->in_set[p->elements[j].sequence] = false;
            }
            if (--budget == 0) {
                /* Too tangled to find out: chains are always right. */
                for (j = i; j < p->count; j++)
                    p->in_set[p->elements[j].sequence] = false;
                return;
            }
        }
}

static void plain_done(struct plain *p)
{
    free(p->elements);
    free(p->in_set);
    *p = (struct plain){0};
}

static int plain_find(const struct firewall_interface *f, struct plain *ret)
{
    struct plain p = {.in_set = calloc(f->sequence_count + 1, sizeof(bool))};
    size_t count = 0;
    if (!p.in_set)
        return -ENOMEM;
    for (size_t i = 0; i < f->sequence_count; i++) {
        p.in_set[i] = f->sequence_count > MANY && sequence_plain(&f->sequences[i]);
        count += p.in_set[i] ? f->sequences[i].rule_count : 0;
    }
    p.elements = calloc(count + 1, sizeof(*p.elements));
    if (!p.elements) {
        plain_done(&p);
        return -ENOMEM;
    }
    for (size_t i = 0; i < f->sequence_count; i++)
        for (size_t j = 0; p.in_set[i] && j < f->sequences[i].rule_count; j++) {
            const struct firewall_rule *r = &f->sequences[i].rules[j];
            p.elements[p.count++] = (struct element){
                .source = match_of(r->family, r->source, r->source_wildcard),
                .destination = match_of(r->family, r->destination, r->destination_wildcard),
                .sequence = i,
            };
        }
    qsort(p.elements, p.count, sizeof(*p.elements), element_compare);
    plain_separate(&p);
    *ret = p;
    return 0;
}

/* As a range of integers. */
static void text_range(struct nft_text *t, const struct match *m)
{
    nft_text_add(t, "0x");
    for (size_t i = 0; i < m->len; i++)
        nft_text_add(t, "%02x", m->address[i]);
    if ((size_t)m->length == m->len * 8)
        return;
    nft_text_add(t, "-0x");
    for (size_t i = 0; i < m->len; i++)
        nft_text_add(t, "%02x", (uint8_t)(m->address[i] | (uint8_t)~m->mask[i]));
}

static void text_set(struct nft_text *t, const struct plain *p, size_t interface, size_t len)
{
    bool any = false;
    for (size_t i = 0; i < p->count; i++) {
        const struct element *e = &p->elements[i];
        if (e->source.len != len || !p->in_set[e->sequence] || e->redundant)
            continue;
        if (!any)
            nft_text_add(t, " set many%zu_%zu {\n  typeof %s\n  flags interval\n  elements = {\n", len,
                         interface, len == 4 ? "@nh,96,32 . @nh,128,32" : "@nh,64,128 . @nh,192,128");
        nft_text_add(t, "%s", any ? ",\n  " : "  ");
        text_range(t, &e->source);
        nft_text_add(t, " . ");
        text_range(t, &e->destination);
        any = true;
    }
    if (any)
        nft_text_add(t, " }\n }\n");
}

static bool plain_any(const struct plain *p, size_t len)
{
    for (size_t i = 0; i < p->count; i++)
        if (p->elements[i].source.len == len && p->in_set[p->elements[i].sequence] &&
            !p->elements[i].redundant)
            return true;
    return false;
}

/* ---- chains ---- */

static void text_counter(struct nft_text *t, bool in, size_t interface, const char *sequence,
                         struct firewall_start start)
{
    nft_text_add(t, " counter %s_%zu_%s {\n  packets %" PRIu64 " bytes %" PRIu64 "\n }\n", in ? "in" : "out",
                 interface, sequence, start.packets, start.bytes);
}

/* Every protected packet passes here: what is most frequent comes first, and the question whose address it
 * is, which the kernel answers from its routing tables, last in each line. */
static void text_exceptions(struct nft_text *t, bool in, uint32_t mark)
{
    const char *local = in ? "fib daddr type local" : "fib saddr type local";
    if (!in && mark)
        nft_text_add(t, "  meta mark 0x%08" PRIx32 " return\n", mark);
    nft_text_add(t, "  meta l4proto 50 %s return\n", local);
    nft_text_add(t, "  meta l4proto 51 %s return\n", local);
    nft_text_add(t, "  udp %s { 500, 4500 } %s return\n", in ? "dport" : "sport", local);
    nft_text_add(t, "  ip protocol udp ip frag-off & 0x1fff != 0 %s return\n", local);
    nft_text_add(t, "  meta l4proto udp frag frag-off != 0 %s return\n", local);
    nft_text_add(t, "  ip daddr 224.0.0.0/24 return\n  ip6 daddr ff02::/16 return\n");
    nft_text_add(
        t, "  icmpv6 type { nd-neighbor-solicit, nd-neighbor-advert, nd-router-solicit, nd-router-advert, "
           "nd-redirect } return\n");
    if (in) {
        nft_text_add(t, "  icmp type destination-unreachable icmp code frag-needed %s return\n", local);
        nft_text_add(t, "  icmpv6 type packet-too-big %s return\n", local);
    }
}

/* The pair of addresses that a set is asked for, policy's source first. */
static const char *set_key(size_t len, bool in, bool quoted)
{
    static const char *const keys[2][2] = {{"@nh,96,32 . @nh,128,32", "@nh,128,32 . @nh,96,32"},
                                           {"@nh,64,128 . @nh,192,128", "@nh,192,128 . @nh,64,128"}};
    static const char *const quoted_keys[2] = {"@th,192,32 . @th,160,32", "@th,256,128 . @th,128,128"};
    return quoted ? quoted_keys[len == 16] : keys[len == 16][in];
}

static void text_sets(struct nft_text *t, size_t interface, bool in, bool quoted, const struct plain *p)
{
    for (size_t len = 4; len <= 16; len += 12)
        if (plain_any(p, len))
            nft_text_add(t, "  meta nfproto %s %s @many%zu_%zu counter name \"%s_%zu_many\" drop\n",
                         len == 4 ? "ipv4" : "ipv6", set_key(len, in, quoted), len, interface,
                         in ? "in" : "out", interface);
}

/* What ICMP errors quote; counted as what leaves. */
static void text_quotes(struct nft_text *t, const struct firewall_interface *f, size_t interface,
                        const struct plain *p)
{
    char drop[96];
    for (size_t i = 0; i < f->sequence_count; i++) {
        const struct firewall_sequence *s = &f->sequences[i];
        if (p->in_set[i])
            continue;
        snprintf(drop, sizeof(drop), "counter name \"out_%zu_%" PRIu32 "\" drop", interface, s->number);
        nft_text_add(t, " chain quote_%zu_%" PRIu32 " {\n", interface, s->number);
        for (size_t j = 0; j < s->rule_count; j++)
            text_quote_rule(t, &s->rules[j], drop);
        nft_text_add(t, " }\n");
    }
    nft_text_add(t, " chain quote_%zu {\n", interface);
    text_sets(t, interface, false, true, p);
    for (size_t i = 0; i < f->sequence_count; i++)
        if (!p->in_set[i])
            nft_text_add(t, "  jump quote_%zu_%" PRIu32 "\n", interface, f->sequences[i].number);
    nft_text_add(t, " }\n");
}

static void text_interface(struct nft_text *t, const struct firewall_rules *rules, size_t interface, bool in,
                           const struct plain *p, firewall_start_find *start, void *user)
{
    const struct firewall_interface *f = &rules->interfaces[interface];
    const char *way = in ? "in" : "out";
    char drop[96];
    for (size_t i = 0; i < f->sequence_count; i++) {
        const struct firewall_sequence *s = &f->sequences[i];
        char number[16];
        if (p->in_set[i])
            continue;
        snprintf(number, sizeof(number), "%" PRIu32, s->number);
        text_counter(t, in, interface, number, start(user, in, interface, s->number));
        snprintf(drop, sizeof(drop), "counter name \"%s_%zu_%s\" drop", way, interface, number);
        nft_text_add(t, " chain %s_%zu_%s {\n", way, interface, number);
        for (size_t j = 0; j < s->rule_count; j++)
            text_rule(t, &s->rules[j], in, drop);
        nft_text_add(t, " }\n");
    }
    text_counter(t, in, interface, "many", start(user, in, interface, FIREWALL_SEQUENCE_MANY));
    if (!in)
        text_quotes(t, f, interface, p);
    nft_text_add(t, " chain %s_%zu {\n", way, interface);
    text_exceptions(t, in, rules->mark);
    if (!in)
        nft_text_add(t,
                     "  icmp type { destination-unreachable, source-quench, redirect, time-exceeded, "
                     "parameter-problem } jump quote_%zu\n  icmpv6 type < 128 jump quote_%zu\n",
                     interface, interface);
    text_sets(t, interface, in, false, p);
    for (size_t i = 0; i < f->sequence_count; i++)
        if (!p->in_set[i])
            nft_text_add(t, "  jump %s_%zu_%" PRIu32 "\n", way, interface, f->sequences[i].number);
    nft_text_add(t, " }\n");
}

static void text_hook(struct nft_text *t, const struct firewall_rules *rules, bool in)
{
    /* Inbound before connection tracking and any NAT; outbound before source NAT changes what policy looks
     * at. */
    nft_text_add(t, " chain %s {\n  type filter hook %s priority %d; policy accept;\n", in ? "in" : "out",
                 in ? "prerouting" : "postrouting", in ? -300 : 90);
    for (size_t i = 0; i < rules->interface_count; i++)
        nft_text_add(
            t, "%s\"%s\" : jump %s_%zu%s", i == 0 ? (in ? "  iifname vmap { " : "  oifname vmap { ") : ", ",
            rules->interfaces[i].name, in ? "in" : "out", i, i + 1 == rules->interface_count ? " }\n" : "");
    nft_text_add(t, " }\n");
}

static bool interface_valid(const struct firewall_interface *f)
{
    size_t len = strlen(f->name);
    if (len == 0 || len > INTERFACE_NAME_MAX || strpbrk(f->name, "\"\\*\n/ "))
        return false;
    for (size_t i = 0; i < f->sequence_count; i++) {
        if (f->sequences[i].number == FIREWALL_SEQUENCE_MANY)
            return false;
        for (size_t j = 0; j < f->sequences[i].rule_count; j++)
            if (!rule_valid(&f->sequences[i].rules[j]))
                return false;
    }
    return true;
}

int firewall_text(const struct firewall_rules *rules, firewall_start_find *start, void *user,
                  struct nft_text *ret)
{
    struct nft_text t = {0};
    int r = 0;
    nft_text_add(&t, "add table inet holdfast\ndelete table inet holdfast\ntable inet holdfast {\n");
    for (size_t i = 0; r == 0 && i < rules->interface_count; i++) {
        struct plain p;
        r = interface_valid(&rules->interfaces[i]) ? plain_find(&rules->interfaces[i], &p) : -EINVAL;
        if (r < 0)
            break;
        text_set(&t, &p, i, 4);
        text_set(&t, &p, i, 16);
        text_interface(&t, rules, i, true, &p, start, user);
        text_interface(&t, rules, i, false, &p, start, user);
        plain_done(&p);
    }
    text_hook(&t, rules, true);
    text_hook(&t, rules, false);
    nft_text_add(&t, "}\n");
    if (r == 0 && t.failed)
        r = -ENOMEM;
    if (r < 0) {
        nft_text_done(&t);
        return r;
    }
    *ret = t;
    return 0;
}

/* ---- reading back ---- */

static bool counter_name(const char *at, bool *in, size_t *interface, uint32_t *sequence)
{
    unsigned long i;
    char number[16];
    if (sscanf(at, "counter in_%lu_%15[0-9a-z]", &i, number) == 2)
        *in = true;
    else if (sscanf(at, "counter out_%lu_%15[0-9a-z]", &i, number) == 2)
        *in = false;
    else
        return false;
    *interface = i;
    *sequence = strcmp(number, "many") == 0 ? FIREWALL_SEQUENCE_MANY : (uint32_t)strtoul(number, NULL, 10);
    return true;
}

void firewall_text_counters(const char *listing,
                            void (*each)(void *user, bool in, size_t interface, uint32_t sequence,
                                         uint64_t packets, uint64_t bytes),
                            void *user)
{
    for (const char *at = strstr(listing, "counter "); at; at = strstr(at + 1, "counter ")) {
        bool in;
        size_t interface;
        uint32_t sequence;
        uint64_t packets, bytes;
        const char *values = strstr(at, "packets ");
        if (!values || !counter_name(at, &in, &interface, &sequence))
            continue;
        if (sscanf(values, "packets %" SCNu64 " bytes %" SCNu64, &packets, &bytes) == 2)
            each(user, in, interface, sequence, packets, bytes);
    }
}
