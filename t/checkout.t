# The checkout page: one PaymentIntent per visitor and bag, at the catalogue's price, whatever the address says.
# SPDX-License-Identifier: Apache-2.0
use strict;
use warnings;
use utf8;
use Bookshop::Test;
use IO::Socket::IP;
use Test::More;

my $sandbox = sandbox();

# The PaymentIntents that were not there before CODE ran.
sub made_by {
    my ($code) = @_;
    my %before = map { $_->{id} => 1 } $sandbox->intents;
    $code->();
    return grep { !$before{ $_->{id} } } $sandbox->intents;
}

subtest 'a book: the page and the payment behind it' => sub {
    my $visitor = visitor();
    my $answer;
    my ($intent, @more) = made_by(sub { $answer = $visitor->checkout(1) });
    is $answer->code, 200, 'status';
    is scalar @more, 0, 'one PaymentIntent';
    is $intent->{amount}, 2300, 'of 23.00';
    is $intent->{currency}, 'usd', 'dollars';
    is $intent->{status}, 'requires_payment_method', 'open';

    my $form = $visitor->form_of($answer);
    is $form->{payment_intent}, $intent->{id}, 'the page names it';
    is $form->{client_secret}, $intent->{client_secret}, 'and holds its secret';
    is $form->{public_key}, 'pk_test_sandbox', 'and the publishable key';
    is $form->{amount_minor}, 2300, 'the amount in minor units';
    like $answer->dom->at('h1')->all_text, qr/The Art of Doing Science and Engineering/, 'the title';
    is $answer->dom->at('#pay-label')->all_text, 'Pay $23.00', 'the button says what happens';
    like $answer->dom->at('.ribbon')->all_text, qr/Test mode/, 'test mode is said';
    lacks($answer->body, qr/sk_test/, 'the secret key stays where it is');

    # The PaymentIntent's id is saved beside the page's way to the browser.
    my $order = poll('the PaymentIntent in the database', 10, sub {
        return (rows('SELECT o.*, p.intent, p.idempotency_key, p.state FROM shop_order o JOIN payment p USING (number) WHERE p.intent = ?', [$intent->{id}]))[0];
    });
    is $order->{total}, 2300, 'the order is saved with its total';
    is $order->{state}, 'open', 'and its payment';
    like $order->{number}, qr/\A[0-9A-F]{32}\z/, 'under a random number';
    is $intent->{metadata}{order}, $order->{number}, 'which the PaymentIntent carries';
    ok $intent->{metadata}{shop}, 'beside the shop';
    like $intent->{description}, qr/The Art of Doing Science and Engineering/, 'and a description that a person can read';
    my ($line, @other) = rows('SELECT * FROM order_line WHERE number = ?', [$order->{number}]);
    is_deeply [@$line{qw(book quantity unit_price total)}], [1, 1, 2300, 2300], 'its line';
    is scalar @other, 0, 'is the only one';
};

subtest 'the price comes from the catalogue alone' => sub {
    for my $query ('item=1&amount=1', 'amount=1&item=1', 'item=1&price=1&currency=jpy&quantity=0', 'item=1&unit_price=1&total=1') {
        my ($intent, @more) = made_by(sub { visitor()->get("/checkout?$query") });
        is $intent->{amount}, 2300, "$query charges 23.00";
        is $intent->{currency}, 'usd', 'in dollars';
        is scalar @more, 0, 'once';
    }
};

subtest 'reloads and tabs make no second PaymentIntent' => sub {
    my $visitor = visitor();
    my %seen;
    my @made = made_by(sub { $seen{ $visitor->open_checkout(1)->{payment_intent} }++ for 1 .. 50 });
    is scalar @made, 1, 'fifty reloads, one PaymentIntent';
    is_deeply \%seen, { $made[0]{id} => 50 }, 'shown each time';

    my @codes;
    my @made_together = made_by(sub {
        my @answers = $visitor->together(map { [GET => '/checkout?item=2'] } 1 .. 20);
        @codes = map { $_->code } @answers;
        my %ids = map { $_ => 1 } grep {defined} map { ($visitor->form_of($_) // {})->{payment_intent} } @answers;
        is scalar keys %ids, 1, 'twenty tabs at once show one PaymentIntent';
    });
    is_deeply \@codes, [(200) x 20], 'each of them the page';
    is scalar @made_together, 1, 'and made one';
    is $sandbox->intent($made[0]{id})->{status}, 'canceled', 'in place of the one before';
};

subtest 'twenty new tabs of a visitor whom the shop has not seen yet' => sub {
    # Each gets its own visit, because no cookie can be shared yet: what must hold is that every page works.
    my @answers = visitor()->together(map { [GET => '/checkout?item=3'] } 1 .. 20);
    is scalar(grep { $_->code == 200 } @answers), 20, 'all are served';
};

subtest 'another book takes the place of the first' => sub {
    my $visitor = visitor();
    my @made = made_by(sub { $visitor->open_checkout(2); $visitor->open_checkout(3) });
    is_deeply $sandbox->statuses(@made), { canceled => 1, requires_payment_method => 1 }, 'one is open, one canceled';
    my ($open) = grep { $_->{status} eq 'requires_payment_method' } @made;
    is $open->{amount}, 2800, 'the open one is the second book\'s';
    my @back = made_by(sub { $visitor->open_checkout(2) });
    is scalar @back, 1, 'and back again';
    is $sandbox->intent($open->{id})->{status}, 'canceled', 'which closes it in turn';
};

subtest 'visitors do not share' => sub {
    my ($one, $two) = (visitor(), visitor());
    my $first  = $one->open_checkout(1);
    my $second = $two->open_checkout(1);
    isnt $first->{payment_intent}, $second->{payment_intent}, 'each has a PaymentIntent of their own';
    isnt $first->{csrf}, $second->{csrf}, 'and a form token';
};

subtest 'looking is not buying' => sub {
    my @made = made_by(sub {
        is visitor()->head('/checkout?item=1')->code, 200, 'HEAD' for 1 .. 5;
        for my $header (['Sec-Purpose' => 'prefetch'], ['Sec-Purpose' => 'prefetch;prerender'], ['Purpose' => 'prefetch']) {
            my $answer = visitor()->checkout(1, @$header);
            ok $answer->code == 503 || $answer->code == 204 || $answer->code == 200, "$header->[0]: $header->[1] answers";
            lacks($answer->body, qr/_secret_/, 'without a secret');
        }
    });
    is scalar @made, 0, 'neither HEAD nor a prefetch made a PaymentIntent';
};

subtest 'no item, and items that are none' => sub {
    my @made = made_by(sub {
        $sandbox->forget_requests;
        is_refused(visitor()->get('/checkout'), 400, qr/No item selected/, 'no item');
        is_refused(visitor()->get('/checkout?item='), 400, qr/No item selected/, 'an empty item');
        is_refused(visitor()->get("/checkout?item=$_"), 404, qr/No item selected/, "item=$_")
            for '0', '4', '-1', '1.0', '01', '%201', '99999999999999999999', '%3Cscript%3Ealert(1)%3C/script%3E', "1'--",
            '..%2F1', '1%0d%0aSet-Cookie:%20x=1', 'x' x 4000;
        is_refused(visitor()->get("/checkout?item=$_"), 400, qr/./, "item=$_, which is no text") for '1%00', '%C3%28', '1%ZZ';
        is scalar($sandbox->requests), 0, 'Stripe is not asked';
    });
    is scalar @made, 0, 'and nothing made';
    lacks(visitor()->get('/checkout?item=%3Cscript%3E')->body, qr/<script>/, 'nothing is reflected');
    is scalar(visitor()->get('/checkout?item=4%0d%0aSet-Cookie:%20x=1')->headers->every_header('Set-Cookie')->@*), 0, 'nor a header made';
    for my $query ('item=1&item=2', 'item=2&item=1') {
        my $answer = visitor()->get("/checkout?$query");
        ok $answer->code == 200 || $answer->code == 400 || $answer->code == 404, "$query has a clear answer (" . $answer->code . ')';
    }
};

subtest 'a query of a megabyte is httpd\'s own refusal' => sub {
    my $socket = IO::Socket::IP->new(PeerHost => '127.0.0.1', PeerPort => $ENV{BOOKSHOP_TEST_SHOP_PORT}) or die "connect: $!\n";
    local $SIG{PIPE} = 'IGNORE';
    print $socket 'GET /checkout?item=' . ('1' x 1_048_576) . " HTTP/1.1\r\nHost: localhost\r\n\r\n";
    like scalar <$socket>, qr{\AHTTP/1\.[01] 414 }, 'status 414';
};

subtest 'cookies' => sub {
    my $visitor = visitor();
    my $answer  = $visitor->checkout(1);
    my @set     = @{ $answer->headers->every_header('Set-Cookie') };
    is scalar @set, 1, 'one is set when there is something to remember';
    like $set[0], qr/\Abookshop_insecure=[0-9a-f]{32}(?:;|\z)/, '128 random bits, under the name for http';
    like $set[0], qr/;\s*$_(?:;|\z)/i, "with $_" for 'HttpOnly', 'SameSite=Lax', 'Path=/';
    unlike $set[0], qr/;\s*(?:Secure|Domain=)/i, 'without Secure, on http, and for this host alone';
    my ($known) = $set[0] =~ /=([0-9a-f]{32})/;
    my @again = @{ $visitor->checkout(1)->headers->every_header('Set-Cookie') };
    is scalar(grep { !/\Q$known\E/ } @again), 0, 'it stays the same';

    for my $planted ('0123456789abcdef' x 2, 'F' x 32, 'x', '', 'a' x 5000, "' OR 1=1 --") {
        my $stranger = visitor();
        my $first    = $stranger->checkout(1, Cookie => "bookshop_insecure=$planted");
        is $first->code, 200, 'a planted cookie (' . substr($planted, 0, 12) . ') is no reason to fail';
        my ($issued) = ($first->headers->header('Set-Cookie') // '') =~ /\Abookshop_insecure=([0-9a-f]{32})/;
        ok $issued, 'another is issued' and isnt $issued, $planted, 'not the planted one';
    }
    my ($stored) = rows('SELECT count(*) AS n FROM visitor WHERE id = ?', [$known]);
    is $stored->{n}, 0, 'the database does not know the cookie itself';
};

subtest 'a payment that is over' => sub {
    my $visitor = visitor();
    my $paid = $visitor->open_checkout(1)->{payment_intent};
    $sandbox->pay($paid);
    my $answer = $visitor->checkout(1);
    is $answer->code, 303, 'paid, and its success page not seen yet: the visitor is led there';
    like $answer->headers->location, qr{/success\?pi=\Q$paid\E}, 'by its address';
    is $visitor->get($answer->headers->location)->code, 200, 'which shows it';
    my $next = $visitor->open_checkout(1);
    isnt $next->{payment_intent}, $paid, 'after that the next checkout is a new purchase';

    my $later = visitor();
    my $canceled = $later->open_checkout(1)->{payment_intent};
    $sandbox->api(POST => "/v1/payment_intents/$canceled/cancel");
    my $fresh = $later->open_checkout(1);
    isnt $fresh->{payment_intent}, $canceled, 'a canceled payment is followed by a new one';
};

subtest 'a payment that just succeeded can\'t be canceled for another book' => sub {
    my $visitor = visitor();
    my $paid = $visitor->open_checkout(1)->{payment_intent};
    $sandbox->pay($paid);
    my $answer = $visitor->checkout(2);
    is $sandbox->intent($paid)->{status}, 'succeeded', 'it stays what it is';
    my ($order) = rows('SELECT o.received FROM shop_order o JOIN payment p USING (number) WHERE p.intent = ?', [$paid]);
    if ($answer->code == 303) {
        like $answer->headers->location, qr/\Q$paid\E/, 'the visitor is led to it first';
        is $visitor->get($answer->headers->location)->code, 200, 'and sees it';
        ($order) = rows('SELECT o.received FROM shop_order o JOIN payment p USING (number) WHERE p.intent = ?', [$paid]);
    }
    is $order->{received}, 2300, 'its order is paid';
};

subtest 'the form works without a script as far as it can' => sub {
    my $visitor = visitor();
    my $answer  = $visitor->checkout(1);
    my $form    = $visitor->form_of($answer);
    ok $answer->dom->at('noscript'), 'the page says what is missing';
    my $posted = $visitor->request(POST => $visitor->origin . $form->{action}, { Origin => $visitor->origin },
        form => { csrf => $form->{csrf}, payment_intent => $form->{payment_intent}, amount => 2300, email => 'reader@example.com' });
    ok $posted->code < 500 && $posted->code != 404, 'its form can be posted (' . $posted->code . ')';
    like $posted->dom->at('main')->all_text, qr/JavaScript/, 'and the answer says why it goes no further' if $posted->code != 303;
    is $sandbox->intent($form->{payment_intent})->{status}, 'requires_payment_method', 'no money has moved';
};

done_testing;
