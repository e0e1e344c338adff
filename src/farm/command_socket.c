/* SPDX-License-Identifier: Apache-2.0 */
/* See command_socket.h. Nothing waits for a client: what does not come or is not taken at once is its loss.
 */
#include "farm/command_socket.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

int command_socket_open(struct command_socket *s, const char *path)
{
    struct sockaddr_un name = {.sun_family = AF_UNIX};

    *s = (struct command_socket){.listener = -1};
    for (unsigned i = 0; i < COMMAND_CLIENTS; i++)
        s->clients[i].fd = -1;
    if (strlen(path) >= sizeof name.sun_path)
        return -ENAMETOOLONG;
    strcpy(name.sun_path, path);
    s->listener = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (s->listener < 0)
        return -errno;
    unlink(path);
    mode_t mask = umask(077);
    int error = bind(s->listener, (struct sockaddr *)&name, sizeof name) < 0 ? -errno : 0;
    umask(mask);
    if (!error && listen(s->listener, COMMAND_CLIENTS) < 0)
        error = -errno;
    if (error)
        command_socket_close(s);
    return error;
}

static void client_end(struct command_client *c)
{
    if (c->fd >= 0)
        close(c->fd);
    c->fd = -1;
    c->used = 0;
}

void command_socket_close(struct command_socket *s)
{
    for (unsigned i = 0; i < COMMAND_CLIENTS; i++)
        client_end(&s->clients[i]);
    if (s->listener >= 0)
        close(s->listener);
    s->listener = -1;
}

void command_socket_polls(const struct command_socket *s, struct pollfd *ret)
{
    for (unsigned i = 0; i < COMMAND_CLIENTS; i++)
        ret[i] = (struct pollfd){.fd = s->clients[i].fd, .events = POLLIN};
    ret[COMMAND_CLIENTS] = (struct pollfd){.fd = s->listener, .events = POLLIN};
}

static void client_accept(struct command_socket *s)
{
    int fd = accept4(s->listener, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);

    for (unsigned i = 0; fd >= 0 && i < COMMAND_CLIENTS; i++) {
        if (s->clients[i].fd < 0) {
            s->clients[i].fd = fd;
            return;
        }
    }
    if (fd >= 0)
        close(fd);
}

static void client_serve(struct command_client *client, struct command_context *c)
{
    ssize_t n = recv(client->fd, client->line + client->used, sizeof client->line - 1 - client->used, 0);

    if (n < 0 && errno == EAGAIN)
        return;
    client->used += n > 0 ? (size_t)n : 0;
    client->line[client->used] = 0;
    bool whole = strchr(client->line, '\n') != NULL;
    if (n > 0 && !whole && client->used < sizeof client->line - 1)
        return; /* the rest comes */
    if (whole) {
        char *answer = command_run(c, client->line);
        if (answer)
            (void)!send(client->fd, answer, strlen(answer), MSG_NOSIGNAL);
        free(answer);
    }
    client_end(client);
}

void command_socket_serve(struct command_socket *s, const struct pollfd *ready, struct command_context *c)
{
    for (unsigned i = 0; i < COMMAND_CLIENTS; i++)
        if (ready[i].revents && s->clients[i].fd >= 0)
            client_serve(&s->clients[i], c);
    if (ready[COMMAND_CLIENTS].revents)
        client_accept(s);
}
