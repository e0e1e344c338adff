/* SPDX-License-Identifier: Apache-2.0 */
/* Slots of the SAD and the SPIs that name them (base/spi.h). They are taken a block after the other, so that
 * pairs lie close together. */
#ifndef IKE_SLOTS_H
#define IKE_SLOTS_H

#include "ike/machine.h"

enum slot_state { SLOT_FREE, SLOT_TAKEN, SLOT_INSTALLED, SLOT_DRAINING };

int slots_init(struct ike *ike) must_check; /* -ENOMEM */
void slots_done(struct ike *ike);
/* A slot and an SPI for it, which is not `peer_spi` (0: not known yet): the keys of a pair's two directions
 * are derived alike but for their SPIs. False when all are in use. */
bool slot_take(struct ike *ike, uint32_t peer_spi, uint32_t *ret_slot, uint32_t *ret_spi);
/* Never reached the SAD: free at once. */
void slot_drop(struct ike *ike, uint32_t slot);
void slot_installed(struct ike *ike, uint32_t slot);
/* Removed from the SAD: free when the shell says so. */
void slot_drain(struct ike *ike, uint32_t slot);
void slot_drained(struct ike *ike, uint32_t slot);
enum slot_state slot_state(const struct ike *ike, uint32_t slot);
/* A restored pair or a replica has it. False if it is in use or beyond the limit. */
bool slot_restore(struct ike *ike, uint32_t slot, uint32_t spi);
/* After the last one. */
void slots_restored(struct ike *ike);

#endif
