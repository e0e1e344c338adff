/* SPDX-License-Identifier: Apache-2.0 */
/* See firewall.h: the text of firewall_text.c goes to the kernel through libnftables. Counters are asked for
 * before a replacement and go on after it, by name of interface and sequence. */
#include "io/firewall.h"

#include <errno.h>
#include <nftables/libnftables.h>
#include <stdlib.h>

#include "io/firewall_text.h"

struct count {
    char *interface;
    uint32_t sequence;
    uint64_t packets[2], bytes[2]; /* [0] out, [1] in */
};

struct firewall {
    struct nft_ctx *nft;
    char **names; /* of the interfaces, as they are in the kernel's table now */
    size_t name_count;
    struct count *counts; /* as they were read last, in the order of (interface, sequence) */
    size_t count_count, count_room;
    bool failed;
    char error[512];
};

int firewall_new(struct firewall **ret)
{
    struct firewall *f = calloc(1, sizeof(*f));
    if (!f)
        return -ENOMEM;
    f->nft = nft_ctx_new(NFT_CTX_DEFAULT);
    if (!f->nft || nft_ctx_buffer_output(f->nft) != 0 || nft_ctx_buffer_error(f->nft) != 0) {
        firewall_free(f);
        return -ENOMEM;
    }
    *ret = f;
    return 0;
}

static void names_done(char **names, size_t count)
{
    for (size_t i = 0; i < count; i++)
        free(names[i]);
    free(names);
}

void firewall_free(struct firewall *f)
{
    if (!f)
        return;
    if (f->nft)
        nft_ctx_free(f->nft);
    names_done(f->names, f->name_count);
    free(f->counts);
    free(f);
}

const char *firewall_error(const struct firewall *f)
{
    return f->error;
}

static int nft_run(struct firewall *f, const char *commands)
{
    errno = 0;
    if (nft_run_cmd_from_buffer(f->nft, commands) == 0) {
        nft_ctx_get_error_buffer(f->nft); /* warnings */
        return 0;
    }
    int e = errno;
    const char *said = nft_ctx_get_error_buffer(f->nft);
    size_t len = strcspn(said, "\n");
    len = MIN(len, sizeof(f->error) - 1);
    memcpy(f->error, said, len);
    f->error[len] = 0;
    if (e == EPERM || strstr(f->error, "Operation not permitted"))
        return -EPERM;
    if (e == EOPNOTSUPP || e == EPROTONOSUPPORT || e == EAFNOSUPPORT)
        return -EOPNOTSUPP;
    if (strstr(f->error, "No such file or directory"))
        return -ENOENT;
    return -EINVAL;
}

static struct count *count_find(struct firewall *f, const char *interface, uint32_t sequence)
{
    for (size_t i = 0; i < f->count_count; i++)
        if (f->counts[i].sequence == sequence && strcmp(f->counts[i].interface, interface) == 0)
            return &f->counts[i];
    return NULL;
}

static void count_take(void *user, bool in, size_t interface, uint32_t sequence, uint64_t packets,
                       uint64_t bytes)
{
    struct firewall *f = user;
    if (interface >= f->name_count)
        return;
    /* Only what counted is kept: with many sequences most never do. */
    struct count *c = packets ? count_find(f, f->names[interface], sequence) : NULL;
    if (!c && packets) {
        if (f->count_count == f->count_room) {
            size_t room = f->count_room ? f->count_room * 2 : 64;
            struct count *bigger = realloc(f->counts, room * sizeof(*bigger));
            if (!bigger) {
                f->failed = true;
                return;
            }
            f->counts = bigger;
            f->count_room = room;
        }
        c = &f->counts[f->count_count++];
        *c = (struct count){.interface = f->names[interface], .sequence = sequence};
    }
    if (c) {
        c->packets[in] = packets;
        c->bytes[in] = bytes;
    }
}

static int counters_read(struct firewall *f)
{
    f->count_count = 0;
    f->failed = false;
    if (f->name_count == 0)
        return 0;
    int r = nft_run(f, "list counters table inet holdfast\n");
    const char *listing = nft_ctx_get_output_buffer(f->nft);
    if (r < 0)
        return r == -ENOENT ? 0 : r;
    firewall_text_counters(listing, count_take, f);
    return f->failed ? -ENOMEM : 0;
}

struct start {
    struct firewall *firewall;
    const struct firewall_rules *rules;
};

static struct firewall_start start_find(void *user, bool in, size_t interface, uint32_t sequence)
{
    struct start *s = user;
    const struct count *c = count_find(s->firewall, s->rules->interfaces[interface].name, sequence);
    return c ? (struct firewall_start){c->packets[in], c->bytes[in]} : (struct firewall_start){0};
}

static char **names_of(const struct firewall_rules *rules)
{
    char **names = calloc(rules->interface_count + 1, sizeof(*names));
    for (size_t i = 0; names && i < rules->interface_count; i++) {
        names[i] = strdup(rules->interfaces[i].name);
        if (!names[i]) {
            names_done(names, i);
            return NULL;
        }
    }
    return names;
}

int firewall_apply(struct firewall *f, const struct firewall_rules *rules)
{
    struct nft_text text;
    f->error[0] = 0;
    /* Counters that cannot be read start at zero; the rules matter more. */
    if (counters_read(f) < 0)
        f->count_count = 0;
    struct start start = {f, rules};
    int r = firewall_text(rules, start_find, &start, &text);
    if (r < 0)
        return r;
    char **names = names_of(rules);
    r = names ? nft_run(f, text.data) : -ENOMEM;
    nft_text_done(&text);
    f->count_count = 0;
    if (r < 0) {
        names_done(names, names ? rules->interface_count : 0);
        return r == -ENOENT ? -EINVAL : r;
    }
    names_done(f->names, f->name_count);
    f->names = names;
    f->name_count = rules->interface_count;
    return 0;
}

int firewall_remove(struct firewall *f)
{
    f->error[0] = 0;
    int r = nft_run(f, "add table inet holdfast\ndelete table inet holdfast\n");
    if (r < 0)
        return r;
    names_done(f->names, f->name_count);
    f->names = NULL;
    f->name_count = f->count_count = 0;
    return 0;
}

int firewall_counters(struct firewall *f, void (*each)(void *user, const struct firewall_counter *c),
                      void *user)
{
    int r = counters_read(f);
    if (r < 0)
        return r;
    for (size_t i = 0; i < f->count_count; i++) {
        const struct count *c = &f->counts[i];
        each(user, &(struct firewall_counter){.interface = c->interface,
                                              .sequence = c->sequence,
                                              .packets_in = c->packets[1],
                                              .bytes_in = c->bytes[1],
                                              .packets_out = c->packets[0],
                                              .bytes_out = c->bytes[0]});
    }
    return 0;
}
