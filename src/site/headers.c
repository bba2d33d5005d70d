/* Headers by kind of answer.
 * SPDX-License-Identifier: Apache-2.0 */
#include "site/headers.h"

#include <string.h>

#include <apr_strings.h>

#define CSP_BASE                                                                                                          \
    "default-src 'none'; base-uri 'none'; object-src 'none'; frame-ancestors 'none'; form-action 'self'; "               \
    "style-src 'self'; font-src 'self'; "
#define OWN_PICTURES "img-src 'self'; "
#define STRIPE_ORIGIN "https://js.stripe.com"
#define HSTS "max-age=31536000"

/* What Stripe documents for Stripe.js with Elements and Link; for a Stripe.js from elsewhere (BookshopStripeJS), that
 * origin alone. */
static const char *checkout_policy(const bks_settings_t *settings, apr_pool_t *pool)
{
    const char *js = settings->stripe_js_origin;

    if (strcmp(js, STRIPE_ORIGIN) == 0) {
        return CSP_BASE "img-src 'self' https://*.stripe.com https://*.link.com; "
                        "script-src 'self' https://*.js.stripe.com https://js.stripe.com; "
                        "frame-src https://*.js.stripe.com https://js.stripe.com https://hooks.stripe.com "
                        "https://link.com https://*.link.com; "
                        "connect-src 'self' https://api.stripe.com https://link.com https://*.link.com";
    }
    return apr_pstrcat(pool, CSP_BASE OWN_PICTURES "script-src 'self' ", js, "; frame-src ", js, "; connect-src 'self' ", js, NULL);
}

static const char *policy(const bks_settings_t *settings, bks_headers_t kind, apr_pool_t *pool)
{
    return kind == BKS_HEADERS_CHECKOUT ? checkout_policy(settings, pool)
                                        : CSP_BASE OWN_PICTURES "script-src 'self'; connect-src 'self'";
}

void bks_headers_fill(bks_reply_t *reply, const bks_settings_t *settings, bks_headers_t kind, apr_pool_t *pool)
{
    apr_table_t *headers = reply->headers;

    apr_table_setn(headers, "Content-Security-Policy", policy(settings, kind, pool));
    apr_table_setn(headers, "X-Content-Type-Options", "nosniff");
    apr_table_setn(headers, "Referrer-Policy",
                   kind == BKS_HEADERS_RECEIPT ? "no-referrer" : "strict-origin-when-cross-origin");
    apr_table_setn(headers, "Cross-Origin-Opener-Policy", "same-origin-allow-popups");
    apr_table_setn(headers, "Permissions-Policy",
                   "payment=(self \"" STRIPE_ORIGIN "\"), camera=(), microphone=(), geolocation=()");
    if (settings->secure) {
        apr_table_setn(headers, "Strict-Transport-Security", HSTS);
    }
    apr_table_setn(headers, "Cache-Control", kind == BKS_HEADERS_PUBLIC ? "no-cache" : "no-store");
}
