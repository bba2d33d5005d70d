/* The port to the cache that all processes share. A cache: it may forget at any time, and money never depends on it.
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef BKS_STORE_CACHE_H
#define BKS_STORE_CACHE_H

#include <apr_pools.h>
#include <apr_time.h>

typedef struct {
    /* Keeps LENGTH bytes under KEY until EXPIRY (absolute). A failure is the cache's own affair. */
    void (*put)(void *baton, const char *key, const unsigned char *bytes, apr_size_t length, apr_time_t expiry,
                apr_pool_t *pool);
    /* The bytes under KEY, from POOL, or NULL. */
    const unsigned char *(*find)(void *baton, const char *key, apr_size_t *length, apr_pool_t *pool);
    void (*drop)(void *baton, const char *key, apr_pool_t *pool);
    void *baton;
} bks_cache_t; /* a NULL function: there is no cache */

#endif
