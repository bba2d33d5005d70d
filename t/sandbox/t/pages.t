# What a browser is served: stripe.js, the frame's files, and who may call the API from another origin.
# SPDX-License-Identifier: Apache-2.0
use strict;
use warnings;
use Test::Mojo;
use Test::More;
use Sandbox::App;
use Sandbox::Tester;

my $t      = Test::Mojo->new(Sandbox::App->new);
my $stripe = Sandbox::Tester->new(ua => $t->ua);

for my $path ('/endive/stripe.js', '/v3/') {
    $t->get_ok($path)->status_is(200)->content_type_like(qr{\Atext/javascript})->content_like(qr/window\.Stripe = /);
}
$t->get_ok('/elements/payment.html')->status_is(200)->content_type_like(qr{\Atext/html})
    ->text_is('label[for=number]' => 'Card number')->text_is('label[for=expiry]' => 'Expiration date')->text_is('label[for=cvc]' => 'Security code')
    ->attr_is('#number', placeholder => '1234 1234 1234 1234')->attr_is('#number', autocomplete => 'cc-number')
    ->element_exists_not('script:not([src])', 'no inline script')->element_exists_not('[style], style', 'no inline style')
    ->header_like('Content-Security-Policy' => qr/script-src 'self'/);
$t->get_ok($_)->status_is(200) for map {"/elements/$_"} $t->tx->res->dom->find('link[href], script[src]')->map(sub { $_->{href} // $_->{src} })->each;
$t->get_ok('/elements/../sandbox.pl')->status_is(404);
$t->get_ok('/nothing')->status_is(404);

$t->options_ok('/v1/payment_intents/pi_1')->status_is(204)->header_is('Access-Control-Allow-Origin' => '*')->header_like('Access-Control-Allow-Headers' => qr/Authorization/);
my $payment = $stripe->payment;
my %session = (client_secret => $payment->{client_secret}, key => 'pk_test_sandbox');
my $session = sub { $stripe->get('/v1/elements/sessions', {%session}, { Authorization => undef }) };
is $session->()->{payment_method_preference}{payment_intent}{id}, $payment->{id}, 'a session of Elements';
is $stripe->answer->headers->header('Access-Control-Allow-Origin'), '*', 'from any origin';
for my $status (qw(succeeded processing requires_capture canceled)) {
    $stripe->control(POST => "objects/$payment->{id}", { set => { status => $status } });
    is $session->()->{error}{code}, 'payment_intent_unexpected_state', "not of a payment that is $status";
}
$session{client_secret} = 'nonsense';
is $session->()->{error}{param}, 'client_secret', 'nor of nonsense';

done_testing;
