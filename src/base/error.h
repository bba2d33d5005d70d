/* The one error type of the house: NULL is fine, anything else says what went wrong and who may know it.
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef BKS_BASE_ERROR_H
#define BKS_BASE_ERROR_H

#include <apr_errno.h>
#include <apr_pools.h>

/* What kind of failure it is; one table turns it into an HTTP status (site/reply.c). */
typedef enum {
    BKS_ERROR_BAD_REQUEST,  /* the request can't be understood */
    BKS_ERROR_INVALID,      /* understood, but a value in it breaks a rule */
    BKS_ERROR_FORBIDDEN,    /* the sender may not do this */
    BKS_ERROR_NOT_FOUND,    /* there is no such thing, or it is somebody else's */
    BKS_ERROR_CONFLICT,     /* it has changed meanwhile */
    BKS_ERROR_TOO_LARGE,    /* over a limit of ours */
    BKS_ERROR_MEDIA_TYPE,   /* not a content type that we read */
    BKS_ERROR_LIMITED,      /* too many requests */
    BKS_ERROR_REFUSED,      /* Stripe understood, and said no (a decline, a refused parameter) */
    BKS_ERROR_UNKNOWN,      /* Stripe may or may not have done it: the answer is missing or can't be read */
    BKS_ERROR_UNAVAILABLE,  /* something that we need is down or full; nothing was done */
    BKS_ERROR_CONFIG,       /* the admin has to change something */
    BKS_ERROR_INTERNAL      /* our fault, or the machine's */
} bks_error_kind_t;

typedef struct bks_error_t bks_error_t;
struct bks_error_t {
    bks_error_kind_t kind;
    const char *code;          /* public, snake_case; a key of templates/messages.json or Stripe's own code */
    const char *detail;        /* private: for the log, never for a visitor; holds no secret */
    const char *message;       /* public sentence of Stripe's, or NULL: then the code's sentence is shown */
    const char *field;         /* the form field that it is about, or NULL */
    apr_status_t status;       /* the system's or APR's code, or APR_SUCCESS */
    int retry_after;           /* seconds after which it is worth another try, or 0 */
    const bks_error_t *cause;  /* what lies beneath, or NULL */
};

#define BKS_FINE ((const bks_error_t *)NULL)

/* Returns the error of CALL to the caller, if there is one. */
#define BKS_TRY(call)                               \
    do {                                            \
        const bks_error_t *bks_try_error_ = (call); \
        if (bks_try_error_) {                       \
            return bks_try_error_;                  \
        }                                           \
    } while (0)

/* A new error of KIND with public CODE; FORMAT and the rest make the private detail. STATUS may be APR_SUCCESS.
 * Allocated from POOL; the caller may still set message, field and retry_after. CODE is not copied. */
bks_error_t *bks_error_make(bks_error_kind_t kind, const char *code, apr_status_t status, apr_pool_t *pool,
                            const char *format, ...) __attribute__((format(printf, 5, 6)));

/* CAUSE with a line of context above it: same kind, code, message, field and retry_after. Allocated from POOL. */
bks_error_t *bks_error_wrap(const bks_error_t *cause, apr_pool_t *pool, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

/* The same error as NULL or a deep copy in POOL, for errors that outlive the pool they were made in. */
const bks_error_t *bks_error_copy(const bks_error_t *error, apr_pool_t *pool);

/* The whole chain in one line for the log: "detail (APR's text): cause: cause". Allocated from POOL. */
const char *bks_error_print(const bks_error_t *error, apr_pool_t *pool);

/* The kind in a word, for logs and tests: "refused", "unavailable", ... Static. */
const char *bks_error_kind_print(bks_error_kind_t kind);

#endif
