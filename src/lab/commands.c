/* SPDX-License-Identifier: Apache-2.0 */
/* `holdfast lab` up, down, list, exec, cli and fault: one lab, found by its name or by the node that is asked
 * for. */
#include "lab/commands.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#include "lab/netns.h"

bool lab_claim(const struct lab_options *o, const struct scenario *s, char ret_name[LAB_NAME])
{
    char base[LAB_NAME];
    snprintf(base, sizeof base, "%.40s", o->name ? o->name : s->name);
    for (char *c = base; *c; c++) {
        if (*c == '.' || *c == ' ')
            *c = '-';
    }
    if (!lab_name_valid(base)) {
        fprintf(stderr, "holdfast lab: %s is no name for a lab; give one with --name\n", base);
        return false;
    }
    int rc = registry_claim(base, o->name != NULL, ret_name);
    if (rc < 0)
        fprintf(stderr, "holdfast lab: a lab named %s: %s\n", base,
                rc == -EEXIST ? "is there already (`holdfast lab down` removes it)" : strerror(-rc));
    return rc == 0;
}

struct run *run_new(const struct scenario *s, const char *lab, bool verbose)
{
    struct run *r = calloc(1, sizeof *r);
    if (!r)
        return NULL;
    r->scenario = s;
    r->verbose = verbose;
    snprintf(r->lab, sizeof r->lab, "%s", lab);
    fabric_init(&r->fabric, s, lab);
    return r;
}

int lab_up(const struct lab_options *o, const char *folder)
{
    char error[SCRIPT_ERROR], lab[LAB_NAME];
    struct scenario *s = scenario_load(folder, o->variant, error);
    if (!s) {
        fprintf(stderr, "%s\n", error);
        return LAB_USAGE;
    }
    struct run *r = NULL;
    bool up = false;
    if (lab_claim(o, s, lab)) {
        r = run_new(s, lab, o->verbose);
        up = r && registry_write(lab, s, 0) == 0;
        if (up) {
            report_head(r);
            up = run_build(r) && !lab_stopping;
        }
        if (!up) {
            fprintf(stderr, "holdfast lab: %s\n", r && r->error ? r->error : "not built");
            registry_remove(lab);
        }
    }
    if (up)
        printf("lab %s is up; `holdfast lab down %s` ends it\n", lab, lab);
    if (r)
        run_done(r);
    free(r);
    scenario_free(s);
    return up ? LAB_OK : LAB_FAILED;
}

/* A running `lab run` cleans up itself; it is asked to, and waited for. */
static void lab_end(const struct lab_record *record)
{
    if (record->runner) {
        kill(record->runner, SIGTERM);
        struct lab_record now;
        for (unsigned i = 0; i < 1500 && registry_read(record->name, &now) == 0 && now.runner; i++)
            usleep(20000);
    }
    registry_remove(record->name);
    printf("lab %s is gone\n", record->name);
}

int lab_down(const struct lab_options *o, const char *name)
{
    struct lab_record *records = calloc(REGISTRY_LABS, sizeof *records);
    if (!records)
        return LAB_FAILED;
    unsigned count = registry_list(records);
    int rc = LAB_OK;
    if (name) {
        unsigned i = 0;
        while (i < count && strcmp(records[i].name, name) != 0)
            i++;
        if (i < count) {
            lab_end(&records[i]);
        } else if (!lab_name_valid(name) || !registry_remove(name)) { /* what is left without its lab.json */
            fprintf(stderr, "holdfast lab: there is no lab named %s\n", name);
            rc = LAB_FAILED;
        }
    } else if (o->all || count == 1) {
        for (unsigned i = 0; i < count; i++)
            lab_end(&records[i]);
    } else if (count == 0) {
        printf("no lab is up\n");
    } else {
        fprintf(stderr, "holdfast lab: which? Give a name or --all:\n");
        for (unsigned i = 0; i < count; i++)
            fprintf(stderr, "  %s\n", records[i].name);
        rc = LAB_FAILED;
    }
    free(records);
    return rc;
}

int lab_list(void)
{
    struct lab_record *records = calloc(REGISTRY_LABS, sizeof *records);
    if (!records)
        return LAB_FAILED;
    unsigned count = registry_list(records);
    if (count == 0)
        printf("no lab is up\n");
    for (unsigned i = 0; i < count; i++)
        printf("%-24s %-16s %s%s\n", records[i].name, records[i].variant, records[i].scenario,
               records[i].runner ? "  (running)" : "");
    free(records);
    return LAB_OK;
}

/* The lab that is meant: by name, or the only one (with that node, where one is given). */
static bool lab_find(const struct lab_options *o, const char *node, struct lab_record *ret)
{
    struct lab_record *records = calloc(REGISTRY_LABS, sizeof *records);
    unsigned count = records ? registry_list(records) : 0, found = 0;
    for (unsigned i = 0; i < count; i++) {
        char name[2 * SCRIPT_NAME];
        if (o->name && strcmp(o->name, records[i].name) != 0)
            continue;
        fabric_namespace(records[i].name, node ? node : "fabric", name);
        if (netns_exists(name)) {
            *ret = records[i];
            found++;
        }
    }
    free(records);
    if (found != 1)
        fprintf(stderr,
                found ? "holdfast lab: several labs are meant; choose with --name (`holdfast lab list`)\n"
                      : "holdfast lab: no lab%s%s%s%s%s\n",
                o->name ? " named " : "", o->name ? o->name : "", node ? " with a node " : "",
                node ? node : "", o->name || node ? "" : " is up");
    return found == 1;
}

int lab_exec(const struct lab_options *o, int argc, char **argv)
{
    struct lab_record record;
    char name[2 * SCRIPT_NAME];
    (void)argc; /* argv ends with NULL, as main's does */
    if (!lab_find(o, argv[0], &record))
        return LAB_FAILED;
    fabric_namespace(record.name, argv[0], name);
    int fd = netns_open(name);
    routing_node_bind(fd, record.name, argv[0]);
    int rc = fd < 0 ? fd : netns_become(fd);
    if (rc < 0) {
        fprintf(stderr, "holdfast lab: namespace %s: %s\n", name, strerror(-rc));
        return LAB_FAILED;
    }
    signal(SIGPIPE, SIG_DFL);
    execvp(argv[1], argv + 1);
    fprintf(stderr, "holdfast lab: %s: %s\n", argv[1], strerror(errno));
    return 127;
}

int lab_cli(const struct lab_options *o, int argc, char **argv)
{
    struct lab_record record;
    char program[PATH_MAX], folder[128];
    char *command[PROCESS_ARGUMENTS] = {program, "-r", folder};
    if (!lab_find(o, argv[0], &record) || !program_holdfast(program))
        return LAB_FAILED;
    snprintf(folder, sizeof folder, LAB_RUN_FOLDER "/%s/%.50s", record.name, argv[0]);
    for (int i = 1; i < argc && i + 3 < PROCESS_ARGUMENTS; i++)
        command[i + 2] = argv[i];
    execv(program, command);
    fprintf(stderr, "holdfast lab: %s: %s\n", program, strerror(errno));
    return 127;
}

/* The words of a step, as one line of a timeline. */
static bool fault_line(int argc, char **argv, char *line, size_t size)
{
    size_t used = 0;
    line[0] = '\0';
    for (int i = 0; i < argc; i++) {
        const char *quote = argv[i][0] == '\0' || strpbrk(argv[i], " \t#$\\\"") ? "\"" : "";
        if (strpbrk(argv[i], "\"\n"))
            return false;
        int n = snprintf(line + used, size - used, "%s%s%s%s", i ? " " : "", quote, argv[i], quote);
        if (n < 0 || (size_t)n >= size - used)
            return false;
        used += (size_t)n;
    }
    return true;
}

static int fault_run(const struct scenario *s, const struct lab_record *record, const struct step *step)
{
    if (step->when != WHEN_NOW || step->kind < STEP_CUT || step->kind > STEP_FARM) {
        fprintf(stderr, "holdfast lab: cut, blackhole, lossy, repair, kill, freeze, thaw, restart, exec, cli "
                        "and farm can "
                        "be done now\n");
        return LAB_USAGE;
    }
    struct run *r = run_new(s, record->name, true);
    if (!r)
        return LAB_FAILED;
    if (fabric_open(&r->fabric, s, record->name) < 0)
        run_fail(r, "%s", r->fabric.error);
    for (unsigned i = 0; i < s->node_count; i++) {
        if (s->nodes[i].kind == NODE_GATEWAY)
            gateway_init(&r->gateways[i], &s->nodes[i], r->fabric.node_ns[i], record->name);
        if (s->nodes[i].routing)
            routing_node_init(&r->routings[i], &s->nodes[i], r->fabric.node_ns[i], record->name);
        if (s->nodes[i].kind == NODE_FARM)
            farm_node_init(&r->farms[i], &s->nodes[i], r->fabric.node_ns[i], record->name, NULL);
    }
    bool ok = !r->error && run_step(r, step);
    if (!ok)
        fprintf(stderr, "holdfast lab: %s\n", r->error);
    run_done(r);
    free(r);
    return ok ? LAB_OK : LAB_FAILED;
}

int lab_fault(const struct lab_options *o, int argc, char **argv)
{
    char error[SCRIPT_ERROR], line[SCRIPT_LINE];
    struct lab_record record;
    struct script text;
    struct step step = {0};
    if (!lab_find(o, NULL, &record))
        return LAB_FAILED;
    struct scenario *s =
        scenario_load(record.scenario, strcmp(record.variant, "default") ? record.variant : NULL, error);
    struct statement *st = s ? calloc(1, sizeof *st) : NULL;
    if (!st || !fault_line(argc, argv, line, sizeof line)) {
        fprintf(stderr, "holdfast lab: %s\n", s ? "the step is too long" : error);
        free(st);
        scenario_free(s);
        return LAB_FAILED;
    }
    script_init(&text, "fault", line, scenario_value, s);
    int rc = LAB_USAGE;
    if (script_next(&text, st) && scenario_parse_step(s, &text, st, &step))
        rc = fault_run(s, &record, &step);
    else
        fprintf(stderr, "%s\n", text.error);
    step_done(&step);
    free(st);
    scenario_free(s);
    return rc;
}
