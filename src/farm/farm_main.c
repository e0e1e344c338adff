/* SPDX-License-Identifier: Apache-2.0 */
/* See farm_main.h: options and the program's loop. */
#include "farm/farm_main.h"

#include <errno.h>
#include <getopt.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/spi.h"
#include "crypto/crypto.h"
#include "farm/command_socket.h"

static const char usage_text[] =
    "usage: holdfast lab farm --gateway ADDRESS... [--count N] [--first ADDRESS] [--networks "
    "ADDRESS/LENGTH]\n"
    "           [--gateway-network ADDRESS/LENGTH] [--suite bench|today|des-md5] [--group N] [--pfs N]\n"
    "           [--key TEXT | --key-file FILE] [--lifetime SECONDS] [--ike-lifetime SECONDS]\n"
    "           [--dpd SECONDS] [--dpd-retry SECONDS] [--dpd-misses N] [--in-flight N]\n"
    "           [--host ADDRESS] [--host-namespace NAME] [--socket PATH] [--timeout SECONDS] [--verbose]\n";

struct program {
    struct farm_options farm;
    ns timeout;
    const char *socket;
    char key[256];
};

static volatile sig_atomic_t stopping;

static void on_signal(int signal)
{
    (void)signal;
    stopping = 1;
}

static int usage(void)
{
    fputs(usage_text, stderr);
    return 2;
}

static bool prefix_read(const char *text, struct prefix *ret)
{
    char address[ADDRESS_TEXT], *end;
    const char *slash = strchr(text, '/');

    if (!slash || (size_t)(slash - text) >= sizeof address || slash[1] < '0' || slash[1] > '9')
        return false;
    memcpy(address, text, (size_t)(slash - text));
    address[slash - text] = 0;
    unsigned long length = strtoul(slash + 1, &end, 10);
    if (*end || !address_parse(address, &ret->address) || ret->address.family != ADDRESS_V4 || length > 32)
        return false;
    ret->length = (uint8_t)length;
    prefix_mask(ret);
    return true;
}

static bool v4_read(const char *text, struct address *ret)
{
    return address_parse(text, ret) && ret->family == ADDRESS_V4;
}

static bool number_read(const char *text, uint32_t low, uint32_t high, uint32_t *ret)
{
    char *end = NULL;
    unsigned long v = *text >= '0' && *text <= '9' ? strtoul(text, &end, 10) : 0;

    if (!end || *end || v < low || v > high)
        return false;
    *ret = (uint32_t)v;
    return true;
}

static bool seconds_read(const char *text, uint32_t *ret)
{
    return number_read(text, 1, 10000000, ret);
}

static bool group_read(const char *text, uint8_t *ret)
{
    uint32_t group;

    if (!number_read(text, 1, UINT8_MAX, &group) || dh_public_size(group) == 0)
        return false;
    *ret = (uint8_t)group;
    return true;
}

static bool networks_read(const char *text, struct farm_options *o)
{
    struct prefix p;

    if (!prefix_read(text, &p) || p.length < 8)
        return false;
    o->networks = address_v4_get(&p.address);
    o->network_length = p.length;
    return true;
}

/* What a secret is read from does not show in the list of processes. */
static bool key_read(const char *path, struct program *p)
{
    FILE *f = fopen(path, "re");
    bool good = f && fgets(p->key, sizeof p->key, f);

    if (f)
        fclose(f);
    p->key[strcspn(p->key, "\r\n")] = 0;
    p->farm.key = p->key;
    return good && p->key[0];
}

static const struct suite {
    const char *name;
    struct ike_policy policy;
    struct packet_algorithms esp;
    uint8_t pfs_group;
} suites[] = {
    {"bench",
     {.priority = 10,
      .encryption = CBC_AES,
      .key_bits = 128,
      .hash = HASH_SHA256,
      .group = DH_ECP_256,
      .authentication = IKE_AUTH_PRESHARED},
     {PACKET_ENCRYPTION_AES_GCM16, 16, PACKET_INTEGRITY_NONE},
     0},
    {"today",
     {.priority = 10,
      .encryption = CBC_AES,
      .key_bits = 256,
      .hash = HASH_SHA256,
      .group = DH_ECP_256,
      .authentication = IKE_AUTH_PRESHARED},
     {PACKET_ENCRYPTION_AES_GCM16, 32, PACKET_INTEGRITY_NONE},
     DH_ECP_256},
    {"des-md5",
     {.priority = 10,
      .encryption = CBC_DES,
      .hash = HASH_MD5,
      .group = DH_MODP_768,
      .authentication = IKE_AUTH_PRESHARED},
     {PACKET_ENCRYPTION_DES, 8, PACKET_INTEGRITY_MD5_96},
     0},
};

static bool suite_take(const char *name, struct farm_options *o)
{
    uint32_t lifetime = o->policy.lifetime_seconds;

    for (size_t i = 0; i < ARRAY_SIZE(suites); i++) {
        if (strcmp(suites[i].name, name) != 0)
            continue;
        o->policy = suites[i].policy;
        o->policy.lifetime_seconds = lifetime;
        o->esp = suites[i].esp;
        o->pfs_group = suites[i].pfs_group;
        return true;
    }
    return false;
}

static bool option_take(struct program *p, int name, const char *value)
{
    struct farm_options *o = &p->farm;
    uint32_t seconds;

    switch (name) {
    case 'g':
        return o->gateway_count < FARM_GATEWAYS_MAX && v4_read(value, &o->gateways[o->gateway_count++]);
    case 'n':
        return number_read(value, 1, SPI_SLOTS_MAX / 2 - 64, &o->count);
    case 'f':
        return v4_read(value, &o->first);
    case 's':
        return networks_read(value, o);
    case 'G':
        return prefix_read(value, &o->gateway_network);
    case 'S':
        return suite_take(value, o);
    case 'i':
        return number_read(value, 1, 16384, &o->in_flight);
    case 'k':
        o->key = value;
        return *value != 0;
    case 'K':
        return key_read(value, p);
    case 'd':
        return group_read(value, &o->policy.group);
    case 'p':
        return group_read(value, &o->pfs_group);
    case 'l':
        return seconds_read(value, &o->lifetime_seconds);
    case 'L':
        return seconds_read(value, &o->policy.lifetime_seconds);
    case 'D':
        return number_read(value, 0, 3600, &o->dpd_seconds);
    case 'r':
        return number_read(value, 1, 3600, &o->dpd_retry_seconds);
    case 'm':
        return number_read(value, 1, 100, &o->dpd_misses);
    case 'h':
        return v4_read(value, &o->host);
    case 'N':
        o->host_namespace = value;
        return *value != 0;
    case 'c':
        p->socket = value;
        return *value != 0;
    case 't':
        if (!seconds_read(value, &seconds))
            return false;
        p->timeout = seconds * NS_PER_S;
        return true;
    case 'v':
        return o->verbose = true;
    default:
        return false;
    }
}

/* The last spoke's addresses are still addresses. */
static bool options_fit(const struct farm_options *o)
{
    uint64_t networks = (uint64_t)o->count << (32 - o->network_length);

    return o->gateway_count && o->networks + networks <= UINT64_C(1) << 32 &&
           (uint64_t)address_v4_get(&o->first) + o->count <= UINT64_C(1) << 32;
}

static bool options_parse(struct program *p, int argc, char **argv)
{
    static const struct option options[] = {
        {"gateway", 1, NULL, 'g'},
        {"count", 1, NULL, 'n'},
        {"first", 1, NULL, 'f'},
        {"networks", 1, NULL, 's'},
        {"gateway-network", 1, NULL, 'G'},
        {"suite", 1, NULL, 'S'},
        {"in-flight", 1, NULL, 'i'},
        {"key", 1, NULL, 'k'},
        {"key-file", 1, NULL, 'K'},
        {"group", 1, NULL, 'd'},
        {"pfs", 1, NULL, 'p'},
        {"lifetime", 1, NULL, 'l'},
        {"ike-lifetime", 1, NULL, 'L'},
        {"dpd", 1, NULL, 'D'},
        {"dpd-retry", 1, NULL, 'r'},
        {"dpd-misses", 1, NULL, 'm'},
        {"host", 1, NULL, 'h'},
        {"host-namespace", 1, NULL, 'N'},
        {"socket", 1, NULL, 'c'},
        {"timeout", 1, NULL, 't'},
        {"verbose", 0, NULL, 'v'},
        {0},
    };
    int name;

    optind = 0;
    while ((name = getopt_long(argc, argv, "", options, NULL)) != -1)
        if (!option_take(p, name, optarg))
            return false;
    return optind == argc && options_fit(&p->farm);
}

static void print(char *answer)
{
    if (answer)
        fputs(answer, stdout);
    fflush(stdout);
    free(answer);
}

/* What came on standard input and is no whole line yet. */
struct input {
    char text[COMMAND_LINE];
    size_t used;
};

/* False: the end. Lines may come in pieces, or several at once. */
static bool input_serve(struct input *in, struct command_context *c)
{
    ssize_t len = read(STDIN_FILENO, in->text + in->used, sizeof in->text - 1 - in->used);
    char *end;

    if (len <= 0)
        return len < 0 && errno == EINTR;
    in->used += (size_t)len;
    in->text[in->used] = 0;
    while ((end = strchr(in->text, '\n'))) {
        *end = 0;
        if (strncmp(in->text, "quit", 4) == 0)
            return false;
        print(command_run(c, in->text));
        in->used -= (size_t)(end + 1 - in->text);
        memmove(in->text, end + 1, in->used + 1);
    }
    if (in->used == sizeof in->text - 1)
        in->used = 0; /* no command is that long: what follows will be refused */
    return true;
}

static int serve(struct program *p, struct farm *f)
{
    struct command_context c = {.farm = f, .timeout = p->timeout, .stop = &stopping};
    struct command_socket s;
    struct input input = {.used = 0};
    struct pollfd ready[COMMAND_POLLS] = {{.fd = STDIN_FILENO, .events = POLLIN}};
    int error = p->socket ? command_socket_open(&s, p->socket) : 0;

    if (error) {
        fprintf(stderr, "farm: %s: %s\n", p->socket, strerror(-error));
        return 1;
    }
    printf("ready\n");
    fflush(stdout);
    while (!stopping) {
        if (p->socket)
            command_socket_polls(&s, ready);
        farm_turn(f, NS_PER_S, ready, p->socket ? COMMAND_POLLS : 1);
        if (p->socket)
            command_socket_serve(&s, ready, &c);
        else if (ready[0].revents && !input_serve(&input, &c))
            break;
    }
    if (p->socket) {
        command_socket_close(&s);
        unlink(p->socket);
    }
    return 0;
}

int farm_main(int argc, char **argv)
{
    static struct program p = {
        .farm = {.first = {.family = ADDRESS_V4, .bytes = {9, 2, 0, 1}},
                 .gateway_network = {{.family = ADDRESS_V4, .bytes = {10}}, 9},
                 .networks = 0x0a800000,
                 .network_length = 24,
                 .count = 1000,
                 .in_flight = 32,
                 .key = "bench",
                 .policy = {.lifetime_seconds = 86400},
                 .lifetime_seconds = 3600,
                 .dpd_retry_seconds = 2,
                 .dpd_misses = 5},
        .timeout = 120 * NS_PER_S,
    };
    const struct sigaction stop = {.sa_handler = on_signal}; /* no SA_RESTART: waiting ends */

    (void)suite_take("bench", &p.farm);
    if (!options_parse(&p, argc, argv))
        return usage();
    sigaction(SIGTERM, &stop, NULL);
    sigaction(SIGINT, &stop, NULL);
    signal(SIGPIPE, SIG_IGN);
    struct farm *f = crypto_init() == 0 ? farm_new(&p.farm) : NULL;
    if (!f)
        return 1;
    int status = serve(&p, f);
    farm_free(f);
    crypto_done();
    wipe(p.key, sizeof p.key);
    return status;
}
