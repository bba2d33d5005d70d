# For the sandbox's own tests: requests as a shop makes them, and a server in a process of its own.
# SPDX-License-Identifier: Apache-2.0
package Sandbox::Tester;
use Mojo::Base -base, -signatures;
use Carp qw(croak);
use IO::Socket::IP;
use Mojo::File qw(curfile);
use Mojo::JSON qw(decode_json encode_json);
use Mojo::UserAgent;
use Time::HiRes qw(sleep time);

has ua     => sub { Mojo::UserAgent->new(max_redirects => 0, inactivity_timeout => 20) };
has base   => '';
has key    => 'sk_test_sandbox';
has answer => undef;

# The parsed body of the answer; the answer itself is in `answer`.
sub call ($self, $method, $path, $params = {}, $headers = {}) {
    my %headers = (Authorization => 'Bearer ' . $self->key, %$headers);
    delete @headers{ grep { !defined $headers{$_} } keys %headers };
    my @body = $method eq 'GET' ? () : (form => $params);
    my $url  = Mojo::URL->new($self->base . $path);
    $url->query($params) if $method eq 'GET';
    my $tx = $self->ua->start($self->ua->build_tx($method => $url => \%headers => @body));
    $self->answer($tx->res);
    return { lost => $tx->error->{message} } if $tx->error and !$tx->error->{code};
    return $tx->res->json // {};
}

sub post ($self, @given) { return $self->call(POST => @given) }
sub get  ($self, @given) { return $self->call(GET  => @given) }
sub code ($self)         { return $self->answer->code }

sub control ($self, $method, $path, $data = undef) {
    my $tx = $self->ua->start($self->ua->build_tx($method => $self->base . "/_sandbox/$path" => defined $data ? (json => $data) : ()));
    return $tx->res->json // croak "no answer to $method /_sandbox/$path";
}

sub fault ($self, %fault) { return $self->control(POST => 'faults', \%fault)->{id} }

# A new PaymentIntent over 23 dollars.
sub payment ($self, %more) { return $self->post('/v1/payment_intents', { amount => 2300, currency => 'usd', %more }) }

# ---- a server of its own

use constant { TRIES => 200, PAUSE => 0.05 };

sub start ($class, @options) {
    my $probe = IO::Socket::IP->new(LocalHost => '127.0.0.1', LocalPort => 0, Listen => 1) or croak "no port: $!";
    my $port  = $probe->sockport;
    close $probe;
    my $script = curfile->dirname->dirname->dirname->child('sandbox.pl');
    my $pid    = fork // croak "cannot fork: $!";
    if (!$pid) {
        exec $^X, "$script", '--port', $port, '--quiet', @options;
    }
    my $self = $class->new(base => "http://127.0.0.1:$port");
    @$self{qw(pid port)} = ($pid, $port);
    for (1 .. TRIES) {
        return $self if eval { $self->ua->get("$self->{base}/_sandbox/health")->result->is_success };
        sleep PAUSE;
    }
    croak 'the sandbox did not start';
}

sub stop ($self, $signal = 'TERM') {
    my $pid = delete $self->{pid} or return;
    kill $signal, $pid;
    waitpid $pid, 0;
    return $?;
}

# True as soon as the code says so, false if it does not within ten seconds.
sub until_true ($code) {
    for (1 .. TRIES) {
        return 1 if $code->();
        sleep PAUSE;
    }
    return 0;
}

sub DESTROY ($self) {
    local $?;    # the test's own exit code
    $self->stop('KILL');
    return;
}

1;
