/* A connection of the SQLite driver: opening, transactions, and what SQLite's result codes mean to us.
 * SPDX-License-Identifier: Apache-2.0 */
#include <stdlib.h>
#include <string.h>

#include <apr_strings.h>

#include "store/sqlite_inside.h"

enum { SHOWN_SQL = 200 }; /* so much of a statement is repeated in an error */

static const char BUSY[] = "database_busy";

/* --- Errors --- */

static bks_error_kind_t error_kind(const bks_sqlite_conn_t *conn, int rc)
{
    switch (rc & 0xff) {
    case SQLITE_CONSTRAINT:
        return BKS_ERROR_CONFLICT;
    case SQLITE_READONLY: /* a reader that writes is a mistake of ours */
        return conn->role == BKS_SQLITE_READER ? BKS_ERROR_INTERNAL : BKS_ERROR_UNAVAILABLE;
    case SQLITE_BUSY:
    case SQLITE_LOCKED:
    case SQLITE_FULL:
    case SQLITE_IOERR:
    case SQLITE_CANTOPEN:
    case SQLITE_CORRUPT:
    case SQLITE_NOTADB:
    case SQLITE_PERM:
    case SQLITE_PROTOCOL:
    case SQLITE_NOMEM:
        return BKS_ERROR_UNAVAILABLE;
    default:
        return BKS_ERROR_INTERNAL;
    }
}

static const char *error_code(bks_error_kind_t kind, int rc)
{
    if (kind == BKS_ERROR_CONFLICT) {
        return "database_constraint";
    }
    if (kind != BKS_ERROR_UNAVAILABLE) {
        return "database_error";
    }
    return (rc & 0xff) == SQLITE_BUSY || (rc & 0xff) == SQLITE_LOCKED ? BUSY : "database_unavailable";
}

const bks_error_t *bks_sqlite_error(bks_sqlite_conn_t *conn, int rc, const char *what)
{
    const bks_error_kind_t kind = error_kind(conn, rc);
    const char *code = error_code(kind, rc);
    bks_error_t *error;

    error = bks_error_make(kind, code, sqlite3_system_errno(conn->handle), conn->pool, "%s (SQLite %d): %.*s",
                           sqlite3_errmsg(conn->handle), rc, SHOWN_SQL, what);
    if (kind == BKS_ERROR_UNAVAILABLE) {
        error->retry_after = 1;
        conn->is_broken |= code != BUSY;
    }
    else {
        error->status = APR_SUCCESS; /* an old errno has nothing to do with it */
    }
    return error;
}

int bks_sqlite_is_busy(const bks_error_t *error)
{
    return error && strcmp(error->code, BUSY) == 0;
}

const bks_error_t *bks_sqlite_busy_make(apr_status_t status, apr_pool_t *pool, const char *what)
{
    bks_error_t *error = bks_error_make(BKS_ERROR_UNAVAILABLE, BUSY, status, pool, "%s", what);

    error->retry_after = 1;
    return error;
}

/* --- Opening --- */

typedef struct {
    const char *set;
    const char *ask;
    const char *want;
    int readers_only;
} setting_t;

static const setting_t SETTINGS[] = {
    {"PRAGMA journal_mode=WAL", "PRAGMA journal_mode", "wal", 0},
    {"PRAGMA synchronous=FULL", "PRAGMA synchronous", "2", 0}, /* each commit is on the disk */
    {"PRAGMA foreign_keys=ON", "PRAGMA foreign_keys", "1", 0},
    {"PRAGMA wal_autocheckpoint=4000", "PRAGMA wal_autocheckpoint", "4000", 0}, /* pages: 16 MB of log at most, as a rule */
    {"PRAGMA temp_store=MEMORY", "PRAGMA temp_store", "2", 0},
    {"PRAGMA query_only=ON", "PRAGMA query_only", "1", 1},
};

/* Two processes that turn a new file to WAL at once make each other BUSY without SQLite's waiting. */
static int setting_set(bks_sqlite_conn_t *conn, const setting_t *setting)
{
    const apr_time_t deadline = bks_db_ticks() + apr_time_from_msec(conn->wait_ms);
    int rc;

    do {
        rc = sqlite3_exec(conn->handle, setting->set, NULL, NULL, NULL);
        if ((rc & 0xff) == SQLITE_BUSY) {
            sqlite3_sleep(2);
        }
    } while ((rc & 0xff) == SQLITE_BUSY && bks_db_ticks() < deadline);
    return rc;
}

static const bks_error_t *setting_check(bks_sqlite_conn_t *conn, const setting_t *setting)
{
    const bks_error_t *error = BKS_FINE;
    sqlite3_stmt *asked = NULL;
    int rc = sqlite3_prepare_v2(conn->handle, setting->ask, -1, &asked, NULL);

    if (rc != SQLITE_OK || (rc = sqlite3_step(asked)) != SQLITE_ROW) {
        error = bks_sqlite_error(conn, rc, setting->ask);
    }
    else if (strcmp((const char *)sqlite3_column_text(asked, 0), setting->want) != 0) {
        error = bks_error_make(BKS_ERROR_UNAVAILABLE, "database_unavailable", APR_SUCCESS, conn->pool,
                               "%s did not work: it is \"%s\"", setting->set, (const char *)sqlite3_column_text(asked, 0));
    }
    sqlite3_finalize(asked);
    return error;
}

static const bks_error_t *settings_make(bks_sqlite_conn_t *conn)
{
    for (size_t i = 0; i < sizeof(SETTINGS) / sizeof(SETTINGS[0]); i++) {
        int rc = SQLITE_OK;

        if (SETTINGS[i].readers_only && conn->role != BKS_SQLITE_READER) {
            continue;
        }
        rc = setting_set(conn, &SETTINGS[i]);
        if (rc != SQLITE_OK) {
            return bks_sqlite_error(conn, rc, SETTINGS[i].set);
        }
        BKS_TRY(setting_check(conn, &SETTINGS[i]));
    }
    return BKS_FINE;
}

/* What the database may not do, whatever stands in its file. */
static void limits_make(sqlite3 *handle)
{
    sqlite3_extended_result_codes(handle, 1);
    sqlite3_db_config(handle, SQLITE_DBCONFIG_DEFENSIVE, 1, NULL);
    sqlite3_db_config(handle, SQLITE_DBCONFIG_TRUSTED_SCHEMA, 0, NULL);
    sqlite3_db_config(handle, SQLITE_DBCONFIG_DQS_DML, 0, NULL); /* "text" in double quotes is a column or an error */
    sqlite3_db_config(handle, SQLITE_DBCONFIG_DQS_DDL, 0, NULL);
}

static const bks_error_t *file_open(bks_sqlite_conn_t *conn, const bks_sqlite_place_t *place)
{
    const int flags = SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOMUTEX | SQLITE_OPEN_NOFOLLOW | SQLITE_OPEN_PRIVATECACHE;
    int rc;

    if (!sqlite3_threadsafe()) {
        return bks_error_make(BKS_ERROR_CONFIG, "database_config", APR_SUCCESS, conn->pool,
                              "this libsqlite3 was built without threads; install one with");
    }
    rc = sqlite3_open_v2(place->path, &conn->handle, flags, NULL);
    if (rc != SQLITE_OK) {
        return bks_sqlite_error(conn, rc, place->path);
    }
    limits_make(conn->handle);
    sqlite3_busy_timeout(conn->handle, place->wait_ms);
    if (sqlite3_db_readonly(conn->handle, "main") != 0) { /* SQLite falls back to reading without a word */
        return bks_error_make(BKS_ERROR_UNAVAILABLE, "database_unavailable", APR_EACCES, conn->pool,
                              "%s can't be written", place->path);
    }
    return settings_make(conn);
}

const bks_error_t *bks_sqlite_open(bks_sqlite_conn_t **out, const bks_sqlite_place_t *place, bks_sqlite_role_t role,
                                   apr_pool_t *pool)
{
    bks_sqlite_conn_t *conn = calloc(1, sizeof(*conn)); /* no pool of ours may be used by two threads at once */
    const bks_error_t *error;

    if (!conn) {
        return bks_error_make(BKS_ERROR_UNAVAILABLE, "database_unavailable", APR_ENOMEM, pool, "no memory to open %s",
                              place->path);
    }
    conn->base.driver = &bks_db_driver_sqlite;
    conn->pool = pool;
    conn->role = role;
    conn->wait_ms = place->wait_ms;
    error = file_open(conn, place);
    if (error) {
        bks_sqlite_close(conn);
        return bks_error_wrap(error, pool, "can't open the database %s", place->path);
    }
    *out = conn;
    return BKS_FINE;
}

void bks_sqlite_close(bks_sqlite_conn_t *conn)
{
    bks_sqlite_statements_close(conn);
    sqlite3_close(conn->handle);
    free(conn);
}

bks_conn_t *bks_sqlite_base(bks_sqlite_conn_t *conn)
{
    return &conn->base;
}

/* --- Transactions --- */

void bks_sqlite_lend(bks_sqlite_conn_t *conn, apr_pool_t *pool)
{
    bks_sqlite_statements_reset(conn);
    conn->pool = pool;
}

int bks_sqlite_is_in_tx(const bks_sqlite_conn_t *conn)
{
    return conn->is_begun && !sqlite3_get_autocommit(conn->handle);
}

int bks_sqlite_is_broken(const bks_sqlite_conn_t *conn)
{
    return conn->is_broken;
}

/* What is committed to a file that was moved away or removed is lost to everybody else. */
static const bks_error_t *path_check(bks_sqlite_conn_t *conn)
{
    int has_moved = 0;

    sqlite3_file_control(conn->handle, "main", SQLITE_FCNTL_HAS_MOVED, &has_moved);
    if (!has_moved) {
        return BKS_FINE;
    }
    conn->is_broken = 1;
    return bks_error_make(BKS_ERROR_UNAVAILABLE, "database_unavailable", APR_ENOENT, conn->pool,
                          "the file of the database is no longer at its path");
}

const bks_error_t *bks_sqlite_begin(bks_sqlite_conn_t *conn, int wait_ms, apr_pool_t *pool)
{
    const int writes = conn->role == BKS_SQLITE_WRITER;

    bks_sqlite_lend(conn, pool);
    BKS_TRY(path_check(conn));
    sqlite3_busy_timeout(conn->handle, wait_ms);
    BKS_TRY(bks_sqlite_control(conn, writes ? "BEGIN IMMEDIATE" : "BEGIN"));
    conn->is_begun = 1;
    return BKS_FINE;
}

const bks_error_t *bks_sqlite_commit(bks_sqlite_conn_t *conn)
{
    bks_sqlite_statements_reset(conn);
    if (!bks_sqlite_is_in_tx(conn)) {
        return bks_error_make(BKS_ERROR_UNAVAILABLE, "database_unavailable", APR_SUCCESS, conn->pool,
                              "the transaction was rolled back");
    }
    BKS_TRY(bks_sqlite_control(conn, "COMMIT"));
    conn->is_begun = 0;
    return BKS_FINE;
}

void bks_sqlite_rollback(bks_sqlite_conn_t *conn)
{
    bks_sqlite_statements_reset(conn);
    conn->is_begun = 0;
    if (!sqlite3_get_autocommit(conn->handle) && bks_sqlite_control(conn, "ROLLBACK")) {
        conn->is_broken = 1; /* closing it rolls back */
    }
}

const bks_error_t *bks_sqlite_part_begin(bks_sqlite_conn_t *conn)
{
    return bks_sqlite_control(conn, "SAVEPOINT part");
}

/* A deferred key is checked by COMMIT, where it would take the jobs of others with it: asked here, it concerns one. */
const bks_error_t *bks_sqlite_part_check(bks_sqlite_conn_t *conn)
{
    int broken = 0, highest = 0;

    sqlite3_db_status(conn->handle, SQLITE_DBSTATUS_DEFERRED_FKS, &broken, &highest, 0);
    if (!broken) {
        return BKS_FINE;
    }
    return bks_error_make(BKS_ERROR_CONFLICT, "database_constraint", APR_SUCCESS, conn->pool,
                          "a foreign key that may wait for the end of the transaction is broken at its end");
}

const bks_error_t *bks_sqlite_part_end(bks_sqlite_conn_t *conn, int keep)
{
    if (!keep) {
        BKS_TRY(bks_sqlite_control(conn, "ROLLBACK TO part"));
    }
    return bks_sqlite_control(conn, "RELEASE part");
}
