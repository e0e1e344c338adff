/* SPDX-License-Identifier: Apache-2.0 */
/* See tls_channel.h. libssl over two memory BIOs. The one session object of a pre-shared key is made anew for
 * each connection, because libssl writes into the one that it is given. */
#include "crypto/tls_channel.h"

#include <assert.h>
#include <errno.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>
#include <stdio.h>
#include <stdlib.h>

#include "crypto/hash.h"
#include "crypto/internal.h"

enum { PSK_SIZE = 32 };

#define REKEY_DEFAULT      ((uint64_t)64 << 30)
#define PSK_SUITE          "TLS_AES_256_GCM_SHA384"
#define CERTIFICATE_SUITES PSK_SUITE ":TLS_CHACHA20_POLY1305_SHA256:TLS_AES_128_GCM_SHA256"
#define KEY_GROUPS         "X25519:P-256"

/* RFC 8446 §B.4 */
static const unsigned char psk_suite_number[2] = {0x13, 0x02};

struct tls_credentials {
    SSL_CTX *context;
    bool psk;
    char identity[TLS_IDENTITY_MAX + 1];
    uint8_t key[PSK_SIZE];
    uint64_t rekey_bytes;
};

struct tls {
    SSL *ssl;
    BIO *in, *out; /* the SSL's */
    bool psk, server, open;
    char identity[TLS_IDENTITY_MAX + 1];
    uint8_t key[PSK_SIZE]; /* wiped when the handshake is over */
    bool identity_unknown;
    enum tls_error error;
    char text[TLS_TEXT];
    uint64_t rekey_bytes, sent, updates;
};

const char *tls_error_name(enum tls_error error)
{
    static const char *const names[TLS_ERRORS] = {
        [TLS_OK] = "no error",
        [TLS_ERROR_CLOSED] = "closed",
        [TLS_ERROR_KEY] = "wrong key",
        [TLS_ERROR_CERTIFICATE] = "certificate",
        [TLS_ERROR_VERSION] = "no TLS 1.3",
        [TLS_ERROR_REFUSED] = "refused by the peer",
        [TLS_ERROR_PROTOCOL] = "broken TLS",
        [TLS_ERROR_MEMORY] = "no memory",
    };

    return (unsigned)error < TLS_ERRORS ? names[error] : "?";
}

/* ---- the pre-shared key ---- */

/* RFC 5869 with an empty salt; one block of output is all that is needed. */
static int psk_derive(struct bytes secret, uint8_t out[PSK_SIZE])
{
    static const char label[] = "holdfast replication channel v1";
    static const uint8_t salt[PSK_SIZE], one = 1;
    uint8_t extracted[HASH_MAX];
    struct bytes expand[] = {bytes_of(label, sizeof(label) - 1), bytes_of(&one, 1)};

    int r = hmac_compute(HASH_SHA256, bytes_of(salt, sizeof(salt)), &secret, 1, extracted);
    if (r == 0)
        r = hmac_compute(HASH_SHA256, bytes_of(extracted, PSK_SIZE), expand, ARRAY_SIZE(expand), out);
    wipe(extracted, sizeof(extracted));
    return r;
}

static SSL_SESSION *psk_session(const struct tls *t, SSL *ssl)
{
    const SSL_CIPHER *cipher = SSL_CIPHER_find(ssl, psk_suite_number);
    SSL_SESSION *session = SSL_SESSION_new();

    if (session && cipher && SSL_SESSION_set1_master_key(session, t->key, PSK_SIZE) == 1 &&
        SSL_SESSION_set_cipher(session, cipher) == 1 &&
        SSL_SESSION_set_protocol_version(session, TLS1_3_VERSION) == 1)
        return session;
    SSL_SESSION_free(session);
    return NULL;
}

static int psk_offer(SSL *ssl, const EVP_MD *md, const unsigned char **id, size_t *id_len,
                     SSL_SESSION **session)
{
    struct tls *t = SSL_get_app_data(ssl);

    (void)md;
    *session = psk_session(t, ssl);
    *id = (const unsigned char *)t->identity;
    *id_len = strlen(t->identity);
    return *session != NULL;
}

static int psk_find(SSL *ssl, const unsigned char *id, size_t id_len, SSL_SESSION **session)
{
    struct tls *t = SSL_get_app_data(ssl);

    *session = NULL;
    t->identity_unknown = !bytes_equal(bytes_of(id, id_len), bytes_of(t->identity, strlen(t->identity)));
    if (t->identity_unknown)
        return 1; /* goes on without; there is no other way in, so the handshake fails */
    *session = psk_session(t, ssl);
    return *session != NULL;
}

static int psk_prepare(struct tls_credentials *c, const struct tls_config *config, char text[TLS_TEXT])
{
    if (config->secret.len == 0 || !config->identity || !config->identity[0] ||
        strlen(config->identity) > TLS_IDENTITY_MAX) {
        snprintf(text, TLS_TEXT, "the pre-shared key is empty");
        return -EINVAL;
    }
    c->psk = true;
    snprintf(c->identity, sizeof(c->identity), "%s", config->identity);
    SSL_CTX_set_psk_use_session_callback(c->context, psk_offer);
    SSL_CTX_set_psk_find_session_callback(c->context, psk_find);
    int r = psk_derive(config->secret, c->key);
    if (r == 0 && SSL_CTX_set_ciphersuites(c->context, PSK_SUITE) != 1)
        r = -ENOTSUP;
    if (r < 0)
        snprintf(text, TLS_TEXT, "the pre-shared key cannot be used");
    return r;
}

/* ---- certificates ---- */

static int file_error(const char *what, const char *file, char text[TLS_TEXT])
{
    const char *reason = ERR_reason_error_string(ERR_peek_last_error());

    snprintf(text, TLS_TEXT, "%s %.80s: %s", what, file, reason ? reason : "not good");
    return -EINVAL;
}

/* Nobody is there to type one in. */
static int no_password(char *buffer, int size, int writing, void *context)
{
    (void)buffer, (void)size, (void)writing, (void)context;
    return -1;
}

static int peer_expect(SSL_CTX *x, const char *peer, char text[TLS_TEXT])
{
    X509_VERIFY_PARAM *p = SSL_CTX_get0_param(x);

    X509_VERIFY_PARAM_set_hostflags(p, X509_CHECK_FLAG_NO_WILDCARDS | X509_CHECK_FLAG_NEVER_CHECK_SUBJECT);
    if (peer && peer[0] &&
        (X509_VERIFY_PARAM_set1_ip_asc(p, peer) == 1 || X509_VERIFY_PARAM_set1_host(p, peer, 0) == 1))
        return 0;
    snprintf(text, TLS_TEXT, "there is no name that the peer's certificate must have");
    return -EINVAL;
}

static int certificates_prepare(struct tls_credentials *c, const struct tls_config *config,
                                char text[TLS_TEXT])
{
    SSL_CTX *x = c->context;

    SSL_CTX_set_default_passwd_cb(x, no_password);
    if (!config->private_key || !config->authority)
        return file_error("certificate", config->certificate, text);
    if (SSL_CTX_use_certificate_chain_file(x, config->certificate) != 1)
        return file_error("certificate", config->certificate, text);
    if (SSL_CTX_use_PrivateKey_file(x, config->private_key, SSL_FILETYPE_PEM) != 1 ||
        SSL_CTX_check_private_key(x) != 1)
        return file_error("private key", config->private_key, text);
    if (SSL_CTX_load_verify_file(x, config->authority) != 1)
        return file_error("authority", config->authority, text);
    if (peer_expect(x, config->peer, text) < 0)
        return -EINVAL;
    return SSL_CTX_set_ciphersuites(x, CERTIFICATE_SUITES) == 1 ? 0 : -ENOTSUP;
}

/* ---- credentials ---- */

static int context_prepare(struct tls_credentials *c)
{
    c->context = SSL_CTX_new_ex(crypto_state()->library, NULL, TLS_method());
    if (!c->context)
        return -ENOMEM;
    SSL_CTX_set_options(c->context, SSL_OP_NO_TICKET | SSL_OP_NO_RENEGOTIATION | SSL_OP_NO_COMPRESSION);
    SSL_CTX_set_session_cache_mode(c->context, SSL_SESS_CACHE_OFF);
    SSL_CTX_set_mode(c->context, SSL_MODE_AUTO_RETRY);
    SSL_CTX_set_max_early_data(c->context, 0);
    /* Without a certificate to go by none is good: a peer that does not take the key gets no further. */
    SSL_CTX_set_verify(c->context, SSL_VERIFY_PEER | SSL_VERIFY_FAIL_IF_NO_PEER_CERT, NULL);
    if (SSL_CTX_set_min_proto_version(c->context, TLS1_3_VERSION) != 1 ||
        SSL_CTX_set_num_tickets(c->context, 0) != 1 || SSL_CTX_set1_groups_list(c->context, KEY_GROUPS) != 1)
        return -ENOTSUP;
    return 0;
}

int tls_credentials_new(const struct tls_config *config, struct tls_credentials **ret, char text[TLS_TEXT])
{
    struct tls_credentials *c = calloc(1, sizeof(*c));
    int r = c ? 0 : -ENOMEM;

    text[0] = '\0';
    ERR_clear_error();
    if (r == 0)
        r = context_prepare(c);
    if (r == 0)
        r = config->certificate ? certificates_prepare(c, config, text) : psk_prepare(c, config, text);
    ERR_clear_error();
    if (r < 0) {
        if (!text[0])
            snprintf(text, TLS_TEXT, "%s", r == -ENOMEM ? "no memory" : "libssl cannot do it");
        tls_credentials_free(c);
        return r;
    }
    c->rekey_bytes = config->rekey_bytes ? config->rekey_bytes : REKEY_DEFAULT;
    *ret = c;
    return 0;
}

void tls_credentials_free(struct tls_credentials *c)
{
    if (!c)
        return;
    SSL_CTX_free(c->context);
    wipe(c, sizeof(*c));
    free(c);
}

/* ---- errors ---- */

static enum tls_error reason_error(const struct tls *t, int reason)
{
    switch (reason) {
    case SSL_R_BINDER_DOES_NOT_VERIFY:
        return TLS_ERROR_KEY;
    case SSL_R_CERTIFICATE_VERIFY_FAILED:
    case SSL_R_PEER_DID_NOT_RETURN_A_CERTIFICATE:
        return t->psk ? TLS_ERROR_KEY : TLS_ERROR_CERTIFICATE;
    case SSL_R_UNSUPPORTED_PROTOCOL:
    case SSL_R_WRONG_SSL_VERSION:
    case SSL_R_TLSV1_ALERT_PROTOCOL_VERSION:
        return TLS_ERROR_VERSION;
    case SSL_R_NO_SUITABLE_SIGNATURE_ALGORITHM:
    case SSL_R_NO_SUITABLE_KEY_SHARE:
    case SSL_R_NO_SHARED_CIPHER:
        return t->psk ? TLS_ERROR_KEY : TLS_ERROR_PROTOCOL;
    default:
        return reason >= SSL_AD_REASON_OFFSET ? TLS_ERROR_REFUSED : TLS_ERROR_PROTOCOL;
    }
}

static enum tls_error fail(struct tls *t, enum tls_error error, const char *detail)
{
    if (t->error != TLS_OK)
        return t->error;
    t->error = error;
    snprintf(t->text, sizeof(t->text), detail ? "%s: %s" : "%s", tls_error_name(error), detail);
    return error;
}

/* What libssl has to say about a call that did not end well. */
static enum tls_error ssl_failure(struct tls *t, int result)
{
    int what = SSL_get_error(t->ssl, result);

    if (what == SSL_ERROR_WANT_READ || what == SSL_ERROR_WANT_WRITE)
        return TLS_OK;
    if (what == SSL_ERROR_ZERO_RETURN)
        return fail(t, TLS_ERROR_CLOSED, NULL);
    unsigned long first = ERR_peek_error();
    int reason = ERR_GET_REASON(first);
    if (reason == ERR_R_MALLOC_FAILURE)
        return fail(t, TLS_ERROR_MEMORY, NULL);
    enum tls_error error = t->identity_unknown && !t->open ? TLS_ERROR_KEY : reason_error(t, reason);
    const char *detail = ERR_reason_error_string(first);
    if (error == TLS_ERROR_CERTIFICATE && SSL_get_verify_result(t->ssl) != X509_V_OK)
        detail = X509_verify_cert_error_string(SSL_get_verify_result(t->ssl));
    if (error == TLS_ERROR_KEY && t->identity_unknown)
        detail = "unknown identity";
    ERR_clear_error();
    return fail(t, error, detail);
}

/* ---- the connection ---- */

/* libssl wants to know what sessions are for where peers are verified. */
static bool server_prepare(SSL *ssl)
{
    static const unsigned char purpose[] = "holdfast";

    SSL_set_accept_state(ssl);
    return SSL_set_session_id_context(ssl, purpose, sizeof(purpose) - 1) == 1;
}

struct tls *tls_new(const struct tls_credentials *c, enum tls_role role)
{
    struct tls *t = calloc(1, sizeof(*t));

    if (!t)
        return NULL;
    ERR_clear_error();
    t->psk = c->psk;
    t->server = role == TLS_SERVER;
    t->rekey_bytes = c->rekey_bytes;
    memcpy(t->identity, c->identity, sizeof(t->identity));
    memcpy(t->key, c->key, sizeof(t->key));
    t->ssl = SSL_new(c->context);
    t->in = BIO_new(BIO_s_mem());
    t->out = BIO_new(BIO_s_mem());
    if (!t->ssl || !t->in || !t->out || (t->server && !server_prepare(t->ssl))) {
        BIO_free(t->in);
        BIO_free(t->out);
        SSL_free(t->ssl);
        wipe(t, sizeof(*t));
        free(t);
        return NULL;
    }
    BIO_set_mem_eof_return(t->in, -1);
    SSL_set_bio(t->ssl, t->in, t->out);
    SSL_set_app_data(t->ssl, t);
    if (!t->server) {
        SSL_set_connect_state(t->ssl);
        tls_feed(t, (struct bytes){0});
    }
    return t;
}

void tls_free(struct tls *t)
{
    if (!t)
        return;
    SSL_free(t->ssl);
    wipe(t, sizeof(*t));
    free(t);
}

static enum tls_error handshake(struct tls *t)
{
    int r = SSL_do_handshake(t->ssl);

    if (r != 1)
        return ssl_failure(t, r);
    wipe(t->key, sizeof(t->key));
    /* The only way to here without it would be a peer with a certificate that nobody trusts. */
    if (t->psk && !SSL_session_reused(t->ssl))
        return fail(t, TLS_ERROR_KEY, NULL);
    t->open = true;
    return TLS_OK;
}

enum tls_error tls_feed(struct tls *t, struct bytes in)
{
    assert(in.len <= INT32_MAX);
    if (t->error != TLS_OK)
        return t->error;
    ERR_clear_error();
    if (in.len && BIO_write(t->in, in.data, (int)in.len) != (int)in.len)
        return fail(t, TLS_ERROR_MEMORY, NULL);
    return t->open ? TLS_OK : handshake(t);
}

size_t tls_read(struct tls *t, void *out, size_t size)
{
    size_t got = 0;

    if (t->error != TLS_OK || !t->open)
        return 0;
    ERR_clear_error();
    int r = SSL_read_ex(t->ssl, out, size, &got);
    if (r == 1)
        return got;
    ssl_failure(t, r);
    return 0;
}

enum tls_error tls_write(struct tls *t, struct bytes in)
{
    size_t done = 0;

    assert(t->open);
    if (t->error != TLS_OK || in.len == 0)
        return t->error;
    ERR_clear_error();
    t->sent += in.len;
    if (t->sent >= t->rekey_bytes) {
        if (SSL_key_update(t->ssl, SSL_KEY_UPDATE_NOT_REQUESTED) != 1)
            return fail(t, TLS_ERROR_PROTOCOL, "no new keys");
        t->sent = 0;
        t->updates++;
    }
    int r = SSL_write_ex(t->ssl, in.data, in.len, &done);
    if (r == 1 && done == in.len)
        return TLS_OK;
    return ssl_failure(t, r) == TLS_OK ? fail(t, TLS_ERROR_MEMORY, NULL) : t->error;
}

void tls_close(struct tls *t)
{
    ERR_clear_error();
    if (t->open && (t->error == TLS_OK || t->error == TLS_ERROR_CLOSED))
        SSL_shutdown(t->ssl);
    ERR_clear_error();
}

struct bytes tls_output(struct tls *t)
{
    char *data = NULL;
    long len = BIO_get_mem_data(t->out, &data);

    return len > 0 ? bytes_of(data, (size_t)len) : (struct bytes){0};
}

void tls_output_taken(struct tls *t)
{
    (void)BIO_reset(t->out);
}

bool tls_is_open(const struct tls *t)
{
    return t->open && t->error == TLS_OK;
}

enum tls_error tls_failure(const struct tls *t)
{
    return t->error;
}

const char *tls_failure_text(const struct tls *t)
{
    return t->error == TLS_OK ? tls_error_name(TLS_OK) : t->text;
}

uint64_t tls_key_updates(const struct tls *t)
{
    return t->updates;
}
