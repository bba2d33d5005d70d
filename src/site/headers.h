/* The security and caching headers of each kind of answer.
 * Sources: docs.stripe.com/security/guide (content security policy), OWASP ASVS 3.4.
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef BKS_SITE_HEADERS_H
#define BKS_SITE_HEADERS_H

#include "site/request.h"

typedef enum {
    BKS_HEADERS_PUBLIC,   /* the same for everybody: may be kept if it is asked about each time */
    BKS_HEADERS_PRIVATE,  /* one visitor's: never kept */
    BKS_HEADERS_CHECKOUT, /* one visitor's, with Stripe.js */
    BKS_HEADERS_RECEIPT   /* one visitor's, whose address is nobody's business */
} bks_headers_t;

/* Puts the headers of KIND into REPLY. */
void bks_headers_fill(bks_reply_t *reply, const bks_settings_t *settings, bks_headers_t kind, apr_pool_t *pool);

#endif
