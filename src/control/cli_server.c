/* SPDX-License-Identifier: Apache-2.0 */
/* The command's socket: connections, their mode, and their answers (cli_protocol.h). Only root may connect
 * (the socket's mode). A connection holds a configuration session of its own while it is in `configure
 * terminal`. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "config/parse.h"
#include "control/cli_configure.h"
#include "control/cli_protocol.h"
#include "control/exec.h"

struct cli_client {
    struct cli_client *next;
    struct cli_server *server;
    uv_pipe_t pipe;
    char buffer[CLI_REQUEST_MAX];
    size_t used;
    bool busy, closing, monitor;
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
    char *data;
};

/* ---- sending ---- */

static void output_done(uv_write_t *request, int status)
{
    struct cli_output *o = container_of(request, struct cli_output, request);

    (void)status;
    free(o->data);
    free(o);
}

static void json_send(struct cli_client *client, json_t *object)
{
    struct cli_output *o = calloc(1, sizeof *o);
    char *text = object ? json_dumps(object, JSON_COMPACT) : NULL;
    size_t len = text ? strlen(text) : 0;

    json_decref(object);
    if (!o || !text || client->closing) {
        free(o);
        free(text);
        return;
    }
    text[len] = '\n'; /* in place of the NUL */
    o->data = text;
    uv_buf_t buffer = uv_buf_init(text, (unsigned)len + 1);
    if (uv_write(&o->request, (uv_stream_t *)&client->pipe, &buffer, 1, output_done) != 0)
        output_done(&o->request, -1);
}

/* Text that is no UTF-8 (names from peers) is shown byte by byte as Latin-1, so that an answer never fails.
 */
static json_t *string_json(const char *text, size_t len)
{
    json_t *s = json_stringn(text, len);

    if (s)
        return s;
    char *latin = malloc(2 * len + 1);
    size_t n = 0;
    for (size_t i = 0; latin && i < len; i++) {
        uint8_t b = (uint8_t)text[i];
        if (b < 0x80) {
            latin[n++] = (char)b;
        } else {
            latin[n++] = (char)(0xc0 | b >> 6);
            latin[n++] = (char)(0x80 | (b & 0x3f));
        }
    }
    s = latin ? json_stringn(latin, n) : NULL;
    free(latin);
    return s ? s : json_string("");
}

static void text_send(struct cli_client *client, const char *text, size_t len)
{
    enum { PIECE = 256 * 1024 };

    while (len) {
        size_t piece = len;
        if (piece > PIECE) {
            const char *end = memrchr(text, '\n', PIECE);
            piece = end ? (size_t)(end - text) + 1 : PIECE;
        }
        json_send(client, json_pack("{s:o}", "text", string_json(text, piece)));
        text += piece;
        len -= piece;
    }
}

static const char *mode_name(const struct cli_client *client)
{
    return client->configure ? cli_configure_mode(client->configure) : "exec";
}

static void status_send(struct cli_client *client, int status)
{
    const struct control *c = client->server->control;
    const char *hostname = c->config && c->config->hostname ? c->config->hostname
                           : c->generation                  ? c->generation->ike.config.hostname
                                                            : "holdfast";
    char prompt[160];

    if (client->configure)
        snprintf(prompt, sizeof prompt, "%s(%s)#", hostname, mode_name(client));
    else
        snprintf(prompt, sizeof prompt, "%s#", hostname);
    json_send(client,
              json_pack("{s:i, s:s, s:s}", "status", status, "prompt", prompt, "mode", mode_name(client)));
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
        if (client->monitor && !client->closing &&
            uv_stream_get_write_queue_size((uv_stream_t *)&client->pipe) < (1 << 20))
            json_send(client, json_pack("{s:o}", "log", string_json((const char *)line.data, line.len)));
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

static void line_run(struct cli_client *client, const char *line, bool more_follow)
{
    struct control *c = client->server->control;
    struct text out;
    int status;

    text_init(&out);
    if (client->configure) {
        bool ended = false;
        status = cli_configure_line(client->configure, client, line, more_follow, &out, &ended);
        if (ended) {
            cli_configure_free(client->configure);
            client->configure = NULL;
        }
    } else {
        status = exec_run(c, client, line, &out);
    }
    if (out.len)
        text_send(client, text_get(&out), out.len);
    text_done(&out);
    if (status == EXEC_PENDING)
        client->busy = true;
    else
        status_send(client, status);
}

static void complete_run(struct cli_client *client, const char *text)
{
    const struct control *c = client->server->control;
    static struct grammar_candidate candidates[CLI_CANDIDATES_MAX];
    uint8_t mode = client->configure ? cli_configure_mode_id(client->configure) : (uint8_t)GRAMMAR_MODE_EXEC;
    size_t n = grammar_complete(&c->grammar, mode, text, candidates, CLI_CANDIDATES_MAX);
    json_t *list = json_array();
    char tab[256] = "";

    if (!grammar_complete_tab(&c->grammar, mode, text, tab, sizeof tab))
        tab[0] = 0;
    for (size_t i = 0; i < MIN(n, (size_t)CLI_CANDIDATES_MAX); i++)
        json_array_append_new(list, json_pack("{s:s, s:s, s:b}", "text", candidates[i].text, "help",
                                              candidates[i].help ? candidates[i].help : "", "literal",
                                              candidates[i].literal));
    json_send(client, json_pack("{s:s, s:o}", "tab", tab, "candidates", list));
}

static void request_run(struct cli_client *client, const char *text, size_t len, bool more_follow)
{
    json_t *request = json_loadb(text, len, 0, NULL);
    const char *line = json_string_value(json_object_get(request, "line"));
    const char *complete = json_string_value(json_object_get(request, "complete"));

    if (line)
        line_run(client, line, more_follow);
    else if (complete)
        complete_run(client, complete);
    else if (!json_is_true(json_object_get(request, "interrupt"))) {
        cli_write(client, "% not a request\n");
        status_send(client, EXEC_FAILED);
    }
    json_decref(request);
}

static void requests_run(struct cli_client *client)
{
    char *end;

    while (!client->busy && !client->closing && (end = memchr(client->buffer, '\n', client->used))) {
        size_t len = (size_t)(end - client->buffer), rest = client->used - len - 1;
        char request[CLI_REQUEST_MAX];
        memcpy(request, client->buffer, len);
        memmove(client->buffer, end + 1, rest);
        client->used = rest;
        request_run(client, request, len, memchr(client->buffer, '\n', rest) != NULL);
        wipe(request, len);
    }
}

static bool interrupt_waits(const struct cli_client *client)
{
    return memmem(client->buffer, client->used, "\"interrupt\"", 11) != NULL;
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
    *ret = uv_buf_init(client->buffer + client->used, (unsigned)(sizeof client->buffer - client->used));
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
    if (client->busy && client->cancel && interrupt_waits(client))
        client->cancel(client->cancel_context);
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
    if (uv_accept(listener, (uv_stream_t *)&client->pipe) != 0 || s->count > CLI_CLIENTS_MAX ||
        uv_read_start((uv_stream_t *)&client->pipe, buffer_give, client_readable) != 0)
        client_close(client);
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
