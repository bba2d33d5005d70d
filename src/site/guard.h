/* What a request must be before anything is done for it.
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef BKS_SITE_GUARD_H
#define BKS_SITE_GUARD_H

#include "shop/visit.h"
#include "site/request.h"

/* A form posted from a page of ours: MEDIA_TYPE unless it is form-encoded, FORBIDDEN "forbidden" from another site
 * (Sec-Fetch-Site, or else Origin), INVALID "card_number_in_field" if a field holds what may be a card's number. */
const bks_error_t *bks_guard_form(const bks_visit_t *visit, apr_pool_t *pool);

/* The form's token is VISITOR's, or FORBIDDEN "session_expired". */
const bks_error_t *bks_guard_token(const bks_visit_t *visit, const bks_visitor_t *visitor, apr_pool_t *pool);

/* Whether the browser only fetches ahead of a click that may never come (Sec-Purpose: prefetch). */
int bks_request_is_prefetch(const bks_request_t *request);

#endif
