/* SPDX-License-Identifier: Apache-2.0 */
/* The program `holdfast` as a whole, against a gateway that is played: exit codes, one line, scripts, no and
 * lost daemons, check, the committed reference. */
#include "fake_gateway.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/bytes.h"
#include "cli/secret_line.h"
#include "control/cli/protocol.h"

static struct run run;

static void test_one_line(void **state)
{
    static const struct {
        const char *words[ARGUMENTS_MAX];
        int status;
        const char *out, *err;
    } cases[] = {
        {{"show", "version"}, 0, "ran show version\n", ""},
        {{"show version"}, 0, "ran show version\n", ""},
        {{"show", "run", "|", "include", "^ ip"}, 0, "ran show run | include ^ ip\n", ""},
        {{"bad"}, 1, "% it is bad\n", ""},
        {{"pieces"}, 0, "one\nLOGGED\ntwo\n", ""},
        {{"exit"}, 0, "ran exit\n", ""},
        {{"die"}, 3, "", "closed the connection"},
        {{"garbage"}, 3, "", "is no gateway of this version"},
        {{"-x", "show"}, 2, "", "unknown option -x"},
        {{"-r"}, 2, "", "-r needs a directory"},
        {{"two\nlines"}, 2, "", "one line of at most 1000"},
        {{"--version"}, 0, "holdfast " HOLDFAST_VERSION "\n", ""},
        {{"check"}, 2, "", "usage: holdfast check FILE"},
        {{"check", "/nowhere/file"}, 1, "", "No such file"},
        {{"commands", "--html"}, 2, "", "usage: holdfast commands"},
    };
    struct fake f;
    (void)state;

    fake_begin(&f);
    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        run_holdfast(&f, cases[i].words, NULL, &run);
        assert_int_equal(run.status, cases[i].status);
        assert_string_equal(run.out, cases[i].out);
        if (*cases[i].err)
            assert_non_null(strstr(run.err, cases[i].err));
        else
            assert_string_equal(run.err, "");
    }
    run_holdfast(&f, (const char *const[]){"flood", NULL}, NULL, &run);
    assert_int_equal(run.status, 0);
    assert_int_equal(strspn(run.out, "x"), 200000);
    char too_long[CLI_LINE_MAX + 2];
    memset(too_long, 'a', sizeof too_long - 1);
    too_long[sizeof too_long - 1] = 0;
    run_holdfast(&f, (const char *const[]){too_long, NULL}, NULL, &run);
    assert_int_equal(run.status, 2);
    run_holdfast(&f, (const char *const[]){too_long + 1, NULL}, NULL, &run);
    assert_int_equal(run.status, 0);
    fake_end(&f);
}

static void test_no_daemon(void **state)
{
    char directory[] = "/tmp/holdfast-none-XXXXXX", deep[200];
    (void)state;

    assert_non_null(mkdtemp(directory));
    unsetenv("HOLDFAST_RUN_DIRECTORY");
    run_holdfast(NULL, (const char *const[]){"-r", directory, "show", "version", NULL}, NULL, &run);
    assert_int_equal(run.status, 3);
    assert_non_null(strstr(run.err, "no gateway runs in "));
    assert_non_null(strstr(run.err, directory));
    setenv("HOLDFAST_RUN_DIRECTORY", directory, 1);
    run_holdfast(NULL, (const char *const[]){NULL}, "show version\n", &run);
    assert_int_equal(run.status, 3);
    assert_non_null(strstr(run.err, directory));
    unsetenv("HOLDFAST_RUN_DIRECTORY");
    memset(deep, 'd', sizeof deep - 1);
    deep[sizeof deep - 1] = 0;
    run_holdfast(NULL, (const char *const[]){"-r", deep, "show", NULL}, NULL, &run);
    assert_int_equal(run.status, 3);
    rmdir(directory);
}

/* Who is not root and not the socket's owner is told so. */
static void test_access_denied(void **state)
{
    struct fake f;
    int status, err[2];
    char text[512];
    (void)state;

    if (getuid() != 0 || access(holdfast_program(), X_OK) != 0)
        skip();
    fake_begin(&f);
    assert_int_equal(chmod(f.directory, 0700) | pipe(err), 0);
    int program = open(holdfast_program(), O_RDONLY | O_CLOEXEC);
    pid_t pid = fork();
    if (pid == 0) {
        dup2(err[1], 2);
        char *argv[] = {"holdfast", "-r", f.directory, "show", "version", NULL};
        if (setgid(65534) != 0 || setuid(65534) != 0)
            _exit(127);
        fexecve(program, argv, (char *[]){NULL});
        _exit(127);
    }
    close(err[1]);
    ssize_t n = read(err[0], text, sizeof text - 1);
    text[n > 0 ? n : 0] = 0;
    waitpid(pid, &status, 0);
    close(err[0]);
    close(program);
    fake_end(&f);
    if (WIFEXITED(status) && WEXITSTATUS(status) == 127)
        skip(); /* the program lies where others may not look */
    assert_int_equal(WEXITSTATUS(status), 3);
    assert_non_null(strstr(text, "is denied: only root may ask it"));
}

static void test_script(void **state)
{
    static const struct {
        const char *input;
        int status;
        const char *out, *err;
    } cases[] = {
        {"", 0, "", ""},
        {"show version\n", 0, "ran show version\n", ""},
        {"show version", 0, "ran show version\n", ""},
        {"a\r\n\n! note\nb\n", 0, "ran a\nran ! note\nran b\n", ""},
        {"configure terminal\nhostname x\nend\nshow version\n", 0, "ran hostname x\nran show version\n", ""},
        {"a\nbad\nb\n", 1, "ran a\n% it is bad\nran b\n", "holdfast: line 2 failed\n"},
        {"a\nexit\nb\n", 0, "ran a\nran exit\n", ""},
        {"a\ndie\nb\n", 3, "ran a\n", "closed the connection"},
    };
    struct fake f;
    (void)state;

    fake_begin(&f);
    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        run_holdfast(&f, (const char *const[]){NULL}, cases[i].input, &run);
        assert_int_equal(run.status, cases[i].status);
        assert_string_equal(run.out, cases[i].out);
        if (*cases[i].err)
            assert_non_null(strstr(run.err, cases[i].err));
    }
    fake_end(&f);
}

/* More lines than may be on their way at once: none is lost, none out of order. */
static void test_long_script(void **state)
{
    enum { LINES = 5000 };
    char *input = malloc(LINES * 40), *want = malloc(LINES * 40);
    size_t n = 0, m = 0;
    struct fake f;
    (void)state;

    for (unsigned i = 0; i < LINES; i++) {
        n += (size_t)sprintf(input + n, "line number %u of the script\n", i);
        m += (size_t)sprintf(want + m, "ran line number %u of the script\n", i);
    }
    fake_begin(&f);
    run_holdfast(&f, (const char *const[]){NULL}, input, &run);
    assert_int_equal(run.status, 0);
    assert_string_equal(run.out, want);
    memset(input, 'a', CLI_LINE_MAX + 1);
    strcpy(input + CLI_LINE_MAX + 1, "\nnever sent\n");
    run_holdfast(&f, (const char *const[]){NULL}, input, &run);
    assert_int_equal(run.status, 1);
    assert_string_equal(run.out, "");
    assert_non_null(strstr(run.err, "line 1 is longer than 1000 characters"));
    fake_end(&f);
    free(input);
    free(want);
}

static void test_check(void **state)
{
    static const struct {
        const char *text;
        int status;
        const char *out;
    } cases[] = {
        {"hostname a\n", 0, ": can be used: 0 errors, 0 warnings, 0 notes\n"},
        {"hostname a\nnonsense 5\n", 1, ":2:1: error: "},
        {"hostname a\nnonsense 5\n", 1, ": cannot be used: 1 errors"},
        {"crypto isakmp policy 10\n authentication pre-share\n", 0,
         "warning: isakmp policy 10 uses DES, which is weak"},
        {"interface Fa0/0\n ip address 10.0.0.1 255.0.255.0\n", 1, ":2:"},
    };
    (void)state;

    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        char path[] = "/tmp/holdfast-check-XXXXXX";
        int fd = mkstemp(path);
        assert_true(fd >= 0 && write(fd, cases[i].text, strlen(cases[i].text)) > 0);
        close(fd);
        run_holdfast(NULL, (const char *const[]){"check", path, NULL}, NULL, &run);
        assert_int_equal(run.status, cases[i].status);
        assert_non_null(strstr(run.out, cases[i].out));
        unlink(path);
    }
}

static void test_reference_is_committed(void **state)
{
    static char want[OUTPUT_MAX];
    const char *path = getenv("REFERENCE");
    (void)state;

    assert_non_null(path);
    FILE *f = fopen(path, "re");
    assert_non_null(f);
    want[fread(want, 1, sizeof want - 1, f)] = 0;
    fclose(f);
    run_holdfast(NULL, (const char *const[]){"commands", NULL}, NULL, &run);
    assert_int_equal(run.status, 0);
    if (strcmp(run.out, want) != 0)
        print_error("docs/commands.md is not what `holdfast commands` prints\n");
    assert_string_equal(run.out, want);
    assert_non_null(strstr(run.out, "### `show crypto isakmp sa [active|standby] [detail]`"));
    assert_non_null(strstr(run.out, "### `configure terminal`"));
    assert_non_null(strstr(run.out, "## Interface"));
}

static void test_secret_lines(void **state)
{
    static const struct {
        const char *line;
        bool secret;
    } cases[] = {
        {"", false},
        {"show crypto isakmp sa", false},
        {"crypto isakmp key x address 1.2.3.4", true},
        {"cryto isakmp key x", true},
        {"cry isa k x addr 1.2.3.4", true},
        {" set aggressive-mode PASSWORD x", true},
        {"set aggressive-mode pass x", true},
        {"crypto isakmp key", false}, /* nothing behind it yet */
        {"crypto isakmp keepalive 10", false},
        {"debug crypto keys", false},
        {"set peer 9.1.1.1", false},
        {"set transform-set x", false},
        {"pre-shared-key local x", true},
    };
    (void)state;

    for (size_t i = 0; i < ARRAY_SIZE(cases); i++)
        assert_int_equal(line_may_hold_secret(cases[i].line), cases[i].secret);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_one_line),
        cmocka_unit_test(test_no_daemon),
        cmocka_unit_test(test_access_denied),
        cmocka_unit_test(test_script),
        cmocka_unit_test(test_long_script),
        cmocka_unit_test(test_check),
        cmocka_unit_test(test_reference_is_committed),
        cmocka_unit_test(test_secret_lines),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
