/* The table "book".
 * SPDX-License-Identifier: Apache-2.0 */
#include "store/book_store.h"

const bks_error_t *bks_book_save(bks_conn_t *conn, const bks_book_t *book, apr_int64_t position, const char *document)
{
    return bks_db_exec(conn, "INSERT INTO book (id, position, title, price, document, withdrawn)"
                             " VALUES ($1, $2, $3, $4, $5, 0)"
                             " ON CONFLICT (id) DO UPDATE SET position = excluded.position, title = excluded.title,"
                             " price = excluded.price, document = excluded.document, withdrawn = 0",
                       BKS_ARGS(bks_arg_text(book->id), bks_arg_int(position), bks_arg_text(book->title),
                                bks_arg_int(book->price), bks_arg_text(document)), NULL);
}

const bks_error_t *bks_books_withdraw(bks_conn_t *conn)
{
    return bks_db_exec(conn, "UPDATE book SET withdrawn = 1 WHERE withdrawn = 0", BKS_NO_ARGS, NULL);
}

const bks_error_t *bks_book_documents_list(bks_conn_t *conn, apr_array_header_t **documents, apr_pool_t *pool)
{
    apr_array_header_t *list = apr_array_make(pool, 16, sizeof(const char *));
    bks_rows_t *rows;
    int has;

    BKS_TRY(bks_db_query(&rows, conn, "SELECT document FROM book WHERE withdrawn = 0 ORDER BY position", BKS_NO_ARGS, pool));
    for (;;) {
        BKS_TRY(bks_rows_next(rows, &has));
        if (!has) {
            break;
        }
        APR_ARRAY_PUSH(list, const char *) = bks_rows_text(rows, 0, pool);
    }
    *documents = list;
    return BKS_FINE;
}
