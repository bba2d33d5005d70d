/* The house's log lines become httpd's.
 * SPDX-License-Identifier: Apache-2.0 */
#include "server/module.h"

#include <http_log.h>

APLOG_USE_MODULE(bookshop);

static int httpd_level(bks_log_level_t level)
{
    switch (level) {
    case BKS_LOG_ERROR:  return APLOG_ERR;
    case BKS_LOG_WARN:   return APLOG_WARNING;
    case BKS_LOG_NOTICE: return APLOG_NOTICE;
    case BKS_LOG_INFO:   return APLOG_INFO;
    case BKS_LOG_DEBUG:  return APLOG_DEBUG;
    }
    return APLOG_ERR;
}

static void write_to_server(void *baton, bks_log_level_t level, const char *line)
{
    ap_log_error(APLOG_MARK, httpd_level(level), 0, (server_rec *)baton, "%s", line);
}

static void write_to_request(void *baton, bks_log_level_t level, const char *line)
{
    ap_log_rerror(APLOG_MARK, httpd_level(level), 0, (request_rec *)baton, "%s", line);
}

bks_log_t bks_log_to_server(server_rec *s)
{
    const bks_log_t log = {write_to_server, s};

    return log;
}

bks_log_t bks_log_to_request(request_rec *r)
{
    const bks_log_t log = {write_to_request, r};

    return log;
}
