/* SHA-256 and HMAC-SHA-256 by OpenSSL 3 (EVP_Q_digest, EVP_Q_mac). No other file includes OpenSSL.
 * SPDX-License-Identifier: Apache-2.0 */
#include "base/hmac.h"

#include <apr_strings.h>
#include <openssl/crypto.h>
#include <openssl/evp.h>

#include "base/ids.h"

static const bks_error_t *openssl_failed(const char *what, apr_pool_t *pool)
{
    return bks_error_make(BKS_ERROR_INTERNAL, "internal", APR_EGENERAL, pool, "OpenSSL's %s failed", what);
}

const bks_error_t *bks_sha256(const void *data, apr_size_t length, unsigned char digest[BKS_SHA256_BYTES],
                              apr_pool_t *pool)
{
    unsigned int written = 0;

    if (!EVP_Digest(data, length, digest, &written, EVP_sha256(), NULL) || written != BKS_SHA256_BYTES) {
        return openssl_failed("SHA-256", pool);
    }
    return BKS_FINE;
}

const bks_error_t *bks_sha256_hex(const void *data, apr_size_t length, int digits, const char **hex, apr_pool_t *pool)
{
    unsigned char digest[BKS_SHA256_BYTES];

    BKS_TRY(bks_sha256(data, length, digest, pool));
    *hex = apr_pstrmemdup(pool, bks_hex_print(digest, sizeof(digest), pool), (apr_size_t)digits);
    return BKS_FINE;
}

const bks_error_t *bks_hmac(const void *key, apr_size_t key_length, const void *data, apr_size_t length,
                            unsigned char mac[BKS_SHA256_BYTES], apr_pool_t *pool)
{
    size_t written = 0;

    if (!EVP_Q_mac(NULL, "HMAC", NULL, "SHA256", NULL, key, key_length, data, length, mac, BKS_SHA256_BYTES, &written)
        || written != BKS_SHA256_BYTES) {
        return openssl_failed("HMAC", pool);
    }
    return BKS_FINE;
}

int bks_bytes_same(const void *a, const void *b, apr_size_t length)
{
    return CRYPTO_memcmp(a, b, length) == 0;
}
