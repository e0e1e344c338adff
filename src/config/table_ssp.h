/* SPDX-License-Identifier: Apache-2.0 */
/* What `ssp group` and `redundancy inter-device` share: both make a struct config_ssp. Internal to the
 * command tables. */
#ifndef CONFIG_TABLE_SSP_H
#define CONFIG_TABLE_SSP_H

#include "config/session.h"

/* The group of the current sub-mode; that of inter-device is made if it is new. NULL: no memory. */
struct config_ssp *session_ssp(struct grammar_call *call);
/* The group with that number, made if it is new. NULL: no memory. */
struct config_ssp *ssp_make(struct grammar_call *call, uint32_t number, uint32_t *ret_at);

/* Handlers: a name of an HSRP group (label `standby-name`), `authentication`. */
int ssp_apply_name(struct grammar_call *call);
int ssp_apply_authentication(struct grammar_call *call);
void ssp_write_authentication(struct config_writer *w, const struct config *c, const void *object);
/* Whether the value can be the address of a gateway; reports if not. */
bool ssp_address_good(struct grammar_call *call, const struct grammar_value *v);
/* Takes names and authentication away. */
void ssp_clear_binding(struct config_ssp *s);

/* The command `authentication` of a sub-mode. */
#define SSP_AUTHENTICATION(in)                                                                              \
    {                                                                                                       \
        .mode = in, .no_tokens = 1,                                                                         \
        .grammar = "authentication {pre-share key [0:plain|6:encrypted] KEY:key-text|certificate "          \
                   "KEY:certificate-file key KEY:key-file ca KEY:ca-file [name KEY:peer-name]}",            \
        .help =                                                                                             \
            "What protects the channel between the two gateways\nA key that both have\nThe key\nThe "       \
            "key follows in clear\nThe key follows encrypted (not supported)\nThe key, at most 128 "        \
            "characters\nA certificate of each\nFile with our certificate, in PEM\nIts private "            \
            "key\nFile with it\nWho signed both\nFile with the certificate of that authority\nWhose "       \
            "certificate the other gateway has, if not its address's\nA host name or an address, in its "   \
            "subjectAltName\n",                                                                             \
        .about = "Keys of tunnels never cross a network in clear: the channel is TLS 1.3, and this is how " \
                 "the gateways know each other.",                                                           \
        .standard = "the `crypto isakmp key` that fits the remote address",                                 \
        .apply = ssp_apply_authentication, .write = ssp_write_authentication                                \
    }

#endif
