/* SPDX-License-Identifier: Apache-2.0 */
/* See secret_line.h. */
#include "cli/secret_line.h"

#include <string.h>
#include <strings.h>

#include "base/bytes.h"

static const char *const words[] = {"key", "password", "secret", "pre-shared-key", "keystring", "key-string"};

static bool introduces_secret(const char *word, size_t len)
{
    for (size_t i = 0; i < ARRAY_SIZE(words); i++)
        if (len <= strlen(words[i]) && strncasecmp(word, words[i], len) == 0)
            return true;
    return false;
}

bool line_may_hold_secret(const char *line)
{
    static const char blanks[] = " \t\r\n";

    for (;;) {
        line += strspn(line, blanks);
        size_t len = strcspn(line, blanks);
        const char *rest = line + len + strspn(line + len, blanks);
        if (len == 0)
            return false;
        if (*rest && introduces_secret(line, len))
            return true;
        line += len;
    }
}
