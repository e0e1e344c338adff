/* SPDX-License-Identifier: Apache-2.0 */
/* See command.h. */
#include <errno.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/drop.h"
#include "farm/command.h"
#include "farm/numbered.h"
#include "io/clock.h"

static const uint32_t rate_max = 1000000; /* of a flow */

#define ARRIVAL_PATIENCE NS_PER_S

/* ---- answers ---- */

static double ms(ns t)
{
    return (double)(t / (NS_PER_MS / 100)) / 100; /* two digits */
}

static json_t *messages_json(const struct farm_messages *m)
{
    return json_pack("{s:I,s:I,s:I}", "phase1", (json_int_t)m->phase1, "quick", (json_int_t)m->quick,
                     "informational", (json_int_t)m->informational);
}

static json_t *ike_json(const struct farm_result *r)
{
    const struct ike_statistics *s = &r->ike;

    return json_pack("{s:I,s:I,s:I,s:I,s:I,s:I,s:I,s:o,s:o}", "sas", (json_int_t)s->sas, "pairs",
                     (json_int_t)s->pairs, "phase1_established", (json_int_t)s->phase1_established,
                     "quick_established", (json_int_t)s->quick_established, "rekeys", (json_int_t)s->rekeys,
                     "dpd_dead", (json_int_t)s->dpd_dead, "invalid_spi", (json_int_t)s->invalid_spi, "sent",
                     messages_json(&r->sent), "received", messages_json(&r->received));
}

static json_t *direction_json(const struct account_report *a, uint32_t worst)
{
    return json_pack("{s:I,s:I,s:I,s:I,s:I,s:I,s:f,s:f,s:f,s:I,s:I,s:I}", "sent", (json_int_t)a->sent,
                     "received", (json_int_t)a->received, "lost", (json_int_t)a->lost, "duplicated",
                     (json_int_t)a->duplicated, "reordered", (json_int_t)a->reordered, "foreign",
                     (json_int_t)a->foreign, "gap_ms", ms(a->gap), "gap_max_ms", ms(a->flow_gap_max),
                     "gap_median_ms", ms(a->flow_gap_median), "worst_spoke", (json_int_t)worst,
                     "spokes_with_loss", (json_int_t)a->losing, "spokes_silent", (json_int_t)a->silent);
}

static json_t *traffic_json(const struct farm *f)
{
    static const char *const names[FARM_DIRECTIONS] = {"up", "down"};
    struct farm_traffic t;

    farm_traffic_look(f, &t);
    if (!t.began)
        return json_pack("{s:b}", "running", 0);
    json_t *json = json_pack("{s:b,s:I,s:f,s:I,s:f,s:I}", "running", (int)t.running, "spokes",
                             (json_int_t)t.options.spokes, "rate", t.options.rate_milli / 1000.0, "size",
                             (json_int_t)t.options.size, "seconds", ms(ns_since(t.until, t.since)) / 1000,
                             "host_errors", (json_int_t)t.host_errors);
    for (int way = 0; way < FARM_DIRECTIONS; way++)
        if (t.options.ways[way])
            json_object_set_new(json, names[way], direction_json(&t.reports[way], t.worst[way]));
    return json;
}

static json_t *drops_json(const struct farm *f)
{
    json_t *json = json_object();

    for (unsigned i = 1; i < DROP_REASON_COUNT; i++)
        if (farm_drops(f, i))
            json_object_set_new(json, drop_reason_name((enum drop_reason)i),
                                json_integer((json_int_t)farm_drops(f, i)));
    return json;
}

/* What this process has in memory, in KiB; 0 where /proc is not there. */
static json_int_t memory_kib(void)
{
    unsigned long pages = 0;
    FILE *file = fopen("/proc/self/statm", "re");

    if (file && fscanf(file, "%*u %lu", &pages) != 1)
        pages = 0;
    if (file)
        fclose(file);
    return (json_int_t)(pages * (unsigned long)sysconf(_SC_PAGESIZE) / 1024);
}

static char *text_of(json_t *json)
{
    char *text = json ? json_dumps(json, JSON_REAL_PRECISION(9)) : NULL, *line = NULL;

    if (text && asprintf(&line, "%s\n", text) < 0)
        line = NULL;
    free(text);
    json_decref(json);
    return line;
}

static char *status(const struct farm *f)
{
    struct farm_result r;

    farm_result(f, &r);
    double seconds = (double)((r.ended ? r.ended : clock_now()) - r.began) / 1e9;
    return text_of(
        json_pack("{s:I,s:I,s:I,s:f,s:f,s:f,s:f,s:I,s:I,s:I,s:I,s:o,s:o,s:o}", "wanted", (json_int_t)r.wanted,
                  "up", (json_int_t)r.up, "completed", (json_int_t)r.completed, "seconds", seconds, "rate",
                  seconds > 0 ? r.completed / seconds : 0.0, "median_ms", ms(r.latency_median), "p99_ms",
                  ms(r.latency_p99), "failures", (json_int_t)r.failures, "lost", (json_int_t)r.lost,
                  "retransmissions", (json_int_t)r.ike.retransmissions, "memory_kib", memory_kib(), "ike",
                  ike_json(&r), "traffic", traffic_json(f), "drops", drops_json(f)));
}

static char *refuse(const char *why)
{
    return text_of(json_pack("{s:s}", "error", why));
}

/* ---- commands ---- */

static bool number_read(const char *text, uint32_t low, uint32_t high, uint32_t *ret)
{
    char *end;

    errno = 0;
    unsigned long v = text && *text >= '0' && *text <= '9' ? strtoul(text, &end, 10) : 0;
    if (!text || *text < '0' || *text > '9' || *end || errno || v < low || v > high)
        return false;
    *ret = (uint32_t)v;
    return true;
}

static bool rate_read(const char *text, uint32_t *ret_milli)
{
    char *end;
    double v = text && *text >= '0' && *text <= '9' ? strtod(text, &end) : -1;

    if (v < 0.001 || *end || v > rate_max)
        return false;
    *ret_milli = (uint32_t)(v * 1000 + 0.5);
    return true;
}

static bool direction_read(const char *text, bool ways[FARM_DIRECTIONS])
{
    bool both = text && strcmp(text, "both") == 0;

    ways[FARM_UP] = both || (text && strcmp(text, "up") == 0);
    ways[FARM_DOWN] = both || (text && strcmp(text, "down") == 0);
    return ways[FARM_UP] || ways[FARM_DOWN];
}

const char *command_traffic_parse(char *words, struct farm_traffic_options *ret)
{
    struct farm_traffic_options o = {
        .spokes = 1, .rate_milli = 10000, .size = 200, .ways = {[FARM_UP] = true, [FARM_DOWN] = true}};
    char *rest = NULL;

    for (char *word = strtok_r(words, " \t", &rest); word; word = strtok_r(NULL, " \t", &rest)) {
        const char *value = strtok_r(NULL, " \t", &rest);
        if (strcmp(word, "--spokes") == 0 ? !number_read(value, 1, UINT32_MAX, &o.spokes)
            : strcmp(word, "--rate") == 0 ? !rate_read(value, &o.rate_milli)
            : strcmp(word, "--size") == 0
                ? !number_read(value, NUMBERED_SIZE, NUMBERED_SIZE_MAX, &o.size)
                : strcmp(word, "--direction") != 0 || !direction_read(value, o.ways))
            return "traffic start [--spokes N] [--rate PACKETS A SECOND OF EACH] [--size 24 to 1300] "
                   "[--direction up|down|both]";
    }
    *ret = o;
    return NULL;
}

static char *traffic_start(struct command_context *c, char *words)
{
    struct farm_traffic_options o;
    const char *wrong = command_traffic_parse(words, &o);

    if (wrong)
        return refuse(wrong);
    int error = farm_traffic_start(c->farm, &o);
    if (error)
        return refuse(error == -ENODEV   ? "the farm was started without a host at the far end"
                      : error == -EINVAL ? "more spokes than are wanted up"
                                         : strerror(-error));
    return status(c->farm);
}

static char *traffic_stop(struct command_context *c)
{
    farm_traffic_stop(c->farm);
    for (ns end = clock_now() + ARRIVAL_PATIENCE;
         !farm_traffic_arrived(c->farm) && clock_now() < end && !*c->stop;)
        farm_turn(c->farm, NS_PER_S / 50, NULL, 0);
    return status(c->farm);
}

static char *up(struct command_context *c, uint32_t tunnels, bool wait)
{
    farm_want(c->farm, tunnels);
    for (ns end = clock_now() + c->timeout; wait && !farm_settled(c->farm) && clock_now() < end && !*c->stop;)
        farm_turn(c->farm, NS_PER_S / 10, NULL, 0);
    farm_turn(c->farm, 0, NULL, 0);
    return status(c->farm);
}

char *command_run(struct command_context *c, const char *line)
{
    char copy[256], *rest = NULL;
    uint32_t n;
    int len = snprintf(copy, sizeof copy, "%s", line);

    copy[strcspn(copy, "\r\n")] = 0;
    const char *word = len < (int)sizeof copy ? strtok_r(copy, " \t", &rest) : NULL;
    const char *second = word ? strtok_r(NULL, " \t", &rest) : NULL;
    const char *third = word && strcmp(word, "traffic") != 0 ? strtok_r(NULL, " \t", &rest) : NULL;
    if (word && second && !third && (strcmp(word, "up") == 0 || strcmp(word, "want") == 0) &&
        number_read(second, 0, UINT32_MAX, &n))
        return up(c, n, *word == 'u');
    if (word && second && strcmp(word, "traffic") == 0 && strcmp(second, "start") == 0)
        return traffic_start(c, rest);
    if (word && second && strcmp(word, "traffic") == 0 && strcmp(second, "stop") == 0 && !*rest)
        return traffic_stop(c);
    if (word && !second && strcmp(word, "reset") == 0) {
        farm_reset(c->farm);
        return status(c->farm);
    }
    if (word && !second && strcmp(word, "status") == 0)
        return status(c->farm);
    return refuse("up N, want N, traffic start ..., traffic stop, reset or status");
}
