/* SPDX-License-Identifier: Apache-2.0 */
/* Every packet that the packet path drops is dropped for a named reason. The reason is the index of the
 * counter and its name is what `show crypto engine` prints. */
#ifndef BASE_DROP_H
#define BASE_DROP_H

#define DROP_REASONS(X)                                             \
    X(NONE, "none")                                                 \
    X(MALFORMED, "malformed packet")                                \
    X(NO_ROUTE, "no route to destination")                          \
    X(NO_SA, "no SA, negotiation not possible")                     \
    X(ACQUIRE_QUEUE_FULL, "no SA yet, queue full")                  \
    X(ACQUIRE_TIMEOUT, "no SA, negotiation took too long")          \
    X(SA_EXPIRED, "SA lifetime reached")                            \
    X(SEQUENCE_EXHAUSTED, "sequence numbers exhausted")             \
    X(TOO_BIG, "packet too big, DF set")                            \
    X(FRAGMENT_FAILED, "fragmentation failed")                      \
    X(REASSEMBLY_TIMEOUT, "reassembly timed out")                   \
    X(REASSEMBLY_LIMIT, "reassembly table full")                    \
    X(TTL_EXPIRED, "TTL expired")                                   \
    X(NOT_PROTECTED, "not an IPsec packet")                         \
    X(UNKNOWN_SPI, "invalid SPI")                                   \
    X(REPLAY, "replayed packet")                                    \
    X(REPLAY_OLD, "sequence number left of the window")             \
    X(BAD_ICV, "integrity check failed")                            \
    X(BAD_PADDING, "bad padding")                                   \
    X(BAD_LENGTH, "bad length")                                     \
    X(BAD_NEXT_HEADER, "unexpected next header")                    \
    X(SELECTOR_MISMATCH, "inner packet outside the SA's selectors") \
    X(DUMMY, "dummy packet")                                        \
    X(ECN_MISMATCH, "CE mark on a not-ECT inner packet")            \
    X(SEND_FAILED, "send failed")                                   \
    X(TUN_WRITE_FAILED, "write to the TUN device failed")           \
    X(CONTROL_QUEUE_FULL, "control queue full")                     \
    X(FAMILY_UNSUPPORTED, "address family not supported")           \
    X(NOT_OWNER, "standby of its redundancy group")                 \
    X(SEQUENCE_LEASE, "outbound replay interval used up")           \
    X(REPLAY_LEASE, "inbound replay interval used up")

enum drop_reason {
#define X(name, text) DROP_##name,
    DROP_REASONS(X)
#undef X
        DROP_REASON_COUNT
};

/* Never NULL; "?" beyond the last. */
const char *drop_reason_name(enum drop_reason reason);

#endif
