/* SPDX-License-Identifier: Apache-2.0 */
/* `holdfast check FILE...`: reads configurations as the gateway would, without one, and prints every error,
 * warning (weak cryptography among them) and note with its place. Exit status 1 if one of them cannot be
 * used. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "cli/cli.h"
#include "config/parse.h"
#include "io/files.h"

enum { FILE_LIMIT = 64 << 20 };

static int check_file(const struct grammar *g, const char *path)
{
    struct config_errors errors;
    struct config config;
    struct text out;
    char *text;
    size_t len;
    int error = file_read(path, FILE_LIMIT, &text, &len);

    if (error) {
        fprintf(stderr, "holdfast: %s: %s\n", path, strerror(-error));
        return CLI_EXIT_FAILED;
    }
    config_errors_init(&errors);
    text_init(&out);
    error = config_parse(g, path, text, len, &config, &errors);
    wipe(text, len);
    free(text);
    config_errors_print(&errors, path, &out);
    fputs(text_get(&out), stdout);
    if (error == -ENOMEM || errors.out_of_memory)
        fprintf(stderr, "holdfast: %s: no memory\n", path);
    else
        printf("%s: %s: %u errors, %u warnings, %u notes\n", path, error ? "cannot be used" : "can be used",
               errors.errors, errors.warnings, errors.notes);
    text_done(&out);
    config_errors_done(&errors);
    config_done(&config);
    return error ? CLI_EXIT_FAILED : CLI_EXIT_OK;
}

int check_main(int argc, char **argv)
{
    struct grammar g;
    int status = CLI_EXIT_OK;

    if (argc < 2 || argv[1][0] == '-') {
        fprintf(stderr, "usage: holdfast check FILE...\n");
        return CLI_EXIT_USAGE;
    }
    if (config_grammar_init(&g) != 0) {
        fprintf(stderr, "holdfast: no memory\n");
        return CLI_EXIT_FAILED;
    }
    for (int i = 1; i < argc; i++)
        status |= check_file(&g, argv[i]);
    grammar_done(&g);
    return status;
}
