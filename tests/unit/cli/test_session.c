/* SPDX-License-Identifier: Apache-2.0 */
/* A session at a (pseudo) terminal: prompts, completion, help, ^C, ^Z, history without keys, a lost and found
 * gateway. */
#include "fake_gateway.h"

#include <poll.h>
#include <pty.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

struct terminal {
    struct fake fake;
    int fd;
    pid_t pid;
    size_t seen; /* of `text`: what is before it was matched already */
    size_t len;
    char text[OUTPUT_MAX];
};

/* Waits until the terminal shows this, behind what was expected before. */
static void expect(struct terminal *t, const char *wanted)
{
    for (;;) {
        char *at = strstr(t->text + t->seen, wanted);
        if (at) {
            t->seen = (size_t)(at - t->text) + strlen(wanted);
            return;
        }
        struct pollfd p = {t->fd, POLLIN, 0};
        size_t kept = t->len;
        ssize_t n = poll(&p, 1, 10000) > 0 ? read(t->fd, t->text + t->len, sizeof t->text - 1 - t->len) : -1;
        if (n <= 0)
            fail_msg("'%s' does not come; the terminal shows:\n%s", wanted, t->text + t->seen);
        for (ssize_t i = 0; i < n; i++) /* without the NULs by which terminals of old were given time */
            if (t->text[t->len + (size_t)i] != 0)
                t->text[kept++] = t->text[t->len + (size_t)i];
        t->len = kept;
        t->text[t->len] = 0;
    }
}

/* As a person does: not in the moment between a prompt and the terminal's change to single keys, in which ^D
 * would be the terminal driver's own. */
static void type(struct terminal *t, const char *keys)
{
    usleep(50000);
    assert_int_equal(write(t->fd, keys, strlen(keys)), strlen(keys));
}

static void terminal_begin(struct terminal *t)
{
    struct winsize size = {.ws_row = 24, .ws_col = 120};

    memset(t, 0, sizeof *t);
    fake_begin(&t->fake);
    t->pid = forkpty(&t->fd, NULL, NULL, &size);
    assert_true(t->pid >= 0);
    if (t->pid == 0) {
        setenv("TERM", "vt100", 1);
        execl(holdfast_program(), "holdfast", "-r", t->fake.directory, NULL);
        _exit(127);
    }
    expect(t, "fake#");
}

/* Returns the exit code. */
static int terminal_end(struct terminal *t)
{
    int status = 0;
    pid_t ended = 0;
    char rest[512];

    for (unsigned i = 0; i < 100 && ended == 0; i++) {
        struct pollfd p = {t->fd, POLLIN, 0};
        if (poll(&p, 1, 0) > 0 && read(t->fd, rest, sizeof rest) < 0)
            p.revents = 0;
        ended = waitpid(t->pid, &status, WNOHANG);
        if (ended == 0)
            usleep(50000);
    }
    if (ended == 0) {
        kill(t->pid, SIGKILL);
        waitpid(t->pid, &status, 0);
    }
    close(t->fd);
    fake_end(&t->fake);
    return ended && WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

static void lines_are(struct terminal *t, const char *want)
{
    char lines[4096];

    fake_lines(&t->fake, lines, sizeof lines);
    assert_string_equal(lines, want);
}

static void test_help_and_completion(void **state)
{
    static struct terminal t;
    (void)state;

    terminal_begin(&t);
    type(&t, "sh\t");
    expect(&t, "ow ");
    type(&t, "?");
    expect(&t, "HELP-FOR-VERSION");
    expect(&t, "fake#show ");
    type(&t, "version\r");
    expect(&t, "ran show version");
    expect(&t, "fake#");
    type(&t, "xy\t"); /* nothing to add: the list */
    expect(&t, "HELP-FOR-VERSION");
    type(&t, "\003"); /* gives the line up */
    expect(&t, "fake#");
    type(&t, "exit\r");
    assert_int_equal(terminal_end(&t), 0);
}

static void test_modes(void **state)
{
    static struct terminal t;
    (void)state;

    terminal_begin(&t);
    type(&t, "configure terminal\r");
    expect(&t, "fake(config)#");
    type(&t, "hostn\003");
    expect(&t, "fake(config)#");
    type(&t, "half a line\032");
    expect(&t, "fake#");
    lines_are(&t, "configure terminal\nend\n");
    type(&t, "wait\r");
    usleep(300000);
    type(&t, "\003"); /* goes to the command that runs */
    expect(&t, "stopped");
    expect(&t, "fake#");
    type(&t, "\004");
    assert_int_equal(terminal_end(&t), 0);
}

static void test_history_has_no_keys(void **state)
{
    static struct terminal t;
    (void)state;

    terminal_begin(&t);
    type(&t, "show first\r");
    expect(&t, "ran show first");
    expect(&t, "fake#");
    type(&t, "crypto isakmp key TOPSECRET address 1.1.1.1\r");
    expect(&t, "ran crypto");
    expect(&t, "fake#");
    type(&t, "cryto isa k TOPSECRET2 addr 1.1.1.1\r");
    expect(&t, "ran cryto");
    expect(&t, "fake#");
    type(&t, "\020\r"); /* ^P: the line before */
    expect(&t, "ran show first");
    expect(&t, "fake#");
    type(&t, "exit\r");
    expect(&t, "ran exit");
    lines_are(&t,
              "show first\ncrypto isakmp key TOPSECRET address 1.1.1.1\ncryto isa k TOPSECRET2 addr 1.1.1.1\n"
              "show first\nexit\n");
    assert_int_equal(terminal_end(&t), 0);
}

static void test_lost_gateway(void **state)
{
    static struct terminal t;
    (void)state;

    terminal_begin(&t);
    type(&t, "die\r");
    expect(&t, "connecting again");
    expect(&t, "fake#");
    type(&t, "show version\r");
    expect(&t, "ran show version");
    expect(&t, "fake#");
    type(&t, "exit\r");
    assert_int_equal(terminal_end(&t), 0);

    terminal_begin(&t); /* while nobody types; it does not come back */
    kill(t.fake.pid, SIGKILL);
    usleep(200000);
    type(&t, "show version\r");
    expect(&t, "connecting again");
    expect(&t, "closed the connection");
    assert_int_equal(terminal_end(&t), 3);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_help_and_completion),
        cmocka_unit_test(test_modes),
        cmocka_unit_test(test_history_has_no_keys),
        cmocka_unit_test(test_lost_gateway),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
