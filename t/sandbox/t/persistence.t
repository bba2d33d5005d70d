# With a state file nothing that was answered is lost, whatever happens to the process; and how the program starts and stops.
# SPDX-License-Identifier: Apache-2.0
use strict;
use warnings;
use File::Temp qw(tempdir);
use Test::More;
use Time::HiRes qw(time);
use Sandbox::Ledger;
use Sandbox::Tester;

my $state  = tempdir(CLEANUP => 1) . '/state';
my $script = $INC{'Sandbox/Tester.pm'} =~ s{lib/Sandbox/Tester\.pm\z}{sandbox.pl}r;
my @new    = ('/v1/payment_intents', { amount => 2300, currency => 'usd', description => "B\x{fc}cher \x{1f4da}" });

my $stripe = Sandbox::Tester->start('--state', $state);
my @ids    = map { $stripe->post(@new, { 'Idempotency-Key' => "k$_" })->{id} } 1 .. 20;
my $paid   = $stripe->control(POST => "payment_intents/$ids[3]/pay", { card => 'authenticationRequired' });
my $ledger = $stripe->control(GET => 'ledger');
is $stripe->stop('KILL') & 127, 9, 'killed';

$stripe = Sandbox::Tester->start('--state', $state);
my $again = $stripe->control(GET => 'ledger');
delete $_->{counts} for $ledger, $again;
is_deeply $again, $ledger, 'all objects are back, in order';
is $stripe->post(@new, { 'Idempotency-Key' => 'k7' })->{id}, $ids[6], 'keys are back';
is $stripe->control(POST => "payment_intents/$ids[3]/authenticate")->{status}, 'succeeded', 'what Stripe hides is back';
$stripe->stop('KILL');

open my $journal, '>>', $state or die "$state: $!";
print {$journal} '{"objects":[["pi_torn","paym';
close $journal;
$stripe = Sandbox::Tester->start('--state', $state);
is scalar @{ $stripe->control(GET => 'ledger')->{payment_intent} }, 20, 'a torn last line is left out';
$stripe->payment;

my $second = `$^X $script --port 1 --state $state 2>&1`;
is $? >> 8, 74, 'a state file belongs to one sandbox';
like $second, qr/\Asandbox: the state file \S+ is in use by another sandbox\n\z/, 'which is said';
my $taken = `$^X $script --port $stripe->{port} 2>&1`;
is $? >> 8, 75, 'a port too';
like $taken, qr/\Asandbox: cannot listen on port $stripe->{port}: .*in use\n\z/, 'which is said';
`$^X $script --nonsense 2>&1`;
is $? >> 8, 64, 'an unknown option';

$stripe->control(POST => 'reset');
is_deeply $stripe->control(GET => 'ledger'), { payment_intent => [], counts => {} }, 'reset forgets';
my $id = $stripe->payment->{id};
for my $signal (qw(TERM INT)) {
    my $since = time;
    is $stripe->stop($signal), 0, "SIG$signal ends it well";
    cmp_ok time - $since, '<', 0.9, 'and at once';
    $stripe = Sandbox::Tester->start('--state', $state);
    is $stripe->get("/v1/payment_intents/$id")->{id}, $id, 'with its ledger kept';
}
my $six = Sandbox::Tester->new(base => "http://[::1]:$stripe->{port}");
SKIP: {
    skip 'no IPv6 loopback here', 1 if !IO::Socket::IP->new(LocalHost => '::1', LocalPort => 0, Listen => 1);
    is $six->get("/v1/payment_intents/$id")->{id}, $id, 'both loopback addresses';
}

$stripe->stop;
open $journal, '>', $state or die "$state: $!";
print {$journal} "garbage\n";
close $journal;
like scalar `$^X $script --port 1 --state $state 2>&1`, qr/\Asandbox: the state file \S+ is damaged in line 1\n\z/, 'a damaged state file is not overwritten';

# a disk that is full after the first kilobytes
my $small = "$state-small";
my $lib   = $INC{'Sandbox/Tester.pm'} =~ s{/Sandbox/Tester\.pm\z}{}r;
my $fill  = q{
    my $ledger = Sandbox::Ledger->new(state => shift);
    for my $number (1 .. 1000) {
        $ledger->save({ id => "pi_$number", object => q(payment_intent) });
        next if eval { $ledger->commit; 1 };
        print "$number: $@";
        last;
    }
};
my $told = qx{trap '' XFSZ; ulimit -f 8; $^X -I$lib -MSandbox::Ledger -e '$fill' $small};
my ($refused) = $told =~ /\A(\d+): cannot write the state file: /;
cmp_ok $refused // 0, '>', 1, 'what cannot be kept is refused' or diag $told;
is scalar @{ Sandbox::Ledger->new(state => $small)->ids('payment_intent') }, $refused - 1, 'and what was kept is whole';

my $keys = Sandbox::Tester->start('--seed-key', 'sk_test_other', '--publishable-key', 'pk_test_other');
is $keys->payment->{error}{type}, 'invalid_request_error', 'another key';
is $keys->key('sk_test_other')->payment->{amount}, 2300, 'is the key';

done_testing;
