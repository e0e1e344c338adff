/* SPDX-License-Identifier: Apache-2.0 */
/* The security policy database: publication and the plain first-match search (see spd.h). The engine asks
 * spd_index.h, which gives the same answers faster; this search is what those answers are measured against,
 * and what control uses to explain a decision. RFC 4301 §4.4.1. */
#include "ipsec/spd.h"

static const char spd_magic[8] = "HFSPD01";

void spd_init(struct spd *spd)
{
    memcpy(spd->magic, spd_magic, sizeof(spd->magic));
}

bool spd_valid(const struct spd *spd, size_t size)
{
    return size >= sizeof(*spd) && memcmp(spd->magic, spd_magic, sizeof(spd->magic)) == 0;
}

static uint32_t spd_version_after(uint32_t version)
{
    /* 0 means "nothing published"; the number after the last keeps the two tables alternating. */
    return version == UINT32_MAX ? 2 : version + 1;
}

struct spd_table *spd_next(struct spd *spd)
{
    uint32_t version = spd_version_after(atomic_load_explicit(&spd->version, memory_order_relaxed));
    struct spd_table *t = &spd->tables[version & 1];
    t->binding_count = t->entry_count = t->ace_count = t->own_address_count = 0;
    return t;
}

void spd_publish(struct spd *spd)
{
    uint32_t version = atomic_load_explicit(&spd->version, memory_order_relaxed);
    atomic_store(&spd->version, spd_version_after(version));
}

const struct spd_binding *spd_binding_find(const struct spd_table *t, uint32_t ifindex)
{
    for (uint32_t i = 0; i < t->binding_count; i++)
        if (t->bindings[i].ifindex == ifindex)
            return &t->bindings[i];
    return NULL;
}

static bool wildcard_match(const uint8_t *address, const uint8_t *pattern, const uint8_t *wildcard,
                           size_t len)
{
    uint8_t differs = 0;
    for (size_t i = 0; i < len; i++)
        differs |= (uint8_t)((address[i] ^ pattern[i]) & ~wildcard[i]);
    return differs == 0;
}

bool spd_ace_matches(const struct spd_ace *ace, const struct packet_tuple *p)
{
    size_t len = p->local.family == ADDRESS_V4 ? 4 : 16;
    if (ace->family != p->local.family || (ace->protocol != 0 && ace->protocol != p->protocol) ||
        !wildcard_match(p->local.bytes, ace->source, ace->source_wildcard, len) ||
        !wildcard_match(p->remote.bytes, ace->destination, ace->destination_wildcard, len))
        return false;
    if (!ace->has_ports)
        return true;
    if (!p->has_ports)
        return p->ports_hidden && ace->permit;
    return p->local_port >= ace->source_port_low && p->local_port <= ace->source_port_high &&
           p->remote_port >= ace->destination_port_low && p->remote_port <= ace->destination_port_high;
}

enum spd_verdict spd_match_tuple(const struct spd_table *t, const struct spd_binding *b,
                                 const struct packet_tuple *tuple, uint32_t *ret_entry, uint32_t *ret_ace)
{
    for (uint32_t e = b->first_entry; e < b->first_entry + b->entry_count; e++) {
        const struct spd_entry *entry = &t->entries[e];
        for (uint32_t a = entry->first_ace; a < entry->first_ace + entry->ace_count; a++) {
            if (!spd_ace_matches(&t->aces[a], tuple))
                continue;
            if (!t->aces[a].permit)
                break;
            *ret_entry = e;
            *ret_ace = a;
            return SPD_PROTECT;
        }
    }
    return SPD_BYPASS;
}

enum spd_verdict spd_match(const struct spd_table *t, const struct spd_binding *b,
                           const struct ip_packet *packet, uint32_t *ret_entry, uint32_t *ret_ace)
{
    struct packet_tuple tuple;
    tuple_of(packet, &tuple);
    return spd_match_tuple(t, b, &tuple, ret_entry, ret_ace);
}

/* -1 if the wildcard has holes: not a run of zeros and then ones. */
static int wildcard_prefix_length(const uint8_t *wildcard, size_t len)
{
    int length = 0;
    for (size_t i = 0; i < len * 8; i++) {
        bool compared = !(wildcard[i / 8] & 0x80 >> i % 8);
        if (compared && length != (int)i)
            return -1;
        length += compared;
    }
    return length;
}

bool spd_ace_selector(const struct spd_ace *ace, struct selector *ret)
{
    size_t len = ace->family == ADDRESS_V4 ? 4 : 16;
    int local = wildcard_prefix_length(ace->source_wildcard, len);
    int remote = wildcard_prefix_length(ace->destination_wildcard, len);
    if (local < 0 || remote < 0 || (ace->family != ADDRESS_V4 && ace->family != ADDRESS_V6))
        return false;
    struct selector s = {
        .local = {address_of(ace->source, len), (uint8_t)local},
        .remote = {address_of(ace->destination, len), (uint8_t)remote},
        .protocol = ace->protocol,
        .local_port_high = UINT16_MAX,
        .remote_port_high = UINT16_MAX,
    };
    prefix_mask(&s.local);
    prefix_mask(&s.remote);
    if (ace->has_ports) {
        s.local_port_low = ace->source_port_low;
        s.local_port_high = ace->source_port_high;
        s.remote_port_low = ace->destination_port_low;
        s.remote_port_high = ace->destination_port_high;
    }
    *ret = s;
    return true;
}

bool spd_owns(const struct spd_table *t, const struct address *a)
{
    for (uint32_t i = 0; i < t->own_address_count; i++)
        if (address_equal(&t->own_addresses[i], a))
            return true;
    return false;
}
