/* SPDX-License-Identifier: Apache-2.0 */
/* A gateway: kernel, supervisor (a model: it starts processes again as src/supervisor/process.c does), the
 * control process and the engine process, whose loops are happenings of the schedule here. */
#include "site/gateway/gateway.h"

#include <assert.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/mman.h>

#include "config/text.h"
#include "control/cli/exec.h"
#include "control/control.h"
#include "control/control_main.h"
#include "engine/engine_state.h"
#include "site/gateway/loop.h"

enum { SLOTS_DEFAULT = 256 };

static const ns WAKE_TIME = 20 * NS_PER_US, HELD_LOOK = 200 * NS_PER_US, START_TIME = 15 * NS_PER_MS;
static const ns RESTART_MIN = 100 * NS_PER_MS, RESTART_MAX = 5 * NS_PER_S, STABLE = 10 * NS_PER_S;

struct child {
    ns started, delay;
    uint64_t starts; /* only the latest counts */
};

struct gateway {
    struct kernel kernel;
    char *config;
    uint32_t slots;
    bool daemon, stopping; /* the supervisor runs; control was asked to end */
    struct child children[3];
};

static const struct node_ops gateway_ops;

static void child_start(struct site_node *n, enum node_role role, ns after);

static struct gateway *gateway_of(const struct site_node *n)
{
    return n->own;
}

bool node_is_gateway(const struct site_node *n)
{
    return n->ops == &gateway_ops;
}

struct kernel *gateway_kernel(const struct site_node *n)
{
    return node_is_gateway(n) && n->up ? &gateway_of(n)->kernel : NULL;
}

struct control *gateway_control(const struct site_node *n)
{
    struct kernel *k = gateway_kernel(n);
    return k && k->processes[NODE_CONTROL].alive ? k->processes[NODE_CONTROL].program : NULL;
}

struct sad *gateway_sad(const struct site_node *n)
{
    struct kernel *k = gateway_kernel(n);
    return k ? k->regions[HANDOVER_SAD].memory : NULL;
}

bool gateway_serves(const struct site_node *n)
{
    const struct kernel *k = gateway_kernel(n);
    return k && !k->frozen && k->processes[NODE_CONTROL].alive && k->processes[NODE_ENGINE].alive;
}

/* ---- processes that end ---- */

/* As the supervisor has it: at once the first time, then ever slower. */
static void child_ended(struct process *p)
{
    struct site_node *n = p->node;
    struct gateway *g = gateway_of(n);
    struct child *c = &g->children[p->role];
    ns now = site_now(n->site);
    files_close_of(p->kernel, p->role);
    if (!g->daemon || g->stopping)
        return;
    if (ns_since(now, c->started) >= STABLE)
        c->delay = 0;
    child_start(n, p->role, c->delay);
    c->delay = c->delay == 0 ? RESTART_MIN : ns_min(2 * c->delay, RESTART_MAX);
}

static void child_kill(struct process *p)
{
    if (!p->alive)
        return;
    process_die(p);
    child_ended(p);
}

/* In good order: the daemon ends. */
static void control_stopped(struct process *p)
{
    struct gateway *g = gateway_of(p->node);
    g->stopping = true;
    p->ended = true;
    child_kill(p);
    child_kill(&g->kernel.processes[NODE_ENGINE]);
    g->daemon = g->stopping = false;
    site_tell(p->node->site, p->node, "daemon", "has stopped");
}

/* ---- turns ---- */

static const int engine_files[] = {HANDOVER_CHANNEL_ENGINE, HANDOVER_UDP4500_ESP_V4, HANDOVER_ESP_V4,
                                   HANDOVER_TUN};

static void engine_turn(struct process *p, void *argument)
{
    struct engine *e = p->program;
    struct kernel *k = p->kernel;
    (void)argument;
    e->now = clock_now();
    if (file_readable(k, netlink_monitor_fd(e->monitor)))
        engine_serve(e, netlink_monitor_fd(e->monitor), EPOLLIN);
    for (size_t i = 0; i < ARRAY_SIZE(engine_files); i++)
        if (file_readable(k, engine_files[i]) || (e->reports.count && i == 0))
            engine_serve(e, engine_files[i], EPOLLIN | (i == 0 && e->reports.count ? EPOLLOUT : 0));
    engine_turn_end(e);
    k->engine_patience = (ns)engine_patience(e) * NS_PER_MS;
}

static bool engine_ready(const struct process *p)
{
    const struct engine *e = p->program;
    for (size_t i = 0; i < ARRAY_SIZE(engine_files); i++)
        if (file_readable(p->kernel, engine_files[i]))
            return true;
    return file_readable(p->kernel, netlink_monitor_fd(e->monitor));
}

static void control_turn(struct process *p, void *argument)
{
    (void)argument;
    event_loop_turn(p);
}

/* The engine reads nothing while a planned switchover waits for counters. */
static bool engine_is_held(const struct process *p)
{
    const struct sad *sad = p->kernel->regions[HANDOVER_SAD].memory;
    return kernel_clock(p->kernel) < atomic_load(&sad->held_until);
}

static void control_next(struct process *p)
{
    if (event_loop_stopped(p)) {
        control_stopped(p);
        return;
    }
    ns at = event_loop_deadline(p);
    if (at != NS_NEVER)
        gateway_wake_at(p, at == 0 ? site_now(p->node->site)
                                   : node_to_site(p->node, ns_since(at, p->kernel->busy)));
}

static void turn(void *context, struct happening *h)
{
    struct process *p = context;
    ns now = site_now(p->node->site);
    if (!p->alive || h->number != p->turn_number)
        return;
    p->turn_at = NS_NEVER;
    if (p->kernel->frozen)
        return;
    if (p->role == NODE_ENGINE && engine_is_held(p)) {
        gateway_wake_at(p, now + HELD_LOOK);
        return;
    }
    bool lives = process_run(p, p->role == NODE_CONTROL ? control_turn : engine_turn, NULL);
    if (p->node->site->turned)
        p->node->site->turned(p);
    if (!lives) {
        site_tell(p->node->site, p->node, "fault", "%s dies at work",
                  p->role == NODE_CONTROL ? "control" : "the engine");
        child_ended(p);
        return;
    }
    if (p->role == NODE_CONTROL)
        control_next(p);
    else
        gateway_wake_at(p, engine_ready(p) ? now : now + p->kernel->engine_patience);
}

void gateway_wake_at(struct process *p, ns at)
{
    struct site *s = p->node->site;
    at = MAX(at, s->schedule.now);
    if (!p->alive || p->kernel->frozen || at >= p->turn_at)
        return;
    p->turn_at = at;
    schedule_put(&s->schedule,
                 (struct happening){.at = at, .run = turn, .context = p, .number = ++p->turn_number});
}

void gateway_wake(struct kernel *k, enum node_role role)
{
    struct process *p = &k->processes[role];
    gateway_wake_at(p, site_now(k->node->site) + WAKE_TIME);
}

/* ---- starts ---- */

static void control_boot(struct process *p, void *argument)
{
    (void)argument;
    p->program = control_begin("the configuration", "/run", false);
}

static void engine_boot(struct process *p, void *argument)
{
    struct engine *e = calloc(1, sizeof(*e));
    (void)argument;
    if (!e || engine_begin(e) != 0)
        return;
    e->fds = (struct engine_fds){.epoll = -1,
                                 .signals = -1,
                                 .channel = HANDOVER_CHANNEL_ENGINE,
                                 .udp = {HANDOVER_UDP4500_ESP_V4, -1},
                                 .esp = {HANDOVER_ESP_V4, -1},
                                 .ah = {-1, -1},
                                 .icmp = {-1, -1}};
    engine_greet(e);
    p->program = e;
}

static void child_boot(void *context, struct happening *h)
{
    struct process *p = context;
    struct gateway *g = gateway_of(p->node);
    struct child *c = &g->children[p->role];
    if (!p->node->up || !g->daemon || p->alive || h->number != c->starts)
        return;
    if (p->kernel->frozen) {
        site_later(p->node->site, START_TIME, child_boot, p, h->number);
        return;
    }
    c->started = site_now(p->node->site);
    p->alive = true;
    p->ended = false;
    p->life++;
    bool lives = process_run(p, p->role == NODE_CONTROL ? control_boot : engine_boot, NULL);
    if (lives && !p->program)
        process_die(p);
    if (!p->program) {
        child_ended(p);
        return;
    }
    gateway_wake_at(p, c->started);
}

static void child_start(struct site_node *n, enum node_role role, ns after)
{
    struct gateway *g = gateway_of(n);
    ns start = START_TIME + rng_below(&n->site->rng, 10000) * NS_PER_US;
    g->children[role].starts++;
    site_later(n->site, after + start, child_boot, &g->kernel.processes[role], g->children[role].starts);
}

static void daemon_start(struct site_node *n)
{
    struct gateway *g = gateway_of(n);
    if (g->daemon)
        return;
    g->daemon = true;
    g->children[NODE_CONTROL].delay = g->children[NODE_ENGINE].delay = 0;
    child_start(n, NODE_CONTROL, 0);
    child_start(n, NODE_ENGINE, 0);
}

static void op_start(struct site_node *n)
{
    struct gateway *g = gateway_of(n);
    if (n->up)
        return;
    kernel_init(&g->kernel, n, g->config, g->slots);
    n->up = true;
    daemon_start(n);
}

static void op_restart(struct site_node *n)
{
    struct gateway *g = gateway_of(n);
    if (!n->up || g->daemon)
        return;
    kernel_daemon_begins(&g->kernel, g->slots);
    daemon_start(n);
}

/* ---- ends ---- */

static void daemon_kill(struct site_node *n)
{
    struct gateway *g = gateway_of(n);
    g->daemon = g->stopping = false;
    child_kill(&g->kernel.processes[NODE_CONTROL]);
    child_kill(&g->kernel.processes[NODE_ENGINE]);
    g->children[NODE_CONTROL].starts++;
    g->children[NODE_ENGINE].starts++;
}

static void op_kill(struct site_node *n, enum node_role role)
{
    struct gateway *g = gateway_of(n);
    if (!n->up)
        return;
    if (role != NODE_SUPERVISOR) {
        child_kill(&g->kernel.processes[role]);
        return;
    }
    daemon_kill(n);
    g->kernel.frozen = false;
    kernel_daemon_ended(&g->kernel);
}

static void op_power_off(struct site_node *n)
{
    struct gateway *g = gateway_of(n);
    if (!n->up)
        return;
    n->up = false; /* nothing is sent any more */
    daemon_kill(n);
    kernel_done(&g->kernel);
}

static void control_terminate(struct process *p, void *argument)
{
    (void)argument;
    event_loop_signal(p, SIGTERM);
}

static void op_stop(struct site_node *n)
{
    struct gateway *g = gateway_of(n);
    struct process *p = &g->kernel.processes[NODE_CONTROL];
    if (!n->up || !p->alive || g->kernel.frozen)
        return;
    if (process_run(p, control_terminate, NULL))
        control_next(p);
    else
        child_ended(p);
}

static void op_freeze(struct site_node *n)
{
    if (n->up)
        gateway_of(n)->kernel.frozen = true;
}

static void op_thaw(struct site_node *n)
{
    struct kernel *k = &gateway_of(n)->kernel;
    if (!n->up || !k->frozen)
        return;
    k->frozen = false;
    for (unsigned i = 0; i < ARRAY_SIZE(k->processes); i++) {
        k->processes[i].turn_at = NS_NEVER;
        gateway_wake_at(&k->processes[i], site_now(n->site));
    }
}

static void op_frame(struct site_node *n, unsigned port, const struct frame *f)
{
    kernel_frame(&gateway_of(n)->kernel, port, f);
}

static void op_line(struct site_node *n, unsigned port, bool up)
{
    if (n->up)
        kernel_lines(&gateway_of(n)->kernel, port, up);
}

static void op_free(struct site_node *n)
{
    struct gateway *g = gateway_of(n);
    op_power_off(n);
    free(g->config);
    free(g);
    n->own = NULL;
}

/* ---- the command ---- */

struct command {
    const char *line;
    struct text out;
};

static void command_run(struct process *p, void *argument)
{
    struct command *c = argument;
    text_init(&c->out);
    (void)!exec_run(p->program, NULL, c->line, &c->out);
}

static char *op_command(struct site_node *n, const char *line)
{
    struct gateway *g = gateway_of(n);
    struct process *p = &g->kernel.processes[NODE_CONTROL];
    struct command c = {.line = line};
    if (!n->up || !p->alive || g->kernel.frozen)
        return NULL;
    if (!process_run(p, command_run, &c)) {
        child_ended(p);
        return NULL;
    }
    char *answer = strdup(text_get(&c.out));
    text_done(&c.out);
    control_next(p);
    return answer;
}

static const struct node_ops gateway_ops = {
    .start = op_start,
    .frame = op_frame,
    .line = op_line,
    .kill = op_kill,
    .restart = op_restart,
    .power_off = op_power_off,
    .stop = op_stop,
    .freeze = op_freeze,
    .thaw = op_thaw,
    .command = op_command,
    .free = op_free,
};

struct site_node *gateway_new(struct site *s, const char *name, const struct gateway_settings *settings)
{
    struct gateway *g = calloc(1, sizeof(*g));
    assert(g);
    g->config = strdup(settings->config);
    g->slots = settings->slots ? settings->slots : SLOTS_DEFAULT;
    return site_node_add(s, name, &gateway_ops, g);
}

/* ---- faults ---- */

void gateway_die_after(struct site_node *n, enum node_role role, uint64_t calls)
{
    struct kernel *k = gateway_kernel(n);
    if (k && k->processes[role].alive)
        k->processes[role].die_at = k->processes[role].calls + calls + 1;
}

void gateway_spare(struct site_node *n)
{
    struct kernel *k = gateway_kernel(n);
    for (unsigned i = 0; k && i < ARRAY_SIZE(k->processes); i++)
        k->processes[i].die_at = 0;
}

void gateway_lose_records(struct site_node *n)
{
    struct kernel *k = gateway_kernel(n);
    static const int lost[] = {HANDOVER_RECORDS, HANDOVER_RUNNING_CONFIG};
    for (size_t i = 0; k && i < ARRAY_SIZE(lost); i++)
        madvise(k->regions[lost[i]].memory, k->regions[lost[i]].size, MADV_DONTNEED);
}

void gateway_clock_changed(struct site_node *n)
{
    struct kernel *k = gateway_kernel(n);
    for (unsigned i = 0; k && i < ARRAY_SIZE(k->processes); i++)
        gateway_wake_at(&k->processes[i], site_now(n->site));
}
