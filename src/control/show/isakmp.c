/* SPDX-License-Identifier: Apache-2.0 */
/* `show crypto isakmp sa [detail]` and `show crypto isakmp policy`. `dst` is the responder, `src` the
 * initiator. */
#include "control/show/collect.h"

static const char *authentication_word(uint8_t authentication)
{
    return authentication == IKE_AUTH_PRESHARED ? "psk" : "rsig";
}

static void policy_facts(struct show *s, json_t *o, const struct ike_policy *p)
{
    fact_text(s, o, "encryption", cbc_name(p->encryption));
    fact_number(s, o, "key_bits",
                p->encryption == CBC_DES    ? 56
                : p->encryption == CBC_3DES ? 168
                                            : p->key_bits);
    fact_text(s, o, "hash", hash_name(p->hash));
    fact_text(s, o, "authentication", authentication_word(p->authentication));
    fact_number(s, o, "group", p->group);
    fact_number(s, o, "group_bits", dh_group_bits(p->group));
    fact_number(s, o, "lifetime_seconds", p->lifetime_seconds);
}

static json_t *sa_facts(struct show *s, const struct show_collection *c, const struct ike_sa_view *v)
{
    const struct show_connection *connection = collection_connection(c, v->connection);
    json_t *o = json_object();
    char cookie[17], marks[CAPABILITIES_TEXT];

    sa_capabilities(v, marks);
    fact_number(s, o, "family", v->remote.address.family);
    fact_address(s, o, "destination", v->initiator ? &v->remote.address : &v->local.address);
    fact_address(s, o, "source", v->initiator ? &v->local.address : &v->remote.address);
    fact_text(s, o, "state", ike_state_name(v->state));
    fact_number(s, o, "connection_id", v->number);
    fact_text(s, o, "status", v->standby ? "STDBY" : v->deleted ? "ACTIVE (deleted)" : "ACTIVE");
    fact_text(s, o, "role", v->initiator ? "initiator" : "responder");
    fact_address(s, o, "local", &v->local.address);
    fact_number(s, o, "local_port", v->local.port);
    fact_address(s, o, "remote", &v->remote.address);
    fact_number(s, o, "remote_port", v->remote.port);
    fact_text(s, o, "remote_identity", v->remote_identity[0] ? v->remote_identity : NULL);
    fact_text(s, o, "interface", connection ? connection->scope->interface->name : NULL);
    fact_text(s, o, "crypto_map", connection ? connection->scope->map->name : NULL);
    fact_text(s, o, "initiator_cookie", bytes_to_hex(bytes_of(v->cookie_initiator, 8), cookie));
    fact_text(s, o, "responder_cookie", bytes_to_hex(bytes_of(v->cookie_responder, 8), cookie));
    if (v->state != IKE_MM_NO_STATE && v->state != IKE_AG_NO_STATE)
        policy_facts(s, o, &v->policy);
    if (v->established) {
        fact_number(s, o, "uptime_seconds", seconds_since(s, v->established));
        fact_number(s, o, "remaining_seconds", seconds_until(s, v->expires));
    }
    fact_text(s, o, "capabilities", marks);
    fact_number(s, o, "ipsec_sas", 2 * (uint64_t)v->pairs);
    fact_number(s, o, "dpd_sent", v->dpd_sent);
    fact_number(s, o, "dpd_missed", v->dpd_missed);
    return o;
}

static void sa_gather(struct show *s)
{
    struct show_collection c;

    if (!collection_make(s->source, &c))
        s->failed = true;
    for (uint32_t i = 0; i < c.sa_count && !s->failed; i++)
        if (show_part_wanted(s, c.sas[i].standby))
            show_item(s, sa_facts(s, &c, &c.sas[i]));
    collection_done(&c);
}

static void head_v4(const struct show *s, struct text *out)
{
    text_add(out, "IPv4 Crypto ISAKMP SA\n");
    if (s->detail)
        text_add(out, "\nC-id  Local           Remote          Status Encr Hash   Auth DH Lifetime Cap.\n\n");
    else
        text_add(out, "dst             src             state          conn-id status\n");
}

static void head_v6(const struct show *s, struct text *out)
{
    text_add(out, "\nIPv6 Crypto ISAKMP SA\n\n");
    if (s->detail)
        text_add(out, "C-id  Local           Remote          Status Encr Hash   Auth DH Lifetime Cap.\n\n");
}

static void sa_head(const struct show *s, struct text *out)
{
    if (s->detail)
        text_add(out, "Codes: D - Dead Peer Detection, N - NAT-traversal, F - IKE Fragmentation\n"
                      "       psk - Preshared key, rsig - RSA signature\n\n");
    head_v4(s, out);
}

static void sa_render_detail(const json_t *o, struct text *out)
{
    char lifetime[DURATION_TEXT] = "";

    if (known_at(o, "remaining_seconds"))
        duration_print(number_at(o, "remaining_seconds"), lifetime);
    text_printf(out, "%-5llu %-15s %-15s %-6s %-4s %-6s %-4s %-2llu %-8s %s\n",
                (unsigned long long)number_at(o, "connection_id"), text_at(o, "local"), text_at(o, "remote"),
                strcmp(text_at(o, "state"), "QM_IDLE") != 0  ? ""
                : strcmp(text_at(o, "status"), "STDBY") == 0 ? "STDBY"
                                                             : "ACTIVE",
                text_at(o, "encryption"), text_at(o, "hash"), text_at(o, "authentication"),
                (unsigned long long)number_at(o, "group"), lifetime, text_at(o, "capabilities"));
    text_printf(out, "       %s, %s, I-Cookie %s, R-Cookie %s\n", text_at(o, "state"), text_at(o, "role"),
                text_at(o, "initiator_cookie"), text_at(o, "responder_cookie"));
    if (known_at(o, "remote_identity"))
        text_printf(out, "       Phase1_id: %s\n", text_at(o, "remote_identity"));
    text_printf(out, "       IPsec SAs: %llu, DPD sent %llu, unanswered %llu\n",
                (unsigned long long)number_at(o, "ipsec_sas"), (unsigned long long)number_at(o, "dpd_sent"),
                (unsigned long long)number_at(o, "dpd_missed"));
}

static void sa_render(const struct show *s, const json_t *o, struct text *out)
{
    bool v6 = number_at(o, "family") == ADDRESS_V6;
    unsigned long long id = number_at(o, "connection_id");

    if (v6 && (!s->before || number_at(s->before, "family") != ADDRESS_V6))
        head_v6(s, out);
    if (s->detail)
        sa_render_detail(o, out);
    else if (v6)
        text_printf(out, " dst: %s\n src: %s\n state: %-14s conn-id: %6llu status: %s\n\n",
                    text_at(o, "destination"), text_at(o, "source"), text_at(o, "state"), id,
                    text_at(o, "status"));
    else
        text_printf(out, "%-15s %-15s %-14s %7llu %s\n", text_at(o, "destination"), text_at(o, "source"),
                    text_at(o, "state"), id, text_at(o, "status"));
}

static void sa_tail(const struct show *s, struct text *out)
{
    if (!s->before || number_at(s->before, "family") != ADDRESS_V6)
        head_v6(s, out);
}

const struct show_subject show_isakmp_sa = {
    .list = "isakmp_sas", .gather = sa_gather, .head = sa_head, .render = sa_render, .tail = sa_tail};

/* ---- show crypto isakmp policy ---- */

static void policy_warnings(struct show *s, json_t *o, const struct ike_policy *p)
{
    json_t *weak = json_array();
    const char *const found[] = {weak_encryption(cbc_name(p->encryption)), weak_hash(hash_name(p->hash)),
                                 weak_group(p->group)};

    for (size_t i = 0; i < ARRAY_SIZE(found); i++)
        if (found[i])
            fact_append_text(s, weak, found[i]);
    fact_value(s, o, "weak", weak);
}

static void policy_gather(struct show *s)
{
    const struct ike_config *c = s->source->ike_config;

    for (uint32_t i = 0; i < c->policy_count && !s->failed; i++) {
        json_t *o = json_object();
        fact_number(s, o, "priority", c->policies[i].priority);
        policy_facts(s, o, &c->policies[i]);
        policy_warnings(s, o, &c->policies[i]);
        show_item(s, o);
    }
}

static void policy_head(const struct show *s, struct text *out)
{
    (void)s;
    text_add(out, "Global IKE policy\n");
}

static void encryption_print(const json_t *o, struct text *out)
{
    const char *name = text_at(o, "encryption");

    if (strcmp(name, "des") == 0)
        text_add(out, "DES - Data Encryption Standard (56 bit keys).");
    else if (strcmp(name, "3des") == 0)
        text_add(out, "Three key triple DES");
    else
        text_printf(out, "AES - Advanced Encryption Standard (%llu bit keys).",
                    (unsigned long long)number_at(o, "key_bits"));
}

static void hash_print(const json_t *o, struct text *out)
{
    const char *name = text_at(o, "hash");

    if (strcmp(name, "md5") == 0)
        text_add(out, "Message Digest 5");
    else if (strcmp(name, "sha") == 0)
        text_add(out, "Secure Hash Standard");
    else
        text_printf(out, "Secure Hash Standard 2 (%s bit)", name + strcspn(name, "0123456789"));
}

static void policy_render(const struct show *s, const json_t *o, struct text *out)
{
    size_t i;
    json_t *weak;

    (void)s;
    text_printf(out, "Protection suite of priority %llu\n        encryption algorithm:   ",
                (unsigned long long)number_at(o, "priority"));
    encryption_print(o, out);
    text_add(out, "\n        hash algorithm:         ");
    hash_print(o, out);
    text_printf(out,
                "\n        authentication method:  %s\n        Diffie-Hellman group:   #%llu (%llu bit)\n"
                "        lifetime:               %llu seconds, no volume limit\n",
                strcmp(text_at(o, "authentication"), "psk") == 0 ? "Pre-Shared Key"
                                                                 : "Rivest-Shamir-Adleman Signature",
                (unsigned long long)number_at(o, "group"), (unsigned long long)number_at(o, "group_bits"),
                (unsigned long long)number_at(o, "lifetime_seconds"));
    json_array_foreach(at(o, "weak"), i, weak)
        text_printf(out, "        warning:                %s is weak\n", json_string_value(weak));
}

const struct show_subject show_isakmp_policy = {
    .list = "isakmp_policies",
    .none = "No protection suite: configure `crypto isakmp policy` with `authentication pre-share`\n",
    .gather = policy_gather,
    .head = policy_head,
    .render = policy_render};
