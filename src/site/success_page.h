/* The page after a payment: the order's confirmation, or what to do.
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef BKS_SITE_SUCCESS_PAGE_H
#define BKS_SITE_SUCCESS_PAGE_H

#include "site/request.h"

/* GET /success?pi=pi_...[&key=...]; Stripe's own payment_intent is led to that address by 303. */
const bks_error_t *bks_success_page(const bks_visit_t *visit, bks_reply_t *reply, apr_pool_t *pool);

#endif
