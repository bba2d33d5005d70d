/* Patterns by PCRE2, compiled once, with a limit on the work that one match may cost.
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef BKS_BASE_MATCH_H
#define BKS_BASE_MATCH_H

#include <apr_pools.h>

#include "base/error.h"

typedef struct bks_match_t bks_match_t;

/* Compiles PATTERN (UTF-8, anchored by its own ^ and \z). Lives as long as POOL. Fails as INTERNAL. */
const bks_error_t *bks_match_make(const bks_match_t **match, const char *pattern, apr_pool_t *pool);

/* Whether TEXT matches; a match that costs more than the limit is none. Any thread. */
int bks_match_has(const bks_match_t *match, const char *text);

#endif
