/* From directives to settings: everything is checked before the server starts, so that `apachectl configtest` tells.
 * SPDX-License-Identifier: Apache-2.0 */
#include "server/module.h"

#include <string.h>

#include <apr_file_info.h>
#include <apr_lib.h>
#include <apr_strings.h>
#include <apr_uri.h>

#include "base/ids.h"
#include "base/text.h"
#include "model/catalog.h"
#include "site/routes.h"
#include "stripe/signature.h"

#define DEFAULT_NAME "Bookshop"
#define DEFAULT_CURRENCY "usd"
#define DEFAULT_DATABASE "sqlite:/var/lib/bookshop/bookshop.db"
#define DEFAULT_API_BASE "https://api.stripe.com"
#define DEFAULT_STRIPE_JS "https://js.stripe.com/endive/stripe.js"
#define DEFAULT_CONNECT apr_time_from_sec(3)
#define DEFAULT_TOTAL apr_time_from_sec(20)
#define DEFAULT_RECONCILE 60            /* seconds */
#define DEFAULT_ABANDON (24 * 60 * 60)  /* seconds */
#define NAME_CHARS_MAX 200
#define SQLITE_SCHEME "sqlite:"

static const bks_error_t *refuse(apr_pool_t *pool, const char *format, ...) __attribute__((format(printf, 2, 3)));

static const bks_error_t *refuse(apr_pool_t *pool, const char *format, ...)
{
    va_list args;
    const char *sentence;

    va_start(args, format);
    sentence = apr_pvsprintf(pool, format, args);
    va_end(args);
    return bks_error_make(BKS_ERROR_CONFIG, "config", APR_SUCCESS, pool, "%s", sentence);
}

#define HOST_CHARACTERS "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789.-_:[]"

static int is_port(const char *text)
{
    apr_int64_t port = 0;

    return bks_text_to_int(text, 5, &port) && port >= 1 && port <= 65535;
}

/* Scheme, host and port as a browser's header Origin has them: lower case, without the scheme's own port (RFC 6454, 6.2). */
static const char *print_origin(const apr_uri_t *uri, apr_pool_t *pool)
{
    const int is_v6 = strchr(uri->hostname, ':') && *uri->hostname != '[';
    const char *own_port = strcasecmp(uri->scheme, "https") == 0 ? "443" : "80";
    const int has_port = uri->port_str && *uri->port_str && strcmp(uri->port_str, own_port) != 0;
    char *origin = apr_pstrcat(pool, uri->scheme, "://", is_v6 ? "[" : "", uri->hostname, is_v6 ? "]" : "",
                               has_port ? ":" : "", has_port ? uri->port_str : "", NULL);

    ap_str_tolower(origin);
    return origin;
}

/* Parses an address that a directive gives: https, or http to this very machine; ORIGIN gets scheme, host and port. */
static const bks_error_t *parse_address(const char *directive, const char *text, apr_uri_t *uri, const char **origin,
                                        apr_pool_t *pool)
{
    if (apr_uri_parse(pool, text, uri) != APR_SUCCESS || !uri->scheme || !uri->hostname || !*uri->hostname) {
        return refuse(pool, "%s: %s is not an address like https://shop.example/", directive, text);
    }
    if (uri->user || uri->password || uri->fragment || strpbrk(text, " \"'<>\\;,") || !bks_utf8_is(text, strlen(text))) {
        return refuse(pool, "%s: %s must hold no user name, fragment, space or quote", directive, text);
    }
    if (uri->hostname[strspn(uri->hostname, HOST_CHARACTERS)] || (uri->port_str && *uri->port_str && !is_port(uri->port_str))) {
        return refuse(pool, "%s: the host or port of %s can't be one", directive, text);
    }
    if (strcasecmp(uri->scheme, "https") != 0 && !(strcasecmp(uri->scheme, "http") == 0 && bks_host_is_loopback(uri->hostname))) {
        return refuse(pool, "%s: %s must begin with https:// (http:// is for this machine alone: localhost, 127.0.0.1, [::1])",
                      directive, text);
    }
    *origin = print_origin(uri, pool);
    return BKS_FINE;
}

static const bks_error_t *set_base_url(bks_settings_t *settings, const bks_config_t *config, apr_pool_t *pool)
{
    apr_uri_t uri;
    char *prefix;
    size_t length;

    if (!config->base_url) {
        return refuse(pool, "BookshopBaseURL is missing: say where visitors find the shop, as BookshopBaseURL "
                            "https://shop.example/ (each virtual host with a shop of its own has its own)");
    }
    BKS_TRY(parse_address("BookshopBaseURL", config->base_url, &uri, &settings->origin, pool));
    if (uri.query) {
        return refuse(pool, "BookshopBaseURL: %s must have no query", config->base_url);
    }
    prefix = apr_pstrdup(pool, uri.path ? uri.path : "");
    length = strlen(prefix);
    while (length > 0 && prefix[length - 1] == '/') {
        prefix[--length] = '\0';
    }
    for (const char *c = prefix; *c; c++) {
        if (!apr_isalnum(*c) && !strchr("/._~-", *c)) {
            return refuse(pool, "BookshopBaseURL: the path of %s may hold letters, digits and / . _ ~ - only", config->base_url);
        }
    }
    if (strstr(prefix, "//") || strstr(prefix, "/.")) {
        return refuse(pool, "BookshopBaseURL: the path of %s must hold neither // nor /.", config->base_url);
    }
    settings->prefix = prefix;
    settings->base_url = apr_pstrcat(pool, settings->origin, prefix, NULL);
    settings->secure = strcasecmp(uri.scheme, "https") == 0;
    return BKS_FINE;
}

static const bks_error_t *set_looks(bks_settings_t *settings, const bks_config_t *config, apr_pool_t *pool)
{
    settings->name = config->name ? config->name : DEFAULT_NAME;
    settings->tagline = config->tagline ? config->tagline : "";
    settings->logo = config->logo ? config->logo : "";
    settings->contact = config->contact ? config->contact : "";
    if (*settings->logo && (settings->logo[0] != '/' || settings->logo[1] == '/')) {
        return refuse(pool, "BookshopLogo: %s must be a path on this host, as /logo.svg (pages load nothing from elsewhere)",
                      settings->logo);
    }
    settings->links = config->links ? config->links : apr_array_make(pool, 0, sizeof(bks_link_t));
    if (!*settings->name || !bks_utf8_is(settings->name, strlen(settings->name))
        || bks_utf8_count(settings->name) > NAME_CHARS_MAX) {
        return refuse(pool, "BookshopName must have 1 to %d characters (UTF-8)", NAME_CHARS_MAX);
    }
    settings->currency = bks_currency_find(config->currency ? config->currency : DEFAULT_CURRENCY);
    if (!settings->currency) {
        return refuse(pool, "BookshopCurrency: Stripe does not charge in \"%s\": use a code like usd, eur or gbp",
                      config->currency);
    }
    return BKS_FINE;
}

/* Whether KEY is PREFIX ("sk_"), a mode, and the rest of a key. */
static int is_key(const char *key, const char *prefix)
{
    const char *rest = key + strlen(prefix);

    if (strncmp(key, prefix, strlen(prefix)) != 0 || (strncmp(rest, "test_", 5) != 0 && strncmp(rest, "live_", 5) != 0)
        || !rest[5] || strlen(key) > 255) {
        return 0;
    }
    for (const char *c = rest; *c; c++) {
        if (!apr_isalnum(*c) && *c != '_') {
            return 0;
        }
    }
    return 1;
}

static const bks_error_t *set_secret_key(bks_settings_t *settings, const bks_config_t *config, process_rec *process,
                                         apr_pool_t *pool)
{
    const char *key;

    if (!config->secret_key) {
        return refuse(pool, "BookshopStripeSecretKey is missing: say where the secret key is, as env:STRIPE_SECRET_KEY or "
                            "file:/etc/apache2/bookshop/secret-key");
    }
    BKS_TRY(bks_secret_read(&key, config->secret_key, "BookshopStripeSecretKey", process, pool));
    if (strncmp(key, "pk_", 3) == 0) {
        return refuse(pool, "BookshopStripeSecretKey: this is a publishable key (pk_...): the secret key begins with sk_ or rk_");
    }
    if (!is_key(key, "sk_") && !is_key(key, "rk_")) {
        return refuse(pool, "BookshopStripeSecretKey: this is not a secret key of Stripe's, which begins with sk_test_, "
                            "sk_live_, rk_test_ or rk_live_");
    }
    settings->stripe.secret_key = key;
    settings->livemode = strncmp(key + 3, "live_", 5) == 0;
    return BKS_FINE;
}

static const bks_error_t *set_publishable_key(bks_settings_t *settings, const bks_config_t *config, process_rec *process,
                                              apr_pool_t *pool)
{
    const char *key = config->publishable_key;

    settings->publishable_key = "";
    if (!key) {
        return BKS_FINE;
    }
    if (strncmp(key, "env:", 4) == 0 || strncmp(key, "file:", 5) == 0 || strncmp(key, "exec:", 5) == 0) {
        BKS_TRY(bks_secret_read(&key, key, "BookshopStripePublishableKey", process, pool));
    }
    if (strncmp(key, "sk_", 3) == 0 || strncmp(key, "rk_", 3) == 0) {
        return refuse(pool, "BookshopStripePublishableKey: this is a secret key, and it would be shown to every visitor: the "
                            "publishable key begins with pk_. Roll the secret key if it stood in the configuration");
    }
    if (!is_key(key, "pk_")) {
        return refuse(pool, "BookshopStripePublishableKey: this is not a publishable key of Stripe's, which begins with "
                            "pk_test_ or pk_live_");
    }
    if ((strncmp(key + 3, "live_", 5) == 0) != settings->livemode) {
        return refuse(pool, "the secret key is a %s key and the publishable key a %s key: take both from the same mode of "
                            "Stripe's dashboard", settings->livemode ? "live" : "test", settings->livemode ? "test" : "live");
    }
    settings->publishable_key = key;
    return BKS_FINE;
}

static const bks_error_t *add_webhook_secret(bks_settings_t *settings, const char *source, process_rec *process,
                                             apr_pool_t *pool)
{
    const char *secret;

    if (!source) {
        return BKS_FINE;
    }
    BKS_TRY(bks_secret_read(&secret, source, "BookshopWebhookSecret", process, pool));
    if (strncmp(secret, "whsec_", 6) != 0 || !secret[6]) {
        return refuse(pool, "BookshopWebhookSecret: this is not a webhook's secret, which begins with whsec_ (Stripe's "
                            "dashboard shows it beside the endpoint)");
    }
    APR_ARRAY_PUSH(settings->webhook_secrets, const char *) = secret;
    return BKS_FINE;
}

static const bks_error_t *set_webhook(bks_settings_t *settings, const bks_config_t *config, process_rec *process,
                                      apr_pool_t *pool)
{
    settings->webhook_secrets = apr_array_make(pool, 2, sizeof(const char *));
    settings->webhook_tolerance = config->webhook_tolerance > 0 ? config->webhook_tolerance : BKS_SIGNATURE_TOLERANCE;
    BKS_TRY(add_webhook_secret(settings, config->webhook_secret, process, pool));
    return add_webhook_secret(settings, config->webhook_secret_before, process, pool);
}

static const bks_error_t *check_mode(const bks_settings_t *settings, const bks_config_t *config, apr_pool_t *pool)
{
    if (config->stripe_mode) {
        const int live = strcasecmp(config->stripe_mode, "live") == 0;

        if (!live && strcasecmp(config->stripe_mode, "test") != 0) {
            return refuse(pool, "BookshopStripeMode must be test or live");
        }
        if (live != settings->livemode) {
            return refuse(pool, "BookshopStripeMode is %s and the keys are %s keys: change one of them",
                          live ? "live" : "test", settings->livemode ? "live" : "test");
        }
    }
    if (settings->livemode && !settings->secure) {
        return refuse(pool, "BookshopBaseURL must begin with https:// when the keys are live keys");
    }
    return BKS_FINE;
}

static const bks_error_t *set_stripe(bks_settings_t *settings, const bks_config_t *config, process_rec *process,
                                     apr_pool_t *pool)
{
    const char *api_base = config->stripe_api_base ? config->stripe_api_base : DEFAULT_API_BASE;
    apr_uri_t uri;

    BKS_TRY(set_secret_key(settings, config, process, pool));
    BKS_TRY(set_publishable_key(settings, config, process, pool));
    BKS_TRY(set_webhook(settings, config, process, pool));
    BKS_TRY(check_mode(settings, config, pool));
    BKS_TRY(parse_address("BookshopStripeAPIBase", api_base, &uri, &settings->stripe.api_base, pool));
    if ((uri.path && strcmp(uri.path, "/") != 0) || uri.query) {
        return refuse(pool, "BookshopStripeAPIBase: %s must have no path", api_base);
    }
    settings->stripe_js = config->stripe_js ? config->stripe_js : DEFAULT_STRIPE_JS;
    BKS_TRY(parse_address("BookshopStripeJS", settings->stripe_js, &uri, &settings->stripe_js_origin, pool));
    settings->stripe.ca_file = config->stripe_ca_file;
    settings->stripe.connect_ms = (int)apr_time_as_msec(config->connect_time >= 0 ? config->connect_time : DEFAULT_CONNECT);
    settings->stripe.total_ms = (int)apr_time_as_msec(config->total_time >= 0 ? config->total_time : DEFAULT_TOTAL);
    if (settings->stripe.ca_file) {
        apr_finfo_t found;

        if (apr_stat(&found, settings->stripe.ca_file, APR_FINFO_TYPE, pool) != APR_SUCCESS || found.filetype != APR_REG) {
            return refuse(pool, "BookshopStripeCAFile: there is no file %s", settings->stripe.ca_file);
        }
    }
    return BKS_FINE;
}

static const bks_error_t *set_database(bks_settings_t *settings, const bks_config_t *config, apr_pool_t *pool)
{
    const char *url = config->database ? config->database : DEFAULT_DATABASE;
    const char *path = url + strlen(SQLITE_SCHEME), *slash;
    const char *folder;
    apr_finfo_t found;

    if (strncmp(url, SQLITE_SCHEME, strlen(SQLITE_SCHEME)) != 0 || *path != '/') {
        return refuse(pool, "BookshopDatabase: write sqlite:/absolute/path (this build knows no other database)");
    }
    slash = strrchr(path, '/');
    folder = slash == path ? "/" : apr_pstrmemdup(pool, path, (apr_size_t)(slash - path));
    if (!slash[1]) {
        return refuse(pool, "BookshopDatabase: %s names a folder: name the file in it", url);
    }
    if (apr_stat(&found, folder, APR_FINFO_TYPE, pool) != APR_SUCCESS || found.filetype != APR_DIR) {
        return refuse(pool, "BookshopDatabase: there is no folder %s: create it, and let the user that serves (User) write "
                            "to it", folder);
    }
    settings->database_url = url;
    return BKS_FINE;
}

static const bks_error_t *check_catalog(bks_settings_t *settings, const bks_config_t *config, apr_pool_t *pool)
{
    const bks_json_t *json;
    bks_catalog_t *catalog;
    const bks_error_t *error;

    settings->catalog_file = config->catalog ? config->catalog : BKS_DEFAULT_FOLDER "/catalog.json";
    error = bks_json_load(settings->catalog_file, BKS_CATALOG_FILE_MAX, &json, pool);
    if (!error) {
        error = bks_catalog_parse(json, settings->currency, &catalog, pool);
        if (error) {
            return refuse(pool, "BookshopCatalog: %s: %s", settings->catalog_file, error->detail);
        }
        return BKS_FINE;
    }
    return refuse(pool, "BookshopCatalog: %s", bks_error_print(error, pool));
}

static const bks_error_t *load_templates(bks_settings_t *settings, const bks_config_t *config, apr_pool_t *pool)
{
    apr_array_header_t *dirs = config->template_dirs;

    if (!dirs) {
        dirs = apr_array_make(pool, 1, sizeof(const char *));
        APR_ARRAY_PUSH(dirs, const char *) = BKS_DEFAULT_FOLDER "/templates";
    }
    BKS_TRY(bks_templates_load(&settings->templates, dirs, 1, pool));
    for (int i = 0; bks_site_templates[i]; i++) {
        if (!bks_templates_has(settings->templates, bks_site_templates[i])) {
            return refuse(pool, "BookshopTemplates: no folder holds %s.mustache", bks_site_templates[i]);
        }
    }
    return bks_words_load(&settings->words, dirs, pool);
}

static const bks_error_t *set_places(bks_settings_t *settings, const bks_config_t *config, apr_pool_t *pool)
{
    bks_places_t *places = &settings->places;

    settings->static_dir = config->static_dir ? config->static_dir : BKS_DEFAULT_FOLDER "/htdocs";
    places->prefix = settings->prefix;
    places->base_url = settings->base_url;
    places->currency = settings->currency;
    return bks_assets_load(&places->assets, settings->static_dir, settings->prefix, pool);
}

const bks_error_t *bks_settings_make(bks_config_t *config, server_rec *s, apr_pool_t *pool, apr_pool_t *ptemp)
{
    bks_settings_t *settings = apr_pcalloc(pool, sizeof(*settings));

    BKS_TRY(set_base_url(settings, config, pool));
    BKS_TRY(set_looks(settings, config, pool));
    BKS_TRY(set_stripe(settings, config, s->process, pool));
    BKS_TRY(set_database(settings, config, pool));
    BKS_TRY(check_catalog(settings, config, ptemp));
    BKS_TRY(load_templates(settings, config, pool));
    BKS_TRY(set_places(settings, config, pool));
    BKS_TRY(bks_id_make(&settings->version, pool));
    settings->reconcile_every = config->reconcile_every > 0 ? config->reconcile_every : DEFAULT_RECONCILE;
    settings->abandon_after = config->abandon_after > 0 ? config->abandon_after : DEFAULT_ABANDON;
    settings->server_timing = config->server_timing > 0;
    config->settings = settings;
    return BKS_FINE;
}
