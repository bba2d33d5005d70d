/* What an order's facts add up to.
 * SPDX-License-Identifier: Apache-2.0 */
#include "model/order.h"

#include <string.h>

bks_order_payment_t bks_order_payment_state(const bks_order_t *order)
{
    if (*order->mismatch) {
        return BKS_ORDER_PAYMENT_HELD;
    }
    if (order->received > 0 && order->received >= order->total) {
        return BKS_ORDER_PAYMENT_PAID;
    }
    if (order->pending > order->failed) {
        return BKS_ORDER_PAYMENT_PENDING;
    }
    return order->failed > 0 ? BKS_ORDER_PAYMENT_FAILED : BKS_ORDER_PAYMENT_NONE;
}

static const char *const payment_states[] = {"creating", "open", "over"};

const char *bks_payment_state_print(bks_payment_state_t state)
{
    return payment_states[state];
}

bks_payment_state_t bks_payment_state_parse(const char *text)
{
    if (strcmp(text, payment_states[BKS_PAYMENT_CREATING]) == 0) {
        return BKS_PAYMENT_CREATING;
    }
    return strcmp(text, payment_states[BKS_PAYMENT_OPEN]) == 0 ? BKS_PAYMENT_OPEN : BKS_PAYMENT_OVER;
}
