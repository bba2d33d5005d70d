/* Orders as values for templates.
 * SPDX-License-Identifier: Apache-2.0 */
#include "view/order_view.h"

#include <string.h>

#include <apr_strings.h>
#include <apr_time.h>

#define GROUP 4 /* digits of an order number that are read out in one breath */

const char *bks_date_print(apr_int64_t seconds, apr_pool_t *pool)
{
    static const char *const months[] = {"January", "February", "March", "April", "May", "June", "July", "August",
                                         "September", "October", "November", "December"};
    apr_time_exp_t date;

    if (apr_time_exp_gmt(&date, apr_time_from_sec(seconds)) != APR_SUCCESS) {
        return "";
    }
    return apr_psprintf(pool, "%d %s %d", date.tm_mday, months[date.tm_mon], date.tm_year + 1900);
}

static const char *spaced(const char *number, apr_pool_t *pool)
{
    const char *text = "";

    for (; *number; number += strnlen(number, GROUP)) {
        text = apr_psprintf(pool, "%s%s%.*s", text, *text ? " " : "", GROUP, number);
    }
    return text;
}

static void fill_line(bks_json_t *values, const bks_order_line_t *line, const bks_order_t *order,
                      const bks_places_t *places, apr_pool_t *pool)
{
    bks_json_set_text(values, "title", line->title);
    bks_json_set_text(values, "variant", line->variant);
    bks_json_set_text(values, "authors", line->authors);
    bks_json_set_text(values, "cover", bks_cover_url(places, line->cover, pool));
    bks_json_set_int(values, "quantity", line->quantity);
    bks_json_set_text(values, "price", bks_money_print(line->unit_price, order->currency, pool));
    bks_json_set_text(values, "total", bks_money_print(line->total, order->currency, pool));
}

void bks_order_fill(bks_json_t *values, const bks_order_t *order, const char *link, const bks_places_t *places,
                    apr_pool_t *pool)
{
    bks_json_t *lines = bks_json_set_array(values, "lines");

    bks_json_set_text(values, "number", order->number);
    bks_json_set_text(values, "number_spaced", spaced(order->number, pool));
    bks_json_set_text(values, "amount", bks_money_print(order->total, order->currency, pool));
    bks_json_set_text(values, "email", order->email);
    bks_json_set_text(values, "date", bks_date_print(order->created, pool));
    bks_json_set_text(values, "link", link);
    for (int i = 0; i < order->lines->nelts; i++) {
        fill_line(bks_json_append_object(lines), &APR_ARRAY_IDX(order->lines, i, bks_order_line_t), order, places, pool);
    }
}
