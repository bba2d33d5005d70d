/* The static files' addresses: each carries a hash of its contents, so that a browser may keep it for a year.
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef BKS_VIEW_ASSETS_H
#define BKS_VIEW_ASSETS_H

#include "base/json.h"

typedef struct bks_assets_t bks_assets_t; /* frozen once made */

/* Reads the files below DIR/static and DIR/covers. Addresses begin with PREFIX ("" or "/shop"). Fails as CONFIG when DIR/static
 * can't be read. Lives as long as POOL. */
const bks_error_t *bks_assets_load(const bks_assets_t **assets, const char *dir, const char *prefix, apr_pool_t *pool);

/* The address of FILE ("covers/1.svg"): with ?v=HASH if it was there at start, without otherwise. From POOL. */
const char *bks_asset_url(const bks_assets_t *assets, const char *file, apr_pool_t *pool);

/* Whether V is the hash of FILE as it was at start. */
int bks_asset_is_current(const bks_assets_t *assets, const char *file, const char *v);

/* For templates: the address of each file of DIR/static by its name, with '_' for all but letters and digits. */
const bks_json_t *bks_assets_values(const bks_assets_t *assets);

#endif
