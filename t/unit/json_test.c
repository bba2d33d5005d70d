/* JSON from outside: its limits, and getters that never guess.
 * SPDX-License-Identifier: Apache-2.0 */
#include <apr_general.h>
#include <apr_strings.h>

#include "base/hmac.h"
#include "base/ids.h"
#include "base/json.h"
#include "base/match.h"
#include "tap.h"

static apr_pool_t *pool;

static const bks_json_t *parse(const char *text)
{
    const bks_json_t *json = NULL;

    return bks_json_parse(text, strlen(text), &json, pool) ? NULL : json;
}

static const char *nested(int depth)
{
    char *text = apr_pcalloc(pool, 2 * (apr_size_t)depth + 1);

    memset(text, '[', (size_t)depth);
    memset(text + depth, ']', (size_t)depth);
    return text;
}

static void test_limits(void)
{
    tap_ok(parse(nested(BKS_JSON_MAX_DEPTH)) != NULL, "32 levels are read");
    tap_ok(parse(nested(BKS_JSON_MAX_DEPTH + 1)) == NULL, "33 are refused");
    tap_ok(parse(nested(1000000)) == NULL, "a million too, without harm");
    tap_ok(parse("{\"a\":\"[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[\\\"[\"}") != NULL, "brackets in texts do not count");
    tap_ok(parse("{\"a\":1,\"a\":2}") == NULL, "a name twice is refused");
    tap_ok(parse("{\"a\":\"\\u0000\"}") == NULL, "NUL in a text is refused");
    tap_ok(parse("\"\xFF\"") == NULL, "bytes that are no UTF-8 are refused");
    tap_ok(parse("{\"a\":99999999999999999999}") == NULL, "a number past 64 bits is refused");
    tap_ok(parse("") == NULL && parse("{") == NULL && parse("{} x") == NULL && parse("nul") == NULL, "pieces are refused");
    tap_ok(parse("[1,]") == NULL && parse("{'a':1}") == NULL && parse("[NaN]") == NULL, "other dialects are refused");
}

static int is_integer(const char *text)
{
    apr_int64_t number = 0;

    return bks_json_int(bks_json_get(parse(text), "amount"), &number) && number == 2300;
}

static void test_types(void)
{
    const bks_json_t *json = parse("{\"a\":{\"b\":{\"c\":\"d\"}},\"n\":null,\"t\":true,\"l\":[1,\"x\"],\"a.b\":\"dots\"}");
    int truth = 0;

    tap_ok(is_integer("{\"amount\":2300}"), "2300 is an integer");
    tap_ok(!is_integer("{\"amount\":2300.0}") && !is_integer("{\"amount\":\"2300\"}") && !is_integer("{\"amount\":23e2}"),
           "2300.0, \"2300\" and 23e2 are not");
    tap_ok(!is_integer("{\"amount\":true}") && !is_integer("{}") && !is_integer("[]"), "nor are others");
    tap_is_text(bks_json_get_text(json, "a.b.c"), "d", "a path");
    tap_is_text(bks_json_text(bks_json_member(json, "a.b")), "dots", "a member whose name has a dot");
    tap_ok(!bks_json_get_text(json, "a.b") && !bks_json_get_text(json, "a.x.c") && !bks_json_get_text(NULL, "a"),
           "other types and missing members are NULL");
    tap_ok(bks_json_is_null(bks_json_get(json, "n")) && bks_json_is_null(bks_json_get(json, "zz")), "null, or not there");
    tap_ok(bks_json_bool(bks_json_get(json, "t"), &truth) && truth, "a truth");
    tap_ok(!bks_json_bool(bks_json_get(json, "n"), &truth), "null is none");
    tap_is_int((long long)bks_json_count(bks_json_get(json, "l")), 2, "a list's length");
    tap_is_text(bks_json_text(bks_json_at(bks_json_get(json, "l"), 1)), "x", "its second element");
    tap_ok(!bks_json_at(bks_json_get(json, "l"), 2) && !bks_json_at(json, 0), "past its end, or of no list: NULL");
}

static void test_building(void)
{
    bks_json_t *json = bks_json_make_object(pool);
    const char *too_long = apr_pstrcat(pool, nested(200), ".a", NULL);

    bks_json_set_text(json, "good", "M\xC3\xBC");
    bks_json_set_text(json, "none", NULL);
    bks_json_set_text(json, "bad", "a\xFFz\xC3");
    bks_json_set_int(json, "n", 2300);
    bks_json_append_text(bks_json_set_array(json, "l"), "<b>");
    tap_is_text(bks_json_print(json, pool),
                "{\"good\":\"M\xC3\xBC\",\"none\":\"\",\"bad\":\"a\xEF\xBF\xBDz\xEF\xBF\xBD\",\"n\":2300,\"l\":[\"<b>\"]}",
                "printed in the order built, bad bytes replaced");
    tap_ok(bks_json_get(json, too_long) == NULL, "a path of absurd length finds nothing");
}

/* FIPS 180-4 and RFC 4231 (case 2) give these. */
static void test_hashes(void)
{
    unsigned char mac[BKS_SHA256_BYTES];
    const char *hex = NULL;

    tap_ok(!bks_sha256_hex("abc", 3, 64, &hex, pool), "SHA-256 works");
    tap_is_text(hex, "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad", "SHA-256 of abc");
    tap_ok(!bks_hmac("Jefe", 4, "what do ya want for nothing?", 28, mac, pool), "HMAC works");
    tap_is_text(bks_hex_print(mac, sizeof(mac), pool), "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843",
                "HMAC-SHA-256 of RFC 4231");
    tap_ok(bks_bytes_same("abc", "abc", 3) && !bks_bytes_same("abc", "abd", 3), "bytes are compared");
}

static void test_patterns(void)
{
    const bks_match_t *match = NULL;
    char *evil = apr_pcalloc(pool, 4001);

    memset(evil, 'a', 4000);
    tap_ok(!bks_match_make(&match, "^(a+)+\\z", pool), "a pattern compiles");
    tap_ok(bks_match_has(match, "aaa") && !bks_match_has(match, "aab"), "and matches");
    evil[39] = '!';
    evil[40] = '\0';
    tap_ok(!bks_match_has(match, evil), "a text made to take for ever ends as no match");
    tap_ok(bks_match_make(&match, "(", pool) != NULL, "a broken pattern is an error");
}

int main(int argc, const char *const *argv)
{
    apr_app_initialize(&argc, &argv, NULL);
    apr_pool_create(&pool, NULL);
    test_limits();
    test_types();
    test_building();
    test_hashes();
    test_patterns();
    apr_pool_destroy(pool);
    apr_terminate();
    return tap_done();
}
