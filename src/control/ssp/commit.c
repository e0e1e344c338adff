/* SPDX-License-Identifier: Apache-2.0 */
/* See commit.h. */
#include "control/ssp/commit.h"

#include <stdlib.h>

#include "control/control.h"
#include "control/ssp/ssp.h"

struct held_action {
    struct held_action *next;
    uint64_t need;
    uint8_t group; /* whose session acknowledges `need` */
    bool dropped;
    struct ike_action action;
    struct session_lease ceilings;
    size_t size;
    uint8_t bytes[]; /* what the action borrowed */
};

void commit_init(struct commit *q)
{
    *q = (struct commit){.last = &q->first};
}

static size_t borrowed_size(const struct ike_action *a)
{
    if (a->type == IKE_ACTION_SEND)
        return a->send.data.len;
    if (a->type != IKE_ACTION_INSTALL_PAIR)
        return 0;
    const struct ike_pair_install *p = &a->install;
    return p->encryption_key_out.len + p->integrity_key_out.len + p->encryption_key_in.len +
           p->integrity_key_in.len;
}

static void borrow(struct bytes *b, uint8_t **at)
{
    memcpy(*at, b->data, b->len);
    b->data = *at;
    *at += b->len;
}

static void copy_borrowed(struct held_action *h)
{
    uint8_t *at = h->bytes;
    if (h->action.type == IKE_ACTION_SEND) {
        borrow(&h->action.send.data, &at);
    } else if (h->action.type == IKE_ACTION_INSTALL_PAIR) {
        borrow(&h->action.install.encryption_key_out, &at);
        borrow(&h->action.install.integrity_key_out, &at);
        borrow(&h->action.install.encryption_key_in, &at);
        borrow(&h->action.install.integrity_key_in, &at);
    }
}

static bool matters(const struct ike_action *a)
{
    switch (a->type) {
    case IKE_ACTION_SEND:
    case IKE_ACTION_INSTALL_PAIR:
    case IKE_ACTION_CONFIRM_PAIR:
    case IKE_ACTION_SUPERSEDE_PAIR:
    case IKE_ACTION_MOVE_PAIR:
    case IKE_ACTION_REMOVE_PAIR:
        return !a->replica;
    default:
        return false;
    }
}

bool commit_hold(struct control *c, const struct ike_action *a, const struct session_lease *ceilings)
{
    struct commit *q = &c->commit;
    bool waits = q->need && ssp_waits(c, q->need_group, q->need);

    if (!matters(a) || (!waits && !q->first))
        return false;
    size_t size = borrowed_size(a);
    struct held_action *h = q->count < COMMIT_WAITING_MAX ? malloc(sizeof *h + size) : NULL;
    if (!h) {
        /* Order counts more than the standby. */
        ssp_give_up(c, "too much waits for its acknowledgements");
        commit_release(c);
        return false;
    }
    *h =
        (struct held_action){.need = waits ? q->need : 0, .group = q->need_group, .action = *a, .size = size};
    if (ceilings)
        h->ceilings = *ceilings;
    copy_borrowed(h);
    *q->last = h;
    q->last = &h->next;
    q->count++;
    q->held_total++;
    return true;
}

void commit_release(struct control *c)
{
    struct commit *q = &c->commit;

    while (q->first && !(q->first->need && ssp_waits(c, q->first->group, q->first->need))) {
        struct held_action *h = q->first;
        q->first = h->next;
        if (!q->first)
            q->last = &q->first;
        q->count--;
        if (!h->dropped)
            control_action_now(c, &h->action, &h->ceilings);
        wipe(h, sizeof *h + h->size);
        free(h);
    }
}

void commit_drop_sends(struct control *c, uint8_t group)
{
    for (struct held_action *h = c->commit.first; h; h = h->next)
        if (h->action.type == IKE_ACTION_SEND && h->action.group == group)
            h->dropped = true;
}
