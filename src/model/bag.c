/* Filling a bag and saying what is in it.
 * SPDX-License-Identifier: Apache-2.0 */
#include "model/bag.h"

#include <string.h>

#include <apr_strings.h>

#define TITLES_BYTES_MAX 400

bks_bag_t *bks_bag_make(const bks_currency_t *currency, apr_pool_t *pool)
{
    bks_bag_t *bag = apr_pcalloc(pool, sizeof(*bag));

    bag->lines = apr_array_make(pool, 1, sizeof(bks_bag_line_t));
    bag->currency = currency;
    return bag;
}

const bks_error_t *bks_bag_add(bks_bag_t *bag, const bks_book_t *book, const char *variant, apr_int64_t quantity,
                               apr_pool_t *pool)
{
    const bks_format_t *format = *variant ? bks_book_format(book, variant) : NULL;
    bks_bag_line_t line = {book, variant, quantity, book->price, 0};

    if (*variant && !format) {
        return bks_error_make(BKS_ERROR_NOT_FOUND, "no_item_selected", APR_SUCCESS, pool, "book %s has no such format",
                              book->id);
    }
    if (format) {
        line.unit_price = format->price;
    }
    BKS_TRY(bks_money_times(line.unit_price, quantity, &line.total, pool));
    BKS_TRY(bks_money_plus(bag->total, line.total, &bag->total, pool));
    APR_ARRAY_PUSH(bag->lines, bks_bag_line_t) = line;
    return BKS_FINE;
}

const char *bks_bag_print(const bks_bag_t *bag, apr_pool_t *pool)
{
    const char *text = bag->currency->code;

    for (int i = 0; i < bag->lines->nelts; i++) {
        const bks_bag_line_t *line = &APR_ARRAY_IDX(bag->lines, i, bks_bag_line_t);

        text = apr_psprintf(pool, "%s;%s:%s:%" APR_INT64_T_FMT "x%" APR_INT64_T_FMT, text, line->book->id, line->variant,
                            line->quantity, line->unit_price);
    }
    return text;
}

const char *bks_bag_titles(const bks_bag_t *bag, apr_pool_t *pool)
{
    const char *text = "";

    for (int i = 0; i < bag->lines->nelts; i++) {
        const char *title = APR_ARRAY_IDX(bag->lines, i, bks_bag_line_t).book->title;

        if (i > 0 && strlen(text) + strlen(title) > TITLES_BYTES_MAX) {
            return apr_psprintf(pool, "%s and %d more", text, bag->lines->nelts - i);
        }
        text = apr_pstrcat(pool, text, i > 0 ? ", " : "", title, NULL);
    }
    return text;
}
