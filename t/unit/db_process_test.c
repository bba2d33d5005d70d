/* The database between processes: migrations, writers that are kept apart by a lock, and a process without threads that is
 * stopped in the middle of its work.
 * SPDX-License-Identifier: Apache-2.0 */
#include <pthread.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <apr_global_mutex.h>

#include "db_fixture.h"
#include "store/migrate.h"

static int child_end(pid_t child)
{
    int status = 0;

    waitpid(child, &status, 0);
    return WIFEXITED(status) ? WEXITSTATUS(status) : -WTERMSIG(status);
}

/* --- Migrations --- */

static const bks_migration_t STEPS[] = {
    {1, "books", "CREATE TABLE book (id INTEGER PRIMARY KEY, title TEXT); CREATE INDEX book_title ON book (title);"},
    {2, "a first book", "INSERT INTO book (title) VALUES ('One');"},
    {3, "prices", "ALTER TABLE book ADD COLUMN price INTEGER NOT NULL DEFAULT 0;"},
};
static const bks_migration_t BAD_STEPS[] = {
    {1, "books", "CREATE TABLE book (id INTEGER)"},
    {2, "half a step", "INSERT INTO book VALUES (1); INSERT INTO nowhere VALUES (1)"},
};
static const bks_migration_t GAP[] = {{1, "one", "SELECT 1"}, {3, "three", "SELECT 1"}};

static void test_migrate(int writer_thread, const char *name)
{
    bks_db_options_t options;
    const bks_error_t *error;
    apr_pool_t *pool;
    bks_db_t *db;

    apr_pool_create(&pool, NULL);
    options = fixture_options(name, pool);
    options.writer_thread = writer_thread;
    db = must_open(&options, pool);
    tap_ok(fine(bks_migrate(db, STEPS, 1, pool), pool), "one step");
    tap_ok(fine(bks_migrate(db, STEPS, 3, pool), pool), "two more");
    tap_ok(fine(bks_migrate(db, STEPS, 3, pool), pool), "nothing to do");
    tap_is_int(ask(db, "SELECT count(*) * 10 + sum(price) FROM book", pool), 10, "each ran once");
    tap_is_int(ask(db, "SELECT count(*) FROM schema_version", pool), 3, "and is remembered");
    error = bks_migrate(db, STEPS, 2, pool);
    is_error(error, BKS_ERROR_CONFIG, "database_newer", "a newer database is refused");
    tap_ok(error && strstr(error->detail, "install") != NULL, "with a sentence that says what to do");
    is_error(bks_migrate(db, GAP, 2, pool), BKS_ERROR_INTERNAL, "database_error", "a gap in the list");
    apr_pool_destroy(pool);
}

static void test_migrate_failing(void)
{
    bks_db_options_t options;
    apr_pool_t *pool;
    bks_db_t *db;

    apr_pool_create(&pool, NULL);
    options = fixture_options("failing", pool);
    db = must_open(&options, pool);
    is_error(bks_migrate(db, BAD_STEPS, 2, pool), BKS_ERROR_INTERNAL, "database_error", "a step that fails");
    tap_is_int(ask(db, "SELECT count(*) FROM book", pool), 0, "leaves nothing of itself");
    tap_is_int(ask(db, "SELECT max(number) FROM schema_version", pool), 1, "and the one before stays");
    apr_pool_destroy(pool);
}

/* Both begin when the pipe is closed: with a new file, and with the steps. */
static pid_t migrating_child(const int *gate)
{
    const pid_t child = fork();
    bks_db_options_t options;
    apr_pool_t *pool;
    bks_db_t *db;
    char byte;

    if (child) {
        return child;
    }
    close(gate[1]);
    if (read(gate[0], &byte, 1) != 0) {
        _exit(2);
    }
    apr_pool_create(&pool, NULL);
    options = fixture_options("both", pool);
    options.writer_thread = 0;
    if (!fine(bks_db_open(&db, &options, pool), pool) || !fine(bks_migrate(db, STEPS, 3, pool), pool)) {
        _exit(1);
    }
    apr_pool_destroy(pool);
    _exit(0);
}

static void test_migrate_at_once(void)
{
    enum { ROUNDS = 5, CHILDREN = 4 };
    apr_pool_t *pool;
    int good = 0;

    apr_pool_create(&pool, NULL);
    for (int round = 0; round < ROUNDS; round++) {
        bks_db_options_t options = fixture_options("both", pool);
        pid_t child[CHILDREN];
        apr_pool_t *own;
        int gate[2], ended = 0;

        if (pipe(gate) != 0) {
            break;
        }
        for (int i = 0; i < CHILDREN; i++) {
            child[i] = migrating_child(gate);
        }
        close(gate[0]);
        close(gate[1]);
        for (int i = 0; i < CHILDREN; i++) {
            ended += child_end(child[i]) == 0;
        }
        apr_pool_create(&own, pool);
        good += ended == CHILDREN && ask(must_open(&options, own), "SELECT count(*) FROM book", own) == 1;
        apr_pool_destroy(own);
        unlink(fixture_path("both", pool));
    }
    tap_is_int(good, ROUNDS, "four processes that migrate a new file at once run each step once");
    apr_pool_destroy(pool);
}

/* --- Writers of several processes --- */

enum { PROCESSES = 3, THREADS = 4, WRITES = 60 };

typedef struct {
    bks_db_t *db;
    int failed;
} writer_t;

static apr_status_t mutex_lock(void *baton)
{
    return apr_global_mutex_lock(baton);
}

static apr_status_t mutex_unlock(void *baton)
{
    return apr_global_mutex_unlock(baton);
}

static void *write_thread(void *baton)
{
    writer_t *writer = baton;
    apr_pool_t *pool;

    apr_pool_create(&pool, NULL);
    for (int i = 0; i < WRITES; i++) {
        writer->failed += !fine(tell(writer->db, "UPDATE total SET number = number + 1", pool), pool);
        apr_pool_clear(pool);
    }
    apr_pool_destroy(pool);
    return NULL;
}

static pid_t writing_child(apr_global_mutex_t *mutex, const char *lockfile)
{
    const pid_t child = fork();
    bks_db_options_t options;
    writer_t writer[THREADS];
    pthread_t thread[THREADS];
    apr_pool_t *pool;
    int failed = 0;

    if (child) {
        return child;
    }
    apr_pool_create(&pool, NULL);
    options = fixture_options("processes", pool);
    if (apr_global_mutex_child_init(&mutex, lockfile, pool) != APR_SUCCESS) {
        _exit(100);
    }
    options.write_lock = (bks_write_lock_t){mutex_lock, mutex_unlock, mutex};
    for (int i = 0; i < THREADS; i++) {
        writer[i] = (writer_t){.db = i ? writer[0].db : must_open(&options, pool)};
        pthread_create(&thread[i], NULL, write_thread, &writer[i]);
    }
    for (int i = 0; i < THREADS; i++) {
        pthread_join(thread[i], NULL);
        failed += writer[i].failed;
    }
    apr_pool_destroy(pool);
    _exit(failed);
}

static void test_processes(void)
{
    bks_db_options_t options;
    apr_global_mutex_t *mutex;
    pid_t child[PROCESSES];
    const char *lockfile;
    int failed = 0;
    apr_pool_t *pool, *own;

    apr_pool_create(&pool, NULL);
    apr_pool_create(&own, pool);
    options = fixture_options("processes", own);
    fine(tell(must_open(&options, own), "CREATE TABLE total AS SELECT 0 AS number", own), own);
    apr_pool_destroy(own);
    lockfile = fixture_path("write.lock", pool);
    tap_ok(apr_global_mutex_create(&mutex, lockfile, APR_LOCK_DEFAULT, pool) == APR_SUCCESS, "a lock for all processes");
    for (int i = 0; i < PROCESSES; i++) {
        child[i] = writing_child(mutex, lockfile);
    }
    for (int i = 0; i < PROCESSES; i++) {
        failed += child_end(child[i]);
    }
    tap_is_int(failed, 0, "no write of three processes failed");
    options = fixture_options("processes", pool);
    tap_is_int(ask(must_open(&options, pool), "SELECT number FROM total", pool), PROCESSES * THREADS * WRITES,
               "all are counted");
    apr_pool_destroy(pool);
}

/* --- A stop in the middle, as prefork does it: the signal's handler runs the pool's cleanup, and the process ends. --- */

static apr_pool_t *child_pool;

/* ThreadSanitizer asks this: that the handler frees memory is what is tested here, since prefork does it. */
const char *__tsan_default_options(void);
const char *__tsan_default_options(void)
{
    return "report_signal_unsafe=0";
}

static void stop(int number)
{
    (void)number;
    apr_pool_destroy(child_pool);
    _exit(0);
}

static const bks_error_t *stopped_write(bks_conn_t *conn, void *baton, apr_pool_t *pool)
{
    (void)baton;
    (void)pool;
    BKS_TRY(bks_db_exec(conn, "INSERT INTO entry VALUES ('never')", BKS_NO_ARGS, NULL));
    raise(SIGTERM);
    return BKS_FINE;
}

static const bks_error_t *stopped_read(bks_conn_t *conn, void *baton, apr_pool_t *pool)
{
    bks_rows_t *rows;
    int has;

    BKS_TRY(bks_db_query(&rows, conn, "SELECT word FROM entry", BKS_NO_ARGS, pool));
    BKS_TRY(bks_rows_next(rows, &has));
    (void)baton;
    raise(SIGTERM);
    return BKS_FINE;
}

typedef enum { WHILE_WRITING, WHILE_READING, BETWEEN } moment_t;

static int stop_child(moment_t moment)
{
    const pid_t child = fork();
    bks_db_options_t options;
    apr_pool_t *pool;
    bks_db_t *db;

    if (child) {
        return child_end(child);
    }
    alarm(10); /* ends a child that hangs: a failure */
    apr_pool_create(&child_pool, NULL);
    apr_pool_create(&pool, child_pool);
    options = fixture_options("stopped", pool);
    options.writer_thread = 0;
    db = must_open(&options, child_pool);
    signal(SIGTERM, stop);
    if (!fine(tell(db, "INSERT INTO entry VALUES ('durable')", pool), pool)) {
        _exit(1);
    }
    switch (moment) {
    case WHILE_WRITING:
        fine(bks_db_write(db, NULL, stopped_write, NULL, pool), pool);
        break;
    case WHILE_READING:
        fine(bks_db_read(db, NULL, stopped_read, NULL, pool), pool);
        break;
    case BETWEEN:
        raise(SIGTERM);
        break;
    }
    _exit(2);
}

static void test_stop(void)
{
    bks_db_options_t options;
    apr_pool_t *pool, *own;
    const char *log;
    bks_db_t *db;

    apr_pool_create(&pool, NULL);
    apr_pool_create(&own, pool);
    options = fixture_options("stopped", own);
    fine(tell(must_open(&options, own), "CREATE TABLE entry (word TEXT)", own), own);
    apr_pool_destroy(own);
    log = fixture_path("stopped-wal", pool);
    tap_is_int(stop_child(WHILE_WRITING), 0, "stopped while it writes");
    tap_ok(access(log, F_OK) == 0, "SQLite was left alone: its log is still there");
    tap_is_int(stop_child(WHILE_READING), 0, "stopped while it reads");
    tap_ok(access(log, F_OK) == 0, "and again");
    tap_is_int(stop_child(BETWEEN), 0, "stopped while it does neither");
    tap_ok(access(log, F_OK) != 0, "it was closed properly");
    options = fixture_options("stopped", pool);
    db = must_open(&options, pool);
    tap_is_int(ask(db, "SELECT count(*) FROM entry WHERE word = 'durable'", pool), 3, "what was answered is there");
    tap_is_int(ask(db, "SELECT count(*) FROM entry WHERE word = 'never'", pool), 0, "what was interrupted is not");
    tap_ok(fine(tell(db, "DELETE FROM entry", pool), pool), "no lock is left behind");
    apr_pool_destroy(pool);
}

int main(void)
{
    fixture_begin();
    test_migrate_at_once();
    test_processes();
    test_stop();
    test_migrate(1, "migrated");
    test_migrate(0, "migrated-without");
    test_migrate_failing();
    return fixture_end();
}
