/* One shop's settings, checked and complete; frozen from the start of the server on.
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef BKS_SHOP_SETTINGS_H
#define BKS_SHOP_SETTINGS_H

#include <apr_tables.h>

#include "base/money.h"
#include "stripe/stripe.h"
#include "view/book_view.h"
#include "view/mustache.h"
#include "view/words.h"

/* A link of the footer. */
typedef struct {
    const char *label;
    const char *url;
} bks_link_t;

typedef struct {
    const char *name;
    const char *tagline;
    const char *logo;              /* address of a picture, or "" */
    const char *contact;           /* how to reach the shop, or "" */
    apr_array_header_t *links;     /* of bks_link_t */
    const bks_currency_t *currency;

    const char *base_url;          /* "https://host/shop", no slash at the end */
    const char *origin;            /* "https://host" with its port, if it has one */
    const char *prefix;            /* "" or "/shop" */
    int secure;                    /* base_url is https */

    const char *catalog_file;
    const char *database_url;
    const char *static_dir;

    bks_stripe_settings_t stripe;
    int livemode;                  /* the secret key is a live one */
    const char *publishable_key;   /* "" when there is none: no card form */
    apr_array_header_t *webhook_secrets; /* of const char *: one, two while one is rolled, none: no webhooks */
    apr_int64_t webhook_tolerance; /* seconds */
    const char *stripe_js;         /* address of Stripe.js */
    const char *stripe_js_origin;  /* its origin */
    apr_int64_t reconcile_every;   /* seconds between two rounds of the reconciliation */
    apr_int64_t abandon_after;     /* seconds after which a payment that nobody made is given up */
    int server_timing;             /* answers carry Server-Timing */
    const char *version;           /* changes with each start of the server: part of ETags */

    const bks_templates_t *templates;
    const bks_json_t *words;
    bks_places_t places;
} bks_settings_t;

#endif
