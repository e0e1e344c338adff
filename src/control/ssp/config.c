/* SPDX-License-Identifier: Apache-2.0 */
/* Shared groups as the configuration has them: made, kept, begun anew where something changed that both
 * members must have alike, and ended. See ssp.h. */
#include "control/ssp/ssp.h"

#include <errno.h>
#include <stdlib.h>

#include "control/ssp/internal.h"
#include "crypto/hash.h"

static const ns SESSION_DEAD_MIN = 300 * NS_PER_MS, SESSION_DEAD_MAX = 1 * NS_PER_S;

/* The address of ours from which the other member is reached. */
static struct address local_of(const struct control *c, const struct config_ssp *s)
{
    if (address_is_set(&s->local))
        return s->local;
    for (uint32_t i = 0; i < c->devices.address_count; i++) {
        const struct prefix *p = &c->devices.addresses[i].prefix;
        if (p->length < address_bits(&p->address) && prefix_contains(p, &s->remote))
            return p->address;
    }
    struct netlink_hop hop;
    if (netlink_route_find(c->netlink, &s->remote, NULL, HOLDFAST_MARK, &hop) == 0)
        for (uint32_t i = 0; i < c->devices.address_count; i++)
            if (c->devices.addresses[i].ifindex == hop.ifindex &&
                c->devices.addresses[i].prefix.address.family == s->remote.family)
                return c->devices.addresses[i].prefix.address;
    return (struct address){0};
}

static void limits_of(const struct config *config, const struct config_ssp *s, struct lease_limits *ret)
{
    *ret = (struct lease_limits){CONFIG_DEFAULT_REPLAY_INBOUND, CONFIG_DEFAULT_REPLAY_OUTBOUND};
    for (uint32_t i = 0; i < config->interfaces.count; i++) {
        const struct config_interface *f = &config->interfaces.items[i];
        const struct config_crypto_map *m =
            config_interface_ssp(config, f) == s ? config_find_crypto_map(config, f->crypto_map.name) : NULL;
        if (m)
            config_map_replay(m, &ret->inbound, &ret->outbound);
    }
}

static void digest_text(char *out, size_t size, const char *text)
{
    size_t len = strlen(out);

    snprintf(out + len, size - len, "%s ", text);
}

/* What both members must have alike: names, crypto maps and their sequences. */
static void digest_of(const struct config *config, const struct config_ssp *s, uint8_t ret[SESSION_DIGEST])
{
    size_t size = 1 << 16;
    char *text = calloc(1, size), number[64];

    memset(ret, 0, SESSION_DIGEST);
    if (!text)
        return;
    for (uint32_t i = 0; i < s->names.count; i++)
        digest_text(text, size, s->names.items[i].name);
    for (uint32_t i = 0; i < config->interfaces.count; i++) {
        const struct config_interface *f = &config->interfaces.items[i];
        const struct config_crypto_map *m =
            config_interface_ssp(config, f) == s ? config_find_crypto_map(config, f->crypto_map.name) : NULL;
        if (!m)
            continue;
        digest_text(text, size, m->name);
        for (uint32_t e = 0; e < m->entries.count; e++) {
            snprintf(number, sizeof number, "%u", m->entries.items[e].sequence);
            digest_text(text, size, number);
            if (m->entries.items[e].dynamic.name)
                digest_text(text, size, m->entries.items[e].dynamic.name);
        }
    }
    const struct bytes part = bytes_of(text, strlen(text));
    (void)!hash_compute(HASH_SHA256, &part, 1, ret);
    free(text);
}

/* A lost member is noticed about as fast as a lost hello, so that pairs at their ceilings need not wait long.
 */
static void session_times(const struct config *config, const struct config_ssp *s, struct session_config *ret)
{
    const struct config_standby *driver = config_ssp_driver(config, s, NULL);
    ns hold = driver && driver->timers_written ? driver->hold_ms * NS_PER_MS : SESSION_DEAD_MAX;

    ret->dead = ns_min(MAX(6 * hold, SESSION_DEAD_MIN), SESSION_DEAD_MAX);
    ret->heartbeat = ret->dead / 5;
}

int ssp_link_make(struct ssp_group *g, const struct config *config, const struct config_ssp *s)
{
    const struct config_secret *secret = config_ssp_secret(config, s);
    const struct ssp_link_events events = {.actions = ssp_link_actions, .log = ssp_link_log, .context = g};
    struct ssp_link_config l = {
        .local = {g->local, s->local_port}, .remote = {g->remote, s->port}, .mark = HOLDFAST_MARK};
    char text[TLS_TEXT] = "", remote[ADDRESS_TEXT];

    session_config_default(&l.session);
    session_times(config, s, &l.session);
    digest_of(config, s, l.session.digest);
    if (s->authentication == CONFIG_SSP_CERTIFICATE) {
        l.tls.certificate = s->certificate;
        l.tls.private_key = s->private_key;
        l.tls.authority = s->authority;
        l.tls.peer = s->peer_name ? s->peer_name : address_print(&g->remote, remote);
    } else if (secret) {
        l.tls.identity = "holdfast-ssp";
        l.tls.secret = bytes_of(secret->text, strlen(secret->text));
    }
    int error = ssp_link_new(&g->control->loop, &l, &events, &g->link, text);
    if (error)
        log_line(g->control->log, "SSP", 2, "LINK", "ssp group %u: no link to the other member: %s",
                 s->number, text[0] ? text : strerror(-error));
    return error;
}

/* Of everything that the link and the member are made from. */
static void settings_of(const struct ssp_group *g, const struct config *config, const struct config_ssp *s,
                        uint8_t ret[32])
{
    const struct config_secret *secret = config_ssp_secret(config, s);
    uint8_t digest[SESSION_DIGEST];
    const char *texts[] = {s->certificate, s->private_key, s->authority, s->peer_name};

    digest_of(config, s, digest);
    struct bytes parts[9] = {bytes_of(digest, sizeof digest), bytes_of(&g->local, sizeof g->local),
                             bytes_of(&g->remote, sizeof g->remote), bytes_of(&s->port, sizeof s->port),
                             secret ? bytes_of(secret->text, strlen(secret->text)) : (struct bytes){0}};
    for (size_t i = 0; i < ARRAY_SIZE(texts); i++)
        parts[5 + i] = texts[i] ? bytes_of(texts[i], strlen(texts[i])) : (struct bytes){0};
    if (hash_compute(HASH_SHA256, parts, ARRAY_SIZE(parts), ret) != 0)
        memset(ret, 0, 32);
}

static void timer_closed(uv_handle_t *handle)
{
    free(handle);
}

static void group_free(struct ssp_group *g)
{
    struct control *c = g->control;

    c->ssp->groups[g->index] = NULL;
    if (g->link)
        ssp_link_free(g->link);
    atomic_store(&c->sad->groups[g->index].word, 0);
    commit_release(c);
    record_store_delete(c->records, CONTROL_RECORD_SHARED_GROUP, g->number);
    uv_timer_stop(g->timer);
    uv_close((uv_handle_t *)g->timer, timer_closed);
    shared_group_done(&g->shared);
    free(g);
}

/* What a predecessor of this process had: its role, in its epoch, and the ceilings of its pairs. */
static int group_begin(struct ssp_group *g, const struct lease_limits *limits)
{
    struct control *c = g->control;
    uint8_t state = SESSION_EMPTY;
    uint32_t epoch = 0, used = atomic_load(&c->sad->slots_used);
    bool bounded = false;
    const struct shared_group_config config = {
        .member = g->member, .slots = c->sad->slots, .limits = *limits};

    (void)ssp_group_noted(g, &state, &epoch, &bounded);
    int error = shared_group_init(&g->shared, &config, &ssp_ops, g, state, epoch, bounded, clock_now());
    for (uint32_t slot = sad_next_slot(c->sad, 0, used); slot < used && !error;
         slot = sad_next_slot(c->sad, slot + 1, used)) {
        const struct sad_pair *p = &c->sad->pairs[slot];
        if (p->group == g->index && atomic_load(&p->state) != PAIR_FREE)
            shared_group_restore(&g->shared, slot, atomic_load(&p->sequence_ceiling),
                                 atomic_load(&p->receive_ceiling), atomic_load(&p->out_mark));
    }
    atomic_store(&c->sad->groups[g->index].word, sad_group_word(epoch, g->member, state == SESSION_OWNER));
    return error;
}

static struct ssp_group *group_new(struct control *c, uint8_t index, const struct config_ssp *s,
                                   const struct lease_limits *limits)
{
    struct ssp_group *g = calloc(1, sizeof *g);

    if (!g)
        return NULL;
    g->timer = calloc(1, sizeof *g->timer);
    if (!g->timer || uv_timer_init(&c->loop, g->timer) != 0) {
        free(g->timer);
        free(g);
        return NULL;
    }
    g->timer->data = g;
    g->control = c;
    g->index = index;
    g->number = s->number;
    g->inter_device = s->inter_device;
    g->born = clock_now();
    g->remote = s->remote;
    g->local = local_of(c, s);
    g->member =
        address_is_set(&g->local) ? memcmp(g->local.bytes, g->remote.bytes, sizeof g->local.bytes) > 0 : 0;
    for (uint32_t i = 0; i < s->names.count && i < SSP_NAMES; i++)
        snprintf(g->names[g->name_count++], SSP_NAME, "%s", s->names.items[i].name);
    c->ssp->groups[index] = g;
    if (group_begin(g, limits) != 0) {
        group_free(g);
        return NULL;
    }
    return g;
}

static void group_configure(struct control *c, const struct config *after, const struct config_ssp *s)
{
    uint8_t index = scopes_shared_group(after, s), settings[32];
    struct ssp_group *g = ssp_group_at(c, index);
    struct lease_limits limits;

    if (index == 0 || s->names.count == 0 || !address_is_set(&s->remote))
        return; /* the check says what is missing */
    limits_of(after, s, &limits);
    if (g) {
        g->shared.config.limits = limits;
        settings_of(g, after, s, settings);
        if (g->number == s->number && address_equal(&g->remote, &s->remote) &&
            memcmp(settings, g->settings, sizeof settings) == 0) {
            g->keep = true;
            return;
        }
        group_free(g);
    }
    g = group_new(c, index, s, &limits);
    if (!g)
        return;
    g->keep = true;
    settings_of(g, after, s, g->settings);
    (void)!ssp_link_make(g, after, s);
}

int ssp_configure(struct control *c, const struct config *after)
{
    if (!c->ssp && after->ssp_groups.count == 0)
        return 0;
    if (!c->ssp)
        c->ssp = calloc(1, sizeof *c->ssp);
    if (!c->ssp)
        return -ENOMEM;
    ssp_each_group(c, g)
        g->keep = false;
    for (uint32_t i = 0; i < after->ssp_groups.count; i++)
        group_configure(c, after, &after->ssp_groups.items[i]);
    ssp_each_group(c, g)
        if (!g->keep)
            group_free(g);
    return 0;
}

/* After IKE was configured and its records restored. */
void ssp_apply(struct control *c)
{
    if (!c->restored)
        return;
    ssp_each_group(c, g) {
        bool active = ssp_active(c, g->index);
        const struct ike_event e = {.type = IKE_EVENT_ROLE, .role = {.group = g->index, .active = active}};
        control_ike(c, &e);
        ssp_group_schedule(g);
    }
    ssp_redundancy_changed(c);
}

void ssp_ike_config(const struct control *c, struct ike_config *ret)
{
    ssp_each_group(c, g) {
        ret->member = g->member;
        ret->members = 2;
    }
}

uint8_t ssp_member(const struct control *c)
{
    ssp_each_group(c, g)
        return g->member;
    return 0;
}

const char *ssp_driver_of(const struct config *config, const char *standby_name)
{
    for (uint32_t n = 0; n < config->ssp_groups.count; n++) {
        const struct config_ssp *s = &config->ssp_groups.items[n];
        for (uint32_t i = 1; i < s->names.count; i++)
            if (strcmp(s->names.items[i].name, standby_name) == 0 &&
                strcmp(s->names.items[0].name, standby_name) != 0)
                return s->names.items[0].name;
    }
    return NULL;
}
