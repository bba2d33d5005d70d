/* The fields of the checkout form, checked.
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef BKS_SITE_CHECKOUT_FORM_H
#define BKS_SITE_CHECKOUT_FORM_H

#include "shop/place.h"
#include "site/request.h"

/* Compiles the patterns that the checks need; once, before there are threads. */
const bks_error_t *bks_checkout_form_prepare(apr_pool_t *pool);

/* Reads and checks FORM. NOT_FOUND "payment_not_found" for what can't be a PaymentIntent's id; INVALID with its field for
 * the rest. */
const bks_error_t *bks_checkout_form_read(const bks_form_t *form, bks_checkout_form_t *checkout, apr_pool_t *pool);

/* Whether TEXT (may be NULL) can be a PaymentIntent's id. */
int bks_is_intent_id(const char *text);

#endif
