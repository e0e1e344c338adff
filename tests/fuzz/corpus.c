/* SPDX-License-Identifier: Apache-2.0 */
/* Reads corpora; see corpus.h. Directories are walked in the order of names, so that a failure is found again
 * at the same place. */
#include "corpus.h"

#include <dirent.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

/* The whole file with a NUL behind it, or NULL. */
static char *file_read(const char *path, size_t *ret_len)
{
    FILE *file = fopen(path, "rb");
    if (!file)
        return NULL;
    char *text = malloc(CORPUS_FILE_MAX + 1);
    size_t len = text ? fread(text, 1, CORPUS_FILE_MAX + 1, file) : 0;
    int bad = !text || ferror(file) || len > CORPUS_FILE_MAX;
    fclose(file);
    if (bad) {
        free(text);
        return NULL;
    }
    text[len] = '\0';
    *ret_len = len;
    return text;
}

static int digit_value(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    if (c >= 'a' && c <= 'f')
        return c - 'a' + 10;
    return c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
}

/* In place; the number of bytes, or -1. */
static long hex_decode(char *text)
{
    long digits = 0;
    uint8_t *out = (uint8_t *)text;
    for (const char *at = text; *at; at++) {
        if (*at == '#') {
            at += strcspn(at, "\n");
            if (!*at)
                break;
        }
        if (strchr(" \t\r\n", *at))
            continue;
        int value = digit_value(*at);
        if (value < 0)
            return -1;
        uint8_t *byte = &out[digits / 2];
        *byte = (uint8_t)(digits % 2 ? *byte << 4 | value : value);
        digits++;
    }
    return digits % 2 ? -1 : digits / 2;
}

static int ends_with(const char *name, const char *end)
{
    size_t a = strlen(name), b = strlen(end);
    return a > b && strcmp(name + a - b, end) == 0;
}

static int file_each(const char *path, void (*each)(const char *, const uint8_t *, size_t, void *),
                     void *user)
{
    size_t len = 0;
    char *text = file_read(path, &len);
    long count = !text ? -1 : ends_with(path, ".hex") ? hex_decode(text) : (long)len;
    if (count < 0)
        fprintf(stderr, "%s: cannot be read or is not hex text\n", path);
    else
        each(path, (const uint8_t *)text, (size_t)count, user);
    free(text);
    return count < 0 ? -1 : 1;
}

/* Each line is an input of its own. */
static int lines_each(const char *path, void (*each)(const char *, const uint8_t *, size_t, void *),
                      void *user)
{
    size_t len = 0;
    char *text = file_read(path, &len), *line = text;
    int total = text ? 0 : -1;
    while (total >= 0 && line && *line) {
        char *next = strchr(line, '\n');
        if (next)
            *next++ = '\0';
        bool blank = line[strspn(line, " \t\r")] == '\0' || *line == '#';
        long count = blank ? 0 : hex_decode(line);
        if (count > 0)
            each(path, (const uint8_t *)line, (size_t)count, user);
        total = count < 0 ? -1 : total + !blank;
        line = next;
    }
    if (total < 0)
        fprintf(stderr, "%s: cannot be read or has a line that is not hex text\n", path);
    free(text);
    return total;
}

int corpus_each(const char *dir, void (*each)(const char *path, const uint8_t *data, size_t len, void *user),
                void *user)
{
    struct dirent **entries;
    int n = scandir(dir, &entries, NULL, alphasort), total = 0;
    if (n < 0) {
        perror(dir);
        return -1;
    }
    for (int i = 0; i < n; i++) {
        char path[4096];
        struct stat status;
        int got = 0;
        snprintf(path, sizeof(path), "%s/%s", dir, entries[i]->d_name);
        if (entries[i]->d_name[0] == '.')
            got = 0;
        else if (stat(path, &status) == 0 && S_ISDIR(status.st_mode))
            got = corpus_each(path, each, user);
        else if (ends_with(path, ".lines"))
            got = lines_each(path, each, user);
        else if (ends_with(path, ".hex") || ends_with(path, ".txt"))
            got = file_each(path, each, user);
        total = total < 0 || got < 0 ? -1 : total + got;
        free(entries[i]);
    }
    free(entries);
    return total;
}
