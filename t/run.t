# `make run`: serves a shop, says where, and goes without a trace, however it is asked to.
# SPDX-License-Identifier: Apache-2.0
use strict;
use warnings;
use utf8;
use Bookshop::Test;
use Bookshop::Test::Process;
use File::Path qw(make_path);
use IO::Socket::IP;
use Test::More;
use Time::HiRes qw(time);

my $top    = Bookshop::Test::Conf::top();
my $folder = Bookshop::Test::Conf::servers_folder() . '/run';
my $data   = "$folder/data";
my ($port, $sandbox_port) = (Bookshop::Test::Process::free_port(), Bookshop::Test::Process::free_port());
make_path($folder);
# The last line of the Makefile's recipe, without the build before it.
my $makefile = write_file("$folder/Makefile", "run:\n\t\@exec $top/scripts/run\n");
my $started  = 0;

# `make run`; its output in words_of.
sub start {
    my (%env) = @_;
    $started++;
    return Bookshop::Test::Process->start(
        command => ['make', '--no-print-directory', '-f', $makefile, 'run'],
        output  => "$folder/output.$started",
        env     => { PORT => $port, SANDBOX_PORT => $sandbox_port, DATA => $data, BUILD => Bookshop::Test::Conf::build(), STRIPE_SECRET_KEY => '', %env },
    );
}

sub is_open {
    my ($make) = @_;
    return comes_true(60, sub {
        return if defined $make->ended;
        $make->words =~ /The shop is open.*Ctrl-C/s;
    }) || diag $make->words;
}

# What it said when it would not start, and its status.
sub refusal {
    my (%env) = @_;
    my $make = start(%env);
    comes_true(60, sub { defined $make->ended });
    $make->stop;
    return ($make->ended, $make->words);
}

# Processes whose command or configuration names the data's folder.
sub left_over {
    my @left;
    for my $file (glob '/proc/[0-9]*/cmdline') {
        open my $in, '<', $file or next;
        my $command = do { local $/; <$in> } // '';
        push @left, $command =~ tr/\0/ /r if index($command, $data) >= 0;
    }
    return @left;
}

sub listens { return IO::Socket::IP->new(PeerHost => $_[1] // '127.0.0.1', PeerPort => $_[0], Timeout => 5) ? 1 : 0 }

sub all_gone {
    my ($name) = @_;
    return subtest $name => sub {
        ok comes_true(40, sub { !left_over() }), 'no process is left' or diag join "\n", left_over();
        ok !listens($port), 'nobody listens on the shop\'s port';
        ok !listens($sandbox_port), 'nor on the sandbox\'s';
    };
}

my ($order, $link);
subtest 'a shop' => sub {
    my $make = start();
    ok is_open($make), 'it opens' or return;
    my $words = $make->words;
    like $words, qr{http://localhost:$port/}, 'and says where';
    like $words, qr/4242 4242 4242 4242/, 'and what to pay with';
    like $words, qr/sk_test_sandbox.*pk_test_sandbox.*whsec_sandbox/, 'with which keys';
    like $words, qr{servers/run/data/sandbox}, 'and where its state is';
    my $visitor = visitor("http://localhost:$port");
    is $visitor->get('/')->code, 200, 'it answers when it says so';
    is visitor("http://[::1]:$port")->get('/')->code, 200, 'at ::1 too' if Bookshop::Test::Process::has_ipv6();
    my $form = $visitor->open_checkout(1);
    is $visitor->place($form)->code, 200, 'the form';
    my $stripe = Bookshop::Test::Sandbox->at($sandbox_port);
    $stripe->pay($form->{payment_intent});
    is $visitor->get("/success?pi=$form->{payment_intent}")->dom->at('.outcome')->attr('data-state'), 'paid', 'a purchase';
    ($order, $link) = ($form->{payment_intent}, $form->{return_url});

    my ($other) = grep { $_ ne '127.0.0.1' } map {/inet (?:addr:)?([0-9.]+)/} qx(ip -4 addr 2>/dev/null);
    ok !listens($port, $other), 'it does not listen to the world' if $other;

    my ($status, $said) = refusal(SANDBOX_PORT => Bookshop::Test::Process::free_port());
    isnt $status, 0, 'a second one on the same port does not start';
    like $said, qr/Port $port\b.*in use.*\bPORT=\d+/s, 'and says what to do';
    ($status, $said) = refusal(PORT => Bookshop::Test::Process::free_port());
    isnt $status, 0, 'nor one beside the same sandbox';
    like $said, qr/Port $sandbox_port\b.*in use.*\bSANDBOX_PORT=\d+/s, 'and says that';
    ($status, $said) = refusal(PORT => Bookshop::Test::Process::free_port(), SANDBOX_PORT => Bookshop::Test::Process::free_port());
    isnt $status, 0, 'nor one on the same data';
    like $said, qr/\bDATA=/, 'and says how';

    kill 'WINCH', -$make->pid;
    is $visitor->get('/')->code, 200, 'a resized terminal changes nothing';

    my $from = time;
    $make->stop('TERM');
    cmp_ok time - $from, '<', 30, 'SIGTERM to make stops it';
    all_gone('after SIGTERM to make');
};

subtest 'the next day' => sub {
    my $make = start();
    ok is_open($make), 'it opens again' or return;
    my ($key) = ($link // '') =~ /key=(\w+)/;
    is visitor("http://localhost:$port")->get("/success?pi=$order&key=$key")->code, 200, 'and knows the order';
    is(Bookshop::Test::Sandbox->at($sandbox_port)->intent($order)->{status}, 'succeeded', 'as the sandbox does');
    kill 'INT', -$make->pid;
    comes_true(40, sub { defined $make->ended });
    $make->stop;
    all_gone('after Ctrl-C');
};

for my $signal (qw(HUP KILL)) {
    subtest "SIG$signal to make" => sub {
        my $make = start();
        ok is_open($make), 'it opens' or return;
        kill $signal, $signal eq 'HUP' ? -$make->pid : $make->pid;
        all_gone("after SIG$signal");
        $make->stop;
    };
}

subtest 'what can\'t be' => sub {
    for my $case ([PORT => 'eighty'], [PORT => 0], [PORT => 65536], [PORT => '80 80'], [SANDBOX_PORT => '-1']) {
        my ($status, $said) = refusal(@$case);
        isnt $status, 0, "$case->[0]=$case->[1]";
        like $said, qr/$case->[0].*number from 1 to 65535/, 'is told so';
    }
    my ($status, $said) = refusal(SANDBOX_PORT => $port);
    like $said, qr/PORT and SANDBOX_PORT/, 'one port for both';
    write_file("$folder/file", '');
    ($status, $said) = refusal(DATA => "$folder/file/data");
    isnt $status, 0, 'a folder that can\'t be';
    like $said, qr{\Q$folder\E/file/data.*DATA=}s, 'is named, with what to do';
    ($status, $said) = refusal(STRIPE_SECRET_KEY => 'nonsense');
    isnt $status, 0, 'a key that is none';
    like $said, qr/BookshopStripeSecretKey/, 'is told in httpd\'s words';
    all_gone('afterwards');
};

subtest 'with a key, there is no sandbox' => sub {
    my $make = start(STRIPE_SECRET_KEY => 'sk_test_notreal', DATA => "$data.real");
    ok is_open($make), 'it opens' or return;
    like $make->words, qr/api\.stripe\.com/, 'and says that it talks to Stripe';
    ok !listens($sandbox_port), 'no sandbox';
    ok -d "$data.real/stripe", 'its state is kept apart';
    is visitor("http://localhost:$port")->get('/')->code, 200, 'the shelf is there';
    $make->stop;
    all_gone('afterwards');
};

done_testing;
