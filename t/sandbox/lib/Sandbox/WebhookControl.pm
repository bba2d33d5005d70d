# The part of the control API that is about webhooks: endpoints, faults, events sent by hand, the log.
# SPDX-License-Identifier: Apache-2.0
package Sandbox::WebhookControl;
use Mojo::Base -strict, -signatures;
use Mojo::JSON qw(true);
use Mojo::Util qw(b64_decode encode);
use Sandbox::Endpoints;
use Sandbox::Events;
use Sandbox::Ids qw(new_id);
use Sandbox::Pretty qw(pretty);

use constant MOST_COPIES => 1000;

# method, path below /_sandbox, what does it: (Sandbox::Control, body as data, query's parameters, part of the path)
our @ROUTES = (
    [GET    => 'webhook_endpoints',                \&endpoints],
    [POST   => 'webhook_endpoints',                \&put_endpoint],
    [DELETE => 'webhook_endpoints',                \&remove_endpoints],
    [GET    => 'webhook_endpoints/([\w-]+)',       \&endpoint],
    [POST   => 'webhook_endpoints/([\w-]+)',       \&change_endpoint],
    [DELETE => 'webhook_endpoints/([\w-]+)',       \&remove_endpoint],
    [GET    => 'webhooks',                         \&log],
    [DELETE => 'webhooks',                         \&forget_log],
    [POST   => 'webhooks/send',                    \&send],
    [POST   => 'webhooks/release',                 \&release],
    [POST   => 'events/([\w-]+)/resend',           \&resend],
    [GET    => 'webhook_faults',                   \&faults],
    [POST   => 'webhook_faults',                   \&add_fault],
    [DELETE => 'webhook_faults',                   \&clear_faults],
    [DELETE => 'webhook_faults/(\d+)',             \&clear_faults],
);

sub webhooks ($control) { return $control->app->webhooks }

sub endpoints    ($control, @)                  { return { webhook_endpoints => webhooks($control)->endpoints->all } }
sub endpoint     ($control, $data, $query, $id) { return webhooks($control)->endpoints->need($id) }
sub put_endpoint ($control, $data, @)           { return webhooks($control)->endpoints->put($data) }

sub change_endpoint ($control, $data, $query, $id) {
    webhooks($control)->endpoints->need($id);
    return webhooks($control)->endpoints->put($data, $id);
}

sub remove_endpoint ($control, $data, $query, $id) {
    webhooks($control)->remove_endpoint($id);
    return { ok => true };
}

sub remove_endpoints ($control, @) {
    webhooks($control)->remove_endpoint($_->{id}) for @{ webhooks($control)->endpoints->all };
    return { ok => true };
}

# ?event=ID&type=TYPE&endpoint=ID&object=ID&state=STATE&by=event&fault=KIND to choose
sub log ($control, $data, $query, @) {
    my @entries = @{ webhooks($control)->log };
    for my $field (grep { defined $query->{$_} } qw(event type endpoint object state by fault)) {
        @entries = grep { ($_->{$field} // '') eq $query->{$field} } @entries;
    }
    return { webhooks => \@entries, count => scalar @entries, counts => webhooks($control)->counts };
}

sub forget_log ($control, @) {
    webhooks($control)->forget_log;
    return { ok => true };
}

sub faults ($control, @) { return { faults => webhooks($control)->faults->shown, held => webhooks($control)->faults->holding } }

sub add_fault ($control, $data, @) { return { id => webhooks($control)->faults->add($data)->{id} } }

sub clear_faults ($control, $data, $query, $id) {
    webhooks($control)->faults->clear($id);
    return { ok => true };
}

sub release ($control, $data, @) { return { released => webhooks($control)->faults->release($data) } }

# The endpoint that is meant: by its id, a bare address, or the first one.
sub target ($control, $data) {
    my $endpoints = webhooks($control)->endpoints;
    return $endpoints->need($data->{endpoint}) if defined $data->{endpoint};
    if (defined $data->{url}) {
        Sandbox::Endpoints::check_url($data->{url});
        return { url => $data->{url}, secret => 'whsec_sandbox', timeout => 10_000 };
    }
    return $endpoints->all->[0] // die "there is no webhook endpoint: make one, or name a url\n";
}

sub copies ($data) {
    my $copies = $data->{copies} // 1;
    die "copies is a number from 1 to @{[MOST_COPIES]}\n" if $copies !~ /\A\d+\z/ or $copies < 1 or $copies > MOST_COPIES;
    return $copies;
}

# How to sign, where that is not the endpoint's way.
sub signing ($data) {
    return { map { $_ => $data->{$_} } grep { exists $data->{$_} } qw(secret old_secret t age header) };
}

# { copies, endpoint, and how to sign }: once more, at once
sub resend ($control, $data, $query, $id) {
    my $endpoint = target($control, $data);
    die "name an endpoint, not a url\n" if !defined $endpoint->{id};
    return webhooks($control)->resend($id, $endpoint, copies($data), signing($data));
}

# An event of one's own, once: { type, object (or the id of one in the ledger), previous_attributes, id, created, livemode,
# api_version, request }, or the `body` itself (or `body_base64`); `endpoint` or `url`; secret, old_secret, t, age, header to
# sign it otherwise; `headers` beside; `copies`. With keep: true it is an event like others: found in /v1/events, brought to
# all endpoints, tried again.
sub send ($control, $data, @) {
    my $event = event_of($control, $data);
    return keep($control, $event) if $data->{keep};
    my $bytes =
          defined $data->{body_base64} ? b64_decode($data->{body_base64})
        : defined $data->{body}        ? encode('UTF-8', $data->{body})
        :                                pretty(Sandbox::Events::text_of({ %$event, pending_webhooks => 1 }));
    my $webhooks = webhooks($control);
    my $endpoint = target($control, $data);
    my %entry    = (
        event => $event->{id}, type => $event->{type}, object => ref $event->{object} ? $event->{object}{id} : undef,
        endpoint => $endpoint->{id}, url => $endpoint->{url}, by => 'send', state => 'pending',
    );
    return $webhooks->send(\%entry, copies($data),
        sub { $webhooks->request($endpoint, { bytes => $bytes, headers => $data->{headers} }, signing($data)) });
}

sub event_of ($control, $data) {
    my %event = map { $_ => $data->{$_} } grep { defined $data->{$_} } qw(id type object previous_attributes livemode api_version request created);
    $event{id}      //= new_id('event');
    $event{created} //= time;
    $event{type}    //= 'sandbox.nothing';
    if (defined $event{object} and !ref $event{object}) {
        $event{object} = Sandbox::Control::shown($control->need($event{object}));
    }
    return \%event;
}

sub keep ($control, $event) {
    my $ledger = $control->app->ledger;
    die "there is an event with the id $event->{id}\n" if $ledger->find(undef, $event->{id});
    Sandbox::Events::keep({ ledger => $ledger }, $event);
    $ledger->commit;
    return { event => $event->{id} };
}

1;
