/* SPDX-License-Identifier: Apache-2.0 */
/* The gateway that the fuzz targets of the IKE machine are: 192.0.2.1, with one peer, 192.0.2.2, old
 * cryptography (it is quick) and up to eight connections with the same traffic. */
#ifndef FUZZ_IKE_GATEWAY_H
#define FUZZ_IKE_GATEWAY_H

#include <stdlib.h>

#include "crypto/crypto.h"
#include "ike/ike.h"

enum { IKE_GATEWAY_CONNECTIONS = 8 };

struct ike_gateway {
    struct ike_policy policy;
    struct ike_key key;
    struct ike_transform_set set;
    struct ike_peer peer;
    struct selector selector;
    struct ike_connection connections[IKE_GATEWAY_CONNECTIONS];
    struct ike_config config;
};

static inline void ike_gateway_init(struct ike_gateway *g, unsigned connections)
{
    *g = (struct ike_gateway){
        .policy = {.encryption = CBC_DES,
                   .hash = HASH_MD5,
                   .group = DH_MODP_768,
                   .authentication = IKE_AUTH_PRESHARED,
                   .lifetime_seconds = 86400},
        .key = {.peer = {address_v4(0), 0}, .key = bytes_of("unknown to the fuzzer", 21)},
        .set = {.name = "S", .has_esp = true, .esp = {PACKET_ENCRYPTION_DES, 8, PACKET_INTEGRITY_MD5_96}},
        .peer = {.address = address_v4(0xc0000202)},
        .selector = {.local = {address_v4(0x0a000000), 24},
                     .remote = {address_v4(0x0a000100), 24},
                     .local_port_high = UINT16_MAX,
                     .remote_port_high = UINT16_MAX},
    };
    for (unsigned i = 0; i < connections; i++)
        g->connections[i] = (struct ike_connection){.id = i + 1,
                                                    .map_name = "M",
                                                    .interface_name = "I",
                                                    .sequence = 10,
                                                    .local = address_v4(0xc0000201),
                                                    .peers = &g->peer,
                                                    .peer_count = 1,
                                                    .transform_sets = {&g->set},
                                                    .transform_set_count = 1,
                                                    .lifetime_seconds = 3600,
                                                    .selectors = &g->selector,
                                                    .selector_count = 1};
    g->config = (struct ike_config){.policies = &g->policy,
                                    .policy_count = 1,
                                    .keys = &g->key,
                                    .key_count = 1,
                                    .connections = g->connections,
                                    .connection_count = connections,
                                    .dpd_mode = IKE_DPD_PERIODIC,
                                    .fragmentation = true};
    if (crypto_init() != 0)
        abort();
}

#endif
