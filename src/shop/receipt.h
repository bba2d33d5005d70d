/* The receipt: what whoever paid may see of an order, and how its payment stands.
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef BKS_SHOP_RECEIPT_H
#define BKS_SHOP_RECEIPT_H

#include "model/order.h"
#include "shop/visit.h"
#include "stripe/intents.h"

typedef struct {
    bks_payment_t *payment;
    bks_order_t *order;
    bks_intent_status_t status; /* as Stripe says now; succeeded without asking when the order is paid */
    const char *reason;         /* why the last attempt failed, in Stripe's words for the buyer, or "" */
    int is_own;                 /* VISITOR placed it; else the signed link opened it */
} bks_receipt_t;

/* The receipt of PaymentIntent INTENT for VISITOR, or for the holder of KEY (may be NULL). NOT_FOUND "payment_not_found"
 * for an unknown one as for somebody else's, without asking Stripe. Settles what Stripe says. Stripe's errors, the
 * database's. */
const bks_error_t *bks_receipt_open(const bks_shop_t *shop, const bks_visitor_t *visitor, const char *intent,
                                    const char *key, bks_receipt_t **receipt, apr_pool_t *pool);

/* Notes that the visitor has seen how the payment ended: the next checkout is a new purchase. Nothing for a view by a signed
 * link: that may be anybody's. */
const bks_error_t *bks_receipt_seen(const bks_shop_t *shop, const bks_receipt_t *receipt, apr_pool_t *pool);

/* The path below the prefix, with its query, of the receipt of INTENT, for the browser that has the cookie. From POOL. */
const char *bks_receipt_path(const char *intent, apr_pool_t *pool);

/* The same for order NUMBER with a key: a signed link, which opens it without a cookie. From POOL. */
const bks_error_t *bks_receipt_link(const bks_shop_t *shop, const char *number, const char *intent, const char **link,
                                    apr_pool_t *pool);

#endif
