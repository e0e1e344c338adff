/* SPDX-License-Identifier: Apache-2.0 */
/* A neighbour's VRRP packet, as it is and with its checksum made right: the parse, whose result must survive
 * being written again, and a virtual router that hears it as Backup and as Master. */
#include <assert.h>

#include "redundancy/vrrp.h"
#include "wire/ip.h"

static struct address source_of(uint8_t family)
{
    return family == ADDRESS_V4 ? address_v4(0x0a00020f)
                                : address_of("\xfe\x80\0\0\0\0\0\0\0\0\0\0\0\0\0\1", 16);
}

static void write_check(struct bytes payload, uint8_t family)
{
    struct address source = source_of(family), group = vrrp_multicast(family);
    struct vrrp_message m, again;
    uint8_t out[VRRP_MESSAGE_MAX], vrid;
    enum vrrp_error error = vrrp_parse(payload, &source, &group, &m);
    assert(vrrp_error_name(error)[0] != '?');
    if (error != VRRP_OK)
        return;
    assert(m.vrid > 0 && m.address_count > 0 && m.address_count <= VRRP_ADDRESSES_MAX && m.interval > 0);
    assert(vrrp_peek(payload, &vrid) && vrid == m.vrid);
    size_t len = vrrp_write(&m, &source, &group, out, sizeof(out));
    assert(len > 0 && len <= payload.len &&
           vrrp_parse(bytes_of(out, len), &source, &group, &again) == VRRP_OK);
    assert(again.priority == m.priority && again.interval == m.interval &&
           again.address_count == m.address_count);
}

static void machine_check(struct bytes payload, uint8_t family, bool master)
{
    static struct redundancy_actions actions;
    struct vrrp_config c = {
        .interface = "eth0", .vrid = 5, .interface_address = source_of(family), .address_count = 1};
    struct vrrp_router r;
    vrrp_config_default(&c);
    c.interface_address.bytes[address_len(&c.interface_address) - 1]++;
    c.addresses[0] = c.interface_address;
    c.addresses[0].bytes[1] ^= 1;
    vrrp_init(&r, &c, 0);
    actions.count = 0;
    vrrp_step(&r, &(struct vrrp_event){.kind = VRRP_EVENT_UP, .resume = master}, &actions);
    assert(r.state == (master ? VRRP_MASTER : VRRP_BACKUP));
    struct vrrp_event hears = {.kind = VRRP_EVENT_MESSAGE,
                               .now = 1,
                               .message = {payload, source_of(family), vrrp_multicast(family), 255}};
    vrrp_step(&r, &hears, &actions);
    assert(r.state != VRRP_INITIALIZE && vrrp_deadline(&r) != NS_NEVER && r.master_interval > 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
    static uint8_t copy[UINT16_MAX];
    if (len > sizeof(copy))
        return 0;
    memcpy(copy, data, len);
    for (uint8_t family = ADDRESS_V4; family <= ADDRESS_V6; family += ADDRESS_V6 - ADDRESS_V4) {
        struct address source = source_of(family), group = vrrp_multicast(family);
        write_check(bytes_of(data, len), family);
        if (len >= VRRP_HEADER) {
            memset(copy + 6, 0, 2);
            uint64_t sum = checksum_pseudo(&source, &group, IP_PROTOCOL_VRRP, (uint32_t)len);
            be16 checksum = checksum_finish(checksum_add(sum, copy, len));
            memcpy(copy + 6, &checksum, 2);
        }
        write_check(bytes_of(copy, len), family);
        machine_check(bytes_of(copy, len), family, false);
        machine_check(bytes_of(copy, len), family, true);
    }
    return 0;
}
