/* SPDX-License-Identifier: Apache-2.0 */
/* What must not work, and what must survive: wrong keys, wrong proposals, foreign proxies, malformed messages
 * at every step, floods of strangers, unauthenticated notifies; and NAT between, fragments, parallel
 * negotiations. */
#include "world.h"

#include "wire/isakmp.h"

#include <malloc.h>
#include <stdio.h>
#include <stdlib.h>

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

static void wrong_key(void **state)
{
    (void)state;
    for (unsigned aggressive = 0; aggressive < 2; aggressive++) {
        struct node *a, *b;
        struct world *w = world_pair_new(&a, &b);
        b->keys[0].key = bytes_of("other", 5);
        a->peers[0][0].aggressive = aggressive;
        node_start(a);
        node_start(b);
        node_acquire(a, 0);
        world_run(w, 60 * NS_PER_S);
        assert_int_equal(node_pairs(a) + node_pairs(b) + node_sas(a) + node_sas(b), 0);
        assert_int_equal(a->acquire_failed, 1);
        assert_true(node_logged(a, "PEERS_FAILED: crypto map MAP 10: no peer can be had"));
        struct node *sees = aggressive ? a : b;
        assert_true(node_logged(sees, "pre-shared key"));
        if (!aggressive)
            assert_true(node_logged(a, "the pre-shared keys probably differ"));
        assert_int_equal(node_statistics(b).half_open, 0);
        world_run(w, 60 * NS_PER_S);
        assert_int_equal(node_statistics(b).sas, 0);
        world_free(w);
    }
}

/* What a peer with another key says to our authentication: an informational that we cannot open. */
static void inject_unreadable(struct node *a, struct node *b, uint8_t message_id)
{
    struct world *w = a->world;
    uint8_t message[ISAKMP_HEADER + 32] = {0};
    const struct packet *last = w->history[w->history_count - 1];
    memcpy(message, last->data, 16);
    message[16] = ISAKMP_PAYLOAD_HASH;
    message[17] = 0x10;
    message[18] = ISAKMP_EXCHANGE_INFORMATIONAL;
    message[19] = ISAKMP_FLAG_ENCRYPTION;
    message[23] = message_id;
    message[27] = sizeof(message);
    memset(message + ISAKMP_HEADER, message_id, 32);
    node_inject(a, (struct endpoint){b->address, 500}, 500, message, sizeof(message));
}

/* The last message of main mode does not arrive before `context` (ns) of the world's time. */
static bool late_answer(struct world *w, struct node *from, struct packet *p, void *context)
{
    return from != &w->nodes[1] || p->data[18] != ISAKMP_EXCHANGE_MAIN ||
           !(p->data[19] & ISAKMP_FLAG_ENCRYPTION) || w->now >= *(ns *)context;
}

static void unreadable_answers(void **state)
{
    (void)state;
    for (unsigned same_key = 0; same_key < 2; same_key++) {
        struct node *a, *b;
        struct world *w = world_pair_new(&a, &b);
        ns begin = w->now, from = begin + 2500 * NS_PER_MS;
        w->keep_history = true;
        w->filter = late_answer;
        w->context = &from;
        if (!same_key)
            b->keys[0].key = bytes_of("other", 5);
        node_start(a);
        node_start(b);
        node_acquire(a, 0);
        world_run(w, NS_PER_S / 2);
        /* Two before we sent again are not yet a sign, for a notify may overtake the answer. */
        inject_unreadable(a, b, 1);
        inject_unreadable(a, b, 2);
        world_run(w, 3 * NS_PER_S);
        if (same_key) {
            assert_int_equal(node_sas(a), 1);
            assert_int_equal(a->acquire_failed, 0);
        } else {
            assert_int_equal(a->acquire_failed, 0);
            inject_unreadable(a, b, 3);
            world_run(w, 2500 * NS_PER_MS);
            assert_int_equal(a->acquire_failed, 1);
            assert_true(node_logged(a, "the pre-shared keys probably differ"));
        }
        world_free(w);
    }
}

static void refused(void **state)
{
    static const struct {
        const char *what, *at_a, *at_b;
    } cases[] = {
        {"policy", "NO-PROPOSAL-CHOSEN",
         "matches no isakmp policy (crypto map MAP 10): offered aes-128/sha/group 31"},
        {"transform", "NO-PROPOSAL-CHOSEN",
         "crypto map MAP 10, peer 192.0.2.1:500: no transform set fits: offered"},
        {"proxy", "INVALID-ID-INFORMATION", "proxy identities not supported"},
        {"peer", "INVALID-ID-INFORMATION", "no crypto map has it as a peer"},
        {"pfs", "NO-PROPOSAL-CHOSEN", "no transform set fits"},
        {"no key", "no pre-shared key", ""},
        {"no key at peer", "no answer", "No pre-shared key for peer 192.0.2.1"},
    };
    (void)state;
    for (unsigned i = 0; i < ARRAY_SIZE(cases); i++) {
        struct node *a, *b;
        struct world *w = world_pair_new(&a, &b);
        switch (i) {
        case 0:
            b->policies[0].group = DH_MODP_2048;
            break;
        case 1:
            b->sets[0].esp.key_bytes = 32;
            break;
        case 2:
            b->selectors[0][0] = selector_of("10.0.9.0/24", "10.0.0.0/24");
            break;
        case 3:
            address_parse("192.0.2.77", &b->peers[0][0].address);
            break;
        case 4:
            a->connections[0].pfs_group = DH_MODP_1024;
            b->connections[0].pfs_group = DH_MODP_2048;
            break;
        case 5:
            a->config.key_count = 0;
            break;
        case 6:
            b->config.key_count = 0;
            break;
        }
        node_start(a);
        node_start(b);
        node_acquire(a, 0);
        world_run(w, 40 * NS_PER_S);
        assert_int_equal(node_pairs(a) + node_pairs(b), 0);
        assert_int_equal(a->acquire_failed, 1);
        assert_true(node_logged(a, "PEERS_FAILED"));
        assert_true(node_logged(a, cases[i].at_a));
        assert_true(!*cases[i].at_b || node_logged(b, cases[i].at_b));
        struct ike_connection_view v;
        assert_true(ike_connection_look(a->ike, 1, &v));
        assert_true(v.failures == 1 && v.last_error[0]);
        world_free(w);
    }
}

/* A subset of a permit line is taken; lifetimes become the shorter of both. */
static void narrower_and_shorter(void **state)
{
    struct node *a, *b;
    (void)state;
    struct world *w = world_pair_new(&a, &b);
    a->selectors[0][0] = selector_of("10.0.0.64/26", "10.0.1.7/32");
    a->selectors[0][0].protocol = 6;
    b->connections[0].lifetime_seconds = 600;
    b->connections[0].lifetime_kilobytes = 5000;
    a->connections[0].pfs_group = DH_MODP_2048; /* `set pfs` missing at the responder: it takes what comes */
    node_start(a);
    node_start(b);
    node_acquire(a, 0);
    world_run(w, NS_PER_S);
    assert_true(nodes_match(a, b));
    assert_int_equal(b->pairs[0].install.selector.remote.length, 26);
    assert_int_equal(a->pairs[0].install.hard_bytes, 5000 * 1024);
    assert_int_equal(a->pairs[0].install.hard_expiry - b->pairs[0].install.hard_expiry < NS_PER_S, 1);
    assert_true(a->pairs[0].install.hard_expiry < w->now + 600 * NS_PER_S);
    world_free(w);
}

static void next_peer_in_order(void **state)
{
    (void)state;
    struct world *w = world_new();
    struct node *a = world_node(w, "A", "192.0.2.1"), *b = world_node(w, "B", "192.0.2.3");
    node_connect(a, 0, "192.0.2.2", "10.0.0.0/24", "10.0.1.0/24");
    node_peer(a, 0, "192.0.2.3");
    node_connect(b, 0, "192.0.2.1", "10.0.1.0/24", "10.0.0.0/24");
    node_start(a);
    node_start(b);
    node_acquire(a, 0);
    world_run(w, 20 * NS_PER_S);
    assert_int_equal(node_pairs(a), 0);
    struct ike_event e = {.type = IKE_EVENT_PATH_FAILED, .path_failed = {.error = -113}};
    e.path_failed.remote.address = a->peers[0][0].address;
    node_event(a, &e);
    world_run(w, NS_PER_S);
    assert_true(nodes_match(a, b));
    world_free(w);
}

/* NAT: the initiator behind it, the responder's keepalive-less side follows a new mapping. */
static void nat(void **state)
{
    (void)state;
    for (unsigned aggressive = 0; aggressive < 2; aggressive++) {
        struct node *a, *b;
        struct world *w = world_pair_new(&a, &b);
        a->behind_nat = true;
        address_parse("198.51.100.7", &a->nat_address);
        a->nat_port_base = 20000;
        address_parse("198.51.100.7", &b->peers[0][0].address);
        a->peers[0][0].aggressive = aggressive;
        a->connections[0].lifetime_seconds = 200;
        a->policies[0].lifetime_seconds = 300;
        b->config.dpd_mode = IKE_DPD_PERIODIC;
        b->config.dpd_seconds = 10;
        node_start(a);
        node_start(b);
        unsigned sent = a->sent;
        node_acquire(a, 0);
        world_run(w, NS_PER_S);
        assert_true(nodes_match(a, b));
        struct world_pair *p = node_newest(b);
        assert_true(p->install.udp && p->install.tunnel);
        assert_int_equal(p->install.remote.port, 24500);
        sent = a->sent;
        world_run(w, 21 * NS_PER_S);
        assert_true(a->sent > sent); /* keepalives */
        a->nat_port_base = 30000;    /* the NAT forgot its mapping */
        struct ike_event e = {.type = IKE_EVENT_PEER_MOVED,
                              .pair = {.slot = p->install.slot,
                                       .spi_in = p->install.spi_in,
                                       .remote = {a->nat_address, 34500}}};
        node_event(b, &e);
        world_run(w, NS_PER_S);
        assert_int_equal(node_newest(b)->install.remote.port, 34500);
        world_run(w, 1000 * NS_PER_S);
        assert_true(nodes_match(a, b));
        assert_int_equal(node_statistics(b).dpd_dead, 0);
        assert_int_equal(node_newest(b)->install.remote.port, 34500);
        world_free(w);
    }
}

/* On a direct link nothing floats, and a peer that "moves" is not followed. */
static void no_nat_no_move(void **state)
{
    struct node *a, *b;
    (void)state;
    struct world *w = world_pair_new(&a, &b);
    node_start(a);
    node_start(b);
    node_acquire(a, 0);
    world_run(w, NS_PER_S);
    assert_false(a->pairs[0].install.udp);
    struct ike_event e = {
        .type = IKE_EVENT_PEER_MOVED,
        .pair = {.slot = 0, .spi_in = b->pairs[0].install.spi_in, .remote = {b->address, 1}}};
    node_event(b, &e);
    world_run(w, NS_PER_S);
    assert_int_equal(b->pairs[0].install.remote.port, 500);
    world_free(w);
}

/* Many transform sets and policies make messages beyond what one datagram should carry. */
static void fragments(void **state)
{
    struct node *a, *b;
    (void)state;
    struct world *w = world_pair_new(&a, &b);
    a->policies[0].group = b->policies[0].group = DH_MODP_4096;
    a->connections[0].pfs_group = b->connections[0].pfs_group = DH_MODP_4096;
    for (unsigned i = 0; i < IKE_TRANSFORM_SETS_MAX; i++)
        a->connections[0].transform_sets[i] = &a->sets[0];
    a->connections[0].transform_set_count = IKE_TRANSFORM_SETS_MAX;
    static char name[] = "spoke";
    a->config.hostname = name;
    w->keep_history = true;
    node_start(a);
    node_start(b);
    node_acquire(a, 0);
    world_run(w, 2 * NS_PER_S);
    assert_true(nodes_match(a, b));
    for (unsigned i = 0; i < w->history_count; i++)
        assert_true(w->history[i]->len <= 1280);
    world_free(w);
}

struct tamper {
    unsigned nth, kind;
    uint32_t x;
};

static bool tamper(struct world *w, struct node *from, struct packet *p, void *context)
{
    struct tamper *t = context;
    (void)from;
    if (t->nth-- != 0)
        return true;
    /* A damaged copy arrives before the true one. */
    struct packet *copy = malloc(sizeof(*copy));
    *copy = *p;
    copy->at -= NS_PER_MS;
    for (unsigned i = 0; i < 1 + t->kind % 4; i++) {
        t->x = t->x * 1664525 + 1013904223;
        size_t at = t->kind % 2 ? 28 + (t->x >> 8) % (copy->len - 28) : (t->x >> 8) % copy->len;
        copy->data[at] ^= (uint8_t)(1 + (t->x >> 24) % 255);
    }
    if (t->kind % 5 == 4) {
        copy->len -= 1 + (t->x >> 8) % (copy->len - 28);
        copy->data[24] = copy->data[25] = 0;
        copy->data[26] = (uint8_t)(copy->len >> 8);
        copy->data[27] = (uint8_t)copy->len;
    }
    w->queue[w->queued++] = copy;
    return true;
}

/* Every message of both modes is damaged in many ways; the true one follows. Tunnels come up all the same, as
 * whoever damaged an unprotected message of phase 1 can only delay, and nothing is ever installed that does
 * not match. */
static void malformed_at_every_step(void **state)
{
    (void)state;
    unsigned came_up = 0, runs = 0;
    for (unsigned aggressive = 0; aggressive < 2; aggressive++)
        for (unsigned nth = 0; nth < 9; nth++)
            for (unsigned kind = 0; kind < 20; kind++) {
                struct node *a, *b;
                struct tamper t = {nth, kind, nth * 1000 + kind * 7 + aggressive};
                struct world *w = world_pair_new(&a, &b);
                a->peers[0][0].aggressive = aggressive;
                w->filter = tamper;
                w->context = &t;
                node_start(a);
                node_start(b);
                node_acquire(a, 0);
                world_run(w, 100 * NS_PER_S);
                runs++;
                if (node_usable(a) == 0) {
                    node_acquire(a, 0);
                    world_run(w, 10 * NS_PER_S);
                } else {
                    came_up++;
                }
                if (!nodes_match(a, b) || !nodes_match(b, a))
                    fail_msg("aggressive %u, message %u, kind %u", aggressive, nth, kind);
                world_free(w);
            }
    assert_true(came_up * 10 >= runs * 8);
}

static struct endpoint stranger(uint32_t i)
{
    struct endpoint e = {address_v4(0x0a000000u + i * 2654435761u % 0x00ffffffu), 500};
    return e;
}

/* 100,000 first messages of strangers: memory stays bounded, the tunnel lives, and another peer still comes
 * in. */
static void flood(void **state)
{
    (void)state;
    for (unsigned aggressive = 0; aggressive < 2; aggressive++) {
        struct world *w = world_new();
        struct node *a = world_node(w, "A", "192.0.2.1"), *b = world_node(w, "B", "192.0.2.2"),
                    *c = world_node(w, "C", "192.0.2.3");
        node_connect(a, 0, "192.0.2.2", "10.0.0.0/24", "10.0.1.0/24");
        node_connect(c, 0, "192.0.2.2", "10.0.2.0/24", "10.0.1.0/24");
        node_connect(b, 0, "192.0.2.1", "10.0.1.0/24", "10.0.0.0/24");
        node_connect(b, 1, "192.0.2.3", "10.0.1.0/24", "10.0.2.0/24");
        b->config.half_open_max = aggressive ? 256 : 1000;
        c->peers[0][0].aggressive = aggressive;
        w->keep_history = true;
        node_start(a);
        node_start(b);
        node_start(c);
        node_acquire(a, 0);
        world_run(w, NS_PER_S);
        assert_true(nodes_match(a, b));
        unsigned before = w->history_count;
        b->down = true;
        node_acquire(c, 0); /* its first message shows what one looks like */
        struct packet *first = w->history[before];
        assert_int_equal(first->data[18], aggressive ? 4 : 2);
        b->down = false;
        world_run(w, 0);
        w->keep_history = false;
        uint8_t message[IKE_DATAGRAM_MAX];
        size_t memory = 0;
        uint32_t count = aggressive ? 3000 : 100000; /* each of aggressive mode costs a key exchange */
        for (uint32_t i = 0; i < count; i++) {
            memcpy(message, first->data, first->len);
            memcpy(message, &i, 4);
            message[4] = 1;
            node_inject(b, stranger(i), 500, message, first->len);
            if (i % 1000 == 999) {
                for (unsigned q = 0; q < w->queued; q++)
                    free(w->queue[q]);
                w->queued = 0;
            }
            if (i == count / 10)
                memory = mallinfo2().uordblks;
        }
        assert_true(mallinfo2().uordblks < memory + 256 * 1024);
        struct ike_statistics s = node_statistics(b);
        assert_true(s.half_open <= b->config.half_open_max && s.sas <= b->config.half_open_max + 2);
        assert_true(s.half_open_evicted > count / 2);
        assert_true(nodes_match(a, b) && node_sas(b) == 1);
        world_run(w, 8 * NS_PER_S);
        assert_true(nodes_match(c, b));
        world_run(w, 100 * NS_PER_S);
        assert_int_equal(node_statistics(b).half_open, 0);
        world_free(w);
    }
}

/* One source alone cannot use up the half-open SAs. */
static void one_source(void **state)
{
    struct node *a, *b;
    (void)state;
    struct world *w = world_pair_new(&a, &b);
    b->config.half_open_per_address_max = 5;
    w->keep_history = true;
    node_start(a);
    node_start(b);
    b->down = true;
    node_acquire(a, 0);
    for (uint32_t i = 1; i <= 100; i++) {
        uint8_t message[IKE_DATAGRAM_MAX];
        memcpy(message, w->history[0]->data, w->history[0]->len);
        memcpy(message, &i, 4);
        node_inject(b, stranger(7), 500, message, w->history[0]->len);
    }
    assert_int_equal(node_statistics(b).half_open, 5);
    assert_int_equal(node_statistics(b).half_open_refused, 95);
    world_free(w);
}

/* An unprotected notify may hurry a negotiation's end, and never touches what is established. */
static void unauthenticated_notify(void **state)
{
    struct node *a, *b;
    (void)state;
    struct world *w = world_pair_new(&a, &b);
    w->keep_history = true;
    node_start(a);
    node_start(b);
    node_acquire(a, 0);
    world_run(w, NS_PER_S);
    const uint8_t *cookies = w->history[1]->data;
    for (unsigned type = 1; type < 36200; type = type < 40 ? type + 1 : type + 1000) {
        uint8_t buffer[256];
        struct isakmp_header h = {.version = 0x10, .exchange = 5, .message_id = type};
        struct isakmp_writer iw;
        memcpy(h.initiator_cookie, cookies, 8);
        memcpy(h.responder_cookie, cookies + 8, 8);
        isakmp_writer_init(&iw, buffer, sizeof(buffer), &h);
        isakmp_write_notify(&iw, 1, (uint16_t)type, bytes_of(cookies, 16), (struct bytes){0});
        isakmp_write_delete(&iw, 1, 16, bytes_of(cookies, 16));
        struct bytes whole = isakmp_writer_finish(&iw);
        node_inject(a, (struct endpoint){b->address, 500}, 500, whole.data, whole.len);
        node_inject(b, (struct endpoint){a->address, 500}, 500, whole.data, whole.len);
    }
    world_run(w, 60 * NS_PER_S);
    assert_true(nodes_match(a, b) && node_sas(a) == 1 && node_sas(b) == 1);
    world_free(w);
}

/* Several quick modes at once under one IKE SA, from both sides. */
static void parallel(void **state)
{
    (void)state;
    struct world *w = world_new();
    struct node *a = world_node(w, "A", "192.0.2.1"), *b = world_node(w, "B", "192.0.2.2");
    static const char *nets[] = {"10.1.0.0/24", "10.1.1.0/24", "10.1.2.0/24", "10.1.3.0/24"};
    for (unsigned i = 0; i < 4; i++) {
        node_connect(a, i, "192.0.2.2", "10.0.0.0/24", nets[i]);
        node_connect(b, i, "192.0.2.1", nets[i], "10.0.0.0/24");
    }
    node_start(a);
    node_start(b);
    for (unsigned i = 0; i < 4; i++) {
        node_acquire(a, i);
        node_acquire(a, i); /* the second one changes nothing */
    }
    world_run(w, NS_PER_S);
    assert_int_equal(node_usable(a), 4);
    assert_int_equal(node_usable(b), 4);
    assert_int_equal(node_sas(a), 1);
    /* Both begin phase 1 at once. */
    struct ike_event e = {.type = IKE_EVENT_CLEAR, .clear = {.scope = IKE_CLEAR_EVERYTHING}};
    node_event(a, &e);
    world_run(w, NS_PER_S);
    assert_int_equal(node_pairs(a) + node_pairs(b), 0);
    node_restart(a, false);
    node_restart(b, false);
    node_acquire(a, 0);
    node_acquire(b, 0);
    world_run(w, 2 * NS_PER_S);
    assert_true(node_usable(a) >= 1 && node_usable(b) >= 1);
    world_run(w, 200 * NS_PER_S);
    assert_true(node_usable(a) >= 1 && node_usable(b) >= 1);
    world_free(w);
}

/* A changed configuration takes only what it changed. */
static void reconfigure(void **state)
{
    (void)state;
    struct world *w = world_new();
    struct node *a = world_node(w, "A", "192.0.2.1"), *b = world_node(w, "B", "192.0.2.2");
    node_connect(a, 0, "192.0.2.2", "10.0.0.0/24", "10.1.0.0/24");
    node_connect(a, 1, "192.0.2.2", "10.0.0.0/24", "10.1.1.0/24");
    node_connect(b, 0, "192.0.2.1", "10.1.0.0/24", "10.0.0.0/24");
    node_connect(b, 1, "192.0.2.1", "10.1.1.0/24", "10.0.0.0/24");
    node_start(a);
    node_start(b);
    node_acquire(a, 0);
    node_acquire(a, 1);
    world_run(w, NS_PER_S);
    assert_int_equal(node_usable(a), 2);
    node_configure(a); /* the same again */
    world_run(w, NS_PER_S);
    assert_int_equal(node_usable(a), 2);
    a->config.connection_count = 1;
    node_configure(a);
    world_run(w, NS_PER_S);
    assert_int_equal(node_usable(a), 1);
    assert_int_equal(node_usable(b), 1); /* told */
    a->config.connection_count = 0;
    node_configure(a);
    world_run(w, NS_PER_S);
    assert_int_equal(node_pairs(a) + node_pairs(b) + node_sas(a) + node_sas(b), 0);
    world_free(w);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(wrong_key),
        cmocka_unit_test(unreadable_answers),
        cmocka_unit_test(refused),
        cmocka_unit_test(narrower_and_shorter),
        cmocka_unit_test(next_peer_in_order),
        cmocka_unit_test(nat),
        cmocka_unit_test(no_nat_no_move),
        cmocka_unit_test(fragments),
        cmocka_unit_test(malformed_at_every_step),
        cmocka_unit_test(flood),
        cmocka_unit_test(one_source),
        cmocka_unit_test(unauthenticated_notify),
        cmocka_unit_test(parallel),
        cmocka_unit_test(reconfigure),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
