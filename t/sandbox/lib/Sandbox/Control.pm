# The control API for tests, under /_sandbox/: the ledger, the log of requests, faults, payments that move by themselves, webhooks.
# SPDX-License-Identifier: Apache-2.0
package Sandbox::Control;
use Mojo::Base -base, -signatures;
use Mojo::JSON qw(decode_json encode_json true false);
use Scalar::Util qw(blessed);
use Sandbox::Api;
use Sandbox::Faults;
use Sandbox::Payments;
use Sandbox::WebhookControl;

has 'app';

# method, path below /_sandbox, what does it: ($self, body as data, query's parameters, part of the path)
my @ROUTES = (
    [GET    => 'health',                          \&health],
    [POST   => 'reset',                           \&reset],
    [GET    => 'ledger',                          \&ledger],
    [GET    => 'objects/([\w-]+)',                \&object],
    [POST   => 'objects/([\w-]+)',                \&change_object],
    [GET    => 'requests',                        \&requests],
    [DELETE => 'requests',                        \&forget_requests],
    [GET    => 'counts',                          \&counts],
    [GET    => 'faults',                          \&faults],
    [POST   => 'faults',                          \&add_fault],
    [DELETE => 'faults',                          \&clear_faults],
    [DELETE => 'faults/(\d+)',                    \&clear_faults],
    [POST   => 'release',                         \&release],
    [POST   => 'payment_intents/([\w-]+)/succeed',      \&succeed],
    [POST   => 'payment_intents/([\w-]+)/fail',         \&fail],
    [POST   => 'payment_intents/([\w-]+)/pay',          \&pay],
    [POST   => 'payment_intents/([\w-]+)/authenticate', \&authenticate],
    @Sandbox::WebhookControl::ROUTES,
);

sub json ($status, $data) {
    return { status => $status, body => encode_json($data), headers => { 'Content-Type' => 'application/json', 'Cache-Control' => 'no-store' } };
}

sub answer ($self, $tx, $path) {
    my $method = $tx->req->method;
    my $below  = $path =~ s{\A/_sandbox/?}{}r;
    for my $row (@ROUTES) {
        next if $row->[0] ne $method;
        next if $below !~ m{\A$row->[1]\z};
        my $part = $#+ ? $1 : undef;
        my $body = $tx->req->body;
        my $data = eval { $body =~ /\S/ ? decode_json($body) : {} } // return json(400, { error => "the body is no JSON: $@" });
        my $answer = eval { $row->[2]->($self, $data, $tx->req->query_params->to_hash, $part) };
        return $answer->then(sub ($data) { json(200, $data) }) if blessed $answer;    # a promise
        return json(200, $answer) if $answer;
        $self->app->ledger->rollback;
        return json(400, { error => ref $@ ? $@->fields->{message} : $@ =~ s/\s+\z//r });
    }
    return json(404, { error => "no control call $method /_sandbox/$below", calls => [map {"$_->[0] /_sandbox/$_->[1]"} @ROUTES] });
}

sub health ($self, @) {
    return { ok => true, pid => $$, version => Sandbox::Api::DEFAULT_VERSION };
}

# Forgets objects, keys, logs, faults, deliveries, but not the webhook endpoints; held requests go on.
sub reset ($self, @) {
    $self->app->faults->clear;
    $self->app->requests->clear;
    $self->app->webhooks->reset;
    return { ok => true };
}

# All objects by kind, oldest first, but for events; counts of requests by route; ?kind=event for one kind alone
sub ledger ($self, $data, $query, @) {
    my $ledger = $self->app->ledger;
    my @kinds  = defined $query->{kind} ? $query->{kind} : grep { $_ ne 'event' } $ledger->kinds;
    my %all    = map { my $kind = $_; $kind => [map { shown($ledger->find($kind => $_)) } @{ $ledger->ids($kind) }] } @kinds;
    return { payment_intent => [], %all, counts => $self->app->requests->counts };
}

sub shown ($object) {
    delete $object->{_};
    return $object;
}

sub need ($self, $id, $kind = undef) {
    return $self->app->ledger->find($kind, $id) // die "no object has the id $id\n";
}

sub object ($self, $data, $query, $id) { return shown($self->need($id)) }

# { set: { amount: 1, "metadata.order": "X" }, unset: [...] }: changes the ledger itself
sub change_object ($self, $data, $query, $id) {
    my $object = $self->need($id);
    Sandbox::Faults::change($object, $data);
    return $self->saved($object);
}

sub saved ($self, $object) {
    $self->app->ledger->save($object);
    $self->app->ledger->commit;
    return shown($object);
}

# The log of requests; ?path=REGEX&method=POST&access=secret to choose (public is what browsers ask)
sub requests ($self, $data, $query, @) {
    my $path    = defined $query->{path} ? qr/$query->{path}/ : undef;
    my @entries = grep { !$path || $_->{path} =~ $path } @{ $self->app->requests->entries };
    for my $field (grep { defined $query->{$_} } qw(method access)) {
        @entries = grep { $_->{$field} eq $query->{$field} } @entries;
    }
    return { requests => \@entries, count => scalar @entries };
}

sub forget_requests ($self, @) {
    $self->app->requests->clear;
    return { ok => true };
}

sub counts ($self, @) { return { counts => $self->app->requests->counts } }

sub faults ($self, @) { return { faults => $self->app->faults->shown, held => $self->app->faults->holding } }

sub add_fault ($self, $data, @) {
    return { id => $self->app->faults->add($data)->{id} };
}

sub clear_faults ($self, $data, $query, $id) {
    $self->app->faults->clear($id);
    return { ok => true };
}

# { name } of the held requests, or all
sub release ($self, $data, @) { return { released => $self->app->faults->release($data->{name}) } }

sub context ($self) {
    return { ledger => $self->app->ledger, now => time, access => 'secret', origin => 'http://localhost' };
}

sub move ($self, $id, $statuses, $code) {
    my $payment = $self->need($id, 'payment_intent');
    die "the payment is $payment->{status}, not " . join(' or ', @$statuses) . "\n" if !grep { $_ eq $payment->{status} } @$statuses;
    if (!eval { $code->($self->context, $payment); 1 }) {
        die $@ if !ref $@ or !$@->keep;
    }
    return $self->saved($payment);
}

sub succeed ($self, $data, $query, $id) {
    return $self->move($id, ['processing'], sub ($context, $payment) { Sandbox::Payments::settle($context, $payment, 1) });
}

# { reason }: one of the declines of Sandbox::Cards, "generic" if not given
sub fail ($self, $data, $query, $id) {
    return $self->move($id, ['processing'], sub ($context, $payment) { Sandbox::Payments::settle($context, $payment, 0, $data->{reason}) });
}

# { card: "visa" }: the buyer confirms with that test card, without a browser; a decline is in the payment
sub pay ($self, $data, $query, $id) {
    return $self->move($id, [qw(requires_payment_method requires_confirmation requires_action)], sub ($context, $payment) {
        my $method = Sandbox::PaymentMethods::need($context, 'pm_card_' . ($data->{card} // 'visa'));
        Sandbox::Payments::attempt($context, $payment, $method, { use_stripe_sdk => 1 });
    });
}

# { result: "succeeded" | "failed" } of the bank's question
sub authenticate ($self, $data, $query, $id) {
    return $self->move($id, ['requires_action'], sub ($context, $payment) {
        Sandbox::Payments::answer($context, $payment, ($data->{result} // 'succeeded') eq 'succeeded');
    });
}

1;
