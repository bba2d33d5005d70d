# Twenty graceful restarts while people shop: no request fails, no visitor and no order is lost, nothing grows.
# SPDX-License-Identifier: Apache-2.0
use strict;
use warnings;
use utf8;
use Bookshop::Test;
use IO::Socket::IP;
use POSIX qw(_exit);
use Test::More;

use constant { RESTARTS => 20, SHOPPERS => 4 };

my ($httpd, $sandbox) = own_shop('graceful');
my $base    = $httpd->base;
my $visitor = visitor($base);
my $form    = $visitor->open_checkout(1);
my $folder  = $httpd->folder;

# One shopper: a new connection for each request until the parent writes STOP; what failed goes to its file.
sub shop_until_stopped {
    my ($number) = @_;
    my ($done, @failed) = (0);
    my @paths = ('/', '/books/2', '/static/shop.css', '/checkout?item=1');
    until (-e "$folder/stop") {
        my $path   = $paths[$done++ % @paths];
        my $socket = IO::Socket::IP->new(PeerHost => '127.0.0.1', PeerPort => $httpd->port);
        if (!$socket) { push @failed, "connect: $!"; next }
        print $socket "GET $path HTTP/1.1\r\nHost: 127.0.0.1:" . $httpd->port . "\r\nConnection: close\r\n\r\n";
        my $answer = do { local $/; <$socket> } // '';
        my ($length) = $answer =~ /^Content-Length: (\d+)/mi;
        my ($body)   = $answer =~ /\r\n\r\n(.*)\z/s;
        push @failed, "$path: " . ($answer =~ /\A(.*?)\r\n/ ? $1 : 'no answer') if $answer !~ m{\AHTTP/1\.1 200 };
        push @failed, "$path: cut off" if defined $length && length($body // '') != $length;
    }
    open my $file, '>', "$folder/shopper.$number" or _exit(1);
    print {$file} "$done\n", map {"$_\n"} @failed;
    close $file;
    return;
}

unlink "$folder/stop";
my @shoppers = map {
    my $number = $_;
    my $pid    = fork // die "fork: $!\n";
    if (!$pid) { shop_until_stopped($number); _exit(0) }
    $pid;
} 1 .. SHOPPERS;

my @memory;
for my $round (1 .. RESTARTS) {
    $httpd->graceful;
    open my $status, '<', '/proc/' . $httpd->pid . '/status' or die "httpd is gone\n";
    push @memory, map { /^VmRSS:\s+(\d+)/ ? $1 : () } <$status>;
}
write_file("$folder/stop", '');
waitpid $_, 0 for @shoppers;

my ($done, @failed) = (0);
for my $number (1 .. SHOPPERS) {
    open my $file, '<', "$folder/shopper.$number" or die "shopper $number: $!\n";
    chomp(my ($count, @wrong) = <$file>);
    $done += $count;
    push @failed, @wrong;
}
cmp_ok $done, '>=', RESTARTS, "$done requests during " . RESTARTS . ' restarts';
is_deeply \@failed, [], 'none failed';

# The first restarts fill pools and caches; from then on the parent must not grow from one to the next.
my ($early, $late) = @memory[4, -1];
cmp_ok $late - $early, '<', 1024, "the parent's memory stays ($early kB after five, $late kB after " . RESTARTS . ')' if !$ENV{BOOKSHOP_TEST_SLOWNESS};
is $visitor->open_checkout(1)->{payment_intent}, $form->{payment_intent}, 'the visitor still has the one PaymentIntent';
is $visitor->place($form)->code, 200, 'and the form of before is taken';
$sandbox->pay($form->{payment_intent});
is $visitor->get("/success?pi=$form->{payment_intent}")->dom->at('.outcome')->attr('data-state'), 'paid', 'and paid';

subtest 'a stop and a start' => sub {
    my $next = visitor($base);
    my $open = $next->open_checkout(2);
    $httpd->stop;
    $httpd->start;
    is $next->open_checkout(2)->{payment_intent}, $open->{payment_intent}, 'without the cache, the payment is found in the database';
    is $visitor->get("/success?pi=$form->{payment_intent}")->code, 200, 'and the order of before is there';
    my ($key) = $form->{return_url} =~ /key=(\w+)/;
    is visitor($base)->get("/success?pi=$form->{payment_intent}&key=$key")->code, 200, 'by its link too';
};

subtest 'a restart with a mistake in the configuration' => sub {
    my $conf = "$folder/httpd.conf";
    open my $in, '<', $conf or die "$conf: $!\n";
    my $good = do { local $/; <$in> };
    close $in;
    write_file($conf, $good =~ s/BookshopCache shmcb/BookshopCache nothing/r);
    my ($status) = $httpd->check;
    isnt $status, 0, 'is refused before anybody restarts';
    write_file($conf, $good);
    is visitor($base)->get('/')->code, 200, 'and the shop serves on';
};

$httpd->stop;
done_testing;
