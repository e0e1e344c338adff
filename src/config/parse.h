/* SPDX-License-Identifier: Apache-2.0 */
/* From text to model: a whole file at once, or one line of `configure terminal` at a time.
 *
 * A line belongs to the current sub-mode if that knows it, else to the global mode; indentation does not
 * matter. All errors of a file are found in one pass, and a file with an error leaves nothing behind. */
#ifndef CONFIG_PARSE_H
#define CONFIG_PARSE_H

#include "config/errors.h"
#include "config/grammar.h"
#include "config/model.h"

/* The modes of the configuration (exec is GRAMMAR_MODE_EXEC). */
enum config_mode {
    CONFIG_MODE_GLOBAL = 1,
    CONFIG_MODE_ISAKMP_POLICY,
    CONFIG_MODE_ISAKMP_PEER,
    CONFIG_MODE_TRANSFORM_SET,
    CONFIG_MODE_CRYPTO_MAP,
    CONFIG_MODE_INTERFACE,
    CONFIG_MODE_TRACK,
    CONFIG_MODE_SLA,
    CONFIG_MODE_SSP,
    CONFIG_MODE_INTER_DEVICE,
    CONFIG_MODE_IPC_ZONE,
    CONFIG_MODE_IPC_ASSOCIATION,
    CONFIG_MODE_IPC_SCTP,
    CONFIG_MODE_IPC_LOCAL,
    CONFIG_MODE_IPC_REMOTE,
    CONFIG_MODE_ROUTER_OSPF,
    CONFIG_MODE_ROUTER_EIGRP,
    CONFIG_MODE_ACCESS_LIST,
    CONFIG_MODE_ACCESS_LIST6,
    CONFIG_MODE_KEPT, /* inside a block that has no function here */
    CONFIG_MODE_SKIP, /* inside a block that was refused by name */
    CONFIG_MODES,
};

/* The compiled grammar of all configuration commands; exec tables can be added to it. -ENOMEM. */
int config_grammar_init(struct grammar *g) must_check;

/* Where in a configuration the next line is read. All pointers are borrowed. */
struct config_session {
    const struct grammar *grammar;
    struct config *config;
    struct config_errors *errors;
    uint8_t mode;         /* enum config_mode */
    bool ghost;           /* the line that opened this block was wrong: check its lines, apply none */
    bool ended;           /* `end` was read */
    uint32_t line;        /* of the file; 0: typed */
    bool block_indented;  /* the lines of this block are indented: one that is not ends it */
    uint32_t index;       /* of the object of the mode in its array */
    uint32_t entry_index; /* of the crypto map entry in its map */
    bool dynamic_map;     /* and that is a dynamic map */
};

void config_session_init(struct config_session *s, const struct grammar *g, struct config *c,
                         struct config_errors *e);
/* Applies one line and moves the session to the mode that follows. -EINVAL: refused, the reason is in the
 * errors, the model is unchanged. -ENOMEM. To be able to take a `configure terminal` back, work on a
 * config_copy. */
int config_apply_line(struct config_session *s, const char *line) must_check;

/* Reads a whole file. `file` is its name for messages (may be NULL). 0: `ret` (uninitialised before) holds
 * the model, and `errors` perhaps warnings and notes (config_check has been run). -EINVAL or -ENOMEM: `ret`
 * is as after config_init. */
int config_parse(const struct grammar *g, const char *file, const char *text, size_t len, struct config *ret,
                 struct config_errors *errors) must_check;

#endif
