/* The webhook: where Stripe tells what has happened.
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef BKS_SITE_WEBHOOK_PAGE_H
#define BKS_SITE_WEBHOOK_PAGE_H

#include "site/request.h"

/* POST /checkout/wh/ (and /webhook): the raw body and its signature. 200 with a line of what was done, 400 for what is
 * not Stripe's, 500 for a failure of ours (Stripe sends it again), 503 without a secret. */
const bks_error_t *bks_webhook_page(const bks_visit_t *visit, bks_reply_t *reply, apr_pool_t *pool);

#endif
