/* What a Mustache template becomes: an array of nodes in the order of the text, each section knowing where it ends.
 * Between mustache_compile.c, mustache_load.c and mustache_render.c alone; everybody else uses mustache.h.
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef BKS_VIEW_MUSTACHE_PROGRAM_H
#define BKS_VIEW_MUSTACHE_PROGRAM_H

#include <apr_hash.h>

#include "view/mustache.h"

typedef enum {
    BKS_NODE_TEXT,     /* copied to the output as it is */
    BKS_NODE_ESCAPED,  /* {{name}} */
    BKS_NODE_RAW,      /* {{{name}}} and {{&name}} */
    BKS_NODE_SECTION,  /* {{#name}} */
    BKS_NODE_INVERTED, /* {{^name}} */
    BKS_NODE_PARTIAL   /* {{> name}} */
} bks_node_kind_t;

typedef struct bks_program_t bks_program_t;

typedef struct {
    bks_node_kind_t kind;
    int line;                     /* of the file, from 1 */
    int starts_line;              /* text: its first byte is the first of a line, where an indentation goes */
    const char *text;             /* text: its bytes; partial alone on its line: the indentation before it */
    apr_size_t length;            /* bytes of text */
    const char *name;             /* as written in the tag; NULL for text */
    const char *const *path;      /* the parts of a dotted name, NULL at the end; "." has none */
    apr_size_t end;               /* the index of the next node; for a section the one after its body */
    const bks_program_t *partial; /* linked by mustache_load.c; NULL: there is none, and nothing is rendered */
} bks_node_t;

struct bks_program_t {
    const char *file;
    bks_node_t *nodes; /* changed until it is linked, and never after */
    apr_size_t count;
    apr_size_t text_length; /* bytes of the source: a first guess at the size of the output */
};

struct bks_templates_t {
    apr_hash_t *programs; /* name -> const bks_program_t * */
};

/* Compiles SOURCE (LENGTH bytes, kept as long as POOL: the nodes point into it) of FILE (for messages). Partials are not
 * linked yet. Fails as CONFIG "config" with "FILE:LINE: what is wrong; what to do". From POOL. */
const bks_error_t *bks_program_compile(bks_program_t **program, const char *file, const char *source, apr_size_t length,
                                       apr_pool_t *pool);

#endif
