/* SPDX-License-Identifier: Apache-2.0 */
/* `debug crypto keys`: the keys of what is negotiated, in the two files from which Wireshark decrypts a
 * capture. Only root can read them; they are removed when the debugging ends. Where a file RUN/wireshark/keep
 * is (the lab makes it), the debugging is on from the start, and the files outlive this process. */
#ifndef CONTROL_KEY_FILES_H
#define CONTROL_KEY_FILES_H

#include "ike/ike.h"

struct key_files {
    char directory[256]; /* RUN/wireshark */
    bool on;
    bool kept; /* by RUN/wireshark/keep */
};

void key_files_init(struct key_files *k, const char *run_directory);
/* -errno when the directory cannot be made. */
int key_files_begin(struct key_files *k) must_check;
void key_files_end(struct key_files *k);
/* Append a line; do nothing while off. -errno. */
int key_files_isakmp(struct key_files *k, const struct ike_keys_isakmp *keys) must_check;
int key_files_pair(struct key_files *k, const struct ike_pair_install *p) must_check;

#endif
