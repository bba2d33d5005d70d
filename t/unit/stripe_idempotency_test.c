/* Units of src/stripe/idempotency.c: one call one key, another call another key.
 * SPDX-License-Identifier: Apache-2.0 */
#include <string.h>

#include <apr_general.h>
#include <apr_strings.h>

#include "stripe/stripe.h"
#include "tap.h"

static const char *key_of(const char *order, const char *purpose, int attempt, const char *body, apr_pool_t *pool)
{
    const char *key = NULL;

    return bks_idempotency_key_make(&key, order, purpose, attempt, body, pool) ? NULL : key;
}

static void test_keys(apr_pool_t *pool)
{
    const char *key = key_of("A1", "create", 1, "amount=2300", pool);

    /* printf 'amount=2300' | sha256sum */
    tap_is_text(key, "A1-create-1-8eafeb2b2c895b58", "order, purpose, attempt, hash of the body");
    tap_is_text(key_of("A1", "create", 1, "amount=2300", pool), key, "the same call has the same key");
    tap_ok(strcmp(key, key_of("A1", "create", 1, "amount=2301", pool)) != 0, "another body, another key");
    tap_ok(strcmp(key, key_of("A1", "create", 2, "amount=2300", pool)) != 0, "another attempt, another key");
    tap_ok(strcmp(key, key_of("A1", "cancel", 1, "amount=2300", pool)) != 0, "another purpose, another key");
    tap_ok(strcmp(key, key_of("A2", "create", 1, "amount=2300", pool)) != 0, "another order, another key");
    tap_ok(key_of("A1", "cancel", 1, "", pool) != NULL, "an empty body has a key");
    tap_is_text(key_of("A 1", "create", 1, "", pool), NULL, "white space makes no key");
    tap_is_text(key_of("A1\r\nX: y", "create", 1, "", pool), NULL, "a line break makes no key");
}

static void test_form(apr_pool_t *pool)
{
    char *text = apr_pcalloc(pool, 257);

    memset(text, 'k', 255);
    tap_ok(bks_idempotency_key_is(text), "255 characters are a key");
    text[255] = 'k';
    tap_ok(!bks_idempotency_key_is(text), "256 are none");
    tap_ok(!bks_idempotency_key_is("") && !bks_idempotency_key_is(NULL), "nothing is none");
    tap_ok(!bks_idempotency_key_is("a\x7f") && !bks_idempotency_key_is("\xc3\xa9"), "only visible ASCII");
}

int main(int argc, const char *const *argv)
{
    apr_pool_t *pool;

    apr_app_initialize(&argc, &argv, NULL);
    apr_pool_create(&pool, NULL);
    test_keys(pool);
    test_form(pool);
    apr_pool_destroy(pool);
    apr_terminate();
    return tap_done();
}
