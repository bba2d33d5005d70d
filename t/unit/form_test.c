/* Forms: strict reading, faithful writing; and the text rules that guard their fields.
 * SPDX-License-Identifier: Apache-2.0 */
#include <apr_general.h>
#include <apr_strings.h>

#include "base/form.h"
#include "base/ids.h"
#include "base/text.h"
#include "tap.h"

static apr_pool_t *pool;

static const bks_form_t *parse(const char *text)
{
    const bks_form_t *form = NULL;

    return bks_form_parse(text, strlen(text), &form, pool) ? NULL : form;
}

static void test_reading(void)
{
    const bks_form_t *form = parse("item=1&title=a+b%20c%2B&empty=&lone&item=2&&%C3%A9=%F0%9F%93%9A");

    tap_is_text(bks_form_get(form, "item"), "1", "the first of two values counts");
    tap_is_text(bks_form_get(form, "title"), "a b c+", "plus and percent are decoded");
    tap_is_text(bks_form_get(form, "empty"), "", "an empty value is a value");
    tap_is_text(bks_form_get(form, "lone"), "", "a name without = too");
    tap_is_text(bks_form_get(form, "\xC3\xA9"), "\xF0\x9F\x93\x9A", "UTF-8 in name and value");
    tap_ok(bks_form_get(form, "none") == NULL, "what is not there is NULL");
    tap_ok(bks_form_get(NULL, "item") == NULL, "nor in no form");
    tap_ok(form && form->fields->nelts == 6, "empty pieces are no fields");
    tap_ok(parse("") && parse("")->fields->nelts == 0, "an empty form");
}

static void test_refusals(void)
{
    static const char *const bad[] = {"a=%", "a=%1", "a=%zz", "a=%00", "a=1%00", "a=%01", "a=%7f", "a=%ff", "a=%c3",
                                      "a=%ed%a0%80", "a=%c0%af", "%=1"};
    char *many = apr_pcalloc(pool, 2 * BKS_FORM_MAX_FIELDS + 3);

    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        tap_ok(parse(bad[i]) == NULL, "%s is refused", bad[i]);
    }
    tap_ok(parse("a=1%0d%0aSet-Cookie%3Ax") != NULL, "line breaks are text");
    for (int i = 0; i < BKS_FORM_MAX_FIELDS; i++) {
        strcat(many + 2 * i, "a&");
    }
    tap_ok(parse(many) != NULL, "as many fields as are allowed");
    strcat(many + 2 * BKS_FORM_MAX_FIELDS, "a");
    tap_ok(parse(many) == NULL, "one more is refused");
}

static void test_writing(void)
{
    bks_form_t *form = bks_form_make(pool);

    bks_form_add_int(form, "amount", 2300);
    bks_form_add(form, "metadata[order]", "A&B=C d");
    bks_form_add(form, "none", NULL);
    bks_form_add(form, "t", "M\xC3\xBC~-._");
    tap_is_text(bks_form_print(form, pool), "amount=2300&metadata%5Border%5D=A%26B%3DC%20d&t=M%C3%BC~-._", "as it is sent");
    tap_is_text(bks_form_print(bks_form_make(pool), pool), "", "nothing is nothing");
    tap_is_text(bks_form_get(parse(bks_form_print(form, pool)), "metadata[order]"), "A&B=C d", "and reads back");
    tap_is_text(bks_url_encode("a/b?c#d e", pool), "a%2Fb%3Fc%23d%20e", "a path segment");
}

static void test_numbers(void)
{
    static const char *const bad[] = {"", "-1", "+1", "1.5", "2abc", " 1", "1 ", "0x1", "9223372036854775808", "1e2"};
    apr_int64_t number = 0;

    tap_ok(bks_text_to_int("99", 2, &number) && number == 99, "99");
    tap_ok(bks_text_to_int("0", 2, &number) && number == 0, "0");
    tap_ok(!bks_text_to_int("100", 2, &number), "too many digits");
    tap_ok(!bks_text_to_int(NULL, 2, &number), "no text");
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        tap_ok(!bks_text_to_int(bad[i], 18, &number), "\"%s\" is no number", bad[i]);
    }
}

static void test_card_numbers(void)
{
    static const char *const cards[] = {"4242424242424242", "4242 4242 4242 4242", "4242-4242-4242-4242",
                                        "my card is 5555555555554444 thanks", "378282246310005", "6011000990139424",
                                        "30569309025904", "x4000056655665556y", "4222222222222"};
    static const char *const others[] = {"", "9780132350884", "978-0-13-235088-4", "4242424242424241", "123456789012",
                                         "42424242424242424242", "+49 30 1234567", "10115", "4242 4242", "abc"};

    for (size_t i = 0; i < sizeof(cards) / sizeof(cards[0]); i++) {
        tap_ok(bks_text_holds_card_number(cards[i]), "card number number %d is seen", (int)i + 1);
    }
    for (size_t i = 0; i < sizeof(others) / sizeof(others[0]); i++) {
        tap_ok(!bks_text_holds_card_number(others[i]), "\"%s\" is none", others[i]);
    }
}

static void test_text(void)
{
    unsigned char bytes[2] = {0, 0};

    tap_is_text(bks_text_trim(" \t a b\n", pool), "a b", "white space at the ends goes");
    tap_is_text(bks_text_trim(NULL, pool), "", "no text is empty");
    tap_is_int((long long)bks_utf8_count("M\xC3\xBC\xF0\x9F\x93\x9A"), 3, "characters, not bytes");
    tap_ok(bks_hex_parse("0aFF", 0, bytes, 2) && bytes[1] == 0xFF, "hex of both cases");
    tap_ok(!bks_hex_parse("0aFF", 1, bytes, 2), "lower case alone where asked");
    tap_ok(!bks_hex_parse("0a", 0, bytes, 2) && !bks_hex_parse("0a0b0", 0, bytes, 2), "neither more nor less");
    tap_ok(!bks_hex_parse(NULL, 0, bytes, 2), "nor nothing");
}

static void test_ids(void)
{
    const char *one = NULL, *two = NULL;

    tap_ok(!bks_order_number_make(&one, pool) && !bks_order_number_make(&two, pool) && strcmp(one, two) != 0,
           "order numbers differ");
    tap_is_int((long long)strspn(one, "0123456789ABCDEF"), 32, "32 hex digits, upper case");
    tap_is_int((long long)strlen(one), 32, "and no more");
}

int main(int argc, const char *const *argv)
{
    apr_app_initialize(&argc, &argv, NULL);
    apr_pool_create(&pool, NULL);
    test_reading();
    test_refusals();
    test_writing();
    test_numbers();
    test_card_numbers();
    test_text();
    test_ids();
    apr_pool_destroy(pool);
    apr_terminate();
    return tap_done();
}
