/* SPDX-License-Identifier: Apache-2.0 */
/* See inbound_hold.h: a ring of copies. Those of the burst under way stand behind the ones that wait, and are
 * given up with the next burst. */
#include "ipsec/inbound_hold.h"

#include "ipsec/memory.h"
#include "ipsec/takeover.h"

struct held {
    struct inbound_packet packet; /* data is set when it is taken */
    uint32_t slot, spi;
    uint64_t sequence;
    ns at;
    uint16_t index; /* in the burst that brought it */
    bool kept;
    uint8_t room[PACKET_HEADROOM + HOLD_PACKET + PACKET_TAILROOM];
};

struct hold {
    uint32_t first, count; /* that wait */
    uint32_t fresh;        /* copies of the burst under way, behind them */
    struct held ring[HOLD_MAX];
};

struct hold *hold_new(void)
{
    return memory_new(sizeof(struct hold));
}

void hold_free(struct hold *h)
{
    memory_free(h);
}

static struct held *at(struct hold *h, uint32_t i)
{
    return &h->ring[(h->first + i) % HOLD_MAX];
}

/* What was kept of the last burst moves together. */
void hold_begin(struct hold *h)
{
    uint32_t kept = h->count;
    for (uint32_t i = h->count; i < h->count + h->fresh; i++) {
        if (!at(h, i)->kept)
            continue;
        if (i != kept)
            memcpy(at(h, kept), at(h, i), sizeof(struct held));
        kept++;
    }
    h->count = kept;
    h->fresh = 0;
}

bool hold_copy(struct hold *h, const struct inbound_packet *p, size_t index, uint32_t slot, uint32_t spi,
               uint64_t sequence)
{
    if (h->count + h->fresh == HOLD_MAX || p->len > HOLD_PACKET)
        return false;
    struct held *e = at(h, h->count + h->fresh++);
    e->packet = *p;
    e->slot = slot;
    e->spi = spi;
    e->sequence = sequence;
    e->index = (uint16_t)index;
    e->kept = false;
    memcpy(e->room + PACKET_HEADROOM, p->data, p->len);
    return true;
}

bool hold_keep(struct hold *h, size_t index, ns now)
{
    for (uint32_t i = h->count; i < h->count + h->fresh; i++) {
        struct held *e = at(h, i);
        if (e->index != index || e->kept)
            continue;
        e->kept = true;
        e->at = now;
        return true;
    }
    return false;
}

bool hold_empty(const struct hold *h)
{
    return h->count + h->fresh == 0;
}

bool hold_first(const struct hold *h, uint32_t *ret_slot, uint32_t *ret_spi)
{
    if (h->count == 0)
        return false;
    *ret_slot = h->ring[h->first].slot;
    *ret_spi = h->ring[h->first].spi;
    return true;
}

static bool may_pass(struct sad *sad, const struct held *e)
{
    const struct sad_pair *pair = sad_find_inbound(sad, e->spi);
    return !pair || takeover_may_accept(pair, e->sequence);
}

size_t hold_take(struct hold *h, struct sad *sad, ns now, struct inbound_packet *ret, size_t max)
{
    size_t n = 0;
    hold_begin(h);
    while (h->count && n < max) {
        struct held *e = at(h, 0);
        if (now < e->at + HOLD_TIME && !may_pass(sad, e))
            break;
        e->packet.data = e->room + PACKET_HEADROOM;
        ret[n++] = e->packet;
        h->first = (h->first + 1) % HOLD_MAX;
        h->count--;
    }
    return n;
}
