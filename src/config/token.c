/* SPDX-License-Identifier: Apache-2.0 */
/* Tokens of a command line; see token.h. What a value may look like is decided here and nowhere else, by the
 * same code for files, typed lines and completion. A token that looks like a value of the kind but is none
 * gets a complaint of its own, since "5 is out of range" helps more than "unexpected 5". */
#include "config/token.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <strings.h>

#include "config/interface_name.h"
#include "config/model.h"

void token_split(const char *line, struct token_list *ret)
{
    ret->count = 0;
    ret->overflow = false;
    const char *p = line + strspn(line, " \t");
    if (*p == '!')
        return;
    while (*p != 0) {
        size_t len = strcspn(p, " \t");
        if (ret->count == GRAMMAR_MAX_TOKENS) {
            ret->overflow = true;
            return;
        }
        ret->items[ret->count++] = (struct token){.text = p, .len = len, .column = p - line + 1};
        p += len;
        p += strspn(p, " \t");
    }
}

bool token_is(const struct token *t, const char *word)
{
    return strlen(word) == t->len && strncasecmp(t->text, word, t->len) == 0;
}

static const struct {
    const char *name;
    uint16_t port;
    bool tcp, udp;
} port_names[] = {
    {"bgp", 179, true, false},        {"biff", 512, false, true},        {"bootpc", 68, false, true},
    {"bootps", 67, false, true},      {"chargen", 19, true, false},      {"cmd", 514, true, false},
    {"daytime", 13, true, false},     {"discard", 9, true, true},        {"domain", 53, true, true},
    {"echo", 7, true, true},          {"exec", 512, true, false},        {"finger", 79, true, false},
    {"ftp", 21, true, false},         {"ftp-data", 20, true, false},     {"gopher", 70, true, false},
    {"hostname", 101, true, false},   {"ident", 113, true, false},       {"irc", 194, true, false},
    {"isakmp", 500, false, true},     {"klogin", 543, true, false},      {"kshell", 544, true, false},
    {"login", 513, true, false},      {"lpd", 515, true, false},         {"mobile-ip", 434, false, true},
    {"nameserver", 42, false, true},  {"netbios-dgm", 138, false, true}, {"netbios-ns", 137, false, true},
    {"netbios-ss", 139, false, true}, {"nntp", 119, true, false},        {"non500-isakmp", 4500, false, true},
    {"ntp", 123, false, true},        {"pop2", 109, true, false},        {"pop3", 110, true, false},
    {"rip", 520, false, true},        {"smtp", 25, true, false},         {"snmp", 161, false, true},
    {"snmptrap", 162, false, true},   {"sunrpc", 111, true, true},       {"syslog", 514, false, true},
    {"tacacs", 49, true, true},       {"talk", 517, true, true},         {"telnet", 23, true, false},
    {"tftp", 69, false, true},        {"time", 37, true, true},          {"uucp", 540, true, false},
    {"who", 513, false, true},        {"whois", 43, true, false},        {"www", 80, true, false},
    {"xdmcp", 177, false, true},
};

int port_find(const char *name, size_t len)
{
    for (size_t i = 0; i < ARRAY_SIZE(port_names); i++)
        if (strlen(port_names[i].name) == len && strncasecmp(port_names[i].name, name, len) == 0)
            return port_names[i].port;
    return -1;
}

const char *port_name(uint8_t protocol, uint16_t port)
{
    for (size_t i = 0; i < ARRAY_SIZE(port_names); i++)
        if (port_names[i].port == port &&
            ((protocol == 6 && port_names[i].tcp) || (protocol == 17 && port_names[i].udp)))
            return port_names[i].name;
    return NULL;
}

/* Decimal digits only; false also beyond 64 bits. */
static bool number_parse(const struct token *t, uint64_t *ret)
{
    uint64_t value = 0;
    if (t->len == 0 || t->len > 18)
        return false;
    for (uint16_t i = 0; i < t->len; i++) {
        if (!isdigit((unsigned char)t->text[i]))
            return false;
        value = value * 10 + (t->text[i] - '0');
    }
    *ret = value;
    return true;
}

static bool keyword_prefix(const char *keyword, const struct token *t, bool *ret_exact)
{
    size_t len = strlen(keyword);
    /* Nearly all candidates differ in their first letter (keywords are lower case or digits). */
    if (t->len > len || t->len == 0 || (t->text[0] | 0x20) != (keyword[0] | 0x20) ||
        strncasecmp(keyword, t->text, t->len) != 0)
        return false;
    *ret_exact = t->len == len;
    /* group1 shall not stand for group14, nor 3 for 31. */
    return *ret_exact || !isdigit((unsigned char)keyword[t->len - 1]) ||
           !isdigit((unsigned char)keyword[t->len]);
}

static bool address_match(uint8_t type, const char *text, struct grammar_value *v)
{
    if (!address_parse(text, &v->address))
        return false;
    if (type == GRAMMAR_IPV6)
        return v->address.family == ADDRESS_V6;
    if (type == GRAMMAR_ADDRESS)
        return true;
    if (v->address.family != ADDRESS_V4)
        return false;
    v->number = address_v4_get(&v->address);
    if (type != GRAMMAR_MASK)
        return true;
    int length = prefix_length_of_mask((uint32_t)v->number);
    v->length = length < 0 ? 0 : (uint8_t)length;
    v->number = v->length;
    return length >= 0;
}

static bool prefix6_match(char *text, struct grammar_value *v)
{
    char *slash = strchr(text, '/');
    if (slash == NULL)
        return false;
    *slash = 0;
    struct token length = {.text = slash + 1, .len = strlen(slash + 1)};
    uint64_t bits;
    if (!number_parse(&length, &bits) || bits > 128 || !address_parse(text, &v->address) ||
        v->address.family != ADDRESS_V6)
        return false;
    v->length = (uint8_t)bits;
    v->number = bits;
    return true;
}

/* Letters, digits, '-' and '.', with a letter somewhere: an address with a typing error is no host name. */
static bool hostname_match(const struct token *t)
{
    bool letter = false;
    if (t->len == 0 || t->len > CONFIG_MAX_FQDN || !isalnum((unsigned char)t->text[0]))
        return false;
    for (uint16_t i = 0; i < t->len; i++) {
        unsigned char ch = t->text[i];
        if (!isalnum(ch) && ch != '-' && ch != '.' && ch != '_' && ch != '@')
            return false;
        letter |= isalpha(ch) != 0;
    }
    return letter;
}

static bool name_match(const struct token *t, size_t max)
{
    if (t->len == 0 || t->len > max)
        return false;
    for (uint16_t i = 0; i < t->len; i++)
        if ((unsigned char)t->text[i] <= ' ' || t->text[i] == 127)
            return false;
    return true;
}

enum token_quality token_match(const struct grammar_node *n, const struct token *t, struct grammar_value *ret)
{
    struct grammar_value value = {0};
    char text[CONFIG_MAX_NAME + 1], name[INTERFACE_NAME_MAX + 1];
    bool ok = false;
    if (n->type == GRAMMAR_KEYWORD) {
        if (!keyword_prefix(n->text, t, &ok))
            return TOKEN_NO;
        return ok ? TOKEN_EXACT : TOKEN_PARTIAL;
    }
    bool fits = t->len < sizeof(text);
    if (fits) {
        memcpy(text, t->text, t->len);
        text[t->len] = 0;
    }
    switch (n->type) {
    case GRAMMAR_NUMBER:
        ok = number_parse(t, &value.number) && value.number >= n->low && value.number <= n->high;
        break;
    case GRAMMAR_IPV4:
    case GRAMMAR_IPV6:
    case GRAMMAR_ADDRESS:
    case GRAMMAR_MASK:
    case GRAMMAR_WILDCARD:
        ok = fits && address_match(n->type, text, &value);
        break;
    case GRAMMAR_PREFIX6:
        ok = fits && prefix6_match(text, &value);
        break;
    case GRAMMAR_INTERFACE:
        ok = fits && interface_name_parse(text, name);
        break;
    case GRAMMAR_INTERFACE_TYPE:
        ok = fits && isalpha((unsigned char)text[0]) && interface_type_find(text) != NULL;
        break;
    case GRAMMAR_INTERFACE_NUMBER:
        ok = fits && interface_number_valid(text);
        break;
    case GRAMMAR_PORT: {
        int port = port_find(t->text, t->len);
        ok = port >= 0 || (number_parse(t, &value.number) && value.number <= 65535);
        if (port >= 0)
            value.number = port;
        break;
    }
    case GRAMMAR_HOSTNAME:
        ok = hostname_match(t);
        break;
    case GRAMMAR_NAME:
        ok = name_match(t, CONFIG_MAX_NAME);
        break;
    case GRAMMAR_KEY:
        ok = name_match(t, CONFIG_MAX_KEY);
        break;
    default:
        ok = true;
        break;
    }
    if (!ok)
        return TOKEN_NO;
    if (ret != NULL)
        *ret = value;
    return TOKEN_VALUE;
}

static bool looks_like_v4(const struct token *t)
{
    unsigned dots = 0;
    for (uint16_t i = 0; i < t->len; i++) {
        if (t->text[i] == '.')
            dots++;
        else if (!isdigit((unsigned char)t->text[i]))
            return false;
    }
    return dots >= 2 || (dots == 1 && t->len > 3);
}

const char *token_complaint(const struct grammar_node *n, const struct token *t, char *out, size_t size)
{
    bool digits = t->len > 0;
    for (uint16_t i = 0; i < t->len; i++)
        digits &= isdigit((unsigned char)t->text[i]) != 0;
    int shown = MIN(t->len, 40);
    if (n->type == GRAMMAR_NUMBER && digits)
        snprintf(out, size, "%.*s is out of range, expected <%llu-%llu>", shown, t->text,
                 (unsigned long long)n->low, (unsigned long long)n->high);
    else if (n->type == GRAMMAR_PORT && digits)
        snprintf(out, size, "%.*s is out of range, expected <0-65535>", shown, t->text);
    else if (n->type == GRAMMAR_MASK && looks_like_v4(t))
        snprintf(out, size, "'%.*s' is not a network mask", shown, t->text);
    else if ((n->type == GRAMMAR_IPV4 || n->type == GRAMMAR_WILDCARD || n->type == GRAMMAR_ADDRESS) &&
             looks_like_v4(t))
        snprintf(out, size, "'%.*s' is not an IPv4 address", shown, t->text);
    else if ((n->type == GRAMMAR_IPV6 || n->type == GRAMMAR_ADDRESS) && memchr(t->text, ':', t->len) != NULL)
        snprintf(out, size, "'%.*s' is not an IPv6 address", shown, t->text);
    else if (n->type == GRAMMAR_PREFIX6 && memchr(t->text, ':', t->len) != NULL)
        snprintf(out, size, "'%.*s' is not an IPv6 prefix, expected X:X:X:X::X/<0-128>", shown, t->text);
    else if (n->type == GRAMMAR_NAME && t->len > CONFIG_MAX_NAME)
        snprintf(out, size, "a name has at most %d characters, this one %u", CONFIG_MAX_NAME, t->len);
    else if (n->type == GRAMMAR_KEY && t->len > CONFIG_MAX_KEY)
        snprintf(out, size, "a key has at most %d characters, this one %u", CONFIG_MAX_KEY, t->len);
    else if (n->type == GRAMMAR_INTERFACE)
        snprintf(out, size, "'%.*s' is not the name of an interface", shown, t->text);
    else
        return NULL;
    return out;
}

unsigned token_distance(const char *a, size_t a_len, const char *b, size_t b_len)
{
    enum { LONGEST = 40 };
    unsigned rows[3][LONGEST + 1];
    if (a_len > LONGEST || b_len > LONGEST)
        return LONGEST;
    for (size_t j = 0; j <= b_len; j++)
        rows[0][j] = j;
    for (size_t i = 1; i <= a_len; i++) {
        unsigned *row = rows[i % 3], *above = rows[(i + 2) % 3], *above2 = rows[(i + 1) % 3];
        row[0] = i;
        for (size_t j = 1; j <= b_len; j++) {
            int ca = tolower((unsigned char)a[i - 1]), cb = tolower((unsigned char)b[j - 1]);
            row[j] = MIN(MIN(above[j] + 1, row[j - 1] + 1), above[j - 1] + (ca != cb));
            if (i > 1 && j > 1 && ca == tolower((unsigned char)b[j - 2]) &&
                tolower((unsigned char)a[i - 2]) == cb)
                row[j] = MIN(row[j], above2[j - 2] + 1);
        }
    }
    return rows[a_len % 3][b_len];
}
