/* SPDX-License-Identifier: Apache-2.0 */
/* Classification of captured packets; see packet_kind.h. */
#include "lab/packet_kind.h"

#include "base/be.h"

enum { IP_UDP = 17, IP_ESP = 50, IP_AH = 51, PORT_ISAKMP = 500, PORT_NATT = 4500 };

/* IPv6 extension headers that may stand before the upper layer. */
enum { V6_HOP_BY_HOP = 0, V6_ROUTING = 43, V6_FRAGMENT = 44, V6_OPTIONS = 60 };

struct upper {
    uint8_t protocol;
    bool first;         /* not a later fragment: the upper header is there */
    struct bytes bytes; /* from the upper header on */
};

static bool view_v4(struct bytes p, struct packet_view *view, struct upper *ret)
{
    size_t header = (size_t)(p.data[0] & 15) * 4;
    if (header < 20 || p.len < header)
        return false;
    view->source = address_of(p.data + 12, 4);
    view->destination = address_of(p.data + 16, 4);
    *ret = (struct upper){p.data[9], (be16_load(p.data + 6) & 0x1fff) == 0,
                          bytes_of(p.data + header, p.len - header)};
    return true;
}

static bool view_v6(struct bytes p, struct packet_view *view, struct upper *ret)
{
    if (p.len < 40)
        return false;
    view->source = address_of(p.data + 8, 16);
    view->destination = address_of(p.data + 24, 16);
    struct upper up = {p.data[6], true, bytes_of(p.data + 40, p.len - 40)};
    while (up.first && up.bytes.len >= 8) {
        size_t len;
        if (up.protocol == V6_FRAGMENT) {
            up.first = (be16_load(up.bytes.data + 2) & 0xfff8) == 0;
            len = 8;
        } else if (up.protocol == V6_HOP_BY_HOP || up.protocol == V6_ROUTING || up.protocol == V6_OPTIONS) {
            len = 8 + (size_t)up.bytes.data[1] * 8;
        } else {
            break;
        }
        if (len > up.bytes.len)
            break;
        up.protocol = up.bytes.data[0];
        up.bytes = bytes_of(up.bytes.data + len, up.bytes.len - len);
    }
    *ret = up;
    return true;
}

static bool udp_kind(const struct upper *up, enum packet_kind *ret)
{
    if (!up->first || up->bytes.len < 8)
        return false;
    uint16_t source = be16_load(up->bytes.data), destination = be16_load(up->bytes.data + 2);
    if (source == PORT_ISAKMP || destination == PORT_ISAKMP) {
        *ret = PACKET_ISAKMP;
        return true;
    }
    if (source != PORT_NATT && destination != PORT_NATT)
        return false;
    bool marker = up->bytes.len >= 12 && be32_load(up->bytes.data + 8) == 0;
    *ret = marker ? PACKET_ISAKMP : PACKET_NATT;
    return true;
}

bool packet_classify(struct bytes p, const struct prefix *clear, unsigned clear_count,
                     struct packet_view *ret)
{
    struct packet_view view = {.kind = PACKET_OTHER};
    struct upper up;
    if (p.len < 20 ||
        !((p.data[0] >> 4 == 4 && view_v4(p, &view, &up)) || (p.data[0] >> 4 == 6 && view_v6(p, &view, &up))))
        return false;
    view.protocol = up.protocol;
    if (up.protocol == IP_ESP) {
        view.kind = PACKET_ESP;
    } else if (up.protocol == IP_AH) {
        view.kind = PACKET_AH;
    } else if (up.protocol != IP_UDP || !udp_kind(&up, &view.kind)) {
        for (unsigned i = 0; i < clear_count; i++) {
            if (prefix_contains(&clear[i], &view.source) || prefix_contains(&clear[i], &view.destination))
                view.kind = PACKET_CLEAR;
        }
    }
    *ret = view;
    return true;
}

const char *packet_kind_name(enum packet_kind kind)
{
    static const char *const names[PACKET_KINDS] = {"esp", "ah", "isakmp", "natt", "clear", "other"};
    return kind < PACKET_KINDS ? names[kind] : "?";
}
