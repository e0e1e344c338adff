/* SPDX-License-Identifier: Apache-2.0 */
/* What replication carries: new tunnels a second from one member of a group to the other, and a snapshot, by
 * the code of the control process itself and nothing between.
 *
 *     spokes --UDP--> owner --TLS 1.3 over TCP--> standby
 *
 * Three processes in a network namespace of their own. Owner and standby have control's IKE machine, actions,
 * output commit, shared group, link, record store and SA table; no engine, no policy, no configuration of the
 * machine. The spokes are one IKE machine. Phase 1 is done before: what is measured is quick modes without
 * PFS, whose answers wait for the standby as always. The same without a standby says what the replication
 * costs.
 *
 *     replication [--tunnels N]... [--window N]         root; 1,000 and 10,000, 64 under way at once
 *
 * Processors are shared with the spokes (and whatever else runs): beside the rate by the clock stands the one
 * that the busier of the two members could carry with a processor for itself, by the time that it used. */
#include "replication.h"

#include <errno.h>
#include <fcntl.h>
#include <net/if.h>
#include <netinet/in.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "io/netlink.h"

enum { PATIENCE_S = 120 };

void must(bool good, const char *what)
{
    if (good)
        return;
    fprintf(stderr, "replication: %s: %s\n", what, strerror(errno));
    _exit(1);
}

uint64_t cpu_now(void)
{
    struct rusage u;
    getrusage(RUSAGE_SELF, &u);
    return (uint64_t)(u.ru_utime.tv_sec + u.ru_stime.tv_sec) * NS_PER_S +
           (uint64_t)(u.ru_utime.tv_usec + u.ru_stime.tv_usec) * NS_PER_US;
}

/* ---- policy, alike for all ---- */

static struct ike_policy policy = {.priority = 10,
                                   .encryption = CBC_AES,
                                   .key_bits = 128,
                                   .hash = HASH_SHA256,
                                   .group = DH_CURVE25519,
                                   .authentication = IKE_AUTH_PRESHARED,
                                   .lifetime_seconds = 86400};
static const struct ike_transform_set set = {
    .name = "gcm", .has_esp = true, .esp = {PACKET_ENCRYPTION_AES_GCM16, 16, PACKET_INTEGRITY_NONE}};

void config_common(struct ike_config *c)
{
    static struct ike_key key;
    key = (struct ike_key){.peer = {address_v4(0), 0}, .key = bytes_of("bench", 5)};
    *c = (struct ike_config){.policies = &policy, .policy_count = 1, .keys = &key, .key_count = 1};
}

struct ike_connection connection_common(uint32_t id)
{
    return (struct ike_connection){.id = id,
                                   .map_name = "vpn",
                                   .interface_name = "lo",
                                   .sequence = 10,
                                   .transform_sets = {&set},
                                   .transform_set_count = 1,
                                   .lifetime_seconds = 3600,
                                   .lifetime_kilobytes = 4608000};
}

/* ---- the processes ---- */

struct process {
    pid_t pid;
    int fd;
};

static struct answer ask(const struct process *p, char command, uint32_t number)
{
    struct answer a;
    char message[8] = {command};
    memcpy(message + 4, &number, 4);
    must(write(p->fd, message, sizeof message) == sizeof message, "a process is gone");
    must(read(p->fd, &a, sizeof a) == sizeof a, "a process is gone");
    return a;
}

/* ---- the network: loopback of a namespace of our own ---- */

static void namespace_begin(void)
{
    static const uint32_t addresses[] = {GATEWAY, OWNER_END, STANDBY_END};
    struct ifreq r = {.ifr_name = "lo", .ifr_flags = IFF_UP | IFF_RUNNING};
    struct netlink *n;
    must(unshare(CLONE_NEWNET) == 0, "a network namespace (root?)");
    int fd = socket(AF_INET, SOCK_DGRAM, 0);
    must(fd >= 0 && ioctl(fd, SIOCSIFFLAGS, &r) == 0 && netlink_new(&n) == 0, "loopback");
    close(fd);
    for (size_t i = 0; i < ARRAY_SIZE(addresses); i++) {
        const struct prefix p = {address_v4(addresses[i]), 32};
        must(netlink_address_add(n, if_nametoindex("lo"), &p, 0) == 0, "an address");
    }
    netlink_free(n);
}

/* The gateway's has its address, the spokes' all others. */
static int ike_socket(uint32_t address)
{
    struct sockaddr_in a = {.sin_family = AF_INET, .sin_port = htons(500), .sin_addr = {htonl(address)}};
    int one = 1, size = 8 << 20, fd = socket(AF_INET, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    must(fd >= 0 && setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof one) == 0 &&
             setsockopt(fd, IPPROTO_IP, IP_PKTINFO, &one, sizeof one) == 0 &&
             setsockopt(fd, SOL_SOCKET, SO_RCVBUFFORCE, &size, sizeof size) == 0 &&
             bind(fd, (struct sockaddr *)&a, sizeof a) == 0,
         "socket");
    return fd;
}

enum role { OWNER, STANDBY, SPOKES };

static struct process process_begin(enum role role, uint32_t tunnels, uint32_t window)
{
    int ends[2];
    must(socketpair(AF_UNIX, SOCK_SEQPACKET, 0, ends) == 0, "socket pair");
    pid_t pid = fork();
    must(pid >= 0, "fork");
    if (pid > 0) {
        close(ends[1]);
        return (struct process){pid, ends[0]};
    }
    close(ends[0]);
    int fd = fcntl(ends[1], F_DUPFD, 100);
    if (role == SPOKES)
        spokes_run(tunnels, window, ike_socket(INADDR_ANY), fd);
    must(role == STANDBY || dup2(ike_socket(GATEWAY), HANDOVER_UDP500_V4) >= 0, "socket");
    member_run(role == OWNER, fd);
    _exit(0);
}

static void process_end(struct process *p)
{
    kill(p->pid, SIGKILL);
    waitpid(p->pid, NULL, 0);
    close(p->fd);
}

/* ---- measuring ---- */

#define WAIT_FOR(condition, what)                     \
    do {                                              \
        ns end = clock_now() + PATIENCE_S * NS_PER_S; \
        while (!(condition)) {                        \
            errno = ETIMEDOUT;                        \
            must(clock_now() < end, what);            \
            usleep(2000);                             \
        }                                             \
    } while (0)

struct rate {
    double seconds, owner_ms, standby_ms; /* of one tunnel, processor time */
};

/* Everything is made anew after it was cleared: C, the pairs; I, the IKE SAs too. */
static struct rate again(char clear, struct process *owner, struct process *standby, struct process *spokes,
                         uint32_t n)
{
    (void)ask(spokes, clear, 0);
    WAIT_FOR(ask(owner, 'S', 0).pairs == 0, "the owner keeps pairs");
    WAIT_FOR(!standby || ask(standby, 'S', 0).pairs == 0, "the standby keeps pairs");
    usleep(100000); /* what was put off is done */
    struct answer before = ask(owner, 'S', 0), there = standby ? ask(standby, 'S', 0) : (struct answer){0};
    ns began = clock_now();
    (void)ask(spokes, 'U', 0);
    WAIT_FOR(ask(owner, 'S', 0).waiting == 0, "the owner waits");
    WAIT_FOR(!standby || ask(standby, 'S', 0).pairs == n, "the standby lacks pairs");
    double seconds = (double)ns_since(clock_now(), began) / 1e9;
    struct answer after = ask(owner, 'S', 0), then = standby ? ask(standby, 'S', 0) : (struct answer){0};
    must(after.pairs == n, "the owner lacks pairs");
    return (struct rate){seconds, (double)(after.cpu_ns - before.cpu_ns) / 1e6 / n,
                         (double)(then.cpu_ns - there.cpu_ns) / 1e6 / n};
}

static bool row(uint32_t n, const char *what, const char *unit, double value, double limit, bool least)
{
    bool good = limit == 0 || (least ? value >= limit : value <= limit);
    printf("%6u  %-62s %8s %10.2f", n, what, unit, value);
    if (limit > 0)
        printf("  %s %.0f: %s", least ? ">=" : "<=", limit, good ? "met" : "NOT MET");
    printf("\n");
    fflush(stdout);
    return good;
}

static bool measure(uint32_t n, uint32_t window)
{
    struct process owner = process_begin(OWNER, n, window), spokes = process_begin(SPOKES, n, window);
    WAIT_FOR(ask(&owner, 'S', 0).owner, "nobody owns the group");
    (void)ask(&spokes, 'U', 0); /* phase 1, and a first quick mode each */
    struct rate alone = again('C', &owner, NULL, &spokes, n);
    struct process standby = process_begin(STANDBY, n, window);
    WAIT_FOR(ask(&standby, 'S', 0).in_step, "the standby is not in step");
    struct rate both = again('C', &owner, &standby, &spokes, n);
    struct rate whole = again('I', &owner, &standby, &spokes, n);
    double busier = MAX(both.owner_ms, both.standby_ms);
    bool good = row(n, "quick modes with a standby in step, by the clock", "1/s", n / both.seconds, 0, true);
    row(n, "quick modes without one, by the clock", "1/s", n / alone.seconds, 0, true);
    row(n, "owner, processor time of a quick mode without standby", "ms", alone.owner_ms, 0, false);
    row(n, "owner, processor time of a quick mode with standby", "ms", both.owner_ms, 0, false);
    row(n, "standby, processor time of a new tunnel", "ms", both.standby_ms, 0, false);
    good &= row(n, "new tunnels that the busier of the two carries, by its time", "1/s", 1000 / busier, 5000,
                true);
    row(n, "set-ups (main and quick mode) with a standby, by the clock", "1/s", n / whole.seconds, 0, true);
    row(n, "owner, processor time of a set-up with standby", "ms", whole.owner_ms, 0, false);
    row(n, "standby, processor time of a set-up", "ms", whole.standby_ms, 0, false);
    process_end(&standby);
    usleep(600000);
    ns began = clock_now();
    standby = process_begin(STANDBY, n, window);
    WAIT_FOR(ask(&standby, 'S', 0).in_step, "the standby is not in step");
    double back = (double)ns_since(clock_now(), began) / 1e6;
    must(ask(&standby, 'S', 0).pairs >= n,
         "the snapshot lacks pairs"); /* more: an EMPTY standby costs rekeys */
    good &= row(n, "snapshot, from its beginning until it is acknowledged", "ms",
                (double)ask(&owner, 'S', 0).snapshot_took / 1e6, 3000, false);
    row(n, "from the start of a standby until it has everything", "ms", back, 0, false);
    process_end(&spokes);
    process_end(&standby);
    process_end(&owner);
    return good;
}

int main(int argc, char **argv)
{
    uint32_t tunnels[8], count = 0, window = 64;
    for (int i = 1; i + 1 < argc; i += 2) {
        if (strcmp(argv[i], "--tunnels") == 0 && count < ARRAY_SIZE(tunnels))
            tunnels[count++] = (uint32_t)atoi(argv[i + 1]);
        else if (strcmp(argv[i], "--window") == 0)
            window = (uint32_t)atoi(argv[i + 1]);
    }
    if (count == 0) {
        tunnels[count++] = 1000;
        tunnels[count++] = 10000;
    }
    namespace_begin();
    bool good = true;
    for (uint32_t i = 0; i < count; i++)
        good &= measure(tunnels[i], window);
    return good ? 0 : 1;
}
