# An answer of Stripe's that is an error: its status, its fields, its words.
# SPDX-License-Identifier: Apache-2.0
package Sandbox::Error;
use strict;
use warnings;

# kind -> [HTTP status, type, code or undef]
my %KIND = (
    no_key            => [401, 'invalid_request_error', undef],
    wrong_key         => [401, 'invalid_request_error', undef],
    secret_key        => [401, 'invalid_request_error', 'secret_key_required'],
    bad_version       => [400, 'invalid_request_error', undef],
    no_route          => [404, 'invalid_request_error', undef],
    missing_object    => [404, 'invalid_request_error', 'resource_missing'],
    missing           => [400, 'invalid_request_error', 'parameter_missing'],
    unknown           => [400, 'invalid_request_error', 'parameter_unknown'],
    empty             => [400, 'invalid_request_error', 'parameter_invalid_empty'],
    integer           => [400, 'invalid_request_error', 'parameter_invalid_integer'],
    exclusive         => [400, 'invalid_request_error', 'parameters_exclusive'],
    invalid           => [400, 'invalid_request_error', undef],
    too_small         => [400, 'invalid_request_error', 'amount_too_small'],
    too_large         => [400, 'invalid_request_error', 'amount_too_large'],
    email             => [400, 'invalid_request_error', 'email_invalid'],
    url               => [400, 'invalid_request_error', 'url_invalid'],
    unexpected_state  => [400, 'invalid_request_error', 'payment_intent_unexpected_state'],
    method_state      => [400, 'invalid_request_error', 'payment_method_unexpected_state'],
    idempotency       => [400, 'idempotency_error',     undef],
    key_in_use        => [409, 'idempotency_error',     'idempotency_key_in_use'],
    card              => [402, 'card_error',            'card_declined'],
    rate_limit        => [429, 'invalid_request_error', 'rate_limit'],
    lock_timeout      => [429, 'invalid_request_error', 'lock_timeout'],
    broken            => [500, 'api_error',             undef],
);

# Sandbox::Error->throw(kind => message, param => ..., any other field of the error object). `keep` asks that what the
# request changed is kept all the same: a declined payment leaves its traces.
sub throw {
    my ($class, $kind, $message, %more) = @_;
    die $class->new($kind, $message, %more);
}

sub new {
    my ($class, $kind, $message, %more) = @_;
    my ($status, $type, $code) = @{ $KIND{$kind} or die "no error is called $kind\n" };
    my $keep = delete $more{keep};
    my %error = (message => $message, type => $type, (defined $code ? (code => $code) : ()), %more);
    $error{doc_url} = 'https://stripe.com/docs/error-codes/' . ($error{code} =~ tr/_/-/r) if defined $error{code};
    return bless { status => $status, keep => $keep, error => \%error }, $class;
}

sub status { return $_[0]{status} }
sub keep   { return $_[0]{keep} }
sub fields { return $_[0]{error} }

1;
