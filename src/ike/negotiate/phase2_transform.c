/* SPDX-License-Identifier: Apache-2.0 */
/* Transform sets against proposals. Proposals with equal numbers in a row belong together (AND), different
 * numbers are alternatives (OR). Attributes are compared decoded; a transform with an attribute that we do
 * not know is passed over. Lifetimes never refuse anything: the shorter ones count, and the peer is told by
 * RESPONDER-LIFETIME. */
#include "ike/negotiate/phase2_transform.h"

#include "base/be.h"

#include <stdio.h>

enum { LIFETIME_DEFAULT = 28800 }; /* RFC 2407 §4.5: when nothing is said */

static const struct {
    uint8_t id, encryption;
} esp_ids[] = {
    {ISAKMP_ESP_NULL, PACKET_ENCRYPTION_NULL},
    {ISAKMP_ESP_DES, PACKET_ENCRYPTION_DES},
    {ISAKMP_ESP_3DES, PACKET_ENCRYPTION_3DES},
    {ISAKMP_ESP_AES, PACKET_ENCRYPTION_AES_CBC},
    {ISAKMP_ESP_AES_GCM_16, PACKET_ENCRYPTION_AES_GCM16},
    {ISAKMP_ESP_AES_GCM_12, PACKET_ENCRYPTION_AES_GCM12},
    {ISAKMP_ESP_AES_GCM_8, PACKET_ENCRYPTION_AES_GCM8},
};

/* ESP's authentication attribute and AH's transform id number the same algorithms differently. */
static const struct {
    uint8_t integrity, attribute, ah_id;
} integrities[] = {
    {PACKET_INTEGRITY_MD5_96, ISAKMP_IPSEC_AUTH_HMAC_MD5, ISAKMP_AH_MD5},
    {PACKET_INTEGRITY_SHA1_96, ISAKMP_IPSEC_AUTH_HMAC_SHA1, ISAKMP_AH_SHA1},
    {PACKET_INTEGRITY_SHA256_128, ISAKMP_IPSEC_AUTH_HMAC_SHA2_256, ISAKMP_AH_SHA2_256},
    {PACKET_INTEGRITY_SHA384_192, ISAKMP_IPSEC_AUTH_HMAC_SHA2_384, ISAKMP_AH_SHA2_384},
    {PACKET_INTEGRITY_SHA512_256, ISAKMP_IPSEC_AUTH_HMAC_SHA2_512, ISAKMP_AH_SHA2_512},
};

static int esp_id(uint8_t encryption)
{
    for (size_t i = 0; i < ARRAY_SIZE(esp_ids); i++)
        if (esp_ids[i].encryption == encryption)
            return esp_ids[i].id;
    return -1; /* ChaCha20-Poly1305 has no number in IKEv1 */
}

static int integrity_index(uint8_t integrity)
{
    for (size_t i = 0; i < ARRAY_SIZE(integrities); i++)
        if (integrities[i].integrity == integrity)
            return (int)i;
    return -1;
}

static bool set_usable(const struct ike_transform_set *set)
{
    if (!set->has_esp && !set->has_ah)
        return false;
    if (set->has_esp && (!packet_algorithms_valid(&set->esp) || esp_id(set->esp.encryption) < 0))
        return false;
    return !set->has_ah || integrity_index(set->ah_integrity) >= 0;
}

static bool prefix_is_host(const struct prefix *p, const struct address *a)
{
    return p->length == address_bits(&p->address) && address_equal(&p->address, a);
}

bool encapsulation_transport_possible(const struct ike_sa *sa, const struct selector *s)
{
    return !sa->nat_local && !sa->nat_remote && prefix_is_host(&s->local, &sa->local.address) &&
           prefix_is_host(&s->remote, &sa->remote.address);
}

static bool nat_between(const struct ike_sa *sa)
{
    return sa->nat_local || sa->nat_remote;
}

static uint16_t encapsulation_number(const struct ike_sa *sa, bool transport, bool udp)
{
    if (!udp)
        return transport ? ISAKMP_ENCAPSULATION_TRANSPORT : ISAKMP_ENCAPSULATION_TUNNEL;
    if (sa->natt_draft)
        return transport ? ISAKMP_ENCAPSULATION_UDP_TRANSPORT_DRAFT : ISAKMP_ENCAPSULATION_UDP_TUNNEL_DRAFT;
    return transport ? ISAKMP_ENCAPSULATION_UDP_TRANSPORT : ISAKMP_ENCAPSULATION_UDP_TUNNEL;
}

/* ---- offering ---- */

static bool variable_key(uint8_t encryption)
{
    return encryption == PACKET_ENCRYPTION_AES_CBC || encryption == PACKET_ENCRYPTION_AES_GCM16 ||
           encryption == PACKET_ENCRYPTION_AES_GCM12 || encryption == PACKET_ENCRYPTION_AES_GCM8;
}

static void write_attributes(struct isakmp_writer *w, const struct ike_connection *config, uint16_t mode,
                             uint8_t integrity, uint16_t key_bits)
{
    isakmp_write_basic(w, ISAKMP_IPSEC_ENCAPSULATION, mode);
    isakmp_write_basic(w, ISAKMP_IPSEC_LIFE_TYPE, ISAKMP_LIFE_SECONDS);
    isakmp_write_number(w, ISAKMP_IPSEC_LIFE_DURATION, config->lifetime_seconds);
    if (config->lifetime_kilobytes) {
        be32 kilobytes = be32_of(config->lifetime_kilobytes);
        isakmp_write_basic(w, ISAKMP_IPSEC_LIFE_TYPE, ISAKMP_LIFE_KILOBYTES);
        isakmp_write_variable(w, ISAKMP_IPSEC_LIFE_DURATION, bytes_of(&kilobytes, 4));
    }
    int i = integrity_index(integrity);
    if (i >= 0)
        isakmp_write_basic(w, ISAKMP_IPSEC_AUTHENTICATION, integrities[i].attribute);
    if (key_bits)
        isakmp_write_basic(w, ISAKMP_IPSEC_KEY_LENGTH, key_bits);
    if (config->pfs_group)
        isakmp_write_basic(w, ISAKMP_IPSEC_GROUP, config->pfs_group);
}

unsigned phase2_write_offer(const struct ike_connection *config, const struct ike_sa *sa,
                            const struct selector *s, const uint32_t spi_esp, const uint32_t spi_ah,
                            struct isakmp_writer *w)
{
    unsigned count = 0;
    be32 esp = be32_of(spi_esp), ah = be32_of(spi_ah);
    bool host = encapsulation_transport_possible(sa, s);
    isakmp_begin_sa(w);
    for (uint32_t i = 0; i < config->transform_set_count; i++) {
        const struct ike_transform_set *set = config->transform_sets[i];
        if (!set_usable(set))
            continue;
        uint8_t number = (uint8_t)++count;
        uint16_t mode = encapsulation_number(sa, set->transport && host, nat_between(sa));
        if (set->has_ah) {
            isakmp_begin_proposal(w, number, ISAKMP_PROTOCOL_AH, bytes_of(&ah, 4));
            isakmp_begin_transform(w, 1, integrities[integrity_index(set->ah_integrity)].ah_id);
            write_attributes(w, config, mode, set->ah_integrity, 0);
            isakmp_end_transform(w);
            isakmp_end_proposal(w);
        }
        if (set->has_esp) {
            uint16_t bits = variable_key(set->esp.encryption) ? (uint16_t)(set->esp.key_bytes * 8) : 0;
            isakmp_begin_proposal(w, number, ISAKMP_PROTOCOL_ESP, bytes_of(&esp, 4));
            isakmp_begin_transform(w, 1, (uint8_t)esp_id(set->esp.encryption));
            write_attributes(w, config, mode, set->esp.integrity, bits);
            isakmp_end_transform(w);
            isakmp_end_proposal(w);
        }
    }
    isakmp_end_payload(w);
    return count;
}

/* ---- reading ---- */

struct offered {
    struct packet_algorithms algorithms;
    uint64_t mode, group;
    uint32_t seconds, kilobytes;
    bool esn, usable, has_seconds;
};

static void read_life(struct offered *o, uint64_t type, const struct isakmp_attribute *a)
{
    uint32_t v = (uint32_t)MIN(a->has_value ? a->value : UINT32_MAX, (uint64_t)UINT32_MAX);
    if (type == ISAKMP_LIFE_SECONDS) {
        o->seconds = v;
        o->has_seconds = true;
    } else if (type == ISAKMP_LIFE_KILOBYTES) {
        o->kilobytes = v;
    } else {
        o->usable = false;
    }
}

static uint8_t integrity_of_attribute(uint64_t v)
{
    for (size_t i = 0; i < ARRAY_SIZE(integrities); i++)
        if (integrities[i].attribute == v)
            return integrities[i].integrity;
    return UINT8_MAX;
}

static void offered_attribute(struct offered *o, const struct isakmp_attribute *a, uint64_t *life_type,
                              uint64_t *key_bits)
{
    uint64_t v = a->has_value ? a->value : UINT64_MAX;
    switch (a->type) {
    case ISAKMP_IPSEC_LIFE_TYPE:
        *life_type = v;
        break;
    case ISAKMP_IPSEC_LIFE_DURATION:
        read_life(o, *life_type, a);
        break;
    case ISAKMP_IPSEC_GROUP:
        o->group = v;
        break;
    case ISAKMP_IPSEC_ENCAPSULATION:
        o->mode = v;
        break;
    case ISAKMP_IPSEC_AUTHENTICATION:
        o->algorithms.integrity = integrity_of_attribute(v);
        break;
    case ISAKMP_IPSEC_KEY_LENGTH:
        *key_bits = v;
        break;
    case ISAKMP_IPSEC_EXTENDED_SEQUENCE:
        o->esn = v == 1;
        o->usable = o->usable && v <= 1;
        break;
    case ISAKMP_IPSEC_ECN_TUNNEL:
        break;
    default:
        o->usable = false;
    }
}

static void finish_esp(struct offered *o, uint8_t id, uint64_t key_bits)
{
    uint8_t e = UINT8_MAX;
    for (size_t i = 0; i < ARRAY_SIZE(esp_ids); i++)
        if (esp_ids[i].id == id)
            e = esp_ids[i].encryption;
    o->usable = o->usable && e != UINT8_MAX && key_bits <= 256 && key_bits % 8 == 0;
    o->algorithms.encryption = e;
    o->algorithms.key_bytes = e == PACKET_ENCRYPTION_DES    ? 8
                              : e == PACKET_ENCRYPTION_3DES ? 24
                              : variable_key(e)             ? (uint8_t)((key_bits ? key_bits : 128) / 8)
                                                            : 0;
}

static struct offered offered_read(uint8_t protocol, const struct isakmp_transform *t)
{
    struct offered o = {.usable = true};
    struct reader r = reader_of(t->attributes);
    struct isakmp_attribute a;
    uint64_t life_type = 0, key_bits = 0;
    while (isakmp_attribute_next(&r, &a))
        offered_attribute(&o, &a, &life_type, &key_bits);
    o.usable = o.usable && !r.failed;
    if (protocol == ISAKMP_PROTOCOL_ESP) {
        finish_esp(&o, t->id, key_bits);
    } else {
        /* RFC 2407 §4.4.3: AH names its algorithm twice, and both must agree. */
        int i = integrity_index(o.algorithms.integrity);
        o.usable = o.usable && i >= 0 && integrities[i].ah_id == t->id;
        o.algorithms.encryption = PACKET_ENCRYPTION_NULL;
    }
    o.usable = o.usable && packet_algorithms_valid(&o.algorithms);
    return o;
}

/* ---- choosing ---- */

/* Strength order of groups, to hold a peer to `set pfs`. */
static unsigned group_strength(unsigned group)
{
    static const uint8_t order[] = {DH_MODP_768, DH_MODP_1024,  DH_MODP_1536, DH_MODP_2048, DH_MODP_3072,
                                    DH_ECP_256,  DH_CURVE25519, DH_MODP_4096, DH_ECP_384,   DH_ECP_521};
    for (unsigned i = 0; i < ARRAY_SIZE(order); i++)
        if (order[i] == group)
            return i + 1;
    return 0;
}

struct match {
    const struct ike_connection *config;
    const struct ike_sa *sa;
    const struct isakmp_sa *payload;
    bool host;
    bool exact_group; /* as initiator: the group must be the one we offered */
};

static bool group_fits(const struct match *m, uint64_t group)
{
    if (m->exact_group)
        return group == m->config->pfs_group;
    if (group == 0)
        return m->config->pfs_group == 0;
    return dh_group_known((unsigned)MIN(group, (uint64_t)UINT16_MAX)) &&
           group_strength((unsigned)group) >= group_strength(m->config->pfs_group);
}

static bool transform_fits(const struct match *m, const struct ike_transform_set *set, uint8_t protocol,
                           const struct offered *o, bool *ret_udp)
{
    struct packet_algorithms own = set->esp;
    if (protocol == ISAKMP_PROTOCOL_AH)
        own =
            (struct packet_algorithms){.encryption = PACKET_ENCRYPTION_NULL, .integrity = set->ah_integrity};
    bool transport = set->transport && m->host;
    uint64_t mode = o->mode;
    /* Some peers leave the mode out: tunnel then (RFC 2407 §4.5 leaves it open). */
    if (mode == 0)
        mode = encapsulation_number(m->sa, false, nat_between(m->sa));
    bool plain = mode == encapsulation_number(m->sa, transport, false) && !nat_between(m->sa);
    /* A responder on port 4500 can carry UDP even where it saw no NAT itself. */
    bool may_udp = nat_between(m->sa) || (m->sa->nat_port && !m->exact_group);
    *ret_udp = mode == encapsulation_number(m->sa, transport, true) && may_udp;
    return o->usable && packet_algorithms_equal(&own, &o->algorithms) && (plain || *ret_udp) &&
           group_fits(m, o->group);
}

static bool spi_usable(struct bytes spi)
{
    return spi.len == 4 && be32_load(spi.data) != 0;
}

/* One proposal against one protocol of a set; the PFS group must agree over a bundle. */
static bool proposal_fits(const struct match *m, const struct ike_transform_set *set, unsigned index,
                          struct phase2_choice *c)
{
    const struct isakmp_proposal *p = &m->payload->proposals[index];
    bool esp = p->protocol == ISAKMP_PROTOCOL_ESP;
    if (!spi_usable(p->spi))
        return false;
    for (unsigned t = 0; t < p->transform_count; t++) {
        struct offered o = offered_read(p->protocol, &m->payload->transforms[p->first_transform + t]);
        bool udp;
        if (!transform_fits(m, set, p->protocol, &o, &udp) ||
            (c->count && (c->group != o.group || c->udp != udp)))
            continue;
        struct transform *out = &c->transforms[c->count];
        *out = (struct transform){
            .protocol = esp ? 50 : 51, .algorithms = o.algorithms, .spi_out = be32_load(p->spi.data)};
        c->proposal[c->count] = (uint8_t)index;
        c->transform[c->count] = (uint8_t)(p->first_transform + t);
        c->group = (uint8_t)o.group;
        c->esn = o.esn;
        c->udp = udp;
        uint32_t seconds = o.has_seconds && o.seconds ? o.seconds : LIFETIME_DEFAULT;
        uint32_t own_kb = m->config->lifetime_kilobytes;
        c->lifetime_seconds = MIN(seconds, m->config->lifetime_seconds);
        c->lifetime_kilobytes = o.kilobytes && own_kb ? MIN(o.kilobytes, own_kb) : MAX(o.kilobytes, own_kb);
        c->shortened = c->lifetime_seconds < seconds || (o.kilobytes && c->lifetime_kilobytes < o.kilobytes);
        c->count++;
        return true;
    }
    return false;
}

/* The proposals first..last belong together: do they give exactly what the set asks for? */
static bool combination_fits(const struct match *m, const struct ike_transform_set *set, unsigned first,
                             unsigned end, struct phase2_choice *c)
{
    static const uint8_t protocols[] = {ISAKMP_PROTOCOL_ESP, ISAKMP_PROTOCOL_AH};
    memset(c, 0, sizeof(*c));
    if (end - first != (unsigned)set->has_esp + set->has_ah)
        return false;
    for (size_t n = 0; n < ARRAY_SIZE(protocols); n++) {
        bool wanted = n == 0 ? set->has_esp : set->has_ah, found = false;
        for (unsigned i = first; i < end && wanted && !found; i++)
            found = m->payload->proposals[i].protocol == protocols[n] && proposal_fits(m, set, i, c);
        if (wanted && !found)
            return false;
    }
    c->set = set;
    c->tunnel = !(set->transport && m->host);
    return true;
}

static bool choose(const struct match *m, struct phase2_choice *ret)
{
    struct phase2_choice c;
    for (uint32_t s = 0; s < m->config->transform_set_count; s++) {
        const struct ike_transform_set *set = m->config->transform_sets[s];
        for (unsigned first = 0, end; set_usable(set) && first < m->payload->proposal_count; first = end) {
            end = first + 1;
            while (end < m->payload->proposal_count &&
                   m->payload->proposals[end].number == m->payload->proposals[first].number)
                end++;
            if (combination_fits(m, set, first, end, &c)) {
                *ret = c;
                return true;
            }
        }
    }
    return false;
}

bool phase2_choose(const struct ike_connection *config, const struct ike_sa *sa, const struct selector *s,
                   const struct isakmp_sa *offer, struct phase2_choice *ret)
{
    struct match m = {config, sa, offer, encapsulation_transport_possible(sa, s), false};
    return choose(&m, ret);
}

bool phase2_check_choice(const struct ike_connection *config, const struct ike_sa *sa,
                         const struct selector *s, const struct isakmp_sa *answer, struct phase2_choice *ret)
{
    struct match m = {config, sa, answer, encapsulation_transport_possible(sa, s), true};
    for (unsigned i = 0; i < answer->proposal_count; i++)
        if (answer->proposals[i].transform_count != 1 ||
            answer->proposals[i].number != answer->proposals[0].number)
            return false;
    return answer->proposal_count > 0 && choose(&m, ret);
}

void phase2_write_choice(struct isakmp_writer *w, const struct isakmp_sa *offer,
                         const struct phase2_choice *c)
{
    isakmp_begin_sa(w);
    unsigned done = 0;
    for (unsigned p = 0; p < offer->proposal_count && done < c->count; p++)
        for (unsigned i = 0; i < c->count; i++) {
            if (c->proposal[i] != p)
                continue;
            const struct isakmp_transform *t = &offer->transforms[c->transform[i]];
            be32 spi = be32_of(c->transforms[i].spi_in);
            struct reader r = reader_of(t->attributes);
            struct isakmp_attribute a;
            isakmp_begin_proposal(w, offer->proposals[p].number, offer->proposals[p].protocol,
                                  bytes_of(&spi, 4));
            isakmp_begin_transform(w, t->number, t->id);
            while (isakmp_attribute_next(&r, &a))
                isakmp_write_attribute(w, &a);
            isakmp_end_transform(w);
            isakmp_end_proposal(w);
            done++;
        }
    isakmp_end_payload(w);
}

/* In the words of a transform set where we have them, else in those of the DOI. */
static size_t explain_offered(char *out, size_t size, const struct isakmp_proposal *p,
                              const struct isakmp_transform *t)
{
    char algorithms[PACKET_ALGORITHMS_TEXT];
    struct offered o = offered_read(p->protocol, t);
    bool esp = p->protocol == ISAKMP_PROTOCOL_ESP;
    int n;
    if (!o.usable)
        n = snprintf(out, size, " %s",
                     esp ? isakmp_esp_transform_name(t->id) : isakmp_ah_transform_name(t->id));
    else
        n = snprintf(out, size, " %s",
                     esp ? packet_algorithms_print(&o.algorithms, algorithms)
                         : packet_integrity_name(o.algorithms.integrity, true));
    if (n > 0 && o.group && (size_t)n < size)
        n += snprintf(out + n, size - (size_t)n, " with pfs group%u", (unsigned)o.group);
    return n > 0 ? (size_t)n : 0;
}

void phase2_explain(const struct ike_connection *config, const struct isakmp_sa *offer, char *out,
                    size_t size)
{
    size_t at = (size_t)snprintf(out, size, "offered");
    for (unsigned i = 0; i < offer->proposal_count && i < 4 && at < size; i++) {
        const struct isakmp_proposal *p = &offer->proposals[i];
        if (p->transform_count)
            at += explain_offered(out + at, size - at, p, &offer->transforms[p->first_transform]);
    }
    for (uint32_t i = 0; i < config->transform_set_count && at < size; i++) {
        char algorithms[PACKET_ALGORITHMS_TEXT] = "";
        const struct ike_transform_set *set = config->transform_sets[i];
        if (set->has_esp)
            packet_algorithms_print(&set->esp, algorithms);
        int n =
            snprintf(out + at, size - at, "%s %s (%s%s%s%s)", i ? "," : "; we have", set->name,
                     set->has_ah ? packet_integrity_name(set->ah_integrity, true) : "",
                     set->has_ah && set->has_esp ? " " : "", algorithms, set->transport ? " transport" : "");
        at += n > 0 ? (size_t)n : 0;
    }
    if (config->pfs_group && at < size)
        (void)snprintf(out + at, size - at, " with pfs group%u", config->pfs_group);
}
