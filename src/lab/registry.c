/* SPDX-License-Identifier: Apache-2.0 */
/* Which labs there are; see registry.h. */
#include "lab/registry.h"

#include <dirent.h>
#include <errno.h>
#include <ftw.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "lab/gateway.h"
#include "lab/netns.h"

bool lab_name_valid(const char *name)
{
    static const char allowed[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_";
    size_t len = strlen(name);
    return len > 0 && len < LAB_NAME - 4 && strspn(name, allowed) == len && name[0] != '-';
}

/* Calls `with` for each namespace of the lab; returns how many there are. */
static unsigned each_namespace(const char *lab, void (*with)(const char *name))
{
    size_t len = strlen(lab);
    unsigned count = 0;
    DIR *folder = opendir(NETNS_FOLDER);
    if (!folder)
        return 0;
    for (struct dirent *e; (e = readdir(folder));) {
        if (strncmp(e->d_name, lab, len) != 0 || e->d_name[len] != '.')
            continue;
        count++;
        if (with)
            with(e->d_name);
    }
    closedir(folder);
    return count;
}

int registry_claim(const char *base, bool exact, char ret_name[LAB_NAME])
{
    if (mkdir(LAB_RUN_FOLDER, 0755) < 0 && errno != EEXIST)
        return -errno;
    for (unsigned n = 1; n < 100; n++) {
        char name[LAB_NAME], path[128];
        snprintf(name, sizeof name, "%.40s", base);
        if (n > 1)
            snprintf(name, sizeof name, "%.40s-%u", base, n);
        snprintf(path, sizeof path, LAB_RUN_FOLDER "/%s", name);
        bool free_name = each_namespace(name, NULL) == 0 && mkdir(path, 0700) == 0;
        if (free_name) {
            memcpy(ret_name, name, LAB_NAME);
            return 0;
        }
        if (exact || (errno != EEXIST && each_namespace(name, NULL) == 0))
            return exact ? -EEXIST : -errno;
    }
    return -EEXIST;
}

/* Start time of a process in clock ticks: with the pid it names a process for good. 0 if there is none. */
static json_int_t process_birth(pid_t pid)
{
    char path[64], line[1024];
    snprintf(path, sizeof path, "/proc/%d/stat", (int)pid);
    FILE *f = fopen(path, "re");
    if (!f)
        return 0;
    bool good = fgets(line, sizeof line, f) != NULL;
    fclose(f);
    char *at = good ? strrchr(line, ')') : NULL;
    /* After the name come the fields 3 and following; the start time is field 22. */
    for (unsigned field = 2; at && field < 22; field++)
        at = strchr(at + 1, ' ');
    return at ? strtoll(at + 1, NULL, 10) : 0;
}

int registry_write(const char *lab, const struct scenario *s, pid_t runner)
{
    char path[160];
    snprintf(path, sizeof path, LAB_RUN_FOLDER "/%s/lab.json", lab);
    json_t *record =
        json_pack("{s:s,s:s,s:I,s:I}", "scenario", s->folder, "variant", scenario_variant_name(s), "runner",
                  (json_int_t)runner, "runner_birth", runner ? process_birth(runner) : (json_int_t)0);
    if (!record)
        return -ENOMEM;
    int rc = json_dump_file(record, path, JSON_INDENT(2)) < 0 ? -EIO : 0;
    json_decref(record);
    return rc;
}

int registry_read(const char *lab, struct lab_record *ret)
{
    char path[160];
    const char *scenario, *variant;
    json_int_t runner, birth;
    snprintf(path, sizeof path, LAB_RUN_FOLDER "/%s/lab.json", lab);
    json_t *record = json_load_file(path, 0, NULL);
    if (!record)
        return -ENOENT;
    int rc = json_unpack(record, "{s:s,s:s,s:I,s:I}", "scenario", &scenario, "variant", &variant, "runner",
                         &runner, "runner_birth", &birth);
    if (rc == 0) {
        *ret = (struct lab_record){0};
        snprintf(ret->name, sizeof ret->name, "%s", lab);
        snprintf(ret->scenario, sizeof ret->scenario, "%s", scenario);
        snprintf(ret->variant, sizeof ret->variant, "%s", variant);
        ret->runner = runner > 0 && process_birth((pid_t)runner) == birth ? (pid_t)runner : 0;
    }
    json_decref(record);
    return rc == 0 ? 0 : -EINVAL;
}

static int compare_records(const void *a, const void *b)
{
    return strcmp(((const struct lab_record *)a)->name, ((const struct lab_record *)b)->name);
}

unsigned registry_list(struct lab_record records[REGISTRY_LABS])
{
    unsigned count = 0;
    DIR *folder = opendir(LAB_RUN_FOLDER);
    if (!folder)
        return 0;
    for (struct dirent *e; count < REGISTRY_LABS && (e = readdir(folder));) {
        if (lab_name_valid(e->d_name) && registry_read(e->d_name, &records[count]) == 0)
            count++;
    }
    closedir(folder);
    qsort(records, count, sizeof records[0], compare_records);
    return count;
}

static void namespace_terminate(const char *name)
{
    int fd = netns_open(name);
    if (fd < 0)
        return;
    netns_signal_all(fd, SIGTERM, 0);
    close(fd);
}

static void namespace_end(const char *name)
{
    int fd = netns_open(name);
    if (fd >= 0) {
        if (!netns_signal_all(fd, SIGKILL, 0) && !netns_signal_all(fd, SIGKILL, 3000))
            fprintf(stderr, "holdfast lab: processes in %s do not end\n", name);
        close(fd);
    }
    netns_remove(name);
}

static bool patient_all_gone;

static void namespace_busy(const char *name)
{
    int fd = netns_open(name);
    if (fd < 0)
        return;
    patient_all_gone &= netns_processes(fd, NULL, 0) == 0;
    close(fd);
}

static int remove_entry(const char *path, const struct stat *st, int type, struct FTW *ftw)
{
    (void)st;
    (void)type;
    (void)ftw;
    remove(path);
    return 0;
}

bool registry_remove(const char *lab)
{
    char path[128];
    snprintf(path, sizeof path, LAB_RUN_FOLDER "/%s", lab);
    bool there = access(path, F_OK) == 0;
    there |= each_namespace(lab, namespace_terminate) > 0;
    /* Daemons get 3 s to leave in order; then they are made to. */
    for (unsigned i = 0; i < 150; i++) {
        patient_all_gone = true;
        each_namespace(lab, namespace_busy);
        if (patient_all_gone)
            break;
        usleep(20000);
    }
    each_namespace(lab, namespace_end);
    nftw(path, remove_entry, 16, FTW_DEPTH | FTW_PHYS);
    return there;
}
