/* A book as values for templates.
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef BKS_VIEW_BOOK_VIEW_H
#define BKS_VIEW_BOOK_VIEW_H

#include "base/money.h"
#include "model/catalog.h"
#include "view/assets.h"

/* What turns names into addresses. */
typedef struct {
    const char *prefix;           /* "" or "/shop": where the shop is mounted */
    const char *base_url;         /* "https://host/shop", no slash at the end */
    const bks_assets_t *assets;
    const bks_currency_t *currency;
} bks_places_t;

/* The address of the cover named COVER ("covers/1.svg" or ""), or "". From POOL. */
const char *bks_cover_url(const bks_places_t *places, const char *cover, apr_pool_t *pool);

/* The address of the checkout of book ID in format VARIANT ("" for none). From POOL. */
const char *bks_buy_url(const bks_places_t *places, const char *id, const char *variant, apr_pool_t *pool);

/* The address of the page of book ID. From POOL. */
const char *bks_book_url(const bks_places_t *places, const char *id, apr_pool_t *pool);

/* Puts what a list of books shows of BOOK into VALUES. */
void bks_book_card_fill(bks_json_t *values, const bks_book_t *book, const bks_places_t *places, apr_pool_t *pool);

/* From this book of a list on, covers are loaded when they come near: the first ones are in sight at once. */
#define BKS_LAZY_FROM 6

/* Puts all that a book's page shows into VALUES. */
void bks_book_fill(bks_json_t *values, const bks_book_t *book, const bks_places_t *places, apr_pool_t *pool);

#endif
