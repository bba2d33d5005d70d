/* Catching up: a PaymentIntent's id is saved a moment after its page was sent; who asks sooner finds it in the cache.
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef BKS_SHOP_CATCH_UP_H
#define BKS_SHOP_CATCH_UP_H

#include "model/order.h"
#include "shop/visit.h"

/* The payment that the cache remembers for VISITOR, if it is of PaymentIntent INTENT; else NULL. */
bks_payment_t *bks_remembered_payment(const bks_visitor_t *visitor, const char *intent);

/* The payment of PaymentIntent INTENT as the database has it, or NULL. In a write transaction, where REMEMBERED (may be
 * NULL) is of that PaymentIntent and the database does not know yet, it is saved first. */
const bks_error_t *bks_payment_catch_up(bks_conn_t *conn, const bks_payment_t *remembered, const char *intent,
                                        bks_payment_t **payment, apr_pool_t *pool);

#endif
