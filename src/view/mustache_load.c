/* Finding the template files, compiling them, and linking each partial's tag to its program.
 * SPDX-License-Identifier: Apache-2.0 */
#include "view/mustache_program.h"

#include <stdlib.h>
#include <string.h>

#include <apr_file_info.h>
#include <apr_file_io.h>
#include <apr_strings.h>
#include <apr_tables.h>

#define SUFFIX ".mustache"
#define SUFFIX_LENGTH (sizeof(SUFFIX) - 1)
#define BYTE_ORDER_MARK "\xEF\xBB\xBF"

static const bks_error_t *complain(apr_status_t status, apr_pool_t *pool, const char *path, const char *what)
{
    return bks_error_make(BKS_ERROR_CONFIG, "config", status, pool, "%s %s", path, what);
}

/* Reads all of FILE, which was opened from PATH. */
static const bks_error_t *read_open_file(apr_file_t *file, const char *path, const char **text, apr_size_t *length,
                                         apr_pool_t *pool)
{
    char *bytes = apr_palloc(pool, BKS_TEMPLATE_MAX + 1);
    apr_size_t count = 0;
    const apr_status_t status = apr_file_read_full(file, bytes, BKS_TEMPLATE_MAX + 1, &count);

    if (status != APR_SUCCESS && !APR_STATUS_IS_EOF(status)) {
        return complain(status, pool, path, "can't be read");
    }
    if (count > BKS_TEMPLATE_MAX) {
        return bks_error_make(BKS_ERROR_CONFIG, "config", APR_SUCCESS, pool,
                              "%s is larger than %d bytes; move a part of it into a partial", path, BKS_TEMPLATE_MAX);
    }
    *text = bytes;
    *length = count;
    return BKS_FINE;
}

/* The text of the file at PATH in POOL, without the byte order mark that some editors write. */
static const bks_error_t *read_file(const char *path, const char **text, apr_size_t *length, apr_pool_t *pool)
{
    const apr_size_t mark = sizeof(BYTE_ORDER_MARK) - 1;
    const bks_error_t *error;
    apr_pool_t *reading;
    apr_file_t *file;
    apr_status_t status = apr_pool_create(&reading, pool);

    if (status != APR_SUCCESS) {
        return complain(status, pool, path, "can't be read");
    }
    status = apr_file_open(&file, path, APR_FOPEN_READ, APR_FPROT_OS_DEFAULT, reading);
    if (status != APR_SUCCESS) {
        apr_pool_destroy(reading);
        return complain(status, pool, path, "can't be opened");
    }
    error = read_open_file(file, path, text, length, reading);
    if (error) {
        error = bks_error_copy(error, pool);
    }
    else {
        const int marked = *length >= mark && memcmp(*text, BYTE_ORDER_MARK, mark) == 0;

        *length -= marked ? mark : 0;
        *text = apr_pstrmemdup(pool, *text + (marked ? mark : 0), *length);
    }
    apr_pool_destroy(reading);
    return error;
}

/* Compiles the file at PATH as template NAME. */
static const bks_error_t *add_file(bks_templates_t *set, const char *name, const char *path, apr_pool_t *pool)
{
    const char *text = NULL;
    apr_size_t length = 0;
    bks_program_t *program;

    BKS_TRY(read_file(path, &text, &length, pool));
    BKS_TRY(bks_program_compile(&program, path, text, length, pool));
    apr_hash_set(set->programs, name, APR_HASH_KEY_STRING, program);
    return BKS_FINE;
}

static int compare_names(const void *a, const void *b)
{
    return strcmp(*(const char *const *)a, *(const char *const *)b);
}

/* The names of the templates of the open folder, sorted, so that the first fault found is always the same. */
static apr_status_t list_names(apr_dir_t *folder, apr_array_header_t *names, apr_pool_t *pool)
{
    apr_finfo_t entry;
    apr_status_t status;

    while ((status = apr_dir_read(&entry, APR_FINFO_NAME, folder)) == APR_SUCCESS || status == APR_INCOMPLETE) {
        const apr_size_t length = strlen(entry.name);

        if (length > SUFFIX_LENGTH && *entry.name != '.' && strcmp(entry.name + length - SUFFIX_LENGTH, SUFFIX) == 0) {
            APR_ARRAY_PUSH(names, const char *) = apr_pstrmemdup(pool, entry.name, length - SUFFIX_LENGTH);
        }
    }
    qsort(names->elts, (size_t)names->nelts, sizeof(const char *), compare_names);
    return APR_STATUS_IS_ENOENT(status) ? APR_SUCCESS : status; /* which is how a folder ends */
}

/* Compiles what the folder DIR has and no folder before it had. */
static const bks_error_t *add_folder(bks_templates_t *set, apr_array_header_t *names, const char *dir, apr_pool_t *pool)
{
    apr_array_header_t *here = apr_array_make(pool, 16, sizeof(const char *));
    apr_dir_t *folder;
    apr_status_t status = apr_dir_open(&folder, dir, pool);

    if (status == APR_SUCCESS) {
        status = list_names(folder, here, pool);
        apr_dir_close(folder);
    }
    if (status != APR_SUCCESS) {
        return complain(status, pool, dir, "can't be read as a folder of templates");
    }
    for (int i = 0; i < here->nelts; i++) {
        const char *name = APR_ARRAY_IDX(here, i, const char *);

        if (!bks_templates_has(set, name)) {
            BKS_TRY(add_file(set, name, apr_pstrcat(pool, dir, "/", name, SUFFIX, NULL), pool));
            APR_ARRAY_PUSH(names, const char *) = name;
        }
    }
    return BKS_FINE;
}

static const bks_error_t *link_program(const bks_templates_t *set, bks_program_t *program, const char *folders,
                                       apr_pool_t *pool)
{
    for (apr_size_t i = 0; i < program->count; i++) {
        bks_node_t *node = &program->nodes[i];

        if (node->kind != BKS_NODE_PARTIAL) {
            continue;
        }
        node->partial = apr_hash_get(set->programs, node->name, APR_HASH_KEY_STRING);
        if (!node->partial && folders) {
            return bks_error_make(
                BKS_ERROR_CONFIG, "config", APR_SUCCESS, pool,
                "%s:%d: {{> %s}} includes a file that is not there; write %s%s in %s, or remove the tag", program->file,
                node->line, node->name, node->name, SUFFIX, folders);
        }
    }
    return BKS_FINE;
}

/* Links all partials of the templates NAMES. FOLDERS (for the message) is NULL when a missing one is no fault. */
static const bks_error_t *link_all(const bks_templates_t *set, const apr_array_header_t *names, const char *folders,
                                   apr_pool_t *pool)
{
    for (int i = 0; i < names->nelts; i++) {
        const char *name = APR_ARRAY_IDX(names, i, const char *);

        BKS_TRY(link_program(set, apr_hash_get(set->programs, name, APR_HASH_KEY_STRING), folders, pool));
    }
    return BKS_FINE;
}

static const char *join_folders(const apr_array_header_t *dirs, apr_pool_t *pool)
{
    const char *joined = APR_ARRAY_IDX(dirs, 0, const char *);

    for (int i = 1; i < dirs->nelts; i++) {
        joined = apr_pstrcat(pool, joined, " or ", APR_ARRAY_IDX(dirs, i, const char *), NULL);
    }
    return joined;
}

static bks_templates_t *make_set(apr_pool_t *pool)
{
    bks_templates_t *set = apr_palloc(pool, sizeof(*set));

    set->programs = apr_hash_make(pool);
    return set;
}

const bks_error_t *bks_templates_load(const bks_templates_t **templates, const apr_array_header_t *dirs, int strict,
                                      apr_pool_t *pool)
{
    apr_array_header_t *names = apr_array_make(pool, 16, sizeof(const char *));
    bks_templates_t *set = make_set(pool);

    for (int i = 0; i < dirs->nelts; i++) {
        BKS_TRY(add_folder(set, names, APR_ARRAY_IDX(dirs, i, const char *), pool));
    }
    BKS_TRY(link_all(set, names, strict && dirs->nelts > 0 ? join_folders(dirs, pool) : NULL, pool));
    *templates = set;
    return BKS_FINE;
}

/* Compiles the partials of PROGRAM that are there and not yet in the set, and appends their names to NAMES. A name that
 * leads out of the folder, or to a hidden file, is none of its templates. */
static const bks_error_t *add_partials(bks_templates_t *set, apr_array_header_t *names, const bks_program_t *program,
                                       const char *dir, apr_pool_t *pool)
{
    for (apr_size_t i = 0; i < program->count; i++) {
        const char *name = program->nodes[i].name;
        const char *path;
        apr_finfo_t info;

        if (program->nodes[i].kind != BKS_NODE_PARTIAL || bks_templates_has(set, name) || *name == '.'
            || strchr(name, '/')) {
            continue;
        }
        path = apr_pstrcat(pool, dir, name, SUFFIX, NULL);
        if (!APR_STATUS_IS_ENOENT(apr_stat(&info, path, APR_FINFO_TYPE, pool))) {
            BKS_TRY(add_file(set, name, path, pool));
            APR_ARRAY_PUSH(names, const char *) = name;
        }
    }
    return BKS_FINE;
}

const bks_error_t *bks_templates_load_file(const bks_templates_t **templates, const char **name, const char *path,
                                           apr_pool_t *pool)
{
    apr_array_header_t *names = apr_array_make(pool, 16, sizeof(const char *));
    const char *slash = strrchr(path, '/');
    const char *dir = slash ? apr_pstrmemdup(pool, path, (apr_size_t)(slash + 1 - path)) : "";
    const char *base = slash ? slash + 1 : path;
    apr_size_t length = strlen(base);
    bks_templates_t *set = make_set(pool);

    if (length > SUFFIX_LENGTH && strcmp(base + length - SUFFIX_LENGTH, SUFFIX) == 0) {
        length -= SUFFIX_LENGTH;
    }
    *name = apr_pstrmemdup(pool, base, length);
    BKS_TRY(add_file(set, *name, path, pool));
    APR_ARRAY_PUSH(names, const char *) = *name;
    for (int i = 0; i < names->nelts; i++) { /* which grows while it is walked */
        const char *known = APR_ARRAY_IDX(names, i, const char *);

        BKS_TRY(add_partials(set, names, apr_hash_get(set->programs, known, APR_HASH_KEY_STRING), dir, pool));
    }
    BKS_TRY(link_all(set, names, NULL, pool));
    *templates = set;
    return BKS_FINE;
}
