/* SPDX-License-Identifier: Apache-2.0 */
/* From model to text, in canonical order and canonical keywords: what `show running-config` prints and what
 * is saved. Reading the text again gives the same model, and writing that the same text. Both hold
 * for every model that the parser can make; the fuzz target asserts it. */
#ifndef CONFIG_WRITE_H
#define CONFIG_WRITE_H

#include "config/grammar.h"
#include "config/model.h"
#include "config/text.h"

struct config_writer {
    const struct grammar *grammar;
    struct text *out;
    bool mask_secrets; /* `<removed>` in place of keys; such a text is for people */
    bool meaning;      /* write defaults out and leave out what has no effect: for comparing (plan.h) */
    uint8_t indent;
};

/* -ENOMEM. Appends to `out`. */
int config_write(const struct grammar *g, const struct config *c, bool mask_secrets,
                 struct text *out) must_check;

/* For the writers in the command tables: one line at the present indentation; all lines of a sub-mode for one
 * object. */
void writer_line(struct config_writer *w, const char *format, ...) __attribute__((format(printf, 2, 3)));
void writer_separator(struct config_writer *w);
void writer_mode(struct config_writer *w, uint8_t mode, const struct config *c, const void *object);
/* The key, or <removed>. */
const char *writer_secret(const struct config_writer *w, const struct config_secret *s);

#endif
