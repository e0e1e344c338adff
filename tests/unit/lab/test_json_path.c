/* SPDX-License-Identifier: Apache-2.0 */
/* Paths into the JSON of `show ... | json`. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#include "lab/json_path.h"

static const char document[] =
    "{\"sas\":[{\"peer\":\"9.1.1.22\",\"packets\":10,\"up\":true},"
    "{\"peer\":\"9.1.1.26\",\"packets\":9,\"up\":null}],\"length\":\"own\",\"empty\":[],"
    "\"deep\":{\"a\":{\"b\":[[1,2],[3]]}}}";

static const struct {
    const char *path;
    enum compare compare;
    bool negated;
    const char *operand;
    bool holds;
} cases[] = {
    {"sas[0].peer", COMPARE_EQ, false, "9.1.1.22", true},
    {"sas[1].peer", COMPARE_EQ, false, "9.1.1.22", false},
    {"sas[1].peer", COMPARE_NE, false, "9.1.1.22", true},
    {"sas[*].peer", COMPARE_EQ, false, "9.1.1.26", true},
    {"sas[*].peer", COMPARE_EQ, true, "9.1.1.26", false},
    {"sas[*].peer", COMPARE_MATCHES, false, "^9\\.1\\.1\\.2[67]$", true},
    {"sas[*].peer", COMPARE_MATCHES, true, "^10\\.", true},
    {"sas[0].packets", COMPARE_GE, false, "10", true},
    {"sas[0].packets", COMPARE_GT, false, "9", true}, /* as numbers: as text 10 < 9 */
    {"sas[0].packets", COMPARE_EQ, false, "10.0", true},
    {"sas[0].up", COMPARE_EQ, false, "true", true},
    {"sas[1].up", COMPARE_EQ, false, "null", true},
    {"sas[0].peer", COMPARE_LT, false, "9.1.1.30", false}, /* text has no order here */
    {"sas.length", COMPARE_EQ, false, "2", true},
    {"sas[0].length", COMPARE_EQ, false, "3", true},
    {"empty.length", COMPARE_EQ, false, "0", true},
    {"length", COMPARE_EQ, false, "own", true},
    {"deep.a.b[0][1]", COMPARE_EQ, false, "2", true},
    {"deep.a.b[*][*]", COMPARE_EQ, false, "3", true},
    {"deep.a.b", COMPARE_EQ, false, "[[1,2],[3]]", true},
    {"empty[*]", COMPARE_NE, false, "x", false},
    {"sas[7].peer", COMPARE_EQ, false, "9.1.1.22", false},
    {"sas[0].none", COMPARE_EQ, false, "", false},
    {"sas[0].none", COMPARE_MATCHES, true, "x", true},
    {"sas[0", COMPARE_EQ, false, "x", false},
    {"deep[0]", COMPARE_EQ, false, "x", false},
    {"sas[*].peer", COMPARE_MATCHES, false, "(", false},
};

static void test_cases(void **state)
{
    (void)state;
    json_t *root = json_loads(document, 0, NULL);
    assert_non_null(root);
    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        char detail[64];
        if (json_path_holds(root, cases[i].path, cases[i].compare, cases[i].negated, cases[i].operand, detail,
                            sizeof detail) != cases[i].holds)
            fail_msg("%zu: %s %s %s: %s", i, cases[i].path, compare_name(cases[i].compare), cases[i].operand,
                     detail);
    }
    json_decref(root);
}

static void test_detail_is_bounded(void **state)
{
    (void)state;
    json_t *root = json_loads(document, 0, NULL);
    char detail[12];
    assert_true(json_path_holds(root, "sas[*].peer", COMPARE_EQ, false, "9.1.1.26", detail, sizeof detail));
    assert_string_equal(detail, "9.1.1.22, 9");
    json_path_holds(root, "no.such", COMPARE_EQ, false, "", detail, sizeof detail);
    assert_string_equal(detail, "nothing at ");
    json_decref(root);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_cases),
        cmocka_unit_test(test_detail_is_bounded),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
