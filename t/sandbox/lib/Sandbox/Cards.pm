# The test cards: what each number does when it pays. Numbers and words are Stripe's; the last few are the sandbox's own.
# SPDX-License-Identifier: Apache-2.0
package Sandbox::Cards;
use strict;
use warnings;
use Exporter 'import';

our @EXPORT_OK = qw(card_named card_number card_brand passes_luhn decline);

# decline -> [code, decline_code, message, further fields]
my %DECLINE = (
    generic    => ['card_declined',    'generic_decline',         'Your card was declined.'],
    funds      => ['card_declined',    'insufficient_funds',      'Your card has insufficient funds.'],
    lost       => ['card_declined',    'lost_card',               'Your card was declined.'],
    stolen     => ['card_declined',    'stolen_card',             'Your card was declined.'],
    velocity   => ['card_declined',    'card_velocity_exceeded',
        'Your card was declined for making repeated attempts too frequently or exceeding its amount limit.'],
    fraudulent => ['card_declined',    'fraudulent',              'Your card was declined.'],
    expired    => ['expired_card',     'expired_card',            'Your card has expired.', param => 'exp_month'],
    cvc        => ['incorrect_cvc',    'incorrect_cvc',           q{Your card's security code is incorrect.}, param => 'cvc'],
    processing => ['processing_error', 'processing_error',
        'An error occurred while processing your card. Try again in a little bit.'],
    authentication => ['authentication_required', 'authentication_required',
        'Your card was declined. This transaction requires authentication.'],
);

# number -> what it does: pays, declines => reason, asks => how the buyer is asked first, settles later (processing)
my %CARD = (
    (map { $_ => { pays => 1 } } qw(
        4242424242424242 4000056655665556 5555555555554444 2223003122003222 5200828282828210 5105105105105100
        378282246310005 371449635398431 6011111111111117 6011000990139424 3056930009020004 36227206271667
        3566002020360505 6200000000000005 4000000000000077 4000000000003055 4000000000000341
        4000002760000016 4000008260000000 4000002500000003)),
    4000000000000002 => { declines => 'generic' },
    4000000000009995 => { declines => 'funds' },
    4000000000009987 => { declines => 'lost' },
    4000000000009979 => { declines => 'stolen' },
    4000000000000069 => { declines => 'expired' },
    4000000000000127 => { declines => 'cvc' },
    4000000000000119 => { declines => 'processing' },
    4000000000006975 => { declines => 'velocity' },
    4100000000000019 => { declines => 'fraudulent' },
    4000002500003155 => { asks => 'page' },
    4000002760003184 => { asks => 'page' },
    4000000000003220 => { asks => 'page' },
    4000000000003063 => { asks => 'page' },
    4000008400001629 => { asks => 'page', declines => 'generic' },
    4000008260003178 => { asks => 'page', declines => 'funds' },
    4000009900000012 => { settles => 1 },
    4000009900000020 => { asks => 'redirect' },
);
$CARD{4000000000000341}{declines} = 'generic';

# test payment methods and tokens: pm_card_NAME, tok_NAME -> number
my %NAMED = (
    visa => 4242424242424242, visa_debit => 4000056655665556, mastercard => 5555555555554444,
    mastercard_debit => 5200828282828210, mastercard_prepaid => 5105105105105100, amex => 378282246310005,
    discover => 6011111111111117, diners => 3056930009020004, jcb => 3566002020360505, unionpay => 6200000000000005,
    de => 4000002760000016, gb => 4000008260000000, fr => 4000002500000003, us => 4242424242424242,
    chargeDeclined => 4000000000000002, visa_chargeDeclined => 4000000000000002,
    chargeDeclinedInsufficientFunds => 4000000000009995, visa_chargeDeclinedInsufficientFunds => 4000000000009995,
    chargeDeclinedLostCard => 4000000000009987, visa_chargeDeclinedLostCard => 4000000000009987,
    chargeDeclinedStolenCard => 4000000000009979, visa_chargeDeclinedStolenCard => 4000000000009979,
    chargeDeclinedExpiredCard => 4000000000000069, chargeDeclinedIncorrectCvc => 4000000000000127,
    chargeDeclinedProcessingError => 4000000000000119, visa_chargeDeclinedVelocityLimitExceeded => 4000000000006975,
    chargeDeclinedFraudulent => 4100000000000019, radarBlock => 4100000000000019, chargeCustomerFail => 4000000000000341,
    authenticationRequired => 4000002760003184, authenticationRequiredOnSetup => 4000002500003155,
    threeDSecure2Required => 4000000000003220, threeDSecureRequired => 4000000000003063,
    authenticationRequiredChargeDeclinedInsufficientFunds => 4000008260003178,
    threeDSecureRequiredChargeDeclined => 4000008400001629, bypassPending => 4000000000000077,
    sandboxProcessing => 4000009900000012, sandboxRedirect => 4000009900000020,
);

# first digits -> brand, its name on the card, length of its security code
my @BRAND = (
    [qr/\A4/,                                                    'visa',       'Visa',             3],
    [qr/\A(?:5[1-5]|222[1-9]|22[3-9]|2[3-6]|27[01]|2720)/,       'mastercard', 'Mastercard',       3],
    [qr/\A3[47]/,                                                'amex',       'American Express', 4],
    [qr/\A(?:6011|64[4-9]|65)/,                                  'discover',   'Discover',         3],
    [qr/\A(?:30[0-5]|3[689])/,                                   'diners',     'Diners Club',      3],
    [qr/\A35/,                                                   'jcb',        'JCB',              3],
    [qr/\A62/,                                                   'unionpay',   'UnionPay',         3],
);

my %COUNTRY = (400000276 => 'DE', 400000826 => 'GB', 400000250 => 'FR');

# What the card does: { number, brand, ..., pays | declines | asks | settles }, or undef for a number that is no test card.
sub card_number {
    my ($number) = @_;
    my $card = $CARD{$number} or return;
    return { %$card, number => $number, country => $COUNTRY{ substr $number, 0, 9 } // 'US' };
}

sub card_named {
    my ($name) = @_;
    my $number = $NAMED{$name} or return;
    return card_number($number);
}

sub card_brand {
    my ($number) = @_;
    my ($found) = grep { $number =~ $_->[0] } @BRAND;
    return $found ? { brand => $found->[1], name => $found->[2], cvc => $found->[3] } : { brand => 'unknown', name => 'Unknown', cvc => 3 };
}

sub passes_luhn {
    my ($number) = @_;
    my ($sum, $double) = (0, 0);
    for my $digit (reverse split //, $number) {
        my $value = $double ? 2 * $digit : $digit;
        $sum += $value > 9 ? $value - 9 : $value;
        $double = !$double;
    }
    return length $number >= 12 && $sum % 10 == 0;
}

# The fields of the error that a decline makes: code, decline_code, message, param.
sub decline {
    my ($reason) = @_;
    my ($code, $decline_code, $message, %more) = @{ $DECLINE{$reason} or die "no decline is called $reason\n" };
    return { code => $code, decline_code => $decline_code, message => $message, %more };
}

1;
