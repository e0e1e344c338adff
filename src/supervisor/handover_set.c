/* SPDX-License-Identifier: Apache-2.0 */
/* Opens what must survive the processes that use it. Descriptors are moved to 100 and above, so that placing
 * them at their numbers in a child never overwrites one that is still to be placed. */
#include "supervisor/handover_set.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "io/memfd.h"
#include "io/raw_socket.h"
#include "io/tun.h"
#include "io/udp_socket.h"
#include "ipsec/sad.h"
#include "ipsec/spd.h"

enum {
    KEPT_ABOVE = 100,
    PAIRS = SPI_SLOTS_MAX,
    RECORDS_SIZE = 512 << 20,
    RUNNING_CONFIG_SIZE = 64 << 20,
    LOG_SIZE = 1 << 20,
    IKE_BUFFER = 4 << 20,
    ESP_BUFFER = 8 << 20,
    CHANNEL_BUFFER = 4 << 20,
    ICMP_BUFFER = 256 << 10,
};

struct step {
    struct handover_set *set;
    const char *run_directory;
    char *error;
};

void handover_set_init(struct handover_set *s)
{
    for (unsigned i = 0; i < HANDOVER_COUNT; i++)
        s->fd[i] = -1;
    s->control_pair = -1;
}

unsigned handover_roles(enum handover_fd number)
{
    switch (number) {
    case HANDOVER_SAD:
    case HANDOVER_SPD:
        return HANDOVER_ROLE_CONTROL | HANDOVER_ROLE_ENGINE;
    case HANDOVER_RECORDS:
    case HANDOVER_RUNNING_CONFIG:
    case HANDOVER_LOG:
    case HANDOVER_UDP500_V4:
    case HANDOVER_UDP500_V6:
    case HANDOVER_UDP4500_IKE_V4:
    case HANDOVER_UDP4500_IKE_V6:
    case HANDOVER_CHANNEL_CONTROL:
    case HANDOVER_CLI:
    case HANDOVER_SUPERVISOR:
        return HANDOVER_ROLE_CONTROL;
    default:
        return HANDOVER_ROLE_ENGINE;
    }
}

static int keep(int fd)
{
    int kept = fcntl(fd, F_DUPFD_CLOEXEC, KEPT_ABOVE);
    int error = kept < 0 ? -errno : kept;

    close(fd);
    return error;
}

static int set_put(struct handover_set *s, enum handover_fd number, int fd)
{
    int kept = keep(fd);

    if (kept < 0)
        return kept;
    s->fd[number - HANDOVER_SAD] = kept;
    return 0;
}

static int memory_open(struct step *t)
{
    static const struct {
        enum handover_fd number;
        const char *name;
        size_t size;
    } table[] = {
        {HANDOVER_RECORDS, "holdfast-records", RECORDS_SIZE},
        {HANDOVER_RUNNING_CONFIG, "holdfast-config", RUNNING_CONFIG_SIZE},
        {HANDOVER_LOG, "holdfast-log", LOG_SIZE},
        {HANDOVER_SAD, "holdfast-sad", 0},
        {HANDOVER_SPD, "holdfast-spd", sizeof(struct spd)},
    };

    for (size_t i = 0; i < sizeof table / sizeof table[0]; i++) {
        size_t size = table[i].number == HANDOVER_SAD ? sad_size(PAIRS) : table[i].size, mapped;
        void *memory;
        int fd = memfd_new(table[i].name, size);
        if (fd < 0)
            return fd;
        int error = set_put(t->set, table[i].number, fd);
        if (error || (table[i].number != HANDOVER_SAD && table[i].number != HANDOVER_SPD)) {
            if (error)
                return error;
            continue;
        }
        error = memfd_map(t->set->fd[table[i].number - HANDOVER_SAD], &memory, &mapped);
        if (error)
            return error;
        if (table[i].number == HANDOVER_SAD)
            sad_init(memory, PAIRS);
        else
            spd_init(memory);
        memfd_unmap(memory, mapped);
    }
    return 0;
}

static int memory_step(struct step *t)
{
    int error = memory_open(t);

    if (error)
        snprintf(t->error, HANDOVER_ERROR_TEXT, "no shared memory: %s", strerror(-error));
    return error;
}

static int tun_step(struct step *t)
{
    struct tun tun;
    int error = tun_open(HOLDFAST_TUN_NAME, &tun);

    if (error == -EPERM || error == -EACCES)
        snprintf(t->error, HANDOVER_ERROR_TEXT,
                 "no rights: a gateway needs CAP_NET_ADMIN and CAP_NET_RAW, run holdfastd as root");
    else if (error == -ENOENT || error == -ENODEV || error == -ENXIO)
        snprintf(t->error, HANDOVER_ERROR_TEXT,
                 "no TUN: this machine has no /dev/net/tun (load the module tun)");
    else if (error == -EBUSY)
        snprintf(t->error, HANDOVER_ERROR_TEXT,
                 "the device " HOLDFAST_TUN_NAME
                 " is in use: another holdfastd runs in this network namespace");
    else if (error)
        snprintf(t->error, HANDOVER_ERROR_TEXT, "cannot make the device " HOLDFAST_TUN_NAME ": %s",
                 strerror(-error));
    return error ? error : set_put(t->set, HANDOVER_TUN, tun.fd);
}

/* What a failure to open a socket means; 0 where a gateway can live without (no IPv6 in this kernel). */
static int socket_failed(struct step *t, const char *what, int error)
{
    if (error == -EAFNOSUPPORT)
        return 0;
    if (error == -EADDRINUSE)
        snprintf(t->error, HANDOVER_ERROR_TEXT, "%s is in use: another IKE daemon runs here", what);
    else if (error == -EPERM || error == -EACCES)
        snprintf(t->error, HANDOVER_ERROR_TEXT,
                 "no rights to open %s: a gateway needs CAP_NET_ADMIN and CAP_NET_RAW, run holdfastd as root",
                 what);
    else
        snprintf(t->error, HANDOVER_ERROR_TEXT, "cannot open %s: %s", what, strerror(-error));
    return error;
}

static int ike_family(struct step *t, uint8_t family, enum handover_fd port500, enum handover_fd ike,
                      enum handover_fd esp)
{
    const struct udp_options options = {.family = family,
                                        .port = 500,
                                        .mark = HOLDFAST_MARK,
                                        .errors = true,
                                        .fragment = true,
                                        .buffer_bytes = IKE_BUFFER};
    int ike_fd, esp_fd, fd = udp_open(&options);

    if (fd < 0)
        return socket_failed(t, "UDP port 500", fd);
    int error = set_put(t->set, port500, fd);
    if (!error)
        error = udp_open_pair(family, 4500, HOLDFAST_MARK, ESP_BUFFER, &ike_fd, &esp_fd);
    if (error)
        return socket_failed(t, "UDP port 4500", error);
    error = set_put(t->set, ike, ike_fd);
    if (error) {
        close(esp_fd);
        return error;
    }
    return set_put(t->set, esp, esp_fd);
}

static int ike_step_open(struct step *t)
{
    int error =
        ike_family(t, ADDRESS_V4, HANDOVER_UDP500_V4, HANDOVER_UDP4500_IKE_V4, HANDOVER_UDP4500_ESP_V4);

    if (!error)
        error =
            ike_family(t, ADDRESS_V6, HANDOVER_UDP500_V6, HANDOVER_UDP4500_IKE_V6, HANDOVER_UDP4500_ESP_V6);
    return error;
}

static int raw_step(struct step *t)
{
    static const struct {
        enum handover_fd number;
        uint8_t family, protocol;
        uint32_t buffer;
        const char *what;
    } table[] = {
        {HANDOVER_ESP_V4, ADDRESS_V4, 50, ESP_BUFFER, "a raw socket for ESP"},
        {HANDOVER_ESP_V6, ADDRESS_V6, 50, ESP_BUFFER, "a raw socket for ESP"},
        {HANDOVER_AH_V4, ADDRESS_V4, 51, ESP_BUFFER, "a raw socket for AH"},
        {HANDOVER_AH_V6, ADDRESS_V6, 51, ESP_BUFFER, "a raw socket for AH"},
        {HANDOVER_ICMP_V4, ADDRESS_V4, 1, ICMP_BUFFER, "a raw socket for ICMP"},
        {HANDOVER_ICMP_V6, ADDRESS_V6, 58, ICMP_BUFFER, "a raw socket for ICMP"},
    };

    for (size_t i = 0; i < sizeof table / sizeof table[0]; i++) {
        int fd = raw_open(table[i].family, table[i].protocol, HOLDFAST_MARK, table[i].buffer);
        int error = fd < 0 ? socket_failed(t, table[i].what, fd) : set_put(t->set, table[i].number, fd);
        if (error)
            return error;
    }
    return 0;
}

static int pair_open(struct handover_set *s, int *ret_ours, enum handover_fd number)
{
    int ends[2];

    if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, ends) < 0)
        return -errno;
    for (int i = 0; i < 2; i++) {
        int size = CHANNEL_BUFFER;
        if (setsockopt(ends[i], SOL_SOCKET, SO_SNDBUFFORCE, &size, sizeof size) < 0)
            (void)setsockopt(ends[i], SOL_SOCKET, SO_SNDBUF, &size, sizeof size);
    }
    *ret_ours = keep(ends[0]);
    int error = set_put(s, number, ends[1]);
    return *ret_ours < 0 ? *ret_ours : error;
}

static int pairs_step(struct step *t)
{
    int error = pair_open(t->set, &t->set->control_pair, HANDOVER_SUPERVISOR);

    if (!error)
        error =
            pair_open(t->set, &t->set->fd[HANDOVER_CHANNEL_CONTROL - HANDOVER_SAD], HANDOVER_CHANNEL_ENGINE);
    if (error)
        snprintf(t->error, HANDOVER_ERROR_TEXT, "cannot open the channel between the processes: %s",
                 strerror(-error));
    return error;
}

static int cli_step(struct step *t)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};

    if ((size_t)snprintf(address.sun_path, sizeof address.sun_path, "%s/control.sock", t->run_directory) >=
        sizeof address.sun_path) {
        snprintf(t->error, HANDOVER_ERROR_TEXT, "the path of the run directory %.100s... is too long",
                 t->run_directory);
        return -ENAMETOOLONG;
    }
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0), error = 0;
    if (fd < 0)
        error = -errno;
    if (!error && unlink(address.sun_path) < 0 && errno != ENOENT)
        error = -errno;
    if (!error) {
        mode_t before = umask(0177);
        if (bind(fd, (const struct sockaddr *)&address, sizeof address) < 0 || listen(fd, 64) < 0)
            error = -errno;
        umask(before);
    }
    if (error) {
        snprintf(t->error, HANDOVER_ERROR_TEXT, "cannot make the socket %.200s: %s", address.sun_path,
                 strerror(-error));
        if (fd >= 0)
            close(fd);
        return error;
    }
    return set_put(t->set, HANDOVER_CLI, fd);
}

int handover_set_open(struct handover_set *s, const char *run_directory, char ret_error[HANDOVER_ERROR_TEXT])
{
    static int (*const steps[])(struct step *) = {memory_step, tun_step,   ike_step_open,
                                                  raw_step,    pairs_step, cli_step};
    struct step t = {.set = s, .run_directory = run_directory, .error = ret_error};

    handover_set_init(s);
    for (size_t i = 0; i < sizeof steps / sizeof steps[0]; i++) {
        ret_error[0] = 0;
        int error = steps[i](&t);
        if (error) {
            if (!ret_error[0])
                snprintf(ret_error, HANDOVER_ERROR_TEXT, "cannot start: %s", strerror(-error));
            handover_set_close(s, NULL);
            return error;
        }
    }
    return 0;
}

void handover_set_close(struct handover_set *s, const char *run_directory)
{
    char path[sizeof((struct sockaddr_un *)0)->sun_path];

    for (unsigned i = 0; i < HANDOVER_COUNT; i++)
        if (s->fd[i] >= 0)
            close(s->fd[i]);
    if (s->control_pair >= 0)
        close(s->control_pair);
    handover_set_init(s);
    if (run_directory && (size_t)snprintf(path, sizeof path, "%s/control.sock", run_directory) < sizeof path)
        unlink(path);
}

void handover_set_give(const struct handover_set *s, enum handover_role role)
{
    for (int number = HANDOVER_SAD; number < HANDOVER_END; number++) {
        int fd = s->fd[number - HANDOVER_SAD];
        if (fd >= 0 && handover_roles(number) & role)
            dup2(fd, number); /* the copy is without close on exec */
    }
}
