# How a PaymentIntent moves: attempts, 3-D Secure, captures, ends. Every change of a status passes through `enter`.
# SPDX-License-Identifier: Apache-2.0
package Sandbox::Payments;
use strict;
use warnings;
use Mojo::JSON qw(true false);
use Sandbox::Cards qw(decline);
use Sandbox::Charges;
use Sandbox::Error;
use Sandbox::Events;

# status -> the fields that come with it: what is left to do, and what can be captured, start afresh
my %ENTER = (
    requires_payment_method => sub { $_[0]{payment_method} = undef },
    requires_confirmation   => sub { },
    requires_action         => sub { $_[0]{last_payment_error} = undef },
    processing              => sub { @{ $_[0] }{qw(last_payment_error processing)} = (undef, { type => 'card', card => {} }) },
    requires_capture        => sub { @{ $_[0] }{qw(last_payment_error amount_capturable)} = (undef, $_[0]{amount}) },
    succeeded               => sub { $_[0]{last_payment_error} = undef },
    canceled                => sub { },
);

# status -> the event that tells of it
my %EVENT = (
    requires_payment_method => 'payment_intent.payment_failed',
    requires_action         => 'payment_intent.requires_action',
    processing              => 'payment_intent.processing',
    requires_capture        => 'payment_intent.amount_capturable_updated',
    succeeded               => 'payment_intent.succeeded',
    canceled                => 'payment_intent.canceled',
);

# `fields` are what else the payment then has.
sub enter {
    my ($context, $payment, $status, %fields) = @_;
    my $fields = $ENTER{$status} or die "no payment has the status $status\n";
    @$payment{qw(status next_action processing amount_capturable)} = ($status, undef, undef, 0);
    delete $payment->{_}{asked} if $status ne 'requires_action';
    $fields->($payment);
    @$payment{keys %fields} = values %fields;
    $context->{ledger}->save($payment);
    Sandbox::Events::note($context, $EVENT{$status}, $payment) if $EVENT{$status};
    return $payment;
}

# Tries to pay with the method. The payment is then succeeded, requires_capture, requires_action or processing, or the
# error of a decline is thrown.
sub attempt {
    my ($context, $payment, $method, $params) = @_;
    my $does = $method->{_}{does};
    $payment->{payment_method} = $method->{id};
    return ask($context, $payment, $method, $does->{asks}, $params) if $does->{asks};
    return finish($context, $payment, $method);
}

# After the buyer's authentication, or at once.
sub finish {
    my ($context, $payment, $method) = @_;
    my $does = $method->{_}{does};
    return refuse($context, $payment, $method, decline($does->{declines})) if $does->{declines};
    my $manual = $payment->{capture_method} eq 'manual';
    my ($result, $status) =
          $does->{settles} ? ('pending', 'processing')
        : $manual          ? ('authorized', 'requires_capture')
        :                    ('succeeded', 'succeeded');
    $payment->{latest_charge}   = Sandbox::Charges::create($context, $payment, $method, $result)->{id};
    $payment->{amount_received} = $payment->{amount} if $status eq 'succeeded';
    return enter($context, $payment, $status);
}

sub refuse {
    my ($context, $payment, $method, $reason) = @_;
    my $charge = Sandbox::Charges::create($context, $payment, $method, failed => $reason);
    $payment->{latest_charge} = $charge->{id};
    throw_failed($context, $payment, $method, Sandbox::Error->new(card => delete $reason->{message}, %$reason, charge => $charge->{id}));
    return;
}

# The payment goes back to requires_payment_method with the error as its last; the error is thrown, and the change kept.
sub throw_failed {
    my ($context, $payment, $method, $error) = @_;
    fail($context, $payment, $method, $error);
    $error->{keep} = 1;
    @{ $error->fields }{qw(payment_intent payment_method)} = ({%$payment}, shown($method));
    die $error;
}

sub fail {
    my ($context, $payment, $method, $error) = @_;
    $payment->{last_payment_error} = { %{ $error->fields }, payment_method => shown($method) };
    return enter($context, $payment, 'requires_payment_method');
}

sub shown {
    my %method = %{ $_[0] };
    delete $method{_};
    return \%method;
}

# The bank asks the buyer. A browser with Stripe.js opens the bank's page in place; others are sent there.
sub ask {
    my ($context, $payment, $method, $how, $params) = @_;
    refuse($context, $payment, $method, decline('authentication')) if $params->{error_on_requires_action} or $params->{off_session};
    my $url = "$context->{origin}/3ds/$payment->{id}?secret=$payment->{client_secret}";
    my $in_place = $how eq 'page' && ($context->{access} eq 'public' || $params->{use_stripe_sdk});
    my $next = $in_place
        ? { type => 'use_stripe_sdk', use_stripe_sdk => {
            type => 'stripe_3ds2_fingerprint', stripe_js => $url, source => $payment->{_}{source} //= Sandbox::Ids::new_id('source') } }
        : { type => 'redirect_to_url', redirect_to_url => { url => $url, return_url => $payment->{_}{return_url} } };
    $payment->{_}{asked} = $method->{id};
    return enter($context, $payment, 'requires_action', next_action => $next);
}

# The buyer's answer to the bank: `passed` or not. Declines after it are kept in the payment, not thrown.
sub answer {
    my ($context, $payment, $passed) = @_;
    my $asked  = $payment->{_}{asked} or return $payment;
    my $method = $context->{ledger}->find(payment_method => $asked);
    if ($passed) {
        return $payment if eval { finish($context, $payment, $method); 1 };
        die $@ if !ref $@ or !$@->keep;
        return $payment;
    }
    return fail($context, $payment, $method, Sandbox::Error->new(
        invalid => 'We are unable to authenticate your payment method. Please choose a different payment method and try again.',
        code => 'payment_intent_authentication_failure'));
}

# A payment in `processing` ends.
sub settle {
    my ($context, $payment, $succeeds, $reason) = @_;
    my $method = $context->{ledger}->find(payment_method => $payment->{payment_method});
    if ($succeeds) {
        Sandbox::Charges::settle($context, $payment->{latest_charge}, 'succeeded');
        $payment->{amount_received} = $payment->{amount};
        return enter($context, $payment, 'succeeded');
    }
    my $failure = decline($reason // 'generic');
    Sandbox::Charges::settle($context, $payment->{latest_charge}, failed => $failure);
    return fail($context, $payment, $method, Sandbox::Error->new(
        card => delete $failure->{message}, %$failure, charge => $payment->{latest_charge}));
}

1;
