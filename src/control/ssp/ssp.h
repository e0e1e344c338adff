/* SPDX-License-Identifier: Apache-2.0 */
/* Redundancy groups whose SAs are shared with another gateway (docs/stateful-failover.md): the group machines
 * of src/replication between this process's SA table, records, IKE machine, redundancy groups and links. `ssp
 * group N` or `redundancy inter-device` makes one. Groups are numbered 1..7 in the SA table and in IKE's
 * configuration, in the order of their numbers in the configuration. */
#ifndef CONTROL_SSP_SSP_H
#define CONTROL_SSP_SSP_H

#include "ike/ike.h"
#include "ipsec/sad.h"
#include "replication/shared_group.h"

struct config;
struct config_interface;
struct control;
struct ike_config;

/* The groups as `after` has them. Before it is compiled: what is compiled asks for their numbers. */
int ssp_configure(struct control *c, const struct config *after) must_check;
/* After it is in force: links, roles. */
void ssp_apply(struct control *c);
/* The number of the group that an interface's crypto map belongs to; 0: none. */
uint8_t ssp_group_of(const struct control *c, const struct config *config, const struct config_interface *i);
/* Groups, member and members, for the IKE machine. */
void ssp_ike_config(const struct control *c, struct ike_config *ret);
/* The HSRP group that drives the shared group of this one; NULL: it is in none, or drives itself. */
const char *ssp_driver_of(const struct config *config, const char *standby_name);
/* An HSRP group changed its state, or what decides it. */
void ssp_redundancy_changed(struct control *c);
/* Its own election must not give a role away or take it while a planned switchover can. */
bool ssp_preempts(const struct control *c, const char *standby_name);
/* The addresses of this group stay until the switchover is done, though its role is given away. */
bool ssp_keeps_addresses(const struct control *c, const char *standby_name);

/* ---- from the IKE machine ---- */

/* A record was kept or deleted; it goes to the standby, too. */
void ssp_record(struct control *c, uint8_t group, uint8_t kind, uint64_t key, struct bytes data);
void ssp_record_deleted(struct control *c, uint8_t group, uint8_t kind, uint64_t key);
/* Before a pair of a group is installed. */
void ssp_pair_new(struct control *c, uint8_t group, const struct ike_pair_install *p,
                  struct session_lease *ret_ceilings);
void ssp_pair_gone(struct control *c, uint8_t group, uint32_t slot);
/* Whether frame `number` is still to be acknowledged, and will be or the session ends. */
bool ssp_waits(const struct control *c, uint8_t group, uint64_t number);
void ssp_give_up(struct control *c, const char *why);

/* ---- from the engine ---- */

void ssp_lease_due(struct control *c, uint32_t slot, uint32_t spi_in);

uint8_t ssp_member(const struct control *c);
bool ssp_active(const struct control *c, uint8_t group); /* also for group 0 */
/* `redundancy switchover`. -ENOENT: no group; -EAGAIN: the standby is not in step. */
int ssp_switchover(struct control *c) must_check;
/* `clear crypto isakmp|sa ha standby`: what stands by here is taken from the owner anew. -ENOENT: no group;
 * -EAGAIN: we are standby of none. */
int ssp_forget_standby(struct control *c) must_check;
/* This process is about to end, with all others: roles are handed over, or their SAs are left to the other
 * member. `done` when that is over, at once if there is nothing to do. */
void ssp_stop(struct control *c, void (*done)(struct control *c));

#endif
