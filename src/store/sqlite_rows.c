/* Statements of the SQLite driver: prepared once per connection, bound, run, and their rows.
 * SPDX-License-Identifier: Apache-2.0 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <apr_strings.h>

#include "store/sqlite_inside.h"

struct bks_sqlite_statement_t {
    const char *sql; /* its address is the key */
    sqlite3_stmt *handle;
    int highest;         /* the number of its highest parameter */
    int is_reading;      /* its rows are being read: it can't be run now */
    unsigned long turn;  /* counts its runs, so that old rows know that they are over */
    bks_sqlite_statement_t *next;         /* in its bucket */
    bks_sqlite_statement_t *next_reading; /* in conn->reading, valid while is_reading */
};

typedef struct {
    bks_rows_t base;
    bks_sqlite_conn_t *conn;
    bks_sqlite_statement_t *statement;
    unsigned long turn;
    int at_row;
} rows_t;

/* Whether bound values have to be copied: a query is stepped after its arguments may be gone. */
typedef enum { BORROW, COPY } binding_t;

/* The number N of the parameter $N at place INDEX; 0: it is called something else. */
static int parameter_number(sqlite3_stmt *handle, int index)
{
    const char *name = sqlite3_bind_parameter_name(handle, index);
    char *end;
    long number;

    if (!name || name[0] != '$') {
        return 0;
    }
    number = strtol(name + 1, &end, 10);
    return *end == '\0' && number > 0 && number < 1000 ? (int)number : 0;
}

/* The highest parameter of HANDLE; -1: one of them is not $1, $2, ... */
static int parameter_highest(sqlite3_stmt *handle)
{
    int highest = 0;

    for (int index = 1; index <= sqlite3_bind_parameter_count(handle); index++) {
        const int number = parameter_number(handle, index);

        if (number == 0) {
            return -1;
        }
        highest = number > highest ? number : highest;
    }
    return highest;
}

static const bks_error_t *misuse(bks_sqlite_conn_t *conn, const char *why, const char *sql)
{
    return bks_error_make(BKS_ERROR_INTERNAL, "database_error", APR_SUCCESS, conn->pool, "%s: %.200s", why, sql);
}

static const bks_error_t *prepare(sqlite3_stmt **out, bks_sqlite_conn_t *conn, const char *sql)
{
    const char *tail = NULL;
    sqlite3_stmt *handle = NULL;
    const int rc = sqlite3_prepare_v3(conn->handle, sql, -1, SQLITE_PREPARE_PERSISTENT, &handle, &tail);
    const char *wrong = NULL;

    if (rc != SQLITE_OK) {
        return bks_sqlite_error(conn, rc, sql);
    }
    if (!handle) {
        return misuse(conn, "no statement", sql);
    }
    if (tail[strspn(tail, " \t\r\n;")] != '\0') {
        wrong = "more than one statement";
    }
    else if (parameter_highest(handle) < 0) {
        wrong = "a parameter that is not $1, $2, ...";
    }
    if (wrong) {
        sqlite3_finalize(handle);
        return misuse(conn, wrong, sql);
    }
    *out = handle;
    return BKS_FINE;
}

static bks_sqlite_statement_t **bucket(bks_sqlite_conn_t *conn, const char *sql)
{
    return &conn->statements[((uintptr_t)sql >> 4) % BKS_SQLITE_BUCKETS];
}

static const bks_error_t *statement_make(bks_sqlite_statement_t **out, bks_sqlite_conn_t *conn, const char *sql)
{
    bks_sqlite_statement_t **place = bucket(conn, sql);
    bks_sqlite_statement_t *statement = NULL;
    sqlite3_stmt *handle = NULL;

    BKS_TRY(prepare(&handle, conn, sql));
    if (!(statement = calloc(1, sizeof(*statement)))) {
        sqlite3_finalize(handle);
        return bks_sqlite_error(conn, SQLITE_NOMEM, sql);
    }
    statement->sql = sql;
    statement->handle = handle;
    statement->highest = parameter_highest(handle);
    statement->next = *place;
    *place = statement;
    *out = statement;
    return BKS_FINE;
}

/* The statement of this text that is not being read, prepared now if there is none. The text is compared too: an address
 * may be used again for another. */
static const bks_error_t *statement_find(bks_sqlite_statement_t **out, bks_sqlite_conn_t *conn, const char *sql)
{
    for (bks_sqlite_statement_t *s = *bucket(conn, sql); s; s = s->next) {
        if (s->sql == sql && !s->is_reading && strcmp(sqlite3_sql(s->handle), sql) == 0) {
            *out = s;
            return BKS_FINE;
        }
    }
    return statement_make(out, conn, sql);
}

static int bind_one(sqlite3_stmt *handle, int index, const bks_arg_t *arg, binding_t binding)
{
    const sqlite3_destructor_type keep = binding == COPY ? SQLITE_TRANSIENT : SQLITE_STATIC;

    switch (arg->kind) {
    case BKS_ARG_NULL:
        return sqlite3_bind_null(handle, index);
    case BKS_ARG_INT:
        return sqlite3_bind_int64(handle, index, arg->number);
    case BKS_ARG_TEXT:
        return sqlite3_bind_text64(handle, index, arg->bytes, arg->length, keep, SQLITE_UTF8);
    case BKS_ARG_BLOB:
        return arg->length == 0 ? sqlite3_bind_zeroblob(handle, index, 0)
                                : sqlite3_bind_blob64(handle, index, arg->bytes, arg->length, keep);
    }
    return SQLITE_MISUSE;
}

/* SQLite numbers $2 as 1 if it comes first, hence the way by the name. */
static const bks_error_t *bind_all(bks_sqlite_conn_t *conn, const bks_sqlite_statement_t *statement,
                                   const bks_arg_t *args, int count, binding_t binding)
{
    if (statement->highest != count) {
        return misuse(conn, "the arguments are not as many as the parameters", statement->sql);
    }
    for (int index = 1; index <= sqlite3_bind_parameter_count(statement->handle); index++) {
        const int number = parameter_number(statement->handle, index);
        const int rc = bind_one(statement->handle, index, &args[number - 1], binding);

        if (rc != SQLITE_OK) {
            sqlite3_clear_bindings(statement->handle);
            return bks_sqlite_error(conn, rc, statement->sql);
        }
    }
    return BKS_FINE;
}

static void statement_reset(const bks_sqlite_statement_t *statement)
{
    sqlite3_reset(statement->handle); /* its result is that of the step before, which has been looked at */
    sqlite3_clear_bindings(statement->handle);
}

static const bks_error_t *run(bks_sqlite_conn_t *conn, const char *sql, const bks_arg_t *args, int count,
                              apr_int64_t *changed)
{
    const bks_error_t *error = BKS_FINE;
    bks_sqlite_statement_t *statement = NULL;
    int rc;

    BKS_TRY(statement_find(&statement, conn, sql));
    BKS_TRY(bind_all(conn, statement, args, count, BORROW));
    rc = sqlite3_step(statement->handle);
    if (rc == SQLITE_ROW) {
        error = misuse(conn, "a statement that answers rows, run as one that does not", sql);
    }
    else if (rc != SQLITE_DONE) {
        error = bks_sqlite_error(conn, rc, sql);
    }
    else if (changed) {
        *changed = sqlite3_stmt_readonly(statement->handle) ? 0 : sqlite3_changes64(conn->handle);
    }
    statement_reset(statement);
    return error;
}

const bks_error_t *bks_sqlite_control(bks_sqlite_conn_t *conn, const char *sql)
{
    return run(conn, sql, BKS_NO_ARGS, NULL);
}

/* Outside a transaction each statement would commit by itself: so it would after SQLite has rolled back because of a
 * full disk, and so would a connection that was kept after its job. */
static const bks_error_t *guard(bks_sqlite_conn_t *conn)
{
    if (!bks_sqlite_is_in_tx(conn)) {
        return bks_error_make(BKS_ERROR_UNAVAILABLE, "database_unavailable", APR_SUCCESS, conn->pool,
                              "the transaction is over");
    }
    return BKS_FINE;
}

const bks_error_t *bks_sqlite_exec(bks_conn_t *base, const char *sql, const bks_arg_t *args, int count,
                                   apr_int64_t *changed)
{
    bks_sqlite_conn_t *conn = (bks_sqlite_conn_t *)base;

    BKS_TRY(guard(conn));
    return run(conn, sql, args, count, changed);
}

/* SQL with SQLite's own words where the script says BKS_DB_CLUSTERED. */
static const char *in_own_words(const char *sql, apr_pool_t *pool)
{
    static const char words[] = "WITHOUT ROWID  "; /* as long as what it replaces */
    char *own = apr_pstrdup(pool, sql);

    _Static_assert(sizeof(words) == sizeof(BKS_DB_CLUSTERED), "replaced in place");
    for (char *at = strstr(own, BKS_DB_CLUSTERED); at; at = strstr(at, BKS_DB_CLUSTERED)) {
        memcpy(at, words, sizeof(words) - 1);
    }
    return own;
}

const bks_error_t *bks_sqlite_script(bks_conn_t *base, const char *sql)
{
    bks_sqlite_conn_t *conn = (bks_sqlite_conn_t *)base;
    int rc;

    BKS_TRY(guard(conn));
    rc = sqlite3_exec(conn->handle, in_own_words(sql, conn->pool), NULL, NULL, NULL);
    return rc == SQLITE_OK ? BKS_FINE : bks_sqlite_error(conn, rc, sql);
}

const bks_error_t *bks_sqlite_query(bks_rows_t **out, bks_conn_t *base, const char *sql, const bks_arg_t *args, int count,
                                    apr_pool_t *pool)
{
    bks_sqlite_conn_t *conn = (bks_sqlite_conn_t *)base;
    bks_sqlite_statement_t *statement = NULL;
    rows_t *rows;

    BKS_TRY(guard(conn));
    BKS_TRY(statement_find(&statement, conn, sql));
    BKS_TRY(bind_all(conn, statement, args, count, COPY));
    statement->is_reading = 1;
    statement->turn++;
    statement->next_reading = conn->reading;
    conn->reading = statement;

    rows = apr_pcalloc(pool, sizeof(*rows));
    rows->base.driver = &bks_db_driver_sqlite;
    rows->conn = conn;
    rows->statement = statement;
    rows->turn = statement->turn;
    *out = &rows->base;
    return BKS_FINE;
}

static int rows_are_open(const rows_t *rows)
{
    return rows->statement->is_reading && rows->statement->turn == rows->turn;
}

const bks_error_t *bks_sqlite_next(bks_rows_t *base, int *has)
{
    rows_t *rows = (rows_t *)base;
    const bks_error_t *error = BKS_FINE;
    int rc;

    *has = rows->at_row = 0;
    if (!rows_are_open(rows)) {
        return BKS_FINE;
    }
    rc = sqlite3_step(rows->statement->handle);
    if (rc == SQLITE_ROW) {
        *has = rows->at_row = 1;
        return BKS_FINE;
    }
    if (rc != SQLITE_DONE) {
        error = bks_sqlite_error(rows->conn, rc, rows->statement->sql);
    }
    bks_sqlite_end(base);
    return error;
}

void bks_sqlite_end(bks_rows_t *base)
{
    rows_t *rows = (rows_t *)base;
    bks_sqlite_statement_t **link = &rows->conn->reading;

    rows->at_row = 0;
    if (!rows_are_open(rows)) {
        return;
    }
    while (*link != rows->statement) {
        link = &(*link)->next_reading;
    }
    *link = rows->statement->next_reading;
    rows->statement->is_reading = 0;
    statement_reset(rows->statement);
}

void bks_sqlite_statements_reset(bks_sqlite_conn_t *conn)
{
    for (; conn->reading; conn->reading = conn->reading->next_reading) {
        conn->reading->is_reading = 0;
        statement_reset(conn->reading);
    }
}

void bks_sqlite_statements_close(bks_sqlite_conn_t *conn)
{
    for (int i = 0; i < BKS_SQLITE_BUCKETS; i++) {
        while (conn->statements[i]) {
            bks_sqlite_statement_t *statement = conn->statements[i];

            conn->statements[i] = statement->next;
            sqlite3_finalize(statement->handle);
            free(statement);
        }
    }
    conn->reading = NULL;
}

/* The handle to read column I from; NULL: no row is at hand. */
static sqlite3_stmt *row(const bks_rows_t *base)
{
    const rows_t *rows = (const rows_t *)base;

    return rows->at_row && rows_are_open(rows) ? rows->statement->handle : NULL;
}

int bks_sqlite_is_null(const bks_rows_t *base, int i)
{
    return !row(base) || sqlite3_column_type(row(base), i) == SQLITE_NULL;
}

apr_int64_t bks_sqlite_int(const bks_rows_t *base, int i)
{
    return row(base) ? sqlite3_column_int64(row(base), i) : 0;
}

const char *bks_sqlite_text(const bks_rows_t *base, int i, apr_pool_t *pool)
{
    const unsigned char *text = row(base) ? sqlite3_column_text(row(base), i) : NULL;

    return text ? apr_pstrmemdup(pool, (const char *)text, (apr_size_t)sqlite3_column_bytes(row(base), i)) : NULL;
}

const unsigned char *bks_sqlite_blob(const bks_rows_t *base, int i, apr_size_t *length, apr_pool_t *pool)
{
    const void *bytes;

    *length = 0;
    if (bks_sqlite_is_null(base, i)) {
        return NULL;
    }
    bytes = sqlite3_column_blob(row(base), i); /* NULL for an empty one, too */
    if (!bytes) {
        return (const unsigned char *)"";
    }
    *length = (apr_size_t)sqlite3_column_bytes(row(base), i);
    return apr_pmemdup(pool, bytes, *length);
}
