/* SPDX-License-Identifier: Apache-2.0 */
/* TLS 1.3 (RFC 8446) over bytes that somebody else carries: what comes from the network is fed, what is to go
 * there is taken. Both ends prove who they are: by a pre-shared key, always with an ephemeral key exchange
 * (psk_dhe_ke), or by certificates of one authority. No early data, no resumption, no older version.
 *
 * crypto_init first. One connection belongs to one thread at a time.
 */
#ifndef CRYPTO_TLS_CHANNEL_H
#define CRYPTO_TLS_CHANNEL_H

#include "base/bytes.h"

enum { TLS_TEXT = 160, TLS_IDENTITY_MAX = 64 };

enum tls_role { TLS_CLIENT, TLS_SERVER };

enum tls_error {
    TLS_OK,
    TLS_ERROR_CLOSED,      /* the peer ended the connection in good order */
    TLS_ERROR_KEY,         /* its pre-shared key is not ours, or it has none */
    TLS_ERROR_CERTIFICATE, /* its certificate is missing, or not good */
    TLS_ERROR_VERSION,     /* it does not speak TLS 1.3 */
    TLS_ERROR_REFUSED,     /* it told us that it does not want us */
    TLS_ERROR_PROTOCOL,    /* broken, changed or foreign bytes */
    TLS_ERROR_MEMORY,
    TLS_ERRORS,
};

/* "wrong key"; "?" for unknown values. */
const char *tls_error_name(enum tls_error error);

/* Either a secret, or three files and the peer's name. Nothing of it is kept by reference. */
struct tls_config {
    const char *identity; /* of the pre-shared key, the same on both sides; at most TLS_IDENTITY_MAX */
    struct bytes secret;  /* as configured; the key is derived from it (HKDF, SHA-256) */
    const char *certificate, *private_key, *authority; /* PEM files; the certificate with its chain */
    /* Whose certificate is good, of those that the authority has signed: an address or a host name that
     * stands in its subjectAltName (RFC 9525: no wildcard, not the common name). Needed beside the files. */
    const char *peer;
    uint64_t rekey_bytes; /* new keys after so many sent; 0: 64 GiB, well below what AES-GCM allows */
};

struct tls_credentials;

/* -EINVAL: a file is missing or not good, or the secret is empty; -ENOMEM. `text` says which, without
 * secrets; it is empty on success. */
int tls_credentials_new(const struct tls_config *c, struct tls_credentials **ret,
                        char text[TLS_TEXT]) must_check;
void tls_credentials_free(struct tls_credentials *c); /* connections made from it live on; NULL is harmless */

struct tls;

/* A client has its first bytes in tls_output at once. NULL: no memory. */
struct tls *tls_new(const struct tls_credentials *c, enum tls_role role) must_check;
void tls_free(struct tls *t); /* NULL is harmless */

/* Bytes from the network; all are taken. Goes on with the handshake. Then read until there is nothing more,
 * and look at tls_output. */
enum tls_error tls_feed(struct tls *t, struct bytes in);
/* Plaintext: how many bytes, 0: none now, or there was an error (tls_failure). */
size_t tls_read(struct tls *t, void *out, size_t size);
/* Plaintext to be sent, once open (asserted). */
enum tls_error tls_write(struct tls *t, struct bytes in);
/* Says that nothing more will be sent. */
void tls_close(struct tls *t);
/* What is to go to the network; borrowed until anything else is called. */
struct bytes tls_output(struct tls *t);
void tls_output_taken(struct tls *t); /* all of it */

/* The peer has proved itself. With certificates a client may be open and be refused by the server afterwards.
 */
bool tls_is_open(const struct tls *t);
enum tls_error tls_failure(const struct tls *t);
/* One line about it, without secrets: "wrong key", "certificate: self-signed certificate". */
const char *tls_failure_text(const struct tls *t);
uint64_t tls_key_updates(const struct tls *t); /* that we began */

#endif
