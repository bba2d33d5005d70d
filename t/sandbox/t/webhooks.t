# Webhooks: signed as Stripe signs, tried again, lost, doubled, late and out of order on request, forged by hand.
# SPDX-License-Identifier: Apache-2.0
use strict;
use warnings;
use utf8;
use Digest::SHA qw(hmac_sha256_hex);
use Encode qw(encode);
use File::Temp qw(tempdir);
use Mojo::JSON qw(decode_json encode_json true false);
use Mojo::Util qw(b64_encode);
use Test::More;
use Sandbox::Pretty qw(pretty);
use Sandbox::Receiver;
use Sandbox::Signature qw(signature_header signature_of);
use Sandbox::Tester;

my $script = $INC{'Sandbox/Tester.pm'} =~ s{lib/Sandbox/Tester\.pm\z}{sandbox.pl}r;
my %BACK   = (return_url => 'https://shop.test/');

subtest 'signatures are those of the official library' => sub {
    my ($now, $secret, $old) = (1_792_000_000, 'whsec_test_secret', 'whsec_old_rolled_secret_0123456789');
    my @VECTORS = (
        ['{"id":"evt_test_webhook","object":"event"}', '79d1344908703546bb99b8f5cee7ae1666dcdf9f1d4aba13ee3b874ef2c66ff4'],
        [encode('UTF-8', '{"id":"evt_2","object":"event","data":{"object":{"description":"Müller – Überraschung 📚"}}}'),
            '7ec75b4948872b0d0bbe2d9ee2908c428f0a64ee5e6e6f9fbaf923ed64f6783c'],
        ["{\n  \"id\": \"evt_3\",\r\n  \"object\": \"event\"\n}\n", '59f6aaca17f5eb297fb7d7f22ae139cd6df207a0f10cb2a5bb1ea5fb0d1de8a0'],
        ["{\"id\":\"evt_4\",\"object\":\"event\"}\0tail", '9fb60a53160c5e79c0382d1c4ea8a04d2926db76d5700d51ea5ec4e9cbf97e1b'],
    );
    is signature_of($secret, $now, $_->[0]), $_->[1], length($_->[0]) . ' bytes' for @VECTORS;
    my ($bytes, $v1) = @{ $VECTORS[0] };
    my $v1_old = '8b31590996aac4d5913b5f8174c43dc4eced9e87e9f5afa2acb5bc6316a0165b';
    like signature_header($bytes, { secret => $secret, t => $now }), qr/\At=$now,v1=$v1,v0=[0-9a-f]{64}\z/, 'the header';
    like signature_header($bytes, { secret => $secret, old_secret => $old, t => $now }), qr/\At=$now,v1=$v1,v1=$v1_old,v0=/, 'two secrets';
    is signature_header($bytes, { secret => $secret, t => $now, header => 't={t}, v1=bad,v1={v1}' }), "t=$now, v1=bad,v1=$v1", 'a header of one\'s own';
    is signature_header($bytes, { header => '' }), undef, 'no header';
    cmp_ok abs((signature_header($bytes, { age => 301 }) =~ /t=(\d+)/)[0] - (time - 301)), '<=', 1, 'an age';
};

is pretty(encode_json({ a => [1, { b => "x\",{[:]}\\" }], c => {}, d => [] })),
    qq({\n  "a": [\n    1,\n    {\n      "b": "x\\",{[:]}\\\\"\n    }\n  ],\n  "c": {},\n  "d": []\n}), 'JSON over lines';

# The shop's check: { t, good signatures } of what came, by a secret
sub verified {
    my ($got, $secret) = @_;
    my @parts = map { [split /=/, $_, 2] } split /,/, $got->{headers}->header('Stripe-Signature') // '';
    my ($time) = map { $_->[1] } grep { $_->[0] eq 't' } @parts;
    my $right = hmac_sha256_hex("$time.$got->{body}", $secret);
    return scalar grep { $_->[0] eq 'v1' and $_->[1] eq $right } @parts;
}

my $state  = tempdir(CLEANUP => 1) . '/state';
my $shop   = Sandbox::Receiver->start;
my @start  = ('--state', $state, '--webhook-url', $shop->url, '--webhook-retry', 20);
my $stripe = Sandbox::Tester->start(@start);

sub pay { return $stripe->payment(confirm => 'true', payment_method => 'pm_card_visa', %BACK, @_)->{id} }
sub logged { return @{ $stripe->control(GET => 'webhooks?' . ($_[0] // ''))->{webhooks} } }
sub fault { return $stripe->control(POST => 'webhook_faults', {@_}) }
sub count { return $stripe->control(GET => 'webhooks')->{counts} }
sub settled { return $shop->until_true(sub { !count()->{pending} }) }
sub clear { settled(); $stripe->control(DELETE => 'webhooks'); $stripe->control(DELETE => 'webhook_faults'); $shop->clear->pause(0)->answer(sub {200}); return }
sub send_event { return sent(POST => 'webhooks/send', {@_}) }

# a call that is answered only when the shop has been asked
sub sent {
    my ($method, $path, $data) = @_;
    my $answer;
    $stripe->{patient} //= Mojo::UserAgent->new(inactivity_timeout => 30);
    $stripe->{patient}->start($stripe->{patient}->build_tx($method => "$stripe->{base}/_sandbox/$path" => json => $data),
        sub { my ($ua, $tx) = @_; $answer = $tx->res->json // { lost => 1 } });
    $shop->until_true(sub { $answer });
    return $answer;
}

subtest 'a payment is told to the shop' => sub {
    my $id = pay(description => 'Müller – 📚');
    ok $shop->wait_for(3), 'its events come';
    is_deeply [sort @{ $shop->types }], ['charge.succeeded', 'payment_intent.created', 'payment_intent.succeeded'], 'all of them';
    my ($got) = grep { $_->{event}{type} eq 'payment_intent.succeeded' } @{ $shop->got };
    my $headers = $got->{headers};
    is_deeply [map { $headers->header($_) } qw(User-Agent Content-Type)],
        ['Stripe/1.0 (+https://stripe.com/docs/webhooks)', 'application/json; charset=utf-8'], 'the headers';
    like $headers->header('Stripe-Signature'), qr/\At=\d{10},v1=[0-9a-f]{64},v0=[0-9a-f]{64}\z/, 'signed';
    ok verified($got, 'whsec_sandbox'), 'by the secret';
    ok !verified($got, 'whsec_other'), 'and by no other';
    like $got->{body}, qr/\A\{\n  "id": "evt_3\w{23}",\n  "object": "event",\n  "api_version": "2026-10-28\.endive",\n  "created": \d+,\n  "data": \{\n    "object": \{\n      "/, 'over lines';
    is_deeply [@{ $got->{event} }{qw(livemode pending_webhooks)}, $got->{event}{data}{object}{id}], [false, 1, $id], 'the event';
    is $got->{event}{data}{object}{description}, 'Müller – 📚', 'in UTF-8';
    ok settled(), 'delivered';
    my $known = $stripe->get("/v1/events/$got->{event}{id}");
    is delete $known->{pending_webhooks}, 0, 'nobody waits for it any more';
    delete $got->{event}{pending_webhooks};
    is_deeply $known, $got->{event}, 'the API tells the same';
    my ($entry) = logged("event=$known->{id}");
    is_deeply [@$entry{qw(type object url tries statuses state)}, $entry->{attempts}[0]{body}],
        ['payment_intent.succeeded', $id, $shop->url, 1, [200], 'delivered', 'answer 200'], 'the log';
    is @{ $stripe->get('/v1/events', { delivery_success => 'true' })->{data} }, 3, 'delivery_success';
    clear();
};

subtest 'what is refused comes again' => sub {
    my @answers = (500, [301, { Location => $shop->url('/elsewhere') }, ''], 404, 204);
    $shop->answer(sub { shift @answers });
    $stripe->payment;
    ok $shop->wait_for(4), 'four times';
    ok settled(), 'then it is delivered';
    my ($entry) = logged();
    is_deeply [@$entry{qw(tries statuses state)}], [4, [500, 301, 404, 204], 'delivered'], 'redirects are failures';
    is_deeply [map { $_->{path} } @{ $shop->got }], [('/checkout/wh/') x 4], 'and not followed';
    my @at = map { $_->{at} } @{ $entry->{attempts} };
    cmp_ok $at[$_] - $at[$_ - 1], '>=', 0.02 * 2**($_ - 1) - 0.002, "pause $_ grows" for 1 .. 3;
    clear();

    my $mute = $stripe->control(POST => 'webhook_endpoints', { url => $shop->url('/mute'), timeout => 200, retry => 1100, enabled_events => ['payment_intent.canceled'] });
    my $late = 0;
    $shop->answer(sub { $_[0]{path} eq '/mute' && !$late++ ? undef : 200 });
    $stripe->post('/v1/payment_intents/' . $stripe->payment->{id} . '/cancel');
    ok settled(), 'after a time-out too';
    my ($slow) = logged("endpoint=$mute->{id}");
    is_deeply [@$slow{qw(tries statuses state)}], [2, [undef, 200], 'delivered'], 'no answer, then one';
    like $slow->{attempts}[0]{error}, qr/timeout/i, 'which is said';
    my @mute = grep { $_->{path} eq '/mute' } @{ $shop->got };
    my @times = map { $_->{headers}->header('Stripe-Signature') =~ /\At=(\d+)/ } @mute;
    cmp_ok $times[1], '>', $times[0], 'with a fresh time';
    ok verified($mute[1], 'whsec_sandbox'), 'and signature';
    is $mute[0]{event}{id}, $mute[1]{event}{id}, 'of the same event';
    $stripe->control(DELETE => "webhook_endpoints/$mute->{id}");
    clear();

    my $dead = $stripe->control(POST => 'webhook_endpoints', { url => 'http://127.0.0.1:1/', retry => 0, enabled_events => ['payment_intent.created'] });
    $stripe->payment;
    ok settled(), 'in the end it is given up';
    my ($lost) = logged("endpoint=$dead->{id}");
    is_deeply [@$lost{qw(tries state)}], [15, 'failed'], 'after 15 tries';
    is_deeply [map { $_->{id} } @{ $stripe->get('/v1/events', { delivery_success => 'false' })->{data} }], [$lost->{event}], 'delivery_success says so';
    is $stripe->get("/v1/events/$lost->{event}")->{pending_webhooks}, 1, 'and the event';
    $stripe->control(DELETE => "webhook_endpoints/$dead->{id}");
    is_deeply $stripe->get('/v1/events', { delivery_success => 'false' })->{data}, [], 'an endpoint that is gone waits for nothing';
    clear();
};

subtest 'endpoints' => sub {
    my $rolled = $stripe->control(POST => 'webhook_endpoints', {
        url => $shop->url('/rolled'), secret => 'whsec_new', old_secret => 'whsec_old', enabled_events => ['charge.*'], api_version => '2026-08-26.dahlia' });
    like $rolled->{id}, qr/\Awe_1\w{23}\z/, 'made';
    pay();
    ok $shop->wait_for(4), 'two endpoints';
    my ($got, @more) = grep { $_->{path} eq '/rolled' } @{ $shop->got };
    is_deeply [$got->{event}{type}, scalar @more], ['charge.succeeded', 0], 'get what they asked for';
    is $got->{event}{pending_webhooks}, 2, 'two wait';
    ok verified($got, 'whsec_new'), 'the new secret signs';
    ok verified($got, 'whsec_old'), 'and the old one';
    is $got->{event}{api_version}, '2026-08-26.dahlia', 'in its own version';
    clear();
    $stripe->control(POST => "webhook_endpoints/$rolled->{id}", { old_secret => undef, enabled_events => ['payment_intent.created'] });
    $stripe->payment;
    ok $shop->wait_for(2), 'changed';
    ($got) = grep { $_->{path} eq '/rolled' } @{ $shop->got };
    is_deeply [verified($got, 'whsec_new'), verified($got, 'whsec_old')], [1, 0], 'the old secret is gone';
    my %REFUSED = (
        'http://192.0.2.1/wh'           => qr/this machine alone .* not to 192\.0\.2\.1/,
        'http://127.0.0.1@shop.test/wh' => qr/not to shop\.test/,
        'http://127.0.0.1.shop.test/'   => qr/not to 127\.0\.0\.1\.shop\.test/,
        'ftp://localhost/'              => qr/http/,
        ''                              => qr/http/,
    );
    for my $url (sort keys %REFUSED) {
        like $stripe->control(POST => 'webhook_endpoints', { url => $url })->{error}, $REFUSED{$url}, "'$url' is refused";
        like $stripe->control(POST => 'webhooks/send', { url => $url })->{error}, $REFUSED{$url}, 'for events by hand too';
    }
    like scalar `$^X $script --webhook-url http://shop.test/ 2>&1`, qr/\Asandbox: webhooks go to this machine alone/, 'and on the command line';
    is $? >> 8, 64, 'as a wrong use';
    like $stripe->control(POST => 'webhook_endpoints', { url => $shop->url, api_version => '2001-01-01.x' })->{error}, qr/api_version/, 'versions are known';
    like $stripe->control(POST => 'webhook_endpoints', { url => $shop->url, uri => 1 })->{error}, qr/no field uri/, 'fields too';
    is_deeply [sort map { $_->{url} } @{ $stripe->control(GET => 'webhook_endpoints')->{webhook_endpoints} }], [$shop->url, $shop->url('/rolled')], 'the list';
    $stripe->control(DELETE => "webhook_endpoints/$rolled->{id}");
    clear();
};

subtest 'faults' => sub {
    fault(kind => 'lose', match => { type => 'succeeded$' }, times => 0);
    my $id = pay();
    ok $shop->wait_for(1), 'some come';
    ok settled(), 'and no more';
    is_deeply $shop->types, ['payment_intent.created'], 'the others are lost';
    is_deeply [map { $_->{type} } @{ $stripe->get('/v1/events', { delivery_success => 'false' })->{data} }], ['payment_intent.succeeded', 'charge.succeeded'], 'which Stripe knows';
    clear();

    fault(kind => 'duplicate', copies => 40);
    $shop->pause(0.5);
    $stripe->payment;
    ok $shop->wait_for(40), 'doubled';
    cmp_ok $shop->most, '>', 20, 'at once';
    is_deeply [keys %{ { map { $_->{event}{id} => 1 } @{ $shop->got } } }], [$shop->got->[0]{event}{id}], 'it is one event';
    ok settled(), 'answered';
    is_deeply [map { $_->{tries} } logged()], [1], 'in one try';
    clear();

    fault(kind => 'delay', ms => 300);
    $stripe->payment;
    $stripe->post('/v1/payment_intents/' . $stripe->payment->{id} . '/cancel');
    ok $shop->wait_for(3), 'delayed';
    is $shop->got->[2]{event}{id}, (logged('fault=delay'))[0]{event}, 'behind those that came after it';
    clear();

    fault(kind => 'hold', times => 0);
    pay();
    is_deeply count(), { pending => 3, delivered => 0, failed => 0, held => 3 }, 'held';
    is_deeply $shop->got, [], 'nothing came';
    is_deeply $stripe->control(POST => 'webhooks/release', { order => ['payment_intent.succeeded', 'payment_intent.created'] }), { released => 3 }, 'released';
    ok $shop->wait_for(3), 'they come';
    is_deeply $shop->types, ['payment_intent.succeeded', 'payment_intent.created', 'charge.succeeded'], 'in the order that was asked for';
    clear();

    fault(kind => 'hold', times => 0, name => 'pen', match => { type => '^payment_intent\.' });
    $shop->pause(0.5);
    pay() for 1 .. 5;
    ok $shop->wait_for(5), 'some are held';
    is_deeply $stripe->control(GET => 'webhook_faults')->{held}, { pen => 10 }, 'by their type';
    is $stripe->control(POST => 'webhooks/release', { name => 'other' })->{released}, 0, 'a name lets go its own';
    $shop->until_true(sub { count()->{delivered} == 5 });
    $shop->clear;
    is $stripe->control(POST => 'webhooks/release', { name => 'pen', order => 'shuffled', parallel => true })->{released}, 10, 'all at once';
    ok $shop->wait_for(10), 'they come';
    cmp_ok $shop->most, '>', 5, 'at once';
    clear();

    fault(kind => 'reorder', count => 3);
    $shop->pause(0.05);
    pay();
    ok $shop->wait_for(3), 'out of order';
    is_deeply $shop->types, ['payment_intent.succeeded', 'charge.succeeded', 'payment_intent.created'], 'reversed';
    is $shop->most, 1, 'one after the other';
    $stripe->payment;
    ok $shop->wait_for(4), 'and then none is held';
    clear();

    like fault(kind => 'eat')->{error}, qr/no fault of webhooks is called eat/, 'unknown kinds';
    like fault(kind => 'reorder', order => 'up')->{error}, qr/no order is called up/, 'unknown orders';
    my $fault = fault(kind => 'hold', times => 0)->{id};
    is_deeply [map { $_->{id} } @{ $stripe->control(GET => 'webhook_faults')->{faults} }], [$fault], 'the list';
    $stripe->control(DELETE => "webhook_faults/$fault");
    $stripe->payment;
    ok $shop->wait_for(1), 'forgotten';
    clear();
};

subtest 'once more' => sub {
    fault(kind => 'lose');
    $stripe->payment;
    settled();
    my ($lost) = logged();
    is $lost->{state}, 'failed', 'a lost event';
    $shop->pause(0.2);
    my $again = sent(POST => "events/$lost->{event}/resend", { copies => 20 });
    is_deeply [map { $_->{status} } @{ $again->{answers} }], [(200) x 20], 'sent by hand, twenty times';
    cmp_ok $shop->most, '>', 10, 'at once';
    is scalar(grep { verified($_, 'whsec_sandbox') } @{ $shop->got }), 20, 'signed';
    is $stripe->get("/v1/events/$lost->{event}")->{pending_webhooks}, 0, 'is delivered';
    $shop->clear;
    sent(POST => "events/$lost->{event}/resend", { age => 400, secret => 'whsec_x' });
    is_deeply [verified($shop->got->[0], 'whsec_x'), verified($shop->got->[0], 'whsec_sandbox')], [1, 0], 'with another signature';
    like $stripe->control(POST => 'events/evt_none/resend', {})->{error}, qr/no event has the id/, 'one that there is';
    clear();
};

subtest 'events by hand' => sub {
    my $id = $stripe->payment->{id};
    settled();
    $shop->clear->answer(sub { [400, {}, 'no'] });
    my $sent = send_event(type => 'payment_intent.succeeded', object => $id, secret => 'whsec_wrong', livemode => true, created => 1_700_000_000);
    my ($got) = @{ $shop->got };
    is_deeply [@{ $sent->{answers}[0] }{qw(status body)}], [400, 'no'], 'the answer is told';
    is_deeply [@{ $got->{event} }{qw(type livemode created)}, $got->{event}{data}{object}{id}], ['payment_intent.succeeded', true, 1_700_000_000, $id], 'an event of an object that there is';
    ok !verified($got, 'whsec_sandbox'), 'wrongly signed';
    is $stripe->get("/v1/events/$sent->{event}")->{error}{code}, 'resource_missing', 'which Stripe does not know';
    is scalar @{ $shop->got }, 1, 'and does not try again';

    # what is sent -> the header that comes
    my $time = time - 301;
    my @HEADERS = (
        [{ t => $time },                       qr/\At=$time,v1=/],
        [{ header => 't={t},v0={v0}' },        qr/\At=\d+,v0=[0-9a-f]{64}\z/],
        [{ header => 'v1={v1}' },              qr/\Av1=[0-9a-f]{64}\z/],
        [{ header => 't=1,t={t}, v1=bad,v1={v1}' }, qr/\At=1,t=\d+, v1=bad,v1=[0-9a-f]{64}\z/],
        [{ header => '' },                     qr/\A\z/],
    );
    for my $case (@HEADERS) {
        $shop->clear;
        send_event(type => 'x.y', %{ $case->[0] });
        like $shop->got->[0]{headers}->header('Stripe-Signature') // '', $case->[1], encode_json($case->[0]);
    }
    $shop->clear;
    my $bytes = "{\"id\":\"evt_4\"}\0\xff";
    send_event(body_base64 => b64_encode($bytes, ''), headers => { 'Content-Type' => 'text/plain', 'X-More' => 'yes' });
    is $shop->got->[0]{body}, $bytes, 'any bytes';
    is_deeply [map { $shop->got->[0]{headers}->header($_) } qw(Content-Type X-More)], ['text/plain', 'yes'], 'any headers';
    ok verified($shop->got->[0], 'whsec_sandbox'), 'well signed';
    send_event(body => '{"ü":1}');
    is $shop->got->[1]{body}, encode('UTF-8', '{"ü":1}'), 'any text';

    clear();
    my $old  = time - 3 * 86_400;
    my $kept = $stripe->control(POST => 'webhooks/send', { type => 'charge.refunded', object => { id => 'ch_1', object => 'charge', refunded => true },
        previous_attributes => { refunded => false }, created => $old, keep => true });
    ok $shop->wait_for(1), 'an event of one\'s own that is kept';
    ($got) = @{ $shop->got };
    is $got->{event}{created}, $old, 'three days old';
    cmp_ok +($got->{headers}->header('Stripe-Signature') =~ /t=(\d+)/)[0], '>', time - 60, 'with a fresh time';
    is_deeply $stripe->get("/v1/events/$kept->{event}")->{data}, { object => { id => 'ch_1', object => 'charge', refunded => true }, previous_attributes => { refunded => false } }, 'which Stripe knows';
    like $stripe->control(POST => 'webhooks/send', { copies => 0 })->{error}, qr/from 1 to/, 'copies have a limit';
    clear();
};

subtest 'over a restart' => sub {
    $stripe->control(POST => 'reset');
    my $extra = $stripe->control(POST => 'webhook_endpoints', { url => $shop->url('/extra'), enabled_events => ['charge.*'] });
    $shop->answer(sub {503});
    my $id = pay();
    ok $shop->wait_for(5), 'nothing is taken';
    $stripe->stop('KILL');
    clear_receiver();
    $stripe = Sandbox::Tester->start(@start);
    my $come = sub { my %seen = map { ("$_->{path} $_->{event}{type}" => 1) } @{ $shop->got }; return [sort keys %seen] };
    ok $shop->until_true(sub { @{ $come->() } == 4 }), 'after a kill all come again';    # one on its way then may come twice
    ok settled(), 'and are delivered';
    is_deeply $come->(),
        ['/checkout/wh/ charge.succeeded', '/checkout/wh/ payment_intent.created', '/checkout/wh/ payment_intent.succeeded', '/extra charge.succeeded'], 'to each its own';
    $stripe->stop('KILL');
    $shop->clear;
    $stripe = Sandbox::Tester->start(@start);
    $stripe->payment;
    ok $shop->wait_for(1), 'what was delivered does not come again';
    is_deeply $shop->types, ['payment_intent.created'], 'but what is new';
    ok settled(), 'it is delivered';
    is_deeply $stripe->get('/v1/events', { delivery_success => 'false' })->{data}, [], 'as all are';

    $stripe->control(POST => 'reset');
    is_deeply [$stripe->get('/v1/events')->{data}, scalar logged()], [[], 0], 'reset forgets events and log';
    is @{ $stripe->control(GET => 'webhook_endpoints')->{webhook_endpoints} }, 2, 'not the endpoints';
    $stripe->stop;
    $stripe = Sandbox::Tester->start('--state', $state);
    is_deeply [map { $_->{id} } @{ $stripe->control(GET => 'webhook_endpoints')->{webhook_endpoints} }], [$extra->{id}], 'that of the command line goes with it';
    $stripe->stop;
    clear_receiver();
    $stripe = Sandbox::Tester->start('--webhook-url', $shop->url, '--webhook-secret', 'whsec_given');
    $stripe->payment;
    ok $shop->wait_for(1), 'a new one';
    ok verified($shop->got->[0], 'whsec_given'), 'signs with the secret that it is given';
};

sub clear_receiver { $shop->clear->answer(sub {200}); return }

done_testing;
