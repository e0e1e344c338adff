/* SPDX-License-Identifier: Apache-2.0 */
/* One HSRP group under test (10.1.1.2, group 1, 10.1.1.254, priority 100) and what its neighbours say. */
#ifndef TESTS_UNIT_REDUNDANCY_HSRP_WORLD_H
#define TESTS_UNIT_REDUNDANCY_HSRP_WORLD_H

#include "redundancy/hsrp.h"
#include "test.h"

static struct redundancy_actions actions;

static inline struct hsrp_config config_of(void)
{
    struct hsrp_config c = {.interface = "FastEthernet0/0", .group = 1, .interface_mac = {2, 0, 0, 0, 0, 2}};
    hsrp_config_default(&c);
    c.interface_address = address("10.1.1.2");
    c.virtual_address = address("10.1.1.254");
    c.delay_minimum = c.delay_reload = 0;
    c.announce_count = 1;
    return c;
}

/* The list starts anew with each step. */
static inline const char *step(struct hsrp_group *g, struct hsrp_event event)
{
    actions.count = 0;
    hsrp_step(g, &event, &actions);
    return actions_text(&actions);
}

static inline const char *tick(struct hsrp_group *g, ns now)
{
    return step(g, (struct hsrp_event){.kind = HSRP_EVENT_TICK, .now = now});
}

static inline struct hsrp_message message_of(enum hsrp_opcode opcode, enum hsrp_state state, uint8_t priority)
{
    return (struct hsrp_message){.version = 1,
                                 .opcode = (uint8_t)opcode,
                                 .state = (uint8_t)state,
                                 .group = 1,
                                 .priority = priority,
                                 .hello_ms = 3000,
                                 .hold_ms = 10000,
                                 .virtual_address = address("10.1.1.254"),
                                 .has_text = true,
                                 .text = "cisco"};
}

static inline const char *hear_message(struct hsrp_group *g, struct hsrp_message m, const char *source,
                                       ns now)
{
    uint8_t datagram[HSRP_MESSAGE_MAX];
    size_t len = hsrp_write(&m, datagram, sizeof(datagram));
    return step(g, (struct hsrp_event){.kind = HSRP_EVENT_MESSAGE,
                                       .now = now,
                                       .message = {bytes_of(datagram, len), address(source)}});
}

/* From 10.1.1.3. */
static inline const char *hear(struct hsrp_group *g, enum hsrp_opcode opcode, enum hsrp_state state,
                               uint8_t priority, ns now)
{
    return hear_message(g, message_of(opcode, state, priority), "10.1.1.3", now);
}

/* In a state as if it had got there, Active and Standby timers at 105 s and 106 s. */
static inline void put(struct hsrp_group *g, const struct hsrp_config *c, enum hsrp_state state)
{
    hsrp_init(g, c, 0);
    g->up = state != HSRP_INITIAL;
    g->state = state;
    if (state == HSRP_INITIAL)
        return;
    g->active_timer = state == HSRP_ACTIVE ? NS_NEVER : 105 * S;
    g->standby_timer = state == HSRP_STANDBY ? NS_NEVER : 106 * S;
    if (state >= HSRP_SPEAK)
        g->hello_timer = 102 * S;
}

#endif
