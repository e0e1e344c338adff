/* SPDX-License-Identifier: Apache-2.0 */
/* NAT found and followed in phase 1: NAT-D payloads, and the move to port 4500. RFC 3947 §3.2, §4. */
#include "ike/v1/phase1.h"

static bool nat_d(const struct ike_sa *sa, const struct endpoint *e, uint8_t out[HASH_MAX])
{
    return keymat_nat_d(sa->policy.hash, sa->cookie_i, sa->cookie_r,
                        bytes_of(e->address.bytes, address_len(&e->address)), e->port, out);
}

/* RFC 3947 §3.2: first where the packet goes to, then where it comes from. */
void phase1_write_nat_d(struct ike *ike, struct ike_sa *sa, struct isakmp_writer *w)
{
    (void)ike;
    uint8_t digest[HASH_MAX];
    uint8_t type = sa->natt_draft ? ISAKMP_PAYLOAD_NAT_D_DRAFT : ISAKMP_PAYLOAD_NAT_D;
    const struct endpoint *ends[] = {&sa->remote, &sa->local};
    for (size_t i = 0; sa->phase1->natt && i < 2; i++)
        if (nat_d(sa, ends[i], digest))
            isakmp_write_payload(w, type, bytes_of(digest, hash_size(sa->policy.hash)));
}

/* Any mismatch is NAT, on a direct link too: peers that want UDP encapsulation send a false one on purpose.
 */
void phase1_read_nat_d(struct ike *ike, struct ike_sa *sa, const struct phase1_input *in)
{
    uint8_t own[HASH_MAX], theirs[HASH_MAX];
    size_t n = hash_size(sa->policy.hash);
    uint8_t type = sa->natt_draft ? ISAKMP_PAYLOAD_NAT_D_DRAFT : ISAKMP_PAYLOAD_NAT_D;
    uint32_t count = isakmp_payload_count(in->m, type);
    if (!sa->phase1->natt || count < 2 || !nat_d(sa, &in->event->datagram.local, own) ||
        !nat_d(sa, &in->event->datagram.remote, theirs))
        return;
    sa->nat_local = !bytes_equal(isakmp_payload_find(in->m, type, 0)->body, bytes_of(own, n));
    sa->nat_remote = true;
    for (uint32_t i = 1; i < count; i++)
        if (bytes_equal(isakmp_payload_find(in->m, type, i)->body, bytes_of(theirs, n)))
            sa->nat_remote = false;
    if (sa->nat_local || sa->nat_remote)
        ike_debugf(ike, "(%u): NAT found: %s%s", sa->number, sa->nat_local ? "we are behind it " : "",
                   sa->nat_remote ? "the peer is behind it" : "");
}

void phase1_float(struct ike_sa *sa)
{
    if (!(sa->nat_local || sa->nat_remote) || sa->nat_port)
        return;
    sa->nat_port = true;
    sa->local.port = ISAKMP_PORT_NATT;
    sa->remote.port = ISAKMP_PORT_NATT;
}

/* RFC 3947 §4: an initiator that sees NAT moves to port 4500. NAT-D payloads are not authenticated with
 * pre-shared keys; where they were tampered with on one side only, what the initiator does decides, so that
 * both agree. */
void phase1_peer_floated(struct ike_sa *sa, const struct ike_event *event)
{
    sa->nat_port = event->datagram.nat_port;
    sa->local.port = event->datagram.local.port;
    if (!sa->nat_port)
        sa->nat_local = sa->nat_remote = false;
}
