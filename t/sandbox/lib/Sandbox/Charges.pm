# Charges: the attempts of PaymentIntents to move money.
# SPDX-License-Identifier: Apache-2.0
package Sandbox::Charges;
use strict;
use warnings;
use Mojo::JSON qw(true false);
use Sandbox::Error;
use Sandbox::Events;
use Sandbox::Ids qw(new_id);
use Sandbox::Lists;

sub retrieve {
    my ($context, $params, $id) = @_;
    return $context->{ledger}->find(charge => $id)
        // Sandbox::Error->throw(missing_object => "No such charge: '$id'", param => 'id');
}

sub list {
    my ($context, $params) = @_;
    my $wanted = $params->{payment_intent};
    return Sandbox::Lists::page($context, charge => '/v1/charges', $params,
        sub { !defined $wanted or ($_[0]{payment_intent} // '') eq $wanted });
}

# what became of the attempt -> the event that tells of it
my %EVENT = (succeeded => 'charge.succeeded', authorized => 'charge.succeeded', pending => 'charge.pending', failed => 'charge.failed');

# what became of the attempt -> [status, paid, captured, outcome's network_status, outcome's type, seller's message]
my %RESULT = (
    succeeded  => ['succeeded', true,  true,  'approved_by_network', 'authorized',      'Payment complete.'],
    authorized => ['succeeded', true,  false, 'approved_by_network', 'authorized',      'Payment complete.'],
    pending    => ['pending',   false, true,  'approved_by_network', 'authorized',      'Payment complete.'],
    failed     => ['failed',    false, false, 'declined_by_network', 'issuer_declined', 'The bank did not return any further details with this decline.'],
);

# A new charge of the payment, saved. `failure` holds code, decline_code and message of a decline.
sub create {
    my ($context, $payment, $method, $result, $failure) = @_;
    my ($status, $paid, $captured, $network, $type, $told) = @{ $RESULT{$result} };
    my $charge = {
        id                             => new_id('charge'),
        object                         => 'charge',
        amount                         => $payment->{amount},
        amount_captured                => $result eq 'succeeded' ? $payment->{amount} : 0,
        amount_refunded                => 0,
        balance_transaction            => $result eq 'succeeded' ? new_id('balance_transaction') : undef,
        billing_details                => $method->{billing_details},
        calculated_statement_descriptor => 'SANDBOX',
        captured                       => $captured,
        created                        => $context->{now},
        currency                       => $payment->{currency},
        disputed                       => false,
        failure_code                   => $failure ? $failure->{code}    : undef,
        failure_message                => $failure ? $failure->{message} : undef,
        fraud_details                  => {},
        livemode                       => false,
        metadata                       => $payment->{metadata},
        outcome                        => {
            advice_code => undef, network_advice_code => undef, network_decline_code => undef,
            network_status => $network, reason => $failure ? $failure->{decline_code} : undef,
            risk_level => 'normal', risk_score => 24, seller_message => $told, type => $type,
        },
        paid                           => $paid,
        payment_intent                 => $payment->{id},
        payment_method                 => $method->{id},
        payment_method_details         => { type => 'card', card => card_details($payment, $method) },
        receipt_email                  => $payment->{receipt_email},
        receipt_url                    => undef,
        refunded                       => false,
        status                         => $status,
        (map { $_ => $payment->{$_} } qw(customer description shipping statement_descriptor statement_descriptor_suffix transfer_group on_behalf_of application)),
        (map { $_ => undef } qw(application_fee application_fee_amount failure_balance_transaction receipt_number
            review source source_transfer transfer_data)),
        _                              => {},
    };
    $context->{ledger}->save($charge);
    Sandbox::Events::note($context, $EVENT{$result}, $charge);
    return $charge;
}

sub card_details {
    my ($payment, $method) = @_;
    my $card = $method->{card};
    return {
        (map { $_ => $card->{$_} } qw(brand country exp_month exp_year fingerprint funding last4 regulated_status wallet)),
        amount_authorized   => $payment->{amount},
        checks              => { %{ $card->{checks} }, cvc_check => defined $card->{checks}{cvc_check} ? 'pass' : undef },
        network             => $card->{brand},
        (map { $_ => undef } qw(authorization_code electronic_commerce_indicator installments mandate network_transaction_id
            three_d_secure transaction_link_id)),
    };
}

# The authorized charge takes the money, or what is asked of it.
sub capture {
    my ($context, $id, $amount) = @_;
    return change($context, $id, 'charge.captured',
        { captured => true, amount_captured => $amount, balance_transaction => new_id('balance_transaction') });
}

# A pending charge ends.
sub settle {
    my ($context, $id, $result, $failure) = @_;
    my $charge = $context->{ledger}->find(charge => $id);
    my ($status, $paid) = @{ $RESULT{$result} };
    return change($context, $id, $EVENT{$result}, {
        status => $status, paid => $paid,
        ($paid    ? (amount_captured => $charge->{amount}, balance_transaction => new_id('balance_transaction')) : ()),
        ($failure ? (failure_code => $failure->{code}, failure_message => $failure->{message})                   : ()),
    });
}

# The event holds what the fields were before.
sub change {
    my ($context, $id, $event, $fields) = @_;
    my $charge = $context->{ledger}->find(charge => $id);
    my %before = map { $_ => $charge->{$_} } keys %$fields;
    @$charge{keys %$fields} = values %$fields;
    $context->{ledger}->save($charge);
    Sandbox::Events::note($context, $event, $charge, \%before);
    return $charge;
}

1;
