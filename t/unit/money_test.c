/* Money: currencies as Stripe counts them, arithmetic at its limits, reading and printing.
 * SPDX-License-Identifier: Apache-2.0 */
#include <stdlib.h>

#include <apr_general.h>
#include <apr_strings.h>

#include "base/money.h"
#include "tap.h"

static apr_pool_t *pool;

static const bks_currency_t *currency(const char *code)
{
    return bks_currency_find(code);
}

/* Exponent and step of each special currency, from docs.stripe.com/currencies. */
static void test_table(void)
{
    static const char *const zero[] = {"bif", "clp", "djf", "gnf", "jpy", "kmf", "krw", "mga", "pyg", "rwf", "vnd", "vuv",
                                       "xaf", "xof", "xpf"};
    static const char *const three[] = {"bhd", "jod", "kwd", "omr", "tnd"};
    static const char *const whole[] = {"isk", "ugx"};
    static const char *const two[] = {"usd", "eur", "gbp", "huf", "twd", "chf"};

    for (size_t i = 0; i < sizeof(zero) / sizeof(zero[0]); i++) {
        tap_ok(currency(zero[i])->exponent == 0, "%s has no minor unit", zero[i]);
    }
    for (size_t i = 0; i < sizeof(three) / sizeof(three[0]); i++) {
        tap_ok(currency(three[i])->exponent == 3 && currency(three[i])->step == 10, "%s: three decimals, the last is 0",
               three[i]);
    }
    for (size_t i = 0; i < sizeof(whole) / sizeof(whole[0]); i++) {
        tap_ok(currency(whole[i])->exponent == 2 && currency(whole[i])->step == 100, "%s is sent times 100", whole[i]);
    }
    for (size_t i = 0; i < sizeof(two) / sizeof(two[0]); i++) {
        tap_ok(currency(two[i])->exponent == 2 && currency(two[i])->step == 1, "%s has two decimals", two[i]);
    }
    tap_ok(currency("USD") == currency("usd"), "codes are read in any case");
    tap_ok(!currency("xxx") && !currency("") && !currency("us") && !currency("usdd"), "unknown codes are none");
}

static void is_parsed(const char *text, const char *code, apr_int64_t want)
{
    apr_int64_t got = -1;
    const bks_error_t *error = bks_money_parse(text, currency(code), &got, pool);

    tap_ok(!error && got == want, "%s %s is %ld", text, code, (long)want);
}

static void is_refused(const char *text, const char *code)
{
    apr_int64_t got = -1;

    tap_ok(bks_money_parse(text, currency(code), &got, pool) != NULL && got == -1, "\"%s\" %s is refused", text, code);
}

static void test_parse(void)
{
    is_parsed("19.99", "usd", 1999);
    is_parsed("1.15", "usd", 115);
    is_parsed("0.29", "usd", 29);
    is_parsed("23", "usd", 2300);
    is_parsed("23.5", "usd", 2350);
    is_parsed("500", "jpy", 500);
    is_parsed("5", "isk", 500);
    is_parsed("1.010", "kwd", 1010);
    is_refused("1.005", "kwd");
    is_refused("5.5", "isk");
    is_refused("1.5", "jpy");
    is_refused("", "usd");
    is_refused(".5", "usd");
    is_refused("1.", "usd");
    is_refused("1.234", "usd");
    is_refused("-1", "usd");
    is_refused("+1", "usd");
    is_refused(" 1", "usd");
    is_refused("1e2", "usd");
    is_refused("1,000", "usd");
    is_refused("99999999999", "usd");
}

/* What is printed without grouping reads back as the same amount, for 10,000 amounts. */
static void test_round_trip(void)
{
    int good = 1;

    srand(20261121);
    for (int i = 0; i < 10000; i++) {
        const apr_int64_t minor = rand() % BKS_MONEY_MAX;
        const char *text = apr_psprintf(pool, "%" APR_INT64_T_FMT ".%02d", minor / 100, (int)(minor % 100));
        apr_int64_t back = -1;

        good = good && !bks_money_parse(text, currency("eur"), &back, pool) && back == minor;
    }
    tap_ok(good, "10,000 prices read back as they were written");
}

static void test_print(void)
{
    tap_is_text(bks_money_print(2300, currency("usd"), pool), "$23.00", "dollars");
    tap_is_text(bks_money_print(5, currency("usd"), pool), "$0.05", "cents");
    tap_is_text(bks_money_print(99999999, currency("usd"), pool), "$999,999.99", "the most, grouped");
    tap_is_text(bks_money_print(100000, currency("jpy"), pool), "\xC2\xA5" "100,000", "yen");
    tap_is_text(bks_money_print(500, currency("isk"), pool), "ISK\xC2\xA0" "5", "kronur without decimals");
    tap_is_text(bks_money_print(1010, currency("kwd"), pool), "KWD\xC2\xA0" "1.010", "dinars with three");
    tap_is_text(bks_money_print(-150, currency("eur"), pool), "-\xE2\x82\xAC" "1.50", "below zero");
    tap_is_text(bks_money_print(0, currency("gbp"), pool), "\xC2\xA3" "0.00", "nothing");
}

static const char *refusal(apr_int64_t minor, const char *code)
{
    const bks_error_t *error = bks_money_may_charge(minor, currency(code), pool);

    return error ? error->code : "fine";
}

static void test_limits(void)
{
    apr_int64_t result = 0;

    tap_is_text(refusal(50, "usd"), "fine", "Stripe's least is charged");
    tap_is_text(refusal(49, "usd"), "amount_too_small", "a cent less is not");
    tap_is_text(refusal(0, "usd"), "amount_too_small", "nothing is not");
    tap_is_text(refusal(-1, "usd"), "amount_too_small", "less than nothing is not");
    tap_is_text(refusal(BKS_MONEY_MAX, "usd"), "fine", "eight digits are charged");
    tap_is_text(refusal(BKS_MONEY_MAX + 1, "usd"), "amount_too_large", "nine are not");
    tap_is_text(refusal(550, "isk"), "amount_not_a_multiple", "half a krona is not");
    tap_ok(!bks_money_times(999999, 100, &result, pool) && result == 99999900, "a price times a quantity");
    tap_ok(bks_money_times(1000000, 100, &result, pool) != NULL, "past the most it is refused");
    tap_ok(bks_money_times(APR_INT64_MAX, 2, &result, pool) != NULL, "an overflow is refused");
    tap_ok(!bks_money_plus(BKS_MONEY_MAX - 1, 1, &result, pool) && result == BKS_MONEY_MAX, "a sum at the limit");
    tap_ok(bks_money_plus(BKS_MONEY_MAX, 1, &result, pool) != NULL, "a sum past it is refused");
    tap_ok(bks_money_plus(APR_INT64_MAX, 1, &result, pool) != NULL, "an overflowing sum is refused");
}

int main(int argc, const char *const *argv)
{
    apr_app_initialize(&argc, &argv, NULL);
    apr_pool_create(&pool, NULL);
    test_table();
    test_parse();
    test_round_trip();
    test_print();
    test_limits();
    apr_pool_destroy(pool);
    apr_terminate();
    return tap_done();
}
