/* Measures durable inserts per second: bare SQLite with one client, and the port with 1, 16 and 64 threads and with one
 * client that has no writer thread. Prints "bench: NAME VALUE UNIT". Usage: db_bench [FOLDER [SECONDS]].
 * SPDX-License-Identifier: Apache-2.0 */
#include <pthread.h>
#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include <apr_general.h>
#include <apr_strings.h>

#include "store/db.h"

enum { CLIENTS_MOST = 64 };

static double seconds = 1.0;
static apr_time_t until;

typedef struct {
    bks_db_t *db;
    int number;
    long done;
    apr_time_t slowest;
} client_t;

static void die(const char *why)
{
    fprintf(stderr, "db_bench: %s\n", why);
    exit(1);
}

static const bks_error_t *create(bks_conn_t *conn, void *baton, apr_pool_t *pool)
{
    (void)baton;
    (void)pool;
    return bks_db_exec(conn, "CREATE TABLE entry (client INTEGER, number INTEGER, word TEXT)", BKS_NO_ARGS, NULL);
}

static const bks_error_t *insert(bks_conn_t *conn, void *baton, apr_pool_t *pool)
{
    const client_t *client = baton;

    (void)pool;
    return bks_db_exec(conn, "INSERT INTO entry VALUES ($1, $2, $3)",
                       BKS_ARGS(bks_arg_int(client->number), bks_arg_int(client->done), bks_arg_text("a few words")), NULL);
}

static void *client_run(void *baton)
{
    client_t *client = baton;
    apr_pool_t *pool;

    apr_pool_create(&pool, NULL);
    while (apr_time_now() < until) {
        const apr_time_t start = apr_time_now();

        if (bks_db_write(client->db, NULL, insert, client, pool)) {
            die("a write failed");
        }
        if (apr_time_now() - start > client->slowest) {
            client->slowest = apr_time_now() - start;
        }
        client->done++;
        apr_pool_clear(pool);
    }
    apr_pool_destroy(pool);
    return NULL;
}

static void measure(const char *folder, int clients, int writer_thread, apr_pool_t *parent)
{
    bks_db_options_t options = {.readers = 1, .wait_ms = 5000, .create = 1};
    static client_t client[CLIENTS_MOST];
    pthread_t thread[CLIENTS_MOST];
    apr_time_t slowest = 0;
    apr_pool_t *pool;
    bks_db_t *db;
    long done = 0;

    apr_pool_create(&pool, parent);
    options.url = apr_psprintf(pool, "sqlite:%s/bench-%d-%d", folder, clients, writer_thread);
    options.writer_thread = writer_thread;
    if (bks_db_open(&db, &options, pool) || bks_db_write(db, NULL, create, NULL, pool)) {
        die("can't make the database");
    }
    until = apr_time_now() + (apr_time_t)(seconds * APR_USEC_PER_SEC);
    for (int i = 0; i < clients; i++) {
        client[i] = (client_t){.db = db, .number = i};
        pthread_create(&thread[i], NULL, client_run, &client[i]);
    }
    for (int i = 0; i < clients; i++) {
        pthread_join(thread[i], NULL);
        done += client[i].done;
        slowest = client[i].slowest > slowest ? client[i].slowest : slowest;
    }
    printf("bench: inserts_%d_clients%s %.0f per_second\n", clients, writer_thread ? "" : "_no_thread", (double)done / seconds);
    printf("bench: slowest_insert_%d_clients%s %.1f ms\n", clients, writer_thread ? "" : "_no_thread",
           (double)slowest / 1000.0);
    apr_pool_destroy(pool);
}

/* What the machine can do: one client, SQLite's own functions, the same pragmas. */
static void measure_bare(const char *folder, apr_pool_t *pool)
{
    sqlite3_stmt *statement = NULL;
    sqlite3 *handle = NULL;
    long done = 0;

    if (sqlite3_open(apr_psprintf(pool, "%s/bare", folder), &handle) != SQLITE_OK ||
        sqlite3_exec(handle, "PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL; CREATE TABLE entry (client, number, word)",
                     NULL, NULL, NULL) != SQLITE_OK ||
        sqlite3_prepare_v2(handle, "INSERT INTO entry VALUES (1, ?1, 'a few words')", -1, &statement, NULL) != SQLITE_OK) {
        die(sqlite3_errmsg(handle));
    }
    until = apr_time_now() + (apr_time_t)(seconds * APR_USEC_PER_SEC);
    for (; apr_time_now() < until; done++) {
        sqlite3_bind_int64(statement, 1, done);
        if (sqlite3_step(statement) != SQLITE_DONE) {
            die(sqlite3_errmsg(handle));
        }
        sqlite3_reset(statement);
    }
    sqlite3_finalize(statement);
    sqlite3_close(handle);
    printf("bench: inserts_bare_sqlite %.0f per_second\n", (double)done / seconds);
}

int main(int argc, char **argv)
{
    char folder[] = "/tmp/db_bench.XXXXXX";
    apr_pool_t *pool;
    const char *where;

    apr_initialize();
    atexit(apr_terminate);
    apr_pool_create(&pool, NULL);
    where = argc > 1 ? argv[1] : mkdtemp(folder);
    seconds = argc > 2 ? atof(argv[2]) : seconds;
    if (!where || seconds <= 0) {
        die("no folder to measure in, or no time");
    }
    measure_bare(where, pool);
    measure(where, 1, 0, pool);
    measure(where, 1, 1, pool);
    measure(where, 16, 1, pool);
    measure(where, 64, 1, pool);
    if (argc <= 1) {
        return system(apr_pstrcat(pool, "rm -rf ", where, NULL)) != 0;
    }
    return 0;
}
