/* SPDX-License-Identifier: Apache-2.0 */
/* See key_table.h. */
#include "judge/key_table.h"

#include <errno.h>
#include <stdlib.h>

enum { KEY_FIELDS = 8, KEY_BUCKETS = 4096 };
enum {
    FIELD_SOURCE = 1,
    FIELD_DESTINATION,
    FIELD_SPI,
    FIELD_CIPHER,
    FIELD_CIPHER_KEY,
    FIELD_HASH,
    FIELD_HASH_KEY
};

int key_table_init(struct key_table *t)
{
    *t = (struct key_table){0};
    int rc = hash_table_init(&t->by_spi, KEY_BUCKETS);
    return rc < 0 ? rc : hash_table_init(&t->by_key, KEY_BUCKETS);
}

void key_table_done(struct key_table *t)
{
    for (struct key_sa *sa = t->all, *next; sa; sa = next) {
        next = sa->next;
        if (sa->open)
            packet_key_wipe(sa->open);
        free(sa->open);
        wipe(sa, sizeof *sa);
        free(sa);
    }
    hash_table_done(&t->by_spi);
    hash_table_done(&t->by_key);
    *t = (struct key_table){0};
}

/* "a","b",... in place; false if there are not KEY_FIELDS of them. */
static bool fields_split(char *line, char *fields[KEY_FIELDS])
{
    char *at = line;
    for (unsigned i = 0; i < KEY_FIELDS; i++) {
        if (*at != '"')
            return false;
        fields[i] = ++at;
        at = strchr(at, '"');
        if (!at)
            return false;
        *at++ = '\0';
        if (i + 1 < KEY_FIELDS && *at++ != ',')
            return false;
    }
    return *at == '\0' || *at == '\n' || *at == '\r';
}

static int hex_field(const char *text, uint8_t *out, size_t size)
{
    if (text[0] == '0' && (text[1] == 'x' || text[1] == 'X'))
        text += 2;
    return bytes_from_hex(text, out, size);
}

static const struct {
    const char *name;
    uint8_t encryption, salt;
} ciphers[] = {
    {"NULL", PACKET_ENCRYPTION_NULL, 0},
    {"DES-CBC [RFC2405]", PACKET_ENCRYPTION_DES, 0},
    {"TripleDES-CBC [RFC2451]", PACKET_ENCRYPTION_3DES, 0},
    {"AES-CBC [RFC3602]", PACKET_ENCRYPTION_AES_CBC, 0},
    {"AES-GCM with 16 octet ICV [RFC4106]", PACKET_ENCRYPTION_AES_GCM16, 4},
    {"AES-GCM with 12 octet ICV [RFC4106]", PACKET_ENCRYPTION_AES_GCM12, 4},
    {"AES-GCM with 8 octet ICV [RFC4106]", PACKET_ENCRYPTION_AES_GCM8, 4},
    {"AES-GCM [RFC4106]", PACKET_ENCRYPTION_AES_GCM16, 4}, /* the ICV's length is the hash's then */
    {"ChaCha20 with Poly1305 [RFC7634]", PACKET_ENCRYPTION_CHACHA20_POLY1305, 4},
};

static const struct {
    const char *name;
    uint8_t integrity;
    uint8_t gcm; /* what "AES-GCM [RFC4106]" becomes with it */
} hashes[] = {
    {"NULL", PACKET_INTEGRITY_NONE, PACKET_ENCRYPTION_AES_GCM16},
    {"HMAC-MD5-96 [RFC2403]", PACKET_INTEGRITY_MD5_96, 0},
    {"HMAC-SHA-1-96 [RFC2404]", PACKET_INTEGRITY_SHA1_96, 0},
    {"HMAC-SHA-256-128 [RFC4868]", PACKET_INTEGRITY_SHA256_128, 0},
    {"HMAC-SHA-384-192 [RFC4868]", PACKET_INTEGRITY_SHA384_192, 0},
    {"HMAC-SHA-512-256 [RFC4868]", PACKET_INTEGRITY_SHA512_256, 0},
    {"ANY 64 bit authentication [no checking]", PACKET_INTEGRITY_NONE, PACKET_ENCRYPTION_AES_GCM8},
    {"ANY 96 bit authentication [no checking]", PACKET_INTEGRITY_NONE, PACKET_ENCRYPTION_AES_GCM12},
    {"ANY 128 bit authentication [no checking]", PACKET_INTEGRITY_NONE, PACKET_ENCRYPTION_AES_GCM16},
};

/* False if they are none that packet_cipher.h has. */
static bool algorithms_take(struct key_sa *sa, const char *cipher, const char *hash, int key_len)
{
    size_t c = 0, h = 0;
    while (c < ARRAY_SIZE(ciphers) && strcmp(ciphers[c].name, cipher) != 0)
        c++;
    while (h < ARRAY_SIZE(hashes) && strcmp(hashes[h].name, hash) != 0)
        h++;
    if (c == ARRAY_SIZE(ciphers) || h == ARRAY_SIZE(hashes) || key_len < ciphers[c].salt)
        return false;
    bool open_length = strcmp(cipher, "AES-GCM [RFC4106]") == 0;
    sa->algorithms = (struct packet_algorithms){
        .encryption = open_length ? hashes[h].gcm : ciphers[c].encryption,
        .key_bytes = (uint8_t)(key_len - ciphers[c].salt),
        .integrity = hashes[h].integrity,
    };
    return packet_algorithms_valid(&sa->algorithms);
}

/* What tells keys apart: without a cipher that of integrity. */
static struct bytes cipher_key(const struct key_sa *sa)
{
    return sa->algorithms.encryption == PACKET_ENCRYPTION_NULL
               ? bytes_of(sa->integrity_key, PACKET_INTEGRITY_KEY_MAX)
               : bytes_of(sa->encryption_key, PACKET_KEY_MAX);
}

static bool same_cipher_key(const struct key_sa *a, const struct key_sa *b)
{
    return a->algorithms.encryption == b->algorithms.encryption &&
           a->algorithms.key_bytes == b->algorithms.key_bytes &&
           bytes_equal_secret(cipher_key(a), cipher_key(b));
}

static bool same_sa(const struct key_sa *a, const struct key_sa *b)
{
    return a->spi == b->spi && address_equal(&a->destination, &b->destination) && same_cipher_key(a, b) &&
           a->algorithms.integrity == b->algorithms.integrity &&
           bytes_equal_secret(bytes_of(a->integrity_key, PACKET_INTEGRITY_KEY_MAX),
                              bytes_of(b->integrity_key, PACKET_INTEGRITY_KEY_MAX));
}

static uint32_t key_hash(const struct key_sa *sa)
{
    struct bytes key = cipher_key(sa);
    return hash_bytes(key.data, key.len, 0);
}

/* The number that this cipher key has already, or the next one. */
static uint32_t key_number(struct key_table *t, const struct key_sa *sa, uint32_t hash)
{
    for (struct hash_link *l = hash_table_first(&t->by_key, hash); l; l = hash_link_next(l, hash)) {
        const struct key_sa *other = container_of(l, struct key_sa, by_key);
        if (same_cipher_key(sa, other))
            return other->key;
    }
    return ++t->key_count;
}

static uint32_t spi_hash(uint32_t spi)
{
    return hash_bytes(&spi, sizeof spi, 0);
}

static int sa_add(struct key_table *t, const struct key_sa *sa)
{
    for (struct key_sa *k = key_table_find(t, sa->spi, &sa->destination, NULL); k;
         k = key_table_find(t, sa->spi, &sa->destination, k)) {
        if (same_sa(k, sa))
            return 0;
    }
    if (t->sa_count == KEY_TABLE_SAS)
        return -ENOSPC;
    struct key_sa *copy = malloc(sizeof *copy);
    if (!copy)
        return -ENOMEM;
    *copy = *sa;
    uint32_t hash = key_hash(sa);
    copy->key = key_number(t, sa, hash);
    t->sa_count++;
    copy->next = t->all;
    t->all = copy;
    hash_table_add(&t->by_spi, &copy->by_spi, spi_hash(sa->spi));
    hash_table_add(&t->by_key, &copy->by_key, hash);
    return 0;
}

static int line_read(struct key_table *t, char *line)
{
    char *fields[KEY_FIELDS];
    struct key_sa sa = {0};
    if (line[0] == '#' || line[0] == '\n' || line[0] == '\0')
        return 0;
    if (!fields_split(line, fields))
        return -EBADMSG;
    char *end;
    unsigned long spi = strtoul(fields[FIELD_SPI], &end, 0);
    int key = hex_field(fields[FIELD_CIPHER_KEY], sa.encryption_key, sizeof sa.encryption_key);
    int hash = hex_field(fields[FIELD_HASH_KEY], sa.integrity_key, sizeof sa.integrity_key);
    int rc = 0;
    if (*end || end == fields[FIELD_SPI] || spi > UINT32_MAX || key < 0 || hash < 0 ||
        !address_parse(fields[FIELD_DESTINATION], &sa.destination)) {
        rc = -EBADMSG;
    } else if (!algorithms_take(&sa, fields[FIELD_CIPHER], fields[FIELD_HASH], key) ||
               (size_t)hash != packet_integrity_key_len(&sa.algorithms)) {
        t->refused++;
    } else {
        sa.spi = (uint32_t)spi;
        rc = sa_add(t, &sa);
    }
    wipe(&sa, sizeof sa);
    return rc;
}

int key_table_read(struct key_table *t, FILE *file, unsigned *ret_line)
{
    char line[KEY_LINE_MAX];
    int rc = 0;
    setvbuf(file, NULL, _IONBF, 0); /* nothing of it stays in a buffer that nobody wipes */
    for (*ret_line = 1; rc == 0; ++*ret_line) {
        size_t len = 0;
        int c = EOF;
        while (len < sizeof line - 1 && (c = fgetc(file)) != EOF && c != '\n')
            line[len++] = (char)c;
        line[len] = '\0';
        rc = len == sizeof line - 1 || strlen(line) != len ? -EBADMSG : line_read(t, line);
        if (c == EOF || rc < 0)
            break;
    }
    wipe(line, sizeof line);
    return rc;
}

struct key_sa *key_table_find(const struct key_table *t, uint32_t spi, const struct address *destination,
                              const struct key_sa *after)
{
    uint32_t hash = spi_hash(spi);
    bool passed = !after;
    /* First those of the destination, then the others: two walks over one short chain. */
    for (unsigned walk = 0; walk < 2; walk++) {
        for (struct hash_link *l = hash_table_first(&t->by_spi, hash); l; l = hash_link_next(l, hash)) {
            struct key_sa *sa = container_of(l, struct key_sa, by_spi);
            bool there = address_equal(&sa->destination, destination);
            if (sa->spi != spi || there != (walk == 0))
                continue;
            if (passed)
                return sa;
            passed = sa == after;
        }
    }
    return NULL;
}
