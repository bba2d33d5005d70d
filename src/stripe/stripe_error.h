/* What one try at Stripe's API came to: the error of the house, and what it says about Stripe and about trying again.
 * Source: docs.stripe.com/api/errors, docs.stripe.com/error-low-level
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef BKS_STRIPE_STRIPE_ERROR_H
#define BKS_STRIPE_STRIPE_ERROR_H

#include "base/json.h"
#include "stripe/transport.h"

typedef struct {
    bks_error_t *error; /* NULL: it worked */
    int healthy;        /* Stripe is up: it answered, and not with a failure of its own */
    int again;          /* the same request with the same key is worth another try */
} bks_stripe_verdict_t;

/* Judges ANSWER; JSON is its body, or NULL when that is no JSON object. WHAT ("POST /v1/payment_intents") begins the
 * private detail. The kinds are those of bks_stripe_call. All from POOL. */
bks_stripe_verdict_t bks_stripe_judge(const bks_transport_answer_t *answer, const bks_json_t *json, const char *what,
                                      apr_pool_t *pool);

/* TEXT, cut to a line's length, with everything that looks like a key or a client secret blotted out. From POOL. */
const char *bks_stripe_redact(const char *text, apr_pool_t *pool);

#endif
