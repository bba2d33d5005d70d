/* Stripe's currencies and arithmetic that says when it overflows.
 * SPDX-License-Identifier: Apache-2.0 */
#include "base/money.h"

#include <string.h>
#include <strings.h>

#include <apr_lib.h>
#include <apr_strings.h>

/* The usual currency: two decimals, any amount. */
#define TWO(code, minimum, symbol) {code, 2, 2, 1, minimum, symbol}
/* No minor unit: the amount is the number of units. */
#define ZERO(code, minimum, symbol) {code, 0, 0, 1, minimum, symbol}
/* Sent with two decimals that have to be 00 (docs.stripe.com/currencies#special-cases). */
#define WHOLE(code) {code, 2, 0, 100, 0, NULL}
/* Three decimals, of which the last has to be 0. */
#define THREE(code) {code, 3, 3, 10, 0, NULL}

static const bks_currency_t currencies[] = {
    TWO("usd", 50, "$"),      TWO("aed", 200, NULL),  TWO("afn", 0, NULL),    TWO("all", 0, NULL),
    TWO("amd", 0, NULL),      TWO("ang", 0, NULL),    TWO("aoa", 0, NULL),    TWO("ars", 0, NULL),
    TWO("aud", 50, "A$"),     TWO("awg", 0, NULL),    TWO("azn", 0, NULL),    TWO("bam", 0, NULL),
    TWO("bbd", 0, NULL),      TWO("bdt", 0, NULL),    TWO("bgn", 100, NULL),  THREE("bhd"),
    ZERO("bif", 0, NULL),     TWO("bmd", 0, NULL),    TWO("bnd", 0, NULL),    TWO("bob", 0, NULL),
    TWO("brl", 50, "R$"),     TWO("bsd", 0, NULL),    TWO("bwp", 0, NULL),    TWO("byn", 0, NULL),
    TWO("bzd", 0, NULL),      TWO("cad", 50, "CA$"),  TWO("cdf", 0, NULL),    TWO("chf", 50, NULL),
    ZERO("clp", 0, NULL),     TWO("cny", 0, "CN¥"),   TWO("cop", 0, NULL),    TWO("crc", 0, NULL),
    TWO("cve", 0, NULL),      TWO("czk", 1500, NULL), ZERO("djf", 0, NULL),   TWO("dkk", 250, NULL),
    TWO("dop", 0, NULL),      TWO("dzd", 0, NULL),    TWO("egp", 0, NULL),    TWO("etb", 0, NULL),
    TWO("eur", 50, "€"),      TWO("fjd", 0, NULL),    TWO("fkp", 0, NULL),    TWO("gbp", 30, "£"),
    TWO("gel", 0, NULL),      TWO("gip", 0, NULL),    TWO("gmd", 0, NULL),    ZERO("gnf", 0, NULL),
    TWO("gtq", 0, NULL),      TWO("gyd", 0, NULL),    TWO("hkd", 400, "HK$"), TWO("hnl", 0, NULL),
    TWO("htg", 0, NULL),      TWO("huf", 17500, NULL), TWO("idr", 0, NULL),   TWO("ils", 0, "₪"),
    TWO("inr", 50, "₹"),      WHOLE("isk"),           TWO("jmd", 0, NULL),    THREE("jod"),
    ZERO("jpy", 50, "¥"),     TWO("kes", 0, NULL),    TWO("kgs", 0, NULL),    TWO("khr", 0, NULL),
    ZERO("kmf", 0, NULL),     ZERO("krw", 0, "₩"),    THREE("kwd"),           TWO("kyd", 0, NULL),
    TWO("kzt", 0, NULL),      TWO("lak", 0, NULL),    TWO("lbp", 0, NULL),    TWO("lkr", 0, NULL),
    TWO("lrd", 0, NULL),      TWO("lsl", 0, NULL),    TWO("mad", 0, NULL),    TWO("mdl", 0, NULL),
    ZERO("mga", 0, NULL),     TWO("mkd", 0, NULL),    TWO("mmk", 0, NULL),    TWO("mnt", 0, NULL),
    TWO("mop", 0, NULL),      TWO("mur", 0, NULL),    TWO("mvr", 0, NULL),    TWO("mwk", 0, NULL),
    TWO("mxn", 1000, "MX$"),  TWO("myr", 200, NULL),  TWO("mzn", 0, NULL),    TWO("nad", 0, NULL),
    TWO("ngn", 0, NULL),      TWO("nio", 0, NULL),    TWO("nok", 300, NULL),  TWO("npr", 0, NULL),
    TWO("nzd", 50, "NZ$"),    THREE("omr"),           TWO("pab", 0, NULL),    TWO("pen", 0, NULL),
    TWO("pgk", 0, NULL),      TWO("php", 0, "₱"),     TWO("pkr", 0, NULL),    TWO("pln", 200, NULL),
    ZERO("pyg", 0, NULL),     TWO("qar", 0, NULL),    TWO("ron", 200, NULL),  TWO("rsd", 0, NULL),
    TWO("rub", 0, NULL),      ZERO("rwf", 0, NULL),   TWO("sar", 0, NULL),    TWO("sbd", 0, NULL),
    TWO("scr", 0, NULL),      TWO("sek", 300, NULL),  TWO("sgd", 50, NULL),   TWO("shp", 0, NULL),
    TWO("sle", 0, NULL),      TWO("sos", 0, NULL),    TWO("srd", 0, NULL),    TWO("std", 0, NULL),
    TWO("szl", 0, NULL),      TWO("thb", 1000, NULL), TWO("tjs", 0, NULL),    THREE("tnd"),
    TWO("top", 0, NULL),      TWO("try", 0, NULL),    TWO("ttd", 0, NULL),    TWO("twd", 0, "NT$"),
    TWO("tzs", 0, NULL),      TWO("uah", 0, NULL),    WHOLE("ugx"),           TWO("uyu", 0, NULL),
    TWO("uzs", 0, NULL),      ZERO("vnd", 0, "₫"),    ZERO("vuv", 0, NULL),   TWO("wst", 0, NULL),
    ZERO("xaf", 0, NULL),     TWO("xcd", 0, NULL),    ZERO("xof", 0, NULL),   ZERO("xpf", 0, NULL),
    TWO("yer", 0, NULL),      TWO("zar", 0, NULL),    TWO("zmw", 0, NULL),
};

const bks_currency_t *bks_currency_find(const char *code)
{
    for (size_t i = 0; i < sizeof(currencies) / sizeof(currencies[0]); i++) {
        if (strcasecmp(currencies[i].code, code) == 0) {
            return &currencies[i];
        }
    }
    return NULL;
}

static const bks_error_t *refuse(const char *code, apr_pool_t *pool, apr_int64_t minor)
{
    return bks_error_make(BKS_ERROR_INVALID, code, APR_SUCCESS, pool, "%s: %" APR_INT64_T_FMT, code, minor);
}

const bks_error_t *bks_money_may_charge(apr_int64_t minor, const bks_currency_t *currency, apr_pool_t *pool)
{
    if (minor < 1 || minor < currency->minimum) {
        return refuse("amount_too_small", pool, minor);
    }
    if (minor > BKS_MONEY_MAX) {
        return refuse("amount_too_large", pool, minor);
    }
    if (minor % currency->step != 0) {
        return refuse("amount_not_a_multiple", pool, minor);
    }
    return BKS_FINE;
}

const bks_error_t *bks_money_times(apr_int64_t unit_price, apr_int64_t quantity, apr_int64_t *product, apr_pool_t *pool)
{
    apr_int64_t result;

    if (__builtin_mul_overflow(unit_price, quantity, &result) || result > BKS_MONEY_MAX) {
        return refuse("amount_too_large", pool, unit_price);
    }
    *product = result;
    return BKS_FINE;
}

const bks_error_t *bks_money_plus(apr_int64_t a, apr_int64_t b, apr_int64_t *sum, apr_pool_t *pool)
{
    apr_int64_t result;

    if (__builtin_add_overflow(a, b, &result) || result > BKS_MONEY_MAX) {
        return refuse("amount_too_large", pool, a);
    }
    *sum = result;
    return BKS_FINE;
}

/* Reads digits at *AT into VALUE (at most MOST of them); how many there were, or -1 for too many. */
static int read_digits(const char **at, int most, apr_int64_t *value)
{
    int count = 0;

    for (; apr_isdigit(**at); (*at)++, count++) {
        if (count == most) {
            return -1;
        }
        *value = *value * 10 + (**at - '0');
    }
    return count;
}

const bks_error_t *bks_money_parse(const char *text, const bks_currency_t *currency, apr_int64_t *minor, apr_pool_t *pool)
{
    const bks_error_t *const bad =
        bks_error_make(BKS_ERROR_INVALID, "bad_amount", APR_SUCCESS, pool, "not an amount of %s", currency->code);
    apr_int64_t value = 0;
    const char *at = text;
    int fraction = 0;

    if (read_digits(&at, 10, &value) < 1) {
        return bad;
    }
    if (*at == '.') {
        at++;
        fraction = read_digits(&at, currency->decimals, &value);
        if (fraction < 1) {
            return bad;
        }
    }
    if (*at) {
        return bad;
    }
    for (; fraction < currency->exponent; fraction++) {
        value *= 10;
    }
    if (value % currency->step != 0) {
        return bad;
    }
    *minor = value;
    return BKS_FINE;
}

/* WHOLE with a comma between groups of three digits. */
static const char *group_digits(apr_int64_t whole, apr_pool_t *pool)
{
    const char *digits = apr_psprintf(pool, "%" APR_INT64_T_FMT, whole);
    const size_t count = strlen(digits);
    char *text = apr_palloc(pool, count + count / 3 + 1);
    char *out = text;

    for (size_t i = 0; i < count; i++) {
        if (i > 0 && (count - i) % 3 == 0) {
            *out++ = ',';
        }
        *out++ = digits[i];
    }
    *out = '\0';
    return text;
}

const char *bks_currency_print(const bks_currency_t *currency, apr_pool_t *pool)
{
    char *code = apr_pstrdup(pool, currency->code);

    for (char *c = code; *c; c++) {
        *c = (char)apr_toupper(*c);
    }
    return code;
}

/* MINOR (0 or more) with the decimals that a person is shown, its whole part printed by PRINT_WHOLE. */
static const char *print_number(apr_int64_t minor, const bks_currency_t *currency,
                                const char *(*print_whole)(apr_int64_t whole, apr_pool_t *pool), apr_pool_t *pool)
{
    apr_int64_t scale = 1;

    for (int i = 0; i < currency->exponent; i++) {
        scale *= 10;
    }
    if (currency->decimals == 0) {
        return print_whole(minor / scale, pool);
    }
    return apr_psprintf(pool, "%s.%0*" APR_INT64_T_FMT, print_whole(minor / scale, pool), currency->decimals, minor % scale);
}

const char *bks_money_print(apr_int64_t minor, const bks_currency_t *currency, apr_pool_t *pool)
{
    const char *number = print_number(minor < 0 ? -minor : minor, currency, group_digits, pool);
    const char *sign = minor < 0 ? "-" : "";

    if (currency->symbol) {
        return apr_pstrcat(pool, sign, currency->symbol, number, NULL);
    }
    return apr_pstrcat(pool, sign, bks_currency_print(currency, pool), "\xC2\xA0", number, NULL);
}

static const char *plain_digits(apr_int64_t whole, apr_pool_t *pool)
{
    return apr_psprintf(pool, "%" APR_INT64_T_FMT, whole);
}

const char *bks_money_print_plain(apr_int64_t minor, const bks_currency_t *currency, apr_pool_t *pool)
{
    return apr_pstrcat(pool, minor < 0 ? "-" : "", print_number(minor < 0 ? -minor : minor, currency, plain_digits, pool),
                       NULL);
}
