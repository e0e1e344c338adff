/* SPDX-License-Identifier: Apache-2.0 */
/* Views of memory, hex text and secrets. Called from every room; nothing here allocates. Comparing and
 * clearing of secrets are written so that neither their time nor the compiler gives the content away. */
#include "base/bytes.h"

#include <assert.h>

bool bytes_equal_secret(struct bytes a, struct bytes b)
{
    if (a.len != b.len)
        return false;
    uint8_t difference = 0;
    for (size_t i = 0; i < a.len; i++)
        difference |= a.data[i] ^ b.data[i];
    /* Without the barrier a compiler may turn the loop into an early exit. */
    __asm__ volatile("" : "+r"(difference));
    return difference == 0;
}

char *bytes_to_hex(struct bytes b, char *out)
{
    static const char digits[] = "0123456789abcdef";
    char *at = out;
    for (size_t i = 0; i < b.len; i++) {
        *at++ = digits[b.data[i] >> 4];
        *at++ = digits[b.data[i] & 15];
    }
    *at = '\0';
    return out;
}

static int hex_digit(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    if (c >= 'a' && c <= 'f')
        return c - 'a' + 10;
    if (c >= 'A' && c <= 'F')
        return c - 'A' + 10;
    return -1;
}

int bytes_from_hex(const char *text, uint8_t *out, size_t size)
{
    size_t len = 0;
    int high = -1;
    for (; *text; text++) {
        if (*text == ' ' || *text == '\t' || *text == '\n' || *text == '\r')
            continue;
        int digit = hex_digit(*text);
        if (digit < 0)
            return -1;
        if (high < 0) {
            high = digit;
            continue;
        }
        if (len >= size || len >= INT32_MAX)
            return -1;
        out[len++] = (uint8_t)(high << 4 | digit);
        high = -1;
    }
    return high < 0 ? (int)len : -1;
}

void wipe(void *p, size_t len)
{
    if (len > 0)
        explicit_bzero(p, len);
}

void secret_set(struct secret *s, const void *data, size_t len)
{
    assert(len <= SECRET_MAX);
    if (len > 0)
        memmove(s->data, data, len);
    wipe(s->data + len, SECRET_MAX - len);
    s->len = (uint16_t)len;
}

void secret_wipe(struct secret *s)
{
    wipe(s, sizeof(*s));
}
