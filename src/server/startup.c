/* Starting: the configuration is checked, the database brought up to date, shared things made.
 * SPDX-License-Identifier: Apache-2.0 */
#include "server/module.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <apr_file_io.h>
#include <apr_strings.h>
#include <apr_thread_proc.h>
#include <http_core.h>
#include <http_log.h>
#include <mod_unixd.h>
#include <mpm_common.h>
#include <unixd.h>

#include "server/shared.h"
#include "shop/open_up.h"
#include "site/routes.h"
#include "stripe/gate.h"

APLOG_USE_MODULE(bookshop);

#define REPORT_BYTES_MAX 2000
#define START_WAIT_MS 10000 /* how long the start waits for a lock of the database */

int bks_pre_config(apr_pool_t *pconf, apr_pool_t *plog, apr_pool_t *ptemp)
{
    (void)plog;
    (void)ptemp;
    bks_shared_register_mutexes(pconf);
    return OK;
}

static int say(server_rec *s, const char *code, const char *sentence)
{
    ap_log_error(APLOG_MARK, APLOG_STARTUP | APLOG_EMERG, 0, s, "%s: %s", code, sentence);
    return HTTP_INTERNAL_SERVER_ERROR;
}

/* Two shops in one database would sell each other's orders. */
static int refuse_shared_database(server_rec *s, const apr_array_header_t *configs)
{
    for (int i = 0; i < configs->nelts; i++) {
        const bks_config_t *one = APR_ARRAY_IDX(configs, i, const bks_config_t *);

        for (int j = 0; j < i; j++) {
            const bks_config_t *other = APR_ARRAY_IDX(configs, j, const bks_config_t *);

            if (strcmp(one->settings->database_url, other->settings->database_url) == 0) {
                return say(s, "BKS0103", apr_psprintf(s->process->pconf, "BookshopDatabase: %s is used by two shops: give "
                                                      "each its own", one->settings->database_url));
            }
        }
    }
    return OK;
}

static server_rec *server_of(server_rec *main_server, const bks_config_t *config)
{
    for (server_rec *s = main_server; s; s = s->next) {
        if (bks_config_of(s) == config) {
            return s;
        }
    }
    return main_server;
}

int bks_check_config(apr_pool_t *pconf, apr_pool_t *plog, apr_pool_t *ptemp, server_rec *s)
{
    apr_array_header_t *configs = bks_configs_list(s, ptemp);
    const char *wrong_cache;

    (void)plog;
    if (configs->nelts == 0) {
        return OK; /* loaded, but no shop is configured */
    }
    for (int i = 0; i < configs->nelts; i++) {
        bks_config_t *config = APR_ARRAY_IDX(configs, i, bks_config_t *);
        const bks_error_t *error = bks_settings_make(config, s, pconf, ptemp);

        if (error) {
            return say(server_of(s, config), "BKS0101", bks_error_print(error, ptemp));
        }
    }
    wrong_cache = bks_shared_check_cache(bks_config_of(s)->cache, ptemp);
    if (wrong_cache) {
        return say(s, "BKS0102", wrong_cache);
    }
    return refuse_shared_database(s, configs);
}

static const bks_error_t *open_up(const bks_settings_t *settings, server_rec *s, apr_pool_t *pool)
{
    const bks_db_options_t options = {.url = settings->database_url,
                                      .readers = 1,
                                      .wait_ms = START_WAIT_MS,
                                      .writer_thread = 0,
                                      .create = 1,
                                      .write_lock = bks_shared_write_lock(),
                                      .log = bks_log_to_server(s)};
    bks_db_t *db;

    BKS_TRY(bks_db_open(&db, &options, pool));
    return bks_shop_open_up(settings, db, pool);
}

/* The child's part: becomes the user that serves, prepares each shop, and writes what went wrong to OUT. */
static void prepare_as_user(server_rec *s, const apr_array_header_t *configs, apr_file_t *out, apr_pool_t *pool)
{
    apr_pool_t *own;
    int failed = 0;

    apr_pool_create(&own, pool);
    if (ap_unixd_setup_child() != 0) {
        apr_file_puts("the user and group of the configuration (User, Group) can't be taken", out);
        _exit(1);
    }
    bks_shared_attach(own, s);
    for (int i = 0; i < configs->nelts && !failed; i++) {
        const bks_settings_t *settings = APR_ARRAY_IDX(configs, i, const bks_config_t *)->settings;
        const bks_error_t *error = open_up(settings, s, own);

        if (error) {
            apr_file_puts(apr_pstrcat(own, settings->database_url, ": ", bks_error_print(error, own), NULL), out);
            failed = 1;
        }
    }
    apr_pool_destroy(own);
    _exit(failed);
}

/* A database opened by root would belong to root, and a child can't refuse to start: so one child is forked that opens
 * it as the user that serves, and reports. */
static int prepare_databases(server_rec *s, const apr_array_header_t *configs, apr_pool_t *ptemp)
{
    apr_file_t *in, *out;
    apr_proc_t child;
    apr_status_t status = apr_file_pipe_create(&in, &out, ptemp);
    char *report = apr_pcalloc(ptemp, REPORT_BYTES_MAX + 1);
    apr_size_t size = 0;
    apr_exit_why_e why;
    int code = 1;

    if (status == APR_SUCCESS) {
        status = apr_proc_fork(&child, ptemp);
    }
    if (status == APR_INCHILD) {
        apr_file_close(in);
        prepare_as_user(s, configs, out, ptemp);
    }
    if (status != APR_INPARENT) {
        ap_log_error(APLOG_MARK, APLOG_EMERG, status, s, "BKS0203: no process could be started to open the database");
        return HTTP_INTERNAL_SERVER_ERROR;
    }
    apr_file_close(out);
    apr_file_read_full(in, report, REPORT_BYTES_MAX, &size);
    apr_file_close(in);
    apr_proc_wait(&child, &code, &why, APR_WAIT);
    if (why != APR_PROC_EXIT || code != 0) {
        return say(s, "BKS0204", size > 0 ? report : "the process that opens the database ended without a word");
    }
    return OK;
}

static void warn(server_rec *main_server, const bks_config_t *config)
{
    server_rec *s = server_of(main_server, config);

    if (!*config->settings->publishable_key) {
        ap_log_error(APLOG_MARK, APLOG_WARNING, 0, s, "BKS0205: no BookshopStripePublishableKey: the storefront is served, "
                     "but there is no card form");
    }
    if (config->settings->webhook_secrets->nelts == 0) {
        ap_log_error(APLOG_MARK, APLOG_WARNING, 0, s, "BKS0212: no BookshopWebhookSecret: the webhook answers 503, and a "
                     "payment is settled when its buyer comes back to the success page");
    }
}

int bks_post_config(apr_pool_t *pconf, apr_pool_t *plog, apr_pool_t *ptemp, server_rec *s)
{
    apr_array_header_t *configs = bks_configs_list(s, pconf);

    (void)plog;
    if (ap_state_query(AP_SQ_MAIN_STATE) == AP_SQ_MS_CREATE_PRE_CONFIG || configs->nelts == 0) {
        return OK;
    }
    for (int i = 0; i < configs->nelts; i++) {
        warn(s, APR_ARRAY_IDX(configs, i, const bks_config_t *));
    }
    if (bks_shared_make(pconf, ptemp, s, configs->nelts) != OK || prepare_databases(s, configs, ptemp) != OK) {
        return HTTP_INTERNAL_SERVER_ERROR;
    }
    return bks_watch_register(s, pconf);
}
