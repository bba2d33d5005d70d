/* What a visitor sends and what the shop answers, as plain values: httpd stays above.
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef BKS_SITE_REQUEST_H
#define BKS_SITE_REQUEST_H

#include <apr_tables.h>

#include "base/form.h"
#include "shop/shop.h"

typedef struct {
    const char *method;         /* "GET", "HEAD", "POST", ... */
    const char *path;           /* decoded, below the shop's prefix, begins with '/' */
    const char *args;           /* the query as it was sent, or NULL */
    const apr_table_t *headers;
    const char *body;           /* of a POST; NULL otherwise */
    apr_size_t body_length;
} bks_request_t;

typedef struct {
    int status;                 /* HTTP status */
    const char *content_type;
    const char *body;
    apr_size_t length;
    apr_table_t *headers;       /* further headers, Set-Cookie among them */
} bks_reply_t;

/* One request on its way through the site. */
typedef struct {
    const bks_shop_t *shop;
    const bks_request_t *request;
    const bks_form_t *query;    /* the parsed query; empty, never NULL */
    const bks_form_t *form;     /* the parsed body of a POST, or NULL */
    const char *arg;            /* what stood for the pattern's :name, or NULL */
} bks_visit_t;

/* An empty reply of status 200, from POOL. */
bks_reply_t *bks_reply_make(apr_pool_t *pool);

int bks_request_is_head(const bks_request_t *request);

/* A 303 to LOCATION: absolute, or a path of the shop's own. */
void bks_reply_redirect(bks_reply_t *reply, const char *location);

/* The HTTP status that says KIND. */
int bks_error_status(bks_error_kind_t kind);

#endif
