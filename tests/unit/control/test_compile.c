/* SPDX-License-Identifier: Apache-2.0 */
/* From a configuration text to what is put in force: scopes and connection numbers, the SPD, the IKE
 * configuration, the routes of the tunnels. The devices are made up. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "config/parse.h"
#include "control/apply/ike_config_build.h"
#include "control/apply/policy_build.h"
#include "control/apply/spd_build.h"
#include "supervisor/handover.h"

enum { WAN0 = 2, WAN1 = 3, LAN = 4, TUN = 9 };

static struct grammar grammar;

struct world {
    struct config config;
    struct devices devices;
    struct connection_ids *ids;
    struct scopes scopes;
    char problems[4096];
    unsigned kept, forgotten;
};

static void problem_note(void *context, const struct scopes_problem *p)
{
    struct world *w = context;
    size_t len = strlen(w->problems);

    snprintf(w->problems + len, sizeof w->problems - len, "%u: %s\n", p->place.line, p->text);
}

static void id_note(void *context, uint32_t id, const char *key)
{
    struct world *w = context;

    (void)id;
    if (key)
        w->kept++;
    else
        w->forgotten++;
}

static void device_add(struct world *w, const char *name, uint32_t ifindex, const char *address,
                       uint8_t length)
{
    struct netlink_event e = {.change = NETLINK_LINK_CHANGED};

    e.link = (struct netlink_link){.ifindex = ifindex, .up = true, .carrier = true, .mtu = 1500};
    e.link.loopback = strcmp(name, "lo") == 0;
    snprintf(e.link.name, sizeof e.link.name, "%s", name);
    devices_update(&w->devices, &e);
    if (!address)
        return;
    e = (struct netlink_event){.change = NETLINK_ADDRESS_ADDED};
    e.address.ifindex = ifindex;
    assert_true(address_parse(address, &e.address.prefix.address));
    e.address.prefix.length = length;
    assert_true(devices_update(&w->devices, &e));
}

static void config_read(struct world *w, const char *text)
{
    struct config_errors errors;
    struct text out;

    config_errors_init(&errors);
    text_init(&out);
    int error = config_parse(&grammar, "test", text, strlen(text), &w->config, &errors);
    config_errors_print(&errors, "test", &out);
    if (error)
        print_error("%s", text_get(&out));
    assert_int_equal(error, 0);
    text_done(&out);
    config_errors_done(&errors);
}

static void world_begin(struct world *w, const char *text)
{
    const struct connection_ids_sink sink = {id_note, w};

    memset(w, 0, sizeof *w);
    config_read(w, text);
    device_add(w, "lo", 1, "127.0.0.1", 8);
    device_add(w, "wan0", WAN0, "9.1.1.26", 30);
    device_add(w, "wan1", WAN1, "9.1.1.30", 30);
    device_add(w, "lan0", LAN, "10.0.0.1", 24);
    device_add(w, "holdfast0", TUN, NULL, 0);
    w->ids = connection_ids_new(&sink);
    assert_non_null(w->ids);
    assert_int_equal(scopes_make(&w->config, &w->devices, w->ids, &w->scopes, problem_note, w), 0);
}

static void world_end(struct world *w)
{
    scopes_done(&w->scopes);
    connection_ids_free(w->ids);
    devices_done(&w->devices);
    config_done(&w->config);
}

#define COMMON                                                                                               \
    "hostname hub\n"                                                                                         \
    "crypto isakmp policy 10\n encr aes 256\n hash sha256\n authentication pre-share\n group 14\n"           \
    "crypto isakmp policy 20\n encr 3des\n hash md5\n authentication pre-share\n group 2\n lifetime 3600\n"  \
    "crypto isakmp key secret1 address 9.1.1.130\n"                                                          \
    "crypto isakmp key secret2 address 0.0.0.0 0.0.0.0\n"                                                    \
    "crypto isakmp keepalive 10 3 periodic\n"                                                                \
    "crypto ipsec transform-set strong esp-aes 256 esp-sha256-hmac\n"                                        \
    "crypto ipsec transform-set both ah-sha-hmac esp-3des\n mode transport\n"                                \
    "crypto ipsec transform-set gcm esp-gcm\n"                                                               \
    "crypto ipsec security-association lifetime seconds 1800\n"                                              \
    "crypto map vpn 10 ipsec-isakmp\n set peer 9.1.1.130\n set peer 9.1.1.140\n set transform-set strong "   \
    "gcm\n"                                                                                                  \
    " set pfs group14\n match address spoke-a\n"                                                             \
    "crypto map vpn 20 ipsec-isakmp\n set peer 9.1.1.150\n set transform-set both\n match address spoke-b\n" \
    " set security-association lifetime seconds 600\n"                                                       \
    "ip access-list extended spoke-a\n deny ip 10.0.5.0 0.0.0.255 any\n"                                     \
    " permit ip 10.0.0.0 0.255.255.255 10.0.64.0 0.0.0.255\n"                                                \
    "ip access-list extended spoke-b\n permit tcp 10.0.0.0 0.0.0.255 host 10.0.65.1 eq 80\n"                 \
    " permit ip 10.0.0.0 0.0.0.255 10.0.66.0 0.0.0.255\n"                                                    \
    "interface FastEthernet0/0\n device lan0\n ip address 10.0.0.1 255.255.255.0\n"

static const char *const two_interfaces =
    COMMON "interface Serial1/0\n device wan0\n ip address 9.1.1.26 255.255.255.252\n"
           " crypto map vpn\n"
           "interface Serial1/1\n device wan1\n ip address 9.1.1.30 255.255.255.252\n"
           " crypto map vpn\n";
static const char *const shared_address = COMMON "crypto map vpn local-address Loopback0\n"
                                                 "interface Loopback0\n ip address 9.9.9.9 255.255.255.255\n"
                                                 "interface Serial1/0\n device wan0\n crypto map vpn\n"
                                                 "interface Serial1/1\n device wan1\n crypto map vpn\n";

static void bindings_without_local_address_are_apart(void **state)
{
    (void)state;
    struct world w;

    world_begin(&w, two_interfaces);
    assert_int_equal(w.scopes.binding_count, 2);
    assert_int_equal(w.scopes.scope_count, 2);
    assert_int_equal(w.scopes.connection_count, 4);
    assert_string_equal(w.problems, "");
    assert_int_equal(address_v4_get(&w.scopes.scopes[0].local_v4), 0x0901011a);
    assert_int_equal(address_v4_get(&w.scopes.scopes[1].local_v4), 0x0901011e);
    for (unsigned i = 0; i < 4; i++)
        for (unsigned k = 0; k < i; k++)
            assert_int_not_equal(w.scopes.connections[i].id, w.scopes.connections[k].id);
    world_end(&w);
}

static void bindings_with_local_address_share(void **state)
{
    (void)state;
    struct world w;

    world_begin(&w, shared_address);
    assert_int_equal(w.scopes.binding_count, 2);
    assert_int_equal(w.scopes.scope_count, 1);
    assert_int_equal(w.scopes.connection_count, 2);
    assert_int_equal(address_v4_get(&w.scopes.scopes[0].local_v4), 0x09090909);
    assert_int_equal(w.scopes.bindings[0].scope, w.scopes.bindings[1].scope);
    world_end(&w);
}

static void numbers_stay_over_changes_and_restarts(void **state)
{
    (void)state;
    struct world w, after;

    world_begin(&w, two_interfaces);
    assert_int_equal(w.kept, 4);
    /* One entry and one interface fewer: the others keep their numbers. */
    world_begin(&after, two_interfaces);
    connection_ids_free(after.ids);
    after.ids = w.ids;
    scopes_done(&after.scopes);
    after.config.interfaces.items[2].shutdown = true;
    assert_int_equal(scopes_make(&after.config, &after.devices, w.ids, &after.scopes, problem_note, &after),
                     0);
    assert_int_equal(after.scopes.connection_count, 2);
    assert_int_equal(w.forgotten, 2);
    bool found = false;
    for (unsigned i = 0; i < 4; i++)
        found = found || w.scopes.connections[i].id == after.scopes.connections[0].id;
    assert_true(found);
    after.ids = NULL;
    world_end(&after);
    world_end(&w);

    const struct connection_ids_sink sink = {id_note, &w};
    struct connection_ids *ids = connection_ids_new(&sink);
    assert_true(connection_ids_restore(ids, 77, bytes_of("10 vpn Serial1/0", 16)));
    assert_false(connection_ids_restore(ids, 78, bytes_of("10 vpn Serial1/0", 16)));
    assert_false(connection_ids_restore(ids, 0, bytes_of("x", 1)));
    assert_false(connection_ids_restore(ids, 5, bytes_of("", 0)));
    assert_false(connection_ids_restore(ids, 5, bytes_of("a\0b", 3)));
    assert_int_equal(connection_ids_get(ids, "Serial1/0", "vpn", 10), 77);
    assert_int_equal(connection_ids_get(ids, "Serial1/1", "vpn", 10), 78);
    connection_ids_free(ids);
}

static void the_spd_has_the_access_lists(void **state)
{
    (void)state;
    struct world w;
    struct spd *spd = calloc(1, sizeof *spd);

    assert_non_null(spd);
    spd_init(spd);
    world_begin(&w, two_interfaces);
    struct spd_table *t = spd_next(spd);
    assert_int_equal(spd_build(&w.scopes, &w.devices, t), 0);
    assert_int_equal(t->binding_count, 2);
    assert_int_equal(t->entry_count, 4);
    assert_int_equal(t->ace_count, 8);
    const struct spd_entry *e = &t->entries[t->bindings[0].first_entry];
    assert_int_equal(t->bindings[0].ifindex, WAN0);
    assert_int_equal(e[0].sequence, 10);
    assert_int_equal(e[1].sequence, 20);
    assert_true(e[0].may_initiate);
    const struct spd_ace *a = &t->aces[e[0].first_ace];
    assert_false(a[0].permit);
    assert_true(a[1].permit);
    assert_memory_equal(a[1].source, "\x0a\0\0\0", 4);
    assert_memory_equal(a[1].source_wildcard, "\0\xff\xff\xff", 4);
    assert_memory_equal(a[1].destination_wildcard, "\0\0\0\xff", 4);
    a = &t->aces[e[1].first_ace];
    assert_true(a[0].has_ports);
    assert_int_equal(a[0].protocol, 6);
    assert_int_equal(a[0].destination_port_low, 80);
    assert_int_equal(a[0].destination_port_high, 80);
    assert_int_equal(a[0].source_port_high, 65535);
    assert_memory_equal(a[0].destination_wildcard, "\0\0\0\0", 4);
    struct address own = address_v4(0x0a000001);
    bool found = false;
    for (uint32_t i = 0; i < t->own_address_count; i++)
        found = found || address_equal(&t->own_addresses[i], &own);
    assert_true(found);
    world_end(&w);
    free(spd);
}

static struct address no_name(void *context, const char *hostname)
{
    (void)context;
    return strcmp(hostname, "known.example") == 0 ? address_v4(0x01020304)
                                                  : (struct address){.family = ADDRESS_NONE};
}

static const struct peer_names names = {no_name, NULL};

static void ike_gets_the_configuration(void **state)
{
    (void)state;
    struct world w;
    struct ike_config_owned *o = calloc(1, sizeof *o);

    world_begin(&w, two_interfaces);
    assert_int_equal(ike_config_build(&w.config, &w.scopes, &names, o, problem_note, &w), 0);
    const struct ike_config *c = &o->config;
    assert_string_equal(w.problems, "");
    assert_int_equal(c->policy_count, 2);
    assert_int_equal(c->policies[0].encryption, CBC_AES);
    assert_int_equal(c->policies[0].key_bits, 256);
    assert_int_equal(c->policies[0].hash, HASH_SHA256);
    assert_int_equal(c->policies[0].group, DH_MODP_2048);
    assert_int_equal(c->policies[0].lifetime_seconds, 86400);
    assert_int_equal(c->policies[1].encryption, CBC_3DES);
    assert_int_equal(c->policies[1].lifetime_seconds, 3600);
    assert_int_equal(c->key_count, 2);
    assert_int_equal(c->dpd_mode, IKE_DPD_PERIODIC);
    assert_int_equal(c->dpd_seconds, 10);
    assert_int_equal(c->dpd_retry_seconds, 3);
    assert_string_equal(c->hostname, "hub");
    assert_int_equal(c->connection_count, 4);
    const struct ike_connection *k = &c->connections[0];
    assert_int_equal(k->id, w.scopes.connections[0].id);
    assert_int_equal(k->peer_count, 2);
    assert_int_equal(address_v4_get(&k->peers[1].address), 0x0901018c);
    assert_int_equal(k->transform_set_count, 2);
    assert_int_equal(k->transform_sets[0]->esp.encryption, PACKET_ENCRYPTION_AES_CBC);
    assert_int_equal(k->transform_sets[0]->esp.key_bytes, 32);
    assert_int_equal(k->transform_sets[0]->esp.integrity, PACKET_INTEGRITY_SHA256_128);
    assert_int_equal(k->transform_sets[1]->esp.encryption, PACKET_ENCRYPTION_AES_GCM16);
    assert_int_equal(k->pfs_group, 14);
    assert_int_equal(k->lifetime_seconds, 1800);
    assert_int_equal(k->replay_size, 64);
    assert_int_equal(k->selector_count, 1); /* a deny is nothing to ask for */
    assert_int_equal(k->selectors[0].local.length, 8);
    assert_int_equal(k->selectors[0].remote.length, 24);
    k = &c->connections[1];
    assert_int_equal(k->lifetime_seconds, 600);
    assert_true(k->transform_sets[0]->has_ah && k->transform_sets[0]->has_esp &&
                k->transform_sets[0]->transport);
    assert_int_equal(k->transform_sets[0]->ah_integrity, PACKET_INTEGRITY_SHA1_96);
    assert_int_equal(k->selector_count, 2);
    assert_int_equal(k->selectors[0].protocol, 6);
    assert_int_equal(k->selectors[0].remote_port_low, 80);
    for (unsigned i = 0; i < 4; i++) {
        assert_true(packet_algorithms_valid(&c->connections[i].transform_sets[0]->esp) ||
                    c->connections[i].transform_sets[0]->has_ah);
    }
    ike_config_done(o);
    free(o);
    world_end(&w);
}

static const struct netlink_route *route_to(const struct policy_routes *p, const char *address,
                                            uint8_t length)
{
    struct prefix want = {.length = length};

    assert_true(address_parse(address, &want.address));
    for (uint32_t i = 0; i < p->count; i++)
        if (prefix_equal(&p->routes[i].destination, &want))
            return &p->routes[i];
    return NULL;
}

static void routes_lead_to_the_tunnels(void **state)
{
    (void)state;
    struct world w;
    struct policy_routes p;

    world_begin(&w, two_interfaces);
    assert_int_equal(policy_build(&w.scopes, &w.devices, TUN, &p), 0);
    static const struct {
        const char *address;
        uint8_t length, type;
    } want[] = {{"10.0.64.0", 24, NETLINK_ROUTE_UNICAST},
                {"10.0.65.1", 32, NETLINK_ROUTE_UNICAST},
                {"10.0.66.0", 24, NETLINK_ROUTE_UNICAST},
                {"10.0.0.0", 24, NETLINK_ROUTE_THROW},
                {"224.0.0.0", 4, NETLINK_ROUTE_THROW}};
    for (size_t i = 0; i < ARRAY_SIZE(want); i++) {
        const struct netlink_route *r = route_to(&p, want[i].address, want[i].length);
        assert_non_null(r);
        assert_int_equal(r->type, want[i].type);
        assert_int_equal(r->table, HOLDFAST_TABLE);
        assert_int_equal(r->ifindex, want[i].type == NETLINK_ROUTE_UNICAST ? TUN : 0);
    }
    assert_null(route_to(&p, "9.1.1.24", 30)); /* a network with crypto map is no exception */
    assert_null(route_to(&p, "127.0.0.0", 8));
    for (uint32_t i = 1; i < p.count; i++)
        assert_true(policy_compare(&p.routes[i - 1].destination, &p.routes[i].destination) < 0);
    policy_done(&p);
    world_end(&w);
}

static void wildcards_with_holes_give_the_prefix_around(void **state)
{
    (void)state;
    static const struct {
        uint32_t address, wildcard;
        uint8_t length, want;
    } table[] = {{0x0a000000, 0x00ff00ff, CONFIG_ACL_HOLES, 8},
                 {0x0a000001, 0xff000000, CONFIG_ACL_HOLES, 0},
                 {0x0a000001, 0x00000001, CONFIG_ACL_HOLES, 31},
                 {0x0a000100, 0, 24, 24},
                 {0, 0, 0, 0}};

    for (size_t i = 0; i < ARRAY_SIZE(table); i++) {
        struct config_acl_entry e = {.action = CONFIG_ACL_PERMIT};
        struct prefix p;
        struct spd_ace a;
        e.destination.address = address_v4(table[i].address);
        e.destination.wildcard = table[i].wildcard;
        e.destination.length = table[i].length;
        policy_destination(&e, ADDRESS_V4, &p);
        assert_int_equal(p.length, table[i].want);
        assert_true(spd_ace_build(&e, ADDRESS_V4, &a));
        if (table[i].length == CONFIG_ACL_HOLES)
            assert_int_equal((uint32_t)a.destination_wildcard[0] << 24 | a.destination_wildcard[3],
                             table[i].wildcard & 0xff0000ff);
    }
    struct config_acl_entry remark = {.action = CONFIG_ACL_REMARK};
    struct spd_ace a;
    assert_false(spd_ace_build(&remark, ADDRESS_V4, &a));
}

static void what_cannot_work_is_named(void **state)
{
    (void)state;
    static const struct {
        const char *text, *problem;
        uint32_t connections;
    } table[] = {
        {"crypto map m 10 ipsec-isakmp\n set peer 1.1.1.1\n set transform-set t\n"
         "crypto ipsec transform-set t esp-aes\ninterface eth5\n crypto map m\n",
         "", 0}, /* no device: nothing is in force, nothing is wrong */
        {"crypto map m 10 ipsec-isakmp\n set peer 1.1.1.1\ninterface wan0\n ip address 9.1.1.26 "
         "255.255.255.252\n crypto map m\n",
         "no `match address`", 0},
        {"ip access-list extended a\n permit ip any any\n"
         "crypto map m 10 ipsec-isakmp\n set peer 2001:db8::1\n match address a\n"
         "interface wan0\n ip address 9.1.1.26 255.255.255.252\n crypto map m\n",
         "wan0 has no IPv6 address", 1},
    };

    for (size_t i = 0; i < ARRAY_SIZE(table); i++) {
        struct world w;
        struct config_errors errors;
        memset(&w, 0, sizeof w);
        config_errors_init(&errors);
        int error = config_parse(&grammar, "t", table[i].text, strlen(table[i].text), &w.config, &errors);
        config_errors_done(&errors);
        if (error)
            continue; /* refused before it gets here: just as good */
        const struct connection_ids_sink sink = {id_note, &w};
        device_add(&w, "wan0", WAN0, "9.1.1.26", 30);
        w.ids = connection_ids_new(&sink);
        assert_int_equal(scopes_make(&w.config, &w.devices, w.ids, &w.scopes, problem_note, &w), 0);
        assert_int_equal(w.scopes.connection_count, table[i].connections);
        if (table[i].problem[0])
            assert_non_null(strstr(w.problems, table[i].problem));
        else
            assert_string_equal(w.problems, "");
        world_end(&w);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(bindings_without_local_address_are_apart),
        cmocka_unit_test(bindings_with_local_address_share),
        cmocka_unit_test(numbers_stay_over_changes_and_restarts),
        cmocka_unit_test(the_spd_has_the_access_lists),
        cmocka_unit_test(ike_gets_the_configuration),
        cmocka_unit_test(routes_lead_to_the_tunnels),
        cmocka_unit_test(wildcards_with_holes_give_the_prefix_around),
        cmocka_unit_test(what_cannot_work_is_named),
    };

    if (config_grammar_init(&grammar) != 0)
        return 1;
    int failed = cmocka_run_group_tests(tests, NULL, NULL);
    grammar_done(&grammar);
    return failed;
}
