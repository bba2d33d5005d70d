/* Hearing: what an event of Stripe's means for an order. One table of handlers; each event has its effect once.
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef BKS_SHOP_HEAR_H
#define BKS_SHOP_HEAR_H

#include "shop/shop.h"
#include "stripe/events.h"

/* Does what EVENT, which was verified, asks for; LINE gets a sentence of what was done (for the answer, which Stripe keeps;
 * it holds no personal data). An event of a type that the table has not, of another shop on the same account, or that was
 * dealt with before, is fine and changes nothing. An error means that Stripe has to send it again. */
const bks_error_t *bks_hear(const bks_shop_t *shop, const bks_event_t *event, const char **line, apr_pool_t *pool);

#endif
