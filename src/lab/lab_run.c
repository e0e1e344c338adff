/* SPDX-License-Identifier: Apache-2.0 */
/* `holdfast lab run`: each variant is carried out by a worker process, while this one only waits, passes
 * signals on and cleans up: so a worker that fails, crashes or is interrupted leaves nothing behind. If this
 * process is killed the worker gets a signal, ends, and cleans up itself. Results come back as JSON in shared
 * memory. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "lab/commands.h"

enum { RESULT_SIZE = 4 << 20 };

static void __attribute__((noreturn)) worker_main(const struct lab_options *o, const struct scenario *s,
                                                  const char *lab, pid_t parent, char *result)
{
    prctl(PR_SET_PDEATHSIG, SIGTERM);
    if (o->json && strcmp(o->json, "-") == 0)
        dup2(STDERR_FILENO, STDOUT_FILENO); /* standard output is for the data alone */
    struct run *r = run_new(s, lab, o->verbose);
    if (!r)
        _exit(LAB_FAILED);
    report_head(r);
    if (run_build(r))
        run_timeline(r);
    report_tables(r);
    if (!run_ok(r) && !lab_stopping)
        run_tell_logs(r);
    json_t *json = report_json(r);
    char *text = json ? json_dumps(json, JSON_COMPACT) : NULL;
    if (text && strlen(text) < RESULT_SIZE)
        strcpy(result, text);
    bool ok = run_ok(r);
    free(text);
    json_decref(json);
    run_done(r);
    free(r);
    if (getppid() != parent && !o->keep)
        registry_remove(lab);
    exit(ok ? LAB_OK : LAB_FAILED);
}

/* Until the worker has ended; it gets 20 s after a signal. */
static int worker_wait(pid_t worker)
{
    ns deadline = NS_NEVER;
    for (;;) {
        int status;
        if (waitpid(worker, &status, WNOHANG) == worker)
            return status;
        if (lab_stopping && deadline == NS_NEVER) {
            kill(worker, SIGTERM);
            deadline = lab_now() + 20 * NS_PER_S;
        }
        if (lab_now() > deadline)
            kill(worker, SIGKILL);
        usleep(10000);
    }
}

static json_t *worker_result(const char *result, int status, const struct scenario *s)
{
    json_t *json = result[0] ? json_loads(result, 0, NULL) : NULL;
    if (json)
        return json;
    char error[80];
    snprintf(error, sizeof error,
             WIFSIGNALED(status) ? "the lab itself crashed with signal %d" : "no result (%d)",
             WIFSIGNALED(status) ? WTERMSIG(status) : WEXITSTATUS(status));
    fprintf(stderr, "holdfast lab: %s\n", error);
    return json_pack("{s:s,s:b,s:[],s:[],s:s}", "variant", scenario_variant_name(s), "ok", 0, "flows",
                     "checks", "error", error);
}

/* One variant from claim to removal; NULL if it could not begin. */
static json_t *variant_run(const struct lab_options *o, const struct scenario *s)
{
    char lab[LAB_NAME];
    if (!lab_claim(o, s, lab))
        return NULL;
    char *result = mmap(NULL, RESULT_SIZE, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (result == MAP_FAILED || registry_write(lab, s, getpid()) < 0) {
        registry_remove(lab);
        return NULL;
    }
    fflush(NULL);
    pid_t parent = getpid(), worker = fork();
    if (worker == 0)
        worker_main(o, s, lab, parent, result);
    json_t *json = worker < 0 ? NULL : worker_result(result, worker_wait(worker), s);
    munmap(result, RESULT_SIZE);
    if (o->keep && !lab_stopping && registry_write(lab, s, 0) == 0)
        fprintf(stderr, "lab %s stays up; `holdfast lab down %s` ends it\n", lab, lab);
    else
        registry_remove(lab);
    return json;
}

static bool json_write(const char *path, const char *scenario, bool ok, json_t *variants)
{
    json_t *all = json_pack("{s:s,s:b,s:O}", "scenario", scenario, "ok", (int)ok, "variants", variants);
    if (json_array_size(variants) == 1) {
        json_object_set(all, "flows", json_object_get(json_array_get(variants, 0), "flows"));
        json_object_set(all, "checks", json_object_get(json_array_get(variants, 0), "checks"));
    }
    bool good = all && (strcmp(path, "-") == 0 ? json_dumpf(all, stdout, JSON_INDENT(2)) || puts("") < 0
                                               : json_dump_file(all, path, JSON_INDENT(2))) == 0;
    if (!good)
        fprintf(stderr, "holdfast lab: %s cannot be written\n", path);
    json_decref(all);
    return good;
}

/* The scenario in each of the wanted variants, in the order wanted; all of them if none is named. False with
 * a message: there is no such variant, or a mistake in it. */
static bool variants_load(const char *folder, char *wanted, struct scenario *ret[SCENARIO_VARIANTS],
                          unsigned *ret_count)
{
    char error[SCRIPT_ERROR], *save = NULL;
    const char *name = wanted ? strtok_r(wanted, ",", &save) : NULL;

    if (wanted && !name)
        name = wanted; /* nothing at all, which no variant is called */
    while (*ret_count < SCENARIO_VARIANTS) {
        struct scenario *s = scenario_load(folder, name, error);
        if (!s) {
            fprintf(stderr, "%s\n", error);
            return false;
        }
        ret[(*ret_count)++] = s;
        if (wanted)
            name = strtok_r(NULL, ",", &save);
        else
            name = *ret_count < s->variant_count ? s->variants[*ret_count].name : NULL;
        if (!name)
            return true;
    }
    fprintf(stderr, "holdfast lab: more than %d variants\n", SCENARIO_VARIANTS);
    return false;
}

static bool variants_run(const struct lab_options *o, struct scenario *const *wanted, unsigned count,
                         json_t *results)
{
    bool ok = true;

    for (unsigned i = 0; i < count && !lab_stopping; i++) {
        json_t *result = variant_run(o, wanted[i]);
        ok = ok && result && json_is_true(json_object_get(result, "ok"));
        if (result)
            json_array_append_new(results, result);
    }
    return ok && !lab_stopping;
}

int lab_run(const struct lab_options *o, const char *folder)
{
    struct scenario *wanted[SCENARIO_VARIANTS];
    unsigned count = 0;
    int code = LAB_USAGE;
    char *names = o->variant ? strdup(o->variant) : NULL;

    if (variants_load(folder, names, wanted, &count)) {
        json_t *results = json_array();
        bool ok = variants_run(o, wanted, count, results);
        if (o->json)
            ok = json_write(o->json, wanted[0]->name, ok, results) && ok;
        json_decref(results);
        code = ok ? LAB_OK : LAB_FAILED;
    }
    for (unsigned i = 0; i < count; i++)
        scenario_free(wanted[i]);
    free(names);
    return code;
}
