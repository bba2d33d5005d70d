/* JSON by jansson: strict reading of what comes from outside, typed getters that never guess, building for templates
 * and answers. No other file includes jansson.h.
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef BKS_BASE_JSON_H
#define BKS_BASE_JSON_H

#include <apr_pools.h>

#include "base/error.h"

typedef struct json_t bks_json_t; /* jansson's own, opaque here */

#define BKS_JSON_MAX_DEPTH 32

/* Parses TEXT: one value of any type, depth <= 32 (checked before jansson sees it), duplicate keys refused, UTF-8
 * only, no NUL in strings. Fails as BAD_REQUEST "bad_json". The value lives as long as POOL. */
const bks_error_t *bks_json_parse(const char *text, apr_size_t length, const bks_json_t **json, apr_pool_t *pool);

/* Reads and parses the file at PATH, at most MAX bytes. Fails as CONFIG, naming file and line. */
const bks_error_t *bks_json_load(const char *path, apr_size_t max, const bks_json_t **json, apr_pool_t *pool);

/* The value at PATH ("data.object.id": members by name, separated by dots) below JSON, or NULL. JSON may be NULL. */
const bks_json_t *bks_json_get(const bks_json_t *json, const char *path);

/* The value of the member NAME, dots and all, or NULL when JSON is no object or has none. */
const bks_json_t *bks_json_member(const bks_json_t *json, const char *name);

/* Typed looks at a value, which may be NULL: false or NULL when it is of another type. */
const char *bks_json_text(const bks_json_t *json);
int bks_json_int(const bks_json_t *json, apr_int64_t *number); /* integers only: 2300.0 and "2300" are not */
int bks_json_bool(const bks_json_t *json, int *truth);
int bks_json_is_null(const bks_json_t *json);  /* null, or not there */
int bks_json_is_object(const bks_json_t *json);
int bks_json_is_array(const bks_json_t *json);
int bks_json_is_number(const bks_json_t *json);
int bks_json_is_false(const bks_json_t *json);

/* A number as it is written in JSON, from POOL; NULL for other types. */
const char *bks_json_number_print(const bks_json_t *json, apr_pool_t *pool);

/* Shorthand: the text at PATH, or NULL. */
const char *bks_json_get_text(const bks_json_t *json, const char *path);

apr_size_t bks_json_count(const bks_json_t *json);                     /* elements of an array or members of an object; else 0 */
const bks_json_t *bks_json_at(const bks_json_t *json, apr_size_t i);   /* element of an array, or NULL */

/* Calls FN for each member of an object, in the order written, until it returns an error. */
typedef const bks_error_t *bks_json_member_fn(void *baton, const char *name, const bks_json_t *value);
const bks_error_t *bks_json_each(const bks_json_t *object, bks_json_member_fn *fn, void *baton);

/* Building. A root lives as long as POOL; children belong to their parent. Text that is not UTF-8 is stored with
 * U+FFFD in place of each bad byte. Setting a NULL text stores "". */
bks_json_t *bks_json_make_object(apr_pool_t *pool);
bks_json_t *bks_json_make_array(apr_pool_t *pool);
void bks_json_set_text(bks_json_t *object, const char *name, const char *text);
void bks_json_set_int(bks_json_t *object, const char *name, apr_int64_t number);
void bks_json_set_bool(bks_json_t *object, const char *name, int truth);
bks_json_t *bks_json_set_object(bks_json_t *object, const char *name);
bks_json_t *bks_json_set_array(bks_json_t *object, const char *name);
bks_json_t *bks_json_append_object(bks_json_t *array);
void bks_json_append_text(bks_json_t *array, const char *text);
/* Puts VALUE itself, shared and from then on unchanged, under NAME; it must not hold OBJECT. */
void bks_json_share(bks_json_t *object, const char *name, const bks_json_t *value);

/* JSON as compact text (UTF-8, "<", ">" and "&" of strings not escaped), from POOL. */
const char *bks_json_print(const bks_json_t *json, apr_pool_t *pool);

#endif
