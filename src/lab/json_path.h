/* SPDX-License-Identifier: Apache-2.0 */
/* Values inside JSON by a path: `sas[0].state`, `[*]` for any element, `.length` for the number of elements.
 * Pure; called by condition.c. */
#ifndef LAB_JSON_PATH_H
#define LAB_JSON_PATH_H

#include <jansson.h>

#include "lab/scenario.h"

/* Whether a value at `path` compares with `operand` as asked (numbers as numbers where both are, else as
 * text; `matches` is an extended regular expression). With [*] one value that does is enough; `negated` turns
 * the answer round. `detail` tells the values seen. A path that leads nowhere is false (true if negated). */
bool json_path_holds(const json_t *root, const char *path, enum compare compare, bool negated,
                     const char *operand, char *detail, size_t size);

#endif
