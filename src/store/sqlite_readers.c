/* The reading connections of a process: opened when they are first needed, lent to one thread at a time.
 * SPDX-License-Identifier: Apache-2.0 */
#include <apr_thread_cond.h>
#include <apr_thread_mutex.h>

#include "store/sqlite.h"

struct bks_sqlite_readers_t {
    const bks_sqlite_place_t *place;
    int most;
    apr_thread_mutex_t *lock; /* guards what follows */
    apr_thread_cond_t *given;
    int open; /* lent and free */
    int free;
    bks_sqlite_conn_t **conns; /* the FREE ones; the last given is taken first, its cache is warm */
};

const bks_error_t *bks_sqlite_readers_make(bks_sqlite_readers_t **out, const bks_sqlite_place_t *place, int most,
                                           apr_pool_t *pool)
{
    bks_sqlite_readers_t *readers = apr_pcalloc(pool, sizeof(*readers));
    apr_status_t status;

    readers->place = place;
    readers->most = most;
    readers->conns = apr_pcalloc(pool, (apr_size_t)most * sizeof(*readers->conns));
    status = apr_thread_mutex_create(&readers->lock, APR_THREAD_MUTEX_DEFAULT, pool);
    if (status == APR_SUCCESS) {
        status = apr_thread_cond_create(&readers->given, pool);
    }
    if (status != APR_SUCCESS) {
        return bks_error_make(BKS_ERROR_INTERNAL, "database_error", status, pool, "no lock for the readers");
    }
    *out = readers;
    return BKS_FINE;
}

/* Waits, with the lock held, until a connection is free or may be opened; false: the time is over. */
static int wait_for_one(bks_sqlite_readers_t *readers)
{
    const apr_time_t deadline = bks_db_ticks() + apr_time_from_msec(readers->place->wait_ms);

    while (readers->free == 0 && readers->open >= readers->most) {
        const apr_interval_time_t left = deadline - bks_db_ticks();

        if (left <= 0) {
            return 0;
        }
        apr_thread_cond_timedwait(readers->given, readers->lock, left);
    }
    return 1;
}

/* Gives CONN back, or the right to open one if it is NULL. */
static void give(bks_sqlite_readers_t *readers, bks_sqlite_conn_t *conn)
{
    apr_thread_mutex_lock(readers->lock);
    if (conn) {
        readers->conns[readers->free++] = conn;
    }
    else {
        readers->open--;
    }
    apr_thread_cond_signal(readers->given);
    apr_thread_mutex_unlock(readers->lock);
}

static const bks_error_t *take(bks_sqlite_readers_t *readers, bks_sqlite_conn_t **conn, apr_pool_t *pool)
{
    const bks_error_t *error;
    int has;

    *conn = NULL;
    apr_thread_mutex_lock(readers->lock);
    has = wait_for_one(readers);
    if (has && readers->free > 0) {
        *conn = readers->conns[--readers->free];
    }
    else if (has) {
        readers->open++;
    }
    apr_thread_mutex_unlock(readers->lock);
    if (!has) {
        return bks_sqlite_busy_make(APR_TIMEUP, pool, "every reading connection is in use");
    }
    if (*conn) {
        return BKS_FINE;
    }
    error = bks_sqlite_open(conn, readers->place, BKS_SQLITE_READER, pool);
    if (error) {
        give(readers, NULL);
    }
    return error;
}

/* Leaves nothing of the job in CONN: no transaction, no open row. */
static void give_clean(bks_sqlite_readers_t *readers, bks_sqlite_conn_t *conn)
{
    bks_sqlite_rollback(conn);
    if (bks_sqlite_is_broken(conn)) {
        bks_log(&readers->place->log, BKS_LOG_NOTICE, "a reading connection of the database failed; the next is new");
        bks_sqlite_close(conn);
        conn = NULL;
    }
    give(readers, conn);
}

const bks_error_t *bks_sqlite_readers_run(bks_sqlite_readers_t *readers, bks_db_work_fn *work, void *baton,
                                          apr_pool_t *pool)
{
    const bks_error_t *error;
    bks_sqlite_conn_t *conn;

    BKS_TRY(take(readers, &conn, pool));
    error = bks_sqlite_begin(conn, readers->place->wait_ms, pool);
    if (!error) {
        error = work(bks_sqlite_base(conn), baton, pool);
    }
    give_clean(readers, conn);
    return error;
}

void bks_sqlite_readers_close(bks_sqlite_readers_t *readers)
{
    apr_thread_mutex_lock(readers->lock);
    while (readers->free > 0) {
        bks_sqlite_close(readers->conns[--readers->free]);
        readers->open--;
    }
    apr_thread_mutex_unlock(readers->lock);
}
