/* Placing an order: what the buyer's form says, saved before money can move.
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef BKS_SHOP_PLACE_H
#define BKS_SHOP_PLACE_H

#include "shop/visit.h"

typedef struct {
    const char *intent;  /* pi_...: which tab it is */
    apr_int64_t amount;  /* minor units, as the page showed it */
    const char *email;   /* checked already */
} bks_checkout_form_t;

/* Saves FORM with the order of its PaymentIntent. NOT_FOUND "payment_not_found" if that is not VISITOR's; CONFLICT
 * "bag_changed" if it is no longer the visitor's open one, or the page showed another amount; CONFLICT "payment_over" once
 * the payment is made or on its way, at Stripe or here. Stripe's errors, the database's. */
const bks_error_t *bks_order_place_form(const bks_shop_t *shop, const bks_visitor_t *visitor,
                                        const bks_checkout_form_t *form, apr_pool_t *pool);

/* The e-mail address that order NUMBER already has, or "". From POOL. */
const bks_error_t *bks_order_find_email(const bks_shop_t *shop, const char *number, const char **email, apr_pool_t *pool);

#endif
