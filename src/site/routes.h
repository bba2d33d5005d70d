/* The site's one table of addresses.
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef BKS_SITE_ROUTES_H
#define BKS_SITE_ROUTES_H

#include "site/request.h"

/* The parts that httpd can mount one by one (SetHandler bookshop-storefront, ...). */
typedef enum {
    BKS_PART_STOREFRONT = 1,
    BKS_PART_CHECKOUT = 2,
    BKS_PART_SUCCESS = 4,
    BKS_PART_WEBHOOK = 8,
    BKS_PART_ALL = 15
} bks_part_t;

typedef struct bks_route_t bks_route_t;

/* What the table says of a request. */
typedef struct {
    const bks_route_t *route; /* or NULL */
    const char *arg;          /* what stands for the pattern's :name */
    const char *allow;        /* the methods that the path knows ("GET, HEAD"), or NULL: the path is not the shop's */
} bks_match_route_t;

/* Looks METHOD and PATH (below the prefix) up among the routes of PARTS (bks_part_t, ored). From POOL. */
bks_match_route_t bks_route_find(int parts, const char *method, const char *path, apr_pool_t *pool);

/* The most bytes of a body that ROUTE reads; 0: none. */
apr_size_t bks_route_body_max(const bks_route_t *route);

/* Answers REQUEST by ROUTE. There is always a reply: errors become pages (or JSON), and are logged. */
bks_reply_t *bks_route_answer(const bks_shop_t *shop, const bks_request_t *request, const bks_match_route_t *match,
                              apr_pool_t *pool);

/* The reply that says ERROR to REQUEST, for what goes wrong before or beside a route. */
bks_reply_t *bks_error_answer(const bks_shop_t *shop, const bks_request_t *request, const bks_error_t *error,
                              apr_pool_t *pool);

/* Once at start: what the routes need. */
const bks_error_t *bks_site_prepare(apr_pool_t *pool);

/* The templates that the pages render; all must be there. NULL at the end. */
extern const char *const bks_site_templates[];

#endif
