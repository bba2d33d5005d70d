/* The table "event".
 * SPDX-License-Identifier: Apache-2.0 */
#include "store/event_store.h"

const bks_error_t *bks_event_save(bks_conn_t *conn, const char *id, const char *type, apr_int64_t now, int *is_new)
{
    apr_int64_t added;

    BKS_TRY(bks_db_exec(conn, "INSERT INTO event (id, type, received) VALUES ($1, $2, $3) ON CONFLICT (id) DO NOTHING",
                        BKS_ARGS(bks_arg_text(id), bks_arg_text(type), bks_arg_int(now)), &added));
    *is_new = added > 0;
    return BKS_FINE;
}
