/* SPDX-License-Identifier: Apache-2.0 */
/* What the IKE machine must know of the configuration. Control makes it from the model; the machine borrows
 * it until the next ike_configure. Names (crypto map, transform set) are for logs and show only. */
#ifndef IKE_CONFIG_H
#define IKE_CONFIG_H

#include "base/address.h"
#include "base/time.h"
#include "crypto/cbc.h"
#include "crypto/dh.h"
#include "crypto/hash.h"
#include "crypto/packet_cipher.h"

enum ike_authentication { IKE_AUTH_PRESHARED = 1, IKE_AUTH_RSA_SIGNATURE = 3 };

/* One `crypto isakmp policy`. Lower priority numbers are preferred. */
struct ike_policy {
    uint16_t priority;
    uint8_t encryption; /* enum cbc_algorithm */
    uint16_t key_bits;  /* AES only, else 0 */
    uint8_t hash;       /* enum hash_algorithm */
    uint8_t group;      /* enum dh_group */
    uint8_t authentication;
    uint32_t lifetime_seconds;
};

/* One `crypto isakmp key`: by the peer's address (most specific prefix wins) or by its name (`hostname`, then
 * peer.address.family is ADDRESS_NONE), which also serves ID_FQDN, ID_USER_FQDN and ID_KEY_ID in aggressive
 * mode. */
struct ike_key {
    struct prefix peer;
    const char *hostname;
    struct bytes key;
    bool no_xauth;
};

/* One `crypto ipsec transform-set`. */
struct ike_transform_set {
    const char *name;
    bool has_esp, has_ah;
    struct packet_algorithms esp;
    uint8_t ah_integrity; /* enum packet_integrity */
    bool transport;       /* mode transport; used only where the proxies are the two endpoints, else tunnel */
};

enum { IKE_PEERS_MAX = 40, IKE_TRANSFORM_SETS_MAX = 6 };

enum ike_identity_kind { IKE_IDENTITY_ADDRESS, IKE_IDENTITY_HOSTNAME };

struct ike_peer {
    struct address address;
    bool is_default;             /* `set peer A default` */
    bool aggressive;             /* initiate aggressive mode (crypto isakmp peer ... set aggressive-mode) */
    const char *aggressive_id;   /* identity sent in it; NULL: as `identity` says */
    uint8_t aggressive_id_type;  /* ISAKMP id type of aggressive_id: 2 FQDN, 3 USER_FQDN, 11 KEY_ID */
    struct bytes aggressive_key; /* empty: as for main mode */
};

/* One sequence of a crypto map in one scope (an interface, or a local address shared by several). */
struct ike_connection {
    uint32_t id;      /* spd_entry.id: stays over changes of the configuration */
    uint32_t ifindex; /* of the (first) interface; for show and for sending */
    const char *map_name;
    const char *interface_name;
    uint32_t sequence;
    uint8_t group; /* of gateways that share its SAs, as in ike_config.groups; 0: none. Its `local` is then an
                      address of that group */
    bool dynamic;  /* an entry of a dynamic map: never initiates; no peers means any peer, no selectors any
                      proxy */
    struct address local;
    struct ike_peer *peers; /* in order of preference */
    uint32_t peer_count;
    const struct ike_transform_set *transform_sets[IKE_TRANSFORM_SETS_MAX];
    uint32_t transform_set_count;
    uint8_t pfs_group; /* 0: off. As responder: off accepts any, else at least this strength */
    uint32_t lifetime_seconds;
    uint32_t lifetime_kilobytes;
    uint32_t idle_seconds; /* 0: never */
    uint16_t replay_size;  /* 0: replay check off */
    uint8_t df_policy;     /* 0 copy, 1 set, 2 clear */
    bool fragment_after;
    struct selector *selectors; /* permit lines of the access list, local to remote, in order */
    uint32_t selector_count;
};

enum { IKE_GROUPS_MAX = 8, IKE_GROUP_ADDRESSES = 2 };

/* A group of gateways that share the IKE SAs and pairs of its virtual addresses. What has one of them as its
 * local address belongs to the group. */
struct ike_group {
    bool used;
    struct address local[IKE_GROUP_ADDRESSES]; /* of one family or of both; unset ones have no family */
};

enum ike_dpd_mode { IKE_DPD_OFF, IKE_DPD_ON_DEMAND, IKE_DPD_PERIODIC };

struct ike_config {
    const struct ike_policy *policies; /* ordered by priority */
    uint32_t policy_count;
    const struct ike_key *keys;
    uint32_t key_count;
    const struct ike_connection *connections;
    uint32_t connection_count;

    /* By number; [0] is no group and is not used. Those that are used start as standby: IKE_EVENT_ROLE. */
    struct ike_group groups[IKE_GROUPS_MAX];
    /* Our number among `members` gateways that share SAs: new slots and ids are only those that are ours.
     * members 0 or 1: alone, all slots are ours. May change; what there is stays. */
    uint8_t member, members;

    uint8_t identity; /* enum ike_identity_kind */
    const char *hostname;

    uint8_t dpd_mode;
    uint32_t dpd_seconds, dpd_retry_seconds,
        dpd_misses; /* unanswered probes until the peer is dead; 0: three, as the field counts */
    uint32_t nat_keepalive_seconds; /* 0: off */
    bool invalid_spi_recovery;
    bool aggressive_disabled; /* neither offered nor answered */
    bool fragmentation;

    /* Limits (promise: bounded everything). 0: the machine's default. */
    uint32_t half_open_max;             /* unauthenticated IKE SAs in all; beyond it the oldest gives way */
    uint32_t half_open_per_address_max; /* of one source address */
};

#endif
