/* Events: what Stripe tells by a webhook.
 * Source: docs.stripe.com/api/events
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef BKS_STRIPE_EVENTS_H
#define BKS_STRIPE_EVENTS_H

#include "base/error.h"
#include "base/json.h"

typedef struct {
    const char *id;           /* evt_... */
    const char *type;         /* "payment_intent.succeeded" */
    apr_int64_t created;      /* seconds since 1970; no order can be told from it */
    int livemode;
    const bks_json_t *object; /* data.object, as it was when the event was made */
} bks_event_t;

/* Reads the LENGTH bytes of BODY, whose signature was verified. BAD_REQUEST "bad_event" for anything but an event. Lives as
 * long as POOL. */
const bks_error_t *bks_event_parse(const char *body, apr_size_t length, bks_event_t **event, apr_pool_t *pool);

#endif
