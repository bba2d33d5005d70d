/* The database's port with SQLite: values, statements, rows, transactions, groups of writers, readers, closing.
 * SPDX-License-Identifier: Apache-2.0 */
#include <pthread.h>
#include <sched.h>
#include <sqlite3.h>

#include <apr_atomic.h>

#include "db_fixture.h"

/* --- Values --- */

static const unsigned char BYTES[] = {0, 255, 0, 'a', 0};

static const bks_error_t *values_store(bks_conn_t *conn, void *baton, apr_pool_t *pool)
{
    (void)baton;
    (void)pool;
    BKS_TRY(bks_db_exec(conn, "CREATE TABLE value (i INTEGER, j INTEGER, t TEXT, u TEXT, n TEXT, b BLOB, e BLOB, m BLOB)",
                        BKS_NO_ARGS, NULL));
    return bks_db_exec(conn, "INSERT INTO value VALUES ($1, $2, $3, $4, $5, $6, $7, $8)",
                       BKS_ARGS(bks_arg_int(APR_INT64_MIN), bks_arg_int(APR_INT64_MAX), bks_arg_text("Wörter 書 '; --"),
                                bks_arg_text(""), bks_arg_text(NULL), bks_arg_blob(BYTES, sizeof(BYTES)),
                                bks_arg_blob("", 0), bks_arg_blob(NULL, 0)),
                       NULL);
}

static const bks_error_t *values_check(bks_conn_t *conn, void *baton, apr_pool_t *pool)
{
    const unsigned char *blob;
    apr_size_t length = 9;
    bks_rows_t *rows;
    int has;

    (void)baton;
    BKS_TRY(bks_db_query(&rows, conn, "SELECT i, j, t, u, n, b, e, m FROM value", BKS_NO_ARGS, pool));
    tap_is_int(bks_rows_int(rows, 0), 0, "before the first row, a number is 0");
    BKS_TRY(bks_rows_next(rows, &has));
    tap_ok(has, "there is a row");
    tap_ok(bks_rows_int(rows, 0) == APR_INT64_MIN && bks_rows_int(rows, 1) == APR_INT64_MAX, "both ends of 64 bits");
    tap_is_text(bks_rows_text(rows, 2, pool), "Wörter 書 '; --", "text comes back as it was");
    tap_is_text(bks_rows_text(rows, 3, pool), "", "empty text is no NULL");
    tap_ok(bks_rows_text(rows, 4, pool) == NULL && bks_rows_is_null(rows, 4), "NULL text");
    blob = bks_rows_blob(rows, 5, &length, pool);
    tap_ok(length == sizeof(BYTES) && memcmp(blob, BYTES, length) == 0, "bytes with NUL among them");
    tap_ok(bks_rows_blob(rows, 6, &length, pool) && length == 0 && !bks_rows_is_null(rows, 6), "no bytes are no NULL");
    tap_ok(!bks_rows_blob(rows, 7, &length, pool) && length == 0 && bks_rows_is_null(rows, 7), "NULL bytes");
    BKS_TRY(bks_rows_next(rows, &has));
    tap_ok(!has && bks_rows_is_null(rows, 0) && !bks_rows_text(rows, 2, pool), "after the last row there is nothing");
    BKS_TRY(bks_rows_next(rows, &has));
    tap_ok(!has, "and again nothing");
    bks_rows_end(rows);
    return BKS_FINE;
}

static void test_values(bks_db_t *db, apr_pool_t *pool)
{
    bks_timing_t timing = {0, 0};

    tap_ok(fine(bks_db_write(db, &timing, values_store, NULL, pool), pool), "values are stored");
    tap_ok(timing.db > 0 && timing.stripe == 0, "the caller learns how long it took");
    tap_ok(fine(bks_db_read(db, NULL, values_check, NULL, pool), pool), "values are read");
}

/* --- Statements --- */

static apr_int64_t ask_with(bks_db_t *db, const char *sql, const bks_arg_t *args, int count, apr_pool_t *pool)
{
    sentence_t sentence = {.sql = sql, .args = args, .count = count};

    return fine(bks_db_read(db, NULL, sentence_ask, &sentence, pool), pool) ? sentence.number : -1;
}

static const bks_error_t *read_it(bks_db_t *db, const char *sql, const bks_arg_t *args, int count, apr_pool_t *pool)
{
    sentence_t sentence = {.sql = sql, .args = args, .count = count};

    return bks_db_read(db, NULL, sentence_ask, &sentence, pool);
}

static void test_statements(bks_db_t *db, apr_pool_t *pool)
{
    char text[] = "SELECT 41";
    sentence_t changes = {.sql = "UPDATE pair SET b = b + 1 WHERE a > 0"};

    tap_is_int(ask_with(db, "SELECT $2 - $1", BKS_ARGS(bks_arg_int(1), bks_arg_int(10)), pool), 9, "$2 before $1");
    tap_is_int(ask_with(db, "SELECT $1 + $1 * $2", BKS_ARGS(bks_arg_int(2), bks_arg_int(5)), pool), 12, "$1 twice");
    tap_is_int(ask_with(db, "SELECT count(*) FROM value WHERE t = $1", BKS_ARGS(bks_arg_text("x' OR '1'='1")), pool), 0,
               "an argument is never part of the statement");
    is_error(read_it(db, "SELECT $1", BKS_NO_ARGS, pool), BKS_ERROR_INTERNAL, "database_error", "an argument too few");
    is_error(read_it(db, "SELECT 1", BKS_ARGS(bks_arg_int(1)), pool), BKS_ERROR_INTERNAL, "database_error", "one too many");
    is_error(read_it(db, "SELECT ?", BKS_ARGS(bks_arg_int(1)), pool), BKS_ERROR_INTERNAL, "database_error", "a bare ?");
    is_error(read_it(db, "SELECT 1; SELECT 2", BKS_NO_ARGS, pool), BKS_ERROR_INTERNAL, "database_error", "two statements");
    is_error(read_it(db, "  ", BKS_NO_ARGS, pool), BKS_ERROR_INTERNAL, "database_error", "none");
    is_error(read_it(db, "SELECT \"text\"", BKS_NO_ARGS, pool), BKS_ERROR_INTERNAL, "database_error", "text in \"\"");
    is_error(read_it(db, "INSERT INTO value (i) VALUES (1)", BKS_NO_ARGS, pool), BKS_ERROR_INTERNAL, "database_error",
             "a reader can't write");
    is_error(tell(db, "SELECT i FROM value", pool), BKS_ERROR_INTERNAL, "database_error", "rows that nobody reads");
    is_error(tell(db, "COMMIT", pool), BKS_ERROR_UNAVAILABLE, "database_unavailable", "a job can't commit for its group");
    tap_is_int(ask(db, text, pool), 41, "a statement at an address");
    memcpy(text, "SELECT 42", sizeof(text));
    tap_is_int(ask(db, text, pool), 42, "another at the same address");
    tap_ok(fine(tell(db, "CREATE TABLE pair (a INTEGER, b INTEGER)", pool), pool) &&
               fine(tell(db, "INSERT INTO pair VALUES (0, 0), (1, 1), (2, 2)", pool), pool), "a table of three rows");
    tap_ok(fine(bks_db_write(db, NULL, sentence_run, &changes, pool), pool), "an update");
    tap_is_int(changes.number, 2, "says how many rows it changed");
}

/* Each pair of A with itself, by the same statement inside itself. */
static const bks_error_t *rows_within_rows(bks_conn_t *conn, void *baton, apr_pool_t *pool)
{
    static const char LIST[] = "SELECT a FROM pair";
    bks_rows_t *outer, *inner;
    int has, has_inner;

    BKS_TRY(bks_db_query(&outer, conn, LIST, BKS_NO_ARGS, pool));
    BKS_TRY(bks_rows_next(outer, &has));
    while (has) {
        BKS_TRY(bks_db_query(&inner, conn, LIST, BKS_NO_ARGS, pool));
        BKS_TRY(bks_rows_next(inner, &has_inner));
        while (has_inner) {
            ++*(int *)baton;
            BKS_TRY(bks_rows_next(inner, &has_inner));
        }
        BKS_TRY(bks_rows_next(outer, &has));
    }
    BKS_TRY(bks_db_query(&outer, conn, LIST, BKS_NO_ARGS, pool));
    return bks_rows_next(outer, &has); /* left open: the transaction's end closes it */
}

static void test_rows(bks_db_t *db, apr_pool_t *pool)
{
    int pairs = 0;

    tap_ok(fine(bks_db_read(db, NULL, rows_within_rows, &pairs, pool), pool), "a statement inside itself");
    tap_is_int(pairs, 9, "reads every row, both times");
    pairs = 0;
    tap_ok(fine(bks_db_write(db, NULL, rows_within_rows, &pairs, pool), pool), "while writing, too");
    tap_ok(fine(tell(db, "DROP TABLE pair", pool), pool), "no row stays open after a job");
}

static void test_constraints(bks_db_t *db, apr_pool_t *pool)
{
    static char tables[] = "CREATE TABLE book (id INTEGER PRIMARY KEY, isbn TEXT NOT NULL UNIQUE, stock INTEGER CHECK (stock >= 0));"
                           "CREATE TABLE line (book INTEGER REFERENCES book (id));"
                           "CREATE TABLE late (book INTEGER REFERENCES book (id) DEFERRABLE INITIALLY DEFERRED);"
                           "INSERT INTO book VALUES (1, 'a', 3);";

    tap_ok(fine(bks_db_write(db, NULL, script_run, tables, pool), pool), "a script of four statements");
    is_error(tell(db, "INSERT INTO book VALUES (2, 'a', 3)", pool), BKS_ERROR_CONFLICT, "database_constraint", "UNIQUE");
    is_error(tell(db, "INSERT INTO book VALUES (1, 'b', 3)", pool), BKS_ERROR_CONFLICT, "database_constraint", "PRIMARY KEY");
    is_error(tell(db, "UPDATE book SET stock = stock - 4", pool), BKS_ERROR_CONFLICT, "database_constraint", "CHECK");
    is_error(tell(db, "INSERT INTO book VALUES (2, NULL, 3)", pool), BKS_ERROR_CONFLICT, "database_constraint", "NOT NULL");
    is_error(tell(db, "INSERT INTO line VALUES (7)", pool), BKS_ERROR_CONFLICT, "database_constraint", "foreign key");
    is_error(tell(db, "INSERT INTO late VALUES (7)", pool), BKS_ERROR_CONFLICT, "database_constraint", "deferred foreign key");
    tap_is_int(ask(db, "SELECT count(*) * 10 + sum(stock) + (SELECT count(*) FROM late) FROM book", pool), 13,
               "none of them left anything");
}

/* --- Groups --- */

enum { JOBS = 20, REFUSE = 1, REFUSE_LATE = 2 };

typedef struct {
    bks_db_t *db;
    apr_int64_t number;
    int refuse;
    const bks_error_t *error;
    apr_pool_t *pool;
} writer_t;

static apr_uint32_t is_held, arrived, groups;

/* Waits until *COUNT is ENOUGH, 10 seconds at most; whether it is. */
static int wait_until(apr_uint32_t *count, apr_uint32_t enough)
{
    const apr_time_t limit = apr_time_now() + apr_time_from_sec(10);

    while (apr_atomic_read32(count) < enough && apr_time_now() < limit) {
        sched_yield();
    }
    return apr_atomic_read32(count) >= enough;
}

static apr_status_t count_lock(void *baton)
{
    (void)baton;
    apr_atomic_inc32(&groups);
    return APR_SUCCESS;
}

static apr_status_t count_unlock(void *baton)
{
    (void)baton;
    return APR_SUCCESS;
}

/* Keeps the writers busy until all the others have come. */
static const bks_error_t *keep_busy(bks_conn_t *conn, void *baton, apr_pool_t *pool)
{
    (void)conn;
    (void)baton;
    apr_atomic_set32(&is_held, 1);
    return wait_until(&arrived, JOBS) ? BKS_FINE : bks_error_make(BKS_ERROR_INTERNAL, "late", 0, pool, "nobody came");
}

static void *busy_thread(void *baton)
{
    writer_t *writer = baton;

    writer->error = bks_db_write(writer->db, NULL, keep_busy, NULL, writer->pool);
    return NULL;
}

static const bks_error_t *write_or_refuse(bks_conn_t *conn, void *baton, apr_pool_t *pool)
{
    const writer_t *writer = baton;

    BKS_TRY(bks_db_exec(conn, "INSERT INTO job VALUES ($1)", BKS_ARGS(bks_arg_int(writer->number)), NULL));
    if (writer->refuse == REFUSE_LATE) {
        return bks_db_exec(conn, "INSERT INTO late VALUES (-1)", BKS_NO_ARGS, NULL);
    }
    if (writer->refuse) {
        return bks_error_make(BKS_ERROR_INVALID, "refused", APR_SUCCESS, pool, "job %d says no", (int)writer->number);
    }
    return BKS_FINE;
}

static void *job_thread(void *baton)
{
    writer_t *writer = baton;

    apr_atomic_inc32(&arrived);
    writer->error = bks_db_write(writer->db, NULL, write_or_refuse, writer, writer->pool);
    return NULL;
}

static void test_group(apr_pool_t *pool)
{
    bks_db_options_t options = fixture_options("group", pool);
    writer_t writer[JOBS + 1];
    pthread_t thread[JOBS + 1];
    bks_db_t *db;
    int right = 0;

    options.write_lock = (bks_write_lock_t){count_lock, count_unlock, NULL};
    db = must_open(&options, pool);
    fine(tell(db, "CREATE TABLE job (number INTEGER PRIMARY KEY)", pool), pool);
    fine(tell(db, "CREATE TABLE late (job INTEGER REFERENCES job (number) DEFERRABLE INITIALLY DEFERRED)", pool), pool);
    groups = 0;
    for (int i = 0; i <= JOBS; i++) {
        writer[i] = (writer_t){.db = db, .number = i, .refuse = i % 2 ? REFUSE : 0};
        writer[i].refuse += i % 4 == 1; /* half of them by a deferred key, which SQLite checks at the commit */
        apr_pool_create(&writer[i].pool, NULL);
    }
    pthread_create(&thread[JOBS], NULL, busy_thread, &writer[JOBS]);
    wait_until(&is_held, 1);
    for (int i = 0; i < JOBS; i++) {
        pthread_create(&thread[i], NULL, job_thread, &writer[i]);
    }
    for (int i = 0; i <= JOBS; i++) {
        pthread_join(thread[i], NULL);
        right += i == JOBS ? !writer[i].error : (writer[i].refuse != 0) == (writer[i].error != NULL);
        right -= i < JOBS && writer[i].error &&
                 strcmp(writer[i].error->code, i % 4 == 1 ? "database_constraint" : "refused") != 0;
        apr_pool_destroy(writer[i].pool);
    }
    tap_is_int(right, JOBS + 1, "each job of a group gets its own answer");
    tap_is_int(ask(db, "SELECT count(*) * 100 + sum(number % 2 = 0) FROM job", pool), JOBS / 2 * 101,
               "the refused ones are undone, the others are there");
    tap_ok(groups >= 2 && groups < JOBS, "they share their commits");
    printf("# %u commits for %d jobs\n", groups, JOBS + 1);
}

enum { THREADS = 64, WRITES = 200 };

static const bks_error_t *write_next(bks_conn_t *conn, void *baton, apr_pool_t *pool)
{
    const writer_t *writer = baton;
    apr_int64_t changed = 0;

    (void)pool;
    BKS_TRY(bks_db_exec(conn, "INSERT INTO many VALUES ($1)", BKS_ARGS(bks_arg_int(writer->number)), NULL));
    BKS_TRY(bks_db_exec(conn, "UPDATE total SET number = number + 1", BKS_NO_ARGS, &changed));
    return changed == 1 ? BKS_FINE : bks_error_make(BKS_ERROR_INTERNAL, "lost", 0, pool, "no total");
}

static void *many_thread(void *baton)
{
    writer_t *writer = baton;
    const apr_int64_t first = writer->number * WRITES;

    for (int i = 0; i < WRITES && !writer->error; i++) {
        writer->number = first + i;
        writer->error = bks_db_write(writer->db, NULL, write_next, writer, writer->pool);
    }
    return NULL;
}

/* The rows and their total never differ in one view. */
static void *watch_thread(void *baton)
{
    writer_t *writer = baton;
    apr_int64_t last = 0;

    while (last < THREADS * WRITES && !writer->refuse) {
        const apr_int64_t now = ask(writer->db, "SELECT CASE WHEN (SELECT count(*) FROM many) = number THEN number ELSE -2 END FROM total", writer->pool);

        writer->refuse = now < last;
        last = now;
        apr_pool_clear(writer->pool);
    }
    return NULL;
}

static void test_many(bks_db_t *db, apr_pool_t *pool)
{
    writer_t writer[THREADS + 1];
    pthread_t thread[THREADS + 1];
    int failed = 0;

    fine(tell(db, "CREATE TABLE many (number INTEGER PRIMARY KEY)", pool), pool);
    fine(tell(db, "CREATE TABLE total AS SELECT 0 AS number", pool), pool);
    for (int i = 0; i <= THREADS; i++) {
        writer[i] = (writer_t){.db = db, .number = i};
        apr_pool_create(&writer[i].pool, NULL);
        pthread_create(&thread[i], NULL, i == THREADS ? watch_thread : many_thread, &writer[i]);
    }
    for (int i = 0; i < THREADS; i++) {
        pthread_join(thread[i], NULL);
        failed += !fine(writer[i].error, pool);
    }
    tap_is_int(failed, 0, "no write of 64 threads failed");
    tap_is_int(ask(db, "SELECT count(*) FROM many", pool), THREADS * WRITES, "all 12,800 are there");
    tap_is_int(ask(db, "SELECT number FROM total", pool), THREADS * WRITES, "and counted");
    pthread_join(thread[THREADS], NULL);
    tap_ok(!writer[THREADS].refuse, "a reader saw whole transactions only");
    for (int i = 0; i <= THREADS; i++) {
        apr_pool_destroy(writer[i].pool);
    }
}

/* --- Others beside us --- */

static void test_ddl(bks_db_t *db, const char *name, apr_pool_t *pool)
{
    static const char COUNT[] = "SELECT count(*) FROM book";
    static const char ADD[] = "INSERT INTO book (isbn) VALUES (hex(randomblob(8)))";
    static const char *const CHANGES[] = {"ALTER TABLE book ADD COLUMN note TEXT", "CREATE INDEX book_note ON book (note)",
                                          "VACUUM", "DROP INDEX book_note"};
    sqlite3 *other = NULL;
    const apr_int64_t before = ask(db, COUNT, pool);

    fine(tell(db, ADD, pool), pool);
    sqlite3_open(fixture_path(name, pool), &other);
    sqlite3_busy_timeout(other, 2000);
    for (int i = 0; i < 4; i++) {
        tap_is_int(sqlite3_exec(other, CHANGES[i], NULL, NULL, NULL), SQLITE_OK, CHANGES[i]);
        tap_ok(fine(tell(db, ADD, pool), pool), "a prepared write goes on working");
        tap_is_int(ask(db, COUNT, pool), before + i + 2, "a prepared query, too");
    }
    sqlite3_close(other);
}

static const bks_error_t *read_inside(bks_conn_t *conn, void *baton, apr_pool_t *pool)
{
    (void)conn;
    return read_it(baton, "SELECT 1", BKS_NO_ARGS, pool);
}

static const bks_error_t *write_inside(bks_conn_t *conn, void *baton, apr_pool_t *pool)
{
    (void)conn;
    return tell(baton, "CREATE TABLE never (a INTEGER)", pool);
}

static void test_limits(apr_pool_t *pool)
{
    bks_db_options_t options = fixture_options("limits", pool);
    apr_time_t start;
    bks_db_t *db;

    options.readers = 1;
    options.wait_ms = 100;
    db = must_open(&options, pool);
    start = apr_time_now();
    is_error(bks_db_read(db, NULL, read_inside, db, pool), BKS_ERROR_UNAVAILABLE, "database_busy",
             "a second reader of one doesn't wait for ever");
    start = apr_time_now() - start;
    tap_ok(start >= apr_time_from_msec(95) && start < apr_time_from_sec(2), "but as long as it may: %d ms",
           (int)apr_time_as_msec(start));
    tap_is_int(ask(db, "SELECT 1", pool), 1, "afterwards reading works");
    tap_ok(fine(bks_db_write(db, NULL, read_inside, db, pool), pool), "a write may read beside itself");
    is_error(bks_db_write(db, NULL, write_inside, db, pool), BKS_ERROR_INTERNAL, "database_error",
             "a write inside a write is refused");
    options.writer_thread = 0;
    db = must_open(&options, pool);
    is_error(bks_db_write(db, NULL, write_inside, db, pool), BKS_ERROR_INTERNAL, "database_error",
             "without a thread, too");
    options.url = "mysql:/nowhere";
    is_error(bks_db_open(&db, &options, pool), BKS_ERROR_CONFIG, "database_config", "a database that we don't know");
    options.url = "sqlite:relative.db";
    is_error(bks_db_open(&db, &options, pool), BKS_ERROR_CONFIG, "database_config", "a path that isn't absolute");
}

/* The whole of it, with and without a writer thread. */
static void test_all(const char *name, int writer_thread)
{
    bks_db_options_t options;
    apr_pool_t *pool;
    bks_db_t *db;

    apr_pool_create(&pool, NULL);
    printf("# %s\n", name);
    options = fixture_options(name, pool);
    options.writer_thread = writer_thread;
    db = must_open(&options, pool);
    test_values(db, pool);
    test_statements(db, pool);
    test_rows(db, pool);
    test_constraints(db, pool);
    test_ddl(db, name, pool);
    if (writer_thread) {
        test_many(db, pool);
    }
    apr_pool_destroy(pool);
    apr_pool_create(&pool, NULL);
    options = fixture_options(name, pool);
    options.create = 0;
    tap_is_int(ask(must_open(&options, pool), "SELECT count(*) FROM value", pool), 1, "it is there after closing");
    apr_pool_destroy(pool);
}

int main(void)
{
    apr_pool_t *pool;

    fixture_begin();
    test_all("with-a-thread", 1);
    test_all("without-a-thread", 0);
    apr_pool_create(&pool, NULL);
    test_group(pool);
    test_limits(pool);
    apr_pool_destroy(pool);
    return fixture_end();
}
