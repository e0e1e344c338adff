/* SPDX-License-Identifier: Apache-2.0 */
/* Every `show` command. The command server adds show_commands to its grammar, matches a line, and calls
 * control_show; that is all it has to know. Inside: the facts of a command are gathered once, as JSON, item
 * by item; the text in the field's layout is rendered from these facts and from nothing else, so that `|
 * json` and the text cannot disagree. Nothing here changes anything.
 *
 * Everything that is looked at comes through a struct show_source, so that tests can show fixed views. */
#ifndef CONTROL_SHOW_SHOW_H
#define CONTROL_SHOW_SHOW_H

#include "config/grammar.h"
#include "config/model.h"
#include "control/apply/scopes.h"
#include "control/log.h"
#include "ike/ike.h"
#include "ipsec/sad.h"
#include "ipsec/spd.h"
#include "supervisor/status.h"

struct control;
struct eigrp;
struct ha_facts;
struct loop_watch;
struct probe_unit;
struct redundancy;

/* In GRAMMAR_MODE_EXEC. `clear`, `debug` and the like are not here. */
extern const struct grammar_command show_commands[];
extern const size_t show_command_count;
/* Whether a matched command is one of show_commands. */
bool show_owns(const struct grammar_command *command);

/* Appends the answer to `out`, filtered as the call asks. 0; -EINVAL: the command cannot be carried out,
 * `out` holds a line that begins with "% "; -ENOMEM. */
int control_show(struct control *c, const struct grammar_call *call, struct text *out) must_check;

/* ---- for this room's show_*.c and their tests ---- */

struct show_cost {
    uint64_t cpu_ms, resident_kib, proportional_kib; /* 0: not known */
};

struct show_source {
    ns now;        /* monotonic */
    uint64_t wall; /* ns since 1970 */
    ns started;    /* of this control process */
    const char *hostname, *version, *config_file, *cipher_arch;
    const struct grammar *grammar;
    const struct config *config;
    const struct scopes *scopes;
    const struct ike_config *ike_config;
    const struct devices *devices;
    const struct sad *sad;
    const struct spd *spd;
    const struct log *log; /* NULL: no ring */
    const struct supervisor_process *processes;
    bool engine_ready, debug_isakmp, debug_ipsec, debug_engine, debug_keys;
    const struct loop_watch *loop;       /* NULL: not watched */
    uint64_t channel_lost;               /* messages to the engine that found its queue full */
    const struct redundancy *redundancy; /* NULL: none */
    const struct eigrp *eigrp;           /* NULL: not configured */

    void *context; /* of the functions */
    void (*each_sa)(void *context, void (*visit)(void *user, const struct ike_sa_view *v), void *user);
    void (*each_pair)(void *context, void (*visit)(void *user, const struct ike_pair_view *v), void *user);
    bool (*connection)(void *context, uint32_t id, struct ike_connection_view *ret);
    void (*statistics)(void *context, struct ike_statistics *ret);
    /* A device with its counters of this moment. False: gone. */
    bool (*link)(void *context, uint32_t ifindex, struct netlink_link *ret);
    /* The kernel's main table. 0 or -errno. */
    int (*routes)(void *context, void (*each)(void *user, const struct netlink_route *r), void *user);
    void (*cost)(void *context, int32_t pid, struct show_cost *ret);
    /* The facts of stateful failover, as ha_collect; NULL: it is not configured. */
    int (*ha)(void *context, struct ha_facts *ret);
    /* NULL: none of that number runs. The function itself may be NULL. */
    const struct probe_unit *(*probe)(void *context, uint32_t number);
    void (*records)(void *context, size_t *ret_count, size_t *ret_used, size_t *ret_size);
};

/* As control_show, from any source. */
int show_run(const struct show_source *s, const struct grammar_call *call, struct text *out) must_check;

#endif
