/* The shelf: snapshots of the catalogue, counted by their holders.
 * SPDX-License-Identifier: Apache-2.0 */
#include "shop/browse.h"

#include <string.h>

#include <apr_atomic.h>
#include <apr_strings.h>
#include <apr_thread_mutex.h>

#include "base/hmac.h"
#include "store/book_store.h"

#define VERSION_DIGITS 20

/* A snapshot in a pool of its own, which goes with its last holder: a request may end after the shelf has. */
typedef struct {
    bks_snapshot_t snapshot;
    apr_uint32_t generation;
    volatile apr_uint32_t holders; /* the shelf itself counts as one */
    apr_pool_t *pool;
} held_t;

struct bks_shelf_t {
    volatile apr_uint32_t *generation;
    apr_thread_mutex_t *mutex;
    held_t *current;
    int loading; /* one request at a time loads; the others take what is there */
};

static apr_status_t let_go(void *baton)
{
    held_t *held = baton;

    if (apr_atomic_dec32(&held->holders) == 0) {
        apr_pool_destroy(held->pool);
    }
    return APR_SUCCESS;
}

static apr_status_t clear_shelf(void *baton)
{
    bks_shelf_t *shelf = baton;

    return shelf->current ? let_go(shelf->current) : APR_SUCCESS;
}

const bks_error_t *bks_shelf_make(bks_shelf_t **shelf, volatile apr_uint32_t *generation, apr_pool_t *pool)
{
    bks_shelf_t *made = apr_pcalloc(pool, sizeof(*made));
    const apr_status_t status = apr_thread_mutex_create(&made->mutex, APR_THREAD_MUTEX_DEFAULT, pool);

    if (status != APR_SUCCESS) {
        return bks_error_make(BKS_ERROR_INTERNAL, "internal", status, pool, "no mutex for the catalogue");
    }
    made->generation = generation;
    apr_pool_cleanup_register(pool, made, clear_shelf, apr_pool_cleanup_null);
    *shelf = made;
    return BKS_FINE;
}

/* What fills a snapshot from the database. */
typedef struct {
    const bks_shop_t *shop;
    held_t *held;
} loading_t;

static const bks_error_t *load(bks_conn_t *conn, void *baton, apr_pool_t *pool)
{
    loading_t *job = baton;
    apr_pool_t *own = job->held->pool;
    const bks_places_t *places = &job->shop->settings->places;
    bks_catalog_t *catalog = bks_catalog_make(own);
    bks_json_t *cards = bks_json_make_array(own);
    apr_array_header_t *documents;
    const char *all;

    BKS_TRY(bks_book_documents_list(conn, &documents, pool));
    for (int i = 0; i < documents->nelts; i++) {
        const char *document = APR_ARRAY_IDX(documents, i, const char *);
        const bks_json_t *json;
        bks_book_t *book;
        bks_json_t *card;

        BKS_TRY(bks_json_parse(document, strlen(document), &json, pool));
        BKS_TRY(bks_book_parse(json, job->shop->settings->currency, &book, own));
        bks_catalog_add(catalog, book);
        card = bks_json_append_object(cards);
        bks_book_card_fill(card, book, places, pool);
        bks_json_set_bool(card, "lazy", i >= BKS_LAZY_FROM);
    }
    all = apr_array_pstrcat(pool, documents, '\n');
    BKS_TRY(bks_sha256_hex(all, strlen(all), VERSION_DIGITS, &job->held->snapshot.version, own));
    job->held->snapshot.catalog = catalog;
    job->held->snapshot.cards = cards;
    return BKS_FINE;
}

/* A snapshot of GENERATION, in an unmanaged pool: it may outlive the request that loads it. */
static const bks_error_t *load_generation(const bks_shop_t *shop, apr_uint32_t generation, held_t **out, apr_pool_t *pool)
{
    apr_pool_t *own;
    loading_t job = {shop, NULL};
    const bks_error_t *error;

    if (apr_pool_create_unmanaged_ex(&own, NULL, NULL) != APR_SUCCESS) {
        return bks_error_make(BKS_ERROR_INTERNAL, "internal", APR_ENOMEM, pool, "no memory for the catalogue");
    }
    job.held = apr_pcalloc(own, sizeof(*job.held));
    job.held->pool = own;
    job.held->generation = generation;
    job.held->holders = 1;
    error = bks_db_read(shop->db, shop->timing, load, &job, pool);
    if (error) {
        apr_pool_destroy(own);
        return bks_error_wrap(error, pool, "the catalogue can't be loaded");
    }
    *out = job.held;
    return BKS_FINE;
}

/* Takes the current snapshot for POOL, if there is one of GENERATION, or of any when ANY_DO. */
static held_t *take(bks_shelf_t *shelf, apr_uint32_t generation, int any_do, int *must_load, apr_pool_t *pool)
{
    held_t *held;

    apr_thread_mutex_lock(shelf->mutex);
    held = shelf->current;
    if (held && held->generation != generation && !any_do && !shelf->loading) {
        held = NULL;
    }
    *must_load = !held;
    if (held) {
        apr_atomic_inc32(&held->holders);
        apr_pool_cleanup_register(pool, held, let_go, apr_pool_cleanup_null);
    }
    else {
        shelf->loading++;
    }
    apr_thread_mutex_unlock(shelf->mutex);
    return held;
}

/* Puts FRESH (or nothing, after a failure) in place of the shelf's snapshot. */
static void put_up(bks_shelf_t *shelf, held_t *fresh)
{
    apr_thread_mutex_lock(shelf->mutex);
    shelf->loading--;
    if (fresh) {
        if (shelf->current) {
            let_go(shelf->current);
        }
        shelf->current = fresh;
    }
    apr_thread_mutex_unlock(shelf->mutex);
}

const bks_error_t *bks_shelf_hold(const bks_shop_t *shop, const bks_snapshot_t **snapshot, apr_pool_t *pool)
{
    bks_shelf_t *shelf = shop->shelf;
    const apr_uint32_t generation = apr_atomic_read32(shelf->generation);
    const bks_error_t *error = BKS_FINE;
    held_t *held, *fresh = NULL;
    int must_load;

    held = take(shelf, generation, 0, &must_load, pool);
    if (must_load) {
        error = load_generation(shop, generation, &fresh, pool);
        put_up(shelf, fresh);
        held = take(shelf, generation, 1, &must_load, pool);
        if (must_load) {
            put_up(shelf, NULL); /* there never was one */
            return error;
        }
        if (error) {
            bks_log(shop->log, BKS_LOG_ERROR, "BKS0504: %s; the pages show the catalogue as it was",
                    bks_error_print(error, pool));
        }
    }
    *snapshot = &held->snapshot;
    return BKS_FINE;
}
