/* Reading a catalogue, member by member: a table says what is known, anything else is refused by name.
 * SPDX-License-Identifier: Apache-2.0 */
#include "model/catalog.h"

#include <stddef.h>
#include <string.h>

#include <apr_lib.h>
#include <apr_strings.h>

#include "base/text.h"

#define ID_CHARS_MAX 64

bks_catalog_t *bks_catalog_make(apr_pool_t *pool)
{
    bks_catalog_t *catalog = apr_palloc(pool, sizeof(*catalog));

    catalog->books = apr_array_make(pool, 16, sizeof(const bks_book_t *));
    catalog->by_id = apr_hash_make(pool);
    return catalog;
}

void bks_catalog_add(bks_catalog_t *catalog, const bks_book_t *book)
{
    APR_ARRAY_PUSH(catalog->books, const bks_book_t *) = book;
    apr_hash_set(catalog->by_id, book->id, APR_HASH_KEY_STRING, book);
}

const bks_book_t *bks_catalog_find(const bks_catalog_t *catalog, const char *id)
{
    return apr_hash_get(catalog->by_id, id, APR_HASH_KEY_STRING);
}

/* What one member's reader needs. */
typedef struct {
    bks_book_t *book;
    const bks_currency_t *currency;
    apr_pool_t *pool;
} reading_t;

static const bks_error_t *wrong(apr_pool_t *pool, const char *member, const char *rule)
{
    return bks_error_make(BKS_ERROR_CONFIG, "config", APR_SUCCESS, pool, "\"%s\" %s", member, rule);
}

/* A text of 1 to MOST characters without line breaks (or with them, when LINES). */
static const bks_error_t *read_text(const bks_json_t *json, const char *member, apr_size_t most, int lines,
                                    const char **text, apr_pool_t *pool)
{
    const char *value = bks_json_text(json);

    if (!value) {
        return wrong(pool, member, "must be a text");
    }
    if (!*value || bks_utf8_count(value) > most) {
        return wrong(pool, member, apr_psprintf(pool, "must have 1 to %" APR_SIZE_T_FMT " characters", most));
    }
    for (const char *c = value; *c; c++) {
        if (apr_iscntrl(*c) && !(lines && *c == '\n')) {
            return wrong(pool, member, "must hold no control characters");
        }
    }
    *text = apr_pstrdup(pool, value);
    return BKS_FINE;
}

static const bks_error_t *read_texts(const bks_json_t *json, const char *member, apr_array_header_t *list,
                                     apr_pool_t *pool)
{
    if (!bks_json_is_array(json)) {
        return wrong(pool, member, "must be a list of texts");
    }
    for (apr_size_t i = 0; i < bks_json_count(json); i++) {
        const char *text;

        BKS_TRY(read_text(bks_json_at(json, i), member, 200, 0, &text, pool));
        APR_ARRAY_PUSH(list, const char *) = text;
    }
    return BKS_FINE;
}

static const bks_error_t *read_price(const reading_t *r, const bks_json_t *json, apr_int64_t *price)
{
    if (!bks_json_int(json, price)) {
        return wrong(r->pool, "price", "must be a whole number of minor units, as 2300 for 23.00");
    }
    if (*price < 1 || *price > BKS_MONEY_MAX) {
        return wrong(r->pool, "price", "must be 1 to " APR_STRINGIFY(BKS_MONEY_MAX));
    }
    if (*price % r->currency->step != 0) {
        return wrong(r->pool, "price", apr_psprintf(r->pool, "must be a multiple of %d in %s", r->currency->step,
                                                    r->currency->code));
    }
    return BKS_FINE;
}

static const bks_error_t *read_stock(const bks_json_t *json, apr_int64_t *stock, apr_pool_t *pool)
{
    if (!bks_json_int(json, stock) || *stock < 0 || *stock > BKS_MONEY_MAX) {
        return wrong(pool, "stock", "must be a whole number of copies, 0 or more (leave it out for no limit)");
    }
    return BKS_FINE;
}

static const bks_error_t *read_isbn(const bks_json_t *json, const char **isbn, apr_pool_t *pool)
{
    const char *text = bks_json_text(json);
    char digits[14];

    if (!text || !bks_isbn13_parse(text, digits)) {
        return wrong(pool, "isbn", "must be an ISBN-13 with a right check digit");
    }
    *isbn = apr_pstrdup(pool, digits);
    return BKS_FINE;
}

static const bks_error_t *format_member(void *baton, const char *name, const bks_json_t *value)
{
    reading_t *r = ((void **)baton)[0];
    bks_format_t *format = ((void **)baton)[1];

    if (strcmp(name, "format") == 0) {
        BKS_TRY(read_text(value, name, 20, 0, &format->format, r->pool));
        if (strcmp(format->format, "ebook") == 0) {
            return wrong(r->pool, "format", "\"ebook\" can't be sold by this version, which delivers no files");
        }
        if (strcmp(format->format, "hardcover") != 0 && strcmp(format->format, "paperback") != 0) {
            return wrong(r->pool, "format", "must be \"hardcover\" or \"paperback\"");
        }
        return BKS_FINE;
    }
    if (strcmp(name, "price") == 0) {
        return read_price(r, value, &format->price);
    }
    if (strcmp(name, "stock") == 0) {
        return read_stock(value, &format->stock, r->pool);
    }
    if (strcmp(name, "isbn") == 0) {
        return read_isbn(value, &format->isbn, r->pool);
    }
    return wrong(r->pool, name, "is no member of a format (format, price, stock, isbn)");
}

static const bks_error_t *read_formats(reading_t *r, const bks_json_t *json)
{
    if (!bks_json_is_array(json)) {
        return wrong(r->pool, "formats", "must be a list of formats");
    }
    for (apr_size_t i = 0; i < bks_json_count(json); i++) {
        const bks_json_t *one = bks_json_at(json, i);
        bks_format_t format = {NULL, 0, BKS_STOCK_UNLIMITED, ""};
        void *baton[] = {r, &format};

        if (!bks_json_is_object(one)) {
            return wrong(r->pool, "formats", "must be a list of objects");
        }
        BKS_TRY(bks_json_each(one, format_member, baton));
        if (!format.format || format.price == 0) {
            return wrong(r->pool, "formats", "must each have \"format\" and \"price\"");
        }
        if (bks_book_format(r->book, format.format)) {
            return wrong(r->pool, "formats", "must not name a format twice");
        }
        APR_ARRAY_PUSH(r->book->formats, bks_format_t) = format;
    }
    return BKS_FINE;
}

static int is_id(const char *text)
{
    if (!text || !apr_isalnum(*text) || strlen(text) > ID_CHARS_MAX) {
        return 0;
    }
    for (; *text; text++) {
        if (!apr_isalnum(*text) && !strchr("._-", *text)) {
            return 0;
        }
    }
    return 1;
}

static const bks_error_t *read_id(reading_t *r, const bks_json_t *json)
{
    const char *id = bks_json_text(json);

    if (!is_id(id)) {
        return wrong(r->pool, "id", "must be a text of 1 to 64 letters, digits, '.', '_' or '-', the first a letter or digit");
    }
    r->book->id = apr_pstrdup(r->pool, id);
    return BKS_FINE;
}

static const bks_error_t *read_cover(reading_t *r, const bks_json_t *json)
{
    const char *cover;

    BKS_TRY(read_text(json, "cover", 200, 0, &cover, r->pool));
    if (*cover == '/' || strstr(cover, "..") || strpbrk(cover, ":\\?#%\"'<> ")) {
        return wrong(r->pool, "cover", "must be a path below the static files, as \"covers/1.svg\"");
    }
    r->book->cover = cover;
    return BKS_FINE;
}

/* The members that are plain texts. */
static const struct {
    const char *name;
    size_t offset;
    apr_size_t most;
    int lines;
} texts[] = {
    {"title", offsetof(bks_book_t, title), 300, 0},
    {"subtitle", offsetof(bks_book_t, subtitle), 300, 0},
    {"description", offsetof(bks_book_t, description), 20000, 1},
    {"publisher", offsetof(bks_book_t, publisher), 200, 0},
    {"published", offsetof(bks_book_t, published), 40, 0},
    {"language", offsetof(bks_book_t, language), 35, 0},
};

static const bks_error_t *read_pages(reading_t *r, const bks_json_t *json)
{
    apr_int64_t pages;

    if (!bks_json_int(json, &pages) || pages < 1 || pages > 100000) {
        return wrong(r->pool, "pages", "must be a whole number");
    }
    r->book->pages = apr_psprintf(r->pool, "%" APR_INT64_T_FMT, pages);
    return BKS_FINE;
}

static const bks_error_t *book_member(void *baton, const char *name, const bks_json_t *value)
{
    reading_t *r = baton;

    for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
        if (strcmp(texts[i].name, name) == 0) {
            const char **field = (const char **)(void *)((char *)r->book + texts[i].offset);

            return read_text(value, name, texts[i].most, texts[i].lines, field, r->pool);
        }
    }
    if (strcmp(name, "id") == 0) {
        return read_id(r, value);
    }
    if (strcmp(name, "authors") == 0) {
        return read_texts(value, name, r->book->authors, r->pool);
    }
    if (strcmp(name, "categories") == 0) {
        return read_texts(value, name, r->book->categories, r->pool);
    }
    if (strcmp(name, "cover") == 0) {
        return read_cover(r, value);
    }
    if (strcmp(name, "isbn") == 0) {
        return read_isbn(value, &r->book->isbn, r->pool);
    }
    if (strcmp(name, "pages") == 0) {
        return read_pages(r, value);
    }
    if (strcmp(name, "price") == 0) {
        return read_price(r, value, &r->book->price);
    }
    if (strcmp(name, "stock") == 0) {
        return read_stock(value, &r->book->stock, r->pool);
    }
    if (strcmp(name, "formats") == 0) {
        return read_formats(r, value);
    }
    return wrong(r->pool, name, "is no member of a book");
}

const bks_error_t *bks_book_parse(const bks_json_t *json, const bks_currency_t *currency, bks_book_t **book,
                                  apr_pool_t *pool)
{
    bks_book_t *made = apr_pcalloc(pool, sizeof(*made));
    reading_t reading = {made, currency, pool};

    if (!bks_json_is_object(json)) {
        return wrong(pool, "books", "must be a list of objects");
    }
    made->subtitle = made->description = made->cover = made->isbn = made->publisher = "";
    made->published = made->language = made->pages = "";
    made->authors = apr_array_make(pool, 1, sizeof(const char *));
    made->categories = apr_array_make(pool, 1, sizeof(const char *));
    made->formats = apr_array_make(pool, 0, sizeof(bks_format_t));
    made->stock = BKS_STOCK_UNLIMITED;
    BKS_TRY(bks_json_each(json, book_member, &reading));
    if (!made->id || !made->title || made->authors->nelts == 0) {
        return wrong(pool, !made->id ? "id" : !made->title ? "title" : "authors", "is missing");
    }
    if (made->price == 0) {
        return wrong(pool, "price", "is missing");
    }
    *book = made;
    return BKS_FINE;
}

const bks_error_t *bks_catalog_parse(const bks_json_t *json, const bks_currency_t *currency, bks_catalog_t **catalog,
                                     apr_pool_t *pool)
{
    const bks_json_t *books = bks_json_member(json, "books");
    bks_catalog_t *made = bks_catalog_make(pool);

    if (!bks_json_is_array(books) || bks_json_count(books) > BKS_CATALOG_BOOKS_MAX) {
        return wrong(pool, "books", "must be a list of at most " APR_STRINGIFY(BKS_CATALOG_BOOKS_MAX) " books");
    }
    for (apr_size_t i = 0; i < bks_json_count(books); i++) {
        const bks_json_t *one = bks_json_at(books, i);
        const char *id = bks_json_get_text(one, "id");
        bks_book_t *book;
        const bks_error_t *error = bks_book_parse(one, currency, &book, pool);

        if (!error && bks_catalog_find(made, book->id)) {
            error = wrong(pool, "id", "stands twice");
        }
        if (error) {
            return bks_error_make(BKS_ERROR_CONFIG, "config", APR_SUCCESS, pool, "book %" APR_SIZE_T_FMT "%s%s%s: %s",
                                  i + 1, id ? " (id \"" : "", id ? id : "", id ? "\")" : "", error->detail);
        }
        bks_catalog_add(made, book);
    }
    *catalog = made;
    return BKS_FINE;
}
