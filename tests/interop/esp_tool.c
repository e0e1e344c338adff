/* SPDX-License-Identifier: Apache-2.0 */
/* The packet path as a filter, for tests that hold other people's IPsec against ours: one SA pair in an SAD
 * and SPD in memory, and the real outbound and inbound bursts around it. Keys are the same in both
 * directions, so that what it sealed can be opened anywhere, and the other way round. It answers each line of
 * its input with one line:
 *
 *     sa protocol=50 mode=tunnel encryption=aes-cbc cipher-bytes=16 integrity=sha1 key=HEX integrity-key=HEX
 *        sequence=0 esn=0 udp=0 local=192.0.2.1 remote=192.0.2.2             -> spi 001a0000
 *     seal HEX    an IP packet that the TUN device gave us                  -> sent HEX | dropped REASON
 *     open HEX    an outer IP packet (ESP, AH, UDP 4500) for us             -> delivered HEX | dropped REASON
 *
 * `sent` is the whole outer packet; for UDP encapsulation the payload of the datagram alone. RFC 4302, 4303,
 * 3948. */
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>

#include "ipsec/inbound.h"
#include "ipsec/outbound.h"
#include "ipsec/pair_index.h"
#include "wire/ip.h"

enum { SLOTS = 16, SLOT = 5, IFINDEX = 2, ENTRY = 9, LINE_MAX_LEN = 2 * PACKET_MAX + 1024, NOW = 1000 };

static struct packet_path path;
static struct outbound *outbound;
static struct inbound *inbound;
static struct rng rng;
static uint32_t generation;
static uint8_t buffer[PACKET_HEADROOM + PACKET_MAX + PACKET_TAILROOM];

struct name {
    const char *text;
    uint8_t value;
};

static const struct name encryptions[] = {
    {"null", PACKET_ENCRYPTION_NULL},
    {"des", PACKET_ENCRYPTION_DES},
    {"3des", PACKET_ENCRYPTION_3DES},
    {"aes-cbc", PACKET_ENCRYPTION_AES_CBC},
    {"aes-gcm", PACKET_ENCRYPTION_AES_GCM16},
    {"aes-gcm12", PACKET_ENCRYPTION_AES_GCM12},
    {"aes-gcm8", PACKET_ENCRYPTION_AES_GCM8},
    {"chacha20", PACKET_ENCRYPTION_CHACHA20_POLY1305},
    {NULL, 0},
};

static const struct name integrities[] = {
    {"none", PACKET_INTEGRITY_NONE},
    {"md5", PACKET_INTEGRITY_MD5_96},
    {"sha1", PACKET_INTEGRITY_SHA1_96},
    {"sha256", PACKET_INTEGRITY_SHA256_128},
    {"sha384", PACKET_INTEGRITY_SHA384_192},
    {"sha512", PACKET_INTEGRITY_SHA512_256},
    {NULL, 0},
};

static void __attribute__((noreturn, format(printf, 1, 2))) die(const char *format, ...)
{
    va_list args;
    va_start(args, format);
    vfprintf(stderr, format, args);
    va_end(args);
    fputc('\n', stderr);
    exit(2);
}

static uint8_t name_value(const struct name *table, const char *text)
{
    for (; table->text; table++)
        if (strcmp(table->text, text) == 0)
            return table->value;
    die("unknown algorithm %s", text);
}

static void *map(size_t size)
{
    void *p = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (p == MAP_FAILED)
        die("no memory");
    return p;
}

/* Every packet of both families is protected: transport mode by the same entry as tunnel mode. */
static void policy(void)
{
    struct spd_table *t = spd_next(path.spd);
    t->bindings[0] = (struct spd_binding){.ifindex = IFINDEX, .entry_count = 1};
    t->binding_count = 1;
    t->entries[0] = (struct spd_entry){.id = ENTRY, .sequence = 10, .ace_count = 2};
    t->entry_count = 1;
    for (int i = 0; i < 2; i++) {
        t->aces[i] = (struct spd_ace){.permit = 1,
                                      .family = i ? ADDRESS_V6 : ADDRESS_V4,
                                      .source_port_high = UINT16_MAX,
                                      .destination_port_high = UINT16_MAX};
        memset(t->aces[i].source_wildcard, 0xff, 16);
        memset(t->aces[i].destination_wildcard, 0xff, 16);
    }
    t->ace_count = 2;
    spd_publish(path.spd);
}

static void init(void)
{
    path.sad = map(sad_size(SLOTS));
    path.spd = map(sizeof(struct spd));
    sad_init(path.sad, SLOTS);
    spd_init(path.spd);
    rng_init_number(&rng, 1);
    path.rng = &rng;
    path.engine = &path.sad->engines[0];
    path.cipher = packet_cipher_new(&rng);
    path.index = pair_index_new(path.sad);
    outbound = path.cipher && path.index ? outbound_new(&path) : NULL;
    inbound = outbound ? inbound_new(&path) : NULL;
    if (!inbound)
        die("no memory");
    policy();
}

struct sa {
    struct packet_algorithms algorithms;
    uint8_t key[PACKET_KEY_MAX], integrity_key[PACKET_INTEGRITY_KEY_MAX];
    int key_len, integrity_len;
    struct address local, remote;
    uint64_t sequence;
    unsigned protocol, flags, inner;
};

static void sa_word(struct sa *sa, const char *name, const char *value)
{
    if (strcmp(name, "protocol") == 0)
        sa->protocol = (unsigned)strtoul(value, NULL, 10);
    else if (strcmp(name, "mode") == 0)
        sa->flags |= strcmp(value, "tunnel") == 0 ? PAIR_TUNNEL : 0;
    else if (strcmp(name, "esn") == 0)
        sa->flags |= *value == '1' ? PAIR_ESN : 0;
    else if (strcmp(name, "udp") == 0)
        sa->flags |= *value == '1' ? PAIR_UDP : 0;
    else if (strcmp(name, "inner") == 0)
        sa->inner = (unsigned)strtoul(value, NULL, 10);
    else if (strcmp(name, "encryption") == 0)
        sa->algorithms.encryption = name_value(encryptions, value);
    else if (strcmp(name, "cipher-bytes") == 0)
        sa->algorithms.key_bytes = (uint8_t)strtoul(value, NULL, 10);
    else if (strcmp(name, "integrity") == 0)
        sa->algorithms.integrity = name_value(integrities, value);
    else if (strcmp(name, "key") == 0)
        sa->key_len = bytes_from_hex(value, sa->key, sizeof(sa->key));
    else if (strcmp(name, "integrity-key") == 0)
        sa->integrity_len = bytes_from_hex(value, sa->integrity_key, sizeof(sa->integrity_key));
    else if (strcmp(name, "sequence") == 0)
        sa->sequence = strtoull(value, NULL, 10);
    else if (strcmp(name, "local") != 0 && strcmp(name, "remote") != 0)
        die("unknown word %s", name);
    else if (!address_parse(value, *name == 'l' ? &sa->local : &sa->remote))
        die("no address: %s", value);
}

/* Takes the place of the pair before: same slot, another generation, hence another SPI. */
static void sa_install(const struct sa *sa)
{
    struct sad_pair *p = &path.sad->pairs[SLOT];
    pair_index_remove(path.index, SLOT);
    memset(p, 0, sizeof(*p));
    p->spi_in = p->spi_out = spi_make(0, ++generation, SLOT);
    p->entry = ENTRY;
    p->flags = (uint16_t)sa->flags;
    p->protocol = (uint8_t)sa->protocol;
    p->replay_size = 64;
    p->algorithms = sa->algorithms;
    uint16_t port = sa->flags & PAIR_UDP ? 4500 : 0;
    p->local = (struct endpoint){sa->local, port};
    p->remote = (struct endpoint){sa->remote, port};
    p->selector = (struct selector){.local_port_high = UINT16_MAX, .remote_port_high = UINT16_MAX};
    p->selector.local.address.family = p->selector.remote.address.family = (uint8_t)sa->inner;
    p->hard_expiry = NS_NEVER;
    p->soft_bytes = p->hard_bytes = UINT64_MAX;
    p->sequence_ceiling = UINT64_MAX;
    p->iv_base = 0x0123456789abcdef;
    p->sequence_out = sa->sequence;
    p->replay.top = sa->sequence;
    struct bytes key = bytes_of(sa->key, (size_t)sa->key_len);
    struct bytes integrity = bytes_of(sa->integrity_key, (size_t)sa->integrity_len);
    if (packet_key_init(path.cipher, &p->seal_key, &sa->algorithms, true, key, integrity) != 0 ||
        packet_key_init(path.cipher, &p->open_key, &sa->algorithms, false, key, integrity) != 0)
        die("keys do not fit the algorithms");
    atomic_store(&p->state, PAIR_ACTIVE);
    sad_slot_use(path.sad, SLOT);
    pair_index_add(path.index, SLOT);
    printf("spi %08x\n", p->spi_in);
}

static void command_sa(char *words)
{
    struct sa sa = {.protocol = 50, .inner = ADDRESS_V4};
    for (char *word = strtok(words, " \n"); word; word = strtok(NULL, " \n")) {
        char *value = strchr(word, '=');
        if (!value)
            die("no value: %s", word);
        *value++ = '\0';
        sa_word(&sa, word, value);
    }
    if (sa.key_len < 0 || sa.integrity_len < 0 || !address_is_set(&sa.local) || !address_is_set(&sa.remote))
        die("incomplete SA");
    sa_install(&sa);
}

static void answer(const char *word, const uint8_t *data, size_t len)
{
    static char text[2 * PACKET_MAX + 1];
    printf("%s %s\n", word, bytes_to_hex(bytes_of(data, len), text));
}

static uint32_t read_packet(const char *hex)
{
    int len = bytes_from_hex(hex, buffer + PACKET_HEADROOM, PACKET_MAX);
    if (len < 0)
        die("no packet in hex");
    return (uint32_t)len;
}

static void command_seal(const char *hex)
{
    struct outbound_packet p = {.data = buffer + PACKET_HEADROOM, .ifindex = IFINDEX, .mtu = 9000};
    p.len = read_packet(hex);
    size_t n = outbound_burst(outbound, &p, 1, NOW);
    const struct outbound_result *r = outbound_results(outbound);
    if (n == 1 && (r->kind == OUTBOUND_SEND_RAW || r->kind == OUTBOUND_SEND_UDP))
        answer("sent", r->data, r->len);
    else if (n == 1 && r->kind == OUTBOUND_DROPPED)
        printf("dropped %s\n", drop_reason_name(r->reason));
    else
        printf("neither: %zu results, first of kind %d\n", n, n ? r->kind : -1);
}

/* As the sockets give it: what they keep to themselves is taken off. */
static struct inbound_packet received(uint32_t len)
{
    struct inbound_packet p = {.data = buffer + PACKET_HEADROOM, .len = len, .form = INBOUND_RAW_V4};
    struct ip_packet ip;
    if (ip_parse(bytes_of(p.data, len), &ip) != IP_OK)
        return p;
    p.local = (struct endpoint){ip.destination, 0};
    p.remote = (struct endpoint){ip.source, 0};
    p.traffic_class = ip.traffic_class;
    if (ip.protocol == IP_PROTOCOL_UDP) {
        p.form = INBOUND_UDP;
        p.local.port = p.remote.port = 4500;
        p.data = (uint8_t *)ip.payload.data + UDP_HEADER;
        p.len = (uint32_t)ip.payload.len - UDP_HEADER;
    } else if (ip.version == 6) {
        p.form = INBOUND_RAW_V6;
        p.protocol = ip.protocol;
        p.data = (uint8_t *)ip.payload.data;
        p.len = (uint32_t)ip.payload.len;
    }
    return p;
}

static void command_open(const char *hex)
{
    struct inbound_packet p = received(read_packet(hex));
    struct inbound_result r;
    inbound_burst(inbound, &p, 1, NOW, &r);
    if (r.kind == INBOUND_DELIVER)
        answer("delivered", r.data, r.len);
    else
        printf("dropped %s\n", drop_reason_name(r.reason));
}

int main(void)
{
    static char line[LINE_MAX_LEN];
    init();
    while (fgets(line, sizeof(line), stdin)) {
        if (strncmp(line, "sa ", 3) == 0)
            command_sa(line + 3);
        else if (strncmp(line, "seal ", 5) == 0)
            command_seal(line + 5);
        else if (strncmp(line, "open ", 5) == 0)
            command_open(line + 5);
        else
            die("unknown command: %s", line);
        fflush(stdout);
    }
    return 0;
}
