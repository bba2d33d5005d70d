/* A book as the catalogue describes it.
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef BKS_MODEL_BOOK_H
#define BKS_MODEL_BOOK_H

#include <apr_tables.h>

#include "base/error.h"

#define BKS_STOCK_UNLIMITED (-1)

/* A way in which a book is sold. */
typedef struct {
    const char *format; /* "hardcover", "paperback" */
    apr_int64_t price;  /* minor units */
    apr_int64_t stock;  /* copies that the file names, or BKS_STOCK_UNLIMITED */
    const char *isbn;   /* 13 digits, or "" */
} bks_format_t;

typedef struct {
    const char *id;                 /* letters, digits, '.', '_', '-'; at most 64 */
    const char *title;
    const char *subtitle;           /* absent facts are "" */
    const char *description;        /* paragraphs separated by an empty line */
    const char *cover;              /* path below the static files, as "covers/1.svg" */
    const char *isbn;
    const char *publisher;
    const char *published;
    const char *language;           /* BCP 47 */
    const char *pages;
    apr_array_header_t *authors;    /* of const char * */
    apr_array_header_t *categories; /* of const char * */
    apr_array_header_t *formats;    /* of bks_format_t; empty: sold in one way only */
    apr_int64_t price;              /* minor units */
    apr_int64_t stock;
} bks_book_t;

/* The texts of LIST with ", " between them, from POOL. */
const char *bks_texts_join(const apr_array_header_t *list, apr_pool_t *pool);

/* The format of BOOK named FORMAT, or NULL. */
const bks_format_t *bks_book_format(const bks_book_t *book, const char *format);

/* Whether TEXT (13 digits, hyphens and spaces between them allowed) is an ISBN-13 with a right check digit
 * (ISO 2108); DIGITS gets its 13 digits. */
int bks_isbn13_parse(const char *text, char digits[14]);

#endif
