/* SPDX-License-Identifier: Apache-2.0 */
/* What becomes of a packet that goes out, and a small cache of it: most packets are like one that just
 * passed. A cached decision holds as long as policy (spd version) and pairs (index generation) stay what they
 * were; the state of its pair is looked at each time. Called by the outbound burst. */
#ifndef IPSEC_DECISION_H
#define IPSEC_DECISION_H

#include "ipsec/path.h"
#include "ipsec/spd_index.h"
#include "ipsec/tuple.h"

enum { DECISION_CACHE = 4096 };

struct decision {
    struct packet_tuple tuple;
    uint32_t spd_version; /* 0: empty */
    uint32_t generation;
    uint32_t slot; /* the pair that protects it; PAIR_NONE: there is none yet */
    uint32_t spi_in;
    uint32_t entry, ace; /* indexes into the table of that version */
    bool protect;
    bool from_us; /* its source is an own address: no TTL was taken off */
};

struct decider {
    const struct packet_path *path;
    struct spd_index *policy;
    uint64_t hits, misses;
    struct decision cache[DECISION_CACHE];
};

/* The decision for a packet with this tuple, or NULL where no policy was published yet: it must not pass
 * then. Valid until the next call. */
const struct decision *decide(struct decider *d, const struct packet_tuple *tuple);

#endif
