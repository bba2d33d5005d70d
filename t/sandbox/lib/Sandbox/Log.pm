# What was asked of the API: a log of requests and counts by route, for tests that say "Stripe was not called".
# SPDX-License-Identifier: Apache-2.0
package Sandbox::Log;
use strict;
use warnings;
use Time::HiRes ();

use constant KEPT => 20_000;

sub new { return bless { entries => [], counts => {}, number => 0 }, $_[0] }

sub clear {
    my ($self) = @_;
    @$self{qw(entries counts)} = ([], {});
    return;
}

sub open {
    my ($self, $call) = @_;
    my $request = $call->{request};
    my $route   = $call->{route} ? $call->{route}{name} : "$request->{method} (unknown)";
    my %entry   = (
        number          => ++$self->{number},
        time            => Time::HiRes::time(),
        method          => $request->{method},
        path            => $request->{path},
        route           => $route,
        query           => $request->{query},
        body            => without_cards($request->{body}),
        idempotency_key => $request->{idempotency_key},
        stripe_version  => $request->{version},
        access          => $call->{access},
        request_id      => $call->{id},
        replayed        => $call->{replayed} ? 1 : 0,
        status          => undef,
    );
    $self->{counts}{$route}++;
    push @{ $self->{entries} }, $call->{entry} = \%entry;
    shift @{ $self->{entries} } if @{ $self->{entries} } > KEPT;
    return;
}

# Called with the answer; a dropped connection is noted by the fault.
sub close {
    my ($self, $call, $answer) = @_;
    my $entry = $call->{entry};
    $entry->{status} = $answer->{status} if $answer;
    $entry->{milliseconds} = int(1000 * (Time::HiRes::time() - $entry->{time}) + 0.5);
    return;
}

sub without_cards {
    my ($body) = @_;
    return $body =~ s{((?:number|cvc)(?:%5D|\])=)([^&]*)}{"$1(hidden)"}egir;
}

sub entries { return $_[0]{entries} }
sub counts  { return $_[0]{counts} }

1;
