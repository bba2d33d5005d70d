/* Values for every page, and pages that say that something is wrong.
 * SPDX-License-Identifier: Apache-2.0 */
#include "site/page.h"

#include <string.h>

#include <apr_strings.h>

#define LANGUAGE "en"
#define RETRY_AFTER_DEFAULT 5 /* seconds */

const char *bks_say(const bks_visit_t *visit, const char *code)
{
    return bks_words_say(visit->shop->settings->words, code);
}

/* The address of this request, with its query: a path of the shop's own. */
static const char *own_url(const bks_visit_t *visit, apr_pool_t *pool)
{
    const char *url = apr_pstrcat(pool, visit->shop->settings->prefix, visit->request->path, NULL);
    const bks_form_t *query = visit->query;

    return query->fields->nelts > 0 ? apr_pstrcat(pool, url, "?", bks_form_print(query, pool), NULL) : url;
}

static void fill_links(bks_json_t *values, const bks_settings_t *settings)
{
    bks_json_t *links = bks_json_set_array(values, "links");

    for (int i = 0; i < settings->links->nelts; i++) {
        const bks_link_t *link = &APR_ARRAY_IDX(settings->links, i, bks_link_t);
        bks_json_t *one = bks_json_append_object(links);

        bks_json_set_text(one, "label", link->label);
        bks_json_set_text(one, "url", link->url);
    }
    bks_json_set_bool(values, "has_links", settings->links->nelts > 0);
}

bks_json_t *bks_page_values(const bks_visit_t *visit, const bks_page_t *page, apr_pool_t *pool)
{
    const bks_settings_t *settings = visit->shop->settings;
    bks_json_t *values = bks_json_make_object(pool);
    bks_json_t *shop = bks_json_set_object(values, "shop");
    bks_json_t *about = bks_json_set_object(values, "page");
    const char *title = strcmp(page->title, settings->name) == 0
                            ? page->title
                            : apr_pstrcat(pool, page->title, " \xC2\xB7 ", settings->name, NULL);

    bks_json_set_text(shop, "name", settings->name);
    bks_json_set_text(shop, "tagline", settings->tagline);
    bks_json_set_text(shop, "logo", settings->logo);
    bks_json_set_text(shop, "contact", settings->contact);
    bks_json_set_text(values, "home", apr_pstrcat(pool, settings->prefix, "/", NULL));
    bks_json_set_text(about, "title", title);
    bks_json_set_text(about, "description", page->description);
    bks_json_set_text(about, "lang", LANGUAGE);
    bks_json_set_bool(about, "noindex", page->canonical == NULL);
    bks_json_set_text(about, "canonical",
                      page->canonical ? apr_pstrcat(pool, settings->base_url, page->canonical, NULL) : "");
    bks_json_share(values, "asset", bks_assets_values(settings->places.assets));
    bks_json_set_bool(values, "test_mode", !settings->livemode);
    bks_json_set_text(values, "stripe_origin", settings->stripe_js_origin);
    fill_links(values, settings);
    return values;
}

const bks_error_t *bks_page_render(const bks_visit_t *visit, bks_reply_t *reply, const char *template_name,
                                   const bks_json_t *values, bks_headers_t kind, apr_pool_t *pool)
{
    bks_headers_fill(reply, visit->shop->settings, kind, pool);
    return bks_template_render(visit->shop->settings->templates, template_name, values, &reply->body, &reply->length, pool);
}

/* Where a page that says something leads. */
typedef enum {
    TO_INDEX,
    AGAIN,  /* to the same address, which may work in a moment: the page tries by itself */
    BACK    /* to the page whose form was posted, which has the same address */
} way_t;

/* How a page that says CODE is headed, and where it leads. */
static const struct {
    const char *code;
    const char *heading;
    const char *action;
    way_t way;
} messages[] = {
    {"not_found", "heading_not_found", "action_home", TO_INDEX},
    {"payment_not_found", "heading_payment_not_found", "action_home", TO_INDEX},
    {"check_later", "heading_check_later", "action_reload", AGAIN},
    {"script_needed", "heading_script_needed", "action_back_to_checkout", BACK},
    {"session_expired", "heading_session_expired", "action_back_to_checkout", BACK},
    {"forbidden", "heading_forbidden", "action_home", TO_INDEX},
    {"bag_changed", "heading_bag_changed", "action_back_to_checkout", BACK},
    {"payment_over", "heading_session_expired", "action_back_to_checkout", BACK},
    {"method_not_allowed", "heading_method_not_allowed", "action_home", TO_INDEX},
    {"too_large", "heading_too_large", "action_home", TO_INDEX},
    {"stripe_unavailable", "heading_unavailable", "action_home", TO_INDEX},
    {"database_unavailable", "heading_unavailable", "action_retry", AGAIN},
    {"database_busy", "heading_unavailable", "action_retry", AGAIN},
    {"bad_request", "heading_bad_request", "action_home", TO_INDEX},
    {"card_number_in_field", "heading_form_error", "action_back_to_checkout", BACK},
    {"email_required", "heading_form_error", "action_back_to_checkout", BACK},
    {"email_invalid", "heading_form_error", "action_back_to_checkout", BACK},
    {"email_too_long", "heading_form_error", "action_back_to_checkout", BACK},
    {"form_error", "heading_form_error", "action_back_to_checkout", BACK},
};

static const bks_error_t *render_message(const bks_visit_t *visit, bks_reply_t *reply, const char *code, const char *text,
                                         apr_pool_t *pool)
{
    const char *heading = "heading_server_error", *action = "action_home";
    bks_page_t page = {NULL, "", NULL};
    bks_json_t *values;
    way_t way = TO_INDEX;

    for (size_t i = 0; i < sizeof(messages) / sizeof(messages[0]); i++) {
        if (strcmp(messages[i].code, code) == 0) {
            heading = messages[i].heading;
            action = messages[i].action;
            way = messages[i].way;
        }
    }
    page.title = bks_say(visit, heading);
    values = bks_page_values(visit, &page, pool);
    bks_json_set_text(values, "heading", page.title);
    bks_json_set_text(values, "text", text);
    bks_json_set_bool(values, "refresh", way == AGAIN && !visit->request->body);
    bks_json_set_text(values, "action_label", bks_say(visit, action));
    bks_json_set_text(values, "action_url", way == TO_INDEX ? apr_pstrcat(pool, visit->shop->settings->prefix, "/", NULL)
                                                            : own_url(visit, pool));
    return bks_page_render(visit, reply, "message", values, BKS_HEADERS_RECEIPT, pool);
}

const bks_error_t *bks_page_message(const bks_visit_t *visit, bks_reply_t *reply, const char *code, apr_pool_t *pool)
{
    return render_message(visit, reply, code, bks_say(visit, code), pool);
}

const char *bks_error_sentence(const bks_visit_t *visit, const bks_error_t *error)
{
    if (error->message) {
        return error->message;
    }
    if (error->kind == BKS_ERROR_REFUSED) {
        return bks_say(visit, "refused_by_stripe");
    }
    return bks_say(visit, strncmp(error->code, "stripe_", 7) == 0 ? "stripe_unavailable" : error->code);
}

void bks_reply_set_error(bks_reply_t *reply, const bks_error_t *error, apr_pool_t *pool)
{
    reply->status = bks_error_status(error->kind);
    if (reply->status == 503 || reply->status == 429) {
        const int wait = error->retry_after > 0 ? error->retry_after : RETRY_AFTER_DEFAULT;

        apr_table_setn(reply->headers, "Retry-After", apr_itoa(pool, wait));
    }
}

static void reply_json_error(const bks_visit_t *visit, bks_reply_t *reply, const bks_error_t *error, apr_pool_t *pool)
{
    bks_json_t *root = bks_json_make_object(pool);
    bks_json_t *about = bks_json_set_object(root, "error");

    bks_json_set_text(about, "code", error->code);
    bks_json_set_text(about, "message", bks_error_sentence(visit, error));
    bks_json_set_text(about, "field", error->field);
    bks_headers_fill(reply, visit->shop->settings, BKS_HEADERS_PRIVATE, pool);
    reply->content_type = "application/json";
    reply->body = bks_json_print(root, pool);
    reply->length = strlen(reply->body);
}

const bks_error_t *bks_page_error(const bks_visit_t *visit, bks_reply_t *reply, const bks_error_t *error, apr_pool_t *pool)
{
    const char *accept = apr_table_get(visit->request->headers, "Accept");

    bks_reply_set_error(reply, error, pool);
    if (accept && strstr(accept, "application/json")) {
        reply_json_error(visit, reply, error, pool);
        return BKS_FINE;
    }
    return render_message(visit, reply, error->code, bks_error_sentence(visit, error), pool);
}

/* A visitor's mistake is no news for the admin, nor is each request that the gate before Stripe turns away (that it
 * closed was told); what Stripe leaves open is a warning; a database that is away, or our own fault, is an error. */
static bks_log_level_t level_of(const bks_error_t *error)
{
    switch (error->kind) {
    case BKS_ERROR_BAD_REQUEST:
    case BKS_ERROR_INVALID:
    case BKS_ERROR_FORBIDDEN:
    case BKS_ERROR_NOT_FOUND:
    case BKS_ERROR_CONFLICT:
    case BKS_ERROR_TOO_LARGE:
    case BKS_ERROR_MEDIA_TYPE:
    case BKS_ERROR_LIMITED:
        return BKS_LOG_DEBUG;
    case BKS_ERROR_UNAVAILABLE:
        return strncmp(error->code, "database_", 9) == 0 ? BKS_LOG_ERROR : BKS_LOG_INFO;
    case BKS_ERROR_REFUSED:
    case BKS_ERROR_UNKNOWN:
        return BKS_LOG_WARN;
    case BKS_ERROR_CONFIG:
    case BKS_ERROR_INTERNAL:
        return BKS_LOG_ERROR;
    }
    return BKS_LOG_ERROR;
}

void bks_log_error(const bks_visit_t *visit, const bks_error_t *error, apr_pool_t *pool)
{
    bks_log(visit->shop->log, level_of(error), "BKS0401: %s %s: %s (%s)", visit->request->method, visit->request->path,
            bks_error_print(error, pool), bks_error_kind_print(error->kind));
}
