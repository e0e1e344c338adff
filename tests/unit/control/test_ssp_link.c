/* SPDX-License-Identifier: Apache-2.0 */
/* Two replication channels over loopback, each on a loop of its own: records, who is not let in, a peer that
 * stands still, addresses that are not there. 127.0.0.1 listens, 127.0.0.2 connects. */
#include <errno.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include <cmocka.h>

#include "control/ssp/link.h"
#include "crypto/crypto.h"
#include "io/clock.h"
#include "io/tcp_socket.h"

enum { PATIENCE_S = 20 }; /* until a condition counts as never met; a loaded machine needs some of it */

struct member {
    uv_loop_t loop;
    bool has_loop;
    struct ssp_link *l;
    char log[8192];
    uint64_t records, acked, ups, losts, byes;
    uint8_t reason;
    bool echo; /* puts each record back, while it is told of it */
};

static struct member a, b;
static uint16_t port;

/* ---- the owner's side of a link ---- */

static void on_actions(void *context, const struct session_actions *list)
{
    struct member *m = context;
    for (size_t i = 0; i < list->count; i++) {
        const struct session_action *action = &list->items[i];
        switch (action->kind) {
        case SESSION_PUT:
            m->records++;
            if (m->echo) {
                session_feed(ssp_link_session(m->l), action->group, true);
                assert_true(ssp_link_put(m->l, action->group, action->put.kind, action->put.key,
                                         action->put.data, false) > 0);
            }
            break;
        case SESSION_ACKED:
            m->acked = action->acked;
            break;
        case SESSION_PEER_UP:
            m->ups++;
            break;
        case SESSION_PEER_LOST:
            m->losts++;
            m->reason = action->lost.reason;
            break;
        case SESSION_BYE:
            m->byes++;
            break;
        default:
            break;
        }
    }
}

static void on_log(void *context, uint8_t severity, const char *mnemonic, const char *text)
{
    struct member *m = context;
    size_t len = strlen(m->log);
    snprintf(m->log + len, sizeof(m->log) - len, "%u %s %s\n", severity, mnemonic, text);
}

static struct ssp_link_config config_of(uint32_t local, uint32_t remote, const char *secret)
{
    struct ssp_link_config c = {
        .local = {address_v4(local), port},
        .remote = {address_v4(remote), port},
        .tls = {.identity = "ssp", .secret = {(const uint8_t *)secret, strlen(secret)}}};
    session_config_default(&c.session);
    return c;
}

enum { LOW = 0x7f000001, HIGH = 0x7f000002, OTHER = 0x7f000003 };

static void member_start(struct member *m, const struct ssp_link_config *c)
{
    struct ssp_link_events events = {on_actions, on_log, m};
    char text[TLS_TEXT];
    *m = (struct member){.has_loop = true};
    assert_int_equal(uv_loop_init(&m->loop), 0);
    int r = ssp_link_new(&m->loop, c, &events, &m->l, text);
    if (r < 0)
        fail_msg("%d %s", r, text);
}

static void member_stop(struct member *m)
{
    if (m->l)
        ssp_link_free(m->l);
    if (m->has_loop) {
        uv_run(&m->loop, UV_RUN_DEFAULT);
        assert_int_equal(uv_loop_close(&m->loop), 0);
    }
    *m = (struct member){0};
}

static void turn(void)
{
    if (a.has_loop)
        uv_run(&a.loop, UV_RUN_NOWAIT);
    if (b.has_loop)
        uv_run(&b.loop, UV_RUN_NOWAIT);
}

#define WAIT_FOR(condition)                                                    \
    do {                                                                       \
        ns patience = clock_now() + PATIENCE_S * NS_PER_S;                     \
        while (!(condition)) {                                                 \
            turn();                                                            \
            if (clock_now() > patience)                                        \
                fail_msg("never: %s\na: %s\nb: %s", #condition, a.log, b.log); \
        }                                                                      \
    } while (0)

static bool is_up(struct member *m)
{
    return session_is_up(ssp_link_session(m->l));
}

static void both_up(void)
{
    struct ssp_link_config low = config_of(LOW, HIGH, "secret"), high = config_of(HIGH, LOW, "secret");
    member_start(&a, &low);
    member_start(&b, &high);
    assert_int_equal(ssp_link_member(a.l), 0);
    assert_int_equal(ssp_link_member(b.l), 1);
    WAIT_FOR(is_up(&a) && is_up(&b));
}

static int set_up(void **state)
{
    struct tcp_options o = {.local = {address_v4(LOW), 0}, .reuse = true};
    struct sockaddr_storage name;
    socklen_t len = sizeof(name);
    int fd = tcp_open(&o);
    (void)state;
    if (fd < 0 || getsockname(fd, (struct sockaddr *)&name, &len) < 0)
        return -1;
    port = tcp_peer(&name).port;
    close(fd);
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    member_stop(&a);
    member_stop(&b);
    return 0;
}

/* ---- records ---- */

static void test_records(void **state)
{
    enum { RECORDS = 10000, SIZE = 1024, TURN = 40 };
    static uint8_t data[SIZE];
    uint64_t sequence = 0, made = 0;
    struct ssp_link_status status;
    struct session_statistics statistics;
    (void)state;

    both_up();
    session_feed(ssp_link_session(a.l), 1, true);
    ns began = clock_now();
    while (a.acked == 0 || a.acked < sequence || made < RECORDS) {
        for (unsigned i = 0; i < TURN && made < RECORDS && session_room(ssp_link_session(a.l)) > 0;
             i++, made++) {
            memset(data, (int)made, sizeof(data));
            sequence = ssp_link_put(a.l, 1, 1, made, bytes_of(data, sizeof(data)), false);
            assert_true(sequence > 0);
        }
        turn();
        if (clock_now() - began > PATIENCE_S * NS_PER_S)
            fail_msg("%lu of %d\n%s", (unsigned long)a.acked, RECORDS, a.log);
    }
    double took = (double)(clock_now() - began) / 1e9;
    assert_int_equal(b.records, RECORDS);
    ssp_link_status(a.l, &status);
    session_statistics(ssp_link_session(a.l), &statistics);
    print_message("%.0f records/s of %d bytes over TLS and loopback, both ends on one core; %lu writes; "
                  "longest acknowledgement %.1f ms\n",
                  RECORDS / took, SIZE, (unsigned long)status.writes,
                  (double)statistics.ack_delay_peak / 1e6);
    assert_in_range(status.writes, RECORDS / TURN, 2 * RECORDS / TURN);
    assert_true(RECORDS / took > 2000); /* 20,000 and more on a quiet machine; sanitizers and load cost */
}

/* Without a loop's turn in between, and each is acknowledged without a timer. */
static void test_acknowledged_at_once(void **state)
{
    (void)state;
    both_up();
    session_feed(ssp_link_session(a.l), 1, true);
    ns best = NS_NEVER;
    for (unsigned i = 0; i < 20; i++) {
        ns began = clock_now();
        uint64_t sequence = ssp_link_put(a.l, 1, 1, i, bytes_of("x", 1), false);
        WAIT_FOR(a.acked >= sequence);
        best = ns_min(best, clock_now() - began);
    }
    print_message("one record is acknowledged after %.0f us at best\n", (double)best / 1e3);
    assert_true(best < 50 * NS_PER_MS);
}

static void test_put_while_told(void **state)
{
    (void)state;
    both_up();
    b.echo = true;
    session_feed(ssp_link_session(a.l), 1, true);
    for (unsigned i = 0; i < 500; i++)
        ssp_link_put(a.l, 1, 1, i, bytes_of("xyz", 3), false);
    WAIT_FOR(a.records == 500 && a.acked == 500 && b.acked == 500);
}

static void test_bye(void **state)
{
    (void)state;
    both_up();
    uint64_t sequence = ssp_link_bye(b.l);
    assert_true(sequence > 0);
    WAIT_FOR(b.acked == sequence && a.byes == 1);
    ssp_link_free(b.l);
    b.l = NULL;
    WAIT_FOR(a.losts == 1);
    assert_int_equal(a.reason, SESSION_LOST_LEFT);
}

/* ---- who is not let in ---- */

static void test_wrong_key(void **state)
{
    struct ssp_link_config low = config_of(LOW, HIGH, "secret"), high = config_of(HIGH, LOW, "Secret");
    struct ssp_link_status status;
    (void)state;
    member_start(&a, &low);
    member_start(&b, &high);
    WAIT_FOR(strstr(a.log, "TLS: wrong key") && strstr(b.log, "TLS: refused by the peer"));
    ns until = clock_now() + NS_PER_S;
    while (clock_now() < until)
        turn();
    assert_false(is_up(&a) || is_up(&b));
    assert_int_equal(a.ups + b.ups, 0);
    ssp_link_status(b.l, &status);
    assert_in_range(status.attempts, 1, 2); /* not again and again */
    assert_null(strstr(a.log, "ecret"));
    assert_null(strstr(b.log, "ecret"));
}

static void test_other_configuration(void **state)
{
    struct ssp_link_config low = config_of(LOW, HIGH, "secret"), high = config_of(HIGH, LOW, "secret");
    struct ssp_link_status status;
    (void)state;
    high.session.digest[31] = 1;
    member_start(&a, &low);
    member_start(&b, &high);
    WAIT_FOR(strstr(a.log, "the configurations differ") && strstr(b.log, "the configurations differ"));
    ns until = clock_now() + NS_PER_S;
    while (clock_now() < until)
        turn();
    ssp_link_status(b.l, &status);
    assert_int_equal(status.attempts, 1);
}

static int dial(uint32_t from)
{
    struct tcp_options o = {.local = {address_v4(from), 0}};
    struct endpoint to = {address_v4(LOW), port};
    struct sockaddr_storage name;
    socklen_t len = tcp_address(&to, &name);
    int fd = tcp_open(&o);
    assert_true(fd >= 0);
    assert_true(connect(fd, (struct sockaddr *)&name, len) == 0 || errno == EINPROGRESS);
    return fd;
}

static bool is_closed(int fd)
{
    char c;
    ssize_t n = recv(fd, &c, 1, MSG_DONTWAIT);
    return n == 0 || (n < 0 && errno != EAGAIN);
}

static struct ssp_link_status status_of(struct member *m)
{
    struct ssp_link_status status;
    ssp_link_status(m->l, &status);
    return status;
}

static void test_strangers(void **state)
{
    enum { DIALS = 20 };
    struct ssp_link_config high = config_of(HIGH, LOW, "secret"), low = config_of(LOW, HIGH, "secret");
    int fds[DIALS];
    (void)state;

    member_start(&a, &low);
    WAIT_FOR(status_of(&a).listening);
    int stranger = dial(OTHER);
    WAIT_FOR(is_closed(stranger));
    assert_int_equal(status_of(&a).strangers, 1);
    close(stranger);
    /* The peer's address, but nobody who proves anything: few at a time, and never for long. */
    for (unsigned i = 0; i < DIALS; i++) {
        fds[i] = dial(HIGH);
        WAIT_FOR(status_of(&a).accepted == i + 1);
        assert_true(status_of(&a).unproved <= 4);
    }
    WAIT_FOR(is_closed(fds[0]));
    assert_false(is_closed(fds[DIALS - 1]));
    assert_true(send(fds[DIALS - 2], "GET / HTTP/1.1\r\n\r\n", 18, 0) == 18);
    WAIT_FOR(strstr(a.log, "TLS: broken TLS"));
    /* They do not keep the right one out. */
    member_start(&b, &high);
    WAIT_FOR(is_up(&a) && is_up(&b));
    WAIT_FOR(status_of(&a).unproved == 0); /* 5 s */
    assert_true(is_closed(fds[DIALS - 1]));
    assert_true(is_up(&a) && a.losts == 0);
    for (unsigned i = 0; i < DIALS; i++)
        close(fds[i]);
}

/* A second one from the same address that proves itself takes the place of the first. */
static void test_newest_wins(void **state)
{
    static struct member c;
    struct ssp_link_config high = config_of(HIGH, LOW, "secret");
    (void)state;
    both_up();
    member_start(&c, &high);
    ns until = clock_now() + PATIENCE_S * NS_PER_S;
    while (c.ups == 0 && clock_now() < until) {
        turn();
        uv_run(&c.loop, UV_RUN_NOWAIT);
    }
    assert_int_equal(c.ups, 1);
    assert_int_equal(a.ups, 2);
    assert_int_equal(a.losts, 1);
    member_stop(&c);
    WAIT_FOR(is_up(&a) && is_up(&b));
}

/* ---- a peer that stands still ---- */

static void test_standstill(void **state)
{
    struct ssp_link_config low = config_of(LOW, HIGH, "secret"), high = config_of(HIGH, LOW, "secret");
    static uint8_t data[8192];
    (void)state;
    low.session.heartbeat = high.session.heartbeat = 50 * NS_PER_MS;
    low.session.dead = high.session.dead = 500 * NS_PER_MS;
    member_start(&a, &low);
    member_start(&b, &high);
    WAIT_FOR(is_up(&a) && is_up(&b));
    /* b's loop does not turn: it neither reads nor answers, its kernel does. */
    session_feed(ssp_link_session(a.l), 1, true);
    ns began = clock_now();
    while (a.losts == 0 && clock_now() - began < PATIENCE_S * NS_PER_S) {
        if (session_room(ssp_link_session(a.l)) > 0)
            ssp_link_put(a.l, 1, 1, 1, bytes_of(data, sizeof(data)), false);
        uv_run(&a.loop, UV_RUN_NOWAIT);
    }
    ns took = clock_now() - began;
    assert_int_equal(a.losts, 1);
    assert_int_equal(a.reason, SESSION_LOST_SILENT);
    print_message("a peer that stands still is found after %.0f ms of 500\n", (double)took / 1e6);
    assert_true(took >= 400 * NS_PER_MS);
    /* Awake again, it comes back. */
    WAIT_FOR(a.ups == 2 && is_up(&a) && is_up(&b));
}

/* Changes that a peer does not acknowledge end at the hard limit. */
static void test_overflow(void **state)
{
    struct ssp_link_config low = config_of(LOW, HIGH, "secret"), high = config_of(HIGH, LOW, "secret");
    static uint8_t data[8192];
    (void)state;
    low.session.unacked_max = 1 << 20;
    low.session.unacked_hard = 16 << 20;
    low.session.dead = 60 * NS_PER_S;
    member_start(&a, &low);
    member_start(&b, &high);
    WAIT_FOR(is_up(&a) && is_up(&b));
    session_feed(ssp_link_session(a.l), 1, true);
    uint64_t puts = 0;
    while (ssp_link_put(a.l, 1, 1, 1, bytes_of(data, sizeof(data)), false) > 0 && puts < 10000) {
        puts++;
        uv_run(&a.loop, UV_RUN_NOWAIT);
        assert_true(status_of(&a).queued < 17 << 20);
    }
    assert_in_range(puts, 1900, 2048);
    uv_run(&a.loop, UV_RUN_NOWAIT);
    assert_int_equal(a.losts, 1);
    assert_int_equal(a.reason, SESSION_LOST_OVERFLOW);
    WAIT_FOR(a.ups == 2 && is_up(&a) && is_up(&b));
}

/* ---- addresses ---- */

static void test_address_not_there(void **state)
{
    struct ssp_link_config low = config_of(0xc0000201, 0xc0000202, "secret"),
                           high = config_of(0xc0000202, 0xc0000201, "secret");
    (void)state;
    high.remote.address = address_v4(LOW);
    high.local.address = address_v4(0xc0000202);
    member_start(&a, &low);
    WAIT_FOR(status_of(&a).listening);
    member_start(&b, &high); /* cannot get anywhere, and goes on trying */
    WAIT_FOR(status_of(&b).attempts >= 3);
    assert_string_not_equal(status_of(&b).last_failure, "");
    assert_true(strlen(b.log) < 400);
}

static void test_bad_addresses(void **state)
{
    struct ssp_link_config c = config_of(LOW, LOW, "secret");
    struct ssp_link_events events = {on_actions, on_log, &a};
    struct ssp_link *l = NULL;
    char text[TLS_TEXT];
    uv_loop_t loop;
    (void)state;
    assert_int_equal(uv_loop_init(&loop), 0);
    assert_int_equal(ssp_link_new(&loop, &c, &events, &l, text), -EINVAL);
    c = config_of(LOW, HIGH, "");
    assert_int_equal(ssp_link_new(&loop, &c, &events, &l, text), -EINVAL);
    assert_string_not_equal(text, "");
    assert_null(l);
    assert_int_equal(uv_loop_close(&loop), 0);
}

/* The listener's port is taken: it says so, and takes it when it is free. */
static void test_port_in_use(void **state)
{
    struct ssp_link_config low = config_of(LOW, HIGH, "secret");
    struct tcp_options o = {.local = {address_v4(LOW), port}};
    int fd = tcp_open(&o);
    (void)state;
    assert_true(fd >= 0 && listen(fd, 1) == 0);
    member_start(&a, &low);
    WAIT_FOR(strstr(a.log, "listen: Address already in use"));
    close(fd);
    WAIT_FOR(status_of(&a).listening);
}

static int group_set_up(void **state)
{
    (void)state;
    signal(SIGPIPE, SIG_IGN); /* as the daemon does */
    return crypto_init();
}

static int group_tear_down(void **state)
{
    (void)state;
    crypto_done();
    return 0;
}

int main(void)
{
#define TEST(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        TEST(test_records),           TEST(test_acknowledged_at_once),
        TEST(test_put_while_told),    TEST(test_bye),
        TEST(test_wrong_key),         TEST(test_other_configuration),
        TEST(test_strangers),         TEST(test_newest_wins),
        TEST(test_standstill),        TEST(test_overflow),
        TEST(test_address_not_there), TEST(test_bad_addresses),
        TEST(test_port_in_use),
    };
    return cmocka_run_group_tests(tests, group_set_up, group_tear_down);
}
