/* The tables "visitor", "shop_order" and "order_line".
 * SPDX-License-Identifier: Apache-2.0 */
#include "store/order_store.h"

const bks_error_t *bks_visitor_save(bks_conn_t *conn, const char *visitor, apr_int64_t now)
{
    return bks_db_exec(conn, "INSERT INTO visitor (id, created) VALUES ($1, $2) ON CONFLICT (id) DO NOTHING",
                       BKS_ARGS(bks_arg_text(visitor), bks_arg_int(now)), NULL);
}

const bks_error_t *bks_visitor_exists(bks_conn_t *conn, const char *visitor, int *exists, apr_pool_t *pool)
{
    bks_rows_t *rows;

    BKS_TRY(bks_db_query(&rows, conn, "SELECT 1 FROM visitor WHERE id = $1", BKS_ARGS(bks_arg_text(visitor)), pool));
    BKS_TRY(bks_rows_next(rows, exists));
    bks_rows_end(rows);
    return BKS_FINE;
}

static const bks_error_t *line_insert(bks_conn_t *conn, const char *number, int position, const bks_order_line_t *line)
{
    return bks_db_exec(conn, "INSERT INTO order_line (number, position, book, variant, title, authors, cover, quantity,"
                             " unit_price, total) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)",
                       BKS_ARGS(bks_arg_text(number), bks_arg_int(position), bks_arg_text(line->book),
                                bks_arg_text(line->variant), bks_arg_text(line->title), bks_arg_text(line->authors),
                                bks_arg_text(line->cover), bks_arg_int(line->quantity), bks_arg_int(line->unit_price),
                                bks_arg_int(line->total)), NULL);
}

const bks_error_t *bks_order_insert(bks_conn_t *conn, const bks_order_t *order)
{
    BKS_TRY(bks_db_exec(conn, "INSERT INTO shop_order (number, visitor, email, currency, total, livemode, created)"
                              " VALUES ($1, $2, $3, $4, $5, $6, $7)",
                        BKS_ARGS(bks_arg_text(order->number), bks_arg_text(order->visitor), bks_arg_text(order->email),
                                 bks_arg_text(order->currency->code), bks_arg_int(order->total),
                                 bks_arg_int(order->livemode), bks_arg_int(order->created)), NULL));
    for (int i = 0; i < order->lines->nelts; i++) {
        BKS_TRY(line_insert(conn, order->number, i, &APR_ARRAY_IDX(order->lines, i, bks_order_line_t)));
    }
    return BKS_FINE;
}

static const bks_error_t *lines_list(bks_conn_t *conn, const char *number, apr_array_header_t **lines, apr_pool_t *pool)
{
    apr_array_header_t *list = apr_array_make(pool, 2, sizeof(bks_order_line_t));
    bks_rows_t *rows;
    int has;

    BKS_TRY(bks_db_query(&rows, conn, "SELECT book, variant, title, authors, cover, quantity, unit_price, total"
                                      " FROM order_line WHERE number = $1 ORDER BY position",
                         BKS_ARGS(bks_arg_text(number)), pool));
    for (;;) {
        bks_order_line_t *line;

        BKS_TRY(bks_rows_next(rows, &has));
        if (!has) {
            break;
        }
        line = apr_array_push(list);
        line->book = bks_rows_text(rows, 0, pool);
        line->variant = bks_rows_text(rows, 1, pool);
        line->title = bks_rows_text(rows, 2, pool);
        line->authors = bks_rows_text(rows, 3, pool);
        line->cover = bks_rows_text(rows, 4, pool);
        line->quantity = bks_rows_int(rows, 5);
        line->unit_price = bks_rows_int(rows, 6);
        line->total = bks_rows_int(rows, 7);
    }
    *lines = list;
    return BKS_FINE;
}

const bks_error_t *bks_order_find(bks_conn_t *conn, const char *number, bks_order_t **order, apr_pool_t *pool)
{
    bks_order_t *found = apr_pcalloc(pool, sizeof(*found));
    bks_rows_t *rows;
    int has;

    *order = NULL;
    BKS_TRY(bks_db_query(&rows, conn, "SELECT number, visitor, email, currency, total, livemode, cancelled, created, placed,"
                                      " received, paid, pending, failed, failure, mismatch"
                                      " FROM shop_order WHERE number = $1",
                         BKS_ARGS(bks_arg_text(number)), pool));
    BKS_TRY(bks_rows_next(rows, &has));
    if (!has) {
        return BKS_FINE;
    }
    found->number = bks_rows_text(rows, 0, pool);
    found->visitor = bks_rows_text(rows, 1, pool);
    found->email = bks_rows_text(rows, 2, pool);
    found->currency = bks_currency_find(bks_rows_text(rows, 3, pool));
    found->total = bks_rows_int(rows, 4);
    found->livemode = (int)bks_rows_int(rows, 5);
    found->cancelled = (int)bks_rows_int(rows, 6);
    found->created = bks_rows_int(rows, 7);
    found->placed = bks_rows_int(rows, 8);
    found->received = bks_rows_int(rows, 9);
    found->paid = bks_rows_int(rows, 10);
    found->pending = bks_rows_int(rows, 11);
    found->failed = bks_rows_int(rows, 12);
    found->failure = bks_rows_text(rows, 13, pool);
    found->mismatch = bks_rows_text(rows, 14, pool);
    bks_rows_end(rows);
    if (!found->currency) {
        return bks_error_make(BKS_ERROR_INTERNAL, "internal", APR_SUCCESS, pool, "order %s has an unknown currency", number);
    }
    BKS_TRY(lines_list(conn, number, &found->lines, pool));
    *order = found;
    return BKS_FINE;
}

const bks_error_t *bks_order_place(bks_conn_t *conn, const char *number, const char *email, apr_int64_t now)
{
    return bks_db_exec(conn, "UPDATE shop_order SET email = $2, placed = CASE placed WHEN 0 THEN $3 ELSE placed END"
                             " WHERE number = $1",
                       BKS_ARGS(bks_arg_text(number), bks_arg_text(email), bks_arg_int(now)), NULL);
}

const bks_error_t *bks_order_save_received(bks_conn_t *conn, const char *number, apr_int64_t received, apr_int64_t now)
{
    return bks_db_exec(conn, "UPDATE shop_order SET received = CASE WHEN received < $2 THEN $2 ELSE received END,"
                             " paid = CASE paid WHEN 0 THEN $3 ELSE paid END WHERE number = $1",
                       BKS_ARGS(bks_arg_text(number), bks_arg_int(received), bks_arg_int(now)), NULL);
}

const bks_error_t *bks_order_save_pending(bks_conn_t *conn, const char *number, apr_int64_t now)
{
    return bks_db_exec(conn, "UPDATE shop_order SET pending = $2 WHERE number = $1 AND pending <= failed",
                       BKS_ARGS(bks_arg_text(number), bks_arg_int(now)), NULL);
}

const bks_error_t *bks_order_save_failure(bks_conn_t *conn, const char *number, const char *code, apr_int64_t now)
{
    return bks_db_exec(conn, "UPDATE shop_order SET failed = $3, failure = $2 WHERE number = $1",
                       BKS_ARGS(bks_arg_text(number), bks_arg_text(code), bks_arg_int(now)), NULL);
}

const bks_error_t *bks_order_save_mismatch(bks_conn_t *conn, const char *number, const char *reason)
{
    return bks_db_exec(conn, "UPDATE shop_order SET mismatch = $2 WHERE number = $1 AND mismatch = ''",
                       BKS_ARGS(bks_arg_text(number), bks_arg_text(reason)), NULL);
}

const bks_error_t *bks_order_cancel(bks_conn_t *conn, const char *number)
{
    return bks_db_exec(conn, "UPDATE shop_order SET cancelled = 1 WHERE number = $1 AND received = 0",
                       BKS_ARGS(bks_arg_text(number)), NULL);
}
