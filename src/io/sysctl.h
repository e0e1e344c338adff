/* SPDX-License-Identifier: Apache-2.0 */
/* Kernel settings of the network namespace that we run in. Names are written with slashes
 * ("net/ipv4/ip_forward"), so that an interface name with a dot is no trouble. */
#ifndef IO_SYSCTL_H
#define IO_SYSCTL_H

#include "base/bytes.h"

enum { SYSCTL_NAME_MAX = 160 };

/* -ENOENT: this kernel or this interface has no such setting. -EROFS or -EACCES: not ours to change. */
int sysctl_set(const char *name, long value) must_check;
int sysctl_get(const char *name, long *ret) must_check;
/* net/ipv4/conf/INTERFACE/NAME and the like: `family` is "ipv4" or "ipv6". */
int sysctl_interface_set(const char *family, const char *interface, const char *name, long value) must_check;
int sysctl_interface_get(const char *family, const char *interface, const char *name, long *ret) must_check;
/* What the TUN device needs: packets that we put in may have any source, also one of ours (accept_local), and
 * come back on no route (rp_filter off). Leaves `all` alone, but refuses (-EPERM) where `all` would override
 * the device. */
int sysctl_tun_prepare(const char *interface) must_check;

#endif
