/* SPDX-License-Identifier: Apache-2.0 */
/* See fake_gateway.h. */
#include "fake_gateway.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include "control/cli/protocol.h"

struct server {
    int fd, log;
    bool configuring;
};

static void put(int fd, const void *data, size_t len)
{
    const char *at = data;

    while (len > 0) {
        ssize_t n = send(fd, at, len, MSG_NOSIGNAL);
        if (n <= 0)
            return;
        at += n;
        len -= (size_t)n;
    }
}

static bool take(int fd, void *data, size_t len)
{
    char *at = data;

    while (len > 0) {
        ssize_t n = recv(fd, at, len, 0);
        if (n <= 0)
            return false;
        at += n;
        len -= (size_t)n;
    }
    return true;
}

static void frame(const struct server *s, uint32_t type, const void *data, size_t len)
{
    struct cli_header h = {.type = type, .len = (uint32_t)len};

    put(s->fd, &h, sizeof h);
    put(s->fd, data, len);
}

static void text(const struct server *s, const char *t)
{
    frame(s, CLI_TEXT, t, strlen(t));
}

static void done(const struct server *s, enum cli_status status, uint32_t flags)
{
    struct cli_done d = {.status = status, .flags = flags | (s->configuring ? CLI_CONFIGURING : 0)};

    snprintf(d.prompt, sizeof d.prompt, s->configuring ? "fake(config)#" : "fake#");
    frame(s, CLI_DONE, &d, sizeof d);
}

static void in_pieces(const struct server *s)
{
    struct cli_header h = {.type = CLI_TEXT, .len = 4};
    char whole[sizeof h + 4];

    memcpy(whole, &h, sizeof h);
    memcpy(whole + sizeof h, "one\n", 4);
    for (size_t i = 0; i < sizeof whole; i++) {
        put(s->fd, whole + i, 1);
        usleep(1000);
    }
    frame(s, CLI_LOG, "LOGGED\n", 7);
    text(s, "two\n");
}

static void flood(const struct server *s)
{
    static char block[50000];

    memset(block, 'x', sizeof block);
    for (unsigned i = 0; i < 4; i++)
        frame(s, CLI_TEXT, block, sizeof block);
}

static bool wait_interrupt(const struct server *s)
{
    struct cli_header h;

    if (!take(s->fd, &h, sizeof h) || h.type != CLI_INTERRUPT)
        return false;
    text(s, "stopped\n");
    done(s, CLI_ERROR, 0);
    return true;
}

static bool line_run(struct server *s, const char *line)
{
    char echo[CLI_LINE_MAX + 16];

    dprintf(s->log, "%s\n", line);
    if (strcmp(line, "die") == 0)
        return false;
    if (strcmp(line, "wait") == 0)
        return wait_interrupt(s);
    if (strcmp(line, "configure terminal") == 0)
        s->configuring = true;
    else if (strcmp(line, "end") == 0)
        s->configuring = false;
    else if (strcmp(line, "garbage") == 0)
        frame(s, 999, "?", 1);
    else if (strcmp(line, "pieces") == 0)
        in_pieces(s);
    else if (strcmp(line, "flood") == 0)
        flood(s);
    else if (strcmp(line, "bad") == 0)
        text(s, "% it is bad\n");
    else if (*line) {
        snprintf(echo, sizeof echo, "ran %s\n", line);
        text(s, echo);
    }
    done(s,
         strcmp(line, "bad") == 0    ? CLI_ERROR
         : strcmp(line, "exit") == 0 ? CLI_CLOSED
                                     : CLI_OK,
         strstr(line, " key ") ? CLI_SECRET : 0);
    return strcmp(line, "exit") != 0;
}

static bool request(struct server *s)
{
    struct cli_header h;
    char line[CLI_LINE_MAX + 1];

    if (!take(s->fd, &h, sizeof h) || h.len > CLI_LINE_MAX || !take(s->fd, line, h.len))
        return false;
    line[h.len] = 0;
    if (h.type == CLI_RUN)
        return line_run(s, line);
    if (h.type == CLI_INTERRUPT)
        return true;
    if (h.type == CLI_COMPLETE && strcmp(line, "sh") == 0)
        text(s, "ow ");
    if (h.type == CLI_HELP)
        text(s, "  version  HELP-FOR-VERSION\n");
    done(s, CLI_OK, 0);
    return true;
}

static void serve(int listener, int log)
{
    for (;;) {
        struct server s = {.fd = accept(listener, NULL, NULL), .log = log};
        if (s.fd < 0)
            _exit(1);
        done(&s, CLI_OK, 0);
        while (request(&s))
            ;
        close(s.fd);
    }
}

void fake_begin(struct fake *f)
{
    struct sockaddr_un a = {.sun_family = AF_UNIX};
    char path[96];

    strcpy(f->directory, "/tmp/holdfast-cli-XXXXXX");
    assert_non_null(mkdtemp(f->directory));
    snprintf(path, sizeof path, "%s/lines", f->directory);
    int log = open(path, O_CREAT | O_WRONLY | O_APPEND | O_CLOEXEC, 0600);
    snprintf(a.sun_path, sizeof a.sun_path, "%s/control.sock", f->directory);
    int listener = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    assert_true(log >= 0 && listener >= 0);
    assert_int_equal(bind(listener, (struct sockaddr *)&a, sizeof a), 0);
    assert_int_equal(listen(listener, 8), 0);
    f->pid = fork();
    assert_true(f->pid >= 0);
    if (f->pid == 0) {
        prctl(PR_SET_PDEATHSIG, SIGKILL);
        alarm(120); /* whatever happens to the test */
        serve(listener, log);
    }
    close(listener);
    close(log);
}

void fake_end(struct fake *f)
{
    char path[96];

    kill(f->pid, SIGKILL);
    waitpid(f->pid, NULL, 0);
    snprintf(path, sizeof path, "%s/lines", f->directory);
    unlink(path);
    snprintf(path, sizeof path, "%s/control.sock", f->directory);
    unlink(path);
    rmdir(f->directory);
}

void fake_lines(const struct fake *f, char *out, size_t size)
{
    char path[96];

    snprintf(path, sizeof path, "%s/lines", f->directory);
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    ssize_t n = read(fd, out, size - 1);
    assert_true(n >= 0);
    out[n] = 0;
    close(fd);
}

const char *holdfast_program(void)
{
    const char *program = getenv("HOLDFAST");

    assert_non_null(program);
    return program;
}

/* Reads both pipes to their ends while writing the input, so that neither side waits for the other. */
static void pipes_serve(int in, int out, int err, const char *input, struct run *ret)
{
    size_t left = strlen(input), used[2] = {0};
    char *text_of[2] = {ret->out, ret->err};
    struct pollfd p[3] = {{out, POLLIN, 0}, {err, POLLIN, 0}, {in, POLLOUT, 0}};

    while (p[0].fd >= 0 || p[1].fd >= 0) {
        if (p[2].fd >= 0 && left == 0) {
            close(p[2].fd);
            p[2].fd = -1;
        }
        assert_true(poll(p, 3, 20000) > 0);
        if (p[2].fd >= 0 && p[2].revents) {
            ssize_t n = p[2].revents & POLLERR ? -1 : write(p[2].fd, input, left);
            input += n > 0 ? n : 0;
            left = n > 0 ? left - (size_t)n : n < 0 && errno == EAGAIN ? left : 0;
        }
        for (int i = 0; i < 2; i++) {
            if (p[i].fd < 0 || !p[i].revents)
                continue;
            ssize_t n = read(p[i].fd, text_of[i] + used[i], OUTPUT_MAX - 1 - used[i]);
            if (n <= 0)
                p[i].fd = -1;
            used[i] += n > 0 ? (size_t)n : 0;
        }
    }
    ret->out[used[0]] = ret->err[used[1]] = 0;
    if (p[2].fd >= 0)
        close(p[2].fd);
}

void run_holdfast(const struct fake *f, const char *const *words, const char *input, struct run *ret)
{
    const char *argv[ARGUMENTS_MAX + 4] = {holdfast_program()};
    int n = 1, in[2], out[2], err[2], status;

    if (f) {
        argv[n++] = "-r";
        argv[n++] = f->directory;
    }
    for (int i = 0; words[i]; i++)
        argv[n++] = words[i];
    assert_int_equal(pipe2(in, O_CLOEXEC) | pipe2(out, O_CLOEXEC) | pipe2(err, O_CLOEXEC), 0);
    assert_int_equal(fcntl(in[1], F_SETFL, O_NONBLOCK), 0);
    signal(SIGPIPE, SIG_IGN);
    pid_t pid = fork();
    assert_true(pid >= 0);
    if (pid == 0) {
        dup2(in[0], 0);
        dup2(out[1], 1);
        dup2(err[1], 2);
        execv(argv[0], (char **)argv);
        _exit(127);
    }
    close(in[0]);
    close(out[1]);
    close(err[1]);
    pipes_serve(in[1], out[0], err[0], input ? input : "", ret);
    close(out[0]);
    close(err[0]);
    waitpid(pid, &status, 0);
    ret->status = WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}
