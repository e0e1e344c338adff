/* SPDX-License-Identifier: Apache-2.0 */
/* The supervisor with roles that this program plays itself: what dies is started again with its descriptors,
 * ever slower; signals reach control; stopping ends control before the engine. And the command line. */
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

#include "supervisor/options.h"
#include "supervisor/process.h"
#include "supervisor/supervisor.h"

/* ---- the roles ---- */

static volatile sig_atomic_t got_hup, got_term;

static void on_signal(int number)
{
    if (number == SIGHUP)
        got_hup = 1;
    else
        got_term = 1;
}

/* Writes a line to the file that stands for the journal of the test. */
static void journal(const char *path, const char *format, ...)
{
    char line[256];
    va_list arguments;
    int fd = open(path, O_WRONLY | O_CREAT | O_APPEND, 0600);

    va_start(arguments, format);
    int len = vsnprintf(line, sizeof line, format, arguments);
    va_end(arguments);
    if (fd < 0 || write(fd, line, (size_t)len) != len)
        _exit(99);
    close(fd);
}

static int role_play(const struct options *o)
{
    const char *name = o->role == ROLE_CONTROL ? "control" : "engine";
    sigset_t none;
    int death_signal = 0;
    const char *path = o->config_file; /* the test gives its journal there */

    signal(SIGHUP, on_signal);
    signal(SIGTERM, on_signal);
    sigemptyset(&none);
    sigprocmask(SIG_SETMASK, &none, NULL);
    prctl(PR_GET_PDEATHSIG, &death_signal);
    bool fds_right = fcntl(HANDOVER_SAD, F_GETFD) >= 0 &&
                     (fcntl(HANDOVER_RECORDS, F_GETFD) >= 0) == (o->role == ROLE_CONTROL) &&
                     fcntl(100, F_GETFD) < 0;
    journal(path, "%s start %d fds=%d death=%d\n", name, (int)getpid(), fds_right, death_signal);
    if (o->role == ROLE_CONTROL) {
        struct supervisor_message m = {.type = SUPERVISOR_READY};
        if (send(HANDOVER_SUPERVISOR, &m, sizeof m, 0) < 0)
            journal(path, "control send failed\n");
    }
    for (;;) {
        const struct timespec pause_time = {0, 5000000};
        if (got_hup) {
            got_hup = 0;
            journal(path, "%s hup\n", name);
        }
        if (got_term) {
            journal(path, "%s term\n", name);
            return 0;
        }
        nanosleep(&pause_time, NULL);
    }
}

/* ---- the test's side ---- */

struct scene {
    char directory[64], journal[96];
    pid_t supervisor;
    int ready;
};

static char *journal_read(const struct scene *s)
{
    static char text[65536];
    int fd = open(s->journal, O_RDONLY);
    ssize_t n = fd < 0 ? 0 : read(fd, text, sizeof text - 1);

    text[n < 0 ? 0 : n] = 0;
    if (fd >= 0)
        close(fd);
    return text;
}

static unsigned occurrences(const char *text, const char *what)
{
    unsigned n = 0;

    for (const char *at = strstr(text, what); at; at = strstr(at + 1, what))
        n++;
    return n;
}

static void journal_await(const struct scene *s, const char *what, unsigned times)
{
    const struct timespec pause_time = {0, 5000000};

    for (unsigned i = 0; i < 2000; i++) {
        if (occurrences(journal_read(s), what) >= times)
            return;
        nanosleep(&pause_time, NULL);
    }
    print_error("waiting for %u times \"%s\" in:\n%s", times, what, journal_read(s));
    fail();
}

static pid_t last_pid(const struct scene *s, const char *what)
{
    const char *last = NULL, *text = journal_read(s);

    for (const char *at = strstr(text, what); at; at = strstr(at + 1, what))
        last = at;
    assert_non_null(last);
    return (pid_t)atoi(last + strlen(what));
}

static void scene_begin(struct scene *s)
{
    int ready[2];

    snprintf(s->directory, sizeof s->directory, "/tmp/holdfast-test-XXXXXX");
    assert_non_null(mkdtemp(s->directory));
    snprintf(s->journal, sizeof s->journal, "%s/journal", s->directory);
    assert_int_equal(pipe(ready), 0);
    s->supervisor = fork();
    assert_true(s->supervisor >= 0);
    if (s->supervisor == 0) {
        struct handover_set handover;
        struct supervisor run = {.program = "/proc/self/exe",
                                 .config_file = s->journal,
                                 .run_directory = s->directory,
                                 .foreground = true,
                                 .handover = &handover,
                                 .ready_fd = ready[1]};
        int ends[2];
        sigset_t mask;
        handover_set_init(&handover);
        sigemptyset(&mask);
        sigaddset(&mask, SIGTERM);
        sigaddset(&mask, SIGINT);
        sigaddset(&mask, SIGHUP);
        sigaddset(&mask, SIGCHLD);
        sigprocmask(SIG_BLOCK, &mask, NULL);
        if (!freopen("/dev/null", "w", stderr) ||
            socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends) < 0)
            _exit(98);
        handover.control_pair = ends[0];
        handover.fd[HANDOVER_SUPERVISOR - HANDOVER_SAD] = fcntl(ends[1], F_DUPFD_CLOEXEC, 100);
        handover.fd[HANDOVER_SAD - HANDOVER_SAD] = fcntl(1, F_DUPFD_CLOEXEC, 100);
        handover.fd[HANDOVER_RECORDS - HANDOVER_SAD] = fcntl(1, F_DUPFD_CLOEXEC, 100);
        _exit(supervisor_run(&run));
    }
    close(ready[1]);
    s->ready = ready[0];
    journal_await(s, "control start", 1);
    journal_await(s, "engine start", 1);
}

static void scene_end(struct scene *s)
{
    int status;
    char path[128];

    kill(s->supervisor, SIGTERM);
    assert_int_equal(waitpid(s->supervisor, &status, 0), s->supervisor);
    assert_true(WIFEXITED(status));
    assert_int_equal(WEXITSTATUS(status), 0);
    close(s->ready);
    unlink(s->journal);
    snprintf(path, sizeof path, "%s/supervisor.pid", s->directory);
    assert_int_equal(access(path, F_OK), -1);
    assert_int_equal(rmdir(s->directory), 0); /* nothing is left in it */
}

static void what_dies_is_started_again(void **state)
{
    (void)state;
    struct scene s;
    char byte;

    scene_begin(&s);
    assert_null(strstr(journal_read(&s), "fds=0"));
    assert_non_null(strstr(journal_read(&s), "death=9"));
    assert_int_equal(read(s.ready, &byte, 1), 1);
    pid_t first = last_pid(&s, "control start ");
    kill(first, SIGKILL);
    journal_await(&s, "control start", 2);
    assert_int_not_equal(last_pid(&s, "control start "), first);
    kill(last_pid(&s, "engine start "), SIGSEGV);
    journal_await(&s, "engine start", 2);
    kill(last_pid(&s, "engine start "), SIGKILL); /* the second time it waits 100 ms */
    journal_await(&s, "engine start", 3);
    scene_end(&s);
}

static void signals_reach_control_and_the_end_is_in_order(void **state)
{
    (void)state;
    struct scene s;

    scene_begin(&s);
    kill(s.supervisor, SIGHUP);
    journal_await(&s, "control hup", 1);
    assert_int_equal(occurrences(journal_read(&s), "engine hup"), 0);
    kill(s.supervisor, SIGTERM);
    journal_await(&s, "engine term", 1);
    char *text = journal_read(&s);
    assert_true(strstr(text, "control term") < strstr(text, "engine term"));
    scene_end(&s);
}

static void children_die_with_the_supervisor(void **state)
{
    (void)state;
    struct scene s;
    int status;

    scene_begin(&s);
    pid_t control = last_pid(&s, "control start "), engine = last_pid(&s, "engine start ");
    kill(s.supervisor, SIGKILL);
    assert_int_equal(waitpid(s.supervisor, &status, 0), s.supervisor);
    const struct timespec pause_time = {0, 5000000};
    for (unsigned i = 0; i < 400 && (kill(control, 0) == 0 || kill(engine, 0) == 0); i++)
        nanosleep(&pause_time, NULL);
    /* Reaped by whoever is init here, or zombies of it: in no case running. */
    for (int i = 0; i < 2; i++) {
        char path[64], line[512] = "";
        snprintf(path, sizeof path, "/proc/%d/stat", (int)(i ? control : engine));
        FILE *f = fopen(path, "r");
        if (!f)
            continue;
        assert_non_null(fgets(line, sizeof line, f));
        fclose(f);
        assert_non_null(strstr(line, ") Z"));
    }
    close(s.ready);
    char path[128];
    static const char *const files[] = {"journal", "supervisor.pid", "control.pid", "engine.pid"};
    for (size_t i = 0; i < 4; i++) {
        snprintf(path, sizeof path, "%s/%s", s.directory, files[i]);
        unlink(path);
    }
    rmdir(s.directory);
}

static void restarts_become_slower(void **state)
{
    (void)state;
    static const ns want[] = {0, 100, 200, 400, 800, 1600, 3200, 5000, 5000};
    struct process p;
    ns now = 1000 * NS_PER_S;

    process_init(&p, "x", now);
    assert_true(p.start_at == now);
    for (size_t i = 0; i < sizeof want / sizeof want[0]; i++) {
        process_started(&p, 5, now);
        assert_true(p.start_at == NS_NEVER);
        now += NS_PER_MS;
        process_ended(&p, 9 /* SIGKILL */, false, now);
        assert_true(p.start_at == now + want[i] * NS_PER_MS);
        now = p.start_at;
    }
    assert_non_null(strstr(p.last_reason, "signal 9"));
    /* It stayed up: the next restart is immediate again. */
    process_started(&p, 6, now);
    now += 11 * NS_PER_S;
    process_ended(&p, 3 << 8, false, now);
    assert_true(p.start_at == now);
    assert_string_equal(p.last_reason, "exited with status 3");
    process_started(&p, 7, now);
    process_ended(&p, 0, true, now);
    assert_true(p.start_at == NS_NEVER);
    process_init(&p, "y", now);
    process_failed(&p, -EAGAIN, now);
    assert_true(p.start_at > now);
}

static void command_lines(void **state)
{
    (void)state;
    static const struct {
        const char *arguments[6];
        bool good;
        const char *says;
    } table[] = {
        {{"holdfastd"}, true, ""},
        {{"holdfastd", "--config", "f", "--run-directory=/x", "--foreground"}, true, ""},
        {{"holdfastd", "--check", "--config=f"}, true, ""},
        {{"holdfastd", "--role", "engine"}, true, ""},
        {{"holdfastd", "--role", "king"}, false, "king"},
        {{"holdfastd", "--config"}, false, "needs a value"},
        {{"holdfastd", "--fly"}, false, "--fly"},
        {{"holdfastd", "extra"}, false, "extra"},
    };

    for (size_t i = 0; i < sizeof table / sizeof table[0]; i++) {
        struct options o;
        char error[256] = "", copy[6][32];
        char *arguments[7] = {0};
        int count = 0;
        for (; count < 6 && table[i].arguments[count]; count++) {
            snprintf(copy[count], sizeof copy[count], "%s", table[i].arguments[count]);
            arguments[count] = copy[count];
        }
        assert_int_equal(options_parse(count, arguments, &o, error), table[i].good);
        assert_non_null(strstr(error, table[i].says));
    }
}

int main(int argc, char **argv)
{
    struct options o;
    char error[256];
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_dies_is_started_again),
        cmocka_unit_test(signals_reach_control_and_the_end_is_in_order),
        cmocka_unit_test(children_die_with_the_supervisor),
        cmocka_unit_test(restarts_become_slower),
        cmocka_unit_test(command_lines),
    };

    if (argc > 1 && options_parse(argc, argv, &o, error) && o.role != ROLE_SUPERVISOR)
        return role_play(&o);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
