/* Compiling Mustache: the text of one template becomes an array of nodes.
 * Source: mustache(5), github.com/mustache/spec.
 * SPDX-License-Identifier: Apache-2.0 */
#include "view/mustache_program.h"

#include <stdarg.h>
#include <string.h>

#include <apr_strings.h>

#include "base/text.h"

#define EXCERPT_MAX 60      /* bytes of a template that a message quotes */
#define SIGILS "#^/>!={&$<" /* what the first character of a tag may say about it */

typedef struct {
    const char *at;
    apr_size_t length;
} span_t;

typedef struct {
    const char *start; /* the opening delimiter's first byte */
    const char *end;   /* past the closing delimiter */
    char sigil;        /* one of # ^ / > ! = { & or NUL for a plain name */
    span_t content;    /* without sigil and white space around */
    int line;
} tag_t;

typedef struct {
    apr_size_t node;
    const char *name;
    int line;
} open_section_t;

typedef struct {
    const char *file;
    const char *start; /* of the source */
    const char *end;   /* past its last byte */
    const char *at;    /* what comes from here on is not compiled yet */
    int line;          /* of AT */
    span_t opener;
    span_t closer;
    apr_array_header_t *nodes; /* of bks_node_t */
    open_section_t open[BKS_TEMPLATE_MAX_SECTIONS];
    int open_count;
    apr_pool_t *pool;
} compiler_t;

static const bks_error_t *complain(const compiler_t *c, int line, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

static const bks_error_t *complain(const compiler_t *c, int line, const char *format, ...)
{
    const char *why;
    va_list args;

    va_start(args, format);
    why = apr_pvsprintf(c->pool, format, args);
    va_end(args);
    return bks_error_make(BKS_ERROR_CONFIG, "config", APR_SUCCESS, c->pool, "%s:%d: %s", c->file, line, why);
}

static int is_space(char ch)
{
    return ch == ' ' || (ch >= '\t' && ch <= '\r');
}

static int is_blank(char ch)
{
    return ch == ' ' || ch == '\t';
}

static span_t trim(const char *from, const char *to)
{
    while (from < to && is_space(*from)) {
        from++;
    }
    while (to > from && is_space(to[-1])) {
        to--;
    }
    return (span_t){from, (apr_size_t)(to - from)};
}

/* The beginning of SPAN, fit for a message: one line, whole UTF-8 characters. */
static const char *excerpt(const compiler_t *c, span_t span)
{
    apr_size_t length = span.length;
    char *copy;

    if (length > EXCERPT_MAX) {
        length = EXCERPT_MAX;
        while (length > 0 && ((unsigned char)span.at[length] & 0xC0) == 0x80) {
            length--;
        }
    }
    copy = apr_pstrmemdup(c->pool, span.at, length);
    for (char *p = copy; *p; p++) {
        if ((unsigned char)*p < ' ' || *p == 0x7F) {
            *p = ' ';
        }
    }
    return length < span.length ? apr_pstrcat(c->pool, copy, "...", NULL) : copy;
}

static int starts_with(const char *at, const char *end, span_t what)
{
    return (apr_size_t)(end - at) >= what.length && memcmp(at, what.at, what.length) == 0;
}

/* Where NEEDLE stands first in FROM..TO, or NULL. */
static const char *find(const char *from, const char *to, span_t needle)
{
    while ((apr_size_t)(to - from) >= needle.length) {
        const char *hit = memchr(from, *needle.at, (apr_size_t)(to - from) - needle.length + 1);

        if (!hit || memcmp(hit, needle.at, needle.length) == 0) {
            return hit;
        }
        from = hit + 1;
    }
    return NULL;
}

/* Moves on to TO, counting the lines passed. */
static void advance(compiler_t *c, const char *to)
{
    for (; c->at < to; c->at++) {
        c->line += *c->at == '\n';
    }
}

static int starts_line(const compiler_t *c, const char *at)
{
    return at == c->start || at[-1] == '\n';
}

static bks_node_t *add_node(compiler_t *c, bks_node_kind_t kind, int line)
{
    bks_node_t *node = apr_array_push(c->nodes);

    memset(node, 0, sizeof(*node));
    node->kind = kind;
    node->line = line;
    node->end = (apr_size_t)c->nodes->nelts;
    return node;
}

/* The text from where the compiler stands up to TO. */
static void add_text(compiler_t *c, const char *to)
{
    bks_node_t *node;

    if (c->at < to) {
        node = add_node(c, BKS_NODE_TEXT, c->line);
        node->text = c->at;
        node->length = (apr_size_t)(to - c->at);
        node->starts_line = starts_line(c, c->at);
    }
    advance(c, to);
}

/* Nothing but the place where a line starts, in front of a tag: an indentation goes there. */
static void add_line_start(compiler_t *c)
{
    bks_node_t *node = add_node(c, BKS_NODE_TEXT, c->line);

    node->text = c->at;
    node->starts_line = 1;
}

/* The parts of NAME between its dots, NULL at the end; "." has none. */
static const char *const *split_name(const char *name, apr_pool_t *pool)
{
    apr_array_header_t *parts = apr_array_make(pool, 4, sizeof(const char *));

    if (strcmp(name, ".") != 0) {
        const char *dot;

        for (; (dot = strchr(name, '.')); name = dot + 1) {
            APR_ARRAY_PUSH(parts, const char *) = apr_pstrmemdup(pool, name, (apr_size_t)(dot - name));
        }
        APR_ARRAY_PUSH(parts, const char *) = name;
    }
    APR_ARRAY_PUSH(parts, const char *) = NULL;
    return (const char *const *)parts->elts;
}

/* The tag's content as a name, which it has to be. */
static const bks_error_t *name_of(const compiler_t *c, const tag_t *tag, const char **name)
{
    const span_t span = tag->content;

    if (span.length == 0) {
        return complain(c, tag->line, "the tag has no name; write one, or remove the tag");
    }
    for (apr_size_t i = 0; i < span.length; i++) {
        if (is_space(span.at[i])) {
            return complain(c, tag->line,
                            "\"%s\" is no name, since it holds white space; write it in one word, or look "
                            "for a tag that is not closed",
                            excerpt(c, span));
        }
    }
    *name = apr_pstrmemdup(c->pool, span.at, span.length);
    return BKS_FINE;
}

/* The same for a name that is looked up in the values, where dots separate its parts. */
static const bks_error_t *dotted_name_of(const compiler_t *c, const tag_t *tag, const char **name)
{
    BKS_TRY(name_of(c, tag, name));
    if (strcmp(*name, ".") != 0 && (**name == '.' || (*name)[tag->content.length - 1] == '.' || strstr(*name, ".."))) {
        return complain(c, tag->line, "\"%s\" has a dot with no name beside it; write \"a.b\", or \".\" alone",
                        excerpt(c, tag->content));
    }
    return BKS_FINE;
}

static const bks_error_t *add_value(compiler_t *c, const tag_t *tag, bks_node_kind_t kind)
{
    const char *name;
    bks_node_t *node;

    BKS_TRY(dotted_name_of(c, tag, &name));
    node = add_node(c, kind, tag->line);
    node->name = name;
    node->path = split_name(name, c->pool);
    return BKS_FINE;
}

static const bks_error_t *open_section(compiler_t *c, const tag_t *tag, bks_node_kind_t kind)
{
    open_section_t *section;

    if (c->open_count == BKS_TEMPLATE_MAX_SECTIONS) {
        return complain(c, tag->line,
                        "more than %d sections are open here; close some, or move a part of the template into "
                        "a partial",
                        BKS_TEMPLATE_MAX_SECTIONS);
    }
    BKS_TRY(add_value(c, tag, kind));
    section = &c->open[c->open_count++];
    section->node = (apr_size_t)c->nodes->nelts - 1;
    section->name = APR_ARRAY_IDX(c->nodes, section->node, bks_node_t).name;
    section->line = tag->line;
    return BKS_FINE;
}

static const bks_error_t *close_section(compiler_t *c, const tag_t *tag)
{
    const open_section_t *section;
    const char *name;

    BKS_TRY(dotted_name_of(c, tag, &name));
    if (c->open_count == 0) {
        return complain(c, tag->line,
                        "{{/%s}} closes a section that is not open; open it with {{#%s}}, or remove the tag",
                        excerpt(c, tag->content), excerpt(c, tag->content));
    }
    section = &c->open[c->open_count - 1];
    if (strcmp(section->name, name) != 0) {
        return complain(c, tag->line,
                        "{{/%s}} stands where the section \"%s\" of line %d is open; close that one before, "
                        "with {{/%s}}",
                        excerpt(c, tag->content), section->name, section->line, section->name);
    }
    APR_ARRAY_IDX(c->nodes, section->node, bks_node_t).end = (apr_size_t)c->nodes->nelts;
    c->open_count--;
    return BKS_FINE;
}

static const bks_error_t *add_partial(compiler_t *c, const tag_t *tag, span_t indentation)
{
    const char *name;
    bks_node_t *node;

    BKS_TRY(name_of(c, tag, &name));
    if (*name == '*') {
        return complain(c, tag->line,
                        "{{>%s}} takes its name from the values, which is not supported; write the partial's "
                        "own name",
                        excerpt(c, tag->content));
    }
    node = add_node(c, BKS_NODE_PARTIAL, tag->line);
    node->name = name;
    node->text = indentation.at;
    node->length = indentation.length;
    return BKS_FINE;
}

/* {{=OPENER CLOSER=}} */
static const bks_error_t *set_delimiters(compiler_t *c, const tag_t *tag)
{
    const char *end = tag->content.at + tag->content.length;
    const char *gap = tag->content.at;
    span_t closer;

    while (gap < end && !is_space(*gap)) {
        gap++;
    }
    closer = trim(gap, end);
    for (apr_size_t i = 0; i < closer.length; i++) {
        if (is_space(closer.at[i])) {
            closer.length = 0;
        }
    }
    if (closer.length == 0 || memchr(tag->content.at, '=', tag->content.length)) {
        return complain(c, tag->line,
                        "\"%s\" are no delimiters; write two of them with a space between and no \"=\" in them, "
                        "like {{=<%% %%>=}}",
                        excerpt(c, tag->content));
    }
    c->opener = (span_t){tag->content.at, (apr_size_t)(gap - tag->content.at)};
    c->closer = closer;
    return BKS_FINE;
}

/* Reads the tag that starts at START. */
static const bks_error_t *read_tag(const compiler_t *c, const char *start, tag_t *tag)
{
    const char *at = start + c->opener.length;
    const char *stop;
    span_t closer = c->closer;

    tag->start = start;
    tag->line = c->line;
    for (const char *p = c->at; p < start; p++) {
        tag->line += *p == '\n';
    }
    while (at < c->end && is_space(*at)) {
        at++;
    }
    tag->sigil = '\0';
    if (at < c->end && strchr(SIGILS, *at) && !starts_with(at, c->end, c->closer)) {
        tag->sigil = *at++;
    }
    if (tag->sigil == '{' || tag->sigil == '=') { /* these end in a sigil of their own */
        closer.at = apr_pstrcat(c->pool, tag->sigil == '{' ? "}" : "=",
                                apr_pstrmemdup(c->pool, c->closer.at, c->closer.length), NULL);
        closer.length++;
    }
    stop = find(at, c->end, closer);
    if (!stop) {
        return complain(c, tag->line, "the tag \"%s\" is never closed; end it with \"%s\"",
                        excerpt(c, (span_t){start, (apr_size_t)(c->end - start)}), excerpt(c, closer));
    }
    tag->content = trim(at, stop);
    tag->end = stop + closer.length;
    return BKS_FINE;
}

/* Whether the tag has its line (or the lines that it spans) for itself; then where those begin, and what follows them. */
static int stands_alone(const compiler_t *c, const tag_t *tag, const char **line_start, const char **line_end)
{
    const char *from = tag->start;
    const char *to = tag->end;

    if (tag->sigil == '\0' || tag->sigil == '{' || tag->sigil == '&') {
        return 0;
    }
    while (from > c->start && is_blank(from[-1])) {
        from--;
    }
    while (to < c->end && is_blank(*to)) {
        to++;
    }
    if (c->end - to >= 2 && to[0] == '\r' && to[1] == '\n') {
        to++;
    }
    if (!starts_line(c, from) || (to < c->end && *to != '\n')) {
        return 0;
    }
    *line_start = from;
    *line_end = to < c->end ? to + 1 : to;
    return 1;
}

static const bks_error_t *compile_tag(compiler_t *c, const tag_t *tag, span_t indentation)
{
    switch (tag->sigil) {
    case '!':
        return BKS_FINE;
    case '#':
        return open_section(c, tag, BKS_NODE_SECTION);
    case '^':
        return open_section(c, tag, BKS_NODE_INVERTED);
    case '/':
        return close_section(c, tag);
    case '>':
        return add_partial(c, tag, indentation);
    case '=':
        return set_delimiters(c, tag);
    case '{':
    case '&':
        return add_value(c, tag, BKS_NODE_RAW);
    case '$':
    case '<':
        return complain(c, tag->line, "{{%c%s}} belongs to template inheritance, which is not supported; use a partial",
                        tag->sigil, excerpt(c, tag->content));
    default:
        return add_value(c, tag, BKS_NODE_ESCAPED);
    }
}

/* The text before the tag, the tag, and the rest of its line if it has that for itself. */
static const bks_error_t *compile_up_to(compiler_t *c, const tag_t *tag)
{
    span_t indentation = {NULL, 0};
    const char *line_start;
    const char *line_end;

    if (stands_alone(c, tag, &line_start, &line_end)) {
        indentation = (span_t){line_start, (apr_size_t)(tag->start - line_start)};
        add_text(c, line_start);
        advance(c, line_end);
    }
    else {
        add_text(c, tag->start);
        if (starts_line(c, c->at)) {
            add_line_start(c);
        }
        advance(c, tag->end);
    }
    return compile_tag(c, tag, indentation);
}

static const bks_error_t *compile(compiler_t *c)
{
    const open_section_t *section;
    const char *start;
    tag_t tag;

    while ((start = find(c->at, c->end, c->opener))) {
        BKS_TRY(read_tag(c, start, &tag));
        BKS_TRY(compile_up_to(c, &tag));
    }
    add_text(c, c->end);
    if (c->open_count > 0) {
        section = &c->open[c->open_count - 1];
        return complain(c, section->line, "the section \"%s\" is never closed; end it with {{/%s}}", section->name,
                        section->name);
    }
    return BKS_FINE;
}

const bks_error_t *bks_program_compile(bks_program_t **program, const char *file, const char *source, apr_size_t length,
                                       apr_pool_t *pool)
{
    compiler_t c = {.file = file,
                    .start = source,
                    .end = source + length,
                    .at = source,
                    .line = 1,
                    .opener = {"{{", 2},
                    .closer = {"}}", 2},
                    .nodes = apr_array_make(pool, 32, sizeof(bks_node_t)),
                    .pool = pool};

    if (!bks_utf8_is(source, length) || memchr(source, '\0', length)) {
        return bks_error_make(BKS_ERROR_CONFIG, "config", APR_SUCCESS, pool, "%s is not text in UTF-8; save it as such",
                              file);
    }
    BKS_TRY(compile(&c));
    *program = apr_pcalloc(pool, sizeof(**program));
    (*program)->file = file;
    (*program)->nodes = (bks_node_t *)c.nodes->elts;
    (*program)->count = (apr_size_t)c.nodes->nelts;
    (*program)->text_length = length;
    return BKS_FINE;
}
