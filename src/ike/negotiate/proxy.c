/* SPDX-License-Identifier: Apache-2.0 */
/* Proxy identities. A responder takes what equals or is part of a permit line, mirrored; an entry of a
 * dynamic map without access list takes anything of the family of its own address. */
#include "ike/negotiate/proxy.h"

static void any_ports(uint16_t *low, uint16_t *high)
{
    if (*low != *high) {
        *low = 0;
        *high = UINT16_MAX;
    }
}

void proxy_widen(struct selector *s)
{
    any_ports(&s->local_port_low, &s->local_port_high);
    any_ports(&s->remote_port_low, &s->remote_port_high);
    if (s->local_port_low == 0 && s->local_port_high == 0)
        s->local_port_high = UINT16_MAX; /* port 0 is "any" on the wire */
    if (s->remote_port_low == 0 && s->remote_port_high == 0)
        s->remote_port_high = UINT16_MAX;
    prefix_mask(&s->local);
    prefix_mask(&s->remote);
}

bool proxy_read(const struct ike_sa *sa, const struct isakmp_message *m, bool we_initiated,
                struct selector *ret, bool *ret_given)
{
    struct isakmp_id initiator, responder;
    const struct isakmp_payload *first = isakmp_payload_find(m, ISAKMP_PAYLOAD_ID, 0);
    const struct isakmp_payload *second = isakmp_payload_find(m, ISAKMP_PAYLOAD_ID, 1);
    if (!first) {
        *ret = (struct selector){
            .local = {sa->local.address, address_bits(&sa->local.address)},
            .remote = {sa->remote.address, address_bits(&sa->remote.address)},
            .local_port_high = UINT16_MAX,
            .remote_port_high = UINT16_MAX,
        };
        *ret_given = false;
        return true;
    }
    *ret_given = true;
    if (!second || isakmp_id_parse(first->body, &initiator) != ISAKMP_OK ||
        isakmp_id_parse(second->body, &responder) != ISAKMP_OK)
        return false;
    return we_initiated ? isakmp_ids_selector(&initiator, &responder, ret)
                        : isakmp_ids_selector(&responder, &initiator, ret);
}

void proxy_write(struct isakmp_writer *w, const struct selector *s, bool we_initiated)
{
    isakmp_write_id_selector(w, s, !we_initiated); /* IDci */
    isakmp_write_id_selector(w, s, we_initiated);  /* IDcr */
}

bool proxy_allowed(const struct ike_connection *config, const struct selector *s)
{
    if (config->dynamic && config->selector_count == 0)
        return s->remote.address.family == config->local.family;
    for (uint32_t i = 0; i < config->selector_count; i++) {
        struct selector line = config->selectors[i];
        if (selector_covers(&line, s))
            return true;
        proxy_widen(&line);
        if (selector_equal(&line, s))
            return true; /* a line with a port range, as IKEv1 can say it */
    }
    return false;
}
