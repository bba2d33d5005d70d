# Smoke test as in production: httpd is started by root, drops to www-data, and sells a book.
# SPDX-License-Identifier: Apache-2.0
use strict;
use warnings;
use utf8;
use Bookshop::Test;
use File::Path qw(make_path);
use Test::More;

plan skip_all => 'only root can start httpd as root' if $> != 0;

my $user   = 'www-data';
my $uid    = getpwnam $user or plan skip_all => "there is no user $user";
my $folder = Bookshop::Test::Conf::servers_folder() . '/root';
make_path("$folder/data");
chown $uid, getgrnam($user) // -1, "$folder/data";

# The key as an admin would keep it: root's alone.
my $key = write_file("$folder/key", "sk_test_sandbox\n");
chmod 0600, $key;

my ($httpd, $sandbox) = own_shop('root', user => $user, shop => {
    database => "$folder/data/shop.db",
    without  => ['BookshopStripeSecretKey'],
    lines    => "BookshopStripeSecretKey \"file:$key\"",
});

sub owner_of { return (stat $_[0])[4] // -1 }

subtest 'privileges' => sub {
    my @ours;
    for my $pid (map {m{/proc/(\d+)\z}} glob '/proc/[0-9]*') {
        open my $stat, '<', "/proc/$pid/stat" or next;
        my ($parent) = (<$stat> // '') =~ /\) \S (\d+)/;
        push @ours, $pid if defined $parent && $parent == $httpd->pid;
    }
    cmp_ok scalar @ours, '>=', 1, 'there are children';
    for my $pid (@ours) {
        # A child that was forked a moment ago is still about to change its user.
        my $ids;
        comes_true(10, sub {
            open my $status, '<', "/proc/$pid/status" or return 1;
            ($ids) = grep {/^Uid:/} <$status>;
            return $ids =~ /^Uid:\s+\Q$uid\E\s/;
        });
        is_deeply [(split ' ', $ids)[1 .. 3]], [($uid) x 3], "child $pid is $user" if defined $ids;
    }
};

subtest 'a purchase' => sub {
    my $visitor = visitor($httpd->base);
    is $visitor->get('/')->code, 200, 'the shelf';
    is $visitor->get('/static/shop.css')->code, 200, 'a static file';
    my $form = $visitor->open_checkout(1);
    is $visitor->place($form)->code, 200, 'the form';
    $sandbox->pay($form->{payment_intent});
    is $visitor->get("/success?pi=$form->{payment_intent}")->dom->at('.outcome')->attr('data-state'), 'paid', 'paid';
};

subtest 'the database belongs to whom it should' => sub {
    for my $path (glob "$folder/data/shop.db*") {
        is owner_of($path), $uid, $path =~ s{.*/}{}r . " is ${user}'s";
        is((stat $path)[2] & 07, 0, 'and not for everybody');
    }
};

subtest 'graceful, as root' => sub {
    $httpd->graceful;
    is visitor($httpd->base)->checkout(1)->code, 200, 'the key was read again';
};

$httpd->stop;
done_testing;
