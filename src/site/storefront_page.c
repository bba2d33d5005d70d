/* Pages that are the same for everybody, served from memory.
 * SPDX-License-Identifier: Apache-2.0 */
#include "site/storefront_page.h"

#include <string.h>

#include <apr_strings.h>

#include "shop/browse.h"
#include "site/page.h"

#define DESCRIPTION_BYTES_MAX 160

/* Answers 304 if the browser has the page as it is at this version of catalogue and templates. */
static int is_known(const bks_visit_t *visit, bks_reply_t *reply, const bks_snapshot_t *snapshot, apr_pool_t *pool)
{
    const char *sent = apr_table_get(visit->request->headers, "If-None-Match");
    const char *etag = apr_pstrcat(pool, "\"", snapshot->version, "-", visit->shop->settings->version, "\"", NULL);

    apr_table_setn(reply->headers, "ETag", apr_pstrcat(pool, "W/", etag, NULL)); /* weak: httpd may compress the page */
    if (!sent || !strstr(sent, etag)) {
        return 0;
    }
    reply->status = 304;
    bks_headers_fill(reply, visit->shop->settings, BKS_HEADERS_PUBLIC, pool);
    return 1;
}

/* The first words of TEXT, cut before a word that would go past DESCRIPTION_BYTES_MAX. */
static const char *first_words(const char *text, apr_pool_t *pool)
{
    char *words;
    char *space;

    if (strlen(text) <= DESCRIPTION_BYTES_MAX) {
        return text;
    }
    words = apr_pstrndup(pool, text, DESCRIPTION_BYTES_MAX);
    space = strrchr(words, ' ');
    if (space) {
        *space = '\0';
    }
    return apr_pstrcat(pool, words, " ...", NULL);
}

/* What a search engine shows of the index of a shop without a tagline: its name and its first titles. */
static const char *describe(const bks_settings_t *settings, const bks_snapshot_t *snapshot, apr_pool_t *pool)
{
    const apr_array_header_t *books = snapshot->catalog->books;
    const char *text = apr_pstrcat(pool, "Books from ", settings->name, NULL);

    for (int i = 0; i < books->nelts && strlen(text) < DESCRIPTION_BYTES_MAX; i++) {
        text = apr_pstrcat(pool, text, i == 0 ? ": " : ", ", APR_ARRAY_IDX(books, i, const bks_book_t *)->title, NULL);
    }
    return first_words(text, pool);
}

const bks_error_t *bks_index_page(const bks_visit_t *visit, bks_reply_t *reply, apr_pool_t *pool)
{
    const bks_settings_t *settings = visit->shop->settings;
    bks_page_t page = {settings->name, settings->tagline, "/"};
    const bks_snapshot_t *snapshot;
    bks_json_t *values;

    BKS_TRY(bks_shelf_hold(visit->shop, &snapshot, pool));
    if (is_known(visit, reply, snapshot, pool)) {
        return BKS_FINE;
    }
    if (!*page.description) {
        page.description = describe(settings, snapshot, pool);
    }
    values = bks_page_values(visit, &page, pool);
    bks_json_share(values, "books", snapshot->cards);
    bks_json_set_bool(values, "has_books", bks_json_count(snapshot->cards) > 0);
    return bks_page_render(visit, reply, "index", values, BKS_HEADERS_PUBLIC, pool);
}

const bks_error_t *bks_book_page(const bks_visit_t *visit, bks_reply_t *reply, apr_pool_t *pool)
{
    const bks_snapshot_t *snapshot;
    const bks_book_t *book;
    bks_page_t page;
    bks_json_t *values;

    BKS_TRY(bks_shelf_hold(visit->shop, &snapshot, pool));
    book = bks_catalog_find(snapshot->catalog, visit->arg);
    if (!book) {
        return bks_error_make(BKS_ERROR_NOT_FOUND, "not_found", APR_SUCCESS, pool, "no such book");
    }
    if (is_known(visit, reply, snapshot, pool)) {
        return BKS_FINE;
    }
    page.title = book->title;
    page.description = first_words(book->description, pool);
    page.canonical = apr_pstrcat(pool, "/books/", bks_url_encode(book->id, pool), NULL);
    values = bks_page_values(visit, &page, pool);
    bks_book_fill(bks_json_set_object(values, "book"), book, &visit->shop->settings->places, pool);
    return bks_page_render(visit, reply, "book", values, BKS_HEADERS_PUBLIC, pool);
}
