/* SPDX-License-Identifier: Apache-2.0 */
/* What passes the wires of a played scenario: the counts of its watches, ISAKMP messages by name, who sends
 * ESP, gaps of flows, and what gateways say themselves. All but the counts goes into the listing. Called by
 * the fabric for each frame. */
#include <stdlib.h>

#include "base/be.h"
#include "base/hash_table.h"
#include "site/play.h"
#include "wire/isakmp.h"

enum { PORT_IKE = 500, PORT_NATT = 4500, MARKER = 4 };

static const ns esp_silence = 100 * NS_PER_MS;

static bool ports_have(const struct frame *f, uint16_t port)
{
    return f->from_port == port || f->to_port == port;
}

static bool is_isakmp(const struct frame *f)
{
    bool marker = f->len >= MARKER && be32_load(f->data) == 0;
    return f->protocol == SITE_PROTOCOL_UDP &&
           (ports_have(f, PORT_IKE) || (ports_have(f, PORT_NATT) && marker));
}

/* As packet_classify sees it (lab/packet_kind.h). */
static enum packet_kind kind_of(const struct frame *f, const struct watch *w)
{
    if (f->protocol == SITE_PROTOCOL_ESP)
        return PACKET_ESP;
    if (is_isakmp(f))
        return PACKET_ISAKMP;
    if (f->protocol == SITE_PROTOCOL_UDP && ports_have(f, PORT_NATT))
        return PACKET_NATT;
    for (unsigned i = 0; i < w->clear_count; i++) {
        if (prefix_contains(&w->clear[i], &f->from) || prefix_contains(&w->clear[i], &f->to))
            return PACKET_CLEAR;
    }
    return PACKET_OTHER;
}

static void watch_count(struct play *p, unsigned index, bool inbound, const struct frame *f)
{
    const struct watch *w = &p->scenario->watches[index];
    struct play_watch *count = &p->watches[index];
    if (address_is_set(&w->host) && !address_equal(&w->host, &f->from) && !address_equal(&w->host, &f->to))
        return;
    enum packet_kind kind = kind_of(f, w);
    if (kind == PACKET_CLEAR && count->first_clear[0] == '\0') {
        char from[ADDRESS_TEXT], to[ADDRESS_TEXT];
        snprintf(count->first_clear, sizeof count->first_clear, "%s > %s protocol %u, %s",
                 address_print(&f->from, from), address_print(&f->to, to), f->protocol,
                 inbound ? "in" : "out");
    }
    count->packets[kind][inbound]++;
}

/* ---- ISAKMP by name ---- */

static struct play_exchange *exchange_of(struct play *p, const struct isakmp_header *h)
{
    for (unsigned i = 0; i < MIN(p->exchange_count, (unsigned)PLAY_EXCHANGES); i++) {
        struct play_exchange *x = &p->exchanges[i];
        if (x->message_id == h->message_id && memcmp(x->cookie, h->initiator_cookie, sizeof x->cookie) == 0)
            return x;
    }
    struct play_exchange *x = &p->exchanges[p->exchange_count++ % PLAY_EXCHANGES];
    *x = (struct play_exchange){.message_id = h->message_id};
    memcpy(x->cookie, h->initiator_cookie, sizeof x->cookie);
    return x;
}

static void isakmp_tell(struct play *p, const struct site_node *from, const struct frame *f)
{
    struct isakmp_header head;
    char to[ADDRESS_TEXT];
    size_t skip = ports_have(f, PORT_NATT) ? MARKER : 0;
    struct bytes message = bytes_of(f->data + skip, f->len - skip);
    address_print(&f->to, to);
    if (isakmp_header_parse(message, &head) != ISAKMP_OK) {
        listing_add(&p->listing, site_now(&p->site), from->name, "a datagram to %s that is no ISAKMP message",
                    to);
        return;
    }
    struct play_exchange *x = exchange_of(p, &head);
    uint64_t hash = hash_bytes(message.data, message.len, 1);
    bool again = x->messages && (hash == x->last || hash == x->before_last);
    if (!again) {
        x->messages++;
        x->before_last = x->last;
        x->last = hash;
    }
    if (again)
        listing_add(&p->listing, site_now(&p->site), from->name, "%s to %s, again",
                    isakmp_exchange_name(head.exchange), to);
    else
        listing_add(&p->listing, site_now(&p->site), from->name, "%s %u to %s",
                    isakmp_exchange_name(head.exchange), x->messages, to);
}

static void esp_tell(struct play *p, unsigned node, const struct frame *f)
{
    ns now = site_now(&p->site), before = p->last_esp[node];
    char to[ADDRESS_TEXT];
    p->last_esp[node] = now;
    if (before == 0)
        listing_add(&p->listing, now, p->nodes[node]->name, "first ESP, to %s", address_print(&f->to, to));
    else if (now - before >= esp_silence)
        listing_add(&p->listing, now, p->nodes[node]->name, "ESP after %.1f ms, to %s",
                    (double)(now - before) / (double)NS_PER_MS, address_print(&f->to, to));
}

static void tap(void *context, const struct fabric_end *end, bool inbound, const struct frame *f)
{
    struct play *p = context;
    if (f->kind != FRAME_IP)
        return;
    for (unsigned i = 0; i < p->scenario->watch_count; i++) {
        if (p->scenario->watches[i].link == end->link && p->scenario->watches[i].end == end->number)
            watch_count(p, i, inbound, f);
    }
    unsigned node = p->scenario->links[end->link].ends[end->number].node;
    if (inbound || p->scenario->nodes[node].kind != NODE_GATEWAY)
        return;
    if (f->protocol == SITE_PROTOCOL_ESP)
        esp_tell(p, node, f);
    else if (is_isakmp(f))
        isakmp_tell(p, end->node, f);
}

/* The rules of mute.sh and split.sh. */
static bool filter(void *context, const struct fabric_end *end, bool inbound, const struct frame *f)
{
    const struct play *p = context;
    const struct play_filter *filter = &p->filters[p->scenario->links[end->link].ends[end->number].node];
    if (f->kind != FRAME_IP)
        return false;
    if (!inbound)
        return filter->mute && f->protocol == SITE_PROTOCOL_UDP && f->from_port == PORT_IKE;
    for (unsigned i = 0; i < filter->denied_count; i++) {
        if (address_equal(&filter->denied[i], &f->from))
            return true;
    }
    return false;
}

static void silence(void *context, unsigned flow, ns gap)
{
    struct play *p = context;
    listing_add(&p->listing, site_now(&p->site), p->scenario->flows[flow].name, "first packet after %.1f ms",
                (double)gap / (double)NS_PER_MS);
}

static void listen(void *context, const struct site_node *node, const char *topic, const char *text)
{
    struct play *p = context;
    listing_add(&p->listing, site_now(&p->site), node ? node->name : "-", "%s %s", topic, text);
}

void play_tap_begin(struct play *p)
{
    p->fabric.tap = tap;
    p->fabric.tap_context = p;
    p->fabric.filter = filter;
    p->fabric.filter_context = p;
    p->traffic.silence = silence;
    p->traffic.silence_context = p;
    p->site.listen = listen;
    p->site.listen_context = p;
    p->site.listening = true;
}
