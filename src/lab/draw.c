/* SPDX-License-Identifier: Apache-2.0 */
/* Drawing a topology; see draw.h. Every item (node or shared Ethernet) gets a column, its distance from the
 * first item; within a column items stand one below the other in the order in which they were found. An edge
 * between neighbouring columns leaves at a row of its own and turns, if it must, in a lane of its own. Edges
 * inside a column are listed below the drawing in words. */
#include "lab/draw.h"

#include <stdio.h>
#include <stdlib.h>

enum {
    DRAW_ITEMS = SCENARIO_NODES + SCENARIO_LINKS,
    DRAW_EDGES = SCENARIO_LINKS * SCENARIO_ENDS,
    DRAW_WIDTH = 4096,
};

struct item {
    const char *name;
    int column; /* -1: not reached yet */
    unsigned order;
    unsigned left, right; /* number of edges on either side */
    unsigned left_used, right_used;
    unsigned height; /* inner rows */
    unsigned top;    /* first inner row */
};

struct edge {
    unsigned a, b; /* items; a stands left of b after layout */
    const char *label;
};

struct drawing {
    struct item items[DRAW_ITEMS];
    unsigned item_count;
    struct edge edges[DRAW_EDGES];
    unsigned edge_count;
    unsigned order[DRAW_ITEMS]; /* items as they were found */
    unsigned columns, rows, width;
    char *canvas;
};

static void drawing_graph(struct drawing *d, const struct scenario *s)
{
    for (unsigned i = 0; i < s->node_count; i++)
        d->items[d->item_count++] = (struct item){.name = s->nodes[i].name, .column = -1};
    for (unsigned i = 0; i < s->link_count; i++) {
        const struct lab_link *l = &s->links[i];
        if (l->end_count == 2) {
            d->edges[d->edge_count++] = (struct edge){l->ends[0].node, l->ends[1].node, l->name};
            continue;
        }
        d->items[d->item_count] = (struct item){.name = l->name, .column = -1};
        for (unsigned e = 0; e < l->end_count; e++)
            d->edges[d->edge_count++] = (struct edge){l->ends[e].node, d->item_count, ""};
        d->item_count++;
    }
}

/* Breadth first from every item that nothing reached; columns by distance. */
static void drawing_columns(struct drawing *d)
{
    unsigned found = 0, looked = 0;
    for (unsigned i = 0; i < d->item_count; i++) {
        if (d->items[i].column >= 0)
            continue;
        d->items[i].column = 0;
        d->order[found++] = i;
        for (; looked < found; looked++) {
            unsigned at = d->order[looked];
            for (unsigned e = 0; e < d->edge_count; e++) {
                const struct edge *edge = &d->edges[e];
                if (edge->a != at && edge->b != at)
                    continue;
                unsigned other = edge->a == at ? edge->b : edge->a;
                if (d->items[other].column < 0) {
                    d->items[other].column = d->items[at].column + 1;
                    d->order[found++] = other;
                }
            }
        }
    }
    for (unsigned i = 0; i < d->item_count; i++)
        d->columns = MAX(d->columns, (unsigned)d->items[i].column + 1);
    for (unsigned e = 0; e < d->edge_count; e++) {
        struct edge *edge = &d->edges[e];
        if (d->items[edge->a].column > d->items[edge->b].column)
            *edge = (struct edge){edge->b, edge->a, edge->label};
        if (d->items[edge->a].column != d->items[edge->b].column) {
            d->items[edge->a].right++;
            d->items[edge->b].left++;
        }
    }
}

static unsigned column_height(const struct drawing *d, unsigned column)
{
    unsigned height = 0;
    for (unsigned i = 0; i < d->item_count; i++) {
        if (d->items[i].column == (int)column)
            height += d->items[i].height + 2;
    }
    return height;
}

static void drawing_rows(struct drawing *d)
{
    for (unsigned i = 0; i < d->item_count; i++) {
        struct item *item = &d->items[i];
        item->height = MAX(1u, MAX(item->left, item->right));
    }
    for (unsigned c = 0; c < d->columns; c++)
        d->rows = MAX(d->rows, column_height(d, c));
    for (unsigned c = 0; c < d->columns; c++) {
        unsigned top = (d->rows - column_height(d, c)) / 2;
        for (unsigned i = 0; i < d->item_count; i++) {
            struct item *item = &d->items[d->order[i]];
            if (item->column != (int)c)
                continue;
            item->top = top + 1;
            top += item->height + 2;
        }
    }
}

static char *canvas_at(struct drawing *d, unsigned x, unsigned y)
{
    return &d->canvas[(size_t)y * DRAW_WIDTH + MIN(x, DRAW_WIDTH - 2u)];
}

static void draw_box(struct drawing *d, const struct item *item, unsigned x, unsigned width)
{
    for (unsigned i = 0; i < width; i++) {
        char c = i == 0 || i == width - 1 ? '+' : '-';
        *canvas_at(d, x + i, item->top - 1) = c;
        *canvas_at(d, x + i, item->top + item->height) = c;
    }
    for (unsigned y = 0; y < item->height; y++)
        *canvas_at(d, x, item->top + y) = *canvas_at(d, x + width - 1, item->top + y) = '|';
    unsigned len = (unsigned)strlen(item->name);
    unsigned start = x + (width - len) / 2;
    for (unsigned i = 0; i < len; i++)
        *canvas_at(d, start + i, item->top + item->height / 2) = item->name[i];
}

static unsigned port_row(const struct item *item, unsigned ports, unsigned *used)
{
    return item->top + (item->height - ports) / 2 + (*used)++;
}

static void draw_edge(struct drawing *d, const struct edge *edge, unsigned from_x, unsigned until_x,
                      unsigned lane)
{
    struct item *a = &d->items[edge->a], *b = &d->items[edge->b];
    unsigned ya = port_row(a, a->right, &a->right_used), yb = port_row(b, b->left, &b->left_used);
    unsigned turn = ya == yb ? until_x : lane;
    for (unsigned x = from_x; x < turn; x++)
        *canvas_at(d, x, ya) = '-';
    for (unsigned x = turn; x < until_x; x++)
        *canvas_at(d, x, yb) = '-';
    if (ya != yb) {
        for (unsigned y = MIN(ya, yb); y <= MAX(ya, yb); y++)
            *canvas_at(d, lane, y) = '|';
        *canvas_at(d, lane, ya) = *canvas_at(d, lane, yb) = '+';
    }
    for (unsigned i = 0; edge->label[i]; i++)
        *canvas_at(d, from_x + 1 + i, ya) = edge->label[i];
}

/* One column of boxes and the gap to its right; returns the x of the next column. */
static unsigned draw_column(struct drawing *d, unsigned column, unsigned x)
{
    unsigned width = 0, label = 0, lanes = 0, lane = 0;
    for (unsigned i = 0; i < d->item_count; i++) {
        if (d->items[i].column == (int)column)
            width = MAX(width, (unsigned)strlen(d->items[i].name) + 4);
    }
    for (unsigned i = 0; i < d->item_count; i++) {
        if (d->items[i].column == (int)column)
            draw_box(d, &d->items[i], x, width);
    }
    for (unsigned e = 0; e < d->edge_count; e++) {
        const struct edge *edge = &d->edges[e];
        if (d->items[edge->a].column == (int)column && d->items[edge->b].column == (int)column + 1) {
            label = MAX(label, (unsigned)strlen(edge->label));
            lanes++;
        }
    }
    if (lanes == 0)
        return x + width + 3;
    unsigned from = x + width, until = from + label + 3 + 2 * lanes;
    for (unsigned e = 0; e < d->edge_count; e++) {
        const struct edge *edge = &d->edges[e];
        if (d->items[edge->a].column == (int)column && d->items[edge->b].column == (int)column + 1)
            draw_edge(d, edge, from, until, from + label + 2 + 2 * lane++);
    }
    return until;
}

/* Drops the blanks at the ends of lines and adds the edges that were not drawn. */
static char *drawing_text(struct drawing *d)
{
    size_t size = (size_t)d->rows * DRAW_WIDTH + (size_t)d->edge_count * 200 + 1, used = 0;
    char *out = malloc(size);
    if (!out)
        return NULL;
    for (unsigned y = 0; y < d->rows; y++) {
        const char *row = &d->canvas[(size_t)y * DRAW_WIDTH];
        size_t len = DRAW_WIDTH - 1;
        while (len && row[len - 1] == ' ')
            len--;
        memcpy(out + used, row, len);
        used += len;
        out[used++] = '\n';
    }
    for (unsigned e = 0; e < d->edge_count; e++) {
        const struct edge *edge = &d->edges[e];
        const struct item *a = &d->items[edge->a], *b = &d->items[edge->b];
        if (a->column == b->column)
            used +=
                (size_t)snprintf(out + used, 200, "%.60s --%.60s-- %.60s\n", a->name, edge->label, b->name);
    }
    out[used] = '\0';
    return out;
}

char *draw_topology(const struct scenario *s)
{
    char *out = NULL;
    struct drawing *d = calloc(1, sizeof *d);
    if (!d)
        return NULL;
    drawing_graph(d, s);
    drawing_columns(d);
    drawing_rows(d);
    d->canvas = malloc((size_t)d->rows * DRAW_WIDTH + 1);
    if (d->canvas) {
        memset(d->canvas, ' ', (size_t)d->rows * DRAW_WIDTH);
        unsigned x = 0;
        for (unsigned c = 0; c < d->columns; c++)
            x = draw_column(d, c, x);
        out = drawing_text(d);
    }
    free(d->canvas);
    free(d);
    return out;
}
