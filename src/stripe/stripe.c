/* One call of Stripe's API: the gate, the tries, the time that they may take.
 * SPDX-License-Identifier: Apache-2.0 */
#include "stripe/stripe.h"

#include <string.h>
#include <time.h>

#include <apr_strings.h>

#include "base/ids.h"
#include "stripe/stripe_error.h"
#include "stripe/transport.h"

#define TRIES_MAX 3
#define BACKOFF_FIRST (APR_USEC_PER_SEC / 2)
#define BACKOFF_MAX (5 * APR_USEC_PER_SEC)
#define WORTH_A_TRY (100 * 1000) /* microseconds: with less left there is no point in another try */

struct bks_stripe_t {
    bks_stripe_settings_t settings;
    const char *authorization; /* the header; never logged */
    bks_transport_t *transport;
    bks_gate_t *gate;
    const bks_log_t *log;
};

typedef struct {
    bks_stripe_t *stripe;
    const bks_stripe_request_t *request;
    bks_transport_request_t wire;
    const char *what;       /* "POST /v1/payment_intents", for the log: without the query */
    apr_time_t started;     /* monotonic */
    apr_time_t deadline;    /* monotonic */
    apr_time_t spent;       /* on earlier calls of the same request */
    int maybe_done;         /* a try's fate is unknown */
    bks_stripe_answer_t *answer;
    bks_stripe_verdict_t verdict;
    apr_time_t asked_pause; /* Retry-After of the last try */
    apr_pool_t *pool;
} call_t;

/* Waits are measured on a clock that nobody sets. */
static apr_time_t monotonic_now(void)
{
    struct timespec now;

    clock_gettime(CLOCK_MONOTONIC, &now);
    return (apr_time_t)now.tv_sec * APR_USEC_PER_SEC + now.tv_nsec / 1000;
}

const bks_error_t *bks_stripe_make(bks_stripe_t **stripe, const bks_stripe_settings_t *settings, bks_gate_t *gate,
                                   const bks_log_t *log, apr_pool_t *pool)
{
    bks_stripe_t *made = apr_pcalloc(pool, sizeof(*made));
    const bks_transport_settings_t wire = {settings->api_base, settings->ca_file, settings->connect_ms};

    if (!bks_idempotency_key_is(settings->secret_key)) { /* the same characters: visible, no white space */
        return bks_error_make(BKS_ERROR_CONFIG, "stripe_key_refused", APR_SUCCESS, pool,
                              "Stripe's secret key is empty or holds white space or other characters that no key has");
    }
    if (settings->connect_ms <= 0 || settings->total_ms <= 0) {
        return bks_error_make(BKS_ERROR_CONFIG, "stripe_timeout", APR_SUCCESS, pool,
                              "the time limits for Stripe must be above 0");
    }
    BKS_TRY(bks_transport_make(&made->transport, &wire, pool));
    made->settings = *settings;
    made->authorization = apr_pstrcat(pool, "Authorization: Bearer ", settings->secret_key, NULL);
    made->gate = gate;
    made->log = log;
    *stripe = made;
    return BKS_FINE;
}

/* The request. */

static const bks_error_t *check_request(const bks_stripe_request_t *request, apr_pool_t *pool)
{
    const int post = request->method == BKS_STRIPE_POST;

    if (!request->path || strncmp(request->path, "/v1/", 4) != 0) {
        return bks_error_make(BKS_ERROR_INTERNAL, "internal", APR_SUCCESS, pool, "no path of Stripe's API");
    }
    if (post && !bks_idempotency_key_is(request->idempotency_key)) {
        return bks_error_make(BKS_ERROR_INTERNAL, "internal", APR_SUCCESS, pool, "POST %s without an idempotency key",
                              request->path);
    }
    if (!post && request->body) {
        return bks_error_make(BKS_ERROR_INTERNAL, "internal", APR_SUCCESS, pool, "GET %s with a body", request->path);
    }
    return BKS_FINE;
}

static const apr_array_header_t *make_headers(const bks_stripe_t *stripe, const bks_stripe_request_t *request,
                                              apr_pool_t *pool)
{
    apr_array_header_t *headers = apr_array_make(pool, 5, sizeof(const char *));

    APR_ARRAY_PUSH(headers, const char *) = stripe->authorization;
    APR_ARRAY_PUSH(headers, const char *) =
        apr_pstrcat(pool, "Stripe-Version: ", request->version ? request->version : BKS_STRIPE_VERSION, NULL);
    APR_ARRAY_PUSH(headers, const char *) = "Accept: application/json";
    if (request->method == BKS_STRIPE_POST) {
        APR_ARRAY_PUSH(headers, const char *) = apr_pstrcat(pool, "Idempotency-Key: ", request->idempotency_key, NULL);
        APR_ARRAY_PUSH(headers, const char *) = "Content-Type: application/x-www-form-urlencoded";
    }
    return headers;
}

static void begin_call(call_t *call)
{
    const bks_stripe_request_t *request = call->request;
    const int post = request->method == BKS_STRIPE_POST;
    const char *path = apr_pstrndup(call->pool, request->path, strcspn(request->path, "?"));

    call->what = apr_pstrcat(call->pool, post ? "POST " : "GET ", path, NULL);
    call->wire.path = request->path;
    call->wire.body = post ? (request->body ? request->body : "") : NULL;
    call->wire.headers = make_headers(call->stripe, request, call->pool);
    call->wire.silence_ms = call->stripe->settings.total_ms / 2;
    call->deadline = call->started + apr_time_from_msec(call->stripe->settings.total_ms) - call->spent;
}

/* One try. */

static const bks_json_t *parse_object(const bks_transport_answer_t *wire, apr_pool_t *pool)
{
    const bks_json_t *json = NULL;

    if (wire->fate != BKS_TRANSPORT_ANSWERED || bks_json_parse(wire->body, wire->length, &json, pool) ||
        !bks_json_is_object(json)) {
        return NULL;
    }
    return json;
}

static void report_health(const call_t *call, const bks_transport_answer_t *wire)
{
    const bks_stripe_t *stripe = call->stripe;

    if (stripe->gate && bks_gate_report(stripe->gate, call->verdict.healthy)) {
        bks_log(stripe->log, BKS_LOG_WARN,
                "BKS0301: Stripe fails again and again; calls are held back until one succeeds");
    }
    if (wire->untrusted) {
        bks_log(stripe->log, BKS_LOG_ERROR, "BKS0302: Stripe's certificate was refused, and nothing sent: %s",
                wire->problem);
    }
}

static const bks_error_t *try_once(call_t *call)
{
    bks_stripe_answer_t *answer = call->answer;
    bks_transport_answer_t *wire;
    const apr_time_t left = call->deadline - monotonic_now();

    call->wire.total_ms = left > 1000 ? (int)apr_time_as_msec(left) : 1;
    BKS_TRY(bks_transport_send(call->stripe->transport, &call->wire, &wire, call->pool));
    answer->tries++;
    answer->status = wire->status;
    answer->json = parse_object(wire, call->pool);
    answer->request_id = wire->request_id;
    answer->replayed = wire->replayed;
    call->verdict = bks_stripe_judge(wire, answer->json, call->what, call->pool);
    call->asked_pause = apr_time_from_sec(wire->retry_after);
    call->maybe_done = call->maybe_done || (call->verdict.error && call->verdict.error->kind == BKS_ERROR_UNKNOWN);
    report_health(call, wire);
    return BKS_FINE;
}

/* The next try. */

/* Between half of the step and all of it, so that those who failed together don't come back together. */
static apr_time_t backoff(int tries, apr_pool_t *pool)
{
    apr_time_t step = BACKOFF_FIRST;
    unsigned char dice = 0;

    for (int i = 1; i < tries && step < BACKOFF_MAX; i++) {
        step *= 2;
    }
    step = step < BACKOFF_MAX ? step : BACKOFF_MAX;
    (void)bks_random_fill(&dice, sizeof(dice), pool); /* without randomness: no jitter */
    return step / 2 + step / 2 * dice / 255;
}

static int may_go_on(const call_t *call)
{
    return call->verdict.error && call->verdict.again && call->answer->tries < TRIES_MAX &&
           (!call->stripe->gate || bks_gate_may_retry(call->stripe->gate));
}

/* Waits for the next try, or says that there is none. Holds a place in the gate meanwhile, and nothing else. */
static int wait_for_next(const call_t *call)
{
    apr_time_t pause;

    if (!may_go_on(call)) {
        return 0;
    }
    pause = backoff(call->answer->tries, call->pool);
    pause = pause > call->asked_pause ? pause : call->asked_pause;
    if (monotonic_now() + pause + WORTH_A_TRY > call->deadline) {
        return 0;
    }
    bks_log(call->stripe->log, BKS_LOG_INFO, "BKS0303: %s: again in %d ms", call->verdict.error->detail,
            (int)apr_time_as_msec(pause));
    apr_sleep(pause);
    return may_go_on(call); /* the breaker may have opened meanwhile */
}

/* What is sure after the last try: an earlier one may have been executed after all. An answer about the request itself
 * is Stripe's last word under this key. */
static const bks_error_t *conclude(const call_t *call)
{
    bks_error_t *error = call->verdict.error;

    if (!error || !call->maybe_done) {
        return error;
    }
    if (error->kind == BKS_ERROR_UNAVAILABLE || error->kind == BKS_ERROR_CONFIG) {
        error->kind = BKS_ERROR_UNKNOWN;
        error->code = "stripe_unavailable";
    }
    return error;
}

static const bks_error_t *make_tries(call_t *call)
{
    do {
        BKS_TRY(try_once(call));
    } while (wait_for_next(call));
    return conclude(call);
}

static const bks_error_t *pass_gate(call_t *call)
{
    bks_gate_t *gate = call->stripe->gate;
    const bks_error_t *error;

    if (!gate) {
        return make_tries(call);
    }
    BKS_TRY(bks_gate_enter(gate, call->pool));
    error = make_tries(call);
    bks_gate_leave(gate);
    return error;
}

const bks_error_t *bks_stripe_call(bks_stripe_t *stripe, bks_timing_t *timing, const bks_stripe_request_t *request,
                                   bks_stripe_answer_t **answer, apr_pool_t *pool)
{
    call_t call = {.stripe = stripe, .request = request, .started = monotonic_now(), .pool = pool};

    call.spent = timing ? timing->stripe : 0; /* the limit is for all calls of a request together */
    const bks_error_t *error;
    apr_time_t took;

    call.answer = apr_pcalloc(pool, sizeof(*call.answer));
    call.answer->request_id = "";
    *answer = call.answer;
    BKS_TRY(check_request(request, pool));
    begin_call(&call);
    error = pass_gate(&call);
    took = monotonic_now() - call.started;
    if (timing) {
        timing->stripe += took;
    }
    bks_log(stripe->log, BKS_LOG_DEBUG, "BKS0304: %s: HTTP %d after %d ms, %d tries %s", call.what, call.answer->status,
            (int)apr_time_as_msec(took), call.answer->tries, call.answer->request_id);
    return error;
}
