/* SPDX-License-Identifier: Apache-2.0 */
/* The control process: from the descriptors that the supervisor gave to a serving gateway, and its end.
 *
 * Starting: memory, machine state, the configuration (after a restart the one that was running), then IKE's
 * records, then the sockets: no message is handled before everything that a predecessor knew is known again.
 * Being restored sends nothing. */
#include "control/control_main.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include "config/parse.h"
#include "control/apply/pair_policy.h"
#include "control/cli/exec.h"
#include "control/job_pool.h"
#include "control/redundancy/redundancy.h"
#include "control/routing/eigrp.h"
#include "control/routing/reverse_routes.h"
#include "control/routing/routing.h"
#include "control/ssp/ssp.h"
#include "crypto/crypto.h"
#include "io/files.h"
#include "io/memfd.h"
#include "io/random.h"

static const ns GOODBYE_TIME = 3 * NS_PER_S;

/* ---- memory ---- */

static int region_map(int fd, void **ret, size_t *ret_size)
{
    return fcntl(fd, F_GETFD) < 0 ? -EBADF : memfd_map(fd, ret, ret_size);
}

static int memory_begin(struct control *c)
{
    void *sad, *spd;
    int error = region_map(HANDOVER_LOG, &c->log_region, &c->log_size);

    if (!error)
        error = region_map(HANDOVER_RECORDS, &c->record_region, &c->record_size);
    if (!error)
        error = region_map(HANDOVER_RUNNING_CONFIG, &c->running_region, &c->running_size);
    if (!error)
        error = region_map(HANDOVER_SAD, &sad, &c->sad_size);
    if (!error)
        error = region_map(HANDOVER_SPD, &spd, &c->spd_size);
    if (error)
        return error;
    if (!sad_valid(sad, c->sad_size) || !spd_valid(spd, c->spd_size))
        return -EBADMSG;
    c->sad = sad;
    c->spd = spd;
    return 0;
}

/* How often control was started: a part of the IV bases. It lives in the SAD, which outlives us. */
static void epoch_take(struct control *c)
{
    c->epoch = (uint32_t)(atomic_fetch_add(&c->sad->member_epoch, 1) + 1);
    sad_epochs_take(c->sad, c->spd_epochs);
}

static int crypto_begin(struct control *c)
{
    int error = crypto_init();

    if (!error)
        error = random_rng(&c->rng);
    if (error)
        return error;
    c->cipher = packet_cipher_new(&c->rng);
    return c->cipher ? 0 : -ENOTSUP;
}

static int ike_begin(struct control *c)
{
    const struct ike_limits limits = {.pair_max = c->sad->slots};
    uint8_t seed[32];
    int error = random_fill(seed, sizeof seed);

    if (error)
        return error;
    c->ike = ike_new(&limits, seed);
    wipe(seed, sizeof seed);
    c->actions = calloc(1, sizeof *c->actions);
    commit_init(&c->commit);
    return c->ike && c->actions ? 0 : -ENOMEM;
}

/* ---- configuration ---- */

static void errors_log(struct control *c, const struct config_errors *errors)
{
    for (uint32_t i = 0; i < errors->list.count; i++) {
        const struct config_error *e = &errors->list.items[i];
        uint8_t severity = e->severity == CONFIG_ERROR ? 3 : e->severity == CONFIG_WARNING ? 4 : 6;
        log_line(c->log, "HOLDFAST", severity, "CONFIG", "%s:%u:%u: %s: %s", c->config_file, e->place.line,
                 e->place.column, config_severity_name(e->severity), e->text);
    }
}

static int config_from_file(struct control *c, struct config **ret)
{
    struct config_errors errors;

    config_errors_init(&errors);
    int error = control_config_load(c, &errors, ret);
    errors_log(c, &errors);
    if (error && errors.errors == 0)
        log_line(c->log, "HOLDFAST", 2, "CONFIG", "%s: %s", c->config_file, strerror(-error));
    config_errors_done(&errors);
    return error;
}

static int config_begin(struct control *c)
{
    struct config *config = NULL;
    int error = 0;

    if (!control_running_load(c, &config))
        error = config_from_file(c, &config);
    if (error)
        return error;
    error = control_apply(c, config);
    if (error)
        control_config_free(config);
    return error;
}

/* ---- signals and the supervisor ---- */

static void goodbye_say(struct control *c)
{
    const struct ike_event all = {.type = IKE_EVENT_CLEAR, .clear = {.scope = IKE_CLEAR_EVERYTHING}};
    const struct ike_event timer = {.type = IKE_EVENT_TIMER};
    ns end = clock_now() + GOODBYE_TIME;

    control_ike(c, &all);
    while (ike_deadline(c->ike) <= clock_now() && clock_now() < end)
        control_ike(c, &timer);
}

/* What was shared is the other member's by now, or was always ours alone. */
static void stop_now(struct control *c)
{
    c->stopping = true;
    log_line(c->log, "HOLDFAST", 5, "STOP", "saying goodbye to all peers");
    goodbye_say(c);
    routing_end(c);
    eigrp_process_end(c);
    redundancy_end(c);
    control_withdraw(c);
    cli_server_end(c);
    if (c->keys.on)
        key_files_end(&c->keys);
    uv_stop(&c->loop);
}

static void stop_heard(uv_signal_t *handle, int signal)
{
    struct control *c = handle->data;

    (void)signal;
    if (c->leaving)
        return;
    c->leaving = true;
    ssp_stop(c, stop_now);
}

static void reload_heard(uv_signal_t *handle, int signal)
{
    struct control *c = handle->data;
    struct config *config;

    (void)signal;
    log_line(c->log, "HOLDFAST", 5, "RELOAD", "reading %s", c->config_file);
    if (config_from_file(c, &config) != 0) {
        log_line(c->log, "HOLDFAST", 3, "RELOAD", "the former configuration stays in force");
        return;
    }
    if (control_apply(c, config) != 0)
        control_config_free(config);
    else
        log_line(c->log, "SYS", 5, "CONFIG_I", "Configured from %s", c->config_file);
}

static int signals_begin(struct control *c)
{
    static const int numbers[] = {SIGTERM, SIGINT, SIGHUP};
    uv_signal_t *const handles[] = {&c->on_terminate, &c->on_interrupt, &c->on_reload};
    sigset_t none;

    for (size_t i = 0; i < ARRAY_SIZE(numbers); i++) {
        int error = uv_signal_init(&c->loop, handles[i]);
        handles[i]->data = c;
        if (!error)
            error = uv_signal_start(handles[i], numbers[i] == SIGHUP ? reload_heard : stop_heard, numbers[i]);
        if (error)
            return error;
    }
    signal(SIGPIPE, SIG_IGN);
    sigemptyset(&none);
    sigprocmask(SIG_SETMASK, &none, NULL);
    return 0;
}

static void supervisor_heard(uv_poll_t *poll, int status, int events)
{
    struct control *c = poll->data;
    struct supervisor_message m;

    (void)events;
    if (status < 0)
        return;
    while (recv(HANDOVER_SUPERVISOR, &m, sizeof m, MSG_DONTWAIT) == (ssize_t)sizeof m) {
        if (m.type == SUPERVISOR_STATUS)
            memcpy(c->processes, m.processes, sizeof c->processes);
        else if (m.type == SUPERVISOR_LOG)
            log_line(c->log, "HOLDFAST", (uint8_t)MIN(m.severity, 7u), "PROCESS", "%.*s", SUPERVISOR_TEXT - 1,
                     m.text);
    }
}

static int supervisor_begin(struct control *c)
{
    const struct supervisor_message ready = {.type = SUPERVISOR_READY};
    int error = uv_poll_init(&c->loop, &c->supervisor_poll, HANDOVER_SUPERVISOR);

    c->supervisor_poll.data = c;
    if (!error)
        error = uv_poll_start(&c->supervisor_poll, UV_READABLE, supervisor_heard);
    (void)!send(HANDOVER_SUPERVISOR, &ready, sizeof ready, MSG_DONTWAIT | MSG_NOSIGNAL);
    return error;
}

/* ---- start ---- */

static unsigned threads_choose(void)
{
    long processors = sysconf(_SC_NPROCESSORS_ONLN);

    setenv("UV_THREADPOOL_SIZE", "1", 0); /* names of peers only */
    return (unsigned)MIN(MAX(processors, 2L), 16L);
}

static int loop_begin(struct control *c)
{
    unsigned threads = threads_choose();
    int error = uv_loop_init(&c->loop);
    if (!error)
        error = job_pool_new(&c->loop, threads, control_job_done, c, &c->jobs);
    if (error)
        return error;
    error = loop_watch_begin(&c->watch, &c->loop);
    if (error)
        return error;
    uv_timer_init(&c->loop, &c->ike_timer);
    uv_timer_init(&c->loop, &c->reapply_timer);
    uv_timer_init(&c->loop, &c->retire_timer);
    uv_timer_init(&c->loop, &c->tell_timer);
    c->resolver = resolver_new(c);
    return c->resolver ? 0 : -ENOMEM;
}

static int machine_begin(struct control *c)
{
    struct netlink_link tun;
    int error = netlink_new(&c->netlink);

    if (!error)
        error = control_links_begin(c);
    if (!error)
        error = netlink_link_by_name(c->netlink, HOLDFAST_TUN_NAME, &tun);
    if (!error)
        c->tun_ifindex = tun.ifindex;
    return error;
}

static int grammar_begin(struct control *c)
{
    int error = config_grammar_init(&c->grammar);

    return error ? error : exec_grammar_add(&c->grammar);
}

static int restore_begin(struct control *c)
{
    uint32_t records = control_records_restore(c);

    if (records || c->restarted || atomic_load(&c->sad->slots_used))
        control_pairs_reconcile(c);
    reverse_routes_tidy(c->reverse_routes);
    c->restored = true;
    ssp_apply(c);
    return 0;
}

static int serve_begin(struct control *c)
{
    control_ike_schedule(c);
    return 0;
}

static int steps_run(struct control *c)
{
    static const struct {
        const char *what;
        int (*begin)(struct control *c);
    } steps[] = {
        {"the shared memory of this gateway", memory_begin},
        {"cryptography", crypto_begin},
        {"the event loop", loop_begin},
        {"the command language", grammar_begin},
        {"the kernel's network configuration", machine_begin},
        {"the records of a predecessor", control_records_begin},
        {"redundancy", redundancy_begin},
        {"policy that comes with SAs", pair_policy_begin},
        {"routing protocols", routing_begin},
        {"IKE", ike_begin},
        {"the configuration", config_begin},
        {"what a predecessor negotiated", restore_begin},
        {"the IKE sockets", control_sockets_begin},
        {"the channel to the engine", control_channel_begin},
        {"the command's socket", cli_server_begin},
        {"signals", signals_begin},
        {"the supervisor", supervisor_begin},
        {"IKE's timer", serve_begin},
    };

    for (size_t i = 0; i < ARRAY_SIZE(steps); i++) {
        int error = steps[i].begin(c);
        if (i == 0)
            c->log = log_new(c->log_region, c->log_size, c->foreground);
        if (error) {
            if (c->log)
                log_line(c->log, "HOLDFAST", 0, "START", "%s: %s", steps[i].what, strerror(-error));
            return error;
        }
        if (i == 0)
            epoch_take(c);
    }
    return 0;
}

struct control *control_begin(const char *config_file, const char *run_directory, bool foreground)
{
    struct control *c = calloc(1, sizeof *c);

    if (!c)
        return NULL;
    c->config_file = config_file;
    c->run_directory = run_directory;
    c->foreground = foreground;
    c->started = clock_now();
    key_files_init(&c->keys, run_directory);
    key_files_end(&c->keys); /* what a predecessor that was killed left */
    for (int fd = HANDOVER_SAD; fd < HANDOVER_END; fd++)
        (void)!fd_set_cloexec(fd, true);
    if (steps_run(c) != 0)
        return NULL;
    if (c->keys.kept) {
        c->debug.keys = true;
        ike_debug(c->ike, c->debug.isakmp, true);
    }
    log_line(c->log, "HOLDFAST", 5, c->restarted ? "RESTART" : "START",
             "holdfast %s: %u connections, ready in %llu ms", HOLDFAST_VERSION,
             c->generation->scopes.connection_count,
             (unsigned long long)(ns_since(clock_now(), c->started) / NS_PER_MS));
    loop_watch_reset(&c->watch);
    return c;
}

int control_main(const char *config_file, const char *run_directory, bool foreground)
{
    struct control *c = control_begin(config_file, run_directory, foreground);

    if (!c)
        return 1;
    uv_run(&c->loop, UV_RUN_DEFAULT);
    fflush(NULL);
    _exit(c->stopping ? 0 : 1); /* key exchanges may still run in the pool: nothing waits for them */
}
