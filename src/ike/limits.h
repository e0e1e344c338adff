/* SPDX-License-Identifier: Apache-2.0 */
/* Every limit and every interval of the IKEv1 machine that is not configured, in one place. Intervals are in
 * ns. The RFCs leave most of them open (RFC 2408 §5.1 wants a growing retransmission interval and a limit).
 */
#ifndef IKE_LIMITS_H
#define IKE_LIMITS_H

#include "base/time.h"

enum {
    IKE_SA_MAX_DEFAULT = 110000,
    IKE_HALF_OPEN_MAX_DEFAULT = 4096,
    IKE_HALF_OPEN_PER_ADDRESS_DEFAULT = 64,
    IKE_EXCHANGES_PER_SA_MAX = 64, /* phase-2 exchanges kept per IKE SA, finished ones that linger included */
    IKE_EXCHANGES_ACTIVE_MAX = 32, /* of them those that the peer began and that are not finished */
    IKE_NEGOTIATIONS_MAX = 16384,  /* key exchanges under way, of both phases */
    IKE_WISHES_MAX = 1 << 17,      /* tunnels wanted and not there yet */
    IKE_REASSEMBLIES_MAX = 128,    /* messages of which some fragments are there */
    IKE_FRAGMENTS_MAX = 32,        /* of one message */
    IKE_FRAGMENT_SIZE = 1200,      /* a message above this is sent in fragments to a peer that can */
    IKE_FRAGMENT_DATA = 1100,
    IKE_SA_BODY_MAX = 4096, /* of an initiator's SA payload, which HASH_I and HASH_R cover */
    IKE_SENT_MAX = 8000,    /* a message that we write */
    IKE_IDENTITY_MAX = 255,
    IKE_NONCE_SIZE = 20,             /* ours; clients of the field expect 20 */
    IKE_TRIES = 5,                   /* sendings of a message that waits for an answer */
    IKE_TRIES_AGGRESSIVE_ANSWER = 3, /* AM2: its reader is not authenticated yet, so it must not amplify */
    IKE_PROPOSED_POLICIES_MAX = 40,
    IKE_DPD_MISSES_DEFAULT = 3,
    IKE_RECORD_EXCHANGES_MAX = 4,
    IKE_HALF_OPEN_RECORDS_MAX = 1024, /* half-open IKE SAs with a record: of ours, and of strangers */
    /* Of strangers that have not proved their address: at once, and new ones in a second. */
    IKE_HALF_OPEN_RECORDS_UNPROVEN = 64,
    IKE_ANSWERED_LATELY_MAX = 256,
    IKE_LOGS_PER_SECOND = 10, /* of what a stranger may cause */
};

#define IKE_RETRANSMIT_FIRST (1 * NS_PER_S) /* then 2, 4, 8, 16 s */
#define IKE_HINT_PATIENCE \
    (2 * NS_PER_S) /* after an unauthenticated error notify a real answer may still come */
#define IKE_HALF_OPEN_TIMEOUT (30 * NS_PER_S)
#define IKE_ANSWER_KEPT       (60 * NS_PER_S) /* how long a last answer can be asked for again */
#define IKE_REASSEMBLY_KEPT   (10 * NS_PER_S)
#define IKE_SA_OVERLAP        (10 * NS_PER_S) /* between a new IKE SA and the DELETE of the one it replaces */
#define IKE_PAIR_OVERLAP      (10 * NS_PER_S) /* the same for pairs, at the side that began the rekey */
#define IKE_PAIR_OVERLAP_PEER \
    (30 * NS_PER_S) /* at the other side; half as much again for one of two born together */
#define IKE_PAIR_UNCONFIRMED  (90 * NS_PER_S) /* a pair whose third message never came */
#define IKE_REKEY_MARGIN_MAX  (30 * NS_PER_S) /* before a pair's end; a quarter of a short lifetime */
#define IKE_REAUTH_MARGIN_MAX (300 * NS_PER_S)
#define IKE_REKEY_RETRY       (10 * NS_PER_S)

/* A group that we took over: what fell due before is looked at in turn, so many timers in an interval, and
 * set anew: nothing is sent for some seconds, and what then is due is spread. */
#define IKE_TAKEOVER_TICK   (100 * NS_PER_MS)
#define IKE_TAKEOVER_PACE   200
#define IKE_TAKEOVER_QUIET  (5 * NS_PER_S)
#define IKE_TAKEOVER_SPREAD (30 * NS_PER_S)
/* More probes than the one before us may have sent that we were not told of. */
#define IKE_TAKEOVER_DPD_JUMP 65536

/* An answer that the one before us gave less than so long ago may not have left: it is sent again, of the
 * latest IKE SAs that were answered. */
#define IKE_TAKEOVER_ANSWERED_LATELY (2 * NS_PER_S)

#define IKE_LIFETIME_MIN 10 /* s: a peer cannot make us rekey faster */
#define IKE_PATH_RETRY   (5 * NS_PER_S)

#endif
