/* SPDX-License-Identifier: Apache-2.0 */
/* What the files of shared groups know of each other. */
#ifndef CONTROL_SSP_INTERNAL_H
#define CONTROL_SSP_INTERNAL_H

#include "control/control.h"
#include "control/ssp/link.h"
#include "control/ssp/ssp.h"

enum { SSP_NAME = CONFIG_MAX_NAME + 1, SSP_NAMES = 16, SSP_SESSION_GROUP = 1, SSP_HISTORY = 16 };

struct ssp_change {
    ns at;
    uint8_t state; /* enum session_role */
    uint32_t epoch;
    bool planned;
    const char *reason; /* a constant */
};

struct ssp_group {
    struct control *control;
    uint8_t index;  /* in the SA table and for IKE */
    uint8_t number; /* as configured */
    bool inter_device;
    char names[SSP_NAMES][SSP_NAME]; /* of HSRP groups; the first drives */
    unsigned name_count;
    struct address local, remote;
    uint8_t member;
    uint8_t settings[32]; /* digest of what the link is made from */
    struct shared_group shared;
    struct ssp_link *link; /* NULL: it cannot be made; why was logged */
    uv_timer_t *timer;
    bool relink;  /* the link is to begin anew */
    uint64_t bye; /* number of our farewell; 0: not said */
    ns bye_until;
    uint32_t leave_epoch; /* leaving: of the role that we tried to hand over; 0: none so far */
    ns leave_until;       /* and how long that may wait for the other member */
    bool keep, yielding, peer_up, switched; /* switched: the last change of role was a planned one */
    bool peer_seen;
    ns born, preempt_not_before, peer_since;
    const char *last_lost; /* NULL: the session was never lost */

    /* draining: nothing was worked on since `drain_since`, and the engine answered so many times since */
    uint64_t drain_bursts, drain_epoch;
    ns drain_since;
    unsigned drain_rounds;
    bool draining;

    struct ssp_change history[SSP_HISTORY];
    unsigned history_count;
    ns takeover_at, takeover_took;
    const char *reason; /* why the next change happens */
};

struct ssp {
    struct ssp_group *groups[SAD_GROUPS_MAX]; /* [0] is not used */
    void (*stopped)(struct control *c);
    uv_timer_t stop_timer;
};

extern const struct shared_group_ops ssp_ops;

#define ssp_each_group(c, g)                                       \
    for (uint8_t at_ = 1; (c)->ssp && at_ < SAD_GROUPS_MAX; at_++) \
        for (struct ssp_group *g = (c)->ssp->groups[at_]; g; g = NULL)

/* ---- config.c ---- */

/* The link to the other member, anew; why there is none was logged. */
int ssp_link_make(struct ssp_group *g, const struct config *config, const struct config_ssp *s) must_check;

/* ---- ssp.c ---- */

/* May be NULL. */
struct ssp_group *ssp_group_at(const struct control *c, uint8_t index);
void ssp_group_schedule(struct ssp_group *g);
/* What the link tells of; `context` is the group. */
void ssp_link_actions(void *context, const struct session_actions *a);
void ssp_link_log(void *context, uint8_t severity, const char *mnemonic, const char *text);
void ssp_drain_begin(struct ssp_group *g, ns now);

/* ---- ops.c ---- */

/* What a predecessor of this process noted; false: nothing. */
bool ssp_group_noted(const struct ssp_group *g, uint8_t *ret_state, uint32_t *ret_epoch, bool *ret_bounded);
void ssp_replica(struct ssp_group *g, uint8_t kind, uint64_t key, struct bytes data, int64_t shift,
                 bool deleted);

#endif
