/* SPDX-License-Identifier: Apache-2.0 */
/* The keys of a run, from the tables that Wireshark calls esp_sa: `debug crypto keys` of holdfastd and
 * strongSwan's save-keys write them. Called by judge.c. Always holds: an SA that several tables name is there
 * once; two SAs with the same cipher key (and salt) have the same `key` number, whatever their SPIs; keys are
 * wiped by key_table_done and never leave this room. */
#ifndef JUDGE_KEY_TABLE_H
#define JUDGE_KEY_TABLE_H

#include <stdio.h>

#include "base/address.h"
#include "base/hash_table.h"
#include "crypto/packet_cipher.h"

enum { KEY_TABLE_SAS = 1 << 18, KEY_LINE_MAX = 1024 };

struct key_sa {
    struct hash_link by_spi, by_key;
    struct key_sa *next; /* of all */
    struct address destination;
    uint32_t spi;
    uint32_t key; /* number of this cipher key, from 1 */
    struct packet_algorithms algorithms;
    uint8_t encryption_key[PACKET_KEY_MAX];
    uint8_t integrity_key[PACKET_INTEGRITY_KEY_MAX];
    struct packet_key *open; /* expanded at the first use */
    /* For the judgement of CBC IVs: the last one, and the last block of cipher text, sent with this SA. */
    uint8_t last_iv[PACKET_IV_MAX], last_block[PACKET_IV_MAX];
    bool has_last, has_last_block;
    bool esn; /* found out: the ICV is right only with ESN */
};

struct key_table {
    struct hash_table by_spi, by_key;
    struct key_sa *all;
    uint32_t sa_count, key_count;
    uint32_t refused; /* lines that were understood but whose algorithms are not known here */
};

int key_table_init(struct key_table *t) must_check;
void key_table_done(struct key_table *t);
/* Reads a whole table. 0, -EBADMSG with *ret_line the line that is none, -ENOMEM, -ENOSPC. */
int key_table_read(struct key_table *t, FILE *file, unsigned *ret_line) must_check;
/* The first SA of that SPI (`after` NULL) or the next one, those with that destination first; a NAT may have
 * changed the destination. NULL at the end. */
struct key_sa *key_table_find(const struct key_table *t, uint32_t spi, const struct address *destination,
                              const struct key_sa *after);

#endif
