/* The database when things go wrong: killed processes, foreign locks, full disks, files that are missing, locked or broken,
 * several processes at once, and a stop inside a signal handler.
 * SPDX-License-Identifier: Apache-2.0 */
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <sqlite3.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>


#include "db_fixture.h"

/* SQLite's own opinion of the file: "ok". */
static const char *integrity(const char *name, apr_pool_t *pool)
{
    sqlite3_stmt *statement = NULL;
    sqlite3 *handle = NULL;
    const char *said = "can't be asked";

    if (sqlite3_open(fixture_path(name, pool), &handle) == SQLITE_OK &&
        sqlite3_prepare_v2(handle, "PRAGMA integrity_check", -1, &statement, NULL) == SQLITE_OK &&
        sqlite3_step(statement) == SQLITE_ROW) {
        said = apr_pstrdup(pool, (const char *)sqlite3_column_text(statement, 0));
    }
    sqlite3_finalize(statement);
    sqlite3_close(handle);
    return said;
}

/* A statement of SQLite's own, on a connection that is none of ours. */
static void foreign(sqlite3 *handle, const char *sql)
{
    if (sqlite3_exec(handle, sql, NULL, NULL, NULL) != SQLITE_OK) {
        printf("Bail out! %s: %s\n", sql, sqlite3_errmsg(handle));
        exit(1);
    }
}

/* How the process CHILD ended: its exit status, or minus the signal. */
static int child_end(pid_t child)
{
    int status = 0;

    waitpid(child, &status, 0);
    return WIFEXITED(status) ? WEXITSTATUS(status) : -WTERMSIG(status);
}

/* --- kill -9 --- */

enum { KILLS = 20, KILL_THREADS = 4 };

typedef struct {
    bks_db_t *db;
    apr_int64_t number;
    int acks; /* a pipe: each number that is durable */
} writer_t;

static const bks_error_t *number_insert(bks_conn_t *conn, void *baton, apr_pool_t *pool)
{
    const writer_t *writer = baton;

    (void)pool;
    return bks_db_exec(conn, "INSERT INTO entry VALUES ($1)", BKS_ARGS(bks_arg_int(writer->number)), NULL);
}

static void *write_for_ever(void *baton)
{
    writer_t *writer = baton;
    apr_pool_t *pool;

    apr_pool_create(&pool, NULL);
    for (;; writer->number += KILL_THREADS) {
        if (bks_db_write(writer->db, NULL, number_insert, writer, pool) ||
            write(writer->acks, &writer->number, sizeof(writer->number)) != sizeof(writer->number)) {
            _exit(1);
        }
        apr_pool_clear(pool);
    }
    return NULL;
}

/* A child that writes numbers from FIRST on until it is killed. */
static pid_t victim_start(apr_int64_t first, int acks, apr_pool_t *pool)
{
    const pid_t child = fork();
    bks_db_options_t options = fixture_options("killed", pool);
    writer_t writer[KILL_THREADS];
    pthread_t thread;
    bks_db_t *db;

    if (child) {
        return child;
    }
    db = must_open(&options, pool);
    for (int i = 0; i < KILL_THREADS; i++) {
        writer[i] = (writer_t){.db = db, .number = first + i, .acks = acks};
        pthread_create(&thread, NULL, write_for_ever, &writer[i]);
    }
    for (;;) {
        pause();
    }
}

/* Kills a writing child after a random number of writes; writes down in SEEN what was acknowledged. */
static int kill_once(apr_int64_t first, sqlite3 *seen, apr_pool_t *pool)
{
    const int enough = 1 + rand() % 200;
    apr_int64_t number;
    int ends[2], count = 0;
    pid_t child;

    if (pipe(ends) != 0) {
        return -1;
    }
    child = victim_start(first, ends[1], pool);
    close(ends[1]);
    while (read(ends[0], &number, sizeof(number)) == sizeof(number)) {
        foreign(seen, apr_psprintf(pool, "INSERT INTO seen VALUES (%" APR_INT64_T_FMT ")", number));
        if (++count == enough) {
            kill(child, SIGKILL);
        }
    }
    close(ends[0]);
    return child_end(child) == -SIGKILL && count >= enough ? count : -1;
}

static void test_kill(apr_pool_t *pool)
{
    bks_db_options_t options = fixture_options("killed", pool);
    int count = 0, whole = 0, present = 0;
    sqlite3 *seen = NULL;
    apr_pool_t *own;

    apr_pool_create(&own, pool);
    fine(tell(must_open(&options, own), "CREATE TABLE entry (number INTEGER PRIMARY KEY)", own), own);
    apr_pool_destroy(own);
    sqlite3_open(":memory:", &seen);
    foreign(seen, "CREATE TABLE seen (number INTEGER PRIMARY KEY)");
    for (int i = 0; i < KILLS && count >= 0; i++) {
        const int killed = kill_once(i * 1000000, seen, pool);

        whole += strcmp(integrity("killed", pool), "ok") == 0;
        count = killed < 0 ? -1 : count + killed;
        foreign(seen, apr_psprintf(pool, "ATTACH '%s' AS shop", fixture_path("killed", pool)));
        present += sqlite3_exec(seen, "CREATE TEMP TABLE lost AS SELECT number FROM seen EXCEPT SELECT number FROM shop.entry;"
                                      "CREATE TEMP TABLE none (n INTEGER CHECK (n = 0));"
                                      "INSERT INTO none SELECT count(*) FROM lost; DROP TABLE lost; DROP TABLE none",
                                NULL, NULL, NULL) == SQLITE_OK;
        foreign(seen, "DETACH shop");
    }
    sqlite3_close(seen);
    tap_ok(count > KILLS, "%d writes were acknowledged by %d killed processes", count, KILLS);
    tap_is_int(whole, KILLS, "the file is whole after each kill -9");
    tap_is_int(present, KILLS, "everything that was acknowledged is there");
}

/* --- A foreign lock --- */

static void *tell_thread(void *baton)
{
    writer_t *writer = baton;
    const apr_time_t start = apr_time_now();
    const bks_error_t *error;
    apr_pool_t *pool;

    apr_pool_create(&pool, NULL);
    error = bks_db_write(writer->db, NULL, number_insert, writer, pool);
    writer->acks = error ? strcmp(error->code, "database_busy") == 0 && apr_time_now() - start < apr_time_from_msec(1100) : 2; /* waiting twice were 1200 */
    apr_pool_destroy(pool);
    return NULL;
}

/* What eight threads say who write at once: how many were told in time that the database is busy (1) or were served (2). */
static int tell_at_once(bks_db_t *db, int first, int answer)
{
    writer_t writer[8];
    pthread_t thread[8];
    int count = 0;

    for (int i = 0; i < 8; i++) {
        writer[i] = (writer_t){.db = db, .number = first + i};
        pthread_create(&thread[i], NULL, tell_thread, &writer[i]);
    }
    for (int i = 0; i < 8; i++) {
        pthread_join(thread[i], NULL);
        count += writer[i].acks == answer;
    }
    return count;
}

static void *hold_a_while(void *baton)
{
    apr_sleep(apr_time_from_msec(100)); /* the fault's length, not a wait for something */
    foreign(baton, "ROLLBACK");
    return NULL;
}

static void test_busy(int writer_thread, apr_pool_t *parent)
{
    bks_db_options_t options = fixture_options("busy", parent);
    sqlite3 *other = NULL;
    apr_pool_t *pool;
    apr_time_t start;
    pthread_t holder;
    bks_db_t *db;

    apr_pool_create(&pool, parent);
    options.wait_ms = 600;
    options.writer_thread = writer_thread;
    db = must_open(&options, pool);
    fine(tell(db, "CREATE TABLE IF NOT EXISTS entry (number INTEGER PRIMARY KEY)", pool), pool);
    fine(tell(db, "DELETE FROM entry", pool), pool);
    sqlite3_open(fixture_path("busy", pool), &other);

    foreign(other, "BEGIN IMMEDIATE");
    start = apr_time_now();
    is_error(tell(db, "DELETE FROM entry", pool), BKS_ERROR_UNAVAILABLE, "database_busy", "a foreign lock stays too long");
    start = apr_time_now() - start;
    tap_ok(start >= apr_time_from_msec(595) && start < apr_time_from_sec(2), "told after %d ms", (int)apr_time_as_msec(start));
    tap_is_int(ask(db, "SELECT count(*) FROM entry", pool), 0, "readers don't notice");
    if (writer_thread) {
        tap_is_int(tell_at_once(db, 0, 1), 8, "eight at once are told, none waits twice");
    }
    pthread_create(&holder, NULL, hold_a_while, other);
    tap_ok(fine(tell(db, "INSERT INTO entry VALUES (100)", pool), pool), "a shorter lock is waited for");
    pthread_join(holder, NULL);
    tap_is_int(tell_at_once(db, 0, 2), 8, "eight at once work again");
    tap_is_int(ask(db, "SELECT count(*) FROM entry", pool), 9, "nothing of the refused ones was written");
    sqlite3_close(other);
    apr_pool_destroy(pool);
}

/* --- A full disk --- */

static void disk_limit(rlim_t bytes)
{
    struct rlimit limit;

    getrlimit(RLIMIT_FSIZE, &limit);
    limit.rlim_cur = bytes;
    setrlimit(RLIMIT_FSIZE, &limit);
}

/* In a child: fills the disk, looks at the error, makes room. Its exit status says what did not hold; 0: all did. */
static int full_disk_child(int writer_thread, apr_pool_t *pool)
{
    bks_db_options_t options = fixture_options(writer_thread ? "full" : "full-too", pool);
    const bks_error_t *error = BKS_FINE;
    apr_int64_t served = 0;
    bks_db_t *db;

    signal(SIGXFSZ, SIG_IGN);
    options.writer_thread = writer_thread;
    db = must_open(&options, pool);
    if (tell(db, "CREATE TABLE IF NOT EXISTS page (bytes BLOB)", pool) || tell(db, "DELETE FROM page", pool)) {
        return 1;
    }
    disk_limit(256 * 1024);
    while (!error && served < 1000) {
        error = tell(db, "INSERT INTO page VALUES (randomblob(3000))", pool);
        served += !error;
    }
    if (!error || error->kind != BKS_ERROR_UNAVAILABLE || strcmp(error->code, "database_unavailable") != 0 || served == 0) {
        return 2;
    }
    for (int i = 0; i < 3; i++) {
        if (!tell(db, "INSERT INTO page VALUES (zeroblob(300000))", pool)) {
            return 3;
        }
    }
    disk_limit(RLIM_INFINITY);
    if (!fine(tell(db, "INSERT INTO page VALUES (zeroblob(300000))", pool), pool)) {
        return 4;
    }
    return ask(db, "SELECT count(*) FROM page", pool) == served + 1 ? 0 : 5;
}

static void test_full(int writer_thread, apr_pool_t *pool)
{
    const pid_t child = fork();

    if (child == 0) {
        apr_pool_t *own;
        int status;

        apr_pool_create(&own, NULL);
        status = full_disk_child(writer_thread, own);
        apr_pool_destroy(own);
        _exit(status);
    }
    tap_is_int(child_end(child), 0, "a full disk is UNAVAILABLE, and writing works again when there is room");
    tap_is_text(integrity(writer_thread ? "full" : "full-too", pool), "ok", "the file is whole");
}

/* SQLite itself calls the database full, and rolls the transaction back under the job, which does not care. */
static const bks_error_t *overflow(bks_conn_t *conn, void *baton, apr_pool_t *pool)
{
    const bks_error_t **first = baton;
    bks_rows_t *rows;
    int has;

    BKS_TRY(bks_db_query(&rows, conn, "PRAGMA max_page_count=10", BKS_NO_ARGS, pool));
    BKS_TRY(bks_rows_next(rows, &has));
    bks_rows_end(rows);
    *first = bks_db_exec(conn, "INSERT INTO page VALUES (zeroblob(300000))", BKS_NO_ARGS, NULL);
    (void)bks_db_exec(conn, "INSERT INTO page VALUES ('should not be')", BKS_NO_ARGS, NULL);
    return BKS_FINE;
}

static void test_overflow(apr_pool_t *parent)
{
    const bks_error_t *first = BKS_FINE, *error;
    bks_db_options_t options = fixture_options("overflow", parent);
    apr_pool_t *pool;
    bks_db_t *db;

    apr_pool_create(&pool, parent);
    db = must_open(&options, pool);
    fine(tell(db, "CREATE TABLE page (bytes BLOB)", pool), pool);
    error = bks_db_write(db, NULL, overflow, &first, pool);
    is_error(first, BKS_ERROR_UNAVAILABLE, "database_unavailable", "SQLITE_FULL is UNAVAILABLE");
    is_error(error, BKS_ERROR_UNAVAILABLE, "database_unavailable", "a job that goes on after it fails nevertheless");
    tap_is_int(ask(db, "SELECT count(*) FROM page", pool), 0, "and has written nothing on the sly");
    tap_ok(fine(tell(db, "INSERT INTO page VALUES (zeroblob(300000))", pool), pool), "the next works");
    apr_pool_destroy(pool);
}

/* --- The file --- */

static void file_write(const char *path, const char *bytes, size_t length, off_t at)
{
    const int fd = open(path, O_CREAT | O_WRONLY, 0600);

    if (fd < 0 || pwrite(fd, bytes, length, at) != (ssize_t)length || close(fd) != 0) {
        printf("Bail out! can't write %s\n", path);
        exit(1);
    }
}

static void refuses(const bks_db_options_t *options, const char *name, apr_pool_t *pool)
{
    bks_db_t *db;

    is_error(bks_db_open(&db, options, pool), BKS_ERROR_UNAVAILABLE, "database_unavailable", name);
}

static void test_missing(apr_pool_t *pool)
{
    bks_db_options_t options = fixture_options("missing", pool);
    const char *path = fixture_path("missing", pool);
    apr_pool_t *own;
    struct stat file;
    bks_db_t *db;

    options.create = 0;
    refuses(&options, "a missing file", pool);
    tap_ok(stat(path, &file) != 0, "is not made");
    options.url = apr_psprintf(pool, "sqlite:%s", fixture_path("none/missing", pool));
    refuses(&options, "a missing folder", pool);
    options = fixture_options("missing", pool);
    file_write(fixture_path("missing-wal", pool), "x", 1, 0);
    refuses(&options, "a missing file with its -wal still there", pool);
    unlink(fixture_path("missing-wal", pool));

    apr_pool_create(&own, pool);
    db = must_open(&options, own);
    tap_ok(stat(path, &file) == 0 && (file.st_mode & 0777) == 0600, "a new file is its owner's alone");
    fine(tell(db, "CREATE TABLE entry (number INTEGER)", own), own);
    tap_is_int(ask(db, "SELECT count(*) FROM entry", own), 0, "it works");
    tap_ok(stat(fixture_path("missing-wal", own), &file) == 0 && (file.st_mode & 0777) == 0600, "so is its log");
    unlink(path);
    is_error(tell(db, "INSERT INTO entry VALUES (1)", own), BKS_ERROR_UNAVAILABLE, "database_unavailable",
             "a file that was removed takes no write");
    is_error(tell(db, "INSERT INTO entry VALUES (1)", own), BKS_ERROR_UNAVAILABLE, "database_unavailable", "nor the next");
    tap_ok(stat(path, &file) != 0, "and no new one is made");
    apr_pool_destroy(own);
}

static void test_broken(apr_pool_t *pool)
{
    bks_db_options_t options = fixture_options("garbage", pool);
    char noise[4096 * 3];
    apr_pool_t *own;

    memset(noise, 'z', sizeof(noise));
    file_write(fixture_path("garbage", pool), noise, sizeof(noise), 0);
    refuses(&options, "a file that is no database", pool);
    options = fixture_options("torn", pool);
    apr_pool_create(&own, pool);
    fine(tell(must_open(&options, own), "CREATE TABLE page AS WITH RECURSIVE n(i) AS (VALUES (1) UNION ALL SELECT i + 1 FROM n WHERE i < 50)"
                                        " SELECT i, randomblob(2000) FROM n", own), own);
    apr_pool_destroy(own);
    file_write(fixture_path("torn", pool), noise, sizeof(noise), 4096);
    apr_pool_create(&own, pool);
    {
        sentence_t sentence = {.sql = "SELECT sum(i) FROM page"};

        is_error(bks_db_read(must_open(&options, own), NULL, sentence_ask, &sentence, own), BKS_ERROR_UNAVAILABLE,
                 "database_unavailable", "torn pages");
    }
    apr_pool_destroy(own);
    if (symlink(fixture_path("torn", pool), fixture_path("link", pool)) != 0 ||
        symlink(fixture_folder, fixture_path("folder", pool)) != 0) {
        tap_ok(0, "symbolic links can be made");
    }
    options = fixture_options("link", pool);
    refuses(&options, "a symbolic link", pool);
    options = fixture_options("", pool);
    options.url = apr_psprintf(pool, "sqlite:%s", fixture_folder);
    refuses(&options, "a folder", pool);
    apr_pool_create(&own, pool);
    options = fixture_options("folder/through", pool);
    tap_is_int(ask(must_open(&options, own), "SELECT 7", own), 7, "a folder may be reached through a link");
    apr_pool_destroy(own);
}

/* Root may write anything: the child becomes nobody. */
static void test_readonly(apr_pool_t *pool)
{
    enum { NOBODY = 65534 };
    bks_db_options_t options = fixture_options("readonly", pool);
    const char *path = fixture_path("readonly", pool);
    apr_pool_t *own;
    pid_t child;

    apr_pool_create(&own, pool);
    fine(tell(must_open(&options, own), "CREATE TABLE entry (number INTEGER)", own), own);
    apr_pool_destroy(own);
    tap_ok(chmod(path, 0444) == 0 && chmod(fixture_folder, 0755) == 0, "a file that can only be read");
    child = fork();
    if (child == 0) {
        const bks_error_t *error;
        bks_db_t *db;

        if (getuid() == 0 && setuid(NOBODY) != 0) {
            _exit(2);
        }
        error = bks_db_open(&db, &options, pool);
        _exit(!error || error->kind != BKS_ERROR_UNAVAILABLE);
    }
    tap_is_int(child_end(child), 0, "is refused at once");
}

int main(void)
{
    apr_pool_t *pool;

    fixture_begin();
    srand((unsigned)getpid());
    apr_pool_create(&pool, NULL);
    test_kill(pool);
    test_full(1, pool);
    test_full(0, pool);
    test_readonly(pool);
    test_overflow(pool);
    test_missing(pool);
    test_broken(pool);
    test_busy(1, pool);
    test_busy(0, pool);
    apr_pool_destroy(pool);
    return fixture_end();
}
