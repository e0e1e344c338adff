/* SPDX-License-Identifier: Apache-2.0 */
/* Puts a configuration in force, in the order in which nothing leaks and nothing flaps: addresses, then the
 * firewall's clear twins, then the SPD, then the routes that lead into it, then IKE. Everything is computed
 * before anything is changed; what is the same in both configurations is not touched. */
#include <errno.h>
#include <stdlib.h>
#include <time.h>

#include "control/apply/pair_policy.h"
#include "control/apply/spd_build.h"
#include "control/control.h"
#include "control/redundancy/redundancy.h"
#include "control/routing/eigrp.h"
#include "control/routing/reverse_routes.h"
#include "control/routing/routing.h"
#include "control/ssp/ssp.h"

static const ns ENGINES_TIME = 50 * NS_PER_MS;
enum { ENGINES_PAUSE = 50000 /* ns */ };

void control_report(void *context, const struct scopes_problem *p)
{
    struct control *c = context;

    if (!c->report_problems)
        return;
    if (p->place.line)
        log_line(c->log, "HOLDFAST", 4, "CONFIG", "%s:%u: %s", c->config_file, p->place.line, p->text);
    else
        log_line(c->log, "HOLDFAST", 4, "CONFIG", "%s", p->text);
}

static void generation_free(struct generation *g)
{
    if (!g)
        return;
    scopes_done(&g->scopes);
    ike_config_done(&g->ike);
    free(g);
}

/* The buffer that is not in use may still be read by an engine that started before the last publication. One
 * that does not move on is dead, and a successor starts with what is published. */
static struct spd_table *spd_buffer(struct control *c)
{
    const struct timespec pause = {.tv_nsec = ENGINES_PAUSE};
    ns end = clock_now() + ENGINES_TIME;

    /* Asleep: with short timers of redundancy control runs before the engine that it waits for. */
    while (!sad_epochs_passed(c->sad, c->spd_epochs) && clock_now() < end)
        nanosleep(&pause, NULL);
    return spd_next(c->spd);
}

/* Notes a part of a compilation; returns when the next one begins. */
static ns part_note(struct control *c, const char *what, ns began)
{
    ns now = clock_now();

    loop_section(&c->watch, what, began, now);
    return now;
}

static int compile_fill(struct control *c, const struct config *config, struct generation *g,
                        struct policy_routes *routes)
{
    ns at = clock_now();
    const struct peer_names names = {.find = resolver_find, .context = c->resolver};
    int error = scopes_make(config, &c->devices, c->ids, &g->scopes, control_report, c);

    if (!error)
        error = pair_policy_fill(c, g);
    at = part_note(c, "the scopes of the crypto maps", at);
    if (!error)
        error = ike_config_build(config, &g->scopes, &names, &g->ike, control_report, c);
    at = part_note(c, "IKE's configuration", at);
    if (!error)
        ssp_ike_config(c, &g->ike.config);
    if (!error)
        error = spd_build(&g->scopes, &c->devices, spd_buffer(c));
    at = part_note(c, "the engine's policy", at);
    if (!error)
        error = policy_build(&g->scopes, &c->devices, c->tun_ifindex, routes);
    (void)part_note(c, "the routes of the policy", at);
    return error;
}

int control_compile(struct control *c, const struct config *config)
{
    struct policy_routes routes = {0};
    struct generation *g = calloc(1, sizeof *g);
    int error = g ? compile_fill(c, config, g, &routes) : -ENOMEM;
    ns at = clock_now();

    if (!error)
        error = apply_firewall(c, &g->scopes);
    at = part_note(c, "the packet filter", at);
    if (error) {
        generation_free(g);
        policy_done(&routes);
        return error;
    }
    spd_publish(c->spd);
    sad_epochs_take(c->sad, c->spd_epochs);
    apply_policy(c, &routes);
    policy_done(&routes);
    at = part_note(c, "routes into the tunnel device", at);

    struct generation *former = c->generation;
    c->generation = g;
    pair_policy_use(c);
    ike_configure(c->ike, &g->ike.config, clock_now());
    generation_free(former);
    (void)part_note(c, "IKE's change of configuration", at);
    control_ike_schedule(c);
    return 0;
}

int control_policy_refresh(struct control *c)
{
    int error = spd_build(&c->generation->scopes, &c->devices, spd_buffer(c));

    if (error)
        return error;
    spd_publish(c->spd);
    sad_epochs_take(c->sad, c->spd_epochs);
    return 0;
}

int control_apply(struct control *c, struct config *next)
{
    struct config *former = c->config;
    bool protocols = c->protocols;

    apply_interfaces(c, former, next);
    int error = devices_read(&c->devices, c->netlink);
    if (error)
        log_line(c->log, "HOLDFAST", 3, "NETLINK", "the devices of this machine cannot be read: %s",
                 strerror(-error));
    error = ssp_configure(c, next);
    if (error)
        log_line(c->log, "HOLDFAST", 2, "SSP", "shared groups cannot be set up: %s", strerror(-error));
    redundancy_apply(c, next);
    /* A group that goes on where a predecessor of this process was has its addresses again by now. */
    if (redundancy_device_count(c) && devices_read(&c->devices, c->netlink) != 0)
        c->devices_lost = true;
    c->protocols = next->routers.count > 0;
    c->report_problems = true;
    error = control_compile(c, next);
    c->report_problems = false;
    if (error) {
        log_line(c->log, "HOLDFAST", 2, "CONFIG", "the configuration cannot be put in force: %s",
                 strerror(-error));
        c->protocols = protocols;
        if (former) {
            apply_interfaces(c, next, former);
            redundancy_apply(c, former);
        }
        return error;
    }
    apply_routes(c, next);
    routing_apply(c, next);
    eigrp_process_apply(c, next);
    c->config = next;
    c->config_version++;
    ssp_apply(c);
    control_config_free(former);
    error = control_running_store(c);
    if (error)
        log_line(c->log, "HOLDFAST", 3, "CONFIG",
                 "the running configuration cannot be kept for a restart: %s", strerror(-error));
    return 0;
}

void control_reapply(struct control *c)
{
    if (!c->config ||
        c->stopping) /* what was taken back stays so; its timer may be due in the loop's last turn */
        return;
    if (c->appeared_count) {
        apply_interfaces(c, c->config, c->config);
        c->appeared_count = 0;
    }
    redundancy_apply(c, c->config);
    if (c->compile_due) {
        c->compile_due = false;
        int error = control_compile(c, c->config);
        if (error)
            log_line(c->log, "HOLDFAST", 2, "CONFIG", "a change of the devices cannot be followed: %s",
                     strerror(-error));
    }
    apply_routes(c, c->config);
    reverse_routes_refresh(c->reverse_routes);
    routing_apply(c, c->config);
    eigrp_process_apply(c, c->config);
}

void control_withdraw(struct control *c)
{
    struct config empty;

    config_init(&empty);
    pair_policy_end(c);
    apply_policy_withdraw(c);
    apply_routes(c, &empty);
    apply_addresses_withdraw(c);
    apply_firewall_withdraw(c);
    config_done(&empty);
}
