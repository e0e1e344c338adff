/* SPDX-License-Identifier: Apache-2.0 */
/* Cursors: what they give, and that a failed one stays failed and touches nothing. */
#include "base/be.h"
#include "base/cursor.h"
#include "test.h"

static const uint8_t data[] = {1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15};

static void test_reader(void **state)
{
    (void)state;
    struct reader r = reader_of(bytes_of(data, sizeof(data)));
    assert_int_equal(read_u8(&r), 1);
    assert_int_equal(read_be16(&r), 0x0203);
    assert_int_equal(read_be32(&r), 0x04050607);
    assert_true(read_be64(&r) == 0x08090a0b0c0d0e0full);
    assert_true(reader_done(&r));
    assert_int_equal(read_rest(&r).len, 0);
    assert_false(r.failed);
    assert_int_equal(read_u8(&r), 0);
    assert_true(r.failed && !reader_done(&r));
}

/* Each width read where one byte is missing. */
static void test_reader_short(void **state)
{
    (void)state;
    for (size_t width = 1; width <= 8; width *= 2) {
        struct reader r = reader_of(bytes_of(data, width - 1));
        uint64_t v = width == 1   ? read_u8(&r)
                     : width == 2 ? read_be16(&r)
                     : width == 4 ? read_be32(&r)
                                  : read_be64(&r);
        assert_true(v == 0 && r.failed);
        /* Sticky: what would fit is not given either. */
        assert_int_equal(reader_left(&r), 0);
        assert_int_equal(read_u8(&r), 0);
        assert_int_equal(read_rest(&r).len, 0);
        assert_null(read_bytes(&r, 0).data);
    }
}

static void test_reader_bytes(void **state)
{
    (void)state;
    static const struct {
        size_t skip, len;
        bool ok;
    } cases[] = {
        {0, 0, true},   {0, 15, true},  {15, 0, true},  {14, 1, true},
        {0, 16, false}, {15, 1, false}, {1, 15, false}, {3, SIZE_MAX, false},
    };
    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        uint8_t copy[16];
        memset(copy, 0xee, sizeof(copy));
        struct reader r = reader_of(bytes_of(data, sizeof(data)));
        read_bytes(&r, cases[i].skip);
        struct reader s = r;
        struct bytes b = read_bytes(&r, cases[i].len);
        assert_int_equal(r.failed, !cases[i].ok);
        assert_int_equal(b.len, cases[i].ok ? cases[i].len : 0);
        if (cases[i].len > sizeof(copy))
            continue;
        read_copy(&s, copy, cases[i].len);
        for (size_t j = 0; j < cases[i].len; j++)
            assert_int_equal(copy[j], cases[i].ok ? data[cases[i].skip + j] : 0);
    }
    struct reader empty = reader_of((struct bytes){0});
    assert_true(reader_done(&empty) && read_rest(&empty).len == 0 && !empty.failed);
}

static void test_writer(void **state)
{
    (void)state;
    uint8_t buffer[20] = {0};
    struct writer w = writer_of(buffer, sizeof(buffer));
    write_u8(&w, 1);
    write_be16(&w, 0x0203);
    write_be32(&w, 0x04050607);
    write_be64(&w, 0x08090a0b0c0d0e0full);
    write_bytes(&w, bytes_of("xy", 2));
    write_copy(&w, NULL, 0);
    write_zero(&w, 1);
    uint8_t *gap = write_gap(&w, 2);
    assert_non_null(gap);
    assert_int_equal(writer_len(&w), 20);
    assert_memory_equal(buffer, data, 15);
    assert_memory_equal(buffer + 15, "xy\0", 3);
    assert_int_equal(writer_bytes(&w).len, 20);
    write_zero(&w, 0);
    assert_false(w.failed);
    write_u8(&w, 1);
    assert_true(w.failed);
    assert_int_equal(writer_bytes(&w).len, 0);
}

/* Each width written where one byte of room is missing: nothing is written, then or later. */
static void test_writer_full(void **state)
{
    (void)state;
    for (unsigned kind = 0; kind < 7; kind++) {
        static const size_t widths[] = {1, 2, 4, 8, 5, 5, 5};
        uint8_t buffer[8];
        memset(buffer, 0xee, sizeof(buffer));
        struct writer w = writer_of(buffer, widths[kind] - 1);
        switch (kind) {
        case 0:
            write_u8(&w, 1);
            break;
        case 1:
            write_be16(&w, 1);
            break;
        case 2:
            write_be32(&w, 1);
            break;
        case 3:
            write_be64(&w, 1);
            break;
        case 4:
            write_copy(&w, data, 5);
            break;
        case 5:
            write_zero(&w, 5);
            break;
        default:
            assert_null(write_gap(&w, 5));
            break;
        }
        assert_true(w.failed);
        write_u8(&w, 1);
        write_zero(&w, 0);
        assert_null(write_gap(&w, 0));
        for (size_t i = 0; i < sizeof(buffer); i++)
            assert_int_equal(buffer[i], 0xee);
    }
}

static void test_be(void **state)
{
    (void)state;
    uint8_t b[9] = {0};
    be64_store(b + 1, 0x0102030405060708ull);
    assert_memory_equal(b + 1, data, 8);
    assert_true(be64_load(b + 1) == 0x0102030405060708ull && be64_get(be64_of(7)) == 7);
    assert_int_equal(be32_load(b + 1), 0x01020304);
    assert_int_equal(be16_load(b + 1), 0x0102);
    be32_store(b + 1, 0xfffefdfc);
    be16_store(b + 5, 0xfbfa);
    assert_memory_equal(b + 1, "\xff\xfe\xfd\xfc\xfb\xfa\x07\x08", 8);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_reader),       cmocka_unit_test(test_reader_short),
        cmocka_unit_test(test_reader_bytes), cmocka_unit_test(test_writer),
        cmocka_unit_test(test_writer_full),  cmocka_unit_test(test_be),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
