/* SPDX-License-Identifier: Apache-2.0 */
/* Which lines must not be kept. The gateway says of a line that it understood whether it held a key
 * (CLI_SECRET); a line with a slip in it (`cryto isakmp key ...`) is not understood and holds the key all the
 * same. */
#ifndef CLI_SECRET_LINE_H
#define CLI_SECRET_LINE_H

#include <stdbool.h>

/* Whether a word of it is, or abbreviates, a word that a key follows, and something does follow. Rather too
 * often than too seldom. */
bool line_may_hold_secret(const char *line);

#endif
