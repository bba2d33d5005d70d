/* Guards of state-changing requests.
 * SPDX-License-Identifier: Apache-2.0 */
#include "site/guard.h"

#include <string.h>

#include <apr_strings.h>

#include "base/text.h"

#define FORM_TYPE "application/x-www-form-urlencoded"

static const bks_error_t *refuse(bks_error_kind_t kind, const char *code, const char *why, apr_pool_t *pool)
{
    return bks_error_make(kind, code, APR_SUCCESS, pool, "%s", why);
}

static int is_form_type(const char *type)
{
    const size_t length = strlen(FORM_TYPE);

    return type && strncasecmp(type, FORM_TYPE, length) == 0 && (type[length] == '\0' || strchr("; ", type[length]));
}

/* Browsers of these years say where a request comes from; of older ones Origin tells; who sends neither is no browser,
 * and has the form token to show. */
static int is_own_site(const bks_visit_t *visit)
{
    const char *site = apr_table_get(visit->request->headers, "Sec-Fetch-Site");
    const char *origin = apr_table_get(visit->request->headers, "Origin");

    if (origin && strcmp(origin, visit->shop->settings->origin) == 0) {
        return 1;
    }
    if (site) {
        return strcmp(site, "same-origin") == 0;
    }
    return origin == NULL;
}

/* Fields of ours that hold long numbers by nature; each is checked against a pattern of its own. */
static int is_our_own_field(const char *name)
{
    static const char *const own[] = {"csrf", "payment_intent", "amount"};

    for (size_t i = 0; i < sizeof(own) / sizeof(own[0]); i++) {
        if (strcmp(own[i], name) == 0) {
            return 1;
        }
    }
    return 0;
}

static const bks_error_t *refuse_card_numbers(const bks_form_t *form, apr_pool_t *pool)
{
    for (int i = 0; i < form->fields->nelts; i++) {
        const bks_form_field_t *field = &APR_ARRAY_IDX(form->fields, i, bks_form_field_t);

        if (!is_our_own_field(field->name)
            && (bks_text_holds_card_number(field->value) || bks_text_holds_card_number(field->name))) {
            bks_error_t *error = bks_error_make(BKS_ERROR_INVALID, "card_number_in_field", APR_SUCCESS, pool,
                                                "a field holds what may be a card number");

            error->field = strcmp(field->name, "email") == 0 ? "email" : NULL;
            return error;
        }
    }
    return BKS_FINE;
}

const bks_error_t *bks_guard_form(const bks_visit_t *visit, apr_pool_t *pool)
{
    if (!is_form_type(apr_table_get(visit->request->headers, "Content-Type"))) {
        return refuse(BKS_ERROR_MEDIA_TYPE, "bad_request", "not a form", pool);
    }
    if (!is_own_site(visit)) {
        return refuse(BKS_ERROR_FORBIDDEN, "forbidden", "a form from another site", pool);
    }
    return refuse_card_numbers(visit->form, pool);
}

const bks_error_t *bks_guard_token(const bks_visit_t *visit, const bks_visitor_t *visitor, apr_pool_t *pool)
{
    int good;

    BKS_TRY(bks_form_token_check(visit->shop, visitor, bks_form_get(visit->form, "csrf"), &good, pool));
    return good ? BKS_FINE : refuse(BKS_ERROR_FORBIDDEN, "session_expired", "the form token is not the visitor's", pool);
}

int bks_request_is_prefetch(const bks_request_t *request)
{
    static const char *const names[] = {"Sec-Purpose", "Purpose", "X-Moz"};

    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        const char *value = apr_table_get(request->headers, names[i]);

        if (value && strstr(value, "prefetch")) {
            return 1;
        }
    }
    return 0;
}
