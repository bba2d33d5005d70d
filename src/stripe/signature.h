/* The signature of a webhook: was it Stripe that sent these bytes, and just now?
 * Source: docs.stripe.com/webhooks#verify-manually (header Stripe-Signature).
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef BKS_STRIPE_SIGNATURE_H
#define BKS_STRIPE_SIGNATURE_H

#include <apr_tables.h>

#include "base/error.h"

#define BKS_SIGNATURE_TOLERANCE 300 /* seconds, both ways, unless configured otherwise */

/* Checks HEADER (Stripe-Signature; may be NULL) over the LENGTH raw bytes of BODY against each of SECRETS (array of
 * const char *; two while one is rolled), at NOW (seconds since 1970) with TOLERANCE (seconds). One t of 1 to 12 digits,
 * any number of v1 of 64 lower-case hex digits, other schemes ignored. First the signature, in a time that tells nothing
 * about it, then the time. BAD_REQUEST "signature_missing", "signature_malformed", "signature_wrong", "signature_stale",
 * "signature_future". */
const bks_error_t *bks_signature_verify(const char *header, const char *body, apr_size_t length,
                                        const apr_array_header_t *secrets, apr_int64_t now, apr_int64_t tolerance,
                                        apr_pool_t *pool);

#endif
