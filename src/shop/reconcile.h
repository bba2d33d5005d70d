/* Reconciling: what no webhook told and no buyer came back for is looked up at Stripe, and what nobody paid is given up.
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef BKS_SHOP_RECONCILE_H
#define BKS_SHOP_RECONCILE_H

#include "shop/shop.h"

/* One round: the payments that are due (some dozens at most). Each is settled by what Stripe says; a call whose fate is
 * unknown is repeated byte for byte; a payment that nobody made within abandon_after is cancelled. One round at a time over
 * all processes and hosts of a database: a lease in it, which OWNER (unlike for each process) holds for a minute; a round
 * under another's lease does nothing. LOOKED gets the number of payments. Ends early, with the error, when Stripe or the
 * database is away. */
const bks_error_t *bks_reconcile(const bks_shop_t *shop, const char *owner, int *looked, apr_pool_t *pool);

#endif
