/* Hashing the static files at start.
 * SPDX-License-Identifier: Apache-2.0 */
#include "view/assets.h"

#include <string.h>

#include <apr_file_info.h>
#include <apr_file_io.h>
#include <apr_hash.h>
#include <apr_lib.h>
#include <apr_strings.h>

#include "base/hmac.h"

#define HASH_DIGITS 12
#define FILE_BYTES_MAX (16 * 1024 * 1024)
#define DEPTH_MAX 4

struct bks_assets_t {
    const char *prefix;
    apr_hash_t *hashes; /* file -> hash */
    bks_json_t *values;
};

static const bks_error_t *unreadable(const char *path, apr_status_t status, apr_pool_t *pool)
{
    return bks_error_make(BKS_ERROR_CONFIG, "config", status, pool, "BookshopStatic: %s can't be read", path);
}

static const bks_error_t *hash_file(const char *path, apr_off_t size, const char **hash, apr_pool_t *pool,
                                    apr_pool_t *scratch)
{
    apr_file_t *file;
    apr_status_t status = apr_file_open(&file, path, APR_FOPEN_READ | APR_FOPEN_BINARY, APR_OS_DEFAULT, scratch);
    char *bytes;
    apr_size_t length = (apr_size_t)size;

    if (status != APR_SUCCESS) {
        return unreadable(path, status, pool);
    }
    bytes = apr_palloc(scratch, length + 1);
    status = apr_file_read_full(file, bytes, length, &length);
    apr_file_close(file);
    if (status != APR_SUCCESS && !APR_STATUS_IS_EOF(status)) {
        return unreadable(path, status, pool);
    }
    return bks_sha256_hex(bytes, length, HASH_DIGITS, hash, pool);
}

/* The name of FILE for templates: "shop.css" is shop_css. */
static const char *template_name(const char *file, apr_pool_t *pool)
{
    char *name = apr_pstrdup(pool, file);

    for (char *c = name; *c; c++) {
        if (!apr_isalnum(*c)) {
            *c = '_';
        }
    }
    return name;
}

static const bks_error_t *add_file(bks_assets_t *assets, const char *path, const char *file, apr_off_t size,
                                   apr_pool_t *pool, apr_pool_t *scratch)
{
    const char *hash;

    if (size > FILE_BYTES_MAX) {
        return BKS_FINE; /* it is served all the same, without a hash */
    }
    BKS_TRY(hash_file(path, size, &hash, pool, scratch));
    apr_hash_set(assets->hashes, apr_pstrdup(pool, file), APR_HASH_KEY_STRING, hash);
    if (strncmp(file, "static/", 7) == 0) {
        bks_json_set_text(assets->values, template_name(file + 7, pool), bks_asset_url(assets, file, pool));
    }
    return BKS_FINE;
}

/* Adds what lies below DIR/FOLDER. */
static const bks_error_t *add_folder(bks_assets_t *assets, const char *dir, const char *folder, int depth, apr_pool_t *pool,
                                     apr_pool_t *scratch)
{
    const char *path = apr_pstrcat(scratch, dir, "/", folder, NULL);
    apr_finfo_t entry;
    apr_dir_t *open;
    apr_status_t status = apr_dir_open(&open, path, scratch);

    if (status != APR_SUCCESS) {
        return unreadable(path, status, pool);
    }
    while (apr_dir_read(&entry, APR_FINFO_NAME, open) == APR_SUCCESS) {
        const char *file = apr_pstrcat(scratch, folder, "/", entry.name, NULL);
        const char *full = apr_pstrcat(scratch, dir, "/", file, NULL);
        apr_finfo_t found;

        if (*entry.name == '.' || apr_stat(&found, full, APR_FINFO_TYPE | APR_FINFO_SIZE, scratch) != APR_SUCCESS) {
            continue;
        }
        if (found.filetype == APR_REG) {
            BKS_TRY(add_file(assets, full, file, found.size, pool, scratch));
        }
        else if (found.filetype == APR_DIR && depth < DEPTH_MAX) {
            BKS_TRY(add_folder(assets, dir, file, depth + 1, pool, scratch));
        }
    }
    apr_dir_close(open);
    return BKS_FINE;
}

const bks_error_t *bks_assets_load(const bks_assets_t **assets, const char *dir, const char *prefix, apr_pool_t *pool)
{
    bks_assets_t *made = apr_palloc(pool, sizeof(*made));
    const bks_error_t *error;
    apr_pool_t *scratch;

    made->prefix = prefix;
    made->hashes = apr_hash_make(pool);
    made->values = bks_json_make_object(pool);
    apr_pool_create(&scratch, pool);
    error = add_folder(made, dir, "static", 0, pool, scratch);
    if (!error) {
        const char *covers = apr_pstrcat(scratch, dir, "/covers", NULL);
        apr_finfo_t found;

        if (apr_stat(&found, covers, APR_FINFO_TYPE, scratch) == APR_SUCCESS && found.filetype == APR_DIR) {
            error = add_folder(made, dir, "covers", 0, pool, scratch);
        }
    }
    apr_pool_destroy(scratch);
    *assets = made;
    return error;
}

static const char *hash_of(const bks_assets_t *assets, const char *file)
{
    return apr_hash_get(assets->hashes, file, APR_HASH_KEY_STRING);
}

const char *bks_asset_url(const bks_assets_t *assets, const char *file, apr_pool_t *pool)
{
    const char *hash = hash_of(assets, file);

    return hash ? apr_pstrcat(pool, assets->prefix, "/", file, "?v=", hash, NULL)
                : apr_pstrcat(pool, assets->prefix, "/", file, NULL);
}

int bks_asset_is_current(const bks_assets_t *assets, const char *file, const char *v)
{
    const char *hash = hash_of(assets, file);

    return hash && v && strcmp(hash, v) == 0;
}

const bks_json_t *bks_assets_values(const bks_assets_t *assets)
{
    return assets->values;
}
