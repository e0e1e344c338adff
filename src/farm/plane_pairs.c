/* SPDX-License-Identifier: Apache-2.0 */
/* The pairs of SAs of the farm's spokes, from the IKE machine's actions into the SA table: what control does
 * for a gateway (src/control/pairs.c), in one process and therefore without waiting for engines. */
#include <errno.h>

#include "farm/plane_internal.h"

static struct sad_pair *pair_of(const struct plane *p, uint32_t slot, uint32_t spi_in)
{
    struct sad_pair *pair = slot < p->sad->slots ? &p->sad->pairs[slot] : NULL;

    return pair && pair->spi_in == spi_in && atomic_load(&pair->state) != PAIR_FREE ? pair : NULL;
}

static uint16_t flags_of(const struct ike_pair_install *i)
{
    unsigned flags = 0;

    flags |= i->tunnel ? PAIR_TUNNEL : 0;
    flags |= i->udp ? PAIR_UDP : 0;
    flags |= i->esn ? PAIR_ESN : 0;
    flags |= i->replay_size == 0 ? PAIR_NO_REPLAY_CHECK : 0;
    return (uint16_t)flags;
}

static void pair_fill(struct plane *p, const struct ike_pair_install *i, struct sad_pair *pair, ns now)
{
    pair->spi_in = i->spi_in;
    pair->spi_out = i->spi_out;
    pair->entry = i->connection;
    pair->bundle = UINT32_MAX;
    pair->connection = i->number;
    pair->flags = flags_of(i);
    pair->protocol = i->protocol;
    pair->replay_size = (uint16_t)MIN(i->replay_size, (uint16_t)REPLAY_WINDOW_MAX);
    pair->algorithms = i->algorithms;
    pair->selector = i->selector;
    pair->local = i->local;
    pair->remote = pair->remote_now = i->remote;
    pair->created = now;
    pair->hard_expiry = i->hard_expiry;
    pair->soft_bytes = i->soft_bytes;
    pair->hard_bytes = i->hard_bytes;
    pair->iv_base = rng_u64(&p->rng);
    pair->sequence_ceiling = i->esn ? UINT64_MAX : (uint64_t)UINT32_MAX + 1;
    atomic_store(&pair->preferred_since, now);
}

static int keys_init(struct plane *p, const struct ike_pair_install *i, struct sad_pair *pair)
{
    int error = packet_key_init(p->path.cipher, &pair->seal_key, &i->algorithms, true, i->encryption_key_out,
                                i->integrity_key_out);

    if (!error)
        error = packet_key_init(p->path.cipher, &pair->open_key, &i->algorithms, false, i->encryption_key_in,
                                i->integrity_key_in);
    return error;
}

/* The index learns of the pair; what waited for one leaves. */
static void pair_use(struct plane *p, uint32_t slot, ns now)
{
    size_t n;

    plane_enter(p);
    pair_index_add(p->path.index, slot);
    while ((n = outbound_release(p->outbound, p->sad->pairs[slot].entry, now)) > 0)
        plane_results(p, n);
    plane_leave(p);
}

int plane_install(struct plane *p, const struct ike_pair_install *i, ns now)
{
    if (i->slot >= p->sad->slots || i->protocol != IP_PROTOCOL_ESP || i->bundle)
        return -EINVAL;
    struct sad_pair *pair = &p->sad->pairs[i->slot];
    if (atomic_load(&pair->state) != PAIR_FREE)
        return -EBUSY;
    atomic_store(&pair->state, PAIR_LARVAL);
    pair_fill(p, i, pair, now);
    int error = keys_init(p, i, pair);
    if (error) {
        sad_pair_clear(pair);
        return error;
    }
    sad_slot_use(p->sad, i->slot);
    atomic_store(&pair->state, i->confirmed ? PAIR_ACTIVE : PAIR_INBOUND);
    pair_use(p, i->slot, now);
    return 0;
}

void plane_confirm(struct plane *p, uint32_t slot, uint32_t spi_in, ns now)
{
    struct sad_pair *pair = pair_of(p, slot, spi_in);
    uint32_t was = pair ? atomic_load(&pair->state) : PAIR_DEAD;

    if (was == PAIR_INBOUND || was == PAIR_SUPERSEDED) {
        atomic_store(&pair->state, PAIR_ACTIVE);
        pair_use(p, slot, now);
    }
}

void plane_supersede(struct plane *p, uint32_t slot, uint32_t spi_in)
{
    struct sad_pair *pair = pair_of(p, slot, spi_in);

    if (pair)
        atomic_store(&pair->state, PAIR_SUPERSEDED);
}

void plane_move(struct plane *p, uint32_t slot, uint32_t spi_in, const struct endpoint *remote)
{
    struct sad_pair *pair = pair_of(p, slot, spi_in);

    if (!pair)
        return;
    pair->remote = *remote;
    plane_enter(p);
    pair_index_add(p->path.index, slot);
    plane_leave(p);
}

void plane_remove(struct plane *p, uint32_t slot, uint32_t spi_in)
{
    struct sad_pair *pair = pair_of(p, slot, spi_in);

    if (!pair)
        return;
    plane_enter(p);
    pair_index_remove(p->path.index, slot);
    plane_leave(p);
    sad_pair_clear(pair);
}

void plane_acquire_failed(struct plane *p, uint32_t connection)
{
    plane_enter(p);
    outbound_acquire_failed(p->outbound, connection, 0);
    plane_leave(p);
}

void plane_traffic(const struct plane *p, uint32_t slot, ns *ret_in, ns *ret_out)
{
    const struct sad_pair *pair = slot < p->sad->slots ? &p->sad->pairs[slot] : NULL;

    *ret_in = pair ? pair->in.last : 0;
    *ret_out = pair ? pair->out.last : 0;
}
