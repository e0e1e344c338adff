/* SPDX-License-Identifier: Apache-2.0 */
/* The command line of holdfastd. */
#ifndef SUPERVISOR_OPTIONS_H
#define SUPERVISOR_OPTIONS_H

#include <stdbool.h>

#define DEFAULT_RUN_DIRECTORY "/run/holdfast"
#define DEFAULT_CONFIG_FILE   "/etc/holdfast/holdfast.conf"

enum options_role { ROLE_SUPERVISOR, ROLE_CONTROL, ROLE_ENGINE };

struct options {
    enum options_role role;
    const char *config_file;
    const char *run_directory;
    bool foreground, check, version, help;
};

/* False: `ret_error` (256 bytes) says what is wrong. */
bool options_parse(int argc, char *const *argv, struct options *ret, char *ret_error);
const char *options_usage(void);

#endif
