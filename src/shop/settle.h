/* Settling: the one function that decides that an order is paid.
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef BKS_SHOP_SETTLE_H
#define BKS_SHOP_SETTLE_H

#include "model/order.h"
#include "shop/shop.h"
#include "stripe/intents.h"

/* Writes what INTENT, as Stripe just told it, means for the order of PAYMENT, and gives the order as it then is.
 * What was paid must be what was ordered: PaymentIntent, order, shop, amount, currency, livemode. What does not match is
 * held as a mismatch with its reason, and logged. Writes only if there is news. Money that came is never taken back by a
 * later call. Fails as the database does; INTERNAL if the order is gone. */
const bks_error_t *bks_settle(const bks_shop_t *shop, const bks_payment_t *payment, const bks_intent_t *intent,
                              bks_order_t **order, apr_pool_t *pool);

/* What settling found. */
typedef struct {
    bks_order_t *order;   /* as it is now */
    const char *mismatch; /* found now, or NULL */
    int was_paid;         /* before */
} bks_settled_t;

/* The same inside of a write transaction of the caller's, at NOW (seconds); nothing is logged. */
const bks_error_t *bks_settle_in(bks_conn_t *conn, const bks_shop_t *shop, const bks_payment_t *payment,
                                 const bks_intent_t *intent, apr_int64_t now, bks_settled_t *settled, apr_pool_t *pool);

/* Tells the admin what SETTLED means: a mismatch is an error, a payment is told. After the transaction. */
void bks_settled_log(const bks_shop_t *shop, const bks_settled_t *settled, const bks_intent_t *intent);

#endif
