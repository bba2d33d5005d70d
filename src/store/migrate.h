/* Brings a database's tables to the state that this module needs, step by numbered step.
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef BKS_STORE_MIGRATE_H
#define BKS_STORE_MIGRATE_H

#include "store/db.h"

/* One step. It is never changed once it has been released: a later step mends it. */
typedef struct {
    int number;       /* 1, 2, 3, ... without a gap */
    const char *name; /* two or three words for the log */
    const char *sql;  /* a script without BEGIN and COMMIT */
} bks_migration_t;

/* Runs those of the COUNT steps of LIST that DB has not seen, in order, each once and whole in a write transaction; the
 * table schema_version remembers them. Processes that do it at once wait for each other. A database that has seen a step
 * beyond LIST is CONFIG "database_newer"; a gap in LIST is INTERNAL; a failing step is its own error. Errors are POOL's. */
const bks_error_t *bks_migrate(bks_db_t *db, const bks_migration_t *list, int count, apr_pool_t *pool);

#endif
