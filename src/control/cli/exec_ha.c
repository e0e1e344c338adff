/* SPDX-License-Identifier: Apache-2.0 */
/* The exec commands of stateful failover that do something. */
#include <errno.h>

#include "control/cli/exec.h"
#include "control/show/ha.h"
#include "control/ssp/ssp.h"

static int refuse(struct exec_call *x)
{
    text_add(x->out, "% Stateful failover is not configured\n");
    return EXEC_FAILED;
}

int ha_switchover(struct exec_call *x)
{
    int error = ssp_switchover(x->control);

    if (error == -ENOENT)
        return refuse(x);
    if (error == 0)
        return EXEC_OK;
    text_add(x->out, "% The other member is not in step: nothing was handed over\n");
    return EXEC_FAILED;
}

static int forget(struct exec_call *x)
{
    int error = ssp_forget_standby(x->control);

    if (error == -ENOENT)
        return refuse(x);
    if (error == 0)
        return EXEC_OK;
    text_add(x->out, "% This gateway is not a standby of any group\n");
    return EXEC_FAILED;
}

int ha_clear_isakmp(struct exec_call *x)
{
    return forget(x);
}

int ha_clear_sa(struct exec_call *x)
{
    return forget(x);
}
