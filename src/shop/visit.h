/* Who is visiting: a random cookie that is known by its hash, and what is signed for its holder.
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef BKS_SHOP_VISIT_H
#define BKS_SHOP_VISIT_H

#include "model/order.h"
#include "shop/shop.h"

typedef struct {
    const char *cookie;    /* 32 hex digits */
    const char *id;        /* SHA-256 of it, 64 hex digits: what the database knows */
    bks_payment_t *remembered; /* the open payment that the cache has of them, or NULL */
    int is_new;            /* nothing of it is in the database yet; the answer must set the cookie */
} bks_visitor_t;

/* The visitor whose browser sent COOKIE (may be NULL). An id that we did not issue is never adopted: such a visitor, like
 * one without, is a new one. Asks the cache, then the database. */
const bks_error_t *bks_visitor_meet(const bks_shop_t *shop, const char *cookie, bks_visitor_t **visitor, apr_pool_t *pool);

/* The form token of VISITOR: 64 hex digits. From POOL. */
const bks_error_t *bks_form_token_make(const bks_shop_t *shop, const bks_visitor_t *visitor, const char **token,
                                       apr_pool_t *pool);

/* Whether TOKEN (may be NULL) is VISITOR's. */
const bks_error_t *bks_form_token_check(const bks_shop_t *shop, const bks_visitor_t *visitor, const char *token, int *good,
                                        apr_pool_t *pool);

/* The key of the signed link to order NUMBER: 64 hex digits. From POOL. */
const bks_error_t *bks_link_key_make(const bks_shop_t *shop, const char *number, const char **key, apr_pool_t *pool);

/* Whether KEY (may be NULL) opens order NUMBER. */
const bks_error_t *bks_link_key_check(const bks_shop_t *shop, const char *number, const char *key, int *good,
                                      apr_pool_t *pool);

#endif
