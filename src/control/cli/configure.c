/* SPDX-License-Identifier: Apache-2.0 */
/* Each line is applied to a working copy, and the working copy is put in force when no further line waits (a
 * pasted block takes effect as one change). A line that is wrong changes nothing. When another session or a
 * reload changed the configuration meanwhile, the working copy is taken anew, so that nobody's change is
 * lost. */
#include "control/cli/configure.h"

#include <stdlib.h>
#include <strings.h>

#include "config/parse.h"
#include "control/cli/exec.h"

struct cli_configure {
    struct control *control;
    struct config *working;
    uint64_t base; /* control's config_version when the copy was taken */
    struct config_session session;
    struct config_errors errors;
    bool changed;
};

static bool working_take(struct cli_configure *s)
{
    control_config_free(s->working);
    s->working = control_config_copy(s->control);
    s->base = s->control->config_version;
    s->changed = false;
    if (!s->working)
        return false;
    config_session_init(&s->session, &s->control->grammar, s->working, &s->errors);
    return true;
}

struct cli_configure *cli_configure_new(struct control *c)
{
    struct cli_configure *s = calloc(1, sizeof *s);

    if (!s)
        return NULL;
    s->control = c;
    config_errors_init(&s->errors);
    if (!working_take(s)) {
        cli_configure_free(s);
        return NULL;
    }
    return s;
}

void cli_configure_free(struct cli_configure *s)
{
    if (!s)
        return;
    control_config_free(s->working);
    config_errors_done(&s->errors);
    free(s);
}

const char *cli_configure_mode(const struct cli_configure *s)
{
    const struct grammar_mode *m = grammar_find_mode(&s->control->grammar, s->session.mode);

    return m ? m->prompt : "config";
}

uint8_t cli_configure_mode_id(const struct cli_configure *s)
{
    return s->session.mode;
}

/* The marker stands under the token that the error is about. */
static void errors_print(struct cli_configure *s, const char *line, struct text *out)
{
    for (uint32_t i = 0; i < s->errors.list.count; i++) {
        const struct config_error *e = &s->errors.list.items[i];
        if (e->severity == CONFIG_ERROR && e->place.column)
            text_printf(out, "%s\n%*s^\n", line, (int)e->place.column - 1, "");
        text_printf(out, "%% %s%s\n",
                    e->severity == CONFIG_WARNING ? "warning: "
                    : e->severity == CONFIG_NOTE  ? "note: "
                                                  : "",
                    e->text);
    }
    config_errors_done(&s->errors);
    config_errors_init(&s->errors);
}

static int working_apply(struct cli_configure *s, struct text *out)
{
    struct control *c = s->control;
    struct config *next = calloc(1, sizeof *next);

    s->changed = false;
    if (!next || config_copy(s->working, next) != 0) {
        free(next);
        text_add(out, "% no memory\n");
        return EXEC_FAILED;
    }
    if (control_apply(c, next) == 0) {
        s->base = c->config_version;
        return EXEC_OK;
    }
    control_config_free(next);
    text_add(out, "% the change cannot be put in force, `show logging` says why; it was taken back\n");
    (void)!working_take(s);
    return EXEC_FAILED;
}

static bool line_is(const char *line, const char *word)
{
    size_t start = strspn(line, " \t"), len = strcspn(line + start, " \t\r\n");

    return len == strlen(word) && strncasecmp(line + start, word, len) == 0;
}

int cli_configure_line(struct cli_configure *s, struct cli_client *client, const char *line, bool more_follow,
                       struct text *out, bool *ret_ended)
{
    int status = EXEC_OK;

    *ret_ended = false;
    if (s->base != s->control->config_version) {
        if (!working_take(s)) {
            *ret_ended = true;
            return EXEC_FAILED;
        }
        text_add(out, "% the configuration was changed elsewhere meanwhile: this is the global mode again\n");
    }
    bool at_global = s->session.mode == CONFIG_MODE_GLOBAL;
    size_t start = strspn(line, " \t");
    if (strncasecmp(line + start, "do ", 3) == 0)
        return exec_run(s->control, client, line + start + 3, out);
    if (line_is(line, "\032") || line_is(line, "^Z")) {
        s->session.ended = true;
    } else if (line_is(line, "exit") && at_global) {
        s->session.ended = true;
    } else if (config_apply_line(&s->session, line) != 0) {
        status = EXEC_FAILED;
    } else {
        s->changed = true;
    }
    errors_print(s, line, out);
    if (s->changed && (!more_follow || s->session.ended) && working_apply(s, out) != EXEC_OK)
        status = EXEC_FAILED;
    if (s->session.ended) {
        *ret_ended = true;
        log_line(s->control->log, "SYS", 5, "CONFIG_I", "Configured from the command");
    }
    return status;
}
