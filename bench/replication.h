/* SPDX-License-Identifier: Apache-2.0 */
/* What the processes of the replication bench share. See replication.c. */
#ifndef BENCH_REPLICATION_H
#define BENCH_REPLICATION_H

#include "control/control.h"
#include "io/clock.h"

enum { SLOTS = 1 << 16 };
enum { GATEWAY = 0x09010125, OWNER_END = 0xc0a8ff01, STANDBY_END = 0xc0a8ff02 };

/* What a process tells the one that measures, after each command. */
struct answer {
    uint64_t cpu_ns;
    uint32_t pairs, records, waiting;
    bool owner, in_step;
    ns snapshot_took;
    double seconds; /* of the spokes' last command */
};

/* Ends the process. */
void must(bool good, const char *what);
uint64_t cpu_now(void); /* ns that this process used */

/* Policy, alike for all. */
void config_common(struct ike_config *c);
struct ike_connection connection_common(uint32_t id);

/* Serve commands of 8 bytes on `fd` and never return. Member: S, its state. Spokes: U, all have a tunnel; C,
 * all pairs go, the IKE SAs stay; I, these go too. */
void member_run(bool owner, int fd);
void spokes_run(uint32_t count, uint32_t window, int socket, int fd);

#endif
