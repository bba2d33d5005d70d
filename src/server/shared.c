/* What all processes of the server share: a piece of memory, two mutexes, and httpd's own object cache.
 * SPDX-License-Identifier: Apache-2.0 */
#include "server/module.h"

#include <string.h>

#include <ap_mpm.h>
#include <ap_provider.h>
#include <ap_socache.h>
#include <apr_shm.h>
#include <apr_strings.h>
#include <http_log.h>
#include <util_mutex.h>

#include "server/shared.h"
#include "stripe/gate.h"

APLOG_USE_MODULE(bookshop);

#define CACHE_MUTEX "bookshop-cache"
#define WRITE_MUTEX "bookshop-write"
#define CACHE_NAME "bookshop"
#define RECORD_BYTES_MAX 8192
#define SPARE_SLOTS 2 /* processes of the last generation may still be there after a graceful restart */

/* Set in the parent before it forks, and only read by the children. */
static struct {
    apr_shm_t *memory;
    volatile apr_uint32_t *generations; /* one for each shop */
    void *gate;
    apr_global_mutex_t *cache_mutex; /* NULL: the provider needs none */
    apr_global_mutex_t *write_mutex;
    const ap_socache_provider_t *provider; /* NULL: no cache */
    ap_socache_instance_t *cache;
} shared;

void bks_shared_register_mutexes(apr_pool_t *pconf)
{
    ap_mutex_register(pconf, CACHE_MUTEX, NULL, APR_LOCK_DEFAULT, 0);
    ap_mutex_register(pconf, WRITE_MUTEX, NULL, APR_LOCK_DEFAULT, 0);
}

const char *bks_shared_check_cache(const char *setting, apr_pool_t *pool)
{
    const char *colon, *name;

    setting = setting ? setting : BKS_CACHE_DEFAULT;
    if (strcmp(setting, "none") == 0) {
        return NULL;
    }
    colon = strchr(setting, ':');
    name = colon ? apr_pstrmemdup(pool, setting, (apr_size_t)(colon - setting)) : setting;
    if (!ap_lookup_provider(AP_SOCACHE_PROVIDER_GROUP, name, AP_SOCACHE_PROVIDER_VERSION)) {
        return apr_psprintf(pool, "BookshopCache: there is no cache \"%s\": load mod_socache_%s, or choose another one "
                            "(shmcb, redis:host:port, memcache:host:port, none)", name, name);
    }
    return NULL;
}

static int fail(server_rec *s, apr_status_t status, const char *what)
{
    ap_log_error(APLOG_MARK, APLOG_EMERG, status, s, "BKS0201: %s", what);
    return HTTP_INTERNAL_SERVER_ERROR;
}

/* A killed holder's POSIX semaphore stays locked for ever. */
static int refuse_posixsem(server_rec *s, apr_global_mutex_t *mutex, const char *name)
{
    if (mutex && apr_global_mutex_mech(mutex) == APR_LOCK_POSIXSEM) {
        return fail(s, 0, apr_psprintf(s->process->pconf, "Mutex posixsem %s: a process that is killed would leave it locked "
                                       "for ever: use another mechanism (Mutex default)", name));
    }
    return OK;
}

static int make_cache(apr_pool_t *pconf, apr_pool_t *ptemp, server_rec *s)
{
    const char *setting = bks_config_of(s)->cache ? bks_config_of(s)->cache : BKS_CACHE_DEFAULT;
    const char *colon = strchr(setting, ':');
    const char *error;
    apr_status_t status;

    shared.provider = NULL;
    shared.cache_mutex = NULL;
    if (strcmp(setting, "none") == 0) {
        return OK;
    }
    shared.provider = ap_lookup_provider(AP_SOCACHE_PROVIDER_GROUP,
                                         colon ? apr_pstrmemdup(ptemp, setting, (apr_size_t)(colon - setting)) : setting,
                                         AP_SOCACHE_PROVIDER_VERSION);
    if (!shared.provider) {
        return fail(s, 0, bks_shared_check_cache(setting, ptemp));
    }
    error = shared.provider->create(&shared.cache, colon ? colon + 1 : NULL, ptemp, pconf);
    if (error) {
        return fail(s, 0, apr_psprintf(ptemp, "BookshopCache: %s", error));
    }
    if (shared.provider->flags & AP_SOCACHE_FLAG_NOTMPSAFE) {
        status = ap_global_mutex_create(&shared.cache_mutex, NULL, CACHE_MUTEX, NULL, s, pconf, 0);
        if (status != APR_SUCCESS) {
            return fail(s, status, "the mutex " CACHE_MUTEX " can't be made");
        }
        if (refuse_posixsem(s, shared.cache_mutex, CACHE_MUTEX) != OK) {
            return HTTP_INTERNAL_SERVER_ERROR;
        }
    }
    status = shared.provider->init(shared.cache, CACHE_NAME, NULL, s, pconf);
    return status == APR_SUCCESS ? OK : fail(s, status, "BookshopCache: the cache can't be set up");
}

static apr_status_t destroy_cache(void *baton)
{
    if (shared.provider) {
        shared.provider->destroy(shared.cache, baton);
        shared.provider = NULL;
    }
    return APR_SUCCESS;
}

static int make_memory(apr_pool_t *pconf, server_rec *s, int shops)
{
    const apr_size_t generations = (sizeof(apr_uint32_t) * (apr_size_t)shops + 15) / 16 * 16; /* the gate is aligned */
    int processes = 1;
    apr_status_t status;

    ap_mpm_query(AP_MPMQ_HARD_LIMIT_DAEMONS, &processes);
    processes *= SPARE_SLOTS;
    status = apr_shm_create(&shared.memory, generations + bks_gate_size(processes), NULL, pconf);
    if (status != APR_SUCCESS) {
        return fail(s, status, "no shared memory");
    }
    memset(apr_shm_baseaddr_get(shared.memory), 0, generations);
    shared.generations = apr_shm_baseaddr_get(shared.memory);
    shared.gate = (char *)apr_shm_baseaddr_get(shared.memory) + generations;
    bks_gate_format(shared.gate, processes);
    return OK;
}

int bks_shared_make(apr_pool_t *pconf, apr_pool_t *ptemp, server_rec *s, int shops)
{
    apr_status_t status;

    if (make_memory(pconf, s, shops) != OK) {
        return HTTP_INTERNAL_SERVER_ERROR;
    }
    status = ap_global_mutex_create(&shared.write_mutex, NULL, WRITE_MUTEX, NULL, s, pconf, 0);
    if (status != APR_SUCCESS) {
        return fail(s, status, "the mutex " WRITE_MUTEX " can't be made");
    }
    if (refuse_posixsem(s, shared.write_mutex, WRITE_MUTEX) != OK || make_cache(pconf, ptemp, s) != OK) {
        return HTTP_INTERNAL_SERVER_ERROR;
    }
    apr_pool_cleanup_register(pconf, s, destroy_cache, apr_pool_cleanup_null);
    return OK;
}

static void attach_mutex(apr_global_mutex_t **mutex, const char *name, apr_pool_t *pchild, server_rec *s)
{
    if (*mutex) {
        const apr_status_t status = apr_global_mutex_child_init(mutex, apr_global_mutex_lockfile(*mutex), pchild);

        if (status != APR_SUCCESS) {
            ap_log_error(APLOG_MARK, APLOG_CRIT, status, s, "BKS0202: the mutex %s can't be used in this process", name);
        }
    }
}

void bks_shared_attach(apr_pool_t *pchild, server_rec *s)
{
    attach_mutex(&shared.cache_mutex, CACHE_MUTEX, pchild, s);
    attach_mutex(&shared.write_mutex, WRITE_MUTEX, pchild, s);
}

volatile apr_uint32_t *bks_shared_generation(int shop)
{
    return shared.generations + shop;
}

void *bks_shared_gate(void)
{
    return shared.gate;
}

static __thread int holds_write_mutex; /* of this thread, between the two calls below */

/* The mutex spares processes a wait for each other in the database, whose own locks keep them apart all the same: one
 * that is broken is done without. (APR destroys it when a restart comes before a new child has taken its share of it.) */
static apr_status_t lock_writes(void *baton)
{
    (void)baton;
    holds_write_mutex = apr_global_mutex_lock(shared.write_mutex) == APR_SUCCESS;
    return APR_SUCCESS;
}

static apr_status_t unlock_writes(void *baton)
{
    (void)baton;
    if (!holds_write_mutex) {
        return APR_SUCCESS;
    }
    holds_write_mutex = 0;
    return apr_global_mutex_unlock(shared.write_mutex);
}

bks_write_lock_t bks_shared_write_lock(void)
{
    const bks_write_lock_t lock = {lock_writes, unlock_writes, NULL};

    return lock;
}

static int lock_cache(void)
{
    return !shared.cache_mutex || apr_global_mutex_lock(shared.cache_mutex) == APR_SUCCESS;
}

static void unlock_cache(void)
{
    if (shared.cache_mutex) {
        apr_global_mutex_unlock(shared.cache_mutex);
    }
}

static void cache_put(void *baton, const char *key, const unsigned char *bytes, apr_size_t length, apr_time_t expiry,
                      apr_pool_t *pool)
{
    unsigned char *copy;

    if (length > RECORD_BYTES_MAX) {
        return;
    }
    copy = apr_pmemdup(pool, bytes, length);
    if (lock_cache()) {
        shared.provider->store(shared.cache, baton, (const unsigned char *)key, (unsigned int)strlen(key), expiry, copy,
                               (unsigned int)length, pool);
        unlock_cache();
    }
}

static const unsigned char *cache_find(void *baton, const char *key, apr_size_t *length, apr_pool_t *pool)
{
    unsigned char record[RECORD_BYTES_MAX];
    unsigned int size = sizeof(record);
    apr_status_t status = APR_EGENERAL;

    if (lock_cache()) {
        status = shared.provider->retrieve(shared.cache, baton, (const unsigned char *)key, (unsigned int)strlen(key), record,
                                           &size, pool);
        unlock_cache();
    }
    if (status != APR_SUCCESS) {
        return NULL;
    }
    *length = size;
    return apr_pmemdup(pool, record, size);
}

static void cache_drop(void *baton, const char *key, apr_pool_t *pool)
{
    if (lock_cache()) {
        shared.provider->remove(shared.cache, baton, (const unsigned char *)key, (unsigned int)strlen(key), pool);
        unlock_cache();
    }
}

bks_cache_t bks_shared_cache(server_rec *s)
{
    bks_cache_t cache = {cache_put, cache_find, cache_drop, s};

    if (!shared.provider) {
        memset(&cache, 0, sizeof(cache));
    }
    return cache;
}
