# Faults on request, the log of requests, and the rest of the control API.
# SPDX-License-Identifier: Apache-2.0
use strict;
use warnings;
use Test::More;
use POSIX ();
use Time::HiRes qw(time);
use Sandbox::Tester;

my $stripe = Sandbox::Tester->start;
my $path   = '/v1/payment_intents';
my %create = (match => { method => 'POST', path => '^/v1/payment_intents$' });
my $made   = sub { scalar @{ $stripe->control(GET => 'ledger')->{payment_intent} } };
my $keyed  = sub { $stripe->post($path, { amount => 2300, currency => 'usd' }, { 'Idempotency-Key' => $_[0] }) };

subtest 'delay' => sub {
    my $since = time;
    $stripe->fault(%create, kind => 'delay', ms => 300);
    is $stripe->payment->{status}, 'requires_payment_method', 'answered';
    cmp_ok time - $since, '>=', 0.3, 'late';
    $since = time;
    $stripe->payment;
    cmp_ok time - $since, '<', 0.3, 'once';
};

subtest 'dropped connections' => sub {
    my $before = $made->();
    $stripe->fault(%create, kind => 'drop_before');
    ok $keyed->('d1')->{lost}, 'no answer';
    is $made->(), $before, 'and not executed';
    $stripe->fault(%create, kind => 'drop_after');
    ok $keyed->('d1')->{lost}, 'no answer';
    is $made->(), $before + 1, 'but executed';
    my $payment = $keyed->('d1');
    is_deeply [$payment->{id}, $stripe->answer->headers->header('Idempotent-Replayed')], [$stripe->control(GET => 'ledger')->{payment_intent}[-1]{id}, 'true'], 'the same key finds it';
};

subtest 'broken answers' => sub {
    my $before = $made->();
    $stripe->fault(%create, kind => 'truncate');
    my $lost = $keyed->('t1');
    ok !$lost->{id}, 'half an answer';
    is $keyed->('t1')->{object}, 'payment_intent', 'the whole one with the same key';
    $stripe->fault(%create, kind => 'trickle', bytes => 400, ms => 20);
    is $stripe->payment->{object}, 'payment_intent', 'a slow one';
    $stripe->fault(%create, kind => 'huge', bytes => 1_000_000);
    $stripe->payment;
    cmp_ok length $stripe->answer->body, '>', 1_000_000, 'a huge one';
    $stripe->fault(%create, kind => 'wrong_object');
    is $stripe->payment->{object}, 'customer', 'another object';
    is $made->(), $before + 4, 'all of them executed';
};

subtest 'statuses' => sub {
    my $before = $made->();
    $stripe->fault(%create, kind => 'status', status => 503, should_retry => 0);
    $stripe->payment;
    is_deeply [$stripe->code, $stripe->answer->headers->header('Stripe-Should-Retry')], [503, 'false'], '503 that is not to be tried again';
    $stripe->fault(%create, kind => 'status', status => 429, code => 'lock_timeout', should_retry => 1);
    is_deeply [$stripe->payment->{error}{code}, $stripe->code, $stripe->answer->headers->header('Stripe-Should-Retry')], ['lock_timeout', 429, 'true'], 'lock_timeout';
    $stripe->fault(%create, kind => 'status', status => 429);
    is $stripe->payment->{error}{code}, 'rate_limit', 'rate_limit';
    $stripe->fault(%create, kind => 'status', status => 409);
    is $stripe->payment->{error}{code}, 'idempotency_key_in_use', 'in use';
    $stripe->fault(%create, kind => 'status', status => 502, body => "<html>B\x{fc}cher</html>");
    $stripe->payment;
    is_deeply [$stripe->code, $stripe->answer->headers->content_type, $stripe->answer->text], [502, 'text/html', "<html>B\x{fc}cher</html>"], 'HTML' or diag $stripe->answer->to_string;
    is $made->(), $before, 'none of them executed';
    $stripe->fault(%create, kind => 'status', status => 500, execute => 1);
    $stripe->payment;
    is $made->(), $before + 1, 'unless asked to';
};

subtest 'altered answers' => sub {
    my $id = $stripe->payment('metadata[order]' => 'A')->{id};
    $stripe->fault(match => { method => 'GET', path => $id }, times => 0, kind => 'alter', set => { amount => 1, livemode => \1, 'metadata.order' => 'B' }, unset => ['currency']);
    my $seen = $stripe->get("$path/$id") && $stripe->get("$path/$id");
    is_deeply [@$seen{qw(amount livemode currency)}, $seen->{metadata}{order}], [1, 1, undef, 'B'], 'every time';
    $stripe->control(DELETE => 'faults');
    is_deeply [@{ $stripe->get("$path/$id") }{qw(amount currency)}], [2300, 'usd'], 'the ledger keeps the truth';
    $stripe->control(POST => "objects/$id", { set => { amount => 5 }, unset => ['nothing'] });
    is $stripe->get("$path/$id")->{amount}, 5, 'unless it is changed itself';
};

subtest 'matching' => sub {
    $stripe->fault(kind => 'status', match => { method => 'POST', path => '/cancel$', body => 'reason=fraud' }, times => 2);
    my @ids   = map { $stripe->payment->{id} } 1 .. 3;
    my @codes = map { $stripe->post("$path/$_/cancel", { cancellation_reason => 'fraudulent' }); $stripe->code } @ids;
    is_deeply \@codes, [500, 500, 200], 'by method, path and body, so many times';
    is_deeply [map { [@$_{qw(kind taken)}] } @{ $stripe->control(GET => 'faults')->{faults} }], [['status', 2]], 'the list says how often';
    $stripe->fault(kind => 'status', match => { access => 'public' });
    is_deeply [$stripe->get("$path/$ids[0]")->{id}, $stripe->code], [$ids[0], 200], 'the shop is not meant';
    $stripe->get("$path/$ids[0]", { key => 'pk_test_sandbox' }, { Authorization => undef });
    is $stripe->code, 500, 'the browser is';
    is $stripe->control(GET => 'requests?access=public')->{count}, 1, 'and the log tells them apart';
    $stripe->control(DELETE => 'faults');
    $stripe->fault(kind => 'delay', ms => 1, match => { path => 'nowhere' });
    my $id = $stripe->fault(kind => 'delay');
    $stripe->control(DELETE => "faults/$id");
    is scalar @{ $stripe->control(GET => 'faults')->{faults} }, 1, 'one taken back';
    $stripe->control(DELETE => 'faults');
    is scalar @{ $stripe->control(GET => 'faults')->{faults} }, 0, 'all taken back';
    like $stripe->control(POST => 'faults', { kind => 'fire' })->{error}, qr/no fault is called fire/, 'an unknown kind';
};

subtest 'killed while asking' => sub {
    my $before = $made->();
    my $pid = fork // die "cannot fork: $!";
    if (!$pid) {
        my $child = Sandbox::Tester->new(base => $stripe->base);
        $child->fault(%create, kind => 'kill', pid => $$);
        $child->payment;
        POSIX::_exit(0);
    }
    waitpid $pid, 0;
    is $? & 127, 9, 'SIGKILL';
    is $made->(), $before + 1, 'after its request was executed';
    my ($entry) = grep { $_->{killed} } @{ $stripe->control(GET => 'requests')->{requests} };
    is $entry->{killed}, $pid, 'the log says so';
};

subtest 'the log' => sub {
    $stripe->control(DELETE => 'requests');
    is_deeply $stripe->control(GET => 'counts')->{counts}, {}, 'nothing was asked';
    $keyed->('l1');
    $keyed->('l1');
    $stripe->get("$path/pi_nope", {}, { 'Stripe-Version' => '2026-08-26.dahlia' });
    is_deeply $stripe->control(GET => 'ledger')->{counts}, { 'POST /v1/payment_intents' => 2, 'GET /v1/payment_intents/ID' => 1 }, 'counts by route';
    my $log = $stripe->control(GET => 'requests')->{requests};
    is_deeply [map { [@$_{qw(method path idempotency_key stripe_version status replayed access)}] } @$log], [
        ['POST', $path, 'l1', undef, 200, 0, 'secret'], ['POST', $path, 'l1', undef, 200, 1, 'secret'],
        ['GET', "$path/pi_nope", undef, '2026-08-26.dahlia', 404, 0, 'secret'],
    ], 'the requests';
    is $stripe->control(GET => 'requests?method=GET&path=nope')->{count}, 1, 'chosen';
    is $stripe->control(POST => 'nonsense')->{error}, 'no control call POST /_sandbox/nonsense', 'an unknown call';
};

subtest 'a payment without a browser' => sub {
    my $id = $stripe->payment->{id};
    is $stripe->control(POST => "payment_intents/$id/pay", { card => 'chargeDeclined' })->{last_payment_error}{code}, 'card_declined', 'declined';
    is $stripe->control(POST => "payment_intents/$id/pay", { card => 'authenticationRequired' })->{status}, 'requires_action', 'the bank asks';
    is $stripe->control(POST => "payment_intents/$id/authenticate", { result => 'failed' })->{last_payment_error}{code}, 'payment_intent_authentication_failure', 'failed';
    is $stripe->control(POST => "payment_intents/$id/pay")->{status}, 'succeeded', 'paid';
};

done_testing;
