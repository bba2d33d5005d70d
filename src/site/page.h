/* Pages: the values that every template gets, and rendering into a reply.
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef BKS_SITE_PAGE_H
#define BKS_SITE_PAGE_H

#include "site/headers.h"
#include "site/request.h"

typedef struct {
    const char *title;       /* of the document, without the shop's name */
    const char *description; /* or "" */
    const char *canonical;   /* path below the prefix of a page that is meant to be found, or NULL: it is not */
} bks_page_t;

/* The values that every template gets, for PAGE. From POOL. */
bks_json_t *bks_page_values(const bks_visit_t *visit, const bks_page_t *page, apr_pool_t *pool);

/* Renders TEMPLATE with VALUES into REPLY, with the headers of KIND. */
const bks_error_t *bks_page_render(const bks_visit_t *visit, bks_reply_t *reply, const char *template_name,
                                   const bks_json_t *values, bks_headers_t kind, apr_pool_t *pool);

/* The sentence of CODE. */
const char *bks_say(const bks_visit_t *visit, const char *code);

/* Turns ERROR into REPLY: a page of the shop, or JSON {"error": {"code", "message", "field"}} for who asked for JSON. */
const bks_error_t *bks_page_error(const bks_visit_t *visit, bks_reply_t *reply, const bks_error_t *error, apr_pool_t *pool);

/* A page that says one thing: the sentence CODE under its heading, and a way on. */
const bks_error_t *bks_page_message(const bks_visit_t *visit, bks_reply_t *reply, const char *code, apr_pool_t *pool);

/* The sentence for a visitor that says ERROR: Stripe's own where it is meant for the buyer. */
const char *bks_error_sentence(const bks_visit_t *visit, const bks_error_t *error);

/* Sets status and Retry-After of ERROR. */
void bks_reply_set_error(bks_reply_t *reply, const bks_error_t *error, apr_pool_t *pool);

/* Tells the admin about ERROR, once, with all that led to it. */
void bks_log_error(const bks_visit_t *visit, const bks_error_t *error, apr_pool_t *pool);

#endif
