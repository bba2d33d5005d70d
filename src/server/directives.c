/* The directives: one row each. What can be judged alone is refused here, what takes a look around in settings_check.c.
 * SPDX-License-Identifier: Apache-2.0 */
#include "server/module.h"

#include <string.h>

#include <apr_strings.h>
#include <ap_config.h>

bks_config_t *bks_config_of(const server_rec *s)
{
    return ap_get_module_config(s->module_config, &bookshop_module);
}

void *bks_config_create(apr_pool_t *pool, server_rec *s)
{
    bks_config_t *config = apr_pcalloc(pool, sizeof(*config));

    (void)s;
    config->connect_time = config->total_time = -1;
    config->reconcile_every = config->abandon_after = -1;
    config->webhook_tolerance = config->max_concurrent = config->server_timing = -1;
    return config;
}

#define OVERRIDE(field) merged->field = add->field ? add->field : base->field
#define OVERRIDE_NUMBER(field) merged->field = add->field >= 0 ? add->field : base->field

void *bks_config_merge(apr_pool_t *pool, void *base_config, void *add_config)
{
    const bks_config_t *base = base_config, *add = add_config;
    bks_config_t *merged = apr_pcalloc(pool, sizeof(*merged));

    if (!add->given) {
        return base_config; /* the same shop under another name */
    }
    OVERRIDE(name);
    OVERRIDE(tagline);
    OVERRIDE(logo);
    OVERRIDE(contact);
    OVERRIDE(currency);
    OVERRIDE(catalog);
    OVERRIDE(static_dir);
    OVERRIDE(secret_key);
    OVERRIDE(publishable_key);
    OVERRIDE(webhook_secret);
    merged->webhook_secret_before = add->webhook_secret ? add->webhook_secret_before : base->webhook_secret_before;
    OVERRIDE(stripe_mode);
    OVERRIDE(stripe_api_base);
    OVERRIDE(stripe_js);
    OVERRIDE(stripe_ca_file);
    OVERRIDE(template_dirs);
    OVERRIDE(links);
    OVERRIDE_NUMBER(connect_time);
    OVERRIDE_NUMBER(total_time);
    OVERRIDE_NUMBER(webhook_tolerance);
    OVERRIDE_NUMBER(reconcile_every);
    OVERRIDE_NUMBER(abandon_after);
    OVERRIDE_NUMBER(max_concurrent);
    OVERRIDE_NUMBER(server_timing);
    merged->base_url = add->base_url; /* these two make a shop: they are not inherited by another one */
    merged->database = add->database;
    merged->cache = base->cache;
    merged->given = 1;
    return merged;
}

/* The field of the server's configuration that CMD's row names. */
static void *field_of(cmd_parms *cmd)
{
    bks_config_t *config = bks_config_of(cmd->server);

    config->given = 1;
    return (char *)config + (apr_size_t)(apr_uintptr_t)cmd->info;
}

static const char *set_text(cmd_parms *cmd, void *dir, const char *text)
{
    const char **field = field_of(cmd);

    (void)dir;
    *field = text;
    return NULL;
}

static const char *set_path(cmd_parms *cmd, void *dir, const char *path)
{
    const char **field = field_of(cmd);

    (void)dir;
    *field = ap_server_root_relative(cmd->pool, path);
    return *field ? NULL : apr_pstrcat(cmd->pool, cmd->cmd->name, ": not a path: ", path, NULL);
}

/* The rest of the line, so that exec:/path args needs no quotes, but may have them. */
static const char *set_line(cmd_parms *cmd, void *dir, const char *line)
{
    const char **field = field_of(cmd);

    (void)dir;
    *field = *line == '"' || *line == '\'' ? ap_getword_conf(cmd->pool, &line) : line;
    return **field ? NULL : apr_pstrcat(cmd->pool, cmd->cmd->name, " takes env:NAME, file:/path or exec:/path args", NULL);
}

static const char *set_webhook_secret(cmd_parms *cmd, void *dir, const char *now, const char *before)
{
    bks_config_t *config = bks_config_of(cmd->server);

    (void)dir;
    config->given = 1;
    config->webhook_secret = now;
    config->webhook_secret_before = before;
    return NULL;
}

static const char *set_flag(cmd_parms *cmd, void *dir, int on)
{
    int *field = field_of(cmd);

    (void)dir;
    *field = on;
    return NULL;
}

static const char *set_cache(cmd_parms *cmd, void *dir, const char *text)
{
    const char *error = ap_check_cmd_context(cmd, GLOBAL_ONLY);

    (void)dir;
    if (!error) {
        bks_config_of(cmd->server)->cache = text;
    }
    return error;
}

static const char *add_template_dir(cmd_parms *cmd, void *dir, const char *path)
{
    apr_array_header_t **dirs = field_of(cmd);
    const char *full = ap_server_root_relative(cmd->pool, path);

    (void)dir;
    if (!full) {
        return apr_pstrcat(cmd->pool, cmd->cmd->name, ": not a path: ", path, NULL);
    }
    if (!*dirs) {
        *dirs = apr_array_make(cmd->pool, 2, sizeof(const char *));
    }
    APR_ARRAY_PUSH(*dirs, const char *) = full;
    return NULL;
}

static const char *add_link(cmd_parms *cmd, void *dir, const char *label, const char *url)
{
    apr_array_header_t **links = field_of(cmd);
    bks_link_t *link;

    (void)dir;
    if ((*url != '/' || url[1] == '/') && strncmp(url, "https://", 8) != 0 && strncmp(url, "http://", 7) != 0
        && strncmp(url, "mailto:", 7) != 0) {
        return "BookshopLink: the address must be a path (/terms), or begin with https://, http:// or mailto:";
    }
    if (!*links) {
        *links = apr_array_make(cmd->pool, 4, sizeof(bks_link_t));
    }
    link = apr_array_push(*links);
    link->label = label;
    link->url = url;
    return NULL;
}

#define TIME_MAX apr_time_from_sec(120)

static const char *set_timeout(cmd_parms *cmd, void *dir, const char *part)
{
    bks_config_t *config = bks_config_of(cmd->server);
    const char *equals = strchr(part, '=');
    apr_interval_time_t time;

    (void)dir;
    config->given = 1;
    if (!equals || ap_timeout_parameter_parse(equals + 1, &time, "s") != APR_SUCCESS || time < apr_time_from_msec(1)
        || time > TIME_MAX) {
        return "BookshopStripeTimeout: write connect=3 total=20 (seconds, up to 120; or 500ms)";
    }
    if (strncmp(part, "connect=", 8) == 0) {
        config->connect_time = time;
    }
    else if (strncmp(part, "total=", 6) == 0) {
        config->total_time = time;
    }
    else {
        return "BookshopStripeTimeout: the parts are connect= and total=";
    }
    return NULL;
}

static const char *set_number(cmd_parms *cmd, const char *text, int most)
{
    int *field = field_of(cmd);
    apr_int64_t value;
    char *end;

    value = apr_strtoi64(text, &end, 10);
    if (*end || end == text || value < 1 || value > most) {
        return apr_psprintf(cmd->pool, "%s: must be a whole number from 1 to %d", cmd->cmd->name, most);
    }
    *field = (int)value;
    return NULL;
}

static const char *set_count(cmd_parms *cmd, void *dir, const char *text)
{
    (void)dir;
    return set_number(cmd, text, 10000);
}

#define MONTH_SECONDS (30 * 24 * 60 * 60)

static const char *set_seconds(cmd_parms *cmd, void *dir, const char *text)
{
    (void)dir;
    return set_number(cmd, text, MONTH_SECONDS);
}

#define FIELD(name) ((void *)APR_OFFSETOF(bks_config_t, name))

const command_rec bks_commands[] = {
    AP_INIT_TAKE1("BookshopBaseURL", set_text, FIELD(base_url), RSRC_CONF,
                  "where the shop is, as visitors see it: https://host[/path]; required"),
    AP_INIT_TAKE1("BookshopName", set_text, FIELD(name), RSRC_CONF, "the shop's name"),
    AP_INIT_TAKE1("BookshopTagline", set_text, FIELD(tagline), RSRC_CONF, "one line about the shop"),
    AP_INIT_TAKE1("BookshopLogo", set_text, FIELD(logo), RSRC_CONF, "the address of the shop's logo"),
    AP_INIT_TAKE1("BookshopContact", set_text, FIELD(contact), RSRC_CONF, "how visitors reach the shop"),
    AP_INIT_TAKE1("BookshopCurrency", set_text, FIELD(currency), RSRC_CONF, "the currency of all prices, as usd"),
    AP_INIT_TAKE1("BookshopCatalog", set_path, FIELD(catalog), RSRC_CONF, "the catalogue file (JSON)"),
    AP_INIT_TAKE1("BookshopDatabase", set_text, FIELD(database), RSRC_CONF, "sqlite:/path"),
    AP_INIT_TAKE1("BookshopCache", set_cache, NULL, RSRC_CONF,
                  "shmcb[:path(size)], redis:host:port, memcache:host:port, or none"),
    AP_INIT_ITERATE("BookshopTemplates", add_template_dir, FIELD(template_dirs), RSRC_CONF,
                    "folders with templates; the first that has one wins"),
    AP_INIT_TAKE1("BookshopStatic", set_path, FIELD(static_dir), RSRC_CONF, "the folder of the static files"),
    AP_INIT_TAKE2("BookshopLink", add_link, FIELD(links), RSRC_CONF, "LABEL URL: a link of the footer; any number"),
    AP_INIT_RAW_ARGS("BookshopStripeSecretKey", set_line, FIELD(secret_key), RSRC_CONF,
                  "env:NAME, file:/path or exec:/path args; required"),
    AP_INIT_RAW_ARGS("BookshopStripePublishableKey", set_line, FIELD(publishable_key), RSRC_CONF,
                  "pk_..., env:NAME, file:/path or exec:/path args"),
    AP_INIT_TAKE12("BookshopWebhookSecret", set_webhook_secret, NULL, RSRC_CONF,
                   "env:NAME, file:/path or \"exec:/path args\"; a second one while Stripe rolls the first"),
    AP_INIT_TAKE1("BookshopWebhookTolerance", set_count, FIELD(webhook_tolerance), RSRC_CONF,
                  "seconds that a webhook's signature may be old, or ahead"),
    AP_INIT_TAKE1("BookshopReconcile", set_count, FIELD(reconcile_every), RSRC_CONF,
                  "seconds between two looks for payments that no webhook told"),
    AP_INIT_TAKE1("BookshopAbandonAfter", set_seconds, FIELD(abandon_after), RSRC_CONF,
                  "seconds after which a payment that nobody made is cancelled"),
    AP_INIT_TAKE1("BookshopStripeMode", set_text, FIELD(stripe_mode), RSRC_CONF, "test or live: keys of the other kind are refused"),
    AP_INIT_TAKE1("BookshopStripeAPIBase", set_text, FIELD(stripe_api_base), RSRC_CONF, "Stripe's API, for tests"),
    AP_INIT_TAKE1("BookshopStripeJS", set_text, FIELD(stripe_js), RSRC_CONF, "the address of Stripe.js"),
    AP_INIT_TAKE1("BookshopStripeCAFile", set_path, FIELD(stripe_ca_file), RSRC_CONF,
                  "certificates that Stripe's is checked against"),
    AP_INIT_ITERATE("BookshopStripeTimeout", set_timeout, NULL, RSRC_CONF, "connect=SECONDS total=SECONDS"),
    AP_INIT_TAKE1("BookshopStripeMaxConcurrent", set_count, FIELD(max_concurrent), RSRC_CONF,
                  "most calls to Stripe at once in a process"),
    AP_INIT_FLAG("BookshopServerTiming", set_flag, FIELD(server_timing), RSRC_CONF,
                 "On: answers tell in Server-Timing how long they took"),
    {NULL, {NULL}, NULL, 0, RAW_ARGS, NULL},
};

/* Directives outside of any virtual host that make up no shop are defaults for those that do. */
static int is_defaults_only(server_rec *main_server)
{
    if (bks_config_of(main_server)->base_url) {
        return 0;
    }
    for (const server_rec *s = main_server->next; s; s = s->next) {
        if (bks_config_of(s)->base_url) {
            return 1;
        }
    }
    return 0;
}

static int is_listed(const apr_array_header_t *list, const bks_config_t *config)
{
    for (int i = 0; i < list->nelts; i++) {
        if (APR_ARRAY_IDX(list, i, bks_config_t *) == config) {
            return 1;
        }
    }
    return 0;
}

apr_array_header_t *bks_configs_list(server_rec *main_server, apr_pool_t *pool)
{
    apr_array_header_t *list = apr_array_make(pool, 2, sizeof(bks_config_t *));
    const bks_config_t *defaults = is_defaults_only(main_server) ? bks_config_of(main_server) : NULL;

    for (const server_rec *s = main_server; s; s = s->next) {
        bks_config_t *config = bks_config_of(s);

        if (config->given && config != defaults && !is_listed(list, config)) {
            config->number = list->nelts;
            APR_ARRAY_PUSH(list, bks_config_t *) = config;
        }
    }
    return list;
}
