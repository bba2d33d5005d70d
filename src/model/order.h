/* An order, its lines, and its payment. The states that people see are computed from facts that only grow, so that the
 * order in which news arrives does not matter.
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef BKS_MODEL_ORDER_H
#define BKS_MODEL_ORDER_H

#include <apr_tables.h>

#include "base/money.h"

typedef struct {
    const char *book;       /* the book's id */
    const char *variant;
    const char *title;      /* as it was when the order was placed, like all below */
    const char *authors;
    const char *cover;
    apr_int64_t quantity;
    apr_int64_t unit_price; /* minor units */
    apr_int64_t total;
} bks_order_line_t;

typedef struct {
    const char *number;        /* 32 hex digits, upper case, random */
    const char *visitor;       /* hash of the cookie of whoever placed it */
    const char *email;         /* "" until the form is posted */
    const bks_currency_t *currency;
    apr_int64_t total;         /* minor units, what is charged */
    int livemode;              /* placed with a live key */
    int cancelled;             /* given up before any money came */
    apr_array_header_t *lines; /* of bks_order_line_t */
    apr_int64_t created;       /* seconds since 1970; below, 0 means: not (yet) */
    apr_int64_t placed;        /* the form was posted */
    apr_int64_t received;      /* minor units that Stripe says it received */
    apr_int64_t paid;          /* when it was settled */
    apr_int64_t pending;       /* when payment was seen to be on its way */
    apr_int64_t failed;        /* when an attempt was last seen to have failed */
    const char *failure;       /* Stripe's code of that failure, or "" */
    const char *mismatch;      /* why what was paid is not what was ordered, or "" */
} bks_order_t;

typedef enum {
    BKS_ORDER_PAYMENT_NONE,    /* nothing has happened yet */
    BKS_ORDER_PAYMENT_FAILED,  /* the last attempt failed; it may be tried again */
    BKS_ORDER_PAYMENT_PENDING, /* on its way */
    BKS_ORDER_PAYMENT_PAID,
    BKS_ORDER_PAYMENT_HELD     /* money came that does not fit; a person has to look */
} bks_order_payment_t;

/* The payment state that ORDER's facts add up to: what was received outranks
 * everything but a mismatch; of pending and failed the later one counts. */
bks_order_payment_t bks_order_payment_state(const bks_order_t *order);

/* Where a payment stands between us and Stripe. */
typedef enum {
    BKS_PAYMENT_CREATING, /* saved; whether Stripe has it is not known yet */
    BKS_PAYMENT_OPEN,     /* Stripe has it, it is the visitor's current one */
    BKS_PAYMENT_OVER      /* no longer the visitor's current one */
} bks_payment_state_t;

typedef struct {
    const char *order;    /* the order's number */
    int attempt;          /* from 1; a new one only when the fate of the last is known */
    const char *visitor;  /* hash of the cookie */
    const char *key;      /* Idempotency-Key of the call that creates it */
    const char *body;     /* the exact bytes of that call */
    const char *intent;   /* the PaymentIntent's id, or NULL while unknown */
    bks_payment_state_t state;
    const char *bag;      /* what it is for: bks_bag_print */
    apr_int64_t amount;   /* minor units */
    const char *currency;
    int livemode;
    int seen;             /* its success page was shown */
    apr_int64_t next_look; /* when the reconciliation looks at it, seconds since 1970; 0: not any more */
    apr_int64_t created;  /* seconds since 1970 */
} bks_payment_t;

const char *bks_payment_state_print(bks_payment_state_t state);
bks_payment_state_t bks_payment_state_parse(const char *text);

#endif
