/* SPDX-License-Identifier: Apache-2.0 */
/* Files of captured packets: pcapng as the lab writes it, read and written; pcapng and classic pcap of
 * others, read. A stream: one packet at a time, in memory that never grows. Called by judge.c and by the
 * lab's recorder.
 *
 * The lab's files say what a judge has to know: each packet's direction as its node sees it (epb_flags), and
 * at the end, in the one statistics block, how many packets the kernel could not keep (isb_osdrop). A file
 * without that block was not ended in order.
 *
 * Always holds: nothing is read beyond what the file holds and nothing is believed about lengths; a broken
 * file is an error with the number of the block, never a shorter file. draft-ietf-opsawg-pcapng,
 * draft-ietf-opsawg-pcap. */
#ifndef JUDGE_CAPTURE_FILE_H
#define JUDGE_CAPTURE_FILE_H

#include <stdio.h>

#include "base/bytes.h"
#include "base/time.h"

enum {
    CAPTURE_BLOCK_MAX = 1 << 19,  /* a larger block is refused */
    CAPTURE_PACKET_MAX = 1 << 18, /* libpcap's own limit */
    CAPTURE_INTERFACES = 16,      /* of one section */
};

enum capture_direction { CAPTURE_UNKNOWN, CAPTURE_INBOUND, CAPTURE_OUTBOUND };

struct captured {
    struct bytes ip;   /* from the IP header on; valid until the next call */
    ns time;           /* since 1970 */
    uint64_t number;   /* in the file, from 1, everything counted: as Wireshark numbers */
    uint8_t direction; /* enum capture_direction */
    bool cut;          /* only its beginning was kept */
};

struct capture_interface {
    uint16_t link_type;
    uint8_t resolution; /* if_tsresol */
};

struct capture_reader {
    FILE *file;
    uint8_t *buffer;
    struct capture_interface interfaces[CAPTURE_INTERFACES];
    unsigned interface_count;
    bool classic, swapped;
    uint64_t number, blocks;
    uint64_t lost;     /* what the file says the kernel dropped */
    bool lost_told;    /* it says so at all */
    const char *error; /* what is wrong; NULL: nothing */
};

/* Takes the open file; capture_reader_done closes it. -EBADMSG if it is neither format, -ENOMEM. */
int capture_reader_init(struct capture_reader *r, FILE *file) must_check;
void capture_reader_done(struct capture_reader *r);
/* The next IP packet; what is not IP is passed over. 1; 0 at the end; -EBADMSG with r->error. */
int capture_read_next(struct capture_reader *r, struct captured *ret) must_check;

struct capture_writer {
    FILE *file;
    uint64_t bytes;
    bool failed;
};

/* All return false once something could not be written. The file stays the caller's. */
bool capture_writer_init(struct capture_writer *w, FILE *file);
bool capture_write(struct capture_writer *w, ns time, enum capture_direction direction, struct bytes ip,
                   uint32_t original_len);
/* The end in order. */
bool capture_write_end(struct capture_writer *w, ns time, uint64_t received, uint64_t lost);

#endif
