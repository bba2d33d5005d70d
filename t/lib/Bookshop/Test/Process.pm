# Servers that a test starts: each in a session of its own, and all gone when the test ends, however it ends.
# SPDX-License-Identifier: Apache-2.0
package Bookshop::Test::Process;
use strict;
use warnings;
use Bookshop::Test::Wait qw(comes_true);
use IO::Socket::IP;
use POSIX qw(WNOHANG _exit setsid);

use constant { STOP_LIMIT => 30, KILL_LIMIT => 5 };

my %running;   # pid -> process
my $owner = $$;

$SIG{$_} = sub { exit 1 } for qw(INT TERM HUP);

# A port that nobody listens on, at either loopback address.
sub free_port {
    for (1 .. 100) {
        my $four = IO::Socket::IP->new(LocalHost => '127.0.0.1', LocalPort => 0, Listen => 1) or next;
        my $port = $four->sockport;
        my $six = IO::Socket::IP->new(LocalHost => '::1', LocalPort => $port, Listen => 1);
        return $port if $six or !has_ipv6();
    }
    die "no free port\n";
}

my $has_ipv6;
sub has_ipv6 { return $has_ipv6 //= IO::Socket::IP->new(LocalHost => '::1', LocalPort => 0, Listen => 1) ? 1 : 0 }

# command => [...], output => FILE (for both kinds), env => {...}
sub start {
    my ($class, %given) = @_;
    my $pid = fork // die "fork: $!\n";
    if (!$pid) {
        setsid();
        $SIG{$_} = 'DEFAULT' for qw(INT TERM HUP);
        open STDIN, '<', '/dev/null' or _exit(127);
        open STDOUT, '>>', $given{output} or _exit(127);
        open STDERR, '>&', \*STDOUT or _exit(127);
        @ENV{ keys %{ $given{env} // {} } } = values %{ $given{env} // {} };
        # Should this test be killed outright, the kernel stops its servers.
        { no warnings 'exec'; exec 'setpriv', '--pdeathsig', 'TERM', @{ $given{command} } }
        print STDERR "can't run $given{command}[0]: $!\n";
        _exit(127);
    }
    return $running{$pid} = bless { %given, pid => $pid }, $class;
}

sub pid { return $_[0]{pid} }

# Its exit status once it has ended; undef while it runs.
sub ended {
    my ($self) = @_;
    if (!defined $self->{status} && waitpid($self->{pid}, WNOHANG) == $self->{pid}) {
        $self->{status} = $?;
    }
    return $self->{status};
}

sub words {
    my ($self) = @_;
    open my $file, '<', $self->{output} or return '';
    local $/;
    return scalar <$file> // '';
}

sub group_is_gone { return !kill 0, -$_[0]{pid} }

sub stop {
    my ($self, $signal) = @_;
    delete $running{ $self->{pid} } or return;
    kill $signal // 'TERM', $self->{pid};
    my $gone = sub { $self->ended; $self->group_is_gone };
    if (!comes_true(STOP_LIMIT, $gone)) {
        kill 'KILL', -$self->{pid};
        comes_true(KILL_LIMIT, $gone);
        warn "$self->{command}[0] had to be killed\n";
    }
    return $self->{status};
}

END {
    if ($$ == $owner) {
        local $?;
        $_->stop for values %running;
    }
}

1;
