/* SPDX-License-Identifier: Apache-2.0 */
/* A source and a sink of small UDP packets, for packets per second.
 *
 *     packets sink ADDRESS PORT             counts what arrives; a line on standard input asks for the count
 *     packets source ADDRESS PORT SIZE RATE SECONDS
 *
 * SIZE is that of the IP packet. The source sends RATE packets a second in bursts of at most 64, RATE 0: as
 * many as it can. It prints how many left and in how many seconds. IPv4 and IPv6. */
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "io/clock.h"

enum { BURST = 64, SIZE_MAX_BYTES = 9000, V4_HEADERS = 28, V6_HEADERS = 48, BUFFER = 16 << 20 };

static void __attribute__((noreturn)) die(const char *what)
{
    fprintf(stderr, "packets: %s: %s\n", what, strerror(errno));
    exit(1);
}

static int socket_new(const char *address, const char *port, struct sockaddr_storage *ret, socklen_t *ret_len)
{
    struct sockaddr_in *v4 = (struct sockaddr_in *)ret;
    struct sockaddr_in6 *v6 = (struct sockaddr_in6 *)ret;
    int buffer = BUFFER;

    memset(ret, 0, sizeof *ret);
    if (inet_pton(AF_INET, address, &v4->sin_addr) == 1) {
        ret->ss_family = AF_INET;
        v4->sin_port = htons((uint16_t)atoi(port));
        *ret_len = sizeof *v4;
    } else if (inet_pton(AF_INET6, address, &v6->sin6_addr) == 1) {
        ret->ss_family = AF_INET6;
        v6->sin6_port = htons((uint16_t)atoi(port));
        *ret_len = sizeof *v6;
    } else {
        errno = EINVAL;
        die(address);
    }
    int fd = socket(ret->ss_family, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    if (fd < 0)
        die("socket");
    setsockopt(fd, SOL_SOCKET, SO_RCVBUFFORCE, &buffer, sizeof buffer);
    setsockopt(fd, SOL_SOCKET, SO_SNDBUFFORCE, &buffer, sizeof buffer);
    return fd;
}

static int sink(int fd)
{
    static uint8_t data[BURST][64]; /* what is longer is cut off: only the count matters */
    struct iovec pieces[BURST];
    struct mmsghdr messages[BURST];
    unsigned long count = 0;
    struct pollfd ready[2] = {{.fd = fd, .events = POLLIN}, {.fd = 0, .events = POLLIN}};
    char line[64];

    printf("ready\n");
    fflush(stdout);
    for (;;) {
        if (poll(ready, 2, -1) < 0)
            die("poll");
        if (ready[0].revents) {
            for (int i = 0; i < BURST; i++) {
                pieces[i] = (struct iovec){data[i], sizeof data[i]};
                messages[i] = (struct mmsghdr){.msg_hdr = {.msg_iov = &pieces[i], .msg_iovlen = 1}};
            }
            int n = recvmmsg(fd, messages, BURST, MSG_DONTWAIT, NULL);
            if (n > 0)
                count += (unsigned long)n;
            if (n == BURST)
                continue;
        }
        if (ready[1].revents) {
            ssize_t n = read(0, line, sizeof line);
            if (n <= 0)
                return 0;
            printf("%lu\n", count);
            fflush(stdout);
        }
    }
}

static void nap(ns t)
{
    struct timespec ts = {.tv_sec = (time_t)(t / NS_PER_S), .tv_nsec = (long)(t % NS_PER_S)};

    nanosleep(&ts, NULL);
}

static int source(int fd, size_t len, double rate, double seconds)
{
    static uint8_t data[SIZE_MAX_BYTES];
    struct iovec piece = {data, len};
    struct mmsghdr messages[BURST];
    unsigned long sent = 0;
    ns start = clock_now(), end = start + (ns)(seconds * 1e9), now;

    memset(data, 0x5a, sizeof data);
    for (int i = 0; i < BURST; i++)
        messages[i] = (struct mmsghdr){.msg_hdr = {.msg_iov = &piece, .msg_iovlen = 1}};
    while ((now = clock_now()) < end) {
        unsigned burst = BURST;
        if (rate > 0) {
            double due = (double)(now - start) * rate / 1e9 - (double)sent;
            if (due < 1) {
                nap((ns)((1 - due) * 1e9 / rate));
                continue;
            }
            burst = due < BURST ? (unsigned)due : BURST;
        }
        int n = sendmmsg(fd, messages, burst, 0);
        if (n > 0)
            sent += (unsigned long)n;
        else if (errno == ENOBUFS || errno == EAGAIN)
            nap(50 * NS_PER_US);
        else if (errno != ECONNREFUSED && errno != EINTR)
            die("sendmmsg");
    }
    printf("%lu %.6f\n", sent, (double)(clock_now() - start) / 1e9);
    return 0;
}

int main(int argc, char **argv)
{
    struct sockaddr_storage address;
    socklen_t len;

    if (argc == 4 && strcmp(argv[1], "sink") == 0) {
        int fd = socket_new(argv[2], argv[3], &address, &len);
        if (bind(fd, (struct sockaddr *)&address, len) != 0)
            die("bind");
        return sink(fd);
    }
    if (argc == 7 && strcmp(argv[1], "source") == 0) {
        int fd = socket_new(argv[2], argv[3], &address, &len);
        size_t headers = address.ss_family == AF_INET ? V4_HEADERS : V6_HEADERS;
        size_t size = strtoul(argv[4], NULL, 10);
        if (size <= headers || size - headers > SIZE_MAX_BYTES)
            die("size");
        if (connect(fd, (struct sockaddr *)&address, len) != 0)
            die("connect");
        return source(fd, size - headers, atof(argv[5]), atof(argv[6]));
    }
    fprintf(stderr, "usage: packets sink ADDRESS PORT | packets source ADDRESS PORT SIZE RATE SECONDS\n");
    return 2;
}
