/* SPDX-License-Identifier: Apache-2.0 */
/* The scenarios that come with the project: every variant of each can be read, and every gateway's
 * configuration is one that the configuration parser takes without an error. The scenarios themselves need
 * root and time; this does not. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include <sys/stat.h>

#include <cmocka.h>

#include "config/parse.h"
#include "lab/scenario.h"

static const char *const folders[] = {
    "scenarios/single-link",        "scenarios/replayed-packets",       "scenarios/multiple-identities",
    "scenarios/asymmetric-routing", "tests/scenarios/plain-routing",    "tests/scenarios/one-gateway",
    "scenarios/stateful-failover",  "scenarios/stateful-failover-fast", "scenarios/stateful-failover-farm"};

static void config_file_check(const struct grammar *g, const char *path)
{
    static char content[1 << 16];
    struct config config;
    struct config_errors errors;
    FILE *f = fopen(path, "re");
    assert_non_null(f);
    size_t len = fread(content, 1, sizeof content, f);
    fclose(f);
    assert_in_range(len, 1, sizeof content - 1);
    config_errors_init(&errors);
    int rc = config_parse(g, path, content, len, &config, &errors);
    if (rc < 0)
        fail_msg("%s: %u errors, the first: %s", path, errors.errors,
                 errors.list.count ? errors.list.items[0].text : "");
    config_done(&config);
    config_errors_done(&errors);
}

static void scenario_check(const struct grammar *g, const char *folder, const char *variant)
{
    char error[SCRIPT_ERROR];
    struct scenario *s = scenario_load(folder, variant, error);
    if (!s)
        fail_msg("%s", error);
    assert_true(s->step_count > 0);
    assert_non_null(s->title);
    for (unsigned i = 0; i < s->node_count; i++) {
        if (s->nodes[i].kind == NODE_GATEWAY)
            config_file_check(g, s->nodes[i].config);
    }
    scenario_free(s);
}

static void test_files(void **state)
{
    (void)state;
    const char *root = getenv("ROOT");
    struct grammar g;
    assert_non_null(root);
    assert_int_equal(config_grammar_init(&g), 0);
    for (size_t i = 0; i < ARRAY_SIZE(folders); i++) {
        char folder[1024], error[SCRIPT_ERROR];
        snprintf(folder, sizeof folder, "%s/%s", root, folders[i]);
        struct scenario *s = scenario_load(folder, NULL, error);
        if (!s)
            fail_msg("%s", error);
        scenario_check(&g, folder, NULL);
        for (unsigned v = 0; v < s->variant_count; v++)
            scenario_check(&g, folder, s->variants[v].name);
        scenario_free(s);
    }
    grammar_done(&g);
}

/* A variant with a timeline of its own has that one, the others have the scenario's. */
static void test_own_timeline(void **state)
{
    (void)state;
    char folder[] = "/tmp/scenario.XXXXXX", path[64], error[SCRIPT_ERROR];
    static const struct {
        const char *file, *text;
    } files[] = {
        {"topology.lab", "title \"T\"\nvariant shared\nvariant own\nnode A host\n"},
        {"timeline.lab", "say \"one\"\n"},
        {"own/timeline.lab", "say \"one\"\nsay \"two\"\n"},
    };
    assert_non_null(mkdtemp(folder));
    snprintf(path, sizeof path, "%s/own", folder);
    assert_int_equal(mkdir(path, 0700), 0);
    for (size_t i = 0; i < ARRAY_SIZE(files); i++) {
        snprintf(path, sizeof path, "%s/%s", folder, files[i].file);
        FILE *f = fopen(path, "we");
        assert_non_null(f);
        fputs(files[i].text, f);
        assert_int_equal(fclose(f), 0);
    }
    static const struct {
        const char *variant;
        unsigned steps;
    } loads[] = {{NULL, 1}, {"shared", 1}, {"own", 2}};
    for (size_t i = 0; i < ARRAY_SIZE(loads); i++) {
        struct scenario *s = scenario_load(folder, loads[i].variant, error);
        if (!s)
            fail_msg("%s", error);
        assert_int_equal(s->step_count, loads[i].steps);
        scenario_free(s);
    }
    for (size_t i = 0; i < ARRAY_SIZE(files); i++) {
        snprintf(path, sizeof path, "%s/%s", folder, files[i].file);
        unlink(path);
    }
    snprintf(path, sizeof path, "%s/own", folder);
    rmdir(path);
    rmdir(folder);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_files), cmocka_unit_test(test_own_timeline)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
