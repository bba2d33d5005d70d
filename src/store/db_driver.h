/* What a database driver gives to the port (db.c): one table of functions, found by the url's scheme.
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef BKS_STORE_DB_DRIVER_H
#define BKS_STORE_DB_DRIVER_H

#include "store/db.h"

/* Each function keeps the promise of its namesake in db.h. STORE is what open gave. */
typedef struct {
    const char *scheme; /* of the url, without the colon */
    /* ADDRESS is the url after the scheme and its colon. */
    const bks_error_t *(*open)(void **store, const char *address, const bks_db_options_t *options, apr_pool_t *pool);
    const bks_error_t *(*read)(void *store, bks_db_work_fn *work, void *baton, apr_pool_t *pool);
    const bks_error_t *(*write)(void *store, bks_db_work_fn *work, void *baton, apr_pool_t *pool);
    void (*write_later)(void *store, bks_db_work_fn *work, void *baton, apr_pool_t *pool);
    const bks_error_t *(*exec)(bks_conn_t *conn, const char *sql, const bks_arg_t *args, int count, apr_int64_t *changed);
    const bks_error_t *(*query)(bks_rows_t **rows, bks_conn_t *conn, const char *sql, const bks_arg_t *args, int count,
                                apr_pool_t *pool);
    const bks_error_t *(*script)(bks_conn_t *conn, const char *sql);
    const bks_error_t *(*next)(bks_rows_t *rows, int *has);
    void (*end)(bks_rows_t *rows);
    apr_int64_t (*get_int)(const bks_rows_t *rows, int i);
    const char *(*get_text)(const bks_rows_t *rows, int i, apr_pool_t *pool);
    const unsigned char *(*get_blob)(const bks_rows_t *rows, int i, apr_size_t *length, apr_pool_t *pool);
    int (*is_null)(const bks_rows_t *rows, int i);
} bks_db_driver_t;

extern const bks_db_driver_t bks_db_driver_sqlite;

/* A driver's own connections and rows begin with these. */
struct bks_conn_t {
    const bks_db_driver_t *driver;
};
struct bks_rows_t {
    const bks_db_driver_t *driver;
};

/* Microseconds of a clock that runs evenly and that nobody sets: for measuring and for limits, not a date. */
apr_time_t bks_db_ticks(void);

#endif
