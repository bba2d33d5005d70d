/* Rendering Mustache: the nodes of a program, walked with JSON values, become text.
 * Source: mustache(5), github.com/mustache/spec.
 * SPDX-License-Identifier: Apache-2.0 */
#include "view/mustache_program.h"

#include <string.h>

#include <apr_strings.h>

#define ROOM_AT_FIRST 4096 /* bytes of output, beside those of the template */
#define NUMBER_TEXT_MAX 24 /* characters of a 64-bit number */

/* A value that names are looked up in, and those around it. */
typedef struct scope_t scope_t;
struct scope_t {
    const bks_json_t *value;
    const scope_t *outer;
};

/* What stands before each line of a partial that is alone on its line: the outermost comes first. */
typedef struct indentation_t indentation_t;
struct indentation_t {
    const char *text;
    apr_size_t length;
    const indentation_t *outer;
};

typedef struct {
    char *text;
    apr_size_t length;
    apr_size_t room;     /* bytes at TEXT; one of them is for the NUL */
    int partials;        /* open now */
    int scopes;          /* open now */
    int steps;           /* so far */
    apr_pool_t *scratch; /* for the text of one number, or NULL as long as there was none */
    apr_pool_t *pool;
} rendering_t;

static const bks_error_t *render_nodes(rendering_t *r, const bks_program_t *program, apr_size_t from, apr_size_t to,
                                       const scope_t *scope, const indentation_t *indentation);

static const bks_error_t *complain(const rendering_t *r, const char *what, int limit)
{
    return bks_error_make(BKS_ERROR_INTERNAL, "internal", APR_SUCCESS, r->pool,
                          "the template makes more than %d %s; does it include itself without an end?", limit, what);
}

/* Makes room for MORE bytes and a NUL: twice the room, so that the copying stays small against the writing, and never
 * more than the limit, so that the limit is met here. */
static const bks_error_t *grow(rendering_t *r, apr_size_t more)
{
    const apr_size_t needed = r->length + more + 1;
    apr_size_t room = r->room * 2;
    char *text;

    if (more > BKS_TEMPLATE_MAX_OUTPUT - r->length) {
        return complain(r, "bytes of output", BKS_TEMPLATE_MAX_OUTPUT);
    }
    if (room < needed) {
        room = needed;
    }
    if (room > BKS_TEMPLATE_MAX_OUTPUT + 1) {
        room = BKS_TEMPLATE_MAX_OUTPUT + 1;
    }
    text = apr_palloc(r->pool, room);
    memcpy(text, r->text, r->length);
    r->text = text;
    r->room = room;
    return BKS_FINE;
}

static const bks_error_t *put(rendering_t *r, const char *bytes, apr_size_t length)
{
    if (length >= r->room - r->length) {
        BKS_TRY(grow(r, length));
    }
    memcpy(r->text + r->length, bytes, length);
    r->length += length;
    return BKS_FINE;
}

static const bks_error_t *put_text(rendering_t *r, const char *text)
{
    return put(r, text, strlen(text));
}

static const bks_error_t *put_escaped(rendering_t *r, const char *text)
{
    static const char *const entities[256] = {
        ['&'] = "&amp;", ['<'] = "&lt;", ['>'] = "&gt;", ['"'] = "&quot;", ['\''] = "&#39;",
    };
    const char *run = text;

    for (; *text; text++) {
        const char *entity = entities[(unsigned char)*text];

        if (entity) {
            BKS_TRY(put(r, run, (apr_size_t)(text - run)));
            BKS_TRY(put_text(r, entity));
            run = text + 1;
        }
    }
    return put(r, run, (apr_size_t)(text - run));
}

static const bks_error_t *put_indentation(rendering_t *r, const indentation_t *indentation)
{
    if (!indentation) {
        return BKS_FINE;
    }
    BKS_TRY(put_indentation(r, indentation->outer));
    return put(r, indentation->text, indentation->length);
}

/* A text node, with the indentation before each line that begins in it. */
static const bks_error_t *put_indented(rendering_t *r, const bks_node_t *node, const indentation_t *indentation)
{
    const char *at = node->text;
    const char *end = at + node->length;

    if (node->starts_line) {
        BKS_TRY(put_indentation(r, indentation));
    }
    while (at < end) {
        const char *newline = memchr(at, '\n', (apr_size_t)(end - at));
        const char *next = newline ? newline + 1 : end;

        BKS_TRY(put(r, at, (apr_size_t)(next - at)));
        at = next;
        if (at < end) {
            BKS_TRY(put_indentation(r, indentation));
        }
    }
    return BKS_FINE;
}

static const bks_error_t *put_int(rendering_t *r, apr_int64_t number)
{
    apr_uint64_t rest = number < 0 ? 0 - (apr_uint64_t)number : (apr_uint64_t)number;
    char digits[NUMBER_TEXT_MAX];
    char *at = digits + sizeof(digits);

    do {
        *--at = (char)('0' + rest % 10);
        rest /= 10;
    } while (rest > 0);
    if (number < 0) {
        *--at = '-';
    }
    return put(r, at, (apr_size_t)(digits + sizeof(digits) - at));
}

static const bks_error_t *put_real(rendering_t *r, const bks_json_t *value)
{
    if (!r->scratch) {
        const apr_status_t status = apr_pool_create(&r->scratch, r->pool);

        if (status != APR_SUCCESS) {
            return bks_error_make(BKS_ERROR_INTERNAL, "internal", status, r->pool, "no pool for a number");
        }
    }
    apr_pool_clear(r->scratch);
    return put_text(r, bks_json_number_print(value, r->scratch));
}

/* VALUE as the words of a page; null, lists and objects have none. */
static const bks_error_t *put_value(rendering_t *r, const bks_json_t *value, int escaped)
{
    const char *text = bks_json_text(value);
    apr_int64_t number;
    int truth;

    if (text) {
        return escaped ? put_escaped(r, text) : put_text(r, text);
    }
    if (bks_json_int(value, &number)) {
        return put_int(r, number);
    }
    if (bks_json_is_number(value)) {
        return put_real(r, value);
    }
    if (bks_json_bool(value, &truth)) {
        return put_text(r, truth ? "true" : "false");
    }
    return BKS_FINE;
}

/* The first part of a name is looked for from the innermost scope outwards, the others in what it names, and there alone. */
static const bks_json_t *find(rendering_t *r, const char *const *path, const scope_t *scope)
{
    const bks_json_t *value = NULL;

    if (!*path) {
        return scope->value;
    }
    for (; scope && !value; scope = scope->outer) {
        value = bks_json_member(scope->value, *path);
        r->steps++;
    }
    while (value && *++path) {
        value = bks_json_member(value, *path);
    }
    return value;
}

/* Whether a section of VALUE is rendered. */
static int holds(const bks_json_t *value)
{
    const char *text = bks_json_text(value);

    if (text) {
        return *text != '\0';
    }
    if (bks_json_is_array(value)) {
        return bks_json_count(value) > 0;
    }
    return !bks_json_is_null(value) && !bks_json_is_false(value);
}

/* The body of a section, which is the node at INDEX, once with VALUE as its innermost scope. */
static const bks_error_t *render_body(rendering_t *r, const bks_program_t *program, apr_size_t index,
                                      const bks_json_t *value, const scope_t *outer, const indentation_t *indentation)
{
    const scope_t scope = {value, outer};

    r->steps++;
    return render_nodes(r, program, index + 1, program->nodes[index].end, &scope, indentation);
}

static const bks_error_t *render_section(rendering_t *r, const bks_program_t *program, apr_size_t index,
                                         const scope_t *scope, const indentation_t *indentation)
{
    const bks_json_t *value = find(r, program->nodes[index].path, scope);

    if (!holds(value)) {
        return BKS_FINE;
    }
    if (r->scopes == BKS_TEMPLATE_MAX_SCOPES) {
        return complain(r, "sections inside one another", BKS_TEMPLATE_MAX_SCOPES);
    }
    r->scopes++;
    if (bks_json_is_array(value)) {
        const apr_size_t count = bks_json_count(value);

        for (apr_size_t i = 0; i < count; i++) {
            BKS_TRY(render_body(r, program, index, bks_json_at(value, i), scope, indentation));
        }
    }
    else {
        BKS_TRY(render_body(r, program, index, value, scope, indentation));
    }
    r->scopes--;
    return BKS_FINE;
}

static const bks_error_t *render_inverted(rendering_t *r, const bks_program_t *program, apr_size_t index,
                                          const scope_t *scope, const indentation_t *indentation)
{
    const bks_node_t *node = &program->nodes[index];

    if (holds(find(r, node->path, scope))) {
        return BKS_FINE;
    }
    return render_nodes(r, program, index + 1, node->end, scope, indentation);
}

/* The partial gets the indentation of a tag that is alone on its line; from any other tag it gets none, since what stands
 * before that tag is text already. */
static const bks_error_t *render_partial(rendering_t *r, const bks_node_t *node, const scope_t *scope,
                                         const indentation_t *outer)
{
    const indentation_t own = {node->text, node->length, outer};

    if (!node->partial) {
        return BKS_FINE;
    }
    if (r->partials == BKS_TEMPLATE_MAX_PARTIALS) {
        return complain(r, "partials inside one another", BKS_TEMPLATE_MAX_PARTIALS);
    }
    r->partials++;
    BKS_TRY(render_nodes(r, node->partial, 0, node->partial->count, scope, node->text ? &own : NULL));
    r->partials--;
    return BKS_FINE;
}

static const bks_error_t *render_node(rendering_t *r, const bks_program_t *program, apr_size_t index,
                                      const scope_t *scope, const indentation_t *indentation)
{
    const bks_node_t *node = &program->nodes[index];

    switch (node->kind) {
    case BKS_NODE_TEXT:
        return indentation ? put_indented(r, node, indentation) : put(r, node->text, node->length);
    case BKS_NODE_ESCAPED:
        return put_value(r, find(r, node->path, scope), 1);
    case BKS_NODE_RAW:
        return put_value(r, find(r, node->path, scope), 0);
    case BKS_NODE_SECTION:
        return render_section(r, program, index, scope, indentation);
    case BKS_NODE_INVERTED:
        return render_inverted(r, program, index, scope, indentation);
    case BKS_NODE_PARTIAL:
        return render_partial(r, node, scope, indentation);
    }
    return BKS_FINE;
}

/* The nodes FROM..TO of PROGRAM, stepping over the bodies of their sections. */
static const bks_error_t *render_nodes(rendering_t *r, const bks_program_t *program, apr_size_t from, apr_size_t to,
                                       const scope_t *scope, const indentation_t *indentation)
{
    for (apr_size_t i = from; i < to; i = program->nodes[i].end) {
        if (r->steps++ >= BKS_TEMPLATE_MAX_STEPS) {
            return complain(r, "steps", BKS_TEMPLATE_MAX_STEPS);
        }
        BKS_TRY(render_node(r, program, i, scope, indentation));
    }
    return BKS_FINE;
}

int bks_templates_has(const bks_templates_t *templates, const char *name)
{
    return apr_hash_get(templates->programs, name, APR_HASH_KEY_STRING) != NULL;
}

const bks_error_t *bks_template_render(const bks_templates_t *templates, const char *name, const bks_json_t *values,
                                       const char **out, apr_size_t *length, apr_pool_t *pool)
{
    const bks_program_t *program = apr_hash_get(templates->programs, name, APR_HASH_KEY_STRING);
    const scope_t root = {values, NULL};
    rendering_t r = {.pool = pool};

    if (!program) {
        return bks_error_make(BKS_ERROR_INTERNAL, "internal", APR_SUCCESS, pool, "there is no template %s.mustache",
                              name);
    }
    r.room = 2 * program->text_length + ROOM_AT_FIRST;
    r.text = apr_palloc(pool, r.room);
    BKS_TRY(render_nodes(&r, program, 0, program->count, &root, NULL));
    r.text[r.length] = '\0';
    *out = r.text;
    *length = r.length;
    return BKS_FINE;
}
