/* SPDX-License-Identifier: Apache-2.0 */
/* What the show_*.c files share: the list of subjects, how facts are made, how text reads them. Internal to
 * show.
 *
 * A subject gathers its facts item by item: each is a JSON object given to show_item, which renders or dumps
 * it at once and lets go of it, so that a hundred thousand SAs do not lie in memory as JSON. A renderer sees
 * the item and the one before it (for headings), nothing else. */
#ifndef CONTROL_SHOW_INTERNAL_H
#define CONTROL_SHOW_INTERNAL_H

#include <jansson.h>

#include "control/show/output.h"
#include "control/show/show.h"

enum show_id {
    SHOW_ISAKMP_SA,
    SHOW_ISAKMP_POLICY,
    SHOW_IPSEC_SA,
    SHOW_TRANSFORM_SET,
    SHOW_CRYPTO_MAP,
    SHOW_CRYPTO_SESSION,
    SHOW_CRYPTO_ENGINE,
    SHOW_INTERFACES,
    SHOW_INTERFACE_BRIEF,
    SHOW_ACCESS_LISTS,
    SHOW_IP_ROUTE,
    SHOW_RUNNING_CONFIG,
    SHOW_STARTUP_CONFIG,
    SHOW_LOGGING,
    SHOW_PROCESSES,
    SHOW_VERSION,
    SHOW_DEBUGGING,
    SHOW_STANDBY,
    SHOW_STANDBY_BRIEF,
    SHOW_VRRP,
    SHOW_VRRP_BRIEF,
    SHOW_TRACK,
    SHOW_SLA_STATISTICS,
    SHOW_SLA_CONFIGURATION,
    SHOW_SLA_SUMMARY,
    SHOW_EIGRP_NEIGHBORS,
    SHOW_EIGRP_INTERFACES,
    SHOW_EIGRP_TOPOLOGY,
    SHOW_SSP,
    SHOW_SSP_PEERS,
    SHOW_SSP_CLIENTS,
    SHOW_SSP_PACKET,
    SHOW_SSP_REDUNDANCY,
    SHOW_CRYPTO_HA,
    SHOW_REDUNDANCY_STATES,
    SHOW_REDUNDANCY_INTERDEVICE,
    SHOW_REDUNDANCY_HISTORY,
    SHOW_IDS,
};

struct show {
    const struct show_source *source;
    const struct grammar_call *call;
    struct show_output *output;
    const struct show_subject *subject;
    bool detail, failed; /* failed: no memory */
    unsigned items;
    json_t *before; /* the item before this one; NULL at the first */
};

struct show_subject {
    const char *list; /* the name of the items' array; NULL: there is one item, which is the answer */
    /* Whether the command makes sense; else says why, with show_refuse. May be NULL. */
    bool (*check)(struct show *s);
    const char *none; /* printed where there is no item; may be NULL */
    void (*gather)(struct show *s);
    void (*head)(const struct show *s, struct text *out); /* may be NULL */
    void (*render)(const struct show *s, const json_t *item, struct text *out);
    void (*tail)(const struct show *s, struct text *out); /* may be NULL; `before` is the last item */
};

/* By enum show_id, from the file of each subject. */
extern const struct show_subject show_isakmp_sa, show_isakmp_policy, show_ipsec_sa, show_transform_set,
    show_crypto_map, show_crypto_session, show_crypto_engine, show_interfaces, show_interface_brief,
    show_access_lists, show_ip_route, show_running_config, show_startup_config, show_logging, show_processes,
    show_version, show_debugging, show_standby, show_standby_brief, show_vrrp, show_vrrp_brief, show_track,
    show_sla_statistics, show_sla_configuration, show_sla_summary, show_eigrp_neighbors,
    show_eigrp_interfaces, show_eigrp_topology, show_ssp, show_ssp_peers, show_ssp_clients, show_ssp_packet,
    show_ssp_redundancy, show_crypto_ha, show_redundancy_states, show_redundancy_interdevice,
    show_redundancy_history;

/* Takes the item over. NULL: no memory. */
void show_item(struct show *s, json_t *item);
/* The one line of a command that cannot be carried out; false, for `check`. */
bool show_refuse(struct show *s, const char *format, ...) __attribute__((format(printf, 2, 3)));
/* Whether `active` or `standby` in the command, where it stands, asks for such an SA. */
bool show_part_wanted(const struct show *s, bool standby);
/* A check: the interface that the command names (label `where`), if it does, is configured. */
bool show_check_interface(struct show *s);

/* ---- facts: `o` may be NULL, then nothing happens; what cannot be kept marks the command as failed ---- */

/* Bytes that are no UTF-8 or would move a terminal's cursor become '?'. */
void fact_text(struct show *s, json_t *o, const char *key, const char *value);
void fact_number(struct show *s, json_t *o, const char *key, uint64_t value);
void fact_flag(struct show *s, json_t *o, const char *key, bool value);
void fact_value(struct show *s, json_t *o, const char *key, json_t *value);             /* taken over */
void fact_address(struct show *s, json_t *o, const char *key, const struct address *a); /* unset: null */
void fact_append(struct show *s, json_t *array, json_t *value);                         /* taken over */
void fact_append_text(struct show *s, json_t *array, const char *value);

/* Reading them: "", 0, false where there is none. */
const char *text_at(const json_t *o, const char *key);
uint64_t number_at(const json_t *o, const char *key);
bool flag_at(const json_t *o, const char *key);
const json_t *at(const json_t *o, const char *key);
bool known_at(const json_t *o, const char *key); /* there, and not null */
/* Whether that text differs from the one of the item before. */
bool text_changed(const struct show *s, const json_t *item, const char *key);

/* "00:15:04", "1d02h", "3w4d", "2y5w" as the field prints times that passed. */
enum { DURATION_TEXT = 24 };
char *duration_print(uint64_t seconds, char out[DURATION_TEXT]);
/* Seconds from now until `then`; 0: past. */
uint64_t seconds_until(const struct show *s, ns then);
uint64_t seconds_since(const struct show *s, ns then);
/* Of a round trip, as the field has them: whole ones, rounded up, never 0. */
uint64_t show_milliseconds(uint64_t us);

/* What is weak in it, as a sentence's subject ("DES", "MD5", "group 1 (768 bit)"); NULL: nothing. */
const char *weak_encryption(const char *name);
const char *weak_hash(const char *name);
const char *weak_group(unsigned group);

/* "10.0.0.0/255.0.0.0" of IPv4 and "2001:db8::/64" of IPv6: as the field prints proxies. */
char *proxy_print(const struct prefix *p, char out[2 * ADDRESS_TEXT]);

#endif
