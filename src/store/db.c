/* The port to a database: picks the driver by its url and hands each call to it.
 * SPDX-License-Identifier: Apache-2.0 */
#include "store/db.h"

#include <string.h>
#include <time.h>

#include "store/db_driver.h"

struct bks_db_t {
    const bks_db_driver_t *driver;
    void *store;
};

static const bks_db_driver_t *const DRIVERS[] = {&bks_db_driver_sqlite};

apr_time_t bks_db_ticks(void)
{
    struct timespec now;

    clock_gettime(CLOCK_MONOTONIC, &now);
    return (apr_time_t)now.tv_sec * APR_USEC_PER_SEC + now.tv_nsec / 1000;
}

/* The driver for URL, and where its address begins; NULL: there is none. */
static const bks_db_driver_t *driver_find(const char *url, const char **address)
{
    for (size_t i = 0; i < sizeof(DRIVERS) / sizeof(DRIVERS[0]); i++) {
        const size_t length = strlen(DRIVERS[i]->scheme);

        if (strncmp(url, DRIVERS[i]->scheme, length) == 0 && url[length] == ':') {
            *address = url + length + 1;
            return DRIVERS[i];
        }
    }
    return NULL;
}

const bks_error_t *bks_db_open(bks_db_t **db, const bks_db_options_t *options, apr_pool_t *pool)
{
    bks_db_t *made = apr_pcalloc(pool, sizeof(*made));
    const char *address = NULL;

    if (!options->url || !(made->driver = driver_find(options->url, &address))) {
        /* the url is not repeated: one of another database may hold a password */
        return bks_error_make(BKS_ERROR_CONFIG, "database_config", APR_SUCCESS, pool,
                              "no such kind of database; give sqlite:/absolute/path");
    }
    if (options->readers < 1 || options->wait_ms < 1) {
        return bks_error_make(BKS_ERROR_CONFIG, "database_config", APR_SUCCESS, pool,
                              "the database needs one reader and a millisecond to wait at least");
    }
    BKS_TRY(made->driver->open(&made->store, address, options, pool));
    *db = made;
    return BKS_FINE;
}

const bks_error_t *bks_db_read(bks_db_t *db, bks_timing_t *timing, bks_db_work_fn *work, void *baton, apr_pool_t *pool)
{
    const apr_time_t start = bks_db_ticks();
    const bks_error_t *error = db->driver->read(db->store, work, baton, pool);

    if (timing) {
        timing->db += bks_db_ticks() - start;
    }
    return error;
}

const bks_error_t *bks_db_write(bks_db_t *db, bks_timing_t *timing, bks_db_work_fn *work, void *baton, apr_pool_t *pool)
{
    const apr_time_t start = bks_db_ticks();
    const bks_error_t *error = db->driver->write(db->store, work, baton, pool);

    if (timing) {
        timing->db += bks_db_ticks() - start;
    }
    return error;
}

void bks_db_write_later(bks_db_t *db, bks_db_work_fn *work, void *baton, apr_pool_t *pool)
{
    db->driver->write_later(db->store, work, baton, pool);
}

apr_pool_t *bks_db_later_pool_make(void)
{
    apr_pool_t *pool = NULL;

    return apr_pool_create_unmanaged_ex(&pool, NULL, NULL) == APR_SUCCESS ? pool : NULL;
}

bks_arg_t bks_arg_int(apr_int64_t number)
{
    return (bks_arg_t){.kind = BKS_ARG_INT, .number = number};
}

bks_arg_t bks_arg_text(const char *text)
{
    if (!text) {
        return (bks_arg_t){.kind = BKS_ARG_NULL};
    }
    return (bks_arg_t){.kind = BKS_ARG_TEXT, .bytes = text, .length = strlen(text)};
}

bks_arg_t bks_arg_blob(const void *bytes, apr_size_t length)
{
    if (!bytes) {
        return (bks_arg_t){.kind = BKS_ARG_NULL};
    }
    return (bks_arg_t){.kind = BKS_ARG_BLOB, .bytes = bytes, .length = length};
}

const bks_error_t *bks_db_exec(bks_conn_t *conn, const char *sql, const bks_arg_t *args, int count, apr_int64_t *changed)
{
    return conn->driver->exec(conn, sql, args, count, changed);
}

const bks_error_t *bks_db_query(bks_rows_t **rows, bks_conn_t *conn, const char *sql, const bks_arg_t *args, int count,
                                apr_pool_t *pool)
{
    return conn->driver->query(rows, conn, sql, args, count, pool);
}

const bks_error_t *bks_db_script(bks_conn_t *conn, const char *sql)
{
    return conn->driver->script(conn, sql);
}

const bks_error_t *bks_rows_next(bks_rows_t *rows, int *has)
{
    return rows->driver->next(rows, has);
}

void bks_rows_end(bks_rows_t *rows)
{
    rows->driver->end(rows);
}

apr_int64_t bks_rows_int(const bks_rows_t *rows, int i)
{
    return rows->driver->get_int(rows, i);
}

const char *bks_rows_text(const bks_rows_t *rows, int i, apr_pool_t *pool)
{
    return rows->driver->get_text(rows, i, pool);
}

const unsigned char *bks_rows_blob(const bks_rows_t *rows, int i, apr_size_t *length, apr_pool_t *pool)
{
    return rows->driver->get_blob(rows, i, length, pool);
}

int bks_rows_is_null(const bks_rows_t *rows, int i)
{
    return rows->driver->is_null(rows, i);
}
