/* SPDX-License-Identifier: Apache-2.0 */
/* Facts as JSON and back, and the few ways of printing that several subjects share. See internal.h. */
#include <stdio.h>
#include <stdlib.h>

#include "control/show/internal.h"

/* Bytes of the UTF-8 character that begins here; 0: none does, or it would steer a terminal. */
static size_t character_size(const unsigned char *s)
{
    if (s[0] < 0x80)
        return (s[0] >= 0x20 || s[0] == '\n' || s[0] == '\t') && s[0] != 0x7f;
    size_t size = s[0] >= 0xf0 ? 4 : s[0] >= 0xe0 ? 3 : 2;
    if (s[0] < 0xc2 || s[0] > 0xf4)
        return 0;
    for (size_t i = 1; i < size; i++)
        if ((s[i] & 0xc0) != 0x80)
            return 0;
    bool overlong = (s[0] == 0xe0 && s[1] < 0xa0) || (s[0] == 0xf0 && s[1] < 0x90);
    bool surrogate = s[0] == 0xed && s[1] > 0x9f, beyond = s[0] == 0xf4 && s[1] > 0x8f;
    bool control = s[0] == 0xc2 && s[1] < 0xa0;
    return overlong || surrogate || beyond || control ? 0 : size;
}

static json_t *text_value(const char *value)
{
    size_t len = strlen(value);
    char *clean = malloc(len + 1);

    if (!clean)
        return NULL;
    for (size_t i = 0; i < len;) {
        size_t size = character_size((const unsigned char *)value + i);
        if (size == 0)
            clean[i] = '?';
        else
            memcpy(clean + i, value + i, size);
        i += MAX(size, 1u);
    }
    json_t *v = json_stringn(clean, len);
    free(clean);
    return v;
}

void fact_value(struct show *s, json_t *o, const char *key, json_t *value)
{
    if (!o)
        json_decref(value);
    else if (json_object_set_new(o, key, value) != 0)
        s->failed = true;
}

void fact_text(struct show *s, json_t *o, const char *key, const char *value)
{
    fact_value(s, o, key, value ? text_value(value) : json_null());
}

void fact_number(struct show *s, json_t *o, const char *key, uint64_t value)
{
    fact_value(s, o, key, json_integer((json_int_t)MIN(value, (uint64_t)INT64_MAX)));
}

void fact_flag(struct show *s, json_t *o, const char *key, bool value)
{
    fact_value(s, o, key, json_boolean(value));
}

void fact_address(struct show *s, json_t *o, const char *key, const struct address *a)
{
    char text[ADDRESS_TEXT];

    fact_value(s, o, key, a && address_is_set(a) ? json_string(address_print(a, text)) : json_null());
}

void fact_append(struct show *s, json_t *array, json_t *value)
{
    if (!array)
        json_decref(value);
    else if (json_array_append_new(array, value) != 0)
        s->failed = true;
}

void fact_append_text(struct show *s, json_t *array, const char *value)
{
    fact_append(s, array, text_value(value));
}

const json_t *at(const json_t *o, const char *key)
{
    return json_object_get(o, key);
}

const char *text_at(const json_t *o, const char *key)
{
    const char *v = json_string_value(at(o, key));

    return v ? v : "";
}

uint64_t number_at(const json_t *o, const char *key)
{
    return (uint64_t)json_integer_value(at(o, key));
}

bool flag_at(const json_t *o, const char *key)
{
    return json_is_true(at(o, key));
}

bool known_at(const json_t *o, const char *key)
{
    const json_t *v = at(o, key);

    return v && !json_is_null(v);
}

bool text_changed(const struct show *s, const json_t *item, const char *key)
{
    return !s->before || strcmp(text_at(s->before, key), text_at(item, key)) != 0;
}

char *duration_print(uint64_t seconds, char out[DURATION_TEXT])
{
    unsigned long long minutes = seconds / 60, hours = minutes / 60, days = hours / 24, weeks = days / 7;

    if (days == 0)
        snprintf(out, DURATION_TEXT, "%02llu:%02llu:%02llu", hours, minutes % 60,
                 (unsigned long long)seconds % 60);
    else if (days < 7)
        snprintf(out, DURATION_TEXT, "%llud%02lluh", days, hours % 24);
    else if (days < 365)
        snprintf(out, DURATION_TEXT, "%lluw%llud", weeks, days % 7);
    else
        snprintf(out, DURATION_TEXT, "%lluy%lluw", days / 365, days % 365 / 7);
    return out;
}

uint64_t seconds_until(const struct show *s, ns then)
{
    return ns_since(then, s->source->now) / NS_PER_S;
}

uint64_t show_milliseconds(uint64_t us)
{
    return MAX((us + 999) / 1000, (uint64_t)1);
}

uint64_t seconds_since(const struct show *s, ns then)
{
    return ns_since(s->source->now, then) / NS_PER_S;
}

const char *weak_encryption(const char *name)
{
    if (strcmp(name, "des") == 0 || strcmp(name, "esp-des") == 0)
        return "DES (56 bit keys)";
    if (strcmp(name, "3des") == 0 || strcmp(name, "esp-3des") == 0)
        return "3DES (64 bit blocks)";
    if (strcmp(name, "esp-null") == 0)
        return "no encryption";
    return NULL;
}

const char *weak_hash(const char *name)
{
    return strstr(name, "md5") ? "MD5" : NULL;
}

const char *weak_group(unsigned group)
{
    switch (group) {
    case 1:
        return "group 1 (768 bit)";
    case 2:
        return "group 2 (1024 bit)";
    case 5:
        return "group 5 (1536 bit)";
    default:
        return NULL;
    }
}

char *proxy_print(const struct prefix *p, char out[2 * ADDRESS_TEXT])
{
    char text[ADDRESS_TEXT], mask[ADDRESS_TEXT];

    address_print(&p->address, text);
    if (p->address.family == ADDRESS_V4) {
        struct address m = address_v4(prefix_mask_of_length(p->length));
        snprintf(out, 2 * ADDRESS_TEXT, "%s/%s", text, address_print(&m, mask));
    } else {
        snprintf(out, 2 * ADDRESS_TEXT, "%s/%u", text, p->length);
    }
    return out;
}
