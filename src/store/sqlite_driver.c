/* The SQLite driver as the port sees it: its table of functions, its url, and the file behind it.
 * SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <apr_atomic.h>
#include <apr_strings.h>

#include "store/sqlite.h"

typedef struct {
    bks_sqlite_place_t place;
    bks_sqlite_readers_t *readers;
    bks_sqlite_writer_t *writer;
    int has_thread;
    volatile apr_uint32_t at_work; /* calls under way */
} store_t;

static const bks_error_t *file_error(bks_error_kind_t kind, apr_status_t status, apr_pool_t *pool, const char *path,
                                     const char *why)
{
    return bks_error_make(kind, kind == BKS_ERROR_CONFIG ? "database_config" : "database_unavailable", status, pool,
                          "the database %s %s", path, why);
}

/* ADDRESS with the symbolic links of its directory followed, so that none is left but a last one, which is refused. */
static const bks_error_t *path_resolve(const char **path, const char *address, apr_pool_t *pool)
{
    const char *name = strrchr(address, '/');
    const char *directory = name == address ? "/" : apr_pstrmemdup(pool, address, name ? (apr_size_t)(name - address) : 0);
    char *real;

    if (address[0] != '/' || name[1] == '\0') {
        return file_error(BKS_ERROR_CONFIG, APR_SUCCESS, pool, address, "is no absolute path of a file");
    }
    real = realpath(directory, NULL);
    if (!real) {
        return file_error(BKS_ERROR_UNAVAILABLE, errno, pool, address, "lies in a folder that can't be reached");
    }
    *path = apr_pstrcat(pool, strcmp(real, "/") == 0 ? "" : real, name, NULL);
    free(real);
    return BKS_FINE;
}

/* An empty file, for the owner alone, is a new database to SQLite, whose other files take the same mode. */
static const bks_error_t *file_make(const char *path, apr_pool_t *pool)
{
    struct stat log;
    int fd;

    if (lstat(apr_pstrcat(pool, path, "-wal", NULL), &log) == 0) {
        return file_error(BKS_ERROR_UNAVAILABLE, APR_ENOENT, pool, path,
                          "is missing, but its -wal file is there: put it back, or move that file away for an empty shop");
    }
    fd = open(path, O_CREAT | O_EXCL | O_RDWR | O_NOFOLLOW | O_CLOEXEC, S_IRUSR | S_IWUSR);
    if (fd < 0) {
        return errno == EEXIST ? BKS_FINE : file_error(BKS_ERROR_UNAVAILABLE, errno, pool, path, "can't be made");
    }
    close(fd);
    return BKS_FINE;
}

static const bks_error_t *file_check(const char *path, int create, apr_pool_t *pool)
{
    struct stat file;

    if (lstat(path, &file) != 0) {
        const int reason = errno;

        return reason == ENOENT && create ? file_make(path, pool)
                                          : file_error(BKS_ERROR_UNAVAILABLE, reason, pool, path, "can't be opened");
    }
    if (S_ISLNK(file.st_mode)) {
        return file_error(BKS_ERROR_UNAVAILABLE, APR_SUCCESS, pool, path, "is a symbolic link: give the file itself");
    }
    if (!S_ISREG(file.st_mode)) {
        return file_error(BKS_ERROR_UNAVAILABLE, APR_SUCCESS, pool, path, "is not a file");
    }
    return BKS_FINE;
}

/* Without threads a signal may have interrupted a call (prefork stops a child like this): SQLite and its locks are then in
 * the midst of something, nothing may wait for them, and the end of the process undoes what was not committed. */
static apr_status_t store_close(void *baton)
{
    store_t *store = baton;

    if (store->has_thread || apr_atomic_read32(&store->at_work) == 0) {
        bks_sqlite_writer_close(store->writer);
        bks_sqlite_readers_close(store->readers);
    }
    return APR_SUCCESS;
}

static const bks_error_t *store_open(void **out, const char *address, const bks_db_options_t *options, apr_pool_t *pool)
{
    store_t *store = apr_pcalloc(pool, sizeof(*store));

    BKS_TRY(path_resolve(&store->place.path, address, pool));
    BKS_TRY(file_check(store->place.path, options->create, pool));
    store->place.wait_ms = options->wait_ms;
    store->place.log = options->log;
    store->has_thread = options->writer_thread;
    BKS_TRY(bks_sqlite_readers_make(&store->readers, &store->place, options->readers, pool));
    BKS_TRY(bks_sqlite_writer_make(&store->writer, &store->place, &options->write_lock, options->writer_thread, pool));
    /* before the pools below this one go, the writer thread's among them */
    apr_pool_pre_cleanup_register(pool, store, store_close);
    *out = store;
    return BKS_FINE;
}

static const bks_error_t *store_read(void *baton, bks_db_work_fn *work, void *work_baton, apr_pool_t *pool)
{
    store_t *store = baton;
    const bks_error_t *error;

    apr_atomic_inc32(&store->at_work);
    error = bks_sqlite_readers_run(store->readers, work, work_baton, pool);
    apr_atomic_dec32(&store->at_work);
    return error;
}

static const bks_error_t *store_write(void *baton, bks_db_work_fn *work, void *work_baton, apr_pool_t *pool)
{
    store_t *store = baton;
    const bks_error_t *error;

    apr_atomic_inc32(&store->at_work);
    error = bks_sqlite_writer_run(store->writer, work, work_baton, pool);
    apr_atomic_dec32(&store->at_work);
    return error;
}

static void store_write_later(void *baton, bks_db_work_fn *work, void *work_baton, apr_pool_t *pool)
{
    store_t *store = baton;

    apr_atomic_inc32(&store->at_work);
    bks_sqlite_writer_run_later(store->writer, work, work_baton, pool);
    apr_atomic_dec32(&store->at_work);
}

const bks_db_driver_t bks_db_driver_sqlite = {
    .scheme = "sqlite",
    .open = store_open,
    .read = store_read,
    .write = store_write,
    .write_later = store_write_later,
    .exec = bks_sqlite_exec,
    .query = bks_sqlite_query,
    .script = bks_sqlite_script,
    .next = bks_sqlite_next,
    .end = bks_sqlite_end,
    .get_int = bks_sqlite_int,
    .get_text = bks_sqlite_text,
    .get_blob = bks_sqlite_blob,
    .is_null = bks_sqlite_is_null,
};
