/* SPDX-License-Identifier: Apache-2.0 */
/* `show ssp ...`, `show crypto ha` and `show redundancy ...`: one gathering (ha.h) behind all of them.
 * The field's lines come first and as the field has them; what only we have stands below. */
#include "control/show/ha.h"

#include <errno.h>
#include <stdio.h>

#include "control/show/internal.h"
#include "replication/session.h"

char *ha_label(uint8_t number, char out[HA_LABEL_TEXT])
{
    if (number == CONFIG_SSP_INTER_DEVICE)
        snprintf(out, HA_LABEL_TEXT, "inter-device");
    else
        snprintf(out, HA_LABEL_TEXT, "ssp group %u", number);
    return out;
}

static const char *role_name(uint8_t role)
{
    static const char *const names[SESSION_ROLES] = {"EMPTY", "SYNCING", "STANDBY", "OWNER", "STALE"};

    return role < ARRAY_SIZE(names) ? names[role] : "?";
}

/* ---- facts ---- */

static bool ha_check(struct show *s)
{
    struct ha_facts f;
    int error = s->source->ha ? s->source->ha(s->source->context, &f) : -ENOENT;

    if (error == -ENOENT)
        return show_refuse(s, "Stateful failover is not configured");
    if (error)
        return show_refuse(s, "no memory");
    ha_facts_done(&f);
    return true;
}

static void standby_facts(struct show *s, json_t *o, const struct ha_group *g)
{
    json_t *list = json_array();

    for (uint32_t i = 0; i < g->standby_count; i++) {
        const struct ha_standby *b = &g->standby[i];
        json_t *one = json_object();
        fact_text(s, one, "name", b->name);
        fact_text(s, one, "interface", b->interface);
        fact_number(s, one, "group", b->number);
        fact_text(s, one, "state", b->state);
        fact_address(s, one, "virtual_address", &b->address);
        fact_append(s, list, one);
    }
    fact_value(s, o, "standby_groups", list);
}

static void stamp_fact(struct show *s, json_t *o, const struct ha_group *g)
{
    char hex[2 * HA_STAMP + 1];

    fact_text(s, o, "stamp", g->has_stamp ? bytes_to_hex(bytes_of(g->stamp, HA_STAMP), hex) : NULL);
}

static void takeover_facts(struct show *s, json_t *o, const struct ha_group *g)
{
    fact_number(s, o, "takeovers", g->takeovers);
    fact_number(s, o, "switchovers", g->switchovers);
    fact_number(s, o, "merges", g->merges);
    if (g->last_takeover) {
        fact_number(s, o, "last_takeover_seconds", seconds_since(s, g->last_takeover));
        fact_number(s, o, "last_takeover_microseconds", g->last_takeover_took / NS_PER_US);
    }
    fact_text(s, o, "last_reason", g->last_reason);
}

static json_t *group_facts(struct show *s, const struct ha_facts *f, const struct ha_group *g)
{
    const struct ha_peer *p = g->peer < f->peer_count ? &f->peers[g->peer] : NULL;
    json_t *o = json_object();
    char label[HA_LABEL_TEXT];

    fact_text(s, o, "group", ha_label(g->number, label));
    fact_number(s, o, "number", g->number);
    fact_text(s, o, "role", role_name(g->role));
    fact_number(s, o, "role_seconds", seconds_since(s, g->since));
    fact_number(s, o, "epoch", g->epoch);
    fact_number(s, o, "member", g->member);
    fact_flag(s, o, "in_step", g->in_step);
    fact_flag(s, o, "switching", g->switching);
    standby_facts(s, o, g);
    fact_address(s, o, "virtual_address", &g->virtual_address);
    stamp_fact(s, o, g);
    fact_address(s, o, "peer", p ? &p->remote : NULL);
    fact_flag(s, o, "peer_connected", p && p->connected);
    if (g->peer_known) {
        fact_text(s, o, "peer_role", role_name(g->peer_role));
        fact_flag(s, o, "peer_in_step", g->peer_in_step);
        fact_number(s, o, "peer_epoch", g->peer_epoch);
    }
    fact_number(s, o, "isakmp_sas", g->isakmp_sas);
    fact_number(s, o, "ipsec_pairs", g->pairs);
    fact_number(s, o, "records", g->records);
    fact_number(s, o, "records_behind", g->behind);
    fact_number(s, o, "lag_ms", g->lag_ms);
    fact_number(s, o, "snapshots_sent", g->snapshots_sent);
    fact_number(s, o, "snapshots_taken", g->snapshots_taken);
    fact_number(s, o, "snapshot_ms", g->snapshot_ms);
    fact_number(s, o, "leases_asked", g->leases_asked);
    fact_number(s, o, "leases_granted", g->leases_granted);
    fact_number(s, o, "lease_rekeys", g->lease_rekeys);
    takeover_facts(s, o, g);
    return o;
}

static json_t *peer_facts(struct show *s, const struct ha_facts *f, const struct ha_peer *p)
{
    json_t *o = json_object();

    (void)f;
    fact_address(s, o, "address", &p->remote);
    fact_number(s, o, "port", p->port);
    fact_address(s, o, "local", &p->local);
    fact_number(s, o, "local_port", p->local_port);
    fact_text(s, o, "interface", p->interface);
    fact_text(s, o, "state", p->state);
    fact_flag(s, o, "connected", p->connected);
    if (p->since)
        fact_number(s, o, "socket_seconds", seconds_since(s, p->since));
    fact_number(s, o, "frame_version", p->frame_version);
    fact_number(s, o, "record_version", p->record_version);
    fact_number(s, o, "packets_sent", p->frames_out);
    fact_number(s, o, "bytes_sent", p->bytes_out);
    fact_number(s, o, "packets_received", p->frames_in);
    fact_number(s, o, "bytes_received", p->bytes_in);
    fact_number(s, o, "connections", p->connections);
    fact_text(s, o, "last_lost", p->last_lost);
    fact_text(s, o, "protection", p->protection);
    return o;
}

static json_t *event_facts(struct show *s, const struct ha_event *e)
{
    json_t *o = json_object();
    char label[HA_LABEL_TEXT];

    fact_text(s, o, "group", ha_label(e->group, label));
    fact_number(s, o, "seconds", seconds_since(s, e->at));
    fact_text(s, o, "from", role_name(e->from));
    fact_text(s, o, "to", role_name(e->to));
    fact_number(s, o, "epoch", e->epoch);
    fact_flag(s, o, "planned", e->planned);
    if (e->took)
        fact_number(s, o, "microseconds", e->took / NS_PER_US);
    fact_text(s, o, "reason", e->reason);
    return o;
}

enum what { GROUPS, PEERS, EVENTS };

static void gather(struct show *s, enum what what)
{
    struct ha_facts f;

    if (!s->source->ha || s->source->ha(s->source->context, &f) != 0) {
        s->failed = true;
        return;
    }
    for (uint32_t i = 0; what == GROUPS && i < f.group_count; i++)
        show_item(s, group_facts(s, &f, &f.groups[i]));
    for (uint32_t i = 0; what == PEERS && i < f.peer_count; i++)
        show_item(s, peer_facts(s, &f, &f.peers[i]));
    for (uint32_t i = 0; what == EVENTS && i < f.event_count; i++)
        show_item(s, event_facts(s, &f.events[i]));
    ha_facts_done(&f);
}

static void groups_gather(struct show *s)
{
    gather(s, GROUPS);
}

static void peers_gather(struct show *s)
{
    gather(s, PEERS);
}

static void events_gather(struct show *s)
{
    gather(s, EVENTS);
}

/* ---- show ssp ---- */

static unsigned long long number(const json_t *o, const char *key)
{
    return number_at(o, key);
}

/* "84.500 ms" */
static void milliseconds_print(uint64_t us, struct text *out)
{
    text_printf(out, "%llu.%03llu ms", (unsigned long long)(us / 1000), (unsigned long long)(us % 1000));
}

static void print_peer(const json_t *o, struct text *out)
{
    text_printf(out, "  Other gateway %s: ", known_at(o, "peer") ? text_at(o, "peer") : "none");
    if (!flag_at(o, "peer_connected"))
        text_add(out, "not connected");
    else if (!known_at(o, "peer_role"))
        text_add(out, "connected, role not known yet");
    else
        text_printf(out, "%s%s, epoch %llu", text_at(o, "peer_role"),
                    flag_at(o, "peer_in_step") ? ", in step" : "", number(o, "peer_epoch"));
    text_add(out, "\n");
}

static void print_standby(const json_t *o, struct text *out)
{
    size_t i;
    json_t *b;

    json_array_foreach(at(o, "standby_groups"), i, b)
    {
        text_printf(out, "  %s standby group '%s'", i == 0 ? "Driven by" : "With", text_at(b, "name"));
        if (!known_at(b, "interface"))
            text_add(out, ", which does not exist\n");
        else
            text_printf(out, " on %s group %llu: %s, %s\n", text_at(b, "interface"), number(b, "group"),
                        known_at(b, "state") ? text_at(b, "state") : "not running",
                        known_at(b, "virtual_address") ? text_at(b, "virtual_address") : "no address");
    }
}

static void print_takeovers(const json_t *o, struct text *out)
{
    char ago[DURATION_TEXT];

    text_printf(out, "  Takeovers: %llu, planned switchovers: %llu, merges: %llu\n", number(o, "takeovers"),
                number(o, "switchovers"), number(o, "merges"));
    if (known_at(o, "last_takeover_seconds")) {
        text_printf(out, "  Last takeover %s ago, took ",
                    duration_print(number_at(o, "last_takeover_seconds"), ago));
        milliseconds_print(number_at(o, "last_takeover_microseconds"), out);
        text_add(out, "\n");
    }
    if (known_at(o, "last_reason"))
        text_printf(out, "  Last change of role: %s\n", text_at(o, "last_reason"));
}

static void ssp_render(const struct show *s, const json_t *o, struct text *out)
{
    char since[DURATION_TEXT];

    (void)s;
    text_printf(out, "%s: %s for %s, epoch %llu, member %llu%s\n", text_at(o, "group"), text_at(o, "role"),
                duration_print(number_at(o, "role_seconds"), since), number(o, "epoch"), number(o, "member"),
                flag_at(o, "switching") ? ", switching over" : "");
    print_peer(o, out);
    print_standby(o, out);
    text_printf(out, "  ISAKMP SAs: %llu, IPsec SA pairs: %llu, records: %llu\n", number(o, "isakmp_sas"),
                number(o, "ipsec_pairs"), number(o, "records"));
    if (number_at(o, "records_behind"))
        text_printf(out, "  Behind by %llu records, the oldest %llu ms old\n", number(o, "records_behind"),
                    number(o, "lag_ms"));
    else
        text_printf(out, "  %s\n", flag_at(o, "in_step") ? "In step" : "Not in step");
    text_printf(out, "  Snapshots: %llu sent, %llu taken, the last in %llu ms\n", number(o, "snapshots_sent"),
                number(o, "snapshots_taken"), number(o, "snapshot_ms"));
    text_printf(out, "  Leases: %llu asked, %llu granted, %llu ended by a rekey\n", number(o, "leases_asked"),
                number(o, "leases_granted"), number(o, "lease_rekeys"));
    print_takeovers(o, out);
}

const struct show_subject show_ssp = {
    .list = "groups", .check = ha_check, .gather = groups_gather, .render = ssp_render};

static void peers_head(const struct show *s, struct text *out)
{
    (void)s;
    text_add(out, "SSP Peer Information\nIP Address        Connection State   Local Interface\n");
}

static void peers_render(const struct show *s, const json_t *o, struct text *out)
{
    (void)s;
    text_printf(out, "%-17s %-18s %s\n", text_at(o, "address"), text_at(o, "state"),
                known_at(o, "interface") ? text_at(o, "interface") : "unknown");
    if (known_at(o, "protection"))
        text_printf(out, "  Protected by %s\n", text_at(o, "protection"));
    if (known_at(o, "last_lost"))
        text_printf(out, "  Connections so far: %llu; the last one ended: %s\n", number(o, "connections"),
                    text_at(o, "last_lost"));
}

const struct show_subject show_ssp_peers = {
    .list = "peers", .check = ha_check, .gather = peers_gather, .head = peers_head, .render = peers_render};

static void clients_head(const struct show *s, struct text *out)
{
    (void)s;
    text_add(out, "SSP Client Information\n  DOI  Client Name        Version  Running Ver\n");
}

/* Who shares state: the field has two, which speak one version here. */
static void clients_gather(struct show *s)
{
    static const char *const names[] = {"IPSec HA Manager", "IKE HA Manager"};
    struct ha_facts f;
    uint32_t running = 0;

    if (!s->source->ha || s->source->ha(s->source->context, &f) != 0) {
        s->failed = true;
        return;
    }
    for (uint32_t i = 0; i < f.peer_count; i++)
        running = f.peers[i].connected ? f.peers[i].record_version : running;
    for (size_t i = 0; i < ARRAY_SIZE(names); i++) {
        json_t *o = json_object();
        fact_number(s, o, "doi", i + 1);
        fact_text(s, o, "name", names[i]);
        fact_number(s, o, "version", SESSION_RECORD_VERSION);
        if (running)
            fact_number(s, o, "running_version", running);
        show_item(s, o);
    }
    ha_facts_done(&f);
}

static void clients_render(const struct show *s, const json_t *o, struct text *out)
{
    (void)s;
    text_printf(out, "  %-4llu %-18s %llu.0      ", number(o, "doi"), text_at(o, "name"),
                number(o, "version"));
    if (known_at(o, "running_version"))
        text_printf(out, "%llu.0\n", number(o, "running_version"));
    else
        text_add(out, "none\n");
}

const struct show_subject show_ssp_clients = {.list = "clients",
                                              .check = ha_check,
                                              .gather = clients_gather,
                                              .head = clients_head,
                                              .render = clients_render};

static void packet_render(const struct show *s, const json_t *o, struct text *out)
{
    char since[DURATION_TEXT];

    (void)s;
    text_printf(out, "SSP packet Information of %s\n", text_at(o, "address"));
    text_printf(out, " Socket creation time: %s\n",
                known_at(o, "socket_seconds") ? duration_print(number_at(o, "socket_seconds"), since)
                                              : "none");
    text_printf(out, " Local port: %llu   Server port: %llu\n", number(o, "local_port"), number(o, "port"));
    text_printf(out, " Packets Sent = %llu, Bytes Sent = %llu\n", number(o, "packets_sent"),
                number(o, "bytes_sent"));
    text_printf(out, " Packets Received = %llu, Bytes Received = %llu\n", number(o, "packets_received"),
                number(o, "bytes_received"));
}

const struct show_subject show_ssp_packet = {
    .list = "peers", .check = ha_check, .gather = peers_gather, .render = packet_render};

static void redundancy_head(const struct show *s, struct text *out)
{
    (void)s;
    text_add(out, "SSP Redundancy Information\n");
}

static void ssp_redundancy_render(const struct show *s, const json_t *o, struct text *out)
{
    char since[DURATION_TEXT];
    size_t i;
    json_t *b;

    (void)s;
    text_printf(out, " Device has been %s for %s\n",
                strcmp(text_at(o, "role"), "OWNER") == 0 ? "ACTIVE" : text_at(o, "role"),
                duration_print(number_at(o, "role_seconds"), since));
    text_add(out, " Virtual IP        Redundancy Name      Interface\n");
    json_array_foreach(at(o, "standby_groups"), i, b) text_printf(
        out, " %-17s %-20s %s\n", known_at(b, "virtual_address") ? text_at(b, "virtual_address") : "none",
        text_at(b, "name"), known_at(b, "interface") ? text_at(b, "interface") : "unknown");
}

const struct show_subject show_ssp_redundancy = {.list = "groups",
                                                 .check = ha_check,
                                                 .gather = groups_gather,
                                                 .head = redundancy_head,
                                                 .render = ssp_redundancy_render};

/* ---- show crypto ha ---- */

static void print_stamp(const json_t *o, struct text *out)
{
    const char *hex = text_at(o, "stamp");

    if (!known_at(o, "stamp"))
        return;
    text_add(out, "  stamp:");
    for (; hex[0] && hex[1]; hex += 2)
        text_printf(out, " %c%c", hex[0] & ~(hex[0] >= 'a' ? 0x20 : 0), hex[1] & ~(hex[1] >= 'a' ? 0x20 : 0));
    text_add(out, "\n");
}

static void crypto_ha_render(const struct show *s, const json_t *o, struct text *out)
{
    const char *vip = known_at(o, "virtual_address") ? text_at(o, "virtual_address") : "none";

    (void)s;
    text_printf(out, "IKE VIP: %s\n", vip);
    print_stamp(o, out);
    text_printf(out, "IPSec VIP: %s\n", vip);
    text_printf(out, "  %s: %s, epoch %llu\n", text_at(o, "group"), text_at(o, "role"), number(o, "epoch"));
    text_printf(out, "  ISAKMP SAs: %llu, IPsec SA pairs: %llu\n", number(o, "isakmp_sas"),
                number(o, "ipsec_pairs"));
}

const struct show_subject show_crypto_ha = {
    .list = "groups", .check = ha_check, .gather = groups_gather, .render = crypto_ha_render};

/* ---- show redundancy ---- */

/* The field's names of what a unit can be. */
static const char *unit_state(const char *role)
{
    static const struct {
        const char *role, *state;
    } table[] = {
        {"OWNER", "13 -ACTIVE"},       {"STANDBY", "8  -STANDBY HOT"}, {"SYNCING", "7  -STANDBY COLD-BULK"},
        {"STALE", "4  -STANDBY COLD"}, {"EMPTY", "3  -NEGOTIATION"},
    };

    for (size_t i = 0; i < ARRAY_SIZE(table); i++)
        if (strcmp(table[i].role, role) == 0)
            return table[i].state;
    return "1  -DISABLED";
}

static void states_render(const struct show *s, const json_t *o, struct text *out)
{
    if (s->before)
        text_add(out, "\n");
    text_printf(out, "       my state = %s\n", unit_state(text_at(o, "role")));
    text_printf(out, "     peer state = %s\n",
                unit_state(flag_at(o, "peer_connected") ? text_at(o, "peer_role") : ""));
    text_printf(out, "           Mode = %s\n", flag_at(o, "peer_connected") ? "Duplex" : "Simplex");
    text_printf(out, "        Unit ID = %llu\n\n", number(o, "member"));
    text_printf(out, "          Group = %s\n          Epoch = %llu\n", text_at(o, "group"),
                number(o, "epoch"));
    text_printf(out, " Records behind = %llu\n       Lag (ms) = %llu\n", number(o, "records_behind"),
                number(o, "lag_ms"));
    text_printf(out, "      Takeovers = %llu\n    Switchovers = %llu\n", number(o, "takeovers"),
                number(o, "switchovers"));
    if (known_at(o, "last_reason"))
        text_printf(out, "    Last reason = %s\n", text_at(o, "last_reason"));
}

const struct show_subject show_redundancy_states = {
    .list = "groups", .check = ha_check, .gather = groups_gather, .render = states_render};

static const char *interdevice_state(const char *role)
{
    return strcmp(role, "OWNER") == 0     ? "RF_INTERDEV_STATE_ACT"
           : strcmp(role, "STANDBY") == 0 ? "RF_INTERDEV_STATE_STDBY"
                                          : "RF_INTERDEV_STATE_INIT";
}

static void interdevice_render(const struct show *s, const json_t *o, struct text *out)
{
    size_t i;
    json_t *b;

    (void)s;
    text_printf(out, "Redundancy inter-device state: %s\n  Scheme: Standby\n",
                interdevice_state(text_at(o, "role")));
    json_array_foreach(at(o, "standby_groups"), i, b)
        text_printf(out, "      Groupname: %s Group State: %s\n", text_at(b, "name"),
                    known_at(b, "state") ? text_at(b, "state") : "none");
    text_printf(out, "  Peer present: %s\n",
                flag_at(o, "peer_connected") ? "RF_INTERDEV_PEER_COMM" : "RF_INTERDEV_PEER_NO_COMM");
    text_add(out, "  Security: TLS 1.3\n");
}

const struct show_subject show_redundancy_interdevice = {
    .list = "groups", .check = ha_check, .gather = groups_gather, .render = interdevice_render};

static void history_render(const struct show *s, const json_t *o, struct text *out)
{
    char ago[DURATION_TEXT];

    (void)s;
    text_printf(out, "%s ago  %s: %s -> %s, epoch %llu", duration_print(number_at(o, "seconds"), ago),
                text_at(o, "group"), text_at(o, "from"), text_at(o, "to"), number(o, "epoch"));
    if (flag_at(o, "planned"))
        text_add(out, ", planned");
    if (known_at(o, "microseconds")) {
        text_add(out, ", in ");
        milliseconds_print(number_at(o, "microseconds"), out);
    }
    text_printf(out, ": %s\n", text_at(o, "reason"));
}

const struct show_subject show_redundancy_history = {.list = "events",
                                                     .check = ha_check,
                                                     .none = "Nothing has changed so far\n",
                                                     .gather = events_gather,
                                                     .render = history_render};
