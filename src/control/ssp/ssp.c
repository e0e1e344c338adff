/* SPDX-License-Identifier: Apache-2.0 */
/* Shared groups as the configuration has them; what redundancy, the link, the IKE machine and the engine tell
 * them. See ssp.h; the group's hands are ops.c. */
#include "control/ssp/ssp.h"

#include <errno.h>
#include <stdlib.h>

#include "control/redundancy/redundancy.h"
#include "control/ssp/internal.h"
#include "crypto/hash.h"

enum { STOP_POLL_MS = 5, DRAIN_POLL_MS = 1, DRAIN_ROUNDS = 2 };

static const ns SESSION_DEAD_MIN = 300 * NS_PER_MS, SESSION_DEAD_MAX = 1 * NS_PER_S,
                BYE_PATIENCE = 200 * NS_PER_MS;
static const ns DRAIN_QUIET = 3 * NS_PER_MS;
/* Before the other member had time to show itself nobody takes a role away from whoever has it. */
static const ns MEET_TIME = 5 * NS_PER_S;
static const ns PREEMPT_PAUSE = 5 * NS_PER_S;

static struct ssp_group *group_at(const struct control *c, uint8_t index)
{
    return c->ssp && index < SAD_GROUPS_MAX ? c->ssp->groups[index] : NULL;
}

#define each_group(c, g)                                           \
    for (uint8_t at_ = 1; (c)->ssp && at_ < SAD_GROUPS_MAX; at_++) \
        for (struct ssp_group *g = (c)->ssp->groups[at_]; g; g = NULL)

static struct ssp_group *group_named(const struct control *c, const char *name)
{
    each_group(c, g) for (unsigned i = 0; i < g->name_count;
                          i++) if (strcmp(g->names[i], name) == 0) return g;
    return NULL;
}

static void link_action(struct ssp_group *g, const struct session_action *a);
static int link_make(struct ssp_group *g, const struct config *config, const struct config_ssp *s) must_check;

/* ---- timers ---- */

/* A packet that waits for a higher ceiling is ours to deliver. */
static bool packets_wait(const struct ssp_group *g)
{
    const struct sad *sad = g->control->sad;
    uint32_t used = atomic_load(&sad->slots_used);

    for (uint32_t slot = sad_next_slot(sad, 0, used); slot < used;
         slot = sad_next_slot(sad, slot + 1, used)) {
        const struct sad_pair *p = &sad->pairs[slot];
        if (p->group == g->index && atomic_load(&p->state) != PAIR_FREE &&
            atomic_load(&p->in_wanted) > p->replay.top)
            return true;
    }
    return false;
}

static void drain_ask(struct ssp_group *g)
{
    struct channel_message m = {.type = CHANNEL_HEARTBEAT};

    g->drain_epoch = (atomic_load(&g->control->sad->engines[0].epoch) | 1) + 1;
    control_channel_send(g->control, &m);
}

void ssp_drain_begin(struct ssp_group *g, ns now)
{
    g->draining = true;
    g->drain_bursts = g->control->sad->engines[0].bursts;
    g->drain_since = now;
    g->drain_rounds = 0;
    drain_ask(g);
}

/* That no burst came says nothing about an engine that had no turn. It has seen that its queues are empty
 * when it answered twice: whatever was there at the first answer was read before the second. */
static void drain_look(struct ssp_group *g, ns now)
{
    if (g->control->sad->engines[0].bursts != g->drain_bursts) {
        ssp_drain_begin(g, now);
        return;
    }
    if (atomic_load(&g->control->sad->engines[0].epoch) >= g->drain_epoch) {
        g->drain_rounds++;
        drain_ask(g);
    }
    if (g->drain_rounds < DRAIN_ROUNDS || ns_since(now, g->drain_since) < DRAIN_QUIET || packets_wait(g))
        return;
    g->draining = false;
    shared_group_drained(&g->shared, now);
}

/* A standby in step takes the role in a planned switchover where the configuration wants that. */
static void preempt_look(struct ssp_group *g, ns now)
{
    const struct membership *m = &g->shared.membership;

    if (m->state != SESSION_STANDBY || !m->in_step || m->switching || now < g->preempt_not_before ||
        !redundancy_would_preempt(g->control, g->names[0]))
        return;
    g->preempt_not_before = now + PREEMPT_PAUSE;
    log_line(g->control->log, "HA", 5, "PREEMPT", "group %s: the other member is asked for the role",
             g->names[0]);
    shared_group_switchover(&g->shared, now);
}

static void relink(struct ssp_group *g)
{
    const struct session_action lost = {.kind = SESSION_PEER_LOST, .lost = {.reason = SESSION_LOST_CLOSED}};
    const struct config_ssp *s = config_find_ssp(g->control->config, g->number);

    g->relink = false;
    if (!g->link || !s)
        return;
    ssp_link_free(g->link);
    g->link = NULL;
    link_action(g, &lost);
    (void)!link_make(g, g->control->config, s);
}

static void timer_due(uv_timer_t *timer)
{
    struct ssp_group *g = timer->data;
    ns now = clock_now();

    if (g->relink)
        relink(g);

    if (g->draining)
        drain_look(g, now);
    if (now >= shared_group_deadline(&g->shared))
        shared_group_tick(&g->shared, now);
    preempt_look(g, now);
    ssp_group_schedule(g);
}

void ssp_group_schedule(struct ssp_group *g)
{
    ns now = clock_now(), at = ns_min(shared_group_deadline(&g->shared), now + 250 * NS_PER_MS);

    if (g->relink)
        at = now;
    if (g->draining)
        at = ns_min(at, now + DRAIN_POLL_MS * NS_PER_MS);
    uv_update_time(&g->control->loop);
    uv_timer_start(g->timer, timer_due, (ns_since(at, now) + NS_PER_MS - 1) / NS_PER_MS, 0);
}

/* ---- the link ---- */

static void link_action(struct ssp_group *g, const struct session_action *a)
{
    bool was = g->peer_up;

    if (a->kind == SESSION_PEER_UP)
        g->peer_up = g->peer_seen = true;
    else if (a->kind == SESSION_PEER_LOST || a->kind == SESSION_BYE)
        g->peer_up = false;
    if (a->kind == SESSION_PEER_UP)
        g->peer_since = clock_now();
    else if (a->kind == SESSION_PEER_LOST)
        g->last_lost = session_lost_name(a->lost.reason);
    if (was != g->peer_up)
        redundancy_preemption_changed(g->control);
    if (a->kind == SESSION_PEER_UP)
        log_line(g->control->log, "HA", 5, "PEER_UP", "group %s: the other member is there", g->names[0]);
    else if (a->kind == SESSION_PEER_LOST && was)
        log_line(g->control->log, "HA", 4, "PEER_LOST", "group %s: the other member is gone: %s", g->names[0],
                 session_lost_name(a->lost.reason));
    g->reason = a->kind == SESSION_SNAPSHOT_END ? "the owner's snapshot is complete"
                : a->kind == SESSION_NOTICE     ? "planned switchover"
                : a->kind == SESSION_ROLE       ? "the other member's role"
                : g->peer_up                    ? "the other member is there"
                                                : "the other member is gone";
    g->switched = a->kind == SESSION_NOTICE;
    shared_group_session(&g->shared, a, clock_now());
}

static void link_actions(void *context, const struct session_actions *a)
{
    struct ssp_group *g = context;

    for (size_t i = 0; i < a->count; i++)
        if (a->items[i].kind != SESSION_SEND && a->items[i].kind != SESSION_LOG)
            link_action(g, &a->items[i]);
    ssp_group_schedule(g);
}

static void link_log(void *context, uint8_t severity, const char *mnemonic, const char *text)
{
    struct ssp_group *g = context;

    log_line(g->control->log, "SSP", severity, mnemonic, "%s", text);
}

/* ---- configuration ---- */

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

static int link_make(struct ssp_group *g, const struct config *config, const struct config_ssp *s)
{
    const struct config_secret *secret = config_ssp_secret(config, s);
    const struct ssp_link_events events = {.actions = link_actions, .log = link_log, .context = g};
    struct ssp_link_config l = {
        .local = {g->local, s->local_port}, .remote = {g->remote, s->port}, .mark = HOLDFAST_MARK};
    char text[TLS_TEXT] = "";

    session_config_default(&l.session);
    session_times(config, s, &l.session);
    digest_of(config, s, l.session.digest);
    if (s->authentication == CONFIG_SSP_CERTIFICATE) {
        l.tls.certificate = s->certificate;
        l.tls.private_key = s->private_key;
        l.tls.authority = s->authority;
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
    const char *files[] = {s->certificate, s->private_key, s->authority};

    digest_of(config, s, digest);
    struct bytes parts[8] = {bytes_of(digest, sizeof digest), bytes_of(&g->local, sizeof g->local),
                             bytes_of(&g->remote, sizeof g->remote), bytes_of(&s->port, sizeof s->port),
                             secret ? bytes_of(secret->text, strlen(secret->text)) : (struct bytes){0}};
    for (size_t i = 0; i < ARRAY_SIZE(files); i++)
        parts[5 + i] = files[i] ? bytes_of(files[i], strlen(files[i])) : (struct bytes){0};
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
    struct ssp_group *g = group_at(c, index);
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
    (void)!link_make(g, after, s);
}

int ssp_configure(struct control *c, const struct config *after)
{
    if (!c->ssp && after->ssp_groups.count == 0)
        return 0;
    if (!c->ssp)
        c->ssp = calloc(1, sizeof *c->ssp);
    if (!c->ssp)
        return -ENOMEM;
    each_group(c, g) g->keep = false;
    for (uint32_t i = 0; i < after->ssp_groups.count; i++)
        group_configure(c, after, &after->ssp_groups.items[i]);
    each_group(c, g) if (!g->keep) group_free(g);
    return 0;
}

/* After IKE was configured and its records restored. */
void ssp_apply(struct control *c)
{
    if (!c->restored)
        return;
    each_group(c, g)
    {
        bool active = ssp_active(c, g->index);
        const struct ike_event e = {.type = IKE_EVENT_ROLE, .role = {.group = g->index, .active = active}};
        control_ike(c, &e);
        ssp_group_schedule(g);
    }
    ssp_redundancy_changed(c);
}

void ssp_ike_config(const struct control *c, struct ike_config *ret)
{
    each_group(c, g)
    {
        ret->member = g->member;
        ret->members = 2;
    }
}

uint8_t ssp_member(const struct control *c)
{
    each_group(c, g) return g->member;
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

/* ---- redundancy ---- */

void ssp_redundancy_changed(struct control *c)
{
    if (!c->restored)
        return; /* what a predecessor did goes on */
    each_group(c, g)
    {
        if (g->bye)
            continue; /* the owner was told that we shall not take it */
        bool ours = redundancy_is_active(c, g->names[0]);
        g->reason = ours ? "its HSRP group became Active" : "its HSRP group is not Active";
        shared_group_verdict(&g->shared, ours, clock_now());
        ssp_group_schedule(g);
    }
}

bool ssp_preempts(const struct control *c, const char *standby_name)
{
    const struct ssp_group *g = group_named(c, standby_name);

    if (!g || !g->link)
        return true;
    return !g->peer_up && (g->peer_seen || ns_since(clock_now(), g->born) > MEET_TIME);
}

bool ssp_keeps_addresses(const struct control *c, const char *standby_name)
{
    const struct ssp_group *g = group_named(c, standby_name);

    return g && g->yielding;
}

/* ---- IKE and the engine ---- */

static void must_wait_for(struct control *c, uint8_t group, uint64_t number)
{
    if (!number)
        return;
    c->commit.need = number;
    c->commit.need_group = group;
}

void ssp_record(struct control *c, uint8_t group, uint8_t kind, uint64_t key, struct bytes data)
{
    struct ssp_group *g = group_at(c, group);

    if (g)
        must_wait_for(c, group, shared_group_put(&g->shared, kind, key, data, clock_now()));
}

void ssp_record_deleted(struct control *c, uint8_t group, uint8_t kind, uint64_t key)
{
    struct ssp_group *g = group_at(c, group);

    if (g)
        (void)shared_group_delete(&g->shared, kind, key, clock_now());
}

void ssp_pair_new(struct control *c, uint8_t group, const struct ike_pair_install *p,
                  struct session_lease *ret_ceilings)
{
    struct ssp_group *g = group_at(c, group);
    uint8_t data[IKE_INSTALL_MAX];
    size_t len = g ? pair_install_write(p, data, sizeof data) : 0;

    if (len == 0)
        return;
    if (record_store_put(c->records, CONTROL_RECORD_PAIR_SA, p->slot, bytes_of(data, len)) != 0)
        log_line(c->log, "HOLDFAST", 2, "RECORD",
                 "a pair of SAs could not be kept: the standby will lack it");
    must_wait_for(c, group,
                  shared_group_pair_new(&g->shared, p->slot, p->spi_in, bytes_of(data, len), ret_ceilings,
                                        clock_now()));
    wipe(data, sizeof data);
}

void ssp_pair_gone(struct control *c, uint8_t group, uint32_t slot)
{
    struct ssp_group *g = group_at(c, group);

    record_store_delete(c->records, CONTROL_RECORD_PAIR_SA, slot);
    if (g)
        shared_group_pair_gone(&g->shared, slot, clock_now());
}

bool ssp_waits(const struct control *c, uint8_t group, uint64_t number)
{
    const struct ssp_group *g = group_at(c, group);

    return g && shared_group_waits(&g->shared, number);
}

void ssp_give_up(struct control *c, const char *why)
{
    each_group(c, g)
    {
        log_line(c->log, "HA", 2, "GIVE_UP", "group %s: the other member is given up: %s", g->names[0], why);
        g->relink = true; /* not from within a callback of the link */
        ssp_group_schedule(g);
    }
}

void ssp_lease_due(struct control *c, uint32_t slot, uint32_t spi_in)
{
    const struct sad_pair *p = slot < c->sad->slots ? &c->sad->pairs[slot] : NULL;
    struct ssp_group *g = p && p->spi_in == spi_in ? group_at(c, p->group) : NULL;

    if (!g)
        return;
    shared_group_lease_due(&g->shared, slot, clock_now());
    ssp_group_schedule(g);
}

bool ssp_active(const struct control *c, uint8_t group)
{
    return group == 0 || sad_group_active(atomic_load(&c->sad->groups[group].word));
}

/* ---- leaving ---- */

int ssp_switchover(struct control *c)
{
    int result = -ENOENT;

    each_group(c, g)
    {
        const struct membership *m = &g->shared.membership;
        if (m->state != SESSION_OWNER && m->state != SESSION_STANDBY)
            continue;
        result = m->in_step && m->peer_up ? 0 : -EAGAIN;
        if (result == 0)
            shared_group_switchover(&g->shared, clock_now());
    }
    return result;
}

/* The link begins anew, and with it the snapshot. */
int ssp_forget_standby(struct control *c)
{
    int result = -ENOENT;

    each_group(c, g)
    {
        bool standby = g->shared.membership.state == SESSION_STANDBY && g->link;
        result = standby ? 0 : result == -ENOENT ? -EAGAIN : result;
        g->relink = g->relink || standby;
        ssp_group_schedule(g);
    }
    return result;
}

static bool still_leaving(struct control *c)
{
    bool waits = false;

    each_group(c, g) waits = waits || (g->peer_up && g->shared.membership.state == SESSION_OWNER &&
                                       g->shared.membership.switching);
    return waits;
}

static void stop_look(uv_timer_t *timer)
{
    struct control *c = timer->data;
    if (still_leaving(c))
        return;
    ns now = clock_now();
    bool waits = false;
    each_group(c, g)
    {
        if (!g->link || g->shared.membership.state == SESSION_OWNER)
            continue;
        if (!g->bye) {
            g->bye = ssp_link_bye(g->link);
            g->bye_until = now + BYE_PATIENCE;
            ssp_link_flush(g->link);
        }
        waits = waits || (g->bye && session_acked(ssp_link_session(g->link)) < g->bye && now < g->bye_until);
    }
    if (waits)
        return;
    uv_timer_stop(timer);
    c->ssp->stopped(c);
}

void ssp_stop(struct control *c, void (*done)(struct control *c))
{
    bool any = false;

    each_group(c, g)
    {
        any = true;
        if (g->shared.membership.state == SESSION_OWNER && g->shared.membership.in_step)
            shared_group_switchover(&g->shared, clock_now());
    }
    if (!any) {
        done(c);
        return;
    }
    c->ssp->stopped = done;
    uv_timer_init(&c->loop, &c->ssp->stop_timer);
    c->ssp->stop_timer.data = c;
    uv_timer_start(&c->ssp->stop_timer, stop_look, 0, STOP_POLL_MS);
}
