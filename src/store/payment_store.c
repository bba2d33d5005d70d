/* The table "payment".
 * SPDX-License-Identifier: Apache-2.0 */
#include "store/payment_store.h"

#define COLUMNS "number, attempt, visitor, idempotency_key, body, intent, state, bag, amount, currency, livemode, seen, created"

const bks_error_t *bks_payment_insert(bks_conn_t *conn, const bks_payment_t *payment)
{
    return bks_db_exec(conn, "INSERT INTO payment (" COLUMNS ")"
                             " VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13)",
                       BKS_ARGS(bks_arg_text(payment->order), bks_arg_int(payment->attempt), bks_arg_text(payment->visitor),
                                bks_arg_text(payment->key), bks_arg_text(payment->body), bks_arg_text(payment->intent),
                                bks_arg_text(bks_payment_state_print(payment->state)), bks_arg_text(payment->bag),
                                bks_arg_int(payment->amount), bks_arg_text(payment->currency),
                                bks_arg_int(payment->livemode), bks_arg_int(payment->seen),
                                bks_arg_int(payment->created)), NULL);
}

/* The one row of ROWS as a payment, or NULL. */
static const bks_error_t *read_one(bks_rows_t *rows, bks_payment_t **payment, apr_pool_t *pool)
{
    bks_payment_t *found = apr_pcalloc(pool, sizeof(*found));
    int has;

    *payment = NULL;
    BKS_TRY(bks_rows_next(rows, &has));
    if (!has) {
        return BKS_FINE;
    }
    found->order = bks_rows_text(rows, 0, pool);
    found->attempt = (int)bks_rows_int(rows, 1);
    found->visitor = bks_rows_text(rows, 2, pool);
    found->key = bks_rows_text(rows, 3, pool);
    found->body = bks_rows_text(rows, 4, pool);
    found->intent = bks_rows_text(rows, 5, pool);
    found->state = bks_payment_state_parse(bks_rows_text(rows, 6, pool));
    found->bag = bks_rows_text(rows, 7, pool);
    found->amount = bks_rows_int(rows, 8);
    found->currency = bks_rows_text(rows, 9, pool);
    found->livemode = (int)bks_rows_int(rows, 10);
    found->seen = (int)bks_rows_int(rows, 11);
    found->created = bks_rows_int(rows, 12);
    bks_rows_end(rows);
    *payment = found;
    return BKS_FINE;
}

const bks_error_t *bks_payment_find_open(bks_conn_t *conn, const char *visitor, bks_payment_t **payment, apr_pool_t *pool)
{
    bks_rows_t *rows;

    BKS_TRY(bks_db_query(&rows, conn, "SELECT " COLUMNS " FROM payment WHERE visitor = $1 AND state <> 'over'",
                         BKS_ARGS(bks_arg_text(visitor)), pool));
    return read_one(rows, payment, pool);
}

const bks_error_t *bks_payment_find_by_intent(bks_conn_t *conn, const char *intent, bks_payment_t **payment,
                                              apr_pool_t *pool)
{
    bks_rows_t *rows;

    BKS_TRY(bks_db_query(&rows, conn, "SELECT " COLUMNS " FROM payment WHERE intent = $1", BKS_ARGS(bks_arg_text(intent)),
                         pool));
    return read_one(rows, payment, pool);
}

const bks_error_t *bks_payment_find_by_order(bks_conn_t *conn, const char *order, bks_payment_t **payment, apr_pool_t *pool)
{
    bks_rows_t *rows;

    BKS_TRY(bks_db_query(&rows, conn, "SELECT " COLUMNS " FROM payment WHERE number = $1"
                                      " ORDER BY CASE WHEN intent IS NULL THEN 0 ELSE 1 END, attempt DESC",
                         BKS_ARGS(bks_arg_text(order)), pool));
    return read_one(rows, payment, pool);
}

const bks_error_t *bks_payment_save_intent(bks_conn_t *conn, const bks_payment_t *payment, const char *intent)
{
    return bks_db_exec(conn, "UPDATE payment SET intent = $3, state = CASE state WHEN 'creating' THEN 'open' ELSE state END"
                             " WHERE number = $1 AND attempt = $2 AND intent IS NULL",
                       BKS_ARGS(bks_arg_text(payment->order), bks_arg_int(payment->attempt), bks_arg_text(intent)), NULL);
}

const bks_error_t *bks_payment_end(bks_conn_t *conn, const bks_payment_t *payment)
{
    return bks_db_exec(conn, "UPDATE payment SET state = 'over' WHERE number = $1 AND attempt = $2",
                       BKS_ARGS(bks_arg_text(payment->order), bks_arg_int(payment->attempt)), NULL);
}

const bks_error_t *bks_payment_save_seen(bks_conn_t *conn, const bks_payment_t *payment)
{
    return bks_db_exec(conn, "UPDATE payment SET seen = 1 WHERE number = $1 AND attempt = $2",
                       BKS_ARGS(bks_arg_text(payment->order), bks_arg_int(payment->attempt)), NULL);
}
