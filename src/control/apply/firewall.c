/* SPDX-License-Identifier: Apache-2.0 */
/* The clear twins: what a crypto map protects neither comes in nor leaves in clear by its interface, whether
 * our processes live or not. */
#include <errno.h>
#include <stdlib.h>

#include "control/apply/spd_build.h"
#include "control/control.h"
#include "control/redundancy/redundancy.h"
#include "io/firewall.h"

/* Entries of one dynamic map share a sequence: they are numbered behind the sequences. */
enum { FIRST_DYNAMIC = 1 << 16 };

struct build {
    struct firewall_interface *interfaces;
    struct firewall_sequence *sequences;
    struct firewall_rule *rules;
    size_t rule_count;
    uint32_t interface_count, interface_room;
};

static void rule_build(const struct spd_ace *a, struct firewall_rule *ret)
{
    *ret = (struct firewall_rule){
        .permit = a->permit,
        .family = a->family,
        .protocol = a->protocol,
        .has_ports = a->has_ports,
        .source_port_low = a->source_port_low,
        .source_port_high = a->source_port_high,
        .destination_port_low = a->destination_port_low,
        .destination_port_high = a->destination_port_high,
    };
    memcpy(ret->source, a->source, 16);
    memcpy(ret->source_wildcard, a->source_wildcard, 16);
    memcpy(ret->destination, a->destination, 16);
    memcpy(ret->destination_wildcard, a->destination_wildcard, 16);
}

static void sequence_build(struct build *b, const struct scope_connection *c, struct firewall_sequence *ret)
{
    const struct config_access_list *list = c->access_list;

    *ret = (struct firewall_sequence){.number = c->dynamic ? FIRST_DYNAMIC + c->id : c->sequence,
                                      .rules = &b->rules[b->rule_count]};
    for (uint32_t i = 0; i < list->entries.count; i++) {
        struct spd_ace ace;
        if (!spd_ace_build(&list->entries.items[i], list->family, &ace))
            continue;
        rule_build(&ace, &b->rules[b->rule_count++]);
        ret->rule_count++;
    }
}

static void interface_add(struct build *b, const char *name, const struct scope *scope)
{
    if (b->interface_count < b->interface_room)
        b->interfaces[b->interface_count++] =
            (struct firewall_interface){.name = name,
                                        .sequences = &b->sequences[scope->first_connection],
                                        .sequence_count = scope->connection_count};
}

struct virtual_build {
    struct build *build;
    const struct scope *scope;
};

static void virtual_add(void *context, const char *name)
{
    const struct virtual_build *v = context;

    interface_add(v->build, name, v->scope);
}

/* What comes to a virtual MAC comes in by its own device: the same rules hold there. */
static void virtual_devices_add(struct control *c, struct build *b, const struct scopes *s)
{
    for (uint32_t i = 0; i < s->binding_count; i++) {
        struct virtual_build v = {b, &s->scopes[s->bindings[i].scope]};
        redundancy_devices(c, s->bindings[i].ifindex, virtual_add, &v);
    }
}

static int rules_apply(struct control *c, struct build *b, const struct scopes *s)
{
    struct firewall_rules rules = {.interfaces = b->interfaces, .mark = HOLDFAST_MARK};
    int error = c->firewall ? 0 : firewall_new(&c->firewall);

    for (uint32_t i = 0; i < s->connection_count; i++)
        sequence_build(b, &s->connections[i], &b->sequences[i]);
    for (uint32_t i = 0; i < s->binding_count; i++) {
        const struct scope *scope = &s->scopes[s->bindings[i].scope];
        const struct netlink_link *l = devices_find_index(&c->devices, s->bindings[i].ifindex);
        interface_add(b, l ? l->name : "", scope);
    }
    virtual_devices_add(c, b, s);
    rules.interface_count = b->interface_count;
    if (!error)
        error = s->binding_count ? firewall_apply(c->firewall, &rules) : firewall_remove(c->firewall);
    if (error == -ENOENT && s->binding_count == 0)
        error = 0;
    if (error)
        log_line(c->log, "HOLDFAST", 2, "FIREWALL",
                 "the rules that keep protected traffic from passing in clear cannot be set: %s%s%s",
                 strerror(-error), c->firewall && firewall_error(c->firewall)[0] ? ": " : "",
                 c->firewall ? firewall_error(c->firewall) : "");
    return error;
}

int apply_firewall(struct control *c, const struct scopes *s)
{
    struct build b = {0};
    size_t rules = 0;
    int error = -ENOMEM;

    for (uint32_t i = 0; i < s->connection_count; i++)
        rules += s->connections[i].access_list->entries.count;
    b.interface_room = s->binding_count + redundancy_device_count(c);
    b.interfaces = calloc(b.interface_room + 1, sizeof *b.interfaces);
    b.sequences = calloc(s->connection_count + 1, sizeof *b.sequences);
    b.rules = calloc(rules + 1, sizeof *b.rules);
    if (b.interfaces && b.sequences && b.rules)
        error = rules_apply(c, &b, s);
    free(b.interfaces);
    free(b.sequences);
    free(b.rules);
    return error;
}

void apply_firewall_withdraw(struct control *c)
{
    if (!c->firewall && firewall_new(&c->firewall) != 0)
        return;
    int error = firewall_remove(c->firewall);
    if (error && error != -ENOENT)
        log_line(c->log, "HOLDFAST", 3, "FIREWALL", "the firewall rules cannot be removed: %s",
                 strerror(-error));
}
