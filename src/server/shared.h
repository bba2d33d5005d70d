/* Memory, mutexes and cache that all processes share.
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef BKS_SERVER_SHARED_H
#define BKS_SERVER_SHARED_H

#include "server/module.h"

#define BKS_CACHE_DEFAULT "shmcb"

/* Tells httpd the names of our mutexes, for its directive Mutex. */
void bks_shared_register_mutexes(apr_pool_t *pconf);

/* NULL, or why the cache SETTING (NULL: the default) can't be had. From POOL. */
const char *bks_shared_check_cache(const char *setting, apr_pool_t *pool);

/* Makes it all, in the parent, for so many SHOPS. OK, or logs why not. */
int bks_shared_make(apr_pool_t *pconf, apr_pool_t *ptemp, server_rec *s, int shops);

/* Makes the mutexes usable in a child. */
void bks_shared_attach(apr_pool_t *pchild, server_rec *s);

/* The catalogue's generation of shop number SHOP; and the memory of the gate before Stripe. */
volatile apr_uint32_t *bks_shared_generation(int shop);
void *bks_shared_gate(void);

bks_write_lock_t bks_shared_write_lock(void);
bks_cache_t bks_shared_cache(server_rec *s);

#endif
