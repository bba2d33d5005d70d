/* The tables, as the numbered migrations that make them.
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef BKS_STORE_SCHEMA_H
#define BKS_STORE_SCHEMA_H

#include "store/db.h"

/* Brings DB to this version's tables. Errors: those of bks_migrate. */
const bks_error_t *bks_schema_bring_up(bks_db_t *db, apr_pool_t *pool);

#endif
