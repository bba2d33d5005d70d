/* Replies and the one table from kinds of error to HTTP statuses.
 * SPDX-License-Identifier: Apache-2.0 */
#include "site/request.h"

#include <string.h>

bks_reply_t *bks_reply_make(apr_pool_t *pool)
{
    bks_reply_t *reply = apr_pcalloc(pool, sizeof(*reply));

    reply->status = 200;
    reply->content_type = "text/html; charset=utf-8";
    reply->body = "";
    reply->headers = apr_table_make(pool, 12);
    return reply;
}

int bks_request_is_head(const bks_request_t *request)
{
    return strcmp(request->method, "HEAD") == 0;
}

void bks_reply_redirect(bks_reply_t *reply, const char *location)
{
    reply->status = 303;
    apr_table_setn(reply->headers, "Location", location);
}

int bks_error_status(bks_error_kind_t kind)
{
    static const int statuses[] = {
        [BKS_ERROR_BAD_REQUEST] = 400, [BKS_ERROR_INVALID] = 422,     [BKS_ERROR_FORBIDDEN] = 403,
        [BKS_ERROR_NOT_FOUND] = 404,   [BKS_ERROR_CONFLICT] = 409,    [BKS_ERROR_TOO_LARGE] = 413,
        [BKS_ERROR_MEDIA_TYPE] = 415,  [BKS_ERROR_LIMITED] = 429,     [BKS_ERROR_REFUSED] = 502,
        [BKS_ERROR_UNKNOWN] = 503,     [BKS_ERROR_UNAVAILABLE] = 503, [BKS_ERROR_CONFIG] = 503,
        [BKS_ERROR_INTERNAL] = 500,
    };

    return statuses[kind];
}
