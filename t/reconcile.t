# Reconciliation: the buyer is gone, no webhook comes, and the order is paid all the same; what nobody pays is given up.
# SPDX-License-Identifier: Apache-2.0
use strict;
use warnings;
use utf8;
use Bookshop::Test;
use Test::More;

use constant SOON => 30; # seconds in which a round or two must have come

my ($httpd, $sandbox) = own_shop('reconcile', shop => { lines => "BookshopReconcile 1\nBookshopAbandonAfter 6\nBookshopStripeTimeout connect=2 total=4" });
my $base = $httpd->base;
announce('reconcile', qr/BKS0214: the reconciliation stopped/, qr/BKS0505: the payment of order/, qr/BKS0301|BKS0401/);

sub order_of { return (rows('SELECT o.*, p.state, p.next_look FROM shop_order o JOIN payment p USING (number) WHERE p.intent = ?', [$_[0]], $httpd->database))[0] }

# A checkout whose form is posted: (visitor, PaymentIntent's id)
sub at_the_till {
    my ($item) = @_;
    my $visitor = visitor($base);
    my $form    = $visitor->open_checkout($item);
    $visitor->place($form, email => 'reader@example.com');
    return ($visitor, $form->{payment_intent});
}

subtest 'paid, and nobody comes back' => sub {
    my (undef, $intent) = at_the_till(1);
    $sandbox->pay($intent);
    ok comes_true(SOON, sub { order_of($intent)->{received} == 2300 }), 'the order is settled by itself';
    ok comes_true(SOON, sub { order_of($intent)->{next_look} == 0 }), 'and not looked at any more';
};

subtest 'on its way, then there' => sub {
    my (undef, $intent) = at_the_till(2);
    $sandbox->pay($intent, 'sandboxProcessing');
    ok comes_true(SOON, sub { order_of($intent)->{pending} }), 'it is seen to be on its way';
    is order_of($intent)->{received}, 0, 'which is not paid';
    $sandbox->succeed($intent);
    ok comes_true(SOON, sub { order_of($intent)->{received} == 2500 }), 'and settled when it is there';
};

subtest 'on its way, seen, and then refused' => sub {
    my ($visitor, $intent) = at_the_till(2);
    $sandbox->pay($intent, 'sandboxProcessing');
    $visitor->get("/success?pi=$intent");
    my $second = $visitor->open_checkout(3)->{payment_intent};
    isnt $second, $intent, 'the next purchase is a new one';
    $sandbox->fail($intent);
    ok comes_true(SOON, sub { $sandbox->intent($intent)->{status} eq 'canceled' }), 'the first can no longer be paid beside it';
    isnt $sandbox->intent($second)->{status}, 'canceled', 'the second can';
};

subtest 'what nobody pays' => sub {
    my ($visitor, $intent) = at_the_till(1);
    is $sandbox->intent($intent)->{status}, 'requires_payment_method', 'it is open';
    ok comes_true(SOON, sub { $sandbox->intent($intent)->{status} eq 'canceled' }), 'after a while it is cancelled at Stripe';
    ok comes_true(SOON, sub { my $order = order_of($intent); $order->{cancelled} && $order->{state} eq 'over' && $order->{next_look} == 0 }), 'and its order given up';
    isnt $visitor->open_checkout(1)->{payment_intent}, $intent, 'whoever comes back gets a new one';
};

subtest 'an answer that never came' => sub {
    my %before = map { $_->{id} => 1 } $sandbox->intents;
    $sandbox->fault(kind => 'drop_after', times => 0, match => { method => 'POST', path => '^/v1/payment_intents$' });
    my $visitor = visitor($base);
    is $visitor->checkout(1)->code, 503, 'the checkout knows nothing';
    $sandbox->clear_faults;
    my @made = grep { !$before{ $_->{id} } } $sandbox->intents;
    is scalar(@made), 1, 'Stripe has made one PaymentIntent';
    ok comes_true(SOON, sub { order_of($made[0]{id}) }), 'the same call, repeated, tells the shop which';
    is scalar(grep { !$before{ $_->{id} } } $sandbox->intents), 1, 'and makes no second one';
    ok comes_true(SOON, sub { $sandbox->intent($made[0]{id})->{status} eq 'canceled' }), 'nobody pays it: it is cancelled';
};

subtest 'Stripe is away for a while' => sub {
    my (undef, $intent) = at_the_till(1);
    $sandbox->pay($intent);
    $sandbox->fault(kind => 'status', code => 500, times => 0, match => { path => '^/v1/' });
    ok comes_true(SOON, sub { $httpd->error_log =~ /BKS0214/ }), 'the round ends, and says so';
    is order_of($intent)->{received}, 0, 'nothing is known';
    $sandbox->clear_faults;
    ok comes_true(SOON, sub { order_of($intent)->{received} == 2300 }), 'when it is back, the order is settled';
};

subtest 'what does not match' => sub {
    my (undef, $intent) = at_the_till(1);
    announce('reconcile', qr/BKS0501: order [0-9A-F]{32} is held/);
    $sandbox->pay($intent);
    $sandbox->change($intent, set => { amount_received => 2299 });
    ok comes_true(SOON, sub { order_of($intent)->{mismatch} }), 'is held here too';
    is order_of($intent)->{received}, 0, 'and not paid';
};

done_testing;
