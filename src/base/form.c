/* Reading and writing application/x-www-form-urlencoded.
 * SPDX-License-Identifier: Apache-2.0 */
#include "base/form.h"

#include <string.h>

#include <apr_lib.h>
#include <apr_strings.h>

#include "base/ids.h"
#include "base/text.h"

static const bks_error_t *refuse(const char *why, apr_pool_t *pool)
{
    return bks_error_make(BKS_ERROR_BAD_REQUEST, "bad_request", APR_SUCCESS, pool, "form: %s", why);
}

bks_form_t *bks_form_make(apr_pool_t *pool)
{
    bks_form_t *form = apr_palloc(pool, sizeof(*form));

    form->fields = apr_array_make(pool, 8, sizeof(bks_form_field_t));
    return form;
}

static int is_unwelcome_control(unsigned char c)
{
    return (c < 0x20 && c != '\t' && c != '\n' && c != '\r') || c == 0x7F;
}

/* The text that LENGTH encoded bytes stand for. */
static const bks_error_t *decode(const char *encoded, apr_size_t length, const char **text, apr_pool_t *pool)
{
    char *out = apr_palloc(pool, length + 1);
    apr_size_t size = 0;

    for (apr_size_t i = 0; i < length; i++) {
        unsigned char c = (unsigned char)encoded[i];

        if (c == '+') {
            c = ' ';
        }
        else if (c == '%') {
            const char digits[3] = {i + 1 < length ? encoded[i + 1] : '\0', i + 2 < length ? encoded[i + 2] : '\0', '\0'};

            if (!bks_hex_parse(digits, 0, &c, 1)) {
                return refuse("broken percent escape", pool);
            }
            i += 2;
        }
        if (is_unwelcome_control(c)) {
            return refuse("control character", pool);
        }
        out[size++] = (char)c;
    }
    out[size] = '\0';
    if (!bks_utf8_is(out, size)) {
        return refuse("not UTF-8", pool);
    }
    *text = out;
    return BKS_FINE;
}

const bks_error_t *bks_form_parse(const char *text, apr_size_t length, const bks_form_t **form, apr_pool_t *pool)
{
    bks_form_t *parsed = bks_form_make(pool);
    const char *at = text;
    const char *const end = text ? text + length : NULL;

    while (at && at < end) {
        const char *next = memchr(at, '&', (apr_size_t)(end - at));
        const char *stop = next ? next : end;
        const char *equals = memchr(at, '=', (apr_size_t)(stop - at));
        const char *name_end = equals ? equals : stop;
        const char *value_start = equals ? equals + 1 : stop;
        const char *name, *value;

        if (stop > at) {
            if (parsed->fields->nelts >= BKS_FORM_MAX_FIELDS) {
                return refuse("too many fields", pool);
            }
            BKS_TRY(decode(at, (apr_size_t)(name_end - at), &name, pool));
            BKS_TRY(decode(value_start, (apr_size_t)(stop - value_start), &value, pool));
            bks_form_add(parsed, name, value);
        }
        at = next ? next + 1 : end;
    }
    *form = parsed;
    return BKS_FINE;
}

const char *bks_form_get(const bks_form_t *form, const char *name)
{
    if (!form) {
        return NULL;
    }
    for (int i = 0; i < form->fields->nelts; i++) {
        const bks_form_field_t *field = &APR_ARRAY_IDX(form->fields, i, bks_form_field_t);

        if (strcmp(field->name, name) == 0) {
            return field->value;
        }
    }
    return NULL;
}

void bks_form_add(bks_form_t *form, const char *name, const char *value)
{
    if (value) {
        bks_form_field_t *field = apr_array_push(form->fields);

        field->name = name;
        field->value = value;
    }
}

void bks_form_add_int(bks_form_t *form, const char *name, apr_int64_t value)
{
    bks_form_add(form, name, apr_psprintf(form->fields->pool, "%" APR_INT64_T_FMT, value));
}

static int is_unreserved(unsigned char c)
{
    return apr_isalnum(c) || c == '-' || c == '.' || c == '_' || c == '~';
}

/* Appends TEXT, encoded, at OUT; where it ends. */
static char *encode_to(char *out, const char *text)
{
    static const char digits[] = "0123456789ABCDEF";

    for (const unsigned char *c = (const unsigned char *)text; *c; c++) {
        if (is_unreserved(*c)) {
            *out++ = (char)*c;
        }
        else {
            *out++ = '%';
            *out++ = digits[*c >> 4];
            *out++ = digits[*c & 15];
        }
    }
    return out;
}

const char *bks_url_encode(const char *text, apr_pool_t *pool)
{
    char *out = apr_palloc(pool, 3 * strlen(text) + 1);

    *encode_to(out, text) = '\0';
    return out;
}

const char *bks_form_print(const bks_form_t *form, apr_pool_t *pool)
{
    apr_size_t most = 1;
    char *text, *at;

    for (int i = 0; i < form->fields->nelts; i++) {
        const bks_form_field_t *field = &APR_ARRAY_IDX(form->fields, i, bks_form_field_t);

        most += 3 * (strlen(field->name) + strlen(field->value)) + 2;
    }
    text = at = apr_palloc(pool, most);
    for (int i = 0; i < form->fields->nelts; i++) {
        const bks_form_field_t *field = &APR_ARRAY_IDX(form->fields, i, bks_form_field_t);

        if (i > 0) {
            *at++ = '&';
        }
        at = encode_to(at, field->name);
        *at++ = '=';
        at = encode_to(at, field->value);
    }
    *at = '\0';
    return text;
}
