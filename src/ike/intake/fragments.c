/* SPDX-License-Identifier: Apache-2.0 */
/* Reassembly of IKE fragments: each has the header of the message and payload 132 with id, number and the
 * last flag. They come unauthenticated, so memory is bounded: one message per IKE SA, IKE_REASSEMBLIES_MAX in
 * all, each at most IKE_DATAGRAM_MAX bytes and IKE_REASSEMBLY_KEPT long. A new id replaces the old message.
 */
#include "ike/intake/fragments.h"

#include "ike/sa/ike_sa.h"

struct reassembly {
    ns until;
    uint16_t id;
    uint8_t last; /* number of the last one, 0: not seen */
    uint8_t count;
    uint32_t total;
    struct message *parts[IKE_FRAGMENTS_MAX];
};

size_t reassembly_size(void)
{
    return sizeof(struct reassembly);
}

void reassembly_free(struct ike *ike, struct ike_sa *sa)
{
    struct reassembly *r = sa->reassembly;
    if (!r)
        return;
    for (unsigned i = 0; i < IKE_FRAGMENTS_MAX; i++)
        message_free(&r->parts[i]);
    pool_put(&ike->reassembly_pool, r);
    sa->reassembly = NULL;
}

ns reassembly_deadline(const struct ike_sa *sa)
{
    return sa->reassembly ? sa->reassembly->until : NS_NEVER;
}

static struct bytes join(struct ike *ike, struct ike_sa *sa)
{
    struct reassembly *r = sa->reassembly;
    struct writer w = writer_of(ike->whole, sizeof(ike->whole));
    for (unsigned i = 0; i < r->last; i++)
        write_bytes(&w, message_bytes(r->parts[i]));
    reassembly_free(ike, sa);
    return writer_bytes(&w);
}

struct bytes reassembly_add(struct ike *ike, struct ike_sa *sa, const struct isakmp_fragment *f)
{
    struct bytes none = {0};
    struct reassembly *r = sa->reassembly;
    if (f->number == 0 || f->number > IKE_FRAGMENTS_MAX || f->data.len == 0)
        return none;
    if (r && r->id != f->id) {
        reassembly_free(ike, sa);
        r = NULL;
    }
    if (!r) {
        r = sa->reassembly = pool_take(&ike->reassembly_pool);
        if (!r)
            return none;
        r->id = f->id;
        r->until = ike->now + IKE_REASSEMBLY_KEPT;
        sa_timer(ike, sa);
    }
    bool beyond = (r->last && f->number > r->last) || r->total + f->data.len > IKE_DATAGRAM_MAX;
    if (r->parts[f->number - 1] || beyond)
        return none;
    r->parts[f->number - 1] = message_copy(f->data);
    if (!r->parts[f->number - 1])
        return none;
    r->total += (uint32_t)f->data.len;
    r->count++;
    if (f->last)
        r->last = f->number;
    return r->last && r->count >= r->last ? join(ike, sa) : none;
}
