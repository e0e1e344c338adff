/* SPDX-License-Identifier: Apache-2.0 */
/* The formats are those of Wireshark's tables "ISAKMP IKEv1 decryption table" and "ESP SAs" (profile files
 * ikev1_decryption_table and esp_sa). */
#include "control/key_files.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include "io/files.h"

static const char *const file_names[] = {"ikev1_decryption_table", "esp_sa"};
enum { FILE_ISAKMP, FILE_ESP };

void key_files_init(struct key_files *k, const char *run_directory)
{
    char path[300];

    snprintf(k->directory, sizeof k->directory, "%s/wireshark", run_directory);
    snprintf(path, sizeof path, "%s/keep", k->directory);
    k->kept = k->on = access(path, F_OK) == 0;
}

int key_files_begin(struct key_files *k)
{
    if (mkdir(k->directory, 0700) < 0 && errno != EEXIST)
        return -errno;
    k->on = true;
    return 0;
}

void key_files_end(struct key_files *k)
{
    char path[300];

    if (k->kept)
        return;
    for (size_t i = 0; i < ARRAY_SIZE(file_names); i++) {
        snprintf(path, sizeof path, "%s/%s", k->directory, file_names[i]);
        unlink(path);
    }
    rmdir(k->directory);
    k->on = false;
}

static int line_append(struct key_files *k, int file, char *line, size_t len)
{
    char path[300];

    snprintf(path, sizeof path, "%s/%s", k->directory, file_names[file]);
    int fd = open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC | O_NOFOLLOW, 0600);
    int error = fd < 0 ? -errno : file_write_all(fd, bytes_of(line, len));
    if (fd >= 0)
        close(fd);
    wipe(line, len);
    return error;
}

int key_files_isakmp(struct key_files *k, const struct ike_keys_isakmp *keys)
{
    char line[256], cookie[17], key[129];

    if (!k->on)
        return 0;
    if (keys->key.len > 64)
        return -EINVAL;
    int len =
        snprintf(line, sizeof line, "%s,%s\n", bytes_to_hex(bytes_of(keys->cookie_initiator, 8), cookie),
                 bytes_to_hex(keys->key, key));
    wipe(key, sizeof key);
    return line_append(k, FILE_ISAKMP, line, (size_t)len);
}

static const char *encryption_name(const struct packet_algorithms *a)
{
    switch (a->encryption) {
    case PACKET_ENCRYPTION_DES:
        return "DES-CBC [RFC2405]";
    case PACKET_ENCRYPTION_3DES:
        return "TripleDES-CBC [RFC2451]";
    case PACKET_ENCRYPTION_AES_CBC:
        return "AES-CBC [RFC3602]";
    case PACKET_ENCRYPTION_AES_GCM16:
        return "AES-GCM with 16 octet ICV [RFC4106]";
    case PACKET_ENCRYPTION_AES_GCM12:
        return "AES-GCM with 12 octet ICV [RFC4106]";
    case PACKET_ENCRYPTION_AES_GCM8:
        return "AES-GCM with 8 octet ICV [RFC4106]";
    case PACKET_ENCRYPTION_CHACHA20_POLY1305:
        return "ChaCha20 with Poly1305 [RFC7634]";
    default:
        return "NULL";
    }
}

static const char *integrity_name(uint8_t integrity)
{
    static const char *const names[] = {
        [PACKET_INTEGRITY_NONE] = "NULL",
        [PACKET_INTEGRITY_MD5_96] = "HMAC-MD5-96 [RFC2403]",
        [PACKET_INTEGRITY_SHA1_96] = "HMAC-SHA-1-96 [RFC2404]",
        [PACKET_INTEGRITY_SHA256_128] = "HMAC-SHA-256-128 [RFC4868]",
        [PACKET_INTEGRITY_SHA384_192] = "HMAC-SHA-384-192 [RFC4868]",
        [PACKET_INTEGRITY_SHA512_256] = "HMAC-SHA-512-256 [RFC4868]",
    };

    return integrity < ARRAY_SIZE(names) ? names[integrity] : "NULL";
}

static int pair_line(struct key_files *k, const struct ike_pair_install *p, bool inbound)
{
    const struct address *from = inbound ? &p->remote.address : &p->local.address;
    const struct address *to = inbound ? &p->local.address : &p->remote.address;
    struct bytes cipher = inbound ? p->encryption_key_in : p->encryption_key_out;
    struct bytes integrity = inbound ? p->integrity_key_in : p->integrity_key_out;
    char line[512], source[ADDRESS_TEXT], destination[ADDRESS_TEXT], cipher_hex[2 * PACKET_KEY_MAX + 1],
        integrity_hex[2 * PACKET_INTEGRITY_KEY_MAX + 1];

    if (cipher.len > PACKET_KEY_MAX || integrity.len > PACKET_INTEGRITY_KEY_MAX)
        return -EINVAL;
    bytes_to_hex(cipher, cipher_hex);
    bytes_to_hex(integrity, integrity_hex);
    int len = snprintf(line, sizeof line, "\"%s\",\"%s\",\"%s\",\"0x%08x\",\"%s\",\"%s%s\",\"%s\",\"%s%s\"\n",
                       from->family == ADDRESS_V6 ? "IPv6" : "IPv4", address_print(from, source),
                       address_print(to, destination), inbound ? p->spi_in : p->spi_out,
                       encryption_name(&p->algorithms), cipher.len ? "0x" : "", cipher_hex,
                       integrity_name(p->algorithms.integrity), integrity.len ? "0x" : "", integrity_hex);
    wipe(cipher_hex, sizeof cipher_hex);
    wipe(integrity_hex, sizeof integrity_hex);
    return line_append(k, FILE_ESP, line, (size_t)len);
}

int key_files_pair(struct key_files *k, const struct ike_pair_install *p)
{
    if (!k->on || p->protocol != 50)
        return 0; /* AH hides nothing */
    int error = pair_line(k, p, true);
    return error ? error : pair_line(k, p, false);
}
