/* SPDX-License-Identifier: Apache-2.0 */
/* Who serves the virtual address: a model of a first-hop election without preemption. Hellos are lost and
 * late; while they do not come through both serve. */
#include "pair/world.h"

enum message { HELLO, RESIGN };

static void arrive(void *context, struct happening *h);

static void send(struct member *m, enum message what)
{
    struct world *w = m->world;
    struct member *to = other_of(m);
    if (w->hello_dark >> to->id & 1 || (!w->healed && chance(w, w->loss)))
        return;
    later(w, between(w, 0, 5 * NS_PER_MS), arrive, to, what);
}

static bool takes_part(const struct member *m)
{
    return m->node_up && m->control_up && !m->tracked_down && !m->leaving;
}

void election_set(struct member *m, bool active, const char *why)
{
    if (m->active == active)
        return;
    m->active = active;
    m->stirred = true;
    m->heard = m->world->schedule.now;
    m->serves = active || m->yielding;
    tell(m->world, m, "election: %s (%s)", active ? "Active" : "Standby", why);
    if (active)
        send(m, HELLO);
    m->hello_at = m->world->schedule.now + m->world->hello;
    verdict_changed(m);
}

void election_resign(struct member *m, const char *why)
{
    if (!m->active)
        return;
    send(m, RESIGN);
    election_set(m, false, why);
}

static void arrive(void *context, struct happening *h)
{
    struct member *m = context;
    struct world *w = m->world;
    if (!takes_part(m))
        return;
    if (member_frozen(m)) {
        later(w, m->frozen - w->schedule.now + NS_PER_US, arrive, m, h->number);
        return;
    }
    if (h->number == RESIGN) {
        if (!m->active)
            election_set(m, true, "the other one resigned");
        return;
    }
    if (!m->active) {
        m->heard = w->schedule.now;
    } else if (m->id == 0) {
        election_set(m, false, "the better one is Active");
    } else {
        send(m, HELLO);
    }
}

ns election_deadline(const struct member *m)
{
    if (!takes_part(m))
        return NS_NEVER;
    return m->active ? m->hello_at : m->heard + m->world->hold + 1;
}

void election_tick(struct member *m)
{
    struct world *w = m->world;
    if (!takes_part(m))
        return;
    if (m->active && w->schedule.now >= m->hello_at) {
        m->hello_at = w->schedule.now + w->hello;
        send(m, HELLO);
    } else if (!m->active && ns_since(w->schedule.now, m->heard) > w->hold) {
        election_set(m, true, "nothing heard");
    }
}
