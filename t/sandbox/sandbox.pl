#!/usr/bin/perl
# Starts the Stripe sandbox: perl t/sandbox/sandbox.pl --port 12111 [--state FILE] [--seed-key KEY] [--publishable-key KEY]
#     [--webhook-url URL] [--webhook-secret SECRET] [--webhook-retry MS] [--quiet]
# SPDX-License-Identifier: Apache-2.0
use strict;
use warnings;
use FindBin;
use lib "$FindBin::RealBin/lib";
use Getopt::Long qw(GetOptions);
use POSIX ();

my %USAGE_EXIT = (usage => 64, port_taken => 75, state => 74, library => 69);

my %given = ('seed-key' => 'sk_test_sandbox', 'publishable-key' => 'pk_test_sandbox', port => 12111);
GetOptions(\%given, 'port=i', 'state=s', 'seed-key=s', 'publishable-key=s', 'webhook-url=s', 'webhook-secret=s', 'webhook-retry=i', 'quiet')
    && !@ARGV && $given{port} > 0 && $given{port} < 65536 && ($given{'webhook-retry'} // 0) >= 0
    or stop(usage => 'usage: sandbox.pl [--port 12111] [--state FILE] [--seed-key KEY] [--publishable-key KEY] '
        . '[--webhook-url URL] [--webhook-secret SECRET] [--webhook-retry MS] [--quiet]');

eval { require Mojo::Server::Daemon; require Sandbox::App; 1 }
    or stop(library => $@ =~ /Mojo/ ? "Mojolicious is missing: apt-get install libmojolicious-perl\n$@" : $@);

if (defined $given{'webhook-url'}) {
    eval { Sandbox::Endpoints::check_url($given{'webhook-url'}) } or stop(usage => $@);
}

# a client that goes away must not take the sandbox with it
$SIG{PIPE} = 'IGNORE';

my $app = eval {
    my $made = Sandbox::App->new(settings => {
        state => $given{state}, secret_key => $given{'seed-key'}, publishable_key => $given{'publishable-key'},
        webhook_url => $given{'webhook-url'}, webhook_secret => $given{'webhook-secret'}, webhook_retry => $given{'webhook-retry'},
    });
    $made->ledger;
    $made;
} or stop(state => $@);

# browsers resolve localhost to either loopback address
my @addresses = ('127.0.0.1', has_ipv6_loopback() ? '[::1]' : ());
my $daemon    = Mojo::Server::Daemon->new(
    app                => $app,
    listen             => [map {"http://$_:$given{port}"} @addresses],
    silent             => 1,
    max_clients        => 10_000,
    max_requests       => 1_000_000,
    keep_alive_timeout => 60,
    inactivity_timeout => 600,
);
eval { $daemon->start; 1 } or stop(port_taken => "cannot listen on port $given{port}: $@");
my @watchers = stop_at(qw(TERM INT HUP));

if (!$given{quiet}) {
    local $| = 1;
    print "sandbox: Stripe's stand-in listens on http://localhost:$given{port}\n";
}
Mojo::IOLoop->start;

# Stops at once: nothing is left to be written. Perl's own handlers would wait for EV's next event.
sub stop_at {
    my (@signals) = @_;
    my $stop = sub { POSIX::_exit(0) };
    $SIG{$_} = $stop for @signals;
    return if !Mojo::IOLoop->singleton->reactor->isa('Mojo::Reactor::EV');
    return map { EV::signal($_, $stop) } @signals;
}

sub has_ipv6_loopback {
    require IO::Socket::IP;
    my $probe = IO::Socket::IP->new(LocalHost => '::1', LocalPort => 0, Listen => 1);
    return defined $probe;
}

sub stop {
    my ($why, $message) = @_;
    print STDERR 'sandbox: ', $message =~ s/ at \S+ line \d+\.?\s*\z//r =~ s/\s*\z/\n/r;
    exit $USAGE_EXIT{$why};
}
