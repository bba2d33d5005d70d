# PaymentIntents: what each call of the API does, and what it refuses.
# SPDX-License-Identifier: Apache-2.0
package Sandbox::PaymentIntents;
use strict;
use warnings;
use Mojo::JSON qw(true false);
use Sandbox::Error;
use Sandbox::Events;
use Sandbox::Ids qw(new_id random_text);
use Sandbox::Lists;
use Sandbox::Money;
use Sandbox::PaymentMethods;
use Sandbox::Payments;

# What a publishable key with the client secret gets to see.
my @PUBLIC = qw(
    id object amount amount_details automatic_payment_methods canceled_at cancellation_reason capture_method client_secret
    confirmation_method created currency description excluded_payment_method_types last_payment_error livemode next_action
    payment_method payment_method_configuration_details payment_method_types processing receipt_email setup_future_usage
    shipping source status
);

sub public_view {
    my ($payment) = @_;
    return { map { $_ => $payment->{$_} } grep { exists $payment->{$_} } @PUBLIC };
}

# Parameters that are kept as they come.
my @PLAIN = qw(customer description on_behalf_of receipt_email setup_future_usage shipping statement_descriptor
    statement_descriptor_suffix transfer_group amount_details payment_details);

sub create {
    my ($context, $params) = @_;
    check_fields($context, $params);
    Sandbox::Money::check_amount($params->{amount}, $params->{currency});
    Sandbox::Error->throw(invalid => 'error_on_requires_action can only be set when confirm=true.', param => 'error_on_requires_action')
        if $params->{error_on_requires_action} and !$params->{confirm};
    my $id      = new_id('payment_intent');
    my $payment = {
        id                    => $id,
        object                => 'payment_intent',
        amount                => $params->{amount},
        amount_capturable     => 0,
        amount_details        => { tip => {} },
        amount_received       => 0,
        allowed_payment_method_types  => $params->{allowed_payment_method_types},
        automatic_payment_methods     => automatic($params),
        capture_method        => $params->{capture_method} // 'automatic_async',
        client_secret         => "${id}_secret_" . random_text(25),
        confirmation_method   => $params->{confirmation_method} // 'automatic',
        created               => $context->{now},
        currency              => lc $params->{currency},
        excluded_payment_method_types => $params->{excluded_payment_method_types},
        livemode              => false,
        metadata              => merge_metadata({}, $params->{metadata}),
        payment_method_configuration_details => $params->{payment_method_types} || $params->{allowed_payment_method_types}
            ? undef : { id => 'pmc_1Sandbox', parent => undef },
        payment_method_options => { card => {
            installments => undef, mandate_options => undef, network => undef, request_three_d_secure => 'automatic',
            %{ $params->{payment_method_options}{card} || {} } } },
        payment_method_types  => method_types($params),
        status                => 'requires_payment_method',
        (map { $_ => undef } qw(application application_fee_amount canceled_at cancellation_reason customer customer_account
            description last_payment_error latest_charge managed_payments next_action on_behalf_of payment_method payment_record
            processing receipt_email review setup_future_usage shipping source statement_descriptor statement_descriptor_suffix
            transfer_data transfer_group)),
        _                     => {},
    };
    set_plain($payment, $params);
    set_method($context, $payment, $params);
    Sandbox::Payments::enter($context, $payment, 'requires_confirmation') if $payment->{payment_method};
    $context->{ledger}->save($payment);
    Sandbox::Events::note($context, 'payment_intent.created', $payment);
    return $params->{confirm} ? confirm_payment($context, $payment, $params) : $payment;
}

# the payment methods that this account has turned on
my %ACTIVE = map { $_ => 1 } qw(card link);

# The types that the payment takes: what was asked for, or of what is allowed the active ones.
sub method_types {
    my ($params) = @_;
    my ($asked, $allowed) = @$params{qw(payment_method_types allowed_payment_method_types)};
    Sandbox::Error->throw(exclusive => 'You may only specify one of these parameters: automatic_payment_methods, payment_method_types.')
        if $asked and $params->{automatic_payment_methods} and $params->{automatic_payment_methods}{enabled};
    for my $type (grep { !$ACTIVE{$_} } @{ $asked // [] }) {
        Sandbox::Error->throw(invalid => "The payment method type \"$type\" is invalid. Please ensure the provided type is activated in "
                . 'your dashboard (https://dashboard.stripe.com/account/payments/settings) and your account is enabled for any preview '
                . 'features that you are trying to use.', code => 'payment_intent_invalid_parameter', param => 'payment_method_types');
    }
    return $asked if $asked;
    my @types = grep { $ACTIVE{$_} } @{ $allowed // ['card'] };
    Sandbox::Error->throw(invalid => 'No valid payment method types for this Payment Intent. Please ensure that you have activated payment '
            . 'methods compatible with your chosen currency in your dashboard '
            . '(https://dashboard.stripe.com/settings/payment_methods).') if !@types;
    return \@types;
}

sub automatic {
    my ($params) = @_;
    my $given = $params->{automatic_payment_methods};
    return { allow_redirects => 'always', enabled => true } if !$given and !$params->{payment_method_types};
    return $given ? { allow_redirects => 'always', %$given } : undef;
}

sub set_plain {
    my ($payment, $params) = @_;
    for my $name (grep { exists $params->{$_} } @PLAIN) {
        my $value = $params->{$name};
        $payment->{$name} = ref $value || $value ne '' ? $value : undef;
    }
    return;
}

# Metadata is merged; an empty value takes its key away, an empty string all of them.
sub merge_metadata {
    my ($metadata, $given) = @_;
    return $metadata if !defined $given;
    return {} if !ref $given;
    my %merged = (%$metadata, %$given);
    delete @merged{ grep { $merged{$_} eq '' } keys %merged };
    return \%merged;
}

# The payment method that the parameters name or describe, if any; it is then the payment's.
sub set_method {
    my ($context, $payment, $params) = @_;
    my ($id, $data) = @$params{qw(payment_method payment_method_data)};
    Sandbox::Error->throw(exclusive => 'You may only specify one of these parameters: payment_method, payment_method_data.',
        param => 'payment_method') if defined $id and $data;
    return if !defined $id and !$data;
    my $method = defined $id
        ? Sandbox::PaymentMethods::need($context, $id)
        : Sandbox::PaymentMethods::from_data($context, $data, 'payment_method_data');
    $context->{ledger}->save($method) if $data;
    $payment->{payment_method} = $method->{id};
    return $method;
}

use constant { LONGEST_DESCRIPTION => 1000, LONGEST_DESCRIPTOR => 22 };

# What Stripe checks beyond types.
sub check_fields {
    my ($context, $params) = @_;
    my ($description, $suffix, $email, $url) = @$params{qw(description statement_descriptor_suffix receipt_email return_url)};
    Sandbox::Error->throw(invalid => "Invalid string: $description; must be at most @{[LONGEST_DESCRIPTION]} characters", param => 'description')
        if defined $description and length $description > LONGEST_DESCRIPTION;
    Sandbox::Error->throw(invalid => 'The statement_descriptor parameter is not supported for the card payment method type. '
            . 'Use statement_descriptor_suffix instead.', param => 'statement_descriptor') if defined $params->{statement_descriptor};
    Sandbox::Error->throw(invalid => 'The statement descriptor suffix must be at most ' . LONGEST_DESCRIPTOR
            . ' characters, hold at least one letter, and none of < > \ \' " *.', param => 'statement_descriptor_suffix')
        if defined $suffix and $suffix ne '' and (length $suffix > LONGEST_DESCRIPTOR or $suffix !~ /[A-Za-z]/ or $suffix =~ /[<>\\'"*]/);
    Sandbox::Error->throw(email => "Invalid email address: $email", param => 'receipt_email')
        if defined $email and $email ne '' and $email !~ /\A[^\s\@]+\@[^\s\@]+\.[^\s\@]+\z/;
    Sandbox::Error->throw(url => 'Not a valid URL', param => 'return_url')
        if defined $url and $url !~ m{\A[a-z][a-z0-9+.-]*://[^\s/?#]+\S*\z}i;
    for my $reference (grep { defined $params->{$_} and $params->{$_} ne '' } qw(customer)) {
        Sandbox::Error->throw(invalid => "No such $reference: '$params->{$reference}'", code => 'resource_missing', param => $reference)
            if !$context->{ledger}->find($reference => $params->{$reference});
    }
    return;
}

sub need {
    my ($context, $id, $params) = @_;
    my $payment = $context->{ledger}->find(payment_intent => $id);
    my $secret  = $params->{client_secret};
    Sandbox::Error->throw(missing => 'Missing required param: client_secret.', param => 'client_secret')
        if $context->{access} eq 'public' and !defined $secret;
    Sandbox::Error->throw(missing_object => "No such payment_intent: '$id'", param => 'intent')
        if !$payment or defined $secret and $secret ne $payment->{client_secret};
    return $payment;
}

sub retrieve {
    my ($context, $params, $id) = @_;
    return need($context, $id, $params);
}

sub list {
    my ($context, $params) = @_;
    my $customer = $params->{customer};
    return Sandbox::Lists::page($context, payment_intent => '/v1/payment_intents', $params,
        sub { !defined $customer or ($_[0]{customer} // '') eq $customer });
}

my @UNCONFIRMED = qw(requires_payment_method requires_confirmation requires_action);

sub unexpected_state {
    my ($payment, $message) = @_;
    Sandbox::Error->throw(unexpected_state => $message, payment_intent => {%$payment});
    return;
}

sub is_one_of { my ($word, @words) = @_; return scalar grep { $_ eq $word } @words }

sub update {
    my ($context, $params, $id) = @_;
    my $payment = need($context, $id, $params);
    check_fields($context, $params);
    my $status = $payment->{status};
    if (!is_one_of($status, @UNCONFIRMED)) {
        for my $name (grep { exists $params->{$_} } qw(amount currency payment_method payment_method_data capture_method setup_future_usage customer)) {
            unexpected_state($payment, "This PaymentIntent's $name could not be updated because it has a status of $status. You may only "
                . "update the $name of a PaymentIntent with one of the following statuses: " . join(', ', @UNCONFIRMED) . '.');
        }
    }
    if (defined $params->{amount} or defined $params->{currency}) {
        my ($amount, $currency) = ($params->{amount} // $payment->{amount}, lc($params->{currency} // $payment->{currency}));
        Sandbox::Money::check_amount($amount, $currency);
        @$payment{qw(amount currency)} = ($amount, $currency);
    }
    set_plain($payment, $params);
    $payment->{metadata} = merge_metadata($payment->{metadata}, $params->{metadata});
    $payment->{payment_method_types} = method_types($params)
        if $params->{payment_method_types} or $params->{allowed_payment_method_types};
    for my $name (qw(capture_method allowed_payment_method_types)) {
        $payment->{$name} = $params->{$name} if defined $params->{$name};
    }
    my $method  = set_method($context, $payment, $params);
    my $restart = $status eq 'requires_action' && grep { exists $params->{$_} } qw(amount currency);
    Sandbox::Payments::enter($context, $payment, 'requires_confirmation') if $method or $restart;
    $context->{ledger}->save($payment);
    return $payment;
}

sub confirm {
    my ($context, $params, $id) = @_;
    my $payment = need($context, $id, $params);
    check_fields($context, $params);
    my $status = $payment->{status};
    unexpected_state($payment, 'You cannot confirm this PaymentIntent because it has already succeeded after being previously confirmed.')
        if $status eq 'succeeded';
    unexpected_state($payment, "You cannot confirm this PaymentIntent because it has a status of $status. Only a PaymentIntent with one "
        . 'of the following statuses may be confirmed: requires_confirmation, requires_action.') if !is_one_of($status, @UNCONFIRMED);
    set_plain($payment, $params);
    set_method($context, $payment, $params);
    return confirm_payment($context, $payment, $params);
}

sub confirm_payment {
    my ($context, $payment, $params) = @_;
    unexpected_state($payment, "You cannot confirm this PaymentIntent because it's missing a payment method. You can either update the "
        . 'PaymentIntent with a payment method and then confirm it again, or confirm it again directly with a payment method or '
        . 'ConfirmationToken.') if !$payment->{payment_method};
    my $automatic = $payment->{automatic_payment_methods};
    Sandbox::Error->throw(invalid => 'A `return_url` must be specified because this Payment Intent is configured to automatically accept '
            . 'the payment methods enabled in the Dashboard, some of which may require a full page redirect to succeed. If you do not '
            . 'want to accept redirect-based payment methods, set `automatic_payment_methods[enabled]` to `true` and '
            . '`automatic_payment_methods[allow_redirects]` to `never` when creating Setup Intents and Payment Intents.')
        if $context->{access} eq 'secret' and $automatic and $automatic->{allow_redirects} ne 'never'
        and !defined $params->{return_url} and !$params->{use_stripe_sdk} and !$params->{error_on_requires_action} and !$params->{off_session};
    $payment->{_}{return_url} = $params->{return_url} if defined $params->{return_url};
    my $method = Sandbox::PaymentMethods::need($context, $payment->{payment_method});
    return Sandbox::Payments::attempt($context, $payment, $method, $params);
}

# Stripe's words name `processing` too, but a card's payment in it can't be canceled.
my @CANCELABLE = qw(requires_payment_method requires_capture requires_confirmation requires_action);

sub cancel {
    my ($context, $params, $id) = @_;
    my $payment = need($context, $id, $params);
    my $status  = $payment->{status};
    unexpected_state($payment, "You cannot cancel this PaymentIntent because it has a status of $status. Only a PaymentIntent with one of "
        . 'the following statuses may be canceled: ' . join(', ', @CANCELABLE, 'processing') . '.') if !is_one_of($status, @CANCELABLE);
    @$payment{qw(canceled_at cancellation_reason)} = ($context->{now}, $params->{cancellation_reason});
    return Sandbox::Payments::enter($context, $payment, 'canceled');
}

sub capture {
    my ($context, $params, $id) = @_;
    my $payment = need($context, $id, $params);
    my $status  = $payment->{status};
    unexpected_state($payment, 'This PaymentIntent could not be captured because it has already been captured.') if $status eq 'succeeded';
    unexpected_state($payment, "This PaymentIntent could not be captured because it has a status of $status. Only a PaymentIntent with "
        . 'one of the following statuses may be captured: requires_capture.') if $status ne 'requires_capture';
    my $amount = $params->{amount_to_capture} // $payment->{amount_capturable};
    Sandbox::Error->throw(integer => 'This value must be greater than or equal to 1.', param => 'amount_to_capture') if $amount < 1;
    Sandbox::Error->throw(too_large => 'The amount to capture must be less than or equal to the amount of the authorized payment.',
        param => 'amount_to_capture') if $amount > $payment->{amount_capturable};
    Sandbox::Charges::capture($context, $payment->{latest_charge}, $amount);
    $payment->{amount_received} = $amount;
    $payment->{metadata} = merge_metadata($payment->{metadata}, $params->{metadata});
    return Sandbox::Payments::enter($context, $payment, 'succeeded');
}

1;
