/* SPDX-License-Identifier: Apache-2.0 */
/* Lines from a file or a pipe (`configure terminal` and what follows, pasted). They are sent ahead of their
 * answers, so that the gateway sees a block as one and puts it in force as one change; what waits there is
 * bounded. A line that fails does not end the script: each is answered for itself, and the exit status says
 * that one failed. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "cli/cli.h"

/* What may be on its way without an answer, counted as the kernel charges a socket for it: it always fits, so
 * that sending never waits for a gateway that waits for us to read. That is less than a gateway keeps of one
 * connection, too. */
enum { AHEAD_BYTES = 96 * 1024, AHEAD_LINES = 128, FRAME_COST = 1280 };

struct script {
    struct cli_connection *connection;
    unsigned sent, answered; /* lines */
    size_t ahead;            /* cost of what has no answer */
    uint16_t sizes[AHEAD_LINES];
    bool failed, closed;
};

static void text_print(void *context, const char *text, size_t len)
{
    (void)context;
    fwrite(text, 1, len, stdout);
}

static int answer_take(struct script *s)
{
    const struct cli_sink sink = {.text = text_print};
    struct cli_done done;
    int error = connection_answer(s->connection, &sink, &done);

    if (error)
        return error;
    s->ahead -= s->sizes[s->answered++ % AHEAD_LINES];
    if (done.status == CLI_ERROR) {
        s->failed = true;
        fflush(stdout);
        fprintf(stderr, "holdfast: line %u failed\n", s->answered);
    }
    s->closed = done.status == CLI_CLOSED;
    return 0;
}

static int line_send(struct script *s, const char *line, size_t len)
{
    size_t size = FRAME_COST + 2 * len;
    int error = 0;

    while (!error && !s->closed && s->answered < s->sent &&
           (s->ahead + size > AHEAD_BYTES || s->sent - s->answered >= AHEAD_LINES))
        error = answer_take(s);
    if (error || s->closed)
        return error;
    error = connection_send(s->connection, CLI_RUN, line, len);
    if (error)
        return error;
    s->sizes[s->sent++ % AHEAD_LINES] = (uint16_t)size;
    s->ahead += size;
    return 0;
}

static size_t line_trim(char *line, size_t len)
{
    while (len > 0 && (line[len - 1] == '\n' || line[len - 1] == '\r'))
        len--;
    line[len] = 0;
    return len;
}

int script_run(struct cli_connection *c, const char *run_directory)
{
    struct script s = {.connection = c};
    char *line = NULL;
    size_t capacity = 0, len;
    ssize_t n;
    int error = 0;

    while (!error && !s.closed && (n = getline(&line, &capacity, stdin)) >= 0) {
        len = line_trim(line, (size_t)n);
        error = line_send(&s, line, len);
        if (error == -EMSGSIZE)
            fprintf(stderr, "holdfast: line %u is longer than %d characters; nothing behind it was sent\n",
                    s.sent + 1, CLI_LINE_MAX);
    }
    bool too_long = error == -EMSGSIZE;
    int sending =
        too_long ? 0 : error; /* answers from before the end may still be there, that of `exit` among them */
    error = 0;
    while (!error && !s.closed && s.answered < s.sent)
        error = answer_take(&s);
    if (!error && !s.closed)
        error = sending;
    if (line)
        wipe(line, capacity);
    free(line);
    fflush(stdout);
    if (error)
        return cli_no_daemon(run_directory, error);
    return s.failed || too_long ? CLI_EXIT_FAILED : CLI_EXIT_OK;
}
