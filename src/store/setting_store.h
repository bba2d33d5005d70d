/* Facts about the shop that the database keeps: its key, its name at Stripe, what was last imported.
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef BKS_STORE_SETTING_STORE_H
#define BKS_STORE_SETTING_STORE_H

#include "store/db.h"

/* The value of NAME, or NULL; from POOL. */
const bks_error_t *bks_setting_find(bks_conn_t *conn, const char *name, const char **value, apr_pool_t *pool);

/* Saves VALUE under NAME, in place of what was there. */
const bks_error_t *bks_setting_save(bks_conn_t *conn, const char *name, const char *value);

#endif
