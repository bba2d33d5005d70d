/* At most so often: for log lines that a stranger could cause by the thousand.
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef BKS_BASE_THROTTLE_H
#define BKS_BASE_THROTTLE_H

#include <apr_time.h>

typedef struct {
    apr_time_t last; /* when it last let one pass; 0 at first */
} bks_throttle_t;

/* Whether one may pass at NOW: the last one that did was at least EVERY before. Any thread. */
int bks_throttle_pass(bks_throttle_t *throttle, apr_time_t now, apr_time_t every);

#endif
