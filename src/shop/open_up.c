/* Opening up: tables, identity, catalogue.
 * SPDX-License-Identifier: Apache-2.0 */
#include "shop/open_up.h"

#include "base/hmac.h"
#include "base/ids.h"
#include "shop/stock_up.h"
#include "store/schema.h"
#include "store/setting_store.h"

#define SHOP_ID "shop_id"
#define SHOP_KEY "shop_key"

/* Saves a random value of BYTES bytes, as hex, under NAME, unless there is one. */
static const bks_error_t *save_random_once(bks_conn_t *conn, const char *name, apr_size_t bytes, apr_pool_t *pool)
{
    unsigned char random[BKS_SHA256_BYTES];
    const char *value;

    BKS_TRY(bks_setting_find(conn, name, &value, pool));
    if (value) {
        return BKS_FINE;
    }
    BKS_TRY(bks_random_fill(random, bytes, pool));
    return bks_setting_save(conn, name, bks_hex_print(random, bytes, pool));
}

static const bks_error_t *make_identity(bks_conn_t *conn, void *baton, apr_pool_t *pool)
{
    (void)baton;
    BKS_TRY(save_random_once(conn, SHOP_ID, BKS_ID_BYTES, pool));
    return save_random_once(conn, SHOP_KEY, BKS_SHA256_BYTES, pool);
}

const bks_error_t *bks_shop_open_up(const bks_settings_t *settings, bks_db_t *db, apr_pool_t *pool)
{
    int changed;

    BKS_TRY(bks_schema_bring_up(db, pool));
    BKS_TRY(bks_db_write(db, NULL, make_identity, NULL, pool));
    return bks_stock_up(settings, db, &changed, pool);
}

static const bks_error_t *read_identity(bks_conn_t *conn, void *baton, apr_pool_t *pool)
{
    bks_identity_t *identity = baton;
    const char *key;

    BKS_TRY(bks_setting_find(conn, SHOP_ID, &identity->id, pool));
    BKS_TRY(bks_setting_find(conn, SHOP_KEY, &key, pool));
    if (!identity->id || !bks_hex_parse(key, 1, identity->key, sizeof(identity->key))) {
        return bks_error_make(BKS_ERROR_INTERNAL, "internal", APR_SUCCESS, pool, "the database holds no identity of the shop");
    }
    return BKS_FINE;
}

const bks_error_t *bks_identity_load(bks_identity_t *identity, bks_db_t *db, apr_pool_t *pool)
{
    return bks_db_read(db, NULL, read_identity, identity, pool);
}
