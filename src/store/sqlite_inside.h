/* What the two files that know sqlite3.h share: the inside of a connection.
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef BKS_STORE_SQLITE_INSIDE_H
#define BKS_STORE_SQLITE_INSIDE_H

#include <sqlite3.h>

#include "store/sqlite.h"

typedef struct bks_sqlite_statement_t bks_sqlite_statement_t; /* a prepared statement, kept for the next time */

enum { BKS_SQLITE_BUCKETS = 64 };

struct bks_sqlite_conn_t {
    bks_conn_t base;
    sqlite3 *handle;
    apr_pool_t *pool; /* errors are made here: the scratch pool of the owner, or the job's */
    bks_sqlite_role_t role;
    int wait_ms;
    int is_begun;  /* between begin and commit or rollback */
    int is_broken; /* see bks_sqlite_is_broken */
    bks_sqlite_statement_t *statements[BKS_SQLITE_BUCKETS]; /* by the address of their text */
    bks_sqlite_statement_t *reading;                        /* those whose rows are being read */
};

/* The error for the result RC of CONN's last call; WHAT says what was tried (a statement's text). */
const bks_error_t *bks_sqlite_error(bks_sqlite_conn_t *conn, int rc, const char *what);

/* Runs a statement of our own that needs no transaction around it (BEGIN, SAVEPOINT, ...). */
const bks_error_t *bks_sqlite_control(bks_sqlite_conn_t *conn, const char *sql);

/* Resets each statement whose rows are being read; finalizes all of them. */
void bks_sqlite_statements_reset(bks_sqlite_conn_t *conn);
void bks_sqlite_statements_close(bks_sqlite_conn_t *conn);

#endif
