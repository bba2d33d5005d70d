/* Units of src/stripe/transport.c under TLS: whom it trusts, and that nothing is sent to anybody else.
 * SPDX-License-Identifier: Apache-2.0 */
#include <openssl/ec.h>
#include <openssl/pem.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>

#include <apr_general.h>
#include <apr_strings.h>

#include "stripe/stripe.h"
#include "stripe_stub.h"
#include "tap.h"

#define DAY (24L * 60 * 60)

typedef struct {
    EVP_PKEY *key;
    X509 *certificate;
    char path[64]; /* its PEM file */
} identity_t;

/* A certificate of its own authority for NAMES ("IP:127.0.0.1"), good until DAYS from now. */
static identity_t make_identity(const char *names, long days)
{
    identity_t made = {.key = EVP_EC_gen("P-256"), .certificate = X509_new(), .path = "/tmp/bookshop-tls-XXXXXX"};
    X509_NAME *name = X509_get_subject_name(made.certificate);
    X509_EXTENSION *extension = X509V3_EXT_conf_nid(NULL, NULL, NID_subject_alt_name, names);
    FILE *file;

    X509_set_version(made.certificate, X509_VERSION_3);
    ASN1_INTEGER_set(X509_get_serialNumber(made.certificate), 1);
    X509_gmtime_adj(X509_getm_notBefore(made.certificate), -10 * DAY);
    X509_gmtime_adj(X509_getm_notAfter(made.certificate), days * DAY);
    X509_set_pubkey(made.certificate, made.key);
    X509_NAME_add_entry_by_txt(name, "CN", MBSTRING_ASC, (const unsigned char *)"bookshop test", -1, -1, 0);
    X509_set_issuer_name(made.certificate, name);
    X509_add_ext(made.certificate, extension, -1);
    X509_EXTENSION_free(extension);
    X509_sign(made.certificate, made.key, EVP_sha256());
    file = fdopen(mkstemp(made.path), "w");
    PEM_write_X509(file, made.certificate);
    fclose(file);
    return made;
}

static void end_identity(identity_t *identity)
{
    unlink(identity->path);
    X509_free(identity->certificate);
    EVP_PKEY_free(identity->key);
}

static SSL_CTX *make_context(const identity_t *identity, int max_version)
{
    SSL_CTX *context = SSL_CTX_new(TLS_server_method());

    SSL_CTX_use_certificate(context, identity->certificate);
    SSL_CTX_use_PrivateKey(context, identity->key);
    SSL_CTX_set_min_proto_version(context, TLS1_VERSION);
    SSL_CTX_set_max_proto_version(context, max_version);
    SSL_CTX_set_cipher_list(context, "DEFAULT:@SECLEVEL=0"); /* or this OpenSSL would not speak TLS 1.1 */
    return context;
}

/* Answers one request; notes each byte that was for Stripe's eyes. */
static void serve_one(SSL_CTX *context, int fd, stub_notes_t *notes)
{
    static const char answer[] = "HTTP/1.1 200 OK\r\nContent-Length: 13\r\nConnection: close\r\n\r\n{\"id\":\"pi_1\"}";
    SSL *ssl = SSL_new(context);
    int got;

    SSL_set_fd(ssl, fd);
    if (SSL_accept(ssl) == 1) {
        got = SSL_read(ssl, notes->text[0], STUB_TEXT - 1);
        atomic_fetch_add(&notes->requests, got > 0 ? got : 0);
        SSL_write(ssl, answer, sizeof(answer) - 1);
        SSL_shutdown(ssl);
    }
    SSL_free(ssl);
    close(fd);
}

static stub_t start_server(const identity_t *identity, int max_version)
{
    stub_t stub;
    const int listener = stub_listen(8, &stub.port);

    stub.notes = mmap(NULL, sizeof(*stub.notes), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    fflush(stdout);
    stub.server = fork();
    if (stub.server == 0) {
        SSL_CTX *context = make_context(identity, max_version);

        prctl(PR_SET_PDEATHSIG, SIGKILL);
        setpgid(0, 0);
        for (;;) {
            const int fd = accept(listener, NULL, NULL);

            atomic_fetch_add(&stub.notes->connections, 1);
            serve_one(context, fd, stub.notes);
        }
    }
    setpgid(stub.server, stub.server);
    close(listener);
    return stub;
}

static char logged[8192];

static void write_log(void *baton, bks_log_level_t level, const char *line)
{
    const size_t length = strlen(logged);

    (void)baton;
    snprintf(logged + length, sizeof(logged) - length, "%d %s\n", (int)level, line);
}

static const bks_log_t log_all = {write_log, NULL};

/* One call to a server that shows IDENTITY, by a client that trusts CA_FILE; the outcome in a word, and what it saw. */
static const char *call_with(const identity_t *identity, int max_version, const char *ca_file, apr_pool_t *pool)
{
    const bks_stripe_request_t request = {.method = BKS_STRIPE_GET, .path = "/v1/ok"};
    bks_stripe_settings_t settings = {.secret_key = "sk_test_sandbox", .ca_file = ca_file, .connect_ms = 2000,
                                      .total_ms = 2100};
    const stub_t stub = start_server(identity, max_version);
    bks_stripe_t *stripe;
    bks_stripe_answer_t *answer;
    const bks_error_t *error;

    logged[0] = '\0';
    settings.api_base = apr_psprintf(pool, "https://127.0.0.1:%d", stub.port);
    error = bks_stripe_make(&stripe, &settings, NULL, &log_all, pool);
    error = error ? error : bks_stripe_call(stripe, NULL, &request, &answer, pool);
    stub_stop(&stub);
    return apr_psprintf(pool, "%s, %s", error ? bks_error_kind_print(error->kind) : "fine",
                        stub.notes->requests ? "something sent" : "nothing sent");
}

static void test_trust(apr_pool_t *pool)
{
    identity_t good = make_identity("IP:127.0.0.1", 10);
    identity_t stranger = make_identity("IP:127.0.0.1", 10);
    identity_t elsewhere = make_identity("DNS:api.example.com", 10);
    identity_t expired = make_identity("IP:127.0.0.1", -1);

    tap_is_text(call_with(&good, TLS1_3_VERSION, good.path, pool), "fine, something sent", "TLS 1.3, a trusted authority");
    tap_is_text(call_with(&good, TLS1_2_VERSION, good.path, pool), "fine, something sent", "TLS 1.2");
    tap_is_text(call_with(&good, TLS1_1_VERSION, good.path, pool), "unavailable, nothing sent", "TLS 1.1 is too old");
    tap_is_text(call_with(&good, TLS1_3_VERSION, NULL, pool), "unavailable, nothing sent", "an authority of its own");
    tap_ok(strstr(logged, "0 BKS0302: ") && !strstr(logged, "BKS0303"), "is an alarm for the admin, and not tried again");
    tap_is_text(call_with(&stranger, TLS1_3_VERSION, good.path, pool), "unavailable, nothing sent", "another authority");
    tap_is_text(call_with(&elsewhere, TLS1_3_VERSION, elsewhere.path, pool), "unavailable, nothing sent", "another host");
    tap_is_text(call_with(&expired, TLS1_3_VERSION, expired.path, pool), "unavailable, nothing sent", "an expired one");
    end_identity(&good);
    end_identity(&stranger);
    end_identity(&elsewhere);
    end_identity(&expired);
}

int main(int argc, const char *const *argv)
{
    apr_pool_t *pool;

    apr_app_initialize(&argc, &argv, NULL);
    signal(SIGPIPE, SIG_IGN);
    apr_pool_create(&pool, NULL);
    tap_ok(!bks_stripe_global_begin(pool), "libcurl is fit");
    test_trust(pool);
    apr_pool_destroy(pool);
    bks_stripe_global_end();
    apr_terminate();
    return tap_done();
}
