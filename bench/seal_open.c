/* SPDX-License-Identifier: Apache-2.0 */
/* The packet path alone, for counting instructions: one pair with AES-GCM-128 in an SAD and SPD in memory,
 * the real outbound and inbound bursts around it, and nothing of the kernel.
 *
 *     seal_open seal|open SIZE BURST COUNT [ARCH]
 *
 * SIZE is that of the inner IP packet, ARCH the instruction set of libipsec-mb (callgrind does not know
 * AVX-512). Only `measured_seal` or `measured_open` is to be counted (callgrind: --toggle-collect); without
 * callgrind the printed nanoseconds per packet are those of the same two functions. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>

#include "io/clock.h"
#include "ipsec/inbound.h"
#include "ipsec/outbound.h"
#include "ipsec/pair_index.h"
#include "wire/ip.h"

enum { SLOTS = 16, SLOT = 5, IFINDEX = 2, ENTRY = 9, HEADER = 20, MTU = 9000, ROOM = 2048 };
enum { PACKET_LARGEST = ROOM - PACKET_HEADROOM - PACKET_TAILROOM };

static struct packet_path path;
static struct outbound *outbound;
static struct inbound *inbound;
static struct rng rng;
static uint8_t buffers[BURST_MAX][ROOM];
static ns busy;

size_t measured_seal(const struct outbound_packet *packets, size_t n, ns now);
void measured_open(const struct inbound_packet *packets, size_t n, ns now, struct inbound_result *results);

static void __attribute__((noreturn)) die(const char *why)
{
    fprintf(stderr, "seal_open: %s\n", why);
    exit(1);
}

size_t __attribute__((noinline)) measured_seal(const struct outbound_packet *packets, size_t n, ns now)
{
    return outbound_burst(outbound, packets, n, now);
}

void __attribute__((noinline))
measured_open(const struct inbound_packet *packets, size_t n, ns now, struct inbound_result *results)
{
    inbound_burst(inbound, packets, n, now, results);
}

static void *map(size_t size)
{
    void *p = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (p == MAP_FAILED)
        die("no memory");
    return p;
}

static void path_init(const char *arch)
{
    path.sad = map(sad_size(SLOTS));
    path.spd = map(sizeof(struct spd));
    sad_init(path.sad, SLOTS);
    spd_init(path.spd);
    rng_init_number(&rng, 1);
    path.rng = &rng;
    path.engine = &path.sad->engines[0];
    path.cipher = arch ? packet_cipher_new_for(&rng, arch) : packet_cipher_new(&rng);
    if (!path.cipher)
        die("this processor lacks the instruction set");
    path.index = pair_index_new(path.sad);
    outbound = path.index ? outbound_new(&path) : NULL;
    inbound = outbound ? inbound_new(&path) : NULL;
    if (!inbound)
        die("no memory");
}

/* 10.0.64.0/24 to 10.0.0.0/8, as the spoke of one link has it. */
static void policy_publish(void)
{
    struct spd_table *t = spd_next(path.spd);

    t->bindings[0] =
        (struct spd_binding){.ifindex = IFINDEX, .local_v4 = address_v4(0x09010182), .entry_count = 1};
    t->binding_count = 1;
    t->entries[0] = (struct spd_entry){.id = ENTRY, .sequence = 10, .ace_count = 1};
    t->entry_count = 1;
    t->aces[0] = (struct spd_ace){.permit = 1,
                                  .family = ADDRESS_V4,
                                  .source = {10, 0, 64},
                                  .source_wildcard = {0, 0, 0, 255},
                                  .destination = {10},
                                  .destination_wildcard = {0, 255, 255, 255},
                                  .source_port_high = UINT16_MAX,
                                  .destination_port_high = UINT16_MAX};
    t->ace_count = 1;
    spd_publish(path.spd);
}

/* The pair talks to itself: what it seals it can open, once source and destination are its selector's. */
static void pair_install(void)
{
    static const uint8_t key[20] = {1, 2, 3, 4, 5, 6, 7, 8};
    struct sad_pair *p = &path.sad->pairs[SLOT];

    p->spi_in = p->spi_out = spi_make(0, 1, SLOT);
    p->entry = ENTRY;
    p->flags = PAIR_TUNNEL;
    p->protocol = 50;
    p->replay_size = 64;
    p->algorithms = (struct packet_algorithms){PACKET_ENCRYPTION_AES_GCM16, 16, PACKET_INTEGRITY_NONE};
    p->local.address = address_v4(0x09010182);
    p->remote.address = address_v4(0x09010116);
    p->selector = (struct selector){.local = {address_v4(0x0a000000), 8},
                                    .remote = {address_v4(0x0a000000), 8},
                                    .local_port_high = UINT16_MAX,
                                    .remote_port_high = UINT16_MAX};
    p->hard_expiry = NS_NEVER;
    p->soft_bytes = p->hard_bytes = UINT64_MAX;
    p->sequence_ceiling = UINT64_MAX;
    p->iv_base = 0x0123456789abcdef;
    if (packet_key_init(path.cipher, &p->seal_key, &p->algorithms, true, bytes_of(key, 20),
                        bytes_of(NULL, 0)) != 0 ||
        packet_key_init(path.cipher, &p->open_key, &p->algorithms, false, bytes_of(key, 20),
                        bytes_of(NULL, 0)) != 0)
        die("no key");
    atomic_store(&p->state, PAIR_ACTIVE);
    sad_slot_use(path.sad, SLOT);
    pair_index_add(path.index, SLOT);
}

/* A forwarded UDP packet without a checksum: TTL and ports are all that matters here. */
static void packet_template(uint8_t *p, size_t size)
{
    static const uint8_t header[HEADER + 4] = {0x45, 0, 0,  0, 0,  0, 0x40, 0, 64, 17, 0,    0,
                                               10,   0, 64, 9, 10, 1, 0,    9, 7,  7,  0x1b, 0x59};

    memset(p, 0x5a, size);
    memcpy(p, header, sizeof header);
    p[2] = (uint8_t)(size >> 8);
    p[3] = (uint8_t)size;
    p[24] = (uint8_t)((size - HEADER) >> 8);
    p[25] = (uint8_t)(size - HEADER);
    p[26] = p[27] = 0;
    uint32_t sum = 0;
    for (int i = 0; i < HEADER; i += 2)
        sum += (uint32_t)(p[i] << 8 | p[i + 1]);
    sum = (sum & 0xffff) + (sum >> 16);
    sum = ~((sum & 0xffff) + (sum >> 16));
    p[10] = (uint8_t)(sum >> 8);
    p[11] = (uint8_t)sum;
}

struct round {
    const uint8_t *template;
    size_t size, burst;
    bool open, warm; /* warm: not measured */
};

static void seal_round(const struct round *r, ns now)
{
    struct outbound_packet packets[BURST_MAX];

    for (size_t i = 0; i < r->burst; i++) {
        packets[i] = (struct outbound_packet){
            .data = buffers[i] + PACKET_HEADROOM, .len = (uint32_t)r->size, .ifindex = IFINDEX, .mtu = MTU};
        memcpy(packets[i].data, r->template, r->size);
    }
    ns start = clock_now();
    size_t n = r->open || r->warm ? outbound_burst(outbound, packets, r->burst, now)
                                  : measured_seal(packets, r->burst, now);
    if (!r->open && !r->warm)
        busy += clock_now() - start;
    if (n != r->burst)
        die("not one result for one packet");
}

static void open_round(const struct round *r, ns now)
{
    struct inbound_packet packets[BURST_MAX];
    struct inbound_result results[BURST_MAX];
    const struct outbound_result *sealed = outbound_results(outbound);

    for (size_t i = 0; i < r->burst; i++)
        packets[i] =
            (struct inbound_packet){.data = sealed[i].data, .len = sealed[i].len, .form = INBOUND_RAW_V4};
    ns start = clock_now();
    if (r->warm)
        inbound_burst(inbound, packets, r->burst, now, results);
    else
        measured_open(packets, r->burst, now, results);
    if (!r->warm)
        busy += clock_now() - start;
    for (size_t i = 0; i < r->burst; i++)
        if (results[i].kind != INBOUND_DELIVER || results[i].len != r->size)
            die(drop_reason_name(results[i].reason));
}

int main(int argc, char **argv)
{
    static uint8_t template[PACKET_LARGEST];
    struct round r = {.template = template};

    if (argc < 5 || (strcmp(argv[1], "seal") != 0 && strcmp(argv[1], "open") != 0)) {
        fprintf(stderr, "usage: seal_open seal|open SIZE BURST COUNT [sse|avx|avx2|avx512]\n");
        return 2;
    }
    r.open = *argv[1] == 'o';
    r.size = strtoul(argv[2], NULL, 10);
    r.burst = strtoul(argv[3], NULL, 10);
    unsigned long count = strtoul(argv[4], NULL, 10);
    if (r.size < HEADER + 8 || r.size > PACKET_LARGEST || r.burst < 1 || r.burst > BURST_MAX ||
        count < r.burst)
        die("size, burst or count out of range");
    path_init(argc > 5 ? argv[5] : NULL);
    policy_publish();
    pair_install();
    packet_template(template, r.size);
    unsigned long rounds = count / r.burst;
    for (unsigned long i = 0; i <= rounds; i++) {
        r.warm = i == 0;
        seal_round(&r, 1000 + i);
        for (size_t j = 0; j < r.burst; j++)
            if (outbound_results(outbound)[j].kind != OUTBOUND_SEND_RAW)
                die(drop_reason_name(outbound_results(outbound)[j].reason));
        if (r.open)
            open_round(&r, 1000 + i);
    }
    printf("%lu packets %.1f ns/packet %s\n", rounds * r.burst, (double)busy / (double)(rounds * r.burst),
           packet_cipher_arch(path.cipher));
    return 0;
}
