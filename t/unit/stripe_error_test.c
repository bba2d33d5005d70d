/* Units of src/stripe/stripe_error.c: each row of the table, what counts as healthy, what is worth another try.
 * SPDX-License-Identifier: Apache-2.0 */
#include <string.h>

#include <apr_general.h>
#include <apr_strings.h>

#include "stripe/stripe_error.h"
#include "tap.h"

typedef struct {
    const char *name;
    int status;
    const char *body; /* NULL: nothing that is JSON */
    const char *kind;
    const char *code;
    int healthy;
    int again;
} answer_case_t;

#define ERROR(members) "{\"error\":{" members "}}"

static const answer_case_t answers[] = {
    {"success", 200, "{\"id\":\"pi_1\"}", NULL, NULL, 1, 0},
    {"success that is HTML", 200, NULL, "unknown", "stripe_unavailable", 0, 1},
    {"a redirect", 302, NULL, "unknown", "stripe_unavailable", 0, 0},
    {"bad parameter", 400, ERROR("\"type\":\"invalid_request_error\",\"code\":\"parameter_unknown\",\"param\":\"x\""),
     "refused", "parameter_unknown", 1, 0},
    {"refusal without a code", 400, ERROR("\"type\":\"invalid_request_error\""), "refused", "invalid_request_error", 1,
     0},
    {"refusal with a code that is none", 400, ERROR("\"type\":\"<b>\",\"code\":\"a b\""), "refused", "stripe_refused", 1,
     0},
    {"same key, other bytes", 400, ERROR("\"type\":\"idempotency_error\""), "internal", "idempotency_error", 1, 0},
    {"no such key", 401, ERROR("\"type\":\"invalid_request_error\""), "config", "stripe_key_refused", 1, 0},
    {"card declined", 402, ERROR("\"type\":\"card_error\",\"code\":\"card_declined\",\"message\":\"No.\""), "refused",
     "card_declined", 1, 0},
    {"key without the right", 403, ERROR("\"type\":\"invalid_request_error\""), "config", "stripe_key_refused", 1, 0},
    {"missing", 404, ERROR("\"type\":\"invalid_request_error\",\"code\":\"resource_missing\""), "not found",
     "resource_missing", 1, 0},
    {"missing, in HTML", 404, NULL, "unknown", "stripe_unavailable", 0, 0},
    {"error that is no object", 400, "{\"error\":\"no\"}", "unknown", "stripe_unavailable", 0, 0},
    {"key at work", 409, ERROR("\"type\":\"idempotency_error\",\"code\":\"idempotency_key_in_use\""), "unknown",
     "stripe_unavailable", 1, 1},
    {"rate limit", 429, ERROR("\"type\":\"invalid_request_error\",\"code\":\"rate_limit\""), "unavailable", "stripe_limited",
     1, 0},
    {"lock time-out", 429, ERROR("\"type\":\"invalid_request_error\",\"code\":\"lock_timeout\""), "unavailable",
     "stripe_limited", 1, 1},
    {"500", 500, ERROR("\"type\":\"api_error\""), "unknown", "stripe_unavailable", 0, 1},
    {"503 in HTML", 503, NULL, "unknown", "stripe_unavailable", 0, 1},
    {"a status of no known class", 700, ERROR("\"type\":\"api_error\""), "unknown", "stripe_unavailable", 0, 0},
};

static const bks_json_t *parse(const char *body, apr_pool_t *pool)
{
    const bks_json_t *json = NULL;

    return body && !bks_json_parse(body, strlen(body), &json, pool) ? json : NULL;
}

static bks_stripe_verdict_t judge(bks_transport_answer_t answer, const char *body, apr_pool_t *pool)
{
    answer.body = body ? body : "<html>";
    answer.length = strlen(answer.body);
    answer.request_id = "req_1";
    return bks_stripe_judge(&answer, parse(body, pool), "POST /v1/x", pool);
}

static void test_answers(apr_pool_t *pool)
{
    for (apr_size_t i = 0; i < sizeof(answers) / sizeof(answers[0]); i++) {
        const answer_case_t *want = &answers[i];
        const bks_transport_answer_t answer = {.fate = BKS_TRANSPORT_ANSWERED, .status = want->status};
        const bks_stripe_verdict_t got = judge(answer, want->body, pool);

        tap_is_text(got.error ? bks_error_kind_print(got.error->kind) : NULL, want->kind,
                    apr_pstrcat(pool, want->name, ": kind", NULL));
        tap_is_text(got.error ? got.error->code : NULL, want->code, apr_pstrcat(pool, want->name, ": code", NULL));
        tap_is_int(got.healthy, want->healthy, apr_pstrcat(pool, want->name, ": healthy", NULL));
        tap_is_int(got.again, want->again, apr_pstrcat(pool, want->name, ": again", NULL));
    }
}

static void test_headers_decide(apr_pool_t *pool)
{
    const char *body = ERROR("\"type\":\"api_error\"");
    bks_transport_answer_t answer = {.fate = BKS_TRANSPORT_ANSWERED, .status = 500, .should_retry = BKS_RETRY_NO};

    tap_ok(!judge(answer, body, pool).again, "Stripe-Should-Retry: false stops the tries after a 500");
    answer.status = 400;
    answer.should_retry = BKS_RETRY_YES;
    tap_ok(judge(answer, body, pool).again, "Stripe-Should-Retry: true asks for another try after a 400");
    answer.status = 500;
    answer.should_retry = BKS_RETRY_UNSAID;
    answer.replayed = 1;
    tap_ok(!judge(answer, body, pool).again, "a repeated 500 is not tried again");
    tap_ok(judge(answer, body, pool).healthy, "a repeated 500 says nothing against Stripe's health");
    answer.replayed = 0;
    answer.retry_after = 7;
    tap_is_int(judge(answer, body, pool).error->retry_after, 7, "Retry-After is handed on");
}

static void test_losses(apr_pool_t *pool)
{
    bks_transport_answer_t answer = {.fate = BKS_TRANSPORT_NOTHING_SENT, .problem = "refused"};
    bks_stripe_verdict_t got = judge(answer, NULL, pool);

    tap_is_int(got.error->kind, BKS_ERROR_UNAVAILABLE, "nothing sent is unavailable");
    tap_ok(got.again && !got.healthy && got.error->retry_after > 0, "and worth another try, later one by the buyer too");
    answer.hopeless = 1;
    tap_ok(!judge(answer, NULL, pool).again, "a refused certificate is not tried again");
    answer.hopeless = 0;
    answer.fate = BKS_TRANSPORT_LOST;
    got = judge(answer, NULL, pool);
    tap_is_int(got.error->kind, BKS_ERROR_UNKNOWN, "a lost answer is unknown");
    tap_ok(got.again && !got.healthy, "and worth another try");
}

static void test_messages(apr_pool_t *pool)
{
    const bks_transport_answer_t answer = {.fate = BKS_TRANSPORT_ANSWERED, .status = 402};
    const char *card = ERROR("\"type\":\"card_error\",\"code\":\"incorrect_cvc\",\"param\":\"cvc\",\"message\":\"Wrong.\"");
    const char *other = ERROR("\"type\":\"invalid_request_error\",\"code\":\"x\",\"message\":\"Key sk_test_sandbox bad\"");
    bks_stripe_verdict_t got = judge(answer, card, pool);

    tap_is_text(got.error->message, "Wrong.", "a card error's sentence is for the buyer");
    tap_is_text(got.error->field, "cvc", "the field is Stripe's param");
    got = judge(answer, other, pool);
    tap_is_text(got.error->message, NULL, "any other error's sentence is not");
    tap_ok(strstr(got.error->detail, "bad") && !strstr(got.error->detail, "sandbox"), "the log's detail holds no key");
}

static void test_redact(apr_pool_t *pool)
{
    tap_is_text(bks_stripe_redact("a sk_test_sandbox.", pool), "a xxxxxxxxxxxxxxx.", "secret key");
    tap_is_text(bks_stripe_redact("rk_a whsec_b", pool), "xxxx xxxxxxx", "restricted key and webhook secret");
    tap_is_text(bks_stripe_redact("'pi_1_secret_abc'", pool), "'pi_1xxxxxxxxxxx'", "client secret");
    tap_is_text(bks_stripe_redact("risk_level network_error", pool), "risk_level network_error", "words stay");
    tap_is_text(bks_stripe_redact("", pool), "", "nothing");
}

int main(int argc, const char *const *argv)
{
    apr_pool_t *pool;

    apr_app_initialize(&argc, &argv, NULL);
    apr_pool_create(&pool, NULL);
    test_answers(pool);
    test_headers_decide(pool);
    test_losses(pool);
    test_messages(pool);
    test_redact(pool);
    apr_pool_destroy(pool);
    apr_terminate();
    return tap_done();
}
