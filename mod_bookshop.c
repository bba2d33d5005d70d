/* mod_bookshop: an Apache httpd module that turns a host into a bookshop paid through Stripe. Wiring, nothing else.
 * SPDX-License-Identifier: Apache-2.0 */
#include "server/module.h"

#include <http_protocol.h>
#include <http_request.h>

static void register_hooks(apr_pool_t *pool)
{
    (void)pool;
    ap_hook_pre_config(bks_pre_config, NULL, NULL, APR_HOOK_MIDDLE);
    ap_hook_check_config(bks_check_config, NULL, NULL, APR_HOOK_MIDDLE);
    ap_hook_post_config(bks_post_config, NULL, NULL, APR_HOOK_MIDDLE);
    ap_hook_child_init(bks_child_init, NULL, NULL, APR_HOOK_FIRST); /* before mod_watchdog starts its thread */
    ap_hook_post_read_request(bks_redact_secrets, NULL, NULL, APR_HOOK_REALLY_FIRST);
    ap_hook_translate_name(bks_translate_name, NULL, NULL, APR_HOOK_REALLY_FIRST);
    ap_hook_map_to_storage(bks_map_to_storage, NULL, NULL, APR_HOOK_FIRST);
    ap_hook_handler(bks_handle, NULL, NULL, APR_HOOK_MIDDLE);
}

extern __attribute__((visibility("default"))) module AP_MODULE_DECLARE_DATA bookshop_module;

AP_DECLARE_MODULE(bookshop) = {
    STANDARD20_MODULE_STUFF,
    NULL,              /* per-directory configuration: there is none */
    NULL,
    bks_config_create,
    bks_config_merge,
    bks_commands,
    register_hooks,
    0,
};
