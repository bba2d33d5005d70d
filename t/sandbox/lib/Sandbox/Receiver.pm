# For the sandbox's own tests: a shop's webhook endpoint, which notes what comes and answers as it is told.
# SPDX-License-Identifier: Apache-2.0
package Sandbox::Receiver;
use Mojo::Base -base, -signatures;
use Mojo::IOLoop;
use Mojo::JSON qw(decode_json);
use Mojo::Server::Daemon;

use constant PATIENCE => 20;

has got    => sub { [] };                 # { event, body, headers, path }
has answer => sub { sub ($got) {200} };   # a status, [status, headers, body], or undef for silence
has pause  => 0;                          # seconds until it answers
has [qw(daemon port)];
has open => 0;
has most => 0;                            # how many were waiting for an answer at once

sub start ($class, $port = undef) {
    my $self   = $class->new;
    my $daemon = Mojo::Server::Daemon->new(listen => ['http://127.0.0.1' . (defined $port ? ":$port" : '')], silent => 1, max_clients => 1000);
    $daemon->unsubscribe('request')->on(request => sub ($daemon, $tx) { $self->take($tx) });
    $daemon->start;
    return $self->daemon($daemon)->port($daemon->ports->[0]);
}

sub url ($self, $path = '/checkout/wh/') { return 'http://127.0.0.1:' . $self->port . $path }

sub take ($self, $tx) {
    my $request = $tx->req;
    my $got = { body => $request->body, headers => $request->headers->clone, path => $request->url->path->to_string,
        event => scalar eval { decode_json($request->body) } };
    push @{ $self->got }, $got;
    my $answer = $self->answer->($got);
    return if !defined $answer;
    my ($status, $headers, $body) = ref $answer ? @$answer : ($answer, {}, "answer $answer");
    $self->open($self->open + 1);
    $self->most($self->open) if $self->open > $self->most;
    Mojo::IOLoop->timer($self->pause => sub {
        $self->open($self->open - 1);
        $tx->res->code($status);
        $tx->res->headers->header($_ => $headers->{$_}) for keys %$headers;
        $tx->res->body($body);
        $tx->resume;
    });
    return;
}

sub clear ($self) {
    return $self->got([])->most(0);
}

sub types ($self) { return [map { $_->{event}{type} } @{ $self->got }] }

# Serves until the code says so; false if it does not within the patience.
sub until_true ($self, $code) {
    my $over  = 0;
    my $limit = Mojo::IOLoop->timer(PATIENCE, sub { $over = 1 });
    my $tick  = Mojo::IOLoop->recurring(0.02 => sub { });
    my $true  = 0;
    Mojo::IOLoop->one_tick until $true = $code->() or $over;
    Mojo::IOLoop->remove($_) for $limit, $tick;
    return $true ? 1 : 0;
}

# Serves until so many have come.
sub wait_for ($self, $number) {
    return $self->until_true(sub { @{ $self->got } >= $number });
}

1;
