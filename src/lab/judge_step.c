/* SPDX-License-Identifier: Apache-2.0 */
/* Captures, keys and the `judge` step of a run; see run.h. The captures and keys of a lab lie in its run
 * directory, for root alone, and go with it: /run/holdfast/LAB/captures/NAME.pcapng, and the key tables of
 * the gateways (made to stay by RUN/wireshark/keep) and of others (/run/holdfast/LAB/keys/). */
#include <errno.h>
#include <fcntl.h>
#include <glob.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "judge/judge.h"
#include "lab/run.h"

static ns wall_now(void)
{
    struct timespec t;
    clock_gettime(CLOCK_REALTIME, &t);
    return (ns)t.tv_sec * NS_PER_S + (ns)t.tv_nsec;
}

bool captures_start(struct run *r)
{
    const struct scenario *s = r->scenario;
    char folder[160], error[128];
    if (s->capture_count == 0)
        return true;
    r->wall_start = wall_now();
    snprintf(folder, sizeof folder, LAB_RUN_FOLDER "/%s/captures", r->lab);
    if (mkdir(folder, 0700) < 0) {
        run_fail(r, "%s: %s", folder, strerror(errno));
        return false;
    }
    for (unsigned i = 0; i < s->capture_count; i++) {
        if (recorder_start(&r->recorders[i], &s->captures[i], folder, r->fabric.fabric_ns, error) < 0) {
            run_fail(r, "capture %s: %s", s->captures[i].name, error);
            return false;
        }
    }
    return true;
}

void captures_done(struct run *r)
{
    for (unsigned i = 0; i < SCENARIO_CAPTURES; i++)
        recorder_done(&r->recorders[i]);
    json_decref(r->judgements);
    r->judgements = NULL;
}

bool keys_keep(const struct run *r, const struct gateway *g)
{
    char path[200];
    if (r->scenario->capture_count == 0)
        return true;
    snprintf(path, sizeof path, "%s", g->folder);
    if (mkdir(path, 0700) < 0 && errno != EEXIST)
        return false;
    snprintf(path, sizeof path, "%s/wireshark", g->folder);
    if (mkdir(path, 0700) < 0 && errno != EEXIST)
        return false;
    snprintf(path, sizeof path, "%s/wireshark/keep", g->folder);
    int fd = open(path, O_WRONLY | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
    if (fd >= 0)
        close(fd);
    return fd >= 0;
}

/* A folder for the tables of those that are not gateways of ours; commands find it as $LAB_KEYS. */
void keys_folder_make(const struct run *r)
{
    char path[160];
    if (r->scenario->capture_count == 0)
        return;
    snprintf(path, sizeof path, LAB_RUN_FOLDER "/%s/keys", r->lab);
    if (mkdir(path, 0700) == 0 || errno == EEXIST)
        setenv("LAB_KEYS", path, 1);
}

void step_mark(struct run *r, const struct step *step)
{
    r->marks[step->mark] = wall_now();
}

static void keys_read(struct run *r, struct judge *j)
{
    static const char *const patterns[] = {"*/wireshark/esp_sa", "keys/*esp_sa*", "keys/*/*esp_sa*"};
    glob_t found = {0};
    for (size_t i = 0; i < ARRAY_SIZE(patterns); i++) {
        char pattern[200];
        snprintf(pattern, sizeof pattern, LAB_RUN_FOLDER "/%s/%s", r->lab, patterns[i]);
        (void)!glob(pattern, i ? GLOB_APPEND : 0, NULL, &found);
    }
    for (size_t i = 0; i < found.gl_pathc; i++) {
        FILE *f = fopen(found.gl_pathv[i], "re");
        /* A table that cannot be read is a violation that the judge notes itself. */
        if (f && judge_keys(j, found.gl_pathv[i], f) < 0)
            report_event(r, "  %s is no table of keys", found.gl_pathv[i]);
        if (f)
            fclose(f);
    }
    globfree(&found);
}

static struct judge_config config_of(const struct run *r, const struct judge_plan *plan)
{
    struct judge_config c = {.clear_count = plan->clear_count,
                             .window_count = plan->quiet_count,
                             .least_sent = plan->least,
                             .least_delivered = plan->delivered,
                             .origin = r->wall_start};
    memcpy(c.clear, plan->clear, sizeof plan->clear);
    for (unsigned i = 0; i < plan->quiet_count; i++) {
        struct judge_window *w = &c.windows[i];
        int until = plan->quiet[i].until;
        snprintf(w->name, sizeof w->name, "%.60s", r->scenario->marks[plan->quiet[i].from]);
        w->from = r->marks[plan->quiet[i].from];
        w->until = until < 0 ? NS_NEVER : r->marks[until];
    }
    return c;
}

/* Insides stop first: whatever leaves there was on a link before. */
static void captures_stop(struct run *r, const struct judge_plan *plan)
{
    for (int role = JUDGE_INSIDE; role >= JUDGE_LINK; role--) {
        for (unsigned i = 0; i < plan->capture_count; i++) {
            unsigned c = plan->captures[i].capture;
            if (plan->captures[i].role == role && !recorder_stop(&r->recorders[c]))
                report_event(r, "  capture %s could not be ended in order", r->scenario->captures[c].name);
        }
    }
}

static void verdict_add(struct run *r, const struct judge *j, const char *label)
{
    for (enum judge_check c = 0; c < JUDGE_CHECKS; c++) {
        char name[256];
        if (!judge_check_made(j, c))
            continue;
        snprintf(name, sizeof name, "%.180s: %s", label, judge_check_name(c));
        run_check_add(r, name, judge_check_violations(j, c) == 0, judge_check_detail(j, c));
    }
    json_t *json = judge_json(j);
    if (!r->judgements)
        r->judgements = json_array();
    json_object_set_new(json, "name", json_string(label));
    json_array_append_new(r->judgements, json);
}

void step_judge(struct run *r, const struct step *step)
{
    const struct judge_plan *plan = step->judge;
    const struct judge_config config = config_of(r, plan);
    captures_stop(r, plan);
    if (lab_stopping)
        return;
    ns start = lab_now();
    struct judge *j = judge_new(&config);
    if (!j) {
        run_fail(r, "judge: not enough memory");
        return;
    }
    keys_read(r, j);
    for (enum judge_role role = JUDGE_LINK; role < JUDGE_ROLES; role++) {
        for (unsigned i = 0; i < plan->capture_count; i++) {
            unsigned c = plan->captures[i].capture;
            if (plan->captures[i].role == role)
                judge_capture(j, role, plan->captures[i].group, r->scenario->captures[c].name,
                              fopen(r->recorders[c].path, "re"));
        }
    }
    judge_finish(j);
    report_event(r, "  judged in %.2f s", (double)(lab_now() - start) / 1e9);
    verdict_add(r, j, step->label ? step->label : "judge");
    judge_free(j);
}
