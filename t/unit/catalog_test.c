/* The catalogue's rules, one by one; bags; and the states that an order's facts add up to.
 * SPDX-License-Identifier: Apache-2.0 */
#include <apr_general.h>
#include <apr_strings.h>

#include "model/bag.h"
#include "model/catalog.h"
#include "model/order.h"
#include "tap.h"

static apr_pool_t *pool;

/* The catalogue of the one book with these MEMBERS beside id, title and authors; the error's words, or "fine". */
static const char *verdict(const char *members, bks_catalog_t **catalog)
{
    const char *text = apr_pstrcat(pool, "{\"books\":[{\"id\":\"1\",\"title\":\"T\",\"authors\":[\"A\"],", members, "}]}", NULL);
    const bks_json_t *json;
    const bks_error_t *error = bks_json_parse(text, strlen(text), &json, pool);

    if (!error) {
        error = bks_catalog_parse(json, bks_currency_find("usd"), catalog, pool);
    }
    return error ? error->detail : "fine";
}

static void is_refused(const char *members, const char *word)
{
    bks_catalog_t *catalog = NULL;
    const char *got = verdict(members, &catalog);

    if (!tap_ok(strstr(got, word) != NULL && !catalog, "%s is refused because of %s", members, word)) {
        printf("#   got: %s\n", got);
    }
}

static void test_rules(void)
{
    bks_catalog_t *catalog = NULL;

    tap_is_text(verdict("\"price\":2300", &catalog), "fine", "the least that a book needs");
    tap_is_text(verdict("\"price\":1,\"formats\":[{\"format\":\"hardcover\",\"price\":3000,\"stock\":3}],\"stock\":0,"
                        "\"isbn\":\"978-0-13-235088-4\",\"pages\":300,\"cover\":\"covers/1.svg\"", &catalog), "fine",
                "a book with all that there is");
    is_refused("\"price\":0", "price");
    is_refused("\"price\":-1", "price");
    is_refused("\"price\":23.5", "price");
    is_refused("\"price\":\"2300\"", "price");
    is_refused("\"price\":100000000", "price");
    is_refused("\"stock\":1", "price");
    is_refused("\"price\":1,\"stock\":-1", "stock");
    is_refused("\"price\":1,\"isbn\":\"978-0-13-235088-5\"", "isbn");
    is_refused("\"price\":1,\"cover\":\"../secret\"", "cover");
    is_refused("\"price\":1,\"cover\":\"/etc/passwd\"", "cover");
    is_refused("\"price\":1,\"cover\":\"https://evil.example/x\"", "cover");
    is_refused("\"price\":1,\"formats\":[{\"format\":\"ebook\",\"price\":5}]", "ebook");
    is_refused("\"price\":1,\"formats\":[{\"format\":\"scroll\",\"price\":5}]", "format");
    is_refused("\"price\":1,\"formats\":[{\"format\":\"hardcover\",\"price\":5},{\"format\":\"hardcover\",\"price\":6}]", "twice");
    is_refused("\"price\":1,\"prize\":2", "prize");
    is_refused("\"price\":1,\"subtitle\":\"\"", "subtitle");
    is_refused("\"price\":1,\"subtitle\":\"a\\nb\"", "subtitle");
    is_refused("\"price\":1},{\"id\":\"1\",\"title\":\"T\",\"authors\":[\"A\"],\"price\":1", "twice");
    is_refused("\"price\":1},{\"id\":\"a b\",\"title\":\"T\",\"authors\":[\"A\"],\"price\":1", "id");
    is_refused("\"price\":1},{\"id\":\"2\",\"title\":\"T\",\"authors\":[],\"price\":1", "authors");
}

static void test_bag(void)
{
    bks_catalog_t *catalog = NULL;
    bks_bag_t *bag = bks_bag_make(bks_currency_find("usd"), pool);
    const bks_book_t *book;

    verdict("\"price\":2300,\"formats\":[{\"format\":\"hardcover\",\"price\":3000}]", &catalog);
    book = bks_catalog_find(catalog, "1");
    tap_ok(!bks_bag_add(bag, book, "", 2, pool) && bag->total == 4600, "two copies");
    tap_ok(!bks_bag_add(bag, book, "hardcover", 1, pool) && bag->total == 7600, "and one in hardcover, at its own price");
    tap_is_text(bks_bag_print(bag, pool), "usd;1::2x2300;1:hardcover:1x3000", "what is in it, at which prices");
    tap_is_text(bks_bag_titles(bag, pool), "T, T", "its titles");
    tap_ok(bks_bag_add(bag, book, "paperback", 1, pool) != NULL && bag->total == 7600, "a format that there is not");
    tap_ok(bks_bag_add(bag, book, "", 1000000, pool) != NULL && bag->total == 7600, "more than can be charged");
}

static void test_order_states(void)
{
    bks_order_t order = {.total = 2300, .failure = "", .mismatch = ""};

    tap_is_int(bks_order_payment_state(&order), BKS_ORDER_PAYMENT_NONE, "nothing happened yet");
    order.failed = 10;
    tap_is_int(bks_order_payment_state(&order), BKS_ORDER_PAYMENT_FAILED, "an attempt failed");
    order.pending = 20;
    tap_is_int(bks_order_payment_state(&order), BKS_ORDER_PAYMENT_PENDING, "the next one is on its way");
    order.failed = 30;
    tap_is_int(bks_order_payment_state(&order), BKS_ORDER_PAYMENT_FAILED, "and failed late");
    order.received = 2300;
    tap_is_int(bks_order_payment_state(&order), BKS_ORDER_PAYMENT_PAID, "money that came outranks it");
    order.failed = 40;
    tap_is_int(bks_order_payment_state(&order), BKS_ORDER_PAYMENT_PAID, "and no late failure takes it back");
    order.received = 2299;
    tap_ok(bks_order_payment_state(&order) != BKS_ORDER_PAYMENT_PAID, "a cent less is not paid");
    order.mismatch = "received 2299 of 2300 usd";
    tap_is_int(bks_order_payment_state(&order), BKS_ORDER_PAYMENT_HELD, "what does not match is held");
}

int main(int argc, const char *const *argv)
{
    apr_app_initialize(&argc, &argv, NULL);
    apr_pool_create(&pool, NULL);
    test_rules();
    test_bag();
    test_order_states();
    apr_pool_destroy(pool);
    apr_terminate();
    return tap_done();
}
