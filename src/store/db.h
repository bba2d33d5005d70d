/* The port to a database: connections, transactions, statements. Everything that differs between databases stays
 * behind it (sqlite.c now; a PostgreSQL driver is a second table of functions).
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef BKS_STORE_DB_H
#define BKS_STORE_DB_H

#include <apr_pools.h>

#include "base/clock.h"
#include "base/error.h"
#include "base/log.h"

typedef struct bks_db_t bks_db_t;     /* a process's database: readers, the writer, their limits */
typedef struct bks_conn_t bks_conn_t; /* one connection, inside a transaction */
typedef struct bks_rows_t bks_rows_t; /* the answer of a query, read row by row */

/* What keeps the writers of several processes apart (httpd's `Mutex bookshop-write`); NULL functions: nothing does. */
typedef struct {
    apr_status_t (*lock)(void *baton);
    apr_status_t (*unlock)(void *baton);
    void *baton;
} bks_write_lock_t;

typedef struct {
    const char *url;              /* "sqlite:/absolute/path" */
    int readers;                  /* most reading connections at once in this process, >= 1 */
    int wait_ms;                  /* longest wait for a connection or a lock of the database before UNAVAILABLE */
    int writer_thread;            /* true: writes that wait for another are committed together by a thread of their own;
                                     false (a process without threads): each write commits in the caller */
    int create;                   /* true: make the file if it is missing (start-up alone); false: a missing file is an error */
    bks_write_lock_t write_lock;
    bks_log_t log;
} bks_db_options_t;

/* Opens the database for this process, never before a fork. Everything lives as long as POOL, whose cleanup finishes what
 * waits, stops the writer thread and closes; no other thread may begin a call from then on. Without a writer thread the cleanup may run in a signal handler, as under
 * prefork: work that it interrupts is left to the end of the process, and undone. Fails as CONFIG "database_config" (bad
 * url), UNAVAILABLE "database_unavailable" (missing, can't be opened or written, a symbolic link, not a database). */
const bks_error_t *bks_db_open(bks_db_t **db, const bks_db_options_t *options, apr_pool_t *pool);

/* The work of one transaction. It may run on another thread when the database has a writer thread, so it keeps to CONN,
 * BATON and POOL (the caller's), and begins no write of its own (INTERNAL). It may run again after a conflict; what it
 * stores in BATON it sets anew each time. */
typedef const bks_error_t *bks_db_work_fn(bks_conn_t *conn, void *baton, apr_pool_t *pool);

/* Runs WORK in a read transaction: one consistent view. TIMING (may be NULL) learns the time spent. */
const bks_error_t *bks_db_read(bks_db_t *db, bks_timing_t *timing, bks_db_work_fn *work, void *baton, apr_pool_t *pool);

/* Runs WORK in a write transaction and returns when it is durable. An error of WORK rolls back its changes alone; an
 * error at commit fails every job of the group. The caller is never left before its job is over. */
const bks_error_t *bks_db_write(bks_db_t *db, bks_timing_t *timing, bks_db_work_fn *work, void *baton, apr_pool_t *pool);

/* Runs WORK in a write transaction soon (within a few milliseconds), beside the next one that somebody waits for: for what can be
 * done again if the process dies before. POOL is given away: it holds BATON, is of bks_db_later_pool_make, and is
 * destroyed afterwards. An error is logged. Without a writer thread it is done at once. */
void bks_db_write_later(bks_db_t *db, bks_db_work_fn *work, void *baton, apr_pool_t *pool);

/* A pool for bks_db_write_later, with an allocator of its own; NULL when there is no memory. */
apr_pool_t *bks_db_later_pool_make(void);

/* A parameter of a statement. */
typedef struct {
    enum { BKS_ARG_NULL, BKS_ARG_INT, BKS_ARG_TEXT, BKS_ARG_BLOB } kind;
    apr_int64_t number;
    const void *bytes;
    apr_size_t length;
} bks_arg_t;

bks_arg_t bks_arg_int(apr_int64_t number);
bks_arg_t bks_arg_text(const char *text);                          /* NULL: SQL NULL */
bks_arg_t bks_arg_blob(const void *bytes, apr_size_t length);      /* NULL: SQL NULL */

/* The arguments of a statement: BKS_ARGS(bks_arg_text(id), bks_arg_int(3)); BKS_NO_ARGS where there are none. */
#define BKS_ARGS(...) (const bks_arg_t[]){__VA_ARGS__}, (int)(sizeof((const bks_arg_t[]){__VA_ARGS__}) / sizeof(bks_arg_t))
#define BKS_NO_ARGS NULL, 0

/* Runs a statement that answers no rows. SQL is one statement, a literal or of static storage (it is prepared once per
 * connection and found again by its address); its parameters are $1, $2, ... and COUNT is the highest of them. CHANGED
 * (may be NULL) gets the number of rows changed. A broken UNIQUE, CHECK, NOT NULL or foreign key is CONFLICT
 * "database_constraint"; a lock that does not come is UNAVAILABLE "database_busy"; a full or failing disk is UNAVAILABLE
 * "database_unavailable"; a statement that is wrong, or writes while reading, is INTERNAL "database_error". */
const bks_error_t *bks_db_exec(bks_conn_t *conn, const char *sql, const bks_arg_t *args, int count, apr_int64_t *changed);

/* Runs a query. Rows are read with bks_rows_next until it says there are no more; they end with the transaction, and a
 * statement that is still being read can be run a second time beside it. ROWS is POOL's; the errors of this and of all
 * functions that take no pool are of the pool that the transaction's work was handed. */
const bks_error_t *bks_db_query(bks_rows_t **rows, bks_conn_t *conn, const char *sql, const bks_arg_t *args, int count,
                                apr_pool_t *pool);

/* Steps to the next row; HAS gets whether there is one. After "no", or after bks_rows_end, the statement is free again. */
const bks_error_t *bks_rows_next(bks_rows_t *rows, int *has);
void bks_rows_end(bks_rows_t *rows);

/* Column I (from 0) of the row at hand. Text and blobs are copied to POOL; NULL for SQL NULL, for which the number is 0,
 * and when no row is at hand. An empty blob is not NULL. */
apr_int64_t bks_rows_int(const bks_rows_t *rows, int i);
const char *bks_rows_text(const bks_rows_t *rows, int i, apr_pool_t *pool);
const unsigned char *bks_rows_blob(const bks_rows_t *rows, int i, apr_size_t *length, apr_pool_t *pool);
int bks_rows_is_null(const bks_rows_t *rows, int i);

/* Stands behind a CREATE TABLE's closing parenthesis: the rows are kept in the primary key's own tree, where the database
 * can do that. It halves what a commit has to write for a table with a random key. */
#define BKS_DB_CLUSTERED "/* clustered */"

/* Runs a script of several statements without parameters (migrations). It holds no BEGIN or COMMIT. */
const bks_error_t *bks_db_script(bks_conn_t *conn, const char *sql);

#endif
