/* SPDX-License-Identifier: Apache-2.0 */
/* A session at a terminal: libedit edits the line, the gateway's grammar completes it (Tab) and explains it
 * (`?`). The history lives in memory only and never gets a line that may hold a key. Between lines the
 * connection is watched, so that `terminal monitor` prints at once; when control was replaced meanwhile, the
 * session connects again. */
#include <errno.h>
#include <histedit.h>
#include <locale.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>
#include <wchar.h>

#include "cli/cli.h"
#include "cli/secret_line.h"

enum { HISTORY_LINES = 500, ANSWER_MAX = 64 * 1024, RECONNECT_MS = 5000, CONTROL_C = 3, CONTROL_Z = 26 };

struct interactive {
    struct cli_connection *connection;
    const char *run_directory;
    EditLine *editor;
    History *history;
    bool lost;   /* the connection ended while nobody asked for anything */
    bool broken; /* the line was given up with ^C */
};

/* libedit's callbacks find the session by EL_CLIENTDATA, its reader too; the signal handler has only this. */
static volatile sig_atomic_t suspended;

static void on_suspend(int signal_number)
{
    (void)signal_number;
    suspended = 1;
}

static struct interactive *interactive_of(EditLine *editor)
{
    void *data = NULL;

    el_get(editor, EL_CLIENTDATA, &data);
    return data;
}

static char *prompt_of(EditLine *editor)
{
    static char prompt[CLI_PROMPT_MAX + 1];

    snprintf(prompt, sizeof prompt, "%s", interactive_of(editor)->connection->prompt);
    return prompt;
}

/* ---- keys ---- */

/* Log lines stand above the line that is being typed. */
static bool connection_watch(struct interactive *s)
{
    fputs("\r\033[K", stdout);
    fflush(stdout);
    if (connection_between(s->connection) < 0)
        s->lost = true;
    el_set(s->editor, EL_REFRESH);
    return !s->lost;
}

static int character_read(wchar_t *ret)
{
    mbstate_t state = {0};
    char byte;

    for (unsigned i = 0; i < 4; i++) {
        ssize_t n = read(STDIN_FILENO, &byte, 1);
        if (n <= 0)
            return n < 0 && errno == EINTR && i == 0 ? -1 : 0;
        size_t used = mbrtowc(ret, &byte, 1, &state);
        if (used == 0)
            *ret = 0;
        if (used != (size_t)-2)
            return used == (size_t)-1 ? -1 : 1; /* what is no character is left out */
    }
    return -1;
}

/* ^C and ^Z come as signals. */
static bool signal_key(wchar_t *ret)
{
    if (connection_interrupted()) {
        *ret = CONTROL_C;
        return true;
    }
    if (!suspended)
        return false;
    suspended = 0;
    *ret = CONTROL_Z;
    return true;
}

/* Reads a key for libedit: 1, or 0 at the end of the input. */
static int key_read(EditLine *editor, wchar_t *ret)
{
    struct interactive *s = interactive_of(editor);

    for (;;) {
        struct pollfd p[] = {{.fd = STDIN_FILENO, .events = POLLIN},
                             {.fd = s->connection->fd, .events = POLLIN}};
        if (signal_key(ret))
            return 1;
        int n = connection_poll(p, s->lost ? 1 : 2, -1);
        if (signal_key(ret))
            return 1;
        if (n < 0 && errno != EINTR)
            return 0;
        if (n > 0 && !s->lost && p[1].revents)
            connection_watch(s);
        if (n > 0 && p[0].revents) {
            int r = character_read(ret);
            if (r >= 0)
                return r;
        }
    }
}

/* ---- help and completion ---- */

struct answer {
    size_t len;
    char text[ANSWER_MAX + 1];
};

static void answer_add(void *context, const char *text, size_t len)
{
    struct answer *a = context;
    size_t part = MIN(len, (size_t)ANSWER_MAX - a->len);

    memcpy(a->text + a->len, text, part);
    a->len += part;
    a->text[a->len] = 0;
}

/* Asks about the text left of the cursor. False: no answer. */
static bool ask(struct interactive *s, enum cli_frame_type type, struct answer *ret)
{
    const LineInfo *line = el_line(s->editor);
    const struct cli_sink sink = {.text = answer_add, .context = ret};
    struct cli_done done;

    ret->len = 0;
    ret->text[0] = 0;
    if (s->lost ||
        connection_send(s->connection, type, line->buffer, (size_t)(line->cursor - line->buffer)) != 0 ||
        connection_answer(s->connection, &sink, &done) != 0) {
        s->lost = true;
        return false;
    }
    return true;
}

static void help_print(struct interactive *s, struct answer *a)
{
    if (ask(s, CLI_HELP, a))
        printf("\n%s", a->text);
    fflush(stdout);
}

static unsigned char key_help(EditLine *editor, int key)
{
    static struct answer a;

    (void)key;
    putchar('?');
    help_print(interactive_of(editor), &a);
    return CC_REDISPLAY;
}

static unsigned char key_complete(EditLine *editor, int key)
{
    static struct answer a;
    struct interactive *s = interactive_of(editor);

    (void)key;
    if (!ask(s, CLI_COMPLETE, &a))
        return CC_ERROR;
    if (a.len > 0)
        return el_insertstr(editor, a.text) == 0 ? CC_REFRESH : CC_ERROR;
    help_print(s, &a);
    return CC_REDISPLAY;
}

static unsigned char key_break(EditLine *editor, int key)
{
    (void)key;
    interactive_of(editor)->broken = true;
    fputs("^C\n", stdout);
    fflush(stdout);
    return CC_NEWLINE;
}

/* ^Z: what is typed so far is sent, and the configuration mode is left; here: the line becomes `end`. */
static unsigned char key_end(EditLine *editor, int key)
{
    const LineInfo *line = el_line(editor);

    (void)key;
    if (!interactive_of(editor)->connection->configuring)
        return CC_ERROR;
    el_cursor(editor, (int)(line->lastchar - line->cursor));
    el_deletestr(editor, (int)(line->lastchar - line->buffer));
    el_insertstr(editor, "end");
    return CC_NEWLINE;
}

/* ---- lines ---- */

static bool reconnect(struct interactive *s)
{
    connection_close(s->connection);
    fprintf(stderr, "%% The connection to the gateway is lost; connecting again\n");
    for (unsigned i = 0; i < RECONNECT_MS / 100; i++) {
        if (connection_open(s->connection, s->run_directory, RECONNECT_MS) == 0) {
            s->lost = false;
            return true;
        }
        usleep(100000);
    }
    return false;
}

static void remember(struct interactive *s, const char *line, bool secret)
{
    HistEvent event;

    if (!secret && !line_may_hold_secret(line) && line[strspn(line, " \t")])
        history(s->history, &event, H_ENTER, line);
}

/* False: the session is over. */
static bool line_run(struct interactive *s, char *line)
{
    struct cli_done done = {0};
    int error;

    line[strcspn(line, "\r\n")] = 0;
    if (s->lost) {
        if (!reconnect(s))
            return false;
        return true; /* the mode is gone: nobody wants the line to be carried out in another one */
    }
    error = cli_run(s->connection, line, &done);
    if (error == -EMSGSIZE) {
        printf("%% A line has at most %d characters\n", CLI_LINE_MAX);
        return true;
    }
    if (error == -EINTR)
        return reconnect(s);
    remember(s, line, done.flags & CLI_SECRET);
    wipe(line, strlen(line));
    if (error)
        return reconnect(s);
    return done.status != CLI_CLOSED;
}

static bool editor_open(struct interactive *s)
{
    HistEvent event;

    s->editor = el_init("holdfast", stdin, stdout, stderr);
    s->history = history_init();
    if (!s->editor || !s->history)
        return false;
    history(s->history, &event, H_SETSIZE, HISTORY_LINES);
    history(s->history, &event, H_SETUNIQUE, 1);
    el_set(s->editor, EL_CLIENTDATA, s);
    el_set(s->editor, EL_EDITOR, "emacs");
    el_set(s->editor, EL_PROMPT, prompt_of);
    el_set(s->editor, EL_HIST, history, s->history);
    el_set(s->editor, EL_GETCFN, key_read);
    /* the narrow form would keep a copy of the names for ever */
    el_wset(s->editor, EL_ADDFN, L"holdfast-help", L"what may follow", key_help);
    el_wset(s->editor, EL_ADDFN, L"holdfast-complete", L"complete the word", key_complete);
    el_wset(s->editor, EL_ADDFN, L"holdfast-break", L"give the line up", key_break);
    el_wset(s->editor, EL_ADDFN, L"holdfast-end", L"leave the configuration mode", key_end);
    el_set(s->editor, EL_BIND, "?", "holdfast-help", NULL);
    el_set(s->editor, EL_BIND, "\t", "holdfast-complete", NULL);
    el_set(s->editor, EL_BIND, "^C", "holdfast-break", NULL);
    el_set(s->editor, EL_BIND, "^Z", "holdfast-end", NULL);
    return true;
}

int interactive_run(struct cli_connection *c, const char *run_directory)
{
    struct interactive s = {.connection = c, .run_directory = run_directory};
    bool ended = false, alive = true;
    int count;

    setlocale(LC_CTYPE, "");
    connection_catch(SIGINT, NULL);
    connection_catch(SIGTSTP, on_suspend);
    if (!editor_open(&s)) {
        fprintf(stderr, "holdfast: no memory for the line editor\n");
        return CLI_EXIT_FAILED;
    }
    while (alive && !ended) {
        s.broken = false;
        const char *got = el_gets(s.editor, &count);
        if (s.broken) /* also where the line was empty, which otherwise is the end */
            continue;
        ended = !got || count <= 0;
        if (ended)
            continue;
        char *line = strndup(got, (size_t)count); /* what a key of ours ended has no newline, nor a NUL */
        alive = line && line_run(&s, line);
        free(line);
    }
    if (ended)
        putchar('\n');
    bool gone = s.connection->fd < 0;
    history_end(s.history);
    el_end(s.editor);
    return gone ? cli_no_daemon(run_directory, -ECONNRESET) : CLI_EXIT_OK;
}
