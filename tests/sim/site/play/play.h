/* SPDX-License-Identifier: Apache-2.0 */
/* A scenario of the lab played on virtual time: the same files, read by the lab's own parser
 * (lab/scenario.h), the same steps and conditions, and the same figures; in place of namespaces the site
 * (site.h), in place of a wall clock the schedule. What the simulator does not know is not passed over in
 * silence: a scenario that it cannot play at all is refused with the reason, a step that it cannot carry out
 * is listed as left out. play_world.c builds, play.c carries out the steps, play_condition.c looks,
 * play_exec.c knows the shell commands that have a meaning here, play_tap.c sees what passes, listing.c
 * tells, play_report.c gives the figures.
 */
#ifndef SIM_SITE_PLAY_H
#define SIM_SITE_PLAY_H

#include <jansson.h>

#include "lab/packet_kind.h"
#include "lab/scenario.h"
#include "site/play/listing.h"
#include "site/wires/fabric.h"
#include "site/wires/traffic.h"

enum { PLAY_CHECKS = SCENARIO_STEPS + 128, PLAY_DENIED = 8, PLAY_EXCHANGES = 64, PLAY_SENDERS = 32 };

struct play_check {
    char *name, *detail;
    bool ok;
};

struct play_watch {
    uint64_t packets[PACKET_KINDS][2], base[PACKET_KINDS][2]; /* [1]: in */
    char first_clear[160];
};

/* A node's packet filter, as scenarios set it by `exec` (mute.sh, split.sh). */
struct play_filter {
    bool mute; /* its ISAKMP messages do not leave */
    struct address denied[PLAY_DENIED];
    unsigned denied_count;
};

/* An exchange of IKE, to number its messages. */
struct play_exchange {
    uint8_t cookie[8];
    uint32_t message_id;
    unsigned messages;
    uint64_t last; /* hash of the last ones: what is said again is no new message */
    uint64_t before_last;
};

/* Makes a gateway: gateway_new. NULL: a world without gateways. */
typedef struct site_node *play_gateway(struct site *s, const char *name,
                                       const struct gateway_settings *settings);

struct play {
    const struct scenario *scenario;
    play_gateway *gateway;
    struct site site;
    struct fabric fabric; /* links and ends have the scenario's numbers */
    struct traffic traffic;
    struct listing listing;
    struct site_node *nodes[SCENARIO_NODES];
    char *configs[SCENARIO_NODES];
    struct play_filter filters[SCENARIO_NODES];
    struct play_watch watches[SCENARIO_WATCHES];
    ns marks[SCENARIO_MARKS];
    struct play_exchange exchanges[PLAY_EXCHANGES];
    unsigned exchange_count;
    struct play_sender {
        struct address from, to;
        unsigned node;
        ns last;
    } senders[PLAY_SENDERS]; /* of ESP */
    unsigned sender_count;
    struct play_log {
        char *text; /* what the node logged, for `show logging` */
        size_t len, room;
    } logs[SCENARIO_NODES];
    struct play_check checks[PLAY_CHECKS];
    unsigned check_count;
    unsigned skipped; /* steps left out */
    ns start;         /* of the timeline */
    char *error;      /* why it could not go on */
    bool brief;       /* the listing has what happens while flows run, and the steps */
};

/* Why this scenario cannot be played at all, to be freed; NULL: it can. */
char *play_refuses(const struct scenario *s);
/* The world, with its gateways started and answering. False with p->error. */
bool play_build(struct play *p, const struct scenario *s, uint64_t seed, play_gateway *gateway);
/* The timeline. True if all checks hold. */
bool play_run(struct play *p);
bool play_ok(const struct play *p);
void play_done(struct play *p);

/* ---- between its files ---- */

/* A line of the listing about a step, also while it is brief. */
void play_tell(struct play *p, const char *who, const char *format, ...)
    __attribute__((format(printf, 3, 4)));
void play_advance(struct play *p, ns until);
void play_fail(struct play *p, const char *format, ...) __attribute__((format(printf, 2, 3)));
/* The step is left out, and why. */
void play_skip(struct play *p, const struct step *step, const char *why);
void play_check_add(struct play *p, const char *name, bool ok, char *detail);

enum play_answer { PLAY_FALSE, PLAY_TRUE, PLAY_UNKNOWN };
/* The truth of a condition now; may take its time (a ping). PLAY_UNKNOWN: not of this world, `detail` says
 * why. */
enum play_answer play_condition(struct play *p, const struct condition *c, uint64_t base, char **ret_detail);
uint64_t play_base(const struct play *p, const struct condition *c);
/* A shell command of `exec`. `output` is to be freed. */
enum play_answer play_exec(struct play *p, unsigned node, const char *command, char **ret_output);
/* A line for a gateway's control process, as `holdfast` asks it, with the time that takes. The answer is to
 * be freed; NULL: there is nobody. */
char *play_ask(struct play *p, unsigned node, const char *line);
/* play_tap.c: begins to look at the wires and to listen to what is said. */
void play_tap_begin(struct play *p);
uint64_t play_watch_count(const struct play_watch *w, unsigned kind, enum watch_direction direction);

/* The control process of a gateway answers; waits until it does. */
bool play_answers(struct play *p, unsigned node);
bool play_wait_answer(struct play *p, unsigned node);

json_t *play_json(const struct play *p);
void play_print(const struct play *p, FILE *out);

#endif
