/* SPDX-License-Identifier: Apache-2.0 */
/* `show crypto session [detail]`: one item for each connection, with its IKE SA and its flows. */
#include "control/show/flow.h"

struct session {
    struct show *show;
    json_t *flows;
    uint32_t sas;
    ns oldest;
};

static const char *protocol_word(uint8_t protocol, char out[8])
{
    static const struct {
        uint8_t number;
        const char *word;
    } words[] = {{0, "ip"}, {1, "icmp"}, {6, "tcp"}, {17, "udp"}, {47, "gre"}, {50, "esp"}, {51, "ahp"}};

    for (size_t i = 0; i < ARRAY_SIZE(words); i++)
        if (words[i].number == protocol)
            return words[i].word;
    snprintf(out, 8, "%u", protocol);
    return out;
}

static void port_print(uint16_t low, uint16_t high, char out[32])
{
    if (low == 0 && high == UINT16_MAX)
        out[0] = 0;
    else if (low == high)
        snprintf(out, 32, " port %u", low);
    else
        snprintf(out, 32, " port %u-%u", low, high);
}

static void flow_words(const struct selector *v, char out[SELECTOR_TEXT + 96])
{
    char protocol[8], local[2 * ADDRESS_TEXT], remote[2 * ADDRESS_TEXT], local_port[32], remote_port[32];

    port_print(v->local_port_low, v->local_port_high, local_port);
    port_print(v->remote_port_low, v->remote_port_high, remote_port);
    snprintf(out, SELECTOR_TEXT + 96, "permit %s %s%s %s%s", protocol_word(v->protocol, protocol),
             proxy_print(&v->local, local), local_port, proxy_print(&v->remote, remote), remote_port);
}

static void session_flow(void *context, const struct show_flow *f)
{
    struct session *session = context;
    struct show *s = session->show;
    const struct sad_pair *sending = flow_sending(f);
    struct flow_totals totals;
    char words[SELECTOR_TEXT + 96];
    json_t *o = json_object();

    flow_total(f, &totals);
    flow_words(&f->selector, words);
    fact_text(s, o, "flow", words);
    fact_number(s, o, "active_sas", 2 * (uint64_t)f->pair_count);
    fact_text(s, o, "origin", "crypto map");
    fact_number(s, o, "inbound_packets", totals.decapsulated);
    fact_number(s, o, "inbound_drops", totals.receive_errors);
    fact_number(s, o, "outbound_packets", totals.encapsulated);
    fact_number(s, o, "outbound_drops", totals.send_errors);
    fact_value(s, o, "inbound_sa", sending ? flow_sa_facts(s, f, sending, true) : json_null());
    fact_value(s, o, "outbound_sa", sending ? flow_sa_facts(s, f, sending, false) : json_null());
    fact_append(s, session->flows, o);
    session->sas += f->pair_count;
    for (uint32_t i = 0; i < f->pair_count; i++)
        session->oldest = ns_min(session->oldest, f->pairs[i]->created);
}

static void ike_facts(struct show *s, json_t *o, const struct ike_sa_view *sa)
{
    json_t *ike = json_object();
    char marks[CAPABILITIES_TEXT];

    fact_address(s, ike, "local", &sa->local.address);
    fact_number(s, ike, "local_port", sa->local.port);
    fact_address(s, ike, "remote", &sa->remote.address);
    fact_number(s, ike, "remote_port", sa->remote.port);
    fact_flag(s, ike, "active", sa->state == IKE_QM_IDLE && !sa->deleted);
    fact_text(s, ike, "state", ike_state_name(sa->state));
    fact_text(s, ike, "capabilities", sa_capabilities(sa, marks));
    fact_number(s, ike, "connection_id", sa->number);
    fact_text(s, ike, "identity", sa->remote_identity[0] ? sa->remote_identity : NULL);
    if (sa->established)
        fact_number(s, ike, "remaining_seconds", seconds_until(s, sa->expires));
    fact_value(s, o, "ike_sa", ike);
}

static const char *session_status(const struct ike_sa_view *sa, uint32_t ipsec_sas, bool negotiating)
{
    bool ike = sa && sa->state == IKE_QM_IDLE && !sa->deleted;

    if (ipsec_sas)
        return ike ? "UP-ACTIVE" : "UP-NO-IKE";
    if (negotiating || (sa && !ike))
        return "DOWN-NEGOTIATING";
    return ike ? "UP-IDLE" : "DOWN";
}

static struct endpoint session_remote(const struct show_connection *connection,
                                      const struct ike_connection_view *state)
{
    struct endpoint remote = {.address = state->current_peer};

    if (!address_is_set(&remote.address) && connection->ike && connection->ike->peer_count)
        remote.address = connection->ike->peers[0].address;
    return remote;
}

static json_t *session_facts(struct show *s, const struct show_collection *c,
                             const struct show_connection *connection)
{
    struct session session = {.show = s, .flows = json_array(), .oldest = NS_NEVER};
    struct ike_connection_view state = {0};
    json_t *o = json_object();

    s->source->connection(s->source->context, connection->connection->id, &state);
    struct endpoint remote = session_remote(connection, &state);
    const struct ike_sa_view *sa = collection_sa(c, &connection->connection->local, &remote.address);

    flows_of(s, c, connection, session_flow, &session);
    fact_text(s, o, "interface", connection->scope->interface->name);
    fact_text(s, o, "crypto_map", connection->scope->map->name);
    fact_number(s, o, "sequence", connection->connection->sequence);
    fact_text(s, o, "description", connection->connection->entry->description);
    fact_text(s, o, "status", session_status(sa, session.sas, state.negotiating));
    fact_address(s, o, "peer", &remote.address);
    fact_number(s, o, "peer_port", sa ? sa->remote.port : 500);
    if (session.oldest != NS_NEVER)
        fact_number(s, o, "uptime_seconds", seconds_since(s, session.oldest));
    fact_number(s, o, "attempts", state.attempts);
    fact_number(s, o, "failures", state.failures);
    fact_text(s, o, "last_error", state.last_error[0] ? state.last_error : NULL);
    if (sa)
        ike_facts(s, o, sa);
    else
        fact_value(s, o, "ike_sa", json_null());
    fact_value(s, o, "flows", session.flows);
    return o;
}

static void session_gather(struct show *s)
{
    struct show_collection c;

    if (!collection_make(s->source, &c))
        s->failed = true;
    for (uint32_t i = 0; i < c.connection_count && !s->failed; i++)
        show_item(s, session_facts(s, &c, &c.connections[i]));
    collection_done(&c);
}

static void session_head(const struct show *s, struct text *out)
{
    text_add(out, "Crypto session current status\n");
    if (s->detail)
        text_add(out, "\nCode: D - Dead Peer Detection, N - NAT-traversal, F - IKE Fragmentation\n");
}

static void render_direction(const json_t *flow, const char *title, const char *packets, const char *drops,
                             const char *sa_key, struct text *out)
{
    const json_t *sa = at(flow, sa_key);

    text_printf(out, "        %s %llu drop %llu life (KB/Sec) ", title,
                (unsigned long long)number_at(flow, packets), (unsigned long long)number_at(flow, drops));
    if (!known_at(flow, sa_key)) {
        text_add(out, "0/0\n");
        return;
    }
    if (known_at(sa, "remaining_kilobytes"))
        text_printf(out, "%llu/", (unsigned long long)number_at(sa, "remaining_kilobytes"));
    else
        text_add(out, "KB Vol Rekey Disabled/");
    text_printf(out, "%llu\n", (unsigned long long)number_at(sa, "remaining_seconds"));
}

static void render_ike(const struct show *s, const json_t *ike, struct text *out)
{
    char lifetime[DURATION_TEXT] = "0";

    text_printf(out, "  IKEv1 SA: local %s/%llu remote %s/%llu %s\n", text_at(ike, "local"),
                (unsigned long long)number_at(ike, "local_port"), text_at(ike, "remote"),
                (unsigned long long)number_at(ike, "remote_port"),
                flag_at(ike, "active") ? "Active" : "Inactive");
    if (!s->detail)
        return;
    if (known_at(ike, "remaining_seconds"))
        duration_print(number_at(ike, "remaining_seconds"), lifetime);
    text_printf(out, "          Capabilities:%s connid:%llu lifetime:%s\n",
                *text_at(ike, "capabilities") ? text_at(ike, "capabilities") : "(none)",
                (unsigned long long)number_at(ike, "connection_id"), lifetime);
}

static void render_detail(const json_t *o, struct text *out)
{
    const char *description = text_at(o, "description"), *identity = text_at(at(o, "ike_sa"), "identity");

    text_printf(out, "      Phase1_id: %s\n      Desc: %s\n", *identity ? identity : "(none)",
                *description ? description : "(none)");
    if (known_at(o, "last_error"))
        text_printf(out, "      Last error: %s (%llu of %llu attempts failed)\n", text_at(o, "last_error"),
                    (unsigned long long)number_at(o, "failures"),
                    (unsigned long long)number_at(o, "attempts"));
}

static void session_render(const struct show *s, const json_t *o, struct text *out)
{
    char up[DURATION_TEXT];
    size_t i;
    json_t *flow;

    text_printf(out, "\nInterface: %s\n", text_at(o, "interface"));
    if (s->detail && known_at(o, "uptime_seconds"))
        text_printf(out, "Uptime: %s\n", duration_print(number_at(o, "uptime_seconds"), up));
    text_printf(out, "Session status: %s\n", text_at(o, "status"));
    text_printf(out, "Peer: %s port %llu%s\n", known_at(o, "peer") ? text_at(o, "peer") : "none",
                (unsigned long long)number_at(o, "peer_port"), s->detail ? " fvrf: (none) ivrf: (none)" : "");
    if (s->detail)
        render_detail(o, out);
    if (known_at(o, "ike_sa"))
        render_ike(s, at(o, "ike_sa"), out);
    json_array_foreach(at(o, "flows"), i, flow)
    {
        text_printf(out, "  IPSEC FLOW: %s\n        Active SAs: %llu, origin: %s\n", text_at(flow, "flow"),
                    (unsigned long long)number_at(flow, "active_sas"), text_at(flow, "origin"));
        if (s->detail) {
            render_direction(flow, "Inbound:  #pkts dec'ed", "inbound_packets", "inbound_drops", "inbound_sa",
                             out);
            render_direction(flow, "Outbound: #pkts enc'ed", "outbound_packets", "outbound_drops",
                             "outbound_sa", out);
        }
    }
}

const struct show_subject show_crypto_session = {
    .list = "sessions", .gather = session_gather, .head = session_head, .render = session_render};
