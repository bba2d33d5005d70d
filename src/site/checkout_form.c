/* Checking the checkout form's fields.
 * Source of the e-mail pattern: WHATWG HTML, "valid e-mail address", with a dot in the domain, and letters of any script
 * on both sides of the @ (RFC 6531).
 * SPDX-License-Identifier: Apache-2.0 */
#include "site/checkout_form.h"

#include <string.h>

#include <apr_strings.h>

#include "base/match.h"
#include "base/money.h"
#include "base/text.h"

#define EMAIL_CHARS_MAX 254 /* RFC 5321, 4.5.3.1.3, less the angle brackets */
#define AMOUNT_DIGITS 9
#define EMAIL_PATTERN                                                                                                     \
    "^[\\p{L}\\p{N}.!#$%&'*+/=?^_`{|}~-]{1,64}@[\\p{L}\\p{N}](?:[\\p{L}\\p{N}-]{0,61}[\\p{L}\\p{N}])?"                   \
    "(?:\\.[\\p{L}\\p{N}](?:[\\p{L}\\p{N}-]{0,61}[\\p{L}\\p{N}])?)+\\z"
#define INTENT_PATTERN "^pi_[A-Za-z0-9_]{3,250}\\z"

static const bks_match_t *email_pattern, *intent_pattern; /* set once by bks_checkout_form_prepare */

const bks_error_t *bks_checkout_form_prepare(apr_pool_t *pool)
{
    BKS_TRY(bks_match_make(&email_pattern, EMAIL_PATTERN, pool));
    return bks_match_make(&intent_pattern, INTENT_PATTERN, pool);
}

int bks_is_intent_id(const char *text)
{
    return text && bks_match_has(intent_pattern, text);
}

static const bks_error_t *invalid(const char *code, const char *field, apr_pool_t *pool)
{
    bks_error_t *error = bks_error_make(BKS_ERROR_INVALID, code, APR_SUCCESS, pool, "field %s: %s", field, code);

    error->field = field;
    return error;
}

static const bks_error_t *read_email(const bks_form_t *form, const char **email, apr_pool_t *pool)
{
    const char *text = bks_text_trim(bks_form_get(form, "email"), pool);

    if (!*text) {
        return invalid("email_required", "email", pool);
    }
    if (bks_utf8_count(text) > EMAIL_CHARS_MAX) {
        return invalid("email_too_long", "email", pool);
    }
    if (!bks_match_has(email_pattern, text)) {
        return invalid("email_invalid", "email", pool);
    }
    *email = text;
    return BKS_FINE;
}

const bks_error_t *bks_checkout_form_read(const bks_form_t *form, bks_checkout_form_t *checkout, apr_pool_t *pool)
{
    checkout->intent = bks_form_get(form, "payment_intent");
    if (!bks_is_intent_id(checkout->intent)) {
        return bks_error_make(BKS_ERROR_NOT_FOUND, "payment_not_found", APR_SUCCESS, pool,
                              "a form names no PaymentIntent");
    }
    if (!bks_text_to_int(bks_form_get(form, "amount"), AMOUNT_DIGITS, &checkout->amount)) {
        return invalid("form_error", "amount", pool);
    }
    return read_email(form, &checkout->email, pool);
}
