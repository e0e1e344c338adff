/* SPDX-License-Identifier: Apache-2.0 */
/* Policy and pairs: first match, the fragments rule, what an access list asks for; that the indexes say what
 * the plain search says; which pair of a selector sends. RFC 4301 §4.4.1. */
#include "gateways.h"

#include <stdio.h>
#include <sys/mman.h>

#include "ipsec/decision.h"
#include "ipsec/spd_index.h"

static struct spd *spd;
static struct sad *sad;

static struct address address(const char *text)
{
    struct address a;
    assert_true(address_parse(text, &a));
    return a;
}

static struct spd_ace ace(bool permit, const char *source, int source_len, const char *destination,
                          int destination_len, uint8_t protocol)
{
    struct address s = address(source), d = address(destination);
    struct spd_ace a = {.permit = permit, .family = s.family, .protocol = protocol};
    a.source_port_high = a.destination_port_high = 65535;
    memcpy(a.source, s.bytes, 16);
    memcpy(a.destination, d.bytes, 16);
    for (int i = 0; i < address_bits(&s); i++) {
        a.source_wildcard[i / 8] |= (uint8_t)(i >= source_len ? 0x80 >> i % 8 : 0);
        a.destination_wildcard[i / 8] |= (uint8_t)(i >= destination_len ? 0x80 >> i % 8 : 0);
    }
    return a;
}

static struct packet_tuple tuple(const char *local, const char *remote, uint8_t protocol, int local_port,
                                 int remote_port)
{
    struct packet_tuple t = {
        .local = address(local), .remote = address(remote), .protocol = protocol, .ifindex = 2};
    t.has_ports = local_port >= 0;
    t.ports_hidden = !t.has_ports && protocol == IP_PROTOCOL_TCP;
    t.local_port = local_port >= 0 ? (uint16_t)local_port : 0;
    t.remote_port = remote_port >= 0 ? (uint16_t)remote_port : 0;
    return t;
}

static struct spd_table *policy(void)
{
    struct spd_table *t = spd_next(spd);
    t->bindings[0] = (struct spd_binding){.ifindex = 2, .first_entry = 0, .entry_count = 3};
    t->bindings[1] = (struct spd_binding){.ifindex = 3, .first_entry = 2, .entry_count = 1};
    t->binding_count = 2;
    t->entries[0] = (struct spd_entry){.id = 100, .first_ace = 0, .ace_count = 3, .may_initiate = 1};
    t->entries[1] = (struct spd_entry){.id = 101, .first_ace = 3, .ace_count = 2, .may_initiate = 1};
    t->entries[2] = (struct spd_entry){.id = 102, .first_ace = 5, .ace_count = 2, .may_initiate = 0};
    t->entry_count = 3;
    t->aces[0] = ace(false, "10.1.9.0", 24, "10.2.0.0", 16, 0);
    t->aces[1] = ace(true, "10.1.0.0", 16, "10.2.0.0", 16, 0);
    t->aces[2] = ace(true, "0.0.0.0", 0, "10.9.0.0", 16, 47);
    t->aces[3] = ace(false, "10.1.0.0", 16, "10.3.0.0", 16, 6);
    t->aces[3].has_ports = 1;
    t->aces[3].destination_port_low = t->aces[3].destination_port_high = 22;
    t->aces[4] = ace(true, "10.1.0.0", 16, "10.3.0.0", 16, 6);
    t->aces[4].has_ports = 1;
    t->aces[4].destination_port_low = 20;
    t->aces[4].destination_port_high = 443;
    t->aces[5] = ace(true, "10.1.9.0", 24, "10.2.0.0", 16, 0);
    t->aces[6] = ace(true, "2001:db8::", 32, "::", 0, 0);
    t->ace_count = 7;
    return t;
}

static void first_match(void **state)
{
    (void)state;
    static const struct {
        const char *local, *remote;
        uint8_t protocol;
        int local_port, remote_port; /* -1: no ports, for TCP because they are in another fragment */
        uint32_t ifindex;
        int entry, ace; /* -1: in clear */
    } cases[] = {
        {"10.1.1.1", "10.2.1.1", 1, -1, -1, 2, 0, 1},
        {"10.1.9.1", "10.2.1.1", 1, -1, -1, 2, 2, 5}, /* denied by the first entry, taken by the third */
        {"10.1.9.1", "10.2.1.1", 1, -1, -1, 3, 2, 5},
        {"10.1.1.1", "10.2.1.1", 1, -1, -1, 3, -1, -1},
        {"10.1.1.1", "10.2.1.1", 1, -1, -1, 4, -1, -1}, /* no binding */
        {"1.2.3.4", "10.9.1.1", 47, -1, -1, 2, 0, 2},
        {"1.2.3.4", "10.9.1.1", 50, -1, -1, 2, -1, -1},
        {"10.1.1.1", "10.3.1.1", 6, 9999, 80, 2, 1, 4},
        {"10.1.1.1", "10.3.1.1", 6, 9999, 22, 2, -1, -1}, /* denied */
        {"10.1.1.1", "10.3.1.1", 6, 9999, 19, 2, -1, -1},
        {"10.1.1.1", "10.3.1.1", 6, 9999, 443, 2, 1, 4},
        {"10.1.1.1", "10.3.1.1", 6, 9999, 444, 2, -1, -1},
        {"10.1.1.1", "10.3.1.1", 6, -1, -1, 2, 1,
         4}, /* a later fragment: the deny does not count, the permit does */
        {"10.1.1.1", "10.3.1.1", 17, 9999, 80, 2, -1, -1},
        {"2001:db8::1", "2001:4860::1", 58, -1, -1, 2, 2, 6},
        {"2001:db9::1", "2001:4860::1", 58, -1, -1, 2, -1, -1},
    };
    struct spd_table *t = policy();
    struct spd_index *index = spd_index_new();
    spd_index_follow(index, t, 1);
    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        struct packet_tuple p = tuple(cases[i].local, cases[i].remote, cases[i].protocol, cases[i].local_port,
                                      cases[i].remote_port);
        const struct spd_binding *b = spd_binding_find(t, cases[i].ifindex);
        assert_int_equal(cases[i].ifindex <= 3, b != NULL);
        if (!b)
            continue;
        for (int with_index = 0; with_index < 2; with_index++) {
            uint32_t entry = 77, number = 77;
            enum spd_verdict v = with_index ? spd_index_match(index, t, b, &p, &entry, &number)
                                            : spd_match_tuple(t, b, &p, &entry, &number);
            assert_int_equal(cases[i].entry < 0 ? SPD_BYPASS : SPD_PROTECT, v);
            assert_int_equal(cases[i].entry < 0 ? 77 : cases[i].entry, entry); /* untouched otherwise */
            assert_int_equal(cases[i].ace < 0 ? 77 : cases[i].ace, number);
        }
    }
    spd_index_free(index);
}

static void packets_are_matched(void **state)
{
    (void)state;
    static uint8_t buffer[BUFFER];
    struct spd_table *t = policy();
    struct outbound_packet p = packet_make(buffer, 4, 100, false, 0);
    struct ip_packet ip;
    uint32_t entry, number;
    assert_int_equal(IP_OK, ip_parse(bytes_of(p.data, p.len), &ip));
    assert_int_equal(SPD_PROTECT, spd_match(t, &t->bindings[0], &ip, &entry, &number));
    assert_int_equal(1, number);
    assert_int_equal(SPD_BYPASS, spd_match(t, &t->bindings[1], &ip, &entry, &number));
}

static void published_by_turns(void **state)
{
    (void)state;
    struct spd_table *a = policy();
    assert_int_equal(0, spd->version);
    spd_publish(spd);
    assert_ptr_equal(a, spd_table(spd, spd->version));
    struct spd_table *b = spd_next(spd);
    assert_ptr_not_equal(a, b);
    assert_int_equal(0, b->binding_count);
    assert_int_equal(2, a->binding_count); /* readers still have it */
    spd->version = UINT32_MAX;
    const struct spd_table *last = spd_table(spd, spd->version);
    struct spd_table *next = spd_next(spd);
    assert_ptr_not_equal(last, next);
    spd_publish(spd);
    assert_int_not_equal(0, spd->version);
    assert_ptr_equal(next, spd_table(spd, spd->version));
    assert_true(spd_valid(spd, sizeof(*spd)));
    assert_false(spd_valid(spd, sizeof(*spd) - 1));
}

static void proxy_identities(void **state)
{
    (void)state;
    char text[SELECTOR_TEXT];
    struct selector s;
    struct spd_ace a = ace(true, "10.1.2.3", 16, "0.0.0.0", 0, 6);
    a.has_ports = 1;
    a.destination_port_low = a.destination_port_high = 80;
    assert_true(spd_ace_selector(&a, &s));
    assert_string_equal("10.1.0.0/16 -> 0.0.0.0/0[80] tcp", selector_print(&s, text));
    a.source_wildcard[1] = 0x0f; /* 0.15.255.255 and then a hole */
    assert_true(spd_ace_selector(&a, &s));
    a.source_wildcard[3] = 0xf0;
    assert_false(spd_ace_selector(&a, &s));
    a = ace(true, "2001:db8::", 61, "::1", 128, 0);
    assert_true(spd_ace_selector(&a, &s));
    assert_int_equal(61, s.local.length);
    assert_int_equal(128, s.remote.length);
    a.family = 7;
    assert_false(spd_ace_selector(&a, &s));
}

/* Random tables over a small world, so that much overlaps: the index must agree with the plain search each
 * time. */
static void index_agrees_with_search(void **state)
{
    (void)state;
    struct rng rng;
    rng_init_number(&rng, 3);
    struct spd_index *index = spd_index_new();
    uint64_t protected = 0, asked = 0;
    for (uint32_t version = 1; version <= 60; version++) {
        struct spd_table *t = &spd->tables[0];
        t->ace_count = t->entry_count = 0;
        /* Every tenth has more kinds of lines than the index takes. */
        bool many = version % 10 == 0;
        for (uint32_t e = 0; e < 40; e++) {
            uint32_t n = rng_below(&rng, 6);
            uint32_t first = rng_below(&rng, 4) == 0 && e > 0 ? 0 : t->ace_count; /* lists can be shared */
            if (first == 0 && e > 0)
                n = MIN(n, t->ace_count);
            t->entries[t->entry_count++] = (struct spd_entry){.id = e, .first_ace = first, .ace_count = n};
            for (uint32_t i = 0; first == t->ace_count && i < n; i++) {
                int source = many ? (int)rng_below(&rng, 33) : (int)rng_below(&rng, 3) * 2 + 28;
                int destination = many ? (int)rng_below(&rng, 33) : (int)rng_below(&rng, 2) * 3 + 29;
                struct spd_ace a = ace(rng_below(&rng, 3) > 0, "10.0.0.0", source, "10.0.0.0", destination,
                                       rng_below(&rng, 2) ? 6 : 0);
                a.source[3] = (uint8_t)rng_below(&rng, 16);
                a.destination[3] = (uint8_t)rng_below(&rng, 16);
                a.has_ports = a.protocol && rng_below(&rng, 2);
                a.destination_port_high = (uint16_t)rng_below(&rng, 3);
                t->aces[first + i] = a;
            }
            t->ace_count = first == t->ace_count ? first + n : t->ace_count;
        }
        struct spd_binding b = {.first_entry = rng_below(&rng, 10)};
        b.entry_count = rng_below(&rng, 40 - b.first_entry + 1);
        spd_index_follow(index, t, version);
        for (int i = 0; i < 2000; i++) {
            struct packet_tuple p = tuple("10.0.0.0", "10.0.0.0", rng_below(&rng, 2) ? 6 : 17,
                                          (int)rng_below(&rng, 3) - 1, (int)rng_below(&rng, 3));
            p.local.bytes[3] = (uint8_t)rng_below(&rng, 20);
            p.remote.bytes[3] = (uint8_t)rng_below(&rng, 20);
            uint32_t found[2] = {0}, expected[2] = {0};
            enum spd_verdict v = spd_match_tuple(t, &b, &p, &expected[0], &expected[1]);
            assert_int_equal(v, spd_index_match(index, t, &b, &p, &found[0], &found[1]));
            assert_memory_equal(expected, found, sizeof(found));
            protected += v == SPD_PROTECT;
            asked++;
        }
    }
    assert_true(protected > asked / 20 && protected < asked * 19 / 20); /* both answers were given */
    spd_index_free(index);
}

/* ---- pairs ---- */

static struct sad_pair *pair(uint32_t slot, uint32_t entry, const char *remote_net, int length,
                             const char *peer, ns created)
{
    struct sad_pair *p = &sad->pairs[slot];
    memset((uint8_t *)p + sizeof(p->state), 0, sizeof(*p) - sizeof(p->state));
    p->spi_in = spi_make(0, 1 + slot % 8000 + (uint32_t)created % 100, slot);
    p->spi_out = slot + 1000;
    p->entry = entry;
    p->flags = PAIR_TUNNEL;
    p->selector = (struct selector){
        {address("10.0.0.0"), 8}, {address(remote_net), (uint8_t)length}, 0, 0, 65535, 0, 65535};
    p->remote.address = address(peer);
    p->created = created;
    p->preferred_since = created;
    atomic_store(&p->state, PAIR_ACTIVE);
    sad_slot_use(sad, slot);
    return p;
}

static void the_narrowest_sends(void **state)
{
    (void)state;
    pair(1, 5, "10.0.0.0", 8, "192.0.2.1", 1);
    pair(2, 5, "10.2.0.0", 16, "192.0.2.2", 1);
    pair(3, 5, "10.2.0.0", 16, "192.0.2.3", 1)->selector.protocol = 6;
    struct sad_pair *ports = pair(4, 5, "10.2.0.0", 16, "192.0.2.3", 1);
    ports->selector.protocol = 6;
    ports->selector.remote_port_low = ports->selector.remote_port_high = 80;
    pair(5, 6, "10.2.3.0", 24, "192.0.2.4", 1);
    struct pair_index *x = pair_index_new(sad);
    static const struct {
        uint32_t entry;
        const char *remote;
        uint8_t protocol;
        int port;
        uint32_t slot;
    } cases[] = {
        {5, "10.3.0.1", 17, 5, 1},         {5, "10.2.0.1", 17, 5, 2},
        {5, "10.2.3.1", 6, 5, 3},          {5, "10.2.0.1", 6, 80, 4},
        {5, "10.2.0.1", 6, -1, 4},         {6, "10.2.3.1", 17, 5, 5},
        {6, "10.2.4.1", 17, 5, PAIR_NONE}, {7, "10.2.3.1", 17, 5, PAIR_NONE},
        {5, "11.0.0.1", 17, 5, PAIR_NONE},
    };
    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        struct packet_tuple t =
            tuple("10.1.1.1", cases[i].remote, cases[i].protocol, cases[i].port, cases[i].port);
        assert_int_equal(cases[i].slot, pair_index_find(x, cases[i].entry, &t));
    }
    struct packet_tuple v6 = tuple("2001:db8::1", "2001:db8::2", 17, 1, 1);
    assert_int_equal(PAIR_NONE, pair_index_find(x, 5, &v6));
    struct address a = address("192.0.2.2"), other = address("192.0.2.3");
    assert_int_equal(2, pair_index_find_outbound(x, 1002, &a));
    assert_int_equal(PAIR_NONE, pair_index_find_outbound(x, 1002, &other));
    pair_index_free(x);
}

static void which_of_a_selector_sends(void **state)
{
    (void)state;
    struct packet_tuple t = tuple("10.1.1.1", "10.2.0.1", 17, 5, 5);
    pair(1, 5, "10.2.0.0", 16, "192.0.2.1", 10);
    struct pair_index *x = pair_index_new(sad);
    assert_int_equal(1, pair_index_find(x, 5, &t));
    /* A rekey: the new one sends from when it may. */
    atomic_store(&pair(2, 5, "10.2.0.0", 16, "192.0.2.1", 20)->state, PAIR_INBOUND);
    pair_index_add(x, 2);
    assert_int_equal(1, pair_index_find(x, 5, &t));
    atomic_store(&sad->pairs[2].state, PAIR_ACTIVE);
    assert_int_equal(2, pair_index_find(x, 5, &t));
    /* Late packets on the old one do not bring it back. */
    assert_false(pair_index_received(x, 1, 30));
    assert_int_equal(2, pair_index_find(x, 5, &t));
    /* A superseded one sends only if nothing else does. */
    atomic_store(&sad->pairs[1].state, PAIR_SUPERSEDED);
    sad->pairs[1].preferred_since = 99;
    assert_int_equal(2, pair_index_find(x, 5, &t));
    atomic_store(&sad->pairs[2].state, PAIR_DEAD);
    assert_int_equal(1, pair_index_find(x, 5, &t));
    atomic_store(&sad->pairs[1].state, PAIR_DEAD);
    assert_int_equal(PAIR_NONE, pair_index_find(x, 5, &t));
    pair_index_free(x);
}

/* Two hubs for one spoke: it sends where it last received from. */
static void asymmetric_peers(void **state)
{
    (void)state;
    struct packet_tuple t = tuple("10.1.1.1", "10.2.0.1", 17, 5, 5);
    pair(1, 5, "10.2.0.0", 16, "192.0.2.1", 10);
    pair(2, 5, "10.2.0.0", 16, "192.0.2.2", 20);
    pair(3, 5, "10.2.0.0", 16, "192.0.2.1", 15); /* the newest with hub 1 */
    struct pair_index *x = pair_index_new(sad);
    assert_int_equal(2, pair_index_find(x, 5, &t));
    uint32_t generation = pair_index_generation(x);
    assert_false(pair_index_received(x, 2, 30));
    assert_int_equal(generation, pair_index_generation(x));
    /* Hub 1 speaks, on its older pair even: its newest answers. */
    assert_true(pair_index_received(x, 1, 40));
    assert_int_equal(3, pair_index_find(x, 5, &t));
    assert_int_equal(40, sad->pairs[3].preferred_since);
    assert_int_not_equal(generation, pair_index_generation(x));
    assert_false(pair_index_received(x, 3, 41));
    assert_false(pair_index_received(x, 1, 42));
    /* And hub 2 again, even with a clock that stood still; a successor of the engine finds it so. */
    assert_true(pair_index_received(x, 2, 40));
    assert_int_equal(2, pair_index_find(x, 5, &t));
    pair_index_free(x);
    x = pair_index_new(sad);
    assert_int_equal(2, pair_index_find(x, 5, &t));
    assert_false(pair_index_received(x, 9, 50)); /* not there */
    pair_index_free(x);
}

static void lost_messages(void **state)
{
    (void)state;
    struct packet_tuple t = tuple("10.1.1.1", "10.2.0.1", 17, 5, 5),
                        u = tuple("10.1.1.1", "10.9.0.1", 17, 5, 5);
    pair(1, 5, "10.2.0.0", 16, "192.0.2.1", 10);
    struct pair_index *x = pair_index_new(sad);
    /* The slot was freed and given to another, and nobody said so. */
    pair(1, 5, "10.9.0.0", 16, "192.0.2.7", 11);
    assert_int_equal(PAIR_NONE, pair_index_find(x, 5, &t));
    assert_int_equal(PAIR_NONE, pair_index_find(x, 5, &u));
    pair(2, 6, "10.2.0.0", 16, "192.0.2.1", 12);
    pair_index_sync(x);
    assert_int_equal(1, pair_index_find(x, 5, &u));
    assert_int_equal(2, pair_index_find(x, 6, &t));
    atomic_store(&sad->pairs[2].state, PAIR_FREE);
    pair_index_sync(x);
    assert_int_equal(PAIR_NONE, pair_index_find(x, 6, &t));
    pair_index_remove(x, 2);
    pair_index_remove(x, 1);
    pair_index_remove(x, 1);
    pair_index_remove(x, UINT32_MAX);
    pair_index_add(x, UINT32_MAX);
    assert_int_equal(PAIR_NONE, pair_index_find(x, 5, &u));
    pair_index_free(x);
}

/* 20,000 pairs under one entry and 20,000 entries with one each: what is found is right, whatever is taken
 * away. */
static void many_pairs(void **state)
{
    (void)state;
    enum { MANY = 20000 };
    struct rng rng;
    rng_init_number(&rng, 4);
    for (int one_entry = 0; one_entry < 2; one_entry++) {
        char net[32];
        for (uint32_t i = 0; i < MANY; i++) {
            snprintf(net, sizeof(net), "10.%u.%u.0", i >> 8, i & 255);
            pair(i, one_entry ? 5 : i, net, 24, "192.0.2.1", 1);
        }
        struct pair_index *x = pair_index_new(sad);
        for (uint32_t i = 0; i < MANY; i += 2)
            pair_index_remove(x, i);
        for (int i = 0; i < 20000; i++) {
            uint32_t slot = rng_below(&rng, MANY);
            struct packet_tuple t = tuple("10.1.1.1", "10.0.0.9", 17, 5, 5);
            t.remote.bytes[1] = (uint8_t)(slot >> 8);
            t.remote.bytes[2] = (uint8_t)slot;
            assert_int_equal(slot % 2 ? slot : PAIR_NONE, pair_index_find(x, one_entry ? 5 : slot, &t));
        }
        for (uint32_t i = 0; i < MANY; i++)
            pair_index_remove(x, i);
        pair_index_sync(x);
        struct packet_tuple t = tuple("10.1.1.1", "10.0.7.9", 17, 5, 5);
        assert_int_equal(7, pair_index_find(x, one_entry ? 5 : 7, &t));
        pair_index_free(x);
    }
}

/* More kinds of selectors than are hashed apart: slower, and as right. */
static void many_shapes(void **state)
{
    (void)state;
    uint32_t slot = 0;
    for (int local = 8; local <= 24; local++)
        for (int remote = 8; remote <= 32; remote++, slot++)
            pair(slot, 5, "10.2.3.4", remote, "192.0.2.1", 1)->selector.local.length = (uint8_t)local;
    struct pair_index *x = pair_index_new(sad);
    struct packet_tuple t = tuple("10.0.0.7", "10.2.3.4", 17, 5, 5);
    assert_int_equal(slot - 1, pair_index_find(x, 5, &t));
    for (uint32_t i = slot; i-- > 1;) {
        pair_index_remove(x, i);
        assert_int_not_equal(PAIR_NONE, pair_index_find(x, 5, &t));
    }
    assert_int_equal(0, pair_index_find(x, 5, &t));
    pair_index_free(x);
}

/* ---- the SA table ---- */

static void sad_lookup_and_layout(void **state)
{
    (void)state;
    struct sad_pair *p = pair(7, 1, "10.2.0.0", 16, "192.0.2.1", 1);
    static const struct {
        enum pair_state state;
        bool found;
    } cases[] = {{PAIR_FREE, false},  {PAIR_LARVAL, false},    {PAIR_INBOUND, true},
                 {PAIR_ACTIVE, true}, {PAIR_SUPERSEDED, true}, {PAIR_DEAD, false}};
    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        atomic_store(&p->state, cases[i].state);
        assert_ptr_equal(cases[i].found ? p : NULL, sad_find_inbound(sad, p->spi_in));
    }
    atomic_store(&p->state, PAIR_ACTIVE);
    assert_null(sad_find_inbound(sad, p->spi_in ^ 1 << SPI_SLOT_BITS)); /* another generation */
    assert_null(sad_find_inbound(sad, p->spi_in | (SPI_SLOTS_MAX - 1)));
    assert_true(sad_valid(sad, sad_size(sad->slots)));
    assert_false(sad_valid(sad, sad_size(sad->slots) - 1));
    sad->size_of_pair++;
    assert_false(sad_valid(sad, sad_size(sad->slots)));
    sad->size_of_pair--;
    memset(&p->seal_key, 0x5a, sizeof(p->seal_key));
    sad_pair_clear(p);
    static const uint8_t zero[sizeof(struct sad_pair)];
    assert_memory_equal(zero, p, sizeof(*p));
}

static void quiescence(void **state)
{
    (void)state;
    uint64_t epochs[SAD_ENGINES_MAX];
    struct sad_engine *e = &sad->engines[2];
    sad_epochs_take(sad, epochs);
    assert_true(sad_epochs_passed(sad, epochs)); /* nobody works */
    sad_engine_enter(e);
    assert_true(sad_epochs_passed(sad, epochs)); /* it began after */
    sad_epochs_take(sad, epochs);
    assert_false(sad_epochs_passed(sad, epochs));
    sad_engine_leave(e);
    assert_true(sad_epochs_passed(sad, epochs));
    sad_engine_enter(e);
    sad_epochs_take(sad, epochs);
    assert_false(sad_epochs_passed(sad, epochs));
    sad_engine_enter(e); /* it died; its successor comes */
    assert_true(sad_epochs_passed(sad, epochs));
    sad_engine_leave(e);
}

static int memory_make(void **state)
{
    (void)state;
    spd =
        mmap(NULL, sizeof(*spd), PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    sad = mmap(NULL, sad_size(SPI_SLOTS_MAX), PROT_READ | PROT_WRITE,
               MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    assert_true(spd != MAP_FAILED && sad != MAP_FAILED);
    spd_init(spd);
    sad_init(sad, SPI_SLOTS_MAX);
    return 0;
}

static int memory_gone(void **state)
{
    (void)state;
    munmap(spd, sizeof(*spd));
    munmap(sad, sad_size(SPI_SLOTS_MAX));
    return 0;
}

int main(void)
{
#define T(name) cmocka_unit_test_setup_teardown(name, memory_make, memory_gone)
    const struct CMUnitTest tests[] = {
        T(first_match),
        T(packets_are_matched),
        T(published_by_turns),
        T(proxy_identities),
        T(index_agrees_with_search),
        T(the_narrowest_sends),
        T(which_of_a_selector_sends),
        T(asymmetric_peers),
        T(lost_messages),
        T(many_pairs),
        T(many_shapes),
        T(sad_lookup_and_layout),
        T(quiescence),
    };
#undef T
    return cmocka_run_group_tests(tests, NULL, NULL);
}
