/* Webhook signatures: vectors made by Stripe's official library, and what must not pass.
 * SPDX-License-Identifier: Apache-2.0 */
#include <apr_general.h>
#include <apr_strings.h>

#include "stripe/events.h"
#include "stripe/signature.h"
#include "tap.h"

#define T "1792000000"
#define NOW 1792000000
#define SECRET_A "whsec_test_secret"
#define SECRET_B "whsec_old_rolled_secret_0123456789"

/* Computed with stripe.webhooks.generateTestHeaderString (stripe 23.1.0) at T. */
#define P1 "{\"id\":\"evt_test_webhook\",\"object\":\"event\"}"
#define P1_A "79d1344908703546bb99b8f5cee7ae1666dcdf9f1d4aba13ee3b874ef2c66ff4"
#define P1_B "8b31590996aac4d5913b5f8174c43dc4eced9e87e9f5afa2acb5bc6316a0165b"
#define P2 "{\"id\":\"evt_2\",\"object\":\"event\",\"data\":{\"object\":{\"description\":\"M\xC3\xBCller \xE2\x80\x93 \xC3\x9C" \
           "berraschung \xF0\x9F\x93\x9A\"}}}"
#define P2_A "7ec75b4948872b0d0bbe2d9ee2908c428f0a64ee5e6e6f9fbaf923ed64f6783c"
#define P3 "{\n  \"id\": \"evt_3\",\r\n  \"object\": \"event\"\n}\n"
#define P3_A "59f6aaca17f5eb297fb7d7f22ae139cd6df207a0f10cb2a5bb1ea5fb0d1de8a0"
#define P4 "{\"id\":\"evt_4\",\"object\":\"event\"}\0tail"
#define P4_A "9fb60a53160c5e79c0382d1c4ea8a04d2926db76d5700d51ea5ec4e9cbf97e1b"
#define BAD "00000000000000000000000000000000000000000000000000000000000000ff"

static apr_pool_t *pool;

typedef struct {
    const char *name;
    const char *header;
    const char *body;
    apr_size_t length; /* 0: of the text */
    const char *secrets[3];
    apr_int64_t now;   /* 0: NOW */
    const char *want;  /* NULL: it passes */
} case_t;

#define A {SECRET_A, NULL}
#define A_AND_B {SECRET_A, SECRET_B, NULL}

static const case_t cases[] = {
    {"exact", "t=" T ",v1=" P1_A, P1, 0, A, 0, NULL},
    {"UTF-8", "t=" T ",v1=" P2_A, P2, 0, A, 0, NULL},
    {"line breaks of both kinds", "t=" T ",v1=" P3_A, P3, 0, A, 0, NULL},
    {"a NUL in the body", "t=" T ",v1=" P4_A, P4, sizeof(P4) - 1, A, 0, NULL},
    {"300 s old", "t=" T ",v1=" P1_A, P1, 0, A, NOW + 300, NULL},
    {"300 s ahead", "t=" T ",v1=" P1_A, P1, 0, A, NOW - 300, NULL},
    {"a wrong one before the right one", "t=" T ",v1=" BAD ",v1=" P1_A, P1, 0, A, 0, NULL},
    {"wrong ones and another scheme after it", "t=" T ",v1=" P1_A ",v1=" BAD ",v0=" BAD, P1, 0, A, 0, NULL},
    {"a space after the comma", "t=" T ", v1=" P1_A, P1, 0, A, 0, NULL},
    {"the old secret while it is rolled", "t=" T ",v1=" P1_B, P1, 0, A_AND_B, 0, NULL},
    {"both signatures while it is rolled", "t=" T ",v1=" P1_A ",v1=" P1_B, P1, 0, {SECRET_B, NULL}, 0, NULL},
    {"the old secret afterwards", "t=" T ",v1=" P1_B, P1, 0, A, 0, "signature_wrong"},
    {"301 s old", "t=" T ",v1=" P1_A, P1, 0, A, NOW + 301, "signature_stale"},
    {"301 s ahead", "t=" T ",v1=" P1_A, P1, 0, A, NOW - 301, "signature_future"},
    {"ten years ahead", "t=" T ",v1=" P1_A, P1, 0, A, NOW - 315360000, "signature_future"},
    {"no header", NULL, P1, 0, A, 0, "signature_missing"},
    {"an empty header", "", P1, 0, A, 0, "signature_missing"},
    {"v0 alone", "t=" T ",v0=" P1_A, P1, 0, A, 0, "signature_wrong"},
    {"63 digits", "t=" T ",v1=9d1344908703546bb99b8f5cee7ae1666dcdf9f1d4aba13ee3b874ef2c66ff4", P1, 0, A, 0, "signature_wrong"},
    {"upper case", "t=" T ",v1=79D1344908703546BB99B8F5CEE7AE1666DCDF9F1D4ABA13EE3B874EF2C66FF4", P1, 0, A, 0,
     "signature_wrong"},
    {"a changed byte", "t=" T ",v1=" P1_A, "{\"id\":\"evt_test_webhook\",\"object\":\"evenT\"}", 0, A, 0, "signature_wrong"},
    {"the same JSON written anew", "t=" T ",v1=" P1_A, "{\"id\": \"evt_test_webhook\", \"object\": \"event\"}", 0, A, 0,
     "signature_wrong"},
    {"a secret with a line break", "t=" T ",v1=" P1_A, P1, 0, {SECRET_A "\n", NULL}, 0, "signature_wrong"},
    {"an empty secret", "t=" T ",v1=" P1_A, P1, 0, {"", NULL}, 0, "signature_wrong"},
    {"no secret", "t=" T ",v1=" P1_A, P1, 0, {NULL}, 0, "signature_wrong"},
    {"no t", "v1=" P1_A, P1, 0, A, 0, "signature_malformed"},
    {"two t", "t=1,t=" T ",v1=" P1_A, P1, 0, A, 0, "signature_malformed"},
    {"the same t twice", "t=" T ",t=" T ",v1=" P1_A, P1, 0, A, 0, "signature_malformed"},
    {"letters behind t", "t=" T "abc,v1=" P1_A, P1, 0, A, 0, "signature_malformed"},
    {"zeros before t", "t=000" T ",v1=" P1_A, P1, 0, A, 0, "signature_malformed"},
    {"a fraction of t", "t=" T ".9,v1=" P1_A, P1, 0, A, 0, "signature_malformed"},
    {"a negative t", "t=-1,v1=" P1_A, P1, 0, A, 0, "signature_malformed"},
    {"a t of 13 digits", "t=1792000000000,v1=" P1_A, P1, 0, A, 0, "signature_malformed"},
    {"more behind v1", "t=" T ",v1=" P1_A "=zzz", P1, 0, A, 0, "signature_wrong"},
    {"a part without a value", "t=" T ",v1", P1, 0, A, 0, "signature_malformed"},
    {"commas alone", ",,,", P1, 0, A, 0, "signature_malformed"},
};

static void test_case(const case_t *one)
{
    apr_array_header_t *secrets = apr_array_make(pool, 2, sizeof(const char *));
    const bks_error_t *error;

    for (int i = 0; one->secrets[i]; i++) {
        APR_ARRAY_PUSH(secrets, const char *) = one->secrets[i];
    }
    error = bks_signature_verify(one->header, one->body, one->length ? one->length : strlen(one->body), secrets,
                                 one->now ? one->now : NOW, BKS_SIGNATURE_TOLERANCE, pool);
    tap_is_text(error ? error->code : NULL, one->want, one->name);
    tap_ok(!error || error->kind == BKS_ERROR_BAD_REQUEST, "%s: its kind", one->name);
}

/* An empty body is no webhook, though it can be signed. */
static void test_empty_body(void)
{
    apr_array_header_t *secrets = apr_array_make(pool, 1, sizeof(const char *));
    const bks_error_t *error;

    APR_ARRAY_PUSH(secrets, const char *) = SECRET_A;
    error = bks_signature_verify("t=" T ",v1=" P1_A, "", 0, secrets, NOW, BKS_SIGNATURE_TOLERANCE, pool);
    tap_is_text(error ? error->code : NULL, "signature_wrong", "an empty body");
}

/* A thousand signatures are all compared, and cost nothing to speak of. */
static void test_many(void)
{
    apr_array_header_t *secrets = apr_array_make(pool, 1, sizeof(const char *));
    const char *header = "t=" T;

    APR_ARRAY_PUSH(secrets, const char *) = SECRET_A;
    for (int i = 0; i < 100; i++) {
        header = apr_pstrcat(pool, header, ",v1=" BAD, NULL);
    }
    tap_ok(bks_signature_verify(header, P1, strlen(P1), secrets, NOW, 300, pool) != NULL, "a hundred wrong ones");
    header = apr_pstrcat(pool, header, ",v1=" P1_A, NULL);
    tap_ok(!bks_signature_verify(header, P1, strlen(P1), secrets, NOW, 300, pool), "and a right one");
}

static const char *verdict(const char *body)
{
    bks_event_t *event;
    const bks_error_t *error = bks_event_parse(body, strlen(body), &event, pool);

    return error ? error->code : event->type;
}

static void test_events(void)
{
#define EVENT(id, object, type, created, live, data) \
    "{\"id\":" id ",\"object\":" object ",\"type\":" type ",\"created\":" created ",\"livemode\":" live ",\"data\":" data "}"
    tap_is_text(verdict(EVENT("\"evt_1\"", "\"event\"", "\"payment_intent.succeeded\"", "1", "false", "{\"object\":{}}")),
                "payment_intent.succeeded", "an event");
    tap_is_text(verdict(EVENT("7", "\"event\"", "\"a.b\"", "1", "false", "{\"object\":{}}")), "bad_event", "a number for an id");
    tap_is_text(verdict(EVENT("\"evt 1\"", "\"event\"", "\"a.b\"", "1", "false", "{\"object\":{}}")), "bad_event", "a space in it");
    tap_is_text(verdict(EVENT("\"evt_1\"", "\"charge\"", "\"a.b\"", "1", "false", "{\"object\":{}}")), "bad_event", "another object");
    tap_is_text(verdict(EVENT("\"evt_1\"", "\"event\"", "\"a\\nb\"", "1", "false", "{\"object\":{}}")), "bad_event", "a line break");
    tap_is_text(verdict(EVENT("\"evt_1\"", "\"event\"", "\"a.b\"", "1.5", "false", "{\"object\":{}}")), "bad_event", "a broken time");
    tap_is_text(verdict(EVENT("\"evt_1\"", "\"event\"", "\"a.b\"", "1", "\"false\"", "{\"object\":{}}")), "bad_event", "a worded truth");
    tap_is_text(verdict(EVENT("\"evt_1\"", "\"event\"", "\"a.b\"", "1", "false", "{}")), "bad_event", "no object");
    tap_is_text(verdict("[]"), "bad_event", "a list");
    tap_is_text(verdict("{"), "bad_json", "no JSON");
}

int main(int argc, const char *const *argv)
{
    apr_app_initialize(&argc, &argv, NULL);
    apr_pool_create(&pool, NULL);
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        test_case(&cases[i]);
    }
    test_empty_body();
    test_many();
    test_events();
    apr_pool_destroy(pool);
    apr_terminate();
    return tap_done();
}
