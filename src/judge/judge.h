/* SPDX-License-Identifier: Apache-2.0 */
/* The capture judge: reads what was captured at the gateways' own ends of their links, with the keys, and
 * proves or refutes the promises about packets. `holdfast lab judge` and the `judge` step of a timeline call
 * it; docs/lab.md says what each verdict means.
 *
 * What is judged is what a gateway sends: packets that leave it at a captured end of a link. So a packet that
 * several captures saw on its one way counts once, and one that was sent twice counts twice. Captures must be
 * taken at gateways' ends, and those of all their outside links must be there.
 *
 * Always holds: nothing passes that was not looked at. A capture that is broken, cut short, not ended in
 * order or has lost packets, an ESP packet that no key opens, and fewer packets than expected are failures of
 * their own. Memory is bounded by the number sets' limits, and a full set is a failure, too. */
#ifndef JUDGE_JUDGE_H
#define JUDGE_JUDGE_H

#include <jansson.h>
#include <stdio.h>

#include "base/address.h"
#include "base/time.h"

enum {
    JUDGE_CAPTURES = 64,
    JUDGE_GROUPS = 16,
    JUDGE_PREFIXES = 16,
    JUDGE_WINDOWS = 16,
    JUDGE_TOLD = 20, /* violations of one check that are listed; all are counted */
    JUDGE_NAME = 64,
};

enum judge_role {
    JUDGE_LINK,    /* an outside link, at a gateway's end */
    JUDGE_REPLAYS, /* where an attacker sends what it recorded: its packets are not the gateways' */
    JUDGE_INSIDE,  /* an inside link, at a gateway's end */
    JUDGE_ROLES
};

struct judge_window {
    char name[JUDGE_NAME];
    ns from, until; /* since 1970; until NS_NEVER: to the end */
};

struct judge_config {
    struct prefix clear[JUDGE_PREFIXES]; /* inner networks; none: not judged */
    unsigned clear_count;
    struct judge_window windows[JUDGE_WINDOWS]; /* without ISAKMP; none: not judged */
    unsigned window_count;
    uint64_t least_sent;      /* IPsec packets; at least 1 is wanted in any case */
    uint64_t least_delivered; /* inner packets, where an inside link is captured; likewise */
    ns origin;                /* times are told from here; 0: since 1970 */
    uint32_t page_limit;      /* of each number set; 0: the usual one */
};

struct judge;

/* The configuration is copied. NULL: no memory or no processor for the ciphers. */
struct judge *judge_new(const struct judge_config *config);
void judge_free(struct judge *j);

/* A key table (see key_table.h); `name` is for messages. Keys come before captures. */
int judge_keys(struct judge *j, const char *name, FILE *file) must_check;

/* Judges a whole capture; closes `file` (NULL: it could not be opened, which is a failure). Links come first,
 * then replays, then insides (asserted). `group`: of insides: what all captures of a group send together is
 * delivered at most once (the gateways of one site). */
void judge_capture(struct judge *j, enum judge_role role, unsigned group, const char *name, FILE *file);

/* When all captures were read: the checks that can only be made at the end. */
void judge_finish(struct judge *j);

enum judge_check {
    CHECK_CAPTURES,  /* all there, whole, nothing lost, enough seen */
    CHECK_SEQUENCE,  /* no (SPI, sequence number) sent twice */
    CHECK_IV,        /* no (key, IV) sent twice, no CBC IV that could be foretold */
    CHECK_READ,      /* every ESP packet opened with the keys */
    CHECK_ISAKMP,    /* none in the windows */
    CHECK_CLEAR,     /* no inner address on an outside link */
    CHECK_DELIVERED, /* every inner packet at most once, and none that was not sent sealed */
    JUDGE_CHECKS
};

const char *judge_check_name(enum judge_check check);
bool judge_check_made(const struct judge *j, enum judge_check check); /* false: there was nothing to ask */
uint64_t judge_check_violations(const struct judge *j, enum judge_check check);
/* One line with the counts of what was looked at; then one for each violation told. To be freed. */
char *judge_check_detail(const struct judge *j, enum judge_check check);
bool judge_ok(const struct judge *j);
json_t *judge_json(const struct judge *j);
/* The whole verdict for people. */
void judge_print(const struct judge *j, FILE *out);

#endif
