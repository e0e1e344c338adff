/* SPDX-License-Identifier: Apache-2.0 */
/* A gateway's control socket, played by a child process, and runs of the real `holdfast` against it. HOLDFAST
 * names the program. */
#ifndef TESTS_UNIT_CLI_FAKE_GATEWAY_H
#define TESTS_UNIT_CLI_FAKE_GATEWAY_H

#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/types.h>

#include <cmocka.h>

enum { OUTPUT_MAX = 256 * 1024, ARGUMENTS_MAX = 12 };

struct fake {
    char directory[64];
    pid_t pid;
};

/* Answers: "bad" fails; "die" closes the connection without an answer; "garbage" breaks the protocol;
 * "pieces" comes in single bytes with a log line between; "flood" is 200,000 bytes; "wait" waits for an
 * interrupt; `configure terminal`, `end` change the prompt; lines with " key " are marked as secret; `exit`
 * ends; all else is echoed. */
void fake_begin(struct fake *f);
void fake_end(struct fake *f);
/* The lines that were run so far, each with a newline. */
void fake_lines(const struct fake *f, char *out, size_t size);

struct run {
    int status; /* exit code; -1: by a signal */
    char out[OUTPUT_MAX], err[OUTPUT_MAX];
};

/* Runs holdfast with these words (NULL: the end), `-r DIRECTORY` before them unless `f` is NULL; `input` is
 * what it reads. */
void run_holdfast(const struct fake *f, const char *const *words, const char *input, struct run *ret);
const char *holdfast_program(void);

#endif
