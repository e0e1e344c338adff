/* SPDX-License-Identifier: Apache-2.0 */
/* The last station of every `show`: `| include RE` and its like, line by line while the text comes into
 * being, so that what is filtered away never lies in memory as a whole. */
#ifndef CONTROL_SHOW_OUTPUT_H
#define CONTROL_SHOW_OUTPUT_H

#include <regex.h>

#include "config/grammar.h"
#include "config/text.h"

struct show_output {
    struct text *out;
    struct text line; /* the beginning of a line that has not ended */
    uint8_t filter;   /* enum grammar_filter */
    regex_t regex;
    bool has_regex, begun, in_section;
    uint64_t count;
};

/* -EINVAL: the regular expression is wrong; a line in `out` says how. Otherwise show_output_done is due. */
int show_output_init(struct show_output *o, uint8_t filter, const char *filter_text,
                     struct text *out) must_check;
void show_output_add(struct show_output *o, const char *data, size_t len);
/* Writes what is left. */
void show_output_end(struct show_output *o);
void show_output_done(struct show_output *o);

#endif
