/* UTF-8, card numbers, white space and digits.
 * SPDX-License-Identifier: Apache-2.0 */
#include "base/text.h"

#include <arpa/inet.h>
#include <string.h>
#include <strings.h>

#include <apr_lib.h>
#include <apr_strings.h>

#define CARD_DIGITS_MIN 13
#define CARD_DIGITS_MAX 19
#define ISBN13_DIGITS 13

/* Bytes of the well-formed sequence at TEXT, of which LENGTH bytes are left; 0 when it is malformed (RFC 3629, 4). */
static apr_size_t sequence_length(const unsigned char *text, apr_size_t length)
{
    const unsigned char lead = text[0];
    apr_size_t size;
    unsigned char low = 0x80, high = 0xBF; /* bounds of the second byte */

    if (lead < 0x80) {
        return 1;
    }
    if (lead >= 0xC2 && lead <= 0xDF) {
        size = 2;
    }
    else if (lead >= 0xE0 && lead <= 0xEF) {
        size = 3;
        low = lead == 0xE0 ? 0xA0 : 0x80;
        high = lead == 0xED ? 0x9F : 0xBF;
    }
    else if (lead >= 0xF0 && lead <= 0xF4) {
        size = 4;
        low = lead == 0xF0 ? 0x90 : 0x80;
        high = lead == 0xF4 ? 0x8F : 0xBF;
    }
    else {
        return 0;
    }
    if (size > length || text[1] < low || text[1] > high) {
        return 0;
    }
    for (apr_size_t i = 2; i < size; i++) {
        if (text[i] < 0x80 || text[i] > 0xBF) {
            return 0;
        }
    }
    return size;
}

int bks_utf8_is(const char *text, apr_size_t length)
{
    const unsigned char *at = (const unsigned char *)text;

    while (length > 0) {
        const apr_size_t size = sequence_length(at, length);

        if (size == 0) {
            return 0;
        }
        at += size;
        length -= size;
    }
    return 1;
}

apr_size_t bks_utf8_count(const char *text)
{
    apr_size_t count = 0;

    for (const char *c = text; *c; c++) {
        count += ((unsigned char)*c & 0xC0) != 0x80;
    }
    return count;
}

/* The Luhn test over COUNT digits (values 0 to 9). */
static int luhn_holds(const unsigned char *digits, int count)
{
    int sum = 0;

    for (int i = 0; i < count; i++) {
        int digit = digits[count - 1 - i];

        if (i % 2 == 1) {
            digit *= 2;
            digit -= digit > 9 ? 9 : 0;
        }
        sum += digit;
    }
    return sum % 10 == 0;
}

static int is_isbn13(const unsigned char *digits, int count)
{
    return count == ISBN13_DIGITS && digits[0] == 9 && digits[1] == 7 && (digits[2] == 8 || digits[2] == 9);
}

int bks_text_holds_card_number(const char *text)
{
    unsigned char digits[CARD_DIGITS_MAX];
    int count = 0;

    for (const char *c = text;; c++) {
        if (apr_isdigit(*c)) {
            if (count < CARD_DIGITS_MAX) {
                digits[count] = (unsigned char)(*c - '0');
            }
            count++;
            continue;
        }
        if (count > 0 && (*c == ' ' || *c == '-') && apr_isdigit(c[1])) {
            continue;
        }
        if (count >= CARD_DIGITS_MIN && count <= CARD_DIGITS_MAX && !is_isbn13(digits, count) && luhn_holds(digits, count)) {
            return 1;
        }
        count = 0;
        if (!*c) {
            return 0;
        }
    }
}

const char *bks_text_trim(const char *text, apr_pool_t *pool)
{
    const char *end;

    if (!text) {
        return "";
    }
    while (apr_isspace(*text)) {
        text++;
    }
    end = text + strlen(text);
    while (end > text && apr_isspace(end[-1])) {
        end--;
    }
    return apr_pstrmemdup(pool, text, (apr_size_t)(end - text));
}

int bks_text_to_int(const char *text, int digits, apr_int64_t *number)
{
    apr_int64_t value = 0;
    int count = 0;

    if (!text) {
        return 0;
    }
    for (; apr_isdigit(text[count]); count++) {
        if (count == digits) {
            return 0;
        }
        value = value * 10 + (text[count] - '0');
    }
    if (count == 0 || text[count] != '\0') {
        return 0;
    }
    *number = value;
    return 1;
}

int bks_host_is_loopback(const char *host)
{
    struct in_addr address;

    if (strcasecmp(host, "localhost") == 0 || strcmp(host, "[::1]") == 0 || strcmp(host, "::1") == 0) {
        return 1;
    }
    return inet_pton(AF_INET, host, &address) == 1 && (ntohl(address.s_addr) >> 24) == 127;
}
