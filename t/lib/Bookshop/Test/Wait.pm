# Waiting for something to come true, with a limit and a name for what did not come.
# SPDX-License-Identifier: Apache-2.0
package Bookshop::Test::Wait;
use strict;
use warnings;
use Exporter qw(import);
use Time::HiRes qw(sleep time);

our @EXPORT_OK = qw(poll comes_true);

use constant PAUSE => 0.02;

# What CODE answers as soon as it is true; undef when SECONDS have passed without.
sub comes_true {
    my ($seconds, $code) = @_;
    my $deadline = time + $seconds * ($ENV{BOOKSHOP_TEST_SLOWNESS} // 1);
    while (1) {
        my $answer = $code->();
        return $answer if $answer;
        return if time > $deadline;
        sleep PAUSE;
    }
}

# The same, and the test's end when it does not come.
sub poll {
    my ($what, $seconds, $code) = @_;
    return comes_true($seconds, $code) // die "$what: not within $seconds s\n";
}

1;
