/* The table "setting".
 * SPDX-License-Identifier: Apache-2.0 */
#include "store/setting_store.h"

const bks_error_t *bks_setting_find(bks_conn_t *conn, const char *name, const char **value, apr_pool_t *pool)
{
    bks_rows_t *rows;
    int has;

    BKS_TRY(bks_db_query(&rows, conn, "SELECT value FROM setting WHERE name = $1", BKS_ARGS(bks_arg_text(name)), pool));
    BKS_TRY(bks_rows_next(rows, &has));
    *value = has ? bks_rows_text(rows, 0, pool) : NULL;
    bks_rows_end(rows);
    return BKS_FINE;
}

const bks_error_t *bks_setting_save(bks_conn_t *conn, const char *name, const char *value)
{
    return bks_db_exec(conn, "INSERT INTO setting (name, value) VALUES ($1, $2)"
                             " ON CONFLICT (name) DO UPDATE SET value = excluded.value",
                       BKS_ARGS(bks_arg_text(name), bks_arg_text(value)), NULL);
}
