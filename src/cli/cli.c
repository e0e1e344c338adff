/* SPDX-License-Identifier: Apache-2.0 */
/* Chooses what the command line asks for; one-line commands. See cli.h. */
#include "cli/cli.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "farm/farm_main.h"
#include "lab/lab.h"

static const char usage[] =
    "usage: holdfast [-r DIRECTORY] COMMAND LINE...   one command: show version, clear crypto sa ...\n"
    "       holdfast [-r DIRECTORY]                   a session; with input that is no terminal: its lines\n"
    "       holdfast check FILE...                    read configurations, print what is wrong with them\n"
    "       holdfast commands                         the command reference, as Markdown\n"
    "       holdfast lab ...                          scenarios on this machine (holdfast lab --help)\n"
    "       holdfast --help | --version\n"
    "\n"
    "  -r, --run-directory DIRECTORY   of the gateway; else $HOLDFAST_RUN_DIRECTORY, else /run/holdfast\n"
    "\n"
    "Exit status: 0 good, 1 the command failed, 2 wrong usage, 3 no gateway runs there.\n";

static int usage_error(const char *format, const char *what)
{
    fprintf(stderr, "holdfast: ");
    fprintf(stderr, format, what);
    fprintf(stderr, "\n%s", usage);
    return CLI_EXIT_USAGE;
}

int cli_no_daemon(const char *run_directory, int error)
{
    switch (error) {
    case -ENOENT:
    case -ECONNREFUSED:
        fprintf(stderr, "holdfast: no gateway runs in %s (start holdfastd, or name its directory with -r)\n",
                run_directory);
        break;
    case -EACCES:
    case -EPERM:
        fprintf(stderr, "holdfast: access to the gateway in %s is denied: only root may ask it\n",
                run_directory);
        break;
    case -ETIMEDOUT:
        fprintf(stderr, "holdfast: the gateway in %s does not answer\n", run_directory);
        break;
    case -ECONNRESET:
    case -EPIPE:
        fprintf(stderr, "holdfast: the gateway in %s closed the connection\n", run_directory);
        break;
    case -EPROTO:
        fprintf(stderr, "holdfast: what answers in %s is no gateway of this version\n", run_directory);
        break;
    case -EINTR:
        fprintf(stderr, "holdfast: interrupted\n");
        return CLI_EXIT_FAILED;
    default:
        fprintf(stderr, "holdfast: %s/control.sock: %s\n", run_directory, strerror(-error));
        break;
    }
    return CLI_EXIT_NO_DAEMON;
}

static void text_print(void *context, const char *text, size_t len)
{
    (void)context;
    fwrite(text, 1, len, stdout);
    fflush(stdout);
}

int cli_run(struct cli_connection *c, const char *line, struct cli_done *ret)
{
    const struct cli_sink sink = {.text = text_print, .interruptible = true};
    int error = connection_send(c, CLI_RUN, line, strlen(line));

    return error ? error : connection_answer(c, &sink, ret);
}

static void log_print(const char *line, size_t len)
{
    text_print(NULL, line, len);
}

/* The words of the command line as one line. The shell has taken quotes away; nothing in the language needs
 * them. */
static bool words_join(int count, char **words, char out[CLI_LINE_MAX + 1])
{
    size_t used = 0;

    out[0] = 0;
    for (int i = 0; i < count; i++) {
        int n = snprintf(out + used, CLI_LINE_MAX + 1 - used, "%s%s", i ? " " : "", words[i]);
        if (n < 0 || used + (size_t)n > CLI_LINE_MAX)
            return false;
        used += (size_t)n;
    }
    return true;
}

static int one_line(struct cli_connection *c, const char *run_directory, int count, char **words)
{
    char line[CLI_LINE_MAX + 1];
    struct cli_done done;

    if (!words_join(count, words, line) || strchr(line, '\n'))
        return usage_error("%s", "a command is one line of at most 1000 characters");
    int error = connection_open(c, run_directory, CLI_PATIENCE_MS);
    if (error)
        return cli_no_daemon(run_directory, error);
    connection_catch(SIGINT, NULL);
    error = cli_run(c, line, &done);
    connection_close(c);
    if (error)
        return cli_no_daemon(run_directory, error);
    return done.status == CLI_ERROR ? CLI_EXIT_FAILED : CLI_EXIT_OK;
}

static int session(struct cli_connection *c, const char *run_directory)
{
    int error = connection_open(c, run_directory, CLI_PATIENCE_MS);

    if (error)
        return cli_no_daemon(run_directory, error);
    int status = isatty(STDIN_FILENO) ? interactive_run(c, run_directory) : script_run(c, run_directory);
    connection_close(c);
    return status;
}

/* The farm is started by the lab as a program of its own, so the lab cannot contain it. */
static int lab_or_farm(int argc, char **argv)
{
    bool farm = argc > 1 && strcmp(argv[1], "farm") == 0;

    return farm ? farm_main(argc - 1, argv + 1) : lab_main(argc, argv);
}

static const struct {
    const char *word;
    int (*run)(int argc, char **argv);
} offline[] = {{"lab", lab_or_farm}, {"check", check_main}, {"commands", reference_main}};

int cli_main(int argc, char **argv)
{
    static struct cli_connection connection = {.fd = -1, .log = log_print};
    const char *run_directory = getenv("HOLDFAST_RUN_DIRECTORY");
    int at = 1;

    if (!run_directory || !*run_directory)
        run_directory = "/run/holdfast";
    for (; at < argc && argv[at][0] == '-'; at++) {
        if (strcmp(argv[at], "--help") == 0 || strcmp(argv[at], "-h") == 0)
            return fputs(usage, stdout) < 0 ? CLI_EXIT_FAILED : CLI_EXIT_OK;
        if (strcmp(argv[at], "--version") == 0)
            return printf("holdfast %s\n", HOLDFAST_VERSION) < 0 ? CLI_EXIT_FAILED : CLI_EXIT_OK;
        if (strcmp(argv[at], "-r") != 0 && strcmp(argv[at], "--run-directory") != 0)
            return usage_error("unknown option %s", argv[at]);
        if (++at == argc || !argv[at][0])
            return usage_error("%s needs a directory", argv[at - 1]);
        run_directory = argv[at];
    }
    for (size_t i = 0; at < argc && i < ARRAY_SIZE(offline); i++)
        if (strcmp(argv[at], offline[i].word) == 0)
            return offline[i].run(argc - at, argv + at);
    if (at < argc)
        return one_line(&connection, run_directory, argc - at, argv + at);
    return session(&connection, run_directory);
}
