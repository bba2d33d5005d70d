/* Cache records are JSON with a version and the visitor they are for: a torn or foreign record is a miss.
 * SPDX-License-Identifier: Apache-2.0 */
#include "shop/memory.h"

#include <string.h>

#include <apr_strings.h>

#define RECORD_VERSION 1
#define REMEMBER_FOR apr_time_from_sec(30 * 60)

static const char *key_of(const bks_shop_t *shop, const char *visitor, apr_pool_t *pool)
{
    return apr_pstrcat(pool, shop->identity->id, ":payment:", visitor, NULL);
}

int bks_memory_is_on(const bks_shop_t *shop)
{
    return shop->cache.put != NULL;
}

void bks_memory_put_payment(const bks_shop_t *shop, const bks_payment_t *payment, apr_pool_t *pool)
{
    bks_json_t *record;
    const char *text;

    if (!bks_memory_is_on(shop)) {
        return;
    }
    record = bks_json_make_object(pool);
    bks_json_set_int(record, "version", RECORD_VERSION);
    bks_json_set_text(record, "visitor", payment->visitor);
    bks_json_set_text(record, "order", payment->order);
    bks_json_set_int(record, "attempt", payment->attempt);
    bks_json_set_text(record, "key", payment->key);
    bks_json_set_text(record, "intent", payment->intent);
    bks_json_set_text(record, "bag", payment->bag);
    bks_json_set_int(record, "amount", payment->amount);
    bks_json_set_text(record, "currency", payment->currency);
    bks_json_set_int(record, "livemode", payment->livemode);
    bks_json_set_int(record, "seen", payment->seen);
    bks_json_set_int(record, "created", payment->created);
    text = bks_json_print(record, pool);
    shop->cache.put(shop->cache.baton, key_of(shop, payment->visitor, pool), (const unsigned char *)text, strlen(text),
                    bks_clock_now(shop->clock) + REMEMBER_FOR, pool);
}

/* The number NAME of RECORD; GOOD turns false if there is none. */
static apr_int64_t number(const bks_json_t *record, const char *name, int *good)
{
    apr_int64_t value = 0;

    *good = bks_json_int(bks_json_member(record, name), &value) && *good;
    return value;
}

static const char *text_of(const bks_json_t *record, const char *name, int *good, apr_pool_t *pool)
{
    const char *value = bks_json_text(bks_json_member(record, name));

    *good = value && *good;
    return apr_pstrdup(pool, value);
}

bks_payment_t *bks_memory_find_payment(const bks_shop_t *shop, const char *visitor, apr_pool_t *pool)
{
    bks_payment_t *payment = apr_pcalloc(pool, sizeof(*payment));
    const unsigned char *bytes;
    const bks_json_t *record;
    apr_size_t length = 0;
    int good = 1;

    if (!bks_memory_is_on(shop)) {
        return NULL;
    }
    bytes = shop->cache.find(shop->cache.baton, key_of(shop, visitor, pool), &length, pool);
    if (!bytes || bks_json_parse((const char *)bytes, length, &record, pool)
        || number(record, "version", &good) != RECORD_VERSION) {
        return NULL;
    }
    payment->visitor = text_of(record, "visitor", &good, pool);
    payment->order = text_of(record, "order", &good, pool);
    payment->attempt = (int)number(record, "attempt", &good);
    payment->key = text_of(record, "key", &good, pool);
    payment->body = "";
    payment->intent = text_of(record, "intent", &good, pool);
    payment->state = BKS_PAYMENT_OPEN;
    payment->bag = text_of(record, "bag", &good, pool);
    payment->amount = number(record, "amount", &good);
    payment->currency = text_of(record, "currency", &good, pool);
    payment->livemode = (int)number(record, "livemode", &good);
    payment->seen = (int)number(record, "seen", &good);
    payment->created = number(record, "created", &good);
    return good && strcmp(payment->visitor, visitor) == 0 ? payment : NULL;
}

void bks_memory_drop_payment(const bks_shop_t *shop, const char *visitor, apr_pool_t *pool)
{
    if (bks_memory_is_on(shop)) {
        shop->cache.drop(shop->cache.baton, key_of(shop, visitor, pool), pool);
    }
}
