/* SPDX-License-Identifier: Apache-2.0 */
/* Which packets of the inside are protected, and by which pair: the policy of both members is one table, and
 * what it says of a packet is found by the engine's own decider and index of pairs. The table never changes,
 * and the memory is one for all worlds. */
#include <assert.h>
#include <stdlib.h>

#include "base/be.h"
#include "ipsec/decision.h"
#include "ipsec/pair_index.h"
#include "pair/world.h"

enum { OUTSIDE_IFINDEX = 2, NETWORK = 0x0a010000, HOST_LEFT_OUT = 0x0a0100fe, ELSEWHERE = 0xc0000201 };

static struct spd *policy;
static struct decider *deciders[2];
static struct pair_index *indexes[2];
static struct packet_path paths[2];

static uint32_t remote_network(uint8_t tunnel)
{
    return 0x0a400000 | (uint32_t)tunnel << 8;
}

static struct spd_ace ace(bool permit, uint32_t source, uint32_t source_wildcard, uint8_t tunnel)
{
    struct spd_ace a = {.permit = permit, .family = ADDRESS_V4};
    be32_store(a.source, source);
    be32_store(a.source_wildcard, source_wildcard);
    be32_store(a.destination, remote_network(tunnel));
    be32_store(a.destination_wildcard, 0xff);
    return a;
}

/* One entry for each tunnel; one host of the inside is left out of all of them. */
static void policy_fill(struct spd_table *t)
{
    t->bindings[t->binding_count++] = (struct spd_binding){
        .ifindex = OUTSIDE_IFINDEX, .local_v4 = address_v4(0x09010125), .entry_count = TUNNELS_MAX};
    for (uint8_t tunnel = 0; tunnel < TUNNELS_MAX; tunnel++) {
        t->entries[t->entry_count++] = (struct spd_entry){.id = tunnel,
                                                          .sequence = 10u + tunnel,
                                                          .first_ace = t->ace_count,
                                                          .ace_count = 2,
                                                          .may_initiate = 1};
        t->aces[t->ace_count++] = ace(false, HOST_LEFT_OUT, 0, tunnel);
        t->aces[t->ace_count++] = ace(true, NETWORK, 0xff, tunnel);
    }
}

void policy_memory(struct sad *const sads[2])
{
    policy = calloc(1, sizeof(*policy));
    assert(policy);
    spd_init(policy);
    policy_fill(spd_next(policy));
    spd_publish(policy);
    for (unsigned i = 0; i < 2; i++) {
        deciders[i] = calloc(1, sizeof(*deciders[i]));
        indexes[i] = pair_index_new(sads[i]);
        assert(deciders[i] && indexes[i]);
        paths[i] = (struct packet_path){.sad = sads[i], .spd = policy, .index = indexes[i]};
        *deciders[i] = (struct decider){.path = &paths[i], .policy = spd_index_new()};
        assert(deciders[i]->policy);
    }
}

void policy_memory_done(void)
{
    for (unsigned i = 0; i < 2; i++) {
        spd_index_free(deciders[i]->policy);
        pair_index_free(indexes[i]);
        free(deciders[i]);
    }
    free(policy);
}

void policy_selector(uint8_t tunnel, struct selector *ret)
{
    struct spd_ace a = ace(true, NETWORK, 0xff, tunnel);
    bool good = spd_ace_selector(&a, ret);
    assert(good);
}

void policy_pair_changed(struct member *m, uint32_t slot)
{
    pair_index_add(indexes[m->id], slot);
}

/* An engine that starts finds out what is there, and remembers nothing. */
void policy_begin(struct member *m)
{
    memset(deciders[m->id]->cache, 0, sizeof(deciders[m->id]->cache));
    pair_index_sync(indexes[m->id]);
}

bool policy_protects(struct member *m, uint8_t tunnel, enum inside kind, struct sad_pair **ret)
{
    struct packet_tuple tuple = {
        .local = address_v4(kind == INSIDE_LEFT_OUT ? HOST_LEFT_OUT : NETWORK + 1),
        .remote = address_v4(kind == INSIDE_ELSEWHERE ? ELSEWHERE : remote_network(tunnel) + 1),
        .protocol = 17,
        .has_ports = 1,
        .local_port = 5001,
        .remote_port = 5001,
        .ifindex = OUTSIDE_IFINDEX};
    const struct decision *d = decide(deciders[m->id], &tuple);
    assert(d); /* there is a policy */
    *ret = d->protect && d->slot != PAIR_NONE ? &m->sad->pairs[d->slot] : NULL;
    return d->protect;
}
