/* Paying: the visitor's one open PaymentIntent for what lies in the bag.
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef BKS_SHOP_PAY_H
#define BKS_SHOP_PAY_H

#include "model/bag.h"
#include "model/order.h"
#include "shop/visit.h"
#include "stripe/intents.h"

typedef struct {
    bks_payment_t *payment;
    bks_intent_t *intent;
    int over; /* false: it can be paid, INTENT has its client secret; true: it has been, and its success page was not
                 shown yet: the visitor belongs there */
} bks_paying_t;

/* The visitor's open payment for BAG: the one there is, or a new one, in place of one for another bag, which is
 * cancelled first. The order and the exact call are saved before Stripe is asked, its answer after, so that whatever
 * dies in between, the next try finds the same PaymentIntent. A NEW visitor becomes a known one.
 * Errors: INVALID (the amount can't be charged), those of bks_stripe_call, the database's. */
const bks_error_t *bks_pay_for_bag(const bks_shop_t *shop, const bks_visitor_t *visitor, const bks_bag_t *bag,
                                   bks_paying_t **paying, apr_pool_t *pool);

/* Cancels PAYMENT's PaymentIntent at Stripe; INTENT gets it as it then is, which is canceled unless it can't be. */
const bks_error_t *bks_payment_cancel(const bks_shop_t *shop, const bks_payment_t *payment, bks_intent_t **intent,
                                      apr_pool_t *pool);

#endif
