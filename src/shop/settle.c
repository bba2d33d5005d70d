/* Settling an order from what Stripe says about its payment.
 * SPDX-License-Identifier: Apache-2.0 */
#include "shop/settle.h"

#include <string.h>

#include <apr_strings.h>

#include "store/order_store.h"

#define FAILURE_CODE_MAX 100

typedef struct {
    const bks_shop_t *shop;
    const bks_payment_t *payment;
    const bks_intent_t *intent;
    apr_int64_t now;
    bks_order_t *order;
    const char *mismatch; /* found now, or NULL */
} settling_t;

/* Why the money of INTENT is not the money for ORDER, or NULL. Metadata that is absent is no mismatch. */
static const char *find_mismatch(const settling_t *job, apr_pool_t *pool)
{
    const bks_intent_t *intent = job->intent;
    const bks_order_t *order = job->order;

    if (!job->payment->intent || strcmp(intent->id, job->payment->intent) != 0) {
        return apr_psprintf(pool, "PaymentIntent %s is not the one of this order", intent->id);
    }
    if (intent->order && strcmp(intent->order, order->number) != 0) {
        return "the metadata names another order";
    }
    if (intent->shop && strcmp(intent->shop, job->shop->identity->id) != 0) {
        return "the metadata names another shop";
    }
    if (intent->livemode != order->livemode) {
        return order->livemode ? "a test payment for a live order" : "a live payment for a test order";
    }
    if (strcmp(intent->currency, order->currency->code) != 0) {
        return apr_psprintf(pool, "paid in %.3s, ordered in %s", intent->currency, order->currency->code);
    }
    if (intent->amount_received != order->total) {
        return apr_psprintf(pool, "received %" APR_INT64_T_FMT " of %" APR_INT64_T_FMT " %s", intent->amount_received,
                            order->total, order->currency->code);
    }
    return NULL;
}

static const bks_error_t *save_success(bks_conn_t *conn, settling_t *job, apr_pool_t *pool)
{
    const bks_order_t *order = job->order;

    job->mismatch = find_mismatch(job, pool);
    if (job->mismatch) {
        return bks_order_save_mismatch(conn, order->number, job->mismatch);
    }
    if (order->received >= job->intent->amount_received) {
        return BKS_FINE;
    }
    return bks_order_save_received(conn, order->number, job->intent->amount_received, job->now);
}

static const bks_error_t *save_failure(bks_conn_t *conn, const settling_t *job, apr_pool_t *pool)
{
    const char *code = job->intent->error_code;

    if (!code || (strcmp(code, job->order->failure) == 0 && job->order->failed > job->order->pending)) {
        return BKS_FINE;
    }
    return bks_order_save_failure(conn, job->order->number, apr_pstrndup(pool, code, FAILURE_CODE_MAX), job->now);
}

static const bks_error_t *save_news(bks_conn_t *conn, settling_t *job, apr_pool_t *pool)
{
    const bks_order_t *order = job->order;

    switch (job->intent->status) {
    case BKS_INTENT_SUCCEEDED:
        return save_success(conn, job, pool);
    case BKS_INTENT_PROCESSING:
    case BKS_INTENT_REQUIRES_CAPTURE:
        return order->pending > order->failed ? BKS_FINE : bks_order_save_pending(conn, order->number, job->now);
    case BKS_INTENT_CANCELED:
        return order->cancelled ? BKS_FINE : bks_order_cancel(conn, order->number);
    case BKS_INTENT_REQUIRES_PAYMENT_METHOD:
        return save_failure(conn, job, pool);
    case BKS_INTENT_REQUIRES_CONFIRMATION:
    case BKS_INTENT_REQUIRES_ACTION:
    case BKS_INTENT_OTHER:
        return BKS_FINE;
    }
    return BKS_FINE;
}

/* Loads the order in the transaction, so that two who settle at once see each other's work. */
static const bks_error_t *load_order(bks_conn_t *conn, settling_t *job, apr_pool_t *pool)
{
    BKS_TRY(bks_order_find(conn, job->payment->order, &job->order, pool));
    if (!job->order) {
        return bks_error_make(BKS_ERROR_INTERNAL, "internal", APR_SUCCESS, pool, "order %s is not in the database",
                              job->payment->order);
    }
    return BKS_FINE;
}

const bks_error_t *bks_settle_in(bks_conn_t *conn, const bks_shop_t *shop, const bks_payment_t *payment,
                                 const bks_intent_t *intent, apr_int64_t now, bks_settled_t *settled, apr_pool_t *pool)
{
    settling_t job = {shop, payment, intent, now, NULL, NULL};

    BKS_TRY(load_order(conn, &job, pool));
    settled->was_paid = job.order->paid > 0;
    BKS_TRY(save_news(conn, &job, pool));
    BKS_TRY(load_order(conn, &job, pool));
    settled->order = job.order;
    settled->mismatch = job.mismatch;
    return BKS_FINE;
}

void bks_settled_log(const bks_shop_t *shop, const bks_settled_t *settled, const bks_intent_t *intent)
{
    const bks_order_t *order = settled->order;

    if (settled->mismatch) {
        bks_log(shop->log, BKS_LOG_ERROR, "BKS0501: order %s is held, nothing is delivered: %s (PaymentIntent %s)",
                order->number, settled->mismatch, intent->id);
    }
    else if (order->paid > 0 && !settled->was_paid) {
        bks_log(shop->log, BKS_LOG_INFO, "BKS0502: order %s is paid (PaymentIntent %s)", order->number, intent->id);
    }
}

/* What bks_settle hands to its transactions. */
typedef struct {
    settling_t job;
    bks_settled_t settled;
} settle_call_t;

static const bks_error_t *settle(bks_conn_t *conn, void *baton, apr_pool_t *pool)
{
    settle_call_t *call = baton;

    return bks_settle_in(conn, call->job.shop, call->job.payment, call->job.intent, call->job.now, &call->settled, pool);
}

static const bks_error_t *look(bks_conn_t *conn, void *baton, apr_pool_t *pool)
{
    settle_call_t *call = baton;

    return load_order(conn, &call->job, pool);
}

/* Whether ORDER already says what INTENT says: the usual case when a page is loaded again. */
static int has_no_news(const bks_order_t *order, const bks_intent_t *intent)
{
    switch (intent->status) {
    case BKS_INTENT_SUCCEEDED:
        return *order->mismatch || (order->received > 0 && order->received == intent->amount_received);
    case BKS_INTENT_PROCESSING:
    case BKS_INTENT_REQUIRES_CAPTURE:
        return order->pending > order->failed;
    case BKS_INTENT_CANCELED:
        return order->cancelled;
    case BKS_INTENT_REQUIRES_PAYMENT_METHOD:
        return !intent->error_code || (strcmp(order->failure, intent->error_code) == 0 && order->failed > order->pending);
    case BKS_INTENT_REQUIRES_CONFIRMATION:
    case BKS_INTENT_REQUIRES_ACTION:
    case BKS_INTENT_OTHER:
        return 1;
    }
    return 0;
}

const bks_error_t *bks_settle(const bks_shop_t *shop, const bks_payment_t *payment, const bks_intent_t *intent,
                              bks_order_t **order, apr_pool_t *pool)
{
    settle_call_t call = {{shop, payment, intent, bks_clock_seconds(shop->clock), NULL, NULL}, {NULL, NULL, 0}};

    BKS_TRY(bks_db_read(shop->db, shop->timing, look, &call, pool));
    *order = call.job.order;
    if (has_no_news(call.job.order, intent)) {
        return BKS_FINE;
    }
    BKS_TRY(bks_db_write(shop->db, shop->timing, settle, &call, pool));
    bks_settled_log(shop, &call.settled, intent);
    *order = call.settled.order;
    return BKS_FINE;
}
