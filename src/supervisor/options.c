/* SPDX-License-Identifier: Apache-2.0 */
/* holdfastd's command line. `--role` is for the supervisor's own use: it starts the other processes of the
 * gateway from the same file. */
#include "supervisor/options.h"

#include <getopt.h>
#include <stdio.h>
#include <string.h>

static const struct option long_options[] = {
    {"config", required_argument, NULL, 'c'}, {"run-directory", required_argument, NULL, 'd'},
    {"check", no_argument, NULL, 'n'},        {"foreground", no_argument, NULL, 'f'},
    {"role", required_argument, NULL, 'r'},   {"version", no_argument, NULL, 'v'},
    {"help", no_argument, NULL, 'h'},         {NULL, 0, NULL, 0},
};

const char *options_usage(void)
{
    return "usage: holdfastd [--config FILE] [--run-directory DIR] [--foreground] [--check]\n"
           "  --config FILE         the configuration (" DEFAULT_CONFIG_FILE ")\n"
           "  --run-directory DIR   for pid files and the command's socket (" DEFAULT_RUN_DIRECTORY ")\n"
           "  --foreground          stay, and log to standard error instead of syslog\n"
           "  --check               read the configuration, print what is wrong with it, touch nothing;\n"
           "                        the exit status is 2 if it cannot be used\n"
           "  --version, --help\n"
           "$HOLDFAST_FRR names the directory of FRR's sockets (/run/frr)\n";
}

static bool role_parse(const char *text, enum options_role *ret)
{
    if (strcmp(text, "control") == 0)
        *ret = ROLE_CONTROL;
    else if (strcmp(text, "engine") == 0)
        *ret = ROLE_ENGINE;
    else
        return false;
    return true;
}

bool options_parse(int argc, char *const *argv, struct options *ret, char *ret_error)
{
    struct options o = {.config_file = DEFAULT_CONFIG_FILE, .run_directory = DEFAULT_RUN_DIRECTORY};
    int c;

    optind = 0; /* start over, in tests too */
    opterr = 0;
    while ((c = getopt_long(argc, argv, ":c:d:nfvh", long_options, NULL)) != -1) {
        switch (c) {
        case 'c':
            o.config_file = optarg;
            break;
        case 'd':
            o.run_directory = optarg;
            break;
        case 'n':
            o.check = true;
            break;
        case 'f':
            o.foreground = true;
            break;
        case 'v':
            o.version = true;
            break;
        case 'h':
            o.help = true;
            break;
        case 'r':
            if (role_parse(optarg, &o.role))
                break;
            snprintf(ret_error, 256, "there is no role \"%.100s\"", optarg);
            return false;
        case ':':
            snprintf(ret_error, 256, "%.100s needs a value", argv[optind - 1]);
            return false;
        default:
            snprintf(ret_error, 256, "unknown option %.100s", argv[optind - 1]);
            return false;
        }
    }
    if (optind < argc) {
        snprintf(ret_error, 256, "unexpected argument \"%.100s\"", argv[optind]);
        return false;
    }
    *ret = o;
    return true;
}
