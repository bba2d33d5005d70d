/* Browsing: the catalogue in this process's memory, as one frozen snapshot that requests hold while they use it.
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef BKS_SHOP_BROWSE_H
#define BKS_SHOP_BROWSE_H

#include "model/catalog.h"
#include "shop/shop.h"

typedef struct {
    const bks_catalog_t *catalog;
    const bks_json_t *cards;     /* the books as a list page shows them (book_view) */
    const char *version;         /* changes whenever a page of it may look different; fit for an ETag */
} bks_snapshot_t;

/* This process's shelf. GENERATION lies in memory that all processes share; whoever changes the database's books counts
 * it up, and the next request here loads them anew. Nothing is loaded yet. */
const bks_error_t *bks_shelf_make(bks_shelf_t **shelf, volatile apr_uint32_t *generation, apr_pool_t *pool);

/* The snapshot of now, held until POOL goes. When the database fails, the last one serves on. */
const bks_error_t *bks_shelf_hold(const bks_shop_t *shop, const bks_snapshot_t **snapshot, apr_pool_t *pool);

#endif
