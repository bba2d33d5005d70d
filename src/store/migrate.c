/* Numbered migrations: the steps that a database has not seen yet, each in a transaction of its own.
 * SPDX-License-Identifier: Apache-2.0 */
#include "store/migrate.h"

static const char CREATE_VERSION_TABLE[] =
    "CREATE TABLE IF NOT EXISTS schema_version (number INTEGER PRIMARY KEY, name TEXT NOT NULL)";
static const char FIND_VERSION[] = "SELECT coalesce(max(number), 0) FROM schema_version";
static const char INSERT_VERSION[] = "INSERT INTO schema_version (number, name) VALUES ($1, $2)";

static const bks_error_t *version_table_make(bks_conn_t *conn, void *baton, apr_pool_t *pool)
{
    (void)baton;
    (void)pool;
    return bks_db_exec(conn, CREATE_VERSION_TABLE, BKS_NO_ARGS, NULL);
}

static const bks_error_t *version_load(bks_conn_t *conn, apr_int64_t *version, apr_pool_t *pool)
{
    bks_rows_t *rows;
    int has;

    BKS_TRY(bks_db_query(&rows, conn, FIND_VERSION, BKS_NO_ARGS, pool));
    BKS_TRY(bks_rows_next(rows, &has));
    *version = bks_rows_int(rows, 0);
    bks_rows_end(rows);
    return BKS_FINE;
}

static const bks_error_t *version_read(bks_conn_t *conn, void *baton, apr_pool_t *pool)
{
    return version_load(conn, baton, pool);
}

/* One step, unless another process was faster. */
static const bks_error_t *step_run(bks_conn_t *conn, void *baton, apr_pool_t *pool)
{
    const bks_migration_t *step = *(const bks_migration_t **)baton;
    apr_int64_t version = 0;

    BKS_TRY(version_load(conn, &version, pool));
    if (version >= step->number) {
        return BKS_FINE;
    }
    BKS_TRY(bks_db_script(conn, step->sql));
    return bks_db_exec(conn, INSERT_VERSION, BKS_ARGS(bks_arg_int(step->number), bks_arg_text(step->name)), NULL);
}

static const bks_error_t *list_check(const bks_migration_t *list, int count, apr_pool_t *pool)
{
    for (int i = 0; i < count; i++) {
        if (list[i].number != i + 1) {
            return bks_error_make(BKS_ERROR_INTERNAL, "database_error", APR_SUCCESS, pool,
                                  "migration %d (%s) stands where number %d belongs", list[i].number, list[i].name, i + 1);
        }
    }
    return BKS_FINE;
}

const bks_error_t *bks_migrate(bks_db_t *db, const bks_migration_t *list, int count, apr_pool_t *pool)
{
    apr_int64_t version = 0;

    BKS_TRY(list_check(list, count, pool));
    BKS_TRY(bks_db_write(db, NULL, version_table_make, NULL, pool));
    BKS_TRY(bks_db_read(db, NULL, version_read, &version, pool));
    if (version > count) {
        return bks_error_make(BKS_ERROR_CONFIG, "database_newer", APR_SUCCESS, pool,
                              "the database is of version %" APR_INT64_T_FMT ", and this module knows versions up to %d: "
                              "install the newer mod_bookshop again, or restore a backup made before the upgrade",
                              version, count);
    }
    for (const bks_migration_t *step = list + version; step < list + count; step++) {
        const bks_error_t *error = bks_db_write(db, NULL, step_run, &step, pool);

        if (error) {
            return bks_error_wrap(error, pool, "migration %d (%s)", step->number, step->name);
        }
    }
    return BKS_FINE;
}
