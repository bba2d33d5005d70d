# The application: leads a request to the API (with the faults that a test ordered), the control API, or the browser's pages.
# SPDX-License-Identifier: Apache-2.0
package Sandbox::App;
use Mojo::Base 'Mojolicious', -signatures;
use Mojo::File qw(path curfile);
use Sandbox::Api;
use Sandbox::Control;
use Sandbox::Faults;
use Sandbox::Ledger;
use Sandbox::Log;
use Sandbox::Pages;
use Sandbox::Webhooks;

my $HOME = curfile->dirname->dirname->dirname;

has settings => sub { {} };
has ledger   => sub ($self) { Sandbox::Ledger->new(state => $self->settings->{state}) };
has requests => sub { Sandbox::Log->new };
has faults   => sub { Sandbox::Faults->new };
has webhooks => sub ($self) { Sandbox::Webhooks->new(app => $self, retry => $self->settings->{webhook_retry} // Sandbox::Webhooks::RETRY) };
has pages    => sub { Sandbox::Pages->new(folder => $HOME->child('public')) };
has api      => sub ($self) {
    return Sandbox::Api->new(
        ledger          => $self->ledger,
        contract        => $HOME->child('contract'),
        secret_key      => $self->settings->{secret_key}      // 'sk_test_sandbox',
        publishable_key => $self->settings->{publishable_key} // 'pk_test_sandbox',
    );
};
has control => sub ($self) { Sandbox::Control->new(app => $self) };
has loops   => sub { [] };

sub startup ($self) {
    $self->log->level('fatal');
    $self->hook(before_server => sub ($server, $app) { push @{ $app->loops }, $server->ioloop if $server->can('ioloop') });
    $self->api;
    $self->webhooks->open(@{ $self->settings }{qw(webhook_url webhook_secret)});
    return;
}

# Mojolicious' routes, sessions and renderer are not needed, and take the better part of a millisecond.
sub handler ($self, $tx) {
    my $path = $tx->req->url->path->to_abs_string;
    return $self->serve_api($tx, $path) if $path =~ m{\A/v1(?:/|\z)};
    my $answer = eval {
        $path =~ m{\A/_sandbox(?:/|\z)} ? $self->control->answer($tx, $path) : $self->pages->answer($self, $tx, $path);
    };
    $answer //= broken($@);
    return reply($tx, $answer) if ref $answer eq 'HASH';
    $answer->catch(sub ($why) { broken($why) })->then(sub ($given) { reply($tx, $given) });
    return;
}

sub broken ($why) { return { status => 500, body => "sandbox: $why", headers => { 'Content-Type' => 'text/plain' } } }

sub reply ($tx, $answer) {
    my $response = $tx->res;
    $response->code($answer->{status});
    my $headers = $response->headers;
    $headers->header($_ => $answer->{headers}{$_}) for keys %{ $answer->{headers} };
    $response->body($answer->{body});
    return $tx->resume;
}

my %PREFLIGHT = (
    'Access-Control-Allow-Origin'  => '*',
    'Access-Control-Allow-Methods' => 'GET, POST, DELETE, OPTIONS',
    'Access-Control-Allow-Headers' => 'Authorization, Content-Type, Idempotency-Key, Stripe-Version',
    'Access-Control-Max-Age'       => 300,
);

sub serve_api ($self, $tx, $path) {
    my $from = $tx->req;
    return reply($tx, { status => 204, body => '', headers => \%PREFLIGHT }) if $from->method eq 'OPTIONS';
    my $headers = $from->headers;
    my $call    = $self->api->begin({
        method          => $from->method,
        path            => $path,
        query           => $from->url->query->to_string,
        body            => $from->body,
        content_type    => $headers->content_type,
        authorization   => $headers->authorization,
        version         => scalar $headers->header('Stripe-Version'),
        idempotency_key => scalar $headers->header('Idempotency-Key'),
        origin          => origin_of($tx),
    });
    $self->requests->open($call);
    my $fault = $self->faults->take($call);
    return $self->faults->serve($self, $tx, $call, $fault) if $fault;
    return reply($tx, $self->finish($call));
}

# Does the call, notes its answer, and gives its idempotency key back.
sub finish ($self, $call) {
    my $answer = $self->api->run($call);
    $self->api->end($call);
    $self->requests->close($call, $answer);
    return $answer;
}

sub origin_of ($tx) { return 'http://' . ($tx->req->headers->host // 'localhost') }

# The raw connection below a transaction: for answers that are cut off, and for none at all.
sub stream_of ($self, $tx) {
    my ($stream) = grep { defined } map { $_->stream($tx->connection) } Mojo::IOLoop->singleton, @{ $self->loops };
    return $stream;
}

1;
