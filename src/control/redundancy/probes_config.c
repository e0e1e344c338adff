/* SPDX-License-Identifier: Apache-2.0 */
/* Probes as the configuration and the addresses of the moment have them, and what is known of them beyond the
 * life of this process. A probe that is unchanged goes on undisturbed. */
#include <errno.h>
#include <stdlib.h>

#include "control/redundancy/probes_internal.h"

/* ---- what a predecessor knew, and what a successor will ---- */

struct probe_record {
    struct address destination, source;
    char interface[CONFIG_MAX_NAME + 1];
    bool reachable, good;
};

static void record_make(const struct probe_unit *u, struct probe_record *ret)
{
    memset(ret, 0, sizeof *ret);
    ret->destination = u->destination;
    ret->source = u->source;
    memcpy(ret->interface, u->interface, sizeof ret->interface);
    ret->reachable = u->reachable;
    ret->good = u->good;
}

void probe_unit_note(const struct probes *p, const struct probe_unit *u)
{
    struct probe_record record;

    record_make(u, &record);
    (void)!record_store_put(p->redundancy->control->records, CONTROL_RECORD_PROBE, u->number,
                            bytes_of(&record, sizeof record));
}

/* A role does not move because control was restarted: until the first answer, what was known is believed. */
static void record_read(const struct probes *p, struct probe_unit *u)
{
    struct probe_record record;
    struct bytes data;

    if (!record_store_get(p->redundancy->control->records, CONTROL_RECORD_PROBE, u->number, &data) ||
        data.len != sizeof record)
        return;
    memcpy(&record, data.data, sizeof record);
    if (!address_equal(&record.destination, &u->destination) || !address_equal(&record.source, &u->source) ||
        memcmp(record.interface, u->interface, sizeof u->interface) != 0)
        return;
    u->known = true;
    u->reachable = record.reachable;
    u->good = record.good;
}

void probe_unit_tell(const struct probes *p, const struct probe_unit *u)
{
    if (u->known)
        tracking_facts_probe(p->redundancy, u->number, u->reachable, u->good);
}

/* ---- configuration ---- */

static void machine_config(const struct config_probe *c, struct probe_config *ret)
{
    uint32_t life = c->life ? c->life : CONFIG_PROBE_LIFE;

    *ret = (struct probe_config){.frequency = config_probe_frequency(c) * NS_PER_MS,
                                 .timeout = config_probe_timeout(c) * NS_PER_MS,
                                 .threshold = config_probe_threshold(c) * NS_PER_MS,
                                 .life = c->life_forever ? NS_NEVER : life * NS_PER_S,
                                 .start = c->schedule == CONFIG_PROBE_NOW && address_is_set(&c->destination)};
}

static bool link_local(const struct address *a)
{
    return a->family == ADDRESS_V6 && a->bytes[0] == 0xfe && (a->bytes[1] & 0xc0) == 0x80;
}

/* Where its requests come from: looked up anew with each configuration and each change of addresses. */
static void source_set(const struct control *c, const struct config *config, const struct config_probe *from,
                       struct probe_unit *u)
{
    const char *interface = from->source_interface.name;
    const struct netlink_link *l;

    u->source = from->source;
    u->scope = 0;
    u->no_source = false;
    if (!interface)
        return;
    if (link_local(&u->destination)) {
        l = devices_of_interface(&c->devices, config, interface);
        u->scope = l ? l->ifindex : 0;
        u->no_source = !l;
    } else {
        u->no_source = !devices_source(&c->devices, config, interface, u->destination.family, &u->source);
    }
}

static struct probe_unit *unit_find(const struct probes *p, uint32_t number)
{
    for (unsigned i = 0; p && i < CONFIG_MAX_PROBES; i++)
        if (p->units[i] && p->units[i]->number == number)
            return p->units[i];
    return NULL;
}

static struct probe_unit *unit_new(struct probes *p, uint32_t number)
{
    struct probe_unit *u = calloc(1, sizeof *u);
    unsigned slot = 0;

    while (slot < CONFIG_MAX_PROBES && p->units[slot])
        slot++;
    if (!u || slot == CONFIG_MAX_PROBES) {
        free(u);
        return NULL;
    }
    u->number = number;
    u->slot = (uint16_t)slot;
    p->units[slot] = u;
    return u;
}

static void unit_free(struct probes *p, struct probe_unit *u)
{
    p->units[u->slot] = NULL;
    rng_wipe(&u->machine.rng);
    free(u);
}

/* Its source may be another one without its subject being another. */
static bool same_subject(const struct probe_unit *u, const struct config_probe *c)
{
    const char *interface = c->source_interface.name ? c->source_interface.name : "";

    return address_equal(&u->destination, &c->destination) && strcmp(u->interface, interface) == 0 &&
           (interface[0] || address_equal(&u->source, &c->source));
}

static void interface_set(struct probe_unit *u, const char *name)
{
    size_t len = name ? strnlen(name, CONFIG_MAX_NAME) : 0;

    memset(u->interface, 0, sizeof u->interface);
    memcpy(u->interface, name ? name : "", len);
}

static bool same_config(const struct probe_config *a, const struct probe_config *b)
{
    return a->frequency == b->frequency && a->timeout == b->timeout && a->threshold == b->threshold &&
           a->life == b->life && a->start == b->start;
}

static void unit_apply(struct probes *p, const struct config *after, const struct config_probe *c)
{
    struct control *control = p->redundancy->control;
    struct probe_unit *u = unit_find(p, c->number);
    struct probe_config config;
    bool fresh = !u, same = u && same_subject(u, c);

    if (!u)
        u = unit_new(p, c->number);
    if (!u)
        return;
    u->keep = true;
    u->destination = c->destination;
    interface_set(u, c->source_interface.name);
    source_set(control, after, c, u);
    machine_config(c, &config);
    if (fresh) {
        probe_init(&u->machine, &config, &control->rng, clock_now());
        record_read(p, u);
    } else if (!same || !same_config(&u->machine.config, &config)) {
        probe_configure(&u->machine, &config, !same, clock_now());
    }
    if (!config.start) { /* what does not run is not up */
        u->known = true;
        u->reachable = u->good = false;
    }
}

static struct probes *probes_new(struct redundancy *r)
{
    struct probes *p = calloc(1, sizeof *p);

    if (!p)
        return NULL;
    p->redundancy = r;
    p->first = (uint16_t)rng_u32(&r->control->rng);
    uv_timer_init(&r->control->loop, &p->timer);
    p->timer.data = p;
    return p;
}

static void timer_closed(uv_handle_t *handle)
{
    free(handle->data);
}

static void probes_free(struct probes *p, bool forget)
{
    for (unsigned i = 0; i < CONFIG_MAX_PROBES; i++) {
        if (p->units[i] && forget)
            record_store_delete(p->redundancy->control->records, CONTROL_RECORD_PROBE, p->units[i]->number);
        if (p->units[i])
            unit_free(p, p->units[i]);
    }
    for (unsigned i = 0; i < PROBE_FAMILIES; i++)
        probes_socket_close(p, i);
    uv_timer_stop(&p->timer);
    uv_close((uv_handle_t *)&p->timer, timer_closed);
}

static void units_sweep(struct probes *p)
{
    for (unsigned i = 0; i < CONFIG_MAX_PROBES; i++) {
        struct probe_unit *u = p->units[i];
        if (!u || u->keep)
            continue;
        record_store_delete(p->redundancy->control->records, CONTROL_RECORD_PROBE, u->number);
        unit_free(p, u);
    }
}

void probes_apply(struct redundancy *r, const struct config *after)
{
    if (after->probes.count == 0) {
        if (r->probes)
            probes_free(r->probes, true);
        r->probes = NULL;
        return;
    }
    if (!r->probes)
        r->probes = probes_new(r);
    if (!r->probes) {
        log_line(r->control->log, "HOLDFAST", 3, "SLA", "probes cannot run: %s", strerror(ENOMEM));
        return;
    }
    for (unsigned i = 0; i < CONFIG_MAX_PROBES; i++)
        if (r->probes->units[i])
            r->probes->units[i]->keep = false;
    for (uint32_t i = 0; i < after->probes.count; i++)
        unit_apply(r->probes, after, &after->probes.items[i]);
    units_sweep(r->probes);
    probes_sockets_update(r->probes);
    probes_schedule(r->probes);
}

void probes_tell(struct redundancy *r)
{
    for (unsigned i = 0; r->probes && i < CONFIG_MAX_PROBES; i++)
        if (r->probes->units[i])
            probe_unit_tell(r->probes, r->probes->units[i]);
}

void probes_end(struct redundancy *r)
{
    if (r->probes)
        probes_free(r->probes, false);
    r->probes = NULL;
}

const struct probe_unit *probes_find(const struct redundancy *r, uint32_t number)
{
    return unit_find(r->probes, number);
}
