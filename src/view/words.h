/* What the shop says: sentences by code, from templates/messages.json, so that they can be translated in one file.
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef BKS_VIEW_WORDS_H
#define BKS_VIEW_WORDS_H

#include <apr_tables.h>

#include "base/json.h"

/* Every code that C code may ask for; a missing one is refused when the words are loaded. */
extern const char *const bks_words_needed[];

/* Loads messages.json from the first of DIRS (array of const char *) that has one. Fails as CONFIG: no file, no flat
 * object of texts, a needed code missing. */
const bks_error_t *bks_words_load(const bks_json_t **words, const apr_array_header_t *dirs, apr_pool_t *pool);

/* The sentence of CODE; that of "internal" for a code without one. */
const char *bks_words_say(const bks_json_t *words, const char *code);

/* Whether there is a sentence for CODE. */
int bks_words_has(const bks_json_t *words, const char *code);

#endif
