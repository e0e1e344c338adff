/* SPDX-License-Identifier: Apache-2.0 */
/* The records that survive this process: those of the IKE machine and our own (connection numbers, added
 * addresses), in one store in the supervisor's memory. */
#include <errno.h>
#include <stdio.h>

#include "control/control.h"

struct restore {
    struct control *control;
    uint32_t count, refused;
    ns now;
};

static void id_keep(void *context, uint32_t id, const char *key)
{
    struct control *c = context;

    if (!key)
        record_store_delete(c->records, CONTROL_RECORD_CONNECTION, id);
    else if (record_store_put(c->records, CONTROL_RECORD_CONNECTION, id, bytes_of(key, strlen(key))) != 0)
        log_line(c->log, "HOLDFAST", 3, "RECORD", "a connection number could not be kept");
}

static void id_restore(void *context, uint8_t kind, uint64_t key, struct bytes data)
{
    struct restore *r = context;

    if (kind == CONTROL_RECORD_CONNECTION && key <= UINT32_MAX &&
        !connection_ids_restore(r->control->ids, (uint32_t)key, data))
        r->refused++;
    r->count++;
}

int control_records_begin(struct control *c)
{
    const struct connection_ids_sink sink = {.keep = id_keep, .context = c};
    struct restore r = {.control = c};
    struct record_store_usage usage;
    int error;

    c->records = record_store_open(c->record_region, c->record_size, &error);
    if (!c->records)
        return error;
    c->ids = connection_ids_new(&sink);
    if (!c->ids)
        return -ENOMEM;
    record_store_each(c->records, id_restore, &r);
    record_store_usage(c->records, &usage);
    if (usage.damaged)
        log_line(c->log, "HOLDFAST", 2, "RECORD", "%u damaged records were dropped", usage.damaged);
    c->restarted = r.count > 0;
    return 0;
}

static void ike_record_restore(void *context, uint8_t kind, uint64_t key, struct bytes data)
{
    struct restore *r = context;

    if (kind >= CONTROL_RECORD_CONNECTION)
        return;
    r->count++;
    if (ike_restore(r->control->ike, kind, key, data, r->now) != 0)
        r->refused++;
}

uint32_t control_records_restore(struct control *c)
{
    struct restore r = {.control = c, .now = clock_now()};

    record_store_each(c->records, ike_record_restore, &r);
    ike_restore_done(c->ike, clock_now());
    if (r.refused)
        log_line(c->log, "HOLDFAST", 3, "RECORD", "%u of %u IKE records cannot be read", r.refused, r.count);
    return r.count;
}
