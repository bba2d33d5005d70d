/* Orders and their lines.
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef BKS_STORE_ORDER_STORE_H
#define BKS_STORE_ORDER_STORE_H

#include "model/order.h"
#include "store/db.h"

/* Makes sure that the visitor (hash of the cookie) is known. */
const bks_error_t *bks_visitor_save(bks_conn_t *conn, const char *visitor, apr_int64_t now);

/* Whether the visitor is known. */
const bks_error_t *bks_visitor_exists(bks_conn_t *conn, const char *visitor, int *exists, apr_pool_t *pool);

/* Saves a new order with its lines. CONFLICT if the number is taken. */
const bks_error_t *bks_order_insert(bks_conn_t *conn, const bks_order_t *order);

/* The order of NUMBER with its lines, or NULL. Fails as INTERNAL for a currency that we don't know. */
const bks_error_t *bks_order_find(bks_conn_t *conn, const char *number, bks_order_t **order, apr_pool_t *pool);

/* Saves what the buyer's form says. */
const bks_error_t *bks_order_place(bks_conn_t *conn, const char *number, const char *email, apr_int64_t now);

/* The facts of a payment. Each only grows: money that was received is never taken back by news that comes late. */
const bks_error_t *bks_order_save_received(bks_conn_t *conn, const char *number, apr_int64_t received, apr_int64_t now);
const bks_error_t *bks_order_save_pending(bks_conn_t *conn, const char *number, apr_int64_t now);
const bks_error_t *bks_order_save_failure(bks_conn_t *conn, const char *number, const char *code, apr_int64_t now);
const bks_error_t *bks_order_save_mismatch(bks_conn_t *conn, const char *number, const char *reason);

/* Gives the order up, if no money has come. */
const bks_error_t *bks_order_cancel(bks_conn_t *conn, const char *number);

#endif
