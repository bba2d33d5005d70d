/* The time, handed down so that a test can set it.
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef BKS_BASE_CLOCK_H
#define BKS_BASE_CLOCK_H

#include <apr_time.h>

typedef struct {
    apr_time_t (*now)(void *baton); /* microseconds since 1970, UTC */
    void *baton;
} bks_clock_t;

extern const bks_clock_t bks_clock_system;

/* CLOCK's time in microseconds. */
apr_time_t bks_clock_now(const bks_clock_t *clock);

/* CLOCK's time in whole seconds, as the database stores it. */
apr_int64_t bks_clock_seconds(const bks_clock_t *clock);

/* How long a request spent waiting, in microseconds: the admin sees it in Server-Timing. */
typedef struct {
    apr_time_t stripe;
    apr_time_t db;
} bks_timing_t;

#endif
