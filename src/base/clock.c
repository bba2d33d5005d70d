/* The system's clock behind the house's.
 * SPDX-License-Identifier: Apache-2.0 */
#include "base/clock.h"

static apr_time_t system_now(void *baton)
{
    (void)baton;
    return apr_time_now();
}

const bks_clock_t bks_clock_system = {system_now, NULL};

apr_time_t bks_clock_now(const bks_clock_t *clock)
{
    return clock->now(clock->baton);
}

apr_int64_t bks_clock_seconds(const bks_clock_t *clock)
{
    return apr_time_sec(bks_clock_now(clock));
}
