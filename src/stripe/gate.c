/* The gate before Stripe: places counted per process, slots in shared memory, and the breaker.
 * SPDX-License-Identifier: Apache-2.0 */
#include "stripe/gate.h"

#include <errno.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdint.h>
#include <unistd.h>

/* C11 atomics rather than APR's: APR 1.6 has none of 64 bits, and where the machine lacks one APR falls back to a
 * mutex of the process, which would guard nothing here. These must not fall back either. */
_Static_assert(ATOMIC_LLONG_LOCK_FREE == 2 && ATOMIC_INT_LOCK_FREE == 2, "shared counts need lock-free atomics");

#define CACHE_LINE 64
#define FAILURES_TO_OPEN 5
#define OPEN_PAUSE (2 * APR_USEC_PER_SEC)   /* between opening and the first probe */
#define PROBE_LEASE (10 * APR_USEC_PER_SEC) /* a probe that has not reported by then was lost with its process */
#define PLACE_LEASE (600 * APR_USEC_PER_SEC) /* no call lasts as long: the process's number has gone to another */
#define FULL_RETRY_SECONDS 2
#define CONTENDED_TRIES 4

/* A process's claim: its number and the places that it holds in one word, so that a process which is killed between
 * any two instructions leaves either the old truth or the new one. 0: free. */
typedef struct {
    _Atomic uint64_t claim;
    _Atomic int64_t moved; /* when it last entered */
    char pad[CACHE_LINE - 2 * sizeof(uint64_t)];
} slot_t;

/* The breaker is one word too: 0 closed; otherwise the time at which the next probe may go, even while nobody probes
 * and odd while a probe is out. */
struct bks_gate_memory_t {
    int32_t slots;
    _Atomic uint32_t failures; /* in a row, up to FAILURES_TO_OPEN */
    _Atomic int64_t retry_at;
    char pad[CACHE_LINE - 2 * sizeof(uint64_t)];
    slot_t slot[];
};

struct bks_gate_t {
    bks_gate_memory_t *memory;
    slot_t *slot; /* NULL: every slot belongs to a living process, and only this process knows what it holds */
    bks_gate_limits_t limits;
    const bks_clock_t *clock;
    uint32_t pid;
    _Atomic int held; /* by this process */
};

static uint32_t claim_pid(uint64_t claim)
{
    return (uint32_t)(claim >> 32);
}

static uint32_t claim_held(uint64_t claim)
{
    return (uint32_t)claim;
}

static uint64_t claim_of(uint32_t pid)
{
    return (uint64_t)pid << 32;
}

apr_size_t bks_gate_size(int slots)
{
    return sizeof(bks_gate_memory_t) + (apr_size_t)(slots > 0 ? slots : 0) * sizeof(slot_t);
}

void bks_gate_format(void *memory, int slots)
{
    bks_gate_memory_t *shared = memory;

    shared->slots = slots > 0 ? slots : 0;
    atomic_init(&shared->failures, 0);
    atomic_init(&shared->retry_at, 0);
    for (int i = 0; i < shared->slots; i++) {
        atomic_init(&shared->slot[i].claim, 0);
        atomic_init(&shared->slot[i].moved, 0);
    }
}

/* Slots. */

static int is_gone(uint32_t pid)
{
    return kill((pid_t)pid, 0) != 0 && errno == ESRCH;
}

/* Makes SLOT this process's if it is free, its owner is gone, or its owner was an earlier process of our number. */
static int claim_slot(slot_t *slot, uint32_t pid)
{
    uint64_t claim = atomic_load(&slot->claim);

    if (claim && claim_pid(claim) != pid && !is_gone(claim_pid(claim))) {
        return 0;
    }
    return atomic_compare_exchange_strong(&slot->claim, &claim, claim_of(pid));
}

static apr_status_t detach(void *baton)
{
    bks_gate_t *gate = baton;
    uint64_t claim = atomic_load(&gate->slot->claim);

    while (claim_pid(claim) == gate->pid && !atomic_compare_exchange_weak(&gate->slot->claim, &claim, 0)) {
        /* another thread of ours was leaving */
    }
    return APR_SUCCESS;
}

/* A number that was given to a new process may still stand in the slot of the old one: that slot first. */
static slot_t *find_own_slot(bks_gate_memory_t *memory, uint32_t pid)
{
    for (int i = 0; i < memory->slots; i++) {
        if (claim_pid(atomic_load(&memory->slot[i].claim)) == pid) {
            return &memory->slot[i];
        }
    }
    return NULL;
}

static slot_t *find_slot(bks_gate_memory_t *memory, uint32_t pid)
{
    slot_t *own = find_own_slot(memory, pid);

    if (own && claim_slot(own, pid)) {
        return own;
    }
    for (int i = 0; i < memory->slots; i++) {
        if (claim_slot(&memory->slot[i], pid)) {
            return &memory->slot[i];
        }
    }
    return NULL;
}

const bks_error_t *bks_gate_attach(bks_gate_t **gate, void *memory, const bks_gate_limits_t *limits,
                                   const bks_clock_t *clock, apr_pool_t *pool)
{
    bks_gate_t *made = apr_pcalloc(pool, sizeof(*made));

    made->memory = memory;
    made->limits = *limits;
    made->clock = clock;
    made->pid = (uint32_t)getpid();
    atomic_init(&made->held, 0);
    made->slot = find_slot(made->memory, made->pid);
    if (made->slot) {
        apr_pool_cleanup_register(pool, made, detach, apr_pool_cleanup_null);
    }
    *gate = made;
    return BKS_FINE;
}

/* Places. */

/* Adds STEP (1 or -1) to what the slot holds; false if there is none, or it is no longer ours (see PLACE_LEASE). */
static int move_claim(const bks_gate_t *gate, int step)
{
    uint64_t claim;
    uint64_t next;

    if (!gate->slot) {
        return 0;
    }
    claim = atomic_load(&gate->slot->claim);
    do {
        if (claim_pid(claim) != gate->pid || (step < 0 && !claim_held(claim))) {
            return 0;
        }
        next = step > 0 ? claim + 1 : claim - 1;
    } while (!atomic_compare_exchange_weak(&gate->slot->claim, &claim, next));
    return 1;
}

/* Places held by all processes; what this one holds counts even if it has no slot to show it in. */
static int64_t count_held(const bks_gate_t *gate)
{
    int64_t held = 0;
    int shown = 0;

    for (int i = 0; i < gate->memory->slots; i++) {
        uint64_t claim = atomic_load(&gate->memory->slot[i].claim);

        held += claim_held(claim);
        shown = shown || claim_pid(claim) == gate->pid;
    }
    return shown ? held : held + atomic_load(&gate->held);
}

int bks_gate_count(const bks_gate_t *gate)
{
    return (int)count_held(gate);
}

/* Gives back what processes hold that are gone, or whose number went to a stranger. */
static void sweep(const bks_gate_t *gate)
{
    apr_time_t now = bks_clock_now(gate->clock);

    for (int i = 0; i < gate->memory->slots; i++) {
        slot_t *slot = &gate->memory->slot[i];
        uint64_t claim = atomic_load(&slot->claim);

        if (!claim_held(claim) || claim_pid(claim) == gate->pid) {
            continue;
        }
        if (is_gone(claim_pid(claim)) || now - atomic_load(&slot->moved) > PLACE_LEASE) {
            atomic_compare_exchange_strong(&slot->claim, &claim, 0); /* fails if it moved: then it lives */
        }
    }
}

static int take_own_place(bks_gate_t *gate)
{
    int held = atomic_load(&gate->held);

    do {
        if (gate->limits.per_process && held >= gate->limits.per_process) {
            return 0;
        }
    } while (!atomic_compare_exchange_weak(&gate->held, &held, held + 1));
    return 1;
}

/* Adds one to what the slot holds. A process that was stopped past PLACE_LEASE takes its slot again, if nobody has. */
static int show_place(const bks_gate_t *gate)
{
    uint64_t nobody = 0;

    if (!gate->slot) {
        return 0;
    }
    atomic_store(&gate->slot->moved, bks_clock_now(gate->clock));
    if (move_claim(gate, 1)) {
        return 1;
    }
    atomic_compare_exchange_strong(&gate->slot->claim, &nobody, claim_of(gate->pid));
    return move_claim(gate, 1);
}

/* Taking first and counting afterwards never lets one too many in. Several that take the last place at once may all
 * see too many and step back, so each tries again a few times. */
static int take_shared_place(const bks_gate_t *gate)
{
    for (int i = 0; i < CONTENDED_TRIES; i++) {
        const int shown = show_place(gate);

        if (!gate->limits.overall || count_held(gate) <= gate->limits.overall) {
            return 1;
        }
        if (shown) {
            move_claim(gate, -1);
        }
        if (i == 0) {
            sweep(gate);
        }
        if (count_held(gate) >= gate->limits.overall) {
            return 0;
        }
    }
    return 0;
}

static int take_place(bks_gate_t *gate)
{
    if (!take_own_place(gate)) {
        return 0;
    }
    if (!take_shared_place(gate)) {
        atomic_fetch_sub(&gate->held, 1);
        return 0;
    }
    return 1;
}

void bks_gate_leave(bks_gate_t *gate)
{
    move_claim(gate, -1);
    atomic_fetch_sub(&gate->held, 1);
}

/* The breaker. */

/* Microseconds until the next probe may go, 0 if it may go now. A clock that was set back does not make it longer. */
static apr_time_t pause_left(const bks_gate_t *gate, int64_t retry_at)
{
    apr_time_t left = retry_at - bks_clock_now(gate->clock);

    return left > 0 && left <= PROBE_LEASE + 1 ? left : 0; /* 1: the bit that makes it a probe */
}

static int64_t as_pause(apr_time_t until)
{
    return until & ~(int64_t)1;
}

static int64_t as_probe(apr_time_t until)
{
    return until | 1;
}

static int is_probe(int64_t retry_at)
{
    return (retry_at & 1) != 0;
}

/* 0: go on; otherwise the microseconds to stay away. When the pause is over, the first who asks becomes the probe. */
static apr_time_t ask_breaker(const bks_gate_t *gate)
{
    int64_t retry_at = atomic_load(&gate->memory->retry_at);
    int64_t lease;
    apr_time_t left;

    if (!retry_at) {
        return 0;
    }
    left = pause_left(gate, retry_at);
    if (left) {
        return left;
    }
    lease = as_probe(bks_clock_now(gate->clock) + PROBE_LEASE);
    return atomic_compare_exchange_strong(&gate->memory->retry_at, &retry_at, lease) || !retry_at ? 0 : OPEN_PAUSE;
}

int bks_gate_is_open(const bks_gate_t *gate)
{
    int64_t retry_at = atomic_load(&gate->memory->retry_at);

    return retry_at && pause_left(gate, retry_at) > 0;
}

int bks_gate_may_retry(const bks_gate_t *gate)
{
    return !atomic_load(&gate->memory->retry_at);
}

static uint32_t count_failure(bks_gate_memory_t *memory)
{
    uint32_t failures = atomic_load(&memory->failures);

    do {
        if (failures >= FAILURES_TO_OPEN) {
            return failures;
        }
    } while (!atomic_compare_exchange_weak(&memory->failures, &failures, failures + 1));
    return failures + 1;
}

/* A success writes only where there was a failure before it, so that the word stays in every processor's cache. */
static void close_breaker(bks_gate_memory_t *memory)
{
    if (atomic_load(&memory->failures)) {
        atomic_store(&memory->failures, 0);
    }
    if (atomic_load(&memory->retry_at)) {
        atomic_store(&memory->retry_at, 0);
    }
}

/* Opens, or goes back to open after a probe. Stragglers that fail while it is open don't make the pause longer. */
static int open_breaker(const bks_gate_t *gate)
{
    int64_t retry_at = atomic_load(&gate->memory->retry_at);

    if (retry_at && !is_probe(retry_at)) {
        return 0;
    }
    return atomic_compare_exchange_strong(&gate->memory->retry_at, &retry_at,
                                          as_pause(bks_clock_now(gate->clock) + OPEN_PAUSE)) && !retry_at;
}

int bks_gate_report(bks_gate_t *gate, int healthy)
{
    if (healthy) {
        close_breaker(gate->memory);
        return 0;
    }
    return count_failure(gate->memory) >= FAILURES_TO_OPEN && open_breaker(gate);
}

static const bks_error_t *refuse(apr_time_t wait, const char *why, apr_pool_t *pool)
{
    bks_error_t *error = bks_error_make(BKS_ERROR_UNAVAILABLE, "stripe_unavailable", APR_SUCCESS, pool, "%s", why);

    error->retry_after = (int)((wait + APR_USEC_PER_SEC - 1) / APR_USEC_PER_SEC);
    return error;
}

const bks_error_t *bks_gate_enter(bks_gate_t *gate, apr_pool_t *pool)
{
    apr_time_t wait;

    if (!take_place(gate)) {
        return refuse(FULL_RETRY_SECONDS * APR_USEC_PER_SEC, "as many calls as may wait for Stripe are waiting", pool);
    }
    wait = ask_breaker(gate); /* with a place in hand, so that whoever becomes the probe does go */
    if (wait) {
        bks_gate_leave(gate);
        return refuse(wait, "Stripe has failed repeatedly, calls are held back", pool);
    }
    return BKS_FINE;
}
