/* SPDX-License-Identifier: Apache-2.0 */
/* `holdfast lab`: options and the choice of the subcommand. Signals only set a flag here; whoever waits looks
 * at it. */
#include "lab/lab.h"

#include <getopt.h>
#include <stdio.h>
#include <unistd.h>

#include "lab/commands.h"

static const char usage[] =
    "usage: holdfast lab run SCENARIO [--variant V[,V...]] [--json FILE] [--keep] [--verbose] [--name LAB]\n"
    "       holdfast lab up SCENARIO [--variant V] [--name LAB]\n"
    "       holdfast lab exec [--name LAB] NODE COMMAND...\n"
    "       holdfast lab cli [--name LAB] GATEWAY COMMAND...\n"
    "       holdfast lab fault [--name LAB] cut|blackhole|lossy|repair LINK ...\n"
    "       holdfast lab fault [--name LAB] kill|freeze|thaw|restart GATEWAY ...\n"
    "       holdfast lab fault [--name LAB] farm FARM COMMAND\n"
    "       holdfast lab list\n"
    "       holdfast lab down [LAB | --all]\n"
    "       holdfast lab judge --link FILE... [--inside FILE,...] [--keys FILE] ...   (what was captured)\n"
    "SCENARIO is a folder with a topology.lab. `run` carries out its timeline.lab in every variant\n"
    "or in those that are named.\n"
    "`holdfast lab farm` is a farm of spokes; without options it says what it takes.\n";

static void on_signal(int signal)
{
    (void)signal;
    lab_stopping = 1;
}

static void signals_prepare(void)
{
    struct sigaction a = {.sa_handler = on_signal}; /* no SA_RESTART: sleeps end */
    sigaction(SIGINT, &a, NULL);
    sigaction(SIGTERM, &a, NULL);
    sigaction(SIGHUP, &a, NULL);
    signal(SIGPIPE, SIG_IGN);
}

/* Options stand anywhere for run, up and down; for the others only before the node, whose command has its
 * own. */
static bool options_parse(int argc, char **argv, bool anywhere, struct lab_options *o)
{
    static const struct option options[] = {
        {"name", required_argument, NULL, 'n'},
        {"variant", required_argument, NULL, 'v'},
        {"json", required_argument, NULL, 'j'},
        {"keep", no_argument, NULL, 'k'},
        {"verbose", no_argument, NULL, 'V'},
        {"all", no_argument, NULL, 'a'},
        {0},
    };
    optind = 0;
    for (int c; (c = getopt_long(argc, argv, anywhere ? "" : "+", options, NULL)) != -1;) {
        switch (c) {
        case 'n':
            o->name = optarg;
            break;
        case 'v':
            o->variant = optarg;
            break;
        case 'j':
            o->json = optarg;
            break;
        case 'k':
            o->keep = true;
            break;
        case 'V':
            o->verbose = true;
            break;
        case 'a':
            o->all = true;
            break;
        default:
            return false;
        }
    }
    if (o->name && !lab_name_valid(o->name)) {
        fprintf(stderr, "holdfast lab: a lab's name has letters, digits, '-' and '_', up to 40\n");
        return false;
    }
    return true;
}

static int command_choose(const char *command, const struct lab_options *o, int argc, char **argv)
{
    if (strcmp(command, "run") == 0 && argc == 1)
        return lab_run(o, argv[0]);
    if (strcmp(command, "up") == 0 && argc == 1)
        return lab_up(o, argv[0]);
    if (strcmp(command, "down") == 0 && argc <= 1)
        return lab_down(o, argc ? argv[0] : o->name);
    if (strcmp(command, "list") == 0 && argc == 0)
        return lab_list();
    if (strcmp(command, "exec") == 0 && argc >= 2)
        return lab_exec(o, argc, argv);
    if (strcmp(command, "cli") == 0 && argc >= 2)
        return lab_cli(o, argc, argv);
    if (strcmp(command, "fault") == 0 && argc >= 2)
        return lab_fault(o, argc, argv);
    fputs(usage, stderr);
    return LAB_USAGE;
}

int lab_main(int argc, char **argv)
{
    struct lab_options o = {0};
    if (argc >= 2 && (strcmp(argv[1], "--help") == 0 || strcmp(argv[1], "help") == 0)) {
        fputs(usage, stdout);
        return LAB_OK;
    }
    if (argc < 2) {
        fputs(usage, stderr);
        return LAB_USAGE;
    }
    const char *command = argv[1];
    if (strcmp(command, "judge") == 0)
        return lab_judge(argc - 1, argv + 1);
    bool anywhere = strcmp(command, "run") == 0 || strcmp(command, "up") == 0 || strcmp(command, "down") == 0;
    if (!options_parse(argc - 1, argv + 1, anywhere, &o))
        return LAB_USAGE;
    if (geteuid() != 0) {
        fprintf(stderr, "holdfast lab: network namespaces need root\n");
        return LAB_FAILED;
    }
    signals_prepare();
    return command_choose(command, &o, argc - 1 - optind, argv + 1 + optind);
}
