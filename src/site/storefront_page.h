/* The index and the books' own pages.
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef BKS_SITE_STOREFRONT_PAGE_H
#define BKS_SITE_STOREFRONT_PAGE_H

#include "site/request.h"

/* GET / */
const bks_error_t *bks_index_page(const bks_visit_t *visit, bks_reply_t *reply, apr_pool_t *pool);

/* GET /books/:id */
const bks_error_t *bks_book_page(const bks_visit_t *visit, bks_reply_t *reply, apr_pool_t *pool);

#endif
