# Makes ids that look like Stripe's.
# SPDX-License-Identifier: Apache-2.0
package Sandbox::Ids;
use strict;
use warnings;
use Exporter 'import';

our @EXPORT_OK = qw(new_id random_text);

my @ALPHABET = ('0' .. '9', 'A' .. 'Z', 'a' .. 'z');

# kind of object -> [prefix, length of the random part]
my %SHAPE = (
    payment_intent      => ['pi_3', 23],
    charge              => ['ch_3', 23],
    event               => ['evt_3', 23],
    webhook_endpoint    => ['we_1', 23],
    payment_method      => ['pm_1', 23],
    balance_transaction => ['txn_3', 23],
    request             => ['req_', 14],
    source              => ['src_1', 23],
    session             => ['elements_session_', 11],
);

# Random letters and digits; the kernel is asked for a few thousand of them at a time.
my $pool = '';

sub random_text {
    my ($length) = @_;
    my $text = '';
    while (length $text < $length) {
        if ($pool eq '') {
            open my $urandom, '<:raw', '/dev/urandom' or die "cannot read /dev/urandom: $!\n";
            sysread $urandom, $pool, 4096 or die "cannot read /dev/urandom: $!\n";
            close $urandom;
        }
        my $byte = ord chop $pool;
        $text .= $ALPHABET[$byte % 62] if $byte < 248;
    }
    return $text;
}

sub new_id {
    my ($kind) = @_;
    my ($prefix, $length) = @{ $SHAPE{$kind} or die "no id is known for a $kind\n" };
    return $prefix . random_text($length);
}

1;
