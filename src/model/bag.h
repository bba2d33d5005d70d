/* A bag: what is bought together, at the prices of now.
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef BKS_MODEL_BAG_H
#define BKS_MODEL_BAG_H

#include <apr_tables.h>

#include "base/money.h"
#include "model/book.h"

typedef struct {
    const bks_book_t *book;
    const char *variant;    /* a format of the book, or "" */
    apr_int64_t quantity;
    apr_int64_t unit_price; /* minor units */
    apr_int64_t total;
} bks_bag_line_t;

typedef struct {
    apr_array_header_t *lines; /* of bks_bag_line_t */
    const bks_currency_t *currency;
    apr_int64_t total;
} bks_bag_t;

bks_bag_t *bks_bag_make(const bks_currency_t *currency, apr_pool_t *pool);

/* Puts QUANTITY copies of BOOK in format VARIANT ("" for the book's own price) into BAG. INVALID "amount_too_large",
 * NOT_FOUND "no_item_selected" for a format that the book has not. */
const bks_error_t *bks_bag_add(bks_bag_t *bag, const bks_book_t *book, const char *variant, apr_int64_t quantity,
                               apr_pool_t *pool);

/* What is in the bag, at which prices, as one line: two bags with the same text cost the same for the same books. */
const char *bks_bag_print(const bks_bag_t *bag, apr_pool_t *pool);

/* The titles for a person, at most 400 characters: "Title, Title and 3 more". From POOL. */
const char *bks_bag_titles(const bks_bag_t *bag, apr_pool_t *pool);

#endif
