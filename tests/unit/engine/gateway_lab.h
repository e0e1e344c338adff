/* SPDX-License-Identifier: Apache-2.0 */
/* Two gateways with an engine each, and a host behind each, in four network namespaces:
 *
 *     h1 10.1.0.2 --- 10.1.0.1 g1 192.0.2.1 ===== 192.0.2.2 g2 10.2.0.1 --- 10.2.0.2 h2
 *        2001:db8:1::2       2001:db8:f::1      2001:db8:f::2        2001:db8:2::2
 *
 * The test plays supervisor (it holds the descriptors, starts and kills engines) and control (it writes SAs
 * and policy by hand and reads the channel). */
#ifndef TESTS_ENGINE_GATEWAY_LAB_H
#define TESTS_ENGINE_GATEWAY_LAB_H

#include <sys/types.h>

#include "engine/channel.h"
#include "ipsec/path.h"
#include "supervisor/handover.h"

enum { LAB_SKIPPED = 77, LAB_ENTRY = 7 };

struct gateway {
    char ns[32];
    int netns;
    int fds[HANDOVER_END]; /* -1: not open */
    struct sad *sad;
    struct spd *spd;
    uint32_t outside; /* ifindex */
    pid_t engine;
};

struct lab {
    struct gateway g[2];
    char host_ns[2][32];
    int host_netns[2];
    int own_netns;
    struct packet_cipher *cipher;
    struct rng rng;
};

/* 0, or LAB_SKIPPED with the reason on standard error. */
int lab_up(struct lab *l);
void lab_down(struct lab *l);
/* system() with a format. */
int lab_run(const char *format, ...) __attribute__((format(printf, 1, 2)));
void lab_enter(const struct lab *l, int netns);
void lab_leave(const struct lab *l);

void lab_engine_start(struct lab *l, int which);
void lab_engine_kill(struct lab *l, int which, int signal);

/* Publishes that traffic between the two sites, of both families, is protected. */
void lab_policy(struct lab *l);
/* An SA pair between the gateways in `slot` of both tables, ready to carry; `flags` of enum pair_flag. */
void lab_pair(struct lab *l, uint32_t slot, const struct packet_algorithms *a, uint16_t flags, bool outer_v6,
              uint8_t protocol, const struct selector *local_of_first);
void lab_pair_announce(struct lab *l, int which, uint32_t slot);
void lab_pair_remove(struct lab *l, uint32_t slot);
struct selector lab_selector(uint8_t family); /* of the first gateway */
/* The next message of this type, or false after `milliseconds`. */
bool lab_message(struct lab *l, int which, enum channel_type type, int milliseconds,
                 struct channel_message *ret, uint8_t *data);

#endif
