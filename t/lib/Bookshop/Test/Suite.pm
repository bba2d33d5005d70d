# The suite: Apache::Test's run (configure, start, stop) around one harness for all that speaks TAP here.
# SPDX-License-Identifier: Apache-2.0
package Bookshop::Test::Suite;
use strict;
use warnings;
use parent qw(Apache::TestRun);
use Apache::TestConfig ();
use Bookshop::Test::Conf;
use Bookshop::Test::Process;
use Bookshop::Test::Sandbox;
use File::Path qw(make_path);
use List::Util qw(sum0);
use TAP::Harness;

use constant TEST_LIMIT => 300;   # seconds for one program

# Writes the server's configuration for Apache::Test to fill in, starts the sandbox, and says so in the environment.
sub prepare {
    my ($class) = @_;
    my $work = Bookshop::Test::Conf::work();
    my $main = "$work/servers/main";
    make_path("$main/conf", "$main/logs", "$main/run", "$main/htdocs");

    my $sandbox = Bookshop::Test::Sandbox->start(folder => $main);
    my $shop    = Bookshop::Test::Process::free_port();
    my $port    = Bookshop::Test::Process::free_port();
    @ENV{qw(BOOKSHOP_TEST_SHOP_PORT BOOKSHOP_TEST_SANDBOX_PORT)} = ($shop, $sandbox->port);
    my %secrets = Bookshop::Test::Conf::secrets();
    @ENV{ keys %secrets } = values %secrets;

    # Apache::Test takes its modules from the first file and makes httpd.conf of the second, in which it would rewrite each
    # virtual host; so the second only leads to the third, which listens on loopback alone.
    write_file("$main/conf/modules.conf", Bookshop::Test::Conf::load_modules());
    write_file("$main/conf/httpd.conf.in", "Include \"$main/conf/server.conf\"\n");
    write_file("$main/conf/server.conf", Bookshop::Test::Conf::server(
        folder  => $main,
        modules => undef,
        listen  => [$port],
        shops   => [{ port => $shop, base => "http://127.0.0.1:$shop", sandbox => $sandbox }],
    ));
    my @options = (
        serverroot => $main, documentroot => "$main/htdocs", port => $port, servername => '127.0.0.1',
        t_conf => "$main/conf", t_logs => "$main/logs", t_state => "$main/run", t_pid_file => "$main/run/httpd.pid",
        httpd => Bookshop::Test::Conf::httpd(), httpd_conf => "$main/conf/modules.conf",
        top_dir => Bookshop::Test::Conf::top(), t_dir => Bookshop::Test::Conf::top() . '/t',
    );
    my @arguments;
    while (my ($name, $value) = splice @options, 0, 2) {
        push @arguments, "-$name", $value;
    }
    return ($sandbox, @arguments);
}

sub write_file {
    my ($path, $text) = @_;
    open my $file, '>', $path or die "$path: $!\n";
    print {$file} $text;
    close $file or die "$path: $!\n";
    return;
}

# Which programs are tests, as [command, name]. Without names: all there are, the logs' examination
# last. A name is the beginning of what is meant, or else a part of it.
sub programs {
    my ($class, @names) = @_;
    my $top   = Bookshop::Test::Conf::top();
    my $build = Bookshop::Test::Conf::build();
    my $work  = Bookshop::Test::Conf::work();
    my @all   = (
        (map { [[$_], 'unit/' . (m{([^/]+)\z})[0]] } glob "$build/unit/*_test"),
        [["$top/t/mustache/run-spec", '--render', "$build/render"], 't/mustache'],
        (map { [[$^X, "-I$top/t/sandbox/lib", $_], $_ =~ s{^\Q$top\E/}{}r] } glob "$top/t/sandbox/t/*.t"),
        (map { [[$^X, "-I$top/t/lib", $_], $_ =~ s{^\Q$top\E/}{}r] } grep { !m{/(?:zz_logs|root)\.t\z} } glob "$top/t/*.t"),
        (-e "$work/root.tap" ? [['cat', "$work/root.tap"], 't/root.t'] : ()),
        (map { [['node', $_], $_ =~ s{^\Q$top\E/}{}r] } glob "$top/t/browser/*.test.mjs"),
        [[$^X, "-I$top/t/lib", "$top/t/zz_logs.t"], 't/zz_logs.t'],
    );
    return @all if !@names;
    my %chosen;
    for my $name (@names) {
        my @found = grep { index($_->[1], $name) == 0 } @all;
        @found = grep { index($_->[1], $name) > 0 } @all if !@found;
        die "No test is called $name. There are:\n" . join('', map {"  $_->[1]\n"} @all) if !@found;
        $chosen{ $_->[1] } = 1 for @found;
    }
    return grep { $chosen{ $_->[1] } } @all;
}

# What Apache::Test and httpd say while one waits for the other goes to a file, and is shown if it comes to nothing.
my %aside;

sub aside {
    my ($code) = @_;
    my $path = Bookshop::Test::Conf::servers_folder() . '/main/logs/apache_test';
    open my $out, '>&', \*STDOUT or die "stdout: $!\n";
    open my $err, '>&', \*STDERR or die "stderr: $!\n";
    %aside = (out => $out, err => $err, path => $path, pid => $$);
    open STDOUT, '>>', $path or die "$path: $!\n";
    open STDERR, '>&', \*STDOUT or die "stderr: $!\n";
    $code->();
    return back();
}

sub back {
    open STDOUT, '>&', $aside{out} or return;
    open STDERR, '>&', $aside{err} or return;
    my $path = $aside{path};
    %aside = ();
    return $path;
}

END {
    local $?;
    if (%aside && $aside{pid} == $$) {
        my $path = back();
        open my $said, '<', $path;
        print STDERR grep { !/:trace\d\]/ } <$said>;
    }
}

sub configure { my ($self) = @_; aside(sub { $self->SUPER::configure }); return }
sub start { my ($self) = @_; aside(sub { $self->SUPER::start }); return }
sub stop { my ($self) = @_; aside(sub { $self->SUPER::stop }); return }

# Instead of Apache::TestHarness, which knows Perl alone.
sub run_tests {
    my ($self) = @_;
    my %command  = map { $_->[1] => $_->[0] } @{ $self->{programs} };
    my $factor   = $ENV{BOOKSHOP_TEST_SLOWNESS} // 1;
    my $harness  = TAP::Harness->new({
        exec      => sub { return ['timeout', '--foreground', '-k', 20, TEST_LIMIT * $factor, @{ $command{ $_[1] } }] },
        verbosity => $self->{opts}{verbose} || $ENV{BOOKSHOP_TEST_VERBOSE} ? 1 : 0,
        timer     => 1,
        errors    => 1,
    });
    local $SIG{CHLD} = 'DEFAULT';
    my $results = $harness->runtests(map { [$_->[1], $_->[1]] } @{ $self->{programs} });
    my $broken  = grep { my $parser = $_; !$parser->failed && ($parser->parse_errors || $parser->exit || $parser->wait) } $results->parsers;
    $self->{passed} = $results->passed;
    $self->{failed} = $results->failed + $broken;
    return;
}

1;
