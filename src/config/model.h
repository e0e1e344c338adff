/* SPDX-License-Identifier: Apache-2.0 */
/* The configuration as plain data: what a text in the router configuration language means.
 *
 * parse.h makes it from text, write.h turns it back into text, plan.h compares two of them, check.h looks for
 * references that lead nowhere. Control, lab and the design checker only read it. Every array is sorted by
 * its key (that is the canonical order of the text too), so that finding is a binary search and two models
 * with the same content write the same text. Every object knows the line it came from; line 0 means a line
 * typed in `configure terminal`. The model owns all that it points to. Pointers into its arrays live until
 * the next change of the model.
 */
#ifndef CONFIG_MODEL_H
#define CONFIG_MODEL_H

#include "base/address.h"

/* Nothing a user writes may grow without end; going beyond one of these is an error that names it. */
enum {
    CONFIG_MAX_LINES = 1000000,
    CONFIG_MAX_LINE = 1000, /* characters of one line */
    CONFIG_MAX_NAME = 63,
    CONFIG_MAX_HOSTNAME = 63, /* of this gateway */
    CONFIG_MAX_FQDN = 253,    /* of a peer */
    CONFIG_MAX_KEY = 128,     /* characters of a pre-shared key */
    CONFIG_MAX_DESCRIPTION = 240,
    CONFIG_MAX_DEVICE = 15, /* IFNAMSIZ - 1 */
    CONFIG_MAX_POLICIES = 1000,
    CONFIG_MAX_KEYS = 100000,
    CONFIG_MAX_ISAKMP_PEERS = 100000,
    CONFIG_MAX_TRANSFORM_SETS = 1000,
    CONFIG_MAX_CRYPTO_MAPS = 1000,
    CONFIG_MAX_CRYPTO_MAP_ENTRIES = 65535, /* of one map */
    CONFIG_MAX_PEERS = 40,                 /* of one crypto map entry */
    CONFIG_MAX_ENTRY_TRANSFORM_SETS = 6,
    CONFIG_MAX_INTERFACES = 4096,
    CONFIG_MAX_ADDRESSES = 256, /* of one interface */
    CONFIG_MAX_ACCESS_LISTS = 100000,
    CONFIG_MAX_ACCESS_LIST_ENTRIES = 65535, /* of one list */
    CONFIG_MAX_ROUTES = 100000,
    CONFIG_MAX_STANDBY_GROUPS = 256, /* of one interface; the same for VRRP */
    CONFIG_MAX_GROUP_TRACKS = 32,    /* of one group */
    CONFIG_MAX_GROUP_ADDRESSES = 32, /* secondary ones of one group */
    CONFIG_MAX_TRACKS = 1000,        /* the highest number of a tracked object */
    CONFIG_MAX_TRACK_OBJECTS = 64,   /* of one list */
    CONFIG_MAX_TRACK_DELAY = 180,    /* seconds */
    CONFIG_MAX_PROBES = 500,
    CONFIG_MAX_PROBE_RATE = 2000, /* requests a second, of all probes together */
    CONFIG_MAX_SSP_GROUPS = 7,    /* what an SA table has room for */
    CONFIG_MAX_SSP_NAMES = 16,    /* HSRP groups of one SSP group */
    CONFIG_MAX_ROUTER_NETWORKS = 1000,
    CONFIG_MAX_PASSIVE_INTERFACES = 4096,
    CONFIG_MAX_KEPT = 10000, /* lines without effect, of one place */
};

/* A growable array. Only the model's own functions change it. */
#define CONFIG_ARRAY(type)        \
    struct {                      \
        type *items;              \
        uint32_t count, capacity; \
    }

struct config_place {
    uint32_t line;   /* 1..; 0: not from a file */
    uint16_t column; /* 1.. */
};

/* A name that stands for another object, which need not exist while the text is being read. NULL: not set. */
struct config_reference {
    char *name;
    struct config_place place;
};

struct config_secret {
    uint8_t len;
    char text[CONFIG_MAX_KEY + 1]; /* ends in NUL; wiped by config_done */
};

/* A line that is accepted but has no function here: kept in the text. */
struct config_kept {
    char *text;      /* canonical keywords; a leading blank: inside the block of the kept line before it */
    uint8_t section; /* where the writer puts it (enum config_section) */
    struct config_place place;
};

enum config_section { CONFIG_SECTION_HEAD, CONFIG_SECTION_MIDDLE, CONFIG_SECTION_TAIL };

/* ---- ISAKMP
 * ---------------------------------------------------------------------------------------------------- */

enum config_encryption {
    CONFIG_ENCRYPTION_DES, /* the language's default */
    CONFIG_ENCRYPTION_3DES,
    CONFIG_ENCRYPTION_AES_128,
    CONFIG_ENCRYPTION_AES_192,
    CONFIG_ENCRYPTION_AES_256,
};

enum config_hash {
    CONFIG_HASH_MD5,
    CONFIG_HASH_SHA, /* the language's default */
    CONFIG_HASH_SHA256,
    CONFIG_HASH_SHA384,
    CONFIG_HASH_SHA512,
};

enum config_authentication {
    CONFIG_AUTHENTICATION_RSA_SIG, /* the language's default */
    CONFIG_AUTHENTICATION_RSA_ENCR,
    CONFIG_AUTHENTICATION_PRE_SHARE,
};

/* Bits of config_isakmp_policy.written: which values stood in the text (the others are defaults). */
enum {
    CONFIG_POLICY_ENCRYPTION = 1,
    CONFIG_POLICY_HASH = 2,
    CONFIG_POLICY_AUTHENTICATION = 4,
    CONFIG_POLICY_GROUP = 8,
    CONFIG_POLICY_LIFETIME = 16,
};

struct config_isakmp_policy {
    uint16_t priority; /* the key; 1..10000, lowest is tried first */
    uint8_t encryption;
    uint8_t hash;
    uint8_t authentication;
    uint8_t group; /* IANA number: 1 2 5 14 15 16 19 20 21 31 */
    uint8_t written;
    uint32_t lifetime; /* seconds */
    struct config_place place;
};

/* Who a key or a peer profile belongs to: exactly one of prefix and hostname is set. */
struct config_isakmp_key {
    struct prefix prefix; /* host bits clear; 0.0.0.0/0 is a wildcard key */
    char *hostname;       /* NULL: by address */
    struct config_secret secret;
    bool no_xauth;
    struct config_place place;
};

enum config_client_endpoint {
    CONFIG_ENDPOINT_NONE,
    CONFIG_ENDPOINT_ADDRESS,
    CONFIG_ENDPOINT_FQDN,
    CONFIG_ENDPOINT_USER_FQDN
};

/* `crypto isakmp peer`: initiate aggressive mode to this peer. */
struct config_isakmp_peer {
    struct address address; /* unset: by hostname */
    char *hostname;
    struct config_secret password; /* len 0: not set; without it the profile does not initiate */
    uint8_t client_endpoint_type;  /* enum config_client_endpoint: the identity to send */
    char *client_endpoint;         /* text of FQDN and USER_FQDN */
    struct address client_endpoint_address;
    char *description;
    struct config_place place;
};

enum config_identity { CONFIG_IDENTITY_ADDRESS, CONFIG_IDENTITY_HOSTNAME, CONFIG_IDENTITY_DN };

struct config_keepalive {
    uint16_t seconds;       /* 0: no dead peer detection by this side */
    uint16_t retry_seconds; /* 2 by default */
    bool periodic;          /* else on-demand */
    bool retry_written, mode_written;
    struct config_place place;
};

/* ---- IPsec
 * ----------------------------------------------------------------------------------------------------- */

enum config_ah {
    CONFIG_AH_NONE,
    CONFIG_AH_MD5,
    CONFIG_AH_SHA,
    CONFIG_AH_SHA256,
    CONFIG_AH_SHA384,
    CONFIG_AH_SHA512,
};

enum config_esp {
    CONFIG_ESP_NONE, /* no ESP at all */
    CONFIG_ESP_NULL,
    CONFIG_ESP_DES,
    CONFIG_ESP_3DES,
    CONFIG_ESP_AES_128,
    CONFIG_ESP_AES_192,
    CONFIG_ESP_AES_256,
    CONFIG_ESP_GCM_128,
    CONFIG_ESP_GCM_192,
    CONFIG_ESP_GCM_256,
};

enum config_esp_auth {
    CONFIG_ESP_AUTH_NONE,
    CONFIG_ESP_AUTH_MD5,
    CONFIG_ESP_AUTH_SHA,
    CONFIG_ESP_AUTH_SHA256,
    CONFIG_ESP_AUTH_SHA384,
    CONFIG_ESP_AUTH_SHA512,
};

struct config_transform_set {
    char *name;                     /* the key */
    uint8_t ah;                     /* enum config_ah */
    uint8_t esp;                    /* enum config_esp; an authentication alone means ESP_NULL */
    uint8_t esp_auth;               /* enum config_esp_auth */
    bool transport;                 /* `mode transport` */
    bool mode_written, esp_written; /* `mode tunnel` / `esp-null` stood in the text */
    struct config_place place;
};

struct config_map_peer {
    struct address address; /* unset: by hostname */
    char *hostname;
    bool is_default; /* tried first again after idle-time */
    struct config_place place;
};

/* `reverse-route`: routes to the networks behind the peer. */
struct config_reverse_route {
    bool enabled;
    bool is_static;             /* there without SAs, too */
    bool gateway;               /* a route to the peer by `remote_peer` comes with it */
    uint8_t distance;           /* 1 by default */
    uint32_t tag;               /* 0: none */
    struct address remote_peer; /* the next hop; unset: the peer itself */
    struct config_place place;
};

/* An entry of a crypto map or of a dynamic map. In a crypto map an entry with `dynamic` has nothing but that
 * reference: the entries of the dynamic map stand in its place. */
struct config_crypto_map_entry {
    uint16_t sequence;           /* the key; 1..65535, lowest is looked at first */
    uint8_t pfs_group;           /* 0: no PFS */
    uint32_t lifetime_seconds;   /* 0: the global one */
    uint32_t lifetime_kilobytes; /* 0: the global one */
    uint32_t idle_time;          /* seconds; 0: the global one */
    struct config_reference
        access_list;                 /* of a dynamic map's entry: what peers may ask for; unset: anything */
    struct config_reference dynamic; /* `ipsec-isakmp dynamic NAME` */
    struct config_reverse_route reverse_route;
    CONFIG_ARRAY(struct config_map_peer) peers;           /* in order of preference */
    CONFIG_ARRAY(struct config_reference) transform_sets; /* in order of preference */
    char *description;
    struct config_place place;
};

/* Also a dynamic map, which has no local_address. */
struct config_crypto_map {
    char *name;                            /* the key */
    struct config_reference local_address; /* an interface */
    CONFIG_ARRAY(struct config_crypto_map_entry) entries;
    uint32_t replay_inbound, replay_outbound; /* `ha replay-interval`, packets; 0: not written */
    bool replay_redundancy;                   /* written as `redundancy replay-interval` */
    struct config_place replay_place;
    struct config_place place;
};

enum config_df_bit { CONFIG_DF_COPY, CONFIG_DF_SET, CONFIG_DF_CLEAR };

/* ---- Virtual addresses: HSRP and VRRP
 * ------------------------------------------------------------------------------------- */

/* What lowers a group's priority while it is down: an interface or a tracked object. */
struct config_group_track {
    struct config_reference interface; /* name NULL: an object */
    uint16_t object;                   /* 1..1000; 0: an interface */
    uint8_t decrement;                 /* 10 by default */
    bool shutdown;                     /* the group stops instead */
    struct config_place place;
};

struct config_group_address {
    struct address address;
    struct config_place place;
};

/* Times in which another one that is active may go on although our priority is higher. Seconds. */
struct config_preempt_delay {
    uint16_t minimum, reload, sync; /* 0..3600 */
};

enum config_standby_authentication {
    CONFIG_STANDBY_AUTHENTICATION_DEFAULT, /* text "cisco" */
    CONFIG_STANDBY_AUTHENTICATION_TEXT,
    CONFIG_STANDBY_AUTHENTICATION_MD5,
};

enum {
    CONFIG_STANDBY_TEXT = 8,        /* characters of `authentication text` */
    CONFIG_STANDBY_MD5_KEY = 64,    /* characters of `md5 key-string` */
    CONFIG_DEFAULT_HELLO_MS = 3000, /* HSRP */
    CONFIG_DEFAULT_HOLD_MS = 10000,
    CONFIG_DEFAULT_ADVERTISE_MS = 1000, /* VRRP */
    CONFIG_DEFAULT_PRIORITY = 100,
    CONFIG_DEFAULT_DECREMENT = 10,
};

/* `standby GROUP ...` (RFC 2281). */
struct config_standby {
    uint16_t group;         /* the key; 0..255, with version 2 0..4095 */
    bool has_ip;            /* `standby ip` stands there: without it the group does nothing */
    struct address address; /* IPv4; unset: learned from the others */
    CONFIG_ARRAY(struct config_group_address) secondaries; /* in the order in which they were given */
    uint8_t priority;
    bool preempt;
    struct config_preempt_delay preempt_delay;
    bool timers_written, hello_msec, hold_msec; /* msec: written in milliseconds */
    uint32_t hello_ms, hold_ms;                 /* defaults where not written */
    uint8_t authentication;                     /* enum config_standby_authentication */
    struct config_secret secret;                /* of it */
    uint16_t md5_timeout; /* seconds for which the former key is still accepted; 0: none */
    CONFIG_ARRAY(struct config_group_track) tracks;
    char *name;                     /* NULL: config_standby_name */
    struct config_reference follow; /* the name of the group whose state this one takes */
    uint8_t mac[6];                 /* all zero: the group's own */
    struct config_place place;
};

/* `vrrp GROUP ...` (RFC 9568). One group may have IPv4 and IPv6 addresses: a virtual router of each family
 * with the same settings. */
struct config_vrrp {
    uint16_t group;                                      /* the key; 1..255 */
    CONFIG_ARRAY(struct config_group_address) addresses; /* IPv4, primary first; then IPv6 */
    uint8_t priority;                                    /* 1..254 */
    bool no_preempt;
    uint16_t preempt_delay; /* seconds */
    bool advertise_msec, advertise_written;
    uint32_t advertise_ms;
    CONFIG_ARRAY(struct config_group_track) tracks; /* objects only */
    char *description;
    struct config_place place;
};

enum config_track_type {
    CONFIG_TRACK_LINE_PROTOCOL,
    CONFIG_TRACK_IP_ROUTING, /* up, and with an address */
    CONFIG_TRACK_IP_ROUTE,   /* exactly this route is in the table */
    CONFIG_TRACK_LIST,
    CONFIG_TRACK_PROBE,
};

struct config_track_object {
    uint16_t number;
    bool negated;
    struct config_place place;
};

/* `track NUMBER ...` */
struct config_track {
    uint16_t number;                                  /* the key; 1..1000 */
    uint8_t type;                                     /* enum config_track_type */
    bool is_or;                                       /* LIST: any of the objects, else all */
    struct config_reference interface;                /* LINE_PROTOCOL, IP_ROUTING */
    struct prefix route;                              /* IP_ROUTE; host bits clear */
    CONFIG_ARRAY(struct config_track_object) objects; /* LIST; by number */
    uint32_t probe;                                   /* PROBE: its number */
    uint8_t probe_aspect;                             /* PROBE: enum config_probe_aspect */
    struct config_place probe_place;
    uint32_t delay_up, delay_down; /* ms */
    struct config_place place;
};

/* What of a probe is tracked. */
enum config_probe_aspect {
    CONFIG_PROBE_STATE_STANDARD, /* not written: as STATE */
    CONFIG_PROBE_STATE,          /* up while answers come within the threshold */
    CONFIG_PROBE_REACHABILITY,   /* up while answers come */
};

enum config_probe_schedule { CONFIG_PROBE_NOT_SCHEDULED, CONFIG_PROBE_PENDING, CONFIG_PROBE_NOW };

enum {
    CONFIG_PROBE_FREQUENCY = 60000, /* ms; where none is written */
    CONFIG_PROBE_TIMEOUT = 5000,
    CONFIG_PROBE_THRESHOLD = 5000,
    CONFIG_PROBE_LIFE = 3600, /* seconds */
    CONFIG_PROBE_FREQUENCY_MIN = 20,
};

/* `ip sla NUMBER` with its operation, and `ip sla schedule NUMBER`. */
struct config_probe {
    uint32_t number;                          /* the key; 1..2147483647 */
    struct address destination;               /* of `icmp-echo`; unset: no operation yet */
    struct config_reference source_interface; /* its address is the source */
    struct address source;                    /* unset: the kernel chooses, or the interface */
    uint32_t frequency, timeout, threshold;   /* ms; 0: not written */
    uint8_t schedule;                         /* enum config_probe_schedule */
    bool life_forever;
    uint32_t life; /* seconds; 0: not written */
    CONFIG_ARRAY(struct config_kept) kept;
    struct config_place place, frequency_place, timeout_place, threshold_place;
};

/* ---- Stateful failover
 * --------------------------------------------------------------------------------------------- */

enum config_ssp_authentication {
    CONFIG_SSP_ISAKMP_KEY,  /* the default: the `crypto isakmp key` that fits the remote address */
    CONFIG_SSP_PRE_SHARE,   /* its own */
    CONFIG_SSP_CERTIFICATE, /* of each side, signed by an authority of its own */
};

enum {
    CONFIG_SSP_INTER_DEVICE = 0, /* the number of the group that `redundancy inter-device` makes */
    CONFIG_DEFAULT_SSP_PORT = 3249,
    CONFIG_DEFAULT_REPLAY_INBOUND = 1000,
    CONFIG_DEFAULT_REPLAY_OUTBOUND = 100000,
};

/* Two gateways that share the state of their SAs: `ssp group N`, or `redundancy inter-device` and `ipc zone
 * default` together, which mean the same. */
struct config_ssp {
    uint8_t number;               /* the key; 1..100, or CONFIG_SSP_INTER_DEVICE */
    struct address remote, local; /* local unset: as the routes have it */
    struct config_place remote_place, local_place;
    uint16_t port, local_port; /* of TCP: where the remote listens, where we do; never 0 */
    bool port_written;
    CONFIG_ARRAY(struct config_reference) names; /* of HSRP groups; the first drives, the others go with it */
    uint8_t authentication;                      /* enum config_ssp_authentication */
    struct config_secret secret;                 /* PRE_SHARE */
    char *certificate, *private_key, *authority; /* CERTIFICATE: files in PEM, absolute names */
    char *peer_name; /* CERTIFICATE: a name in the other one's, in place of its address; may be NULL */
    struct config_place place;

    /* Only of inter-device: which of its lines stand in the text. */
    bool inter_device, zone, association_shutdown, sctp, local_written, remote_written;
    uint8_t association;             /* 1..255; 0: none */
    struct config_reference profile; /* `security ipsec PROFILE` */
    CONFIG_ARRAY(struct config_kept) kept;
    struct config_place zone_place;
};

/* ---- Interfaces, routes, access lists
 * -------------------------------------------------------------------------- */

struct config_interface_address {
    struct prefix prefix; /* with its host bits */
    bool secondary;
    struct config_place place;
};

/* `ip ospf ...` of an interface; 0: not set. */
struct config_ospf_interface {
    uint16_t cost, hello, dead; /* seconds */
    uint8_t dead_multiplier;    /* hellos a second, with a dead time of one second; excludes `dead` */
    uint8_t priority;
    bool priority_written, mtu_ignore;
    uint8_t network; /* enum config_ospf_network */
};

enum config_ospf_network {
    CONFIG_OSPF_NETWORK_DEFAULT, /* of the device's kind */
    CONFIG_OSPF_BROADCAST,
    CONFIG_OSPF_POINT_TO_POINT,
    CONFIG_OSPF_POINT_TO_MULTIPOINT,
    CONFIG_OSPF_NON_BROADCAST,
};

/* `ip hello-interval eigrp AS N`, `ip hold-time eigrp AS N`. */
struct config_eigrp_interface {
    uint16_t process;     /* the key */
    uint16_t hello, hold; /* seconds; 0: not set */
};

struct config_interface {
    char *name;                         /* the key; canonical: Serial1/0:0, or a Linux name */
    char device[CONFIG_MAX_DEVICE + 1]; /* as written; empty: see interface_device() */
    CONFIG_ARRAY(struct config_interface_address) addresses; /* IPv4 primary, secondaries, then IPv6 */
    char *description;
    bool shutdown;
    uint16_t mtu; /* 0: leave the device's */
    struct config_reference crypto_map;
    struct config_reference crypto_redundancy; /* the HSRP group whose address its tunnels end at */
    bool crypto_stateful;                      /* `redundancy NAME stateful` */
    uint8_t crypto_ssp;                        /* `crypto map M ssp N`; 0: none */
    struct config_place crypto_ssp_place;
    uint8_t standby_version; /* 1 (default) or 2 */
    bool standby_version_written, standby_use_bia;
    bool standby_delay_written;
    uint16_t standby_delay_minimum, standby_delay_reload; /* seconds; where not written: 1 and 5 */
    CONFIG_ARRAY(struct config_standby) standby;
    CONFIG_ARRAY(struct config_vrrp) vrrp;
    struct config_ospf_interface ospf;
    CONFIG_ARRAY(struct config_eigrp_interface) eigrp;
    CONFIG_ARRAY(struct config_kept) kept;
    struct config_place place;
};

enum config_acl_action { CONFIG_ACL_PERMIT, CONFIG_ACL_DENY, CONFIG_ACL_REMARK };
enum config_port_match { CONFIG_PORT_ANY, CONFIG_PORT_EQ, CONFIG_PORT_GT, CONFIG_PORT_LT, CONFIG_PORT_RANGE };

enum { CONFIG_ACL_HOLES = 255 };

struct config_acl_side {
    struct address address; /* bits that the wildcard leaves free are clear; `any` is 0.0.0.0 or :: */
    uint32_t wildcard;      /* IPv4, host order: bits set are free */
    uint8_t length;         /* the prefix length, or CONFIG_ACL_HOLES where an IPv4 wildcard is no prefix */
    uint8_t port_match;     /* enum config_port_match, how it was written */
    uint16_t port_low, port_high; /* inclusive; 0..65535: any */
};

struct config_acl_entry {
    uint32_t sequence; /* the key */
    uint8_t action;
    uint8_t protocol; /* IP protocol; 0: any */
    bool log;
    struct config_acl_side source, destination;
    char *remark;
    struct config_place place;
};

struct config_access_list {
    char *name;     /* the key; numbered lists have their number as name */
    uint8_t family; /* ADDRESS_V4 or ADDRESS_V6 (`ipv6 access-list`) */
    CONFIG_ARRAY(struct config_acl_entry) entries;
    struct config_place place;
};

struct config_route {
    struct prefix prefix;    /* host bits clear */
    struct address next_hop; /* unset: only the interface */
    struct config_reference interface;
    uint8_t distance; /* 1 by default */
    uint16_t track;   /* there only while this object is up; 0: always */
    struct config_place track_place;
    char *name;
    struct config_place place;
};

/* ---- Routing protocols: OSPF is FRR's, EIGRP our own
 * ------------------------------------------------------------------------------- */

enum config_router_protocol { CONFIG_ROUTER_OSPF, CONFIG_ROUTER_EIGRP };

struct config_router_network {
    struct address address; /* the key, with the wildcard; bits that are free are clear */
    uint32_t wildcard;      /* host order: bits set are free */
    uint32_t area;          /* OSPF */
    bool area_dotted;       /* written as an address */
    struct config_place place;
};

enum config_redistribute_source {
    CONFIG_REDISTRIBUTE_CONNECTED,
    CONFIG_REDISTRIBUTE_STATIC, /* `ip route` and reverse routes */
    CONFIG_REDISTRIBUTE_OSPF,
    CONFIG_REDISTRIBUTE_EIGRP,
};

struct config_redistribute {
    uint8_t source;  /* the key: enum config_redistribute_source */
    uint16_t number; /* process or AS of OSPF and EIGRP */
    bool subnets;    /* OSPF: also what is no classful network */
    bool metric_written;
    uint32_t metric[5];  /* OSPF: the first; EIGRP: bandwidth, delay, reliability, load, MTU */
    uint8_t metric_type; /* OSPF: 1, 2; 0: not written, which is 2 */
    struct config_place place;
};

struct config_passive_interface {
    struct config_reference interface; /* its name is the key */
    bool active;                       /* `no passive-interface IF` beside `passive-interface default` */
};

/* `router ospf|eigrp NUMBER` */
struct config_router {
    uint8_t protocol;         /* the key: enum config_router_protocol */
    uint16_t number;          /* process or AS */
    struct address router_id; /* unset: chosen among the addresses */
    CONFIG_ARRAY(struct config_router_network) networks;
    CONFIG_ARRAY(struct config_redistribute) redistribute;
    CONFIG_ARRAY(struct config_passive_interface) passive;
    bool passive_default;
    bool default_information, default_always, default_metric_written;
    uint32_t default_metric;
    uint8_t default_metric_type; /* 0: not written */
    bool log_adjacency, log_adjacency_detail;
    uint32_t spf_delay, spf_hold, spf_maximum; /* ms; all 0: not written */
    uint32_t reference_bandwidth;              /* Mbit/s; 0: not written */
    uint8_t maximum_paths, variance, distance; /* 0: not written */
    CONFIG_ARRAY(struct config_kept) kept;
    struct config_place place;
};

/* ---- The whole
 * ------------------------------------------------------------------------------------------------- */

enum {
    CONFIG_DEFAULT_LIFETIME_SECONDS = 3600,
    CONFIG_DEFAULT_LIFETIME_KILOBYTES = 4608000,
    CONFIG_DEFAULT_REPLAY_WINDOW = 64
};

struct config {
    char *file;     /* name for messages; NULL: typed */
    char *hostname; /* NULL: the node's own */

    CONFIG_ARRAY(struct config_isakmp_policy) isakmp_policies;
    CONFIG_ARRAY(struct config_isakmp_key) isakmp_keys;
    CONFIG_ARRAY(struct config_isakmp_peer) isakmp_peers;
    struct config_keepalive keepalive;
    uint8_t identity; /* enum config_identity */
    bool identity_written;
    uint16_t nat_keepalive; /* seconds; 0: not configured */
    bool invalid_spi_recovery;
    bool aggressive_mode_disabled;
    bool isakmp_fragmentation;
    uint8_t isakmp_ssp; /* `crypto isakmp ssp N`; 0: none */
    struct config_place isakmp_ssp_place;

    CONFIG_ARRAY(struct config_transform_set) transform_sets;
    uint32_t lifetime_seconds, lifetime_kilobytes; /* of IPsec SAs; never 0 */
    bool lifetime_seconds_written, lifetime_kilobytes_written;
    uint16_t replay_window; /* packets; 0: replay detection is disabled */
    bool replay_window_written;
    uint32_t idle_time; /* seconds; 0: none */
    uint8_t df_bit;     /* enum config_df_bit */
    bool df_bit_written;
    bool fragment_after_encryption;
    bool fragmentation_written;
    CONFIG_ARRAY(struct config_crypto_map) dynamic_maps;
    CONFIG_ARRAY(struct config_crypto_map) crypto_maps;

    CONFIG_ARRAY(struct config_track) tracks;
    CONFIG_ARRAY(struct config_ssp) ssp_groups;
    CONFIG_ARRAY(struct config_interface) interfaces;
    CONFIG_ARRAY(struct config_router) routers;
    CONFIG_ARRAY(struct config_access_list) access_lists;
    CONFIG_ARRAY(struct config_route) routes;
    CONFIG_ARRAY(struct config_probe) probes;
    CONFIG_ARRAY(struct config_kept) kept;
};

/* Everything at its default. */
void config_init(struct config *c);
/* Frees all, wipes keys, leaves it as config_init does. */
void config_done(struct config *c);
/* A deep copy into an uninitialised `ret`. -ENOMEM, then `ret` is as after config_init. */
int config_copy(const struct config *c, struct config *ret) must_check;

/* All find functions return NULL where there is no such object. Names are case-sensitive. */
struct config_isakmp_policy *config_find_policy(const struct config *c, uint32_t priority);
/* The key for a peer: the longest prefix wins. A key by hostname is found by that hostname alone. */
struct config_isakmp_key *config_find_key(const struct config *c, const struct address *peer);
struct config_isakmp_key *config_find_key_hostname(const struct config *c, const char *hostname);
struct config_isakmp_peer *config_find_isakmp_peer(const struct config *c, const struct address *address,
                                                   const char *hostname);
struct config_transform_set *config_find_transform_set(const struct config *c, const char *name);
struct config_crypto_map *config_find_crypto_map(const struct config *c, const char *name);
struct config_crypto_map *config_find_dynamic_map(const struct config *c, const char *name);
struct config_crypto_map_entry *config_find_crypto_map_entry(const struct config_crypto_map *m,
                                                             uint32_t sequence);
struct config_interface *config_find_interface(const struct config *c, const char *canonical_name);
struct config_access_list *config_find_access_list(const struct config *c, const char *name);
struct config_track *config_find_track(const struct config *c, uint32_t number);
struct config_probe *config_find_probe(const struct config *c, uint32_t number);
/* ms. What is not written is at most what it may be: timeout <= frequency, threshold <= timeout. */
uint32_t config_probe_frequency(const struct config_probe *p);
uint32_t config_probe_timeout(const struct config_probe *p);
uint32_t config_probe_threshold(const struct config_probe *p);
struct config_router *config_find_router(const struct config *c, enum config_router_protocol protocol);
struct config_standby *config_find_standby(const struct config_interface *i, uint32_t group);
struct config_vrrp *config_find_vrrp(const struct config_interface *i, uint32_t group);
/* The group of that name on any interface; `ret_interface` (may be NULL) gets the interface. */
const struct config_standby *config_find_standby_name(const struct config *c, const char *name,
                                                      const struct config_interface **ret_interface);
/* Its name: as configured, else "hsrp-Fa0/0-1". Returns `out`. */
const char *config_standby_name(const struct config_interface *i, const struct config_standby *s,
                                char out[CONFIG_MAX_NAME + 1]);

/* ---- Of stateful failover ---- */

struct config_ssp *config_find_ssp(const struct config *c, uint32_t number);
/* The group with whose other member an interface's crypto map shares its SAs: by `crypto map M ssp N`, or by
 * the name in `redundancy NAME stateful`. NULL: it does not share. */
const struct config_ssp *config_interface_ssp(const struct config *c, const struct config_interface *i);
/* The HSRP group that says which member owns an SSP group: the first of its names. NULL: there is no group of
 * that name. `ret_interface` may be NULL. */
const struct config_standby *config_ssp_driver(const struct config *c, const struct config_ssp *s,
                                               const struct config_interface **ret_interface);
/* The HSRP group at whose virtual address the tunnels of an interface's crypto map end: `redundancy NAME`, or
 * the first group of `ssp N` that is on this interface, else the driver. NULL: none; they end at an address
 * of the interface. */
const struct config_standby *config_interface_crypto_standby(const struct config *c,
                                                             const struct config_interface *i,
                                                             const struct config_interface **ret_interface);
/* Packets; the defaults where none are written. Both may be NULL. */
void config_map_replay(const struct config_crypto_map *m, uint32_t *ret_inbound, uint32_t *ret_outbound);
/* The pre-shared key of the channel: the group's own, else the isakmp key of the remote. NULL: it has
 * certificates, or no key at all (which config_check refuses). */
const struct config_secret *config_ssp_secret(const struct config *c, const struct config_ssp *s);

/* The interface's IPv4 (or IPv6) primary address, or NULL. */
const struct config_interface_address *config_interface_primary(const struct config_interface *i,
                                                                uint8_t family);
/* The Linux device of an interface: as written; Loopback: lo; Serial1/0:0: se1_0_0; FastEthernet0/0: fa0_0; a
 * Linux name: itself. False where that would be longer than 15 characters. */
bool interface_device(const struct config_interface *i, char out[CONFIG_MAX_DEVICE + 1]);

/* What one side of an entry stands for as a prefix; false where its wildcard has holes. */
bool config_acl_side_prefix(const struct config_acl_side *s, struct prefix *ret);

/* The wildcard of an address's class (10.0.0.0: 0.255.255.255), host order. */
uint32_t config_classful_wildcard(const struct address *a);

/* Printed names, in the language's own words: "aes 256", "md5", "pre-share", "esp-aes 256", "esp-md5-hmac"
 * ... */
const char *config_encryption_name(uint8_t encryption);
const char *config_hash_name(uint8_t hash);
const char *config_authentication_name(uint8_t authentication);
const char *config_ah_name(uint8_t ah);
const char *config_esp_name(uint8_t esp);
const char *config_esp_auth_name(uint8_t esp_auth);
/* "permit ip 10.0.0.0 0.255.255.255 10.0.64.0 0.0.0.255"; cut off at `size`. Returns `out`. */
char *config_acl_entry_print(const struct config_acl_entry *e, uint8_t family, char *out, size_t size);

#endif
