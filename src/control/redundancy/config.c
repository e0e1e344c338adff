/* SPDX-License-Identifier: Apache-2.0 */
/* `standby` and `vrrp` lines of the model in the words of the machines. */
#include <stdio.h>

#include "control/redundancy/internal.h"

static void text_copy(char *out, size_t size, const char *text)
{
    size_t len = strnlen(text, size - 1);

    memcpy(out, text, len);
    memset(out + len, 0, size - len);
}

static void authentication_config(const struct config_standby *s, struct hsrp_config *ret)
{
    const char *text = s->secret.text;

    ret->key_timeout = s->md5_timeout * NS_PER_S;
    if (s->authentication == CONFIG_STANDBY_AUTHENTICATION_MD5) {
        ret->authentication = HSRP_AUTHENTICATION_MD5;
        text_copy(ret->key, sizeof ret->key, text);
    } else if (s->authentication == CONFIG_STANDBY_AUTHENTICATION_TEXT) {
        ret->authentication = HSRP_AUTHENTICATION_TEXT;
        memset(ret->text, 0, sizeof ret->text);
        memcpy(ret->text, text, strnlen(text, sizeof ret->text));
    }
}

void redundancy_hsrp_config(const struct redundancy_group *g, const struct config_interface *i,
                            const struct config_standby *s, struct hsrp_config *ret)
{
    *ret = (struct hsrp_config){0};
    hsrp_config_default(ret);
    text_copy(ret->interface, sizeof ret->interface, i->name);
    text_copy(ret->name, sizeof ret->name, g->name);
    ret->version = i->standby_version == 2 ? 2 : 1;
    ret->group = s->group;
    ret->interface_address = g->source;
    memcpy(ret->interface_mac, g->mac, REDUNDANCY_MAC);
    ret->virtual_address = s->address;
    for (uint32_t k = 0; k < s->secondaries.count && ret->secondary_count < HSRP_SECONDARY_MAX; k++)
        ret->secondary[ret->secondary_count++] = s->secondaries.items[k].address;
    ret->priority = s->priority;
    ret->timers_set = s->timers_written;
    ret->hello = s->hello_ms * NS_PER_MS;
    ret->hold = s->hold_ms * NS_PER_MS;
    ret->preempt = s->preempt;
    ret->preempt_minimum = s->preempt_delay.minimum * NS_PER_S;
    ret->preempt_reload = s->preempt_delay.reload * NS_PER_S;
    ret->preempt_sync = s->preempt_delay.sync * NS_PER_S;
    if (i->standby_delay_written) {
        ret->delay_minimum = i->standby_delay_minimum * NS_PER_S;
        ret->delay_reload = i->standby_delay_reload * NS_PER_S;
    }
    authentication_config(s, ret);
    ret->use_bia = i->standby_use_bia;
    for (unsigned k = 0; k < REDUNDANCY_MAC; k++)
        ret->mac_set = ret->mac_set || s->mac[k];
    memcpy(ret->mac, s->mac, REDUNDANCY_MAC);
    ret->follows = s->follow.name != NULL;
}

bool redundancy_vrrp_config(const struct redundancy_group *g, const struct config_vrrp *v,
                            struct vrrp_config *ret)
{
    *ret = (struct vrrp_config){0};
    vrrp_config_default(ret);
    text_copy(ret->interface, sizeof ret->interface, g->interface);
    ret->vrid = (uint8_t)v->group;
    ret->interface_address = g->source;
    memcpy(ret->interface_mac, g->mac, REDUNDANCY_MAC);
    for (uint32_t k = 0; k < v->addresses.count && ret->address_count < VRRP_ADDRESSES_MAX; k++)
        if (v->addresses.items[k].address.family == g->family)
            ret->addresses[ret->address_count++] = v->addresses.items[k].address;
    ret->priority = v->priority;
    uint32_t interval = (v->advertise_ms + 9) / 10;
    ret->interval = (uint16_t)MIN(MAX(interval, 1u), (uint32_t)VRRP_INTERVAL_MAX);
    ret->preempt = !v->no_preempt;
    ret->preempt_minimum = v->preempt_delay * NS_PER_S;
    return ret->address_count > 0;
}
