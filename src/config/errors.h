/* SPDX-License-Identifier: Apache-2.0 */
/* What was found wrong with a configuration, each with its place: the parser and the checks fill it, whoever
 * asked for them prints it. At most CONFIG_MAX_ERRORS are kept; the rest is counted. Texts are
 * complete sentences without the place, which the printer puts in front. */
#ifndef CONFIG_ERRORS_H
#define CONFIG_ERRORS_H

#include "config/model.h"
#include "config/text.h"

enum config_severity { CONFIG_NOTE, CONFIG_WARNING, CONFIG_ERROR };

enum { CONFIG_MAX_ERRORS = 200 };

struct config_error {
    uint8_t severity; /* enum config_severity */
    struct config_place place;
    char *text;
};

struct config_errors {
    CONFIG_ARRAY(struct config_error) list;
    uint32_t errors, warnings, notes; /* found, also those beyond the limit */
    bool out_of_memory;
};

void config_errors_init(struct config_errors *e);
void config_errors_done(struct config_errors *e);
void config_errors_add(struct config_errors *e, enum config_severity severity, struct config_place place,
                       const char *format, ...) __attribute__((format(printf, 4, 5)));
/* By line and column; those without a line last. */
void config_errors_sort(struct config_errors *e);
/* "hub.conf:12:3: error: ..." lines; without a file or line, "error: ...". */
void config_errors_print(const struct config_errors *e, const char *file, struct text *out);
const char *config_severity_name(uint8_t severity);

#endif
