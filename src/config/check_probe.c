/* SPDX-License-Identifier: Apache-2.0 */
/* Checks on probes: times that contradict each other, an operation that is missing, sources that do not
 * exist, more requests a second than one gateway should send, and tracked probes that are not there or never
 * run. Called by config_check. */
#include "config/check_probe.h"

#include "config/model_find.h"

static bool link_local(const struct address *a)
{
    return a->family == ADDRESS_V6 && a->bytes[0] == 0xfe && (a->bytes[1] & 0xc0) == 0x80;
}

static void check_times(const struct config_probe *p, struct config_errors *errors)
{
    uint32_t frequency = config_probe_frequency(p), timeout = config_probe_timeout(p);
    if (timeout > frequency)
        config_errors_add(errors, CONFIG_ERROR, p->timeout_place,
                          "ip sla %u: the timeout of %u ms is longer than the frequency of %u ms", p->number,
                          timeout, frequency);
    if (config_probe_threshold(p) > timeout)
        config_errors_add(errors, CONFIG_ERROR, p->threshold_place,
                          "ip sla %u: the threshold of %u ms is longer than the timeout of %u ms", p->number,
                          config_probe_threshold(p), timeout);
}

static void check_operation(const struct config *c, const struct config_probe *p,
                            struct config_errors *errors)
{
    const char *interface = p->source_interface.name;
    if (!address_is_set(&p->destination)) {
        config_errors_add(errors, p->schedule == CONFIG_PROBE_NOT_SCHEDULED ? CONFIG_WARNING : CONFIG_ERROR,
                          p->place, "ip sla %u has no operation, expected icmp-echo", p->number);
        return;
    }
    /* Linux names may be devices that Holdfast does not configure. */
    if (interface != NULL && interface[0] >= 'A' && interface[0] <= 'Z' &&
        config_find_interface(c, interface) == NULL)
        config_errors_add(errors, CONFIG_ERROR, p->source_interface.place,
                          "ip sla %u: interface %s does not exist", p->number, interface);
    if (link_local(&p->destination) && interface == NULL)
        config_errors_add(errors, CONFIG_ERROR, p->place,
                          "ip sla %u: a link-local destination needs a source-interface", p->number);
}

static void check_rate(const struct config *c, struct config_errors *errors)
{
    uint64_t per_hour = 0;
    for (uint32_t i = 0; i < c->probes.count; i++) {
        const struct config_probe *p = &c->probes.items[i];
        if (p->schedule == CONFIG_PROBE_NOW)
            per_hour += 3600000 / config_probe_frequency(p);
        if (per_hour <= (uint64_t)CONFIG_MAX_PROBE_RATE * 3600)
            continue;
        config_errors_add(errors, CONFIG_ERROR, p->frequency > 0 ? p->frequency_place : p->place,
                          "ip sla %u: all probes together would send more than %u requests a second",
                          p->number, CONFIG_MAX_PROBE_RATE);
        return;
    }
}

static void check_tracked(const struct config *c, struct config_errors *errors)
{
    for (uint32_t i = 0; i < c->tracks.count; i++) {
        const struct config_track *t = &c->tracks.items[i];
        if (t->type != CONFIG_TRACK_PROBE)
            continue;
        const struct config_probe *p = config_find_probe(c, t->probe);
        if (p == NULL)
            config_errors_add(errors, CONFIG_ERROR, t->probe_place, "track %u: ip sla %u does not exist",
                              t->number, t->probe);
        else if (p->schedule != CONFIG_PROBE_NOW)
            config_errors_add(errors, CONFIG_WARNING, t->probe_place,
                              "track %u is down: ip sla %u is not started, expected ip sla schedule %u life "
                              "forever start-time now",
                              t->number, t->probe, t->probe);
    }
}

void check_probes(const struct config *c, struct config_errors *errors)
{
    for (uint32_t i = 0; i < c->probes.count; i++) {
        check_times(&c->probes.items[i], errors);
        check_operation(c, &c->probes.items[i], errors);
    }
    check_rate(c, errors);
    check_tracked(c, errors);
}
