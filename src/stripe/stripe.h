/* The client of Stripe's API: one call with its retries, idempotency, time limits, and the gate before it.
 * Source: docs.stripe.com/api (authentication, errors, idempotent requests, versioning).
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef BKS_STRIPE_STRIPE_H
#define BKS_STRIPE_STRIPE_H

#include <apr_pools.h>

#include "base/clock.h"
#include "base/error.h"
#include "base/json.h"
#include "base/log.h"
#include "stripe/gate.h"

#define BKS_STRIPE_VERSION "2026-10-28.endive"
#define BKS_STRIPE_ANSWER_MAX (1024 * 1024) /* bytes of an answer; more is a failure */

typedef struct {
    const char *secret_key; /* sk_... or rk_...; never logged */
    const char *api_base;   /* "https://api.stripe.com", no slash at the end */
    const char *ca_file;    /* PEM bundle, or NULL for the system's */
    int connect_ms;         /* longest wait for a connection */
    int total_ms;           /* longest time for one call with all its retries */
} bks_stripe_settings_t;

typedef struct bks_stripe_t bks_stripe_t; /* a process's client: its settings, handles kept alive, gate */

/* Once per process before any other thread calls (libcurl's global set-up), and once at its end, after the pools of
 * its clients. CONFIG "curl_unfit" when libcurl lacks TLS or can't resolve names within a time limit. */
const bks_error_t *bks_stripe_global_begin(apr_pool_t *pool);
void bks_stripe_global_end(void);

/* A client for this process: made after the fork. GATE may be NULL (tests): no bulkhead, no breaker. Idle handles keep
 * their connection and belong to POOL. No socket is opened here. The strings of SETTINGS are not copied. Fails as
 * CONFIG: "stripe_api_base" (https, or http to a loopback host), "stripe_ca_file", "stripe_key_refused" (no key's characters),
 * "stripe_timeout" (a limit is not above 0). */
const bks_error_t *bks_stripe_make(bks_stripe_t **stripe, const bks_stripe_settings_t *settings, bks_gate_t *gate,
                                   const bks_log_t *log, apr_pool_t *pool);

typedef enum { BKS_STRIPE_GET, BKS_STRIPE_POST } bks_stripe_method_t;

typedef struct {
    bks_stripe_method_t method;
    const char *path;            /* "/v1/payment_intents", with the query for GET */
    const char *body;            /* form-encoded, POST only (NULL: none); sent byte for byte at each try */
    const char *idempotency_key; /* required for POST */
    const char *version;         /* NULL: BKS_STRIPE_VERSION */
} bks_stripe_request_t;

typedef struct {
    int status;                  /* HTTP status of the last try, or 0: there was no answer */
    const bks_json_t *json;      /* the object, or {"error": ...} when the call failed; NULL: it was no JSON object */
    const char *request_id;      /* Stripe's Request-Id, or "" */
    int replayed;                /* Idempotent-Replayed: true */
    int tries;                   /* requests sent or tried to be sent */
} bks_stripe_answer_t;

/* Makes the call with its retries. ANSWER is always set, also beside an error. Errors:
 *   UNAVAILABLE "stripe_unavailable"  nothing was done at Stripe: the gate is full or its breaker open, or no
 *                                     connection could be made; retry_after is set
 *   UNKNOWN "stripe_unavailable"      it may have been done: time-out, connection lost, 5xx, 409 (the same key is at
 *                                     work), an answer that can't be read; in this try or, for what would else be
 *                                     UNAVAILABLE or CONFIG, in an earlier one
 *   REFUSED, code = Stripe's code     402 and other 4xx about this request; message = Stripe's own sentence where it is
 *                                     meant for the buyer (card_error), field = Stripe's param
 *   NOT_FOUND "resource_missing"      404
 *   CONFIG "stripe_key_refused"       401, 403
 *   UNAVAILABLE "stripe_limited"      429 after the retries; retry_after is set
 *   INTERNAL "idempotency_error"      the same key with other bytes: a bug of ours, never retried
 *   INTERNAL "internal"               the request breaks a rule above (no key, no path), or libcurl has no memory
 * TIMING (may be NULL) learns the time spent, and total_ms is for all calls that it has seen together. Retries: Stripe-Should-Retry first, then 409, 5xx, 429 with code
 * lock_timeout, connection errors; at most 2; backoff 0.5 s doubling to 5 s with jitter; within total_ms. None once the
 * breaker has opened, none for a repeated (Idempotent-Replayed) failure, none where connecting used up its time or the
 * certificate was refused. A try that hears nothing for half of total_ms is given up. Any thread. */
const bks_error_t *bks_stripe_call(bks_stripe_t *stripe, bks_timing_t *timing, const bks_stripe_request_t *request,
                                   bks_stripe_answer_t **answer, apr_pool_t *pool);

/* The idempotency key of a call: "order-purpose-attempt-hash", hash over BODY (16 hex digits of SHA-256). From POOL.
 * INTERNAL when the result would not be a key (bks_idempotency_key_is). */
const bks_error_t *bks_idempotency_key_make(const char **key, const char *order, const char *purpose, int attempt,
                                            const char *body, apr_pool_t *pool);

/* Whether KEY (may be NULL) can be sent as one: 1 to 255 visible ASCII characters. */
int bks_idempotency_key_is(const char *key);

#endif
