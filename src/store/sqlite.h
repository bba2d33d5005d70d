/* The parts of the SQLite driver to each other: a connection and its transactions, the readers, the writer.
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef BKS_STORE_SQLITE_H
#define BKS_STORE_SQLITE_H

#include "store/db_driver.h"

/* Where the database is, and how patient its users are. */
typedef struct {
    const char *path; /* absolute, its directory free of symbolic links */
    int wait_ms;
    bks_log_t log;
} bks_sqlite_place_t;

typedef enum { BKS_SQLITE_READER, BKS_SQLITE_WRITER } bks_sqlite_role_t;

/* One connection, used by one thread at a time. It begins with a bks_conn_t. */
typedef struct bks_sqlite_conn_t bks_sqlite_conn_t;

/* --- sqlite.c: a connection and its transactions. Errors are made in the POOL last lent to the connection. --- */

/* Opens PLACE, which has to exist, and sets it up: WAL, synchronous FULL, foreign keys on, each read back. */
const bks_error_t *bks_sqlite_open(bks_sqlite_conn_t **conn, const bks_sqlite_place_t *place, bks_sqlite_role_t role,
                                   apr_pool_t *pool);
void bks_sqlite_close(bks_sqlite_conn_t *conn);
bks_conn_t *bks_sqlite_base(bks_sqlite_conn_t *conn);

/* Takes back the statements of the job before, and makes errors in POOL from now on. */
void bks_sqlite_lend(bks_sqlite_conn_t *conn, apr_pool_t *pool);

/* Begins to read, or to write after at most WAIT_MS for the lock. UNAVAILABLE also if the file is no longer at its path. */
const bks_error_t *bks_sqlite_begin(bks_sqlite_conn_t *conn, int wait_ms, apr_pool_t *pool);
const bks_error_t *bks_sqlite_commit(bks_sqlite_conn_t *conn);
void bks_sqlite_rollback(bks_sqlite_conn_t *conn); /* harmless where nothing is to be rolled back */

/* A part of a write transaction that is kept or undone by itself. The check is CONFLICT if a deferred foreign key is
 * broken so far. */
const bks_error_t *bks_sqlite_part_begin(bks_sqlite_conn_t *conn);
const bks_error_t *bks_sqlite_part_check(bks_sqlite_conn_t *conn);
const bks_error_t *bks_sqlite_part_end(bks_sqlite_conn_t *conn, int keep);

/* Whether the transaction is still there: SQLite rolls it back by itself when the disk fails. */
int bks_sqlite_is_in_tx(const bks_sqlite_conn_t *conn);

/* Whether an error of the file or the disk came over the connection, so that a new one should take its place. */
int bks_sqlite_is_broken(const bks_sqlite_conn_t *conn);

/* Whether ERROR is a lock that did not come. */
int bks_sqlite_is_busy(const bks_error_t *error);

/* The error of a lock or a connection that did not come, from POOL; STATUS may be APR_SUCCESS. */
const bks_error_t *bks_sqlite_busy_make(apr_status_t status, apr_pool_t *pool, const char *what);

/* --- sqlite_rows.c: statements and rows, each the driver's function of that name. --- */

const bks_error_t *bks_sqlite_exec(bks_conn_t *base, const char *sql, const bks_arg_t *args, int count,
                                   apr_int64_t *changed);
const bks_error_t *bks_sqlite_query(bks_rows_t **rows, bks_conn_t *base, const char *sql, const bks_arg_t *args, int count,
                                    apr_pool_t *pool);
const bks_error_t *bks_sqlite_script(bks_conn_t *base, const char *sql);
const bks_error_t *bks_sqlite_next(bks_rows_t *base, int *has);
void bks_sqlite_end(bks_rows_t *base);
apr_int64_t bks_sqlite_int(const bks_rows_t *base, int i);
const char *bks_sqlite_text(const bks_rows_t *base, int i, apr_pool_t *pool);
const unsigned char *bks_sqlite_blob(const bks_rows_t *base, int i, apr_size_t *length, apr_pool_t *pool);
int bks_sqlite_is_null(const bks_rows_t *base, int i);

/* --- sqlite_readers.c: a few connections for reading, lent one at a time. --- */

typedef struct bks_sqlite_readers_t bks_sqlite_readers_t;
const bks_error_t *bks_sqlite_readers_make(bks_sqlite_readers_t **readers, const bks_sqlite_place_t *place, int most,
                                           apr_pool_t *pool);
const bks_error_t *bks_sqlite_readers_run(bks_sqlite_readers_t *readers, bks_db_work_fn *work, void *baton,
                                          apr_pool_t *pool);
/* Closes those that are not at work. */
void bks_sqlite_readers_close(bks_sqlite_readers_t *readers);

/* --- sqlite_writer.c: the one connection for writing, and those who wait for it. --- */

typedef struct bks_sqlite_writer_t bks_sqlite_writer_t;
const bks_error_t *bks_sqlite_writer_make(bks_sqlite_writer_t **writer, const bks_sqlite_place_t *place,
                                          const bks_write_lock_t *lock, int with_thread, apr_pool_t *pool);
const bks_error_t *bks_sqlite_writer_run(bks_sqlite_writer_t *writer, bks_db_work_fn *work, void *baton, apr_pool_t *pool);
/* Finishes what waits, stops the thread and closes. */
void bks_sqlite_writer_run_later(bks_sqlite_writer_t *writer, bks_db_work_fn *work, void *baton, apr_pool_t *pool);
void bks_sqlite_writer_close(bks_sqlite_writer_t *writer);

#endif
