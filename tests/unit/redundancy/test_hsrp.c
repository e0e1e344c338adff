/* SPDX-License-Identifier: Apache-2.0 */
/* The HSRP machine: its state table cell by cell (RFC 2281 §5.7), timers, delays, preemption, learning,
 * tracking, following, changes of configuration. */
#include "hsrp_world.h"

#define I  HSRP_INITIAL
#define LE HSRP_LEARN
#define LI HSRP_LISTEN
#define SP HSRP_SPEAK
#define ST HSRP_STANDBY
#define AC HSRP_ACTIVE

/* c Active timer, d Standby timer, e hello timer, f Speak higher, F lower, g Active higher, h lower, H lower
 * and we preempt, i resign, j coup higher, J lower, k Standby higher, l lower, b down. */
static const char *cause(struct hsrp_group *g, char event)
{
    switch (event) {
    case 'b':
        return step(g, (struct hsrp_event){.kind = HSRP_EVENT_DOWN, .now = 100 * S});
    case 'c':
        g->active_timer = 100 * S;
        return tick(g, 100 * S);
    case 'd':
        g->standby_timer = 100 * S;
        return tick(g, 100 * S);
    case 'e':
        g->hello_timer = 100 * S;
        return tick(g, 100 * S);
    case 'f':
        return hear(g, HSRP_HELLO, SP, 110, 100 * S);
    case 'F':
        return hear(g, HSRP_HELLO, SP, 90, 100 * S);
    case 'g':
        return hear(g, HSRP_HELLO, AC, 110, 100 * S);
    case 'H':
        g->config.preempt = true;
        return hear(g, HSRP_HELLO, AC, 90, 100 * S);
    case 'h':
        return hear(g, HSRP_HELLO, AC, 90, 100 * S);
    case 'i':
        return hear(g, HSRP_RESIGN, AC, 90, 100 * S);
    case 'j':
        return hear(g, HSRP_COUP, SP, 110, 100 * S);
    case 'J':
        return hear(g, HSRP_COUP, SP, 90, 100 * S);
    case 'k':
        return hear(g, HSRP_HELLO, ST, 110, 100 * S);
    default:
        return hear(g, HSRP_HELLO, ST, 90, 100 * S);
    }
}

static void test_table(void **state)
{
    (void)state;
    static const struct {
        char event;
        uint8_t from, to;
        bool a, b; /* Active, Standby timer started anew */
        const char *actions;
    } cells[] = {
        {'b', LE, I, 0, 0, "cl"},
        {'b', LI, I, 0, 0, "cl"},
        {'b', SP, I, 0, 0, "cl"},
        {'b', ST, I, 0, 0, "cl"},
        {'b', AC, I, 0, 0, "Sc-l"},
        {'c', LE, LE, 0, 0, ""},
        {'c', LI, SP, 1, 1, "clS"},
        {'c', SP, SP, 0, 0, ""},
        {'c', ST, AC, 0, 0, "c+alS"},
        {'d', LE, LE, 0, 0, ""},
        {'d', LI, SP, 0, 1, "clS"},
        {'d', SP, ST, 0, 0, "clS"},
        {'d', AC, AC, 0, 0, ""},
        {'e', SP, SP, 0, 0, "S"},
        {'e', ST, ST, 0, 0, "S"},
        {'e', AC, AC, 0, 0, "S"},
        {'f', LE, LE, 0, 0, ""},
        {'f', LI, LI, 0, 0, ""},
        {'f', SP, LI, 0, 1, "cl"},
        {'f', ST, LI, 0, 1, "cl"},
        {'f', AC, AC, 0, 0, ""},
        {'F', LI, LI, 0, 0, ""},
        {'F', SP, SP, 0, 0, ""},
        {'F', ST, ST, 0, 0, ""},
        {'F', AC, AC, 0, 0, ""},
        {'g', LE, LI, 1, 1, "cl"},
        {'g', LI, LI, 1, 0, ""},
        {'g', SP, SP, 1, 0, ""},
        {'g', ST, ST, 1, 0, ""},
        {'g', AC, SP, 1, 1, "Sc-lS"},
        {'h', LE, LI, 1, 1, "cl"},
        {'h', LI, LI, 1, 0, ""},
        {'h', SP, SP, 1, 0, ""},
        {'h', ST, ST, 1, 0, ""},
        {'h', AC, AC, 0, 0, "Sa"},
        {'H', LE, LI, 1, 1, "cl"},
        {'H', LI, AC, 0, 1, "Sc+alS"},
        {'H', SP, AC, 0, 1, "Sc+alS"},
        {'H', ST, AC, 0, 1, "Sc+alS"},
        {'H', AC, AC, 0, 0, "Sa"},
        {'i', LE, LE, 0, 0, ""},
        {'i', LI, SP, 1, 1, "clS"},
        {'i', SP, SP, 0, 0, ""},
        {'i', ST, AC, 0, 0, "c+alS"},
        {'i', AC, AC, 0, 0, ""},
        {'j', LE, LE, 0, 0, ""},
        {'j', LI, LI, 0, 0, ""},
        {'j', SP, SP, 0, 0, ""},
        {'j', ST, ST, 0, 0, ""},
        {'j', AC, SP, 1, 1, "Sc-lS"},
        {'J', AC, AC, 0, 0, ""},
        {'k', LE, LE, 0, 0, ""},
        {'k', LI, LI, 0, 1, ""},
        {'k', SP, LI, 0, 1, "cl"},
        {'k', ST, LI, 0, 1, "cl"},
        {'k', AC, AC, 0, 1, ""},
        {'l', LE, LE, 0, 0, ""},
        {'l', LI, SP, 0, 1, "clS"},
        {'l', SP, ST, 0, 0, "clS"},
        {'l', ST, ST, 0, 0, ""},
        {'l', AC, AC, 0, 1, ""},
        /* Nothing reaches a group whose interface is down. */
        {'g', I, I, 0, 0, ""},
        {'h', I, I, 0, 0, ""},
        {'i', I, I, 0, 0, ""},
        {'j', I, I, 0, 0, ""},
        {'k', I, I, 0, 0, ""},
        {'b', I, I, 0, 0, ""},
    };
    for (size_t i = 0; i < ARRAY_SIZE(cells); i++) {
        struct hsrp_config c = config_of();
        struct hsrp_group g;
        if (cells[i].from == LE)
            c.virtual_address = (struct address){0};
        put(&g, &c, cells[i].from);
        const char *text = cause(&g, cells[i].event);
        if (g.state != cells[i].to || strcmp(text, cells[i].actions) != 0)
            fail_msg("event %c in %s: %s, actions %s", cells[i].event, hsrp_state_name(cells[i].from),
                     hsrp_state_name(g.state), text);
        if ((g.active_timer == 110 * S) != cells[i].a || (g.standby_timer == 110 * S) != cells[i].b)
            fail_msg("event %c in %s: timers", cells[i].event, hsrp_state_name(cells[i].from));
        /* Who speaks has a hello to come, who does not has none. */
        assert_int_equal(g.hello_timer != NS_NEVER, g.state >= SP);
        assert_int_equal(g.counters.state_changes, cells[i].from != cells[i].to);
    }
}

/* Equal priorities: the address decides an election and between two Active ones, and never preempts. */
static void test_ties(void **state)
{
    (void)state;
    static const struct {
        const char *source;
        uint8_t sender, from, to;
    } cases[] = {
        {"10.1.1.3", AC, AC, SP}, {"10.1.1.1", AC, AC, AC}, {"10.1.1.3", ST, SP, LI},
        {"10.1.1.1", ST, SP, ST}, {"10.1.1.3", SP, ST, LI}, {"10.1.1.1", SP, ST, ST},
        {"10.1.1.1", AC, ST, ST}, {"10.1.1.1", AC, LI, LI},
    };
    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        struct hsrp_config c = config_of();
        struct hsrp_group g;
        c.preempt = true;
        put(&g, &c, cases[i].from);
        hear_message(&g, message_of(HSRP_HELLO, cases[i].sender, 100), cases[i].source, 100 * S);
        if (g.state != cases[i].to)
            fail_msg("case %zu: %s", i, hsrp_state_name(g.state));
    }
}

/* Alone on the wire: Listen, Speak, Standby and Active two hold times after the start. */
static void test_alone(void **state)
{
    (void)state;
    struct hsrp_config c = config_of();
    struct hsrp_group g;
    struct address addresses[REDUNDANCY_ADDRESSES_MAX];
    char text[ADDRESS_TEXT];
    c.delay_minimum = 1 * S;
    c.delay_reload = 5 * S;
    c.secondary[0] = address("10.1.2.254");
    c.secondary_count = 1;
    c.announce_count = 3;
    hsrp_init(&g, &c, 0);
    assert_true(hsrp_deadline(&g) == NS_NEVER);
    assert_string_equal(step(&g, (struct hsrp_event){.kind = HSRP_EVENT_UP, .now = 10 * S, .reload = true}),
                        "");
    assert_true(hsrp_deadline(&g) == 15 * S);
    assert_string_equal(tick(&g, 15 * S), "cl");
    assert_string_equal(actions_find(&actions, REDUNDANCY_LOG, 0)->log.text,
                        "FastEthernet0/0 Grp 1 state Init -> Listen");
    assert_true(hsrp_deadline(&g) == 25 * S);
    assert_string_equal(tick(&g, 25 * S), "clS");
    for (ns now = 28 * S; now < 35 * S; now += 3 * S) {
        assert_true(hsrp_deadline(&g) == now);
        assert_string_equal(tick(&g, now), "S");
    }
    assert_true(hsrp_deadline(&g) == 35 * S);
    assert_string_equal(tick(&g, 35 * S), "clSc+aalS");
    assert_int_equal(g.state, AC);
    assert_string_equal(hsrp_active_print(&g, text), "local");
    assert_string_equal(hsrp_standby_print(&g, text), "unknown");
    const struct redundancy_log *log = &actions_find(&actions, REDUNDANCY_LOG, 1)->log;
    assert_string_equal(log->text, "FastEthernet0/0 Grp 1 state Standby -> Active");
    assert_true(strcmp(log->facility, "HSRP") == 0 && strcmp(log->mnemonic, "STATECHANGE") == 0 &&
                log->severity == 5);
    /* The hello of an Active router comes from the virtual MAC; the ones before do not. */
    assert_false(actions_find(&actions, REDUNDANCY_SEND, 0)->send.from_virtual_mac);
    assert_true(actions_find(&actions, REDUNDANCY_SEND, 1)->send.from_virtual_mac);
    /* Each address is announced three times. */
    assert_int_equal(hsrp_addresses(&g, addresses), 2);
    assert_true(hsrp_deadline(&g) == 35 * S + 200 * NS_PER_MS);
    assert_string_equal(tick(&g, hsrp_deadline(&g)), "aa");
    assert_string_equal(tick(&g, hsrp_deadline(&g)), "aa");
    assert_true(hsrp_deadline(&g) == 38 * S);
    /* A late tick, a clock that jumped: one hello, not one for each that was missed. */
    assert_string_equal(tick(&g, 500 * S), "S");
    assert_true(hsrp_deadline(&g) == 503 * S);
    /* UP twice is UP once. */
    assert_string_equal(step(&g, (struct hsrp_event){.kind = HSRP_EVENT_UP, .now = 501 * S}), "");
    assert_string_equal(step(&g, (struct hsrp_event){.kind = HSRP_EVENT_DOWN, .now = 502 * S}), "Sc-l");
    struct hsrp_message m;
    const struct redundancy_send *send = &actions_find(&actions, REDUNDANCY_SEND, 0)->send;
    assert_int_equal(hsrp_parse(bytes_of(send->data, send->len), &m), HSRP_OK);
    assert_true(m.opcode == HSRP_RESIGN && m.state == AC && send->from_virtual_mac);
    assert_true(hsrp_deadline(&g) == NS_NEVER);
}

/* Preemption waits for its delays, and happens when the last one ends, the priority rises, or the state is
 * here. */
static void test_preempt(void **state)
{
    (void)state;
    static const struct {
        ns minimum, reload, sync;
        bool reloaded;
        ns from; /* the first moment (after UP) at which it may */
    } cases[] = {
        {0, 0, 0, false, 0},
        {5 * S, 0, 0, false, 5 * S},
        {5 * S, 60 * S, 0, false, 5 * S},
        {5 * S, 60 * S, 0, true, 60 * S},
        {5 * S, 2 * S, 0, true, 5 * S},
        {0, 0, 7 * S, false, 7 * S},
        {5 * S, 0, 7 * S, false, 7 * S},
    };
    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        struct hsrp_config c = config_of();
        struct hsrp_group g;
        c.preempt = true;
        c.preempt_minimum = cases[i].minimum;
        c.preempt_reload = cases[i].reload;
        c.preempt_sync = cases[i].sync;
        hsrp_init(&g, &c, 0);
        step(&g, (struct hsrp_event){.kind = HSRP_EVENT_UP, .now = 100 * S, .reload = cases[i].reloaded});
        assert_true(hsrp_preempt_left(&g, 100 * S) == cases[i].from);
        ns now = 100 * S;
        for (; g.state != AC && now < 200 * S; now += S / 2) {
            if (hsrp_deadline(&g) <= now)
                tick(&g, now);
            if (g.state != AC)
                hear(&g, HSRP_HELLO, AC, 90, now);
            if (g.state != AC)
                hear_message(&g, message_of(HSRP_HELLO, ST, 120), "10.1.1.4", now);
        }
        assert_int_equal(g.state, AC);
        if (now - S / 2 != 100 * S + cases[i].from)
            fail_msg("case %zu: preempts after %llu ms", i,
                     (unsigned long long)((now - 100 * S) / NS_PER_MS));
        assert_int_equal(g.counters.coups_sent, 1);
    }
    /* The state arrived before the sync delay ended. */
    struct hsrp_config c = config_of();
    struct hsrp_group g;
    c.preempt = true;
    c.preempt_sync = 60 * S;
    hsrp_init(&g, &c, 0);
    step(&g, (struct hsrp_event){.kind = HSRP_EVENT_UP, .now = 100 * S});
    assert_string_equal(hear(&g, HSRP_HELLO, AC, 90, 101 * S), "");
    assert_string_equal(step(&g, (struct hsrp_event){.kind = HSRP_EVENT_SYNCED, .now = 102 * S}), "Sc+alS");
    assert_true(hsrp_preempt_left(&g, 102 * S) == 0);
}

/* Tracking: a lower priority is said at once and the other may take over; a higher one takes at once. */
static void test_priority(void **state)
{
    (void)state;
    struct hsrp_config c = config_of();
    struct hsrp_group g;
    struct hsrp_message m;
    c.preempt = true;
    put(&g, &c, AC);
    assert_string_equal(
        step(&g, (struct hsrp_event){.kind = HSRP_EVENT_PRIORITY, .now = 100 * S, .priority = 80}), "S");
    const struct redundancy_send *send = &actions_find(&actions, REDUNDANCY_SEND, 0)->send;
    assert_int_equal(hsrp_parse(bytes_of(send->data, send->len), &m), HSRP_OK);
    assert_true(m.priority == 80 && m.state == AC);
    assert_string_equal(
        step(&g, (struct hsrp_event){.kind = HSRP_EVENT_PRIORITY, .now = 100 * S, .priority = 80}), "");
    assert_string_equal(hear(&g, HSRP_COUP, ST, 90, 100 * S), "Sc-lS");
    assert_string_equal(hear(&g, HSRP_HELLO, AC, 90, 100 * S), "");
    assert_int_equal(g.state, SP);
    assert_string_equal(
        step(&g, (struct hsrp_event){.kind = HSRP_EVENT_PRIORITY, .now = 101 * S, .priority = 100}),
        "Sc+alS");
    /* Without preemption nothing is taken, but said. */
    c.preempt = false;
    put(&g, &c, ST);
    hear(&g, HSRP_HELLO, AC, 90, 100 * S);
    assert_string_equal(
        step(&g, (struct hsrp_event){.kind = HSRP_EVENT_PRIORITY, .now = 101 * S, .priority = 200}), "S");
}

static void test_learn(void **state)
{
    (void)state;
    static const struct {
        uint32_t hello_ms, hold_ms;
        bool configured;
        ns hello, hold;
    } cases[] = {
        {1000, 4000, false, S, 4 * S},        {250, 1000, false, S / 4, S},
        {1000, 4000, true, 3 * S, 10 * S},    {0, 4000, false, 3 * S, 10 * S},
        {4000, 4000, false, 3 * S, 10 * S},   {4000, 1000, false, 3 * S, 10 * S},
        {1000, 300000, false, 3 * S, 10 * S},
    };
    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        struct hsrp_config c = config_of();
        struct hsrp_group g;
        struct address addresses[REDUNDANCY_ADDRESSES_MAX];
        struct hsrp_message m = message_of(HSRP_HELLO, AC, 110);
        c.version = m.version = 2;
        c.virtual_address = (struct address){0};
        c.timers_set = cases[i].configured;
        m.hello_ms = cases[i].hello_ms;
        m.hold_ms = cases[i].hold_ms;
        memcpy(m.identifier, "\2\0\0\0\0\3", 6);
        put(&g, &c, LE);
        assert_int_equal(hsrp_addresses(&g, addresses), 0);
        hear_message(&g, m, "10.1.1.3", 100 * S);
        assert_int_equal(g.state, LI);
        assert_int_equal(hsrp_addresses(&g, addresses), 1);
        if (g.hello != cases[i].hello || g.hold != cases[i].hold)
            fail_msg("case %zu", i);
        assert_true(g.active.known && g.active.mac_known && g.active.priority == 110 &&
                    g.active_timer == 100 * S + g.hold);
        /* What was learned is forgotten with the interface. */
        step(&g, (struct hsrp_event){.kind = HSRP_EVENT_DOWN, .now = 101 * S});
        assert_true(hsrp_addresses(&g, addresses) == 0 && g.hello == 3 * S && !g.active.known);
    }
    /* An Active router never learns, and a hello without address teaches none. */
    struct hsrp_config c = config_of();
    struct hsrp_group g;
    struct hsrp_message m = message_of(HSRP_HELLO, AC, 90);
    m.hello_ms = 1000;
    put(&g, &c, AC);
    hear_message(&g, m, "10.1.1.3", 100 * S);
    assert_true(g.hello == 3 * S);
    c.virtual_address = m.virtual_address = (struct address){0};
    put(&g, &c, LE);
    hear_message(&g, m, "10.1.1.3", 100 * S);
    assert_int_equal(g.state, LE);
}

/* The Active router has another idea of the address: said once, and it is Active all the same. */
static void test_other_address(void **state)
{
    (void)state;
    struct hsrp_config c = config_of();
    struct hsrp_group g;
    struct hsrp_message m = message_of(HSRP_HELLO, AC, 110);
    m.virtual_address = address("10.1.1.253");
    put(&g, &c, LI);
    assert_string_equal(hear_message(&g, m, "10.1.1.3", 100 * S), "l");
    assert_string_equal(
        actions_find(&actions, REDUNDANCY_LOG, 0)->log.text,
        "FastEthernet0/0 Grp 1 active routers virtual IP address 10.1.1.253 is different to the "
        "locally configured address 10.1.1.254");
    assert_string_equal(hear_message(&g, m, "10.1.1.3", 101 * S), "");
    assert_string_equal(hear_message(&g, m, "10.1.1.3", 131 * S), "l");
    assert_true(g.counters.bad_address == 3 && g.active.known);
    assert_true(address_equal(&g.virtual_address, &c.virtual_address));
}

/* A resign that is not the Active router's moves nobody. */
static void test_resign_of_other(void **state)
{
    (void)state;
    struct hsrp_config c = config_of();
    struct hsrp_group g;
    put(&g, &c, ST);
    hear(&g, HSRP_HELLO, AC, 110, 100 * S);
    assert_string_equal(hear_message(&g, message_of(HSRP_RESIGN, AC, 110), "10.1.1.9", 101 * S), "");
    assert_int_equal(g.state, ST);
    assert_string_equal(hear(&g, HSRP_RESIGN, AC, 110, 101 * S), "c+alS");
    /* In Speak it shortens the wait: once elected Standby, this one is Active at once. */
    put(&g, &c, SP);
    hear(&g, HSRP_HELLO, AC, 110, 100 * S);
    assert_string_equal(hear(&g, HSRP_RESIGN, AC, 110, 101 * S), "");
    assert_string_equal(tick(&g, 106 * S), "clSc+alS");
}

static void test_yield(void **state)
{
    (void)state;
    struct hsrp_config c = config_of();
    struct hsrp_group g;
    struct hsrp_event yields = {.kind = HSRP_EVENT_YIELD, .now = 100 * S};
    c.preempt = true;
    put(&g, &c, AC);
    assert_string_equal(step(&g, yields), ""); /* to nobody */
    hear(&g, HSRP_HELLO, ST, 90, 100 * S);
    assert_string_equal(step(&g, yields), "Sc-lS");
    assert_int_equal(g.state, SP);
    /* Higher and set to preempt, it leaves the role where it was put ... */
    assert_string_equal(hear(&g, HSRP_HELLO, AC, 90, 101 * S), "");
    assert_string_equal(step(&g, yields), "");
    /* ... until it had it again. */
    tick(&g, 110 * S);
    assert_int_equal(g.state, ST);
    tick(&g, 111 * S);
    assert_int_equal(g.state, AC);
    assert_false(g.yielded);
}

static void test_resume(void **state)
{
    (void)state;
    struct hsrp_config c = config_of();
    struct hsrp_group g;
    c.delay_minimum = 60 * S;
    hsrp_init(&g, &c, 0);
    assert_string_equal(step(&g, (struct hsrp_event){.kind = HSRP_EVENT_UP, .now = S, .resume = AC}),
                        "c+alS");
    hsrp_init(&g, &c, 0);
    assert_string_equal(step(&g, (struct hsrp_event){.kind = HSRP_EVENT_UP, .now = S, .resume = ST}), "clS");
    assert_true(g.active_timer == 11 * S);
    hsrp_init(&g, &c, 0);
    assert_string_equal(step(&g, (struct hsrp_event){.kind = HSRP_EVENT_UP, .now = S, .resume = SP}), "");
    /* An address that was learned is not known any more. */
    c.virtual_address = (struct address){0};
    hsrp_init(&g, &c, 0);
    assert_string_equal(step(&g, (struct hsrp_event){.kind = HSRP_EVENT_UP, .now = S, .resume = AC}), "");
}

static void test_follow(void **state)
{
    (void)state;
    struct hsrp_config c = config_of();
    struct hsrp_group g;
    c.follows = true;
    hsrp_init(&g, &c, 0);
    struct hsrp_event leader = {.kind = HSRP_EVENT_LEADER, .now = S, .leader = ST};
    assert_string_equal(step(&g, leader), "");
    assert_string_equal(step(&g, (struct hsrp_event){.kind = HSRP_EVENT_UP, .now = S}), "cl");
    assert_int_equal(g.state, ST);
    assert_string_equal(hear(&g, HSRP_RESIGN, AC, 110, 2 * S), "");
    leader.leader = AC;
    assert_string_equal(step(&g, leader), "c+alS");
    /* It elects nobody and only refreshes the switches. */
    assert_string_equal(hear(&g, HSRP_HELLO, AC, 250, 2 * S), "");
    assert_string_equal(hear(&g, HSRP_COUP, SP, 250, 2 * S), "");
    assert_true(hsrp_deadline(&g) == 11 * S);
    assert_string_equal(tick(&g, 11 * S), "S");
    leader.leader = SP;
    assert_string_equal(step(&g, leader), "c-l");
    assert_true(hsrp_deadline(&g) == NS_NEVER);
    leader.leader = AC;
    step(&g, leader);
    assert_string_equal(step(&g, (struct hsrp_event){.kind = HSRP_EVENT_DOWN, .now = 12 * S}), "c-l");
    /* Without an address there is nothing to own. */
    c.virtual_address = (struct address){0};
    hsrp_init(&g, &c, 0);
    g.leader = AC;
    assert_string_equal(step(&g, (struct hsrp_event){.kind = HSRP_EVENT_UP, .now = S}), "cl");
    assert_int_equal(g.state, LE);
}

static void test_configure(void **state)
{
    (void)state;
    struct hsrp_config c = config_of(), changed;
    struct hsrp_group g;
    put(&g, &c, AC);
    g.priority = 90; /* tracking took 10 */
    changed = c;
    changed.timers_set = true;
    changed.hello = S;
    changed.hold = 3 * S;
    changed.priority = 150;
    actions.count = 0;
    hsrp_configure(&g, &changed, 100 * S, &actions);
    assert_string_equal(actions_text(&actions), "S");
    assert_true(g.state == AC && g.priority == 140 && g.hello == S && hsrp_deadline(&g) == 101 * S);
    /* Another set of addresses, another MAC: taken anew. */
    changed.secondary[0] = address("10.1.1.253");
    changed.secondary_count = 1;
    actions.count = 0;
    hsrp_configure(&g, &changed, 100 * S, &actions);
    assert_string_equal(actions_text(&actions), "-+aa");
    changed.use_bia = true;
    actions.count = 0;
    hsrp_configure(&g, &changed, 100 * S, &actions);
    assert_string_equal(actions_text(&actions), "-+aa");
    /* Another address, version or group is another group. */
    changed.virtual_address = address("10.1.1.250");
    actions.count = 0;
    hsrp_configure(&g, &changed, 100 * S, &actions);
    assert_string_equal(actions_text(&actions), "Sc-lcl");
    assert_true(g.state == LI && g.priority == 140);
    /* Preemption allowed is used at once. */
    put(&g, &c, ST);
    hear(&g, HSRP_HELLO, AC, 90, 100 * S);
    changed = c;
    changed.preempt = true;
    actions.count = 0;
    hsrp_configure(&g, &changed, 100 * S, &actions);
    assert_string_equal(actions_text(&actions), "Sc+alS");
    /* Shorter timers count from now. */
    put(&g, &c, LI);
    changed.timers_set = true;
    changed.hello = 15 * NS_PER_MS;
    changed.hold = 50 * NS_PER_MS;
    actions.count = 0;
    hsrp_configure(&g, &changed, 100 * S, &actions);
    assert_true(hsrp_deadline(&g) == 100 * S + 50 * NS_PER_MS);
}

/* Our process slept: the hellos of the Active router are still in a socket, and are read before its silence
 * is believed; but one who is silent is so for a millisecond longer, not for ever. */
static void test_late(void **state)
{
    (void)state;
    struct hsrp_config c = config_of();
    struct hsrp_group g;
    put(&g, &c, ST);
    hear(&g, HSRP_HELLO, AC, 110, 95 * S);
    assert_string_equal(tick(&g, 105 * S + 20 * NS_PER_MS), "S"); /* the hello that was due, nothing else */
    assert_true(hsrp_deadline(&g) == 105 * S + 21 * NS_PER_MS);
    assert_string_equal(hear(&g, HSRP_HELLO, AC, 110, 105 * S + 20 * NS_PER_MS), "");
    assert_true(g.state == ST && g.active_timer == 115 * S + 20 * NS_PER_MS);
    assert_string_equal(tick(&g, 116 * S), "S");
    assert_true(hsrp_deadline(&g) == 116 * S + NS_PER_MS);
    assert_string_equal(tick(&g, 117 * S), "c+alS"); /* late again, and put off once */
    /* The next time is a time of its own; in Active the Standby router gets the same patience. */
    hear(&g, HSRP_HELLO, ST, 90, 118 * S);
    tick(&g, 129 * S);
    assert_true(g.standby.known);
    tick(&g, 129 * S + NS_PER_MS);
    assert_false(g.standby.known);
}

/* An Active router that slept while another one took its place stands back, whatever it looks at first: its
 * timers, or the other's hellos that wait in a socket. It does not claim the role from a lower priority.
 * Nobody to replace it, or a hiccup: it goes on. */
static void test_slept(void **state)
{
    (void)state;
    struct hsrp_config c = config_of();
    static const struct {
        bool stood_by;
        ns pause;
        enum hsrp_state state;
    } cases[] = {{true, 60 * S, LI}, {true, 3 * S + NS_PER_MS, AC}, {false, 60 * S, AC}};
    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        for (unsigned message = 0; message < 2; message++) {
            struct hsrp_group g;
            put(&g, &c, AC);
            if (cases[i].stood_by)
                hear(&g, HSRP_HELLO, ST, 90, 100 * S);
            ns now = 100 * S + cases[i].pause;
            const char *done = message ? hear(&g, HSRP_HELLO, AC, 90, now) : tick(&g, now);
            assert_int_equal(g.state, cases[i].state);
            if (cases[i].state == LI)
                assert_true(strchr(done, '-') && !strchr(done, 'S'));
        }
    }
}

static void test_mac(void **state)
{
    (void)state;
    static const struct {
        uint8_t version;
        uint16_t group;
        bool bia, set;
        const char *mac;
    } cases[] = {
        {1, 1, false, false, "0000.0c07.ac01"},
        {2, 50, false, false, "0000.0c9f.f032"},
        {1, 1, true, false, "0200.0000.0002"},
        {1, 1, false, true, "4000.1000.1060"},
    };
    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        struct hsrp_config c = config_of();
        struct hsrp_group g;
        uint8_t mac[REDUNDANCY_MAC];
        char text[16];
        c.version = cases[i].version;
        c.group = cases[i].group;
        c.use_bia = cases[i].bia;
        c.mac_set = cases[i].set;
        memcpy(c.mac, "\x40\x00\x10\x00\x10\x60", 6);
        put(&g, &c, ST);
        hsrp_mac(&g, mac);
        assert_string_equal(redundancy_mac_print(mac, text), cases[i].mac);
        step(&g, (struct hsrp_event){.kind = HSRP_EVENT_TICK, .now = 105 * S});
        const struct redundancy_send *hello = &actions_find(&actions, REDUNDANCY_SEND, 0)->send;
        assert_true(hello->from_virtual_mac == !cases[i].bia);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_table),         cmocka_unit_test(test_ties),
        cmocka_unit_test(test_alone),         cmocka_unit_test(test_preempt),
        cmocka_unit_test(test_priority),      cmocka_unit_test(test_learn),
        cmocka_unit_test(test_other_address), cmocka_unit_test(test_resign_of_other),
        cmocka_unit_test(test_yield),         cmocka_unit_test(test_resume),
        cmocka_unit_test(test_follow),        cmocka_unit_test(test_configure),
        cmocka_unit_test(test_mac),           cmocka_unit_test(test_late),
        cmocka_unit_test(test_slept),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
