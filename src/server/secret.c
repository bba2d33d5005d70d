/* Reading secrets while the server may still read them: from the environment, a file, or a program's output.
 * SPDX-License-Identifier: Apache-2.0 */
#include "server/module.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <apr_lib.h>
#include <apr_strings.h>
#include <http_core.h>

#define SECRET_BYTES_MAX 4096

static const bks_error_t *refuse(apr_pool_t *pool, const char *directive, const char *why)
{
    return bks_error_make(BKS_ERROR_CONFIG, "config", APR_SUCCESS, pool, "%s: %s", directive, why);
}

/* A variable is read once and unset, so that neither CGI programs nor children see it; since httpd reads its
 * configuration again at each restart, it is kept with the process. */
static const bks_error_t *read_env(const char **secret, const char *name, const char *directive, process_rec *process,
                                   apr_pool_t *pool)
{
    const char *slot = apr_pstrcat(process->pool, "bookshop-env:", name, NULL);
    void *kept = NULL;
    const char *value = getenv(name);

    apr_pool_userdata_get(&kept, slot, process->pool);
    if (value) {
        kept = apr_pstrdup(process->pool, value);
        apr_pool_userdata_set(kept, slot, apr_pool_cleanup_null, process->pool);
        unsetenv(name);
    }
    if (!kept || !*(const char *)kept) {
        return refuse(pool, directive, apr_psprintf(pool, "the environment variable %s is not set where httpd is started "
                                                    "(on Debian: /etc/apache2/envvars)", name));
    }
    *secret = kept;
    return BKS_FINE;
}

/* The file has to be the starter's own, and nobody else's to read. */
static const char *why_not_safe(const struct stat *found, const char *path, apr_pool_t *pool)
{
    if (!S_ISREG(found->st_mode)) {
        return apr_psprintf(pool, "%s is not a regular file", path);
    }
    if (found->st_uid != geteuid()) {
        return apr_psprintf(pool, "%s must belong to the user that starts httpd: chown it to uid %ld", path,
                            (long)geteuid());
    }
    if (found->st_mode & 077) {
        return apr_psprintf(pool, "%s can be read by others: chmod 600 it", path);
    }
    if (found->st_size > SECRET_BYTES_MAX) {
        return apr_psprintf(pool, "%s is larger than %d bytes: it can't be a key", path, SECRET_BYTES_MAX);
    }
    return NULL;
}

static const bks_error_t *read_open_file(const char **secret, int fd, const char *path, const char *directive,
                                         apr_pool_t *pool)
{
    char *text = apr_palloc(pool, SECRET_BYTES_MAX + 1);
    struct stat found;
    const char *why;
    ssize_t size;

    if (fstat(fd, &found) != 0) {
        return refuse(pool, directive, apr_psprintf(pool, "%s can't be examined: %s", path, strerror(errno)));
    }
    why = why_not_safe(&found, path, pool);
    if (why) {
        return refuse(pool, directive, why);
    }
    size = read(fd, text, SECRET_BYTES_MAX);
    if (size < 0) {
        return refuse(pool, directive, apr_psprintf(pool, "%s can't be read: %s", path, strerror(errno)));
    }
    text[size] = '\0';
    if (size > 0 && text[size - 1] == '\n') {
        text[size - 1] = '\0';
    }
    if (!*text) {
        return refuse(pool, directive, apr_psprintf(pool, "%s is empty: put the key into it", path));
    }
    *secret = text;
    return BKS_FINE;
}

static const bks_error_t *read_file(const char **secret, const char *path, const char *directive, apr_pool_t *pool)
{
    const bks_error_t *error;
    int fd;

    if (*path != '/') {
        return refuse(pool, directive, apr_psprintf(pool, "file:%s must be an absolute path", path));
    }
    fd = open(path, O_RDONLY | O_NOFOLLOW | O_CLOEXEC | O_NONBLOCK);
    if (fd < 0) {
        return refuse(pool, directive, errno == ELOOP
                          ? apr_psprintf(pool, "%s is a symbolic link: name the file itself", path)
                          : apr_psprintf(pool, "%s can't be opened: %s", path, strerror(errno)));
    }
    error = read_open_file(secret, fd, path, directive, pool);
    close(fd);
    return error;
}

static const bks_error_t *read_exec(const char **secret, const char *command, const char *directive, apr_pool_t *pool)
{
    char **argv;
    const char *line;

    if (*command != '/' || apr_tokenize_to_argv(command, &argv, pool) != APR_SUCCESS || !argv[0]) {
        return refuse(pool, directive, apr_psprintf(pool, "exec:%s must name a program by its absolute path", command));
    }
    line = ap_get_exec_line(pool, argv[0], (const char *const *)argv);
    if (!line || !*line) {
        return refuse(pool, directive, apr_psprintf(pool, "%s printed nothing: it has to print the key as its first line",
                                                    argv[0]));
    }
    *secret = line;
    return BKS_FINE;
}

const bks_error_t *bks_secret_read(const char **secret, const char *source, const char *directive, process_rec *process,
                                   apr_pool_t *pool)
{
    if (strncmp(source, "env:", 4) == 0) {
        BKS_TRY(read_env(secret, source + 4, directive, process, pool));
    }
    else if (strncmp(source, "file:", 5) == 0) {
        BKS_TRY(read_file(secret, source + 5, directive, pool));
    }
    else if (strncmp(source, "exec:", 5) == 0) {
        BKS_TRY(read_exec(secret, source + 5, directive, pool));
    }
    else {
        return refuse(pool, directive, "a secret is never written into the configuration: use env:NAME, file:/path or "
                                       "exec:/path");
    }
    for (const char *c = *secret; *c; c++) {
        if (!apr_isgraph(*c)) {
            return refuse(pool, directive, "the secret holds a space or a line break: it must be the key and nothing else");
        }
    }
    return BKS_FINE;
}
