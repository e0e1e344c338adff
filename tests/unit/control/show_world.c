/* SPDX-License-Identifier: Apache-2.0 */
/* See show_world.h. */
#include "show_world.h"

#include "config/parse.h"
#include "control/loop_watch.h"
#include "replication/session.h"

enum { WAN0 = 2, WAN1 = 3, LAN = 4, RING = 64 * 1024 };

static void each_sa(void *context, void (*visit)(void *user, const struct ike_sa_view *v), void *user)
{
    struct world *w = context;

    for (unsigned i = 0; i < w->sa_count; i++)
        visit(user, &w->sas[i]);
}

static void each_pair(void *context, void (*visit)(void *user, const struct ike_pair_view *v), void *user)
{
    struct world *w = context;

    for (unsigned i = 0; i < w->view_count; i++)
        visit(user, &w->views[i]);
}

static bool connection(void *context, uint32_t id, struct ike_connection_view *ret)
{
    struct world *w = context;

    *ret = w->connection;
    ret->id = id;
    return true;
}

static void statistics(void *context, struct ike_statistics *ret)
{
    struct world *w = context;

    *ret = (struct ike_statistics){.sas = w->sa_count, .pairs = w->view_count};
}

static bool link_now(void *context, uint32_t ifindex, struct netlink_link *ret)
{
    struct world *w = context;
    const struct netlink_link *l = devices_find_index(&w->devices, ifindex);

    if (!l)
        return false;
    *ret = *l;
    ret->statistics.packets_in = 1000 + ifindex;
    ret->statistics.bytes_in = 100000 + ifindex;
    ret->statistics.packets_out = 2000 + ifindex;
    ret->statistics.bytes_out = 200000 + ifindex;
    ret->statistics.errors_in = 3;
    ret->statistics.drops_out = 4;
    return true;
}

static int routes(void *context, void (*each)(void *user, const struct netlink_route *r), void *user)
{
    struct world *w = context;

    for (unsigned i = 0; i < w->route_count; i++)
        each(user, &w->routes[i]);
    return 0;
}

static void cost(void *context, int32_t pid, struct show_cost *ret)
{
    (void)context;
    *ret = (struct show_cost){.cpu_ms = (uint64_t)pid, .resident_kib = 4000, .proportional_kib = 1500};
}

static void records(void *context, size_t *ret_count, size_t *ret_used, size_t *ret_size)
{
    (void)context;
    *ret_count = 7;
    *ret_used = 4096;
    *ret_size = 1 << 20;
}

static void problem_ignore(void *context, const struct scopes_problem *p)
{
    (void)context;
    print_message("problem: %s\n", p->text);
}

static void id_ignore(void *context, uint32_t id, const char *key)
{
    (void)context, (void)id, (void)key;
}

static struct address no_name(void *context, const char *hostname)
{
    (void)context, (void)hostname;
    return (struct address){0};
}

static void device_add(struct world *w, const char *name, uint32_t ifindex, const char *kind,
                       const char *address, uint8_t length)
{
    struct netlink_event e = {.change = NETLINK_LINK_CHANGED};

    e.link = (struct netlink_link){.ifindex = ifindex, .up = true, .carrier = ifindex != LAN, .mtu = 1500};
    e.link.has_mac = true;
    memcpy(e.link.mac, (uint8_t[]){0x02, 0xaa, 0xbb, 0xcc, 0, (uint8_t)ifindex}, 6);
    snprintf(e.link.name, sizeof e.link.name, "%s", name);
    snprintf(e.link.kind, sizeof e.link.kind, "%s", kind);
    devices_update(&w->devices, &e);
    e = (struct netlink_event){.change = NETLINK_ADDRESS_ADDED};
    e.address.ifindex = ifindex;
    assert_true(address_parse(address, &e.address.prefix.address));
    e.address.prefix.length = length;
    assert_true(devices_update(&w->devices, &e));
}

void world_begin(struct world *w, const char *text)
{
    static const struct connection_ids_sink sink = {id_ignore, NULL};
    const struct peer_names names = {no_name, NULL};
    struct config_errors errors;

    memset(w, 0, sizeof *w);
    assert_int_equal(config_grammar_init(&w->grammar), 0);
    assert_int_equal(grammar_add(&w->grammar, show_commands, show_command_count), 0);
    config_errors_init(&errors);
    int error = config_parse(&w->grammar, "test", text, strlen(text), &w->config, &errors);
    for (uint32_t i = 0; error && i < errors.list.count; i++)
        print_error("line %u: %s\n", errors.list.items[i].place.line, errors.list.items[i].text);
    assert_int_equal(error, 0);
    config_errors_done(&errors);
    device_add(w, "wan0", WAN0, "veth", "9.1.1.26", 30);
    device_add(w, "wan1", WAN1, "", "2001:db8:1::1", 64);
    device_add(w, "lan0", LAN, "dummy", "10.0.0.1", 24);
    w->ids = connection_ids_new(&sink);
    assert_int_equal(scopes_make(&w->config, &w->devices, w->ids, &w->scopes, problem_ignore, NULL), 0);
    assert_int_equal(ike_config_build(&w->config, &w->scopes, &names, &w->ike, problem_ignore, NULL), 0);
    w->sad = aligned_alloc(64, (sad_size(WORLD_SLOTS) + 63) / 64 * 64);
    assert_non_null(w->sad);
    memset(w->sad, 0, sad_size(WORLD_SLOTS));
    sad_init(w->sad, WORLD_SLOTS);
    w->ring = calloc(1, RING);
    w->log = log_new(w->ring, RING, false);
    static const struct loop_watch loop = {
        .longest = {12300 * NS_PER_US, 9940 * NS_PER_S, "the packet filter", 11 * NS_PER_MS},
        .counts = {7, 1, 0, 0}};
    w->source = (struct show_source){
        .now = WORLD_NOW_S * NS_PER_S,
        .wall = 1700000000 * NS_PER_S,
        .started = 9000 * NS_PER_S,
        .hostname = "hub",
        .version = "1.2.3",
        .config_file = "hub.conf",
        .cipher_arch = "avx2",
        .grammar = &w->grammar,
        .config = &w->config,
        .scopes = &w->scopes,
        .ike_config = &w->ike.config,
        .devices = &w->devices,
        .sad = w->sad,
        .log = w->log,
        .processes = w->processes,
        .loop = &loop,
        .engine_ready = true,
        .debug_keys = true,
        .channel_lost = 2,
        .context = w,
        .each_sa = each_sa,
        .each_pair = each_pair,
        .connection = connection,
        .statistics = statistics,
        .link = link_now,
        .routes = routes,
        .cost = cost,
        .records = records,
    };
}

void world_end(struct world *w)
{
    log_free(w->log);
    free(w->ring);
    free(w->sad);
    ike_config_done(&w->ike);
    scopes_done(&w->scopes);
    connection_ids_free(w->ids);
    devices_done(&w->devices);
    config_done(&w->config);
    grammar_done(&w->grammar);
}

static struct address address(const char *text)
{
    struct address a;

    assert_true(address_parse(text, &a));
    return a;
}

static void sa_add(struct world *w, uint32_t connection_index, const char *local, const char *remote,
                   uint32_t number, enum ike_state state)
{
    struct ike_sa_view *v = &w->sas[w->sa_count++];

    *v = (struct ike_sa_view){.id = number, .number = number, .state = state, .initiator = number % 2};
    v->connection = w->scopes.connections[connection_index].id;
    v->local = (struct endpoint){address(local), 500};
    v->remote = (struct endpoint){address(remote), 500};
    memset(v->cookie_initiator, 0x11, 8);
    memset(v->cookie_responder, 0x22, 8);
    v->policy = w->ike.config.policies[0];
    if (state == IKE_QM_IDLE) {
        v->established = 9000 * NS_PER_S;
        v->expires = (9000 + 86400) * NS_PER_S;
        v->dpd = v->fragmentation = true;
        snprintf(v->remote_identity, sizeof v->remote_identity, "%s", remote);
    }
}

static struct sad_pair *pair_add(struct world *w, uint32_t slot, uint32_t connection_index, uint32_t selector,
                                 uint32_t number, uint32_t state, struct packet_algorithms algorithms)
{
    const struct ike_connection *c = &w->ike.config.connections[connection_index];
    struct sad_pair *p = &w->sad->pairs[slot];

    atomic_store(&p->state, state);
    p->spi_in = 0x04DC4E00 + number;
    p->spi_out = 0x08711A00 + number;
    p->entry = c->id;
    p->bundle = UINT32_MAX;
    p->connection = number;
    p->flags = PAIR_TUNNEL;
    p->protocol = 50;
    p->replay_size = 64;
    p->algorithms = algorithms;
    p->selector = c->selectors[selector];
    p->local.address = c->local;
    p->remote.address = c->peers[0].address;
    p->created = (9000 + number % 100) * NS_PER_S;
    p->hard_expiry = (WORLD_NOW_S + 3117) * NS_PER_S;
    p->hard_bytes = 4608000ull * 1024;
    atomic_store(&p->preferred_since, number);
    p->out = (struct sad_counters){
        .packets = number, .bytes = 1024 * (uint64_t)number, .errors = 1, .last = 9990 * NS_PER_S};
    p->in = (struct sad_counters){
        .packets = number + 1, .bytes = 2048 * (uint64_t)number, .errors = 2, .last = 9995 * NS_PER_S};
    atomic_store(&p->sequence_out, number);
    p->replay.top = number + 1;
    sad_slot_use(w->sad, slot);
    w->views[w->view_count++] = (struct ike_pair_view){.slot = slot,
                                                       .spi_in = p->spi_in,
                                                       .number = number,
                                                       .peer_number = 1001,
                                                       .pfs_group = number % 2 ? 14 : 0,
                                                       .initiator = true};
    return p;
}

static const char full_config[] =
    "hostname hub\n"
    "crypto isakmp policy 10\n hash md5\n authentication pre-share\n"
    "crypto isakmp policy 20\n encr aes 256\n hash sha256\n authentication pre-share\n group 14\n lifetime "
    "3600\n"
    "crypto isakmp policy 30\n encr 3des\n authentication pre-share\n group 2\n"
    "crypto isakmp key bastion address 9.1.1.128 255.255.255.128\n"
    "crypto isakmp key bastion6 address ipv6 2001:db8:2::/64\n"
    "crypto ipsec transform-set old esp-des esp-md5-hmac\n"
    "crypto ipsec transform-set both ah-sha-hmac esp-3des\n"
    "crypto ipsec transform-set gcm esp-gcm 256\n mode transport\n"
    "crypto map vpn 10 ipsec-isakmp\n description the first spoke\n set peer 9.1.1.130\n set peer 9.1.1.134 "
    "default\n"
    " set transform-set old gcm\n set pfs group14\n match address first\n"
    "crypto map vpn 20 ipsec-isakmp\n set peer 9.1.1.138\n set transform-set both\n match address second\n"
    " set security-association lifetime seconds 900\n"
    "crypto map six 5 ipsec-isakmp\n set peer 2001:db8:2::1\n set transform-set gcm\n match address third\n"
    "interface FastEthernet0/0\n device lan0\n description inside\n ip address 10.0.0.1 255.255.255.0\n"
    " ip address 10.0.9.1 255.255.255.0 secondary\n"
    "interface FastEthernet0/1\n device nowhere0\n shutdown\n"
    "interface Serial1/0:0\n device wan0\n ip address 9.1.1.26 255.255.255.252\n crypto map vpn\n"
    "interface Serial1/1:0\n device wan1\n ipv6 address 2001:db8:1::1/64\n crypto map six\n"
    "ip access-list extended first\n remark the spoke\n permit ip 10.0.0.0 0.255.255.255 10.0.64.0 "
    "0.0.0.255\n"
    " permit tcp host 10.0.0.5 eq 80 10.0.65.0 0.0.0.255\n"
    "ip access-list extended second\n permit gre host 9.1.1.26 host 9.1.1.138\n"
    "ipv6 access-list third\n permit ipv6 2001:db8:10::/48 2001:db8:20::/48\n";

void world_full(struct world *w)
{
    static const struct packet_algorithms des = {PACKET_ENCRYPTION_DES, 8, PACKET_INTEGRITY_MD5_96},
                                          triple = {PACKET_ENCRYPTION_3DES, 24, PACKET_INTEGRITY_NONE},
                                          ah = {PACKET_ENCRYPTION_NULL, 0, PACKET_INTEGRITY_SHA1_96},
                                          gcm = {PACKET_ENCRYPTION_AES_GCM16, 32, PACKET_INTEGRITY_NONE};
    struct sad_pair *p;

    world_begin(w, full_config);
    assert_int_equal(w->scopes.connection_count, 3);
    assert_int_equal(w->ike.config.connection_count, 3);
    uint32_t vpn10 = UINT32_MAX, vpn20 = 0, six = 0;
    for (uint32_t i = 0; i < 3; i++) {
        const struct ike_connection *c = &w->ike.config.connections[i];
        *(c->sequence == 10 ? &vpn10 : c->sequence == 20 ? &vpn20 : &six) = i;
    }
    sa_add(w, six, "2001:db8:1::1", "2001:db8:2::1", 1004, IKE_QM_IDLE);
    sa_add(w, vpn10, "9.1.1.26", "9.1.1.130", 1003, IKE_MM_KEY_EXCH);
    sa_add(w, vpn10, "9.1.1.26", "9.1.1.130", 1001, IKE_QM_IDLE);
    sa_add(w, vpn20, "9.1.1.26", "9.1.1.138", 1002, IKE_MM_NO_STATE);
    w->sas[3].deleted = true;
    pair_add(w, 3, vpn10, 0, 2002, PAIR_ACTIVE, des);
    p = pair_add(w, 1, vpn10, 0, 2001, PAIR_SUPERSEDED, des);
    p->hard_bytes = UINT64_MAX;
    p = pair_add(w, 4, vpn20, 0, 2003, PAIR_ACTIVE, triple);
    p->flags = PAIR_BUNDLE_INNER | PAIR_UDP;
    p->bundle = 5;
    p = pair_add(w, 5, vpn20, 0, 2004, PAIR_ACTIVE, ah);
    p->protocol = 51;
    p->bundle = 4;
    p = pair_add(w, 6, six, 0, 2005, PAIR_INBOUND, gcm);
    p->flags |= PAIR_ESN | PAIR_NO_REPLAY_CHECK;
    p = pair_add(w, 7, six, 0, 2006, PAIR_ACTIVE, gcm);
    p->selector.remote.length = 64; /* the peer asked for less */
    p->path_mtu = 1400;
    p->path_mtu_expiry = NS_NEVER;
    pair_add(w, 8, six, 0, 2007, PAIR_DEAD, gcm);
    w->view_count = 5; /* a pair that IKE does not know (any more) is shown all the same */
    atomic_store(&w->sad->engines[0].starts, 2);
    w->sad->engines[0].bursts = 11;
    w->sad->engines[0].packets_out = 22;
    w->sad->engines[0].drops[DROP_REPLAY] = 33;
    w->processes[0] =
        (struct supervisor_process){.name = "supervisor", .pid = 100, .starts = 1, .started = NS_PER_S};
    w->processes[1] = (struct supervisor_process){.name = "control",
                                                  .pid = 101,
                                                  .starts = 3,
                                                  .started = 9000 * NS_PER_S,
                                                  .last_exit = 8999 * NS_PER_S,
                                                  .last_reason = "killed by signal 9"};
    w->processes[2] = (struct supervisor_process){
        .name = "engine", .pid = 0, .starts = 1, .last_exit = 9999 * NS_PER_S, .last_reason = "exit code 1"};
    w->routes[0] =
        (struct netlink_route){.destination = {address("10.0.0.0"), 24}, .ifindex = LAN, .protocol = 2};
    w->routes[1] = (struct netlink_route){.destination = {address("0.0.0.0"), 0},
                                          .gateway = address("9.1.1.25"),
                                          .ifindex = WAN0,
                                          .metric = 1,
                                          .protocol = NETLINK_PROTOCOL_HOLDFAST};
    w->routes[2] = (struct netlink_route){
        .destination = {address("10.9.0.0"), 16}, .type = NETLINK_ROUTE_BLACKHOLE, .protocol = 188};
    w->routes[3] = (struct netlink_route){.destination = {address("2001:db8::"), 32}, .ifindex = WAN1};
    w->route_count = 4;
}

/* A copy that ha_facts_done may free. */
static int ha_copy(void *context, struct ha_facts *ret)
{
    struct world *w = context;

    *ret = w->ha;
    ret->groups = malloc(ret->group_count * sizeof *ret->groups);
    ret->peers = malloc(ret->peer_count * sizeof *ret->peers);
    ret->events = malloc(ret->event_count * sizeof *ret->events + 1);
    assert_true(ret->groups && ret->peers && ret->events);
    memcpy(ret->groups, w->ha.groups, ret->group_count * sizeof *ret->groups);
    memcpy(ret->peers, w->ha.peers, ret->peer_count * sizeof *ret->peers);
    memcpy(ret->events, w->ha.events, ret->event_count * sizeof *ret->events);
    return 0;
}

static void ha_groups(struct ha_group groups[2])
{
    groups[0] = (struct ha_group){.number = 1,
                                  .role = SESSION_OWNER,
                                  .member = 0,
                                  .since = 9000 * NS_PER_S,
                                  .epoch = 7,
                                  .in_step = true,
                                  .standby_count = 2,
                                  .has_stamp = true,
                                  .stamp = {0x74, 0xba, 0x70, 0x27, [15] = 0x76},
                                  .peer_known = true,
                                  .peer_role = SESSION_STANDBY,
                                  .peer_in_step = true,
                                  .peer_epoch = 7,
                                  .isakmp_sas = 3,
                                  .pairs = 5,
                                  .records = 13,
                                  .snapshots_sent = 1,
                                  .snapshot_ms = 42,
                                  .leases_asked = 100,
                                  .leases_granted = 99,
                                  .lease_rekeys = 1,
                                  .takeovers = 2,
                                  .switchovers = 1,
                                  .merges = 1,
                                  .last_takeover = 9000 * NS_PER_S,
                                  .last_takeover_took = 84500 * NS_PER_US,
                                  .last_reason = "the active router was silent for its hold time"};
    groups[0].virtual_address = address("9.1.1.37");
    groups[0].standby[0] = (struct ha_standby){"public", "FastEthernet0/0", 1, "Active", address("9.1.1.37")};
    groups[0].standby[1] =
        (struct ha_standby){"private", "FastEthernet0/1", 2, "Active", address("10.1.1.254")};
    groups[1] = (struct ha_group){.number = CONFIG_SSP_INTER_DEVICE,
                                  .role = SESSION_SYNCING,
                                  .member = 1,
                                  .since = 9990 * NS_PER_S,
                                  .epoch = 3,
                                  .switching = true,
                                  .standby_count = 1,
                                  .peer = 1,
                                  .isakmp_sas = 1,
                                  .records = 4,
                                  .behind = 11,
                                  .lag_ms = 250};
    groups[1].standby[0] = (struct ha_standby){.name = "nobody"};
}

void world_ha(struct world *w)
{
    static struct ha_group groups[2];
    static struct ha_peer peers[2];
    static struct ha_event events[2];

    ha_groups(groups);
    peers[0] = (struct ha_peer){.remote = address("9.1.1.36"),
                                .local = address("9.1.1.35"),
                                .port = 3249,
                                .local_port = 3249,
                                .interface = "FastEthernet0/0",
                                .state = "Connected",
                                .connected = true,
                                .since = 6334 * NS_PER_S,
                                .frame_version = 1,
                                .record_version = 1,
                                .frames_out = 38559,
                                .bytes_out = 2285020,
                                .frames_in = 910,
                                .bytes_in = 61472,
                                .connections = 1,
                                .protection = "TLS 1.3, pre-shared key"};
    peers[1] = (struct ha_peer){.remote = address("2001:db8::2"),
                                .port = 5001,
                                .local_port = 5000,
                                .state = "Connecting",
                                .connections = 4,
                                .last_lost = "silent"};
    events[0] = (struct ha_event){.at = 8000 * NS_PER_S,
                                  .group = 1,
                                  .from = SESSION_EMPTY,
                                  .to = SESSION_OWNER,
                                  .epoch = 1,
                                  .reason = "nobody else is there"};
    events[1] = (struct ha_event){.at = 9000 * NS_PER_S,
                                  .took = 84500 * NS_PER_US,
                                  .group = 1,
                                  .from = SESSION_STANDBY,
                                  .to = SESSION_OWNER,
                                  .planned = true,
                                  .epoch = 7,
                                  .reason = "switchover was asked for"};
    w->ha = (struct ha_facts){groups, 2, peers, 2, events, 2};
    w->source.ha = ha_copy;
    w->sas[0].standby = true;
    atomic_store(&w->sad->groups[1].word, sad_group_word(7, 0, true));
    atomic_store(&w->sad->groups[2].word, sad_group_word(3, 1, false));
    for (uint32_t slot = 3; slot <= 7; slot++) {
        struct sad_pair *p = &w->sad->pairs[slot];
        p->group = slot == 3 ? 1 : slot >= 6 ? 2 : 0;
        p->granted_out = 100000;
        p->granted_in = 3000;
        atomic_store(&p->sequence_ceiling, slot == 3 ? 102000 : UINT64_MAX);
        atomic_store(&p->receive_ceiling, slot == 3 ? 3064 : UINT64_MAX);
    }
}

int world_show(struct world *w, const char *line, struct text *out)
{
    static struct grammar_call call;
    struct grammar_fault fault;

    text_init(out);
    enum grammar_result r = grammar_match(&w->grammar, GRAMMAR_MODE_EXEC, line, &call, &fault);
    if (r != GRAMMAR_OK)
        print_error("%s: %s\n", line, fault.text);
    assert_int_equal(r, GRAMMAR_OK);
    assert_true(show_owns(call.command));
    return show_run(&w->source, &call, out);
}
