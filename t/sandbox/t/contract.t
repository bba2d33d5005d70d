# Parameters are held against the types of Stripe's own package, and refused in Stripe's words.
# SPDX-License-Identifier: Apache-2.0
use strict;
use warnings;
use Test::More;
use Sandbox::App;
use Sandbox::Form qw(parse_form);
use Sandbox::Tester;

my $stripe = Sandbox::Tester->new;
$stripe->ua->server->app(Sandbox::App->new);

# parameters of a creation -> [code or undef, param, message]
my @REFUSED = (
    [{ foo => 1 },                                       'parameter_unknown', 'foo', 'Received unknown parameter: foo'],
    [{ foo => 1, bar => 2 },                             'parameter_unknown', 'bar', 'Received unknown parameters: bar, foo'],
    [{ 'shipping[nome]' => 'N' },                        'parameter_unknown', 'shipping[nome]', 'Received unknown parameter: shipping[nome]'],
    [{ 'shipping[name]' => 'N' },                        'parameter_missing', 'shipping[address]', 'Missing required param: shipping[address].'],
    [{ amount => undef },                                'parameter_missing', 'amount', 'Missing required param: amount.'],
    [{ currency => undef },                              'parameter_missing', 'currency', 'Missing required param: currency.'],
    [{ amount => 'ten' },                                'parameter_invalid_integer', 'amount', 'Invalid integer: ten'],
    [{ amount => '23.00' },                              'parameter_invalid_integer', 'amount', 'Invalid integer: 23.00'],
    [{ amount => '99999999999999999999' },               'parameter_invalid_integer', 'amount', 'Invalid integer: 99999999999999999999'],
    [{ amount => -1 },                                   'parameter_invalid_integer', 'amount', 'This value must be greater than or equal to 1.'],
    [{ amount => '' },                                   'parameter_invalid_empty', 'amount', qr/\AYou passed an empty string for 'amount'\./],
    [{ amount => 49 },                                   'amount_too_small', 'amount', 'Amount must be at least $0.50 usd'],
    [{ amount => 29, currency => 'gbp' },                'amount_too_small', 'amount', "Amount must be at least \x{a3}0.30 gbp"],
    [{ amount => 100_000_000 },                          'amount_too_large', 'amount', 'Amount must be no more than $999,999.99'],
    [{ currency => 'xyz' },                              undef, 'currency', qr/\AInvalid currency: xyz\. Stripe currently supports these currencies: /],
    [{ amount => 150, currency => 'isk' },               undef, 'amount', qr/multiples of 100/],
    [{ confirm => 'yes' },                               undef, 'confirm', 'Invalid boolean: yes'],
    [{ capture_method => 'later' },                      undef, 'capture_method', 'Invalid capture_method: must be one of automatic, automatic_async, or manual'],
    [{ 'automatic_payment_methods[allow_redirects]' => 'x', 'automatic_payment_methods[enabled]' => 'true' }, undef,
        'automatic_payment_methods[allow_redirects]', 'Invalid automatic_payment_methods[allow_redirects]: must be one of always or never'],
    [{ 'description[x]' => 1 },                          undef, 'description', qr/\AInvalid string: /],
    [{ expand => 'latest_charge' },                      undef, 'expand', 'Invalid array'],
    [{ metadata => 'x' },                                undef, 'metadata', 'Invalid object'],
    [{ 'metadata[k]' => 'x' x 501 },                     undef, 'metadata[k]', qr/\AMetadata values can have up to 500 characters, but you passed in a value that is 501 characters\./],
    [{ 'metadata[' . 'k' x 41 . ']' => 'x' },            undef, 'metadata[' . 'k' x 41 . ']', qr/\AMetadata keys can have up to 40 characters/],
    [{ map { ("metadata[k$_]" => 1) } 1 .. 51 },         undef, 'metadata', qr/50 metadata keys/],
    [{ receipt_email => 'nobody' },                      'email_invalid', 'receipt_email', 'Invalid email address: nobody'],
    [{ return_url => '/back', confirm => 'true', payment_method => 'pm_card_visa' }, 'url_invalid', 'return_url', 'Not a valid URL'],
    [{ statement_descriptor => 'SHOP' },                 undef, 'statement_descriptor', qr/not supported for the card payment method type/],
    [{ statement_descriptor_suffix => 'A' x 23 },        undef, 'statement_descriptor_suffix', qr/at most 22 characters/],
    [{ customer => 'cus_nope' },                         'resource_missing', 'customer', q{No such customer: 'cus_nope'}],
    [{ payment_method => 'pm_nope' },                    'resource_missing', 'payment_method', qr/\ANo such PaymentMethod: 'pm_nope'; /],
    [{ 'payment_method_data[type]' => 'card', 'payment_method_data[card][number]' => '4242424242424242' }, 'parameter_unknown', 'payment_method_data[card]', qr/unknown/],
    [{ 'payment_method_options[card][request_three_d_secure]' => 'x' }, undef, 'payment_method_options[card][request_three_d_secure]', qr/must be one of any, automatic, or challenge/],
    [{ 'allowed_payment_method_types[]' => 'ideal' },    undef, undef, qr/\ANo valid payment method types for this Payment Intent\./],
    [{ confirm => 'true', payment_method => 'pm_card_visa' }, undef, undef, qr/\AA `return_url` must be specified/],
    [{ confirm => 'true', return_url => 'https://x.test/' }, 'payment_intent_unexpected_state', undef, qr/missing a payment method/],
);

for my $case (@REFUSED) {
    my ($params, $code, $param, $message) = @$case;
    my %sent = (amount => 2300, currency => 'usd', %$params);
    delete @sent{ grep { !defined $sent{$_} } keys %sent };
    my $error = $stripe->post('/v1/payment_intents', \%sent)->{error};
    my $name  = substr join(', ', map {"$_=" . ($sent{$_} // '')} sort keys %$params), 0, 60;
    is_deeply [$stripe->code, @$error{qw(type code param)}], [400, 'invalid_request_error', $code, $param], $name;
    ref $message ? like($error->{message}, $message, 'its words') : is($error->{message}, $message, 'its words');
}
is scalar @{ $stripe->control(GET => 'ledger')->{payment_intent} }, 0, 'nothing was made';

my $json = $stripe->ua->post('/v1/payment_intents', { Authorization => 'Bearer sk_test_sandbox' }, json => { amount => 2300, currency => 'usd' })->result;
is $json->code, 400, 'JSON';
like $json->json->{error}{message}, qr/content type is application\/x-www-form-urlencoded/, 'is no form';

my $taken = $stripe->payment(
    'automatic_payment_methods[enabled]' => 'true', description => 'D', statement_descriptor_suffix => 'BOOKS', 'metadata[bag_1]' => 'x' x 500, 'metadata[0]' => 'digits',
    'shipping[name]' => 'N', 'shipping[address][line1]' => 'L', 'shipping[address][country]' => 'DE', receipt_email => 'a@b.test', setup_future_usage => 'off_session',
    'allowed_payment_method_types[]' => 'card', 'expand[]' => 'latest_charge',
);
is $stripe->code, 200, 'what Stripe takes is taken' or diag explain $taken;

my @FORMS = (
    ['a=1&b=',                      { a => 1, b => '' }],
    ['a[b]=1&a[c][d]=2',            { a => { b => 1, c => { d => 2 } } }],
    ['a[]=1&a[]=2',                 { a => [1, 2] }],
    ['a[0][b]=1&a[1][b]=2',         { a => [{ b => 1 }, { b => 2 }] }],
    ['a%5Bb%5D=x+y%26z',            { a => { b => 'x y&z' } }],
    ['a=%C3%BC',                    { a => "\x{fc}" }],
    ['',                            {}],
);
is_deeply parse_form($_->[0]), $_->[1], "the form $_->[0]" for @FORMS;

done_testing;
