/* jansson behind strict reading and simple building.
 * SPDX-License-Identifier: Apache-2.0 */
#include "base/json.h"

#include <stdlib.h>
#include <string.h>

#include <apr_file_io.h>
#include <apr_strings.h>
#include <jansson.h>

#include "base/text.h"

#define NAME_MAX_BYTES 256 /* the longest member name that a path may hold */

static apr_status_t drop_root(void *baton)
{
    json_decref(baton);
    return APR_SUCCESS;
}

/* ROOT, given back when POOL goes. */
static bks_json_t *own(json_t *root, apr_pool_t *pool)
{
    if (root) {
        apr_pool_cleanup_register(pool, root, drop_root, apr_pool_cleanup_null);
    }
    return root;
}

static const bks_error_t *refuse(apr_pool_t *pool, const char *why)
{
    return bks_error_make(BKS_ERROR_BAD_REQUEST, "bad_json", APR_SUCCESS, pool, "JSON: %s", why);
}

/* Whether brackets outside of strings nest deeper than allowed. */
static int is_too_deep(const char *text, apr_size_t length)
{
    int depth = 0, in_string = 0;

    for (apr_size_t i = 0; i < length; i++) {
        const char c = text[i];

        if (in_string) {
            if (c == '\\') {
                i++;
            }
            else if (c == '"') {
                in_string = 0;
            }
        }
        else if (c == '"') {
            in_string = 1;
        }
        else if (c == '[' || c == '{') {
            if (++depth > BKS_JSON_MAX_DEPTH) {
                return 1;
            }
        }
        else if (c == ']' || c == '}') {
            depth--;
        }
    }
    return 0;
}

const bks_error_t *bks_json_parse(const char *text, apr_size_t length, const bks_json_t **json, apr_pool_t *pool)
{
    json_error_t why;
    json_t *root;

    if (is_too_deep(text, length)) {
        return refuse(pool, "nested deeper than " APR_STRINGIFY(BKS_JSON_MAX_DEPTH) " levels");
    }
    root = json_loadb(text, length, JSON_REJECT_DUPLICATES | JSON_DECODE_ANY, &why);
    if (!root) {
        return refuse(pool, apr_psprintf(pool, "line %d, column %d: %s", why.line, why.column, why.text));
    }
    *json = own(root, pool);
    return BKS_FINE;
}

const bks_error_t *bks_json_load(const char *path, apr_size_t max, const bks_json_t **json, apr_pool_t *pool)
{
    apr_file_t *file;
    apr_status_t status = apr_file_open(&file, path, APR_FOPEN_READ | APR_FOPEN_BINARY, APR_OS_DEFAULT, pool);
    apr_size_t size = 0;
    apr_finfo_t found;
    char *text;
    const bks_error_t *error;

    if (status != APR_SUCCESS) {
        return bks_error_make(BKS_ERROR_CONFIG, "config", status, pool, "%s can't be opened", path);
    }
    status = apr_file_info_get(&found, APR_FINFO_SIZE | APR_FINFO_TYPE, file);
    if (status != APR_SUCCESS || found.filetype != APR_REG) {
        apr_file_close(file);
        return bks_error_make(BKS_ERROR_CONFIG, "config", status, pool, "%s is not a file", path);
    }
    size = found.size < (apr_off_t)max ? (apr_size_t)found.size + 1 : max + 1; /* a byte more tells a file that grows */
    text = apr_palloc(pool, size);
    status = apr_file_read_full(file, text, size, &size);
    apr_file_close(file);
    if (status != APR_SUCCESS && !APR_STATUS_IS_EOF(status)) {
        return bks_error_make(BKS_ERROR_CONFIG, "config", status, pool, "%s can't be read", path);
    }
    if (size > max) {
        return bks_error_make(BKS_ERROR_CONFIG, "config", APR_SUCCESS, pool, "%s is larger than %" APR_SIZE_T_FMT " bytes",
                              path, max);
    }
    error = bks_json_parse(text, size, json, pool);
    if (error) {
        return bks_error_make(BKS_ERROR_CONFIG, "config", APR_SUCCESS, pool, "%s: %s", path, error->detail);
    }
    return BKS_FINE;
}

const bks_json_t *bks_json_member(const bks_json_t *json, const char *name)
{
    return json_is_object(json) ? json_object_get(json, name) : NULL;
}

const bks_json_t *bks_json_get(const bks_json_t *json, const char *path)
{
    while (json) {
        const char *dot = strchr(path, '.');
        char name[NAME_MAX_BYTES];

        if (!dot) {
            return bks_json_member(json, path);
        }
        if ((size_t)(dot - path) >= sizeof(name)) {
            return NULL;
        }
        memcpy(name, path, (size_t)(dot - path));
        name[dot - path] = '\0';
        json = bks_json_member(json, name);
        path = dot + 1;
    }
    return NULL;
}

const char *bks_json_text(const bks_json_t *json)
{
    return json_is_string(json) ? json_string_value(json) : NULL;
}

const char *bks_json_get_text(const bks_json_t *json, const char *path)
{
    return bks_json_text(bks_json_get(json, path));
}

int bks_json_int(const bks_json_t *json, apr_int64_t *number)
{
    if (!json_is_integer(json)) {
        return 0;
    }
    *number = json_integer_value(json);
    return 1;
}

int bks_json_bool(const bks_json_t *json, int *truth)
{
    if (!json_is_boolean(json)) {
        return 0;
    }
    *truth = json_is_true(json);
    return 1;
}

int bks_json_is_null(const bks_json_t *json)
{
    return !json || json_is_null(json);
}

int bks_json_is_object(const bks_json_t *json)
{
    return json_is_object(json);
}

int bks_json_is_array(const bks_json_t *json)
{
    return json_is_array(json);
}

int bks_json_is_number(const bks_json_t *json)
{
    return json_is_number(json);
}

int bks_json_is_false(const bks_json_t *json)
{
    return json_is_false(json);
}

/* What jansson prints for JSON, in POOL; NULL when it can't. */
static const char *dump(const bks_json_t *json, size_t flags, apr_pool_t *pool)
{
    const size_t size = json_dumpb(json, NULL, 0, flags);
    char *text;

    if (size == 0) {
        return NULL;
    }
    text = apr_palloc(pool, size + 1);
    text[json_dumpb(json, text, size, flags)] = '\0';
    return text;
}

const char *bks_json_number_print(const bks_json_t *json, apr_pool_t *pool)
{
    if (json_is_integer(json)) {
        return apr_psprintf(pool, "%" JSON_INTEGER_FORMAT, json_integer_value(json));
    }
    return json_is_real(json) ? dump(json, JSON_ENCODE_ANY | JSON_REAL_PRECISION(15), pool) : NULL;
}

apr_size_t bks_json_count(const bks_json_t *json)
{
    return json_is_object(json) ? json_object_size(json) : json_array_size(json);
}

const bks_json_t *bks_json_at(const bks_json_t *json, apr_size_t i)
{
    return json_array_get(json, i);
}

const bks_error_t *bks_json_each(const bks_json_t *object, bks_json_member_fn *fn, void *baton)
{
    bks_json_t *open = (bks_json_t *)(apr_uintptr_t)object; /* jansson's iterator asks for a non-const object, and reads it */

    for (void *at = json_object_iter(open); at; at = json_object_iter_next(open, at)) {
        BKS_TRY(fn(baton, json_object_iter_key(at), json_object_iter_value(at)));
    }
    return BKS_FINE;
}

bks_json_t *bks_json_make_object(apr_pool_t *pool)
{
    return own(json_object(), pool);
}

bks_json_t *bks_json_make_array(apr_pool_t *pool)
{
    return own(json_array(), pool);
}

/* TEXT as a JSON string, each byte that is not UTF-8 replaced by U+FFFD. */
static json_t *text_value(const char *text)
{
    static const char replacement[] = "\xEF\xBF\xBD";
    json_t *value = text ? json_string(text) : json_string("");
    char *mended, *out;

    if (value || !text) {
        return value;
    }
    mended = out = malloc(3 * strlen(text) + 1);
    if (!mended) {
        return NULL;
    }
    while (*text) {
        apr_size_t size = 1;

        while (size < 4 && text[size] && !bks_utf8_is(text, size)) {
            size++;
        }
        if (bks_utf8_is(text, size)) {
            memcpy(out, text, size);
            out += size;
            text += size;
        }
        else {
            memcpy(out, replacement, 3);
            out += 3;
            text++;
        }
    }
    *out = '\0';
    value = json_string(mended);
    free(mended);
    return value;
}

void bks_json_set_text(bks_json_t *object, const char *name, const char *text)
{
    json_object_set_new(object, name, text_value(text));
}

void bks_json_set_int(bks_json_t *object, const char *name, apr_int64_t number)
{
    json_object_set_new(object, name, json_integer(number));
}

void bks_json_set_bool(bks_json_t *object, const char *name, int truth)
{
    json_object_set_new(object, name, json_boolean(truth));
}

bks_json_t *bks_json_set_object(bks_json_t *object, const char *name)
{
    json_t *child = json_object();

    json_object_set_new(object, name, child);
    return child;
}

bks_json_t *bks_json_set_array(bks_json_t *object, const char *name)
{
    json_t *child = json_array();

    json_object_set_new(object, name, child);
    return child;
}

bks_json_t *bks_json_append_object(bks_json_t *array)
{
    json_t *child = json_object();

    json_array_append_new(array, child);
    return child;
}

void bks_json_append_text(bks_json_t *array, const char *text)
{
    json_array_append_new(array, text_value(text));
}

/* jansson counts references with atomics, so one frozen value may stand in the trees of many threads. */
static json_t *shared(const bks_json_t *value)
{
    return (json_t *)(apr_uintptr_t)value;
}

void bks_json_share(bks_json_t *object, const char *name, const bks_json_t *value)
{
    json_object_set(object, name, shared(value));
}

const char *bks_json_print(const bks_json_t *json, apr_pool_t *pool)
{
    const char *text = dump(json, JSON_COMPACT | JSON_ENCODE_ANY, pool);

    return text ? text : "null";
}
