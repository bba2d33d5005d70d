/* Sets of templates: folders and which of them wins, errors and their words, limits, many threads at once.
 * What a template prints is checked by t/mustache/run-spec.
 * SPDX-License-Identifier: Apache-2.0 */
#include <stdlib.h>
#include <unistd.h>

#include <apr_file_io.h>
#include <apr_general.h>
#include <apr_strings.h>
#include <apr_tables.h>
#include <apr_thread_proc.h>

#include "base/json.h"
#include "tap.h"
#include "view/mustache.h"

#define THREADS 8
#define RENDERINGS_EACH 500

/* A new empty folder, which goes with POOL. */
static apr_status_t remove_folder(void *path)
{
    apr_pool_t *pool;
    apr_dir_t *folder;
    apr_finfo_t entry;

    apr_pool_create(&pool, NULL);
    if (apr_dir_open(&folder, path, pool) == APR_SUCCESS) {
        while (apr_dir_read(&entry, APR_FINFO_NAME, folder) == APR_SUCCESS) {
            if (strcmp(entry.name, ".") != 0 && strcmp(entry.name, "..") != 0) {
                apr_file_remove(apr_pstrcat(pool, path, "/", entry.name, NULL), pool);
            }
        }
        apr_dir_close(folder);
    }
    apr_dir_remove(path, pool);
    apr_pool_destroy(pool);
    return APR_SUCCESS;
}

static const char *make_folder(apr_pool_t *pool)
{
    const char *base;
    char *path;

    if (apr_temp_dir_get(&base, pool) != APR_SUCCESS) {
        abort();
    }
    path = apr_pstrcat(pool, base, "/bookshop-test-XXXXXX", NULL);
    if (!mkdtemp(path)) {
        abort();
    }
    apr_pool_cleanup_register(pool, path, remove_folder, apr_pool_cleanup_null);
    return path;
}

static void write_file(const char *folder, const char *name, const char *text, apr_pool_t *pool)
{
    apr_file_t *file;

    if (apr_file_open(&file, apr_pstrcat(pool, folder, "/", name, NULL),
                      APR_FOPEN_WRITE | APR_FOPEN_CREATE | APR_FOPEN_TRUNCATE, APR_FPROT_OS_DEFAULT, pool)
            != APR_SUCCESS
        || apr_file_write_full(file, text, strlen(text), NULL) != APR_SUCCESS || apr_file_close(file) != APR_SUCCESS) {
        abort();
    }
}

static const apr_array_header_t *folders(apr_pool_t *pool, const char *first, const char *second)
{
    apr_array_header_t *dirs = apr_array_make(pool, 2, sizeof(const char *));

    APR_ARRAY_PUSH(dirs, const char *) = first;
    if (second) {
        APR_ARRAY_PUSH(dirs, const char *) = second;
    }
    return dirs;
}

static const bks_json_t *json(const char *text, apr_pool_t *pool)
{
    const bks_json_t *value = NULL;

    if (bks_json_parse(text, strlen(text), &value, pool)) {
        abort();
    }
    return value;
}

/* What template NAME makes of VALUES (JSON), or the error in words. */
static const char *rendered(const bks_templates_t *set, const char *name, const char *values, apr_pool_t *pool)
{
    const char *text = NULL;
    apr_size_t length = 0;
    const bks_error_t *error = bks_template_render(set, name, json(values, pool), &text, &length, pool);

    if (error) {
        return bks_error_print(error, pool);
    }
    return strlen(text) == length ? text : "(the length is wrong)";
}

/* The error of loading FOLDER, with FOLDER itself written as DIR; NULL when there is none. */
static const char *load_error(const char *folder, int strict, apr_pool_t *pool)
{
    const bks_templates_t *set = NULL;
    const bks_error_t *error = bks_templates_load(&set, folders(pool, folder, NULL), strict, pool);
    const char *text, *at;

    if (!error) {
        return NULL;
    }
    tap_is_int(error->kind, BKS_ERROR_CONFIG, "... is for the admin");
    text = bks_error_print(error, pool);
    while ((at = strstr(text, folder))) {
        text = apr_pstrcat(pool, apr_pstrmemdup(pool, text, (apr_size_t)(at - text)), "DIR", at + strlen(folder), NULL);
    }
    return text;
}

static void test_folders(apr_pool_t *pool)
{
    const char *ours = make_folder(pool), *theirs = make_folder(pool);
    const bks_templates_t *set = NULL;
    const bks_error_t *error;

    write_file(ours, "page.mustache", "{{> head}}page of {{shop}}", pool);
    write_file(ours, "head.mustache", "[our head]", pool);
    write_file(ours, "foot.mustache", "{{#never closed, and never read}}", pool);
    write_file(theirs, "head.mustache", "[their head]", pool);
    write_file(theirs, "foot.mustache", "[their foot]", pool);
    write_file(theirs, ".hidden.mustache", "{{", pool);
    write_file(theirs, ".mustache", "{{", pool);
    write_file(theirs, "notes.txt", "{{", pool);
    write_file(theirs, "page.mustache~", "{{", pool);

    error = bks_templates_load(&set, folders(pool, theirs, ours), 1, pool);
    if (!tap_ok(!error, "two folders load, and only their own templates are read")) {
        printf("# %s\n", bks_error_print(error, pool));
        return;
    }
    tap_is_text(rendered(set, "page", "{\"shop\":\"A&B\"}", pool), "[their head]page of A&amp;B",
                "a template of the first folder takes the place of the second's, in partials too");
    tap_is_text(rendered(set, "foot", "{}", pool), "[their foot]", "and one that is hidden so is not read");
    tap_ok(bks_templates_has(set, "page") && bks_templates_has(set, "head"), "templates are known by name");
    tap_ok(!bks_templates_has(set, "notes") && !bks_templates_has(set, ".hidden") && !bks_templates_has(set, ""),
           "other files are not");
    tap_is_text(rendered(set, "nobody", "{}", pool), "there is no template nobody.mustache",
                "an unknown name is an error");
}

static void test_errors(apr_pool_t *pool)
{
    const char *dir = make_folder(pool);

    tap_is_text(load_error(apr_pstrcat(pool, dir, "/none", NULL), 1, pool),
                "DIR can't be read as a folder of templates (No such file or directory)", "a folder that is not there");
    tap_is_text(load_error(dir, 1, pool), NULL, "an empty folder is fine");

    write_file(dir, "page.mustache", "1\n2\n  {{> head}}\n", pool);
    tap_is_text(
        load_error(dir, 1, pool),
        "DIR/page.mustache:3: {{> head}} includes a file that is not there; write head.mustache in DIR, or remove "
        "the tag",
        "a missing partial, strict");
    tap_is_text(load_error(dir, 0, pool), NULL, "a missing partial, not strict");

    write_file(dir, "head.mustache", "\n{{#nav}}\n", pool);
    tap_is_text(load_error(dir, 0, pool),
                "DIR/head.mustache:2: the section \"nav\" is never closed; end it with {{/nav}}",
                "a section left open");
    write_file(dir, "again.mustache", "{{/nav}}", pool);
    tap_is_text(
        load_error(dir, 0, pool),
        "DIR/again.mustache:1: {{/nav}} closes a section that is not open; open it with {{#nav}}, or remove the tag",
        "of several faults the first by name is told");
}

static void test_one_file(apr_pool_t *pool)
{
    const char *dir = make_folder(pool);
    const bks_templates_t *set = NULL;
    const char *name = NULL;

    write_file(dir, "a.mustache", "a{{> b}}{{> none}}", pool);
    write_file(dir, "b.mustache", "b{{> c}}", pool);
    write_file(dir, "c.mustache", "c{{#deeper}}{{> a}}{{/deeper}}", pool);
    write_file(dir, "broken.mustache", "{{", pool);

    if (!tap_ok(!bks_templates_load_file(&set, &name, apr_pstrcat(pool, dir, "/a.mustache", NULL), pool),
                "a single file loads beside a broken one")) {
        return;
    }
    tap_is_text(name, "a", "it goes by the file's name");
    tap_ok(bks_templates_has(set, "c") && !bks_templates_has(set, "broken"), "what it includes is there, and no more");
    tap_is_text(rendered(set, name, "{\"deeper\":{\"deeper\":\"\"}}", pool), "abcabc",
                "partials in a circle end by the values");
}

static void test_limits(apr_pool_t *pool)
{
    const char *dir = make_folder(pool);
    const bks_templates_t *set = NULL;
    const bks_error_t *error;
    const char *text = NULL;
    char *values = apr_pcalloc(pool, 2 * 1000 * 1000);
    apr_size_t length = 0;

    write_file(dir, "loop.mustache", "{{> loop}}", pool);
    write_file(dir, "page.mustache", "{{#many}}{{text}}{{text}}{{text}}{{text}}{{text}}{{text}}{{/many}}", pool);
    error = bks_templates_load(&set, folders(pool, dir, NULL), 1, pool);
    tap_ok(!error, "a template that includes itself loads");
    error = bks_template_render(set, "loop", NULL, &text, &length, pool);
    tap_ok(error && error->kind == BKS_ERROR_INTERNAL && strstr(error->detail, "64 partials"), "and is stopped");

    memset(values, 'x', 1000 * 1000);
    error = bks_template_render(set, "page", json(apr_psprintf(pool, "{\"many\":[1,2],\"text\":\"%s\"}", values), pool),
                                &text, &length, pool);
    tap_ok(!error && length == 12 * 1000 * 1000, "12 MB of output are given");
    error =
        bks_template_render(set, "page", json(apr_psprintf(pool, "{\"many\":[1,2,3],\"text\":\"%s\"}", values), pool),
                            &text, &length, pool);
    tap_ok(error && error->kind == BKS_ERROR_INTERNAL && strstr(error->detail, "16777216 bytes"), "18 MB are refused");
}

typedef struct {
    const bks_templates_t *set;
    const bks_json_t *values;
    const char *expected;
    apr_pool_t *pool; /* its own */
    int wrong;
} worker_t;

static void *APR_THREAD_FUNC work(apr_thread_t *thread, void *baton)
{
    worker_t *worker = baton;

    (void)thread;
    for (int i = 0; i < RENDERINGS_EACH; i++) {
        const char *text = NULL;
        apr_size_t length = 0;

        apr_pool_clear(worker->pool);
        if (bks_template_render(worker->set, "shelf", worker->values, &text, &length, worker->pool)
            || strcmp(text, worker->expected) != 0) {
            worker->wrong++;
        }
    }
    return NULL;
}

static void test_threads(apr_pool_t *pool)
{
    const char *dir = make_folder(pool);
    const bks_templates_t *set = NULL;
    const bks_json_t *values =
        json("{\"name\":\"A\",\"price\":1.5,\"sub\":[{\"name\":\"B\",\"sub\":[{\"name\":\"C & D\",\"sub\":[]}]},"
             "{\"name\":\"E\",\"price\":7,\"sub\":\"\"}]}",
             pool);
    apr_thread_t *threads[THREADS];
    worker_t workers[THREADS];
    apr_status_t ended;
    int wrong = 0;

    write_file(dir, "shelf.mustache", "{{name}} {{price}}\n{{#sub}}\n  {{> shelf}}\n{{/sub}}\n", pool);
    if (!tap_ok(!bks_templates_load(&set, folders(pool, dir, NULL), 1, pool), "a recursive template loads")) {
        return;
    }
    for (int i = 0; i < THREADS; i++) {
        workers[i] = (worker_t){set, values, "A 1.5\n  B 1.5\n    C &amp; D 1.5\n  E 7\n", NULL, 0};
        if (apr_pool_create(&workers[i].pool, NULL) != APR_SUCCESS
            || apr_thread_create(&threads[i], NULL, work, &workers[i], pool) != APR_SUCCESS) {
            abort();
        }
    }
    for (int i = 0; i < THREADS; i++) {
        apr_thread_join(&ended, threads[i]);
        wrong += workers[i].wrong;
        apr_pool_destroy(workers[i].pool);
    }
    tap_is_int(wrong, 0, "eight threads at once render the same text each time");
}

int main(void)
{
    apr_pool_t *pool;

    if (apr_initialize() != APR_SUCCESS || apr_pool_create(&pool, NULL) != APR_SUCCESS) {
        abort();
    }
    test_folders(pool);
    test_errors(pool);
    test_one_file(pool);
    test_limits(pool);
    test_threads(pool);
    apr_pool_destroy(pool);
    apr_terminate();
    return tap_done();
}
