/* SPDX-License-Identifier: Apache-2.0 */
/* Two machines against each other: every mode, cipher, hash and group that phase 1 knows, every transform of
 * phase 2, bundles, PFS, transport mode. RFC 2409 §5.4, §5.5. */
#include "world.h"

#include <stdio.h>

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

/* HDR, SA --> ... HDR*, HASH(3) --> */
static void main_and_quick_mode(void **state)
{
    struct node *a, *b;
    (void)state;
    struct world *w = world_pair_new(&a, &b);
    node_start(a);
    node_start(b);
    node_acquire(a, 0);
    world_run(w, NS_PER_S);
    assert_int_equal(node_sas(a), 1);
    assert_int_equal(node_sas(b), 1);
    assert_int_equal(node_pairs(a), 1);
    assert_int_equal(node_pairs(b), 1);
    assert_true(nodes_match(a, b) && nodes_match(b, a));
    assert_int_equal(a->sent, 5);
    assert_int_equal(b->sent, 4);
    assert_int_equal(a->record_order_errors + b->record_order_errors, 0);
    assert_true(node_logged(a, "SESSION_STATUS: Crypto tunnel is UP. Peer 192.0.2.2:500"));
    assert_true(node_logged(b, "SESSION_STATUS: Crypto tunnel is UP. Peer 192.0.2.1:500"));
    world_free(w);
}

static void every_suite(void **state)
{
    static const struct {
        uint8_t encryption;
        uint16_t bits;
    } ciphers[] = {{CBC_DES, 0}, {CBC_3DES, 0}, {CBC_AES, 128}, {CBC_AES, 192}, {CBC_AES, 256}};
    static const uint8_t hashes[] = {HASH_MD5, HASH_SHA1, HASH_SHA256, HASH_SHA384, HASH_SHA512};
    static const uint8_t groups[] = {DH_MODP_768, DH_MODP_1024, DH_MODP_1536, DH_MODP_2048,
                                     DH_ECP_256,  DH_ECP_384,   DH_ECP_521,   DH_CURVE25519};
    (void)state;
    for (unsigned i = 0; i < ARRAY_SIZE(ciphers) * ARRAY_SIZE(hashes) * 2; i++) {
        struct node *a, *b;
        struct world *w = world_pair_new(&a, &b);
        struct ike_policy p = a->policies[0];
        p.encryption = ciphers[i % ARRAY_SIZE(ciphers)].encryption;
        p.key_bits = ciphers[i % ARRAY_SIZE(ciphers)].bits;
        p.hash = hashes[i / ARRAY_SIZE(ciphers) % ARRAY_SIZE(hashes)];
        p.group = groups[i % ARRAY_SIZE(groups)];
        a->policies[0] = b->policies[0] = p;
        a->peers[0][0].aggressive = i >= ARRAY_SIZE(ciphers) * ARRAY_SIZE(hashes);
        node_start(a);
        node_start(b);
        node_acquire(a, 0);
        world_run(w, NS_PER_S);
        assert_true(nodes_match(a, b) && nodes_match(b, a));
        world_free(w);
    }
}

static void every_transform(void **state)
{
    static const struct {
        struct ike_transform_set set;
        uint8_t pfs;
        unsigned pairs;
    } cases[] = {
        {{.has_esp = true, .esp = {PACKET_ENCRYPTION_DES, 8, PACKET_INTEGRITY_MD5_96}}, 0, 1},
        {{.has_esp = true, .esp = {PACKET_ENCRYPTION_3DES, 24, PACKET_INTEGRITY_SHA1_96}}, DH_MODP_1024, 1},
        {{.has_esp = true, .esp = {PACKET_ENCRYPTION_AES_CBC, 32, PACKET_INTEGRITY_SHA256_128}},
         DH_ECP_256,
         1},
        {{.has_esp = true, .esp = {PACKET_ENCRYPTION_AES_CBC, 24, PACKET_INTEGRITY_SHA512_256}},
         DH_CURVE25519,
         1},
        {{.has_esp = true, .esp = {PACKET_ENCRYPTION_AES_GCM16, 16, PACKET_INTEGRITY_NONE}}, 0, 1},
        {{.has_esp = true, .esp = {PACKET_ENCRYPTION_AES_GCM8, 32, PACKET_INTEGRITY_NONE}}, 0, 1},
        {{.has_esp = true, .esp = {PACKET_ENCRYPTION_NULL, 0, PACKET_INTEGRITY_SHA384_192}}, 0, 1},
        {{.has_esp = true, .esp = {PACKET_ENCRYPTION_DES, 8, PACKET_INTEGRITY_NONE}}, 0, 1},
        {{.has_ah = true, .ah_integrity = PACKET_INTEGRITY_MD5_96}, DH_MODP_768, 1},
        {{.has_ah = true, .ah_integrity = PACKET_INTEGRITY_SHA256_128}, 0, 1},
        {{.has_ah = true,
          .ah_integrity = PACKET_INTEGRITY_SHA1_96,
          .has_esp = true,
          .esp = {PACKET_ENCRYPTION_AES_CBC, 16, PACKET_INTEGRITY_NONE}},
         DH_CURVE25519,
         2},
    };
    (void)state;
    for (unsigned i = 0; i < ARRAY_SIZE(cases); i++) {
        struct node *a, *b;
        struct world *w = world_pair_new(&a, &b);
        a->sets[0] = b->sets[0] = cases[i].set;
        a->sets[0].name = b->sets[0].name = "SET";
        a->connections[0].pfs_group = b->connections[0].pfs_group = cases[i].pfs;
        node_start(a);
        node_start(b);
        node_acquire(a, 0);
        world_run(w, NS_PER_S);
        assert_int_equal(node_usable(a), cases[i].pairs);
        assert_int_equal(node_usable(b), cases[i].pairs);
        if (cases[i].set.has_esp)
            assert_true(nodes_match(a, b));
        if (cases[i].pairs == 2) {
            assert_true(a->pairs[0].install.bundle && a->pairs[1].install.bundle);
            assert_int_equal(a->pairs[0].install.bundle_slot, 1);
            assert_int_equal(a->pairs[1].install.bundle_slot, 0);
            assert_int_equal(a->pairs[0].install.protocol, 50);
            assert_int_equal(a->pairs[1].install.protocol, 51);
        }
        /* Everything goes again, on both sides. */
        struct ike_event e = {.type = IKE_EVENT_CLEAR, .clear = {.scope = IKE_CLEAR_EVERYTHING}};
        node_event(a, &e);
        world_run(w, NS_PER_S);
        assert_int_equal(node_pairs(a) + node_pairs(b) + node_sas(a) + node_sas(b), 0);
        world_free(w);
    }
}

static void transport_mode(void **state)
{
    struct node *a, *b;
    (void)state;
    for (unsigned host = 0; host < 2; host++) {
        struct world *w = world_pair_new(&a, &b);
        a->sets[0].transport = b->sets[0].transport = true;
        if (host) {
            a->selectors[0][0] = selector_of("192.0.2.1/32", "192.0.2.2/32");
            b->selectors[0][0] = selector_of("192.0.2.2/32", "192.0.2.1/32");
            a->selectors[0][0].protocol = b->selectors[0][0].protocol = 47;
        }
        node_start(a);
        node_start(b);
        node_acquire(a, 0);
        world_run(w, NS_PER_S);
        assert_true(nodes_match(a, b));
        assert_int_equal(a->pairs[0].install.tunnel, !host);
        world_free(w);
    }
}

/* Aggressive mode by a name that both know; disabled on either side it is neither offered nor answered. */
static void aggressive_by_name(void **state)
{
    (void)state;
    for (unsigned refuse = 0; refuse < 2; refuse++) {
        struct node *a, *b;
        struct world *w = world_pair_new(&a, &b);
        a->peers[0][0].aggressive = true;
        a->peers[0][0].aggressive_id = "GROUP";
        a->peers[0][0].aggressive_id_type = 11;
        a->peers[0][0].aggressive_key = bytes_of("secret", 6);
        b->keys[1] = (struct ike_key){.hostname = "GROUP", .key = bytes_of("secret", 6)};
        b->config.key_count = 2;
        b->config.aggressive_disabled = refuse;
        node_start(a);
        node_start(b);
        node_acquire(a, 0);
        world_run(w, 40 * NS_PER_S);
        assert_int_equal(nodes_match(a, b), !refuse);
        assert_int_equal(a->acquire_failed, refuse);
        world_free(w);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(main_and_quick_mode), cmocka_unit_test(every_suite),
        cmocka_unit_test(every_transform),     cmocka_unit_test(transport_mode),
        cmocka_unit_test(aggressive_by_name),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
