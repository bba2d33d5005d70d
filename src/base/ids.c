/* Random identifiers and hex.
 * SPDX-License-Identifier: Apache-2.0 */
#include "base/ids.h"

#include <apr_general.h>
#include <apr_strings.h>

static const char lower_digits[] = "0123456789abcdef";
static const char upper_digits[] = "0123456789ABCDEF";

static char *hex_with(const char *digits, const unsigned char *bytes, apr_size_t length, apr_pool_t *pool)
{
    char *text = apr_palloc(pool, 2 * length + 1);

    for (apr_size_t i = 0; i < length; i++) {
        text[2 * i] = digits[bytes[i] >> 4];
        text[2 * i + 1] = digits[bytes[i] & 15];
    }
    text[2 * length] = '\0';
    return text;
}

const char *bks_hex_print(const unsigned char *bytes, apr_size_t length, apr_pool_t *pool)
{
    return hex_with(lower_digits, bytes, length, pool);
}

/* The value of a hex digit, or -1. */
static int digit_value(char c, int lower_only)
{
    if (c >= '0' && c <= '9') {
        return c - '0';
    }
    if (c >= 'a' && c <= 'f') {
        return c - 'a' + 10;
    }
    if (!lower_only && c >= 'A' && c <= 'F') {
        return c - 'A' + 10;
    }
    return -1;
}

int bks_hex_parse(const char *text, int lower_only, unsigned char *bytes, apr_size_t length)
{
    if (!text) {
        return 0;
    }
    for (apr_size_t i = 0; i < length; i++) {
        const int high = digit_value(text[2 * i], lower_only);
        const int low = high < 0 ? -1 : digit_value(text[2 * i + 1], lower_only);

        if (low < 0) {
            return 0;
        }
        bytes[i] = (unsigned char)(high << 4 | low);
    }
    return text[2 * length] == '\0';
}

const bks_error_t *bks_random_fill(unsigned char *bytes, apr_size_t length, apr_pool_t *pool)
{
    const apr_status_t status = apr_generate_random_bytes(bytes, length);

    if (status != APR_SUCCESS) {
        return bks_error_make(BKS_ERROR_INTERNAL, "internal", status, pool, "the system gives no random bytes");
    }
    return BKS_FINE;
}

const bks_error_t *bks_id_make(const char **id, apr_pool_t *pool)
{
    unsigned char bytes[BKS_ID_BYTES];

    BKS_TRY(bks_random_fill(bytes, sizeof(bytes), pool));
    *id = hex_with(lower_digits, bytes, sizeof(bytes), pool);
    return BKS_FINE;
}

const bks_error_t *bks_order_number_make(const char **number, apr_pool_t *pool)
{
    unsigned char bytes[BKS_ID_BYTES];

    BKS_TRY(bks_random_fill(bytes, sizeof(bytes), pool));
    *number = hex_with(upper_digits, bytes, sizeof(bytes), pool);
    return BKS_FINE;
}
