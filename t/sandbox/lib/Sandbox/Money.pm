# Stripe's rules on amounts: which currencies there are, and the least and the most that may be charged in them.
# SPDX-License-Identifier: Apache-2.0
package Sandbox::Money;
use strict;
use warnings;
use Sandbox::Error;

use constant LARGEST => 99_999_999;

my %KNOWN = map { $_ => 1 } qw(
    usd aed afn all amd ang aoa ars aud awg azn bam bbd bdt bgn bhd bif bmd bnd bob brl bsd bwp byn bzd cad cdf chf clp cny
    cop crc cve czk djf dkk dop dzd egp etb eur fjd fkp gbp gel gip gmd gnf gtq gyd hkd hnl htg huf idr ils inr isk jmd jod
    jpy kes kgs khr kmf krw kwd kyd kzt lak lbp lkr lrd lsl mad mdl mga mkd mmk mnt mop mur mvr mwk mxn myr mzn nad ngn nio
    nok npr nzd omr pab pen pgk php pkr pln pyg qar ron rsd rub rwf sar sbd scr sek sgd shp sle sos srd std szl thb tjs tnd
    top try ttd twd tzs uah ugx uyu uzs vnd vuv wst xaf xcd xcg xof xpf yer zar zmw
);

# currency -> [least amount in minor units, as Stripe writes it]
my %LEAST = (
    usd => [50, '$0.50 usd'],     aed => [200, '2.00 aed'],     aud => [50, '$0.50 aud'],    brl => [50, 'R$0.50 brl'],
    cad => [50, '$0.50 cad'],     chf => [50, '0.50 chf'],      czk => [1500, '15.00 czk'],  dkk => [250, '2.50 dkk'],
    eur => [50, "\x{20ac}0.50 eur"], gbp => [30, "\x{a3}0.30 gbp"], hkd => [400, '$4.00 hkd'], huf => [17500, '175.00 huf'],
    inr => [50, "\x{20b9}0.50 inr"], jpy => [50, "\x{a5}50 jpy"],  mxn => [1000, '$10 mxn'],  myr => [200, 'RM2.00 myr'],
    nok => [300, '3.00 nok'],     nzd => [50, '$0.50 nzd'],     pln => [200, '2.00 pln'],    ron => [200, '2.00 ron'],
    sek => [300, '3.00 sek'],     sgd => [50, '$0.50 sgd'],     thb => [1000, '10.00 thb'],
);

# currencies whose amounts come in steps: three decimals of which the last is 0, or two that are none
my %STEP = ((map { $_ => 10 } qw(bhd jod kwd omr tnd)), (map { $_ => 100 } qw(isk ugx)));

# decimals of an amount, where they are not two
my %DECIMALS = (
    (map { $_ => 0 } qw(bif clp djf gnf jpy kmf krw mga pyg rwf vnd vuv xaf xof xpf)),
    (map { $_ => 3 } qw(bhd jod kwd omr tnd)),
);

# 2300, usd -> 23.00 usd
sub shown {
    my ($amount, $currency) = @_;
    my $decimals = $DECIMALS{$currency} // 2;
    return sprintf('%.*f %s', $decimals, $amount / 10**$decimals, $currency);
}

sub check_amount {
    my ($amount, $currency) = @_;
    my $code = lc $currency;
    Sandbox::Error->throw(invalid => "Invalid currency: $code. Stripe currently supports these currencies: "
            . join(', ', sort keys %KNOWN), param => 'currency') if !$KNOWN{$code};
    Sandbox::Error->throw(integer => 'This value must be greater than or equal to 1.', param => 'amount') if $amount < 1;
    Sandbox::Error->throw(too_large => 'Amount must be no more than $999,999.99', param => 'amount') if $amount > LARGEST;
    my $least = $LEAST{$code};
    Sandbox::Error->throw(too_small => "Amount must be at least $least->[1]", param => 'amount') if $least and $amount < $least->[0];
    my $step = $STEP{$code} // 1;
    Sandbox::Error->throw(invalid => "Invalid amount. Amounts in $code must be multiples of $step.", param => 'amount') if $amount % $step;
    return;
}

1;
