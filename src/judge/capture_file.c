/* SPDX-License-Identifier: Apache-2.0 */
/* See capture_file.h. Integers are in the byte order of the machine that wrote the file; ours are
 * little-endian on every machine that libipsec-mb runs on, and the reader turns others round. */
#include "judge/capture_file.h"

#include <errno.h>
#include <stdlib.h>

#include "base/be.h"

enum {
    BLOCK_SECTION = 0x0a0d0d0a,
    BLOCK_INTERFACE = 1,
    BLOCK_SIMPLE = 3,
    BLOCK_STATISTICS = 5,
    BLOCK_PACKET = 6
};
enum {
    OPTION_END = 0,
    OPTION_FLAGS = 2,
    OPTION_IFRECV = 4,
    OPTION_IFDROP = 5,
    OPTION_OSDROP = 7,
    OPTION_TSRESOL = 9
};
enum { LINK_ETHERNET = 1, LINK_RAW = 101, LINK_LINUX_SLL = 113, LINK_IPV4 = 228, LINK_IPV6 = 229 };
enum { SECTION_BODY = 16, PACKET_BODY = 20, BLOCK_FRAME = 12, CLASSIC_HEAD = 24, CLASSIC_PACKET = 16 };
enum { NANOSECONDS = 9, MICROSECONDS = 6 };

#define BYTE_ORDER_MAGIC     UINT32_C(0x1a2b3c4d)
#define CLASSIC_MICROSECONDS UINT32_C(0xa1b2c3d4)
#define CLASSIC_NANOSECONDS  UINT32_C(0xa1b23c4d)

static uint32_t load32(const struct capture_reader *r, const uint8_t *p)
{
    uint32_t v;
    memcpy(&v, p, sizeof v);
    return r->swapped ? __builtin_bswap32(v) : v;
}

static uint16_t load16(const struct capture_reader *r, const uint8_t *p)
{
    uint16_t v;
    memcpy(&v, p, sizeof v);
    return r->swapped ? __builtin_bswap16(v) : v;
}

static uint64_t load64(const struct capture_reader *r, const uint8_t *p)
{
    uint64_t v;
    memcpy(&v, p, sizeof v);
    return r->swapped ? __builtin_bswap64(v) : v;
}

static int reader_fail(struct capture_reader *r, const char *error)
{
    r->error = error;
    return -EBADMSG;
}

static int read_exactly(struct capture_reader *r, uint8_t *to, size_t len)
{
    if (fread(to, 1, len, r->file) == len)
        return 0;
    return reader_fail(r, "the file ends within a packet or block");
}

/* ---- pcapng ---- */

/* The next option behind `at`, of at most `end`; NULL at the end of the list or where it is broken. */
static const uint8_t *option_next(const struct capture_reader *r, const uint8_t *at, const uint8_t *end,
                                  uint16_t *ret_code, struct bytes *ret)
{
    if (end - at < 4)
        return NULL;
    uint16_t code = load16(r, at), len = load16(r, at + 2);
    size_t padded = ((size_t)len + 3) & ~(size_t)3;
    if (code == OPTION_END || (size_t)(end - at) - 4 < padded)
        return NULL;
    *ret_code = code;
    *ret = bytes_of(at + 4, len);
    return at + 4 + padded;
}

static int section_take(struct capture_reader *r, uint32_t raw_len)
{
    uint8_t magic[4];
    if (read_exactly(r, magic, sizeof magic) < 0)
        return -EBADMSG;
    r->swapped = false;
    if (load32(r, magic) != BYTE_ORDER_MAGIC) {
        r->swapped = true;
        if (load32(r, magic) != BYTE_ORDER_MAGIC)
            return reader_fail(r, "a section without byte order");
    }
    uint32_t len = r->swapped ? __builtin_bswap32(raw_len) : raw_len;
    if (len < SECTION_BODY + BLOCK_FRAME || len > CAPTURE_BLOCK_MAX || len % 4)
        return reader_fail(r, "a block of impossible length");
    r->interface_count = 0;
    return read_exactly(r, r->buffer, len - 12);
}

static int interface_take(struct capture_reader *r, const uint8_t *body, size_t len)
{
    if (len < 8)
        return reader_fail(r, "an interface block that is too short");
    if (r->interface_count == CAPTURE_INTERFACES)
        return reader_fail(r, "too many interfaces");
    struct capture_interface in = {load16(r, body), MICROSECONDS};
    uint16_t code;
    struct bytes value;
    for (const uint8_t *at = body + 8; (at = option_next(r, at, body + len, &code, &value));) {
        if (code == OPTION_TSRESOL && value.len >= 1)
            in.resolution = value.data[0];
    }
    r->interfaces[r->interface_count++] = in;
    return 0;
}

static void statistics_take(struct capture_reader *r, const uint8_t *body, size_t len)
{
    uint16_t code;
    struct bytes value;
    if (len < 12)
        return;
    for (const uint8_t *at = body + 12; (at = option_next(r, at, body + len, &code, &value));) {
        if ((code == OPTION_IFDROP || code == OPTION_OSDROP) && value.len == 8) {
            r->lost += load64(r, value.data);
            r->lost_told = true;
        }
    }
}

static ns time_of(uint64_t stamp, uint8_t resolution)
{
    unsigned digits = resolution & 0x7f;
    if (resolution & 0x80)
        return digits < 64 ? (ns)((unsigned __int128)stamp * NS_PER_S >> digits) : 0;
    for (; digits < NANOSECONDS; digits++)
        stamp *= 10;
    for (; digits > NANOSECONDS && stamp; digits--)
        stamp /= 10;
    return stamp;
}

/* Cuts the link's header off. False if it is not IP. */
static bool link_strip(uint16_t type, struct captured *c)
{
    size_t head = 0;
    uint16_t kind = 0x0800;
    struct bytes d = c->ip;
    if (type == LINK_ETHERNET) {
        for (head = 14; head <= 22 && d.len >= head; head += 4) { /* up to two VLAN tags */
            kind = be16_load(d.data + head - 2);
            if (kind != 0x8100 && kind != 0x88a8)
                break;
        }
    } else if (type == LINK_LINUX_SLL) {
        head = 16;
        kind = d.len >= head ? be16_load(d.data + 14) : 0;
        if (d.len >= head)
            c->direction = be16_load(d.data) == 4 ? CAPTURE_OUTBOUND : CAPTURE_INBOUND;
    }
    if (d.len < head || (kind != 0x0800 && kind != 0x86dd))
        return false;
    c->ip = bytes_of(d.data + head, d.len - head);
    return true;
}

static bool link_known(uint16_t type)
{
    return type == LINK_ETHERNET || type == LINK_RAW || type == LINK_LINUX_SLL || type == LINK_IPV4 ||
           type == LINK_IPV6;
}

/* 1: an IP packet; 0: another one. */
static int packet_take(struct capture_reader *r, const uint8_t *body, size_t len, struct captured *ret)
{
    if (len < PACKET_BODY)
        return reader_fail(r, "a packet block that is too short");
    uint32_t interface = load32(r, body), kept = load32(r, body + 12), original = load32(r, body + 16);
    size_t padded = ((size_t)kept + 3) & ~(size_t)3;
    if (interface >= r->interface_count)
        return reader_fail(r, "a packet of an unknown interface");
    if (kept > CAPTURE_PACKET_MAX || padded > len - PACKET_BODY)
        return reader_fail(r, "a packet longer than its block");
    const struct capture_interface *in = &r->interfaces[interface];
    if (!link_known(in->link_type))
        return reader_fail(r, "a kind of link that is not known here");
    uint64_t stamp = (uint64_t)load32(r, body + 4) << 32 | load32(r, body + 8);
    *ret = (struct captured){.ip = bytes_of(body + PACKET_BODY, kept),
                             .time = time_of(stamp, in->resolution),
                             .number = ++r->number,
                             .cut = original > kept};
    uint16_t code;
    struct bytes value;
    for (const uint8_t *at = body + PACKET_BODY + padded;
         (at = option_next(r, at, body + len, &code, &value));) {
        if (code == OPTION_FLAGS && value.len == 4)
            ret->direction = load32(r, value.data) & 3;
    }
    if (ret->direction > CAPTURE_OUTBOUND)
        ret->direction = CAPTURE_UNKNOWN;
    return link_strip(in->link_type, ret);
}

/* One block: 1 with an IP packet, 0 without, -ENODATA at the end of the file. */
static int block_read(struct capture_reader *r, struct captured *ret)
{
    uint8_t head[8];
    size_t got = fread(head, 1, sizeof head, r->file);
    if (got == 0 && feof(r->file))
        return -ENODATA;
    if (got < sizeof head)
        return reader_fail(r, "the file ends within a packet or block");
    r->blocks++;
    uint32_t type = load32(r, head), len = load32(r, head + 4);
    if (type == BLOCK_SECTION) {
        uint32_t raw;
        memcpy(&raw, head + 4, sizeof raw);
        return section_take(r, raw);
    }
    if (len < BLOCK_FRAME || len > CAPTURE_BLOCK_MAX || len % 4)
        return reader_fail(r, "a block of impossible length");
    if (read_exactly(r, r->buffer, len - 8) < 0)
        return -EBADMSG;
    size_t body = len - BLOCK_FRAME;
    if (load32(r, r->buffer + body) != len)
        return reader_fail(r, "a block whose two lengths differ");
    if (type == BLOCK_INTERFACE)
        return interface_take(r, r->buffer, body);
    if (type == BLOCK_PACKET)
        return packet_take(r, r->buffer, body, ret);
    if (type == BLOCK_SIMPLE)
        return reader_fail(r, "packets without a time");
    if (type == BLOCK_STATISTICS)
        statistics_take(r, r->buffer, body);
    return 0;
}

/* ---- classic pcap ---- */

static int classic_read(struct capture_reader *r, struct captured *ret)
{
    uint8_t head[CLASSIC_PACKET];
    size_t got = fread(head, 1, sizeof head, r->file);
    if (got == 0 && feof(r->file))
        return -ENODATA;
    if (got < sizeof head)
        return reader_fail(r, "the file ends within a packet or block");
    r->blocks++;
    uint32_t kept = load32(r, head + 8), original = load32(r, head + 12);
    if (kept > CAPTURE_PACKET_MAX)
        return reader_fail(r, "a packet of impossible length");
    if (read_exactly(r, r->buffer, kept) < 0)
        return -EBADMSG;
    ns fraction = time_of(load32(r, head + 4), r->interfaces[0].resolution);
    *ret = (struct captured){.ip = bytes_of(r->buffer, kept),
                             .time = (ns)load32(r, head) * NS_PER_S + fraction,
                             .number = ++r->number,
                             .cut = original > kept};
    return link_strip(r->interfaces[0].link_type, ret);
}

static int classic_begin(struct capture_reader *r, const uint8_t magic[4])
{
    uint8_t head[CLASSIC_HEAD - 4];
    if (read_exactly(r, head, sizeof head) < 0)
        return -EBADMSG;
    r->classic = true;
    r->interface_count = 1;
    r->interfaces[0] = (struct capture_interface){
        (uint16_t)load32(r, head + 16), load32(r, magic) == CLASSIC_NANOSECONDS ? NANOSECONDS : MICROSECONDS};
    return link_known(r->interfaces[0].link_type) ? 0
                                                  : reader_fail(r, "a kind of link that is not known here");
}

static bool classic_magic(struct capture_reader *r, const uint8_t magic[4])
{
    for (unsigned i = 0; i < 2; i++) {
        r->swapped = i == 1;
        if (load32(r, magic) == CLASSIC_MICROSECONDS || load32(r, magic) == CLASSIC_NANOSECONDS)
            return true;
    }
    r->swapped = false;
    return false;
}

int capture_reader_init(struct capture_reader *r, FILE *file)
{
    uint8_t magic[4], raw[4];
    uint32_t len;
    *r = (struct capture_reader){.file = file, .buffer = malloc(CAPTURE_BLOCK_MAX)};
    if (!r->buffer)
        return -ENOMEM;
    if (fread(magic, 1, sizeof magic, file) < sizeof magic)
        return reader_fail(r, "neither pcapng nor pcap");
    if (classic_magic(r, magic))
        return classic_begin(r, magic);
    if (load32(r, magic) != BLOCK_SECTION)
        return reader_fail(r, "neither pcapng nor pcap");
    if (read_exactly(r, raw, sizeof raw) < 0)
        return -EBADMSG;
    r->blocks = 1;
    memcpy(&len, raw, sizeof len);
    return section_take(r, len);
}

void capture_reader_done(struct capture_reader *r)
{
    if (r->file)
        fclose(r->file);
    free(r->buffer);
    *r = (struct capture_reader){0};
}

int capture_read_next(struct capture_reader *r, struct captured *ret)
{
    int rc;
    do {
        rc = r->classic ? classic_read(r, ret) : block_read(r, ret);
    } while (rc == 0);
    return rc == -ENODATA ? 0 : rc;
}

/* ---- writing ---- */

static bool put(struct capture_writer *w, const void *data, size_t len)
{
    w->failed = w->failed || fwrite(data, 1, len, w->file) != len;
    w->bytes += len;
    return !w->failed;
}

bool capture_writer_init(struct capture_writer *w, FILE *file)
{
    const struct {
        uint32_t type, len, magic;
        uint16_t major, minor;
        uint32_t section[2], again;
        uint32_t interface, interface_len;
        uint16_t link, reserved;
        uint32_t snap;
        uint16_t option, option_len;
        uint8_t resolution, padding[3];
        uint16_t end, end_len;
        uint32_t interface_again;
    } head = {BLOCK_SECTION,   28,  BYTE_ORDER_MAGIC, 1, 0, {UINT32_MAX, UINT32_MAX}, 28,
              BLOCK_INTERFACE, 32,  LINK_RAW,         0, 0, OPTION_TSRESOL,           1,
              NANOSECONDS,     {0}, OPTION_END,       0, 32};
    _Static_assert(sizeof head == 60, "both blocks, without holes");
    *w = (struct capture_writer){.file = file};
    return put(w, &head, sizeof head);
}

bool capture_write(struct capture_writer *w, ns time, enum capture_direction direction, struct bytes ip,
                   uint32_t original_len)
{
    static const uint8_t zero[4];
    uint32_t kept = (uint32_t)MIN(ip.len, (size_t)CAPTURE_PACKET_MAX), padding = -kept & 3;
    uint32_t len = BLOCK_FRAME + PACKET_BODY + kept + padding + 12;
    const uint32_t head[7] = {BLOCK_PACKET,           len, 0, (uint32_t)(time >> 32), (uint32_t)time, kept,
                              MAX(original_len, kept)};
    const struct {
        uint16_t option, option_len;
        uint32_t flags;
        uint16_t end, end_len;
        uint32_t again;
    } tail = {OPTION_FLAGS, 4, direction, OPTION_END, 0, len};
    put(w, head, sizeof head);
    put(w, ip.data, kept);
    put(w, zero, padding);
    return put(w, &tail, sizeof tail);
}

bool capture_write_end(struct capture_writer *w, ns time, uint64_t received, uint64_t lost)
{
    const struct {
        uint32_t type, len, interface, high, low;
        uint16_t received_option, received_len;
        uint32_t received[2];
        uint16_t lost_option, lost_len;
        uint32_t lost[2];
        uint16_t end, end_len;
        uint32_t again;
    } block = {BLOCK_STATISTICS,
               52,
               0,
               (uint32_t)(time >> 32),
               (uint32_t)time,
               OPTION_IFRECV,
               8,
               {(uint32_t)received, (uint32_t)(received >> 32)},
               OPTION_OSDROP,
               8,
               {(uint32_t)lost, (uint32_t)(lost >> 32)},
               OPTION_END,
               0,
               52};
    _Static_assert(sizeof block == 52, "one block, without holes");
    return put(w, &block, sizeof block) && fflush(w->file) == 0;
}
