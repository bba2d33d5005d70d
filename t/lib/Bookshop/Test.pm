# What most tests start from: the suite's own shop, its sandbox and its database, and a few checks that they share.
# SPDX-License-Identifier: Apache-2.0
package Bookshop::Test;
use strict;
use warnings;
use utf8;
use Bookshop::Test::Conf;
use Bookshop::Test::Httpd;
use Bookshop::Test::Sandbox;
use Bookshop::Test::Visitor;
use Bookshop::Test::Wait qw(poll comes_true);
use DBI;
use Exporter qw(import);
use Test::More;

our @EXPORT = qw(visitor sandbox rows announce own_shop poll comes_true is_refused lacks timing write_file);

binmode $_, ':encoding(UTF-8)' for Test::More->builder->output, Test::More->builder->failure_output, Test::More->builder->todo_output;

# A new visitor of the suite's shop, or of the shop at BASE.
sub visitor {
    my ($base) = @_;
    Bookshop::Test::Conf::work();
    return Bookshop::Test::Visitor->new($base // "http://127.0.0.1:$ENV{BOOKSHOP_TEST_SHOP_PORT}");
}

my $sandbox;
sub sandbox { return $sandbox //= Bookshop::Test::Sandbox->at($ENV{BOOKSHOP_TEST_SANDBOX_PORT}) }

# The rows that a query finds in the suite's database, or in FILE: as hashes.
sub rows {
    my ($sql, $bound, $file) = @_;
    $file //= Bookshop::Test::Conf::servers_folder() . '/main/0.db';
    my $handle = DBI->connect("dbi:SQLite:dbname=$file", '', '', { RaiseError => 1, PrintError => 0, ReadOnly => 1, sqlite_unicode => 1 });
    $handle->sqlite_busy_timeout(10_000);
    my $rows = $handle->selectall_arrayref($sql, { Slice => {} }, @{ $bound // [] });
    $handle->disconnect;
    return @$rows;
}

# A line at [warn] or worse that this test is going to cause in the error log of SERVER ("main", or a server of its own).
# What nobody announced fails t/zz_logs.t.
sub announce {
    my ($server, @patterns) = @_;
    open my $file, '>>', Bookshop::Test::Conf::work() . '/announced' or die "announced: $!\n";
    print {$file} map {"$server\t$_\n"} @patterns;
    close $file or die "announced: $!\n";
    return;
}

# A server and a sandbox of the test's own: (httpd, sandbox). Takes what Bookshop::Test::Httpd takes, and shop => {...}
sub own_shop {
    my ($name, %given) = @_;
    my $folder = Bookshop::Test::Conf::servers_folder() . "/$name";
    require File::Path;
    File::Path::make_path($folder);
    my $own   = Bookshop::Test::Sandbox->start(folder => $folder);
    my $shop  = delete $given{shop} // {};
    my $httpd = Bookshop::Test::Httpd->start(name => $name, shops => [{ %$shop, sandbox => $own }], %given);
    return ($httpd, $own);
}

# TEXT holds nothing like PATTERN; of a whole page, only what was found is shown.
sub lacks {
    my ($text, $pattern, $name) = @_;
    local $Test::Builder::Level = $Test::Builder::Level + 1;
    my ($found) = $text =~ /(.{0,60}$pattern.{0,60})/;
    return ok(!defined $found, $name) || diag "found: $found";
}

# TEXT (characters, or bytes) as the whole of a file; its path.
sub write_file {
    my ($path, $text) = @_;
    utf8::encode($text) if utf8::is_utf8($text);
    open my $file, '>:raw', $path or die "$path: $!\n";
    print {$file} $text;
    close $file or die "$path: $!\n";
    return $path;
}

# Milliseconds of the answer's own work: the total less what Stripe took.
sub timing {
    my ($answer) = @_;
    my %spent = map { /\A\s*([\w-]+)\s*;\s*dur=([\d.]+)/ ? ($1 => $2) : () } split /,/, $answer->headers->header('Server-Timing') // '';
    return exists $spent{total} ? $spent{total} - ($spent{stripe} // 0) : undef;
}

# A page of the shop that says something went wrong: its status, its words, and no form.
sub is_refused {
    my ($answer, $status, $words, $name) = @_;
    return subtest $name => sub {
        is $answer->code, $status, "status $status";
        my $main = $answer->dom->at('main');
        ok $main, "a page of the shop" or diag substr $answer->body, 0, 500;
        like $main ? $main->all_text : '', $words, 'says so';
        ok !$answer->dom->at('form'), 'no form';
        lacks($answer->body, qr/_secret_/, 'no secret');
    };
}

1;
