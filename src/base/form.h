/* application/x-www-form-urlencoded, read strictly and written for Stripe.
 * Source: WHATWG URL Standard, section 5 (application/x-www-form-urlencoded).
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef BKS_BASE_FORM_H
#define BKS_BASE_FORM_H

#include <apr_tables.h>

#include "base/error.h"

#define BKS_FORM_MAX_FIELDS 400

typedef struct {
    const char *name;
    const char *value;
} bks_form_field_t;

typedef struct {
    apr_array_header_t *fields; /* of bks_form_field_t, in order */
} bks_form_t;

/* An empty form, from POOL. */
bks_form_t *bks_form_make(apr_pool_t *pool);

/* Parses TEXT (a body or a query string; NULL is empty). Fails as BAD_REQUEST "bad_request": a broken percent escape,
 * NUL or another control character but tab, CR and LF, text that is not UTF-8, more than BKS_FORM_MAX_FIELDS. */
const bks_error_t *bks_form_parse(const char *text, apr_size_t length, const bks_form_t **form, apr_pool_t *pool);

/* The first value of NAME, or NULL. FORM may be NULL. */
const char *bks_form_get(const bks_form_t *form, const char *name);

/* Appends a field. A NULL value appends nothing. NAME and VALUE are not copied. */
void bks_form_add(bks_form_t *form, const char *name, const char *value);
void bks_form_add_int(bks_form_t *form, const char *name, apr_int64_t value);

/* The form as text, in the order of its fields; unreserved characters stay, the rest becomes %XX. From POOL. */
const char *bks_form_print(const bks_form_t *form, apr_pool_t *pool);

/* TEXT percent-encoded for one path segment or query value (RFC 3986 unreserved characters stay). From POOL. */
const char *bks_url_encode(const char *text, apr_pool_t *pool);

#endif
