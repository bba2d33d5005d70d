# What a browser loads: stripe.js, the Payment Element's page, the bank's page.
# SPDX-License-Identifier: Apache-2.0
package Sandbox::Pages;
use Mojo::Base -base, -signatures;
use Mojo::Util qw(xml_escape url_escape);
use Sandbox::Money;
use Sandbox::Payments;

has 'folder';
has files => sub { {} };

my %TYPE = (
    js   => 'text/javascript; charset=utf-8',
    css  => 'text/css; charset=utf-8',
    html => 'text/html; charset=utf-8',
);

# path -> file of public/
my %FILE = (
    '/endive/stripe.js' => 'stripe.js',
    '/dahlia/stripe.js' => 'stripe.js',
    '/v3/'              => 'stripe.js',
    '/v3'               => 'stripe.js',
    (map { ("/elements/$_" => $_) } qw(payment.html payment.css payment.js three-d-secure.css three-d-secure.js)),
);

# these frames are for merchants' pages of any origin; what they run comes from here
my %PAGE_HEADERS = (
    'Content-Security-Policy' => "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; img-src 'self' data:; form-action *; base-uri 'none'",
    'Referrer-Policy'         => 'no-referrer',
    'X-Content-Type-Options'  => 'nosniff',
);

sub answer ($self, $app, $tx, $path) {
    return $self->file($FILE{$path}) if $FILE{$path};
    return bank_page($self, $app, $tx, $1) if $path =~ m{\A/3ds/(pi_\w+)\z};
    return { status => 404, body => "Not found\n", headers => { 'Content-Type' => 'text/plain' } };
}

sub file ($self, $name) {
    my $text = $self->files->{$name} //= $self->folder->child($name)->slurp;
    my ($ending) = $name =~ /(\w+)\z/;
    return { status => 200, body => $text, headers => { %PAGE_HEADERS, 'Content-Type' => $TYPE{$ending}, 'Cache-Control' => 'no-cache' } };
}

# GET shows the bank's question, POST takes the answer: in a frame it is told to the page around it, otherwise the buyer is
# led back to the return_url.
sub bank_page ($self, $app, $tx, $id) {
    my $payment = $app->ledger->find(payment_intent => $id);
    my $secret  = $tx->req->param('secret') // '';
    return { status => 404, body => "Not found\n", headers => { 'Content-Type' => 'text/plain' } }
        if !$payment or $secret ne $payment->{client_secret};
    return $self->bank_form($payment) if $tx->req->method ne 'POST';
    my $passed  = ($tx->req->param('result') // '') eq 'complete';
    my $context = { ledger => $app->ledger, now => time, access => 'public', origin => '' };
    Sandbox::Payments::answer($context, $payment, $passed);
    $app->ledger->commit;
    my $back = $payment->{_}{return_url};
    return { status => 303, body => '', headers => { Location => return_address($payment, $back, $passed), %PAGE_HEADERS } }
        if ($tx->req->param('way') // '') eq 'redirect' and defined $back;
    return $self->told;
}

sub return_address ($payment, $url, $passed) {
    my ($rest, $fragment) = $url =~ /\A([^#]*)(#.*)?\z/s;
    my $result = $payment->{status} =~ /\A(?:succeeded|processing|requires_capture)\z/ ? 'succeeded' : 'failed';
    my $query  = join '&', map {"$_->[0]=" . url_escape($_->[1])} (
        [payment_intent => $payment->{id}], [payment_intent_client_secret => $payment->{client_secret}], [redirect_status => $result]);
    return $rest . ($rest =~ /\?/ ? '&' : '?') . $query . ($fragment // '');
}

sub fill ($self, $name, %values) {
    my $file = $self->file($name);
    $file->{body} =~ s/\{\{(\w+)\}\}/xml_escape($values{$1} \/\/ '')/ge;
    $file->{headers}{'Cache-Control'} = 'no-store';
    return $file;
}

sub bank_form ($self, $payment) {
    my $asks = $payment->{next_action} // return $self->told;
    my $way  = $asks->{type} eq 'redirect_to_url' ? 'redirect' : 'frame';
    return $self->fill('three-d-secure.html', way => $way, secret => $payment->{client_secret},
        amount => Sandbox::Money::shown($payment->{amount}, $payment->{currency}));
}

sub told ($self) { return $self->fill('three-d-secure-done.html') }

1;
