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

#include <cmocka.h>

#include "config/parse.h"
#include "lab/scenario.h"

static const char *const folders[] = {"scenarios/single-link",         "scenarios/replayed-packets",
                                      "scenarios/multiple-identities", "scenarios/asymmetric-routing",
                                      "tests/scenarios/plain-routing", "tests/scenarios/one-gateway"};

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

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_files)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
