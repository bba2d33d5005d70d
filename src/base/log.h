/* Where lines for the admin go: a function that the floor above hands down, since only src/server knows httpd's log.
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef BKS_BASE_LOG_H
#define BKS_BASE_LOG_H

#include <apr_pools.h>

typedef enum { BKS_LOG_ERROR, BKS_LOG_WARN, BKS_LOG_NOTICE, BKS_LOG_INFO, BKS_LOG_DEBUG } bks_log_level_t;

/* Writes LINE (no newline, already free of secrets) at LEVEL. Called from any thread. */
typedef void bks_log_fn(void *baton, bks_log_level_t level, const char *line);

typedef struct {
    bks_log_fn *write; /* NULL: lines are dropped */
    void *baton;
} bks_log_t;

/* Writes one formatted line to LOG, which may be NULL. The line is cut at 1,000 bytes; control characters become '?'. */
void bks_log(const bks_log_t *log, bks_log_level_t level, const char *format, ...) __attribute__((format(printf, 3, 4)));

#endif
