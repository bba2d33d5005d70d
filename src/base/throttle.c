/* One compare-and-set decides who passes.
 * SPDX-License-Identifier: Apache-2.0 */
#include "base/throttle.h"

int bks_throttle_pass(bks_throttle_t *throttle, apr_time_t now, apr_time_t every)
{
    apr_time_t last = __atomic_load_n(&throttle->last, __ATOMIC_RELAXED);

    return (last == 0 || now - last >= every || now < last)
           && __atomic_compare_exchange_n(&throttle->last, &last, now, 0, __ATOMIC_RELAXED, __ATOMIC_RELAXED);
}
