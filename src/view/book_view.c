/* Books as values for templates.
 * SPDX-License-Identifier: Apache-2.0 */
#include "view/book_view.h"

#include <string.h>

#include <apr_lib.h>
#include <apr_strings.h>

#include "base/form.h"

const char *bks_cover_url(const bks_places_t *places, const char *cover, apr_pool_t *pool)
{
    return *cover ? bks_asset_url(places->assets, cover, pool) : "";
}

const char *bks_buy_url(const bks_places_t *places, const char *id, const char *variant, apr_pool_t *pool)
{
    return apr_pstrcat(pool, places->prefix, "/checkout?item=", bks_url_encode(id, pool), *variant ? "&variant=" : "",
                       bks_url_encode(variant, pool), NULL);
}

const char *bks_book_url(const bks_places_t *places, const char *id, apr_pool_t *pool)
{
    return apr_pstrcat(pool, places->prefix, "/books/", bks_url_encode(id, pool), NULL);
}

void bks_book_card_fill(bks_json_t *values, const bks_book_t *book, const bks_places_t *places, apr_pool_t *pool)
{
    bks_json_set_text(values, "id", book->id);
    bks_json_set_text(values, "title", book->title);
    bks_json_set_text(values, "subtitle", book->subtitle);
    bks_json_set_text(values, "authors", bks_texts_join(book->authors, pool));
    bks_json_set_text(values, "price", bks_money_print(book->price, places->currency, pool));
    bks_json_set_text(values, "cover", bks_cover_url(places, book->cover, pool));
    bks_json_set_text(values, "url", bks_book_url(places, book->id, pool));
    bks_json_set_text(values, "buy_url", bks_buy_url(places, book->id, "", pool));
}

/* Each paragraph of TEXT (separated by empty lines) into LIST. */
static void append_paragraphs(bks_json_t *list, const char *text, apr_pool_t *pool)
{
    while (*text) {
        const char *end = strstr(text, "\n\n");
        const apr_size_t length = end ? (apr_size_t)(end - text) : strlen(text);

        if (length > 0) {
            bks_json_append_text(list, apr_pstrmemdup(pool, text, length));
        }
        text += length;
        while (*text == '\n') {
            text++;
        }
    }
}

static void fill_formats(bks_json_t *values, const bks_book_t *book, const bks_places_t *places, apr_pool_t *pool)
{
    bks_json_t *list = bks_json_set_array(values, "formats");

    for (int i = 0; i < book->formats->nelts; i++) {
        const bks_format_t *format = &APR_ARRAY_IDX(book->formats, i, bks_format_t);
        bks_json_t *one = bks_json_append_object(list);
        char *label = apr_pstrdup(pool, format->format);

        *label = (char)apr_toupper(*label);
        bks_json_set_text(one, "format", format->format);
        bks_json_set_text(one, "label", label);
        bks_json_set_text(one, "price", bks_money_print(format->price, places->currency, pool));
        bks_json_set_text(one, "buy_url", bks_buy_url(places, book->id, format->format, pool));
    }
    bks_json_set_bool(values, "has_formats", book->formats->nelts > 0);
}

/* The name of the language whose BCP 47 tag begins TAG, in the pages' own language, or "": then the tag itself is shown. */
static const char *language_name(const char *tag)
{
    static const struct {
        const char *code;
        const char *name;
    } names[] = {
        {"ar", "Arabic"},   {"cs", "Czech"},   {"da", "Danish"},    {"de", "German"},     {"el", "Greek"},
        {"en", "English"},  {"es", "Spanish"}, {"fi", "Finnish"},   {"fr", "French"},     {"he", "Hebrew"},
        {"hi", "Hindi"},    {"hu", "Hungarian"}, {"it", "Italian"}, {"ja", "Japanese"},   {"ko", "Korean"},
        {"la", "Latin"},    {"nb", "Norwegian"}, {"nl", "Dutch"},   {"pl", "Polish"},     {"pt", "Portuguese"},
        {"ru", "Russian"},  {"sv", "Swedish"}, {"tr", "Turkish"},   {"uk", "Ukrainian"},  {"zh", "Chinese"},
    };

    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        if (strncmp(tag, names[i].code, 2) == 0 && (tag[2] == '\0' || tag[2] == '-')) {
            return names[i].name;
        }
    }
    return "";
}

void bks_book_fill(bks_json_t *values, const bks_book_t *book, const bks_places_t *places, apr_pool_t *pool)
{
    bks_book_card_fill(values, book, places, pool);
    bks_json_set_text(values, "price_decimal", bks_money_print_plain(book->price, places->currency, pool));
    bks_json_set_text(values, "currency", bks_currency_print(places->currency, pool));
    bks_json_set_text(values, "language_name", language_name(book->language));
    append_paragraphs(bks_json_set_array(values, "description"), book->description, pool);
    bks_json_set_text(values, "isbn", book->isbn);
    bks_json_set_text(values, "publisher", book->publisher);
    bks_json_set_text(values, "published", book->published);
    bks_json_set_text(values, "language", book->language);
    bks_json_set_text(values, "pages", book->pages);
    bks_json_set_text(values, "categories", bks_texts_join(book->categories, pool));
    fill_formats(values, book, places, pool);
}
