/* SPDX-License-Identifier: Apache-2.0 */
/* The exec commands of stateful failover that do something. */
#include "control/exec.h"
#include "control/show_ha.h"

static int refuse(struct exec_call *x)
{
    text_add(x->out, "% Stateful failover is not configured\n");
    return EXEC_FAILED;
}

int ha_switchover(struct exec_call *x)
{
    return refuse(x);
}

int ha_clear_isakmp(struct exec_call *x)
{
    return refuse(x);
}

int ha_clear_sa(struct exec_call *x)
{
    return refuse(x);
}
