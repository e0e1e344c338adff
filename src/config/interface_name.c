/* SPDX-License-Identifier: Apache-2.0 */
/* Names of interfaces; see interface_name.h. The table below is the whole knowledge of types: its order is
 * the order of interfaces in a text, and its second column makes the short device names. Used by the token
 * matcher, by completion and by the model. */
#include "config/interface_name.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <strings.h>

struct interface_type {
    const char *name;
    const char *device; /* prefix of the short device name; the loopback has one device for all */
};

/* In the order in which a text lists them. */
static const struct interface_type interface_types[] = {
    {"Loopback", "lo"},
    {"Tunnel", "tu"},
    {"Ethernet", "et"},
    {"FastEthernet", "fa"},
    {"GigabitEthernet", "gi"},
    {"TenGigabitEthernet", "te"},
    {"Serial", "se"},
    {"Multilink", "mu"},
    {"Dialer", "di"},
    {"Async", "as"},
    {"Vlan", "vl"},
    {"Null", "nu"},
};

const char *interface_type_at(size_t index)
{
    return index < ARRAY_SIZE(interface_types) ? interface_types[index].name : NULL;
}

static const struct interface_type *type_of_prefix(const char *word, size_t len)
{
    const struct interface_type *found = NULL;
    for (size_t i = 0; i < ARRAY_SIZE(interface_types); i++) {
        const struct interface_type *type = &interface_types[i];
        if (strncasecmp(type->name, word, len) != 0)
            continue;
        if (strlen(type->name) == len)
            return type;
        if (found != NULL)
            return NULL;
        found = type;
    }
    return found;
}

const char *interface_type_find(const char *word)
{
    size_t len = strlen(word);
    if (len == 0)
        return NULL;
    const struct interface_type *type = type_of_prefix(word, len);
    return type != NULL ? type->name : NULL;
}

bool interface_number_valid(const char *word)
{
    unsigned slashes = 0, colons = 0, dots = 0;
    const char *p = word;
    for (;;) {
        size_t digits = strspn(p, "0123456789");
        if (digits == 0 || digits > 10 || (digits > 1 && p[0] == '0'))
            return false;
        p += digits;
        if (*p == 0)
            return strlen(word) <= 20;
        /* n/n/n, then :n, then .n */
        if (*p == '/' && slashes < 2 && colons == 0 && dots == 0)
            slashes++;
        else if (*p == ':' && colons == 0 && dots == 0)
            colons++;
        else if (*p == '.' && dots == 0)
            dots++;
        else
            return false;
        p++;
    }
}

/* A name that Linux accepts for a device, without what would make it unreadable in a command line. */
static bool linux_name_valid(const char *word)
{
    size_t len = strlen(word);
    if (len == 0 || len > 15 || !isalpha((unsigned char)word[0]))
        return false;
    for (size_t i = 0; i < len; i++)
        if (!isalnum((unsigned char)word[i]) && strchr("-_.@", word[i]) == NULL)
            return false;
    return true;
}

/* Whether a word of letters and number is more likely the name of a Linux device. */
static bool looks_like_linux(const char *word, size_t letters)
{
    const char *number = word + letters;
    if (strpbrk(number, "/:") != NULL)
        return false;
    if (letters == 1)
        return islower((unsigned char)word[0]);
    return letters == 3 && (strncmp(word, "eth", 3) == 0 || strncmp(word, "tun", 3) == 0);
}

bool interface_name_parse(const char *word, char ret[INTERFACE_NAME_MAX + 1])
{
    size_t letters = 0;
    while (isalpha((unsigned char)word[letters]))
        letters++;
    const struct interface_type *type = letters > 0 ? type_of_prefix(word, letters) : NULL;
    if (type != NULL && interface_number_valid(word + letters) && !looks_like_linux(word, letters)) {
        snprintf(ret, INTERFACE_NAME_MAX + 1, "%s%s", type->name, word + letters);
        return true;
    }
    /* A router's name without its number, or with a mistyped one, shall not pass as a device. */
    if (!linux_name_valid(word) || (type != NULL && isupper((unsigned char)word[0])))
        return false;
    snprintf(ret, INTERFACE_NAME_MAX + 1, "%s", word);
    return true;
}

/* The type of a canonical name, and where its number starts; NULL for a Linux name. */
static const struct interface_type *type_of_canonical(const char *name, const char **ret_number)
{
    for (size_t i = 0; i < ARRAY_SIZE(interface_types); i++) {
        size_t len = strlen(interface_types[i].name);
        if (strncmp(interface_types[i].name, name, len) == 0 && isdigit((unsigned char)name[len])) {
            *ret_number = name + len;
            return &interface_types[i];
        }
    }
    return NULL;
}

bool interface_name_device(const char *canonical, char *ret, size_t size)
{
    const char *number;
    const struct interface_type *type = type_of_canonical(canonical, &number);
    char name[INTERFACE_NAME_MAX + 8];
    if (type == NULL)
        snprintf(name, sizeof(name), "%s", canonical);
    else if (type == &interface_types[0])
        snprintf(name, sizeof(name), "lo");
    else
        snprintf(name, sizeof(name), "%s%s", type->device, number);
    if (strlen(name) >= size)
        return false;
    for (char *p = name; type != NULL && *p != 0; p++)
        if (*p == '/' || *p == ':')
            *p = '_';
    memcpy(ret, name, strlen(name) + 1);
    return true;
}

int interface_name_compare(const char *a, const char *b)
{
    const char *na = a, *nb = b;
    const struct interface_type *ta = type_of_canonical(a, &na), *tb = type_of_canonical(b, &nb);
    if (ta != tb) {
        if (ta == NULL || tb == NULL)
            return ta == NULL ? 1 : -1;
        return ta < tb ? -1 : 1;
    }
    while (*na != 0 && *nb != 0) {
        if (isdigit((unsigned char)*na) && isdigit((unsigned char)*nb)) {
            char *ea, *eb;
            unsigned long long va = strtoull(na, &ea, 10), vb = strtoull(nb, &eb, 10);
            if (va != vb)
                return va < vb ? -1 : 1;
            na = ea;
            nb = eb;
        } else if (*na != *nb) {
            return (unsigned char)*na < (unsigned char)*nb ? -1 : 1;
        } else {
            na++;
            nb++;
        }
    }
    if (*na != *nb)
        return *na == 0 ? -1 : 1;
    /* eth01 and eth1 have equal numbers but are two devices. */
    return strcmp(a, b);
}
