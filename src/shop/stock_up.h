/* Stocking up: the catalogue file becomes the database's books.
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef BKS_SHOP_STOCK_UP_H
#define BKS_SHOP_STOCK_UP_H

#include "shop/shop.h"

/* Imports SETTINGS' catalogue file if its contents are not those that were imported last; CHANGED tells. Books that left
 * the file are withdrawn, not deleted. One write transaction: readers see the old catalogue or the new one. Fails as
 * CONFIG (file unreadable or wrong: nothing is changed) or as the database does. */
const bks_error_t *bks_stock_up(const bks_settings_t *settings, bks_db_t *db, int *changed, apr_pool_t *pool);

#endif
