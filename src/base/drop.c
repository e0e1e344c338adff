/* SPDX-License-Identifier: Apache-2.0 */
/* The printed names of the drop reasons, made from the one list in drop.h so that a counter and its name
 * cannot disagree. Called by whoever prints counters. */
#include "base/drop.h"

const char *drop_reason_name(enum drop_reason reason)
{
    static const char *const names[] = {
#define X(name, text) [DROP_##name] = text,
        DROP_REASONS(X)
#undef X
    };
    return (unsigned)reason < DROP_REASON_COUNT ? names[reason] : "?";
}
