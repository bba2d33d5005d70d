/* The few functions that a unit test needs to speak TAP (testanything.org), version 13.
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef BKS_TAP_H
#define BKS_TAP_H

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

static int tap_tests, tap_failures;

/* One result, named by FORMAT and the rest; TRUTH itself. */
__attribute__((format(printf, 2, 3), unused)) static int tap_ok(int truth, const char *format, ...)
{
    va_list args;

    tap_tests++;
    tap_failures += !truth;
    printf("%sok %d - ", truth ? "" : "not ", tap_tests);
    va_start(args, format);
    vprintf(format, args);
    va_end(args);
    putchar('\n');
    fflush(stdout);
    return truth;
}

/* Both texts are the same, or both NULL. */
__attribute__((unused)) static int tap_is_text(const char *got, const char *want, const char *name)
{
    const int same = got && want ? strcmp(got, want) == 0 : got == want;

    if (!tap_ok(same, "%s", name)) {
        printf("#   got: %s\n#  want: %s\n", got ? got : "(null)", want ? want : "(null)");
    }
    return same;
}

__attribute__((unused)) static int tap_is_int(long long got, long long want, const char *name)
{
    if (!tap_ok(got == want, "%s", name)) {
        printf("#   got: %lld\n#  want: %lld\n", got, want);
    }
    return got == want;
}

/* Prints the plan; the exit status of main. */
__attribute__((unused)) static int tap_done(void)
{
    printf("1..%d\n", tap_tests);
    return tap_failures ? 1 : 0;
}

#endif
