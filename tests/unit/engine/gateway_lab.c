/* SPDX-License-Identifier: Apache-2.0 */
/* See gateway_lab.h. */
#include "gateway_lab.h"

#include <assert.h>
#include <fcntl.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "engine/engine.h"
#include "io/clock.h"
#include "io/memfd.h"
#include "io/netlink.h"
#include "io/random.h"
#include "io/raw_socket.h"
#include "io/sysctl.h"
#include "io/tun.h"
#include "io/udp_socket.h"

enum { SLOTS = 1024, BUFFER = 16 << 20 };

#define MUST(x)                                                                            \
    do {                                                                                   \
        int must_r = (x);                                                                  \
        if (must_r < 0) {                                                                  \
            fprintf(stderr, "%s:%d: %s: %s\n", __FILE__, __LINE__, #x, strerror(-must_r)); \
            abort();                                                                       \
        }                                                                                  \
    } while (0)

int lab_run(const char *format, ...)
{
    char command[1024];
    va_list args;
    va_start(args, format);
    vsnprintf(command, sizeof(command), format, args);
    va_end(args);
    int r = system(command);
    return WIFEXITED(r) ? WEXITSTATUS(r) : 128;
}

void lab_enter(const struct lab *l, int netns)
{
    (void)l;
    if (setns(netns, CLONE_NEWNET) < 0)
        abort();
}

void lab_leave(const struct lab *l)
{
    lab_enter(l, l->own_netns);
}

static int netns_make(const char *name)
{
    char path[64];
    snprintf(path, sizeof(path), "/run/netns/%s", name);
    if (lab_run("ip netns add %s && ip -n %s link set lo up", name, name) != 0)
        return -1;
    return open(path, O_RDONLY | O_CLOEXEC);
}

static void topology(struct lab *l)
{
    for (int i = 0; i < 2; i++) {
        const char *h = l->host_ns[i], *g = l->g[i].ns;
        int n = i + 1;
        int r = lab_run("ip -n %s link add in0 type veth peer name eth0 netns %s", g, h);
        r |= lab_run(
            "ip -n %s addr add 10.%d.0.1/24 dev in0 && ip -n %s addr add 2001:db8:%d::1/64 dev in0 nodad", g,
            n, g, n);
        r |= lab_run(
            "ip -n %s addr add 10.%d.0.2/24 dev eth0 && ip -n %s addr add 2001:db8:%d::2/64 dev eth0 nodad",
            h, n, h, n);
        r |= lab_run("ip -n %s link set in0 up && ip -n %s link set eth0 up", g, h);
        r |= lab_run(
            "ip -n %s route add default via 10.%d.0.1 && ip -n %s -6 route add default via 2001:db8:%d::1", h,
            n, h, n);
        r |= lab_run("ip netns exec %s sysctl -qw net.ipv4.ip_forward=1 net.ipv6.conf.all.forwarding=1 "
                     "net.ipv4.conf.all.rp_filter=0",
                     g);
        if (r)
            abort();
    }
    const char *a = l->g[0].ns, *b = l->g[1].ns;
    int r = lab_run("ip -n %s link add out0 type veth peer name out0 netns %s", a, b);
    r |= lab_run("ip -n %s addr add 192.0.2.1/24 dev out0 && ip -n %s addr add 192.0.2.2/24 dev out0", a, b);
    r |= lab_run("ip -n %s addr add 2001:db8:f::1/64 dev out0 nodad && ip -n %s addr add 2001:db8:f::2/64 "
                 "dev out0 nodad",
                 a, b);
    r |= lab_run("ip -n %s link set out0 up && ip -n %s link set out0 up", a, b);
    r |= lab_run(
        "ip -n %s route add 10.2.0.0/24 via 192.0.2.2 && ip -n %s route add 10.1.0.0/24 via 192.0.2.1", a, b);
    r |= lab_run("ip -n %s -6 route add 2001:db8:2::/64 via 2001:db8:f::2 && "
                 "ip -n %s -6 route add 2001:db8:1::/64 via 2001:db8:f::1",
                 a, b);
    if (r)
        abort();
}

static struct prefix site(int which, uint8_t family)
{
    char text[64];
    struct prefix p = {.length = family == ADDRESS_V4 ? 24 : 64};
    snprintf(text, sizeof(text), family == ADDRESS_V4 ? "10.%d.0.0" : "2001:db8:%d::", which + 1);
    if (!address_parse(text, &p.address))
        abort();
    return p;
}

static void gateway_tables(struct gateway *g)
{
    void *p;
    size_t size;
    MUST(g->fds[HANDOVER_SAD] = memfd_new("test-sad", sad_size(SLOTS)));
    MUST(memfd_map(g->fds[HANDOVER_SAD], &p, &size));
    g->sad = p;
    sad_init(g->sad, SLOTS);
    MUST(g->fds[HANDOVER_SPD] = memfd_new("test-spd", sizeof(struct spd)));
    MUST(memfd_map(g->fds[HANDOVER_SPD], &p, &size));
    g->spd = p;
    spd_init(g->spd);
}

static int gateway_open(struct lab *l, int which)
{
    struct gateway *g = &l->g[which];
    struct tun tun;
    struct netlink *n;
    struct netlink_link link;
    int pair[2];
    lab_enter(l, g->netns);
    int r = tun_open(HOLDFAST_TUN_NAME, &tun);
    if (r < 0) {
        lab_leave(l);
        return r;
    }
    g->fds[HANDOVER_TUN] = tun.fd;
    gateway_tables(g);
    MUST(udp_open_pair(ADDRESS_V4, 4500, HOLDFAST_MARK, BUFFER, &g->fds[HANDOVER_UDP4500_IKE_V4],
                       &g->fds[HANDOVER_UDP4500_ESP_V4]));
    MUST(udp_open_pair(ADDRESS_V6, 4500, HOLDFAST_MARK, BUFFER, &g->fds[HANDOVER_UDP4500_IKE_V6],
                       &g->fds[HANDOVER_UDP4500_ESP_V6]));
    static const struct {
        int fd;
        uint8_t family, protocol;
    } raws[] = {{HANDOVER_ESP_V4, ADDRESS_V4, 50}, {HANDOVER_ESP_V6, ADDRESS_V6, 50},
                {HANDOVER_AH_V4, ADDRESS_V4, 51},  {HANDOVER_AH_V6, ADDRESS_V6, 51},
                {HANDOVER_ICMP_V4, ADDRESS_V4, 1}, {HANDOVER_ICMP_V6, ADDRESS_V6, 58}};
    for (size_t i = 0; i < ARRAY_SIZE(raws); i++)
        MUST(g->fds[raws[i].fd] = raw_open(raws[i].family, raws[i].protocol, HOLDFAST_MARK, BUFFER));
    if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, pair) < 0)
        abort();
    g->fds[HANDOVER_CHANNEL_CONTROL] = pair[0];
    g->fds[HANDOVER_CHANNEL_ENGINE] = pair[1];
    MUST(netlink_new(&n));
    MUST(sysctl_tun_prepare(HOLDFAST_TUN_NAME));
    MUST(netlink_link_set_mtu(n, tun.ifindex, 1400));
    MUST(netlink_link_set_up(n, tun.ifindex, true));
    struct netlink_steering s = {HOLDFAST_TUN_NAME, HOLDFAST_MARK, HOLDFAST_TABLE, HOLDFAST_RULE_PRIORITY};
    MUST(netlink_steering_add(n, &s));
    for (uint8_t family = ADDRESS_V4; family <= ADDRESS_V6; family += 2) {
        struct netlink_route route = {
            .destination = site(!which, family), .ifindex = tun.ifindex, .table = HOLDFAST_TABLE};
        MUST(netlink_route_add(n, &route));
    }
    MUST(netlink_link_by_name(n, "out0", &link));
    g->outside = link.ifindex;
    netlink_free(n);
    lab_leave(l);
    return 0;
}

int lab_up(struct lab *l)
{
    memset(l, 0, sizeof(*l));
    l->own_netns = open("/proc/self/ns/net", O_RDONLY | O_CLOEXEC);
    if (geteuid() != 0 || l->own_netns < 0 || lab_run("ip -V >/dev/null 2>&1") != 0) {
        fprintf(stderr, "skipped: needs root and the ip command\n");
        return LAB_SKIPPED;
    }
    for (int i = 0; i < 2; i++) {
        struct gateway *g = &l->g[i];
        for (int j = 0; j < HANDOVER_END; j++)
            g->fds[j] = -1;
        snprintf(g->ns, sizeof(g->ns), "hfe%d-g%d", getpid(), i + 1);
        snprintf(l->host_ns[i], sizeof(l->host_ns[i]), "hfe%d-h%d", getpid(), i + 1);
        g->netns = netns_make(g->ns);
        l->host_netns[i] = netns_make(l->host_ns[i]);
        if (g->netns < 0 || l->host_netns[i] < 0) {
            fprintf(stderr, "skipped: no network namespaces here\n");
            lab_down(l);
            return LAB_SKIPPED;
        }
    }
    topology(l);
    if (gateway_open(l, 0) < 0 || gateway_open(l, 1) < 0) {
        fprintf(stderr, "skipped: no TUN device here\n");
        lab_down(l);
        return LAB_SKIPPED;
    }
    MUST(random_rng(&l->rng));
    l->cipher = packet_cipher_new(&l->rng);
    return l->cipher ? 0 : LAB_SKIPPED;
}

void lab_down(struct lab *l)
{
    for (int i = 0; i < 2; i++) {
        if (l->g[i].engine > 0)
            lab_engine_kill(l, i, SIGKILL);
        for (int j = 0; j < HANDOVER_END; j++)
            if (l->g[i].fds[j] >= 0)
                close(l->g[i].fds[j]);
        if (l->g[i].netns > 0)
            close(l->g[i].netns);
        if (l->host_netns[i] > 0)
            close(l->host_netns[i]);
        lab_run("ip netns del %s 2>/dev/null; ip netns del %s 2>/dev/null", l->g[i].ns, l->host_ns[i]);
        memfd_unmap(l->g[i].sad, sad_size(SLOTS));
        memfd_unmap(l->g[i].spd, sizeof(struct spd));
    }
    packet_cipher_free(l->cipher);
}

void lab_engine_start(struct lab *l, int which)
{
    struct gateway *g = &l->g[which];
    int high[HANDOVER_END];
    g->engine = fork();
    if (g->engine != 0)
        return;
    lab_enter(l, g->netns);
    /* Away from the numbers that they are to take. */
    for (int i = 0; i < HANDOVER_END; i++)
        high[i] = g->fds[i] < 0 ? -1 : fcntl(g->fds[i], F_DUPFD_CLOEXEC, 200);
    for (int i = 0; i < HANDOVER_END; i++)
        if (high[i] >= 0 && dup2(high[i], i) < 0)
            _exit(9);
    _exit(engine_main());
}

void lab_engine_kill(struct lab *l, int which, int signal)
{
    int status;
    kill(l->g[which].engine, signal);
    waitpid(l->g[which].engine, &status, 0);
    l->g[which].engine = 0;
}

static void fill_ace(struct spd_ace *ace, const struct prefix *from, const struct prefix *to)
{
    *ace = (struct spd_ace){.permit = 1, .family = from->address.family};
    memcpy(ace->source, from->address.bytes, 16);
    memcpy(ace->destination, to->address.bytes, 16);
    for (unsigned bit = from->length; bit < 128; bit++)
        ace->source_wildcard[bit / 8] |= (uint8_t)(0x80 >> bit % 8);
    for (unsigned bit = to->length; bit < 128; bit++)
        ace->destination_wildcard[bit / 8] |= (uint8_t)(0x80 >> bit % 8);
    ace->source_port_high = ace->destination_port_high = UINT16_MAX;
}

static struct address outer(int which, bool v6)
{
    struct address a;
    char text[32];
    snprintf(text, sizeof(text), v6 ? "2001:db8:f::%d" : "192.0.2.%d", which + 1);
    if (!address_parse(text, &a))
        abort();
    return a;
}

void lab_policy(struct lab *l)
{
    for (int i = 0; i < 2; i++) {
        struct spd_table *t = spd_next(l->g[i].spd);
        t->binding_count = t->entry_count = 1;
        t->bindings[0] = (struct spd_binding){.ifindex = l->g[i].outside,
                                              .local_v4 = outer(i, false),
                                              .local_v6 = outer(i, true),
                                              .first_entry = 0,
                                              .entry_count = 1};
        t->entries[0] = (struct spd_entry){
            .id = LAB_ENTRY, .sequence = 10, .first_ace = 0, .ace_count = 2, .may_initiate = 1};
        t->ace_count = 2;
        struct prefix a4 = site(i, ADDRESS_V4), b4 = site(!i, ADDRESS_V4);
        struct prefix a6 = site(i, ADDRESS_V6), b6 = site(!i, ADDRESS_V6);
        fill_ace(&t->aces[0], &a4, &b4);
        fill_ace(&t->aces[1], &a6, &b6);
        t->own_address_count = 2;
        t->own_addresses[0] = a4.address;
        t->own_addresses[1] = a6.address;
        t->own_addresses[0].bytes[3] = t->own_addresses[1].bytes[15] = 1;
        spd_publish(l->g[i].spd);
    }
}

struct selector lab_selector(uint8_t family)
{
    return (struct selector){.local = site(0, family),
                             .remote = site(1, family),
                             .local_port_high = UINT16_MAX,
                             .remote_port_high = UINT16_MAX};
}

void lab_pair(struct lab *l, uint32_t slot, const struct packet_algorithms *a, uint16_t flags, bool outer_v6,
              uint8_t protocol, const struct selector *local_of_first)
{
    uint8_t keys[2][64 + 64];
    uint32_t spi[2];
    for (int i = 0; i < 2; i++) {
        rng_fill(&l->rng, keys[i], sizeof(keys[i]));
        spi[i] = spi_make((uint32_t)i, 1 + rng_below(&l->rng, 8000), slot);
    }
    for (int i = 0; i < 2; i++) {
        struct sad_pair *p = &l->g[i].sad->pairs[slot];
        size_t cipher = packet_encryption_key_len(a), integrity = packet_integrity_key_len(a);
        memset(p, 0, sizeof(*p));
        p->spi_in = spi[i];
        p->spi_out = spi[!i];
        p->entry = LAB_ENTRY;
        p->bundle = UINT32_MAX;
        p->connection = slot + 1;
        p->flags = flags;
        p->protocol = protocol;
        p->replay_size = 1024;
        p->algorithms = *a;
        p->selector = *local_of_first;
        if (i == 1)
            selector_mirror(local_of_first, &p->selector);
        uint16_t port = flags & PAIR_UDP ? 4500 : 0;
        p->local = (struct endpoint){outer(i, outer_v6), port};
        p->remote = (struct endpoint){outer(!i, outer_v6), port};
        p->remote_now = p->remote;
        p->created = clock_now();
        p->hard_expiry = NS_NEVER;
        p->soft_bytes = p->hard_bytes = UINT64_MAX;
        p->sequence_ceiling = UINT64_MAX;
        p->iv_base = rng_u64(&l->rng);
        MUST(packet_key_init(l->cipher, &p->seal_key, a, true, bytes_of(keys[i], cipher),
                             bytes_of(keys[i] + 64, integrity)));
        MUST(packet_key_init(l->cipher, &p->open_key, a, false, bytes_of(keys[!i], cipher),
                             bytes_of(keys[!i] + 64, integrity)));
        atomic_store(&p->preferred_since, clock_now());
        sad_slot_use(l->g[i].sad, slot);
        atomic_store(&p->state, PAIR_ACTIVE);
        lab_pair_announce(l, i, slot);
    }
}

static void lab_say(struct lab *l, int which, struct channel_message *m)
{
    if (send(l->g[which].fds[HANDOVER_CHANNEL_CONTROL], m, sizeof(*m), 0) != sizeof(*m))
        abort();
}

void lab_pair_announce(struct lab *l, int which, uint32_t slot)
{
    struct channel_message m = {.type = CHANNEL_PAIR_ADDED,
                                .pair = {.slot = slot, .spi_in = l->g[which].sad->pairs[slot].spi_in}};
    lab_say(l, which, &m);
}

void lab_pair_remove(struct lab *l, uint32_t slot)
{
    for (int i = 0; i < 2; i++) {
        struct sad_pair *p = &l->g[i].sad->pairs[slot];
        struct channel_message m = {.type = CHANNEL_PAIR_REMOVED,
                                    .pair = {.slot = slot, .spi_in = p->spi_in}};
        uint64_t epochs[SAD_ENGINES_MAX];
        atomic_store(&p->state, PAIR_DEAD);
        lab_say(l, i, &m);
        sad_epochs_take(l->g[i].sad, epochs);
        for (int wait = 0; wait < 1000 && !sad_epochs_passed(l->g[i].sad, epochs); wait++)
            usleep(1000);
        usleep(20000); /* let the message be read, too */
        sad_pair_clear(p);
    }
}

bool lab_message(struct lab *l, int which, enum channel_type type, int milliseconds,
                 struct channel_message *ret, uint8_t *data)
{
    static uint8_t buffer[sizeof(struct channel_message) + CHANNEL_DATA_MAX];
    int fd = l->g[which].fds[HANDOVER_CHANNEL_CONTROL];
    ns until = clock_now() + (ns)milliseconds * NS_PER_MS;
    for (;;) {
        ssize_t n = recv(fd, buffer, sizeof(buffer), MSG_DONTWAIT);
        if (n >= (ssize_t)sizeof(*ret)) {
            memcpy(ret, buffer, sizeof(*ret));
            if (ret->type != type)
                continue;
            assert(ret->data_len == (size_t)n - sizeof(*ret));
            if (data)
                memcpy(data, buffer + sizeof(*ret), ret->data_len);
            return true;
        }
        ns now = clock_now();
        struct pollfd p = {.fd = fd, .events = POLLIN};
        if (now >= until || poll(&p, 1, (int)((until - now) / NS_PER_MS) + 1) < 0)
            return false;
    }
}
