# Brings events to webhook endpoints as Stripe does: signed, tried again with growing pauses, and noted in a log.
# SPDX-License-Identifier: Apache-2.0
package Sandbox::Webhooks;
use Mojo::Base -base, -signatures;
use Mojo::IOLoop;
use Mojo::JSON qw(encode_json);
use Mojo::Promise;
use Mojo::UserAgent;
use Mojo::Util qw(decode);
use Sandbox::Endpoints;
use Sandbox::Events;
use Sandbox::Pretty qw(pretty);
use Sandbox::Signature qw(signature_header);
use Sandbox::WebhookFaults;
use Time::HiRes ();

# milliseconds, but for the counts
use constant { MOST_TRIES => 15, RETRY => 1000, LONGEST_PAUSE => 60_000, MOST_AT_ONCE => 256, LOGGED => 20_000, LOGGED_ANSWER => 4096 };

# the endpoint that the command line names
use constant COMMAND_LINE => 'we_1CommandLine';

has 'app';
has retry     => RETRY;
has endpoints => sub ($self) { Sandbox::Endpoints->new(app => $self->app) };
has faults    => sub ($self) { Sandbox::WebhookFaults->new(webhooks => $self) };
has log       => sub { [] };
has jobs      => sub { {} };    # what is to be delivered: "EVENT ENDPOINT" => { event, endpoint, type, object, tries, entry }
has waiting   => sub { [] };    # requests that wait for their turn
has agents    => sub { {} };    # by time-out
has under_way => 0;

# Takes up what the state file holds as undelivered, and what will be.
sub open ($self, $url, $secret) {
    my $given = defined $url;
    $self->endpoints->put({ url => $url, defined $secret ? (secret => $secret) : () }, COMMAND_LINE) if $given;
    $self->endpoints->remove(COMMAND_LINE) if !$given and $self->endpoints->find(COMMAND_LINE);
    my $ledger = $self->app->ledger;
    $ledger->on_records(sub ($records) { $self->take_up(@$_[1, 2]) for grep { $_->[0] eq 'delivery' and $_->[2] } @$records });
    $self->take_up($_, $ledger->record(delivery => $_) // {}) for @{ $ledger->ids('event') };
    return $self;
}

sub take_up ($self, $event_id, $delivery) {
    for my $endpoint (sort grep { $delivery->{$_}{state} eq 'pending' and !$self->jobs->{"$event_id $_"} } keys %$delivery) {
        my $event = $self->app->ledger->find(event => $event_id) // next;
        my $place = $self->endpoints->find($endpoint)             // next;
        my $job   = {
            event => $event_id, endpoint => $endpoint, type => $event->{type}, object => $event->{data}{object}{id},
            tries => $delivery->{$endpoint}{tries},
        };
        $job->{entry} = $self->note({ %$job, state => 'pending', url => $place->{url}, by => 'event' });
        $self->jobs->{"$event_id $endpoint"} = $job;
        Mojo::IOLoop->next_tick(sub { $self->faults->meet($job) });
    }
    return;
}

sub note ($self, $entry) {
    @$entry{qw(statuses attempts)} = ([], []);
    push @{ $self->log }, $entry;
    shift @{ $self->log } if @{ $self->log } > LOGGED;
    return $entry;
}

# Not given up meanwhile, by a reset, the end of its endpoint, or a delivery by hand.
sub is_open ($self, $job) { return ($self->jobs->{"$job->{event} $job->{endpoint}"} // 0) == $job }

# One try, in so many copies at once; `then` is called when all of them were answered.
sub attempt ($self, $job, $copies = 1, $then = sub { }) {
    return $then->() if !$self->is_open($job);
    $job->{entry}{tries} = ++$job->{tries};
    my ($left, $delivered) = ($copies, 0);
    for (1 .. $copies) {
        $self->enqueue(sub { $self->bring($job) }, $job->{entry}, sub ($answer) {
            $delivered ||= $answer->{delivered};
            return if --$left;
            $self->conclude($job, $delivered) if $self->is_open($job);
            $then->();
        });
    }
    return;
}

sub conclude ($self, $job, $delivered) {
    my $state = $delivered ? 'delivered' : $job->{tries} >= MOST_TRIES ? 'failed' : 'pending';
    return $self->close($job, $state) if $state ne 'pending';
    $self->record($job, $state);
    my $first = $self->endpoints->need($job->{endpoint})->{retry} // $self->retry;
    my $pause = $first * 2**($job->{tries} - 1);
    $pause = LONGEST_PAUSE if $pause > LONGEST_PAUSE;
    $job->{entry}{next_try} = Time::HiRes::time() + $pause / 1000;
    Mojo::IOLoop->timer($pause / 1000 => sub { $self->attempt($job) });
    return;
}

sub close ($self, $job, $state) {
    delete $self->jobs->{"$job->{event} $job->{endpoint}"};
    delete $job->{entry}{next_try};
    $job->{entry}{state} = $state;
    return $self->record($job, $state);
}

sub record ($self, $job, $state) {
    my $ledger   = $self->app->ledger;
    my $delivery = $ledger->record(delivery => $job->{event}) // {};
    $ledger->save_record(delivery => $job->{event}, { %$delivery, $job->{endpoint} => { state => $state, tries => $job->{tries} } });
    return $ledger->commit;
}

# ---- requests

# What to send: { url, bytes, by (how to sign), headers, timeout }. The code that makes it is called when its turn comes, so
# that the signature is of that moment; it dies if event or endpoint are gone by then.
sub enqueue ($self, $make, $entry, $done) {
    push @{ $self->waiting }, [$make, $entry, $done];
    return $self->go_on;
}

sub go_on ($self) {
    while ($self->under_way < MOST_AT_ONCE and @{ $self->waiting }) {
        my ($make, $entry, $done) = @{ shift @{ $self->waiting } };
        $self->under_way($self->under_way + 1);
        $self->post(eval { $make->() }, sub ($answer) {
            $self->under_way($self->under_way - 1);
            push @{ $entry->{statuses} }, $answer->{status};
            push @{ $entry->{attempts} }, $answer;
            $done->($answer);
            $self->go_on;
        });
    }
    return;
}

my %HEADERS = (
    'User-Agent'   => 'Stripe/1.0 (+https://stripe.com/docs/webhooks)',
    'Content-Type' => 'application/json; charset=utf-8',
    'Accept'       => '*/*; q=0.5, application/xml',
    'Cache-Control' => 'no-cache',
);

sub post ($self, $what, $done) {
    return Mojo::IOLoop->next_tick(sub { $done->({ delivered => 0, status => undef, error => 'given up' }) }) if !$what;
    my $since     = Time::HiRes::time();
    my $signature = signature_header($what->{bytes}, $what->{by});
    my %headers   = (%HEADERS, defined $signature ? ('Stripe-Signature' => $signature) : (), %{ $what->{headers} // {} });
    delete @headers{ grep { !defined $headers{$_} } keys %headers };
    my $agent = $self->agent($what->{timeout});
    $agent->start($agent->build_tx(POST => $what->{url}, \%headers, $what->{bytes}) => sub ($agent, $tx) {
        my $error = $tx->error;
        my $lost  = $error && !$error->{code};    # no whole answer came
        my $body  = $tx->res->body;
        $done->({
            at           => $since,
            status       => $lost ? undef : $tx->res->code,
            error        => $lost ? $error->{message} : undef,
            delivered    => !$error && $tx->res->is_success ? 1 : 0,
            body         => substr(decode('UTF-8', $body) // $body, 0, LOGGED_ANSWER),
            signature    => $signature,
            milliseconds => int(1000 * (Time::HiRes::time() - $since) + 0.5),
        });
    });
    return;
}

# Each request has a connection of its own: one that was kept might be closed by its server just when it is used again.
sub agent ($self, $timeout) {
    return $self->agents->{$timeout} //= Mojo::UserAgent->new(
        max_connections => 0, max_redirects => 0, insecure => 1, request_timeout => $timeout / 1000, connect_timeout => $timeout / 1000,
        inactivity_timeout => 0,
    );
}

sub bring ($self, $job, $by = {}) {
    my $endpoint = $self->endpoints->need($job->{endpoint});
    return $self->request($endpoint, { bytes => $self->body_for($job->{event}, $endpoint) }, $by);
}

sub request ($self, $endpoint, $what, $by) {
    my %by = map { $_ => $endpoint->{$_} } grep { defined $endpoint->{$_} } qw(secret old_secret);
    return { url => $endpoint->{url}, timeout => $endpoint->{timeout}, %$what, by => { %by, %$by } };
}

# The event as it is now, in the endpoint's version.
sub body_for ($self, $id, $endpoint) {
    my $ledger  = $self->app->ledger;
    my $event   = Sandbox::Events::shown($ledger, $ledger->find(event => $id));
    my $version = $endpoint->{api_version};
    my $object  = $event->{data}{object};
    if (defined $version and $version ne $event->{api_version}) {
        $object = $self->app->api->view({ access => 'secret', contract => $self->app->api->{contracts}{$version} }, $object);
        $event->{api_version} = $version;
    }
    return pretty(Sandbox::Events::text_of({ %$event, object => $object, previous_attributes => $event->{data}{previous_attributes} }));
}

# ---- by hand: a promise of { event, answers }

# So many copies at once of what the code makes.
sub send ($self, $entry, $copies, $make) {
    $self->note($entry);
    my @answers = map {
        my $answer = Mojo::Promise->new;
        $self->enqueue($make, $entry, sub ($given) { $answer->resolve($given) });
        $answer;
    } 1 .. $copies;
    return Mojo::Promise->all(@answers)->then(sub (@given) {
        my @all = map { $_->[0] } @given;
        $entry->{tries} = @all;
        $entry->{state} = (grep { $_->{delivered} } @all) ? 'delivered' : 'failed';
        return { event => $entry->{event}, answers => \@all };
    });
}

# An event that there is, signed as asked; one that arrives counts as delivered.
sub resend ($self, $id, $endpoint, $copies, $by) {
    my $event = $self->app->ledger->find(event => $id) // die "no event has the id $id\n";
    my %job   = (event => $id, endpoint => $endpoint->{id}, type => $event->{type}, object => $event->{data}{object}{id});
    my %entry = (%job, url => $endpoint->{url}, by => 'resend', state => 'pending');
    return $self->send(\%entry, $copies, sub { $self->bring(\%job, $by) })->then(sub ($sent) {
        my $job = $self->jobs->{"$id $job{endpoint}"} // { %job, tries => $copies, entry => {} };
        $self->close($job, 'delivered') if $self->endpoints->find($job{endpoint}) and grep { $_->{delivered} } @{ $sent->{answers} };
        return $sent;
    });
}

# ---- what is there

sub counts ($self) {
    my %count = (pending => 0, delivered => 0, failed => 0);
    $count{ $_->{state} }++ for @{ $self->log };
    return { %count, held => $self->faults->held_number };
}

# Forgets all deliveries under way. The endpoints stay.
sub reset ($self) {
    $self->forget_log;
    $self->jobs({});
    $self->faults->forget;
    my $endpoints = $self->endpoints->all;
    $self->app->ledger->reset;
    $self->app->ledger->save_record(endpoint => $_->{id}, $_) for @$endpoints;
    $self->app->ledger->commit;
    return;
}

sub forget_log ($self) { return $self->log([]) }

sub remove_endpoint ($self, $id) {
    $self->endpoints->need($id);
    my $jobs = $self->jobs;
    for my $job (map { delete $jobs->{$_} } grep { $jobs->{$_}{endpoint} eq $id } keys %$jobs) {
        $job->{entry}{state} = 'failed';
    }
    $self->endpoints->remove($id);
    return;
}

1;
