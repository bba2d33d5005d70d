/* The shop as one request sees it: its settings, its database, its way to Stripe, its cache, and the time.
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef BKS_SHOP_SHOP_H
#define BKS_SHOP_SHOP_H

#include "base/clock.h"
#include "base/log.h"
#include "base/throttle.h"
#include "shop/settings.h"
#include "store/cache.h"
#include "store/db.h"
#include "stripe/stripe.h"

/* What the database tells once, at start. */
typedef struct {
    const char *id;                /* the shop's name in Stripe's metadata: 32 hex digits */
    unsigned char key[32];         /* signs links and form tokens; never leaves the server */
} bks_identity_t;

typedef struct bks_shelf_t bks_shelf_t;

typedef struct {
    const bks_settings_t *settings;
    const bks_identity_t *identity;
    bks_shelf_t *shelf;            /* the catalogue in memory */
    bks_db_t *db;
    bks_stripe_t *stripe;
    bks_cache_t cache;
    const bks_clock_t *clock;
    const bks_log_t *log;
    bks_throttle_t *refused_webhooks; /* one log line in a while, whatever is sent */
    bks_timing_t *timing;          /* of this request */
} bks_shop_t;

#endif
