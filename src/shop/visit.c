/* Visitors, form tokens, signed links.
 * SPDX-License-Identifier: Apache-2.0 */
#include "shop/visit.h"

#include <string.h>

#include <apr_strings.h>

#include "base/hmac.h"
#include "base/ids.h"
#include "shop/memory.h"
#include "store/order_store.h"

typedef struct {
    const char *id;
    int exists;
} lookup_t;

static const bks_error_t *look_up(bks_conn_t *conn, void *baton, apr_pool_t *pool)
{
    lookup_t *job = baton;

    return bks_visitor_exists(conn, job->id, &job->exists, pool);
}

/* The id of the visitor who holds COOKIE. */
static const bks_error_t *id_of(const char *cookie, const char **id, apr_pool_t *pool)
{
    return bks_sha256_hex(cookie, strlen(cookie), 2 * BKS_SHA256_BYTES, id, pool);
}

static const bks_error_t *make_new(bks_visitor_t **visitor, apr_pool_t *pool)
{
    bks_visitor_t *made = apr_pcalloc(pool, sizeof(*made));

    BKS_TRY(bks_id_make(&made->cookie, pool));
    BKS_TRY(id_of(made->cookie, &made->id, pool));
    made->is_new = 1;
    *visitor = made;
    return BKS_FINE;
}

const bks_error_t *bks_visitor_meet(const bks_shop_t *shop, const char *cookie, bks_visitor_t **visitor, apr_pool_t *pool)
{
    unsigned char bytes[BKS_ID_BYTES];
    bks_visitor_t *known;
    lookup_t job = {NULL, 0};

    if (!bks_hex_parse(cookie, 1, bytes, sizeof(bytes))) {
        return make_new(visitor, pool);
    }
    known = apr_pcalloc(pool, sizeof(*known));
    known->cookie = cookie;
    BKS_TRY(id_of(cookie, &known->id, pool));
    *visitor = known;
    known->remembered = bks_memory_find_payment(shop, known->id, pool);
    if (known->remembered) {
        return BKS_FINE;
    }
    job.id = known->id;
    BKS_TRY(bks_db_read(shop->db, shop->timing, look_up, &job, pool));
    return job.exists ? BKS_FINE : make_new(visitor, pool);
}

/* HMAC over "PURPOSE:SUBJECT" under the shop's own key. */
static const bks_error_t *sign(const bks_shop_t *shop, const char *purpose, const char *subject,
                               unsigned char mac[BKS_SHA256_BYTES], apr_pool_t *pool)
{
    const char *text = apr_pstrcat(pool, purpose, ":", subject, NULL);

    return bks_hmac(shop->identity->key, sizeof(shop->identity->key), text, strlen(text), mac, pool);
}

static const bks_error_t *sign_hex(const bks_shop_t *shop, const char *purpose, const char *subject, const char **hex,
                                   apr_pool_t *pool)
{
    unsigned char mac[BKS_SHA256_BYTES];

    BKS_TRY(sign(shop, purpose, subject, mac, pool));
    *hex = bks_hex_print(mac, sizeof(mac), pool);
    return BKS_FINE;
}

static const bks_error_t *check(const bks_shop_t *shop, const char *purpose, const char *subject, const char *hex, int *good,
                                apr_pool_t *pool)
{
    unsigned char mac[BKS_SHA256_BYTES], sent[BKS_SHA256_BYTES];

    BKS_TRY(sign(shop, purpose, subject, mac, pool));
    *good = bks_hex_parse(hex, 1, sent, sizeof(sent)) && bks_bytes_same(mac, sent, sizeof(mac));
    return BKS_FINE;
}

#define FORM_PURPOSE "form"
#define LINK_PURPOSE "order"

const bks_error_t *bks_form_token_make(const bks_shop_t *shop, const bks_visitor_t *visitor, const char **token,
                                       apr_pool_t *pool)
{
    return sign_hex(shop, FORM_PURPOSE, visitor->id, token, pool);
}

const bks_error_t *bks_form_token_check(const bks_shop_t *shop, const bks_visitor_t *visitor, const char *token, int *good,
                                        apr_pool_t *pool)
{
    return check(shop, FORM_PURPOSE, visitor->id, token, good, pool);
}

const bks_error_t *bks_link_key_make(const bks_shop_t *shop, const char *number, const char **key, apr_pool_t *pool)
{
    return sign_hex(shop, LINK_PURPOSE, number, key, pool);
}

const bks_error_t *bks_link_key_check(const bks_shop_t *shop, const char *number, const char *key, int *good,
                                      apr_pool_t *pool)
{
    return check(shop, LINK_PURPOSE, number, key, good, pool);
}
