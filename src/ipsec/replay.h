/* SPDX-License-Identifier: Apache-2.0 */
/* The anti-replay window of an inbound SA over the shared struct replay_window (ipsec/sad.h). The engine
 * checks before it opens a packet and commits after its ICV was right; committing checks again, for two
 * copies can be in one burst.
 *
 * A process that dies between two stores leaves a window that refuses too much, never one that accepts twice.
 * RFC 4303 §3.4.3 and App A2, RFC 6479.
 */
#ifndef IPSEC_REPLAY_H
#define IPSEC_REPLAY_H

#include "base/drop.h"
#include "ipsec/sad.h"

/* `size` is rounded up to a multiple of 64 and limited to 64 .. REPLAY_WINDOW_MAX. */
uint32_t replay_size(uint32_t size);
/* The 64-bit number of a packet that carries `low`; without ESN `low` itself. */
uint64_t replay_guess(const struct replay_window *w, uint32_t size, uint32_t low, bool esn);
/* DROP_NONE, DROP_REPLAY or DROP_REPLAY_OLD. */
enum drop_reason replay_check(const struct replay_window *w, uint32_t size, uint64_t sequence);
enum drop_reason replay_commit(struct replay_window *w, uint32_t size, uint64_t sequence);
/* For an SA without replay check: only keeps the highest number, which ESN needs and people look at. */
void replay_note(struct replay_window *w, uint64_t sequence);
/* Everything up to `top` counts as accepted, also what is in the window. `top` is not below the present one.
 */
void replay_close(struct replay_window *w, uint32_t size, uint64_t top);
/* What was accepted in the window [top-count+1, top], for tests and `show`: the number of bits that are set.
 */
uint32_t replay_accepted(const struct replay_window *w, uint32_t size);

#endif
