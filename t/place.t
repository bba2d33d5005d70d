# POST /checkout/cache_checkout_data: the buyer's form reaches the order before the money moves, from this page alone.
# SPDX-License-Identifier: Apache-2.0
use strict;
use warnings;
use utf8;
use Bookshop::Test;
use Test::More;

my $sandbox = sandbox();
my $visitor = visitor();
my $form    = $visitor->open_checkout(1);

sub order_of { return (rows('SELECT o.* FROM shop_order o JOIN payment p USING (number) WHERE p.intent = ?', [$_[0]]))[0] }

# The answer is an error of the given status and code, in JSON with a sentence, and the order is as it was.
sub refuses {
    my ($name, $status, $code, %change) = @_;
    return subtest $name => sub {
        my $before = order_of($form->{payment_intent});
        my $answer = $visitor->place($form, %change);
        is $answer->code, $status, "status $status" or diag $answer->body;
        like $answer->headers->content_type // '', qr{\Aapplication/json}, 'JSON';
        my $error = ($answer->json // {})->{error} // {};
        is $error->{code}, $code, "code $code" if defined $code;
        ok length($error->{message} // '') > 10, 'with a sentence';
        is_deeply order_of($form->{payment_intent}), $before, 'the order is as it was';
        is $sandbox->intent($form->{payment_intent})->{status}, 'requires_payment_method', 'no money has moved';
    };
}

subtest 'a good form' => sub {
    my $answer = $visitor->place($form, email => '  Reader+books@Example.com ');
    is $answer->code, 200, 'status' or diag $answer->body;
    is_deeply $answer->json, { ok => Mojo::JSON::true() }, 'ok';
    is lc order_of($form->{payment_intent})->{email}, 'reader+books@example.com', 'the e-mail is with the order';
    ok order_of($form->{payment_intent})->{placed}, 'as placed';
    is $visitor->place($form, email => 'second@example.com')->code, 200, 'again, with another address';
    is order_of($form->{payment_intent})->{email}, 'second@example.com', 'which takes its place';
    is $visitor->place($form, email => 'süß@bücher.example')->code, 200, 'an address in any script';
};

for my $case ([undef, 'email_required', 'no e-mail'], ['', 'email_required', 'an empty one'], ['reader', 'email_invalid', 'none that is one'],
    ['a@', 'email_invalid', 'half of one'], ['a b@example.com', 'email_invalid', 'one with a space'], ["a\@example.com\r\nBcc: x\@example.com", 'email_invalid', 'one with a line break'],
    ['a' x 250 . '@example.com', 'email_too_long', 'one that is too long']) {
    my ($email, $code, $name) = @$case;
    subtest "$name is said beside the field" => sub {
        my $answer = $visitor->place($form, email => $email);
        is $answer->code, 422, 'status 422';
        is $answer->json->{error}{field}, 'email', 'the field';
        is $answer->json->{error}{code}, $code, 'the code';
        ok length $answer->json->{error}{message}, 'the sentence';
    };
}

refuses('without the form token', 403, undef, csrf => undef);
refuses('with a wrong token', 403, undef, csrf => '0' x 64);
refuses('with a visitor\'s token of another', 403, undef, csrf => visitor()->open_checkout(1)->{csrf});
refuses('from another site', 403, undef, headers => { Origin => 'https://evil.example' });
refuses('from another site with our name in it', 403, undef, headers => { Origin => $visitor->origin . '.evil.example' });
refuses('from nowhere', 403, undef, headers => { Origin => 'null' });
refuses('from another site, by the browser\'s own word', 403, undef, headers => { Origin => undef, 'Sec-Fetch-Site' => 'cross-site' });
refuses('for somebody else\'s payment', 404, 'payment_not_found', payment_intent => visitor()->open_checkout(1)->{payment_intent});
refuses('for a payment that never was', 404, 'payment_not_found', payment_intent => 'pi_nope');
refuses('with another amount than the page showed', 409, 'bag_changed', amount => 2299);

subtest 'an amount that is no number is not taken' => sub {
    for my $amount ('23.00', '-2300', '2300abc', '', '9' x 30, '0x8fc') {
        my $code = $visitor->place($form, amount => $amount)->code;
        ok $code == 409 || $code == 422 || $code == 400, "amount \"$amount\" is refused ($code)";
    }
};

subtest 'card numbers are refused and kept nowhere' => sub {
    for my $number ('4242424242424242', '4242 4242 4242 4242', '4242-4242-4242-4242', '378282246310005') {
        for my $field (qw(email card note)) {
            my $answer = $visitor->place($form, $field => $field eq 'email' ? "$number\@example.com" : $number);
            ok $answer->code == 422 || $answer->code == 400, "$number in $field is refused (" . $answer->code . ')';
            lacks($answer->body, qr/\Q$number\E/, 'and not repeated');
        }
    }
    is $visitor->place($form, note => '9780262517638')->code, 200, 'an ISBN is no card number';
};

subtest 'a changed bag' => sub {
    my $first  = visitor();
    my $old    = $first->open_checkout(1);
    my $second = $first->twin;
    $second->open_checkout(2);
    my $answer = $first->place($old);
    is $answer->code, 409, 'the first tab is told';
    is $answer->json->{error}{code}, 'bag_changed', 'by its code';
    is $answer->json->{error}{message}, 'Your bag has changed', 'and in words';
    is $sandbox->intent($old->{payment_intent})->{status}, 'canceled', 'its payment can\'t be paid any more';
};

subtest 'how it is asked' => sub {
    for my $method (qw(GET PUT DELETE)) {
        my $answer = $visitor->request($method => $form->{cache_url}, { Origin => $visitor->origin });
        is $answer->code, 405, "$method is 405";
        like $answer->headers->header('Allow') // '', qr/\bPOST\b/, 'with Allow';
    }
    my $large = $visitor->place($form, note => 'x' x 70_000);
    is $large->code, 413, 'what is too large is 413';
    my $json = $visitor->request(POST => $form->{cache_url}, { Origin => $visitor->origin, 'Content-Type' => 'application/json', Accept => 'application/json' },
        '{"csrf":"' . $form->{csrf} . '"}');
    ok $json->code == 415 || $json->code == 403 || $json->code == 400, 'another type of body is refused (' . $json->code . ')';
    my $broken = $visitor->request(POST => $form->{cache_url},
        { Origin => $visitor->origin, 'Content-Type' => 'application/x-www-form-urlencoded', Accept => 'application/json' }, "csrf=$form->{csrf}&email=%ZZ&payment_intent=%00");
    ok $broken->code >= 400 && $broken->code < 500, 'a body that is none is refused (' . $broken->code . ')';
};

subtest 'a visitor whom the shop does not know' => sub {
    my $answer = visitor()->place({ %$form });
    is $answer->code, 403, 'has no token, and so no say';
};

done_testing;
