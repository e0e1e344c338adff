/* SPDX-License-Identifier: Apache-2.0 */
/* The rules as text in the language of nft, for firewall.c; apart from it so that it can be tested without a
 * kernel. */
#ifndef IO_FIREWALL_TEXT_H
#define IO_FIREWALL_TEXT_H

#include "io/firewall.h"

struct nft_text {
    char *data; /* with a NUL behind it; NULL while empty */
    size_t len, size;
    bool failed; /* no memory */
};

void nft_text_add(struct nft_text *t, const char *format, ...) __attribute__((format(printf, 2, 3)));
void nft_text_done(struct nft_text *t);

/* Counters are named DIRECTION_INTERFACE_SEQUENCE: "in_0_10", "out_1_many"; INTERFACE is the place in
 * `rules`. */
struct firewall_start {
    uint64_t packets, bytes;
};
typedef struct firewall_start firewall_start_find(void *user, bool in, size_t interface, uint32_t sequence);

/* The whole batch that makes the table anew, counters starting where `start` says. -EINVAL: an interface's
 * name or a rule is not possible. -ENOMEM. */
int firewall_text(const struct firewall_rules *rules, firewall_start_find *start, void *user,
                  struct nft_text *ret) must_check;

/* Calls `each` for every counter in what nft lists. */
void firewall_text_counters(const char *listing,
                            void (*each)(void *user, bool in, size_t interface, uint32_t sequence,
                                         uint64_t packets, uint64_t bytes),
                            void *user);

#endif
