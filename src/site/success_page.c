/* Success, on its way, or not (yet) paid: by what Stripe says, never by what the address says.
 * SPDX-License-Identifier: Apache-2.0 */
#include "site/success_page.h"

#include <string.h>

#include <apr_strings.h>

#include "base/ids.h"
#include "shop/receipt.h"
#include "site/checkout_form.h"
#include "site/cookie.h"
#include "site/page.h"
#include "view/order_view.h"

/* What the page shows: one of these. */
typedef enum { PAID, HELD, PROCESSING, AUTHORIZED, CANCELED, ACTION_NEEDED, OUTCOMES } outcome_t;

static const struct {
    const char *flag;  /* true in the template */
    const char *title; /* code of the document's title */
    int final;         /* the visitor has seen how it ended: the next checkout is a new purchase */
} outcomes[OUTCOMES] = {
    [PAID] = {"paid", "title_paid", 1},
    [HELD] = {"held", "title_held", 1},
    [PROCESSING] = {"processing", "title_processing", 1},
    [AUTHORIZED] = {"authorized", "title_authorized", 1},
    [CANCELED] = {"canceled", "title_canceled", 0},
    [ACTION_NEEDED] = {"action_needed", "title_action_needed", 0},
};

static outcome_t outcome_of(const bks_receipt_t *receipt)
{
    const bks_order_payment_t state = bks_order_payment_state(receipt->order);

    if (state == BKS_ORDER_PAYMENT_PAID) {
        return PAID;
    }
    if (state == BKS_ORDER_PAYMENT_HELD) {
        return HELD;
    }
    switch (receipt->status) {
    case BKS_INTENT_PROCESSING:
        return PROCESSING;
    case BKS_INTENT_REQUIRES_CAPTURE:
        return AUTHORIZED;
    case BKS_INTENT_CANCELED:
        return CANCELED;
    case BKS_INTENT_REQUIRES_PAYMENT_METHOD:
    case BKS_INTENT_REQUIRES_CONFIRMATION:
    case BKS_INTENT_REQUIRES_ACTION:
    case BKS_INTENT_OTHER:
    case BKS_INTENT_SUCCEEDED: /* and yet neither paid nor held: can't be */
        return ACTION_NEEDED;
    }
    return ACTION_NEEDED;
}

/* Where the buyer can try again: the checkout of the order's book. */
static const char *retry_url(const bks_visit_t *visit, const bks_order_t *order, apr_pool_t *pool)
{
    const bks_order_line_t *line = &APR_ARRAY_IDX(order->lines, 0, bks_order_line_t);

    return bks_buy_url(&visit->shop->settings->places, line->book, line->variant, pool);
}

static const bks_error_t *render(const bks_visit_t *visit, bks_reply_t *reply, const bks_receipt_t *receipt,
                                 outcome_t outcome, apr_pool_t *pool)
{
    const bks_settings_t *settings = visit->shop->settings;
    const bks_page_t page = {bks_say(visit, outcomes[outcome].title), "", NULL};
    bks_json_t *values = bks_page_values(visit, &page, pool);
    const int may_retry = outcome == ACTION_NEEDED || outcome == CANCELED;
    const char *link;

    BKS_TRY(bks_receipt_link(visit->shop, receipt->order->number, receipt->payment->intent, &link, pool));
    for (int i = 0; i < OUTCOMES; i++) {
        bks_json_set_bool(values, outcomes[i].flag, i == (int)outcome);
    }
    bks_json_set_text(values, "reason", may_retry ? receipt->reason : "");
    bks_json_set_text(values, "retry_url", may_retry ? retry_url(visit, receipt->order, pool) : "");
    bks_order_fill(bks_json_set_object(values, "order"), receipt->order, apr_pstrcat(pool, settings->base_url, link, NULL),
                   &settings->places, pool);
    return bks_page_render(visit, reply, "success", values, BKS_HEADERS_RECEIPT, pool);
}

/* Leads from the address that Stripe makes, which carries the client secret, to ours. */
static const bks_error_t *redirect_clean(const bks_visit_t *visit, bks_reply_t *reply, const char *intent, apr_pool_t *pool)
{
    const bks_settings_t *settings = visit->shop->settings;
    const char *key = bks_form_get(visit->query, "key");
    unsigned char bytes[32];

    bks_headers_fill(reply, settings, BKS_HEADERS_RECEIPT, pool);
    bks_reply_redirect(reply, apr_pstrcat(pool, settings->base_url, "/success?pi=", intent,
                                          bks_hex_parse(key, 1, bytes, sizeof(bytes)) ? "&key=" : "",
                                          bks_hex_parse(key, 1, bytes, sizeof(bytes)) ? key : "", NULL));
    return BKS_FINE;
}

/* What can't be asked now is told as that: the payment itself is safe. */
static const bks_error_t *check_later(const bks_error_t *error, apr_pool_t *pool)
{
    bks_error_t *later;

    if (!error || (error->kind != BKS_ERROR_UNAVAILABLE && error->kind != BKS_ERROR_UNKNOWN
                   && error->kind != BKS_ERROR_LIMITED && error->kind != BKS_ERROR_CONFIG)) {
        return error;
    }
    later = bks_error_wrap(error, pool, "the payment can't be looked up now");
    later->kind = BKS_ERROR_UNAVAILABLE;
    later->code = "check_later";
    return later;
}

const bks_error_t *bks_success_page(const bks_visit_t *visit, bks_reply_t *reply, apr_pool_t *pool)
{
    const char *from_stripe = bks_form_get(visit->query, "payment_intent");
    const char *intent = bks_form_get(visit->query, "pi");
    bks_visitor_t *visitor;
    bks_receipt_t *receipt;
    outcome_t outcome;

    if (bks_is_intent_id(from_stripe)) {
        return redirect_clean(visit, reply, from_stripe, pool);
    }
    if (!bks_is_intent_id(intent)) {
        return bks_error_make(BKS_ERROR_NOT_FOUND, "payment_not_found", APR_SUCCESS, pool, "no PaymentIntent named");
    }
    BKS_TRY(bks_visit_meet(visit, &visitor, pool));
    BKS_TRY(check_later(bks_receipt_open(visit->shop, visitor, intent, bks_form_get(visit->query, "key"), &receipt, pool),
                        pool));
    outcome = outcome_of(receipt);
    BKS_TRY(render(visit, reply, receipt, outcome, pool));
    if (outcomes[outcome].final && !bks_request_is_head(visit->request)) {
        const bks_error_t *error = bks_receipt_seen(visit->shop, receipt, pool);

        if (error) { /* the buyer sees the receipt all the same, and the next checkout leads here once more */
            bks_log_error(visit, error, pool);
        }
    }
    return BKS_FINE;
}
