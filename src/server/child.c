/* A process that serves: its connections to the database, its client of Stripe, its shelf.
 * SPDX-License-Identifier: Apache-2.0 */
#include "server/module.h"

#include <unistd.h>

#include <ap_mpm.h>
#include <apr_strings.h>
#include <http_log.h>

#include "base/ids.h"
#include "server/shared.h"
#include "shop/browse.h"
#include "shop/open_up.h"
#include "site/routes.h"
#include "stripe/gate.h"

APLOG_USE_MODULE(bookshop);

#define READERS_MAX 32
#define DB_WAIT_MS 2000 /* a lock that does not come sooner is an outage; the storefront must not wait for it */
#define TRY_AGAIN_AFTER apr_time_from_sec(1)

static bks_gate_t *process_gate; /* this process's place before Stripe; set by child_init */

int bks_threads_per_process(void)
{
    int threads = 1;

    ap_mpm_query(AP_MPMQ_MAX_THREADS, &threads);
    return threads > 0 ? threads : 1;
}

static int is_threaded(void)
{
    int threaded = 0;

    ap_mpm_query(AP_MPMQ_IS_THREADED, &threaded);
    return threaded != AP_MPMQ_NOT_SUPPORTED;
}

/* At most half of the workers wait for Stripe: of each process's threads, or, where a process has one, of all processes. */
static bks_gate_limits_t gate_limits(int configured)
{
    bks_gate_limits_t limits = {0, 0};
    int processes = 1;

    if (is_threaded()) {
        limits.per_process = configured > 0 ? configured : bks_threads_per_process() / 2;
        limits.per_process = limits.per_process > 0 ? limits.per_process : 1;
    }
    else {
        ap_mpm_query(AP_MPMQ_MAX_DAEMONS, &processes);
        limits.overall = configured > 0 ? configured : processes / 2;
        limits.overall = limits.overall > 0 ? limits.overall : 1;
    }
    return limits;
}

static const bks_error_t *get_ready(bks_config_t *config, server_rec *s, apr_pool_t *pool)
{
    bks_runtime_t *runtime = config->runtime;
    bks_shop_t *shop = &runtime->shop;
    const int threads = bks_threads_per_process();
    const bks_db_options_t options = {.url = config->settings->database_url,
                                      .readers = threads < READERS_MAX ? threads : READERS_MAX,
                                      .wait_ms = DB_WAIT_MS,
                                      .writer_thread = is_threaded(),
                                      .create = 0,
                                      .write_lock = bks_shared_write_lock(),
                                      .log = runtime->log};

    shop->settings = config->settings;
    shop->identity = &runtime->identity;
    shop->clock = &bks_clock_system;
    shop->refused_webhooks = &runtime->refused_webhooks;
    shop->cache = bks_shared_cache(s);
    BKS_TRY(bks_db_open(&shop->db, &options, pool));
    BKS_TRY(bks_identity_load(&runtime->identity, shop->db, pool));
    BKS_TRY(bks_stripe_make(&shop->stripe, &config->settings->stripe, process_gate, &runtime->log, pool));
    return bks_shelf_make(&shop->shelf, runtime->generation, pool);
}

/* Tries to get ready; what was half done goes with its pool. */
static void try_to_get_ready(bks_config_t *config, server_rec *s)
{
    bks_runtime_t *runtime = config->runtime;
    apr_pool_t *pool;
    const bks_error_t *error;

    runtime->tried = apr_time_now();
    apr_pool_create(&pool, runtime->pool);
    error = get_ready(config, s, pool);
    if (error) {
        ap_log_error(APLOG_MARK, APLOG_ERR, 0, s, "BKS0206: the shop can't serve: %s", bks_error_print(error, pool));
        apr_pool_destroy(pool);
        return;
    }
    __atomic_store_n(&runtime->ready, 1, __ATOMIC_RELEASE);
}

int bks_runtime_is_ready(bks_config_t *config)
{
    bks_runtime_t *runtime = config->runtime;
    int ready;

    if (!runtime) {
        return 0;
    }
    if (__atomic_load_n(&runtime->ready, __ATOMIC_ACQUIRE)) {
        return 1;
    }
    apr_thread_mutex_lock(runtime->mutex);
    if (!runtime->ready && apr_time_now() - runtime->tried > TRY_AGAIN_AFTER) {
        try_to_get_ready(config, runtime->log.baton);
    }
    ready = runtime->ready;
    apr_thread_mutex_unlock(runtime->mutex);
    return ready;
}

static void make_runtime(bks_config_t *config, server_rec *s, apr_pool_t *pchild)
{
    bks_runtime_t *runtime = apr_pcalloc(pchild, sizeof(*runtime));

    runtime->pool = pchild;
    runtime->log = bks_log_to_server(s);
    if (bks_id_make(&runtime->owner, pchild)) {
        runtime->owner = apr_psprintf(pchild, "%ld", (long)getpid());
    }
    runtime->generation = bks_shared_generation(config->number);
    apr_thread_mutex_create(&runtime->mutex, APR_THREAD_MUTEX_DEFAULT, pchild);
    config->runtime = runtime;
    try_to_get_ready(config, s);
}

static apr_status_t end_stripe(void *baton)
{
    (void)baton;
    bks_stripe_global_end();
    return APR_SUCCESS;
}

static const bks_error_t *prepare_process(const apr_array_header_t *configs, apr_pool_t *pchild)
{
    bks_gate_limits_t limits;
    int most = 0;

    for (int i = 0; i < configs->nelts; i++) { /* the gate is one for the process: the smallest wish counts */
        const int wish = APR_ARRAY_IDX(configs, i, const bks_config_t *)->max_concurrent;

        most = wish > 0 && (most == 0 || wish < most) ? wish : most;
    }
    limits = gate_limits(most);
    BKS_TRY(bks_site_prepare(pchild));
    BKS_TRY(bks_stripe_global_begin(pchild));
    apr_pool_cleanup_register(pchild, NULL, end_stripe, apr_pool_cleanup_null);
    return bks_gate_attach(&process_gate, bks_shared_gate(), &limits, &bks_clock_system, pchild);
}

void bks_child_init(apr_pool_t *pchild, server_rec *s)
{
    apr_array_header_t *configs = bks_configs_list(s, pchild);
    const bks_error_t *error;

    if (configs->nelts == 0) {
        return;
    }
    bks_shared_attach(pchild, s);
    error = prepare_process(configs, pchild);
    if (error) {
        ap_log_error(APLOG_MARK, APLOG_CRIT, 0, s, "BKS0207: this process can't serve a shop: %s",
                     bks_error_print(error, pchild));
        return;
    }
    for (int i = 0; i < configs->nelts; i++) {
        make_runtime(APR_ARRAY_IDX(configs, i, bks_config_t *), s, pchild);
    }
}
