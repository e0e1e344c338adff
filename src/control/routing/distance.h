/* SPDX-License-Identifier: Apache-2.0 */
/* The distance of a static or reverse route as the metric of its kernel route. By itself the lower one of two
 * is used. Where routing protocols run, zebra must know it too, or a floating static route (distance 250)
 * would hide what OSPF learns (110): zebra takes the highest byte of a kernel route's metric for its
 * distance, and gives its own routes metrics far below. So the distance stands there while `router` is
 * configured. */
#ifndef CONTROL_ROUTING_DISTANCE_H
#define CONTROL_ROUTING_DISTANCE_H

#include "base/address.h"

enum { DISTANCE_SHIFT = 24 };

static inline uint32_t distance_metric(uint8_t distance, const struct prefix *destination, bool protocols)
{
    return protocols && destination->address.family == ADDRESS_V4 ? (uint32_t)distance << DISTANCE_SHIFT
                                                                  : distance;
}

/* Whether a metric can be one of ours. */
static inline bool distance_is_ours(uint32_t metric)
{
    return metric < 256 || (metric & ((1u << DISTANCE_SHIFT) - 1)) == 0;
}

static inline uint32_t distance_of_metric(uint32_t metric)
{
    return metric >= 1u << DISTANCE_SHIFT ? metric >> DISTANCE_SHIFT : metric;
}

#endif
