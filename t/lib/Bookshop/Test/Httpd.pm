# An httpd of a test's own: its configuration written, started until it answers, restarted, stopped.
# SPDX-License-Identifier: Apache-2.0
package Bookshop::Test::Httpd;
use strict;
use warnings;
use Bookshop::Test::Conf;
use Bookshop::Test::Process;
use Bookshop::Test::Wait qw(poll comes_true);
use File::Path qw(make_path);
use IO::Socket::IP;

use constant { START_LIMIT => 60, RESTART_LIMIT => 60 };

# name => (of its folder below the test's servers), shops => [{...}], and what Bookshop::Test::Conf takes
sub prepare {
    my ($class, %given) = @_;
    my $folder = Bookshop::Test::Conf::servers_folder() . "/$given{name}";
    make_path("$folder/run", "$folder/logs");
    my @shops = map { { port => Bookshop::Test::Process::free_port(), %$_ } } @{ $given{shops} };
    my $self = bless { %given, folder => $folder, shops => \@shops }, $class;
    $self->write_conf;
    return $self;
}

sub start {
    my ($class, %given) = @_;
    my $self = ref $class ? $class : $class->prepare(%given);
    $self->{process} = Bookshop::Test::Process->start(
        command => [Bookshop::Test::Conf::httpd(), '-DFOREGROUND', '-f', "$self->{folder}/httpd.conf"],
        output  => "$self->{folder}/logs/output",
        env     => { Bookshop::Test::Conf::secrets(), %{ $self->{env} // {} } },
    );
    poll("httpd $self->{name} answers", START_LIMIT, sub {
        defined $self->{process}->ended and die "httpd $self->{name} ended: " . $self->{process}->words . $self->error_log;
        my $socket = IO::Socket::IP->new(PeerHost => '127.0.0.1', PeerPort => $self->port) or return;
        print $socket "GET $self->{shops}[-1]{prefix}/ HTTP/1.0\r\n\r\n";
        return (<$socket> // '') =~ m{^HTTP/1\.[01] [1-5]};
    });
    return $self;
}

sub write_conf {
    my ($self) = @_;
    for my $shop (@{ $self->{shops} }) {
        $shop->{prefix} //= '';
        $shop->{base} = "http://127.0.0.1:$shop->{port}$shop->{prefix}";
    }
    open my $file, '>', "$self->{folder}/httpd.conf" or die "$self->{folder}/httpd.conf: $!\n";
    print {$file} Bookshop::Test::Conf::server(%$self);
    close $file or die "$self->{folder}/httpd.conf: $!\n";
    return $self;
}

# What `apache2 -t` says of the configuration, and its exit status.
sub check {
    my ($self) = @_;
    my %secrets = (Bookshop::Test::Conf::secrets(), %{ $self->{env} // {} });
    local @ENV{ keys %secrets } = values %secrets;
    open my $pipe, '-|', 'sh', '-c', 'exec "$0" "$@" 2>&1', Bookshop::Test::Conf::httpd(), '-t', '-f', "$self->{folder}/httpd.conf"
        or die "httpd -t: $!\n";
    my $words = do { local $/; <$pipe> } // '';
    close $pipe;
    return ($? >> 8, join '', grep { !/:trace\d\]/ } split /^/, $words);
}

sub base { return $_[0]{shops}[$_[1] // 0]{base} }
sub port { return $_[0]{shops}[$_[1] // 0]{port} }
sub folder { return $_[0]{folder} }
sub database { return $_[0]{shops}[$_[1] // 0]{database} // "$_[0]{folder}/" . ($_[1] // 0) . '.db' }

sub error_log {
    my ($self) = @_;
    open my $file, '<', "$self->{folder}/logs/error_log" or return '';
    local $/;
    return scalar <$file> // '';
}

# Until the log holds a line like PATTERN written after FROM bytes; true if it did in time.
sub logs {
    my ($self, $pattern, $seconds, $from) = @_;
    return comes_true($seconds // 10, sub { substr($self->error_log, $from // 0) =~ $pattern });
}

# httpd reads its configuration again; done when the new generation says so in the log.
sub graceful {
    my ($self) = @_;
    my $from = length $self->error_log;
    kill 'USR1', $self->{process}->pid or die "httpd $self->{name} is gone\n";
    $self->logs(qr/resuming normal operations/, RESTART_LIMIT, $from) or die "httpd $self->{name} did not restart\n" . substr $self->error_log, $from;
    return $self;
}

sub pid { return $_[0]{process}->pid }
sub ended { return $_[0]{process}->ended }

sub stop {
    my ($self) = @_;
    $self->{process}->stop if $self->{process};
    return $self;
}

1;
