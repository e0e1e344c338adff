/* SPDX-License-Identifier: Apache-2.0 */
/* Plays a scenario of the lab in the simulator:
 *
 *     site_scenario FOLDER [--variant V] [--json FILE] [--quiet | --brief] [--seed N]
 *
 * Without a variant all of them. Prints the listing (who said what when, in ms of virtual time); --json
 * writes the figures as `holdfast lab run --json` does. Exit code 0: all checks hold. 1: one does not. 2: a
 * mistake in the scenario or the command line. 3: the simulator cannot play this scenario, and says why. */
#include <stdlib.h>

#include "site/play/play.h"

enum { EXIT_FAILS = 1, EXIT_MISTAKE = 2, EXIT_REFUSED = 3 };

struct options {
    const char *folder, *variant, *json;
    uint64_t seed;
    bool quiet, brief;
};

static bool options_parse(struct options *o, int argc, char **argv)
{
    *o = (struct options){.seed = 1};
    for (int i = 1; i < argc; i++) {
        const char *value = i + 1 < argc ? argv[i + 1] : NULL;
        if (strcmp(argv[i], "--quiet") == 0) {
            o->quiet = true;
        } else if (strcmp(argv[i], "--brief") == 0) {
            o->brief = true;
        } else if (value && strcmp(argv[i], "--variant") == 0) {
            o->variant = argv[++i];
        } else if (value && strcmp(argv[i], "--json") == 0) {
            o->json = argv[++i];
        } else if (value && strcmp(argv[i], "--seed") == 0) {
            o->seed = strtoull(argv[++i], NULL, 10);
        } else if (argv[i][0] != '-' && !o->folder) {
            o->folder = argv[i];
        } else {
            return false;
        }
    }
    return o->folder != NULL;
}

/* One variant. */
static int play_one(const struct options *o, const struct scenario *s, json_t *variants)
{
    char *why = play_refuses(s);
    if (why) {
        printf("%s cannot be simulated: %s\n", s->name, why);
        free(why);
        return EXIT_REFUSED;
    }
    struct play *p = calloc(1, sizeof(*p));
    int code = EXIT_MISTAKE;
    if (p && play_build(p, s, o->seed, gateway_new)) {
        p->brief = o->brief;
        code = play_run(p) ? EXIT_SUCCESS : EXIT_FAILS;
    }
    if (p && !o->quiet)
        play_print(p, stdout);
    if (p)
        json_array_append_new(variants, play_json(p));
    if (p && p->error && o->quiet)
        fprintf(stderr, "%s %s: %s\n", s->name, scenario_variant_name(s), p->error);
    if (p)
        play_done(p);
    free(p);
    return code;
}

static int json_write(const struct options *o, const char *name, json_t *variants, int code)
{
    json_t *out = json_pack("{s:s,s:b,s:O}", "scenario", name, "ok", (int)(code == 0), "variants", variants);
    int rc = out ? json_dump_file(out, o->json, JSON_INDENT(1)) : -1;
    json_decref(out);
    return rc == 0 ? code : EXIT_MISTAKE;
}

/* The variant asked for, or the number `v` of all of them. */
static struct scenario *load(const struct options *o, unsigned v, char error[SCRIPT_ERROR])
{
    struct scenario *s = scenario_load(o->folder, o->variant, error);
    if (!s || o->variant || v == 0)
        return s;
    char wanted[SCRIPT_NAME];
    snprintf(wanted, sizeof wanted, "%s", s->variants[v].name);
    scenario_free(s);
    return scenario_load(o->folder, wanted, error);
}

int main(int argc, char **argv)
{
    struct options o;
    char error[SCRIPT_ERROR], name[SCRIPT_NAME] = "";
    int code = 0;
    unsigned count = 1;
    if (!options_parse(&o, argc, argv)) {
        fprintf(stderr,
                "usage: site_scenario FOLDER [--variant V] [--json FILE] [--quiet | --brief] [--seed N]\n");
        return EXIT_MISTAKE;
    }
    json_t *results = json_array();
    for (unsigned v = 0; v < count; v++) {
        struct scenario *s = load(&o, v, error);
        if (!s) {
            fprintf(stderr, "%s\n", error);
            json_decref(results);
            return EXIT_MISTAKE;
        }
        count = o.variant ? 1 : MAX(s->variant_count, 1U);
        snprintf(name, sizeof name, "%s", s->name);
        int one = play_one(&o, s, results);
        code = MAX(code, one);
        scenario_free(s);
    }
    if (o.json)
        code = json_write(&o, name, results, code);
    json_decref(results);
    return code;
}
