/* SPDX-License-Identifier: Apache-2.0 */
/* The watch over control's own loop; see loop_watch.h. */
#include "control/loop_watch.h"

#include "io/clock.h"

const ns loop_pause_classes[LOOP_PAUSE_CLASSES] = {5 * NS_PER_MS, 15 * NS_PER_MS, 50 * NS_PER_MS,
                                                   200 * NS_PER_MS};

void loop_section(struct loop_watch *w, const char *what, ns began, ns now)
{
    ns length = ns_since(now, began);
    bool inner = w->turn.what && w->what_began >= began && 2 * w->turn.what_length >= length;

    if (inner || (w->turn.what && w->turn.what_length >= length))
        return;
    w->turn.what = what;
    w->turn.what_length = length;
    w->what_began = began;
}

void loop_turn(struct loop_watch *w, ns now, ns idle)
{
    ns pause = ns_since(ns_since(now, w->turn_began), ns_since(idle, w->idle_before));

    for (unsigned i = 0; w->turn_began && i < LOOP_PAUSE_CLASSES; i++)
        w->counts[i] += pause >= loop_pause_classes[i];
    if (w->turn_began && pause > w->longest.length) {
        w->longest = w->turn;
        w->longest.length = pause;
        w->longest.at = now;
    }
    w->turn = (struct loop_pause){0};
    w->turn_began = now;
    w->idle_before = idle;
}

static void prepared(uv_prepare_t *prepare)
{
    loop_turn(prepare->data, clock_now(), uv_metrics_idle_time(prepare->loop));
}

int loop_watch_begin(struct loop_watch *w, uv_loop_t *loop)
{
    int error = uv_loop_configure(loop, UV_METRICS_IDLE_TIME);

    if (!error)
        error = uv_prepare_init(loop, &w->prepare);
    w->prepare.data = w;
    if (!error)
        error = uv_prepare_start(&w->prepare, prepared);
    if (!error)
        uv_unref((uv_handle_t *)&w->prepare);
    return error;
}

void loop_watch_reset(struct loop_watch *w)
{
    w->turn_began = 0;
    w->longest = w->turn = (struct loop_pause){0};
    for (unsigned i = 0; i < LOOP_PAUSE_CLASSES; i++)
        w->counts[i] = 0;
}
