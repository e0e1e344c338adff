/* SPDX-License-Identifier: Apache-2.0 */
/* `holdfast lab judge`: the capture judge (src/judge) on files. Needs no lab and no root. */
#include <errno.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>

#include "judge/judge.h"
#include "lab/commands.h"

static const char judge_usage[] =
    "usage: holdfast lab judge --link FILE... [--inside FILE[,FILE...]]... [--replays FILE]... [--keys "
    "FILE]...\n"
    "                          [--clear PREFIX]... [--quiet FROM[,UNTIL]]... [--least N] [--delivered N]\n"
    "                          [--json FILE]\n"
    "FILE: pcapng or pcap, taken at the gateways' own ends. --keys: esp_sa, as `debug crypto keys` writes "
    "it.\n"
    "FROM, UNTIL: seconds since 1970, as captures have them. docs/lab.md says what is judged.\n";

enum { JUDGE_KEY_FILES = 64 };

struct judge_order {
    struct judge_config config;
    const char *keys[JUDGE_KEY_FILES];
    unsigned key_count;
    struct {
        enum judge_role role;
        unsigned group;
        const char *path;
    } captures[JUDGE_CAPTURES];
    unsigned capture_count, groups;
    const char *json;
};

static bool capture_take(struct judge_order *o, enum judge_role role, unsigned group, const char *path)
{
    if (o->capture_count == JUDGE_CAPTURES || *path == '\0')
        return false;
    o->captures[o->capture_count].role = role;
    o->captures[o->capture_count].group = group;
    o->captures[o->capture_count++].path = path;
    return true;
}

static bool group_take(struct judge_order *o, char *paths)
{
    if (o->groups == JUDGE_GROUPS)
        return false;
    bool good = true;
    char *save;
    for (char *path = strtok_r(paths, ",", &save); path && good; path = strtok_r(NULL, ",", &save))
        good = capture_take(o, JUDGE_INSIDE, o->groups, path);
    o->groups++;
    return good;
}

/* Seconds with a fraction, exactly. */
static bool time_take(const char **at, ns *ret)
{
    char *end;
    unsigned long long seconds = strtoull(*at, &end, 10);
    ns t = seconds * NS_PER_S;
    if (end == *at || **at < '0' || **at > '9' || seconds > UINT64_MAX / NS_PER_S - 1)
        return false;
    if (*end == '.') {
        ns unit = NS_PER_S / 10;
        for (end++; *end >= '0' && *end <= '9'; end++, unit /= 10)
            t += (ns)(*end - '0') * unit;
    }
    *at = end;
    *ret = t;
    return true;
}

static bool window_take(struct judge_config *c, const char *text)
{
    if (c->window_count == JUDGE_WINDOWS)
        return false;
    struct judge_window *w = &c->windows[c->window_count++];
    w->until = NS_NEVER;
    snprintf(w->name, sizeof w->name, "%.40s", text);
    return time_take(&text, &w->from) && (*text == '\0' || (*text++ == ',' && time_take(&text, &w->until))) &&
           *text == '\0';
}

static bool clear_take(struct judge_config *c, const char *text)
{
    if (c->clear_count == JUDGE_PREFIXES || !script_prefix(text, &c->clear[c->clear_count]))
        return false;
    prefix_mask(&c->clear[c->clear_count++]);
    return true;
}

static bool number_take(const char *text, uint64_t *ret)
{
    char *end;
    *ret = strtoull(text, &end, 10);
    return *text >= '0' && *text <= '9' && *end == '\0';
}

static bool order_parse(int argc, char **argv, struct judge_order *o)
{
    static const struct option options[] = {
        {"link", required_argument, NULL, 'l'},    {"inside", required_argument, NULL, 'i'},
        {"replays", required_argument, NULL, 'r'}, {"keys", required_argument, NULL, 'k'},
        {"clear", required_argument, NULL, 'c'},   {"quiet", required_argument, NULL, 'q'},
        {"least", required_argument, NULL, 'n'},   {"delivered", required_argument, NULL, 'd'},
        {"json", required_argument, NULL, 'j'},    {0},
    };
    bool good = true;
    optind = 0;
    for (int c; good && (c = getopt_long(argc, argv, "", options, NULL)) != -1;) {
        switch (c) {
        case 'l':
            good = capture_take(o, JUDGE_LINK, 0, optarg);
            break;
        case 'i':
            good = group_take(o, optarg);
            break;
        case 'r':
            good = capture_take(o, JUDGE_REPLAYS, 0, optarg);
            break;
        case 'k':
            good = o->key_count < JUDGE_KEY_FILES;
            if (good)
                o->keys[o->key_count++] = optarg;
            break;
        case 'c':
            good = clear_take(&o->config, optarg);
            break;
        case 'q':
            good = window_take(&o->config, optarg);
            break;
        case 'n':
            good = number_take(optarg, &o->config.least_sent);
            break;
        case 'd':
            good = number_take(optarg, &o->config.least_delivered);
            break;
        case 'j':
            o->json = optarg;
            break;
        default:
            good = false;
        }
    }
    return good && optind == argc && o->capture_count > 0;
}

static bool keys_read(struct judge *j, const char *path)
{
    FILE *f = fopen(path, "re");
    int rc = f ? judge_keys(j, path, f) : -errno;
    if (f)
        fclose(f);
    if (rc < 0)
        fprintf(stderr, "holdfast lab judge: %s: %s\n", path,
                rc == -EBADMSG ? "not a table of Wireshark's esp_sa" : strerror(-rc));
    return rc >= 0;
}

static bool verdict_write(const struct judge *j, const char *path)
{
    bool standard = strcmp(path, "-") == 0;
    json_t *json = judge_json(j);
    bool good = json && (standard ? json_dumpf(json, stdout, JSON_INDENT(2))
                                  : json_dump_file(json, path, JSON_INDENT(2))) == 0;
    if (good && standard)
        puts("");
    if (!good)
        fprintf(stderr, "holdfast lab judge: %s cannot be written\n", path);
    json_decref(json);
    return good;
}

int lab_judge(int argc, char **argv)
{
    struct judge_order *o = calloc(1, sizeof *o);
    if (!o || !order_parse(argc, argv, o)) {
        fputs(judge_usage, stderr);
        free(o);
        return LAB_USAGE;
    }
    struct judge *j = judge_new(&o->config);
    bool good = j != NULL;
    if (!j)
        fprintf(stderr, "holdfast lab judge: not enough memory, or a processor without AES\n");
    for (unsigned i = 0; good && i < o->key_count; i++)
        good = keys_read(j, o->keys[i]);
    for (enum judge_role role = 0; good && role < JUDGE_ROLES; role++) {
        for (unsigned i = 0; i < o->capture_count; i++) {
            if (o->captures[i].role == role)
                judge_capture(j, role, o->captures[i].group, o->captures[i].path,
                              fopen(o->captures[i].path, "re"));
        }
    }
    int rc = LAB_USAGE;
    if (good) {
        judge_finish(j);
        judge_print(j, o->json && strcmp(o->json, "-") == 0 ? stderr : stdout);
        rc = (!o->json || verdict_write(j, o->json)) && judge_ok(j) ? LAB_OK : LAB_FAILED;
    }
    judge_free(j);
    free(o);
    return rc;
}
