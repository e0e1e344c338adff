/* SPDX-License-Identifier: Apache-2.0 */
/* See routing.h. There are three lists: what is wanted, what FRR was told and took, and what it is being
 * told. Once a second, while anything is wanted or told, the daemons are looked at: one that is another
 * process than before knows nothing. */
#include "control/routing/routing.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "control/cli/exec.h"
#include "control/control.h"
#include "control/routing/translate.h"
#include "control/routing/vtysh.h"
#include "io/files.h"

enum { LOOK_MS = 1000, END_MS = 2000, TRIES = 5, STATE_MAX = 64 << 20, DAEMONS = 2, PATH = 300 };

static const char *const daemon_names[DAEMONS] = {"zebra", "ospfd"};

struct routing {
    struct control *control;
    uv_timer_t timer;
    struct routing_lines wanted, told, telling;
    uint64_t identity[DAEMONS]; /* of the daemons that were told; 0: not needed then */
    struct vtysh *run;
    bool due;       /* wanted and told may differ */
    unsigned tries; /* of the present change */
    bool absence_said;
};

/* ---- what was told, for a successor ---- */

static void path_of(const struct control *c, const char *file, char out[PATH])
{
    snprintf(out, PATH, "%s/%s", c->run_directory, file);
}

static void told_store(struct routing *r)
{
    char path[PATH];
    struct text t;

    text_init(&t);
    text_printf(&t, "%" PRIu64 " %" PRIu64 "\n", r->identity[0], r->identity[1]);
    routing_lines_store(&r->told, &t);
    path_of(r->control, "routing.told", path);
    if (r->told.count == 0)
        unlink(path);
    else if (t.failed || file_write(path, bytes_of(t.data, t.len), 0600) != 0)
        log_line(r->control->log, "HOLDFAST", 4, "ROUTING", "%s cannot be written", path);
    text_done(&t);
}

static void told_load(struct routing *r)
{
    char path[PATH], *text = NULL;
    size_t len;

    path_of(r->control, "routing.told", path);
    if (file_read(path, STATE_MAX, &text, &len) != 0)
        return;
    char *rest = strchr(text, '\n');
    bool good = rest && sscanf(text, "%" SCNu64 " %" SCNu64, &r->identity[0], &r->identity[1]) == DAEMONS;
    if (!good || !routing_lines_load(&r->told, rest + 1))
        log_line(r->control->log, "HOLDFAST", 4, "ROUTING", "%s cannot be read: FRR is told everything",
                 path);
    free(text);
}

/* ---- the daemons ---- */

static bool lines_need(const struct routing_lines *l, unsigned daemon)
{
    static const char *const contexts[DAEMONS] = {"", "router ospf"};

    for (uint32_t i = 0; i < l->count; i++)
        if (strncmp(l->items[i].line, contexts[daemon], strlen(contexts[daemon])) == 0)
            return true;
    return false;
}

/* A daemon that is another process than the one that was told, or is gone, knows nothing. Nothing of ours is
 * in zebra. */
static void daemons_compare(struct routing *r)
{
    for (unsigned d = 1; d < DAEMONS; d++) {
        uint64_t now = vtysh_daemon(daemon_names[d]);
        if (!r->identity[d] || now == r->identity[d])
            continue;
        routing_lines_done(&r->told);
        r->identity[d] = 0;
        r->due = true;
        told_store(r);
    }
}

/* The first of those that are needed and do not answer; NULL: all are there. Notes whom we are about to tell.
 */
static const char *daemons_missing(struct routing *r)
{
    for (unsigned d = 0; d < DAEMONS; d++)
        if (lines_need(&r->wanted, d) && !vtysh_daemon_answers(daemon_names[d]))
            return daemon_names[d];
    for (unsigned d = 0; d < DAEMONS; d++)
        r->identity[d] = lines_need(&r->wanted, d) ? vtysh_daemon(daemon_names[d]) : 0;
    return NULL;
}

static void absence_say(struct routing *r, const char *what)
{
    if (!r->absence_said)
        log_line(r->control->log, "HOLDFAST", 3, "ROUTING",
                 "'router ...' has no effect: %s of FRR does not answer in %s (package frr)", what,
                 vtysh_directory());
    r->absence_said = true;
}

/* ---- telling ---- */

static void output_log(struct routing *r, const char *output)
{
    for (const char *at = output; *at;) {
        size_t len = strcspn(at, "\n");
        if (len > 0)
            log_line(r->control->log, "HOLDFAST", 4, "ROUTING", "FRR: %.*s", (int)MIN(len, (size_t)200), at);
        at += len + (at[len] == '\n');
    }
}

static void look(struct routing *r);

static void told(void *context, int status, const char *output)
{
    struct routing *r = context;

    r->run = NULL;
    if (status != 0 && ++r->tries < TRIES) {
        routing_lines_done(&r->telling);
        r->due = true; /* again at the next look */
        return;
    }
    r->tries = 0;
    if (status != 0)
        output_log(r, output);
    if (r->absence_said)
        log_line(r->control->log, "HOLDFAST", 5, "ROUTING", "FRR answers in %s", vtysh_directory());
    r->absence_said = false;
    /* A line that FRR still refuses is in the log; it would refuse it again. */
    routing_lines_done(&r->told);
    r->told = r->telling;
    r->telling = (struct routing_lines){0};
    told_store(r);
    look(r);
}

static bool lines_copy(const struct routing_lines *from, struct routing_lines *ret)
{
    *ret = (struct routing_lines){0};
    for (uint32_t i = 0; i < from->count; i++)
        routing_lines_add(ret, from->items[i].context, from->items[i].line, from->items[i].undo);
    if (ret->failed)
        routing_lines_done(ret);
    return !ret->failed;
}

static bool change_write(struct routing *r, char path[PATH])
{
    struct text t;

    text_init(&t);
    routing_lines_change(&r->told, &r->wanted, &t);
    path_of(r->control, "routing.change", path);
    int error = t.failed ? -ENOMEM : t.len ? file_write(path, bytes_of(t.data, t.len), 0600) : 0;
    if (error)
        log_line(r->control->log, "HOLDFAST", 3, "ROUTING", "%s cannot be written: %s", path,
                 strerror(-error));
    bool any = t.len > 0;
    text_done(&t);
    return any && !error;
}

static void tell(struct routing *r)
{
    char path[PATH];

    r->due = false;
    if (!change_write(r, path) || !lines_copy(&r->wanted, &r->telling))
        return;
    int error = vtysh_run(&r->control->loop, "-f", path, told, r, &r->run);
    if (error == 0)
        return;
    routing_lines_done(&r->telling);
    r->due = true;
    absence_say(r, error == UV_ENOENT ? "the command vtysh" : uv_strerror(error));
}

static void look(struct routing *r)
{
    if (r->run)
        return;
    daemons_compare(r);
    if (r->wanted.count == 0 && r->told.count == 0) {
        uv_timer_stop(&r->timer);
        return;
    }
    if (!r->due)
        return;
    const char *missing = daemons_missing(r);
    if (missing)
        absence_say(r, missing);
    else
        tell(r);
}

static void look_due(uv_timer_t *timer)
{
    look(timer->data);
}

/* ---- for others ---- */

int routing_begin(struct control *c)
{
    struct routing *r = calloc(1, sizeof *r);

    if (!r)
        return -ENOMEM;
    r->control = c;
    c->routing = r;
    uv_timer_init(&c->loop, &r->timer);
    r->timer.data = r;
    told_load(r);
    return 0;
}

void routing_apply(struct control *c, const struct config *after)
{
    struct routing *r = c->routing;
    struct routing_lines wanted;

    if (routing_translate(after, &wanted) != 0) {
        log_line(c->log, "HOLDFAST", 3, "ROUTING", "no memory for FRR's configuration");
        return;
    }
    routing_lines_done(&r->wanted);
    r->wanted = wanted;
    r->due = true;
    if (wanted.count || r->told.count)
        uv_timer_start(&r->timer, look_due, 0, LOOK_MS);
}

void routing_end(struct control *c)
{
    struct routing *r = c->routing;
    char path[PATH];

    if (!r)
        return;
    uv_timer_stop(&r->timer);
    if (r->run) { /* it may have told anything of this */
        vtysh_forget(r->run);
        routing_lines_done(&r->told);
        r->told = r->telling;
        r->telling = (struct routing_lines){0};
        r->run = NULL;
    }
    routing_lines_done(&r->wanted);
    if (r->told.count && change_write(r, path) && !vtysh_run_and_wait("-f", path, END_MS))
        log_line(c->log, "HOLDFAST", 4, "ROUTING", "FRR may have kept a part of its configuration from here");
    routing_lines_done(&r->told);
    told_store(r);
    path_of(c, "routing.change", path);
    unlink(path);
}

/* ---- show ---- */

struct routing_question {
    struct cli_client *client;
    struct vtysh *run;
};

static void answered(void *context, int status, const char *output)
{
    struct routing_question *q = context;

    cli_on_cancel(q->client, NULL, NULL);
    cli_write(q->client, output);
    cli_finish(q->client, status == 0 ? EXEC_OK : EXEC_FAILED);
    free(q);
}

static void cancelled(void *context)
{
    struct routing_question *q = context;

    cli_on_cancel(q->client, NULL, NULL);
    vtysh_forget(q->run);
    cli_finish(q->client, EXEC_FAILED);
    free(q);
}

int routing_show(struct exec_call *x)
{
    struct routing_question *q = calloc(1, sizeof *q);
    struct text command;

    text_init(&command);
    grammar_call_print(x->grammar, &command);
    const char *daemon = "ospfd";
    int error = !q || command.failed ? -ENOMEM : vtysh_daemon_answers(daemon) ? 0 : -ENOTCONN;

    if (error == 0) {
        q->client = x->client;
        error = vtysh_run(&x->control->loop, "-c", text_get(&command), answered, q, &q->run);
    }
    text_done(&command);
    if (error) {
        text_printf(x->out, "%% %s of FRR does not answer in %s\n", daemon, vtysh_directory());
        free(q);
        return EXEC_FAILED;
    }
    cli_on_cancel(x->client, cancelled, q);
    return EXEC_PENDING;
}
