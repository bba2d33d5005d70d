/* Units of src/stripe/intents.c: what is sent, and what is believed of an answer.
 * SPDX-License-Identifier: Apache-2.0 */
#include <string.h>

#include <apr_general.h>
#include <apr_strings.h>

#include "base/text.h"
#include "stripe/intents.h"
#include "tap.h"

#define HEAD "\"id\":\"pi_1\",\"object\":\"payment_intent\","
#define MONEY "\"amount\":2300,\"amount_received\":0,\"currency\":\"usd\","
#define REST "\"livemode\":false,\"created\":1792000000,"
#define STATUS "\"status\":\"succeeded\","
#define TAIL "\"client_secret\":\"pi_1_secret_x\",\"metadata\":{\"order\":\"A1\",\"shop\":\"s\"}"

static bks_intent_t *parse(const char *members, apr_pool_t *pool)
{
    const char *text = apr_pstrcat(pool, "{", members, "}", NULL);
    const bks_json_t *json = NULL;
    bks_intent_t *intent = NULL;

    if (bks_json_parse(text, strlen(text), &json, pool)) {
        return NULL;
    }
    return bks_intent_parse(json, &intent, pool) ? NULL : intent;
}

static void test_whole(apr_pool_t *pool)
{
    const bks_intent_t *intent = parse(HEAD MONEY REST STATUS TAIL ",\"latest_charge\":\"ch_1\"", pool);

    if (!tap_ok(intent != NULL, "a whole PaymentIntent is read")) {
        return;
    }
    tap_is_text(intent->id, "pi_1", "id");
    tap_is_int(intent->status, BKS_INTENT_SUCCEEDED, "status");
    tap_is_int(intent->amount, 2300, "amount");
    tap_is_int(intent->amount_received, 0, "amount received");
    tap_is_text(intent->currency, "usd", "currency");
    tap_is_text(intent->client_secret, "pi_1_secret_x", "client secret");
    tap_is_int(intent->livemode, 0, "livemode");
    tap_is_text(intent->order, "A1", "order");
    tap_is_text(intent->shop, "s", "shop");
    tap_is_text(intent->latest_charge, "ch_1", "charge");
    tap_is_int(intent->created, 1792000000, "created");
    tap_ok(!intent->error_code && !intent->error_message, "no last error");
}

static void test_optional(apr_pool_t *pool)
{
    const bks_intent_t *intent = parse(HEAD MONEY REST STATUS "\"client_secret\":null,\"metadata\":{},\"latest_charge\":"
                                                              "{\"id\":\"ch_2\",\"amount\":1}", pool);

    tap_ok(intent && !intent->client_secret && !intent->order && !intent->shop, "null and missing are none");
    tap_is_text(intent ? intent->latest_charge : "", "ch_2", "an expanded charge stands for its id");
    intent = parse(HEAD MONEY REST "\"status\":\"hibernating\"", pool);
    tap_ok(intent && intent->status == BKS_INTENT_OTHER, "a status that nobody knows is read as other");
    tap_is_text(intent ? intent->status_text : "", "hibernating", "and its word is kept");
    intent = parse(HEAD MONEY REST STATUS
                   "\"last_payment_error\":{\"code\":\"card_declined\",\"decline_code\":\"lost_card\",\"message\":\"No.\"}",
                   pool);
    tap_is_text(intent ? intent->error_code : "", "lost_card", "the decline code where there is one");
    tap_is_text(intent ? intent->error_message : "", "No.", "and the sentence");
    intent = parse(HEAD MONEY REST STATUS "\"last_payment_error\":{\"code\":\"expired_card\"}", pool);
    tap_is_text(intent ? intent->error_code : "", "expired_card", "else the code");
}

static void test_wrong(apr_pool_t *pool)
{
    static const struct {
        const char *name;
        const char *members;
    } cases[] = {
        {"no id", "\"object\":\"payment_intent\"," MONEY REST STATUS TAIL},
        {"another object", "\"id\":\"pi_1\",\"object\":\"charge\"," MONEY REST STATUS TAIL},
        {"another id", "\"id\":\"ch_1\",\"object\":\"payment_intent\"," MONEY REST STATUS TAIL},
        {"an id with a slash", "\"id\":\"pi_1/x\",\"object\":\"payment_intent\"," MONEY REST STATUS TAIL},
        {"no status", HEAD MONEY REST TAIL},
        {"status is a number", HEAD MONEY REST "\"status\":1," TAIL},
        {"amount is text", HEAD "\"amount\":\"2300\",\"amount_received\":0,\"currency\":\"usd\"," REST STATUS TAIL},
        {"amount is real", HEAD "\"amount\":2300.0,\"amount_received\":0,\"currency\":\"usd\"," REST STATUS TAIL},
        {"amount is negative", HEAD "\"amount\":-1,\"amount_received\":0,\"currency\":\"usd\"," REST STATUS TAIL},
        {"no amount received", HEAD "\"amount\":2300,\"currency\":\"usd\"," REST STATUS TAIL},
        {"no currency", HEAD "\"amount\":2300,\"amount_received\":0," REST STATUS TAIL},
        {"livemode is text", HEAD MONEY "\"livemode\":\"no\",\"created\":1," STATUS TAIL},
        {"no livemode", HEAD MONEY "\"created\":1," STATUS TAIL},
        {"created is text", HEAD MONEY "\"livemode\":false,\"created\":\"1\"," STATUS TAIL},
        {"client secret is a number", HEAD MONEY REST STATUS "\"client_secret\":1"},
        {"order is a number", HEAD MONEY REST STATUS "\"metadata\":{\"order\":1}"},
        {"charge is a number", HEAD MONEY REST STATUS TAIL ",\"latest_charge\":1"},
        {"charge without an id is none", HEAD MONEY REST STATUS TAIL ",\"latest_charge\":true"},
        {"last error's message is a number", HEAD MONEY REST STATUS TAIL ",\"last_payment_error\":{\"message\":1}"},
    };

    for (apr_size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        tap_ok(!parse(cases[i].members, pool), "refused: %s", cases[i].name);
    }
    tap_ok(bks_intent_parse(NULL, &(bks_intent_t *){NULL}, pool)->kind == BKS_ERROR_UNKNOWN, "no JSON is unknown");
}

static void test_statuses(void)
{
    for (int status = BKS_INTENT_REQUIRES_PAYMENT_METHOD; status <= BKS_INTENT_OTHER; status++) {
        const char *text = bks_intent_status_print((bks_intent_status_t)status);

        tap_is_int((int)bks_intent_status_parse(text), status, text);
    }
    tap_is_int(bks_intent_status_parse(NULL), BKS_INTENT_OTHER, "no status is other");
    tap_ok(bks_intent_status_is_payable(BKS_INTENT_REQUIRES_ACTION), "requires_action can be gone on with");
    tap_ok(!bks_intent_status_is_payable(BKS_INTENT_PROCESSING), "processing can't");
    tap_ok(!bks_intent_status_is_payable(BKS_INTENT_OTHER), "an unknown status can't");
}

static void test_body(apr_pool_t *pool)
{
    const char *e_1001 = "";
    bks_intent_params_t params = {.amount = 2300, .currency = "usd", .description = "B\xc3\xbc & co", .order = "A1",
                                  .shop = "s"};

    tap_is_text(bks_intent_body_print(&params, pool),
                "amount=2300&currency=usd&automatic_payment_methods%5Benabled%5D=true&description=B%C3%BC%20%26%20co"
                "&metadata%5Border%5D=A1&metadata%5Bshop%5D=s",
                "the body of the create call");
    params.statement_suffix = "BOOKS";
    tap_ok(strstr(bks_intent_body_print(&params, pool), "&statement_descriptor_suffix=BOOKS&") != NULL, "suffix");
    for (int i = 0; i < 1001; i++) {
        e_1001 = apr_pstrcat(pool, e_1001, i % 2 ? "e" : "\xe2\x82\xac", NULL);
    }
    params.description = e_1001;
    tap_ok(strstr(bks_intent_body_print(&params, pool), "%82%ACe&statement") != NULL,
           "a long description is cut after 1,000 characters, between two of them");
    params.description = NULL;
    tap_ok(!strstr(bks_intent_body_print(&params, pool), "description="), "none is none");
}

static void test_ids(void)
{
    tap_ok(bks_intent_id_is("pi_3abcXYZ"), "an id");
    tap_ok(!bks_intent_id_is("pi_") && !bks_intent_id_is("") && !bks_intent_id_is(NULL), "too little");
    tap_ok(!bks_intent_id_is("pi_1?x") && !bks_intent_id_is("pi_../x") && !bks_intent_id_is("pi_1 "), "what leads away");
}

int main(int argc, const char *const *argv)
{
    apr_pool_t *pool;

    apr_app_initialize(&argc, &argv, NULL);
    apr_pool_create(&pool, NULL);
    test_whole(pool);
    test_optional(pool);
    test_wrong(pool);
    test_statuses();
    test_body(pool);
    test_ids();
    apr_pool_destroy(pool);
    apr_terminate();
    return tap_done();
}
