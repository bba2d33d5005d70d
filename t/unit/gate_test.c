/* Units of src/stripe/gate.c: places, the breaker by a clock of ours, killed processes, many threads and processes.
 * SPDX-License-Identifier: Apache-2.0 */
#include <signal.h>
#include <stdatomic.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include <apr_general.h>
#include <apr_thread_proc.h>

#include "stripe/gate.h"
#include "tap.h"

#define SLOTS 8
#define THREADS 8
#define ROUNDS 3000

static apr_time_t fake_now;

static apr_time_t tell(void *baton)
{
    return *(apr_time_t *)baton;
}

static const bks_clock_t fake_clock = {tell, &fake_now};

/* Memory that children share. */
static void *map_memory(int slots)
{
    void *memory = mmap(NULL, bks_gate_size(slots), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);

    bks_gate_format(memory, slots);
    return memory;
}

static bks_gate_t *attach(void *memory, int per_process, int overall, apr_pool_t *pool)
{
    const bks_gate_limits_t limits = {per_process, overall};
    bks_gate_t *gate = NULL;

    return bks_gate_attach(&gate, memory, &limits, &fake_clock, pool) ? NULL : gate;
}

static int enters(bks_gate_t *gate, apr_pool_t *pool)
{
    return bks_gate_enter(gate, pool) == BKS_FINE;
}

static void test_limits(apr_pool_t *pool)
{
    bks_gate_t *gate = attach(map_memory(SLOTS), 2, 0, pool);
    const bks_error_t *error;

    tap_ok(enters(gate, pool) && enters(gate, pool), "two of two places are taken");
    error = bks_gate_enter(gate, pool);
    tap_ok(error && error->kind == BKS_ERROR_UNAVAILABLE && error->retry_after > 0, "the third hears when to come back");
    tap_is_int(bks_gate_count(gate), 2, "a refused one leaves no trace");
    bks_gate_leave(gate);
    tap_ok(enters(gate, pool), "a place given back is taken again");
    bks_gate_leave(gate);
    bks_gate_leave(gate);
    tap_is_int(bks_gate_count(gate), 0, "all places are given back");
    gate = attach(map_memory(SLOTS), 0, 1, pool);
    tap_ok(enters(gate, pool) && !enters(gate, pool), "the overall limit holds within one process");
    gate = attach(map_memory(SLOTS), 0, 0, pool);
    tap_ok(enters(gate, pool) && enters(gate, pool) && enters(gate, pool), "no limit is none");
    gate = attach(map_memory(0), 0, 1, pool);
    tap_ok(enters(gate, pool) && !enters(gate, pool), "without a slot the process still counts itself");
}

static void fail_times(bks_gate_t *gate, int times)
{
    for (int i = 0; i < times; i++) {
        bks_gate_report(gate, 0);
    }
}

static void test_breaker(apr_pool_t *pool)
{
    bks_gate_t *gate = attach(map_memory(SLOTS), 0, 0, pool);
    const bks_error_t *error;

    fake_now = apr_time_from_sec(1792000000);
    fail_times(gate, 4);
    bks_gate_report(gate, 1);
    fail_times(gate, 4);
    tap_ok(enters(gate, pool) && bks_gate_may_retry(gate), "four failures, a success, four failures: closed");
    tap_ok(bks_gate_report(gate, 0), "the fifth in a row opens it, and says so");
    tap_ok(!bks_gate_report(gate, 0), "the sixth doesn't say so again");
    tap_ok(bks_gate_is_open(gate) && !bks_gate_may_retry(gate), "open: nobody tries again");
    error = bks_gate_enter(gate, pool);
    tap_ok(error && error->kind == BKS_ERROR_UNAVAILABLE && error->retry_after == 2, "calls are refused for 2 s");
    fake_now += apr_time_from_msec(1500);
    bks_gate_report(gate, 0);
    fake_now += apr_time_from_msec(501);
    tap_ok(!bks_gate_is_open(gate), "stragglers that fail make the pause no longer");
    tap_ok(enters(gate, pool), "after 2 s one call probes");
    tap_ok(!enters(gate, pool), "one alone");
    tap_ok(!bks_gate_may_retry(gate), "and nobody else tries again meanwhile");
    tap_ok(!bks_gate_report(gate, 0), "the probe fails: open again, which is no news");
    tap_ok(!enters(gate, pool), "for another 2 s");
    fake_now += apr_time_from_msec(2001);
    tap_ok(enters(gate, pool), "the next probe");
    bks_gate_report(gate, 1);
    tap_ok(enters(gate, pool) && enters(gate, pool) && !bks_gate_is_open(gate), "its success closes the breaker");
    fail_times(gate, 4);
    tap_ok(enters(gate, pool), "and the count starts at nought");
}

static void test_breaker_recovers(apr_pool_t *pool)
{
    bks_gate_t *gate = attach(map_memory(SLOTS), 0, 0, pool);

    fake_now = apr_time_from_sec(1792000000);
    fail_times(gate, 5);
    fake_now += apr_time_from_sec(3);
    tap_ok(enters(gate, pool) && !enters(gate, pool), "a probe that never reports ...");
    fake_now += apr_time_from_sec(11);
    tap_ok(enters(gate, pool), "... is given up after 10 s");
    fake_now -= apr_time_from_sec(3600);
    tap_ok(enters(gate, pool), "a clock that was set back by an hour keeps nobody out for an hour");
}

/* A child that enters TIMES times and waits to be killed; returns once it has entered. */
static pid_t fork_holder(void *memory, int times, apr_pool_t *pool)
{
    int ready[2];
    char byte = 0;
    pid_t child;

    if (pipe(ready) != 0) {
        return -1;
    }
    child = fork();
    if (child == 0) {
        bks_gate_t *gate = attach(memory, 0, 0, pool);

        for (int i = 0; i < times; i++) {
            byte = enters(gate, pool) ? 'y' : 'n';
        }
        if (write(ready[1], &byte, 1) == 1) {
            pause();
        }
        _exit(0);
    }
    close(ready[1]);
    if (read(ready[0], &byte, 1) != 1 || byte != 'y') {
        byte = 'n';
    }
    close(ready[0]);
    return byte == 'y' ? child : -1;
}

static void kill_child(pid_t child)
{
    kill(child, SIGKILL);
    waitpid(child, NULL, 0);
}

static void test_killed_process(apr_pool_t *pool)
{
    void *memory = map_memory(SLOTS);
    bks_gate_t *gate = attach(memory, 0, 3, pool);
    pid_t child;

    fake_now = apr_time_from_sec(1792000000);
    child = fork_holder(memory, 3, pool);
    tap_ok(child > 0 && !enters(gate, pool), "a living process holds all places");
    tap_is_int(bks_gate_count(gate), 3, "three of them");
    kill_child(child);
    tap_ok(enters(gate, pool), "once it is killed, its places are free");
    tap_is_int(bks_gate_count(gate), 1, "all of them");
}

static void test_slots_of_killed(apr_pool_t *pool)
{
    void *memory = map_memory(1);
    const pid_t child = fork_holder(memory, 2, pool);
    bks_gate_t *gate;
    apr_pool_t *own;

    kill_child(child);
    apr_pool_create(&own, pool);
    gate = attach(memory, 0, 2, own);
    tap_is_int(bks_gate_count(gate), 0, "the only slot is claimed from a killed process, and is empty");
    tap_ok(enters(gate, own) && enters(gate, own) && !enters(gate, own), "and counts again");
    apr_pool_destroy(own);
    gate = attach(memory, 0, 2, pool);
    tap_is_int(bks_gate_count(gate), 0, "a process that ends in order gives its slot back");
}

static void test_lost_number(apr_pool_t *pool)
{
    void *memory = map_memory(SLOTS);
    bks_gate_t *gate = attach(memory, 0, 1, pool);
    pid_t child;

    fake_now = apr_time_from_sec(1792000000);
    child = fork_holder(memory, 1, pool);
    tap_ok(child > 0 && !enters(gate, pool), "the place is taken");
    fake_now += apr_time_from_sec(601);
    tap_ok(enters(gate, pool), "a claim that has not moved for ten minutes is nobody's, though its number lives");
    kill_child(child);
}

/* Many threads, and what they saw. */

typedef struct {
    bks_gate_t *gate;
    _Atomic int inside;
    _Atomic int most;
    _Atomic int passed;
} crowd_t;

static void note_most(crowd_t *crowd, int inside)
{
    int most = atomic_load(&crowd->most);

    while (inside > most && !atomic_compare_exchange_weak(&crowd->most, &most, inside)) {
        /* somebody else noted more, or less, meanwhile */
    }
}

static void *APR_THREAD_FUNC push_through(apr_thread_t *thread, void *baton)
{
    crowd_t *crowd = baton;
    apr_pool_t *pool;

    apr_pool_create(&pool, apr_thread_pool_get(thread));
    for (int i = 0; i < ROUNDS; i++) {
        if (enters(crowd->gate, pool)) {
            note_most(crowd, atomic_fetch_add(&crowd->inside, 1) + 1);
            atomic_fetch_add(&crowd->passed, 1);
            bks_gate_report(crowd->gate, i % 7 != 0);
            atomic_fetch_sub(&crowd->inside, 1);
            bks_gate_leave(crowd->gate);
        }
        apr_pool_clear(pool);
    }
    return NULL;
}

static void run_crowd(crowd_t *crowd, apr_pool_t *pool)
{
    apr_thread_t *threads[THREADS];
    apr_status_t status;

    for (int i = 0; i < THREADS; i++) {
        apr_thread_create(&threads[i], NULL, push_through, crowd, pool);
    }
    for (int i = 0; i < THREADS; i++) {
        apr_thread_join(&status, threads[i]);
    }
}

static void test_threads(apr_pool_t *pool)
{
    crowd_t by_process = {.gate = attach(map_memory(SLOTS), 3, 0, pool)};
    crowd_t by_all = {.gate = attach(map_memory(SLOTS), 0, 2, pool)};

    run_crowd(&by_process, pool);
    tap_ok(by_process.most <= 3 && by_process.passed > ROUNDS, "never more threads inside than the process may have");
    tap_is_int(bks_gate_count(by_process.gate), 0, "all places came back");
    run_crowd(&by_all, pool);
    tap_ok(by_all.most <= 2 && by_all.passed > ROUNDS, "never more threads inside than all may have");
    tap_is_int(bks_gate_count(by_all.gate), 0, "all places came back");
}

/* Processes that push through a gate for two, and some that are killed while they do. */

typedef struct {
    _Atomic int inside;
    _Atomic int most;
} shared_crowd_t;

static pid_t fork_pusher(void *memory, shared_crowd_t *shared, apr_pool_t *pool)
{
    const pid_t child = fork();
    bks_gate_t *gate;

    if (child) {
        return child;
    }
    gate = attach(memory, 0, 2, pool);
    for (int i = 0; i < ROUNDS || !shared; i++) {
        apr_pool_t *round;

        apr_pool_create(&round, pool);
        if (enters(gate, round)) {
            if (shared) {
                const int inside = atomic_fetch_add(&shared->inside, 1) + 1;

                if (inside > atomic_load(&shared->most)) {
                    atomic_store(&shared->most, inside);
                }
                atomic_fetch_sub(&shared->inside, 1);
            }
            bks_gate_leave(gate);
        }
        apr_pool_destroy(round);
    }
    _exit(0);
}

static void test_processes(apr_pool_t *pool)
{
    void *memory = map_memory(SLOTS);
    shared_crowd_t *shared = mmap(NULL, sizeof(*shared), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    pid_t children[4];

    for (int i = 0; i < 4; i++) {
        children[i] = fork_pusher(memory, shared, pool);
    }
    for (int i = 0; i < 4; i++) {
        waitpid(children[i], NULL, 0);
    }
    tap_ok(shared->most >= 1 && shared->most <= 2, "never more inside, over four processes, than all may have");
    tap_is_int(bks_gate_count(attach(memory, 0, 2, pool)), 0, "and nothing is left behind");
}

static void test_kills(apr_pool_t *pool)
{
    void *memory = map_memory(4);
    bks_gate_t *gate;
    int fine = 1;

    for (int i = 0; i < 60; i++) {
        const pid_t child = fork_pusher(memory, NULL, pool);

        usleep((useconds_t)(i * 37 % 1000)); /* somewhere in its work */
        kill_child(child);
    }
    gate = attach(memory, 0, 2, pool);
    for (int i = 0; i < 100; i++) {
        fine = fine && enters(gate, pool) && enters(gate, pool) && !enters(gate, pool);
        bks_gate_leave(gate);
        bks_gate_leave(gate);
    }
    tap_ok(fine, "after 60 kills anywhere in the work, two places are two places");
    tap_is_int(bks_gate_count(gate), 0, "and all come back");
}

int main(int argc, const char *const *argv)
{
    apr_pool_t *pool;

    apr_app_initialize(&argc, &argv, NULL);
    apr_pool_create(&pool, NULL);
    test_limits(pool);
    test_breaker(pool);
    test_breaker_recovers(pool);
    test_killed_process(pool);
    test_slots_of_killed(pool);
    test_lost_number(pool);
    test_threads(pool);
    test_processes(pool);
    test_kills(pool);
    apr_pool_destroy(pool);
    apr_terminate();
    return tap_done();
}
