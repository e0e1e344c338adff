/* SPDX-License-Identifier: Apache-2.0 */
/* The state of the control process. One event loop, one thread (key exchanges run in the loop's pool); every
 * file of this room works on one concern of it. `show` handlers only read. */
#ifndef CONTROL_CONTROL_H
#define CONTROL_CONTROL_H

#include "base/bytes.h" /* before uv.h, which brings macros of the same names */

#include <uv.h>

#include "config/errors.h"
#include "config/grammar.h"
#include "config/model.h"
#include "control/apply/devices.h"
#include "control/apply/ike_config_build.h"
#include "control/apply/policy_build.h"
#include "control/apply/scopes.h"
#include "control/key_files.h"
#include "control/log.h"
#include "control/loop_watch.h"
#include "control/ssp/commit.h"
#include "crypto/packet_cipher.h"
#include "engine/channel.h"
#include "ike/ike.h"
#include "io/clock.h"
#include "io/datagram.h"
#include "ipsec/sad.h"
#include "ipsec/spd.h"
#include "replication/record_store.h"
#include "replication/shared_group.h"
#include "supervisor/handover.h"
#include "supervisor/status.h"

/* Records of control itself, beside those of enum ike_record_kind. */
enum control_record_kind {
    CONTROL_RECORD_CONNECTION = 32,       /* key: connection id -> its key (apply/connection_ids.h) */
    CONTROL_RECORD_ADDRESS = 33,          /* an address that we added to a device and take away at the end */
    CONTROL_RECORD_VIRTUAL_DEVICE = 34,   /* a device that we made, and the state of its group */
    CONTROL_RECORD_ARP_SETTINGS = 35,     /* of an interface with groups, as they were before */
    CONTROL_RECORD_SHARED_GROUP = 36,     /* our part in a group of gateways that share SAs */
    CONTROL_RECORD_PROBE = 37,            /* key: number -> what is known of its target */
    CONTROL_RECORD_PAIR_SA = SHARED_PAIR, /* key: slot -> the pair of SAs with its keys, of a shared group */
};

/* Everything that is made from the configuration and the machine's devices. */
struct generation {
    struct scopes scopes;
    struct ike_config_owned ike;
};

enum { CONTROL_SOCKETS = 4, CONTROL_RETIRING_WAIT_MS = 2 };

struct control_socket {
    struct control *control;
    uv_poll_t poll;
    int fd; /* -1: this kernel lacks the family */
    uint8_t family;
    bool nat_port; /* port 4500 */
};

/* Slots that were removed and wait until no engine can still point at them. */
struct retiring {
    uint32_t *slots;
    uint32_t count, capacity;
    uint64_t epochs[SAD_ENGINES_MAX];
};

struct control_debug {
    bool isakmp, ipsec, engine, keys;
};

struct cli_server;
struct dynamic_policy;
struct eigrp_process;
struct firewall;
struct job_pool;
struct redundancy;
struct resolver;
struct reverse_routes;
struct routing;
struct ssp;

struct control {
    const char *config_file, *run_directory;
    bool foreground, leaving, stopping; /* leaving: roles are handed over first */
    bool restarted, restored;           /* a predecessor left its state; what it knew is known again */
    uv_loop_t loop;
    struct loop_watch watch;
    ns started;

    struct log *log;
    struct grammar grammar;
    struct config *config;   /* in force */
    uint64_t config_version; /* counts what was put in force */
    struct generation *generation;
    struct control_debug debug;

    /* the machine */
    struct netlink *netlink;
    struct netlink_monitor *monitor;
    uv_poll_t monitor_poll;
    uv_timer_t reapply_timer;
    bool compile_due, devices_lost;
    bool report_problems;    /* while a new configuration is compiled; not when it is only applied again */
    uint32_t appeared[64];   /* devices that came or went up since they were last looked at */
    unsigned appeared_count; /* beyond the array's size: all */
    struct firewall *firewall;
    uv_timer_t firewall_timer;             /* selectors of dynamic crypto maps wait for their rules */
    ns firewall_cost;                      /* how long the rules took last */
    struct dynamic_policy *dynamic;        /* apply/pair_policy.h */
    struct reverse_routes *reverse_routes; /* routing/reverse_routes.h */
    struct devices devices;
    uint32_t tun_ifindex;
    struct routing *routing;     /* FRR */
    struct eigrp_process *eigrp; /* routing/eigrp.h; NULL: not configured */
    bool protocols; /* `router` is configured: distances as zebra takes them (routing/distance.h) */
    struct redundancy *redundancy; /* HSRP, VRRP, tracked objects */

    /* shared memory */
    struct sad *sad;
    size_t sad_size;
    struct spd *spd;
    size_t spd_size;
    uint64_t spd_epochs[SAD_ENGINES_MAX]; /* at the last publication */
    void *record_region, *running_region, *log_region;
    size_t record_size, running_size, log_size;
    struct record_store *records;
    struct connection_ids *ids;

    /* IKE */
    struct ike *ike;
    struct ike_actions *actions;
    struct ike_event *queue; /* events that came up while a step's actions were carried out */
    uint32_t queue_count, queue_capacity;
    bool stepping;
    uv_timer_t ike_timer;
    struct control_socket sockets[CONTROL_SOCKETS];
    struct datagram_reader *reader;
    struct packet_cipher *cipher;
    struct rng rng;
    struct commit commit;              /* actions that wait for the standby */
    struct ssp *ssp;                   /* groups whose SAs are shared; ssp/ssp.h */
    struct job_pool *jobs;             /* key exchanges */
    struct retiring retiring, retired; /* gathering; waiting for the engines */
    uv_timer_t retire_timer;
    uint32_t epoch; /* of this member: number of control's starts, in the IV bases */
    struct resolver *resolver;
    struct key_files keys;

    uv_poll_t channel_poll;
    bool engine_ready;
    uv_timer_t tell_timer; /* the engine is told again of every pair from tell_slot on */
    uint32_t tell_slot;
    uint64_t channel_lost; /* messages to the engine that found its queue full */

    uv_poll_t supervisor_poll;
    struct supervisor_process processes[SUPERVISOR_PROCESSES];
    uv_signal_t on_terminate, on_interrupt, on_reload;
    uv_timer_t stop_timer;
    struct cli_server *cli;
};

/* ---- actions.c: the IKE machine and its actions ---- */

/* Steps the machine and carries out what it asks for; may be called from inside (then the event waits its
 * turn). */
void control_ike(struct control *c, const struct ike_event *e);
void control_ike_schedule(struct control *c);
void control_job_done(void *context, struct ike_job *job);
/* An action that waited for the standby. */
void control_action_now(struct control *c, const struct ike_action *a, const struct session_lease *ceilings);

/* ---- pairs.c: the SAD ---- */

/* How a pair of a group of gateways is shared. */
struct pair_share {
    uint8_t group, member;
    bool replica; /* of the owner's: not used before a takeover, which goes on from `ceilings` */
    struct session_lease ceilings;
};

/* `share` may be NULL. */
int control_pair_install(struct control *c, const struct ike_pair_install *p,
                         const struct pair_share *share) must_check;
/* The owner's pair, which may be there already. */
int control_pair_replica(struct control *c, const struct ike_pair_install *p,
                         const struct pair_share *share) must_check;
void control_pair_ceilings(struct sad_pair *pair, const struct session_lease *l, uint64_t out_mark,
                           uint64_t in_mark);
/* Returns when no engine works with what was in the SAD before; not for a dead or hanging engine. */
void control_settle(struct control *c);
void control_pair_confirm(struct control *c, uint32_t slot, uint32_t spi_in);
void control_pair_supersede(struct control *c, uint32_t slot, uint32_t spi_in);
void control_pair_move(struct control *c, uint32_t slot, uint32_t spi_in, const struct endpoint *remote);
void control_pair_remove(struct control *c, uint32_t slot, uint32_t spi_in);
/* After a restart: what the machine does not know is removed, what the SAD does not know is cleared. */
void control_pairs_reconcile(struct control *c);

/* ---- channel.c, ike_sockets.c ---- */

int control_channel_begin(struct control *c) must_check;
/* `data` may be empty. Lost when the engine's queue is full (it reads the pairs anew when it starts). */
void control_channel_send(struct control *c, struct channel_message *m);
/* The same; false: the engine's queue is full. */
bool control_channel_try(struct control *c, struct channel_message *m) must_check;
int control_sockets_begin(struct control *c) must_check;
/* 0 or -errno; the caller says what that means for the peer. */
int control_socket_send(struct control *c, const struct endpoint *local, const struct endpoint *remote,
                        bool nat_port, bool keepalive, struct bytes data) must_check;
/* The peer cannot be reached: one line with its place, and the machine is told. */
void control_path_failed(struct control *c, const struct endpoint *remote, int error);

/* ---- records.c ---- */

int control_records_begin(struct control *c) must_check;
/* Feeds the machine with what a predecessor wrote. Returns the number of records. */
uint32_t control_records_restore(struct control *c);

/* ---- apply/apply.c: configuration to machine ---- */

/* Puts `next` (heap, ownership goes over) in force in place of the present one. -errno: nothing was changed.
 */
int control_apply(struct control *c, struct config *next) must_check;
/* The present configuration again, after something on the machine changed. */
void control_reapply(struct control *c);
/* Takes back what was changed on the machine: routes, rules, addresses, firewall. */
void control_withdraw(struct control *c);
/* Compiles scopes, SPD, steering and the IKE configuration anew. */
int control_compile(struct control *c, const struct config *config) must_check;
/* The SPD alone, from the generation in force, whose lists of dynamic crypto maps have grown. */
int control_policy_refresh(struct control *c) must_check;
void control_report(void *context, const struct scopes_problem *p);

/* ---- apply/: interfaces.c, routes.c, policy_routes.c, firewall.c ---- */

void apply_interfaces(struct control *c, const struct config *before, const struct config *after);
void apply_addresses_withdraw(struct control *c);
void apply_routes(struct control *c, const struct config *after);
void apply_policy(struct control *c, const struct policy_routes *routes);
void apply_policy_withdraw(struct control *c);
int apply_firewall(struct control *c, const struct scopes *s) must_check;
void apply_firewall_withdraw(struct control *c);

/* ---- apply/links.c: changes of devices and addresses ---- */

int control_links_begin(struct control *c) must_check;
void control_reapply_soon(struct control *c, bool compile);

/* ---- configuration files ---- */

/* Reads the configuration into a new heap model. `errors` gets what is wrong. -errno. */
int control_config_load(struct control *c, struct config_errors *errors, struct config **ret) must_check;
int control_config_save(struct control *c) must_check;             /* to the configuration file */
int control_running_store(struct control *c) must_check;           /* to shared memory */
bool control_running_load(struct control *c, struct config **ret); /* what a predecessor stored there */
/* A private copy of the present configuration, to be changed and applied. NULL: no memory. */
struct config *control_config_copy(const struct control *c);
void control_config_free(struct config *config);

/* ---- apply/resolver.c: peers that are written as names ---- */

struct resolver *resolver_new(struct control *c);
/* Unset while it is being asked for; when the answer comes, or another one, the configuration is compiled
 * anew. */
struct address resolver_find(void *resolver, const char *hostname);

#endif
