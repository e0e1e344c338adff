/* SPDX-License-Identifier: Apache-2.0 */
/* See judge.h. One pass over each capture; what must be remembered is in number sets. */
#include <assert.h>
#include <errno.h>
#include <stdarg.h>
#include <stdlib.h>

#include "judge/judge_internal.h"

/* CBC IVs that are this near to each other were counted, not drawn: chance is 2^-47 a packet. */
enum { IV_NEAR = 65536 };

/* Where a packet was seen. */
struct sight {
    struct judge *judge;
    struct judge_capture *capture;
    const struct captured *packet;
    const struct packet_facts *facts;
    const struct seal *seal; /* NULL: none */
};

struct judge *judge_new(const struct judge_config *config)
{
    struct judge *j = calloc(1, sizeof *j);
    if (!j)
        return NULL;
    j->config = *config;
    for (unsigned i = 0; i < JUDGE_SETS; i++)
        number_set_init(&j->sets[i], config->page_limit);
    j->opener = opener_new();
    if (!j->opener || key_table_init(&j->keys) < 0) {
        judge_free(j);
        return NULL;
    }
    return j;
}

void judge_free(struct judge *j)
{
    if (!j)
        return;
    for (unsigned i = 0; i < JUDGE_SETS; i++)
        number_set_done(&j->sets[i]);
    key_table_done(&j->keys);
    opener_free(j->opener);
    free(j);
}

/* ---- violations ---- */

static struct violation *violation_add(struct judge *j, enum judge_check check)
{
    static struct violation nowhere;
    j->violations[check]++;
    return j->told_count[check] < JUDGE_TOLD ? &j->told[check][j->told_count[check]++] : &nowhere;
}

__attribute__((format(printf, 3, 4))) static void violate(const struct sight *s, enum judge_check check,
                                                          const char *format, ...)
{
    struct violation *v = violation_add(s->judge, check);
    va_list args;
    *v = (struct violation){.capture = (unsigned)(s->capture - s->judge->captures)};
    if (s->packet) {
        v->time = s->packet->time;
        v->packet = s->packet->number;
        v->direction = s->packet->direction;
    }
    if (s->seal) {
        v->spi = s->seal->spi;
        v->sequence = s->seal->sequence;
    }
    va_start(args, format);
    vsnprintf(v->text, sizeof v->text, format, args);
    va_end(args);
}

/* Whether the number was there already. A set that is full has judged less than it was asked to. */
static bool set_add(struct judge *j, enum judge_set set, uint32_t owner, uint64_t high, uint64_t low)
{
    int rc = number_set_add(&j->sets[set], owner, high, low);
    j->full |= rc < 0;
    return rc > 0;
}

int judge_keys(struct judge *j, const char *name, FILE *file)
{
    unsigned line;
    int rc = key_table_read(&j->keys, file, &line);
    if (rc < 0) {
        struct violation *v = violation_add(j, CHECK_READ);
        *v = (struct violation){.capture = JUDGE_CAPTURES};
        snprintf(v->text, sizeof v->text, "key table %.80s, line %u: %s", name, line,
                 rc == -EBADMSG ? "not a line of Wireshark's esp_sa" : strerror(-rc));
    }
    return rc;
}

/* ---- sequence numbers ---- */

/* An address as a number. Two of a run's IPv6 addresses would have to fall together by chance. */
static uint64_t address_number(const struct address *a, uint8_t protocol)
{
    uint64_t high = be64_load(a->bytes), low = be64_load(a->bytes + 8);
    return (high ^ (low << 23 | low >> 41)) + protocol;
}

static void sequence_check(const struct sight *s, const struct key_sa *sa)
{
    struct judge *j = s->judge;
    const struct seal *seal = s->seal;
    bool again = sa ? set_add(j, SET_SEQUENCES, sa->key, seal->spi, seal->sequence)
                    : set_add(j, SET_STRANGERS, seal->spi,
                              address_number(&s->facts->destination, seal->protocol), seal->sequence);
    char destination[ADDRESS_TEXT];
    j->counts.sequences++;
    if (again)
        violate(s, CHECK_SEQUENCE, "%s to %s: this number was sent before",
                seal->protocol == IP_PROTOCOL_AH ? "AH" : "ESP",
                address_print(&s->facts->destination, destination));
}

/* ---- IVs ---- */

static bool near(uint64_t a, uint64_t b)
{
    uint64_t d = a - b;
    return d <= IV_NEAR || -d <= IV_NEAR;
}

/* As one number, most or least significant byte first, the IV is near the last one. */
static bool iv_counts(const uint8_t *iv, const uint8_t *last, size_t len)
{
    uint64_t a = be64_load(iv), b = be64_load(last);
    if (len == 8)
        return near(a, b) || near(__builtin_bswap64(a), __builtin_bswap64(b));
    uint64_t c = be64_load(iv + 8), d = be64_load(last + 8);
    return (a == b && near(c, d)) || (c == d && near(__builtin_bswap64(a), __builtin_bswap64(b)));
}

static void iv_foretold_check(const struct sight *s, struct key_sa *sa, const uint8_t *iv, size_t len)
{
    size_t icv = packet_icv_len(&sa->algorithms);
    struct bytes esp = s->seal->esp;
    if (sa->has_last && memcmp(iv, sa->last_iv, len) != 0 && iv_counts(iv, sa->last_iv, len))
        violate(s, CHECK_IV, "the CBC IV counts on from the last one");
    else if (sa->has_last_block && memcmp(iv, sa->last_block, len) == 0)
        violate(s, CHECK_IV, "the CBC IV is the end of the last packet's cipher text");
    memcpy(sa->last_iv, iv, len);
    sa->has_last = true;
    sa->has_last_block = esp.len >= 8 + 2 * len + icv;
    if (sa->has_last_block)
        memcpy(sa->last_block, esp.data + esp.len - icv - len, len);
}

static void iv_check(const struct sight *s, struct key_sa *sa)
{
    size_t len = packet_iv_len(&sa->algorithms);
    char hex[2 * PACKET_IV_MAX + 1];
    if (len == 0 || s->seal->iv.len < len)
        return;
    const uint8_t *iv = s->seal->iv.data;
    uint64_t first = be64_load(iv);
    bool again = len == 8 ? set_add(s->judge, SET_IVS, sa->key, 0, first)
                          : set_add(s->judge, SET_IVS, sa->key, first, be64_load(iv + 8));
    s->judge->counts.ivs++;
    if (again)
        violate(s, CHECK_IV, "IV %s was sent under this key before", bytes_to_hex(bytes_of(iv, len), hex));
    if (!packet_encryption_aead(sa->algorithms.encryption))
        iv_foretold_check(s, sa, iv, len);
}

/* ---- what is inside ---- */

/* The SA that opens the packet, with its content; or, with `ret_inner` empty, the likeliest one, or NULL. */
static struct key_sa *open_seal(const struct sight *s, enum opened *ret_result, uint8_t *ret_next,
                                struct bytes *ret_inner)
{
    struct judge *j = s->judge;
    const struct address *to = &s->facts->destination;
    struct key_sa *first = key_table_find(&j->keys, s->seal->spi, to, NULL), *sa = first;
    *ret_result = OPENED_BAD_ICV;
    for (; sa && s->seal->esp.len; sa = key_table_find(&j->keys, s->seal->spi, to, sa)) {
        *ret_result = opener_open(j->opener, sa, s->seal->esp, ret_next, ret_inner);
        if (*ret_result == OPENED)
            return sa;
    }
    return first;
}

static void inner_check(struct judge *j, uint8_t next_header, struct bytes inner)
{
    struct probe_id id;
    if (!probe_find(next_header, inner, &id))
        return;
    if (set_add(j, SET_SEALED, id.flow, id.run, id.number))
        j->counts.inner_again++;
    else
        j->counts.inner_sealed++;
}

static void esp_check(struct sight *s)
{
    struct judge *j = s->judge;
    const struct seal *seal = s->seal;
    enum opened result;
    uint8_t next = 0;
    struct bytes inner = {0};
    struct key_sa *sa = open_seal(s, &result, &next, &inner);
    j->counts.esp++;
    if (!sa) {
        bool told = set_add(j, SET_UNREAD, 0, address_number(&s->facts->destination, 0), seal->spi);
        if (told)
            j->violations[CHECK_READ]++;
        else
            violate(s, CHECK_READ, "no key of this SPI");
    } else if (s->facts->fragment) {
        j->counts.fragments++;
    } else if (result != OPENED) {
        violate(s, CHECK_READ, result == OPENED_BAD_ICV ? "the ICV is wrong" : "the form is wrong");
    } else {
        j->counts.opened++;
        inner_check(j, next, inner);
    }
    sequence_check(s, sa);
    if (sa)
        iv_check(s, sa);
}

/* ---- the three roles ---- */

static void isakmp_check(const struct sight *s)
{
    const struct judge_config *c = &s->judge->config;
    char source[ADDRESS_TEXT], destination[ADDRESS_TEXT];
    for (unsigned i = 0; i < c->window_count; i++) {
        const struct judge_window *w = &c->windows[i];
        if (s->packet->time < w->from || s->packet->time >= w->until)
            continue;
        violate(s, CHECK_ISAKMP, "%.16s: %s > %s %s", w->name, address_print(&s->facts->source, source),
                address_print(&s->facts->destination, destination),
                s->facts->exchange ? isakmp_exchange_name(s->facts->exchange) : "");
    }
}

static void clear_check(const struct sight *s)
{
    char source[ADDRESS_TEXT], destination[ADDRESS_TEXT];
    const struct packet_facts *f = s->facts;
    if (f->clear != CLEAR_NOT)
        violate(s, CHECK_CLEAR, "%s > %s protocol %u, %s", address_print(&f->clear_source, source),
                address_print(&f->clear_destination, destination), f->clear_protocol,
                clear_kind_name(f->clear));
}

static void link_take(struct sight *s)
{
    struct judge *j = s->judge;
    if (s->facts->kind == FACTS_ISAKMP) {
        s->capture->isakmp++;
        j->counts.isakmp++;
        isakmp_check(s);
    } else if (s->facts->kind == FACTS_OTHER) {
        j->counts.unsealed++;
        clear_check(s);
    }
    if (s->packet->direction == CAPTURE_INBOUND)
        return;
    for (unsigned i = 0; i < s->facts->seal_count; i++) {
        s->seal = &s->facts->seals[i];
        if (s->seal->protocol == IP_PROTOCOL_ESP)
            esp_check(s);
        else
            sequence_check(s, NULL);
    }
    s->capture->ipsec_out += s->facts->seal_count > 0;
}

static void replay_take(struct sight *s)
{
    struct judge *j = s->judge;
    if (s->packet->direction == CAPTURE_INBOUND || s->facts->seal_count == 0)
        return;
    enum opened result;
    uint8_t next;
    struct bytes inner;
    struct probe_id id;
    s->seal = &s->facts->seals[0];
    struct key_sa *sa = s->seal->protocol == IP_PROTOCOL_ESP ? open_seal(s, &result, &next, &inner) : NULL;
    bool known =
        sa ? number_set_has(&j->sets[SET_SEQUENCES], sa->key, s->seal->spi, s->seal->sequence)
           : number_set_has(&j->sets[SET_STRANGERS], s->seal->spi,
                            address_number(&s->facts->destination, s->seal->protocol), s->seal->sequence);
    if (!known)
        return;
    j->counts.replays++;
    if (sa && result == OPENED && probe_find(next, inner, &id)) {
        j->counts.replays_of_numbers++;
        set_add(j, SET_REPLAYED, id.flow, id.run, id.number);
    }
}

static void inside_take(struct sight *s)
{
    struct judge *j = s->judge;
    struct probe_id id;
    uint8_t family = s->packet->ip.data[0] >> 4 == 4 ? IP_PROTOCOL_IPV4 : IP_PROTOCOL_IPV6;
    if (s->packet->direction == CAPTURE_INBOUND || !probe_find(family, s->packet->ip, &id))
        return;
    j->counts.delivered++;
    if (set_add(j, SET_DELIVERED, s->capture->group << 16 | id.flow, id.run, id.number))
        violate(s, CHECK_DELIVERED, "number %llu of flow %u was delivered before%s",
                (unsigned long long)id.number, id.flow,
                number_set_has(&j->sets[SET_REPLAYED], id.flow, id.run, id.number)
                    ? "; an attacker sent it again"
                    : "");
    if (!number_set_has(&j->sets[SET_SEALED], id.flow, id.run, id.number))
        violate(s, CHECK_DELIVERED, "number %llu of flow %u was on no link inside ESP",
                (unsigned long long)id.number, id.flow);
}

/* ---- captures ---- */

static void capture_take(struct judge *j, struct judge_capture *c, const struct captured *packet)
{
    static void (*const take[JUDGE_ROLES])(struct sight *) = {
        [JUDGE_LINK] = link_take, [JUDGE_REPLAYS] = replay_take, [JUDGE_INSIDE] = inside_take};
    struct packet_facts facts;
    struct sight s = {.judge = j, .capture = c, .packet = packet, .facts = &facts};
    c->packets++;
    c->in += packet->direction == CAPTURE_INBOUND;
    c->out += packet->direction != CAPTURE_INBOUND;
    c->cut += packet->cut;
    if (packet_facts_read(packet->ip, j->config.clear, j->config.clear_count, &facts))
        take[c->role](&s);
}

static void capture_judge(struct judge *j, struct judge_capture *c, struct capture_reader *r, int rc)
{
    struct captured packet;
    const struct sight whole = {.judge = j, .capture = c};
    while (rc >= 0 && (rc = capture_read_next(r, &packet)) > 0)
        capture_take(j, c, &packet);
    c->lost = r->lost;
    c->lost_told = r->lost_told;
    c->broken = rc < 0;
    if (rc < 0)
        violate(&whole, CHECK_CAPTURES, "broken: %s (block %llu)", r->error ? r->error : strerror(-rc),
                (unsigned long long)r->blocks);
    else if (!r->classic && !r->lost_told)
        violate(&whole, CHECK_CAPTURES, "not ended in order: nobody knows what is missing");
    if (c->lost)
        violate(&whole, CHECK_CAPTURES, "%llu packets were lost by the capture", (unsigned long long)c->lost);
    if (c->cut)
        violate(&whole, CHECK_CAPTURES, "%llu packets were kept in part only", (unsigned long long)c->cut);
}

void judge_capture(struct judge *j, enum judge_role role, unsigned group, const char *name, FILE *file)
{
    struct capture_reader r;
    assert(j->capture_count < JUDGE_CAPTURES && role < JUDGE_ROLES && group < JUDGE_GROUPS);
    assert(j->capture_count == 0 || j->captures[j->capture_count - 1].role <= role);
    struct judge_capture *c = &j->captures[j->capture_count++];
    *c = (struct judge_capture){.role = role, .group = group};
    snprintf(c->name, sizeof c->name, "%s", name);
    j->has_replays |= role == JUDGE_REPLAYS;
    j->has_inside |= role == JUDGE_INSIDE;
    if (!file) {
        c->broken = true;
        violate(&(struct sight){.judge = j, .capture = c}, CHECK_CAPTURES, "cannot be read");
        return;
    }
    int rc = capture_reader_init(&r, file);
    capture_judge(j, c, &r, rc);
    capture_reader_done(&r);
}

__attribute__((format(printf, 3, 4))) static void violate_all(struct judge *j, enum judge_check check,
                                                              const char *format, ...)
{
    struct violation *v = violation_add(j, check);
    va_list args;
    *v = (struct violation){.capture = JUDGE_CAPTURES};
    va_start(args, format);
    vsnprintf(v->text, sizeof v->text, format, args);
    va_end(args);
}

void judge_finish(struct judge *j)
{
    uint64_t sent = 0, least = MAX(j->config.least_sent, UINT64_C(1)),
             least_delivered = MAX(j->config.least_delivered, UINT64_C(1));
    assert(!j->finished);
    j->finished = true;
    for (unsigned i = 0; i < j->capture_count; i++)
        sent += j->captures[i].ipsec_out;
    if (sent < least)
        violate_all(j, CHECK_CAPTURES, "only %llu IPsec packets were sent, %llu were expected",
                    (unsigned long long)sent, (unsigned long long)least);
    if (j->has_inside && j->counts.delivered < least_delivered)
        violate_all(j, CHECK_CAPTURES, "only %llu numbered packets were delivered, %llu were expected",
                    (unsigned long long)j->counts.delivered, (unsigned long long)least_delivered);
    if (j->has_replays && j->counts.replays == 0)
        violate_all(j, CHECK_CAPTURES, "no packet was replayed");
    if (j->full)
        violate_all(j, CHECK_CAPTURES, "more than the judge can remember");
    if (j->keys.refused)
        violate_all(j, CHECK_READ, "%u keys of algorithms that are not known here", j->keys.refused);
}
