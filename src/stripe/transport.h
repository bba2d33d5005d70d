/* One HTTP exchange with Stripe by libcurl, which no other file of src/stripe knows.
 * Source: curl.se/libcurl/c (CURLOPT_*), RFC 9112.
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef BKS_STRIPE_TRANSPORT_H
#define BKS_STRIPE_TRANSPORT_H

#include <apr_pools.h>
#include <apr_tables.h>

#include "base/error.h"

typedef struct bks_transport_t bks_transport_t; /* idle handles, each with its connection */

typedef struct {
    const char *base;    /* "https://api.stripe.com" */
    const char *ca_file; /* PEM, then no other authority is trusted; NULL: the system's */
    int connect_ms;
} bks_transport_settings_t;

/* Checks SETTINGS: https, or http to a loopback host; no user, path, query or fragment in the base; ca_file readable.
 * Fails as CONFIG "stripe_api_base" or "stripe_ca_file". Opens no socket. Handles end with POOL, which must end before
 * bks_stripe_global_end. Strings of SETTINGS are not copied. */
const bks_error_t *bks_transport_make(bks_transport_t **transport, const bks_transport_settings_t *settings,
                                      apr_pool_t *pool);

typedef struct {
    const char *path;                  /* with the query */
    const char *body;                  /* NULL: GET; otherwise POST of these bytes */
    const apr_array_header_t *headers; /* of const char *, "Name: value" */
    int total_ms;                      /* longest time for all of it */
    int silence_ms;                    /* given up when next to nothing comes for this long; whole seconds count */
} bks_transport_request_t;

typedef enum {
    BKS_TRANSPORT_ANSWERED,     /* a whole HTTP answer */
    BKS_TRANSPORT_NOTHING_SENT, /* not one byte of the request has left: Stripe can't have done it */
    BKS_TRANSPORT_LOST          /* sent at least in part, and no whole answer: Stripe may have done it */
} bks_transport_fate_t;

typedef enum { BKS_RETRY_UNSAID, BKS_RETRY_YES, BKS_RETRY_NO } bks_transport_retry_t;

typedef struct {
    bks_transport_fate_t fate;
    int status;                         /* HTTP status, 0 without an answer */
    const char *body;                   /* ends with NUL; "" without an answer */
    apr_size_t length;
    const char *request_id;             /* Request-Id, or "" */
    int replayed;                       /* Idempotent-Replayed: true */
    bks_transport_retry_t should_retry; /* Stripe-Should-Retry */
    int retry_after;                    /* Retry-After in seconds, or 0 */
    int hopeless;                       /* another try would end alike: certificate refused, connecting timed out */
    int untrusted;                      /* the certificate was refused */
    const char *problem;                /* libcurl's words, or NULL; holds no secret */
} bks_transport_answer_t;

/* Sends REQUEST and reads the answer, BKS_STRIPE_ANSWER_MAX bytes of it at most. Redirects are not followed, proxies,
 * .netrc and cookies not used. ANSWER is from POOL. INTERNAL when libcurl can't be set up. Any thread. SIGPIPE has to
 * be ignored by the process (httpd does). */
const bks_error_t *bks_transport_send(bks_transport_t *transport, const bks_transport_request_t *request,
                                      bks_transport_answer_t **answer, apr_pool_t *pool);

#endif
