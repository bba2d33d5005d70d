/* The checkout page and its form.
 * SPDX-License-Identifier: Apache-2.0 */
#include "site/checkout_page.h"

#include <string.h>

#include <apr_strings.h>

#include "shop/browse.h"
#include "shop/pay.h"
#include "shop/receipt.h"
#include "site/checkout_form.h"
#include "site/cookie.h"
#include "site/guard.h"
#include "site/page.h"

#define LOCALE "auto" /* Stripe's Elements then follow the browser */

/* What the page is for. */
typedef struct {
    const char *item;    /* as asked for, or NULL */
    const char *variant; /* or "" */
    const bks_book_t *book;
    bks_bag_t *bag;
} wish_t;

/* Reads the wish from the address: NOT_FOUND for a book that we don't have, BAD_REQUEST where none is named. */
static const bks_error_t *read_wish(const bks_visit_t *visit, wish_t *wish, apr_pool_t *pool)
{
    const bks_settings_t *settings = visit->shop->settings;
    const bks_snapshot_t *snapshot;
    const char *variant = bks_form_get(visit->query, "variant");

    wish->item = bks_form_get(visit->query, "item");
    wish->variant = variant ? variant : "";
    if (!wish->item || !*wish->item) {
        return bks_error_make(BKS_ERROR_BAD_REQUEST, "no_item_selected", APR_SUCCESS, pool, "no item named");
    }
    BKS_TRY(bks_shelf_hold(visit->shop, &snapshot, pool));
    wish->book = bks_catalog_find(snapshot->catalog, wish->item);
    if (!wish->book) {
        return bks_error_make(BKS_ERROR_NOT_FOUND, "no_item_selected", APR_SUCCESS, pool, "no such book");
    }
    wish->bag = bks_bag_make(settings->currency, pool);
    return bks_bag_add(wish->bag, wish->book, wish->variant, 1, pool);
}

/* The names that the template always gets, filled for a page without a form. */
static bks_json_t *values_for(const bks_visit_t *visit, const wish_t *wish, apr_pool_t *pool)
{
    const bks_settings_t *settings = visit->shop->settings;
    const bks_page_t page = {bks_say(visit, "title_checkout"), "", NULL};
    bks_json_t *values = bks_page_values(visit, &page, pool);

    bks_json_set_text(values, "public_key", settings->publishable_key);
    bks_json_set_text(values, "title", wish->book ? wish->book->title : "");
    bks_json_set_text(values, "amount", wish->bag ? bks_money_print(wish->bag->total, settings->currency, pool) : "");
    bks_json_set_text(values, "error", "");
    bks_json_set_text(values, "client_secret", "");
    bks_json_set_bool(values, "has_form", 0);
    return values;
}

static void fill_book(bks_json_t *values, const wish_t *wish, const bks_visit_t *visit, apr_pool_t *pool)
{
    const bks_bag_line_t *line = &APR_ARRAY_IDX(wish->bag->lines, 0, bks_bag_line_t);
    bks_json_t *book = bks_json_set_object(values, "book");

    bks_book_card_fill(book, wish->book, &visit->shop->settings->places, pool);
    bks_json_set_text(book, "variant", line->variant);
    bks_json_set_text(book, "price", bks_money_print(line->unit_price, wish->bag->currency, pool));
    bks_json_set_int(values, "count", line->quantity);
}

static const bks_error_t *fill_form(bks_json_t *values, const bks_visit_t *visit, const bks_visitor_t *visitor,
                                    const wish_t *wish, const bks_paying_t *paying, apr_pool_t *pool)
{
    const bks_settings_t *settings = visit->shop->settings;
    bks_json_t *form = bks_json_set_object(values, "form");
    const char *token, *link, *email = "";

    BKS_TRY(bks_form_token_make(visit->shop, visitor, &token, pool));
    if (!visitor->is_new) {
        BKS_TRY(bks_order_find_email(visit->shop, paying->payment->order, &email, pool));
    }
    BKS_TRY(bks_receipt_link(visit->shop, paying->payment->order, paying->intent->id, &link, pool));
    bks_json_set_text(form, "csrf", token);
    bks_json_set_text(form, "payment_intent", paying->intent->id);
    bks_json_set_int(form, "amount_minor", paying->payment->amount);
    bks_json_set_text(form, "currency", paying->payment->currency);
    bks_json_set_text(form, "email", email);
    bks_json_set_text(form, "action", bks_buy_url(&settings->places, wish->item, wish->variant, pool));
    bks_json_set_text(form, "cache_url", apr_pstrcat(pool, settings->prefix, "/checkout/cache_checkout_data", NULL));
    bks_json_set_text(form, "return_url", apr_pstrcat(pool, settings->base_url, link, NULL));
    bks_json_set_text(form, "success_url",
                      apr_pstrcat(pool, settings->prefix, bks_receipt_path(paying->intent->id, pool), NULL));
    bks_json_set_text(form, "item_url", bks_buy_url(&settings->places, wish->item, wish->variant, pool));
    bks_json_set_text(form, "stripe_js", settings->stripe_js);
    bks_json_set_text(form, "locale", LOCALE);
    bks_json_set_text(values, "client_secret", paying->intent->client_secret);
    bks_json_set_bool(values, "has_form", 1);
    return BKS_FINE;
}

/* The page without a form, which says ERROR. */
static const bks_error_t *say_error(const bks_visit_t *visit, bks_reply_t *reply, const wish_t *wish,
                                    const bks_error_t *error, apr_pool_t *pool)
{
    bks_json_t *values = values_for(visit, wish, pool);

    bks_reply_set_error(reply, error, pool);
    bks_json_set_text(values, "error", bks_error_sentence(visit, error));
    bks_json_set_text(values, "retry_url", wish->book && error->kind != BKS_ERROR_INVALID
                          ? bks_buy_url(&visit->shop->settings->places, wish->item, wish->variant, pool) : "");
    return bks_page_render(visit, reply, "checkout", values, BKS_HEADERS_PRIVATE, pool);
}

/* The visitor's payment for WISH, and the page or the redirect that it leads to. */
static const bks_error_t *start_paying(const bks_visit_t *visit, bks_reply_t *reply, const wish_t *wish, apr_pool_t *pool)
{
    bks_visitor_t *visitor;
    bks_paying_t *paying;
    bks_json_t *values;

    BKS_TRY(bks_visit_meet(visit, &visitor, pool));
    bks_cookie_set(reply, visitor, visit->shop->settings, pool); /* also beside an error: the order may be saved by then */
    BKS_TRY(bks_pay_for_bag(visit->shop, visitor, wish->bag, &paying, pool));
    if (paying->over) {
        bks_headers_fill(reply, visit->shop->settings, BKS_HEADERS_RECEIPT, pool);
        bks_reply_redirect(reply, apr_pstrcat(pool, visit->shop->settings->base_url,
                                              bks_receipt_path(paying->intent->id, pool), NULL));
        return BKS_FINE;
    }
    values = values_for(visit, wish, pool);
    fill_book(values, wish, visit, pool);
    BKS_TRY(fill_form(values, visit, visitor, wish, paying, pool));
    return bks_page_render(visit, reply, "checkout", values, BKS_HEADERS_CHECKOUT, pool);
}

/* Why no payment is started for this request, or NULL. */
static const bks_error_t *may_start(const bks_visit_t *visit, apr_pool_t *pool)
{
    if (!*visit->shop->settings->publishable_key) {
        return bks_error_make(BKS_ERROR_UNAVAILABLE, "card_form_off", APR_SUCCESS, pool,
                              "no BookshopStripePublishableKey: there is no card form");
    }
    if (bks_request_is_prefetch(visit->request)) {
        return bks_error_make(BKS_ERROR_UNAVAILABLE, "stripe_unavailable", APR_SUCCESS, pool,
                              "a prefetch starts no payment");
    }
    return BKS_FINE;
}

const bks_error_t *bks_checkout_page(const bks_visit_t *visit, bks_reply_t *reply, apr_pool_t *pool)
{
    wish_t wish = {NULL, "", NULL, NULL};
    const bks_error_t *error = read_wish(visit, &wish, pool);

    if (!error && bks_request_is_head(visit->request)) {
        bks_headers_fill(reply, visit->shop->settings, BKS_HEADERS_CHECKOUT, pool);
        return BKS_FINE;
    }
    if (!error) {
        error = may_start(visit, pool);
    }
    if (!error) {
        error = start_paying(visit, reply, &wish, pool);
    }
    if (error) {
        BKS_TRY(say_error(visit, reply, &wish, error, pool));
        bks_log_error(visit, error, pool);
    }
    return BKS_FINE;
}

/* Guards, reads and saves the posted form. */
static const bks_error_t *save_form(const bks_visit_t *visit, apr_pool_t *pool)
{
    bks_checkout_form_t form;
    bks_visitor_t *visitor;

    BKS_TRY(bks_guard_form(visit, pool));
    BKS_TRY(bks_visit_meet(visit, &visitor, pool));
    BKS_TRY(bks_guard_token(visit, visitor, pool));
    BKS_TRY(bks_checkout_form_read(visit->form, &form, pool));
    return bks_order_place_form(visit->shop, visitor, &form, pool);
}

const bks_error_t *bks_checkout_cache(const bks_visit_t *visit, bks_reply_t *reply, apr_pool_t *pool)
{
    BKS_TRY(save_form(visit, pool));
    bks_headers_fill(reply, visit->shop->settings, BKS_HEADERS_PRIVATE, pool);
    reply->content_type = "application/json";
    reply->body = "{\"ok\":true}";
    reply->length = strlen(reply->body);
    return BKS_FINE;
}

const bks_error_t *bks_checkout_post(const bks_visit_t *visit, bks_reply_t *reply, apr_pool_t *pool)
{
    BKS_TRY(save_form(visit, pool));
    return bks_page_message(visit, reply, "script_needed", pool);
}
