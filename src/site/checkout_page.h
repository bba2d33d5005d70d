/* The checkout: the page with the payment form, and what it posts.
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef BKS_SITE_CHECKOUT_PAGE_H
#define BKS_SITE_CHECKOUT_PAGE_H

#include "site/request.h"

/* GET /checkout?item=ID[&variant=FORMAT] */
const bks_error_t *bks_checkout_page(const bks_visit_t *visit, bks_reply_t *reply, apr_pool_t *pool);

/* POST /checkout/cache_checkout_data: the page's script saves the form before it confirms the payment. JSON. */
const bks_error_t *bks_checkout_cache(const bks_visit_t *visit, bks_reply_t *reply, apr_pool_t *pool);

/* POST /checkout: the form without the page's script. It is saved; the card form needs the script, and the page says so. */
const bks_error_t *bks_checkout_post(const bks_visit_t *visit, bks_reply_t *reply, apr_pool_t *pool);

#endif
