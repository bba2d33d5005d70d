/* The events that have had their effect.
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef BKS_STORE_EVENT_STORE_H
#define BKS_STORE_EVENT_STORE_H

#include "store/db.h"

/* Notes that event ID of TYPE is dealt with, in the transaction of its effect. IS_NEW tells whether it had not been. */
const bks_error_t *bks_event_save(bks_conn_t *conn, const char *id, const char *type, apr_int64_t now, int *is_new);

#endif
