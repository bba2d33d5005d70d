/* PCRE2 behind two calls. No other file includes pcre2.h.
 * SPDX-License-Identifier: Apache-2.0 */
#define PCRE2_CODE_UNIT_WIDTH 8
#include "base/match.h"

#include <string.h>

#include <pcre2.h>

#define MATCH_STEPS_MAX 20000 /* a hostile text ends as "no match" within a millisecond or so */
#define MATCH_BYTES_MAX 4096  /* nothing that we match is longer */

struct bks_match_t {
    pcre2_code *code;
    pcre2_match_context *limits;
};

static apr_status_t free_match(void *baton)
{
    bks_match_t *match = baton;

    pcre2_match_context_free(match->limits);
    pcre2_code_free(match->code);
    return APR_SUCCESS;
}

const bks_error_t *bks_match_make(const bks_match_t **match, const char *pattern, apr_pool_t *pool)
{
    bks_match_t *made = apr_pcalloc(pool, sizeof(*made));
    PCRE2_SIZE where = 0;
    int why = 0;

    made->code = pcre2_compile((PCRE2_SPTR)pattern, PCRE2_ZERO_TERMINATED, PCRE2_UTF | PCRE2_UCP, &why, &where, NULL);
    made->limits = pcre2_match_context_create(NULL);
    apr_pool_cleanup_register(pool, made, free_match, apr_pool_cleanup_null);
    if (!made->code || !made->limits) {
        return bks_error_make(BKS_ERROR_INTERNAL, "internal", APR_SUCCESS, pool, "pattern %s: PCRE2 error %d at %ld",
                              pattern, why, (long)where);
    }
    pcre2_set_match_limit(made->limits, MATCH_STEPS_MAX);
    *match = made;
    return BKS_FINE;
}

int bks_match_has(const bks_match_t *match, const char *text)
{
    const size_t length = strlen(text);
    pcre2_match_data *found;
    int count;

    if (length > MATCH_BYTES_MAX) {
        return 0;
    }
    found = pcre2_match_data_create(1, NULL);
    if (!found) {
        return 0;
    }
    count = pcre2_match(match->code, (PCRE2_SPTR)text, length, 0, 0, found, match->limits);
    pcre2_match_data_free(found);
    return count >= 0;
}
