/* PaymentIntents, as much of them as the shop reads and writes.
 * Source: docs.stripe.com/api/payment_intents
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef BKS_STRIPE_INTENTS_H
#define BKS_STRIPE_INTENTS_H

#include "stripe/stripe.h"

typedef enum {
    BKS_INTENT_REQUIRES_PAYMENT_METHOD,
    BKS_INTENT_REQUIRES_CONFIRMATION,
    BKS_INTENT_REQUIRES_ACTION,
    BKS_INTENT_PROCESSING,
    BKS_INTENT_REQUIRES_CAPTURE,
    BKS_INTENT_CANCELED,
    BKS_INTENT_SUCCEEDED,
    BKS_INTENT_OTHER /* a status that this version does not know: never paid */
} bks_intent_status_t;

typedef struct {
    const char *id;              /* pi_... */
    bks_intent_status_t status;
    const char *status_text;     /* as Stripe wrote it */
    apr_int64_t amount;          /* minor units */
    apr_int64_t amount_received;
    const char *currency;        /* lower case */
    const char *client_secret;   /* for the buyer's browser alone: never logged, never stored */
    int livemode;
    const char *order;           /* metadata.order, or NULL */
    const char *shop;            /* metadata.shop, or NULL */
    const char *latest_charge;   /* ch_..., or NULL */
    const char *error_code;      /* last_payment_error.code (decline_code where there is one), or NULL */
    const char *error_message;   /* last_payment_error.message, or NULL */
    apr_int64_t created;         /* seconds since 1970 */
} bks_intent_t;

typedef struct {
    apr_int64_t amount;          /* minor units */
    const char *currency;
    const char *description;     /* at most 1,000 characters are sent */
    const char *order;           /* metadata.order */
    const char *shop;            /* metadata.shop */
    const char *statement_suffix; /* statement_descriptor_suffix, already checked; NULL: none */
} bks_intent_params_t;

/* Whether ID (may be NULL) has the form of a PaymentIntent's id; one that has not is NOT_FOUND below without a call. */
int bks_intent_id_is(const char *id);

/* The body of the create call, which is stored before it is sent: automatic_payment_methods on, metadata, description.
 * From POOL. */
const char *bks_intent_body_print(const bks_intent_params_t *params, apr_pool_t *pool);

/* Reads a PaymentIntent object; UNKNOWN "stripe_unavailable" when a field that we need is missing or of another type.
 * The strings are copied to POOL. A null client_secret, latest_charge, last_payment_error or metadata is none. */
const bks_error_t *bks_intent_parse(const bks_json_t *json, bks_intent_t **intent, apr_pool_t *pool);

/* Creates with BODY under KEY. REPLAYED (may be NULL): Stripe repeated an earlier answer (also set beside an error). */
const bks_error_t *bks_intent_create(bks_stripe_t *stripe, bks_timing_t *timing, const char *body, const char *key,
                                     bks_intent_t **intent, int *replayed, apr_pool_t *pool);

const bks_error_t *bks_intent_retrieve(bks_stripe_t *stripe, bks_timing_t *timing, const char *id,
                                       bks_intent_t **intent, apr_pool_t *pool);

/* Updates with BODY (form-encoded) under KEY. */
const bks_error_t *bks_intent_update(bks_stripe_t *stripe, bks_timing_t *timing, const char *id, const char *body,
                                     const char *key, bks_intent_t **intent, apr_pool_t *pool);

/* Cancels under KEY. If Stripe refuses because of its state (payment_intent_unexpected_state), that is no error: INTENT
 * is the PaymentIntent as it is (fetched again if the refusal did not show it), and its status tells. */
const bks_error_t *bks_intent_cancel(bks_stripe_t *stripe, bks_timing_t *timing, const char *id, const char *key,
                                     bks_intent_t **intent, apr_pool_t *pool);

/* The newest PaymentIntent created between SINCE and UNTIL (seconds, both inclusive) whose metadata names SHOP and
 * ORDER and which is not canceled, or NULL: for a create call whose fate is unknown. Reads at most 20 pages of 100;
 * UNKNOWN when there are more. Each page is a call of its own, with its own time limit. */
const bks_error_t *bks_intent_find_by_order(bks_stripe_t *stripe, bks_timing_t *timing, const char *shop,
                                            const char *order, apr_int64_t since, apr_int64_t until,
                                            bks_intent_t **intent, apr_pool_t *pool);

/* The status as Stripe's word. Static. */
const char *bks_intent_status_print(bks_intent_status_t status);
bks_intent_status_t bks_intent_status_parse(const char *text);

/* Whether a buyer can still go on with it: the Payment Element takes its client secret. */
int bks_intent_status_is_payable(bks_intent_status_t status);

#endif
