# PaymentIntents over REST: their life from creation to capture, their shape, keys, versions, lists, expansion.
# SPDX-License-Identifier: Apache-2.0
use strict;
use warnings;
use Mojo::File qw(curfile);
use Mojo::JSON qw(decode_json);
use Test::Mojo;
use Test::More;
use Sandbox::App;
use Sandbox::Tester;

my $app    = Sandbox::App->new;
my $stripe = Sandbox::Tester->new;
$stripe->ua->server->app($app);

my $contract = decode_json(curfile->dirname->dirname->child('contract', '2026-10-28.endive.json')->slurp);

sub has_shape {
    my ($object, $kind) = @_;
    my $names  = $contract->{objects}{$kind};
    my %known  = map { $_ => 1 } @{ $names->{always} }, @{ $names->{sometimes} };
    my @lacks  = grep { !exists $object->{$_} } @{ $names->{always} };
    my @beyond = grep { !$known{$_} } sort keys %$object;
    is_deeply { lacks => \@lacks, beyond => \@beyond }, { lacks => [], beyond => [] }, "a $kind has the fields of the type, and no other";
    return;
}

subtest 'a payment that succeeds' => sub {
    my $made = $stripe->payment('metadata[order]' => 'A1', 'metadata[empty]' => '', description => "B\x{fc}cher \x{1f4da}");
    is $stripe->code, 200, 'made';
    like $made->{id}, qr/\Api_3\w{23}\z/, 'its id';
    like $made->{client_secret}, qr/\A$made->{id}_secret_\w{25}\z/, 'its client secret';
    is_deeply [@$made{qw(status amount currency livemode capture_method)}], ['requires_payment_method', 2300, 'usd', 0, 'automatic_async'], 'its fields';
    is_deeply $made->{metadata}, { order => 'A1' }, 'metadata without empty values';
    is $made->{description}, "B\x{fc}cher \x{1f4da}", 'UTF-8 in and out';
    like $stripe->answer->headers->header('Request-Id'), qr/\Areq_\w{14}\z/, 'a request id';
    has_shape($made, 'payment_intent');

    my $paid = $stripe->post("/v1/payment_intents/$made->{id}/confirm", { payment_method => 'pm_card_visa', return_url => 'https://shop.test/' });
    is_deeply [@$paid{qw(status amount_received last_payment_error next_action)}], ['succeeded', 2300, undef, undef], 'paid';
    my $seen = $stripe->get("/v1/payment_intents/$made->{id}", { 'expand[]' => 'latest_charge' });
    is_deeply [@{ $seen->{latest_charge} }{qw(object amount status paid captured payment_intent)}], ['charge', 2300, 'succeeded', 1, 1, $made->{id}], 'its charge, expanded';
    has_shape($seen->{latest_charge}, 'charge');
    is $stripe->get("/v1/charges/$paid->{latest_charge}")->{id}, $paid->{latest_charge}, 'the charge by its id';
    has_shape($stripe->get("/v1/payment_methods/$paid->{payment_method}"), 'payment_method');
    is_deeply [map { $_->{id} } @{ $stripe->get('/v1/charges', { payment_intent => $made->{id} })->{data} }], [$paid->{latest_charge}], 'the charges of a payment';
};

subtest 'what is over stays over' => sub {
    my $paid  = $stripe->payment(confirm => 'true', payment_method => 'pm_card_visa', return_url => 'https://shop.test/');
    my %words = (
        cancel  => qr/\AYou cannot cancel this PaymentIntent because it has a status of succeeded\./,
        confirm => qr/\AYou cannot confirm this PaymentIntent because it has already succeeded/,
        capture => qr/\AThis PaymentIntent could not be captured because it has already been captured\./,
    );
    for my $verb (sort keys %words) {
        my $error = $stripe->post("/v1/payment_intents/$paid->{id}/$verb", $verb eq 'confirm' ? { return_url => 'https://shop.test/' } : {})->{error};
        is $stripe->code, 400, "$verb is refused";
        is_deeply [@$error{qw(type code)}, $error->{payment_intent}{id}], ['invalid_request_error', 'payment_intent_unexpected_state', $paid->{id}], 'with the payment';
        like $error->{message}, $words{$verb}, 'in words of Stripe';
    }
    like $stripe->post("/v1/payment_intents/$paid->{id}", { amount => 100 })->{error}{message}, qr/amount could not be updated because it has a status of succeeded/, 'no other amount';
    is $stripe->post("/v1/payment_intents/$paid->{id}", { 'metadata[late]' => 1 })->{metadata}{late}, 1, 'but metadata';
};

subtest 'update and cancel' => sub {
    my $id = $stripe->payment('metadata[a]' => 1, 'metadata[b]' => 2)->{id};
    my $changed = $stripe->post("/v1/payment_intents/$id", { amount => 2500, 'metadata[b]' => '', 'metadata[c]' => 3, 'shipping[name]' => 'N', 'shipping[address][line1]' => 'L' });
    is_deeply [@$changed{qw(amount metadata)}], [2500, { a => 1, c => 3 }], 'amount and merged metadata';
    is $changed->{shipping}{address}{line1}, 'L', 'nested parameters';
    is_deeply $stripe->post("/v1/payment_intents/$id", { metadata => '' })->{metadata}, {}, 'metadata taken away';
    my $gone = $stripe->post("/v1/payment_intents/$id/cancel", { cancellation_reason => 'abandoned' });
    is_deeply [@$gone{qw(status cancellation_reason)}], [qw(canceled abandoned)], 'canceled';
    is $stripe->post("/v1/payment_intents/$id/cancel")->{error}{code}, 'payment_intent_unexpected_state', 'once only';
};

subtest 'capture by hand' => sub {
    my $held = $stripe->payment(capture_method => 'manual', confirm => 'true', payment_method => 'pm_card_visa', return_url => 'https://shop.test/');
    is_deeply [@$held{qw(status amount_capturable amount_received)}], ['requires_capture', 2300, 0], 'held';
    is $stripe->post("/v1/payment_intents/$held->{id}/capture", { amount_to_capture => 2301 })->{error}{param}, 'amount_to_capture', 'not more than was held';
    my $taken = $stripe->post("/v1/payment_intents/$held->{id}/capture", { amount_to_capture => 2000 });
    is_deeply [@$taken{qw(status amount_capturable amount_received)}], ['succeeded', 0, 2000], 'taken';
};

subtest 'cards' => sub {
    my %declines = (
        pm_card_chargeDeclined                  => [card_declined    => 'generic_decline',    'Your card was declined.'],
        pm_card_chargeDeclinedInsufficientFunds => [card_declined    => 'insufficient_funds', 'Your card has insufficient funds.'],
        pm_card_chargeDeclinedExpiredCard       => [expired_card     => 'expired_card',       'Your card has expired.'],
        pm_card_chargeDeclinedIncorrectCvc      => [incorrect_cvc    => 'incorrect_cvc',      q{Your card's security code is incorrect.}],
        pm_card_chargeDeclinedProcessingError   => [processing_error => 'processing_error',   'An error occurred while processing your card. Try again in a little bit.'],
    );
    for my $card (sort keys %declines) {
        my $id    = $stripe->payment->{id};
        my $error = $stripe->post("/v1/payment_intents/$id/confirm", { payment_method => $card, return_url => 'https://shop.test/' })->{error};
        is $stripe->code, 402, "$card is declined";
        is_deeply [@$error{qw(code decline_code message type)}], [@{ $declines{$card} }, 'card_error'], 'in words of Stripe';
        is $error->{payment_intent}{status}, 'requires_payment_method', 'can be tried again';
        my $now = $stripe->get("/v1/payment_intents/$id");
        is_deeply [@{ $now->{last_payment_error} }{qw(code charge)}, $now->{payment_method}], [@$error{qw(code charge)}, undef], 'and says why';
        is $stripe->get("/v1/charges/$now->{latest_charge}")->{status}, 'failed', 'the charge failed';
        is $stripe->post("/v1/payment_intents/$id/confirm", { payment_method => 'pm_card_visa', return_url => 'https://shop.test/' })->{status}, 'succeeded', 'another card pays';
    }
    is $stripe->post('/v1/payment_methods', { type => 'card', 'card[token]' => 'tok_mastercard' })->{card}{brand}, 'mastercard', 'a token makes a payment method';
    my $wrong = $stripe->post('/v1/payment_methods', { type => 'card', 'card[number]' => '4242424242424241', 'card[exp_month]' => 1, 'card[exp_year]' => 2040 });
    is_deeply [$stripe->code, $wrong->{error}{code}], [402, 'incorrect_number'], 'a wrong number';
};

subtest '3-D Secure' => sub {
    my $confirm = sub { $stripe->post("/v1/payment_intents/$_[0]/confirm", { payment_method => 'pm_card_authenticationRequired', return_url => 'https://shop.test/back?a=1' }) };
    my $asked   = $confirm->(my $id = $stripe->payment->{id});
    is_deeply [$asked->{status}, $asked->{next_action}{type}], ['requires_action', 'redirect_to_url'], 'the bank asks';
    my $page = $stripe->ua->get($asked->{next_action}{redirect_to_url}{url} =~ s{\Ahttp://[^/]+}{}r)->result;
    like $page->dom->at('h1')->text, qr/3D Secure 2 Test Page/, 'on its page';
    my $form = { map { $_->{name} => $_->{value} } $page->dom->find('input')->each };
    my $back = $stripe->ua->post("/3ds/$id", form => { %$form, result => 'fail' })->result;
    like $back->headers->location, qr{\Ahttps://shop\.test/back\?a=1&payment_intent=$id&payment_intent_client_secret=${id}_secret_\w+&redirect_status=failed\z}, 'and leads back';
    is $stripe->get("/v1/payment_intents/$id")->{last_payment_error}{code}, 'payment_intent_authentication_failure', 'failed';
    $confirm->($id);
    is $stripe->control(POST => "payment_intents/$id/authenticate")->{status}, 'succeeded', 'passed';
    my $off = $stripe->post('/v1/payment_intents', { amount => 2300, currency => 'usd', confirm => 'true', off_session => 'true', payment_method => 'pm_card_authenticationRequired' });
    is $off->{error}{code}, 'authentication_required', 'nobody there to ask';
    is $stripe->ua->get("/3ds/$id")->result->code, 404, 'no page without the secret';
};

subtest 'processing' => sub {
    my ($one, $two) = map { $stripe->payment(confirm => 'true', payment_method => 'pm_card_sandboxProcessing', return_url => 'https://shop.test/') } 1, 2;
    is $one->{status}, 'processing', 'on its way';
    is $stripe->post("/v1/payment_intents/$one->{id}/cancel")->{error}{code}, 'payment_intent_unexpected_state', 'not to be canceled';
    is $stripe->control(POST => "payment_intents/$one->{id}/succeed")->{amount_received}, 2300, 'arrived';
    is $stripe->control(POST => "payment_intents/$two->{id}/fail", { reason => 'funds' })->{last_payment_error}{decline_code}, 'insufficient_funds', 'failed late';
    like $stripe->control(POST => "payment_intents/$two->{id}/fail")->{error}, qr/requires_payment_method, not processing/, 'once only';
};

subtest 'keys' => sub {
    my $payment = $stripe->payment;
    my $get     = sub { $stripe->get("/v1/payment_intents/$payment->{id}", $_[1] // {}, { Authorization => $_[0] }) };
    like $get->(undef)->{error}{message}, qr/\AYou did not provide an API key\./, 'no key';
    is $stripe->code, 401, 'with 401';
    is $get->('Bearer sk_test_wrong1234')->{error}{message}, 'Invalid API Key provided: sk_test_*****1234', 'a wrong key';
    is $get->('Basic ' . Mojo::Util::b64_encode('sk_test_sandbox:', ''))->{id}, $payment->{id}, 'Basic';
    my $public = $get->('Bearer pk_test_sandbox', { client_secret => $payment->{client_secret} });
    is_deeply [map { exists $public->{$_} ? 1 : 0 } qw(id status client_secret metadata latest_charge amount_received)], [1, 1, 1, 0, 0, 0], 'the publishable key sees what is public';
    is $get->('Bearer pk_test_sandbox', { client_secret => "$payment->{id}_secret_wrong" })->{error}{code}, 'resource_missing', 'with the right secret';
    is $get->('Bearer pk_test_sandbox')->{error}{code}, 'parameter_missing', 'and not without';
    is $stripe->post('/v1/payment_intents', { amount => 100, currency => 'usd' }, { Authorization => 'Bearer pk_test_sandbox' })->{error}{code}, 'secret_key_required', 'and makes nothing';
    my $paid = $stripe->post("/v1/payment_intents/$payment->{id}/confirm", {
        key => 'pk_test_sandbox', client_secret => $payment->{client_secret}, return_url => 'https://shop.test/', 'payment_method_data[type]' => 'card',
        'payment_method_data[card][number]' => '4242 4242 4242 4242', 'payment_method_data[card][exp_month]' => 1, 'payment_method_data[card][exp_year]' => 2040, 'payment_method_data[card][cvc]' => 123,
    }, { Authorization => undef });
    is_deeply [$paid->{status}, exists $paid->{metadata}], ['succeeded', ''], 'a browser confirms';
    unlike Mojo::JSON::encode_json($stripe->control(GET => 'requests')), qr/4242/, 'the log holds no card number';
};

subtest 'versions' => sub {
    my $make = sub { $stripe->post('/v1/payment_intents', { amount => 2300, currency => 'usd', 'payment_method_types[]' => 'card' }, { 'Stripe-Version' => $_[0] }) };
    my $new  = $make->('2026-10-28.endive')->{error};
    is_deeply [@$new{qw(code param message)}], ['parameter_unknown', 'payment_method_types', 'Received unknown parameter: payment_method_types'], 'endive does not know payment_method_types';
    my $old = $make->('2026-08-26.dahlia');
    is_deeply $old->{payment_method_types}, ['card'], 'dahlia does';
    ok !exists $old->{payment_record}, 'and lacks what came later';
    is $stripe->answer->headers->header('Stripe-Version'), '2026-08-26.dahlia', 'the answer names its version';
    my %older = ('Stripe-Version' => '2026-08-26.dahlia');
    my $types = sub { $stripe->post('/v1/payment_intents', { amount => 2300, currency => 'usd', 'payment_method_types[]' => [@_] }, \%older) };
    is_deeply $types->(qw(link card))->{payment_method_types}, [qw(link card)], 'several types';
    like $types->('ideal')->{error}{message}, qr/\AThe payment method type "ideal" is invalid\. /, 'one that is not turned on';
    is $make->('2020-01-01')->{error}{message}, 'Invalid Stripe API version: 2020-01-01', 'any other is refused';
    is $stripe->code, 400, 'with 400';
};

subtest 'lists' => sub {
    $stripe->control(POST => 'reset');
    my @ids  = map { $stripe->payment->{id} } 1 .. 5;
    my $list = sub { $stripe->get('/v1/payment_intents', { @_ }) };
    my $ids  = sub { [map { $_->{id} } @{ $_[0]{data} }] };
    my $page = $list->(limit => 2);
    is_deeply [$ids->($page), $page->{has_more}], [[@ids[4, 3]], 1], 'newest first';
    $page = $list->(limit => 3, starting_after => $ids[3]);
    is_deeply [$ids->($page), $page->{has_more}], [[@ids[2, 1, 0]], 0], 'the rest';
    is_deeply $ids->($list->(limit => 2, ending_before => $ids[1])), [@ids[3, 2]], 'backwards';
    $stripe->control(POST => "objects/$ids[0]", { set => { created => 1000 } });
    is_deeply $ids->($list->('created[lt]' => 2000)), [$ids[0]], 'by time';
    is scalar @{ $ids->($list->('created[gte]' => 2000)) }, 4, 'by time';
    is $list->(limit => 101)->{error}{param}, 'limit', 'not more than 100';
    is $list->(starting_after => 'pi_nope')->{error}{code}, 'resource_missing', 'an unknown cursor';
    is $stripe->get('/v1/payment_intents', { limit => 1, 'expand[]' => 'data.latest_charge' })->{data}[0]{latest_charge}, undef, 'expansion in lists';
    is $stripe->get("/v1/payment_intents/$ids[1]", { 'expand[]' => 'nonsense' })->{error}{message}, 'This property cannot be expanded (nonsense).', 'not everything expands';
};

subtest 'what is not there' => sub {
    my $error = $stripe->get('/v1/payment_intents/pi_nope')->{error};
    is_deeply [$stripe->code, @$error{qw(code message param type)}], [404, 'resource_missing', q{No such payment_intent: 'pi_nope'}, 'intent', 'invalid_request_error'], 'no such payment';
    like $error->{doc_url}, qr{\Ahttps://stripe\.com/docs/error-codes/resource-missing\z}, 'with a page about it';
    like $error->{request_log_url}, qr{/req_\w+}, 'and the log';
    like $stripe->post('/v1/nonsense')->{error}{message}, qr{\AUnrecognized request URL \(POST: /v1/nonsense\)\.}, 'no such route';
    is $stripe->code, 404, 'with 404';
};

done_testing;
