/* Idempotency keys: the same call has the same key, another call another one.
 * SPDX-License-Identifier: Apache-2.0 */
#include <string.h>

#include <apr_strings.h>

#include "base/hmac.h"
#include "stripe/stripe.h"

#define HASH_DIGITS 16
#define KEY_MAX 255 /* docs.stripe.com/api/idempotent_requests */

const bks_error_t *bks_idempotency_key_make(const char **key, const char *order, const char *purpose, int attempt,
                                            const char *body, apr_pool_t *pool)
{
    const char *hash;
    const char *made;

    BKS_TRY(bks_sha256_hex(body, strlen(body), HASH_DIGITS, &hash, pool));
    made = apr_psprintf(pool, "%s-%s-%d-%s", order, purpose, attempt, hash);
    if (!bks_idempotency_key_is(made)) {
        return bks_error_make(BKS_ERROR_INTERNAL, "internal", APR_SUCCESS, pool, "order or purpose is unfit for a key");
    }
    *key = made;
    return BKS_FINE;
}

int bks_idempotency_key_is(const char *key)
{
    apr_size_t length = 0;

    while (key && key[length] > ' ' && key[length] < 0x7f) {
        length++;
    }
    return length > 0 && !key[length] && length <= KEY_MAX;
}
