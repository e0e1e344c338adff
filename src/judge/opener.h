/* SPDX-License-Identifier: Apache-2.0 */
/* Opens captured ESP packets with the keys of a key table, through crypto/packet_cipher. Called by judge.c.
 * Always holds: the captured bytes are left as they are; what comes out is valid until the next call. */
#ifndef JUDGE_OPENER_H
#define JUDGE_OPENER_H

#include "judge/key_table.h"

struct opener;

/* NULL: no memory, or a processor that packet_cipher does not support. */
struct opener *opener_new(void);
void opener_free(struct opener *o);

enum opened {
    OPENED,
    OPENED_BAD_ICV,
    OPENED_BAD_FORM, /* lengths or padding that no sender makes */
};

/* `esp`: from the SPI to the end of the ICV. */
enum opened opener_open(struct opener *o, struct key_sa *sa, struct bytes esp, uint8_t *ret_next_header,
                        struct bytes *ret_inner);

#endif
