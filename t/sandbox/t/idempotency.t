# Idempotency keys: replayed answers, other parameters, use at the same time.
# SPDX-License-Identifier: Apache-2.0
use strict;
use warnings;
use Mojo::Promise;
use Test::More;
use Sandbox::Tester;

my $stripe = Sandbox::Tester->start;
my $path   = '/v1/payment_intents';
my %params = (amount => 2300, currency => 'usd');
my $keyed  = sub { my ($key, %more) = @_; $stripe->post($path, { %params, %more }, { 'Idempotency-Key' => $key }) };
my $made   = sub { scalar @{ $stripe->control(GET => 'ledger')->{payment_intent} } };

subtest 'the same again' => sub {
    my $first   = $keyed->('k1');
    my $request = $stripe->answer->headers->header('Request-Id');
    ok !$stripe->answer->headers->header('Idempotent-Replayed'), 'the first is no replay';
    is $stripe->answer->headers->header('Idempotency-Key'), 'k1', 'the key is echoed';
    my $second = $keyed->('k1');
    is_deeply $second, $first, 'the same answer';
    is $stripe->answer->headers->header('Idempotent-Replayed'), 'true', 'which says so';
    is $stripe->answer->headers->header('Original-Request'), $request, 'and names the first';
    isnt $stripe->answer->headers->header('Request-Id'), $request, 'with a request id of its own';
    is $made->(), 1, 'one payment';
};

subtest 'other parameters, another place' => sub {
    my $error = $keyed->('k1', amount => 2400)->{error};
    is_deeply [$stripe->code, $error->{type}], [400, 'idempotency_error'], 'refused';
    is $error->{message}, q{Keys for idempotent requests can only be used with the same parameters they were first used with. Try using a key other than 'k1' if you meant to execute a different request.}, 'in words of Stripe';
    my $id = $keyed->('k2')->{id};
    like $stripe->post("$path/$id/cancel", {}, { 'Idempotency-Key' => 'k1' })->{error}{message}, qr{the same endpoint they were first used for \('/v1/payment_intents/$id/cancel' vs '/v1/payment_intents'\)}, 'nor elsewhere';
    is $stripe->get("$path/$id", {}, { 'Idempotency-Key' => 'k1' })->{id}, $id, 'reading does not look at it';
};

subtest 'failures' => sub {
    is $keyed->('k3', foo => 1)->{error}{code}, 'parameter_unknown', 'what fails before it starts';
    is $keyed->('k3')->{status}, 'requires_payment_method', 'is not kept';
    my $id  = $keyed->('k4')->{id};
    my $try = sub { $stripe->post("$path/$id/confirm", { payment_method => 'pm_card_chargeDeclined', return_url => 'https://shop.test/' }, { 'Idempotency-Key' => 'k5' }) };
    $try->();
    my $again = $try->();
    is_deeply [$stripe->code, $again->{error}{code}, $stripe->answer->headers->header('Idempotent-Replayed')], [402, 'card_declined', 'true'], 'a decline is';
    $stripe->fault(kind => 'status', status => 500, store => 1, match => { method => 'POST' });
    my $before = $made->();
    $keyed->('k6');
    is $stripe->code, 500, 'a failure of Stripe';
    is $keyed->('k6')->{error}{type}, 'api_error', 'kept under its key';
    is_deeply [$stripe->code, $stripe->answer->headers->header('Idempotent-Replayed'), $made->()], [500, 'true', $before], 'is replayed for ever';
    $stripe->fault(kind => 'status', status => 500, match => { method => 'POST' });
    $keyed->('k7');
    is_deeply [$keyed->('k7')->{status}, $stripe->code], ['requires_payment_method', 200], 'one that was not kept is tried again';
    is $keyed->('k' x 256)->{error}{type}, 'idempotency_error', 'a key of 256 characters';
};

subtest 'at the same time' => sub {
    my $before = $made->();
    $stripe->fault(kind => 'hold', name => 'first', match => { path => '^/v1/payment_intents$' });
    my $held = $stripe->ua->post_p($stripe->base . $path, { Authorization => 'Bearer sk_test_sandbox', 'Idempotency-Key' => 'k8' }, form => \%params);
    my ($status, $error);
    my $wait;
    $wait = sub { $stripe->ua->get_p($stripe->base . '/_sandbox/faults')->then(sub { $_[0]->result->json->{held}{first} ? 1 : $wait->() }) };
    my $first;
    $wait->()->then(sub { $stripe->ua->post_p($stripe->base . $path, { Authorization => 'Bearer sk_test_sandbox', 'Idempotency-Key' => 'k8' }, form => \%params) })
        ->then(sub { ($status, $error) = ($_[0]->result->code, $_[0]->result->json->{error}); $stripe->ua->post_p($stripe->base . '/_sandbox/release', json => { name => 'first' }) })
        ->then(sub { $held })->then(sub { $first = $_[0]->result->json })->wait;
    is_deeply [$status, @$error{qw(type code)}], [409, 'idempotency_error', 'idempotency_key_in_use'], 'the second is told to wait';
    is $first->{status}, 'requires_payment_method', 'the first gets its answer';
    is $keyed->('k8')->{id}, $first->{id}, 'which the third gets too';
    is $made->(), $before + 1, 'one payment';
};

done_testing;
