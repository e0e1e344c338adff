/* SPDX-License-Identifier: Apache-2.0 */
/* The selectors of dynamic crypto maps: counted, kept without pairs, given up when the table is full; and
 * which routes an SA asks for. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "control/apply/dynamic.h"
#include "control/routing/reverse_routes.h"

static struct prefix prefix_of(const char *text, uint8_t length)
{
    struct prefix p = {.length = length};

    assert_true(address_parse(text, &p.address));
    return p;
}

static struct address address_from(const char *text)
{
    struct address a = {0};

    if (text[0])
        assert_true(address_parse(text, &a));
    return a;
}

static struct selector selector_of(uint32_t network)
{
    struct selector s = {.local = prefix_of("10.0.0.0", 8),
                         .remote = {.address = address_v4(0x0a000000 + network * 16), .length = 28},
                         .local_port_high = UINT16_MAX,
                         .remote_port_high = UINT16_MAX};
    return s;
}

/* Two dynamic connections that take anything (7, 8), one with an access list (9). */
struct setting {
    struct config_crypto_map_entry free_entry, list_entry;
    struct config_access_list any;
    struct scope_connection connections[3];
    struct scopes scopes;
};

static void setting_make(struct setting *t)
{
    *t = (struct setting){.list_entry.access_list.name = (char *)"list", .any.family = ADDRESS_V4};
    for (uint32_t i = 0; i < 3; i++)
        t->connections[i] = (struct scope_connection){.id = 7 + i,
                                                      .dynamic = true,
                                                      .entry = i < 2 ? &t->free_entry : &t->list_entry,
                                                      .access_list = &t->any};
    t->scopes = (struct scopes){.connections = t->connections, .connection_count = 3};
}

static void setting_done(struct setting *t)
{
    for (uint32_t i = 0; i < 3; i++)
        if (t->connections[i].own_list) {
            free(t->connections[i].own_list->entries.items);
            free(t->connections[i].own_list);
        }
}

static void test_life(void **state)
{
    struct dynamic_policy *d = dynamic_new();
    struct setting t, next;
    struct selector a = selector_of(1), b = selector_of(2);
    (void)state;

    setting_make(&t);
    assert_int_equal(dynamic_fill(d, &t.scopes), 0);
    dynamic_use(d, &t.scopes);
    assert_true(dynamic_holds(d, 7) && dynamic_holds(d, 8));
    assert_false(dynamic_holds(d, 9) || dynamic_holds(d, 10));
    assert_int_equal(dynamic_add(d, 7, &a), DYNAMIC_NEW);
    assert_int_equal(dynamic_add(d, 7, &a), DYNAMIC_KNOWN);
    assert_int_equal(dynamic_add(d, 8, &a), DYNAMIC_NEW);
    b.remote_port_low = b.remote_port_high = 80;
    b.protocol = 6;
    assert_int_equal(dynamic_add(d, 7, &b), DYNAMIC_NEW);
    const struct config_access_list *list = t.connections[0].access_list;
    assert_int_equal(list->entries.count, 2);
    assert_int_equal(list->entries.items[0].action, CONFIG_ACL_PERMIT);
    assert_int_equal(list->entries.items[0].destination.length, 28);
    assert_int_equal(list->entries.items[0].destination.port_match, CONFIG_PORT_ANY);
    assert_int_equal(list->entries.items[1].protocol, 6);
    assert_int_equal(list->entries.items[1].destination.port_low, 80);
    assert_int_equal(list->entries.items[1].source.port_match, CONFIG_PORT_ANY);
    struct selector c = selector_of(3);
    assert_int_equal(dynamic_add(d, 7, &c), DYNAMIC_NEW);
    assert_int_equal(list->entries.count, 3);
    dynamic_take_back(d, 7, &c);
    assert_int_equal(list->entries.count, 2);
    dynamic_take_back(d, 7, &c);
    dynamic_take_back(d, 7, &a); /* another pair has it: it stays */
    assert_int_equal(list->entries.count, 2);
    /* The last pair goes: what it carried stays protected, also in the next generation. */
    dynamic_remove(d, 7, &a);
    dynamic_remove(d, 7, &a);
    dynamic_remove(d, 7, &a);
    assert_int_equal(list->entries.count, 2);
    setting_make(&next);
    next.scopes.connection_count = 1;
    assert_int_equal(dynamic_fill(d, &next.scopes), 0);
    dynamic_use(d, &next.scopes);
    setting_done(&t);
    assert_int_equal(next.connections[0].access_list->entries.count, 2);
    assert_int_equal(dynamic_count(d), 2); /* the other connection's is forgotten */
    setting_done(&next);
    dynamic_free(d);
}

static void test_full(void **state)
{
    struct dynamic_policy *d = dynamic_new();
    struct setting t;
    struct selector s;
    (void)state;

    setting_make(&t);
    assert_int_equal(dynamic_fill(d, &t.scopes), 0);
    dynamic_use(d, &t.scopes);
    for (uint32_t i = 0; i < DYNAMIC_SELECTORS_MAX; i++) {
        s = selector_of(i);
        assert_int_equal(dynamic_add(d, 7, &s), DYNAMIC_NEW);
    }
    s = selector_of(DYNAMIC_SELECTORS_MAX);
    assert_int_equal(dynamic_add(d, 7, &s), DYNAMIC_FULL);
    struct selector idle = selector_of(5);
    dynamic_remove(d, 7, &idle);
    assert_int_equal(dynamic_add(d, 7, &s), DYNAMIC_NEW);
    assert_int_equal(dynamic_count(d), DYNAMIC_SELECTORS_MAX);
    assert_int_equal(t.connections[0].access_list->entries.count, DYNAMIC_SELECTORS_MAX);
    assert_int_equal(dynamic_add(d, 7, &idle), DYNAMIC_FULL);
    setting_done(&t);
    dynamic_free(d);
}

static const struct {
    bool enabled, gateway;
    const char *remote_peer, *network;
    uint8_t length;
    const char *peer;
    size_t count;
    const char *hop, *second; /* next hop; destination of the second route */
} wants[] = {
    {false, false, "", "10.1.0.0", 16, "9.9.9.9", 0, NULL, NULL},
    {true, false, "", "10.1.0.0", 16, "9.9.9.9", 1, "9.9.9.9", NULL},
    {true, true, "", "10.1.0.0", 16, "9.9.9.9", 1, "9.9.9.9", NULL},
    {true, false, "9.1.1.1", "10.1.0.0", 16, "9.9.9.9", 1, "9.1.1.1", NULL},
    {true, true, "9.1.1.1", "10.1.0.0", 16, "9.9.9.9", 2, "9.1.1.1", "9.9.9.9"},
    {true, true, "9.1.1.1", "10.1.0.0", 16, "9.1.1.1", 1, "9.1.1.1", NULL},
    {true, true, "9.1.1.1", "10.1.0.0", 16, "", 1, "9.1.1.1", NULL},
    {true, false, "", "10.1.0.0", 16, "", 0, NULL, NULL},
    {true, false, "", "10.1.0.0", 16, "2001:db8::1", 0, NULL, NULL},
    {true, false, "", "2001:db8:1::", 48, "2001:db8::1", 1, "2001:db8::1", NULL},
    {true, false, "9.1.1.1", "2001:db8:1::", 48, "2001:db8::1", 0, NULL, NULL},
    {true, true, "9.1.1.1", "10.1.0.0", 16, "2001:db8::1", 1, "9.1.1.1", NULL},
};

static void test_wants(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof wants / sizeof *wants; i++) {
        struct reverse_want found[REVERSE_WANTS_MAX];
        struct config_reverse_route r = {.enabled = wants[i].enabled,
                                         .gateway = wants[i].gateway,
                                         .distance = 30,
                                         .remote_peer = address_from(wants[i].remote_peer)};
        struct prefix remote = prefix_of(wants[i].network, wants[i].length);
        struct address peer = address_from(wants[i].peer);
        if (reverse_route_wants(&r, &remote, &peer, found) != wants[i].count)
            fail_msg("row %zu", i);
        if (wants[i].hop) {
            struct address hop = address_from(wants[i].hop);
            assert_true(address_equal(&found[0].next_hop, &hop));
            assert_int_equal(found[0].destination.length, wants[i].length);
            assert_int_equal(found[0].distance, 30);
        }
        if (wants[i].second) {
            struct address second = address_from(wants[i].second);
            assert_true(address_equal(&found[1].destination.address, &second));
            assert_int_equal(found[1].destination.length, 32);
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_life),
        cmocka_unit_test(test_full),
        cmocka_unit_test(test_wants),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
