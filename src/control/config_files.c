/* SPDX-License-Identifier: Apache-2.0 */
/* Where configurations come from and go to: the configuration file, and the text of the running one in shared
 * memory, in two halves of which a word says the valid one, so that a process killed while writing leaves the
 * former. */
#include <errno.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/hash_table.h"
#include "config/parse.h"
#include "config/write.h"
#include "control/control.h"
#include "control/control_main.h"
#include "io/files.h"

enum { CONFIG_FILE_MAX = 32 << 20 };

struct running {
    _Atomic uint32_t valid; /* 0: none; 1, 2: that half */
    struct {
        uint64_t len;
        uint32_t sum, zero;
    } half[2];
    uint64_t reserved[3];
    char text[];
};

static size_t half_size(const struct control *c)
{
    return (c->running_size - sizeof(struct running)) / 2;
}

void control_config_free(struct config *config)
{
    if (config)
        config_done(config);
    free(config);
}

struct config *control_config_copy(const struct control *c)
{
    struct config *copy = malloc(sizeof *copy);

    if (copy && config_copy(c->config, copy) != 0) {
        free(copy);
        return NULL;
    }
    return copy;
}

static int config_read(const struct grammar *g, const char *name, const char *text, size_t len,
                       struct config_errors *errors, struct config **ret)
{
    struct config *config = malloc(sizeof *config);
    int error = config ? config_parse(g, name, text, len, config, errors) : -ENOMEM;

    if (error)
        free(config);
    else
        *ret = config;
    return error;
}

int control_config_load(struct control *c, struct config_errors *errors, struct config **ret)
{
    char *text;
    size_t len;
    int error = file_read(c->config_file, CONFIG_FILE_MAX, &text, &len);

    if (error)
        return error;
    error = config_read(&c->grammar, c->config_file, text, len, errors, ret);
    wipe(text, len);
    free(text);
    return error;
}

int control_config_save(struct control *c)
{
    struct text out;
    int error;

    text_init(&out);
    error = config_write(&c->grammar, c->config, false, &out);
    if (!error)
        error = file_write(c->config_file, bytes_of(text_get(&out), out.len), 0600);
    text_done(&out);
    return error;
}

int control_running_store(struct control *c)
{
    struct running *r = c->running_region;
    unsigned half = atomic_load(&r->valid) == 1 ? 1 : 0;
    char *at = r->text + half * half_size(c);
    struct text out;

    text_init(&out);
    int error = config_write(&c->grammar, c->config, false, &out);
    if (!error && out.len > half_size(c))
        error = -EFBIG;
    if (!error) {
        wipe(at, (size_t)r->half[half].len);
        memcpy(at, text_get(&out), out.len);
        r->half[half].len = out.len;
        r->half[half].sum = hash_bytes(at, out.len, 0);
        atomic_store(&r->valid, half + 1);
    }
    text_done(&out);
    return error;
}

bool control_running_load(struct control *c, struct config **ret)
{
    struct running *r = c->running_region;
    uint32_t valid = atomic_load(&r->valid);
    struct config_errors errors;

    if (valid != 1 && valid != 2)
        return false;
    const char *at = r->text + (valid - 1) * half_size(c);
    uint64_t len = r->half[valid - 1].len;
    if (len > half_size(c) || hash_bytes(at, (size_t)len, 0) != r->half[valid - 1].sum)
        return false;
    config_errors_init(&errors);
    int error = config_read(&c->grammar, c->config_file, at, (size_t)len, &errors, ret);
    config_errors_done(&errors);
    return error == 0;
}

int control_check(const char *config_file, bool all)
{
    struct grammar g;
    struct config_errors errors;
    struct config *config = NULL;
    struct text out;
    char *text;
    size_t len;
    int error = file_read(config_file, CONFIG_FILE_MAX, &text, &len);

    if (error) {
        fprintf(stderr, "holdfastd: %s: %s\n", config_file, strerror(-error));
        return 1;
    }
    if (config_grammar_init(&g) != 0) {
        fprintf(stderr, "holdfastd: no memory\n");
        free(text);
        return 1;
    }
    text_init(&out);
    config_errors_init(&errors);
    error = config_read(&g, config_file, text, len, &errors, &config);
    wipe(text, len);
    free(text);
    if (error || all)
        config_errors_print(&errors, config_file, &out);
    fputs(text_get(&out), stderr);
    if (error && out.len == 0)
        fprintf(stderr, "holdfastd: %s: %s\n", config_file, strerror(-error));
    text_done(&out);
    config_errors_done(&errors);
    control_config_free(config);
    grammar_done(&g);
    return error == -EINVAL ? 2 : error ? 1 : 0;
}
