/* SPDX-License-Identifier: Apache-2.0 */
/* What the datagrams of the lab's flows start with. Written and read by lab/probe.c; the judge finds the same
 * numbers in captures. */
#ifndef JUDGE_PROBE_PACKET_H
#define JUDGE_PROBE_PACKET_H

#include "base/be.h"

enum { PROBE_PORT = 20000, PROBE_MAGIC = 0x48667072 };

struct probe_packet {
    be32 magic;
    be32 flow; /* both ports are PROBE_PORT + flow */
    be64 run;  /* start time of the flow: a straggler of another run is not ours */
    be64 number;
};

#endif
