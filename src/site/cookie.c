/* Reading and setting the visitor's cookie.
 * SPDX-License-Identifier: Apache-2.0 */
#include "site/cookie.h"

#include <string.h>

#include <apr_strings.h>

#define SECURE_NAME "__Host-bookshop"
#define LOOPBACK_NAME "bookshop_insecure" /* over http, which only loopback may: never confused with the real one */
#define KEEP_SECONDS "2592000"            /* 30 days */

static const char *name_of(const bks_settings_t *settings)
{
    return settings->secure ? SECURE_NAME : LOOPBACK_NAME;
}

const char *bks_cookie_find(const bks_request_t *request, const bks_settings_t *settings, apr_pool_t *pool)
{
    const char *name = name_of(settings);
    const size_t length = strlen(name);
    const char *at = apr_table_get(request->headers, "Cookie");

    while (at && *at) {
        at += strspn(at, " ;");
        if (strncmp(at, name, length) == 0 && at[length] == '=') {
            at += length + 1;
            return apr_pstrmemdup(pool, at, strcspn(at, "; "));
        }
        at = strchr(at, ';');
    }
    return NULL;
}

void bks_cookie_set(bks_reply_t *reply, const bks_visitor_t *visitor, const bks_settings_t *settings, apr_pool_t *pool)
{
    if (visitor->is_new) {
        apr_table_addn(reply->headers, "Set-Cookie",
                       apr_pstrcat(pool, name_of(settings), "=", visitor->cookie, "; Path=/; Max-Age=" KEEP_SECONDS,
                                   settings->secure ? "; Secure" : "", "; HttpOnly; SameSite=Lax", NULL));
    }
}

const bks_error_t *bks_visit_meet(const bks_visit_t *visit, bks_visitor_t **visitor, apr_pool_t *pool)
{
    return bks_visitor_meet(visit->shop, bks_cookie_find(visit->request, visit->shop->settings, pool), visitor, pool);
}
