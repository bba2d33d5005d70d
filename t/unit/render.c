/* build/render TEMPLATE.mustache DATA.json: renders one template from the command line, with partials of its folder.
 * SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include <apr_general.h>

#include "base/json.h"
#include "view/mustache.h"

#define DATA_MAX (64 * 1024 * 1024) /* bytes of the JSON file */

static const bks_error_t *render(const char *template_path, const char *data_path, apr_pool_t *pool)
{
    const bks_templates_t *templates;
    const bks_json_t *values;
    const char *name, *text;
    apr_size_t length;

    BKS_TRY(bks_templates_load_file(&templates, &name, template_path, pool));
    BKS_TRY(bks_json_load(data_path, DATA_MAX, &values, pool));
    BKS_TRY(bks_template_render(templates, name, values, &text, &length, pool));
    if (fwrite(text, 1, length, stdout) != length || fflush(stdout) != 0) {
        return bks_error_make(BKS_ERROR_INTERNAL, "internal", APR_FROM_OS_ERROR(errno), pool, "stdout");
    }
    return BKS_FINE;
}

int main(int argc, const char *const *argv)
{
    const bks_error_t *error;
    apr_pool_t *pool;

    if (argc != 3) {
        fprintf(stderr, "usage: %s TEMPLATE.mustache DATA.json\n", argv[0]);
        return EXIT_FAILURE;
    }
    if (apr_initialize() != APR_SUCCESS || apr_pool_create(&pool, NULL) != APR_SUCCESS) {
        fputs("APR can't start\n", stderr);
        return EXIT_FAILURE;
    }
    error = render(argv[1], argv[2], pool);
    if (error) {
        fprintf(stderr, "%s\n", bks_error_print(error, pool));
    }
    apr_terminate();
    return error ? EXIT_FAILURE : EXIT_SUCCESS;
}
