# t/bin/check-ledger: all is well after purchases of each kind, and whatever is then broken on purpose is found.
# SPDX-License-Identifier: Apache-2.0
use strict;
use warnings;
use utf8;
use Bookshop::Ledger;
use Bookshop::Test;
use Bookshop::Test::Conf;
use Bookshop::Test::Process;
use DBI;
use File::Path qw(make_path);
use Test::More;

my $COMMAND = Bookshop::Test::Conf::top() . '/t/bin/check-ledger';

my ($httpd, $sandbox) = own_shop('ledger', threads => 8);
my $base   = $httpd->base;
my $folder = $httpd->folder;

# What check-ledger would say, without a process for each time: (exit status, its words, { I1 => the rest of its line })
sub look {
    my (%option) = ('--database', $httpd->database, '--port', $sandbox->port, @_);
    local $SIG{__WARN__} = sub { die "a warning: $_[0]" };
    my $results = Bookshop::Ledger::check(map { s/\A--//r => $option{$_} } keys %option);
    return (Bookshop::Ledger::holds($results) ? 0 : 1, understood(join '', map {"$_\n"} Bookshop::Ledger::lines($results)));
}

sub understood { return ($_[0], { map { /\A(I[0-9]) (.*)/ ? ($1 => $2) : () } split /\n/, $_[0] }) }

# The same by the command.
sub ran {
    my (@command) = @_;
    open my $pipe, '-|', 'sh', '-c', 'exec "$0" "$@" 2>&1', @command or die "check-ledger: $!\n";
    my $words = do { local $/; <$pipe> } // '';
    close $pipe;
    return ($? >> 8, understood($words));
}

sub is_well {
    my ($name, @options) = @_;
    local $Test::Builder::Level = $Test::Builder::Level + 1;
    my ($status, $words, $line) = look(@options);
    is $status, 0, "$name: all is well" or diag $words;
    return $line;
}

# Exactly the invariants named are broken, each with words like what is given.
sub is_broken {
    my ($name, $broken, @options) = @_;
    local $Test::Builder::Level = $Test::Builder::Level + 1;
    my ($status, $words, $line) = look(@options);
    is $status, 1, "$name: something is broken" or diag $words;
    is_deeply [sort grep { $line->{$_} =~ /\ABROKEN / } keys %$line], [sort keys %$broken], "$name: " . join ' and ', sort keys %$broken or diag $words;
    like $line->{$_} // '', $broken->{$_}, "$name: $_ says what" for sort keys %$broken;
    return;
}

# A copy of the database, changed by SQL; its path.
my $copies = 0;
sub edited {
    my (@sql) = @_;
    my $copy = "$folder/copy" . ++$copies . '.db';
    my $from = DBI->connect('dbi:SQLite:dbname=' . $httpd->database, '', '', { RaiseError => 1, PrintError => 0, ReadOnly => 1 });
    $from->sqlite_backup_to_file($copy);
    $from->disconnect;
    my $to = DBI->connect("dbi:SQLite:dbname=$copy", '', '', { RaiseError => 1, PrintError => 0 });
    $to->do('PRAGMA journal_mode=DELETE');
    $to->do('PRAGMA foreign_keys=OFF');
    for (@sql) {
        my ($sql, @bound) = ref ? @$_ : $_;
        my $rows = $to->do($sql, undef, @bound);
        die "edits nothing: $sql\n" if $sql =~ /\A(?:UPDATE|INSERT|DELETE)/ && $rows == 0;
    }
    $to->disconnect;
    return ('--database', $copy);
}

# A visitor at the checkout of ITEM, the form posted: (visitor, PaymentIntent's id, order's number)
sub at_the_till {
    my ($item) = @_;
    my $visitor = visitor($base);
    my $form    = $visitor->open_checkout($item);
    is $visitor->place($form)->code, 200, "a checkout of book $item";
    my ($row) = rows('SELECT number FROM payment WHERE intent = ?', [$form->{payment_intent}], $httpd->database);
    return ($visitor, $form->{payment_intent}, $row->{number});
}

sub paid {
    my ($item) = @_;
    my ($visitor, $intent, $number) = at_the_till($item);
    $sandbox->pay($intent);
    is $visitor->get("/success?pi=$intent")->code, 200, 'paid';
    return ($intent, $number);
}

is_well('an empty shop');

my ($intent, $order)       = paid(1);
my ($intent_2, $order_2)   = paid(2);
my (undef, $open, $order_3) = at_the_till(3);
my ($declined_by, $declined, $order_4) = at_the_till(1);
$sandbox->pay($declined, 'chargeDeclined');
$declined_by->get("/success?pi=$declined");
visitor($base)->open_checkout(2);
my $fickle = visitor($base);
$fickle->open_checkout($_) for 2, 3, 2;
my ($waiting, $on_its_way) = at_the_till(2);
$sandbox->pay($on_its_way, 'sandboxProcessing');
$waiting->get("/success?pi=$on_its_way");
my ($held_by, $held, $order_5) = at_the_till(3);
announce('ledger', 'BKS0501: order [0-9A-F]{32} is held, nothing is delivered: received 2799 of 2800 usd');
$sandbox->pay($held);
$sandbox->change($held, set => { amount_received => 2799 });
$held_by->get("/success?pi=$held");

subtest 'purchases of each kind' => sub {
    my $line = is_well('paid, declined, abandoned, changed, on its way, held', '--logs', "$folder/logs");
    like $line->{I1}, qr/\Aok   every succeeded PaymentIntent is exactly one paid order \(3\); held: \Q$order_5\E \(received 2799 of 2800 usd\)\z/, 'the held order is named';
    like $line->{I2}, qr/\(2\)\z/, 'and not among the paid ones';
    like $line->{$_}, qr/\A--   /, "$_ says that there is nothing to look at yet" for qw(I4 I6);
    is_deeply [sort keys %$line], [map {"I$_"} 0 .. 8], 'a line for each invariant';
};

subtest 'found by DATA and SANDBOX_PORT, and left as it is' => sub {
    my (undef, $copy) = edited();
    make_path("$folder/data/sandbox/db", "$folder/data/sandbox/logs");
    rename $copy, "$folder/data/sandbox/db/bookshop.db" or die "$copy: $!\n";
    write_file("$folder/data/sandbox/logs/error.log", "nothing\n");
    local @ENV{qw(DATA SANDBOX_PORT)} = ("$folder/data", $sandbox->port);
    my ($status, $words) = ran($^X, $COMMAND);
    is $status, 0, 'all is well' or diag $words;
    like $words, qr/^I8 ok .*database and logs \(2 files\)$/m, 'the logs are looked at';
    is_deeply [glob "$folder/data/sandbox/db/*"], ["$folder/data/sandbox/db/bookshop.db"], 'no file has come';
    write_file("$folder/data/sandbox/logs/error.log", "the key is sk_test_nobodys\n");
    ($status, $words) = ran($^X, $COMMAND);
    is $status, 1, 'and what they hold counts';
    like $words, qr/^I8 BROKEN .*: error\.log holds a key$/m, 'by its file';
};

subtest 'I1: money without an order' => sub {
    my ($visitor, $late) = at_the_till(1);
    $sandbox->pay($late);
    is_broken('nobody has told the shop', { I1 => qr/\Q$late\E succeeded, order [0-9A-F]{32} is not paid/ });
    my $line = is_well('a minute is allowed', '--pending', 60);
    like $line->{I1}, qr/on its way: \Q$late\E/, 'and the payment named';
    $visitor->get("/success?pi=$late");
    is_well('the buyer comes back');
    is_broken('an order that forgot', { I1 => qr/\Q$intent\E succeeded, order \Q$order\E is not paid/ },
        edited(['UPDATE shop_order SET received = 0, paid = 0 WHERE number = ?', $order]));
    is_broken('an order that is gone', { I1 => qr/\Q$intent\E has no order/, I7 => qr/\Q$intent\E \(succeeded\) is not known/ },
        edited(map { ["DELETE FROM $_ WHERE number = ?", $order] } qw(order_line payment shop_order)));
};

subtest 'I2: an order without money' => sub {
    $sandbox->change($intent, set => { status => 'canceled' });
    is_broken('its payment is canceled', { I2 => qr/order \Q$order\E is paid, but \Q$intent\E is canceled/ });
    $sandbox->change($intent, set => { status => 'succeeded' });
    is_well('and back');
    is_broken('never paid', { I2 => qr/order \Q$order_3\E is paid, but \Q$open\E is requires_payment_method/ },
        edited(['UPDATE shop_order SET received = total, paid = 1 WHERE number = ?', $order_3]));
    is_broken('paid by halves', { I2 => qr/order \Q$order\E is paid half/ }, edited(['UPDATE shop_order SET paid = 0 WHERE number = ?', $order]));
};

subtest 'I3: amounts' => sub {
    $sandbox->change($open, set => { amount => 2799 });
    is_broken('Stripe would charge less', { I3 => qr/order \Q$order_3\E is of 2800 usd, \Q$open\E of 2799 usd/ });
    $sandbox->change($open, set => { amount => 2800, currency => 'eur' });
    is_broken('in another currency', { I3 => qr/\Q$open\E of 2800 eur/ });
    $sandbox->change($open, set => { currency => 'usd' });
    $sandbox->change($intent, set => { amount_received => 2200 });
    is_broken('received less', { I3 => qr/what \Q$intent\E received of 2200/ });
    $sandbox->change($intent, set => { amount_received => 2300, livemode => Mojo::JSON::true() });
    is_broken('live money', { I3 => qr/order \Q$order\E and \Q$intent\E differ in livemode/ });
    $sandbox->change($intent, set => { livemode => Mojo::JSON::false() });
    is_well('all put back');
    is_broken('a line of its own', { I3 => qr/order \Q$order\E is of 2300, its lines of 2301.*1 at 2300 are not 2301/ },
        edited(['UPDATE order_line SET total = 2301 WHERE number = ?', $order]));
    is_broken('no line', { I3 => qr/order \Q$order\E is of 2300, its lines of 0/ }, edited(['DELETE FROM order_line WHERE number = ?', $order]));
    is_broken('another payment', { I3 => qr/order \Q$order_3\E is of 2800 usd, its payment 1 of 1 usd/ }, edited(['UPDATE payment SET amount = 1 WHERE number = ?', $order_3]));
    is_broken('half received', { I3 => qr/order \Q$order\E is of 2300, received 1150/ }, edited(['UPDATE shop_order SET received = 1150 WHERE number = ?', $order]));
    is_broken('a payment that Stripe never saw', { I3 => qr/order \Q$order_3\E: pi_3Nobodys is not at Stripe/, I7 => qr/\Q$open\E/ },
        edited([q(UPDATE payment SET intent = 'pi_3Nobodys' WHERE number = ?), $order_3]));
};

subtest 'I5: twice' => sub {
    is_broken('an event', { I5 => qr/event evt_1 2 times/ },
        edited('DROP TABLE event', 'CREATE TABLE event (id TEXT, type TEXT, received BIGINT)', q(INSERT INTO event VALUES ('evt_1', 'x', 1), ('evt_2', 'x', 1), ('evt_1', 'x', 2))));
    # The one who pays a second time for one order has the same amount to pay, so that nothing else is wrong.
    my ($third) = paid(1);
    is_broken('an order paid', { I1 => qr/order \Q$order\E has (?:\Q$intent\E and \Q$third\E|\Q$third\E and \Q$intent\E)/, I5 => qr/order \Q$order\E is paid 2 times/, I2 => qr/has no PaymentIntent/, I7 => qr/order \Q$order\E has/ },
        edited(['UPDATE payment SET number = ?, attempt = 2 WHERE intent = ?', $order, $third]));
};

subtest 'I7: two at once' => sub {
    my ($owner) = rows('SELECT visitor FROM payment WHERE number = ?', [$order_3], $httpd->database);
    my @to = ($owner->{visitor}, $order_4);
    is_broken('a visitor with two payments', { I7 => qr/visitor [0-9a-f]{8}\.\.\. can pay .*; visitor [0-9a-f]{8}\.\.\. has 2 payments that are not over/ },
        edited('DROP INDEX payment_open', ['UPDATE payment SET visitor = ? WHERE number = ?', @to], ['UPDATE shop_order SET visitor = ? WHERE number = ?', @to]));
    my %metadata = %{ $sandbox->intent($open)->{metadata} };
    my $stray = $sandbox->api(POST => '/v1/payment_intents', { amount => 2800, currency => 'usd', map { ("metadata[$_]" => $metadata{$_}) } keys %metadata });
    is_broken('one that nobody knows', { I7 => qr/\Q$stray->{id}\E \(requires_payment_method\) is not known.*order \Q$order_3\E has .*; not known by id yet: \Q$stray->{id}\E/ });
    $sandbox->api(POST => "/v1/payment_intents/$stray->{id}/cancel");
    my $line = is_well('once it is canceled');
    like $line->{I7}, qr/not known by id yet: \Q$stray->{id}\E/, 'it is listed';
    $sandbox->api(POST => '/v1/payment_intents', { amount => 100, currency => 'usd', 'metadata[shop]' => 'another' });
    $line = is_well('what another shop does on the same account');
    unlike $line->{I7}, qr/not known.*pi_.*pi_/, 'is no business of ours';
    is_well('a call that will be repeated', edited([q(UPDATE payment SET intent = NULL, state = 'creating' WHERE number = ?), $order_3]));
    is_broken('a call that will not', { I7 => qr/\Q$open\E \(requires_payment_method\) is not known/ },
        edited([q(UPDATE payment SET intent = NULL, state = 'over' WHERE number = ?), $order_3]));
};

subtest 'I8: secrets' => sub {
    my $at = sub { edited(['UPDATE shop_order SET failure = ? WHERE number = ?', $_[0], $order_4]) };
    is_broken('a client secret', { I8 => qr/the table shop_order holds a client secret/ }, $at->("${open}_secret_x"));
    is_broken('a card', { I8 => qr/the table shop_order holds a card number/ }, $at->('4242-4242-4242-4242'));
    is_broken('a deleted row', { I8 => qr/copy\d+\.db holds a webhook secret/ },
        edited('PRAGMA secure_delete=OFF', q(INSERT INTO setting VALUES ('x', 'whsec_nobodys')), q(DELETE FROM setting WHERE name = 'x')));
    my $words = "$folder/words";
    make_path($words);
    write_file("$words/access.log", "GET /success?payment_intent_client_secret=pi_1_secret_abc\n");
    write_file("$words/error.log", "pan=4242424242424242;\n");
    is_broken('logs', { I8 => qr/: access\.log holds a client secret; error\.log holds a card number\z/ }, '--logs', $words);
    write_file("$words/access.log", "isbn 9780262517638\n");
    write_file("$words/error.log", "pan=4242424242424243;\n");
    is_well('what only looks like it', '--logs', $words);
};

subtest 'I0: the database itself' => sub {
    is_broken('a row that names none', { I0 => qr/a row of order_line names none of shop_order/ }, edited(['UPDATE order_line SET number = ? WHERE number = ?', '0' x 32, $order_3],
        ['INSERT INTO order_line SELECT ?, position, book, variant, title, authors, cover, quantity, unit_price, total FROM order_line WHERE number = ?', $order_3, '0' x 32]));
};

subtest 'where it can\'t look' => sub {
    my %sorry = (
        'no database'           => [['--database', "$folder/none.db"], qr{The database \Q$folder\E/none\.db is not there}],
        'no file of SQLite\'s'  => [['--database', write_file("$folder/text.db", 'words ' x 1000)], qr/text\.db can't be read: .*not a database/],
        'no database of a shop' => [['--database', write_file("$folder/empty.db", '')], qr/empty\.db can't be read: .*no such table/],
        'no sandbox'            => [['--port', Bookshop::Test::Process::free_port()], qr{No sandbox answers at http://127\.0\.0\.1:\d+ }],
        'another server'        => [['--port', $httpd->port], qr/is no Stripe sandbox/],
        'no port'               => [['--port', 'x'], qr/"x", and must be a number/],
        'no number of seconds'  => [['--pending', '1.5'], qr/"1\.5", and must be a number/],
        'no folder of logs'     => [['--logs', "$folder/nowhere"], qr{\Q$folder\E/nowhere is not there}],
        'an unknown option'     => [['--port', 1, '--fix'], qr/usage:/],
    );
    for my $name (sort keys %sorry) {
        my ($status, $words, $line) = ran($^X, $COMMAND, '--database', $httpd->database, '--port', $sandbox->port, @{ $sorry{$name}[0] });
        is $status, 2, "$name: exit status 2" or diag $words;
        like $words, $sorry{$name}[1], "$name: said so";
        is_deeply $line, {}, "$name: and nothing else";
        unlike $words, qr/ at \S+ line \d+/, "$name: in words for a person";
    }
};

subtest 'a long list' => sub {
    my ($line) = Bookshop::Ledger::lines([{ name => 'I1', state => 'broken', text => 'x', found => [map {"pi_$_"} 1 .. 12] }]);
    is $line, 'I1 BROKEN x: ' . join('; ', map {"pi_$_"} 1 .. 10) . '; and 2 more', 'is cut after ten';
};

$httpd->stop;
is_well('after the shop has closed', '--logs', "$folder/logs");
done_testing;
