/* Random identifiers and their text forms.
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef BKS_BASE_IDS_H
#define BKS_BASE_IDS_H

#include <apr_pools.h>

#include "base/error.h"

#define BKS_ID_BYTES 16     /* 128 bits, from the system's CSPRNG */
#define BKS_ID_HEX 32       /* characters of its text form */

/* BYTES as lower-case hex, from POOL. */
const char *bks_hex_print(const unsigned char *bytes, apr_size_t length, apr_pool_t *pool);

/* Reads exactly LENGTH bytes from 2 * LENGTH hex digits; false when TEXT (may be NULL) is anything else.
 * Lower-case digits alone are taken when LOWER_ONLY. */
int bks_hex_parse(const char *text, int lower_only, unsigned char *bytes, apr_size_t length);

/* A new random id of 32 lower-case hex digits, from POOL. Fails as INTERNAL if the system has no randomness. */
const bks_error_t *bks_id_make(const char **id, apr_pool_t *pool);

/* A new order number: 32 upper-case hex digits, random. From POOL. */
const bks_error_t *bks_order_number_make(const char **number, apr_pool_t *pool);

/* Fills BYTES with LENGTH random bytes. Fails as INTERNAL. */
const bks_error_t *bks_random_fill(unsigned char *bytes, apr_size_t length, apr_pool_t *pool);

#endif
