/* SPDX-License-Identifier: Apache-2.0 */
/* A scenario from its folder: both files read, one message where something is wrong; see scenario.h. */
#include "lab/scenario.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

static char *file_read(const char *path)
{
    FILE *f = fopen(path, "re");
    if (!f)
        return NULL;
    size_t size = 1 << 20, len;
    char *content = malloc(size);
    len = content ? fread(content, 1, size - 1, f) : 0;
    bool good = content && !ferror(f) && len < size - 1;
    fclose(f);
    if (!good) {
        free(content);
        return NULL;
    }
    content[len] = '\0';
    return content;
}

typedef bool scenario_parser(struct scenario *s, struct script *t, const char *variant);

static bool timeline_parser(struct scenario *s, struct script *t, const char *variant)
{
    (void)variant;
    return scenario_parse_timeline(s, t);
}

static bool scenario_read(struct scenario *s, const char *file, const char *variant, scenario_parser *parser,
                          char error[SCRIPT_ERROR])
{
    char path[PATH_MAX];
    struct script text;
    snprintf(path, sizeof path, "%s/%s", s->folder, file);
    char *content = file_read(path);
    if (!content) {
        snprintf(error, SCRIPT_ERROR, "%.300s: cannot be read (a scenario is a folder with a topology.lab)",
                 path);
        return false;
    }
    script_init(&text, path, content, scenario_value, s);
    bool good = parser(s, &text, variant);
    if (!good)
        memcpy(error, text.error, SCRIPT_ERROR);
    free(content);
    return good;
}

/* The variant's own timeline, or else the scenario's, if there is one. */
static bool timeline_read(struct scenario *s, const char *variant, char error[SCRIPT_ERROR])
{
    char path[PATH_MAX + SCRIPT_NAME + 16], own[SCRIPT_NAME + 16];
    snprintf(own, sizeof own, "%s/timeline.lab", scenario_variant_name(s));
    const char *files[] = {own, "timeline.lab"};
    for (unsigned i = 0; i < 2; i++) {
        snprintf(path, sizeof path, "%s/%s", s->folder, files[i]);
        if (access(path, F_OK) == 0)
            return scenario_read(s, files[i], variant, timeline_parser, error);
    }
    return true;
}

struct scenario *scenario_load(const char *folder, const char *variant, char error[SCRIPT_ERROR])
{
    struct scenario *s = scenario_new();
    if (!s)
        return NULL;
    s->folder = realpath(folder, NULL);
    if (!s->folder) {
        snprintf(error, SCRIPT_ERROR, "%.300s: %s", folder, strerror(errno));
        free(s);
        return NULL;
    }
    const char *base = strrchr(s->folder, '/');
    snprintf(s->name, sizeof s->name, "%.40s", base ? base + 1 : s->folder);
    if (!scenario_read(s, "topology.lab", variant, scenario_parse_topology, error) ||
        !timeline_read(s, variant, error)) {
        scenario_free(s);
        return NULL;
    }
    return s;
}

void scenario_free(struct scenario *s)
{
    if (!s)
        return;
    for (unsigned i = 0; i < s->variant_count; i++) {
        free(s->variants[i].text);
        for (unsigned v = 0; v < s->variants[i].value_count; v++)
            free(s->variants[i].values[v].value);
    }
    for (unsigned i = 0; i < s->node_count; i++) {
        free(s->nodes[i].config);
        free(s->nodes[i].options);
        for (unsigned k = 0; k < s->nodes[i].sysctl_count; k++) {
            free(s->nodes[i].sysctls[k].key);
            free(s->nodes[i].sysctls[k].value);
        }
    }
    for (unsigned i = 0; i < s->step_count; i++)
        step_done(&s->steps[i]);
    free(s->folder);
    free(s->title);
    free(s);
}
