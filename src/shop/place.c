/* Saving the buyer's form.
 * SPDX-License-Identifier: Apache-2.0 */
#include "shop/place.h"

#include <string.h>

#include "shop/catch_up.h"
#include "store/order_store.h"
#include "store/payment_store.h"
#include "stripe/intents.h"

typedef struct {
    const bks_visitor_t *visitor;
    const bks_checkout_form_t *form;
    const bks_payment_t *remembered;
    apr_int64_t now;
} placing_t;

static const bks_error_t *over(apr_pool_t *pool)
{
    return bks_error_make(BKS_ERROR_CONFLICT, "payment_over", APR_SUCCESS, pool,
                          "a form is for a payment that is over or on its way");
}

/* Once money moves, what the buyer said before it moved stays. */
static const bks_error_t *refuse_when_over(bks_conn_t *conn, const bks_payment_t *payment, apr_pool_t *pool)
{
    bks_order_t *order;

    BKS_TRY(bks_order_find(conn, payment->order, &order, pool));
    if (payment->seen || !order || order->received > 0 || *order->mismatch || order->pending > order->failed) {
        return over(pool);
    }
    return BKS_FINE;
}

/* Whether PAYMENT (may be NULL) is the visitor's open one for the amount that the page showed. */
static const bks_error_t *may_place(const placing_t *job, const bks_payment_t *payment, apr_pool_t *pool)
{
    if (!payment || strcmp(payment->visitor, job->visitor->id) != 0) {
        return bks_error_make(BKS_ERROR_NOT_FOUND, "payment_not_found", APR_SUCCESS, pool,
                              "a form names a PaymentIntent that is not the visitor's");
    }
    if (payment->state == BKS_PAYMENT_OVER || payment->amount != job->form->amount) {
        return bks_error_make(BKS_ERROR_CONFLICT, "bag_changed", APR_SUCCESS, pool,
                              "a form is for another bag than the visitor's open payment");
    }
    return BKS_FINE;
}

/* The same before Stripe is asked: nobody learns or does anything with another visitor's PaymentIntent. */
static const bks_error_t *check_own(bks_conn_t *conn, void *baton, apr_pool_t *pool)
{
    const placing_t *job = baton;
    bks_payment_t *payment;

    BKS_TRY(bks_payment_find_by_intent(conn, job->form->intent, &payment, pool));
    return may_place(job, payment ? payment : job->remembered, pool);
}

static const bks_error_t *place(bks_conn_t *conn, void *baton, apr_pool_t *pool)
{
    const placing_t *job = baton;
    bks_payment_t *payment;

    BKS_TRY(bks_payment_catch_up(conn, job->remembered, job->form->intent, &payment, pool));
    BKS_TRY(may_place(job, payment, pool));
    BKS_TRY(refuse_when_over(conn, payment, pool));
    return bks_order_place(conn, payment->order, job->form->email, job->now);
}

/* Asks Stripe, because another tab may have paid a moment ago. */
static const bks_error_t *check_payable(const bks_shop_t *shop, const char *intent_id, apr_pool_t *pool)
{
    bks_intent_t *intent;

    BKS_TRY(bks_intent_retrieve(shop->stripe, shop->timing, intent_id, &intent, pool));
    if (intent->status == BKS_INTENT_CANCELED) {
        return bks_error_make(BKS_ERROR_CONFLICT, "bag_changed", APR_SUCCESS, pool, "a form is for a canceled PaymentIntent");
    }
    return bks_intent_status_is_payable(intent->status) ? BKS_FINE : over(pool);
}

const bks_error_t *bks_order_place_form(const bks_shop_t *shop, const bks_visitor_t *visitor,
                                        const bks_checkout_form_t *form, apr_pool_t *pool)
{
    placing_t job = {visitor, form, bks_remembered_payment(visitor, form->intent), bks_clock_seconds(shop->clock)};

    BKS_TRY(bks_db_read(shop->db, shop->timing, check_own, &job, pool));
    BKS_TRY(check_payable(shop, form->intent, pool));
    return bks_db_write(shop->db, shop->timing, place, &job, pool);
}

typedef struct {
    const char *number;
    const char *email;
} email_lookup_t;

static const bks_error_t *look_up_email(bks_conn_t *conn, void *baton, apr_pool_t *pool)
{
    email_lookup_t *job = baton;
    bks_order_t *order;

    BKS_TRY(bks_order_find(conn, job->number, &order, pool));
    job->email = order ? order->email : "";
    return BKS_FINE;
}

const bks_error_t *bks_order_find_email(const bks_shop_t *shop, const char *number, const char **email, apr_pool_t *pool)
{
    email_lookup_t job = {number, ""};
    const bks_error_t *error = bks_db_read(shop->db, shop->timing, look_up_email, &job, pool);

    *email = job.email;
    return error;
}
