/* What is done while the shop serves, by one process at a time: the catalogue file is looked at every second, and a change
 * taken over; payments of which nobody told are looked up at Stripe.
 * SPDX-License-Identifier: Apache-2.0 */
#include "server/module.h"

#include <apr_atomic.h>
#include <apr_file_info.h>
#include <apr_optional.h>
#include <http_log.h>
#include <mod_watchdog.h>

#include "shop/reconcile.h"
#include "shop/stock_up.h"

APLOG_USE_MODULE(bookshop);

#define CATALOG_WATCHDOG "bookshop"
#define RECONCILE_WATCHDOG "bookshop-reconcile" /* a thread of its own: a slow Stripe holds up no catalogue */
#define LOOK_EVERY AP_WD_TM_INTERVAL /* one second */

/* Whether the file is another one than at the last look of this process. */
static int has_changed(bks_runtime_t *runtime, const char *path, apr_pool_t *pool)
{
    apr_finfo_t found;

    if (apr_stat(&found, path, APR_FINFO_MTIME | APR_FINFO_SIZE, pool) != APR_SUCCESS) {
        found.mtime = 0;
        found.size = 0;
    }
    if (found.mtime == runtime->catalog_mtime && found.size == runtime->catalog_size) {
        return 0;
    }
    runtime->catalog_mtime = found.mtime;
    runtime->catalog_size = found.size;
    return 1;
}

static void look(bks_config_t *config, apr_pool_t *pool)
{
    bks_runtime_t *runtime = config->runtime;
    const bks_settings_t *settings = config->settings;
    const bks_error_t *error;
    int changed;

    if (!bks_runtime_is_ready(config) || !has_changed(runtime, settings->catalog_file, pool)) {
        return;
    }
    error = bks_stock_up(settings, runtime->shop.db, &changed, pool);
    if (error) {
        bks_log(&runtime->log, BKS_LOG_ERROR, "BKS0208: the catalogue is not taken over, the shop sells on as before: %s",
                bks_error_print(error, pool));
        if (error->kind != BKS_ERROR_CONFIG) {
            runtime->catalog_mtime = 0; /* not the file's fault: look again */
        }
        return;
    }
    if (changed) {
        apr_atomic_inc32(runtime->generation);
        bks_log(&runtime->log, BKS_LOG_NOTICE, "BKS0209: the catalogue %s has changed and is taken over",
                settings->catalog_file);
    }
}

static apr_status_t watch(int state, void *baton, apr_pool_t *pool)
{
    const apr_array_header_t *configs = baton;

    if (state == AP_WATCHDOG_STATE_RUNNING) {
        for (int i = 0; i < configs->nelts; i++) {
            look(APR_ARRAY_IDX(configs, i, bks_config_t *), pool);
        }
    }
    return APR_SUCCESS;
}

static void reconcile(bks_config_t *config, apr_pool_t *pool)
{
    bks_runtime_t *runtime = config->runtime;
    const apr_time_t now = apr_time_now();
    const bks_error_t *error;
    bks_shop_t shop;
    int looked;

    if (now - runtime->reconciled < apr_time_from_sec(config->settings->reconcile_every) || !bks_runtime_is_ready(config)) {
        return;
    }
    runtime->reconciled = now;
    shop = runtime->shop;
    shop.log = &runtime->log;
    error = bks_reconcile(&shop, runtime->owner, &looked, pool);
    if (error) {
        bks_log(&runtime->log, BKS_LOG_WARN, "BKS0214: the reconciliation stopped after %d payments, and goes on in %" APR_INT64_T_FMT
                " s: %s", looked, config->settings->reconcile_every, bks_error_print(error, pool));
    }
}

static apr_status_t watch_payments(int state, void *baton, apr_pool_t *pool)
{
    const apr_array_header_t *configs = baton;

    for (int i = 0; state == AP_WATCHDOG_STATE_RUNNING && i < configs->nelts; i++) {
        bks_config_t *config = APR_ARRAY_IDX(configs, i, bks_config_t *);

        if (config->runtime) {
            reconcile(config, pool);
        }
    }
    return APR_SUCCESS;
}

/* One watchdog for the server, whose WATCH runs every second in one process. */
static apr_status_t make_watchdog(const char *name, ap_watchdog_callback_fn_t *watch_fn, server_rec *s, apr_pool_t *pconf)
{
    APR_OPTIONAL_FN_TYPE(ap_watchdog_get_instance) *get_instance = APR_RETRIEVE_OPTIONAL_FN(ap_watchdog_get_instance);
    APR_OPTIONAL_FN_TYPE(ap_watchdog_register_callback) *register_callback =
        APR_RETRIEVE_OPTIONAL_FN(ap_watchdog_register_callback);
    ap_watchdog_t *watchdog;
    apr_status_t status;

    if (!get_instance || !register_callback) {
        return APR_ENOTIMPL;
    }
    status = get_instance(&watchdog, name, 0, 1, pconf);
    return status == APR_SUCCESS ? register_callback(watchdog, LOOK_EVERY, bks_configs_list(s, pconf), watch_fn) : status;
}

int bks_watch_register(server_rec *s, apr_pool_t *pconf)
{
    apr_status_t status = make_watchdog(CATALOG_WATCHDOG, watch, s, pconf);

    if (status == APR_SUCCESS) {
        status = make_watchdog(RECONCILE_WATCHDOG, watch_payments, s, pconf);
    }
    if (status == APR_ENOTIMPL) {
        ap_log_error(APLOG_MARK, APLOG_WARNING, 0, s, "BKS0210: mod_watchdog is not loaded: a changed catalogue is taken "
                     "over at the next restart only, and payments of which no webhook tells are not looked up");
        return OK;
    }
    if (status != APR_SUCCESS) {
        ap_log_error(APLOG_MARK, APLOG_EMERG, status, s, "BKS0211: the watchdogs can't be set up");
        return HTTP_INTERNAL_SERVER_ERROR;
    }
    return OK;
}
