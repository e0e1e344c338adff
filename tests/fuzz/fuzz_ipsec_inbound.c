/* SPDX-License-Identifier: Apache-2.0 */
/* The inbound burst. First byte: how the rest comes in. Below 3 it is what a socket gives, as it is; from 3
 * on it is the content of an ESP packet of a peer that holds the keys and may be hostile all the same: the
 * harness adds header and ICV. What is delivered must be a packet inside the SA's selectors, and never from
 * outside without the keys. */
#include "ipsec/inbound.h"
#include "ipsec/pair_index.h"
#include "ipsec/tuple.h"

#include <assert.h>
#include <sys/mman.h>

enum { SLOTS = 4, BUFFER = 16384 };

static struct packet_path path;
static struct inbound *in;
static struct packet_key peer_key;
static struct rng rng;

static void start(void)
{
    static const uint8_t key[20] = "0123456789abcdefghi";
    struct sad *sad = mmap(NULL, sad_size(SLOTS), PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    struct spd *spd = mmap(NULL, sizeof(struct spd), PROT_READ | PROT_WRITE,
                           MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    assert(sad != MAP_FAILED && spd != MAP_FAILED);
    sad_init(sad, SLOTS);
    spd_init(spd);
    rng_init_number(&rng, 1);
    path = (struct packet_path){.sad = sad, .spd = spd, .engine = &sad->engines[0], .rng = &rng};
    path.cipher = packet_cipher_new(&rng);
    assert(path.cipher);
    /* 1: tunnel, 2: transport, 3: AH in tunnel mode. */
    for (uint32_t slot = 1; slot < SLOTS; slot++) {
        struct sad_pair *p = &sad->pairs[slot];
        p->spi_in = spi_make(0, 1, slot);
        p->protocol = slot == 3 ? IP_PROTOCOL_AH : IP_PROTOCOL_ESP;
        p->flags = slot == 2 ? PAIR_NO_REPLAY_CHECK : PAIR_NO_REPLAY_CHECK | PAIR_TUNNEL;
        p->algorithms = (struct packet_algorithms){PACKET_ENCRYPTION_NULL, 0, PACKET_INTEGRITY_SHA1_96};
        p->selector = (struct selector){
            {address_v4(0x0a000000), 8}, {address_v4(0x0a000000), 8}, 0, 0, 65535, 0, 65535};
        p->hard_expiry = NS_NEVER;
        p->soft_bytes = p->hard_bytes = UINT64_MAX;
        assert(packet_key_init(path.cipher, &p->open_key, &p->algorithms, false, bytes_of(NULL, 0),
                               bytes_of(key, 20)) == 0);
        assert(packet_key_init(path.cipher, &peer_key, &p->algorithms, true, bytes_of(NULL, 0),
                               bytes_of(key, 20)) == 0);
        atomic_store(&p->state, PAIR_ACTIVE);
    }
    for (uint32_t slot = 0; slot < SLOTS; slot++)
        sad_slot_use(sad, slot);
    path.index = pair_index_new(sad);
    in = inbound_new(&path);
    assert(path.index && in);
}

static void check(const struct inbound_packet *packet, bool with_keys)
{
    struct inbound_result r;
    struct ip_packet inner;
    struct packet_tuple tuple;
    inbound_burst(in, packet, 1, 1, &r);
    if (r.kind != INBOUND_DELIVER) {
        assert(r.reason != DROP_NONE && r.reason < DROP_REASON_COUNT);
        return;
    }
    assert(with_keys);
    assert(ip_parse(bytes_of(r.data, r.len), &inner) == IP_OK && inner.total_length == r.len);
    tuple_of(&inner, &tuple);
    tuple_mirror(&tuple);
    assert(tuple_in_selector(&tuple, &path.sad->pairs[r.slot].selector));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
    static uint8_t buffer[BUFFER];
    if (!in)
        start();
    if (len < 1 || len > BUFFER / 2)
        return 0;
    uint8_t form = data[0] % 6;
    struct inbound_packet p = {.data = buffer + 64, .len = (uint32_t)len - 1, .form = form};
    p.local.address = address_v4(0x0a000001);
    p.remote.address = address_v4(0x0a000002);
    p.protocol = data[0] & 0x80 ? IP_PROTOCOL_AH : IP_PROTOCOL_ESP;
    if (form < 3) {
        if (form == INBOUND_RAW_V6)
            p.local.address.family = p.remote.address.family = ADDRESS_V6;
        memcpy(p.data, data + 1, len - 1);
        check(&p, false);
        return 0;
    }
    memcpy(p.data + 8, data + 1, len - 1);
    be32_store(p.data, spi_make(0, 1, form == 4 ? 2 : 1));
    be32_store(p.data + 4, 1);
    p.form = INBOUND_UDP;
    struct packet_job job = {.key = &peer_key,
                             .header = p.data,
                             .iv = p.data + 8,
                             .payload = p.data + 8,
                             .icv = p.data + 8 + p.len,
                             .payload_len = p.len};
    if (packet_cipher_seal(path.cipher, &job, 1) != 1)
        return 0;
    p.len += 8 + 12;
    check(&p, true);
    return 0;
}
