/* SPDX-License-Identifier: Apache-2.0 */
/* The command's socket: connections, their mode, and their answers (protocol.h). Only root may connect
 * (the socket's mode). A connection holds a configuration session of its own while it is in `configure
 * terminal`. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "config/parse.h"
#include "control/cli/configure.h"
#include "control/cli/exec.h"
#include "control/cli/protocol.h"

enum { CLIENTS_MAX = 64, REQUESTS_MAX = 64 * 1024, CANDIDATES_MAX = 256, MONITOR_QUEUE_MAX = 1 << 20 };

struct cli_client {
    struct cli_client *next;
    struct cli_server *server;
    uv_pipe_t pipe;
    uint8_t buffer[REQUESTS_MAX]; /* requests that have not been run yet */
    size_t used;
    bool busy, closing, monitor, secret;
    struct cli_configure *configure; /* NULL: exec mode */
    void (*cancel)(void *context);
    void *cancel_context;
};

struct cli_server {
    struct control *control;
    uv_pipe_t listener;
    struct cli_client *clients;
    unsigned count;
};

struct cli_output {
    uv_write_t request;
    struct cli_header header;
    uint8_t data[];
};

static void client_close(struct cli_client *client);

/* ---- sending ---- */

static void output_done(uv_write_t *request, int status)
{
    (void)status;
    free(container_of(request, struct cli_output, request));
}

static void frame_send(struct cli_client *client, enum cli_frame_type type, const void *data, size_t len)
{
    struct cli_output *o = client->closing ? NULL : malloc(sizeof *o + len);

    if (!o)
        return;
    o->header = (struct cli_header){.type = type, .len = (uint32_t)len};
    memcpy(o->data, data, len);
    uv_buf_t buffer = uv_buf_init((char *)&o->header, (unsigned)(sizeof o->header + len));
    if (uv_write(&o->request, (uv_stream_t *)&client->pipe, &buffer, 1, output_done) != 0)
        free(o);
}

static void text_send(struct cli_client *client, const char *text, size_t len)
{
    while (len) {
        size_t piece = MIN(len, (size_t)CLI_FRAME_MAX);
        frame_send(client, CLI_TEXT, text, piece);
        text += piece;
        len -= piece;
    }
}

static void done_send(struct cli_client *client, enum cli_status status)
{
    const struct control *c = client->server->control;
    const char *hostname = c->config && c->config->hostname ? c->config->hostname
                           : c->generation                  ? c->generation->ike.config.hostname
                                                            : "holdfast";
    struct cli_done done = {.status = status};

    if (client->configure) {
        snprintf(done.prompt, sizeof done.prompt, "%s(%s)#", hostname, cli_configure_mode(client->configure));
        done.flags |= CLI_CONFIGURING;
    } else {
        snprintf(done.prompt, sizeof done.prompt, "%s#", hostname);
    }
    done.flags |= client->secret ? CLI_SECRET : 0;
    client->secret = false;
    frame_send(client, CLI_DONE, &done, sizeof done);
}

static void status_send(struct cli_client *client, int status)
{
    done_send(client, status == EXEC_OK ? CLI_OK : status == EXEC_CLOSE ? CLI_CLOSED : CLI_ERROR);
}

void cli_write(struct cli_client *client, const char *text)
{
    text_send(client, text, strlen(text));
}

static void requests_run(struct cli_client *client);

void cli_finish(struct cli_client *client, int status)
{
    client->busy = false;
    status_send(client, status);
    if (!client->closing)
        requests_run(client);
}

void cli_on_cancel(struct cli_client *client, void (*cancel)(void *context), void *context)
{
    client->cancel = cancel;
    client->cancel_context = context;
}

int cli_configure_begin(struct cli_client *client)
{
    if (!client->configure)
        client->configure = cli_configure_new(client->server->control);
    return client->configure ? 0 : -ENOMEM;
}

/* ---- log lines ---- */

static void monitor_line(void *context, struct bytes line)
{
    const struct cli_server *s = context;

    for (struct cli_client *client = s->clients; client; client = client->next)
        if (client->monitor &&
            uv_stream_get_write_queue_size((uv_stream_t *)&client->pipe) < MONITOR_QUEUE_MAX)
            frame_send(client, CLI_LOG, line.data, line.len);
}

void cli_monitor(struct cli_client *client, bool on)
{
    bool any = false;

    client->monitor = on;
    for (const struct cli_client *other = client->server->clients; other; other = other->next)
        any = any || other->monitor;
    log_listen(client->server->control->log, any ? monitor_line : NULL, client->server);
}

/* ---- requests ---- */

static uint8_t mode_of(const struct cli_client *client)
{
    return client->configure ? cli_configure_mode_id(client->configure) : (uint8_t)GRAMMAR_MODE_EXEC;
}

/* Whether the line holds a key, be it right or not otherwise. */
static bool line_secret(const struct cli_client *client, const char *line)
{
    static struct grammar_call call;
    struct grammar_fault fault;
    uint8_t mode;
    bool secret = false;

    if (!client->configure || grammar_match_up(&client->server->control->grammar, mode_of(client), line,
                                               &call, &mode, &fault) != GRAMMAR_OK)
        return false;
    for (unsigned i = 0; i < call.count; i++)
        secret = secret || call.values[i].node->type == GRAMMAR_KEY;
    grammar_call_wipe(&call);
    return secret;
}

static void line_run(struct cli_client *client, const char *line, bool more_follow)
{
    struct text out;
    int status;

    text_init(&out);
    client->secret = line_secret(client, line);
    if (client->configure) {
        bool ended = false;
        status = cli_configure_line(client->configure, client, line, more_follow, &out, &ended);
        if (ended) {
            cli_configure_free(client->configure);
            client->configure = NULL;
        }
    } else {
        status = exec_run(client->server->control, client, line, &out);
    }
    if (out.failed)
        cli_write(client, "% no memory\n");
    text_send(client, text_get(&out), out.len);
    text_done(&out);
    if (status == EXEC_PENDING)
        client->busy = true;
    else
        status_send(client, status);
}

static void complete_run(struct cli_client *client, const char *line)
{
    char tab[256];

    if (grammar_complete_tab(&client->server->control->grammar, mode_of(client), line, tab, sizeof tab))
        cli_write(client, tab);
    done_send(client, CLI_OK);
}

static void help_run(struct cli_client *client, const char *line)
{
    static struct grammar_candidate candidates[CANDIDATES_MAX];
    size_t n = grammar_complete(&client->server->control->grammar, mode_of(client), line, candidates,
                                CANDIDATES_MAX);
    int width = 4;
    struct text out;

    text_init(&out);
    n = MIN(n, (size_t)CANDIDATES_MAX);
    for (size_t i = 0; i < n; i++)
        width = MAX(width, (int)strlen(candidates[i].text));
    for (size_t i = 0; i < n; i++)
        text_printf(&out, "  %-*s  %s\n", width, candidates[i].text,
                    candidates[i].help ? candidates[i].help : "");
    if (n == 0)
        text_add(&out, "% Unrecognized command\n");
    text_send(client, text_get(&out), out.len);
    text_done(&out);
    done_send(client, CLI_OK);
}

static void request_run(struct cli_client *client, const struct cli_header *header, const char *line,
                        bool more_follow)
{
    struct loop_watch *watch = &client->server->control->watch;
    ns began = clock_now();

    switch (header->type) {
    case CLI_RUN:
        line_run(client, line, more_follow);
        break;
    case CLI_COMPLETE:
        complete_run(client, line);
        break;
    case CLI_HELP:
        help_run(client, line);
        break;
    default:
        break; /* an interrupt that came after the end of its command */
    }
    loop_section(watch, "a command", began, clock_now());
}

static bool header_good(const struct cli_header *h)
{
    return h->type >= CLI_RUN && h->type <= CLI_INTERRUPT && h->len <= CLI_LINE_MAX;
}

/* The first request that waits. False: none is complete, or the connection broke the rules and is closed. */
static bool request_take(struct cli_client *client, struct cli_header *ret, char line[CLI_LINE_MAX + 1])
{
    if (client->used < sizeof *ret)
        return false;
    memcpy(ret, client->buffer, sizeof *ret);
    if (!header_good(ret)) {
        client_close(client);
        return false;
    }
    size_t whole = sizeof *ret + ret->len;
    if (client->used < whole)
        return false;
    memcpy(line, client->buffer + sizeof *ret, ret->len);
    line[ret->len] = 0;
    client->used -= whole;
    memmove(client->buffer, client->buffer + whole, client->used);
    return true;
}

static bool line_waits(const struct cli_client *client)
{
    struct cli_header next;

    if (client->used < sizeof next)
        return false;
    memcpy(&next, client->buffer, sizeof next);
    return next.type == CLI_RUN && next.len <= CLI_LINE_MAX && client->used >= sizeof next + next.len;
}

static void requests_run(struct cli_client *client)
{
    struct cli_header header;
    char line[CLI_LINE_MAX + 1];

    while (!client->busy && !client->closing && request_take(client, &header, line)) {
        request_run(client, &header, line, line_waits(client));
        wipe(line, sizeof line);
    }
}

/* While a command runs, an interrupt that waits behind it ends it. */
static void interrupt_look(struct cli_client *client)
{
    struct cli_header h;

    for (size_t at = 0; client->cancel && at + sizeof h <= client->used; at += sizeof h + h.len) {
        memcpy(&h, client->buffer + at, sizeof h);
        if (!header_good(&h))
            return;
        if (h.type == CLI_INTERRUPT) {
            client->cancel(client->cancel_context);
            return;
        }
    }
}

/* ---- connections ---- */

static void client_closed(uv_handle_t *handle)
{
    struct cli_client *client = container_of((uv_pipe_t *)handle, struct cli_client, pipe);

    wipe(client->buffer, sizeof client->buffer);
    free(client);
}

static void client_close(struct cli_client *client)
{
    struct cli_server *s = client->server;

    if (client->closing)
        return;
    client->closing = true;
    if (client->cancel)
        client->cancel(client->cancel_context);
    if (client->monitor)
        cli_monitor(client, false);
    cli_configure_free(client->configure);
    client->configure = NULL;
    for (struct cli_client **at = &s->clients; *at; at = &(*at)->next) {
        if (*at == client) {
            *at = client->next;
            break;
        }
    }
    s->count--;
    uv_close((uv_handle_t *)&client->pipe, client_closed);
}

static void buffer_give(uv_handle_t *handle, size_t suggested, uv_buf_t *ret)
{
    struct cli_client *client = container_of((uv_pipe_t *)handle, struct cli_client, pipe);

    (void)suggested;
    *ret =
        uv_buf_init((char *)client->buffer + client->used, (unsigned)(sizeof client->buffer - client->used));
}

static void client_readable(uv_stream_t *stream, ssize_t n, const uv_buf_t *buffer)
{
    struct cli_client *client = container_of((uv_pipe_t *)stream, struct cli_client, pipe);

    (void)buffer;
    if (n < 0) {
        client_close(client); /* gone, or its request is too long */
        return;
    }
    client->used += (size_t)n;
    if (client->busy)
        interrupt_look(client);
    requests_run(client);
}

static void client_arrived(uv_stream_t *listener, int status)
{
    struct cli_server *s = listener->data;
    struct cli_client *client = status == 0 ? calloc(1, sizeof *client) : NULL;

    if (!client)
        return;
    client->server = s;
    uv_pipe_init(&s->control->loop, &client->pipe, 0);
    s->count++;
    client->next = s->clients;
    s->clients = client;
    if (uv_accept(listener, (uv_stream_t *)&client->pipe) != 0 || s->count > CLIENTS_MAX ||
        uv_read_start((uv_stream_t *)&client->pipe, buffer_give, client_readable) != 0)
        client_close(client);
    else
        done_send(client, CLI_OK); /* the greeting: the first prompt */
}

int cli_server_begin(struct control *c)
{
    struct cli_server *s = calloc(1, sizeof *s);

    if (!s)
        return -ENOMEM;
    s->control = c;
    uv_pipe_init(&c->loop, &s->listener, 0);
    s->listener.data = s;
    int error = uv_pipe_open(&s->listener, HANDOVER_CLI);
    if (!error)
        error = uv_listen((uv_stream_t *)&s->listener, 64, client_arrived);
    c->cli = s;
    return error;
}

void cli_server_end(struct control *c)
{
    while (c->cli && c->cli->clients)
        client_close(c->cli->clients);
}
