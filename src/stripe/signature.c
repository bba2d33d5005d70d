/* Verifying Stripe-Signature.
 * SPDX-License-Identifier: Apache-2.0 */
#include "stripe/signature.h"

#include <string.h>

#include <apr_strings.h>

#include "base/hmac.h"
#include "base/ids.h"
#include "base/text.h"

#define TIME_DIGITS 12

typedef struct {
    unsigned char mac[BKS_SHA256_BYTES];
} signature_t;

typedef struct {
    const char *time;               /* as it was sent: these digits are signed */
    apr_int64_t seconds;
    int times;                      /* how many t there were */
    apr_array_header_t *signatures; /* of signature_t: the v1 that can be one */
} header_t;

static const bks_error_t *refuse(const char *code, const char *why, apr_pool_t *pool)
{
    return bks_error_make(BKS_ERROR_BAD_REQUEST, code, APR_SUCCESS, pool, "Stripe-Signature: %s", why);
}

/* Takes one NAME=VALUE of the header. A v1 that can't be one is no signature, and no reason to refuse another. */
static const bks_error_t *take(header_t *header, const char *name, const char *value, apr_pool_t *pool)
{
    if (strcmp(name, "t") == 0) {
        if (*value == '0' || !bks_text_to_int(value, TIME_DIGITS, &header->seconds)) {
            return refuse("signature_malformed", "t is not a time", pool);
        }
        header->time = value;
        header->times++;
    }
    else if (strcmp(name, "v1") == 0) {
        signature_t signature;

        if (bks_hex_parse(value, 1, signature.mac, sizeof(signature.mac))) {
            APR_ARRAY_PUSH(header->signatures, signature_t) = signature;
        }
    }
    return BKS_FINE;
}

static const bks_error_t *parse(const char *text, header_t *header, apr_pool_t *pool)
{
    char *state = NULL;

    header->signatures = apr_array_make(pool, 2, sizeof(signature_t));
    for (char *part = apr_strtok(apr_pstrdup(pool, text), ",", &state); part; part = apr_strtok(NULL, ",", &state)) {
        char *equals;

        part += strspn(part, " \t");
        equals = strchr(part, '=');
        if (!equals) {
            return refuse("signature_malformed", "a part has no value", pool);
        }
        *equals = '\0';
        BKS_TRY(take(header, part, equals + 1, pool));
    }
    if (header->times != 1) {
        return refuse("signature_malformed", "there must be one t", pool);
    }
    return header->signatures->nelts > 0 ? BKS_FINE : refuse("signature_wrong", "there is no v1", pool);
}

/* Whether any signature of HEADER is SECRET's over the bytes at SIGNED; every one is compared. */
static const bks_error_t *matches(const header_t *header, const char *secret, const char *signed_bytes, apr_size_t length,
                                  int *any, apr_pool_t *pool)
{
    unsigned char mac[BKS_SHA256_BYTES];

    BKS_TRY(bks_hmac(secret, strlen(secret), signed_bytes, length, mac, pool));
    for (int i = 0; i < header->signatures->nelts; i++) {
        *any |= bks_bytes_same(mac, APR_ARRAY_IDX(header->signatures, i, signature_t).mac, sizeof(mac));
    }
    return BKS_FINE;
}

const bks_error_t *bks_signature_verify(const char *text, const char *body, apr_size_t length,
                                        const apr_array_header_t *secrets, apr_int64_t now, apr_int64_t tolerance,
                                        apr_pool_t *pool)
{
    header_t header = {NULL, 0, 0, NULL};
    apr_size_t time_length;
    char *signed_bytes;
    int any = 0;

    if (!text || !*text) {
        return refuse("signature_missing", "there is none", pool);
    }
    BKS_TRY(parse(text, &header, pool));
    time_length = strlen(header.time);
    signed_bytes = apr_palloc(pool, time_length + 1 + length + 1);
    memcpy(signed_bytes, header.time, time_length);
    signed_bytes[time_length] = '.';
    memcpy(signed_bytes + time_length + 1, body, length);
    for (int i = 0; i < secrets->nelts; i++) {
        BKS_TRY(matches(&header, APR_ARRAY_IDX(secrets, i, const char *), signed_bytes, time_length + 1 + length, &any, pool));
    }
    if (!any || length == 0) {
        return refuse("signature_wrong", "no v1 is ours", pool);
    }
    if (header.seconds < now - tolerance) {
        return refuse("signature_stale", "signed too long ago: is this host's clock right?", pool);
    }
    if (header.seconds > now + tolerance) {
        return refuse("signature_future", "signed in the future: is this host's clock right?", pool);
    }
    return BKS_FINE;
}
