# PaymentMethods: made of card data, or of the names of Stripe's test payment methods.
# SPDX-License-Identifier: Apache-2.0
package Sandbox::PaymentMethods;
use strict;
use warnings;
use Digest::SHA qw(sha256);
use MIME::Base64 qw(encode_base64);
use Mojo::JSON qw(true false);
use Sandbox::Cards qw(card_named card_number card_brand passes_luhn);
use Sandbox::Error;
use Sandbox::Ids qw(new_id);

sub create {
    my ($context, $params) = @_;
    my $made = from_data($context, $params, '');
    $context->{ledger}->save($made);
    return $made;
}

sub retrieve {
    my ($context, $params, $id) = @_;
    return find($context, $id)
        // Sandbox::Error->throw(missing_object => "No such PaymentMethod: '$id'", param => 'payment_method');
}

# The stored one, or a new one for pm_card_visa and its like.
sub find {
    my ($context, $id) = @_;
    my $found = $context->{ledger}->find(payment_method => $id);
    return $found if $found;
    my ($name) = $id =~ /\Apm_card_(\w+)\z/ or return;
    my $card = card_named($name) or return;
    my $made = build($context, $card, { exp_month => 12, exp_year => 2 + year($context) }, {}, undef);
    $context->{ledger}->save($made);
    return $made;
}

# As `find`, for a payment method that a parameter names.
sub need {
    my ($context, $id) = @_;
    return find($context, $id) // Sandbox::Error->throw(
        invalid => "No such PaymentMethod: '$id'; It's possible this PaymentMethod exists on one of your connected accounts, "
            . 'in which case you should retry this request on that connected account.',
        code => 'resource_missing', param => 'payment_method',
    );
}

sub year { return 1900 + (gmtime $_[0]{now})[5] }

# The parameters of a payment method, at the top or within payment_method_data.
sub from_data {
    my ($context, $data, $within) = @_;
    my $name = sub { $within eq '' ? $_[0] : "${within}[" . ($_[0] =~ s/\[/][/r) . ($_[0] =~ /\[/ ? '' : ']') };
    my $type = $data->{type} // Sandbox::Error->throw(missing => 'Missing required param: ' . $name->('type') . '.', param => $name->('type'));
    Sandbox::Error->throw(invalid => "The payment method type \"$type\" is invalid. Please ensure the provided type is activated "
            . 'in your dashboard (https://dashboard.stripe.com/account/payments/settings) and your account is enabled for any '
            . 'preview features that you are trying to use.', param => $name->('type')) if $type ne 'card';
    my $given = $data->{card}
        // Sandbox::Error->throw(missing => 'Missing required param: ' . $name->('card') . '.', param => $name->('card'));
    my $card = defined $given->{token} ? from_token($given->{token}, $name) : from_number($context, $given, $name);
    $given = { exp_month => 12, exp_year => 2 + year($context) } if defined $given->{token};
    return build($context, $card, $given, $data->{billing_details} // {}, $data->{metadata});
}

sub from_token {
    my ($token, $name) = @_;
    my ($card) = map { card_named($_) } $token =~ /\Atok_(\w+)\z/;
    return $card // Sandbox::Error->throw(
        invalid => "No such token: '$token'", code => 'resource_missing', param => $name->('card[token]'));
}

sub refuse_card {
    my ($code, $message, $param) = @_;
    Sandbox::Error->throw(card => $message, code => $code, param => $param);
    return;
}

sub from_number {
    my ($context, $given, $name) = @_;
    for my $field (qw(number exp_month exp_year)) {
        my $param = $name->("card[$field]");
        Sandbox::Error->throw(missing => "Missing required param: $param.", param => $param) if !defined $given->{$field};
    }
    my $number = $given->{number} =~ s/[ -]//gr;
    refuse_card(incorrect_number => 'Your card number is incorrect.', 'number') if $number !~ /\A\d+\z/ or !passes_luhn($number);
    my ($month, $year) = @$given{qw(exp_month exp_year)};
    $year += 2000 if $year < 100;
    my $this_month = 12 * year($context) + (gmtime $context->{now})[4] + 1;
    refuse_card(invalid_expiry_month => q{Your card's expiration month is invalid.}, 'exp_month') if $month < 1 or $month > 12;
    refuse_card(invalid_expiry_year => q{Your card's expiration year is invalid.}, 'exp_year')
        if 12 * $year + $month < $this_month or $year > 50 + year($context);
    $given->{exp_year} = $year;
    my $cvc = $given->{cvc};
    refuse_card(invalid_cvc => q{Your card's security code is invalid.}, 'cvc')
        if defined $cvc and ($cvc !~ /\A\d+\z/ or length $cvc != card_brand($number)->{cvc});
    return card_number($number) // { number => $number, country => 'US', declines => 'generic' };
}

# Every number in this table belongs to a test card; of any other only the last four digits are kept.
sub build {
    my ($context, $card, $given, $billing, $metadata) = @_;
    my $number = $card->{number};
    my $brand  = card_brand($number)->{brand};
    my %known  = map { $_ => $card->{$_} } grep { defined $card->{$_} } qw(pays declines asks settles);
    return {
        id              => new_id('payment_method'),
        object          => 'payment_method',
        allow_redisplay => 'unspecified',
        billing_details => billing_details($billing),
        card            => {
            brand                => $brand,
            checks               => { address_line1_check => undef, address_postal_code_check => undef, cvc_check => defined $given->{cvc} ? 'unchecked' : undef },
            country              => $card->{country},
            display_brand        => $brand,
            exp_month            => 0 + $given->{exp_month},
            exp_year             => 0 + $given->{exp_year},
            fingerprint          => substr(encode_base64(sha256("sandbox $number"), '') =~ tr{+/=}{}dr, 0, 16),
            funding              => 'credit',
            generated_from       => undef,
            last4                => substr($number, -4),
            networks             => { available => [$brand], preferred => undef },
            regulated_status     => 'unregulated',
            three_d_secure_usage => { supported => true },
            wallet               => undef,
        },
        created          => $context->{now},
        customer         => undef,
        customer_account => undef,
        livemode         => false,
        metadata         => $metadata || {},
        type             => 'card',
        _                => { does => \%known },
    };
}

sub billing_details {
    my ($given) = @_;
    my $address = $given->{address} || {};
    return {
        (map { $_ => empty_is_null($given->{$_}) } qw(email name phone tax_id)),
        address => { map { $_ => empty_is_null($address->{$_}) } qw(city country line1 line2 postal_code state) },
    };
}

sub empty_is_null { return defined $_[0] && $_[0] ne '' ? $_[0] : undef }

1;
