/* SPDX-License-Identifier: Apache-2.0 */
/* See tuple.h. Called for every packet that policy has to look at. */
#include "ipsec/tuple.h"

static bool protocol_has_ports(uint8_t protocol)
{
    return protocol == IP_PROTOCOL_TCP || protocol == IP_PROTOCOL_UDP || protocol == IP_PROTOCOL_SCTP ||
           protocol == IP_PROTOCOL_DCCP || protocol == IP_PROTOCOL_UDP_LITE;
}

void tuple_of(const struct ip_packet *packet, struct packet_tuple *ret)
{
    memset(ret, 0, sizeof(*ret));
    ret->local = packet->source;
    ret->remote = packet->destination;
    ret->protocol = packet->protocol;
    ret->has_ports = packet->has_ports;
    ret->ports_hidden = !packet->has_ports && protocol_has_ports(packet->protocol);
    if (packet->has_ports) {
        ret->local_port = packet->source_port;
        ret->remote_port = packet->destination_port;
    }
}

void tuple_mirror(struct packet_tuple *t)
{
    struct address address = t->local;
    t->local = t->remote;
    t->remote = address;
    uint16_t port = t->local_port;
    t->local_port = t->remote_port;
    t->remote_port = port;
}

bool tuple_in_selector(const struct packet_tuple *t, const struct selector *s)
{
    if ((s->protocol != 0 && s->protocol != t->protocol) || !prefix_contains(&s->local, &t->local) ||
        !prefix_contains(&s->remote, &t->remote))
        return false;
    bool any_ports = s->local_port_low == 0 && s->local_port_high == UINT16_MAX && s->remote_port_low == 0 &&
                     s->remote_port_high == UINT16_MAX;
    if (any_ports)
        return true;
    if (!t->has_ports)
        return t->ports_hidden;
    return t->local_port >= s->local_port_low && t->local_port <= s->local_port_high &&
           t->remote_port >= s->remote_port_low && t->remote_port <= s->remote_port_high;
}

void tuple_selector(const struct packet_tuple *t, struct selector *ret)
{
    uint8_t bits = address_bits(&t->local);
    *ret = (struct selector){
        .local = {t->local, bits},
        .remote = {t->remote, bits},
        .protocol = t->protocol,
        .local_port_high = UINT16_MAX,
        .remote_port_high = UINT16_MAX,
    };
    if (t->has_ports) {
        ret->local_port_low = ret->local_port_high = t->local_port;
        ret->remote_port_low = ret->remote_port_high = t->remote_port;
    }
}
