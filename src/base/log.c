/* One formatted line to whoever keeps the log.
 * SPDX-License-Identifier: Apache-2.0 */
#include "base/log.h"

#include <stdarg.h>

#include <apr_lib.h>
#include <apr_strings.h>

#define LINE_MAX_BYTES 1000

void bks_log(const bks_log_t *log, bks_log_level_t level, const char *format, ...)
{
    char line[LINE_MAX_BYTES];
    va_list args;

    if (!log || !log->write) {
        return;
    }
    va_start(args, format);
    apr_vsnprintf(line, sizeof(line), format, args);
    va_end(args);
    for (char *c = line; *c; c++) {
        if (apr_iscntrl(*c)) {
            *c = '?';
        }
    }
    log->write(log->baton, level, line);
}
