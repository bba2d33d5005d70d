/* Verify first, then parse, then do.
 * SPDX-License-Identifier: Apache-2.0 */
#include "site/webhook_page.h"

#include <string.h>

#include <apr_strings.h>

#include "shop/hear.h"
#include "site/page.h"
#include "stripe/events.h"
#include "stripe/signature.h"

#define TELL_EVERY apr_time_from_sec(60) /* of refused webhooks, which anybody can send */

static const bks_error_t *verify_and_hear(const bks_visit_t *visit, const char **line, apr_pool_t *pool)
{
    const bks_shop_t *shop = visit->shop;
    const bks_request_t *request = visit->request;
    bks_event_t *event;

    BKS_TRY(bks_signature_verify(apr_table_get(request->headers, "Stripe-Signature"), request->body, request->body_length,
                                 shop->settings->webhook_secrets, bks_clock_seconds(shop->clock),
                                 shop->settings->webhook_tolerance, pool));
    BKS_TRY(bks_event_parse(request->body, request->body_length, &event, pool));
    return bks_hear(shop, event, line, pool);
}

static void reply_line(bks_reply_t *reply, int status, const char *line, apr_pool_t *pool)
{
    reply->status = status;
    reply->content_type = "text/plain; charset=utf-8";
    reply->body = apr_pstrcat(pool, line, "\n", NULL);
    reply->length = strlen(reply->body);
}

/* What is not Stripe's is refused without a word of why, and told to the admin once in a while. */
static void reply_refusal(const bks_visit_t *visit, bks_reply_t *reply, const bks_error_t *error, apr_pool_t *pool)
{
    reply_line(reply, 400, "This is not a webhook of Stripe's for this shop.", pool);
    if (bks_throttle_pass(visit->shop->refused_webhooks, bks_clock_now(visit->shop->clock), TELL_EVERY)) {
        bks_log(visit->shop->log, BKS_LOG_WARN, "BKS0402: a webhook is refused: %s (told at most once a minute)",
                bks_error_print(error, pool));
    }
}

const bks_error_t *bks_webhook_page(const bks_visit_t *visit, bks_reply_t *reply, apr_pool_t *pool)
{
    const char *line = "";
    const bks_error_t *error;

    bks_headers_fill(reply, visit->shop->settings, BKS_HEADERS_PRIVATE, pool);
    if (visit->shop->settings->webhook_secrets->nelts == 0) {
        reply_line(reply, 503, "No webhook secret is configured (BookshopWebhookSecret).", pool);
        apr_table_setn(reply->headers, "Retry-After", "3600");
        return BKS_FINE;
    }
    error = verify_and_hear(visit, &line, pool);
    if (!error) {
        reply_line(reply, 200, line, pool);
    }
    else if (error->kind == BKS_ERROR_BAD_REQUEST) {
        reply_refusal(visit, reply, error, pool);
    }
    else {
        bks_log_error(visit, error, pool);
        reply_line(reply, 500, "This webhook could not be dealt with now. Please send it again.", pool);
    }
    return BKS_FINE;
}
