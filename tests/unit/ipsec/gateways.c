/* SPDX-License-Identifier: Apache-2.0 */
/* See gateways.h. */
#include "gateways.h"

#include <sys/mman.h>

struct gateway spoke, hub;

void gateway_init(struct gateway *g, uint64_t seed, uint32_t slots)
{
    memset(g, 0, sizeof(*g));
    g->sad = mmap(NULL, sad_size(slots), PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE,
                  -1, 0);
    g->spd = mmap(NULL, sizeof(struct spd), PROT_READ | PROT_WRITE,
                  MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    assert_true(g->sad != MAP_FAILED && g->spd != MAP_FAILED);
    sad_init(g->sad, slots);
    spd_init(g->spd);
    rng_init_number(&g->rng, seed);
    g->path =
        (struct packet_path){.sad = g->sad, .spd = g->spd, .engine = &g->sad->engines[0], .rng = &g->rng};
    gateway_restart(g);
}

void gateway_restart(struct gateway *g)
{
    outbound_free(g->out);
    inbound_free(g->in);
    pair_index_free(g->path.index);
    packet_cipher_free(g->path.cipher);
    g->path.cipher = packet_cipher_new(&g->rng);
    g->path.index = pair_index_new(g->sad);
    g->out = outbound_new(&g->path);
    g->in = inbound_new(&g->path);
    assert_non_null(g->path.cipher);
    assert_non_null(g->out);
    assert_non_null(g->in);
}

void gateway_done(struct gateway *g)
{
    outbound_free(g->out);
    inbound_free(g->in);
    pair_index_free(g->path.index);
    packet_cipher_free(g->path.cipher);
    munmap(g->sad, sad_size(g->sad->slots));
    munmap(g->spd, sizeof(struct spd));
}

static struct address address(const char *text)
{
    struct address a;
    assert_true(address_parse(text, &a));
    return a;
}

static struct spd_ace ace(const char *source, const char *destination, uint8_t length)
{
    struct spd_ace a = {.permit = 1, .source_port_high = 65535, .destination_port_high = 65535};
    struct address s = address(source), d = address(destination);
    a.family = s.family;
    memcpy(a.source, s.bytes, 16);
    memcpy(a.destination, d.bytes, 16);
    for (int i = length; i < address_bits(&s); i++) {
        a.source_wildcard[i / 8] |= (uint8_t)(0x80 >> i % 8);
        a.destination_wildcard[i / 8] |= (uint8_t)(0x80 >> i % 8);
    }
    return a;
}

void gateway_policy(struct gateway *g, bool is_hub)
{
    struct spd_table *t = spd_next(g->spd);
    t->bindings[0] = (struct spd_binding){.ifindex = GATEWAY_IFINDEX, .first_entry = 0, .entry_count = 1};
    t->binding_count = 1;
    t->entries[0] = (struct spd_entry){.id = ENTRY_ID, .sequence = 10, .ace_count = 2, .may_initiate = 1};
    t->entry_count = 1;
    t->aces[0] = is_hub ? ace("10.2.0.0", "10.1.0.0", 16) : ace("10.1.0.0", "10.2.0.0", 16);
    t->aces[1] = is_hub ? ace("2001:db8:2::", "2001:db8:1::", 48) : ace("2001:db8:1::", "2001:db8:2::", 48);
    t->ace_count = 2;
    t->own_addresses[0] = address(is_hub ? "192.0.2.2" : "192.0.2.1");
    t->own_addresses[1] = address(is_hub ? "10.2.0.254" : "10.1.0.254");
    t->own_addresses[2] = address(is_hub ? "2001:db8:2::fe" : "2001:db8:1::fe");
    t->own_address_count = 3;
    spd_publish(g->spd);
}

void tunnel_keys(struct gateway *g, struct sad_pair *pair, const struct packet_algorithms *a,
                 const uint8_t *send, const uint8_t *receive)
{
    size_t key = packet_encryption_key_len(a), integrity = packet_integrity_key_len(a);
    assert_int_equal(0, packet_key_init(g->path.cipher, &pair->seal_key, a, true, bytes_of(send, key),
                                        bytes_of(send + key, integrity)));
    assert_int_equal(0, packet_key_init(g->path.cipher, &pair->open_key, a, false, bytes_of(receive, key),
                                        bytes_of(receive + key, integrity)));
}

static void pair_fill(struct gateway *g, const struct tunnel *t, uint32_t slot, ns created, bool is_hub,
                      bool v6)
{
    struct sad_pair *p = &g->sad->pairs[slot];
    uint8_t keys[2][PACKET_KEY_MAX + PACKET_INTEGRITY_KEY_MAX];
    for (size_t i = 0; i < sizeof(keys); i++)
        ((uint8_t *)keys)[i] = (uint8_t)(i * 7 + slot * 13);
    atomic_store(&p->state, PAIR_FREE);
    memset((uint8_t *)p + sizeof(p->state), 0, sizeof(*p) - sizeof(p->state));
    uint32_t mine = spi_make(is_hub ? 1 : 0, 5 + (uint32_t)created % 1000, slot);
    uint32_t other = spi_make(is_hub ? 0 : 1, 5 + (uint32_t)created % 1000, slot);
    p->spi_in = mine;
    p->spi_out = other;
    p->entry = ENTRY_ID;
    p->flags = t->flags;
    p->protocol = t->protocol;
    p->replay_size = t->replay_size ? t->replay_size : 64;
    p->algorithms = t->algorithms;
    p->selector = (struct selector){.local_port_high = 65535, .remote_port_high = 65535};
    struct prefix near =
        v6 ? (struct prefix){address("2001:db8:1::"), 48} : (struct prefix){address("10.1.0.0"), 16};
    struct prefix far =
        v6 ? (struct prefix){address("2001:db8:2::"), 48} : (struct prefix){address("10.2.0.0"), 16};
    p->selector.local = is_hub ? far : near;
    p->selector.remote = is_hub ? near : far;
    struct address a = address(t->outer_v6 ? "2001:db8:ff::1" : "192.0.2.1");
    struct address b = address(t->outer_v6 ? "2001:db8:ff::2" : "192.0.2.2");
    uint16_t port = t->flags & PAIR_UDP ? 4500 : 0;
    p->local = (struct endpoint){is_hub ? b : a, port};
    p->remote = (struct endpoint){is_hub ? a : b, port};
    p->created = created;
    p->hard_expiry = NS_NEVER;
    p->soft_bytes = p->hard_bytes = UINT64_MAX;
    p->iv_base = is_hub ? 0x8000000000000000 : 0x4000000000000000;
    p->sequence_ceiling = UINT64_MAX;
    p->preferred_since = created;
    p->sequence_out = t->sequence;
    p->replay.top = t->sequence;
    tunnel_keys(g, p, &t->algorithms, keys[is_hub], keys[!is_hub]);
    atomic_store(&p->state, PAIR_ACTIVE);
    sad_slot_use(g->sad, slot);
    pair_index_add(g->path.index, slot);
}

/* `slot` serves IPv4 inside, `slot` + 1 IPv6. */
void tunnel_install(const struct tunnel *t, uint32_t slot, ns created)
{
    for (int v6 = 0; v6 < 2; v6++) {
        pair_fill(&spoke, t, slot + (uint32_t)v6, created, false, v6);
        pair_fill(&hub, t, slot + (uint32_t)v6, created, true, v6);
    }
}

struct outbound_packet packet_make(uint8_t buffer[BUFFER], uint8_t version, uint32_t len, bool df,
                                   uint8_t traffic_class)
{
    uint8_t *p = buffer + PACKET_HEADROOM;
    uint32_t header = version == 4 ? IPV4_HEADER : IPV6_HEADER;
    struct ip_header_fields f = {
        .source = address(version == 4 ? "10.1.1.1" : "2001:db8:1::1"),
        .destination = address(version == 4 ? "10.2.2.2" : "2001:db8:2::2"),
        .payload_length = (uint16_t)(len - header),
        .protocol = IP_PROTOCOL_UDP,
        .traffic_class = traffic_class,
        .ttl = 63,
        .id = 0x1234,
        .dont_fragment = df,
    };
    assert_int_equal(header, ip_header_write(p, &f));
    for (uint32_t i = header; i < len; i++)
        p[i] = (uint8_t)(i * 31 + 7);
    be16_store(p + header + 4, (uint16_t)(len - header));
    be16_store(p + header + 6, 0);
    be16 sum =
        checksum_transport(&f.source, &f.destination, IP_PROTOCOL_UDP, bytes_of(p + header, len - header));
    memcpy(p + header + 6, &sum, 2);
    return (struct outbound_packet){.data = p, .len = len, .ifindex = GATEWAY_IFINDEX, .mtu = 1500};
}

struct inbound_packet packet_arrive(const struct outbound_result *r, uint8_t *buffer)
{
    struct inbound_packet p = {.data = buffer, .len = r->len, .local = r->remote, .remote = r->local};
    memcpy(buffer, r->data, r->len);
    p.traffic_class = r->traffic_class;
    if (r->kind == OUTBOUND_SEND_UDP) {
        p.form = INBOUND_UDP;
    } else if (r->remote.address.family == ADDRESS_V4) {
        p.form = INBOUND_RAW_V4;
    } else {
        /* The socket keeps the header to itself. */
        p.form = INBOUND_RAW_V6;
        p.protocol = r->protocol;
        p.data += IPV6_HEADER;
        p.len -= IPV6_HEADER;
    }
    return p;
}

int two_gateways(void **state)
{
    (void)state;
    gateway_init(&spoke, 1, GATEWAY_SLOTS);
    gateway_init(&hub, 2, GATEWAY_SLOTS);
    gateway_policy(&spoke, false);
    gateway_policy(&hub, true);
    return 0;
}

int no_gateways(void **state)
{
    (void)state;
    gateway_done(&spoke);
    gateway_done(&hub);
    return 0;
}
