/* Mustache: templates compiled once, rendered from JSON values. The core of the published specification: interpolation,
 * sections, inverted sections, partials, comments, delimiters.
 * SPDX-License-Identifier: Apache-2.0
 *
 * Source: mustache(5), github.com/mustache/spec.
 *
 * Where the specification leaves it open, or we add to it:
 * - A section is false for null, false, an empty list, a name that is not there, and (ours) the empty text "".
 *   Everything else is true: 0 and an empty object too.
 * - Text and numbers print as they are in JSON, true and false as these words; null, lists and objects print nothing.
 * - A member that is null hides one of the same name further out.
 * - Escaping turns & < > " ' into &amp; &lt; &gt; &quot; &#39;, so a value may stand in a quoted attribute.
 * - The indentation of a partial that stands alone on its line goes before each of the partial's lines, empty ones too,
 *   and never into the lines of a value.
 * - The tags of the optional modules ({{$block}}, {{<parent}}, {{>*dynamic}}) are refused. */
#ifndef BKS_VIEW_MUSTACHE_H
#define BKS_VIEW_MUSTACHE_H

#include <apr_pools.h>
#include <apr_tables.h>

#include "base/error.h"
#include "base/json.h"

typedef struct bks_templates_t bks_templates_t; /* a set of templates that may include one another; frozen once made */

#define BKS_TEMPLATE_MAX (256 * 1024)              /* bytes of one template file */
#define BKS_TEMPLATE_MAX_SECTIONS 64               /* sections open at once in one template file */
#define BKS_TEMPLATE_MAX_PARTIALS 64               /* partials inside one another, while rendering */
#define BKS_TEMPLATE_MAX_SCOPES 1024               /* sections inside one another, over all partials, while rendering */
#define BKS_TEMPLATE_MAX_OUTPUT (16 * 1024 * 1024) /* bytes of one rendered text */
#define BKS_TEMPLATE_MAX_STEPS 10000000            /* nodes visited and scopes searched in one rendering */

/* Compiles every NAME.mustache of the folders in DIRS (array of const char *, the first one that has a NAME wins; hidden
 * files are skipped). Fails as CONFIG "config": a folder or file that can't be read, a file over BKS_TEMPLATE_MAX,
 * a template that does not parse (file, line, and what to do), and, with STRICT, a partial that is not there; without,
 * such a partial renders as nothing. Lives as long as POOL. */
const bks_error_t *bks_templates_load(const bks_templates_t **templates, const apr_array_header_t *dirs, int strict,
                                      apr_pool_t *pool);

/* Compiles the template file at PATH and those files of its folder that it includes, directly or not; no other file is
 * looked at. *NAME gets the name to render it by. A partial that is not there renders as nothing. Fails as
 * bks_templates_load does. Lives as long as POOL. */
const bks_error_t *bks_templates_load_file(const bks_templates_t **templates, const char **name, const char *path,
                                           apr_pool_t *pool);

/* Whether there is a template NAME. */
int bks_templates_has(const bks_templates_t *templates, const char *name);

/* Renders template NAME with VALUES (any JSON value; NULL is null); OUT and LENGTH get the text, NUL-terminated, from
 * POOL. Any thread. Fails as INTERNAL "internal" for an unknown name or a limit above that is passed. */
const bks_error_t *bks_template_render(const bks_templates_t *templates, const char *name, const bks_json_t *values,
                                       const char **out, apr_size_t *length, apr_pool_t *pool);

#endif
