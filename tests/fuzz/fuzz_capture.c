/* SPDX-License-Identifier: Apache-2.0 */
/* A capture file that is anything: read as each of the judge's three kinds of captures, with a key table at
 * hand, so that reader, packet facts, decryption and verdict all see it. Packet numbers must go up, views
 * must lie in the file's own blocks, and what is told must be of packets that are there. */
#include <assert.h>
#include <stdlib.h>

#include "judge/capture_file.h"
#include "judge/judge.h"

static char keys[] =
    "\"IPv4\",\"9.1.1.37\",\"9.1.1.154\",\"0x10001\",\"AES-GCM with 16 octet ICV [RFC4106]\","
    "\"0x000102030405060708090a0b0c0d0e0f10111213\",\"NULL\",\"\"\n"
    "\"IPv4\",\"9.1.1.154\",\"9.1.1.37\",\"0x20002\",\"NULL\",\"\",\"NULL\",\"\"\n"
    "\"IPv4\",\"9.1.1.154\",\"9.1.1.37\",\"0x20003\",\"AES-CBC [RFC3602]\","
    "\"0x000102030405060708090a0b0c0d0e0f\",\"NULL\",\"\"\n";

static void read_check(const uint8_t *data, size_t len)
{
    struct capture_reader r;
    struct captured c;
    uint64_t number = 0;
    uint8_t sum = 0;
    int rc = capture_reader_init(&r, fmemopen((void *)data, len, "r"));
    while (rc >= 0 && (rc = capture_read_next(&r, &c)) == 1) {
        assert(c.number > number && c.direction <= CAPTURE_OUTBOUND && c.ip.len <= CAPTURE_PACKET_MAX);
        number = c.number;
        for (size_t i = 0; i < c.ip.len; i++)
            sum += c.ip.data[i];
    }
    assert((rc == 0 || r.error) && (number > 0 || sum == 0));
    capture_reader_done(&r);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
    struct judge_config config = {
        .clear = {{address_v4(0x0a000000), 8}}, .clear_count = 1, .page_limit = 4096};
    config.windows[0] = (struct judge_window){"all", 0, NS_NEVER};
    config.window_count = 1;
    if (len == 0)
        return 0;
    read_check(data, len);
    struct judge *j = judge_new(&config);
    FILE *f = fmemopen(keys, sizeof keys - 1, "r");
    assert(j && f && judge_keys(j, "keys", f) == 0);
    fclose(f);
    for (enum judge_role role = 0; role < JUDGE_ROLES; role++)
        judge_capture(j, role, 0, "fuzz", fmemopen((void *)data, len, "r"));
    judge_finish(j);
    json_t *json = judge_json(j);
    assert(json && json_is_true(json_object_get(json, "ok")) == judge_ok(j));
    json_decref(json);
    judge_free(j);
    return 0;
}
