# Events: one for each change of a payment, as it was then; lists and filters; how long they are kept.
# SPDX-License-Identifier: Apache-2.0
use strict;
use warnings;
use File::Temp qw(tempdir);
use Mojo::File qw(curfile);
use Mojo::JSON qw(decode_json);
use Test::More;
use Sandbox::App;
use Sandbox::Events;
use Sandbox::Tester;

my $app    = Sandbox::App->new;
my $stripe = Sandbox::Tester->new;
$stripe->ua->server->app($app);

my $contract = decode_json(curfile->dirname->dirname->child('contract', '2026-10-28.endive.json')->slurp);
my %BACK     = (return_url => 'https://shop.test/');

# oldest first
sub events {
    my @events = reverse @{ $stripe->get('/v1/events', { limit => 100, @_ })->{data} };
    return @events;
}

# what the code makes happen, as a list of "type object's status"
sub happens {
    my ($code) = @_;
    my ($newest) = reverse events();
    $code->();
    return [map {"$_->{type} $_->{data}{object}{status}"} events($newest ? (ending_before => $newest->{id}) : ())];
}

# card or code -> what happens to a payment that is paid with it
my @LIVES = (
    ['pm_card_visa', {}, ['payment_intent.created requires_payment_method', 'charge.succeeded succeeded', 'payment_intent.succeeded succeeded']],
    ['pm_card_chargeDeclined', {}, ['payment_intent.created requires_payment_method', 'charge.failed failed', 'payment_intent.payment_failed requires_payment_method']],
    ['pm_card_sandboxProcessing', {}, ['payment_intent.created requires_payment_method', 'charge.pending pending', 'payment_intent.processing processing']],
    ['pm_card_authenticationRequired', {}, ['payment_intent.created requires_payment_method', 'payment_intent.requires_action requires_action']],
    ['pm_card_visa', { capture_method => 'manual' }, ['payment_intent.created requires_payment_method', 'charge.succeeded succeeded', 'payment_intent.amount_capturable_updated requires_capture']],
);
for my $life (@LIVES) {
    my ($card, $params, $expected) = @$life;
    is_deeply happens(sub {
        my $id = $stripe->payment(%$params)->{id};
        $stripe->post("/v1/payment_intents/$id/confirm", { payment_method => $card, %BACK });
    }), $expected, join ' ', $card, %$params;
}

my $asked = $stripe->payment(confirm => 'true', payment_method => 'pm_card_authenticationRequired', %BACK);
is((events(type => 'payment_intent.requires_action'))[-1]{data}{object}{next_action}{type}, 'redirect_to_url', 'what is asked of the buyer is in its event');
is_deeply happens(sub { $stripe->control(POST => "payment_intents/$asked->{id}/authenticate", { result => 'failed' }) }),
    ['payment_intent.payment_failed requires_payment_method'], 'a failed 3-D Secure';
is_deeply happens(sub { $stripe->post("/v1/payment_intents/$asked->{id}/cancel") }), ['payment_intent.canceled canceled'], 'a cancellation';
is_deeply happens(sub { $stripe->post("/v1/payment_intents/$asked->{id}/cancel") }), [], 'a refused call tells nothing';
is_deeply happens(sub { $stripe->post("/v1/payment_intents/" . $stripe->payment->{id}, { description => 'x' }) }),
    ['payment_intent.created requires_payment_method'], 'nor does an update';

my $held = $stripe->payment(confirm => 'true', payment_method => 'pm_card_visa', capture_method => 'manual', %BACK);
is_deeply happens(sub { $stripe->post("/v1/payment_intents/$held->{id}/capture", { amount_to_capture => 2000 }) }),
    ['charge.captured succeeded', 'payment_intent.succeeded succeeded'], 'a capture';
my ($captured) = events(type => 'charge.captured');
is_deeply $captured->{data}{previous_attributes}, { captured => Mojo::JSON->false, amount_captured => 0, balance_transaction => undef }, 'what the charge was before';

my $slow = $stripe->payment(confirm => 'true', payment_method => 'pm_card_sandboxProcessing', %BACK)->{id};
is_deeply happens(sub { $stripe->control(POST => "payment_intents/$slow/succeed") }), ['charge.succeeded succeeded', 'payment_intent.succeeded succeeded'], 'a payment that takes its time';

# ---- the object
my $made = $stripe->post('/v1/payment_intents', { amount => 2300, currency => 'usd', description => "B\x{fc}cher" }, { 'Idempotency-Key' => 'once' });
my $request = $stripe->answer->headers->header('Request-Id');
my $event   = (events())[-1];
like $event->{id}, qr/\Aevt_3\w{23}\z/, 'its id';
is_deeply [sort keys %$event], $contract->{objects}{event}{always}, 'an event has the fields of the type, and no other';
is_deeply [@$event{qw(object api_version livemode pending_webhooks type)}], ['event', '2026-10-28.endive', 0, 0, 'payment_intent.created'], 'its fields';
is_deeply $event->{request}, { id => $request, idempotency_key => 'once' }, 'the request';
is_deeply $event->{data}, { object => $made }, 'the payment';
$stripe->post("/v1/payment_intents/$made->{id}", { amount => 2400 });
is_deeply $stripe->get("/v1/events/$event->{id}"), $event, 'the event by its id, and its payment as it was';
is_deeply happens(sub { $stripe->post('/v1/payment_intents', { amount => 2300, currency => 'usd', description => "B\x{fc}cher" }, { 'Idempotency-Key' => 'once' }) }), [], 'a replay tells nothing';
is $stripe->get('/v1/events/evt_nope')->{error}{message}, q{No such event: 'evt_nope'}, 'no such event';

# ---- lists
my @all = events();
is_deeply [map { $_->{type} } grep { $_->{type} =~ /\Acharge\./ } @all], [map { $_->{type} } events(type => 'charge.*')], 'a group of types';
is_deeply [map { $_->{id} } grep { $_->{type} =~ /\.(?:created|canceled)\z/ } @all],
    [map { $_->{id} } events('types[0]' => 'payment_intent.created', 'types[1]' => 'payment_intent.canceled')], 'some types';
is_deeply [map { $_->{id} } events(limit => 2, starting_after => $all[3]{id})], [map { $_->{id} } @all[1, 2]], 'before one';
is_deeply [map { $_->{id} } events(limit => 2, ending_before => $all[3]{id})], [map { $_->{id} } @all[4, 5]], 'after one';
is scalar(events('created[gt]' => time + 5)), 0, 'none is of the future';
is scalar(events('created[gte]' => $all[0]{created})), scalar @all, 'by time';
is scalar(events(delivery_success => 'true')), scalar @all, 'nobody waits for them';
is scalar(events(delivery_success => 'false')), 0, 'none is undelivered';
is $stripe->get('/v1/events', { type => 'a', 'types[]' => 'b' })->{error}{code}, 'parameters_exclusive', 'type or types';
is $stripe->get('/v1/events', { kind => 'a' })->{error}{code}, 'parameter_unknown', 'parameters are held against the contract';
is $stripe->key('pk_test_sandbox')->get('/v1/events')->{error}{code}, 'secret_key_required', 'nothing for browsers';
$stripe->key('sk_test_sandbox');
ok !exists $stripe->control(GET => 'ledger')->{event}, 'the ledger shows objects';
is scalar @{ $stripe->control(GET => 'ledger?kind=event')->{event} }, scalar @all, 'and events where they are asked for';

# ---- thirty days
my $state  = tempdir(CLEANUP => 1) . '/state';
my $month  = Sandbox::Events::LIFETIME;
my $ledger = Sandbox::Ledger->new(state => $state);
my @ids    = map { Sandbox::Events::keep({ ledger => $ledger }, { type => 'charge.failed', created => time - $_ }) } $month + 60, $month - 60;
$ledger->commit;
my $context = { ledger => $ledger, now => time };
is_deeply [map { $_->{id} } @{ Sandbox::Events::list($context, {})->{data} }], [$ids[1]], 'older ones are not listed';
ok !eval { Sandbox::Events::retrieve($context, {}, $ids[0]) }, 'nor shown';
undef $_ for $ledger, $context;
is_deeply(Sandbox::Ledger->new(state => $state)->ids('event'), [$ids[1]], 'and at the next start they are gone');

done_testing;
