# Signs what is sent to a webhook endpoint: Stripe-Signature: t=...,v1=...,v0=... (https://docs.stripe.com/webhooks#verify-manually).
# SPDX-License-Identifier: Apache-2.0
package Sandbox::Signature;
use Mojo::Base -strict, -signatures;
use Digest::SHA qw(hmac_sha256_hex);
use Exporter 'import';

our @EXPORT_OK = qw(signature_of signature_header);

# HMAC-SHA256 of the time, a dot and the body's bytes
sub signature_of ($secret, $time, $bytes) { return hmac_sha256_hex("$time.$bytes", $secret) }

# By => { secret, old_secret (while a secret is rolled), t (or age, in seconds; now if neither) }; or `header`, the text itself,
# in which {t}, {v1}, {old} and {v0} stand for the right values. Nothing if that text is empty.
sub signature_header ($bytes, $by) {
    my $time = $by->{t} // time - ($by->{age} // 0);
    my %part = (
        t   => $time,
        v1  => signature_of($by->{secret} // '', $time, $bytes),
        old => signature_of($by->{old_secret} // '', $time, $bytes),
        v0  => signature_of('a scheme that proves nothing', $time, $bytes),    # Stripe sends one in test mode
    );
    my $text = exists $by->{header} ? $by->{header} : defined $by->{old_secret} ? 't={t},v1={v1},v1={old},v0={v0}' : 't={t},v1={v1},v0={v0}';
    return if !defined $text or $text eq '';
    return $text =~ s/\{(t|v1|old|v0)\}/$part{$1}/gr;
}

1;
