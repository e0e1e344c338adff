/* SPDX-License-Identifier: Apache-2.0 */
/* The list that a step leaves: adding actions, copying what they name into the arena, lines for people.
 * Called from every room of ike/. Always holds: a unit of work begins only with action_room, and leaves less
 * than that. */
#include "ike/machine.h"

#include <assert.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

enum { UNIT_ACTIONS = 24, UNIT_ARENA = 40 * 1024, LINE_MAX_ = 400 };

void ike_actions_done(struct ike_actions *a)
{
    wipe(a->arena, a->used);
    a->count = 0;
    a->used = 0;
}

bool action_room(const struct ike *ike)
{
    return ike->out->count + UNIT_ACTIONS <= IKE_ACTIONS_MAX && ike->out->used + UNIT_ARENA <= IKE_ARENA_SIZE;
}

struct ike_action *action_add(struct ike *ike, enum ike_action_type type)
{
    struct ike_actions *out = ike->out;
    assert(out && out->count < IKE_ACTIONS_MAX);
    struct ike_action *a = &out->list[out->count++];
    memset(a, 0, sizeof(*a));
    a->type = type;
    a->group =
        type == IKE_ACTION_LOG || type == IKE_ACTION_DEBUG || type == IKE_ACTION_KEYS ? 0 : ike->acting_group;
    a->replica = ike->acting_replica;
    return a;
}

static uint8_t *arena_take(struct ike *ike, size_t len)
{
    struct ike_actions *out = ike->out;
    assert(len <= IKE_ARENA_SIZE - out->used);
    uint8_t *at = out->arena + out->used;
    out->used += len;
    return at;
}

void action_query(struct ike *ike, uint64_t about, const uint32_t *slots, uint32_t count)
{
    struct ike_action *a = action_add(ike, IKE_ACTION_QUERY_TRAFFIC);
    size_t pad = -ike->out->used % _Alignof(uint32_t);
    (void)arena_take(ike, pad);
    uint32_t *copy = (uint32_t *)arena_take(ike, count * sizeof(*slots));
    memcpy(copy, slots, count * sizeof(*slots));
    a->query.sa = about;
    a->query.slots = copy;
    a->query.slot_count = count;
}

struct bytes action_copy(struct ike *ike, struct bytes b)
{
    if (b.len == 0)
        return (struct bytes){0};
    uint8_t *at = arena_take(ike, b.len);
    memcpy(at, b.data, b.len);
    return bytes_of(at, b.len);
}

/* Lines are the one thing that may be left out: they never take the room of what must happen. */
static bool line_room(const struct ike *ike)
{
    return ike->out && ike->out->count + 12 < IKE_ACTIONS_MAX &&
           ike->out->used + UNIT_ARENA / 2 < IKE_ARENA_SIZE;
}

static const char *text_copy(struct ike *ike, const char *text)
{
    size_t len = strlen(text) + 1;
    return (const char *)action_copy(ike, bytes_of(text, len)).data;
}

void ike_log(struct ike *ike, uint8_t severity, const char *mnemonic, const char *format, ...)
{
    char line[LINE_MAX_];
    if (!line_room(ike))
        return;
    va_list args;
    va_start(args, format);
    vsnprintf(line, sizeof(line), format, args);
    va_end(args);
    struct ike_action *a = action_add(ike, IKE_ACTION_LOG);
    a->log.severity = severity;
    a->log.mnemonic = mnemonic;
    a->log.text = text_copy(ike, line);
}

bool ike_log_allowed(struct ike *ike)
{
    if (ns_since(ike->now, ike->log_window) >= NS_PER_S) {
        ike->log_window = ike->now;
        ike->log_count = 0;
        if (ike->log_dropped) {
            uint32_t dropped = ike->log_dropped;
            ike->log_dropped = 0;
            ike_log(ike, 4, "IKMP_LOG_LIMIT", "%u messages about strangers were left out", dropped);
        }
    }
    if (ike->log_count < IKE_LOGS_PER_SECOND) {
        ike->log_count++;
        return true;
    }
    ike->log_dropped++;
    return false;
}

static void debug_line(struct ike *ike, const char *line)
{
    struct ike_action *a = action_add(ike, IKE_ACTION_DEBUG);
    a->log.severity = 7;
    a->log.mnemonic = "ISAKMP";
    a->log.text = text_copy(ike, line);
}

void ike_debugf(struct ike *ike, const char *format, ...)
{
    char line[LINE_MAX_];
    if (!ike->debug_messages || !line_room(ike))
        return;
    va_list args;
    va_start(args, format);
    vsnprintf(line, sizeof(line), format, args);
    va_end(args);
    debug_line(ike, line);
}

void ike_debug_message(struct ike *ike, const struct ike_sa *sa, const struct isakmp_message *m)
{
    char text[1600];
    if (!ike->debug_messages || !line_room(ike))
        return;
    int used = snprintf(text, sizeof(text), "(%u): message received:\n", sa ? sa->number : 0);
    isakmp_print(m, text + used, sizeof(text) - (size_t)used);
    debug_line(ike, text);
}

/* ---- old cryptography, warned about once by name ---- */

static void warn_once(struct ike *ike, unsigned bit, const char *what)
{
    if (ike->weak_warned & (1u << bit))
        return;
    ike->weak_warned |= 1u << bit;
    ike_log(ike, 4, "WEAK_ALGORITHM", "%s is in use: it no longer protects against a capable attacker", what);
}

void ike_warn_weak(struct ike *ike, enum cbc_algorithm encryption, enum hash_algorithm hash, unsigned group)
{
    if (encryption == CBC_DES)
        warn_once(ike, 0, "DES");
    if (encryption == CBC_3DES)
        warn_once(ike, 1, "3DES");
    if (hash == HASH_MD5)
        warn_once(ike, 2, "MD5");
    if (group == DH_MODP_768)
        warn_once(ike, 3, "Diffie-Hellman group 1 (768 bit)");
    if (group == DH_MODP_1024)
        warn_once(ike, 4, "Diffie-Hellman group 2 (1024 bit)");
    if (group == DH_MODP_1536)
        warn_once(ike, 5, "Diffie-Hellman group 5 (1536 bit)");
}

void ike_warn_weak_packet(struct ike *ike, const struct packet_algorithms *a)
{
    ike_warn_weak(ike,
                  a->encryption == PACKET_ENCRYPTION_DES    ? CBC_DES
                  : a->encryption == PACKET_ENCRYPTION_3DES ? CBC_3DES
                                                            : CBC_NONE,
                  a->integrity == PACKET_INTEGRITY_MD5_96 ? HASH_MD5 : HASH_NONE, 0);
}

/* ---- kept messages ---- */

struct message *message_copy(struct bytes b)
{
    struct message *m = malloc(sizeof(*m) + b.len);
    if (!m)
        return NULL;
    m->len = (uint32_t)b.len;
    if (b.len)
        memcpy(m->data, b.data, b.len);
    return m;
}

void message_free(struct message **m)
{
    if (*m)
        wipe((*m)->data, (*m)->len);
    free(*m);
    *m = NULL;
}

uint64_t ike_digest(const struct ike *ike, struct bytes datagram)
{
    /* The same in every machine, so that a successor knows a repeated message again. */
    static const uint64_t seed = 0x6a09e667f3bcc908;
    (void)ike;
    uint64_t a = hash_bytes(datagram.data, datagram.len, seed);
    uint64_t b = hash_bytes(datagram.data, datagram.len, ~seed);
    return (a << 32 | b) | 1; /* never 0, which stands for none */
}
