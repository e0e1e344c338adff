/* SPDX-License-Identifier: Apache-2.0 */
/* The labs on this machine: a folder /run/holdfast/LAB each, with lab.json (scenario, variant, who runs it)
 * and a folder per gateway. Called by lab.c and run.c. Always holds: the folder is the claim on the name, so
 * two labs never share namespaces; lab and node names have no dot, so LAB.NODE belongs to exactly one lab. */
#ifndef LAB_REGISTRY_H
#define LAB_REGISTRY_H

#include <limits.h>
#include <sys/types.h>

#include "lab/fabric.h"

enum { REGISTRY_LABS = 64 };

struct lab_record {
    char name[LAB_NAME];
    char scenario[PATH_MAX]; /* folder */
    char variant[SCRIPT_NAME];
    pid_t runner; /* of a living `lab run`, else 0 */
};

/* Takes `base`, or base-2, base-3 ... where it is in use; `exact` takes base or fails with -EEXIST. */
int registry_claim(const char *base, bool exact, char ret_name[LAB_NAME]) must_check;
/* runner 0: stays up without one. */
int registry_write(const char *lab, const struct scenario *s, pid_t runner) must_check;
int registry_read(const char *lab, struct lab_record *ret) must_check;
unsigned registry_list(struct lab_record records[REGISTRY_LABS]);
/* Ends the processes in the lab's namespaces, removes those and the folder. Works on whatever is left of a
 * lab; false if there was nothing of that name. Never call it for a lab of another, living runner. */
bool registry_remove(const char *lab);
bool lab_name_valid(const char *name);

#endif
