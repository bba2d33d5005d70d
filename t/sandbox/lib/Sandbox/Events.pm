# Events: what happened to an object, as it was then; each change of a payment or a charge notes one.
# SPDX-License-Identifier: Apache-2.0
package Sandbox::Events;
use Mojo::Base -strict, -signatures;
use Mojo::JSON qw(encode_json false);
use Sandbox::Contract;
use Sandbox::Error;
use Sandbox::Ids qw(new_id);
use Sandbox::Lists;

use constant { LIFETIME => 30 * 86_400, MOST_TYPES => 20 };

# An event of the object as it was saved last, with what its changed fields were before, where that is told.
sub note ($context, $type, $object, $before = undef) {
    return keep($context, {
        type                => $type,
        object_text         => $context->{ledger}->text_of($object->{id}),
        previous_attributes => $before,
        created             => $context->{now},
        request             => $context->{request},
    });
}

# Saves the event, and that it is to be brought to each endpoint that asked for it. Answers its id.
sub keep ($context, $event) {
    my $ledger    = $context->{ledger};
    my $id        = $event->{id} //= new_id('event');
    my $endpoints = $ledger->records('endpoint');
    my %delivery  = map { $_ => { state => 'pending', tries => 0 } } grep { wants($endpoints->{$_}, $event->{type}) } keys %$endpoints;
    $event->{pending_webhooks} = keys %delivery;
    $ledger->save_text($id, 'event', text_of($event));
    $ledger->save_record(delivery => $id, \%delivery) if %delivery;
    return $id;
}

# The event's JSON, in the order of Stripe's.
sub text_of ($event) {
    my %text = (
        object => $event->{object_text} // encode_json($event->{object} // {}),
        map { $_ => encode_json($event->{$_}) } grep { defined $event->{$_} } qw(id type previous_attributes request api_version),
    );
    my $api_version = $text{api_version} // '"' . Sandbox::Contract::CURRENT_VERSION . '"';
    my $request     = $text{request}     // '{"id":null,"idempotency_key":null}';
    my $before      = defined $text{previous_attributes} ? qq{,"previous_attributes":$text{previous_attributes}} : '';
    return join '', qq({"id":$text{id},"object":"event","api_version":$api_version,"created":), int $event->{created},
        qq(,"data":{"object":$text{object}$before},"livemode":), ($event->{livemode} ? 'true' : 'false'),
        qq(,"pending_webhooks":), $event->{pending_webhooks} // 0, qq(,"request":$request,"type":$text{type}});
}

# Whether the endpoint asked for events of that type: "*", "charge.*", "charge.failed".
sub wants ($endpoint, $type) {
    return 0 if $endpoint->{status} ne 'enabled';
    return scalar grep { fits($_, $type) } @{ $endpoint->{enabled_events} };
}

sub fits ($pattern, $type) {
    my $regex = join '.*', map {quotemeta} split /\*/, $pattern, -1;
    return $type =~ /\A$regex\z/;
}

# How many endpoints still wait for it, or never got it.
sub undelivered ($ledger, $id) {
    my $delivery = $ledger->record(delivery => $id) // return 0;
    return scalar grep { $_->{state} ne 'delivered' } values %$delivery;
}

sub retrieve ($context, $params, $id) {
    my $event = $context->{ledger}->find(event => $id);
    Sandbox::Error->throw(missing_object => "No such event: '$id'", param => 'id')
        if !$event or $event->{created} < $context->{now} - LIFETIME;
    return shown($context->{ledger}, $event);
}

sub shown ($ledger, $event) {
    $event->{pending_webhooks} = undelivered($ledger, $event->{id});
    return $event;
}

sub list ($context, $params, @) {
    my ($type, $types, $success) = @$params{qw(type types delivery_success)};
    Sandbox::Error->throw(exclusive => 'You may only specify one of these parameters: type, types.') if defined $type and $types;
    Sandbox::Error->throw(invalid => 'Invalid array: you can have at most ' . MOST_TYPES . ' values.', param => 'types')
        if $types and @$types > MOST_TYPES;
    my $ledger = $context->{ledger};
    my $oldest = $context->{now} - LIFETIME;
    my $worth  = defined $success ? sub ($id) { !undelivered($ledger, $id) == !!$success } : undef;
    my $list   = Sandbox::Lists::page($context, event => '/v1/events', $params, sub ($event) {
        $event->{created} >= $oldest and !defined $type || fits($type, $event->{type}) and !$types || grep { $_ eq $event->{type} } @$types;
    }, $worth);
    shown($ledger, $_) for @{ $list->{data} };
    return $list;
}

1;
