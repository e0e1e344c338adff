/* SPDX-License-Identifier: Apache-2.0 */
/* What the groups of one device hear: hellos and advertisements of others, and ARP messages that claim their
 * addresses. One socket per protocol and device, however many groups. Each turn of the loop reads a bounded
 * number of messages, so that a storm of them holds nothing else up. */
#include <errno.h>
#include <stdlib.h>
#include <unistd.h>

#include "control/redundancy/internal.h"
#include "io/arp.h"
#include "io/multicast_socket.h"
#include "io/sysctl.h"

enum { LISTEN_BATCH = 32, VRRP_PROTOCOL = 112 };

struct redundancy_listener {
    struct redundancy_interface *interface;
    uv_poll_t poll;
    int fd;
    enum redundancy_listener_kind kind;
};

static bool group_listens(const struct redundancy_group *g, enum redundancy_listener_kind kind)
{
    switch (kind) {
    case LISTEN_HSRP_1:
        return g->protocol == REDUNDANCY_HSRP && g->hsrp.config.version == 1;
    case LISTEN_HSRP_2:
        return g->protocol == REDUNDANCY_HSRP && g->hsrp.config.version == 2;
    case LISTEN_VRRP_4:
        return g->protocol == REDUNDANCY_VRRP && g->family == ADDRESS_V4;
    case LISTEN_VRRP_6:
        return g->protocol == REDUNDANCY_VRRP && g->family == ADDRESS_V6;
    default:
        return g->family == ADDRESS_V4;
    }
}

/* ---- what is heard ---- */

static struct redundancy_group *group_find(const struct redundancy_interface *i, uint8_t protocol,
                                           uint8_t family, uint16_t number)
{
    list_for_each(&i->redundancy->groups, l)
    {
        struct redundancy_group *g = list_entry(l, struct redundancy_group, all);
        if (g->ifindex == i->ifindex && g->protocol == protocol && g->family == family && g->number == number)
            return g;
    }
    return NULL;
}

static void hsrp_heard(const struct redundancy_interface *i, enum redundancy_listener_kind kind,
                       const struct datagram *d)
{
    uint8_t version;
    uint16_t number;
    struct bytes data = bytes_of(d->data, d->len);

    if (!hsrp_peek(data, &version, &number) || version != (kind == LISTEN_HSRP_1 ? 1 : 2))
        return;
    struct redundancy_group *g = group_find(i, REDUNDANCY_HSRP, ADDRESS_V4, number);
    struct hsrp_event e = {.kind = HSRP_EVENT_MESSAGE,
                           .message = {.datagram = data, .source = d->remote.address}};
    if (g && !address_equal(&g->source, &d->remote.address))
        group_hsrp_step(g, &e);
}

static void vrrp_heard(const struct redundancy_interface *i, uint8_t family, const struct datagram *d)
{
    struct vrrp_event e = {.kind = VRRP_EVENT_MESSAGE,
                           .message = {.payload = bytes_of(d->data, d->len),
                                       .source = d->remote.address,
                                       .destination = vrrp_multicast(family),
                                       .ttl = d->hop_limit}};
    uint8_t number;

    if (family == ADDRESS_V4) {
        size_t header = d->len >= 20 ? (size_t)(d->data[0] & 15) * 4 : 0;
        if (header < 20 || header > d->len)
            return;
        e.message.ttl = d->data[8];
        e.message.payload = bytes_of(d->data + header, d->len - header);
    }
    if (!vrrp_peek(e.message.payload, &number))
        return;
    struct redundancy_group *g = group_find(i, REDUNDANCY_VRRP, family, number);
    if (g && !address_equal(&g->source, &d->remote.address))
        group_vrrp_step(g, &e);
}

static void claim_tell(struct redundancy_group *g, const struct arp_claim *claim)
{
    struct address addresses[REDUNDANCY_ADDRESSES_MAX];
    uint8_t mac[REDUNDANCY_MAC];
    size_t n = group_addresses(g, addresses);

    group_mac(g, mac);
    for (size_t k = 0; k < n; k++) {
        if (!address_equal(&addresses[k], &claim->address) || memcmp(mac, claim->mac, REDUNDANCY_MAC) == 0)
            continue;
        if (g->protocol == REDUNDANCY_HSRP) {
            struct hsrp_event e = {.kind = HSRP_EVENT_ADDRESS, .seen = {.address = claim->address}};
            memcpy(e.seen.mac, claim->mac, REDUNDANCY_MAC);
            group_hsrp_step(g, &e);
        } else {
            struct vrrp_event e = {.kind = VRRP_EVENT_ADDRESS, .seen = {.address = claim->address}};
            memcpy(e.seen.mac, claim->mac, REDUNDANCY_MAC);
            group_vrrp_step(g, &e);
        }
    }
}

static void arp_heard(const struct redundancy_interface *i, int fd)
{
    struct arp_claim claim;

    for (unsigned n = 0; n < LISTEN_BATCH && arp_receive(fd, &claim) == 0; n++)
        list_for_each(&i->redundancy->groups, l)
        {
            struct redundancy_group *g = list_entry(l, struct redundancy_group, all);
            if (g->ifindex == i->ifindex && g->family == ADDRESS_V4)
                claim_tell(g, &claim);
        }
}

static void listener_ready(uv_poll_t *poll, int status, int events)
{
    struct redundancy_listener *l = poll->data;
    struct redundancy_interface *i = l->interface;
    struct datagram datagrams[LISTEN_BATCH];

    (void)events;
    if (status < 0) { /* the device is going; the monitor tells what becomes of it */
        (void)!uv_poll_start(poll, UV_READABLE, listener_ready);
    }
    if (l->kind == LISTEN_ARP) {
        arp_heard(i, l->fd);
        return;
    }
    int n = datagram_receive(i->redundancy->reader, l->fd, LISTEN_BATCH, datagrams);
    for (int k = 0; k < n; k++) {
        if (datagrams[k].truncated)
            continue;
        if (l->kind == LISTEN_HSRP_1 || l->kind == LISTEN_HSRP_2)
            hsrp_heard(i, l->kind, &datagrams[k]);
        else
            vrrp_heard(i, l->kind == LISTEN_VRRP_4 ? ADDRESS_V4 : ADDRESS_V6, &datagrams[k]);
    }
}

/* ---- sockets ---- */

static int listener_socket(const struct redundancy_interface *i, enum redundancy_listener_kind kind)
{
    struct multicast_options o = {.device = i->device, .ifindex = i->ifindex, .protocol = VRRP_PROTOCOL};

    switch (kind) {
    case LISTEN_HSRP_1:
    case LISTEN_HSRP_2:
        o.protocol = MULTICAST_UDP;
        o.port = HSRP_PORT;
        o.group = address_v4(kind == LISTEN_HSRP_1 ? HSRP_V1_MULTICAST : HSRP_V2_MULTICAST);
        return multicast_open(&o);
    case LISTEN_VRRP_4:
    case LISTEN_VRRP_6:
        o.group = vrrp_multicast(kind == LISTEN_VRRP_4 ? ADDRESS_V4 : ADDRESS_V6);
        return multicast_open(&o);
    default:
        return arp_watch_open(i->ifindex);
    }
}

static void listener_open(struct redundancy_interface *i, enum redundancy_listener_kind kind)
{
    struct control *c = i->redundancy->control;
    struct redundancy_listener *l = calloc(1, sizeof *l);
    int fd = l ? listener_socket(i, kind) : -ENOMEM;

    if (fd < 0) {
        log_line(c->log, "HOLDFAST", 3, "REDUNDANCY", "device %s: redundancy protocols cannot be heard: %s",
                 i->device, strerror(-fd));
        free(l);
        return;
    }
    *l = (struct redundancy_listener){.interface = i, .fd = fd, .kind = kind};
    l->poll.data = l;
    if (uv_poll_init(&c->loop, &l->poll, fd) != 0) {
        close(fd);
        free(l);
        return;
    }
    (void)!uv_poll_start(&l->poll, UV_READABLE, listener_ready);
    i->listeners[kind] = l;
}

static void listener_closed(uv_handle_t *handle)
{
    struct redundancy_listener *l = handle->data;

    close(l->fd);
    free(l);
}

static void listener_close(struct redundancy_interface *i, enum redundancy_listener_kind kind)
{
    struct redundancy_listener *l = i->listeners[kind];

    if (!l)
        return;
    i->listeners[kind] = NULL;
    uv_poll_stop(&l->poll);
    uv_close((uv_handle_t *)&l->poll, listener_closed);
}

void interface_listen(struct redundancy_interface *i)
{
    for (unsigned kind = 0; kind < LISTENERS; kind++) {
        bool needed = false;
        list_for_each(&i->redundancy->groups, l)
        {
            const struct redundancy_group *g = list_entry(l, struct redundancy_group, all);
            needed = needed || (g->ifindex == i->ifindex && group_listens(g, kind));
        }
        if (needed && !i->listeners[kind])
            listener_open(i, kind);
        else if (!needed)
            listener_close(i, kind);
    }
}

/* The interface itself answers ARP for its own addresses alone, and asks with them: the virtual ones belong
 * to the virtual MAC. */
static long setting_swap(const char *device, const char *name, long value)
{
    long before;

    if (sysctl_interface_get("ipv4", device, name, &before) != 0)
        return -1;
    return sysctl_interface_set("ipv4", device, name, value) == 0 ? before : -1;
}

struct settings_record {
    long arp_ignore, arp_announce;
};

/* What a predecessor found is what is to be put back. */
static void settings_take(struct redundancy_interface *i)
{
    struct record_store *records = i->redundancy->control->records;
    struct settings_record s = {setting_swap(i->device, "arp_ignore", 1),
                                setting_swap(i->device, "arp_announce", 2)};
    struct bytes data;

    if (record_store_get(records, CONTROL_RECORD_ARP_SETTINGS, i->ifindex, &data) && data.len == sizeof s)
        memcpy(&s, data.data, sizeof s);
    else
        (void)!record_store_put(records, CONTROL_RECORD_ARP_SETTINGS, i->ifindex, bytes_of(&s, sizeof s));
    i->arp_ignore_before = s.arp_ignore;
    i->arp_announce_before = s.arp_announce;
}

struct redundancy_interface *interface_new(struct redundancy *r, uint32_t ifindex, const char *device)
{
    struct redundancy_interface *i = calloc(1, sizeof *i);

    if (!i)
        return NULL;
    i->redundancy = r;
    i->ifindex = ifindex;
    memcpy(i->device, device, strnlen(device, sizeof i->device - 1));
    settings_take(i);
    list_add_tail(&r->interfaces, &i->all);
    return i;
}

void interface_free(struct redundancy_interface *i)
{
    for (unsigned kind = 0; kind < LISTENERS; kind++)
        listener_close(i, kind);
    if (i->arp_ignore_before >= 0)
        (void)!sysctl_interface_set("ipv4", i->device, "arp_ignore", i->arp_ignore_before);
    if (i->arp_announce_before >= 0)
        (void)!sysctl_interface_set("ipv4", i->device, "arp_announce", i->arp_announce_before);
    record_store_delete(i->redundancy->control->records, CONTROL_RECORD_ARP_SETTINGS, i->ifindex);
    list_remove(&i->all);
    free(i);
}
