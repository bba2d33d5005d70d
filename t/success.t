# The success page: only who paid sees it, only "succeeded" is a success, and the address never decides.
# SPDX-License-Identifier: Apache-2.0
use strict;
use warnings;
use utf8;
use Bookshop::Test;
use Mojo::URL;
use Test::More;

my $sandbox = sandbox();

# A visitor who has filled in the form for ITEM: (visitor, form)
sub at_the_till {
    my ($item, $email) = @_;
    my $visitor = visitor();
    my $form    = $visitor->open_checkout($item);
    my $placed  = $visitor->place($form, email => $email // 'reader@example.com');
    is $placed->code, 200, 'the form is taken' or diag $placed->body;
    return ($visitor, $form);
}

sub state_of {
    my ($answer) = @_;
    my $outcome = $answer->dom->at('.outcome');
    return $outcome ? $outcome->attr('data-state') : 'none (' . $answer->code . ')';
}

sub order_of { return (rows('SELECT o.* FROM shop_order o JOIN payment p USING (number) WHERE p.intent = ?', [$_[0]]))[0] }

subtest 'a purchase' => sub {
    my ($visitor, $form) = at_the_till(1);
    my $intent = $form->{payment_intent};
    is order_of($intent)->{email}, 'reader@example.com', 'the e-mail is with the order before money moves';
    is order_of($intent)->{received}, 0, 'which is not paid';
    $sandbox->pay($intent);
    my $answer = $visitor->get("/success?pi=$intent");
    is $answer->code, 200, 'status';
    is state_of($answer), 'paid', 'paid';
    my $order = order_of($intent);
    is $order->{received}, 2300, 'the database agrees';
    ok $order->{paid}, 'and knows when';
    is $order->{mismatch}, '', 'without a doubt';
    my $text = $visitor->words($answer);
    like $answer->dom->at('.number')->all_text =~ s/\s//gr, qr/\A\Q$order->{number}\E\z/, 'the number';
    like $text, qr/The Art of Doing Science and Engineering/, 'the book';
    like $text, qr/\$23\.00/, 'the amount';
    like $text, qr/reader\@example\.com/, 'the e-mail';
    like $text, qr/What happens next/, 'and what comes next';
    is scalar(@{ $visitor->get('/success?pi=' . $intent)->dom->find('.outcome')->to_array }), 1, 'and again at a reload';
};

subtest 'somebody else\'s payment is as unknown as one that never was' => sub {
    my ($visitor, $form) = at_the_till(1);
    $sandbox->pay($form->{payment_intent});
    $visitor->get("/success?pi=$form->{payment_intent}");
    my $stranger = visitor();
    $stranger->open_checkout(2);
    $sandbox->forget_requests;
    my @answers = map { $stranger->get("/success?pi=$_") } $form->{payment_intent}, 'pi_3SandboxSandboxSandboxSand', 'pi_nope';
    is $answers[0]->code, 404, 'status';
    for my $other (@answers[1, 2]) {
        is $other->code, $answers[0]->code, 'the same status';
        is $other->body, $answers[0]->body, 'the same page, byte for byte';
        is_deeply { map { $_ => $other->headers->header($_) } grep { !/^(?:Date|Server-Timing)$/ } @{ $other->headers->names } },
            { map { $_ => $answers[0]->headers->header($_) } grep { !/^(?:Date|Server-Timing)$/ } @{ $answers[0]->headers->names } }, 'the same headers';
    }
    lacks($answers[0]->body, qr/example\.com|\Q$form->{payment_intent}\E/, 'nothing of the order shows');
    is scalar($sandbox->requests), 0, 'and Stripe is not asked';
    my $nobody = visitor()->get("/success?pi=$form->{payment_intent}");
    is $nobody->code, 404, 'nor without any cookie';
};

subtest 'addresses without a payment' => sub {
    my $visitor = visitor();
    for my $query ('', '?pi=', '?pi=%3Cscript%3E', '?pi=pi_' . 'x' x 3000, '?pi=pi_1%00', '?session_id=cs_test_nope', '?key=1') {
        my $answer = $visitor->get("/success$query");
        my $hops   = 0;
        $answer = $visitor->get($answer->headers->location) while $answer->code == 303 && $hops++ < 3;
        ok $answer->code == 404 || $answer->code == 400, substr("/success$query", 0, 40) . ' is refused (' . $answer->code . ')';
        ok $answer->dom->at('main'), 'in a page of the shop';
        lacks($answer->body, qr/<script>|data-state="paid"/, 'that claims nothing');
    }
};

subtest 'the signed link' => sub {
    my ($visitor, $form) = at_the_till(2);
    my $intent = $form->{payment_intent};
    $sandbox->pay($intent);
    my $url = Mojo::URL->new($form->{return_url});
    like $form->{return_url}, qr{\Ahttp://127\.0\.0\.1:\d+/success\?}, 'is absolute';
    ok $url->query->param('key'), 'and holds a key';
    my $link = $form->{return_url};
    $link .= "&payment_intent=$intent" if $link !~ /\Q$intent\E/;

    # Another browser, without the cookie: as when a bank's app opens the link. Stripe adds names of its own to it.
    my $phone  = visitor();
    my $answer = $phone->get("$link&payment_intent=$intent&payment_intent_client_secret=$form->{client_secret}&redirect_status=succeeded");
    is $answer->code, 303, 'Stripe\'s own names are led to an address without them';
    my $clean = $answer->headers->location;
    unlike $clean, qr/_secret_|redirect_status|payment_intent=/, 'and without the secret';
    my $page = $phone->get($clean);
    is state_of($page), 'paid', 'which shows the order';

    my $key = $url->query->param('key');
    my ($other_visitor, $other) = at_the_till(2);
    for my $wrong ('0' x length $key, scalar reverse($key), uc $key, substr($key, 0, -1), "${key}0", '') {
        my $refused = visitor()->get("/success?pi=$intent&key=$wrong");
        is $refused->code, 404, 'a wrong key opens nothing';
    }
    is visitor()->get("/success?pi=$other->{payment_intent}&key=$key")->code, 404, 'nor does one order\'s key another order';
};

subtest 'Stripe\'s own names in the address, with the cookie' => sub {
    my ($visitor, $form) = at_the_till(1);
    my $intent = $form->{payment_intent};
    my $answer = $visitor->get("/success?payment_intent=$intent&payment_intent_client_secret=$form->{client_secret}&redirect_status=succeeded");
    is $answer->code, 303, 'are led on';
    unlike $answer->headers->location, qr/_secret_|redirect_status/, 'to an address without secrets';
    my $page = $visitor->get($answer->headers->location);
    is state_of($page), 'action_needed', 'and redirect_status=succeeded is not believed';
    is order_of($intent)->{received}, 0, 'nor stored';
    my $lie = $visitor->get("/success?pi=$intent&redirect_status=succeeded");
    $lie = $visitor->get($lie->headers->location) if $lie->code == 303;
    is state_of($lie), 'action_needed', 'in whatever form';
};

subtest 'not paid yet' => sub {
    my ($visitor, $form) = at_the_till(1);
    my $intent = $form->{payment_intent};
    $sandbox->pay($intent, 'chargeDeclined');
    my $page = $visitor->get("/success?pi=$intent");
    is state_of($page), 'action_needed', 'a decline';
    like $visitor->words($page), qr/You have not been charged/, 'says that nothing was charged';
    ok $page->dom->at('a[href*="/checkout?item=1"]'), 'and leads back to the payment';
    is $visitor->open_checkout(1)->{payment_intent}, $intent, 'which is the same one';
    $sandbox->pay($intent);
    is state_of($visitor->get("/success?pi=$intent")), 'paid', 'and can succeed at the second try';
};

subtest 'on its way' => sub {
    my ($visitor, $form) = at_the_till(3);
    my $intent = $form->{payment_intent};
    $sandbox->change($intent, set => { status => 'processing' });
    is state_of($visitor->get("/success?pi=$intent")), 'processing', 'processing';
    is order_of($intent)->{received}, 0, 'is not paid';
    ok order_of($intent)->{pending}, 'but pending';
    my $again = $visitor->checkout(3);
    ok $again->code == 303 || ($visitor->form_of($again) // {})->{payment_intent} ne $intent, 'a payment on its way is not offered again';
    $sandbox->change($intent, set => { status => 'succeeded', amount_received => 2800 });
    is state_of($visitor->get("/success?pi=$intent")), 'paid', 'until it has arrived';
};

subtest 'set aside, canceled, and a state that nobody has heard of' => sub {
    for my $case (['requires_capture', 'authorized'], ['canceled', 'canceled'], ['requires_action', 'action_needed'], ['requires_confirmation', 'action_needed']) {
        my ($visitor, $form) = at_the_till(1);
        my $intent = $form->{payment_intent};
        $sandbox->change($intent, set => { status => $case->[0] });
        is state_of($visitor->get("/success?pi=$intent")), $case->[1], "$case->[0] is shown as $case->[1]";
        is order_of($intent)->{received}, 0, 'and is no money';
    }
    my ($visitor, $form) = at_the_till(1);
    $sandbox->change($form->{payment_intent}, set => { status => 'requires_miracle' });
    my $page = $visitor->get("/success?pi=$form->{payment_intent}");
    isnt state_of($page), 'paid', 'an unknown state is not a success';
    is order_of($form->{payment_intent})->{received}, 0, 'nor money';
};

subtest 'what was paid is not what was ordered' => sub {
    my %wrong = (
        'less money'    => { amount_received => 2299 },
        'more money'    => { amount_received => 230000 },
        'a currency'    => { currency => 'eur' },
        'another order' => { 'metadata.order' => 'F' x 32 },
        'another shop'  => { 'metadata.shop' => 'https://elsewhere.example/' },
        'live money'    => { livemode => Mojo::JSON::true() },
    );
    announce('main', 'mismatch|does not match|differs|held');
    for my $name (sort keys %wrong) {
        my ($visitor, $form) = at_the_till(1);
        my $intent = $form->{payment_intent};
        $sandbox->pay($intent);
        $sandbox->change($intent, set => $wrong{$name});
        my $page = $visitor->get("/success?pi=$intent");
        is state_of($page), 'held', "$name: the order is held";
        like $visitor->words($page), qr/second look/, 'and the buyer told so';
        isnt order_of($intent)->{mismatch}, '', 'with the reason stored';
        is order_of($intent)->{paid}, 0, 'not as paid' if !order_of($intent)->{received};
    }
    my ($visitor, $form) = at_the_till(1);
    $sandbox->pay($form->{payment_intent});
    $sandbox->change($form->{payment_intent}, unset => ['metadata']);
    is state_of($visitor->get("/success?pi=$form->{payment_intent}")), 'paid', 'metadata that is absent is no mismatch';
};

done_testing;
