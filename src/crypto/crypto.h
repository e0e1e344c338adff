/* SPDX-License-Identifier: Apache-2.0 */
/* The one-time set-up of libcrypto for this process: a private library context with the default provider, the
 * algorithms fetched once, the groups of the key exchange prepared once. Single DES runs as 3DES with K|K|K,
 * so the legacy provider is never needed.
 *
 * Every process calls crypto_init() before anything of hash.h, cbc.h or dh.h (asserted there) and, if it
 * cares about a leak checker, crypto_done() after its other threads have ended. Everything in between may run
 * in any number of threads at once. packet_cipher.h needs none of this.
 */
#ifndef CRYPTO_CRYPTO_H
#define CRYPTO_CRYPTO_H

#include "base/bytes.h"

/* Idempotent. -ENOMEM, or -ENOTSUP if the default provider or one of its algorithms is missing. */
int crypto_init(void) must_check;
/* Harmless when crypto_init was not called or failed. */
void crypto_done(void);

#endif
