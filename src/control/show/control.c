/* SPDX-License-Identifier: Apache-2.0 */
/* What the shows of a running control process look at: its IKE machine, its shared memory, the kernel. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "control/control.h"
#include "control/redundancy/probes.h"
#include "control/routing/eigrp.h"
#include "control/show/ha.h"
#include "control/show/show.h"
#include "io/files.h"

static void each_sa(void *context, void (*visit)(void *user, const struct ike_sa_view *v), void *user)
{
    struct control *c = context;

    ike_each_sa(c->ike, visit, user);
}

static void each_pair(void *context, void (*visit)(void *user, const struct ike_pair_view *v), void *user)
{
    struct control *c = context;

    ike_each_pair(c->ike, visit, user);
}

static bool connection(void *context, uint32_t id, struct ike_connection_view *ret)
{
    struct control *c = context;

    return ike_connection_look(c->ike, id, ret);
}

static void statistics(void *context, struct ike_statistics *ret)
{
    struct control *c = context;

    ike_statistics(c->ike, ret);
}

static bool link_now(void *context, uint32_t ifindex, struct netlink_link *ret)
{
    struct control *c = context;

    return netlink_link_by_index(c->netlink, ifindex, ret) == 0;
}

static int routes(void *context, void (*each)(void *user, const struct netlink_route *r), void *user)
{
    struct control *c = context;

    return netlink_routes(c->netlink, NETLINK_TABLE_MAIN, each, user);
}

/* User and system time from /proc/PID/stat, whose second field may hold blanks and parentheses. */
static void cost_of_time(int32_t pid, struct show_cost *ret)
{
    char path[64], *text;
    size_t len;
    unsigned long long user, system;

    snprintf(path, sizeof path, "/proc/%d/stat", pid);
    if (file_read(path, 65536, &text, &len) != 0)
        return;
    const char *at = strrchr(text, ')');
    if (at && sscanf(at + 1, " %*c %*d %*d %*d %*d %*d %*u %*u %*u %*u %*u %llu %llu", &user, &system) == 2)
        ret->cpu_ms = (user + system) * 1000 / (uint64_t)sysconf(_SC_CLK_TCK);
    free(text);
}

static uint64_t memory_line(const char *text, const char *key)
{
    const char *at = strstr(text, key);

    return at ? strtoull(at + strlen(key), NULL, 10) : 0;
}

/* Pages shared with other processes count in part: the sum over the processes is what the gateway takes. */
static void cost(void *context, int32_t pid, struct show_cost *ret)
{
    char path[64], *text;
    size_t len;

    (void)context;
    cost_of_time(pid, ret);
    snprintf(path, sizeof path, "/proc/%d/smaps_rollup", pid);
    if (file_read(path, 65536, &text, &len) != 0)
        return;
    ret->proportional_kib = memory_line(text, "\nPss:");
    ret->resident_kib = memory_line(text, "\nRss:");
    free(text);
}

static void records(void *context, size_t *ret_count, size_t *ret_used, size_t *ret_size)
{
    struct control *c = context;
    struct record_store_usage usage = {0};

    if (c->records)
        record_store_usage(c->records, &usage);
    *ret_count = usage.records;
    *ret_used = usage.bytes_used;
    *ret_size = usage.bytes_size;
}

static const struct probe_unit *probe(void *context, uint32_t number)
{
    const struct control *c = context;

    return c->redundancy ? probes_find(c->redundancy, number) : NULL;
}

static int ha(void *context, struct ha_facts *ret)
{
    return ha_collect(context, ret);
}

int control_show(struct control *c, const struct grammar_call *call, struct text *out)
{
    static const struct generation none; /* before the first configuration is in force */
    const struct generation *g = c->generation ? c->generation : &none;
    const struct show_source source = {
        .now = clock_now(),
        .wall = clock_wall_ns(),
        .started = c->started,
        .hostname = g->ike.config.hostname ? g->ike.config.hostname : "holdfast",
        .version = HOLDFAST_VERSION,
        .config_file = c->config_file,
        .cipher_arch = c->cipher ? packet_cipher_arch(c->cipher) : NULL,
        .grammar = &c->grammar,
        .config = c->config,
        .scopes = &g->scopes,
        .ike_config = &g->ike.config,
        .devices = &c->devices,
        .sad = c->sad,
        .spd = c->spd,
        .log = c->log,
        .processes = c->processes,
        .loop = &c->watch,
        .engine_ready = c->engine_ready,
        .debug_isakmp = c->debug.isakmp,
        .debug_ipsec = c->debug.ipsec,
        .debug_engine = c->debug.engine,
        .debug_keys = c->debug.keys,
        .channel_lost = c->channel_lost,
        .redundancy = c->redundancy,
        .eigrp = eigrp_process_machine(c),
        .context = c,
        .each_sa = each_sa,
        .each_pair = each_pair,
        .connection = connection,
        .statistics = statistics,
        .link = link_now,
        .routes = routes,
        .cost = cost,
        .ha = ha,
        .probe = probe,
        .records = records,
    };
    int error = show_run(&source, call, out);

    if (error == -ENOMEM)
        text_add(out, "% no memory for the whole answer\n");
    return error;
}
