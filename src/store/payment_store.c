/* The table "payment".
 * SPDX-License-Identifier: Apache-2.0 */
#include "store/payment_store.h"

#define COLUMNS "number, attempt, visitor, idempotency_key, body, intent, state, bag, amount, currency, livemode, seen, created, next_look"

const bks_error_t *bks_payment_insert(bks_conn_t *conn, const bks_payment_t *payment)
{
    return bks_db_exec(conn, "INSERT INTO payment (" COLUMNS ")"
                             " VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14)",
                       BKS_ARGS(bks_arg_text(payment->order), bks_arg_int(payment->attempt), bks_arg_text(payment->visitor),
                                bks_arg_text(payment->key), bks_arg_text(payment->body), bks_arg_text(payment->intent),
                                bks_arg_text(bks_payment_state_print(payment->state)), bks_arg_text(payment->bag),
                                bks_arg_int(payment->amount), bks_arg_text(payment->currency),
                                bks_arg_int(payment->livemode), bks_arg_int(payment->seen),
                                bks_arg_int(payment->created), bks_arg_int(payment->next_look)), NULL);
}

/* The row at hand as a payment. */
static bks_payment_t *read_row(const bks_rows_t *rows, apr_pool_t *pool)
{
    bks_payment_t *payment = apr_pcalloc(pool, sizeof(*payment));

    payment->order = bks_rows_text(rows, 0, pool);
    payment->attempt = (int)bks_rows_int(rows, 1);
    payment->visitor = bks_rows_text(rows, 2, pool);
    payment->key = bks_rows_text(rows, 3, pool);
    payment->body = bks_rows_text(rows, 4, pool);
    payment->intent = bks_rows_text(rows, 5, pool);
    payment->state = bks_payment_state_parse(bks_rows_text(rows, 6, pool));
    payment->bag = bks_rows_text(rows, 7, pool);
    payment->amount = bks_rows_int(rows, 8);
    payment->currency = bks_rows_text(rows, 9, pool);
    payment->livemode = (int)bks_rows_int(rows, 10);
    payment->seen = (int)bks_rows_int(rows, 11);
    payment->created = bks_rows_int(rows, 12);
    payment->next_look = bks_rows_int(rows, 13);
    return payment;
}

/* The first row of ROWS as a payment, or NULL. */
static const bks_error_t *read_one(bks_rows_t *rows, bks_payment_t **payment, apr_pool_t *pool)
{
    int has;

    BKS_TRY(bks_rows_next(rows, &has));
    *payment = has ? read_row(rows, pool) : NULL;
    bks_rows_end(rows);
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

const bks_error_t *bks_payments_list_due(bks_conn_t *conn, apr_int64_t now, int most, apr_array_header_t **payments,
                                         apr_pool_t *pool)
{
    apr_array_header_t *list = apr_array_make(pool, 8, sizeof(bks_payment_t *));
    bks_rows_t *rows;
    int has;

    BKS_TRY(bks_db_query(&rows, conn, "SELECT " COLUMNS " FROM payment WHERE next_look > 0 AND next_look <= $1"
                                      " ORDER BY next_look LIMIT $2",
                         BKS_ARGS(bks_arg_int(now), bks_arg_int(most)), pool));
    for (;;) {
        BKS_TRY(bks_rows_next(rows, &has));
        if (!has) {
            break;
        }
        APR_ARRAY_PUSH(list, bks_payment_t *) = read_row(rows, pool);
    }
    *payments = list;
    return BKS_FINE;
}

const bks_error_t *bks_payment_save_next_look(bks_conn_t *conn, const bks_payment_t *payment, apr_int64_t next_look)
{
    return bks_db_exec(conn, "UPDATE payment SET next_look = $3 WHERE number = $1 AND attempt = $2",
                       BKS_ARGS(bks_arg_text(payment->order), bks_arg_int(payment->attempt), bks_arg_int(next_look)), NULL);
}
