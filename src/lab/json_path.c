/* SPDX-License-Identifier: Apache-2.0 */
/* Paths into JSON; see json_path.h. */
#include "lab/json_path.h"

#include <regex.h>
#include <stdio.h>
#include <stdlib.h>

struct search {
    enum compare compare;
    const char *operand;
    char *detail; /* values seen, separated by commas */
    size_t size, used;
    bool found;
};

static void value_text(const json_t *v, char *out, size_t size)
{
    if (json_is_string(v)) {
        snprintf(out, size, "%s", json_string_value(v));
        return;
    }
    char *text = json_dumps(v, JSON_ENCODE_ANY | JSON_COMPACT);
    snprintf(out, size, "%s", text ? text : "?");
    free(text);
}

static bool value_compares(const struct search *s, const char *text)
{
    if (s->compare == COMPARE_MATCHES) {
        regex_t regex;
        if (regcomp(&regex, s->operand, REG_EXTENDED | REG_NEWLINE | REG_NOSUB) != 0)
            return false;
        bool matches = regexec(&regex, text, 0, NULL, 0) == 0;
        regfree(&regex);
        return matches;
    }
    char *end_a, *end_b;
    double a = strtod(text, &end_a), b = strtod(s->operand, &end_b);
    if (*text && *s->operand && !*end_a && !*end_b)
        return compare_numbers(a, s->compare, b);
    bool equal = strcmp(text, s->operand) == 0;
    return s->compare == COMPARE_EQ ? equal : s->compare == COMPARE_NE && !equal;
}

static void search_value(struct search *s, const json_t *v)
{
    char text[1024];
    value_text(v, text, sizeof text);
    s->found |= value_compares(s, text);
    if (s->used < s->size) {
        int n = snprintf(s->detail + s->used, s->size - s->used, "%s%s", s->used ? ", " : "", text);
        s->used += n > 0 ? (size_t)n : 0;
    }
}

static void search_length(struct search *s, const json_t *v)
{
    json_t *length =
        json_integer(json_is_array(v) ? (json_int_t)json_array_size(v) : (json_int_t)json_object_size(v));
    search_value(s, length);
    json_decref(length);
}

static void search_path(struct search *s, const json_t *v, const char *path)
{
    char name[128];
    if (!v)
        return;
    if (*path == '.')
        path++;
    if (*path == '\0') {
        search_value(s, v);
        return;
    }
    if (*path == '[') {
        const char *end = strchr(path, ']');
        if (!end || !json_is_array(v))
            return;
        if (path[1] != '*') {
            search_path(s, json_array_get(v, strtoul(path + 1, NULL, 10)), end + 1);
            return;
        }
        for (size_t i = 0; i < json_array_size(v); i++)
            search_path(s, json_array_get(v, i), end + 1);
        return;
    }
    size_t len = strcspn(path, ".[");
    if (len >= sizeof name)
        return;
    memcpy(name, path, len);
    name[len] = '\0';
    const json_t *member = json_object_get(v, name);
    if (!member && strcmp(name, "length") == 0 && path[len] == '\0' &&
        (json_is_array(v) || json_is_object(v)))
        search_length(s, v);
    else
        search_path(s, member, path + len);
}

bool json_path_holds(const json_t *root, const char *path, enum compare compare, bool negated,
                     const char *operand, char *detail, size_t size)
{
    struct search s = {compare, operand, detail, size, 0, false};
    if (size)
        detail[0] = '\0';
    search_path(&s, root, path);
    if (s.used == 0)
        snprintf(detail, size, "nothing at %s", path);
    return s.found != negated;
}
