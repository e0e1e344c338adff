/* SPDX-License-Identifier: Apache-2.0 */
/* The verdict, see ownership.h: a function of its input, and the epoch. */
#include <assert.h>

#include "redundancy/ownership.h"

const char *ownership_role_name(enum ownership_role role)
{
    static const char *const names[] = {"standby", "owner", "alone"};
    return (size_t)role < ARRAY_SIZE(names) ? names[role] : "?";
}

static struct ownership_verdict verdict_of(const struct ownership_input *input)
{
    struct ownership_verdict v = {.run = input->control_fit && input->engine_fit && input->tracked_up};
    /* A group of no interface has nobody to share with. */
    bool active = input->member_count == 0 || input->members[0].state == OWNERSHIP_MEMBER_ACTIVE;
    bool peer = false;
    for (size_t i = 0; i < input->member_count; i++) {
        const struct ownership_member *m = &input->members[i];
        peer = peer || m->peer_known;
        v.split = v.split || (m->state == OWNERSHIP_MEMBER_ACTIVE) != active;
    }
    bool ours = v.run && active;
    v.role = !ours ? OWNERSHIP_STANDBY : peer ? OWNERSHIP_OWNER : OWNERSHIP_ALONE;
    v.serve_addresses = v.speak_ike = v.hold_routes = ours;
    return v;
}

static bool verdict_equal(const struct ownership_verdict *a, const struct ownership_verdict *b)
{
    return a->role == b->role && a->run == b->run && a->serve_addresses == b->serve_addresses &&
           a->speak_ike == b->speak_ike && a->hold_routes == b->hold_routes && a->split == b->split;
}

void ownership_init(struct ownership *o, ns now)
{
    *o = (struct ownership){.verdict.role = OWNERSHIP_STANDBY, .last_change = now};
}

bool ownership_step(struct ownership *o, const struct ownership_input *input, ns now)
{
    assert(input->member_count <= OWNERSHIP_MEMBERS_MAX);
    struct ownership_verdict v = verdict_of(input);
    if (verdict_equal(&v, &o->verdict))
        return false;
    if (o->verdict.role == OWNERSHIP_STANDBY && v.role != OWNERSHIP_STANDBY)
        o->epoch++;
    o->verdict = v;
    o->changes++;
    o->last_change = now;
    return true;
}
