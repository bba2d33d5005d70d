/* SHA-256 and HMAC-SHA-256 by OpenSSL, and the comparison that tells nothing by its time.
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef BKS_BASE_HMAC_H
#define BKS_BASE_HMAC_H

#include <apr_pools.h>

#include "base/error.h"

#define BKS_SHA256_BYTES 32

/* SHA-256 (FIPS 180-4) of DATA. Fails as INTERNAL when OpenSSL does. */
const bks_error_t *bks_sha256(const void *data, apr_size_t length, unsigned char digest[BKS_SHA256_BYTES],
                              apr_pool_t *pool);

/* The first DIGITS lower-case hex digits (at most 64) of the SHA-256 of DATA, from POOL. */
const bks_error_t *bks_sha256_hex(const void *data, apr_size_t length, int digits, const char **hex, apr_pool_t *pool);

/* HMAC-SHA-256 (RFC 2104) of DATA under KEY. */
const bks_error_t *bks_hmac(const void *key, apr_size_t key_length, const void *data, apr_size_t length,
                            unsigned char mac[BKS_SHA256_BYTES], apr_pool_t *pool);

/* Whether the LENGTH bytes at A and B are the same, in a time that depends on LENGTH alone. */
int bks_bytes_same(const void *a, const void *b, apr_size_t length);

#endif
