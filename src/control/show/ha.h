/* SPDX-License-Identifier: Apache-2.0 */
/* What stateful failover shows: the facts of this moment, gathered by ha_collect and printed by ha.c
 * (`show ssp ...`, `show crypto ha`, `show redundancy ...`). Texts are borrowed from the configuration and
 * from constants; whoever collected calls ha_facts_done before anything else happens in the loop. */
#ifndef CONTROL_SHOW_HA_H
#define CONTROL_SHOW_HA_H

#include "base/address.h"
#include "base/time.h"

enum { HA_NAMES_MAX = 16, HA_STAMP = 16, HA_LABEL_TEXT = 24 };

struct control;
struct exec_call;

/* An HSRP group of an SSP group. */
struct ha_standby {
    const char *name, *interface; /* interface NULL: there is no such group */
    uint32_t number;
    const char *state;      /* "Active"; NULL: it does not run */
    struct address address; /* its virtual one */
};

struct ha_group {
    uint8_t number; /* of the ssp group; CONFIG_SSP_INTER_DEVICE */
    uint8_t role;   /* enum session_role */
    uint8_t member; /* ours: 0 or 1 */
    ns since;       /* when the role began */
    uint32_t epoch;
    bool in_step, switching;                 /* nothing is missing; a planned switchover is under way */
    struct ha_standby standby[HA_NAMES_MAX]; /* [0]: the driver */
    uint32_t standby_count;
    struct address virtual_address; /* where tunnels end */
    bool has_stamp;
    uint8_t stamp[HA_STAMP]; /* of what both members must have configured alike */

    uint32_t peer; /* index in ha_facts.peers */
    bool peer_known;
    uint8_t peer_role;
    bool peer_in_step;
    uint32_t peer_epoch;

    uint64_t isakmp_sas, pairs, records; /* that the group has here */
    uint64_t behind; /* records that the standby has not acknowledged, or we have not got */
    uint64_t lag_ms; /* age of the oldest of them */
    uint64_t snapshots_sent, snapshots_taken;
    uint64_t snapshot_ms; /* how long the last one took, sent or taken, at least 1; 0: none yet */
    uint64_t leases_asked, leases_granted, lease_rekeys;
    uint64_t takeovers, switchovers, merges;
    ns last_takeover, last_takeover_took; /* 0: none yet */
    const char *last_reason;              /* of the last change of role; NULL: none yet */
};

/* The session with another gateway. */
struct ha_peer {
    struct address remote, local; /* local unset: not connected yet and not configured */
    uint16_t port, local_port;
    const char *interface;                  /* that has `local`; NULL: none */
    const char *state;                      /* "Connected", "Connecting", "Refused" ... */
    bool connected;                         /* authenticated and of one version */
    ns since;                               /* when the socket was made; 0: there is none */
    uint16_t frame_version, record_version; /* of both; 0: not connected */
    uint64_t frames_out, bytes_out, frames_in, bytes_in;
    uint64_t connections;   /* that stood so far */
    const char *last_lost;  /* why the last one ended; NULL: none did */
    const char *protection; /* "TLS 1.3, pre-shared key" */
};

/* A change of role. */
struct ha_event {
    ns at, took; /* took 0: it does not apply */
    uint8_t group, from, to;
    bool planned;
    uint32_t epoch;
    const char *reason;
};

struct ha_facts {
    struct ha_group *groups; /* by number */
    uint32_t group_count;
    struct ha_peer *peers;
    uint32_t peer_count;
    struct ha_event *events; /* oldest first */
    uint32_t event_count;
};

/* -ENOENT: stateful failover is not configured; -ENOMEM. */
int ha_collect(struct control *c, struct ha_facts *ret) must_check;
void ha_facts_done(struct ha_facts *f);

/* "ssp group 1", "inter-device". Returns `out`. */
char *ha_label(uint8_t number, char out[HA_LABEL_TEXT]);

/* cli/exec_ha.c: `redundancy switchover`, `clear crypto isakmp ha standby`, `clear crypto sa ha standby`. */
int ha_switchover(struct exec_call *x);
int ha_clear_isakmp(struct exec_call *x);
int ha_clear_sa(struct exec_call *x);

#endif
