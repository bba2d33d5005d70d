/* Stripe's answers and failures as errors of the house: one table.
 * SPDX-License-Identifier: Apache-2.0 */
#include "stripe/stripe_error.h"

#include <string.h>

#include <apr_strings.h>

#define UNAVAILABLE_RETRY_SECONDS 2
#define LIMITED_RETRY_SECONDS 5
#define DETAIL_MAX 300
#define CODE_MAX 64
#define SECRET_CHARACTERS "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_*"

/* The first row that fits decides. A type or Stripe code that is NULL fits any; where the public code is NULL it is
 * Stripe's own. */
typedef struct {
    int from;
    int to; /* HTTP status, inclusive */
    const char *type;
    const char *stripe_code;
    bks_error_kind_t kind;
    const char *code;
    int again;
    int retry_after;
} row_t;

static const row_t rows[] = {
    {409, 409, NULL, NULL, BKS_ERROR_UNKNOWN, "stripe_unavailable", 1, UNAVAILABLE_RETRY_SECONDS},
    {429, 429, NULL, "lock_timeout", BKS_ERROR_UNAVAILABLE, "stripe_limited", 1, LIMITED_RETRY_SECONDS},
    {429, 429, NULL, NULL, BKS_ERROR_UNAVAILABLE, "stripe_limited", 0, LIMITED_RETRY_SECONDS},
    {401, 401, NULL, NULL, BKS_ERROR_CONFIG, "stripe_key_refused", 0, 0},
    {403, 403, NULL, NULL, BKS_ERROR_CONFIG, "stripe_key_refused", 0, 0},
    {400, 499, "idempotency_error", NULL, BKS_ERROR_INTERNAL, "idempotency_error", 0, 0},
    {404, 404, NULL, NULL, BKS_ERROR_NOT_FOUND, "resource_missing", 0, 0},
    {400, 499, NULL, NULL, BKS_ERROR_REFUSED, NULL, 0, 0},
    {500, 599, NULL, NULL, BKS_ERROR_UNKNOWN, "stripe_unavailable", 1, UNAVAILABLE_RETRY_SECONDS},
    {100, 999, NULL, NULL, BKS_ERROR_UNKNOWN, "stripe_unavailable", 0, UNAVAILABLE_RETRY_SECONDS},
};

#define ROWS (sizeof(rows) / sizeof(rows[0]))

static int fits(const char *wanted, const char *text)
{
    return !wanted || (text && strcmp(wanted, text) == 0);
}

static const row_t *find_row(int status, const char *type, const char *stripe_code)
{
    for (apr_size_t i = 0; i < ROWS; i++) {
        const row_t *row = &rows[i];

        if (status >= row->from && status <= row->to && fits(row->type, type) && fits(row->stripe_code, stripe_code)) {
            return row;
        }
    }
    return &rows[ROWS - 1];
}

/* Whether a key or a client secret's tail begins at C, a place in TEXT ("risk_level", "network_error" hold none). */
static int begins_secret(const char *text, const char *c)
{
    static const char *const keys[] = {"sk_", "rk_", "whsec_"};

    if (strncmp(c, "_secret_", 8) == 0) {
        return 1;
    }
    for (apr_size_t i = 0; i < sizeof(keys) / sizeof(keys[0]); i++) {
        if (strncmp(c, keys[i], strlen(keys[i])) == 0 && (c == text || !strchr(SECRET_CHARACTERS, c[-1]))) {
            return 1;
        }
    }
    return 0;
}

const char *bks_stripe_redact(const char *text, apr_pool_t *pool)
{
    char *redacted = apr_pstrndup(pool, text, DETAIL_MAX);

    for (char *c = redacted; *c; c++) {
        if (begins_secret(redacted, c)) {
            const apr_size_t length = strspn(c, SECRET_CHARACTERS);

            memset(c, 'x', length);
            c += length - 1;
        }
    }
    return redacted;
}

/* Stripe's code where it is one (it becomes a key of our messages and is shown), else the error's type, else ours. */
static int is_code(const char *text)
{
    const apr_size_t length = text ? strspn(text, "abcdefghijklmnopqrstuvwxyz0123456789_") : 0;

    return length > 0 && !text[length] && length <= CODE_MAX;
}

static const char *public_code(const char *type, const char *stripe_code, apr_pool_t *pool)
{
    if (is_code(stripe_code)) {
        return apr_pstrdup(pool, stripe_code);
    }
    return is_code(type) ? apr_pstrdup(pool, type) : "stripe_refused";
}

static const char *or_empty(const char *text)
{
    return text ? text : "";
}

static bks_error_t *make_unreadable(const bks_transport_answer_t *answer, const char *what, apr_pool_t *pool)
{
    bks_error_t *error = bks_error_make(BKS_ERROR_UNKNOWN, "stripe_unavailable", APR_SUCCESS, pool,
                                        "%s: HTTP %d with %" APR_SIZE_T_FMT " bytes, no object of Stripe's (%s)",
                                        what, answer->status, answer->length,
                                        bks_stripe_redact(answer->request_id, pool));

    error->retry_after = UNAVAILABLE_RETRY_SECONDS;
    return error;
}

static bks_error_t *make_refusal(const row_t *row, const bks_transport_answer_t *answer, const bks_json_t *stripe_error,
                                 const char *what, apr_pool_t *pool)
{
    const char *type = bks_json_get_text(stripe_error, "type");
    const char *stripe_code = bks_json_get_text(stripe_error, "code");
    const char *decline = bks_json_get_text(stripe_error, "decline_code");
    const char *message = bks_json_get_text(stripe_error, "message");
    const char *detail = apr_psprintf(pool, "%s %s %s (%s): %s", or_empty(type), or_empty(stripe_code),
                                      or_empty(decline), answer->request_id, or_empty(message));
    bks_error_t *error = bks_error_make(row->kind, row->code ? row->code : public_code(type, stripe_code, pool),
                                        APR_SUCCESS, pool, "%s: HTTP %d %s", what, answer->status,
                                        bks_stripe_redact(detail, pool));

    if (row->kind == BKS_ERROR_REFUSED) {
        error->field = apr_pstrdup(pool, bks_json_get_text(stripe_error, "param"));
        error->message = type && strcmp(type, "card_error") == 0 ? apr_pstrdup(pool, message) : NULL;
    }
    error->retry_after = answer->retry_after > row->retry_after ? answer->retry_after : row->retry_after;
    return error;
}

/* No answer at all. */
static bks_stripe_verdict_t judge_loss(const bks_transport_answer_t *answer, const char *what, apr_pool_t *pool)
{
    const int lost = answer->fate == BKS_TRANSPORT_LOST;
    bks_stripe_verdict_t verdict = {.healthy = 0, .again = !answer->hopeless};

    verdict.error = bks_error_make(lost ? BKS_ERROR_UNKNOWN : BKS_ERROR_UNAVAILABLE, "stripe_unavailable", APR_SUCCESS,
                                   pool, "%s: %s (%s)", what, bks_stripe_redact(or_empty(answer->problem), pool),
                                   lost ? "the request was sent" : "nothing was sent");
    verdict.error->retry_after = UNAVAILABLE_RETRY_SECONDS;
    return verdict;
}

static int decide_again(const bks_transport_answer_t *answer, int again)
{
    switch (answer->should_retry) {
    case BKS_RETRY_YES:
        return 1;
    case BKS_RETRY_NO:
        return 0;
    case BKS_RETRY_UNSAID:
        break;
    }
    return again && !(answer->replayed && answer->status >= 500); /* the key would only repeat it */
}

bks_stripe_verdict_t bks_stripe_judge(const bks_transport_answer_t *answer, const bks_json_t *json, const char *what,
                                      apr_pool_t *pool)
{
    const bks_json_t *stripe_error = bks_json_member(json, "error");
    const int success = answer->status >= 200 && answer->status <= 299;
    bks_stripe_verdict_t verdict = {NULL, 0, 0};
    const row_t *row;

    if (answer->fate != BKS_TRANSPORT_ANSWERED) {
        return judge_loss(answer, what, pool);
    }
    if (success && bks_json_is_object(json)) {
        verdict.healthy = 1;
        return verdict;
    }
    if (!bks_json_is_object(stripe_error)) {
        verdict.error = make_unreadable(answer, what, pool);
        verdict.again = decide_again(answer, success || answer->status >= 500);
        return verdict;
    }
    row = find_row(answer->status, bks_json_get_text(stripe_error, "type"), bks_json_get_text(stripe_error, "code"));
    verdict.error = make_refusal(row, answer, stripe_error, what, pool);
    verdict.healthy = (answer->status >= 400 && answer->status <= 499) || answer->replayed;
    verdict.again = decide_again(answer, row->again);
    return verdict;
}
