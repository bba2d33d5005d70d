/* Opening up: what has to be in the database before the shop can serve.
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef BKS_SHOP_OPEN_UP_H
#define BKS_SHOP_OPEN_UP_H

#include "shop/shop.h"

/* Makes or upgrades the tables, gives a new database its identity, and imports the catalogue file. Runs once, at
 * start, as the user that serves. Fails as CONFIG or as the database does. */
const bks_error_t *bks_shop_open_up(const bks_settings_t *settings, bks_db_t *db, apr_pool_t *pool);

/* Reads what bks_shop_open_up left. */
const bks_error_t *bks_identity_load(bks_identity_t *identity, bks_db_t *db, apr_pool_t *pool);

#endif
