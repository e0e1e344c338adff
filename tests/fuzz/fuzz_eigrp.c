/* SPDX-License-Identifier: Apache-2.0 */
/* A neighbour's EIGRP packet, as it is and with its checksum made right: the parse, whose routes must survive
 * being written again, and a machine that hears it from a stranger and from a neighbour that is up. */
#include <assert.h>
#include <stdlib.h>

#include "base/be.h"
#include "eigrp/eigrp.h"
#include "wire/ip.h"

enum { IFINDEX = 2 };

static const uint32_t own = 0x0a010001, peer = 0x0a010002;

static void routes_check(struct bytes packet)
{
    struct eigrp_header h;
    struct reader tlvs, d;
    struct eigrp_tlv t, again;
    struct prefix p;

    enum eigrp_error error = eigrp_parse(packet, &h, &tlvs);
    assert(eigrp_error_name(error)[0] != '?');
    while (error == EIGRP_ERROR_OK && eigrp_tlv_next(&tlvs, &t)) {
        if (t.type != EIGRP_TLV_INTERNAL && t.type != EIGRP_TLV_EXTERNAL)
            continue;
        for (d = reader_of(t.route.destinations); eigrp_destination_next(&d, &p);) {
            uint8_t out[EIGRP_HEADER + EIGRP_TLV_ROUTE_MAX];
            struct writer w = writer_of(out, sizeof out);
            struct reader r, e;
            struct prefix q;
            eigrp_write_header(&w, &h);
            eigrp_write_route(&w, &t.route, &p);
            size_t len = eigrp_write_finish(&w);
            assert(len > 0 && eigrp_parse(bytes_of(out, len), &h, &r) == EIGRP_ERROR_OK);
            assert(eigrp_tlv_next(&r, &again) && again.route.metric.delay == t.route.metric.delay);
            e = reader_of(again.route.destinations);
            assert(eigrp_destination_next(&e, &q) && prefix_equal(&p, &q));
        }
        assert(!d.failed);
    }
}

static void hear(struct eigrp *e, struct bytes packet, ns now, struct eigrp_actions *a)
{
    struct eigrp_event event = {
        .kind = EIGRP_EVENT_PACKET, .now = now, .ifindex = IFINDEX, .packet = {packet, peer}};

    a->count = 0;
    eigrp_step(e, &event, a);
}

/* The neighbour's hello, its INIT that acknowledges ours, and the end of its table. */
static void neighbour_make(struct eigrp *e, struct eigrp_actions *a, bool frr)
{
    uint8_t out[64];
    const uint8_t k[EIGRP_K_VALUES] = {1, 0, 1, 0, 0, 0};
    struct eigrp_header h = {.opcode = EIGRP_HELLO, .autonomous_system = 100}, sent = {0};
    struct writer w = writer_of(out, sizeof out);
    struct reader r;

    eigrp_write_header(&w, &h);
    eigrp_write_parameter(&w, k, 15);
    eigrp_write_version(&w, frr ? 8 : 15, 4);
    hear(e, bytes_of(out, eigrp_write_finish(&w)), NS_PER_S, a);
    for (unsigned i = 0; i < a->count; i++)
        if (a->items[i].kind == EIGRP_SEND)
            assert(eigrp_parse(bytes_of(a->items[i].send.data, a->items[i].send.len), &sent, &r) ==
                   EIGRP_ERROR_OK);
    assert(sent.flags == EIGRP_INIT);
    h = (struct eigrp_header){.opcode = EIGRP_UPDATE,
                              .flags = EIGRP_INIT,
                              .sequence = 7,
                              .acknowledgement = sent.sequence,
                              .autonomous_system = 100};
    w = writer_of(out, sizeof out);
    eigrp_write_header(&w, &h);
    hear(e, bytes_of(out, eigrp_write_finish(&w)), NS_PER_S, a);
}

static void machine_check(struct bytes packet, unsigned how)
{
    static struct eigrp_actions a;
    const struct eigrp_config c = {.autonomous_system = 100, .router_id = own};
    const struct eigrp_offer offer = {.destination = {address_v4(0x0a400000), 24},
                                      .ifindex = 3,
                                      .external = true,
                                      .bandwidth = 1,
                                      .delay = 1};
    struct eigrp_event port = {.kind = EIGRP_EVENT_PORT,
                               .port = {.ifindex = IFINDEX,
                                        .name = "eth0",
                                        .address = {address_v4(own), 24},
                                        .hello = 5,
                                        .hold = 15,
                                        .mtu = 1500}};
    struct eigrp *e = eigrp_new(&c, 0);

    if (!e)
        abort();
    a.count = 0;
    eigrp_step(e, &port, &a);
    eigrp_declare_begin(e);
    eigrp_declare(e, &offer, 5);
    eigrp_declare_end(e, 0);
    if (how > 0)
        neighbour_make(e, &a, how > 1);
    for (unsigned n = 0; n < 2; n++)
        hear(e, packet, NS_PER_S + n, &a);
    for (unsigned n = 0; n < 20; n++) {
        a.count = 0;
        eigrp_step(e, &(struct eigrp_event){.kind = EIGRP_EVENT_TICK, .now = eigrp_deadline(e)}, &a);
    }
    a.count = 0;
    eigrp_step(e, &(struct eigrp_event){.kind = EIGRP_EVENT_LEAVE, .now = 900 * NS_PER_S}, &a);
    assert(a.count > 0);
    eigrp_free(e);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
    static uint8_t copy[UINT16_MAX];

    if (len > sizeof copy)
        return 0;
    memcpy(copy, data, len);
    routes_check(bytes_of(data, len));
    if (len >= EIGRP_HEADER)
        eigrp_acknowledge(copy, len, be32_load(copy + 12));
    routes_check(bytes_of(copy, len));
    for (unsigned how = 0; how < 3; how++)
        machine_check(bytes_of(copy, len), how);
    return 0;
}
