/* The table of events, and what they do.
 * SPDX-License-Identifier: Apache-2.0 */
#include "shop/hear.h"

#include <string.h>

#include <apr_strings.h>

#include "shop/settle.h"
#include "store/event_store.h"
#include "store/payment_store.h"
#include "stripe/intents.h"

typedef struct {
    const bks_shop_t *shop;
    const bks_event_t *event;
    bks_intent_t *intent;   /* as the event has it, or as Stripe says now */
    const char *intent_id;
    const char *order;      /* metadata.order, or NULL */
    int is_our_shop;        /* metadata.shop names us */
    apr_int64_t now;
    bks_payment_t *payment; /* NULL: none of ours */
    int is_new;
    bks_settled_t settled;
} hearing_t;

typedef const bks_error_t *handler_fn(hearing_t *hearing, const char **line, apr_pool_t *pool);

/* The payment that the event is about: by the PaymentIntent's id; or, if that is not saved (yet), by the order that our own
 * metadata names. */
static const bks_error_t *find_payment(bks_conn_t *conn, hearing_t *hearing, apr_pool_t *pool)
{
    BKS_TRY(bks_payment_find_by_intent(conn, hearing->intent_id, &hearing->payment, pool));
    if (hearing->payment || !hearing->is_our_shop || !hearing->order) {
        return BKS_FINE;
    }
    return bks_payment_find_by_order(conn, hearing->order, &hearing->payment, pool);
}

static const bks_error_t *look(bks_conn_t *conn, void *baton, apr_pool_t *pool)
{
    return find_payment(conn, baton, pool);
}

/* Event and effect in one transaction. */
static const bks_error_t *settle_once(bks_conn_t *conn, void *baton, apr_pool_t *pool)
{
    hearing_t *hearing = baton;

    memset(&hearing->settled, 0, sizeof(hearing->settled));
    BKS_TRY(bks_event_save(conn, hearing->event->id, hearing->event->type, hearing->now, &hearing->is_new));
    if (!hearing->is_new) {
        return BKS_FINE;
    }
    BKS_TRY(find_payment(conn, hearing, pool));
    if (!hearing->payment) {
        return hearing->is_our_shop
                   ? bks_error_make(BKS_ERROR_UNAVAILABLE, "order_missing", APR_SUCCESS, pool,
                                    "%s names our shop, but there is no such order", hearing->intent_id)
                   : BKS_FINE;
    }
    if (!hearing->payment->intent) {
        BKS_TRY(bks_payment_save_intent(conn, hearing->payment, hearing->intent_id));
        hearing->payment->intent = hearing->intent_id;
    }
    return bks_settle_in(conn, hearing->shop, hearing->payment, hearing->intent, hearing->now, &hearing->settled, pool);
}

/* What was done, in a line. */
static const char *say(const hearing_t *hearing, apr_pool_t *pool)
{
    const char *type = hearing->event->type;
    const bks_settled_t *settled = &hearing->settled;

    if (!hearing->is_new) {
        return apr_psprintf(pool, "Webhook received before: %s", type);
    }
    if (!hearing->payment) {
        return apr_psprintf(pool, "Webhook received: %s, of another shop", type);
    }
    if (settled->mismatch) {
        return apr_psprintf(pool, "Webhook received: %s, order %s is held: %s", type, settled->order->number,
                            settled->mismatch);
    }
    return apr_psprintf(pool, "Webhook received: %s, order %s is %s", type, settled->order->number,
                        settled->order->received > 0 ? "paid" : settled->order->cancelled ? "cancelled" : "open");
}

static const bks_error_t *settle_and_say(hearing_t *hearing, const char **line, apr_pool_t *pool)
{
    BKS_TRY(bks_db_write(hearing->shop->db, hearing->shop->timing, settle_once, hearing, pool));
    if (hearing->settled.order) {
        bks_settled_log(hearing->shop, &hearing->settled, hearing->intent);
    }
    *line = say(hearing, pool);
    return BKS_FINE;
}

/* Success is final: what the event says is settled, without asking again. */
static const bks_error_t *believe(hearing_t *hearing, const char **line, apr_pool_t *pool)
{
    BKS_TRY(bks_intent_parse(hearing->event->object, &hearing->intent, pool));
    return settle_and_say(hearing, line, pool);
}

/* Events come late and in any order: what is not final is asked for anew, so that the last one heard is not the last word. */
static const bks_error_t *ask(hearing_t *hearing, const char **line, apr_pool_t *pool)
{
    const bks_shop_t *shop = hearing->shop;

    BKS_TRY(bks_db_read(shop->db, shop->timing, look, hearing, pool));
    if (!hearing->payment && !hearing->is_our_shop) {
        *line = apr_psprintf(pool, "Webhook received: %s, of another shop", hearing->event->type);
        return BKS_FINE;
    }
    BKS_TRY(bks_intent_retrieve(shop->stripe, shop->timing, hearing->intent_id, &hearing->intent, pool));
    return settle_and_say(hearing, line, pool);
}

/* An event is a row. */
static const struct {
    const char *type;
    handler_fn *handle;
} handlers[] = {
    {"payment_intent.succeeded", believe},
    {"payment_intent.payment_failed", ask},
    {"payment_intent.processing", ask},
    {"payment_intent.canceled", ask},
    {"payment_intent.requires_action", ask},
    {"payment_intent.amount_capturable_updated", ask},
};

static handler_fn *handler_of(const char *type)
{
    for (size_t i = 0; i < sizeof(handlers) / sizeof(handlers[0]); i++) {
        if (strcmp(handlers[i].type, type) == 0) {
            return handlers[i].handle;
        }
    }
    return NULL;
}

const bks_error_t *bks_hear(const bks_shop_t *shop, const bks_event_t *event, const char **line, apr_pool_t *pool)
{
    handler_fn *const handle = handler_of(event->type);
    const char *of_shop = bks_json_get_text(event->object, "metadata.shop");
    hearing_t hearing = {.shop = shop, .event = event, .now = bks_clock_seconds(shop->clock)};

    if (!handle) {
        *line = apr_psprintf(pool, "Unhandled webhook received: %s", event->type);
        return BKS_FINE;
    }
    hearing.intent_id = bks_json_get_text(event->object, "id");
    hearing.order = bks_json_get_text(event->object, "metadata.order");
    hearing.is_our_shop = of_shop && strcmp(of_shop, shop->identity->id) == 0;
    if (!bks_intent_id_is(hearing.intent_id)) {
        return bks_error_make(BKS_ERROR_BAD_REQUEST, "bad_event", APR_SUCCESS, pool, "%s holds no PaymentIntent", event->id);
    }
    return handle(&hearing, line, pool);
}
