/* Reading events.
 * SPDX-License-Identifier: Apache-2.0 */
#include "stripe/events.h"

#include <string.h>

#include <apr_lib.h>
#include <apr_strings.h>

#define NAME_BYTES_MAX 255

/* Whether TEXT can be an id or a type: letters, digits, '_', '.', not too many. */
static int is_name(const char *text)
{
    if (!text || !*text || strlen(text) > NAME_BYTES_MAX) {
        return 0;
    }
    for (; *text; text++) {
        if (!apr_isalnum(*text) && *text != '_' && *text != '.') {
            return 0;
        }
    }
    return 1;
}

const bks_error_t *bks_event_parse(const char *body, apr_size_t length, bks_event_t **out, apr_pool_t *pool)
{
    bks_event_t *event = apr_pcalloc(pool, sizeof(*event));
    const bks_json_t *json;
    const char *kind;

    BKS_TRY(bks_json_parse(body, length, &json, pool));
    event->id = bks_json_get_text(json, "id");
    event->type = bks_json_get_text(json, "type");
    event->object = bks_json_get(json, "data.object");
    kind = bks_json_get_text(json, "object");
    if (!kind || strcmp(kind, "event") != 0 || !is_name(event->id) || !is_name(event->type)
        || !bks_json_is_object(event->object) || !bks_json_int(bks_json_get(json, "created"), &event->created)
        || !bks_json_bool(bks_json_get(json, "livemode"), &event->livemode)) {
        return bks_error_make(BKS_ERROR_BAD_REQUEST, "bad_event", APR_SUCCESS, pool, "a signed body is not an event");
    }
    *out = event;
    return BKS_FINE;
}
