/* SPDX-License-Identifier: Apache-2.0 */
/* A neighbour's datagram to an HSRP port: the parse, whose result must survive being written again, and a
 * whole group in each state that hears it. The virtual addresses must be owned exactly while the group is
 * Active. */
#include <assert.h>

#include "crypto/crypto.h"
#include "redundancy/hsrp.h"

static void write_check(struct bytes datagram)
{
    struct hsrp_message m, again;
    uint8_t out[HSRP_MESSAGE_MAX], version;
    uint16_t group;
    enum hsrp_error error = hsrp_parse(datagram, &m);
    assert(hsrp_error_name(error)[0] != '?');
    if (error != HSRP_OK || m.opcode == HSRP_ADVERTISE)
        return;
    assert(m.state < HSRP_STATE_COUNT && m.opcode <= HSRP_RESIGN && m.priority <= UINT8_MAX);
    assert(!m.has_md5 || m.md5_digest_at + (size_t)HSRP_DIGEST <= datagram.len);
    assert(hsrp_peek(datagram, &version, &group) && version == m.version && group == m.group);
    size_t len = hsrp_write(&m, out, sizeof(out));
    assert(len > 0 && hsrp_parse(bytes_of(out, len), &again) == HSRP_OK);
    assert(again.state == m.state && again.priority == m.priority && again.hello_ms == m.hello_ms);
    assert(address_equal(&again.virtual_address, &m.virtual_address));
}

static void machine_check(struct bytes datagram, uint8_t version, enum hsrp_state state)
{
    static struct redundancy_actions actions;
    struct hsrp_config c = {
        .interface = "eth0", .group = version, .interface_address = address_v4(0x0a010101)};
    struct hsrp_group g;
    bool owns = state == HSRP_ACTIVE;
    hsrp_config_default(&c);
    c.version = version;
    c.preempt = true;
    if (state != HSRP_LEARN)
        c.virtual_address = address_v4(0x0a0101fe);
    hsrp_init(&g, &c, 0);
    g.up = true;
    g.state = state;
    g.active_timer = g.standby_timer = 10 * NS_PER_S;
    actions.count = 0;
    for (int i = 0; i < 3; i++)
        hsrp_step(&g,
                  &(struct hsrp_event){
                      .kind = HSRP_EVENT_MESSAGE, .now = 1, .message = {datagram, address_v4(0x0a010102)}},
                  &actions);
    for (size_t i = 0; i < actions.count; i++) {
        const struct redundancy_action *a = &actions.items[i];
        assert(a->kind != REDUNDANCY_OWN || !owns);
        assert(a->kind != REDUNDANCY_DISOWN || owns);
        owns = a->kind == REDUNDANCY_OWN || (owns && a->kind != REDUNDANCY_DISOWN);
    }
    assert(owns == (g.state == HSRP_ACTIVE) && g.state != HSRP_INITIAL && g.hold > g.hello && g.hello > 0);
    hsrp_done(&g);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
    static bool ready;
    ready = ready || crypto_init() == 0;
    assert(ready);
    write_check(bytes_of(data, len));
    for (enum hsrp_state state = HSRP_LEARN; state < HSRP_STATE_COUNT; state++) {
        machine_check(bytes_of(data, len), 1, state);
        machine_check(bytes_of(data, len), 2, state);
    }
    return 0;
}
