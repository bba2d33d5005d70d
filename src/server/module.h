/* What the files of this floor share: the directives as they were written, and a shop's state in a process.
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef BKS_SERVER_MODULE_H
#define BKS_SERVER_MODULE_H

#include <apr_thread_mutex.h>
#include <httpd.h>
#include <http_config.h>

#include "base/throttle.h"
#include "shop/shop.h"

extern module AP_MODULE_DECLARE_DATA bookshop_module;

#define BKS_DEFAULT_FOLDER "/usr/share/bookshop"

/* A shop in a process that serves. */
typedef struct {
    bks_shop_t shop;           /* without what belongs to a request: timing, log */
    bks_identity_t identity;
    bks_throttle_t misplaced;  /* warnings of a mount that does not fit */
    bks_throttle_t refused_webhooks;
    bks_log_t log;             /* to the server's log, for what no request is about */
    int ready;                 /* database and Stripe's client are there */
    apr_time_t tried;          /* when it was last tried to get ready */
    apr_thread_mutex_t *mutex; /* one at a time tries */
    apr_pool_t *pool;          /* the process's */
    volatile apr_uint32_t *generation; /* of the catalogue, in shared memory */
    apr_time_t catalog_mtime;  /* of the catalogue file that was looked at last */
    apr_off_t catalog_size;
    const char *owner;         /* this process, in the lease of the reconciliation */
    apr_time_t reconciled;     /* when the last round began */
} bks_runtime_t;

/* The directives of a server or virtual host; NULL and -1 mean: not given. */
typedef struct {
    const char *base_url;
    const char *name;
    const char *tagline;
    const char *logo;
    const char *contact;
    const char *currency;
    const char *catalog;
    const char *database;
    const char *cache;
    const char *static_dir;
    const char *secret_key;
    const char *publishable_key;
    const char *webhook_secret;
    const char *webhook_secret_before; /* while one is rolled */
    const char *stripe_mode;
    const char *stripe_api_base;
    const char *stripe_js;
    const char *stripe_ca_file;
    apr_array_header_t *template_dirs; /* of const char * */
    apr_array_header_t *links;         /* of bks_link_t */
    apr_interval_time_t connect_time;  /* microseconds */
    apr_interval_time_t total_time;
    int webhook_tolerance;             /* seconds */
    int reconcile_every;               /* seconds */
    int abandon_after;                 /* seconds */
    int max_concurrent;
    int server_timing;
    int given;                         /* a directive that makes up a shop stands here */

    bks_settings_t *settings;          /* made by the check of the configuration; NULL: no shop here */
    bks_runtime_t *runtime;            /* made in each process; shared by hosts that inherit the shop */
    int number;                        /* of the shop, from 0 */
} bks_config_t;

/* The directives that hold for S. */
bks_config_t *bks_config_of(const server_rec *s);

/* directives.c */
extern const command_rec bks_commands[];
void *bks_config_create(apr_pool_t *pool, server_rec *s);
void *bks_config_merge(apr_pool_t *pool, void *base, void *add);

/* The shops of all hosts below MAIN, each once: an array of bks_config_t *, from POOL. */
apr_array_header_t *bks_configs_list(server_rec *main_server, apr_pool_t *pool);

/* settings_check.c: makes CONFIG's settings, or says what is wrong in a sentence for the admin. PTEMP is for what is only
 * looked at. */
const bks_error_t *bks_settings_make(bks_config_t *config, server_rec *s, apr_pool_t *pool, apr_pool_t *ptemp);

/* secret.c: reads env:NAME, file:/path or exec:/path args. DIRECTIVE is named in errors; the secret never is. */
const bks_error_t *bks_secret_read(const char **secret, const char *source, const char *directive, process_rec *process,
                                   apr_pool_t *pool);

/* startup.c */
int bks_check_config(apr_pool_t *pconf, apr_pool_t *plog, apr_pool_t *ptemp, server_rec *s);
int bks_pre_config(apr_pool_t *pconf, apr_pool_t *plog, apr_pool_t *ptemp);
int bks_post_config(apr_pool_t *pconf, apr_pool_t *plog, apr_pool_t *ptemp, server_rec *s);

/* child.c: a process that serves. */
void bks_child_init(apr_pool_t *pchild, server_rec *s);
int bks_runtime_is_ready(bks_config_t *config);
int bks_threads_per_process(void);

/* watch.c: changes of the catalogue file. */
int bks_watch_register(server_rec *s, apr_pool_t *pconf);

/* handler.c */
int bks_handle(request_rec *r);
int bks_translate_name(request_rec *r);
int bks_map_to_storage(request_rec *r);
int bks_redact_secrets(request_rec *r);

/* log_bridge.c: the house's log lines into httpd's. */
bks_log_t bks_log_to_server(server_rec *s);
bks_log_t bks_log_to_request(request_rec *r);

#endif
