/* The round of reconciliation.
 * SPDX-License-Identifier: Apache-2.0 */
#include "shop/reconcile.h"

#include <stdlib.h>
#include <string.h>

#include <apr_strings.h>

#include "shop/memory.h"
#include "shop/pay.h"
#include "shop/settle.h"
#include "store/order_store.h"
#include "store/payment_store.h"
#include "store/setting_store.h"
#include "stripe/intents.h"

#define LEASE "reconcile_lease"      /* setting: "until owner" */
#define LEASE_SECONDS 60             /* a holder that dies is followed after that */
#define ROUND_MOST 50                /* payments in a round */
#define LOOK_MOST (6 * 60 * 60)      /* seconds between two looks at the same payment, at most */
#define KEY_GOOD_FOR (23 * 60 * 60)  /* seconds in which a call may be repeated under its key */

typedef struct {
    const bks_shop_t *shop;
    const char *owner;
    apr_int64_t now;
    int is_ours; /* the lease */
    apr_array_header_t *due;
    bks_payment_t *payment;
    apr_int64_t next_look;
    int give_up;
} round_t;

/* Takes the lease, or keeps it; then lists what is due. */
static const bks_error_t *begin(bks_conn_t *conn, void *baton, apr_pool_t *pool)
{
    round_t *round = baton;
    const char *held, *holder;

    BKS_TRY(bks_setting_find(conn, LEASE, &held, pool));
    holder = held ? strchr(held, ' ') : NULL;
    round->is_ours = !holder || strcmp(holder + 1, round->owner) == 0 || apr_atoi64(held) <= round->now;
    if (!round->is_ours) {
        return BKS_FINE;
    }
    BKS_TRY(bks_payments_list_due(conn, round->now, ROUND_MOST, &round->due, pool));
    if (round->due->nelts == 0) {
        return BKS_FINE;
    }
    return bks_setting_save(conn, LEASE, apr_psprintf(pool, "%" APR_INT64_T_FMT " %s", round->now + LEASE_SECONDS,
                                                      round->owner));
}

/* Looks before it takes the lease, so that a round without work writes nothing. */
static const bks_error_t *has_work(bks_conn_t *conn, void *baton, apr_pool_t *pool)
{
    round_t *round = baton;

    return bks_payments_list_due(conn, round->now, 1, &round->due, pool);
}

static const bks_error_t *end_look(bks_conn_t *conn, void *baton, apr_pool_t *pool)
{
    const round_t *round = baton;

    (void)pool;
    if (round->give_up) {
        BKS_TRY(bks_payment_end(conn, round->payment));
        BKS_TRY(bks_order_cancel(conn, round->payment->order));
    }
    if (round->payment->intent) {
        BKS_TRY(bks_payment_save_intent(conn, round->payment, round->payment->intent));
    }
    return bks_payment_save_next_look(conn, round->payment, round->next_look);
}

/* The older a payment, the rarer the looks: each waits as long again as it has existed. */
static apr_int64_t later(const round_t *round)
{
    apr_int64_t age = round->now - round->payment->created;

    if (age < round->shop->settings->reconcile_every) {
        age = round->shop->settings->reconcile_every;
    }
    return round->now + (age < LOOK_MOST ? age : LOOK_MOST);
}

/* A call whose answer never came is repeated byte for byte; INTENT stays NULL where its key is no longer good. */
static const bks_error_t *repeat_call(round_t *round, bks_intent_t **intent, apr_pool_t *pool)
{
    bks_payment_t *payment = round->payment;
    int replayed;

    if (round->now - payment->created > KEY_GOOD_FOR) {
        return BKS_FINE;
    }
    BKS_TRY(bks_intent_create(round->shop->stripe, NULL, payment->body, payment->key, intent, &replayed, pool));
    payment->intent = (*intent)->id;
    return replayed ? bks_intent_retrieve(round->shop->stripe, NULL, payment->intent, intent, pool) : BKS_FINE;
}

static const bks_error_t *ask(round_t *round, bks_intent_t **intent, apr_pool_t *pool)
{
    if (!round->payment->intent) {
        return repeat_call(round, intent, pool);
    }
    return bks_intent_retrieve(round->shop->stripe, NULL, round->payment->intent, intent, pool);
}

/* What INTENT means: settled, to be looked at again, or given up. */
static const bks_error_t *decide(round_t *round, bks_intent_t *intent, apr_pool_t *pool)
{
    const int is_old = round->now - round->payment->created > round->shop->settings->abandon_after;
    bks_order_t *order;

    if (bks_intent_status_is_payable(intent->status) && (is_old || round->payment->state == BKS_PAYMENT_OVER)) {
        BKS_TRY(bks_payment_cancel(round->shop, round->payment, &intent, pool));
    }
    BKS_TRY(bks_settle(round->shop, round->payment, intent, &order, pool));
    if (intent->status == BKS_INTENT_CANCELED) {
        round->give_up = 1;
        round->next_look = 0;
    }
    else if (intent->status == BKS_INTENT_SUCCEEDED) {
        round->next_look = 0;
    }
    return BKS_FINE;
}

/* One payment. NOT_FOUND and refusals are about it alone: it is given up, or looked at later. */
static const bks_error_t *look_at(round_t *round, apr_pool_t *pool)
{
    bks_intent_t *intent = NULL;
    const bks_error_t *error;

    round->next_look = later(round);
    round->give_up = 0;
    error = round->payment->livemode == round->shop->settings->livemode ? ask(round, &intent, pool) : BKS_FINE;
    if (error && (error->kind == BKS_ERROR_NOT_FOUND || error->kind == BKS_ERROR_REFUSED)) {
        bks_log(round->shop->log, BKS_LOG_WARN, "BKS0505: the payment of order %s is given up: %s", round->payment->order,
                bks_error_print(error, pool));
        round->give_up = 1;
        round->next_look = 0;
        error = BKS_FINE;
    }
    BKS_TRY(error);
    if (intent) {
        BKS_TRY(decide(round, intent, pool));
    }
    else if (round->now - round->payment->created > round->shop->settings->abandon_after + KEY_GOOD_FOR) {
        round->give_up = 1; /* of other keys, or never made: nothing can be learnt of it any more */
        round->next_look = 0;
    }
    if (round->give_up) {
        bks_memory_drop_payment(round->shop, round->payment->visitor, pool);
    }
    return bks_db_write(round->shop->db, NULL, end_look, round, pool);
}

const bks_error_t *bks_reconcile(const bks_shop_t *shop, const char *owner, int *looked, apr_pool_t *pool)
{
    round_t round = {.shop = shop, .owner = owner, .now = bks_clock_seconds(shop->clock)};
    apr_pool_t *scratch;
    const bks_error_t *error = BKS_FINE;

    *looked = 0;
    BKS_TRY(bks_db_read(shop->db, NULL, has_work, &round, pool));
    if (round.due->nelts == 0) {
        return BKS_FINE;
    }
    BKS_TRY(bks_db_write(shop->db, NULL, begin, &round, pool));
    apr_pool_create(&scratch, pool);
    for (int i = 0; round.is_ours && !error && i < round.due->nelts; i++) {
        if (bks_clock_seconds(shop->clock) > round.now + LEASE_SECONDS / 2) {
            break; /* a slow Stripe: the rest is for the next round, under a new lease */
        }
        apr_pool_clear(scratch);
        round.payment = APR_ARRAY_IDX(round.due, i, bks_payment_t *);
        error = look_at(&round, scratch);
        ++*looked;
    }
    error = bks_error_copy(error, pool);
    apr_pool_destroy(scratch);
    return error;
}
