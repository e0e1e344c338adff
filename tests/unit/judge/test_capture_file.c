/* SPDX-License-Identifier: Apache-2.0 */
/* Captures: what is written is read again; files of others in both byte orders and several kinds of links; a
 * file cut off at every byte, and with every byte changed, is an error or a shorter story, never a crash. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>

#include <cmocka.h>
#include <errno.h>

#include "judge/capture_file.h"

static const uint8_t packet[] = "\x45\0\0\x16\0\0\0\0\x40\xfd\0\0\x09\x01\x01\x16\x09\x01\x01\x82xy";
enum { PACKET = sizeof packet - 1 };

static FILE *stream(const void *data, size_t len)
{
    FILE *f = fmemopen((void *)data, len, "r");
    assert_non_null(f);
    return f;
}

/* Our own file: three packets, the middle one cut short. */
static size_t ours(uint8_t *out, size_t size)
{
    struct capture_writer w;
    FILE *f = fmemopen(out, size, "w");
    assert_non_null(f);
    assert_true(capture_writer_init(&w, f));
    assert_true(capture_write(&w, 5000000001, CAPTURE_OUTBOUND, bytes_of(packet, PACKET), PACKET));
    assert_true(capture_write(&w, 5000000002, CAPTURE_INBOUND, bytes_of(packet, 21), PACKET));
    assert_true(
        capture_write(&w, UINT64_C(1764000000123456789), CAPTURE_INBOUND, bytes_of(packet, PACKET), PACKET));
    assert_true(capture_write_end(&w, 5000000004, 10, 7));
    fclose(f);
    return w.bytes;
}

static void test_round(void **state)
{
    static uint8_t file[4096];
    struct capture_reader r;
    struct captured c;
    (void)state;
    size_t len = ours(file, sizeof file);
    assert_int_equal(capture_reader_init(&r, stream(file, len)), 0);
    assert_int_equal(capture_read_next(&r, &c), 1);
    assert_true(c.time == 5000000001 && c.direction == CAPTURE_OUTBOUND && !c.cut && c.number == 1);
    assert_true(bytes_equal(c.ip, bytes_of(packet, PACKET)));
    assert_int_equal(capture_read_next(&r, &c), 1);
    assert_true(c.direction == CAPTURE_INBOUND && c.cut && c.ip.len == 21);
    assert_int_equal(capture_read_next(&r, &c), 1);
    assert_true(c.time == UINT64_C(1764000000123456789) && c.number == 3 && !r.lost_told);
    assert_int_equal(capture_read_next(&r, &c), 0);
    assert_true(r.lost_told && r.lost == 7);
    capture_reader_done(&r);
}

static void file_walk(const uint8_t *file, size_t len, unsigned *ret_packets, unsigned *ret_sum,
                      bool *ret_broken, bool *ret_ended)
{
    struct capture_reader r;
    struct captured c;
    int rc = capture_reader_init(&r, stream(file, len));
    *ret_packets = *ret_sum = 0;
    while (rc >= 0 && (rc = capture_read_next(&r, &c)) == 1) {
        for (size_t i = 0; i < c.ip.len; i++)
            *ret_sum += c.ip.data[i];
        ++*ret_packets;
    }
    assert_true(rc == 0 || (rc == -EBADMSG && r.error));
    *ret_broken = rc < 0;
    *ret_ended = r.lost_told;
    capture_reader_done(&r);
}

static void test_broken(void **state)
{
    static uint8_t file[4096];
    unsigned packets, sum;
    bool broken, ended;
    (void)state;
    size_t len = ours(file, sizeof file);
    for (size_t cut = 1; cut < len; cut++) {
        file_walk(file, cut, &packets, &sum, &broken, &ended);
        assert_true(broken || !ended); /* nothing that was cut off passes for whole */
    }
    for (size_t i = 0; i < len; i++) {
        for (unsigned v = 0; v < 256; v += 15) {
            uint8_t was = file[i];
            file[i] ^= (uint8_t)v;
            file_walk(file, len, &packets, &sum, &broken, &ended);
            assert_in_range(packets, 0, 3);
            assert_true(packets > 0 || sum == 0);
            file[i] = was;
        }
    }
}

static void put32(uint8_t **at, uint32_t v, bool swapped)
{
    v = swapped ? __builtin_bswap32(v) : v;
    memcpy(*at, &v, 4);
    *at += 4;
}

static void classic_check(bool swapped, bool nanoseconds, uint32_t link, const char *head, size_t head_len,
                          int expected)
{
    uint8_t file[256], *at = file;
    struct capture_reader r;
    struct captured c;
    put32(&at, nanoseconds ? 0xa1b23c4d : 0xa1b2c3d4, swapped);
    put32(&at, swapped ? 2u << 16 | 4 : 4u << 16 | 2, swapped);
    put32(&at, 0, swapped);
    put32(&at, 0, swapped);
    put32(&at, 65535, swapped);
    put32(&at, link, swapped);
    put32(&at, 17, swapped);
    put32(&at, 500, swapped);
    put32(&at, (uint32_t)(head_len + PACKET), swapped);
    put32(&at, (uint32_t)(head_len + PACKET), swapped);
    memcpy(at, head, head_len);
    memcpy(at + head_len, packet, PACKET);
    at += head_len + PACKET;
    int rc = capture_reader_init(&r, stream(file, (size_t)(at - file)));
    rc = rc < 0 ? rc : capture_read_next(&r, &c);
    assert_int_equal(rc, expected);
    if (rc == 1) {
        assert_true(bytes_equal(c.ip, bytes_of(packet, PACKET)));
        assert_true(c.time == 17 * NS_PER_S + (nanoseconds ? 500 : 500 * NS_PER_US));
        assert_int_equal(c.direction, link != 113    ? CAPTURE_UNKNOWN
                                      : head[1] == 4 ? CAPTURE_OUTBOUND
                                                     : CAPTURE_INBOUND);
        assert_false(r.lost_told);
    }
    capture_reader_done(&r);
}

static void test_classic(void **state)
{
    (void)state;
    for (unsigned i = 0; i < 4; i++) {
        bool swapped = i & 1, nanoseconds = i & 2;
        classic_check(swapped, nanoseconds, 101, "", 0, 1);
        classic_check(swapped, nanoseconds, 1, "\1\2\3\4\5\6\1\2\3\4\5\6\x08\0", 14, 1);
        classic_check(swapped, nanoseconds, 1, "\1\2\3\4\5\6\1\2\3\4\5\6\x81\0\0\5\x08\0", 18, 1);
        classic_check(swapped, nanoseconds, 1, "\1\2\3\4\5\6\1\2\3\4\5\6\x08\6", 14, 0); /* ARP */
        classic_check(swapped, nanoseconds, 113, "\0\4\0\1\0\6\1\2\3\4\5\6\0\0\x08\0", 16, 1);
        classic_check(swapped, nanoseconds, 113, "\0\0\0\1\0\6\1\2\3\4\5\6\0\0\x08\0", 16, 1);
        classic_check(swapped, nanoseconds, 105, "", 0, -EBADMSG); /* a wireless link */
    }
}

static void test_no_capture(void **state)
{
    static const char *const texts[] = {"x", "hello", "\x0a\x0d\x0d\x0a", "\xd4\xc3\xb2\xa1\2"};
    struct capture_reader r;
    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(texts); i++) {
        assert_int_equal(capture_reader_init(&r, stream(texts[i], strlen(texts[i]))), -EBADMSG);
        assert_non_null(r.error);
        capture_reader_done(&r);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_round),
        cmocka_unit_test(test_broken),
        cmocka_unit_test(test_classic),
        cmocka_unit_test(test_no_capture),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
