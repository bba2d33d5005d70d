/* An order as values for templates.
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef BKS_VIEW_ORDER_VIEW_H
#define BKS_VIEW_ORDER_VIEW_H

#include "model/order.h"
#include "view/book_view.h"

/* Puts number, lines, amount, e-mail, date and LINK (the address that can be kept) of ORDER into VALUES. */
void bks_order_fill(bks_json_t *values, const bks_order_t *order, const char *link, const bks_places_t *places,
                    apr_pool_t *pool);

/* SECONDS (since 1970, UTC) as "21 November 2026". From POOL. */
const char *bks_date_print(apr_int64_t seconds, apr_pool_t *pool);

#endif
