/* SPDX-License-Identifier: Apache-2.0 */
/* A member of the group: control's own parts, put together as control_main.c does, without what it does to
 * the machine. */
#include "replication.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <unistd.h>

#include "config/parse.h"
#include "control/apply/pair_policy.h"
#include "control/job_pool.h"
#include "control/redundancy/redundancy.h"
#include "control/ssp/internal.h"
#include "crypto/crypto.h"
#include "io/random.h"

enum { RECORDS_SIZE = 256 << 20, GROUP = 1 };

static struct control control;
static struct ike_config member_ike;
static struct ike_connection member_connection;
static uv_poll_t member_command;
static int member_fd;

/* In the engine's place: reads what it is told. */
static void *engine_run(void *fd)
{
    char message[sizeof(struct channel_message)];
    while (read(*(int *)fd, message, sizeof message) > 0)
        continue;
    return NULL;
}

static void engine_begin(void)
{
    static int ends[2];
    pthread_t thread;
    must(socketpair(AF_UNIX, SOCK_SEQPACKET, 0, ends) == 0 && dup2(ends[0], HANDOVER_CHANNEL_CONTROL) >= 0 &&
             pthread_create(&thread, NULL, engine_run, &ends[1]) == 0,
         "channel");
}

static void *region(size_t size)
{
    void *at = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    must(at != MAP_FAILED, "memory");
    return at;
}

static void group_configure(struct control *c, bool owner)
{
    static struct config config;
    struct config_errors errors;
    char text[2048];
    const char *own = owner ? "192.168.255.1" : "192.168.255.2",
               *other = owner ? "192.168.255.2" : "192.168.255.1";
    snprintf(text, sizeof text,
             "hostname bench\n"
             "crypto isakmp policy 10\n authentication pre-share\n"
             "crypto isakmp key between-members address %s\n"
             "redundancy inter-device\n scheme standby public\n"
             "ipc zone default\n association 1\n  no shutdown\n  protocol sctp\n"
             "   local-port 5000\n    local-ip %s\n   remote-port 5000\n    remote-ip %s\n"
             "interface FastEthernet0/0\n device lo\n ip address 9.1.1.35 255.255.255.0\n"
             " standby 1 ip 9.1.1.37\n standby 1 name public\n"
             "interface FastEthernet1/0\n device repl0\n ip address %s 255.255.255.252\n"
             "end\n",
             other, own, other, own);
    config_errors_init(&errors);
    int error = config_parse(&c->grammar, "bench", text, strlen(text), &config, &errors);
    for (uint32_t i = 0; i < errors.list.count && error; i++)
        fprintf(stderr, "%u %u: %s\n", errors.list.items[i].severity, errors.list.items[i].place.line,
                errors.list.items[i].text);
    must(error == 0 && ssp_configure(c, &config) == 0 && ssp_group_at(c, GROUP), "group");
    c->config = &config;
}

static void member_answer(uv_poll_t *poll, int status, int events)
{
    struct control *c = poll->data;
    struct ssp_group *g = ssp_group_at(c, GROUP);
    struct record_store_usage usage;
    struct ike_statistics s;
    char message[8];
    (void)status;
    (void)events;
    if (read(member_fd, message, sizeof message) != sizeof message)
        _exit(0);
    ike_statistics(c->ike, &s);
    record_store_usage(c->records, &usage);
    struct answer a = {.cpu_ns = cpu_now(),
                       .records = usage.records,
                       .waiting = c->commit.count,
                       .owner = g->shared.membership.state == SESSION_OWNER,
                       .in_step = g->shared.membership.in_step,
                       .snapshot_took = g->shared.snapshot_took};
    uint32_t used = atomic_load(&c->sad->slots_used);
    for (uint32_t slot = sad_next_slot(c->sad, 0, used); slot < used;
         slot = sad_next_slot(c->sad, slot + 1, used)) {
        uint32_t state = atomic_load(&c->sad->pairs[slot].state);
        a.pairs += state == PAIR_INBOUND || state == PAIR_ACTIVE || state == PAIR_SUPERSEDED;
    }
    must(write(member_fd, &a, sizeof a) == sizeof a, "answer");
}

static void ike_begin(struct control *c, bool owner)
{
    const struct ike_limits limits = {.pair_max = SLOTS};
    uint8_t seed[32];
    config_common(&member_ike);
    member_connection = connection_common(1);
    member_connection.group = GROUP;
    member_connection.dynamic = true;
    member_connection.local = address_v4(GATEWAY);
    member_ike.connections = &member_connection;
    member_ike.connection_count = 1;
    member_ike.half_open_per_address_max = member_ike.half_open_max = 4096;
    member_ike.groups[GROUP] = (struct ike_group){.used = true, .local = {address_v4(GATEWAY)}};
    member_ike.member = owner ? 0 : 1;
    member_ike.members = 2;
    must(random_fill(seed, sizeof seed) == 0, "seed");
    c->ike = ike_new(&limits, seed);
    c->actions = calloc(1, sizeof *c->actions);
    must(c->ike && c->actions, "IKE");
    commit_init(&c->commit);
    ike_configure(c->ike, &member_ike, clock_now());
}

void member_run(bool owner, int fd)
{
    struct control *c = &control;
    int error;
    c->log = log_new(NULL, 0, getenv("BENCH_LOG") != NULL);
    c->sad = region(sad_size(SLOTS));
    sad_init(c->sad, SLOTS);
    c->records = record_store_open(region(RECORDS_SIZE), RECORDS_SIZE, &error);
    must(c->log && c->records && crypto_init() == 0 && random_rng(&c->rng) == 0, "start");
    c->cipher = packet_cipher_new(&c->rng);
    must(c->cipher && uv_loop_init(&c->loop) == 0 &&
             job_pool_new(&c->loop, 1, control_job_done, c, &c->jobs) == 0 &&
             loop_watch_begin(&c->watch, &c->loop) == 0,
         "loop");
    uv_timer_init(&c->loop, &c->ike_timer);
    uv_timer_init(&c->loop, &c->retire_timer);
    uv_timer_init(&c->loop, &c->tell_timer);
    engine_begin();
    must(config_grammar_init(&c->grammar) == 0 && redundancy_begin(c) == 0 && pair_policy_begin(c) == 0,
         "parts");
    ike_begin(c, owner);
    group_configure(c, owner);
    c->restored = true;
    ssp_apply(c);
    must(!owner || control_sockets_begin(c) == 0, "sockets");
    if (owner) {
        struct ssp_group *g = ssp_group_at(c, GROUP);
        shared_group_verdict(&g->shared, true, clock_now());
        ssp_group_schedule(g);
    }
    member_fd = fd;
    uv_poll_init(&c->loop, &member_command, fd);
    member_command.data = c;
    uv_poll_start(&member_command, UV_READABLE, member_answer);
    uv_run(&c->loop, UV_RUN_DEFAULT);
    _exit(0);
}
