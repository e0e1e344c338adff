/* SPDX-License-Identifier: Apache-2.0 */
/* Access lists become rows of bytes and wildcards; entries keep the order of their sequences. A connection
 * without peers or transform sets still holds its traffic back: protected traffic never leaves in clear. */
#include "control/apply/spd_build.h"

#include <errno.h>

static void side_build(const struct config_acl_side *s, uint8_t family, uint8_t address[16],
                       uint8_t wildcard[16])
{
    size_t len = family == ADDRESS_V6 ? 16 : 4;

    memset(address, 0, 16);
    memset(wildcard, 0, 16);
    memcpy(address, s->address.bytes, len);
    if (s->length == CONFIG_ACL_HOLES) {
        for (size_t i = 0; i < 4; i++)
            wildcard[i] = (uint8_t)(s->wildcard >> (24 - 8 * i));
        return;
    }
    size_t whole = s->length / 8; /* bytes that are compared as a whole */
    if (whole < len) {
        wildcard[whole] = (uint8_t)(0xff >> s->length % 8);
        memset(wildcard + whole + 1, 0xff, len - whole - 1);
    }
}

bool spd_ace_build(const struct config_acl_entry *e, uint8_t family, struct spd_ace *ret)
{
    if (e->action == CONFIG_ACL_REMARK)
        return false;
    *ret = (struct spd_ace){
        .permit = e->action == CONFIG_ACL_PERMIT,
        .family = family,
        .protocol = e->protocol,
        .has_ports = e->source.port_match != CONFIG_PORT_ANY || e->destination.port_match != CONFIG_PORT_ANY,
        .source_port_low = e->source.port_low,
        .source_port_high = e->source.port_high,
        .destination_port_low = e->destination.port_low,
        .destination_port_high = e->destination.port_high,
    };
    side_build(&e->source, family, ret->source, ret->source_wildcard);
    side_build(&e->destination, family, ret->destination, ret->destination_wildcard);
    if (e->source.port_match == CONFIG_PORT_ANY) {
        ret->source_port_low = 0;
        ret->source_port_high = UINT16_MAX;
    }
    if (e->destination.port_match == CONFIG_PORT_ANY) {
        ret->destination_port_low = 0;
        ret->destination_port_high = UINT16_MAX;
    }
    return true;
}

static int entry_build(const struct scope_connection *c, struct spd_table *t)
{
    struct spd_entry *e = &t->entries[t->entry_count];

    *e = (struct spd_entry){
        .id = c->id,
        .sequence = c->sequence,
        .first_ace = t->ace_count,
        .may_initiate = !c->dynamic && c->entry->peers.count > 0 && c->entry->transform_sets.count > 0 &&
                        address_is_set(&c->local),
    };
    for (uint32_t i = 0; i < c->access_list->entries.count; i++) {
        if (t->ace_count >= SPD_ACES_MAX)
            return -E2BIG;
        if (spd_ace_build(&c->access_list->entries.items[i], c->access_list->family, &t->aces[t->ace_count]))
            t->ace_count++;
    }
    e->ace_count = t->ace_count - e->first_ace;
    t->entry_count++;
    return 0;
}

static int own_addresses_build(const struct devices *d, struct spd_table *t)
{
    for (uint32_t i = 0; i < d->address_count; i++) {
        bool known = false;
        const struct address *a = &d->addresses[i].prefix.address;
        for (uint32_t k = 0; k < t->own_address_count && !known; k++)
            known = address_equal(&t->own_addresses[k], a);
        if (known)
            continue;
        if (t->own_address_count >= SPD_ADDRESSES_MAX)
            return -E2BIG;
        t->own_addresses[t->own_address_count++] = *a;
    }
    return 0;
}

int spd_build(const struct scopes *s, const struct devices *d, struct spd_table *ret)
{
    for (uint32_t i = 0; i < s->connection_count; i++) {
        int error = entry_build(&s->connections[i], ret);
        if (error)
            return error;
    }
    for (uint32_t i = 0; i < s->binding_count; i++) {
        const struct scope *scope = &s->scopes[s->bindings[i].scope];
        ret->bindings[ret->binding_count++] = (struct spd_binding){
            .ifindex = s->bindings[i].ifindex,
            .local_v4 = scope->local_v4,
            .local_v6 = scope->local_v6,
            .first_entry = scope->first_connection,
            .entry_count = scope->connection_count,
        };
    }
    return own_addresses_build(d, ret);
}
