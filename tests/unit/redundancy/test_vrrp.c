/* SPDX-License-Identifier: Apache-2.0 */
/* The VRRP machine: its states and events (RFC 9568 §6.4) in both families, timers, preemption, tracking, bad
 * packets. */
#include "redundancy/vrrp.h"
#include "test.h"

static struct redundancy_actions actions;

static struct vrrp_config config_of(uint8_t family)
{
    struct vrrp_config c = {
        .interface = "FastEthernet0/0", .vrid = 7, .address_count = 1, .interface_mac = {2, 0, 0, 0, 0, 2}};
    vrrp_config_default(&c);
    c.interface_address = address(family == ADDRESS_V4 ? "10.1.1.2" : "fe80::2");
    c.addresses[0] = address(family == ADDRESS_V4 ? "10.1.1.254" : "fe80::fe");
    c.announce_count = 1;
    return c;
}

static const char *step(struct vrrp_router *r, struct vrrp_event event)
{
    actions.count = 0;
    vrrp_step(r, &event, &actions);
    return actions_text(&actions);
}

static const char *tick(struct vrrp_router *r, ns now)
{
    return step(r, (struct vrrp_event){.kind = VRRP_EVENT_TICK, .now = now});
}

/* Of another router: 10.1.1.3 (fe80::3), or `source`. */
static const char *hear_from(struct vrrp_router *r, const char *source, uint8_t priority, uint16_t interval,
                             ns now)
{
    struct vrrp_message m = {.vrid = 7, .priority = priority, .interval = interval, .address_count = 1};
    struct address from = address(source), group = vrrp_multicast(from.family);
    uint8_t payload[VRRP_MESSAGE_MAX];
    m.addresses[0] = r->config.addresses[0];
    size_t len = vrrp_write(&m, &from, &group, payload, sizeof(payload));
    return step(r, (struct vrrp_event){.kind = VRRP_EVENT_MESSAGE,
                                       .now = now,
                                       .message = {bytes_of(payload, len), from, group, 255}});
}

static const char *hear(struct vrrp_router *r, uint8_t priority, ns now)
{
    bool v4 = r->config.interface_address.family == ADDRESS_V4;
    return hear_from(r, v4 ? "10.1.1.3" : "fe80::3", priority, 100, now);
}

static void put(struct vrrp_router *r, const struct vrrp_config *c, enum vrrp_state state)
{
    vrrp_init(r, c, 0);
    if (state == VRRP_INITIALIZE)
        return;
    step(r, (struct vrrp_event){.kind = VRRP_EVENT_UP, .now = 99 * S, .resume = state == VRRP_MASTER});
    assert_int_equal(r->state, state);
}

static void test_table(void **state)
{
    (void)state;
    enum { DOWN = 1000, TICK };
    static const struct {
        uint8_t from, to;
        int priority; /* heard, or DOWN, or TICK of the timer that runs */
        bool preempt;
        const char *source, *actions;
        ns down_timer; /* Active_Down_Timer afterwards, in ms after the event; 0: not running */
    } cases[] = {
        {VRRP_BACKUP, VRRP_BACKUP, 110, true, "10.1.1.3", "", 3609},
        {VRRP_BACKUP, VRRP_BACKUP, 100, true, "10.1.1.3", "", 3609},
        {VRRP_BACKUP, VRRP_BACKUP, 100, true, "10.1.1.1", "",
         3609}, /* equal: no preemption, whatever the address */
        {VRRP_BACKUP, VRRP_BACKUP, 90, true, "10.1.1.3", "", 2609}, /* passes unheard: the timer runs on */
        {VRRP_BACKUP, VRRP_BACKUP, 90, false, "10.1.1.3", "", 3609},
        {VRRP_BACKUP, VRRP_BACKUP, 0, true, "10.1.1.3", "", 609},
        {VRRP_BACKUP, VRRP_BACKUP, 0, false, "10.1.1.3", "", 609},
        {VRRP_BACKUP, VRRP_MASTER, TICK, true, NULL, "cl+Sa", 0},
        {VRRP_BACKUP, VRRP_MASTER, TICK, false, NULL, "cl+Sa", 0},
        {VRRP_BACKUP, VRRP_INITIALIZE, DOWN, true, NULL, "cl", 0},
        {VRRP_MASTER, VRRP_BACKUP, 110, true, "10.1.1.3", "cl-", 3609},
        {VRRP_MASTER, VRRP_BACKUP, 110, false, "10.1.1.1", "cl-", 3609},
        {VRRP_MASTER, VRRP_BACKUP, 100, true, "10.1.1.3", "cl-", 3609},
        {VRRP_MASTER, VRRP_MASTER, 100, true, "10.1.1.1", "S", 0},
        {VRRP_MASTER, VRRP_MASTER, 90, true, "10.1.1.3", "S", 0},
        {VRRP_MASTER, VRRP_MASTER, 0, true, "10.1.1.3", "S", 0},
        {VRRP_MASTER, VRRP_MASTER, TICK, true, NULL, "S", 0},
        {VRRP_MASTER, VRRP_INITIALIZE, DOWN, true, NULL, "Scl-", 0},
        {VRRP_INITIALIZE, VRRP_INITIALIZE, 110, true, "10.1.1.3", "", 0},
        {VRRP_INITIALIZE, VRRP_INITIALIZE, DOWN, true, NULL, "", 0},
    };
    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        struct vrrp_config c = config_of(ADDRESS_V4);
        struct vrrp_router r;
        const char *text;
        c.preempt = cases[i].preempt;
        put(&r, &c, cases[i].from);
        if (cases[i].priority == DOWN)
            text = step(&r, (struct vrrp_event){.kind = VRRP_EVENT_DOWN, .now = 100 * S});
        else if (cases[i].priority == TICK)
            text = tick(&r, vrrp_deadline(&r));
        else
            text = hear_from(&r, cases[i].source, (uint8_t)cases[i].priority, 100, 100 * S);
        if (r.state != cases[i].to || strcmp(text, cases[i].actions) != 0)
            fail_msg("case %zu: %s, actions %s", i, vrrp_state_name(r.state), text);
        ns left = r.master_down_timer == NS_NEVER ? 0 : (r.master_down_timer - 100 * S) / NS_PER_MS;
        if (left != cases[i].down_timer)
            fail_msg("case %zu: Active_Down_Timer in %llu ms", i, (unsigned long long)left);
        assert_int_equal(r.advertisement_timer != NS_NEVER, r.state == VRRP_MASTER);
    }
}

/* RFC 9568 §6.1, and the figures that routers show for them. */
static void test_times(void **state)
{
    (void)state;
    static const struct {
        uint8_t priority;
        uint16_t interval;
        ns skew_us, down_us;
    } cases[] = {
        {110, 100, 570312, 3570312}, {100, 100, 609375, 3609375},      {254, 100, 7812, 3007812},
        {1, 100, 996093, 3996093},   {100, 4095, 24953906, 147803906}, {200, 1, 2187, 32187},
    };
    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        struct vrrp_config c = config_of(ADDRESS_V4);
        struct vrrp_router r;
        c.priority = cases[i].priority;
        c.interval = cases[i].interval;
        vrrp_init(&r, &c, 0);
        assert_true(vrrp_skew(&r) / NS_PER_US == cases[i].skew_us);
        assert_true(vrrp_master_down(&r) / NS_PER_US == cases[i].down_us);
    }
}

/* Both families: what a Master sends is right, comes from the virtual MAC, and ends with priority 0. */
static void test_sent(void **state)
{
    (void)state;
    for (uint8_t family = ADDRESS_V4; family <= ADDRESS_V6; family += 2) {
        struct vrrp_config c = config_of(family);
        struct vrrp_router r;
        struct vrrp_message m;
        struct address group = vrrp_multicast(family), addresses[REDUNDANCY_ADDRESSES_MAX];
        uint8_t mac[REDUNDANCY_MAC];
        char text[16];
        c.addresses[1] = address(family == ADDRESS_V4 ? "10.1.2.254" : "2001:db8::fe");
        c.address_count = 2;
        c.announce_count = 2;
        vrrp_init(&r, &c, 0);
        assert_string_equal(step(&r, (struct vrrp_event){.kind = VRRP_EVENT_UP, .now = S}), "cl");
        assert_string_equal(actions_find(&actions, REDUNDANCY_LOG, 0)->log.text,
                            "FastEthernet0/0 Grp 7 state Init -> Backup");
        assert_string_equal(tick(&r, vrrp_deadline(&r)), "cl+Saa");
        const struct redundancy_send *send = &actions_find(&actions, REDUNDANCY_SEND, 0)->send;
        assert_true(send->from_virtual_mac);
        assert_int_equal(vrrp_parse(bytes_of(send->data, send->len), &c.interface_address, &group, &m),
                         VRRP_OK);
        assert_true(m.vrid == 7 && m.priority == 100 && m.interval == 100 && m.address_count == 2);
        assert_true(address_equal(&m.addresses[1], &c.addresses[1]));
        assert_int_equal(vrrp_addresses(&r, addresses), 2);
        vrrp_mac(&r, mac);
        assert_string_equal(redundancy_mac_print(mac, text),
                            family == ADDRESS_V4 ? "0000.5e00.0107" : "0000.5e00.0207");
        assert_string_equal(tick(&r, vrrp_deadline(&r)), "aa");
        assert_string_equal(tick(&r, vrrp_deadline(&r)), "S");
        assert_string_equal(step(&r, (struct vrrp_event){.kind = VRRP_EVENT_DOWN, .now = 100 * S}), "Scl-");
        send = &actions_find(&actions, REDUNDANCY_SEND, 0)->send;
        assert_int_equal(vrrp_parse(bytes_of(send->data, send->len), &c.interface_address, &group, &m),
                         VRRP_OK);
        assert_true(m.priority == VRRP_PRIORITY_RELEASE && vrrp_deadline(&r) == NS_NEVER);
        assert_int_equal(r.counters.sent_release, 1);
    }
}

/* Who has the address is Master at once, listens to nobody, and tracking takes nothing from it. */
static void test_owner(void **state)
{
    (void)state;
    struct vrrp_config c = config_of(ADDRESS_V4);
    struct vrrp_router r;
    c.addresses[0] = c.interface_address;
    vrrp_init(&r, &c, 0);
    assert_string_equal(step(&r, (struct vrrp_event){.kind = VRRP_EVENT_UP, .now = S}), "cl+Sa");
    assert_true(vrrp_is_owner(&r) && r.priority == VRRP_PRIORITY_OWNER);
    assert_string_equal(step(&r, (struct vrrp_event){.kind = VRRP_EVENT_PRIORITY, .now = S, .priority = 10}),
                        "");
    assert_string_equal(hear(&r, 255, 2 * S), "");
    assert_true(r.priority == VRRP_PRIORITY_OWNER && r.state == VRRP_MASTER && r.counters.ignored == 1);
}

static void test_preempt_delay(void **state)
{
    (void)state;
    struct vrrp_config c = config_of(ADDRESS_V4);
    struct vrrp_router r;
    c.preempt_minimum = 20 * S;
    vrrp_init(&r, &c, 0);
    step(&r, (struct vrrp_event){.kind = VRRP_EVENT_UP, .now = 100 * S});
    ns now = 100 * S;
    for (; r.state == VRRP_BACKUP && now < 200 * S; now += S / 10) {
        if (vrrp_deadline(&r) <= now)
            tick(&r, now);
        if (now % S == 0 && r.state == VRRP_BACKUP)
            hear(&r, 90, now);
    }
    /* From 120 s on it is deaf for the lower one, and takes over 3.6 s after it heard it last. */
    assert_int_equal(r.state, VRRP_MASTER);
    assert_in_range(now / NS_PER_MS, 122600, 123800);
    /* With nobody there the delay holds up nothing. */
    put(&r, &c, VRRP_BACKUP);
    assert_true(r.master_down_timer == 99 * S + vrrp_master_down(&r));
    tick(&r, r.master_down_timer);
    assert_int_equal(r.state, VRRP_MASTER);
}

static void test_interval_learned(void **state)
{
    (void)state;
    struct vrrp_config c = config_of(ADDRESS_V4);
    struct vrrp_router r;
    put(&r, &c, VRRP_BACKUP);
    hear_from(&r, "10.1.1.3", 110, 20, 100 * S);
    assert_true(r.master_down_timer == 100 * S + 720 * NS_PER_MS + 1875 * NS_PER_US);
    assert_int_equal(r.counters.interval_mismatch, 1);
    /* As Master it uses its own. */
    tick(&r, r.master_down_timer);
    assert_true(r.master_interval == 100 && r.state == VRRP_MASTER);
}

/* Our process slept: what the Master sent is read before its silence is believed, once. */
static void test_late(void **state)
{
    (void)state;
    struct vrrp_config c = config_of(ADDRESS_V4);
    struct vrrp_router r;
    put(&r, &c, VRRP_BACKUP);
    assert_string_equal(tick(&r, 110 * S), "");
    assert_true(vrrp_deadline(&r) == 110 * S + NS_PER_MS);
    assert_string_equal(hear(&r, 110, 110 * S), "");
    assert_string_equal(tick(&r, 120 * S), "");
    assert_string_equal(tick(&r, 130 * S), "cl+Sa");
}

static void test_priority(void **state)
{
    (void)state;
    static const struct {
        uint8_t given, effective;
    } cases[] = {{0, 1}, {1, 1}, {99, 99}, {254, 254}, {255, 254}};
    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        struct vrrp_config c = config_of(ADDRESS_V4);
        struct vrrp_router r;
        put(&r, &c, VRRP_MASTER);
        assert_string_equal(
            step(&r, (struct vrrp_event){.kind = VRRP_EVENT_PRIORITY, .now = S, .priority = cases[i].given}),
            "S");
        assert_int_equal(r.priority, cases[i].effective);
        assert_string_equal(
            step(&r, (struct vrrp_event){.kind = VRRP_EVENT_PRIORITY, .now = S, .priority = cases[i].given}),
            "");
    }
}

static void test_bad(void **state)
{
    (void)state;
    struct vrrp_config c = config_of(ADDRESS_V4);
    struct vrrp_router r;
    struct vrrp_message m = {.vrid = 7,
                             .priority = 254,
                             .interval = 100,
                             .address_count = 1,
                             .addresses = {address("10.1.1.254")}};
    struct address from = address("10.1.1.3"), group = vrrp_multicast(ADDRESS_V4);
    uint8_t payload[VRRP_MESSAGE_MAX];
    size_t len = vrrp_write(&m, &from, &group, payload, sizeof(payload));
    struct vrrp_event event = {
        .kind = VRRP_EVENT_MESSAGE, .now = 100 * S, .message = {bytes_of(payload, len), from, group, 255}};
    put(&r, &c, VRRP_MASTER);
    event.message.ttl = 254;
    assert_string_equal(step(&r, event), "");
    assert_int_equal(r.counters.bad_ttl, 1);
    event.message.ttl = 255;
    for (size_t at = 0; at < len; at++) {
        payload[at] ^= 0x40;
        assert_string_equal(step(&r, event), "");
        payload[at] ^= 0x40;
    }
    assert_true(r.counters.errors[VRRP_VERSION] == 1 &&
                r.counters.errors[VRRP_CHECKSUM] + r.counters.errors[VRRP_COUNT] == len - 1);
    payload[0] = 0x21;
    step(&r, event);
    assert_int_equal(r.counters.errors[VRRP_VERSION_2], 1);
    event.message.payload.len = 5;
    step(&r, event);
    assert_int_equal(r.counters.errors[VRRP_TRUNCATED], 1);
    /* Another virtual router, our own packet, another family. */
    m.vrid = 8;
    len = vrrp_write(&m, &from, &group, payload, sizeof(payload));
    event.message.payload.len = len;
    step(&r, event);
    event.message.source = c.interface_address;
    step(&r, event);
    event.message.source = address("fe80::3");
    step(&r, event);
    assert_true(r.counters.ignored == 3 && r.state == VRRP_MASTER && r.counters.received == 0);
    /* Other addresses: said once, acted on all the same. */
    m.vrid = 7;
    m.addresses[0] = address("10.1.1.253");
    event.message.source = from;
    event.message.payload.len = vrrp_write(&m, &from, &group, payload, sizeof(payload));
    assert_string_equal(step(&r, event), "lcl-");
    assert_string_equal(step(&r, event), "");
    assert_int_equal(r.counters.address_mismatch, 2);
}

static void test_storm(void **state)
{
    (void)state;
    struct vrrp_config c = config_of(ADDRESS_V4);
    struct vrrp_router r;
    unsigned replies = 0;
    put(&r, &c, VRRP_MASTER);
    for (unsigned i = 0; i < 1000; i++)
        replies += hear(&r, 90, 100 * S + i * NS_PER_US)[0] == 'S';
    assert_int_equal(replies, 10);
    assert_in_range(r.counters.storm_dropped, 900, 999);
    put(&r, &c, VRRP_BACKUP);
    hear(&r, 110, 100 * S);
    for (unsigned i = 0; i < 1000; i++)
        hear_from(&r, "10.1.1.9", 90, 1, 100 * S);
    hear(&r, 110, 101 * S);
    assert_true(r.counters.storm_dropped > 900 && r.master_down_timer == 101 * S + vrrp_master_down(&r));
}

static void test_duplicate(void **state)
{
    (void)state;
    struct vrrp_config c = config_of(ADDRESS_V4);
    struct vrrp_router r;
    struct vrrp_event seen = {
        .kind = VRRP_EVENT_ADDRESS, .now = 100 * S, .seen = {address("10.1.1.254"), {2, 9, 9, 9, 9, 9}}};
    put(&r, &c, VRRP_BACKUP);
    assert_string_equal(step(&r, seen), "");
    put(&r, &c, VRRP_MASTER);
    assert_string_equal(step(&r, seen), "la");
    assert_string_equal(actions_find(&actions, REDUNDANCY_LOG, 0)->log.text,
                        "Duplicate address 10.1.1.254 on FastEthernet0/0, sourced by 0209.0909.0909");
    assert_string_equal(step(&r, seen), "a");
    assert_int_equal(r.counters.duplicate_addresses, 2);
    /* Logged once, answered ten times a second. */
    unsigned answers = 0;
    for (unsigned n = 0; n < 2000; n++) {
        seen.now = 101 * S + n * NS_PER_MS;
        answers += strcmp(step(&r, seen), "a") == 0;
    }
    assert_int_equal(answers, 20);
    assert_int_equal(r.counters.duplicate_addresses, 2002);
    memcpy(seen.seen.mac, c.interface_mac, sizeof(c.interface_mac));
    step(&r, seen);
    vrrp_mac(&r, seen.seen.mac);
    step(&r, seen);
    assert_int_equal(r.counters.duplicate_addresses, 2002);
}

static void test_configure(void **state)
{
    (void)state;
    struct vrrp_config c = config_of(ADDRESS_V4), changed = c;
    struct vrrp_router r;
    put(&r, &c, VRRP_MASTER);
    step(&r, (struct vrrp_event){.kind = VRRP_EVENT_PRIORITY, .now = 99 * S, .priority = 90});
    changed.priority = 150;
    changed.interval = 10;
    actions.count = 0;
    vrrp_configure(&r, &changed, 100 * S, &actions);
    assert_string_equal(actions_text(&actions), "S");
    assert_true(r.priority == 140 && r.state == VRRP_MASTER &&
                vrrp_deadline(&r) <= 100 * S + 100 * NS_PER_MS);
    changed.addresses[1] = address("10.1.1.253");
    changed.address_count = 2;
    actions.count = 0;
    vrrp_configure(&r, &changed, 100 * S, &actions);
    assert_string_equal(actions_text(&actions), "-+aa");
    changed.vrid = 9;
    actions.count = 0;
    vrrp_configure(&r, &changed, 100 * S, &actions);
    assert_string_equal(actions_text(&actions), "Scl-cl");
    assert_true(r.state == VRRP_BACKUP && r.priority == 140);
    /* Its own interface's address makes it the owner. */
    changed.addresses[0] = changed.interface_address;
    actions.count = 0;
    vrrp_configure(&r, &changed, 100 * S, &actions);
    assert_true(r.state == VRRP_MASTER && r.priority == 255);
    changed.addresses[0] = address("10.1.1.254");
    actions.count = 0;
    vrrp_configure(&r, &changed, 100 * S, &actions);
    assert_true(r.state == VRRP_BACKUP && r.priority == 150);
}

/* An interface without an address yet: nothing is sent from nowhere; with one it is brought up as any other.
 */
static void test_no_address(void **state)
{
    (void)state;
    struct vrrp_config c = config_of(ADDRESS_V4), without = c;
    struct vrrp_event up = {.kind = VRRP_EVENT_UP, .now = S, .resume = true};
    struct vrrp_router r;
    without.interface_address = (struct address){0};
    vrrp_init(&r, &without, 0);
    assert_string_equal(step(&r, up), "");
    assert_true(!r.up && vrrp_deadline(&r) == NS_NEVER);
    assert_string_equal(hear_from(&r, "10.1.1.3", 90, 100, S), "");
    actions.count = 0;
    vrrp_configure(&r, &c, 2 * S, &actions);
    assert_string_equal(actions_text(&actions), "");
    assert_string_equal(step(&r, up), "cl+Sa");
    /* And when it goes, the Master says so with the address that it had. */
    actions.count = 0;
    vrrp_configure(&r, &without, 3 * S, &actions);
    assert_string_equal(actions_text(&actions), "Scl-");
    assert_true(!r.up && r.state == VRRP_INITIALIZE);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_table),         cmocka_unit_test(test_times),
        cmocka_unit_test(test_sent),          cmocka_unit_test(test_owner),
        cmocka_unit_test(test_preempt_delay), cmocka_unit_test(test_interval_learned),
        cmocka_unit_test(test_priority),      cmocka_unit_test(test_bad),
        cmocka_unit_test(test_storm),         cmocka_unit_test(test_duplicate),
        cmocka_unit_test(test_configure),     cmocka_unit_test(test_late),
        cmocka_unit_test(test_no_address),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
