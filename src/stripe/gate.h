/* The gate before Stripe, in memory that all processes share: a bulkhead (how many may wait at once) and a circuit
 * breaker (when Stripe is down, say so at once). Plain memory and atomics; whoever maps it hands it in.
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef BKS_STRIPE_GATE_H
#define BKS_STRIPE_GATE_H

#include <apr_pools.h>
#include <apr_time.h>

#include "base/clock.h"
#include "base/error.h"

typedef struct bks_gate_memory_t bks_gate_memory_t; /* what lies in shared memory */
typedef struct bks_gate_t bks_gate_t;               /* one process's view of it */

/* Bytes that the shared part needs for SLOTS processes. */
apr_size_t bks_gate_size(int slots);

/* Makes MEMORY (bks_gate_size(SLOTS) bytes, aligned to 8) ready; once, before there are children. */
void bks_gate_format(void *memory, int slots);

typedef struct {
    int per_process; /* most calls of one process at once (half of its threads, at least one); 0: no such limit */
    int overall;     /* most calls of all processes together; 0: no such limit */
} bks_gate_limits_t;

/* This process's view: claims a slot (a dead process's slot is claimed and what it held is given back), which goes back
 * when POOL ends. Call it in the process that makes the calls, not before a fork. With more processes than slots the
 * rest go without: what they hold is then counted against the overall limit by themselves alone. */
const bks_error_t *bks_gate_attach(bks_gate_t **gate, void *memory, const bks_gate_limits_t *limits,
                                   const bks_clock_t *clock, apr_pool_t *pool);

/* Asks for passage. UNAVAILABLE "stripe_unavailable" with retry_after when full or the breaker is open; otherwise the
 * caller must call bks_gate_report and bks_gate_leave. Never waits. Any thread. */
const bks_error_t *bks_gate_enter(bks_gate_t *gate, apr_pool_t *pool);

/* Gives the place back. */
void bks_gate_leave(bks_gate_t *gate);

/* What one try told about Stripe's health: 5 failures in a row (of any process) open the breaker for 2 seconds; after
 * that one call at a time probes, and the first success closes it. A refusal (4xx) is a success here. A probe that
 * never reports (its process was killed) is given up after 10 seconds. Returns whether this report opened it. */
int bks_gate_report(bks_gate_t *gate, int healthy);

/* Whether calls would be refused now because the breaker is open. */
int bks_gate_is_open(const bks_gate_t *gate);

/* Whether a call under way may try again: the breaker is closed (not open, and not waiting for a probe either). */
int bks_gate_may_retry(const bks_gate_t *gate);

/* Places held now by all processes. */
int bks_gate_count(const bks_gate_t *gate);

#endif
