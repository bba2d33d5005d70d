/* PaymentIntents: printing what we send, reading what Stripe says.
 * SPDX-License-Identifier: Apache-2.0 */
#include "stripe/intents.h"

#include <string.h>

#include <apr_strings.h>

#include "base/form.h"

#define PATH "/v1/payment_intents"
#define ID_MAX 255
#define ID_CHARACTERS "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_"
#define DESCRIPTION_MAX 1000 /* characters */
#define METADATA_MAX 500     /* characters of a value: docs.stripe.com/metadata */
#define PAGES_MAX 20
#define UNREADABLE_RETRY_SECONDS 2

/* Statuses. */

typedef struct {
    bks_intent_status_t status;
    const char *text;
    int payable;
} status_row_t;

static const status_row_t statuses[] = {
    {BKS_INTENT_REQUIRES_PAYMENT_METHOD, "requires_payment_method", 1},
    {BKS_INTENT_REQUIRES_CONFIRMATION, "requires_confirmation", 1},
    {BKS_INTENT_REQUIRES_ACTION, "requires_action", 1},
    {BKS_INTENT_PROCESSING, "processing", 0},
    {BKS_INTENT_REQUIRES_CAPTURE, "requires_capture", 0},
    {BKS_INTENT_CANCELED, "canceled", 0},
    {BKS_INTENT_SUCCEEDED, "succeeded", 0},
    {BKS_INTENT_OTHER, "other", 0},
};

#define STATUSES (sizeof(statuses) / sizeof(statuses[0]))

static const status_row_t *find_status(bks_intent_status_t status)
{
    for (apr_size_t i = 0; i < STATUSES; i++) {
        if (statuses[i].status == status) {
            return &statuses[i];
        }
    }
    return &statuses[STATUSES - 1];
}

const char *bks_intent_status_print(bks_intent_status_t status)
{
    return find_status(status)->text;
}

bks_intent_status_t bks_intent_status_parse(const char *text)
{
    for (apr_size_t i = 0; text && i < STATUSES; i++) {
        if (strcmp(statuses[i].text, text) == 0) {
            return statuses[i].status;
        }
    }
    return BKS_INTENT_OTHER;
}

int bks_intent_status_is_payable(bks_intent_status_t status)
{
    return find_status(status)->payable;
}

int bks_intent_id_is(const char *id)
{
    apr_size_t length;

    if (!id || strncmp(id, "pi_", 3) != 0) {
        return 0;
    }
    length = 3 + strspn(id + 3, ID_CHARACTERS);
    return length > 3 && !id[length] && length <= ID_MAX;
}

/* Printing. */

/* TEXT, after MAX characters cut before the next one begins: never inside a UTF-8 sequence. */
static const char *cut(const char *text, apr_size_t max, apr_pool_t *pool)
{
    apr_size_t characters = 0;

    for (const char *c = text; c && *c; c++) {
        const int begins = ((unsigned char)*c & 0xc0) != 0x80;

        if (begins && characters++ == max) {
            return apr_pstrmemdup(pool, text, (apr_size_t)(c - text));
        }
    }
    return text;
}

const char *bks_intent_body_print(const bks_intent_params_t *params, apr_pool_t *pool)
{
    bks_form_t *form = bks_form_make(pool);

    bks_form_add_int(form, "amount", params->amount);
    bks_form_add(form, "currency", params->currency);
    bks_form_add(form, "automatic_payment_methods[enabled]", "true");
    bks_form_add(form, "description", cut(params->description, DESCRIPTION_MAX, pool));
    bks_form_add(form, "statement_descriptor_suffix", params->statement_suffix);
    bks_form_add(form, "metadata[order]", cut(params->order, METADATA_MAX, pool));
    bks_form_add(form, "metadata[shop]", cut(params->shop, METADATA_MAX, pool));
    return bks_form_print(form, pool);
}

/* Reading. A reader notes the first field that is not as it should be. */

typedef struct {
    const bks_json_t *json;
    const char *wrong; /* its name, or NULL */
    apr_pool_t *pool;
} reader_t;

static const char *read_text(reader_t *reader, const char *path)
{
    const char *text = bks_json_get_text(reader->json, path);

    if (!text && !reader->wrong) {
        reader->wrong = path;
    }
    return apr_pstrdup(reader->pool, text);
}

/* Text, or NULL for null and for what is not there. */
static const char *read_optional_text(reader_t *reader, const char *path)
{
    return bks_json_is_null(bks_json_get(reader->json, path)) ? NULL : read_text(reader, path);
}

static apr_int64_t read_count(reader_t *reader, const char *path)
{
    apr_int64_t number = 0;

    if ((!bks_json_int(bks_json_get(reader->json, path), &number) || number < 0) && !reader->wrong) {
        reader->wrong = path;
    }
    return number;
}

static int read_bool(reader_t *reader, const char *path)
{
    int truth = 0;

    if (!bks_json_bool(bks_json_get(reader->json, path), &truth) && !reader->wrong) {
        reader->wrong = path;
    }
    return truth;
}

/* The id of an object that stands there by its id or expanded. */
static const char *read_reference(reader_t *reader, const char *path)
{
    const int expanded = bks_json_is_object(bks_json_get(reader->json, path));

    return read_optional_text(reader, expanded ? apr_pstrcat(reader->pool, path, ".id", NULL) : path);
}

static void read_last_error(reader_t *reader, bks_intent_t *intent)
{
    const char *decline = read_optional_text(reader, "last_payment_error.decline_code");

    intent->error_code = decline ? decline : read_optional_text(reader, "last_payment_error.code");
    intent->error_message = read_optional_text(reader, "last_payment_error.message");
}

static const bks_error_t *make_unreadable(const char *what, apr_pool_t *pool)
{
    bks_error_t *error = bks_error_make(BKS_ERROR_UNKNOWN, "stripe_unavailable", APR_SUCCESS, pool, "Stripe's answer: %s",
                                        what);

    error->retry_after = UNREADABLE_RETRY_SECONDS;
    return error;
}

const bks_error_t *bks_intent_parse(const bks_json_t *json, bks_intent_t **intent, apr_pool_t *pool)
{
    bks_intent_t *made = apr_pcalloc(pool, sizeof(*made));
    reader_t reader = {.json = json, .pool = pool};
    const char *object = bks_json_get_text(json, "object");

    if (!object || strcmp(object, "payment_intent") != 0 || !bks_intent_id_is(bks_json_get_text(json, "id"))) {
        return make_unreadable("no PaymentIntent", pool);
    }
    made->id = read_text(&reader, "id");
    made->status_text = read_text(&reader, "status");
    made->status = bks_intent_status_parse(made->status_text);
    made->amount = read_count(&reader, "amount");
    made->amount_received = read_count(&reader, "amount_received");
    made->currency = read_text(&reader, "currency");
    made->client_secret = read_optional_text(&reader, "client_secret");
    made->livemode = read_bool(&reader, "livemode");
    made->order = read_optional_text(&reader, "metadata.order");
    made->shop = read_optional_text(&reader, "metadata.shop");
    made->latest_charge = read_reference(&reader, "latest_charge");
    made->created = read_count(&reader, "created");
    read_last_error(&reader, made);
    if (reader.wrong) {
        return make_unreadable(apr_psprintf(pool, "PaymentIntent %s: %s is missing or of another type", made->id,
                                            reader.wrong), pool);
    }
    *intent = made;
    return BKS_FINE;
}

/* Calls. */

static const bks_error_t *check_id(const char *id, apr_pool_t *pool)
{
    if (!bks_intent_id_is(id)) {
        return bks_error_make(BKS_ERROR_NOT_FOUND, "resource_missing", APR_SUCCESS, pool, "no id of a PaymentIntent");
    }
    return BKS_FINE;
}

/* Calls, and reads the PaymentIntent that comes back. */
static const bks_error_t *call_for_intent(bks_stripe_t *stripe, bks_timing_t *timing,
                                          const bks_stripe_request_t *request, bks_intent_t **intent, int *replayed,
                                          apr_pool_t *pool)
{
    bks_stripe_answer_t *answer;
    const bks_error_t *error = bks_stripe_call(stripe, timing, request, &answer, pool);

    if (replayed) {
        *replayed = answer->replayed;
    }
    BKS_TRY(error);
    return bks_intent_parse(answer->json, intent, pool);
}

const bks_error_t *bks_intent_create(bks_stripe_t *stripe, bks_timing_t *timing, const char *body, const char *key,
                                     bks_intent_t **intent, int *replayed, apr_pool_t *pool)
{
    const bks_stripe_request_t request = {.method = BKS_STRIPE_POST, .path = PATH, .body = body,
                                          .idempotency_key = key};

    return call_for_intent(stripe, timing, &request, intent, replayed, pool);
}

/* An answer about another PaymentIntent than ID is no answer. */
static const bks_error_t *check_asked(const bks_intent_t *intent, const char *id, apr_pool_t *pool)
{
    if (strcmp(intent->id, id) != 0) {
        return bks_error_make(BKS_ERROR_UNKNOWN, "stripe_unavailable", APR_SUCCESS, pool, "asked for %s, got another one", id);
    }
    return BKS_FINE;
}

const bks_error_t *bks_intent_retrieve(bks_stripe_t *stripe, bks_timing_t *timing, const char *id,
                                       bks_intent_t **intent, apr_pool_t *pool)
{
    bks_stripe_request_t request = {.method = BKS_STRIPE_GET};

    BKS_TRY(check_id(id, pool));
    request.path = apr_pstrcat(pool, PATH "/", id, NULL);
    BKS_TRY(call_for_intent(stripe, timing, &request, intent, NULL, pool));
    return check_asked(*intent, id, pool);
}

const bks_error_t *bks_intent_update(bks_stripe_t *stripe, bks_timing_t *timing, const char *id, const char *body,
                                     const char *key, bks_intent_t **intent, apr_pool_t *pool)
{
    bks_stripe_request_t request = {.method = BKS_STRIPE_POST, .body = body, .idempotency_key = key};

    BKS_TRY(check_id(id, pool));
    request.path = apr_pstrcat(pool, PATH "/", id, NULL);
    BKS_TRY(call_for_intent(stripe, timing, &request, intent, NULL, pool));
    return check_asked(*intent, id, pool);
}

static int is_state_refusal(const bks_error_t *error)
{
    return error && error->kind == BKS_ERROR_REFUSED && strcmp(error->code, "payment_intent_unexpected_state") == 0;
}

const bks_error_t *bks_intent_cancel(bks_stripe_t *stripe, bks_timing_t *timing, const char *id, const char *key,
                                     bks_intent_t **intent, apr_pool_t *pool)
{
    bks_stripe_request_t request = {.method = BKS_STRIPE_POST, .idempotency_key = key};
    bks_stripe_answer_t *answer;
    const bks_error_t *error;

    BKS_TRY(check_id(id, pool));
    request.path = apr_pstrcat(pool, PATH "/", id, "/cancel", NULL);
    error = bks_stripe_call(stripe, timing, &request, &answer, pool);
    if (!error) {
        BKS_TRY(bks_intent_parse(answer->json, intent, pool));
        return check_asked(*intent, id, pool);
    }
    if (!is_state_refusal(error)) {
        return error;
    }
    /* A repeated refusal shows the PaymentIntent as it was, so that is asked again. */
    if (!answer->replayed && !bks_intent_parse(bks_json_get(answer->json, "error.payment_intent"), intent, pool)) {
        return check_asked(*intent, id, pool);
    }
    return bks_intent_retrieve(stripe, timing, id, intent, pool);
}

/* Looking one up by its order. */

typedef struct {
    const char *shop;
    const char *order;
    bks_intent_t *found; /* in POOL */
    const char *last_id; /* of the page, in POOL */
    int has_more;
    apr_pool_t *pool;
} search_t;

static int names_order(const bks_json_t *json, const search_t *search)
{
    const char *shop = bks_json_get_text(json, "metadata.shop");
    const char *order = bks_json_get_text(json, "metadata.order");

    return shop && order && strcmp(shop, search->shop) == 0 && strcmp(order, search->order) == 0;
}

/* Reads one page, newest first, up to the first that fits. */
static const bks_error_t *search_page(search_t *search, const bks_json_t *page)
{
    const bks_json_t *list = bks_json_get(page, "data");

    if (!bks_json_is_array(list) || !bks_json_bool(bks_json_get(page, "has_more"), &search->has_more)) {
        return make_unreadable("no list of PaymentIntents", search->pool);
    }
    for (apr_size_t i = 0; i < bks_json_count(list); i++) {
        const bks_json_t *json = bks_json_at(list, i);
        bks_intent_t *intent;

        if (!bks_intent_id_is(bks_json_get_text(json, "id"))) {
            return make_unreadable("a list with something that is no PaymentIntent", search->pool);
        }
        search->last_id = apr_pstrdup(search->pool, bks_json_get_text(json, "id"));
        if (!names_order(json, search)) {
            continue;
        }
        BKS_TRY(bks_intent_parse(json, &intent, search->pool));
        if (intent->status != BKS_INTENT_CANCELED) {
            search->found = intent;
            return BKS_FINE;
        }
    }
    return BKS_FINE;
}

static const char *page_path(const search_t *search, apr_int64_t since, apr_int64_t until, apr_pool_t *pool)
{
    bks_form_t *query = bks_form_make(pool);

    bks_form_add_int(query, "limit", 100);
    bks_form_add_int(query, "created[gte]", since);
    bks_form_add_int(query, "created[lte]", until);
    bks_form_add(query, "starting_after", search->last_id);
    return apr_pstrcat(pool, PATH "?", bks_form_print(query, pool), NULL);
}

static const bks_error_t *call_for_page(bks_stripe_t *stripe, bks_timing_t *timing, search_t *search, apr_int64_t since,
                                        apr_int64_t until, apr_pool_t *page_pool)
{
    const bks_stripe_request_t request = {.method = BKS_STRIPE_GET,
                                          .path = page_path(search, since, until, page_pool)};
    bks_stripe_answer_t *answer;

    BKS_TRY(bks_stripe_call(stripe, timing, &request, &answer, page_pool));
    return search_page(search, answer->json);
}

const bks_error_t *bks_intent_find_by_order(bks_stripe_t *stripe, bks_timing_t *timing, const char *shop,
                                            const char *order, apr_int64_t since, apr_int64_t until,
                                            bks_intent_t **intent, apr_pool_t *pool)
{
    search_t search = {.shop = shop, .order = order, .has_more = 1, .pool = pool};
    apr_pool_t *page_pool;

    *intent = NULL;
    apr_pool_create(&page_pool, pool);
    for (int i = 0; i < PAGES_MAX && search.has_more && !search.found; i++) {
        const bks_error_t *error;

        apr_pool_clear(page_pool); /* a page may be a megabyte */
        error = call_for_page(stripe, timing, &search, since, until, page_pool);
        if (error) {
            return error; /* which may lie in the page's pool: that lives as long as POOL */
        }
    }
    apr_pool_destroy(page_pool);
    if (!search.found && search.has_more) {
        return make_unreadable("too many PaymentIntents to find one by its order", pool);
    }
    *intent = search.found;
    return BKS_FINE;
}
