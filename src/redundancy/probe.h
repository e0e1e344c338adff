/* SPDX-License-Identifier: Apache-2.0 */
/* A probe (`ip sla`): one echo request each period, and what became of it. Pure: the shell sends what an
 * action asks for and brings answers back with the time at which they arrived, however late it was looked at
 * them.
 *
 * An answer counts only with the sequence number and the tag (64 random bits in the echo's data) of the
 * request under way. A message that says that the target cannot be reached proves nothing, since it carries
 * no tag: it only names the reason when the time is up. A request that could not leave because a queue of
 * ours is full is sent again within its time.
 */
#ifndef REDUNDANCY_PROBE_H
#define REDUNDANCY_PROBE_H

#include "base/rng.h"
#include "base/time.h"

enum { PROBE_SENDS_MAX = 4 }; /* of one request, while our own queue is full */

enum probe_result {
    PROBE_UNKNOWN, /* no request is finished yet, or its life is over */
    PROBE_OK,
    PROBE_OVER_THRESHOLD, /* answered, but slowly */
    PROBE_TIMEOUT,
    PROBE_NO_CONNECTION, /* somebody, or our own kernel, says that there is no way */
    PROBE_BUSY,          /* it never left this machine */
    PROBE_ERROR,         /* the kernel refused it: no such source address ... */
    PROBE_RESULTS,
};

enum probe_state { PROBE_PENDING, PROBE_ACTIVE, PROBE_ENDED };

struct probe_config {
    ns frequency; /* between the beginnings of two requests; never 0 */
    ns timeout;   /* at most frequency */
    ns threshold;
    ns life; /* from its start; NS_NEVER: for ever */
    bool start;
};

struct probe_counters {
    uint64_t successes, failures; /* of requests that are finished */
    uint64_t results[PROBE_RESULTS];
    uint64_t sent;       /* messages */
    uint64_t late;       /* answers to a former request */
    uint64_t duplicates; /* second answers */
    uint64_t forged;     /* the right number with a wrong tag */
    uint64_t refusals;   /* messages that say there is no way */
    uint64_t skipped;    /* periods in which nothing was sent, since nobody came by */
};

struct probe {
    struct probe_config config;
    struct rng rng;
    uint8_t state;  /* enum probe_state */
    uint8_t result; /* enum probe_result: of the latest request that is finished */
    bool waiting;   /* a request is under way */
    bool answered;  /* the latest request was */
    uint8_t reason; /* while it waits: what is known against it; 0: nothing */
    uint8_t sends;  /* of it so far; it waits for its next one if resend_at is not NS_NEVER */
    uint16_t sequence;
    uint64_t tag;
    ns begun, ends;            /* of its life */
    ns due;                    /* the next request */
    ns asked_at;               /* when the latest request was begun */
    ns sent_at;                /* when it left */
    ns resend_at;              /* NS_NEVER: it has left */
    ns rtt;                    /* of the latest request, if that was answered */
    ns shortest, longest, sum; /* of all that were */
    ns result_at;
    struct probe_counters counters;
};

enum probe_event_kind {
    PROBE_EVENT_TICK,
    PROBE_EVENT_ANSWER,
    PROBE_EVENT_REFUSED,     /* destination unreachable, time exceeded */
    PROBE_EVENT_SEND_FAILED, /* at once, in answer to the action */
};

struct probe_event {
    enum probe_event_kind kind;
    ns now;
    uint16_t sequence; /* all but TICK */
    uint64_t tag;      /* ANSWER */
    ns arrived;        /* ANSWER; not after `now` */
    uint8_t reason;    /* SEND_FAILED: PROBE_BUSY, PROBE_NO_CONNECTION or PROBE_ERROR */
};

struct probe_actions {
    bool send; /* an echo request with this number and tag */
    uint16_t sequence;
    uint64_t tag;
    bool finished; /* a result is there (probe.result), or its life is over */
};

void probe_init(struct probe *p, const struct probe_config *config, struct rng *seed, ns now);
/* What is known stays; a request under way is dropped. `anew`: its subject is another one, or it is to be
 * started again; what is known goes. */
void probe_configure(struct probe *p, const struct probe_config *config, bool anew, ns now);
/* `actions` is overwritten. */
void probe_step(struct probe *p, const struct probe_event *e, struct probe_actions *actions);
ns probe_deadline(const struct probe *p);

/* What tracked objects see: `reachability`, and `state`. */
bool probe_reachable(enum probe_result r);
bool probe_good(enum probe_result r);
const char *probe_result_name(
    enum probe_result r); /* "OK", "Over threshold", "Timeout" ... as the field has them */

#endif
