# After the suite: no line in a log that nobody announced, no child that crashed, and nothing secret at any level.
# SPDX-License-Identifier: Apache-2.0
use strict;
use warnings;
use Bookshop::Test;
use Bookshop::Test::Conf;
use Test::More;

my $folder = Bookshop::Test::Conf::servers_folder();
my %announced;
if (open my $file, '<', Bookshop::Test::Conf::work() . '/announced') {
    while (my $line = <$file>) {
        chomp $line;
        my ($server, $pattern) = split /\t/, $line, 2;
        push @{ $announced{$server} }, qr/$pattern/;
    }
}

# 13 to 19 digits as cards begin and as Luhn's sum allows, in groups or not, and no part of a longer word.
sub card_number {
    my ($line) = @_;
    while ($line =~ /(?<![\w.:-])([2-6](?:[ -]?[0-9]){12,18})(?!\w)/g) {
        my $digits = $1 =~ tr/0-9//cdr;
        next if $digits =~ /\A97[89]/ && length $digits == 13;
        my ($sum, $double) = (0, 0);
        for my $digit (reverse split //, $digits) {
            my $value = $double ? $digit * 2 : $digit;
            $sum += $value > 9 ? $value - 9 : $value;
            $double = !$double;
        }
        return $1 if $sum % 10 == 0;
    }
    return;
}
is card_number('pan=4242 4242 4242 4242;'), '4242 4242 4242 4242', 'a card number would be found';
is card_number('isbn 9780262517638'), undef, 'an ISBN is none';

# What httpd says of itself when it is stopped while a connection is kept alive: its poll is closed before its threads end.
my $STOPPING = qr/AH03093: process_socket: apr_pollset_add failure for keep alive/;

my @logs = glob "$folder/*/logs/*";
cmp_ok scalar(grep {/error_log/} @logs), '>=', 1, 'there are logs';
my $lines = 0;
for my $log (@logs) {
    my ($server) = $log =~ m{^\Q$folder\E/([^/]+)/};
    my (@unannounced, @crashes, @secrets, @cards);
    open my $file, '<:raw', $log or die "$log: $!\n";
    while (my $line = <$file>) {
        $lines++;
        push @unannounced, $line if $line =~ /\[[\w-]*:(?:warn|error|crit|alert|emerg)\]/ && !grep { $line =~ $_ } $STOPPING, @{ $announced{$server} // [] };
        push @crashes, $line if $line =~ /exit signal|AddressSanitizer|LeakSanitizer|runtime error:|Assertion|stack smashing|double free|^==\d+== (?:Invalid|Conditional jump|Use of uninit|Syscall param|Source and dest|Process terminating|Mismatched)/;
        push @secrets, $line if $line =~ /\b(?:sk|rk)_(?:test|live)_|whsec_|_secret_[A-Za-z0-9]/;
        push @cards, $line if card_number($line);
    }
    my $name = $log =~ s{^\Q$folder\E/}{}r;
    is_deeply [@unannounced[0 .. ($#unannounced > 9 ? 9 : $#unannounced)]], [], "$name: no [warn] or [error] that was not announced";
    is_deeply \@crashes, [], "$name: no crash";
    is scalar(@secrets), 0, "$name: no secret" or diag substr $secrets[0], 0, 300;
    is scalar(@cards), 0, "$name: no card number" or diag substr $cards[0], 0, 300;
}
cmp_ok $lines, '>', 0, "$lines lines were read";

done_testing;
