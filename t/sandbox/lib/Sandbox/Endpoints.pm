# Webhook endpoints: where events go, which, and by what secret they are signed. Only addresses of this machine.
# SPDX-License-Identifier: Apache-2.0
package Sandbox::Endpoints;
use Mojo::Base -base, -signatures;
use Mojo::URL;
use Sandbox::Ids qw(new_id);

# secret is the one that the whole sandbox is known by; timeout and retry are milliseconds
my %DEFAULT = (
    url => undef, secret => 'whsec_sandbox', old_secret => undef, enabled_events => ['*'], api_version => undef,
    status => 'enabled', timeout => 10_000, retry => undef,
);

# field -> whether it is well formed: (value, application)
my %FITS = (
    url            => sub ($value, $app) { check_url($value) },
    secret         => sub ($value, $app) { defined $value and !ref $value },
    enabled_events => sub ($value, $app) { ref $value eq 'ARRAY' and @$value and !grep { ref or $_ eq '' } @$value },
    api_version    => sub ($value, $app) { !defined $value or $app->api->{contracts}{$value} },
    status         => sub ($value, $app) { ($value // '') =~ /\A(?:enabled|disabled)\z/ },
    timeout        => sub ($value, $app) { ($value // '') =~ /\A[1-9]\d*\z/ },
    retry          => sub ($value, $app) { !defined $value or $value =~ /\A\d+\z/ },
);

has 'app';

# Dies unless the address is of this machine.
sub check_url ($text) {
    my $url = Mojo::URL->new($text // '');
    my ($scheme, $host) = ($url->protocol, lc($url->host // ''));
    die "a webhook's url is http://... or https://..., not '@{[$text // '']}'\n" if $scheme !~ /\Ahttps?\z/ or $host eq '';
    die "webhooks go to this machine alone (127.0.0.1, [::1], localhost), not to $host\n"
        if $host !~ /\A(?:localhost|\[::1\]|127(?:\.\d{1,3}){3})\z/;
    return 1;
}

sub all ($self) {
    my $records = $self->app->ledger->records('endpoint');
    return [map { $records->{$_} } sort { $records->{$a}{created} <=> $records->{$b}{created} or $a cmp $b } keys %$records];
}

sub find ($self, $id) { return $self->app->ledger->record(endpoint => $id) }
sub need ($self, $id) { return $self->find($id) // die "no webhook endpoint has the id $id\n" }

# A new endpoint, or new fields for the one with that id.
sub put ($self, $fields, $id = undef) {
    my $known = defined $id ? $self->find($id) : undef;
    my %endpoint = (%DEFAULT, created => time, %{ $known // {} }, %$fields, id => $id // new_id('webhook_endpoint'), object => 'webhook_endpoint');
    for my $name (sort keys %$fields) {
        die "a webhook endpoint has no field $name: there are " . join(', ', sort keys %DEFAULT) . "\n" if !exists $DEFAULT{$name};
    }
    for my $name (sort keys %FITS) {
        die "that is no $name for a webhook endpoint\n" if !$FITS{$name}->($endpoint{$name}, $self->app);
    }
    $self->app->ledger->save_record(endpoint => $endpoint{id}, \%endpoint);
    $self->app->ledger->commit;
    return \%endpoint;
}

# Without it, nothing is undelivered on its account.
sub remove ($self, $id) {
    my $ledger     = $self->app->ledger;
    my $deliveries = $ledger->records('delivery');
    for my $event (grep { $deliveries->{$_}{$id} } sort keys %$deliveries) {
        my %left = %{ $deliveries->{$event} };
        delete $left{$id};
        $ledger->save_record(delivery => $event, %left ? \%left : undef);
    }
    $ledger->save_record(endpoint => $id, undef);
    $ledger->commit;
    return;
}

1;
