/* SPDX-License-Identifier: Apache-2.0 */
/* What passes the wires of a played scenario: the counts of its watches, ISAKMP messages by name, who sends
 * ESP, gaps of flows, and what gateways say themselves. All but the counts goes into the listing. Called by
 * the fabric for each frame. */
#include <assert.h>
#include <stdlib.h>

#include "base/be.h"
#include "base/hash_table.h"
#include "site/play/play.h"
#include "wire/hsrp.h"
#include "wire/isakmp.h"

enum { PORT_IKE = 500, PORT_NATT = 4500, MARKER = 4 };

static const ns esp_silence = 5 * NS_PER_S;

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

/* Hellos would fill the listing: what changes the roles of others is told, and the states are in the log. */
static void hsrp_tell(struct play *p, const struct site_node *from, const struct frame *f)
{
    struct hsrp_message m;
    if (hsrp_parse(bytes_of(f->data, f->len), &m) == HSRP_OK &&
        (m.opcode == HSRP_COUP || m.opcode == HSRP_RESIGN))
        listing_add(&p->listing, site_now(&p->site), from->name, "HSRP %s, group %u",
                    hsrp_opcode_name(m.opcode), m.group);
}

/* Who sends ESP with an address to another: told when it begins, when somebody else does, and after a long
 * silence. */
static void esp_tell(struct play *p, unsigned node, const struct frame *f)
{
    char from[ADDRESS_TEXT], to[ADDRESS_TEXT];
    ns now = site_now(&p->site);
    struct play_sender *s = p->senders;
    while (s < p->senders + p->sender_count &&
           !(address_equal(&s->from, &f->from) && address_equal(&s->to, &f->to)))
        s++;
    if (s == p->senders + PLAY_SENDERS)
        return;
    bool fresh = s == p->senders + p->sender_count;
    if (fresh) {
        *s = (struct play_sender){.from = f->from, .to = f->to};
        p->sender_count++;
    }
    if (fresh || s->node != node || now - s->last >= esp_silence)
        listing_add(&p->listing, now, p->nodes[node]->name, "ESP %s > %s", address_print(&f->from, from),
                    address_print(&f->to, to));
    s->node = node;
    s->last = now;
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
    else if (f->protocol == SITE_PROTOCOL_UDP && f->to_port == HSRP_PORT)
        hsrp_tell(p, end->node, f);
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

static void log_keep(struct play *p, const struct site_node *node, const char *text)
{
    unsigned i = 0;
    size_t len = strlen(text) + 1;
    while (i < p->scenario->node_count && p->nodes[i] != node)
        i++;
    if (i == p->scenario->node_count)
        return;
    struct play_log *l = &p->logs[i];
    if (l->len + len + 1 > l->room) {
        l->room = 2 * (l->len + len + 1);
        l->text = realloc(l->text, l->room);
        assert(l->text);
    }
    l->len += (size_t)snprintf(l->text + l->len, l->room - l->len, "%s\n", text);
}

/* A change of an HSRP group's state: groups that change alike in the same moment share a line, and so do the
 * steps of one group. */
static bool state_tell(struct play *p, const char *who, const char *text)
{
    char from[16], to[16];
    unsigned group;
    ns now = site_now(&p->site);
    if (sscanf(text, "%%HSRP-5-STATECHANGE: %*s Grp %u state %15s -> %15s", &group, from, to) != 3)
        return false;
    char change[40], groups[16];
    snprintf(change, sizeof change, "%s -> %s", from, to);
    snprintf(groups, sizeof groups, "%u", group);
    struct listing_line *last = p->listing.count ? &p->listing.lines[p->listing.count - 1] : NULL;
    char *colon = last ? strstr(last->text, ": ") : NULL;
    if (!colon || last->time != now || strcmp(last->who, who) != 0 || strncmp(last->text, "HSRP ", 5) != 0) {
        listing_add(&p->listing, now, who, "HSRP %s: %s", groups, change);
        return true;
    }
    char *joined = NULL;
    *colon = '\0';
    const char *steps = colon + 2, *arrow = strrchr(steps, '>');
    int n = 0;
    if (strcmp(steps, change) == 0)
        n = asprintf(&joined, "%s, %s: %s", last->text, groups, change);
    else if (arrow && strcmp(arrow + 2, from) == 0 && strcmp(last->text + 5, groups) == 0)
        n = asprintf(&joined, "%s: %s -> %s", last->text, steps, to);
    *colon = ':';
    assert(n >= 0);
    if (joined) {
        free(last->text);
        last->text = joined;
    } else {
        listing_add(&p->listing, now, who, "HSRP %s: %s", groups, change);
    }
    return true;
}

/* What is said twice: of a configuration at each start; of a line by TRACKING or the step; of a session by
 * HA. */
static bool untold(const char *topic, const char *text)
{
    return strncmp(text, "%HOLDFAST-6-CONFIG", 18) == 0 || strcmp(topic, "LINEPROTO") == 0 ||
           strcmp(topic, "SSP") == 0;
}

/* What a gateway logs begins with its topic. */
static void listen(void *context, const struct site_node *node, const char *topic, const char *text)
{
    struct play *p = context;
    const char *who = node ? node->name : "-";
    if (text[0] == '%')
        log_keep(p, node, text);
    if (untold(topic, text) || state_tell(p, who, text))
        return;
    if (text[0] == '%')
        listing_add(&p->listing, site_now(&p->site), who, "%s", text + 1);
    else
        listing_add(&p->listing, site_now(&p->site), who, "%s %s", topic, text);
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
