/* Making, wrapping, copying and printing errors.
 * SPDX-License-Identifier: Apache-2.0 */
#include "base/error.h"

#include <stdarg.h>

#include <apr_strings.h>

bks_error_t *bks_error_make(bks_error_kind_t kind, const char *code, apr_status_t status, apr_pool_t *pool,
                            const char *format, ...)
{
    bks_error_t *error = apr_pcalloc(pool, sizeof(*error));
    va_list args;

    error->kind = kind;
    error->code = code;
    error->status = status;
    va_start(args, format);
    error->detail = apr_pvsprintf(pool, format, args);
    va_end(args);
    return error;
}

bks_error_t *bks_error_wrap(const bks_error_t *cause, apr_pool_t *pool, const char *format, ...)
{
    bks_error_t *error = apr_pmemdup(pool, cause, sizeof(*error));
    va_list args;

    error->status = APR_SUCCESS; /* the cause prints its own */
    error->cause = cause;
    va_start(args, format);
    error->detail = apr_pvsprintf(pool, format, args);
    va_end(args);
    return error;
}

const bks_error_t *bks_error_copy(const bks_error_t *error, apr_pool_t *pool)
{
    bks_error_t *copy;

    if (!error) {
        return BKS_FINE;
    }
    copy = apr_pmemdup(pool, error, sizeof(*copy));
    copy->code = apr_pstrdup(pool, error->code);
    copy->detail = apr_pstrdup(pool, error->detail);
    copy->message = apr_pstrdup(pool, error->message);
    copy->field = apr_pstrdup(pool, error->field);
    copy->cause = bks_error_copy(error->cause, pool);
    return copy;
}

const char *bks_error_print(const bks_error_t *error, apr_pool_t *pool)
{
    const char *line = "";
    char reason[160];

    for (const bks_error_t *e = error; e; e = e->cause) {
        line = apr_pstrcat(pool, line, e == error ? "" : ": ", e->detail, NULL);
        if (e->status != APR_SUCCESS) {
            line = apr_pstrcat(pool, line, " (", apr_strerror(e->status, reason, sizeof(reason)), ")", NULL);
        }
    }
    return line;
}

const char *bks_error_kind_print(bks_error_kind_t kind)
{
    switch (kind) {
    case BKS_ERROR_BAD_REQUEST: return "bad request";
    case BKS_ERROR_INVALID:     return "invalid";
    case BKS_ERROR_FORBIDDEN:   return "forbidden";
    case BKS_ERROR_NOT_FOUND:   return "not found";
    case BKS_ERROR_CONFLICT:    return "conflict";
    case BKS_ERROR_TOO_LARGE:   return "too large";
    case BKS_ERROR_MEDIA_TYPE:  return "media type";
    case BKS_ERROR_LIMITED:     return "limited";
    case BKS_ERROR_REFUSED:     return "refused";
    case BKS_ERROR_UNKNOWN:     return "unknown";
    case BKS_ERROR_UNAVAILABLE: return "unavailable";
    case BKS_ERROR_CONFIG:      return "config";
    case BKS_ERROR_INTERNAL:    return "internal";
    }
    return "internal";
}
