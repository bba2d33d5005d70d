/* Small questions about text that comes from outside.
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef BKS_BASE_TEXT_H
#define BKS_BASE_TEXT_H

#include <apr_pools.h>

/* Whether the LENGTH bytes at TEXT are well-formed UTF-8 (RFC 3629: no surrogates, no overlong forms). */
int bks_utf8_is(const char *text, apr_size_t length);

/* Characters (code points) of the UTF-8 TEXT. */
apr_size_t bks_utf8_count(const char *text);

/* Whether TEXT holds what may be a payment card's number: 13 to 19 digits, single spaces or hyphens between them
 * allowed, that pass the Luhn test (ISO/IEC 7812-1); an ISBN-13 (13 digits after 978 or 979) is none. */
int bks_text_holds_card_number(const char *text);

/* TEXT without white space at both ends, from POOL. NULL is "". */
const char *bks_text_trim(const char *text, apr_pool_t *pool);

/* Whether HOST is this very machine: localhost, 127.0.0.0/8 or ::1 (with or without brackets), and not a name that only
 * begins like one. */
int bks_host_is_loopback(const char *host);

/* TEXT as a number of DIGITS decimal digits at most, no sign, no white space; false if it is anything else. */
int bks_text_to_int(const char *text, int digits, apr_int64_t *number);

#endif
