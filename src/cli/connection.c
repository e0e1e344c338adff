/* SPDX-License-Identifier: Apache-2.0 */
/* See connection.h. */
#include "cli/connection.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

static volatile sig_atomic_t interrupts;
static sigset_t waiting_mask;
static bool catching;

static void interrupted(int signal_number)
{
    (void)signal_number;
    interrupts = 1;
}

void connection_catch(int signal_number, void (*handler)(int signal_number))
{
    struct sigaction action = {.sa_handler = handler ? handler : interrupted};
    sigset_t blocked;

    sigemptyset(&blocked);
    sigaddset(&blocked, signal_number);
    sigaction(signal_number, &action, NULL);
    sigprocmask(SIG_BLOCK, &blocked, catching ? NULL : &waiting_mask);
    catching = true;
}

int connection_poll(struct pollfd *p, unsigned count, int timeout_ms)
{
    struct timespec t = {.tv_sec = timeout_ms / 1000, .tv_nsec = timeout_ms % 1000 * 1000000L};

    int n = ppoll(p, count, timeout_ms < 0 ? NULL : &t, catching ? &waiting_mask : NULL);
    if (n >= 0 && catching) { /* a descriptor was ready: a signal that waits must not wait for it */
        sigset_t blocked;
        sigprocmask(SIG_SETMASK, &waiting_mask, &blocked);
        sigprocmask(SIG_SETMASK, &blocked, NULL);
    }
    return n;
}

bool connection_interrupted(void)
{
    bool was = interrupts != 0;

    interrupts = 0;
    return was;
}

static int socket_open(const char *run_directory)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    int n = snprintf(address.sun_path, sizeof address.sun_path, "%s/control.sock", run_directory);

    if (n < 0 || (size_t)n >= sizeof address.sun_path)
        return -ENAMETOOLONG;
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (fd < 0)
        return -errno;
    if (connect(fd, (struct sockaddr *)&address, sizeof address) < 0) {
        int error = -errno;
        close(fd);
        return error;
    }
    return fd;
}

void connection_close(struct cli_connection *c)
{
    if (c->fd >= 0)
        close(c->fd);
    c->fd = -1;
    wipe(c->buffer, sizeof c->buffer);
    c->used = 0;
}

int connection_send(struct cli_connection *c, enum cli_frame_type type, const char *text, size_t len)
{
    uint8_t frame[sizeof(struct cli_header) + CLI_LINE_MAX];
    struct cli_header header = {.type = type, .len = (uint32_t)len};
    size_t whole = sizeof header + len;
    int error = 0;

    if (len > CLI_LINE_MAX)
        return -EMSGSIZE;
    if (c->fd < 0)
        return -ECONNRESET;
    memcpy(frame, &header, sizeof header);
    if (len)
        memcpy(frame + sizeof header, text, len);
    for (size_t sent = 0; sent < whole && !error;) {
        ssize_t n = send(c->fd, frame + sent, whole - sent, MSG_NOSIGNAL);
        if (n > 0)
            sent += (size_t)n;
        else if (errno != EINTR)
            error = -errno;
    }
    wipe(frame, sizeof frame);
    return error;
}

/* Whether the buffer begins with a whole frame; -EPROTO: with none at all. */
static int frame_whole(const struct cli_connection *c, struct cli_header *ret)
{
    if (c->used < sizeof *ret)
        return 0;
    memcpy(ret, c->buffer, sizeof *ret);
    if (ret->len > CLI_FRAME_MAX || ret->type < CLI_TEXT || ret->type > CLI_LOG ||
        (ret->type == CLI_DONE && ret->len != sizeof(struct cli_done)))
        return -EPROTO;
    return c->used >= sizeof *ret + ret->len;
}

/* More bytes. 0: some came; -EAGAIN: none within the time; -EINTR; -ECONNRESET: the end. */
static int buffer_fill(struct cli_connection *c, int timeout_ms)
{
    struct pollfd p = {.fd = c->fd, .events = POLLIN};
    int ready = connection_poll(&p, 1, timeout_ms);

    if (ready < 0)
        return -errno;
    if (ready == 0)
        return -EAGAIN;
    ssize_t n = recv(c->fd, c->buffer + c->used, sizeof c->buffer - c->used, 0);
    if (n < 0)
        return -errno;
    c->used += (size_t)n;
    return n == 0 ? -ECONNRESET : 0;
}

static void frame_drop(struct cli_connection *c, const struct cli_header *h)
{
    size_t whole = sizeof *h + h->len;

    c->used -= whole;
    memmove(c->buffer, c->buffer + whole, c->used);
}

static void done_take(struct cli_connection *c, struct cli_done *ret)
{
    memcpy(ret, c->buffer + sizeof(struct cli_header), sizeof *ret);
    ret->prompt[sizeof ret->prompt - 1] = 0;
    memcpy(c->prompt, ret->prompt, sizeof c->prompt);
    c->configuring = ret->flags & CLI_CONFIGURING;
}

/* Works on the frames that are there. 1: CLI_DONE was among them. */
static int frames_take(struct cli_connection *c, const struct cli_sink *sink, struct cli_done *ret)
{
    struct cli_header h;
    int whole;

    while ((whole = frame_whole(c, &h)) > 0) {
        const char *payload = (const char *)c->buffer + sizeof h;
        bool done = h.type == CLI_DONE;
        if (!sink && h.type != CLI_LOG)
            return -EPROTO; /* an answer to nothing */
        if (done)
            done_take(c, ret);
        else if (h.type == CLI_TEXT)
            sink->text(sink->context, payload, h.len);
        else if (c->log)
            c->log(payload, h.len);
        frame_drop(c, &h);
        if (done)
            return 1;
    }
    return whole;
}

static int answer_within(struct cli_connection *c, const struct cli_sink *sink, struct cli_done *ret,
                         int patience_ms)
{
    bool passed_on = false;

    for (;;) {
        int r = frames_take(c, sink, ret);
        if (r != 0)
            return r < 0 ? r : 0;
        r = buffer_fill(c, patience_ms);
        if (r == -EAGAIN)
            return -ETIMEDOUT;
        if (r < 0 && r != -EINTR)
            return r;
        if (!sink->interruptible || !connection_interrupted())
            continue;
        if (passed_on)
            return -EINTR;
        passed_on = true;
        r = connection_send(c, CLI_INTERRUPT, NULL, 0);
        if (r < 0)
            return r;
    }
}

int connection_answer(struct cli_connection *c, const struct cli_sink *sink, struct cli_done *ret)
{
    return c->fd < 0 ? -ECONNRESET : answer_within(c, sink, ret, -1);
}

int connection_between(struct cli_connection *c)
{
    int r = buffer_fill(c, 0);

    if (r == -EAGAIN || r == -EINTR)
        return 0;
    return r < 0 ? r : frames_take(c, NULL, NULL);
}

static void text_ignore(void *context, const char *text, size_t len)
{
    (void)context, (void)text, (void)len;
}

int connection_open(struct cli_connection *c, const char *run_directory, int patience_ms)
{
    const struct cli_sink nowhere = {.text = text_ignore};
    struct cli_done greeting;

    c->fd = socket_open(run_directory);
    c->used = 0;
    c->configuring = false;
    c->prompt[0] = 0;
    if (c->fd < 0) {
        int error = c->fd;
        c->fd = -1;
        return error;
    }
    int error = answer_within(c, &nowhere, &greeting, patience_ms);
    if (!error && greeting.status != CLI_OK)
        error = -ECONNRESET;
    if (error)
        connection_close(c);
    return error;
}
