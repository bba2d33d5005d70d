/* Showing an order to whoever paid it.
 * SPDX-License-Identifier: Apache-2.0 */
#include "shop/receipt.h"

#include <string.h>

#include <apr_strings.h>

#include "shop/catch_up.h"
#include "shop/memory.h"
#include "shop/pay.h"
#include "shop/settle.h"
#include "store/order_store.h"
#include "store/payment_store.h"

typedef struct {
    const char *intent;
    const bks_payment_t *remembered; /* only for a write */
    bks_payment_t *payment;
    bks_order_t *order;
} finding_t;

static const bks_error_t *find(bks_conn_t *conn, void *baton, apr_pool_t *pool)
{
    finding_t *job = baton;

    BKS_TRY(bks_payment_catch_up(conn, job->remembered, job->intent, &job->payment, pool));
    return job->payment ? bks_order_find(conn, job->payment->order, &job->order, pool) : BKS_FINE;
}

/* Finds payment and order of JOB's PaymentIntent, if need be before the write is done that follows the checkout page. */
static const bks_error_t *find_even_now(const bks_shop_t *shop, const bks_visitor_t *visitor, finding_t *job, apr_pool_t *pool)
{
    BKS_TRY(bks_db_read(shop->db, shop->timing, find, job, pool));
    if (!job->payment) {
        job->remembered = bks_remembered_payment(visitor, job->intent);
    }
    return job->remembered ? bks_db_write(shop->db, shop->timing, find, job, pool) : BKS_FINE;
}

/* Whether VISITOR or the holder of KEY may see ORDER. */
static const bks_error_t *may_see(const bks_shop_t *shop, const bks_order_t *order, const bks_visitor_t *visitor,
                                  const char *key, int *may, int *is_own, apr_pool_t *pool)
{
    *is_own = strcmp(order->visitor, visitor->id) == 0;
    if (*is_own) {
        *may = 1;
        return BKS_FINE;
    }
    return bks_link_key_check(shop, order->number, key, may, pool);
}

/* A payment that failed late, after the visitor began another purchase, could still be paid beside that one: it is over. */
static const bks_error_t *cancel_stray(const bks_shop_t *shop, const bks_payment_t *payment, bks_intent_t **intent,
                                       apr_pool_t *pool)
{
    if (payment->state != BKS_PAYMENT_OVER || !bks_intent_status_is_payable((*intent)->status)) {
        return BKS_FINE;
    }
    return bks_payment_cancel(shop, payment, intent, pool);
}

const bks_error_t *bks_receipt_open(const bks_shop_t *shop, const bks_visitor_t *visitor, const char *intent,
                                    const char *key, bks_receipt_t **receipt, apr_pool_t *pool)
{
    bks_receipt_t *open = apr_pcalloc(pool, sizeof(*open));
    finding_t job = {intent, NULL, NULL, NULL};
    bks_intent_t *now;
    int may = 0;

    BKS_TRY(find_even_now(shop, visitor, &job, pool));
    if (job.order) {
        BKS_TRY(may_see(shop, job.order, visitor, key, &may, &open->is_own, pool));
    }
    if (!may) {
        return bks_error_make(BKS_ERROR_NOT_FOUND, "payment_not_found", APR_SUCCESS, pool,
                              "no such PaymentIntent, or not the visitor's");
    }
    open->payment = job.payment;
    open->order = job.order;
    open->status = BKS_INTENT_SUCCEEDED;
    open->reason = "";
    if (bks_order_payment_state(job.order) != BKS_ORDER_PAYMENT_PAID) {
        BKS_TRY(bks_intent_retrieve(shop->stripe, shop->timing, intent, &now, pool));
        BKS_TRY(bks_settle(shop, job.payment, now, &open->order, pool));
        BKS_TRY(cancel_stray(shop, job.payment, &now, pool));
        open->status = now->status;
        open->reason = now->error_message ? now->error_message : "";
    }
    *receipt = open;
    return BKS_FINE;
}

static const bks_error_t *save_seen(bks_conn_t *conn, void *baton, apr_pool_t *pool)
{
    const bks_receipt_t *receipt = baton;

    (void)pool;
    return bks_payment_save_seen(conn, receipt->payment);
}

const bks_error_t *bks_receipt_seen(const bks_shop_t *shop, const bks_receipt_t *receipt, apr_pool_t *pool)
{
    bks_receipt_t copy = *receipt;

    if (!receipt->is_own) {
        return BKS_FINE;
    }
    if (!receipt->payment->seen) {
        BKS_TRY(bks_db_write(shop->db, shop->timing, save_seen, &copy, pool));
    }
    bks_memory_drop_payment(shop, receipt->payment->visitor, pool);
    return BKS_FINE;
}

const char *bks_receipt_path(const char *intent, apr_pool_t *pool)
{
    return apr_pstrcat(pool, "/success?pi=", intent, NULL);
}

const bks_error_t *bks_receipt_link(const bks_shop_t *shop, const char *number, const char *intent, const char **link,
                                    apr_pool_t *pool)
{
    const char *key;

    BKS_TRY(bks_link_key_make(shop, number, &key, pool));
    *link = apr_pstrcat(pool, bks_receipt_path(intent, pool), "&key=", key, NULL);
    return BKS_FINE;
}
