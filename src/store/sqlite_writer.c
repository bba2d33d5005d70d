/* The writing side of a process: one connection, and jobs that are committed together, so that one sync of the disk
 * serves all who wait. A caller that finds nobody else there runs its own job at once, without a change of threads; those
 * who come meanwhile are run by the writer thread as the next group.
 * SPDX-License-Identifier: Apache-2.0 */
#include <pthread.h>
#include <signal.h>

#include <apr_allocator.h>
#include <apr_thread_cond.h>
#include <apr_thread_mutex.h>
#include <apr_thread_proc.h>

#include "store/sqlite.h"

enum { GROUP_MOST = 128 }; /* jobs that share a commit: the first has to wait for the last */
#define LATER_MOST apr_time_from_msec(2) /* how long a job that nobody waits for may wait for company */

typedef struct job_t job_t;
struct job_t {
    bks_db_work_fn *work;
    void *baton;
    apr_pool_t *pool; /* of the caller, who waits: whoever runs the job may use it */
    const bks_error_t *error;
    apr_time_t deadline; /* until then it waits for the database's lock */
    job_t *next;
    int is_later;            /* nobody waits: it goes with its pool when it is over */
    pthread_mutex_t lock; /* guards is_over */
    pthread_cond_t over;
    int is_over;
};

struct bks_sqlite_writer_t {
    const bks_sqlite_place_t *place;
    bks_write_lock_t write_lock;
    apr_thread_t *thread; /* NULL: each caller runs its own job, one at a time */

    apr_thread_mutex_t *lock; /* guards what follows */
    apr_thread_cond_t *changed;
    job_t *first; /* those that wait, in the order in which they came */
    job_t **last;
    job_t *later;    /* those that nobody waits for: they go with the next group, or alone when LATER_DUE has come */
    job_t **later_last;
    apr_time_t later_due;
    int is_busy;      /* a group is being run, by RUNNER */
    pthread_t runner;
    int is_closing;

    bks_sqlite_conn_t *conn; /* RUNNER's: NULL after a failure, until the next group opens it anew */
    apr_pool_t *scratch;     /* RUNNER's: for the errors of a group, with an allocator of its own */
};

/* --- A group, from its beginning to its commit. The caller is the runner. --- */

/* Runs one job as a part of the group. An error of the job is the job's own; one that is returned undoes the group. */
static const bks_error_t *job_run(bks_sqlite_writer_t *writer, job_t *job)
{
    bks_sqlite_conn_t *conn = writer->conn;
    bks_error_t *lost;

    BKS_TRY(bks_sqlite_part_begin(conn));
    bks_sqlite_lend(conn, job->pool);
    job->error = job->work(bks_sqlite_base(conn), job->baton, job->pool);
    if (!job->error) {
        job->error = bks_sqlite_part_check(conn);
    }
    bks_sqlite_lend(conn, writer->scratch);
    if (bks_sqlite_is_in_tx(conn)) {
        return bks_sqlite_part_end(conn, !job->error);
    }
    lost = bks_error_make(BKS_ERROR_UNAVAILABLE, "database_unavailable", APR_SUCCESS, writer->scratch,
                          "the transaction was lost in one of its jobs");
    lost->retry_after = 1;
    lost->cause = bks_error_copy(job->error, writer->scratch);
    return lost;
}

static const bks_error_t *jobs_run(bks_sqlite_writer_t *writer, job_t *group)
{
    for (job_t *job = group; job; job = job->next) {
        BKS_TRY(job_run(writer, job));
    }
    return bks_sqlite_commit(writer->conn);
}

/* The whole group in one transaction, waiting for the database's lock as long as its oldest job may. */
static const bks_error_t *group_transact(bks_sqlite_writer_t *writer, job_t *group)
{
    const apr_time_t left = group->deadline - bks_db_ticks();
    const bks_error_t *error;

    if (!writer->conn) {
        BKS_TRY(bks_sqlite_open(&writer->conn, writer->place, BKS_SQLITE_WRITER, writer->scratch));
    }
    error = bks_sqlite_begin(writer->conn, left > 0 ? (int)apr_time_as_msec(left) + 1 : 0, writer->scratch);
    if (!error) {
        error = jobs_run(writer, group);
    }
    if (error) {
        bks_sqlite_rollback(writer->conn);
    }
    if (bks_sqlite_is_broken(writer->conn)) {
        bks_log(&writer->place->log, BKS_LOG_NOTICE, "the writing connection of the database failed; the next is new");
        bks_sqlite_close(writer->conn);
        writer->conn = NULL;
    }
    return error;
}

static const bks_error_t *group_transact_alone(bks_sqlite_writer_t *writer, job_t *group)
{
    const bks_write_lock_t *lock = &writer->write_lock;
    const apr_status_t status = lock->lock ? lock->lock(lock->baton) : APR_SUCCESS;
    const bks_error_t *error;

    if (status != APR_SUCCESS) {
        return bks_sqlite_busy_make(status, writer->scratch, "the lock between the writers of all processes");
    }
    error = group_transact(writer, group);
    if (lock->unlock) {
        lock->unlock(lock->baton);
    }
    return error;
}

/* Says what became of JOB, which nobody waits for, if it failed. */
static void later_end(const bks_sqlite_writer_t *writer, job_t *job, const bks_error_t *group_error)
{
    const bks_error_t *error = group_error ? group_error : job->error;

    if (error) {
        bks_log(&writer->place->log, BKS_LOG_WARN, "BKS0601: a write that nobody waited for failed: %s",
                bks_error_print(error, job->pool));
    }
    apr_pool_destroy(job->pool);
}

/* Lets the caller of JOB go on, with GROUP_ERROR in place of its own if there is one. JOB is gone afterwards. */
static void job_end(const bks_sqlite_writer_t *writer, job_t *job, const bks_error_t *group_error)
{
    if (job->is_later) {
        later_end(writer, job, group_error);
        return;
    }
    if (group_error) {
        job->error = bks_error_copy(group_error, job->pool);
    }
    pthread_mutex_lock(&job->lock);
    job->is_over = 1;
    pthread_cond_signal(&job->over);
    pthread_mutex_unlock(&job->lock);
}

/* Ends those of GROUP, which did not get the lock, whose patience is over (the first at least); the others are returned. */
static job_t *group_expire(const bks_sqlite_writer_t *writer, job_t *group, const bks_error_t *error)
{
    const apr_time_t now = bks_db_ticks();
    job_t *job = group;

    do {
        job_t *next = job->next;

        job_end(writer, job, error);
        job = next;
    } while (job && job->deadline <= now);
    return job;
}

/* Runs GROUP, and returns those of it that are to be tried again. */
static job_t *group_run(bks_sqlite_writer_t *writer, job_t *group)
{
    const bks_error_t *error;

    apr_pool_clear(writer->scratch);
    error = group_transact_alone(writer, group);
    if (bks_sqlite_is_busy(error)) {
        return group_expire(writer, group, error);
    }
    while (group) {
        job_t *next = group->next;

        job_end(writer, group, error);
        group = next;
    }
    return NULL;
}

/* --- Taking turns. The lock is held by the caller. --- */

static void turn_begin(bks_sqlite_writer_t *writer)
{
    writer->is_busy = 1;
    writer->runner = pthread_self();
}

static void turn_end(bks_sqlite_writer_t *writer)
{
    writer->is_busy = 0;
    if (writer->first || writer->later || writer->is_closing || !writer->thread) {
        apr_thread_cond_signal(writer->changed);
    }
}

static void later_clear(bks_sqlite_writer_t *writer)
{
    writer->later = NULL;
    writer->later_last = &writer->later;
}

/* The waiting jobs, as many as share a commit, and behind them those that nobody waits for. */
static job_t *queue_take(bks_sqlite_writer_t *writer)
{
    job_t *group = writer->first;
    job_t **end = &group;

    for (int i = 0; i < GROUP_MOST && *end; i++) {
        end = &(*end)->next;
    }
    writer->first = *end;
    if (!writer->first) {
        writer->last = &writer->first;
    }
    *end = writer->later;
    later_clear(writer);
    return group;
}

static void queue_add(bks_sqlite_writer_t *writer, job_t *job)
{
    *writer->last = job;
    writer->last = &job->next;
}

/* Puts what is left of a group back in front. */
static void queue_return(bks_sqlite_writer_t *writer, job_t *rest)
{
    job_t **end = &rest;

    if (!rest) {
        return;
    }
    while (*end) {
        end = &(*end)->next;
    }
    if (!writer->first) {
        writer->last = end;
    }
    *end = writer->first;
    writer->first = rest;
}

/* Whether there is nothing for the thread to do yet. */
static int has_to_wait(const bks_sqlite_writer_t *writer)
{
    if (writer->is_busy) {
        return 1;
    }
    return !writer->first && !writer->is_closing && (!writer->later || bks_db_ticks() < writer->later_due);
}

static void thread_wait(bks_sqlite_writer_t *writer)
{
    const apr_time_t left = writer->later_due - bks_db_ticks();

    if (writer->later && !writer->is_busy && left > 0) {
        apr_thread_cond_timedwait(writer->changed, writer->lock, left);
    }
    else {
        apr_thread_cond_wait(writer->changed, writer->lock);
    }
}

/* The writer thread: runs all who wait, again and again, until there is nobody and the database is being closed. */
static void *APR_THREAD_FUNC thread_run(apr_thread_t *thread, void *baton)
{
    bks_sqlite_writer_t *writer = baton;

    (void)thread;
    apr_thread_mutex_lock(writer->lock);
    for (;;) {
        job_t *group;

        while (has_to_wait(writer)) {
            thread_wait(writer);
        }
        if (!writer->first && !writer->later) {
            break;
        }
        group = queue_take(writer);
        turn_begin(writer);
        apr_thread_mutex_unlock(writer->lock);
        group = group_run(writer, group);
        apr_thread_mutex_lock(writer->lock);
        queue_return(writer, group);
        turn_end(writer);
    }
    apr_thread_mutex_unlock(writer->lock);
    return NULL;
}

/* --- A caller. --- */

typedef enum { RUN, WAIT, REFUSE_CLOSING, REFUSE_NESTED } place_t;

/* What the caller has to do with JOB: run it now, in a turn that has begun, or wait for the thread that will. */
static place_t job_place(bks_sqlite_writer_t *writer, job_t *job)
{
    place_t place = RUN;

    apr_thread_mutex_lock(writer->lock);
    if (writer->is_closing) {
        place = REFUSE_CLOSING;
    }
    else if (writer->is_busy && pthread_equal(writer->runner, pthread_self())) {
        place = REFUSE_NESTED;
    }
    else if (writer->thread && (writer->is_busy || writer->first)) {
        queue_add(writer, job); /* the end of the turn wakes the thread */
        place = WAIT;
    }
    else {
        while (writer->is_busy) {
            apr_thread_cond_wait(writer->changed, writer->lock);
        }
        turn_begin(writer);
        job->next = writer->later; /* they go along */
        later_clear(writer);
    }
    apr_thread_mutex_unlock(writer->lock);
    return place;
}

static const bks_error_t *job_run_here(bks_sqlite_writer_t *writer, job_t *job)
{
    job_t *rest = group_run(writer, job); /* JOB comes first: it is over in any case */

    apr_thread_mutex_lock(writer->lock);
    queue_return(writer, rest);
    turn_end(writer);
    apr_thread_mutex_unlock(writer->lock);
    return job->error;
}

static const bks_error_t *job_wait(job_t *job)
{
    pthread_mutex_lock(&job->lock);
    while (!job->is_over) {
        pthread_cond_wait(&job->over, &job->lock);
    }
    pthread_mutex_unlock(&job->lock);
    return job->error;
}

static const bks_error_t *job_do(bks_sqlite_writer_t *writer, job_t *job)
{
    switch (job_place(writer, job)) {
    case RUN:
        return job_run_here(writer, job);
    case WAIT:
        return job_wait(job);
    case REFUSE_CLOSING:
        return bks_error_make(BKS_ERROR_UNAVAILABLE, "database_unavailable", APR_SUCCESS, job->pool,
                              "the database is being closed");
    case REFUSE_NESTED:
        break;
    }
    return bks_error_make(BKS_ERROR_INTERNAL, "database_error", APR_SUCCESS, job->pool,
                          "a write inside a write would wait for itself");
}

const bks_error_t *bks_sqlite_writer_run(bks_sqlite_writer_t *writer, bks_db_work_fn *work, void *baton, apr_pool_t *pool)
{
    job_t job = {.work = work, .baton = baton, .pool = pool};
    const bks_error_t *error;

    job.deadline = bks_db_ticks() + apr_time_from_msec(writer->place->wait_ms);
    pthread_mutex_init(&job.lock, NULL);
    pthread_cond_init(&job.over, NULL);
    error = job_do(writer, &job);
    pthread_cond_destroy(&job.over);
    pthread_mutex_destroy(&job.lock);
    return error;
}

/* Hands JOB to the thread; false if there is none that would take it. */
static int later_add(bks_sqlite_writer_t *writer, job_t *job)
{
    int taken;

    apr_thread_mutex_lock(writer->lock);
    taken = writer->thread && !writer->is_closing;
    if (taken) {
        if (!writer->later) {
            writer->later_due = bks_db_ticks() + LATER_MOST;
            apr_thread_cond_signal(writer->changed);
        }
        *writer->later_last = job;
        writer->later_last = &job->next;
    }
    apr_thread_mutex_unlock(writer->lock);
    return taken;
}

void bks_sqlite_writer_run_later(bks_sqlite_writer_t *writer, bks_db_work_fn *work, void *baton, apr_pool_t *pool)
{
    job_t *job = apr_pcalloc(pool, sizeof(*job));

    job->work = work;
    job->baton = baton;
    job->pool = pool;
    job->is_later = 1;
    job->deadline = bks_db_ticks() + apr_time_from_msec(writer->place->wait_ms);
    if (!later_add(writer, job)) {
        job->error = bks_sqlite_writer_run(writer, work, baton, pool);
        later_end(writer, job, BKS_FINE);
    }
}

/* --- Beginning and end. --- */

/* The thread takes no signals: they are for the server's own. */
static apr_status_t thread_start(bks_sqlite_writer_t *writer, apr_pool_t *pool)
{
    sigset_t all, before;
    apr_status_t status;

    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    status = apr_thread_create(&writer->thread, NULL, thread_run, writer, pool);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    return status;
}

static apr_status_t scratch_make(apr_pool_t **scratch, apr_pool_t *pool)
{
    apr_allocator_t *allocator;
    apr_status_t status = apr_allocator_create(&allocator);

    if (status == APR_SUCCESS) {
        status = apr_pool_create_ex(scratch, pool, NULL, allocator);
        if (status == APR_SUCCESS) {
            apr_allocator_owner_set(allocator, *scratch);
        }
    }
    return status;
}

static apr_status_t parts_make(bks_sqlite_writer_t *writer, apr_pool_t *pool)
{
    apr_status_t status = apr_thread_mutex_create(&writer->lock, APR_THREAD_MUTEX_DEFAULT, pool);

    if (status == APR_SUCCESS) {
        status = apr_thread_cond_create(&writer->changed, pool);
    }
    return status == APR_SUCCESS ? scratch_make(&writer->scratch, pool) : status;
}

const bks_error_t *bks_sqlite_writer_make(bks_sqlite_writer_t **out, const bks_sqlite_place_t *place,
                                          const bks_write_lock_t *lock, int with_thread, apr_pool_t *pool)
{
    bks_sqlite_writer_t *writer = apr_pcalloc(pool, sizeof(*writer));
    apr_status_t status;

    writer->place = place;
    writer->write_lock = *lock;
    writer->last = &writer->first;
    later_clear(writer);
    status = parts_make(writer, pool);
    if (status != APR_SUCCESS) {
        return bks_error_make(BKS_ERROR_INTERNAL, "database_error", status, pool, "no lock for the writer");
    }
    BKS_TRY(bks_sqlite_open(&writer->conn, place, BKS_SQLITE_WRITER, pool));
    status = with_thread ? thread_start(writer, pool) : APR_SUCCESS;
    if (status != APR_SUCCESS) {
        bks_sqlite_close(writer->conn);
        return bks_error_make(BKS_ERROR_UNAVAILABLE, "database_unavailable", status, pool, "no thread for the writer");
    }
    *out = writer;
    return BKS_FINE;
}

void bks_sqlite_writer_close(bks_sqlite_writer_t *writer)
{
    apr_status_t ended;

    if (writer->thread) {
        apr_thread_mutex_lock(writer->lock);
        writer->is_closing = 1;
        apr_thread_cond_signal(writer->changed);
        apr_thread_mutex_unlock(writer->lock);
        apr_thread_join(&ended, writer->thread);
    }
    if (writer->conn) {
        bks_sqlite_close(writer->conn);
        writer->conn = NULL;
    }
}
