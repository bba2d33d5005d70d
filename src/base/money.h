/* Money: whole minor units as Stripe counts them, and a currency. Never a float.
 * Source: docs.stripe.com/currencies (zero-decimal, three-decimal and special-case currencies, minimum amounts).
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef BKS_BASE_MONEY_H
#define BKS_BASE_MONEY_H

#include <apr_pools.h>

#include "base/error.h"

#define BKS_MONEY_MAX 99999999 /* the most that Stripe charges at once: eight digits */

/* How Stripe counts one currency. */
typedef struct {
    const char *code;    /* ISO 4217, lower case */
    int exponent;        /* minor units are 10^-exponent of the unit, as sent to Stripe */
    int decimals;        /* digits after the point when shown to a person */
    int step;            /* amounts must be multiples of this many minor units */
    apr_int64_t minimum; /* the least that Stripe charges, minor units; 0: not stated for this currency */
    const char *symbol;  /* what stands before the number: "$", or NULL: the code does */
} bks_currency_t;

typedef struct {
    apr_int64_t minor;
    const bks_currency_t *currency;
} bks_money_t;

/* The currency of CODE (any case), or NULL for one that Stripe does not charge in. Static. */
const bks_currency_t *bks_currency_find(const char *code);

/* NULL, or why MINOR can't be charged in CURRENCY: INVALID "amount_too_small", "amount_too_large" or
 * "amount_not_a_multiple". */
const bks_error_t *bks_money_may_charge(apr_int64_t minor, const bks_currency_t *currency, apr_pool_t *pool);

/* UNIT_PRICE times QUANTITY, INVALID "amount_too_large" above BKS_MONEY_MAX or on overflow. */
const bks_error_t *bks_money_times(apr_int64_t unit_price, apr_int64_t quantity, apr_int64_t *product, apr_pool_t *pool);

/* A + B, INVALID "amount_too_large" above BKS_MONEY_MAX or on overflow. */
const bks_error_t *bks_money_plus(apr_int64_t a, apr_int64_t b, apr_int64_t *sum, apr_pool_t *pool);

/* TEXT ("19.99", no sign, no grouping, at most the currency's decimals) as minor units; INVALID "bad_amount". */
const bks_error_t *bks_money_parse(const char *text, const bks_currency_t *currency, apr_int64_t *minor, apr_pool_t *pool);

/* MINOR for a person: "$1,234.50", "CHF 12.00", "¥500". From POOL. */
const char *bks_money_print(apr_int64_t minor, const bks_currency_t *currency, apr_pool_t *pool);

/* MINOR for a machine: "1234.50", the currency's decimals, no grouping. From POOL. */
const char *bks_money_print_plain(apr_int64_t minor, const bks_currency_t *currency, apr_pool_t *pool);

/* The currency's code in upper case, as ISO 4217 has it. From POOL. */
const char *bks_currency_print(const bks_currency_t *currency, apr_pool_t *pool);

#endif
