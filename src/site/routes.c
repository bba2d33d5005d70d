/* Routes: method, pattern, part, body limit, page. Adding a page is a function and a row.
 * SPDX-License-Identifier: Apache-2.0 */
#include "site/routes.h"

#include <string.h>

#include <apr_strings.h>

#include "site/checkout_form.h"
#include "site/checkout_page.h"
#include "site/page.h"
#include "site/storefront_page.h"
#include "site/success_page.h"
#include "site/webhook_page.h"

#define FORM_BYTES_MAX (16 * 1024)
#define WEBHOOK_BYTES_MAX (1024 * 1024)

/* What a body is. */
typedef enum { NO_BODY, FORM, RAW } body_t;

typedef const bks_error_t *page_fn(const bks_visit_t *visit, bks_reply_t *reply, apr_pool_t *pool);

struct bks_route_t {
    const char *method;   /* "GET" answers HEAD too */
    const char *pattern;  /* "/books/:id": the last segment may be a name */
    bks_part_t part;
    body_t body;
    apr_size_t body_max;
    page_fn *page;
};

static const bks_route_t routes[] = {
    {"GET", "/", BKS_PART_STOREFRONT, NO_BODY, 0, bks_index_page},
    {"GET", "/books/:id", BKS_PART_STOREFRONT, NO_BODY, 0, bks_book_page},
    {"GET", "/checkout", BKS_PART_CHECKOUT, NO_BODY, 0, bks_checkout_page},
    {"POST", "/checkout", BKS_PART_CHECKOUT, FORM, FORM_BYTES_MAX, bks_checkout_post},
    {"POST", "/checkout/cache_checkout_data", BKS_PART_CHECKOUT, FORM, FORM_BYTES_MAX, bks_checkout_cache},
    {"POST", "/checkout/wh", BKS_PART_WEBHOOK, RAW, WEBHOOK_BYTES_MAX, bks_webhook_page},
    {"POST", "/webhook", BKS_PART_WEBHOOK, RAW, WEBHOOK_BYTES_MAX, bks_webhook_page},
    {"GET", "/success", BKS_PART_SUCCESS, NO_BODY, 0, bks_success_page},
};

const char *const bks_site_templates[] = {"book", "checkout", "index", "message", "success", NULL};

const bks_error_t *bks_site_prepare(apr_pool_t *pool)
{
    return bks_checkout_form_prepare(pool);
}

/* Whether PATH fits PATTERN; ARG gets what stands for its name. One slash at the end is forgiven. */
static int fits(const char *pattern, const char *path, const char **arg, apr_pool_t *pool)
{
    const char *name = strchr(pattern, ':');
    const apr_size_t fixed = name ? (apr_size_t)(name - pattern) : strlen(pattern);
    const char *rest = path + fixed;

    if (strncmp(path, pattern, fixed) != 0) {
        return 0;
    }
    if (!name) {
        return *rest == '\0' || (fixed > 1 && strcmp(rest, "/") == 0);
    }
    if (!*rest || strchr(rest, '/')) {
        return 0;
    }
    *arg = apr_pstrdup(pool, rest);
    return 1;
}

static int has_method(const bks_route_t *route, const char *method)
{
    return strcmp(route->method, method) == 0 || (strcmp(route->method, "GET") == 0 && strcmp(method, "HEAD") == 0);
}

bks_match_route_t bks_route_find(int parts, const char *method, const char *path, apr_pool_t *pool)
{
    bks_match_route_t match = {NULL, NULL, NULL};

    for (size_t i = 0; i < sizeof(routes) / sizeof(routes[0]); i++) {
        const char *arg = NULL;

        if (!(parts & (int)routes[i].part) || !fits(routes[i].pattern, path, &arg, pool)) {
            continue;
        }
        match.allow = apr_pstrcat(pool, match.allow ? match.allow : "", match.allow ? ", " : "", routes[i].method,
                                  strcmp(routes[i].method, "GET") == 0 ? ", HEAD" : "", NULL);
        if (has_method(&routes[i], method)) {
            match.route = &routes[i];
            match.arg = arg;
        }
    }
    return match;
}

apr_size_t bks_route_body_max(const bks_route_t *route)
{
    return route->body_max;
}

static const bks_error_t *read_fields(bks_visit_t *visit, const bks_route_t *route, apr_pool_t *pool)
{
    const bks_request_t *request = visit->request;

    BKS_TRY(bks_form_parse(request->args, request->args ? strlen(request->args) : 0, &visit->query, pool));
    return route->body == FORM ? bks_form_parse(request->body, request->body_length, &visit->form, pool) : BKS_FINE;
}

/* Says ERROR in REPLY; if not even that can be rendered, as plain text. */
static void say(const bks_visit_t *visit, bks_reply_t *reply, const bks_error_t *error, apr_pool_t *pool)
{
    const bks_error_t *worse;

    bks_log_error(visit, error, pool);
    worse = bks_page_error(visit, reply, error, pool);
    if (worse) {
        bks_log_error(visit, worse, pool);
        reply->status = bks_error_status(BKS_ERROR_INTERNAL);
        reply->content_type = "text/plain; charset=utf-8";
        reply->body = bks_say(visit, "server_error");
        reply->length = strlen(reply->body);
    }
}

bks_reply_t *bks_route_answer(const bks_shop_t *shop, const bks_request_t *request, const bks_match_route_t *match,
                              apr_pool_t *pool)
{
    bks_visit_t visit = {shop, request, NULL, NULL, match->arg};
    bks_reply_t *reply = bks_reply_make(pool);
    const bks_error_t *error;

    visit.query = bks_form_make(pool);
    error = read_fields(&visit, match->route, pool);
    if (!error) {
        error = match->route->page(&visit, reply, pool);
    }
    if (error) {
        reply = bks_reply_make(pool); /* nothing of what was begun goes out */
        say(&visit, reply, error, pool);
    }
    return reply;
}

bks_reply_t *bks_error_answer(const bks_shop_t *shop, const bks_request_t *request, const bks_error_t *error,
                              apr_pool_t *pool)
{
    const bks_visit_t visit = {shop, request, bks_form_make(pool), NULL, NULL};
    bks_reply_t *reply = bks_reply_make(pool);

    say(&visit, reply, error, pool);
    return reply;
}
