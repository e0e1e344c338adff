/* SPDX-License-Identifier: Apache-2.0 */
/* Finding what belongs together in stateful failover: crypto maps, SSP groups, HSRP groups; see model.h. */
#include "config/array.h"
#include "config/model_find.h"

int compare_ssp(const void *number, const void *ssp)
{
    uint32_t a = *(const uint32_t *)number, b = ((const struct config_ssp *)ssp)->number;
    return a < b ? -1 : a > b;
}

struct config_ssp *config_find_ssp(const struct config *c, uint32_t number)
{
    return array_find(&c->ssp_groups, &number, compare_ssp, NULL);
}

static bool has_name(const struct config_ssp *s, const char *name)
{
    for (uint32_t i = 0; i < s->names.count; i++)
        if (strcmp(s->names.items[i].name, name) == 0)
            return true;
    return false;
}

const struct config_ssp *config_interface_ssp(const struct config *c, const struct config_interface *i)
{
    if (i->crypto_map.name == NULL)
        return NULL;
    if (i->crypto_ssp > 0)
        return config_find_ssp(c, i->crypto_ssp);
    for (uint32_t n = 0; i->crypto_stateful && n < c->ssp_groups.count; n++)
        if (has_name(&c->ssp_groups.items[n], i->crypto_redundancy.name))
            return &c->ssp_groups.items[n];
    return NULL;
}

const struct config_standby *config_ssp_driver(const struct config *c, const struct config_ssp *s,
                                               const struct config_interface **ret_interface)
{
    return s->names.count > 0 ? config_find_standby_name(c, s->names.items[0].name, ret_interface) : NULL;
}

const struct config_standby *config_interface_crypto_standby(const struct config *c,
                                                             const struct config_interface *i,
                                                             const struct config_interface **ret_interface)
{
    const struct config_interface *where;
    if (i->crypto_redundancy.name != NULL)
        return config_find_standby_name(c, i->crypto_redundancy.name, ret_interface);
    const struct config_ssp *s = config_interface_ssp(c, i);
    for (uint32_t n = 0; s != NULL && n < s->names.count; n++) {
        const struct config_standby *group = config_find_standby_name(c, s->names.items[n].name, &where);
        if (group == NULL || where != i)
            continue;
        if (ret_interface != NULL)
            *ret_interface = where;
        return group;
    }
    return s != NULL ? config_ssp_driver(c, s, ret_interface) : NULL;
}

void config_map_replay(const struct config_crypto_map *m, uint32_t *ret_inbound, uint32_t *ret_outbound)
{
    if (ret_inbound != NULL)
        *ret_inbound = m->replay_inbound > 0 ? m->replay_inbound : CONFIG_DEFAULT_REPLAY_INBOUND;
    if (ret_outbound != NULL)
        *ret_outbound = m->replay_outbound > 0 ? m->replay_outbound : CONFIG_DEFAULT_REPLAY_OUTBOUND;
}

const struct config_secret *config_ssp_secret(const struct config *c, const struct config_ssp *s)
{
    if (s->authentication == CONFIG_SSP_CERTIFICATE)
        return NULL;
    if (s->authentication == CONFIG_SSP_PRE_SHARE)
        return &s->secret;
    const struct config_isakmp_key *key = config_find_key(c, &s->remote);
    return key != NULL ? &key->secret : NULL;
}
