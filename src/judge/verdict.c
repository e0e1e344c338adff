/* SPDX-License-Identifier: Apache-2.0 */
/* What the judge tells: lines for people, JSON for programs. Reads the state and changes nothing. */
#include <stdlib.h>

#include "judge/judge_internal.h"

static const char *const role_names[JUDGE_ROLES] = {"link", "replays", "inside"};

const char *judge_check_name(enum judge_check check)
{
    static const char *const names[JUDGE_CHECKS] = {
        [CHECK_CAPTURES] = "captures whole",
        [CHECK_SEQUENCE] = "no (SPI, sequence number) twice",
        [CHECK_IV] = "no (key, IV) twice",
        [CHECK_READ] = "every ESP packet opened",
        [CHECK_ISAKMP] = "no ISAKMP in the quiet times",
        [CHECK_CLEAR] = "nothing in clear",
        [CHECK_DELIVERED] = "delivered at most once",
    };
    return check < JUDGE_CHECKS ? names[check] : "?";
}

bool judge_check_made(const struct judge *j, enum judge_check check)
{
    return check == CHECK_ISAKMP      ? j->config.window_count > 0
           : check == CHECK_CLEAR     ? j->config.clear_count > 0
           : check == CHECK_DELIVERED ? j->has_inside
                                      : true;
}

uint64_t judge_check_violations(const struct judge *j, enum judge_check check)
{
    return j->violations[check];
}

bool judge_ok(const struct judge *j)
{
    bool ok = j->finished;
    for (enum judge_check c = 0; c < JUDGE_CHECKS; c++)
        ok &= j->violations[c] == 0;
    return ok;
}

#define U(x) ((unsigned long long)(x))

/* The counts of what a check looked at. */
static void looked_at(const struct judge *j, enum judge_check check, FILE *out)
{
    const struct judge_counts *n = &j->counts;
    uint64_t packets = 0, sent = 0;
    for (unsigned i = 0; i < j->capture_count; i++) {
        packets += j->captures[i].packets;
        sent += j->captures[i].ipsec_out;
    }
    switch (check) {
    case CHECK_CAPTURES:
        fprintf(out, "%u captures, %llu packets, %llu IPsec packets sent", j->capture_count, U(packets),
                U(sent));
        if (j->has_replays)
            fprintf(out, ", %llu replayed", U(n->replays));
        break;
    case CHECK_SEQUENCE:
        fprintf(out, "%llu sequence numbers", U(n->sequences));
        break;
    case CHECK_IV:
        fprintf(out, "%llu IVs", U(n->ivs));
        break;
    case CHECK_READ:
        fprintf(out, "%llu of %llu opened with the keys of %u SAs, %llu in fragments", U(n->opened),
                U(n->esp), j->keys.sa_count, U(n->fragments));
        break;
    case CHECK_ISAKMP:
        fprintf(out, "%llu ISAKMP packets at any time", U(n->isakmp));
        break;
    case CHECK_CLEAR:
        fprintf(out, "%llu packets that are neither IPsec nor ISAKMP", U(n->unsealed));
        break;
    case CHECK_DELIVERED:
        fprintf(out, "%llu numbered packets sealed (%llu more than once), %llu delivered", U(n->inner_sealed),
                U(n->inner_again), U(n->delivered));
        if (j->has_replays)
            fprintf(out, ", %llu replayed", U(n->replays_of_numbers));
        break;
    case JUDGE_CHECKS:
        break;
    }
}

static const char *direction_name(uint8_t direction)
{
    return direction == CAPTURE_INBOUND ? "in" : direction == CAPTURE_OUTBOUND ? "out" : "sent";
}

static double violation_time(const struct judge *j, const struct violation *v)
{
    return v->time < j->config.origin ? -(double)(j->config.origin - v->time) / 1e9
                                      : (double)(v->time - j->config.origin) / 1e9;
}

static void violation_print(const struct judge *j, const struct violation *v, FILE *out)
{
    if (v->capture < j->capture_count)
        fprintf(out, "%s: ", j->captures[v->capture].name);
    if (v->packet)
        fprintf(out, "%.6f s, packet %llu %s: ", violation_time(j, v), U(v->packet),
                direction_name(v->direction));
    if (v->spi)
        fprintf(out, "SPI 0x%08x sequence %u: ", v->spi, v->sequence);
    fprintf(out, "%s", v->text);
}

static void detail_print(const struct judge *j, enum judge_check check, const char *indent, FILE *out)
{
    uint64_t n = j->violations[check];
    looked_at(j, check, out);
    if (n)
        fprintf(out, ": %llu violations", U(n));
    for (unsigned i = 0; i < j->told_count[check]; i++) {
        fprintf(out, "\n%s", indent);
        violation_print(j, &j->told[check][i], out);
    }
    if (n > j->told_count[check])
        fprintf(out, "\n%s...", indent);
}

char *judge_check_detail(const struct judge *j, enum judge_check check)
{
    char *text = NULL;
    size_t len;
    FILE *out = open_memstream(&text, &len);
    if (!out)
        return NULL;
    detail_print(j, check, "", out);
    fclose(out);
    return text;
}

void judge_print(const struct judge *j, FILE *out)
{
    fprintf(out, "  %-24s %-8s %10s %10s %10s %8s %6s\n", "capture", "as", "in", "out", "IPsec out", "ISAKMP",
            "lost");
    for (unsigned i = 0; i < j->capture_count; i++) {
        const struct judge_capture *c = &j->captures[i];
        char lost[24] = "?";
        if (c->lost_told)
            snprintf(lost, sizeof lost, "%llu", U(c->lost));
        fprintf(out, "  %-24s %-8s %10llu %10llu %10llu %8llu %6s\n", c->name, role_names[c->role], U(c->in),
                U(c->out), U(c->ipsec_out), U(c->isakmp), lost);
    }
    for (enum judge_check c = 0; c < JUDGE_CHECKS; c++) {
        if (!judge_check_made(j, c))
            continue;
        fprintf(out, "%-5s %s: ", j->violations[c] ? "FAIL" : "ok", judge_check_name(c));
        detail_print(j, c, "        ", out);
        fprintf(out, "\n");
    }
    fprintf(out, "%s\n", judge_ok(j) ? "clean" : "REFUTED");
}

static json_t *violations_json(const struct judge *j, enum judge_check check)
{
    json_t *list = json_array();
    for (unsigned i = 0; i < j->told_count[check]; i++) {
        const struct violation *v = &j->told[check][i];
        json_t *o = json_pack("{s:s}", "text", v->text);
        if (v->capture < j->capture_count)
            json_object_set_new(o, "capture", json_string(j->captures[v->capture].name));
        if (v->packet) {
            json_object_set_new(o, "time_s", json_real(violation_time(j, v)));
            json_object_set_new(o, "packet", json_integer((json_int_t)v->packet));
            json_object_set_new(o, "direction", json_string(direction_name(v->direction)));
        }
        if (v->spi) {
            json_object_set_new(o, "spi", json_integer(v->spi));
            json_object_set_new(o, "sequence", json_integer(v->sequence));
        }
        json_array_append_new(list, o);
    }
    return list;
}

static json_t *captures_json(const struct judge *j)
{
    json_t *list = json_array();
    for (unsigned i = 0; i < j->capture_count; i++) {
        const struct judge_capture *c = &j->captures[i];
        json_t *o = json_pack("{s:s,s:s,s:b,s:I,s:I,s:I,s:I}", "name", c->name, "as", role_names[c->role],
                              "broken", (int)c->broken, "in", (json_int_t)c->in, "out", (json_int_t)c->out,
                              "ipsec_out", (json_int_t)c->ipsec_out, "isakmp", (json_int_t)c->isakmp);
        json_object_set_new(o, "lost", c->lost_told ? json_integer((json_int_t)c->lost) : json_null());
        json_array_append_new(list, o);
    }
    return list;
}

json_t *judge_json(const struct judge *j)
{
    const struct judge_counts *n = &j->counts;
    json_t *checks = json_array();
    for (enum judge_check c = 0; c < JUDGE_CHECKS; c++) {
        if (!judge_check_made(j, c))
            continue;
        char *detail = judge_check_detail(j, c);
        if (detail)
            detail[strcspn(detail, "\n")] = '\0';
        json_array_append_new(checks,
                              json_pack("{s:s,s:b,s:s,s:I,s:o}", "name", judge_check_name(c), "ok",
                                        j->violations[c] == 0, "detail", detail ? detail : "", "violations",
                                        (json_int_t)j->violations[c], "told", violations_json(j, c)));
        free(detail);
    }
    json_t *counts = json_pack(
        "{s:I,s:I,s:I,s:I,s:I,s:I,s:I,s:I,s:I}", "sequence_numbers", (json_int_t)n->sequences, "ivs",
        (json_int_t)n->ivs, "esp", (json_int_t)n->esp, "opened", (json_int_t)n->opened, "isakmp",
        (json_int_t)n->isakmp, "inner_sealed", (json_int_t)n->inner_sealed, "inner_sealed_again",
        (json_int_t)n->inner_again, "delivered", (json_int_t)n->delivered, "replays", (json_int_t)n->replays);
    return json_pack("{s:b,s:o,s:o,s:o}", "ok", (int)judge_ok(j), "captures", captures_json(j), "counts",
                     counts, "checks", checks);
}
