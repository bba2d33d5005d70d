# The Stripe sandbox, as the tests drive it: its REST and its control API (t/sandbox/README.md).
# SPDX-License-Identifier: Apache-2.0
package Bookshop::Test::Sandbox;
use strict;
use warnings;
use Bookshop::Test::Process;
use Bookshop::Test::Wait qw(poll);
use File::Basename qw(dirname);
use File::Spec;
use Mojo::Util ();
use Mojo::UserAgent;

use constant { START_LIMIT => 20, KEY => 'sk_test_sandbox' };

my $PROGRAM = File::Spec->rel2abs(dirname(__FILE__) . '/../../../sandbox/sandbox.pl');

# One that runs already.
sub at {
    my ($class, $port) = @_;
    return bless { port => $port, ua => Mojo::UserAgent->new(request_timeout => 60, inactivity_timeout => 60) }, $class;
}

# folder => where its state and its words go, port => (free one)
sub start {
    my ($class, %given) = @_;
    my $self = $class->at($given{port} // Bookshop::Test::Process::free_port());
    $self->{folder} = $given{folder};
    return $self->start_again;
}

# On the same port, with what the ledger held.
sub start_again {
    my ($self) = @_;
    $self->{process} = Bookshop::Test::Process->start(
        command => [$^X, $PROGRAM, '--port', $self->{port}, '--state', "$self->{folder}/sandbox.json", '--quiet'],
        output  => "$self->{folder}/sandbox.log",
    );
    poll('the sandbox answers', START_LIMIT, sub {
        defined $self->{process}->ended and die "the sandbox ended: " . $self->{process}->words;
        $self->{ua}->get($self->url("/_sandbox/health"))->res->is_success;
    });
    return $self;
}

sub stop {
    my ($self) = @_;
    $self->{process}->stop;
    return $self;
}

sub port { return $_[0]{port} }
sub url { return "http://127.0.0.1:$_[0]{port}$_[1]" }

sub call {
    my ($self, $method, $path, @body) = @_;
    my $answer = $self->{ua}->start($self->{ua}->build_tx($method => $self->url($path) => @body))->result;
    die "sandbox: $method $path: " . $answer->code . ' ' . $answer->body . "\n" if !$answer->is_success;
    return $answer->json;
}

# Stripe's own API, with the secret key.
sub api {
    my ($self, $method, $path, $form) = @_;
    return $self->call($method, $path, { Authorization => 'Bearer ' . KEY }, $form ? (form => $form) : ());
}

sub intent { return $_[0]->call(GET => "/_sandbox/objects/$_[1]") }

# All PaymentIntents, oldest first.
sub intents { return @{ $_[0]->call(GET => '/_sandbox/ledger?kind=payment_intent')->{payment_intent} } }

# How many there are by status: { requires_payment_method => 1, ... }
sub statuses {
    my ($self, @intents) = @_;
    my %number;
    $number{ $_->{status} }++ for @intents ? @intents : $self->intents;
    return \%number;
}

# The buyer confirms with a test card, by the second half of its name: visa, chargeDeclined, authenticationRequired, ...
sub pay { return $_[0]->call(POST => "/_sandbox/payment_intents/$_[1]/pay", json => { card => $_[2] // 'visa' }) }
sub authenticate { return $_[0]->call(POST => "/_sandbox/payment_intents/$_[1]/authenticate", json => { result => $_[2] }) }
sub succeed { return $_[0]->call(POST => "/_sandbox/payment_intents/$_[1]/succeed") }
sub fail { return $_[0]->call(POST => "/_sandbox/payment_intents/$_[1]/fail") }

# Changes the ledger itself: set => { amount => 1 }, unset => ['x']
sub change { my ($self, $id, %change) = @_; return $self->call(POST => "/_sandbox/objects/$id", json => \%change) }

# kind => 'delay', times => 1 (0: always), match => { method, path, body }, ...
sub fault { my ($self, %fault) = @_; return $self->call(POST => '/_sandbox/faults', json => \%fault) }
sub clear_faults { return $_[0]->call(DELETE => '/_sandbox/faults') }
sub release { return $_[0]->call(POST => '/_sandbox/release')->{released} }
sub held { my %held = %{ $_[0]->call(GET => '/_sandbox/faults')->{held} }; my $sum = 0; $sum += $_ for values %held; return $sum }

# The shop's requests since forget_requests, by method and a regular expression for the path.
sub requests {
    my ($self, %want) = @_;
    my $query = join '&', map { "$_=" . Mojo::Util::url_escape($want{$_}) } sort keys %want;
    return @{ $self->call(GET => "/_sandbox/requests?$query")->{requests} };
}
sub forget_requests { return $_[0]->call(DELETE => '/_sandbox/requests') }

1;
