# Headers: a strict policy for content, nothing personal in a cache, and files that a browser keeps for a year.
# SPDX-License-Identifier: Apache-2.0
use strict;
use warnings;
use utf8;
use Bookshop::Test;
use Test::More;

my $sandbox = sandbox();
my $visitor = visitor();
my $stripe  = 'http://localhost:' . $sandbox->port;

# name => { directive => 'sources' }
sub policy_of {
    my ($answer) = @_;
    my @policies = @{ $answer->headers->every_header('Content-Security-Policy') };
    is scalar @policies, 1, 'one Content-Security-Policy' or return {};
    return { map { /\A\s*(\S+)\s*(.*?)\s*\z/ ? ($1 => $2) : () } split /;/, $policies[0] };
}

my $form     = $visitor->open_checkout(1);
my %pages    = (
    index    => $visitor->get('/'),
    book     => $visitor->get('/books/1'),
    checkout => $visitor->checkout(1),
    success  => $visitor->get("/success?pi=$form->{payment_intent}"),
    unknown  => $visitor->get('/checkout?item=4'),
    missing  => $visitor->get('/books/4'),
    stranger => $visitor->get('/success?pi=pi_nope'),
);

for my $name (sort keys %pages) {
    my $answer = $pages{$name};
    subtest "$name (" . $answer->code . ')' => sub {
        my $policy = policy_of($answer);
        is $policy->{'default-src'}, q{'none'}, 'nothing is allowed that is not named';
        is $policy->{$_}, q{'none'}, "$_ is none" for qw(base-uri frame-ancestors);
        for my $directive (sort keys %$policy) {
            unlike $policy->{$directive}, qr/unsafe-(?:inline|eval)|\*(?!\.js\.stripe)|data:|\bhttps?:(?:\s|\z)/, "$directive has no hole";
        }
        if ($name eq 'checkout') {
            like $policy->{'script-src'}, qr/'self'.*\Q$stripe\E|\Q$stripe\E.*'self'/, 'Stripe.js may run';
            like $policy->{'frame-src'}, qr/\Q$stripe\E/, 'its frames be shown';
            like $policy->{'connect-src'}, qr/'self'/, 'and the shop asked';
        }
        else {
            unlike join(' ', values %$policy), qr/\Q$stripe\E|stripe\.com/, 'Stripe is not on this page';
        }
        is $answer->headers->header('X-Content-Type-Options'), 'nosniff', 'nosniff';
        ok $answer->headers->header('Referrer-Policy'), 'a Referrer-Policy';
        is $answer->headers->header('Strict-Transport-Security'), undef, 'no HSTS without TLS';
        like $answer->headers->header('Content-Type'), qr{\Atext/html; *charset=utf-8\z}i, 'HTML in UTF-8';
        if ($name =~ /\A(?:index|book)\z/) {
            unlike $answer->headers->header('Cache-Control') // '', qr/no-store/, 'may be kept';
            ok $answer->headers->header('ETag'), 'with an ETag';
            lacks($answer->body, qr/name="robots" content="noindex/, 'and found');
        }
        else {
            like $answer->headers->header('Cache-Control') // '', qr/no-store/, 'is kept nowhere';
            is $answer->headers->header('ETag'), undef, 'has no ETag';
        }
    };
}
is $pages{success}->headers->header('Referrer-Policy'), 'no-referrer', 'the success page\'s address goes nowhere';
like $pages{$_}->body, qr/name="robots" content="noindex/, "$_ is not to be found" for qw(checkout success);
is $pages{success}->headers->header('Server-Timing') ? 1 : 0, 1, 'BookshopServerTiming On shows';
like $pages{checkout}->headers->header('Server-Timing'), qr/\b$_;dur=[0-9.]+/, "with $_" for qw(total stripe db);

subtest 'a page that has not changed is not sent again' => sub {
    for my $path ('/', '/books/1') {
        my $tag  = $visitor->get($path)->headers->header('ETag');
        my $same = $visitor->get($path, { 'If-None-Match' => $tag });
        is $same->code, 304, "$path: 304";
        is $same->body, '', 'without the page';
        is $same->headers->header('ETag'), $tag, 'with its tag';
        is $visitor->get($path, { 'If-None-Match' => '"other"' })->code, 200, 'but another tag has it';
        is $visitor->get($path, { 'If-None-Match' => "W/\"x\", $tag" })->code, 304, 'and a list is read';
    }
};

subtest 'static files' => sub {
    my %seen;
    for my $page (@pages{qw(index book checkout success)}) {
        $seen{$_} = 1 for grep {m{\A(?!//)(?!http).*\?v=}} map { $_->attr('src') // $_->attr('href') } $page->dom->find('link[href], script[src], img[src]')->each;
    }
    my @files = sort keys %seen;
    cmp_ok scalar @files, '>=', 6, scalar(@files) . ' files are named with their hash';
    for my $file (@files) {
        my $answer = $visitor->get($visitor->origin . $file);
        is $answer->code, 200, $file;
        my $keep = $answer->headers->header('Cache-Control') // '';
        like $keep, qr/max-age=31536000/, 'for a year';
        like $keep, qr/immutable/, 'unchanged';
        like $answer->headers->content_type, $file =~ /\.css/ ? qr{\Atext/css} : $file =~ /\.js/ ? qr{javascript} : qr{\Aimage/}, 'of its type';
        is $answer->headers->header('X-Content-Type-Options'), 'nosniff', 'nosniff';
        my $plain = $visitor->get($visitor->origin . $file =~ s/\?.*//r);
        is $plain->code, 200, 'and without the hash';
        unlike $plain->headers->header('Cache-Control') // '', qr/immutable|31536000/, 'it is not kept for a year';
    }
    my $wrong = $visitor->get($visitor->origin . ($files[0] =~ s/v=.*/v=0000/r));
    unlike $wrong->headers->header('Cache-Control') // '', qr/immutable|31536000/, 'a wrong hash is not kept for a year';
};

subtest 'HEAD says what GET says' => sub {
    for my $path ('/', '/books/1', '/checkout?item=4', '/success?pi=pi_nope') {
        my ($get, $head) = ($visitor->get($path), $visitor->head($path));
        is $head->code, $get->code, $path;
        is $head->headers->header($_), $get->headers->header($_), $_ for qw(Content-Type Content-Security-Policy Cache-Control ETag);
    }
};

done_testing;
