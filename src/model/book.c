/* Small questions about a book.
 * SPDX-License-Identifier: Apache-2.0 */
#include "model/book.h"

#include <string.h>

#include <apr_lib.h>
#include <apr_strings.h>

const char *bks_texts_join(const apr_array_header_t *list, apr_pool_t *pool)
{
    const char *joined = "";

    for (int i = 0; i < list->nelts; i++) {
        joined = apr_pstrcat(pool, joined, i > 0 ? ", " : "", APR_ARRAY_IDX(list, i, const char *), NULL);
    }
    return joined;
}

const bks_format_t *bks_book_format(const bks_book_t *book, const char *format)
{
    for (int i = 0; i < book->formats->nelts; i++) {
        const bks_format_t *one = &APR_ARRAY_IDX(book->formats, i, bks_format_t);

        if (strcmp(one->format, format) == 0) {
            return one;
        }
    }
    return NULL;
}

int bks_isbn13_parse(const char *text, char digits[14])
{
    int count = 0, sum = 0;

    for (const char *c = text; *c; c++) {
        if (apr_isdigit(*c) && count < 13) {
            digits[count] = *c;
            sum += (*c - '0') * (count % 2 == 0 ? 1 : 3);
            count++;
        }
        else if ((*c != '-' && *c != ' ') || count == 0) {
            return 0;
        }
    }
    digits[13] = '\0';
    return count == 13 && sum % 10 == 0 && strncmp(digits, "97", 2) == 0 && (digits[2] == '8' || digits[2] == '9');
}
