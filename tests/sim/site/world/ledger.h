/* SPDX-License-Identifier: Apache-2.0 */
/* What the outside of the gateways has seen, and what it must never see: the promises of the design. It taps
 * every wire (fabric.h) and every packet that is sealed (--wrap=packet_cipher_seal, whichever cipher is
 * behind it), and looks into a process after its turns.
 */
#ifndef SIM_LEDGER_H
#define SIM_LEDGER_H

#include "site/gateway/process.h"
#include "site/wires/fabric.h"

struct numbers { /* a set */
    uint64_t *list;
    size_t room, count;
};

bool numbers_add(struct numbers *n, uint64_t x); /* false: it was there */
bool numbers_have(const struct numbers *n, uint64_t x);
void numbers_done(struct numbers *n);

enum { LEDGER_ANSWERS = 256, LEDGER_CAUGHT = 64 };

#define LEDGER_FORGED (1u << 31) /* bit of the number of a flow that nobody sends */

/* A request of a quick mode and what was answered, by whichever member. */
struct ledger_answer {
    uint64_t request, exchange, sa; /* hashes */
    uint64_t answer;                /* of the bytes; 0: none yet */
    bool promised;                  /* the standby had to have it before it left */
};

struct ledger_caught {
    struct frame *frame;
    struct site_node *node; /* that it was for */
    unsigned port;
};

struct ledger {
    struct site *site;
    struct site_node *members[2]; /* that share their SAs; NULL: nobody does */
    uint64_t outside;             /* bits: links 0..63 where protected traffic must not be seen */
    struct numbers ivs, sequences, wire, delivered;
    struct numbers begun; /* quick modes that a member began */
    struct ledger_answer answers[LEDGER_ANSWERS];
    unsigned answer_next;
    bool many; /* tunnels of one IKE SA: its record has not room for all of their exchanges */
    struct ledger_caught caught[LEDGER_CAUGHT]; /* for whoever replays them */
    unsigned caught_next;
    uint64_t turns;
    uint64_t sealed, esp, isakmp, delivered_count, answered_again;
    uint64_t takeovers, takeover_calls; /* the most calls of the kernel in a turn that took the group over */
    size_t control_peak, engine_peak;   /* bytes of a process */
    uint32_t words[2];                  /* of the group, at the last look */
    uint64_t calls[2];
};

void ledger_init(struct ledger *l, struct site *s);
void ledger_done(struct ledger *l);
/* For fabric.tap; context: the ledger. */
void ledger_tap(void *context, const struct fabric_end *end, bool inbound, const struct frame *f);
/* What was answered before may be answered anew: the time is over for which answers are kept. */
void ledger_forget_answers(struct ledger *l);
/* After a turn of a process (site.turned). */
void ledger_turned(struct process *p);

#endif
