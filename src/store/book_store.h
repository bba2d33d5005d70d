/* The books that the database knows.
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef BKS_STORE_BOOK_STORE_H
#define BKS_STORE_BOOK_STORE_H

#include "model/book.h"
#include "store/db.h"

/* Saves BOOK at POSITION of the catalogue; DOCUMENT is its JSON as the file has it. */
const bks_error_t *bks_book_save(bks_conn_t *conn, const bks_book_t *book, apr_int64_t position, const char *document);

/* Marks every book as withdrawn; saving one brings it back. */
const bks_error_t *bks_books_withdraw(bks_conn_t *conn);

/* The documents of the books that are sold, in the catalogue's order: an array of const char *, from POOL. */
const bks_error_t *bks_book_documents_list(bks_conn_t *conn, apr_array_header_t **documents, apr_pool_t *pool);

#endif
