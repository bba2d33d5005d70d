/* Units of writes that nobody waits for: they are done soon, with company, alone, or at the end.
 * SPDX-License-Identifier: Apache-2.0 */
#include <apr_atomic.h>
#include <apr_time.h>

#include "db_fixture.h"

#define SOON apr_time_from_sec(5) /* far more than it takes; a wait that ends late is a failure */

static volatile apr_uint32_t warnings;

static void count_warning(void *baton, bks_log_level_t level, const char *line)
{
    (void)baton;
    (void)line;
    if (level == BKS_LOG_WARN) {
        apr_atomic_inc32(&warnings);
    }
}

typedef struct {
    int number;
} row_t;

static const bks_error_t *row_insert(bks_conn_t *conn, void *baton, apr_pool_t *pool)
{
    const row_t *row = baton;

    (void)pool;
    return bks_db_exec(conn, "INSERT INTO t (n) VALUES ($1)", BKS_ARGS(bks_arg_int(row->number)), NULL);
}

static void insert_later(bks_db_t *db, int number)
{
    apr_pool_t *pool = bks_db_later_pool_make();
    row_t *row = apr_palloc(pool, sizeof(*row));

    row->number = number;
    bks_db_write_later(db, row_insert, row, pool);
}

static int comes_soon(bks_db_t *db, apr_int64_t want, apr_pool_t *pool)
{
    const apr_time_t until = apr_time_now() + SOON;

    while (ask(db, "SELECT count(*) FROM t", pool) != want) {
        if (apr_time_now() > until) {
            return 0;
        }
        apr_sleep(apr_time_from_msec(1));
    }
    return 1;
}

static void test_with_thread(bks_db_options_t options, apr_pool_t *parent)
{
    apr_pool_t *pool;
    bks_db_t *db;

    apr_pool_create(&pool, parent);
    db = must_open(&options, pool);
    tap_ok(fine(tell(db, "CREATE TABLE t (n BIGINT PRIMARY KEY)", pool), pool), "a table");
    insert_later(db, 1);
    tap_ok(comes_soon(db, 1, pool), "a write that nobody waits for is done by itself");
    insert_later(db, 2);
    tap_ok(fine(tell(db, "INSERT INTO t (n) VALUES (3)", pool), pool), "a write that is waited for");
    tap_ok(comes_soon(db, 3, pool), "and the one before it");
    insert_later(db, 1); /* breaks the key */
    insert_later(db, 4);
    tap_ok(comes_soon(db, 4, pool), "one that fails takes no other with it");
    tap_is_int(apr_atomic_read32(&warnings), 1, "and is told in the log");
    for (int i = 0; i < 200; i++) {
        insert_later(db, 100 + i);
    }
    apr_pool_destroy(pool);
    apr_pool_create(&pool, parent);
    db = must_open(&options, pool);
    tap_is_int(ask(db, "SELECT count(*) FROM t", pool), 204, "closing finishes what waits");
    apr_pool_destroy(pool);
}

static void test_without_thread(bks_db_options_t options, apr_pool_t *pool)
{
    bks_db_t *db;

    options.writer_thread = 0;
    db = must_open(&options, pool);
    insert_later(db, 1000);
    tap_is_int(ask(db, "SELECT count(*) FROM t WHERE n = 1000", pool), 1, "without a thread it is done at once");
    insert_later(db, 1000);
    tap_is_int(apr_atomic_read32(&warnings), 2, "and its failure is told too");
}

int main(void)
{
    bks_db_options_t options;
    apr_pool_t *pool;

    fixture_begin();
    apr_pool_create(&pool, NULL);
    options = fixture_options("later", pool);
    options.log.write = count_warning;
    test_with_thread(options, pool);
    test_without_thread(options, pool);
    apr_pool_destroy(pool);
    return fixture_end();
}
