/* Payments: what was, or may have been, asked of Stripe.
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef BKS_STORE_PAYMENT_STORE_H
#define BKS_STORE_PAYMENT_STORE_H

#include "model/order.h"
#include "store/db.h"

/* Saves a new payment. CONFLICT if its visitor has an open one, or its key exists. */
const bks_error_t *bks_payment_insert(bks_conn_t *conn, const bks_payment_t *payment);

/* The visitor's current payment (creating or open), or NULL. */
const bks_error_t *bks_payment_find_open(bks_conn_t *conn, const char *visitor, bks_payment_t **payment, apr_pool_t *pool);

/* The payment of the PaymentIntent INTENT, or NULL. */
const bks_error_t *bks_payment_find_by_intent(bks_conn_t *conn, const char *intent, bks_payment_t **payment,
                                              apr_pool_t *pool);

/* The payment of order ORDER (its number) for a PaymentIntent whose id is not known to us: the attempt that has none yet, or
 * else the newest; NULL if there is none. */
const bks_error_t *bks_payment_find_by_order(bks_conn_t *conn, const char *order, bks_payment_t **payment, apr_pool_t *pool);

/* Notes that Stripe has PAYMENT under the id INTENT. Nothing happens if it is noted already. */
const bks_error_t *bks_payment_save_intent(bks_conn_t *conn, const bks_payment_t *payment, const char *intent);

/* PAYMENT is no longer its visitor's current one. */
const bks_error_t *bks_payment_end(bks_conn_t *conn, const bks_payment_t *payment);

/* The success page of PAYMENT was shown. */
const bks_error_t *bks_payment_save_seen(bks_conn_t *conn, const bks_payment_t *payment);

/* The payments that are due to be looked at by NOW, the longest due first, at most MOST: array of bks_payment_t *. */
const bks_error_t *bks_payments_list_due(bks_conn_t *conn, apr_int64_t now, int most, apr_array_header_t **payments,
                                         apr_pool_t *pool);

/* PAYMENT is looked at again at NEXT_LOOK (0: not any more). */
const bks_error_t *bks_payment_save_next_look(bks_conn_t *conn, const bks_payment_t *payment, apr_int64_t next_look);

#endif
