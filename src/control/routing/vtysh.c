/* SPDX-License-Identifier: Apache-2.0 */
/* See vtysh.h. FRR's directory belongs to its own user: whatever lies there is only connected to and
 * looked at. */
#include "control/routing/vtysh.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

enum { OUTPUT_MAX = 1 << 20, PATIENCE_MS = 20000, HANDLES = 3 };

struct vtysh {
    uv_process_t process;
    uv_pipe_t output;
    uv_timer_t patience;
    unsigned open; /* handles; memory goes with the last */
    int status;
    vtysh_done *done;
    void *context;
    char buffer[4096], *text;
    size_t len, capacity;
};

extern char **environ;

const char *vtysh_directory(void)
{
    const char *given = getenv("HOLDFAST_FRR");

    return given && *given ? given : "/run/frr";
}

static bool socket_name(const char *daemon, struct sockaddr_un *ret)
{
    *ret = (struct sockaddr_un){.sun_family = AF_UNIX};
    int n = snprintf(ret->sun_path, sizeof ret->sun_path, "%s/%s.vty", vtysh_directory(), daemon);
    return n > 0 && (size_t)n < sizeof ret->sun_path;
}

uint64_t vtysh_daemon(const char *daemon)
{
    struct sockaddr_un a;
    struct stat st;

    if (!socket_name(daemon, &a) || stat(a.sun_path, &st) < 0)
        return 0;
    uint64_t started = (uint64_t)st.st_ctim.tv_sec * 1000000000 + (uint64_t)st.st_ctim.tv_nsec;
    return (started ^ (uint64_t)st.st_ino << 40) | 1;
}

bool vtysh_daemon_answers(const char *daemon)
{
    struct sockaddr_un a;

    if (!socket_name(daemon, &a))
        return false;
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    bool answers = fd >= 0 && connect(fd, (struct sockaddr *)&a, sizeof a) == 0;
    if (fd >= 0)
        close(fd);
    return answers;
}

static void handle_closed(uv_handle_t *handle)
{
    struct vtysh *v = handle->data;

    if (--v->open > 0)
        return;
    if (v->done)
        v->done(v->context, v->status, v->text ? v->text : "");
    free(v->text);
    free(v);
}

static void handle_close(uv_handle_t *handle)
{
    if (!uv_is_closing(handle))
        uv_close(handle, handle_closed);
}

static void ended(uv_process_t *process, int64_t status, int signal)
{
    struct vtysh *v = process->data;

    v->status = signal ? -1 : (int)status;
    handle_close((uv_handle_t *)&v->patience);
    handle_close((uv_handle_t *)process);
}

static void patience_over(uv_timer_t *timer)
{
    struct vtysh *v = timer->data;

    uv_process_kill(&v->process, SIGKILL);
}

static void space(uv_handle_t *handle, size_t suggested, uv_buf_t *ret)
{
    struct vtysh *v = handle->data;

    (void)suggested;
    *ret = uv_buf_init(v->buffer, sizeof v->buffer);
}

static void heard(uv_stream_t *stream, ssize_t n, const uv_buf_t *buffer)
{
    struct vtysh *v = stream->data;

    if (n < 0) {
        handle_close((uv_handle_t *)stream);
        return;
    }
    size_t add = (size_t)n;
    if (v->len + add + 1 > v->capacity && v->capacity < OUTPUT_MAX) {
        size_t next = MAX(2 * v->capacity, (size_t)8192);
        char *grown = realloc(v->text, next);
        if (!grown)
            return;
        v->text = grown;
        v->capacity = next;
    }
    add = v->capacity > v->len + 1 ? MIN(add, v->capacity - v->len - 1) : 0;
    if (add == 0)
        return;                        /* more than anybody reads */
    for (size_t i = 0; i < add; i++) { /* nothing that moves somebody's cursor */
        char ch = buffer->base[i];
        bool plain = (unsigned char)ch >= ' ' && ch != 127;
        v->text[v->len++] = plain || ch == '\n' || ch == '\t' ? ch : '?';
    }
    v->text[v->len] = 0;
}

int vtysh_run(uv_loop_t *loop, const char *option, const char *argument, vtysh_done *done, void *context,
              struct vtysh **ret)
{
    char *args[] = {"vtysh",        "--vty_socket",   (char *)vtysh_directory(),
                    (char *)option, (char *)argument, NULL};
    struct vtysh *v = calloc(1, sizeof *v);

    if (!v)
        return -ENOMEM;
    uv_stdio_container_t stdio[3] = {
        {.flags = UV_IGNORE},
        {.flags = UV_CREATE_PIPE | UV_WRITABLE_PIPE, .data.stream = (uv_stream_t *)&v->output},
        {.flags = UV_IGNORE}};
    uv_process_options_t options = {
        .file = "vtysh", .args = args, .exit_cb = ended, .stdio = stdio, .stdio_count = ARRAY_SIZE(stdio)};

    v->done = done;
    v->context = context;
    v->open = HANDLES;
    v->process.data = v->output.data = v->patience.data = v;
    uv_pipe_init(loop, &v->output, 0);
    uv_timer_init(loop, &v->patience);
    int error = uv_spawn(loop, &v->process, &options);
    if (error) { /* the process handle is initialised all the same */
        v->done = NULL;
        uv_close((uv_handle_t *)&v->process, handle_closed);
        uv_close((uv_handle_t *)&v->output, handle_closed);
        uv_close((uv_handle_t *)&v->patience, handle_closed);
        return error;
    }
    uv_timer_start(&v->patience, patience_over, PATIENCE_MS, 0);
    if (uv_read_start((uv_stream_t *)&v->output, space, heard) != 0)
        handle_close((uv_handle_t *)&v->output);
    *ret = v;
    return 0;
}

void vtysh_forget(struct vtysh *v)
{
    v->done = NULL;
    uv_process_kill(&v->process, SIGKILL);
}

bool vtysh_run_and_wait(const char *option, const char *argument, unsigned ms)
{
    char *args[] = {"vtysh",        "--vty_socket",   (char *)vtysh_directory(),
                    (char *)option, (char *)argument, NULL};
    const struct timespec pause = {.tv_nsec = 5000000};
    posix_spawn_file_actions_t files;
    int status = -1;
    pid_t pid = 0, ended = 0;

    posix_spawn_file_actions_init(&files);
    for (int fd = 0; fd < 3; fd++)
        posix_spawn_file_actions_addopen(&files, fd, "/dev/null", fd ? O_WRONLY : O_RDONLY, 0);
    bool started = posix_spawnp(&pid, "vtysh", &files, NULL, args, environ) == 0;
    posix_spawn_file_actions_destroy(&files);
    if (!started)
        return false;
    for (unsigned waited = 0; waited < ms && ended == 0; waited += 5) {
        ended = waitpid(pid, &status, WNOHANG);
        if (ended == 0)
            nanosleep(&pause, NULL);
    }
    if (ended == 0) {
        kill(pid, SIGKILL);
        waitpid(pid, &status, 0);
    }
    return ended == pid && WIFEXITED(status) && WEXITSTATUS(status) == 0;
}
