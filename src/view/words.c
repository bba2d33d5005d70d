/* Loading the shop's sentences.
 * SPDX-License-Identifier: Apache-2.0 */
#include "view/words.h"

#include <apr_file_info.h>
#include <apr_strings.h>

#define FILE_BYTES_MAX (256 * 1024)
#define FALLBACK "server_error"

const char *const bks_words_needed[] = {
    "action_back_to_checkout", "action_home", "action_reload", "action_retry", "amount_too_small", "bad_request",
    "bag_changed", "card_form_off", "card_number_in_field", "check_later", "database_busy",
    "database_unavailable", "email_invalid", "email_required",
    "email_too_long", "forbidden", "form_error", "heading_bad_request", "heading_bag_changed", "heading_check_later", "heading_forbidden", "heading_form_error", "heading_method_not_allowed", "heading_not_found",
    "heading_payment_not_found", "heading_script_needed", "heading_server_error", "heading_session_expired",
    "heading_too_large", "heading_unavailable", "method_not_allowed", "no_item_selected", "not_found",
    "payment_not_found", "payment_over", "refused_by_stripe", "script_needed", "server_error", "session_expired",
    "stripe_unavailable", "title_action_needed", "title_authorized", "title_canceled", "title_checkout", "title_held",
    "title_paid", "title_processing", "too_large", NULL,
};

/* The path of the first messages.json of DIRS, or NULL. */
static const char *find_file(const apr_array_header_t *dirs, apr_pool_t *pool)
{
    for (int i = 0; i < dirs->nelts; i++) {
        const char *path = apr_pstrcat(pool, APR_ARRAY_IDX(dirs, i, const char *), "/messages.json", NULL);
        apr_finfo_t found;

        if (apr_stat(&found, path, APR_FINFO_TYPE, pool) == APR_SUCCESS) {
            return path;
        }
    }
    return NULL;
}

const bks_error_t *bks_words_load(const bks_json_t **words, const apr_array_header_t *dirs, apr_pool_t *pool)
{
    const char *path = find_file(dirs, pool);

    if (!path) {
        return bks_error_make(BKS_ERROR_CONFIG, "config", APR_SUCCESS, pool,
                              "BookshopTemplates: no folder holds a messages.json");
    }
    BKS_TRY(bks_json_load(path, FILE_BYTES_MAX, words, pool));
    for (int i = 0; bks_words_needed[i]; i++) {
        if (!bks_words_has(*words, bks_words_needed[i])) {
            return bks_error_make(BKS_ERROR_CONFIG, "config", APR_SUCCESS, pool, "%s: the sentence \"%s\" is missing", path,
                                  bks_words_needed[i]);
        }
    }
    return BKS_FINE;
}

int bks_words_has(const bks_json_t *words, const char *code)
{
    return bks_json_text(bks_json_member(words, code)) != NULL;
}

const char *bks_words_say(const bks_json_t *words, const char *code)
{
    const char *sentence = bks_json_text(bks_json_member(words, code));

    return sentence ? sentence : bks_json_text(bks_json_member(words, FALLBACK));
}
