/* Between the page and the write that follows it.
 * SPDX-License-Identifier: Apache-2.0 */
#include "shop/catch_up.h"

#include <string.h>

#include "store/payment_store.h"

bks_payment_t *bks_remembered_payment(const bks_visitor_t *visitor, const char *intent)
{
    return visitor->remembered && strcmp(visitor->remembered->intent, intent) == 0 ? visitor->remembered : NULL;
}

const bks_error_t *bks_payment_catch_up(bks_conn_t *conn, const bks_payment_t *remembered, const char *intent,
                                        bks_payment_t **payment, apr_pool_t *pool)
{
    BKS_TRY(bks_payment_find_by_intent(conn, intent, payment, pool));
    if (*payment || !remembered) {
        return BKS_FINE;
    }
    BKS_TRY(bks_payment_save_intent(conn, remembered, intent));
    return bks_payment_find_by_intent(conn, intent, payment, pool);
}
