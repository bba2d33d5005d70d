/* One open PaymentIntent per visitor and bag.
 * SPDX-License-Identifier: Apache-2.0 */
#include "shop/pay.h"

#include <string.h>

#include <apr_strings.h>

#include "base/ids.h"
#include "shop/memory.h"
#include "shop/settle.h"
#include "store/order_store.h"
#include "store/payment_store.h"

#define ROUNDS_MAX 4                  /* an old payment may have to end, another tab may be faster: then look again */
#define KEY_GOOD_FOR (23 * 60 * 60)   /* seconds; Stripe forgets idempotency keys after 24 h at the earliest */
#define LOOK_BACK 60                  /* seconds by which clocks may differ when we look for a lost PaymentIntent */

/* What the helpers below pass around. */
typedef struct {
    const bks_shop_t *shop;
    const bks_visitor_t *visitor;
    const bks_bag_t *bag;
    const char *bag_text;
    apr_int64_t now;
    bks_payment_t *payment;
    int is_remembered; /* the payment is the cache's: good for paying on, not for deciding that it is over */
} paying_job_t;

static const bks_error_t *find_open(bks_conn_t *conn, void *baton, apr_pool_t *pool)
{
    paying_job_t *job = baton;

    return bks_payment_find_open(conn, job->visitor->id, &job->payment, pool);
}

static void fill_lines(bks_order_t *order, const bks_bag_t *bag, apr_pool_t *pool)
{
    order->lines = apr_array_make(pool, bag->lines->nelts, sizeof(bks_order_line_t));
    for (int i = 0; i < bag->lines->nelts; i++) {
        const bks_bag_line_t *from = &APR_ARRAY_IDX(bag->lines, i, bks_bag_line_t);
        bks_order_line_t *line = apr_array_push(order->lines);

        line->book = from->book->id;
        line->variant = from->variant;
        line->title = from->book->title;
        line->authors = bks_texts_join(from->book->authors, pool);
        line->cover = from->book->cover;
        line->quantity = from->quantity;
        line->unit_price = from->unit_price;
        line->total = from->total;
    }
}

static const bks_error_t *new_order(const paying_job_t *job, bks_order_t **order, apr_pool_t *pool)
{
    bks_order_t *made = apr_pcalloc(pool, sizeof(*made));

    BKS_TRY(bks_order_number_make(&made->number, pool));
    made->visitor = job->visitor->id;
    made->email = made->failure = made->mismatch = "";
    made->currency = job->bag->currency;
    made->total = job->bag->total;
    made->livemode = job->shop->settings->livemode;
    made->created = job->now;
    fill_lines(made, job->bag, pool);
    *order = made;
    return BKS_FINE;
}

/* Attempt number ATTEMPT to create the PaymentIntent of ORDER with BODY. */
static const bks_error_t *new_attempt(const paying_job_t *job, const char *order, int attempt, const char *bag,
                                      const char *body, apr_int64_t amount, bks_payment_t **payment, apr_pool_t *pool)
{
    bks_payment_t *made = apr_pcalloc(pool, sizeof(*made));

    BKS_TRY(bks_idempotency_key_make(&made->key, order, "create", attempt, body, pool));
    made->order = order;
    made->attempt = attempt;
    made->visitor = job->visitor->id;
    made->body = body;
    made->state = BKS_PAYMENT_CREATING;
    made->bag = bag;
    made->amount = amount;
    made->currency = job->bag->currency->code;
    made->livemode = job->shop->settings->livemode;
    made->created = job->now;
    made->next_look = job->now + job->shop->settings->reconcile_every;
    *payment = made;
    return BKS_FINE;
}

/* Saves visitor, order and payment before Stripe hears of them; another tab's open payment wins. */
static const bks_error_t *make_or_find(bks_conn_t *conn, void *baton, apr_pool_t *pool)
{
    paying_job_t *job = baton;
    bks_intent_params_t params = {.amount = job->bag->total,
                                  .currency = job->bag->currency->code,
                                  .shop = job->shop->identity->id};
    bks_order_t *order;
    const char *body;

    BKS_TRY(bks_payment_find_open(conn, job->visitor->id, &job->payment, pool));
    if (job->payment) {
        return BKS_FINE;
    }
    BKS_TRY(bks_visitor_save(conn, job->visitor->id, job->now));
    BKS_TRY(new_order(job, &order, pool));
    params.order = order->number;
    params.description = apr_psprintf(pool, "Order %s: %s", order->number, bks_bag_titles(job->bag, pool));
    body = bks_intent_body_print(&params, pool);
    BKS_TRY(new_attempt(job, order->number, 1, job->bag_text, body, job->bag->total, &job->payment, pool));
    BKS_TRY(bks_order_insert(conn, order));
    return bks_payment_insert(conn, job->payment);
}

static const bks_error_t *save_intent(bks_conn_t *conn, void *baton, apr_pool_t *pool)
{
    const bks_payment_t *payment = baton;

    (void)pool;
    return bks_payment_save_intent(conn, payment, payment->intent);
}

/* Saves the PaymentIntent's id. Nobody has to wait until that is on the disk: the call that made it is, and repeated it
 * gives the same id. Whoever needs the id before finds it in the cache (shop/catch_up.h), so without one it is waited for. */
static const bks_error_t *keep_intent(const paying_job_t *job, apr_pool_t *pool)
{
    const bks_shop_t *shop = job->shop;
    apr_pool_t *later = bks_memory_is_on(shop) ? bks_db_later_pool_make() : NULL;
    bks_payment_t *copy;

    if (!later) {
        return bks_db_write(shop->db, shop->timing, save_intent, job->payment, pool);
    }
    bks_memory_put_payment(shop, job->payment, pool);
    copy = apr_pcalloc(later, sizeof(*copy));
    copy->order = apr_pstrdup(later, job->payment->order);
    copy->attempt = job->payment->attempt;
    copy->intent = apr_pstrdup(later, job->payment->intent);
    bks_db_write_later(shop->db, save_intent, copy, later);
    return BKS_FINE;
}

static const bks_error_t *end_payment(bks_conn_t *conn, void *baton, apr_pool_t *pool)
{
    const paying_job_t *job = baton;

    (void)pool;
    return bks_payment_end(conn, job->payment);
}

static const bks_error_t *give_up_order(bks_conn_t *conn, void *baton, apr_pool_t *pool)
{
    const paying_job_t *job = baton;

    (void)pool;
    BKS_TRY(bks_payment_end(conn, job->payment));
    return bks_order_cancel(conn, job->payment->order);
}

/* Ends the payment at hand by WORK; the next round looks into the database. */
static const bks_error_t *finish(paying_job_t *job, bks_db_work_fn *work, apr_pool_t *pool)
{
    bks_memory_drop_payment(job->shop, job->visitor->id, pool);
    return bks_db_write(job->shop->db, job->shop->timing, work, job, pool);
}

/* A further attempt in place of one whose key is used up. */
static const bks_error_t *replace_attempt(bks_conn_t *conn, void *baton, apr_pool_t *pool)
{
    paying_job_t *job = baton;
    bks_payment_t *current, *next;

    BKS_TRY(bks_payment_find_open(conn, job->visitor->id, &current, pool));
    if (!current || strcmp(current->order, job->payment->order) != 0 || current->attempt != job->payment->attempt) {
        job->payment = current; /* another request was faster */
        return BKS_FINE;
    }
    BKS_TRY(new_attempt(job, current->order, current->attempt + 1, current->bag, current->body, current->amount, &next, pool));
    BKS_TRY(bks_payment_end(conn, current));
    BKS_TRY(bks_payment_insert(conn, next));
    job->payment = next;
    return BKS_FINE;
}

/* Whether the payment at hand is for this bag. */
static int fits(const paying_job_t *job)
{
    return strcmp(job->payment->bag, job->bag_text) == 0;
}

/* The fate of the call is unknown and its key tells no more: look whether Stripe has the PaymentIntent; only if it has
 * not, a new attempt gets a new key (INTENT stays NULL, and the next round sends it). */
static const bks_error_t *look_up_lost(paying_job_t *job, bks_intent_t **intent, apr_pool_t *pool)
{
    const bks_payment_t *payment = job->payment;

    BKS_TRY(bks_intent_find_by_order(job->shop->stripe, job->shop->timing, job->shop->identity->id, payment->order,
                                     payment->created - LOOK_BACK, payment->created + KEY_GOOD_FOR + LOOK_BACK, intent, pool));
    if (*intent) {
        return BKS_FINE;
    }
    if (!fits(job)) {
        return finish(job, give_up_order, pool); /* it would be made only to be cancelled */
    }
    return bks_db_write(job->shop->db, job->shop->timing, replace_attempt, job, pool);
}

/* Makes the saved call, or repeats it byte for byte, and saves what Stripe answered. Without an error, INTENT is NULL
 * when another round is needed. */
static const bks_error_t *send_call(paying_job_t *job, bks_intent_t **intent, apr_pool_t *pool)
{
    const bks_payment_t *payment = job->payment;
    int replayed = 0;

    *intent = NULL;
    if (job->now - payment->created > KEY_GOOD_FOR) {
        BKS_TRY(look_up_lost(job, intent, pool));
    }
    else {
        const bks_error_t *error =
            bks_intent_create(job->shop->stripe, job->shop->timing, payment->body, payment->key, intent, &replayed, pool);

        if (error && error->kind == BKS_ERROR_REFUSED) {
            BKS_TRY(finish(job, give_up_order, pool));
        }
        if (error && (error->kind != BKS_ERROR_UNKNOWN || !replayed)) {
            return error;
        }
        if (error) {
            BKS_TRY(look_up_lost(job, intent, pool));
        }
    }
    if (!*intent) {
        return BKS_FINE;
    }
    job->payment->intent = (*intent)->id;
    job->payment->state = BKS_PAYMENT_OPEN;
    BKS_TRY(keep_intent(job, pool));
    if (replayed) { /* an old answer: much may have happened since */
        return bks_intent_retrieve(job->shop->stripe, job->shop->timing, (*intent)->id, intent, pool);
    }
    return BKS_FINE;
}

/* A cancellation is idempotent by nature (a second one finds it canceled), and what was answered to an earlier one may no
 * longer be true: so each has a key of its own, which only its own retries repeat. */
const bks_error_t *bks_payment_cancel(const bks_shop_t *shop, const bks_payment_t *payment, bks_intent_t **intent,
                                      apr_pool_t *pool)
{
    const char *once, *key;

    BKS_TRY(bks_id_make(&once, pool));
    BKS_TRY(bks_idempotency_key_make(&key, payment->order, "cancel", payment->attempt, once, pool));
    return bks_intent_cancel(shop->stripe, shop->timing, payment->intent, key, intent, pool);
}

/* What Stripe says of the payment at hand now; one for another bag is cancelled on the way. */
static const bks_error_t *ask_stripe(paying_job_t *job, bks_intent_t **intent, apr_pool_t *pool)
{
    if (job->payment->state == BKS_PAYMENT_CREATING) {
        BKS_TRY(send_call(job, intent, pool));
        if (!*intent || fits(job) || !bks_intent_status_is_payable((*intent)->status)) {
            return BKS_FINE;
        }
    }
    if (!fits(job)) {
        return bks_payment_cancel(job->shop, job->payment, intent, pool);
    }
    if (*intent) {
        return BKS_FINE;
    }
    return bks_intent_retrieve(job->shop->stripe, job->shop->timing, job->payment->intent, intent, pool);
}

/* A client secret begins with the id of its PaymentIntent. */
static int has_own_secret(const bks_intent_t *intent)
{
    const size_t length = strlen(intent->id);

    return intent->client_secret && strncmp(intent->client_secret, intent->id, length) == 0
           && strncmp(intent->client_secret + length, "_secret_", 8) == 0;
}

/* Why the payable INTENT can't be shown to the buyer of PAYMENT, or NULL: what the page shows must be what is charged. */
static const char *find_fault(const bks_intent_t *intent, const bks_payment_t *payment)
{
    if (intent->amount != payment->amount || strcmp(intent->currency, payment->currency) != 0) {
        return "is for another amount than was asked for";
    }
    if (intent->livemode != payment->livemode) {
        return "is of the other mode than the keys";
    }
    if (intent->order && strcmp(intent->order, payment->order) != 0) {
        return "is for another order";
    }
    return has_own_secret(intent) ? NULL : "came without its client secret";
}

static const bks_error_t *pay_on(const paying_job_t *job, bks_intent_t *intent, bks_paying_t **paying, apr_pool_t *pool)
{
    const char *fault = fits(job) ? find_fault(intent, job->payment) : "was to be cancelled and can still be paid";
    const bks_paying_t decided = {job->payment, intent, 0};

    if (fault) {
        return bks_error_make(BKS_ERROR_UNKNOWN, "stripe_unavailable", APR_SUCCESS, pool, "%s (%s) %s", intent->id,
                              intent->status_text, fault);
    }
    bks_memory_put_payment(job->shop, job->payment, pool);
    *paying = apr_pmemdup(pool, &decided, sizeof(decided));
    return BKS_FINE;
}

/* Decides what INTENT means for this visit; PAYING stays NULL when another round is needed. */
static const bks_error_t *decide(paying_job_t *job, bks_intent_t *intent, bks_paying_t **paying, apr_pool_t *pool)
{
    const bks_paying_t over = {job->payment, intent, 1};
    bks_order_t *order;

    if (bks_intent_status_is_payable(intent->status)) {
        return pay_on(job, intent, paying, pool);
    }
    if (job->is_remembered) {
        bks_memory_drop_payment(job->shop, job->visitor->id, pool);
        return BKS_FINE;
    }
    if (intent->status == BKS_INTENT_CANCELED) {
        return finish(job, give_up_order, pool);
    }
    if (intent->status == BKS_INTENT_OTHER) {
        return bks_error_make(BKS_ERROR_UNKNOWN, "stripe_unavailable", APR_SUCCESS, pool, "%s has the unknown status %s",
                              intent->id, intent->status_text);
    }
    BKS_TRY(bks_settle(job->shop, job->payment, intent, &order, pool));
    if (job->payment->seen) {
        return finish(job, end_payment, pool);
    }
    *paying = apr_pmemdup(pool, &over, sizeof(over));
    return BKS_FINE;
}

/* The payment to look at in this round: remembered, found or new. */
static const bks_error_t *pick(paying_job_t *job, int round, apr_pool_t *pool)
{
    job->payment = NULL;
    job->is_remembered = 0;
    if (!job->visitor->is_new && round == 0) {
        job->payment = job->visitor->remembered;
        job->is_remembered = job->payment && fits(job); /* another bag's is looked up, because it is to be ended */
        job->payment = job->is_remembered ? job->payment : NULL;
        if (!job->payment) {
            BKS_TRY(bks_db_read(job->shop->db, job->shop->timing, find_open, job, pool));
        }
    }
    if (!job->payment) {
        BKS_TRY(bks_db_write(job->shop->db, job->shop->timing, make_or_find, job, pool));
    }
    return BKS_FINE;
}

/* One look at the visitor's payment; PAYING stays NULL when another is needed. */
static const bks_error_t *one_round(paying_job_t *job, int round, bks_paying_t **paying, apr_pool_t *pool)
{
    bks_intent_t *intent = NULL;
    const bks_error_t *error;

    BKS_TRY(pick(job, round, pool));
    if (job->payment->livemode != job->shop->settings->livemode) {
        return finish(job, end_payment, pool); /* of the other kind of keys, which can't reach it */
    }
    error = ask_stripe(job, &intent, pool);
    if (error && error->kind == BKS_ERROR_NOT_FOUND && job->payment->intent) {
        bks_log(job->shop->log, BKS_LOG_WARN, "BKS0503: Stripe does not know %s of order %s; has the account changed?",
                job->payment->intent, job->payment->order);
        return finish(job, give_up_order, pool);
    }
    BKS_TRY(error);
    return intent ? decide(job, intent, paying, pool) : BKS_FINE;
}

const bks_error_t *bks_pay_for_bag(const bks_shop_t *shop, const bks_visitor_t *visitor, const bks_bag_t *bag,
                                   bks_paying_t **paying, apr_pool_t *pool)
{
    paying_job_t job = {shop, visitor, bag, bks_bag_print(bag, pool), bks_clock_seconds(shop->clock), NULL, 0};

    BKS_TRY(bks_money_may_charge(bag->total, bag->currency, pool));
    *paying = NULL;
    for (int round = 0; round < ROUNDS_MAX; round++) {
        BKS_TRY(one_round(&job, round, paying, pool));
        if (*paying) {
            return BKS_FINE;
        }
    }
    return bks_error_make(BKS_ERROR_UNAVAILABLE, "stripe_unavailable", APR_SUCCESS, pool,
                          "the visitor's payment changed at each of %d looks", ROUNDS_MAX);
}
