/* What the cache remembers of a checkout: the visitor's open payment. Losing it costs a look into the database.
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef BKS_SHOP_MEMORY_H
#define BKS_SHOP_MEMORY_H

#include "model/order.h"
#include "shop/shop.h"

/* Whether there is a cache at all. */
int bks_memory_is_on(const bks_shop_t *shop);

/* Remembers PAYMENT, which Stripe has, as VISITOR's open one. */
void bks_memory_put_payment(const bks_shop_t *shop, const bks_payment_t *payment, apr_pool_t *pool);

/* The open payment that is remembered for VISITOR, or NULL; from POOL. Its body is not remembered: "". */
bks_payment_t *bks_memory_find_payment(const bks_shop_t *shop, const char *visitor, apr_pool_t *pool);

void bks_memory_drop_payment(const bks_shop_t *shop, const char *visitor, apr_pool_t *pool);

#endif
