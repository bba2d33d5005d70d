# The webhook: what is Stripe's is believed, once; what is not is refused; nothing depends on the order in which it comes.
# SPDX-License-Identifier: Apache-2.0
use strict;
use warnings;
use utf8;
use Bookshop::Test;
use Digest::SHA qw(hmac_sha256_hex);
use Mojo::JSON qw(decode_json encode_json false true);
use Mojo::Promise;
use Mojo::UserAgent;
use Test::More;

my $SECRET  = 'whsec_sandbox';
my $sandbox = sandbox();
my $count   = 0;

announce('main', qr/BKS0402: a webhook is refused/);

sub order_of { return (rows('SELECT o.* FROM shop_order o JOIN payment p USING (number) WHERE p.intent = ?', [$_[0]]))[0] }

# A checkout of ITEM whose form is posted: (visitor, PaymentIntent's id)
sub at_the_till {
    my ($item) = @_;
    my $visitor = visitor();
    my $form    = $visitor->open_checkout($item);
    $visitor->place($form, email => 'reader@example.com');
    return ($visitor, $form->{payment_intent});
}

# An event about PaymentIntent ID as Stripe has it, but for CHANGES; as the bytes of a body.
sub event_of {
    my ($type, $id, %changes) = @_;
    my $object = $sandbox->api(GET => "/v1/payment_intents/$id");
    return body($type, { %$object, %changes });
}

sub body {
    my ($type, $object) = @_;
    $count++;
    return encode_json({
        id => "evt_test_$$" . "_$count", object => 'event', type => $type, created => time, livemode => false,
        api_version => '2026-10-28.endive', data => { object => $object },
    });
}

sub signature {
    my ($body, %how) = @_;
    my $time = $how{time} // time;
    return "t=$time,v1=" . hmac_sha256_hex("$time.$body", $how{secret} // $SECRET);
}

sub deliver {
    my ($body, %how) = @_;
    my $header = exists $how{header} ? $how{header} : signature($body, %how);
    return visitor()->request(POST => $how{path} // '/checkout/wh/', { defined $header ? ('Stripe-Signature' => $header) : () }, $body);
}

subtest 'the buyer never comes back' => sub {
    my ($visitor, $intent) = at_the_till(1);
    $sandbox->pay($intent);
    is order_of($intent)->{received}, 0, 'nobody has told the shop';
    my $body   = event_of('payment_intent.succeeded', $intent);
    my $answer = deliver($body);
    is $answer->code, 200, 'the webhook is taken' or diag $answer->body;
    like $answer->body, qr/payment_intent\.succeeded, order [0-9A-F]{32} is paid/, 'and says what was done';
    is order_of($intent)->{received}, 2300, 'the order is paid';
    my $again = deliver($body);
    is $again->code, 200, 'the same event again';
    like $again->body, qr/received before/, 'has had its effect';
    is scalar(rows('SELECT 1 FROM event WHERE id = ?', [decode_json($body)->{id}])), 1, 'once';
    $sandbox->forget_requests;
    is $visitor->get("/success?pi=$intent")->dom->at('.outcome')->attr('data-state'), 'paid', 'the buyer sees it later';
    is scalar($sandbox->requests(access => 'secret')), 0, 'without another question to Stripe';
};

subtest 'both addresses, with and without a slash' => sub {
    my (undef, $intent) = at_the_till(1);
    for my $path ('/checkout/wh/', '/checkout/wh', '/webhook', '/webhook/') {
        is deliver(event_of('payment_intent.processing', $intent), path => $path)->code, 200, $path;
    }
    is visitor()->get('/checkout/wh/')->code, 405, 'a GET is no webhook';
};

subtest 'what is not Stripe\'s is refused' => sub {
    my (undef, $intent) = at_the_till(1);
    $sandbox->pay($intent);
    my $body = event_of('payment_intent.succeeded', $intent);
    my @bad  = (
        ['no signature'            => header => undef],
        ['another secret'          => secret => 'whsec_other'],
        ['400 s old'               => time   => time - 400],
        ['400 s ahead'             => time   => time + 400],
        ['of another body'         => header => signature("$body ")],
        ['rubbish'                 => header => 'rubbish'],
        ['no v1'                   => header => 't=' . time],
        ['two times'               => header => 't=1,' . signature($body)],
    );
    for (@bad) {
        my ($name, %how) = @$_;
        my $answer = deliver($body, %how);
        is $answer->code, 400, $name;
        lacks($answer->body, qr/sign|secret|time|\Q$intent\E/i, "$name: and not told why");
    }
    is order_of($intent)->{received}, 0, 'nothing has happened';
    is deliver('', header => signature(''))->code, 400, 'an empty body';
    for my $odd ('{}', '[]', '{"id":"evt_1"}', '{' x 100, encode_json({ id => 'evt_1', object => 'event', type => 'payment_intent.succeeded', created => 1, livemode => false, data => { object => { id => "pi_'; DROP" } } })) {
        is deliver($odd)->code, 400, 'signed, but no event: ' . substr($odd, 0, 30);
    }
    is deliver('x' x (1024 * 1024 + 1))->code, 413, 'more than a megabyte';
    is deliver($body, header => 'v1=' . 'f' x 64 . ',' . signature($body) . ',v0=' . 'a' x 64)->code, 200, 'other signatures beside the right one do no harm';
    is order_of($intent)->{received}, 2300, 'and it is settled';
};

subtest 'types that nobody handles, and other shops on the same account' => sub {
    my (undef, $intent) = at_the_till(1);
    my $answer = deliver(event_of('payment_intent.created', $intent));
    is $answer->code, 200, 'an unknown type';
    is $answer->body, "Unhandled webhook received: payment_intent.created\n", 'is named';
    my $other = $sandbox->api(GET => "/v1/payment_intents/$intent");
    $answer = deliver(body('payment_intent.succeeded', { %$other, id => 'pi_3OtherShopOtherShopOther', status => 'succeeded', metadata => { shop => 'another', order => 'A1' } }));
    is $answer->code, 200, 'another shop\'s payment';
    like $answer->body, qr/another shop/, 'is ignored';
    $answer = deliver(body('payment_intent.processing', { %$other, id => 'pi_3OtherShopOtherShopOther', metadata => {} }));
    is $answer->code, 200, 'and one without metadata';
    is order_of($intent)->{received}, 0, 'nothing has happened to ours';
};

subtest 'what does not match is held' => sub {
    my %wrong = (
        'received 2299 of 2300 usd'       => { amount_received => 2299 },
        'paid in eur, ordered in usd'     => { currency        => 'eur' },
        'the metadata names another order' => { metadata       => { order => 'F' x 32 } },
        'the metadata names another shop' => { metadata        => { shop  => 'f' x 32 } },
        'a live payment for a test order' => { livemode        => true },
    );
    for my $reason (sort keys %wrong) {
        my ($visitor, $intent) = at_the_till(1);
        announce('main', qr/BKS0501: order [0-9A-F]{32} is held, nothing is delivered: \Q$reason\E/);
        $sandbox->pay($intent);
        my $answer = deliver(event_of('payment_intent.succeeded', $intent, %{ $wrong{$reason} }));
        is $answer->code, 200, $reason;
        my $order = order_of($intent);
        is $order->{mismatch}, $reason, 'held with its reason';
        is $order->{received}, 0, 'and not paid';
        is $visitor->get("/success?pi=$intent")->dom->at('.outcome')->attr('data-state'), 'held', 'the buyer is told kindly';
    }
};

subtest 'late and out of order' => sub {
    my ($visitor, $intent) = at_the_till(1);
    my $failed = event_of('payment_intent.payment_failed', $intent);
    my $canceled = event_of('payment_intent.canceled', $intent, status => 'canceled');
    $sandbox->pay($intent);
    is deliver(event_of('payment_intent.succeeded', $intent))->code, 200, 'success first';
    is deliver($failed)->code, 200, 'then a failure from before';
    is deliver($canceled)->code, 200, 'and a cancellation that never was';
    my $order = order_of($intent);
    is_deeply [@$order{qw(received cancelled mismatch)}], [2300, 0, ''], 'the order stays paid';
};

subtest 'a hundred at once' => sub {
    my ($visitor, $intent) = at_the_till(2);
    $sandbox->pay($intent);
    my $body   = event_of('payment_intent.succeeded', $intent);
    my $header = signature($body);
    my $ua     = Mojo::UserAgent->new(max_connections => 20);
    my $url    = $visitor->address('/checkout/wh/');
    my %codes;
    my $next = 100;
    my $one;
    $one = sub {
        return Mojo::Promise->resolve if $next-- <= 0;
        return $ua->post_p($url, { 'Stripe-Signature' => $header }, $body)->then(sub { $codes{ $_[0]->res->code }++; $one->() });
    };
    Mojo::Promise->all(map { $one->() } 1 .. 20)->wait;
    is_deeply \%codes, { 200 => 100 }, 'a hundred times 200';
    is order_of($intent)->{received}, 2500, 'one effect';
    is scalar(rows('SELECT 1 FROM event WHERE id = ?', [decode_json($body)->{id}])), 1, 'one event';
};

subtest 'before the PaymentIntent is known by its id' => sub {
    my (undef, $intent) = at_the_till(1);
    $sandbox->pay($intent);
    my $body = event_of('payment_intent.succeeded', $intent, id => 'pi_3NotYetKnownNotYetKnown');
    announce('main', qr/BKS0501: order [0-9A-F]{32} is held, nothing is delivered: PaymentIntent pi_3NotYetKnownNotYetKnown is not the one/);
    like deliver($body)->body, qr/is held/, 'another PaymentIntent for an order that has one is held';
    my $none = event_of('payment_intent.succeeded', $intent, id => 'pi_3NoSuchOrderNoSuchOrder', metadata => { %{ $sandbox->api(GET => "/v1/payment_intents/$intent")->{metadata} }, order => '0' x 32 });
    is deliver($none)->code, 500, 'an order of ours that is not there: Stripe is to send it again';
    is scalar(rows('SELECT 1 FROM event WHERE id = ?', [decode_json($none)->{id}])), 0, 'because it had no effect';
};

done_testing;
