/* SPDX-License-Identifier: Apache-2.0 */
/* Phase-1 policies against transforms. Attributes are compared by their decoded values, since a peer may
 * re-encode them (RFC 2409 appendix A); what a transform carries and we do not know makes that transform
 * unusable, not the message. A lifetime never refuses anything: the shorter one counts. */
#include "ike/negotiate/phase1_policy.h"

#include <stdio.h>

static const uint8_t encryption_numbers[] = {[CBC_DES] = ISAKMP_ENCRYPTION_DES,
                                             [CBC_3DES] = ISAKMP_ENCRYPTION_3DES,
                                             [CBC_AES] = ISAKMP_ENCRYPTION_AES};
static const uint8_t hash_numbers[] = {
    [HASH_MD5] = ISAKMP_HASH_MD5,         [HASH_SHA1] = ISAKMP_HASH_SHA1,
    [HASH_SHA256] = ISAKMP_HASH_SHA2_256, [HASH_SHA384] = ISAKMP_HASH_SHA2_384,
    [HASH_SHA512] = ISAKMP_HASH_SHA2_512,
};

bool policy_usable(const struct ike_policy *p)
{
    bool aes = p->encryption == CBC_AES;
    bool bits = aes ? cbc_key_size_valid(CBC_AES, p->key_bits / 8) && p->key_bits % 8 == 0 : p->key_bits == 0;
    return p->encryption > CBC_NONE && p->encryption <= CBC_AES && p->hash > HASH_NONE &&
           p->hash <= HASH_SHA512 && dh_group_known(p->group) && p->authentication == IKE_AUTH_PRESHARED &&
           bits;
}

static void write_transform(struct isakmp_writer *w, uint8_t number, const struct ike_policy *p)
{
    isakmp_begin_transform(w, number, ISAKMP_TRANSFORM_KEY_IKE);
    isakmp_write_basic(w, ISAKMP_IKE_ENCRYPTION, encryption_numbers[p->encryption]);
    if (p->key_bits)
        isakmp_write_basic(w, ISAKMP_IKE_KEY_LENGTH, p->key_bits);
    isakmp_write_basic(w, ISAKMP_IKE_HASH, hash_numbers[p->hash]);
    isakmp_write_basic(w, ISAKMP_IKE_GROUP, p->group);
    isakmp_write_basic(w, ISAKMP_IKE_AUTHENTICATION, p->authentication);
    isakmp_write_basic(w, ISAKMP_IKE_LIFE_TYPE, ISAKMP_LIFE_SECONDS);
    isakmp_write_number(w, ISAKMP_IKE_LIFE_DURATION, p->lifetime_seconds);
    isakmp_end_transform(w);
}

unsigned policy_write_offer(const struct ike_config *config, struct isakmp_writer *w, uint8_t group)
{
    unsigned count = 0;
    isakmp_begin_sa(w);
    isakmp_begin_proposal(w, 1, ISAKMP_PROTOCOL_ISAKMP, (struct bytes){0});
    for (uint32_t i = 0; i < config->policy_count && count < IKE_PROPOSED_POLICIES_MAX; i++) {
        const struct ike_policy *p = &config->policies[i];
        if (policy_usable(p) && (!group || p->group == group))
            write_transform(w, (uint8_t)++count, p);
    }
    isakmp_end_proposal(w);
    isakmp_end_payload(w);
    return count;
}

/* What a transform says, as a policy; numbers that we do not know stay 0. False: it has something we cannot
 * do. */
static bool transform_read(const struct isakmp_transform *t, struct ike_policy *ret)
{
    struct ike_policy p = {0};
    struct reader r = reader_of(t->attributes);
    struct isakmp_attribute a;
    uint64_t life_type = 0;
    bool known = t->id == ISAKMP_TRANSFORM_KEY_IKE;
    while (isakmp_attribute_next(&r, &a)) {
        uint64_t v = a.has_value ? a.value : UINT64_MAX;
        switch (a.type) {
        case ISAKMP_IKE_ENCRYPTION:
            p.encryption = v == ISAKMP_ENCRYPTION_DES    ? CBC_DES
                           : v == ISAKMP_ENCRYPTION_3DES ? CBC_3DES
                           : v == ISAKMP_ENCRYPTION_AES  ? CBC_AES
                                                         : CBC_NONE;
            break;
        case ISAKMP_IKE_HASH:
            for (uint8_t h = HASH_MD5; h <= HASH_SHA512; h++)
                if (hash_numbers[h] == v)
                    p.hash = h;
            break;
        case ISAKMP_IKE_AUTHENTICATION:
            p.authentication = v == IKE_AUTH_PRESHARED || v == IKE_AUTH_RSA_SIGNATURE ? (uint8_t)v : 0;
            break;
        case ISAKMP_IKE_GROUP:
            p.group = v <= UINT8_MAX ? (uint8_t)v : 0;
            break;
        case ISAKMP_IKE_KEY_LENGTH:
            p.key_bits = v <= UINT16_MAX ? (uint16_t)v : UINT16_MAX;
            break;
        case ISAKMP_IKE_LIFE_TYPE:
            life_type = v;
            break;
        case ISAKMP_IKE_LIFE_DURATION:
            if (life_type == ISAKMP_LIFE_SECONDS)
                p.lifetime_seconds = (uint32_t)MIN(v, (uint64_t)UINT32_MAX);
            break;
        default:
            known = false;
        }
    }
    /* Some peers send the key length of a 128-bit AES key only when it differs: none means 128 (RFC 3602
     * §5.1). */
    if (p.encryption == CBC_AES && p.key_bits == 0)
        p.key_bits = 128;
    *ret = p;
    return known && !r.failed;
}

static bool same_suite(const struct ike_policy *a, const struct ike_policy *b)
{
    return a->encryption == b->encryption && a->key_bits == b->key_bits && a->hash == b->hash &&
           a->group == b->group && a->authentication == b->authentication;
}

static size_t suite_print(const struct ike_policy *p, char *out, size_t size)
{
    char bits[8] = "";
    if (p->key_bits)
        snprintf(bits, sizeof(bits), "-%u", p->key_bits);
    int n = snprintf(out, size, "%s%s/%s/group %u/%s", p->encryption ? cbc_name(p->encryption) : "?", bits,
                     p->hash ? hash_name(p->hash) : "?", p->group,
                     p->authentication == IKE_AUTH_PRESHARED       ? "pre-share"
                     : p->authentication == IKE_AUTH_RSA_SIGNATURE ? "rsa-sig"
                                                                   : "?");
    return n > 0 ? MIN((size_t)n, size ? size - 1 : 0) : 0;
}

static void explain(const struct ike_config *config, const struct isakmp_sa *offer, char *why, size_t size)
{
    size_t at = (size_t)snprintf(why, size, "offered");
    for (unsigned i = 0; i < offer->transform_count && i < 3 && at + 2 < size; i++) {
        struct ike_policy p;
        (void)transform_read(&offer->transforms[i], &p);
        why[at++] = ' ';
        at += suite_print(&p, why + at, size - at);
    }
    at += (size_t)snprintf(why + at, size - at, "%s; we have", offer->transform_count > 3 ? " ..." : "");
    for (unsigned i = 0; i < config->policy_count && i < 3 && at + 2 < size; i++) {
        why[at++] = ' ';
        at += suite_print(&config->policies[i], why + at, size - at);
    }
    if (config->policy_count == 0 && at < size)
        snprintf(why + at, size - at, " no policy");
}

bool policy_choose(const struct ike_config *config, const struct isakmp_sa *offer, struct ike_policy *ret,
                   uint8_t *ret_proposal, uint8_t *ret_transform, char *why, size_t size)
{
    for (uint32_t i = 0; i < config->policy_count; i++) {
        const struct ike_policy *own = &config->policies[i];
        for (unsigned n = 0; policy_usable(own) && n < offer->proposal_count; n++) {
            const struct isakmp_proposal *proposal = &offer->proposals[n];
            if (proposal->protocol != ISAKMP_PROTOCOL_ISAKMP)
                continue;
            for (unsigned t = 0; t < proposal->transform_count; t++) {
                struct ike_policy theirs;
                unsigned index = proposal->first_transform + t;
                if (!transform_read(&offer->transforms[index], &theirs) || !same_suite(own, &theirs))
                    continue;
                *ret = *own;
                if (theirs.lifetime_seconds)
                    ret->lifetime_seconds = MIN(own->lifetime_seconds, theirs.lifetime_seconds);
                *ret_proposal = (uint8_t)n;
                *ret_transform = (uint8_t)index;
                return true;
            }
        }
    }
    explain(config, offer, why, size);
    return false;
}

void policy_write_choice(struct isakmp_writer *w, const struct isakmp_sa *offer, uint8_t proposal,
                         uint8_t transform)
{
    const struct isakmp_transform *t = &offer->transforms[transform];
    struct reader r = reader_of(t->attributes);
    struct isakmp_attribute a;
    isakmp_begin_sa(w);
    isakmp_begin_proposal(w, offer->proposals[proposal].number, ISAKMP_PROTOCOL_ISAKMP, (struct bytes){0});
    isakmp_begin_transform(w, t->number, t->id);
    while (isakmp_attribute_next(&r, &a))
        isakmp_write_attribute(w, &a);
    isakmp_end_transform(w);
    isakmp_end_proposal(w);
    isakmp_end_payload(w);
}

bool policy_check_choice(const struct ike_config *config, const struct isakmp_sa *choice,
                         struct ike_policy *ret)
{
    struct ike_policy theirs;
    if (choice->proposal_count != 1 || choice->transform_count != 1 ||
        choice->proposals[0].protocol != ISAKMP_PROTOCOL_ISAKMP ||
        !transform_read(&choice->transforms[0], &theirs))
        return false;
    for (uint32_t i = 0; i < config->policy_count; i++) {
        const struct ike_policy *own = &config->policies[i];
        if (!policy_usable(own) || !same_suite(own, &theirs))
            continue;
        *ret = *own;
        if (theirs.lifetime_seconds)
            ret->lifetime_seconds = MIN(own->lifetime_seconds, theirs.lifetime_seconds);
        return true;
    }
    return false;
}
