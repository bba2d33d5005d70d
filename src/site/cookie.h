/* The visitor's cookie (RFC 6265bis; "__Host-" prefix, section 4.1.3.2).
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef BKS_SITE_COOKIE_H
#define BKS_SITE_COOKIE_H

#include "shop/visit.h"
#include "site/request.h"

/* The value of the visitor's cookie in REQUEST, from POOL, or NULL. */
const char *bks_cookie_find(const bks_request_t *request, const bks_settings_t *settings, apr_pool_t *pool);

/* Makes REPLY set the cookie of VISITOR, if it is a new one. */
void bks_cookie_set(bks_reply_t *reply, const bks_visitor_t *visitor, const bks_settings_t *settings, apr_pool_t *pool);

/* The visitor of VISIT (shop/visit.h). */
const bks_error_t *bks_visit_meet(const bks_visit_t *visit, bks_visitor_t **visitor, apr_pool_t *pool);

#endif
