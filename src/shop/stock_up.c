/* Stocking up from the catalogue file.
 * SPDX-License-Identifier: Apache-2.0 */
#include "shop/stock_up.h"

#include <string.h>

#include <apr_strings.h>

#include "base/hmac.h"
#include "model/catalog.h"
#include "store/book_store.h"
#include "store/setting_store.h"

#define CATALOG_VERSION "catalog_version"
#define VERSION_DIGITS 32

typedef struct {
    const bks_json_t *json;
    const bks_catalog_t *catalog;
    const char *version; /* hash of the file's contents and the currency */
    int changed;
} import_t;

static const bks_error_t *import(bks_conn_t *conn, void *baton, apr_pool_t *pool)
{
    import_t *job = baton;
    const bks_json_t *documents = bks_json_member(job->json, "books");
    const char *last;

    BKS_TRY(bks_setting_find(conn, CATALOG_VERSION, &last, pool));
    job->changed = !last || strcmp(last, job->version) != 0;
    if (!job->changed) {
        return BKS_FINE;
    }
    BKS_TRY(bks_books_withdraw(conn));
    for (int i = 0; i < job->catalog->books->nelts; i++) {
        const bks_book_t *book = APR_ARRAY_IDX(job->catalog->books, i, const bks_book_t *);

        BKS_TRY(bks_book_save(conn, book, i, bks_json_print(bks_json_at(documents, (apr_size_t)i), pool)));
    }
    return bks_setting_save(conn, CATALOG_VERSION, job->version);
}

const bks_error_t *bks_stock_up(const bks_settings_t *settings, bks_db_t *db, int *changed, apr_pool_t *pool)
{
    bks_catalog_t *catalog;
    import_t job = {NULL, NULL, NULL, 0};
    const char *text;
    const bks_error_t *error;

    BKS_TRY(bks_json_load(settings->catalog_file, BKS_CATALOG_FILE_MAX, &job.json, pool));
    error = bks_catalog_parse(job.json, settings->currency, &catalog, pool);
    if (error) {
        return bks_error_make(BKS_ERROR_CONFIG, "config", APR_SUCCESS, pool, "%s: %s", settings->catalog_file, error->detail);
    }
    text = apr_pstrcat(pool, settings->currency->code, " ", bks_json_print(job.json, pool), NULL);
    BKS_TRY(bks_sha256_hex(text, strlen(text), VERSION_DIGITS, &job.version, pool));
    job.catalog = catalog;
    error = bks_db_write(db, NULL, import, &job, pool);
    *changed = job.changed;
    return error;
}
