/* SPDX-License-Identifier: Apache-2.0 */
/* The farm as a program. Commands come on standard input, one a line, each is answered by one line:
 *
 *     up N       there shall be N tunnels; the answer comes when there are, or after `--timeout`
 *     status     how many there are
 *     quit       or the end of the input: ends at once, without a word to the gateway
 *
 * The answer is JSON: wanted, up, completed, seconds, rate (set-ups a second), median_ms, p99_ms, failures,
 * lost, retransmissions. Between commands the tunnels are kept alive. */
#include <errno.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/spi.h"
#include "crypto/crypto.h"
#include "farm.h"
#include "io/clock.h"

static ns timeout = 120 * NS_PER_S;

static int usage(void)
{
    fprintf(
        stderr,
        "usage: farm --gateway ADDRESS [--count N] [--first ADDRESS] [--networks ADDRESS]\n"
        "            [--gateway-network ADDRESS/LENGTH] [--in-flight N] [--key TEXT] [--group N] [--pfs N]\n"
        "            [--dpd SECONDS] [--timeout SECONDS] [--verbose]\n");
    return 2;
}

static bool prefix_read(const char *text, struct prefix *ret)
{
    char address[ADDRESS_TEXT];
    const char *slash = strchr(text, '/');

    if (!slash || (size_t)(slash - text) >= sizeof address)
        return false;
    memcpy(address, text, (size_t)(slash - text));
    address[slash - text] = 0;
    ret->length = (uint8_t)atoi(slash + 1);
    return address_parse(address, &ret->address) && ret->length <= address_bits(&ret->address);
}

static bool option_take(struct farm_options *o, int name, const char *value)
{
    struct address a;

    switch (name) {
    case 'g':
        return address_parse(value, &o->gateway) && o->gateway.family == ADDRESS_V4;
    case 'n':
        o->count = (uint32_t)atoi(value);
        return o->count > 0 && o->count <= SPI_SLOTS_MAX / 2 - 64;
    case 'f':
        return address_parse(value, &o->first) && o->first.family == ADDRESS_V4;
    case 's':
        if (!address_parse(value, &a) || a.family != ADDRESS_V4)
            return false;
        o->networks = address_v4_get(&a);
        return true;
    case 'G':
        return prefix_read(value, &o->gateway_network);
    case 'i':
        o->in_flight = (uint32_t)atoi(value);
        return o->in_flight > 0;
    case 'k':
        o->key = value;
        return *value != 0;
    case 'd':
        o->policy.group = (uint8_t)atoi(value);
        return dh_public_size(o->policy.group) > 0;
    case 'p':
        o->pfs_group = (uint8_t)atoi(value);
        return dh_public_size(o->pfs_group) > 0;
    case 'D':
        o->dpd_seconds = (uint32_t)atoi(value);
        return true;
    case 't':
        timeout = (ns)atoi(value) * NS_PER_S;
        return timeout > 0;
    case 'v':
        return o->verbose = true;
    default:
        return false;
    }
}

static void answer(const struct farm *f)
{
    struct farm_result r;

    farm_result(f, &r);
    double seconds = (double)((r.ended ? r.ended : clock_now()) - r.began) / 1e9;
    printf("{\"wanted\": %u, \"up\": %u, \"completed\": %u, \"seconds\": %.4f, \"rate\": %.1f, "
           "\"median_ms\": %.2f, \"p99_ms\": %.2f, \"failures\": %u, \"lost\": %u, "
           "\"retransmissions\": %lu}\n",
           r.wanted, r.up, r.completed, seconds, seconds > 0 ? r.completed / seconds : 0,
           (double)r.latency_median / 1e6, (double)r.latency_p99 / 1e6, r.failures, r.lost,
           (unsigned long)r.ike.retransmissions);
    fflush(stdout);
}

/* False: the end. */
static bool command(struct farm *f)
{
    char line[64];
    unsigned n;
    ssize_t len = read(0, line, sizeof line - 1); /* one line at a time is what the other side writes */

    if (len <= 0)
        return false;
    line[len] = 0;
    if (sscanf(line, "up %u", &n) == 1) {
        farm_want(f, n);
        for (ns end = clock_now() + timeout; !farm_settled(f) && clock_now() < end;)
            farm_turn(f, NS_PER_S, -1);
        farm_turn(f, 0, -1);
        answer(f);
    } else if (strncmp(line, "status", 6) == 0) {
        answer(f);
    } else if (strncmp(line, "quit", 4) == 0) {
        return false;
    } else {
        printf("{\"error\": \"up N, status or quit\"}\n");
        fflush(stdout);
    }
    return true;
}

int main(int argc, char **argv)
{
    static const struct option options[] = {
        {"gateway", 1, NULL, 'g'},
        {"count", 1, NULL, 'n'},
        {"first", 1, NULL, 'f'},
        {"networks", 1, NULL, 's'},
        {"gateway-network", 1, NULL, 'G'},
        {"in-flight", 1, NULL, 'i'},
        {"key", 1, NULL, 'k'},
        {"group", 1, NULL, 'd'},
        {"pfs", 1, NULL, 'p'},
        {"dpd", 1, NULL, 'D'},
        {"timeout", 1, NULL, 't'},
        {"verbose", 0, NULL, 'v'},
        {0},
    };
    struct farm_options o = {
        .first = address_v4(0x09020001),
        .gateway_network = {address_v4(0x0a000000), 9},
        .networks = 0x0a800000,
        .count = 1000,
        .in_flight = 32,
        .key = "bench",
        .policy = {.priority = 10,
                   .encryption = CBC_AES,
                   .key_bits = 128,
                   .hash = HASH_SHA256,
                   .group = DH_ECP_256,
                   .authentication = IKE_AUTH_PRESHARED,
                   .lifetime_seconds = 86400},
        .esp = {PACKET_ENCRYPTION_AES_GCM16, 16, PACKET_INTEGRITY_NONE},
    };
    int name;

    while ((name = getopt_long(argc, argv, "", options, NULL)) != -1)
        if (!option_take(&o, name, optarg))
            return usage();
    if (optind != argc || !address_is_set(&o.gateway))
        return usage();
    struct farm *f = crypto_init() == 0 ? farm_new(&o) : NULL;
    if (!f)
        return 1;
    printf("ready\n");
    fflush(stdout);
    for (;;)
        if (farm_turn(f, NS_PER_S, 0) && !command(f))
            break;
    farm_free(f);
    crypto_done();
    return 0;
}
