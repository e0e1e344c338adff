/* SPDX-License-Identifier: Apache-2.0 */
/* Names of interfaces: `Fa0/0`, `fastethernet 0/0` and `FastEthernet0/0` are one; `eth0` is a Linux device's
 * own name. A word is of the router's kind if it starts with a unique prefix of a known type (two letters, or
 * one where it is upper case or a slash follows) and ends in a number n, n/n, n/n/n, n/n:n or one of these
 * with .n behind. `eth0` and `tun0`, in lower case and with a plain number, are Linux names. */
#ifndef CONFIG_INTERFACE_NAME_H
#define CONFIG_INTERFACE_NAME_H

#include "base/bytes.h"

enum { INTERFACE_NAME_MAX = 40 };

/* The canonical name of a whole word. False: neither kind. */
bool interface_name_parse(const char *word, char ret[INTERFACE_NAME_MAX + 1]);
/* The type that a word without number abbreviates ("fa": "FastEthernet"); NULL: none or ambiguous. */
const char *interface_type_find(const char *word);
bool interface_number_valid(const char *word);
/* The short device name of a canonical name, e.g. se1_0_0; false where it exceeds `size` - 1 characters. */
bool interface_name_device(const char *canonical, char *ret, size_t size);
/* Order of interfaces in a text: by type, numbers by value. */
int interface_name_compare(const char *a, const char *b);
/* The types, for completion; NULL at the end. */
const char *interface_type_at(size_t index);

#endif
