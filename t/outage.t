# Stripe down, slow, or out of its mind: the storefront does not notice, the checkout says so at once, nothing is charged twice.
# SPDX-License-Identifier: Apache-2.0
use strict;
use warnings;
use utf8;
use Bookshop::Test;
use Test::More;
use Time::HiRes qw(time);

use constant SORRY => qr/Sorry, your payment cannot be processed right now\. Please try again later\./;

# Time limits short enough for a test, long enough for a slow machine.
my ($httpd, $sandbox) = own_shop('outage', threads => 8, shop => { lines => 'BookshopStripeTimeout connect=2 total=6' });
my $base = $httpd->base;
announce('outage', 'Stripe|stripe|BKS');

sub healthy {
    my ($why) = @_;
    $sandbox->clear_faults;
    return ok comes_true(30, sub { visitor($base)->checkout(1)->code == 200 }), "the checkout is back $why, without a restart";
}

sub storefront_is_well {
    my ($name) = @_;
    my $visitor = visitor($base);
    my $slowest = 0;
    my %codes;
    for my $path (('/', '/books/1', '/static/shop.css') x 10) {
        my $from = time;
        $codes{ $visitor->get($path)->code }++;
        $slowest = time - $from if time - $from > $slowest;
    }
    is_deeply \%codes, { 200 => 30 }, "$name: the storefront answers as before";
    cmp_ok $slowest, '<', 1 * ($ENV{BOOKSHOP_TEST_SLOWNESS} // 1), 'and as fast';
    return;
}

# The checkout's page for a visitor, while Stripe is out of order: 503, said kindly, no form, no secret.
sub is_sorry {
    my ($answer, $name) = @_;
    return subtest $name => sub {
        is $answer->code, 503, 'status 503';
        like $answer->headers->header('Retry-After') // '', qr/\A[1-9][0-9]*\z/, 'with Retry-After';
        like $answer->dom->at('main') ? $answer->dom->at('main')->all_text : $answer->body, SORRY, 'in words';
        ok !$answer->dom->at('#checkout-form'), 'no form';
        lacks($answer->body, qr/_secret_/, 'no secret');
        like $answer->headers->header('Cache-Control') // '', qr/no-store/, 'not to be kept';
    };
}

sub intents_for {
    my ($code) = @_;
    my %before = map { $_->{id} => 1 } $sandbox->intents;
    my @answers = $code->();
    return ([grep { !$before{ $_->{id} } } $sandbox->intents], @answers);
}

healthy('from the start');

subtest 'Stripe is gone' => sub {
    my $visitor = visitor($base);
    $sandbox->stop;
    storefront_is_well('Stripe is gone');
    is_sorry($visitor->checkout(1), 'the first checkout');
    # Some failures open the breaker; from then on nobody waits.
    ok comes_true(60, sub {
        my $from = time;
        $visitor->checkout(1);
        time - $from < 0.2;
    }), 'the breaker opens';
    my $from   = time;
    my $answer = visitor($base)->checkout(2);
    cmp_ok time - $from, '<', 1, 'with the breaker open a checkout answers within a second';
    is_sorry($answer, 'and says so');
    storefront_is_well('the breaker is open');
    $sandbox->start_again;
    healthy('when Stripe is');
    ok $visitor->form_of($visitor->checkout(1)), 'the visitor of before can pay';
};

subtest 'the connection breaks after Stripe has acted' => sub {
    my $visitor = visitor($base);
    $sandbox->fault(kind => 'drop_after', times => 1, match => { method => 'POST', path => '^/v1/payment_intents$' });
    my ($made, $answer) = intents_for(sub { $visitor->checkout(1) });
    ok comes_true(20, sub { $answer->code == 200 or ($answer = $visitor->checkout(1))->code == 200 }), 'the page comes';
    is scalar(@{ [grep { $_->{amount} == 2300 } @$made] }), 1, 'and there is one PaymentIntent';
    is +($visitor->form_of($answer))->{payment_intent}, $made->[0]{id}, 'which is the one that the page shows';
    my @calls = $sandbox->requests(method => 'POST', path => '^/v1/payment_intents$');
    healthy('after a broken connection');
};

subtest 'answers that are cut off, wrong or none' => sub {
    my @faults = (
        ['cut off'            => { kind => 'truncate' }],
        ['HTML'               => { kind => 'status', status => 200, body => '<html><body>proxy</body></html>' }],
        ['another object'     => { kind => 'wrong_object' }],
        ['ten megabytes'      => { kind => 'huge' }],
        ['an amount in words' => { kind => 'alter', set => { amount => '2300' } }],
        ['another amount'     => { kind => 'alter', set => { amount => 1 } }],
        ['another currency'   => { kind => 'alter', set => { currency => 'jpy' } }],
        ['no secret'          => { kind => 'alter', unset => ['client_secret'] }],
        ['an id that is none' => { kind => 'alter', set => { id => '../../x' } }],
    );
    for my $case (@faults) {
        my ($name, $fault) = @$case;
        my $visitor = visitor($base);
        $sandbox->fault(%$fault, times => 0, match => { path => '^/v1/payment_intents' });
        my $answer = $visitor->checkout(1);
        cmp_ok $answer->code, '>=', 500, "$name: not a page to pay on";
        like $answer->dom->at('main') ? $answer->dom->at('main')->all_text : '', SORRY, 'but one that says so';
        lacks($answer->body, qr/_secret_|proxy/, 'without what Stripe said');
        healthy("after $name");
        is $visitor->checkout(1)->code, 200, 'and for that visitor too';
    }
    my $visitor = visitor($base);
    $sandbox->fault(kind => 'truncate', times => 0, match => { method => 'POST', path => '^/v1/payment_intents$' });
    my ($made, $answer) = intents_for(sub { $visitor->checkout(1) });
    is scalar @$made, 1, 'whether the call was tried once or often, there is one PaymentIntent';
    healthy('after calls whose answers were cut off');
    my ($more, $later) = intents_for(sub { $visitor->checkout(1) });
    is scalar @$more, 0, 'and it stays the only one';
    is +($visitor->form_of($later) // {})->{payment_intent}, $made->[0]{id}, 'which the page then shows';
};

subtest 'refusals that pass' => sub {
    my @faults = (
        ['lock_timeout'            => { kind => 'status', status => 429, code => 'lock_timeout' }],
        ['an idempotency key in use' => { kind => 'status', status => 409 }],
        ['a bad gateway'           => { kind => 'status', status => 502 }],
        ['503 with should-retry'   => { kind => 'status', status => 503, should_retry => Mojo::JSON::true() }],
    );
    for my $case (@faults) {
        my ($name, $fault) = @$case;
        my $visitor = visitor($base);
        $sandbox->fault(%$fault, times => 1, match => { method => 'POST', path => '^/v1/payment_intents$' });
        my ($made, $answer) = intents_for(sub { $visitor->checkout(1) });
        is $answer->code, 200, "$name once: tried again, and well";
        is scalar @$made, 1, 'one PaymentIntent';
        healthy("after $name");
    }
    my $visitor = visitor($base);
    $sandbox->forget_requests;
    $sandbox->fault(kind => 'status', status => 503, should_retry => Mojo::JSON::false(), times => 0, match => { method => 'POST', path => '^/v1/payment_intents$' });
    is_sorry($visitor->checkout(1), 'Stripe says not to try again');
    is scalar($sandbox->requests(method => 'POST', path => '^/v1/payment_intents$')), 1, 'and it is not';
    healthy('after should-retry: false');
};

subtest 'a 500 that Stripe repeats for the key' => sub {
    my $visitor = visitor($base);
    $sandbox->fault(kind => 'status', status => 500, execute => Mojo::JSON::true(), store => Mojo::JSON::true(), times => 1, match => { method => 'POST', path => '^/v1/payment_intents$' });
    my ($made, $answer) = intents_for(sub { $visitor->checkout(1) });
    isnt $answer->code, 500, 'has an answer of ours';
    $sandbox->clear_faults;
    ok comes_true(30, sub { ($answer = $visitor->checkout(1))->code == 200 }), 'the visitor can pay in the end';
    my $shown = $visitor->form_of($answer)->{payment_intent};
    is $sandbox->intent($shown)->{status}, 'requires_payment_method', 'with a PaymentIntent that is open';
};

subtest 'too many requests' => sub {
    my $visitor = visitor($base);
    $sandbox->fault(kind => 'status', status => 429, times => 0);
    is_sorry($visitor->checkout(1), 'Stripe wants less of us');
    healthy('after 429');
};

subtest 'the key is no longer good' => sub {
    my $visitor = visitor($base);
    $sandbox->fault(kind => 'status', status => 401, times => 0);
    my $answer = $visitor->checkout(1);
    cmp_ok $answer->code, '>=', 500, 'the checkout is closed (' . $answer->code . ')';
    unlike $answer->body, qr/sk_test|API Key/, 'and the reason is not the buyer\'s';
    storefront_is_well('a bad key');
    healthy('with the key');
};

subtest 'Stripe is slow' => sub {
    $sandbox->fault(kind => 'hold', name => 'slow', times => 0, match => { path => '^/v1/payment_intents' });
    my @slow = map { visitor($base) } 1 .. 40;
    my @answers;
    my @promises = map { my $who = $_; $who->ua->get_p($who->address('/checkout?item=1'))->then(sub { push @answers, $_[0]->result }) } @slow;
    my $done = 0;
    Mojo::Promise->all(@promises)->catch(sub { diag "lost: $_[0]" })->finally(sub { $done = 1 });
    Mojo::IOLoop->one_tick until $sandbox->held > 0 || $done;
    storefront_is_well('Stripe is slow');
    Mojo::IOLoop->one_tick until $done;
    is scalar @answers, 40, 'all are answered';
    is scalar(grep { $_->code == 503 } @answers), 40, 'with 503, in the end';
    $sandbox->release;
    healthy('when Stripe is quick again');
};

subtest 'an answer that trickles' => sub {
    $sandbox->fault(kind => 'trickle', bytes => 1, ms => 500, times => 0, match => { path => '^/v1/payment_intents' });
    my $from   = time;
    my $answer = visitor($base)->checkout(1);
    is_sorry($answer, 'is given up');
    cmp_ok time - $from, '<', 20 * ($ENV{BOOKSHOP_TEST_SLOWNESS} // 1), 'within the limit';
    healthy('after a trickle');
};

subtest 'the success page while Stripe is out' => sub {
    my $visitor = visitor($base);
    my $form    = $visitor->open_checkout(1);
    $visitor->place($form);
    $sandbox->pay($form->{payment_intent});
    $sandbox->fault(kind => 'drop_before', times => 0, match => { path => '^/v1/payment_intents' });
    my $answer = $visitor->get("/success?pi=$form->{payment_intent}");
    is $answer->code, 503, 'status';
    like $visitor->words($answer), qr/safe|need not pay again/, 'the buyer need not worry';
    lacks($answer->body, qr/data-state="paid"/, 'and nothing is claimed');
    $sandbox->clear_faults;
    ok comes_true(30, sub { ($answer = $visitor->get("/success?pi=$form->{payment_intent}"))->code == 200 }), 'later it is there';
    is $answer->dom->at('.outcome')->attr('data-state'), 'paid', 'paid';
    $sandbox->fault(kind => 'drop_before', times => 0);
    is $visitor->get("/success?pi=$form->{payment_intent}")->code, 200, 'and what is settled is shown without Stripe';
    $sandbox->clear_faults;
};

subtest 'what was made, by the ledger' => sub {
    my %open;
    for my $row (rows('SELECT visitor, count(*) AS n FROM payment WHERE state <> ? GROUP BY visitor', ['over'], $httpd->database)) {
        $open{ $row->{n} }++;
    }
    is_deeply [keys %open], [1], 'no visitor has two open payments';
    my %known = map { $_->{intent} => $_ } grep { defined $_->{intent} } rows('SELECT * FROM payment', [], $httpd->database);
    my @unknown = grep { !$known{ $_->{id} } && $_->{status} ne 'canceled' } $sandbox->intents;
    my %creating = map { $_->{number} => 1 } rows('SELECT number FROM payment WHERE state = ?', ['creating'], $httpd->database);
    is_deeply [grep { !$creating{ $_->{metadata}{order} // '' } } @unknown], [], 'every open PaymentIntent has its order, or a call that will be repeated';
};

$httpd->stop;
ok defined $httpd->ended, 'httpd has stopped';
done_testing;
