/* SPDX-License-Identifier: Apache-2.0 */
/* `show crypto ipsec sa`: one item for each flow (an interface, a crypto map sequence and a pair of proxies),
 * whether or not there is an SA for it. Counters are the sum over the SAs that the flow has now. */
#include <stdio.h>

#include "control/show/flow.h"

/* Ports as the field prints them: 0 is any. */
static void proxy_facts(struct show *s, json_t *o, const char *key, const struct prefix *p, uint8_t protocol,
                        uint16_t low, uint16_t high)
{
    char text[2 * ADDRESS_TEXT + 24], proxy[2 * ADDRESS_TEXT];

    if (low == 0 && high == UINT16_MAX)
        high = 0;
    if (high != 0 && high != low)
        snprintf(text, sizeof text, "%s/%u/%u-%u", proxy_print(p, proxy), protocol, low, high);
    else
        snprintf(text, sizeof text, "%s/%u/%u", proxy_print(p, proxy), protocol, low);
    fact_text(s, o, key, text);
}

static void lifetime_facts(struct show *s, json_t *o, const struct sad_pair *p, const struct sad_counters *c)
{
    if (p->hard_bytes == UINT64_MAX)
        fact_value(s, o, "remaining_kilobytes", json_null());
    else
        fact_number(s, o, "remaining_kilobytes", ns_since(p->hard_bytes, c->bytes) / 1024);
    if (p->hard_expiry == NS_NEVER)
        fact_value(s, o, "remaining_seconds", json_null());
    else
        fact_number(s, o, "remaining_seconds", seconds_until(s, p->hard_expiry));
}

/* Whether another member of its group uses it now. */
static bool pair_standby(const struct show *s, const struct sad_pair *p)
{
    return p->group > 0 && !sad_group_active(atomic_load(&s->source->sad->groups[p->group].word));
}

static const char *sa_status(uint32_t state, bool inbound, bool standby)
{
    if (standby)
        return "STANDBY";
    switch (state) {
    case PAIR_INBOUND:
        return inbound ? "ACTIVE" : "WAITING";
    case PAIR_SUPERSEDED:
        return "REPLACED";
    default:
        return "ACTIVE";
    }
}

/* What the owner may use without asking, and what the standby goes on from (docs/stateful-failover.md). */
static void lease_facts(struct show *s, json_t *o, const struct sad_pair *p, bool inbound)
{
    uint64_t ceiling = atomic_load(inbound ? &p->receive_ceiling : &p->sequence_ceiling);

    if (p->group == 0)
        return;
    fact_number(s, o, "redundancy_group", p->group);
    fact_number(s, o, "next_sequence", 1 + (inbound ? p->replay.top : atomic_load(&p->sequence_out)));
    fact_number(s, o, "granted", inbound ? p->granted_in : p->granted_out);
    if (ceiling == UINT64_MAX)
        fact_value(s, o, "ceiling", json_null());
    else
        fact_number(s, o, "ceiling", ceiling);
}

static void direction_facts(struct show *s, json_t *o, const struct sad_pair *p, bool inbound)
{
    const struct sad_counters *c = inbound ? &p->in : &p->out;

    fact_number(s, o, "packets", c->packets);
    fact_number(s, o, "bytes", c->bytes);
    fact_number(s, o, "errors", c->errors);
    if (c->last)
        fact_number(s, o, "idle_seconds", seconds_since(s, c->last));
    fact_number(s, o, "sequence", inbound ? p->replay.top : atomic_load(&p->sequence_out));
}

json_t *flow_sa_facts(struct show *s, const struct show_flow *f, const struct sad_pair *p, bool inbound)
{
    const struct ike_pair_view *view = collection_view(f->collection, sad_slot(s->source->sad, p));
    char transform[PACKET_ALGORITHMS_TEXT];
    json_t *o = json_object();

    if (p->protocol == 51)
        snprintf(transform, sizeof transform, "%s", packet_integrity_name(p->algorithms.integrity, true));
    else
        packet_algorithms_print(&p->algorithms, transform);
    fact_number(s, o, "spi", inbound ? p->spi_in : p->spi_out);
    fact_text(s, o, "protocol", p->protocol == 51 ? "ah" : "esp");
    fact_text(s, o, "transform", transform);
    fact_text(s, o, "mode", p->flags & PAIR_TUNNEL ? "tunnel" : "transport");
    fact_flag(s, o, "udp_encapsulation", p->flags & PAIR_UDP);
    fact_flag(s, o, "extended_sequence_numbers", p->flags & PAIR_ESN);
    fact_number(s, o, "connection_id", p->connection);
    fact_number(s, o, "flow_id", 2 * (uint64_t)sad_slot(s->source->sad, p) + (inbound ? 1 : 2));
    fact_text(s, o, "crypto_map", f->map);
    lifetime_facts(s, o, p, inbound ? &p->in : &p->out);
    fact_number(s, o, "iv_bytes", packet_iv_len(&p->algorithms));
    fact_flag(s, o, "replay_detection", !(p->flags & PAIR_NO_REPLAY_CHECK) && p->replay_size > 0);
    fact_number(s, o, "replay_window", p->replay_size);
    fact_text(s, o, "status", sa_status(atomic_load(&p->state), inbound, pair_standby(s, p)));
    direction_facts(s, o, p, inbound);
    lease_facts(s, o, p, inbound);
    fact_number(s, o, "uptime_seconds", seconds_since(s, p->created));
    if (view) {
        fact_number(s, o, "pfs_group", view->pfs_group);
        fact_text(s, o, "role", view->initiator ? "initiator" : "responder");
        fact_number(s, o, "isakmp_connection_id", view->peer_number);
    }
    return o;
}

static void counter_facts(struct show *s, json_t *o, const struct flow_totals *t)
{
    fact_number(s, o, "packets_encapsulated", t->encapsulated);
    fact_number(s, o, "packets_encrypted", t->encrypted);
    fact_number(s, o, "packets_digested", t->digested);
    fact_number(s, o, "packets_decapsulated", t->decapsulated);
    fact_number(s, o, "packets_decrypted", t->decrypted);
    fact_number(s, o, "packets_verified", t->verified);
    fact_number(s, o, "send_errors", t->send_errors);
    fact_number(s, o, "receive_errors", t->receive_errors);
}

static void sas_facts(struct show *s, json_t *o, const struct show_flow *f, const char *key, bool inbound,
                      uint8_t protocol)
{
    json_t *list = json_array();

    for (uint32_t i = 0; i < f->pair_count; i++)
        if (f->pairs[i]->protocol == protocol && show_part_wanted(s, pair_standby(s, f->pairs[i])))
            fact_append(s, list, flow_sa_facts(s, f, f->pairs[i], inbound));
    fact_value(s, o, key, list);
}

static void path_facts(struct show *s, json_t *o, const struct show_flow *f, const struct sad_pair *sending)
{
    struct netlink_link link;
    uint64_t media = s->source->link(s->source->context, f->ifindex, &link) ? link.mtu : 0;
    uint64_t path = media;

    if (sending && sending->path_mtu && sending->path_mtu_expiry > s->source->now)
        path = sending->path_mtu;
    fact_number(s, o, "path_mtu", path);
    fact_number(s, o, "media_mtu", media);
}

static json_t *flow_facts(struct show *s, const struct show_flow *f)
{
    struct endpoint remote = flow_remote(f);
    const struct sad_pair *sending = flow_sending(f);
    struct flow_totals totals;
    json_t *o = json_object();

    flow_total(f, &totals);
    fact_text(s, o, "interface", f->interface);
    fact_text(s, o, "crypto_map", f->map);
    fact_number(s, o, "sequence", f->sequence);
    fact_address(s, o, "local_address", &f->local);
    proxy_facts(s, o, "local_ident", &f->selector.local, f->selector.protocol, f->selector.local_port_low,
                f->selector.local_port_high);
    proxy_facts(s, o, "remote_ident", &f->selector.remote, f->selector.protocol, f->selector.remote_port_low,
                f->selector.remote_port_high);
    fact_address(s, o, "current_peer", &remote.address);
    fact_number(s, o, "peer_port", remote.port ? remote.port : 500);
    fact_flag(s, o, "negotiating", f->state.negotiating);
    fact_text(s, o, "last_error", f->state.last_error[0] ? f->state.last_error : NULL);
    counter_facts(s, o, &totals);
    path_facts(s, o, f, sending);
    fact_number(s, o, "current_outbound_spi", sending ? sending->spi_out : 0);
    sas_facts(s, o, f, "inbound_esp", true, 50);
    sas_facts(s, o, f, "inbound_ah", true, 51);
    sas_facts(s, o, f, "outbound_esp", false, 50);
    sas_facts(s, o, f, "outbound_ah", false, 51);
    return o;
}

static bool binding_named(const struct scopes *scopes, const struct show_flow *f, const char *interface)
{
    if (strcmp(interface, f->interface) == 0)
        return true;
    for (uint32_t i = 0; i < scopes->binding_count; i++)
        if (scopes->bindings[i].scope == f->scope &&
            strcmp(interface, scopes->bindings[i].interface->name) == 0)
            return true;
    return false;
}

static bool flow_wanted(const struct show *s, const struct show_flow *f)
{
    const struct grammar_value *where = grammar_arg(s->call, "where"), *tag = grammar_arg(s->call, "tag"),
                               *who = grammar_arg(s->call, "who");
    bool standby = grammar_has(s->call, "standby"), any = !standby && !grammar_has(s->call, "active");
    struct endpoint remote;

    for (uint32_t i = 0; i < f->pair_count; i++)
        any |= pair_standby(s, f->pairs[i]) == standby;
    if (!any)
        return false;
    if (where)
        return binding_named(s->source->scopes, f, where->text);
    if (tag)
        return strcmp(tag->text, f->map) == 0;
    if (!who)
        return true;
    remote = flow_remote(f);
    return address_equal(&remote.address, &who->address);
}

static void flow_gather(void *context, const struct show_flow *f)
{
    struct show *s = context;

    if (!s->failed && flow_wanted(s, f))
        show_item(s, flow_facts(s, f));
}

static void sa_gather(struct show *s)
{
    flows_each(s, flow_gather, s);
}

/* ---- the text ---- */

static void print_lease(const json_t *sa, struct text *out)
{
    if (!known_at(sa, "redundancy_group"))
        return;
    text_printf(out, "        next sequence: %llu, granted: %llu, ceiling: ",
                (unsigned long long)number_at(sa, "next_sequence"),
                (unsigned long long)number_at(sa, "granted"));
    if (known_at(sa, "ceiling"))
        text_printf(out, "%llu\n", (unsigned long long)number_at(sa, "ceiling"));
    else
        text_add(out, "none\n");
}

static void print_status(const json_t *sa, bool inbound, struct text *out)
{
    char idle[DURATION_TEXT] = "never", up[DURATION_TEXT];

    if (known_at(sa, "idle_seconds"))
        duration_print(number_at(sa, "idle_seconds"), idle);
    text_printf(out, "        packets: %llu, bytes: %llu, errors: %llu, last packet: %s\n",
                (unsigned long long)number_at(sa, "packets"), (unsigned long long)number_at(sa, "bytes"),
                (unsigned long long)number_at(sa, "errors"), idle);
    text_printf(out, "        %s sequence number: %llu%s", inbound ? "highest" : "last",
                (unsigned long long)number_at(sa, "sequence"),
                flag_at(sa, "extended_sequence_numbers") ? " (64 bit)" : "");
    if (inbound)
        text_printf(out, ", replay window: %llu", (unsigned long long)number_at(sa, "replay_window"));
    text_printf(out, ", up for %s\n", duration_print(number_at(sa, "uptime_seconds"), up));
    print_lease(sa, out);
    if (number_at(sa, "pfs_group"))
        text_printf(out, "        PFS (Y/N): Y, DH group: group%llu\n",
                    (unsigned long long)number_at(sa, "pfs_group"));
    else
        text_add(out, "        PFS (Y/N): N, DH group: none\n");
}

static void print_lifetime(const json_t *sa, struct text *out)
{
    text_add(out, "        sa timing: remaining key lifetime (k/sec): (");
    if (known_at(sa, "remaining_kilobytes"))
        text_printf(out, "%llu/", (unsigned long long)number_at(sa, "remaining_kilobytes"));
    else
        text_add(out, "KB Vol Rekey Disabled/");
    if (known_at(sa, "remaining_seconds"))
        text_printf(out, "%llu)\n", (unsigned long long)number_at(sa, "remaining_seconds"));
    else
        text_add(out, "unlimited)\n");
}

static void print_sa(const struct show *s, const json_t *sa, bool inbound, struct text *out)
{
    unsigned long long spi = number_at(sa, "spi");

    text_printf(out, "      spi: 0x%llX(%llu)\n        transform: %s ,\n", spi, spi,
                text_at(sa, "transform"));
    text_printf(out, "        in use settings ={%s%s, }\n",
                strcmp(text_at(sa, "mode"), "tunnel") == 0 ? "Tunnel" : "Transport",
                flag_at(sa, "udp_encapsulation") ? " UDP-Encaps" : "");
    text_printf(out, "        slot: 0, conn id: %llu, flow_id: %llu, crypto map: %s\n",
                (unsigned long long)number_at(sa, "connection_id"),
                (unsigned long long)number_at(sa, "flow_id"), text_at(sa, "crypto_map"));
    print_lifetime(sa, out);
    text_printf(out, "        IV size: %llu bytes\n        replay detection support: %s\n",
                (unsigned long long)number_at(sa, "iv_bytes"), flag_at(sa, "replay_detection") ? "Y" : "N");
    text_printf(out, "        Status: %s\n", text_at(sa, "status"));
    if (s->detail)
        print_status(sa, inbound, out);
}

static void print_sas(const struct show *s, const json_t *flow, const char *title, const char *key,
                      bool inbound, struct text *out)
{
    size_t i;
    json_t *sa;

    text_printf(out, "     %s sas:\n", title);
    if (key)
        json_array_foreach(at(flow, key), i, sa) print_sa(s, sa, inbound, out);
    text_add(out, "\n");
}

static unsigned long long counter(const json_t *flow, const char *key)
{
    return number_at(flow, key);
}

static void print_counters(const json_t *o, struct text *out)
{
    text_printf(out, "    #pkts encaps: %llu, #pkts encrypt: %llu, #pkts digest %llu\n",
                counter(o, "packets_encapsulated"), counter(o, "packets_encrypted"),
                counter(o, "packets_digested"));
    text_printf(out, "    #pkts decaps: %llu, #pkts decrypt: %llu, #pkts verify %llu\n",
                counter(o, "packets_decapsulated"), counter(o, "packets_decrypted"),
                counter(o, "packets_verified"));
    text_add(out, "    #pkts compressed: 0, #pkts decompressed: 0\n"
                  "    #pkts not compressed: 0, #pkts compr. failed: 0, #pkts decompress failed: 0\n");
    text_printf(out, "    #send errors %llu, #recv errors %llu\n\n", counter(o, "send_errors"),
                counter(o, "receive_errors"));
}

static void print_endpoints(const json_t *o, struct text *out)
{
    unsigned long long spi = number_at(o, "current_outbound_spi");

    text_printf(out, "     local crypto endpt.: %s, remote crypto endpt.: %s\n", text_at(o, "local_address"),
                text_at(o, "current_peer"));
    text_printf(out, "     path mtu %llu, media mtu %llu\n     current outbound spi: %llX\n\n",
                counter(o, "path_mtu"), counter(o, "media_mtu"), spi);
}

static void sa_render(const struct show *s, const json_t *o, struct text *out)
{
    if (text_changed(s, o, "interface") || text_changed(s, o, "crypto_map"))
        text_printf(out, "interface: %s\n    Crypto map tag: %s, local addr. %s\n\n", text_at(o, "interface"),
                    text_at(o, "crypto_map"), text_at(o, "local_address"));
    text_printf(out,
                "   local ident (addr/mask/prot/port): (%s)\n   remote ident (addr/mask/prot/port): (%s)\n",
                text_at(o, "local_ident"), text_at(o, "remote_ident"));
    text_printf(out, "   current_peer: %s",
                known_at(o, "current_peer") ? text_at(o, "current_peer") : "none");
    if (number_at(o, "peer_port") != 500)
        text_printf(out, ":%llu", counter(o, "peer_port"));
    text_printf(out, "\n     PERMIT, flags={origin_is_acl,%s}\n",
                flag_at(o, "negotiating") ? "ipsec_sa_request_sent," : "");
    print_counters(o, out);
    if (s->detail && known_at(o, "last_error"))
        text_printf(out, "     last error: %s\n", text_at(o, "last_error"));
    print_endpoints(o, out);
    print_sas(s, o, "inbound esp", "inbound_esp", true, out);
    print_sas(s, o, "inbound ah", "inbound_ah", true, out);
    print_sas(s, o, "inbound pcp", NULL, true, out);
    print_sas(s, o, "outbound esp", "outbound_esp", false, out);
    print_sas(s, o, "outbound ah", "outbound_ah", false, out);
    print_sas(s, o, "outbound pcp", NULL, false, out);
}

const struct show_subject show_ipsec_sa = {.list = "ipsec_flows",
                                           .check = show_check_interface,
                                           .none = "No SAs found\n",
                                           .gather = sa_gather,
                                           .render = sa_render};
