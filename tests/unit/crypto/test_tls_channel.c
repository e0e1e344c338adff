/* SPDX-License-Identifier: Apache-2.0 */
/* A client and a server in memory: keys that fit and that do not, certificates made here, other versions,
 * bytes that were cut, changed or never TLS. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include <cmocka.h>
#include <openssl/pem.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>

#include "crypto/crypto.h"
#include "crypto/tls_channel.h"

/* ---- two ends ---- */

struct link {
    struct tls *end[2]; /* enum tls_role */
    char got[2][65536];
    size_t got_len[2];
    size_t cut; /* bytes per delivery; 0: all */
};

static struct tls_credentials *credentials(const struct tls_config *c)
{
    struct tls_credentials *ret = NULL;
    char text[TLS_TEXT];
    int r = tls_credentials_new(c, &ret, text);
    if (r < 0)
        fail_msg("%s", text);
    assert_string_equal(text, "");
    return ret;
}

static void link_open(struct link *l, const struct tls_config *client, const struct tls_config *server)
{
    const struct tls_config *c[2] = {[TLS_CLIENT] = client, [TLS_SERVER] = server};
    *l = (struct link){.cut = l->cut};
    for (unsigned n = 0; n < 2; n++) {
        struct tls_credentials *made = credentials(c[n]);
        l->end[n] = tls_new(made, n);
        assert_non_null(l->end[n]);
        tls_credentials_free(made); /* the connection lives on */
    }
}

static void link_close(struct link *l)
{
    for (unsigned n = 0; n < 2; n++)
        tls_free(l->end[n]);
}

static void end_feed(struct link *l, unsigned n, struct bytes b)
{
    size_t got;
    tls_feed(l->end[n], b);
    while ((got = tls_read(l->end[n], l->got[n] + l->got_len[n], sizeof(l->got[n]) - l->got_len[n])) > 0)
        l->got_len[n] += got;
}

static bool deliver(struct link *l, unsigned from)
{
    static uint8_t copy[1 << 20];
    struct bytes out = tls_output(l->end[from]);
    if (out.len == 0)
        return false;
    assert_true(out.len <= sizeof(copy));
    memcpy(copy, out.data, out.len);
    size_t len = out.len;
    tls_output_taken(l->end[from]);
    assert_int_equal(tls_output(l->end[from]).len, 0);
    for (size_t at = 0, step = l->cut ? l->cut : len; at < len; at += step)
        end_feed(l, !from, bytes_of(copy + at, MIN(step, len - at)));
    return true;
}

static void run(struct link *l)
{
    bool more = true;
    while (more) {
        more = deliver(l, TLS_CLIENT);
        more = deliver(l, TLS_SERVER) || more;
    }
}

static const struct tls_config psk = {.identity = "ssp", .secret = {(const uint8_t *)"correct horse", 13}};

/* ---- pre-shared key ---- */

static void talk(struct link *l)
{
    for (unsigned n = 0; n < 2; n++) {
        if (!tls_is_open(l->end[n]))
            fail_msg("end %u: %s", n, tls_failure_text(l->end[n]));
    }
    for (unsigned n = 0; n < 2; n++) {
        l->got_len[!n] = 0;
        assert_int_equal(tls_write(l->end[n], bytes_of("hello", 5)), TLS_OK);
        assert_int_equal(tls_write(l->end[n], bytes_of(" world", 6)), TLS_OK);
        run(l);
        assert_int_equal(l->got_len[!n], 11);
        assert_memory_equal(l->got[!n], "hello world", 11);
    }
}

static void test_psk(void **state)
{
    static const size_t cuts[] = {0, 1, 7, 1000};
    static struct link l;
    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(cuts); i++) {
        l.cut = cuts[i];
        link_open(&l, &psk, &psk);
        run(&l);
        talk(&l);
        tls_close(l.end[TLS_CLIENT]);
        run(&l);
        assert_int_equal(tls_failure(l.end[TLS_SERVER]), TLS_ERROR_CLOSED);
        link_close(&l);
    }
}

/* What goes over the network has neither the plaintext nor the secret in it. */
static void test_psk_hides(void **state)
{
    static struct link l;
    (void)state;
    link_open(&l, &psk, &psk);
    struct bytes hello = tls_output(l.end[TLS_CLIENT]);
    assert_null(memmem(hello.data, hello.len, psk.secret.data, psk.secret.len));
    run(&l);
    tls_write(l.end[0], bytes_of("the quick brown fox", 19));
    struct bytes out = tls_output(l.end[0]);
    assert_true(out.len > 19);
    assert_null(memmem(out.data, out.len, "quick", 5));
    link_close(&l);
}

static void refused_both(struct link *l, enum tls_error server)
{
    run(l);
    assert_false(tls_is_open(l->end[TLS_SERVER]));
    assert_string_equal(tls_error_name(tls_failure(l->end[TLS_SERVER])), tls_error_name(server));
    assert_false(tls_is_open(l->end[TLS_CLIENT]));
    assert_int_not_equal(tls_failure(l->end[TLS_CLIENT]), TLS_OK);
    for (unsigned n = 0; n < 2; n++) {
        assert_true(strlen(tls_failure_text(l->end[n])) > 3);
        assert_null(strstr(tls_failure_text(l->end[n]), "horse"));
    }
    link_close(l);
}

static void test_psk_wrong(void **state)
{
    static const struct tls_config wrong = {.identity = "ssp", .secret = {(const uint8_t *)"battery", 7}},
                                   other = {.identity = "sss",
                                            .secret = {(const uint8_t *)"correct horse", 13}};
    static struct link l;
    (void)state;
    link_open(&l, &wrong, &psk);
    refused_both(&l, TLS_ERROR_KEY);
    link_open(&l, &psk, &wrong);
    refused_both(&l, TLS_ERROR_KEY);
    link_open(&l, &other, &psk);
    refused_both(&l, TLS_ERROR_KEY);
}

static void test_psk_empty(void **state)
{
    struct tls_config none = {.identity = "ssp"};
    struct tls_credentials *c = NULL;
    char text[TLS_TEXT];
    (void)state;
    assert_int_equal(tls_credentials_new(&none, &c, text), -EINVAL);
    assert_null(c);
    assert_string_not_equal(text, "");
}

static void test_rekey(void **state)
{
    static struct link l;
    static uint8_t data[10000];
    struct tls_config often = psk;
    (void)state;
    often.rekey_bytes = 50000;
    link_open(&l, &often, &often);
    run(&l);
    for (unsigned i = 0; i < 100; i++) {
        memset(data, (int)i, sizeof(data));
        l.got_len[1] = 0;
        assert_int_equal(tls_write(l.end[0], bytes_of(data, sizeof(data))), TLS_OK);
        run(&l);
        assert_int_equal(l.got_len[1], sizeof(data));
        assert_memory_equal(l.got[1], data, sizeof(data));
    }
    assert_int_equal(tls_key_updates(l.end[0]), 20);
    talk(&l);
    link_close(&l);
}

/* ---- certificates ---- */

static char directory[] = "/tmp/holdfast-tls-XXXXXX";

static const char *path(const char *name)
{
    static char paths[16][128];
    static unsigned next;
    char *p = paths[next++ % 16];
    snprintf(p, sizeof(paths[0]), "%s/%s.pem", directory, name);
    return p;
}

static void pem_write(const char *name, EVP_PKEY *key, X509 *certificate)
{
    FILE *f = fopen(path(name), "w");
    assert_non_null(f);
    assert_true(key ? PEM_write_PrivateKey(f, key, NULL, NULL, 0, NULL, NULL)
                    : PEM_write_X509(f, certificate));
    fclose(f);
}

static void extension_add(X509 *x, X509V3_CTX *context, int kind, const char *value)
{
    X509_EXTENSION *e = X509V3_EXT_conf_nid(NULL, context, kind, value);
    assert_non_null(e);
    X509_add_ext(x, e, -1);
    X509_EXTENSION_free(e);
}

/* Signed by `issuer`, or by itself; `days` after now it ends. `other_names`: may be NULL. */
static X509 *certificate_make(const char *name, const char *other_names, EVP_PKEY *key, X509 *issuer,
                              EVP_PKEY *issuer_key, int days)
{
    static long serial;
    X509 *x = X509_new();
    X509_NAME *subject = X509_get_subject_name(x);
    assert_non_null(x);
    X509_set_version(x, 2);
    ASN1_INTEGER_set(X509_get_serialNumber(x), ++serial);
    X509_time_adj_ex(X509_getm_notBefore(x), -10, 0, NULL);
    X509_time_adj_ex(X509_getm_notAfter(x), days, 0, NULL);
    X509_NAME_add_entry_by_txt(subject, "CN", MBSTRING_ASC, (const unsigned char *)name, -1, -1, 0);
    X509_set_issuer_name(x, issuer ? X509_get_subject_name(issuer) : subject);
    X509_set_pubkey(x, key);
    X509V3_CTX context;
    X509V3_set_ctx(&context, issuer ? issuer : x, x, NULL, NULL, 0);
    extension_add(x, &context, NID_basic_constraints, issuer ? "CA:FALSE" : "critical,CA:TRUE");
    if (other_names)
        extension_add(x, &context, NID_subject_alt_name, other_names);
    assert_true(X509_sign(x, issuer ? issuer_key : key, EVP_sha256()) > 0);
    return x;
}

static void authority_make(const char *name, int days)
{
    static const char *const other_names[] = {
        "IP:192.168.255.1,DNS:gw1.example",
        "IP:192.168.255.2,IP:2001:db8::2,DNS:gw2.example,DNS:*.wild.example"};
    char file[64];
    EVP_PKEY *key = EVP_EC_gen("P-256");
    X509 *ca = certificate_make(name, NULL, key, NULL, NULL, 100);
    pem_write(name, NULL, ca);
    for (unsigned n = 0; n < 2; n++) {
        EVP_PKEY *member_key = EVP_EC_gen("P-256");
        X509 *member = certificate_make("member.example", other_names[n], member_key, ca, key, days);
        snprintf(file, sizeof(file), "%s-%u", name, n);
        pem_write(file, NULL, member);
        snprintf(file, sizeof(file), "%s-%u-key", name, n);
        pem_write(file, member_key, NULL);
        X509_free(member);
        EVP_PKEY_free(member_key);
    }
    X509_free(ca);
    EVP_PKEY_free(key);
}

static struct tls_config member(const char *name, unsigned n, const char *authority)
{
    char file[2][64];
    snprintf(file[0], sizeof(file[0]), "%s-%u", name, n);
    snprintf(file[1], sizeof(file[1]), "%s-%u-key", name, n);
    return (struct tls_config){
        .certificate = path(file[0]),
        .private_key = path(file[1]),
        .authority = path(authority),
        .peer = n ? "192.168.255.1" : "192.168.255.2",
    };
}

static void test_certificates(void **state)
{
    struct tls_config a = member("good", 0, "good"), b = member("good", 1, "good");
    static struct link l;
    (void)state;
    link_open(&l, &a, &b);
    run(&l);
    talk(&l);
    link_close(&l);
}

/* The one who does not accept the other says so by name; the other one ends as well. */
static void test_certificates_bad(void **state)
{
    static const struct {
        const char *client, *client_trusts, *server, *server_trusts;
        enum tls_role finds;
        const char *says;
    } table[] = {
        {"other", "good", "good", "good", TLS_SERVER, "certificate: "},
        {"good", "other", "good", "good", TLS_CLIENT, "certificate: "},
        {"good", "good", "other", "good", TLS_CLIENT, "certificate: "},
        {"expired", "good", "good", "expired", TLS_SERVER, "certificate: certificate has expired"},
        {"good", "expired", "expired", "good", TLS_CLIENT, "certificate: certificate has expired"},
    };
    static struct link l;
    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(table); i++) {
        struct tls_config a = member(table[i].client, 0, table[i].client_trusts),
                          b = member(table[i].server, 1, table[i].server_trusts);
        link_open(&l, &a, &b);
        run(&l);
        const char *says = tls_failure_text(l.end[table[i].finds]);
        if (strncmp(says, table[i].says, strlen(table[i].says)) != 0)
            fail_msg("%zu: %s", i, says);
        assert_int_equal(tls_failure(l.end[!table[i].finds]), TLS_ERROR_REFUSED);
        assert_int_equal(l.got_len[0] + l.got_len[1], 0);
        link_close(&l);
    }
}

/* Every certificate is of the same authority: what counts is whose it is. */
static void test_certificate_names(void **state)
{
    static const struct {
        const char *client_wants, *server_wants, *client_says, *server_says; /* NULL: both agree */
    } table[] = {
        {"192.168.255.2", "192.168.255.1", NULL, NULL},
        {"2001:db8::2", "gw1.example", NULL, NULL},
        {"gw2.example", "GW1.Example", NULL, NULL},
        {"192.168.255.3", "192.168.255.1", "certificate: IP address mismatch", "refused by the peer: "},
        {"2001:db8::1", "192.168.255.1", "certificate: IP address mismatch", "refused by the peer: "},
        {"192.168.255.2", "192.168.255.2", "refused by the peer: ", "certificate: IP address mismatch"},
        {"gw1.example", "192.168.255.1", "certificate: hostname mismatch", "refused by the peer: "},
        {"192.168.255.2", "gw2.example", "refused by the peer: ", "certificate: hostname mismatch"},
        {"member.example", "192.168.255.1", "certificate: hostname mismatch", "refused by the peer: "},
        {"a.wild.example", "192.168.255.1", "certificate: hostname mismatch", "refused by the peer: "},
    };
    static struct link l;
    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(table); i++) {
        struct tls_config a = member("good", 0, "good"), b = member("good", 1, "good");
        a.peer = table[i].client_wants;
        b.peer = table[i].server_wants;
        link_open(&l, &a, &b);
        run(&l);
        if (table[i].client_says) {
            const char *says[] = {tls_failure_text(l.end[TLS_CLIENT]), tls_failure_text(l.end[TLS_SERVER])};
            if (strncmp(says[0], table[i].client_says, strlen(table[i].client_says)) != 0 ||
                strncmp(says[1], table[i].server_says, strlen(table[i].server_says)) != 0)
                fail_msg("%zu: %s; %s", i, says[0], says[1]);
            assert_int_equal(l.got_len[0] + l.got_len[1], 0);
        } else {
            talk(&l);
        }
        link_close(&l);
    }
}

/* Who has a key only does not trust any certificate, and the other way round. */
static void test_mixed(void **state)
{
    struct tls_config b = member("good", 1, "good");
    static struct link l;
    (void)state;
    link_open(&l, &psk, &b);
    run(&l);
    assert_false(tls_is_open(l.end[TLS_CLIENT]));
    assert_int_equal(tls_failure(l.end[TLS_CLIENT]), TLS_ERROR_KEY);
    assert_false(tls_is_open(l.end[TLS_SERVER]));
    link_close(&l);
    link_open(&l, &b, &psk);
    run(&l);
    assert_false(tls_is_open(l.end[TLS_CLIENT]) || tls_is_open(l.end[TLS_SERVER]));
    assert_int_equal(tls_failure(l.end[TLS_SERVER]), TLS_ERROR_KEY);
    link_close(&l);
}

static void test_files(void **state)
{
    struct tls_config table[] = {
        member("good", 0, "none"),
        member("none", 0, "good"),
        {.certificate = path("good-0"), .private_key = path("good-1-key"), .authority = path("good")},
        {.certificate = path("good-0-key"), .private_key = path("good-0-key"), .authority = path("good")},
        {.certificate = path("good-0")},
    };
    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(table); i++) {
        struct tls_credentials *c = NULL;
        char text[TLS_TEXT];
        assert_int_equal(tls_credentials_new(&table[i], &c, text), -EINVAL);
        assert_null(c);
        assert_non_null(strstr(text, "/tmp/"));
    }
    struct tls_config nobody[] = {member("good", 0, "good"), member("good", 0, "good")};
    nobody[0].peer = NULL;
    nobody[1].peer = "";
    for (size_t i = 0; i < ARRAY_SIZE(nobody); i++) {
        struct tls_credentials *c = NULL;
        char text[TLS_TEXT];
        assert_int_equal(tls_credentials_new(&nobody[i], &c, text), -EINVAL);
        assert_non_null(strstr(text, "no name"));
    }
}

/* ---- other versions, and no TLS at all ---- */

/* A client of libssl with no more than TLS 1.2. */
static void test_old_version(void **state)
{
    static struct link l;
    struct tls_config b = member("good", 1, "good");
    (void)state;
    for (unsigned with_psk = 0; with_psk < 2; with_psk++) {
        SSL_CTX *context = SSL_CTX_new(TLS_client_method());
        SSL_CTX_set_max_proto_version(context, TLS1_2_VERSION);
        SSL *old = SSL_new(context);
        BIO *in = BIO_new(BIO_s_mem()), *out = BIO_new(BIO_s_mem());
        SSL_set_bio(old, in, out);
        assert_true(SSL_connect(old) < 0);
        char *hello;
        long len = BIO_get_mem_data(out, &hello);
        assert_true(len > 0);
        link_open(&l, &psk, with_psk ? &psk : &b);
        end_feed(&l, TLS_SERVER, bytes_of(hello, (size_t)len));
        assert_int_equal(tls_failure(l.end[TLS_SERVER]), TLS_ERROR_VERSION);
        assert_false(tls_is_open(l.end[TLS_SERVER]));
        link_close(&l);
        SSL_free(old);
        SSL_CTX_free(context);
    }
}

static void test_foreign_bytes(void **state)
{
    static struct link l;
    (void)state;
    link_open(&l, &psk, &psk);
    end_feed(&l, TLS_SERVER, bytes_of("GET / HTTP/1.1\r\n\r\n", 18));
    end_feed(&l, TLS_CLIENT, bytes_of("\0\0\0\0\0\0\0\0\0\0", 10));
    assert_int_equal(tls_failure(l.end[0]), TLS_ERROR_PROTOCOL);
    assert_int_equal(tls_failure(l.end[1]), TLS_ERROR_PROTOCOL);
    /* It stays so. */
    assert_int_equal(tls_feed(l.end[1], bytes_of("x", 1)), TLS_ERROR_PROTOCOL);
    link_close(&l);
}

/* The record is cut at every length, and goes on later; changed at every byte, it ends the connection. */
static void test_records_cut_and_changed(void **state)
{
    static struct link l;
    uint8_t record[256];
    (void)state;
    link_open(&l, &psk, &psk);
    run(&l);
    size_t len = 0;
    for (size_t at = 0; at == 0 || at < len; at++) {
        tls_write(l.end[0], bytes_of("0123456789", 10));
        struct bytes out = tls_output(l.end[0]);
        len = out.len;
        assert_true(len < sizeof(record));
        memcpy(record, out.data, len);
        tls_output_taken(l.end[0]);
        l.got_len[1] = 0;
        end_feed(&l, TLS_SERVER, bytes_of(record, at));
        assert_int_equal(l.got_len[1], 0);
        end_feed(&l, TLS_SERVER, bytes_of(record + at, len - at));
        assert_int_equal(l.got_len[1], 10);
    }
    link_close(&l);
    for (size_t at = 5; at < len; at++) {
        link_open(&l, &psk, &psk);
        run(&l);
        tls_write(l.end[0], bytes_of("0123456789", 10));
        struct bytes out = tls_output(l.end[0]);
        memcpy(record, out.data, len);
        record[at] ^= 0x40;
        end_feed(&l, TLS_SERVER, bytes_of(record, len));
        assert_int_equal(l.got_len[1], 0);
        assert_int_equal(tls_failure(l.end[TLS_SERVER]), TLS_ERROR_PROTOCOL);
        link_close(&l);
    }
}

/* The same record a second time. */
static void test_replay(void **state)
{
    static struct link l;
    uint8_t record[256];
    (void)state;
    link_open(&l, &psk, &psk);
    run(&l);
    tls_write(l.end[0], bytes_of("once", 4));
    struct bytes out = tls_output(l.end[0]);
    size_t len = out.len;
    memcpy(record, out.data, len);
    end_feed(&l, TLS_SERVER, bytes_of(record, len));
    assert_int_equal(l.got_len[1], 4);
    end_feed(&l, TLS_SERVER, bytes_of(record, len));
    assert_int_equal(l.got_len[1], 4);
    assert_int_equal(tls_failure(l.end[TLS_SERVER]), TLS_ERROR_PROTOCOL);
    link_close(&l);
}

/* ---- files of these tests ---- */

static int set_up(void **state)
{
    (void)state;
    if (crypto_init() < 0 || !mkdtemp(directory))
        return -1;
    authority_make("good", 50);
    authority_make("other", 50);
    authority_make("expired", -1);
    return 0;
}

static int tear_down(void **state)
{
    static const char *const names[] = {"good", "other", "expired"}, *const ends[] = {"", "-0", "-1",
                                                                                      "-0-key", "-1-key"};
    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(names) * ARRAY_SIZE(ends); i++) {
        char file[64];
        snprintf(file, sizeof(file), "%s%s", names[i / ARRAY_SIZE(ends)], ends[i % ARRAY_SIZE(ends)]);
        unlink(path(file));
    }
    crypto_done();
    return rmdir(directory);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_psk),
        cmocka_unit_test(test_psk_hides),
        cmocka_unit_test(test_psk_wrong),
        cmocka_unit_test(test_psk_empty),
        cmocka_unit_test(test_rekey),
        cmocka_unit_test(test_certificates),
        cmocka_unit_test(test_certificates_bad),
        cmocka_unit_test(test_certificate_names),
        cmocka_unit_test(test_mixed),
        cmocka_unit_test(test_files),
        cmocka_unit_test(test_old_version),
        cmocka_unit_test(test_foreign_bytes),
        cmocka_unit_test(test_records_cut_and_changed),
        cmocka_unit_test(test_replay),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
