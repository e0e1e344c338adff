/* SPDX-License-Identifier: Apache-2.0 */
/* The vendor ids that we know: looked up in phase 1 by ike/, written by us, named in logs. The list in
 * isakmp.h holds them as hex text; they are decoded where they are used, a handful of times per negotiation.
 */
#include "wire/isakmp.h"

#include <assert.h>

static const struct {
    const char *name, *id, *tail;
} vendors[ISAKMP_VENDOR_COUNT] = {[ISAKMP_VENDOR_UNKNOWN] = {"unknown", "", ""},
#define X(name, text, id, tail) [ISAKMP_VENDOR_##name] = {text, id, tail},
                                  ISAKMP_VENDORS(X)
#undef X
};

/* Compares with the hex text as it stands: nearly always the first byte decides, so that a message full of
 * vendor ids costs little. */
static bool id_matches(const char *hex, struct bytes body)
{
    static const char digits[] = "0123456789abcdef";
    for (size_t i = 0; hex[2 * i] != '\0'; i++)
        if (i >= body.len || digits[body.data[i] >> 4] != hex[2 * i] ||
            digits[body.data[i] & 15] != hex[2 * i + 1])
            return false;
    return true;
}

enum isakmp_vendor isakmp_vendor_find(struct bytes body)
{
    for (unsigned i = ISAKMP_VENDOR_UNKNOWN + 1; i < ISAKMP_VENDOR_COUNT; i++)
        if (id_matches(vendors[i].id, body))
            return i;
    return ISAKMP_VENDOR_UNKNOWN;
}

const char *isakmp_vendor_name(enum isakmp_vendor vendor)
{
    return (unsigned)vendor < ISAKMP_VENDOR_COUNT ? vendors[vendor].name : vendors[0].name;
}

size_t isakmp_vendor_bytes(enum isakmp_vendor vendor, uint8_t out[ISAKMP_VENDOR_MAX])
{
    assert(vendor > ISAKMP_VENDOR_UNKNOWN && vendor < ISAKMP_VENDOR_COUNT);
    int len = bytes_from_hex(vendors[vendor].id, out, ISAKMP_VENDOR_MAX);
    assert(len > 0);
    int tail = bytes_from_hex(vendors[vendor].tail, out + len, (size_t)(ISAKMP_VENDOR_MAX - len));
    assert(tail >= 0);
    return (size_t)(len + tail);
}
