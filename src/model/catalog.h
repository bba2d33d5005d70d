/* The catalogue: the books that are sold, read from its JSON file. Frozen once it is made.
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef BKS_MODEL_CATALOG_H
#define BKS_MODEL_CATALOG_H

#include <apr_hash.h>

#include "base/json.h"
#include "base/money.h"
#include "model/book.h"

#define BKS_CATALOG_FILE_MAX (64 * 1024 * 1024) /* bytes */
#define BKS_CATALOG_BOOKS_MAX 100000

typedef struct {
    apr_array_header_t *books; /* of const bks_book_t *, in the file's order */
    apr_hash_t *by_id;
} bks_catalog_t;

/* An empty catalogue, and one book more in it. */
bks_catalog_t *bks_catalog_make(apr_pool_t *pool);
void bks_catalog_add(bks_catalog_t *catalog, const bks_book_t *book);

/* The book of ID, or NULL. */
const bks_book_t *bks_catalog_find(const bks_catalog_t *catalog, const char *id);

/* Reads one book of a catalogue; prices are minor units of CURRENCY. Fails as CONFIG, naming the member that is wrong. */
const bks_error_t *bks_book_parse(const bks_json_t *json, const bks_currency_t *currency, bks_book_t **book,
                                  apr_pool_t *pool);

/* Reads a whole catalogue {"books": [...]}. Fails as CONFIG, naming the book and the member that is wrong. */
const bks_error_t *bks_catalog_parse(const bks_json_t *json, const bks_currency_t *currency, bks_catalog_t **catalog,
                                     apr_pool_t *pool);

#endif
