/* From httpd's request to the house's and back.
 * SPDX-License-Identifier: Apache-2.0 */
#include "server/module.h"

#include <string.h>

#include <ap_expr.h>
#include <apr_strings.h>
#include <http_core.h>
#include <http_log.h>
#include <http_protocol.h>
#include <http_request.h>

#include "site/routes.h"

APLOG_USE_MODULE(bookshop);

#define YEAR_CACHE "public, max-age=31536000, immutable"
#define WHOLE_SHOP "bookshop"

/* SetHandler's names, and the parts of the site that each mounts. */
static const struct {
    const char *name;
    int parts;
} handlers[] = {
    {WHOLE_SHOP, BKS_PART_ALL},
    {"bookshop-storefront", BKS_PART_STOREFRONT},
    {"bookshop-checkout", BKS_PART_CHECKOUT},
    {"bookshop-success", BKS_PART_SUCCESS},
    {"bookshop-webhook", BKS_PART_WEBHOOK},
};

static int parts_of(const char *handler)
{
    for (size_t i = 0; handler && i < sizeof(handlers) / sizeof(handlers[0]); i++) {
        if (strcmp(handlers[i].name, handler) == 0) {
            return handlers[i].parts;
        }
    }
    return 0;
}

/* The path below the shop's prefix, or NULL for one that is not below it. */
static const char *path_below(const char *uri, const char *prefix)
{
    const size_t length = strlen(prefix);

    if (strncmp(uri, prefix, length) != 0) {
        return NULL;
    }
    return uri[length] == '/' || uri[length] == '\0' ? uri + length : NULL;
}

/* Static files are httpd's to serve; one that is addressed by its hash may be kept for a year. */
static int leave_to_httpd(request_rec *r, const bks_settings_t *settings, const char *path)
{
    if (r->args && strncmp(r->args, "v=", 2) == 0
        && bks_asset_is_current(settings->places.assets, path + 1, r->args + 2)) {
        apr_table_setn(r->headers_out, "Cache-Control", YEAR_CACHE);
    }
    apr_table_setn(r->headers_out, "X-Content-Type-Options", "nosniff");
    return DECLINED;
}

/* Reads at most MOST bytes of the body. TOO_LARGE beyond; BAD_REQUEST when the client breaks off. */
static const bks_error_t *read_body(request_rec *r, apr_size_t most, bks_request_t *request)
{
    const apr_off_t limit = ap_get_limit_req_body(r); /* LimitRequestBody; 0: none */
    char *body = apr_palloc(r->pool, most + 1);
    apr_size_t size = 0;
    long got = 1;

    if (ap_setup_client_block(r, REQUEST_CHUNKED_DECHUNK) != OK) {
        return bks_error_make(BKS_ERROR_BAD_REQUEST, "bad_request", APR_SUCCESS, r->pool, "the body can't be read");
    }
    if (r->remaining > (apr_off_t)most || (limit > 0 && r->remaining > limit)) {
        return bks_error_make(BKS_ERROR_TOO_LARGE, "too_large", APR_SUCCESS, r->pool, "a body of more than %" APR_SIZE_T_FMT
                              " bytes", most);
    }
    if (ap_should_client_block(r)) {
        while (size <= most && (got = ap_get_client_block(r, body + size, most + 1 - size)) > 0) {
            size += (apr_size_t)got;
        }
    }
    if (got < 0) {
        return bks_error_make(BKS_ERROR_BAD_REQUEST, "bad_request", APR_SUCCESS, r->pool, "the body broke off");
    }
    if (size > most) {
        return bks_error_make(BKS_ERROR_TOO_LARGE, "too_large", APR_SUCCESS, r->pool, "a body of more than %" APR_SIZE_T_FMT
                              " bytes", most);
    }
    body[size] = '\0';
    request->body = body;
    request->body_length = size;
    return BKS_FINE;
}

static int copy_header(void *baton, const char *name, const char *value)
{
    apr_table_addn(baton, name, value);
    return 1;
}

static void add_server_timing(request_rec *r, const bks_timing_t *timing, apr_time_t began)
{
    const apr_time_t total = apr_time_now() - began;

    apr_table_setn(r->headers_out, "Server-Timing",
                   apr_psprintf(r->pool, "total;dur=%" APR_TIME_T_FMT ".%03d, stripe;dur=%" APR_TIME_T_FMT ".%03d, "
                                "db;dur=%" APR_TIME_T_FMT ".%03d", total / 1000, (int)(total % 1000), timing->stripe / 1000,
                                (int)(timing->stripe % 1000), timing->db / 1000, (int)(timing->db % 1000)));
}

static int send_reply(request_rec *r, const bks_reply_t *reply)
{
    /* Every answer is a page of ours, so these are not the error headers: `Header set` of an admin replaces them. */
    apr_table_do(copy_header, r->headers_out, reply->headers, NULL);
    if (strstr(apr_table_get(reply->headers, "Cache-Control") ? apr_table_get(reply->headers, "Cache-Control") : "",
               "no-store")) {
        r->no_cache = 1;
        r->no_local_copy = 1;
    }
    r->status = reply->status;
    if (reply->status == HTTP_NOT_MODIFIED) {
        return OK;
    }
    if (reply->length > 0) {
        ap_set_content_type(r, reply->content_type);
    }
    ap_set_content_length(r, (apr_off_t)reply->length);
    if (reply->length > 0 && ap_rwrite(reply->body, (int)reply->length, r) < 0) {
        r->connection->aborted = 1;
    }
    return OK;
}

/* The shop as this request sees it. */
static bks_shop_t shop_of(const bks_config_t *config, const bks_log_t *log, bks_timing_t *timing)
{
    bks_shop_t shop = config->runtime->shop;

    shop.log = log;
    shop.timing = timing;
    return shop;
}

static const bks_error_t *no_such_page(request_rec *r)
{
    return bks_error_make(BKS_ERROR_NOT_FOUND, "not_found", APR_SUCCESS, r->pool, "no such page or file");
}

static bks_reply_t *wrong_method(request_rec *r, const bks_shop_t *shop, const bks_request_t *request, const char *allow)
{
    bks_reply_t *reply = bks_error_answer(shop, request, bks_error_make(BKS_ERROR_BAD_REQUEST, "method_not_allowed",
                                                                        APR_SUCCESS, r->pool, "the path knows %s", allow),
                                          r->pool);

    reply->status = HTTP_METHOD_NOT_ALLOWED;
    apr_table_setn(reply->headers, "Allow", allow);
    return reply;
}

static int answer(request_rec *r, bks_config_t *config, const char *path, const bks_match_route_t *match)
{
    const apr_time_t began = apr_time_now();
    const bks_log_t log = bks_log_to_request(r);
    bks_timing_t timing = {0, 0};
    const bks_shop_t shop = shop_of(config, &log, &timing);
    bks_request_t request = {r->method, path, r->args, r->headers_in, NULL, 0};
    const bks_error_t *error = BKS_FINE;
    bks_reply_t *reply;

    if (!match->allow) {
        reply = bks_error_answer(&shop, &request, no_such_page(r), r->pool);
    }
    else if (!match->route) {
        reply = wrong_method(r, &shop, &request, match->allow);
    }
    else {
        if (bks_route_body_max(match->route) > 0) {
            error = read_body(r, bks_route_body_max(match->route), &request);
        }
        reply = error ? bks_error_answer(&shop, &request, error, r->pool)
                      : bks_route_answer(&shop, &request, match, r->pool);
    }
    if (config->settings->server_timing) {
        add_server_timing(r, &timing, began);
    }
    return send_reply(r, reply);
}

static int redirect_to_index(request_rec *r, const bks_settings_t *settings)
{
    apr_table_setn(r->err_headers_out, "Location", apr_pstrcat(r->pool, settings->base_url, "/", NULL));
    return HTTP_MOVED_PERMANENTLY;
}

/* A mount that does not fit BookshopBaseURL serves nothing: tell, but not at each request. */
static void warn_of_mount(request_rec *r, bks_config_t *config)
{
    if (config->runtime && bks_throttle_pass(&config->runtime->misplaced, apr_time_now(), apr_time_from_sec(3600))) {
        ap_log_rerror(APLOG_MARK, APLOG_WARNING, 0, r, "BKS0213: %s is mounted here, but BookshopBaseURL says that the shop is "
                      "at %s/: nothing is served at other addresses", r->handler, config->settings->base_url);
    }
}

/* What SetHandler says for R, before the request has a handler of its own. */
static const char *handler_to_be(request_rec *r)
{
    const core_dir_config *core = ap_get_core_module_config(r->per_dir_config);
    const char *wrong = NULL;

    return core->expr_handler ? ap_expr_str_exec(r, core->expr_handler, &wrong) : core->handler;
}

/* The shop's pages have no files: no folder is walked for them, so that neither an index.html nor the folder's own
 * `Require` comes in between; <Location> alone says who may see them. What <Location> says is known while the address is
 * translated, and forgotten (request.c) before it is mapped to storage: hence two hooks and a mark. */
int bks_translate_name(request_rec *r)
{
    const int parts = parts_of(handler_to_be(r));
    const bks_config_t *config = parts ? bks_config_of(r->server) : NULL;
    const char *path = config && config->settings ? path_below(r->uri, config->settings->prefix) : NULL;

    if (path && (!*path || bks_route_find(parts, r->method, path, r->pool).allow)) {
        ap_set_module_config(r->request_config, &bookshop_module, r);
    }
    return DECLINED;
}

int bks_map_to_storage(request_rec *r)
{
    return ap_get_module_config(r->request_config, &bookshop_module) ? OK : DECLINED;
}

int bks_handle(request_rec *r)
{
    const int parts = parts_of(r->handler);
    bks_config_t *config = parts ? bks_config_of(r->server) : NULL;
    bks_match_route_t match;
    const char *path;

    if (!config || !config->settings) {
        return DECLINED;
    }
    path = path_below(r->uri, config->settings->prefix);
    if (!path) {
        warn_of_mount(r, config);
        return DECLINED;
    }
    if (!*path) {
        return redirect_to_index(r, config->settings);
    }
    match = bks_route_find(parts, r->method, path, r->pool);
    if (!match.allow
        && (strcmp(r->handler, WHOLE_SHOP) != 0 || r->finfo.filetype != APR_NOFILE || r->method_number != M_GET)) {
        return leave_to_httpd(r, config->settings, path);
    }
    if (!bks_runtime_is_ready(config)) {
        apr_table_setn(r->err_headers_out, "Retry-After", "5");
        return HTTP_SERVICE_UNAVAILABLE;
    }
    return answer(r, config, path, &match);
}

#define SECRET_MARK "_secret_"

/* TEXT with an x for each character from MARK on to the end of its value. */
static char *without(const char *mark, const char *text, apr_pool_t *pool)
{
    char *copy = apr_pstrdup(pool, text);
    char *at = copy;

    while ((at = strstr(at, mark)) != NULL) {
        const size_t length = 1 + strcspn(at + 1, "&# \t;/");

        memset(at + 1, 'x', length - 1);
        at += length;
    }
    return copy;
}

/* What logs and mod_status show of TEXT: neither a client secret nor the key of a signed link. */
static char *fit_to_show(const char *text, apr_pool_t *pool)
{
    char *shown = without(SECRET_MARK, text, pool);

    return strstr(shown, "/success?") ? without("&key=", shown, pool) : shown;
}

static int has_to_hide(const char *text)
{
    return strstr(text, SECRET_MARK) || strstr(text, "/success?");
}

/* Stripe appends the client secret to the address to which it sends the buyer back: it is taken out before anything is
 * logged or shown by mod_status. A request that httpd refuses before it has read it whole (400) is logged as it came. */
int bks_redact_secrets(request_rec *r)
{
    const char *referer = apr_table_get(r->headers_in, "Referer");

    if (r->the_request && has_to_hide(r->the_request)) {
        r->the_request = fit_to_show(r->the_request, r->pool);
    }
    if (r->unparsed_uri && has_to_hide(r->unparsed_uri)) {
        r->unparsed_uri = fit_to_show(r->unparsed_uri, r->pool);
    }
    if (r->args && strstr(r->args, SECRET_MARK)) {
        r->args = without(SECRET_MARK, r->args, r->pool);
        r->parsed_uri.query = r->args;
    }
    if (referer && has_to_hide(referer)) {
        apr_table_setn(r->headers_in, "Referer", fit_to_show(referer, r->pool));
    }
    return DECLINED;
}
