/* What the units of the database share: a folder of their own, opening, and one-line statements and questions.
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef BKS_DB_FIXTURE_H
#define BKS_DB_FIXTURE_H

#include <stdio.h>
#include <stdlib.h>

#include <apr_general.h>
#include <apr_strings.h>

#include "store/db.h"
#include "tap.h"

#define UNUSED __attribute__((unused))

static char fixture_folder[] = "/tmp/bookshop-db.XXXXXX";

UNUSED static void fixture_begin(void)
{
    apr_initialize();
    if (!mkdtemp(fixture_folder)) {
        printf("Bail out! no folder in /tmp\n");
        exit(1);
    }
}

UNUSED static int fixture_end(void)
{
    char command[80];

    snprintf(command, sizeof(command), "rm -rf %s", fixture_folder);
    tap_ok(system(command) == 0, "the folder is taken away");
    apr_terminate();
    return tap_done();
}

UNUSED static const char *fixture_path(const char *name, apr_pool_t *pool)
{
    return apr_psprintf(pool, "%s/%s", fixture_folder, name);
}

UNUSED static bks_db_options_t fixture_options(const char *name, apr_pool_t *pool)
{
    return (bks_db_options_t){.url = apr_psprintf(pool, "sqlite:%s", fixture_path(name, pool)),
                              .readers = 2, .wait_ms = 5000, .writer_thread = 1, .create = 1};
}

/* Prints an error that was not expected; whether there was none. */
UNUSED static int fine(const bks_error_t *error, apr_pool_t *pool)
{
    if (error) {
        printf("# %s: %s\n", bks_error_kind_print(error->kind), bks_error_print(error, pool));
    }
    return error == NULL;
}

/* One result: ERROR is of KIND with CODE. */
UNUSED static void is_error(const bks_error_t *error, bks_error_kind_t kind, const char *code, const char *name)
{
    if (!tap_ok(error && error->kind == kind && strcmp(error->code, code) == 0, "%s", name)) {
        printf("# got %s %s\n", error ? bks_error_kind_print(error->kind) : "no error", error ? error->code : "");
        printf("# %s\n", error ? error->detail : "");
    }
}

UNUSED static bks_db_t *must_open(const bks_db_options_t *options, apr_pool_t *pool)
{
    bks_db_t *db = NULL;

    if (!fine(bks_db_open(&db, options, pool), pool)) {
        printf("Bail out! can't open the database\n");
        exit(1);
    }
    return db;
}

typedef struct {
    const char *sql;
    const bks_arg_t *args;
    int count;
    apr_int64_t number; /* the answer, or the rows changed */
} sentence_t;

UNUSED static const bks_error_t *sentence_run(bks_conn_t *conn, void *baton, apr_pool_t *pool)
{
    sentence_t *sentence = baton;

    (void)pool;
    return bks_db_exec(conn, sentence->sql, sentence->args, sentence->count, &sentence->number);
}

UNUSED static const bks_error_t *sentence_ask(bks_conn_t *conn, void *baton, apr_pool_t *pool)
{
    sentence_t *sentence = baton;
    bks_rows_t *rows;
    int has;

    BKS_TRY(bks_db_query(&rows, conn, sentence->sql, sentence->args, sentence->count, pool));
    BKS_TRY(bks_rows_next(rows, &has));
    sentence->number = bks_rows_int(rows, 0);
    return BKS_FINE;
}

UNUSED static const bks_error_t *script_run(bks_conn_t *conn, void *baton, apr_pool_t *pool)
{
    (void)pool;
    return bks_db_script(conn, baton);
}

/* Writes SQL, which has no parameters. */
UNUSED static const bks_error_t *tell(bks_db_t *db, const char *sql, apr_pool_t *pool)
{
    sentence_t sentence = {.sql = sql};

    return bks_db_write(db, NULL, sentence_run, &sentence, pool);
}

/* The number that the query SQL answers; -1 and a line of why for an error. */
UNUSED static apr_int64_t ask(bks_db_t *db, const char *sql, apr_pool_t *pool)
{
    sentence_t sentence = {.sql = sql};

    return fine(bks_db_read(db, NULL, sentence_ask, &sentence, pool), pool) ? sentence.number : -1;
}

#endif
