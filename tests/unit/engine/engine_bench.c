/* SPDX-License-Identifier: Apache-2.0 */
/* Holds up two gateways with engines until standard input ends, and prints the namespaces' names: for
 * measuring by hand. Arguments: [udp] [v6] [cbc | des3 | chacha | null]; `plain` leaves policy and steering
 * out, for comparison. */
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "crypto/packet_cipher.h"
#include "gateway_lab.h"
#include "io/netlink.h"

static void counters(const struct gateway *g)
{
    const struct sad_engine *e = &g->sad->engines[0];
    fprintf(stderr, "%s: out %lu in %lu bypassed %lu coalesced %lu bursts %lu\n", g->ns, e->packets_out,
            e->packets_in, e->packets_bypassed, e->segments_coalesced, e->bursts);
    for (int i = 0; i < DROP_REASON_COUNT; i++)
        if (e->drops[i])
            fprintf(stderr, "  %s: %lu\n", drop_reason_name((enum drop_reason)i), e->drops[i]);
}

int main(int argc, char **argv)
{
    struct lab l;
    struct packet_algorithms a = {PACKET_ENCRYPTION_AES_GCM16, 16, PACKET_INTEGRITY_NONE};
    uint16_t flags = PAIR_TUNNEL;
    bool v6 = false, plain = false;
    for (int i = 1; i < argc; i++) {
        if (strcmp(argv[i], "udp") == 0)
            flags |= PAIR_UDP;
        else if (strcmp(argv[i], "v6") == 0)
            v6 = true;
        else if (strcmp(argv[i], "plain") == 0)
            plain = true;
        else if (strcmp(argv[i], "cbc") == 0)
            a = (struct packet_algorithms){PACKET_ENCRYPTION_AES_CBC, 16, PACKET_INTEGRITY_SHA1_96};
        else if (strcmp(argv[i], "des3") == 0)
            a = (struct packet_algorithms){PACKET_ENCRYPTION_3DES, 24, PACKET_INTEGRITY_MD5_96};
        else if (strcmp(argv[i], "chacha") == 0)
            a = (struct packet_algorithms){PACKET_ENCRYPTION_CHACHA20_POLY1305, 32, PACKET_INTEGRITY_NONE};
    }
    int r = lab_up(&l);
    if (r)
        return r;
    if (!plain) {
        lab_policy(&l);
        struct selector s4 = lab_selector(ADDRESS_V4), s6 = lab_selector(ADDRESS_V6);
        lab_engine_start(&l, 0);
        lab_engine_start(&l, 1);
        lab_pair(&l, 0, &a, flags, v6, 50, &s4);
        lab_pair(&l, 1, &a, flags, v6, 50, &s6);
    } else {
        for (int i = 0; i < 2; i++)
            lab_run("ip -n %s link set " HOLDFAST_TUN_NAME " down", l.g[i].ns);
    }
    printf("%s %s %s %s\n", l.host_ns[0], l.g[0].ns, l.g[1].ns, l.host_ns[1]);
    printf("%d %d\n", l.g[0].engine, l.g[1].engine);
    fflush(stdout);
    char c;
    while (read(0, &c, 1) > 0)
        ;
    counters(&l.g[0]);
    counters(&l.g[1]);
    lab_down(&l);
    return 0;
}
