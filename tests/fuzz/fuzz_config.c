/* SPDX-License-Identifier: Apache-2.0 */
/* The text of a configuration: whatever is accepted must, written and read again, give the same text, and
 * mean the same. Lines are also typed one by one, and completed, with a configuration that may be half done.
 */
#include <assert.h>
#include <stdlib.h>

#include "config/parse.h"
#include "config/plan.h"
#include "config/write.h"

static struct grammar grammar;

static void again(const struct config *c)
{
    struct config_errors errors;
    struct config second;
    struct config_plan plan;
    struct text a, b;
    text_init(&a);
    text_init(&b);
    config_errors_init(&errors);
    assert(config_write(&grammar, c, false, &a) == 0);
    assert(config_parse(&grammar, NULL, text_get(&a), a.len, &second, &errors) == 0);
    assert(config_write(&grammar, &second, false, &b) == 0);
    assert(strcmp(text_get(&a), text_get(&b)) == 0);
    assert(config_plan_make(&grammar, c, &second, &plan) == 0);
    assert(plan.changes.count == 0);
    config_plan_done(&plan);
    config_done(&second);
    config_errors_done(&errors);
    text_done(&a);
    text_done(&b);
}

static void typed(const char *text)
{
    struct config_errors errors;
    struct config_session s;
    struct config c, copy;
    struct grammar_candidate candidates[8];
    char *lines = strdup(text), *save, *line, tab[64];
    assert(lines != NULL);
    config_init(&c);
    config_errors_init(&errors);
    config_session_init(&s, &grammar, &c, &errors);
    for (line = strtok_r(lines, "\n", &save); line != NULL; line = strtok_r(NULL, "\n", &save)) {
        (void)grammar_complete(&grammar, s.mode, line, candidates, ARRAY_SIZE(candidates));
        (void)grammar_complete_tab(&grammar, s.mode, line, tab, sizeof(tab));
        (void)!config_apply_line(&s, line);
        assert(s.mode > GRAMMAR_MODE_EXEC && s.mode < CONFIG_MODES);
    }
    assert(config_copy(&c, &copy) == 0);
    config_done(&copy);
    config_done(&c);
    config_errors_done(&errors);
    free(lines);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
    struct config_errors errors;
    struct config c;
    if (grammar.count == 0)
        assert(config_grammar_init(&grammar) == 0);
    config_errors_init(&errors);
    if (config_parse(&grammar, "fuzz", (const char *)data, len, &c, &errors) == 0)
        again(&c);
    config_done(&c);
    config_errors_done(&errors);
    char *text = malloc(len + 1);
    assert(text != NULL);
    memcpy(text, data, len);
    text[len] = 0;
    typed(text);
    free(text);
    return 0;
}
