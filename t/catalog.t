# The catalogue file: a change reaches the pages without a restart, a mistake in it leaves the shop as it was.
# SPDX-License-Identifier: Apache-2.0
use strict;
use warnings;
use utf8;
use Bookshop::Test;
use Mojo::File qw(path);
use Mojo::JSON qw(decode_json encode_json);
use Test::More;

use constant SEEN_WITHIN => 30;  # seconds until a change is seen by every process

my $folder = Bookshop::Test::Conf::servers_folder() . '/catalog';
path($folder)->make_path;
my $file  = "$folder/catalog.json";
my $books = decode_json(path(Bookshop::Test::Conf::top() . '/conf/catalog.json')->slurp);
my $mtime = time - 1000;

# Written beside the file and moved over it, as an editor does it; each version has a time of its own.
sub sell {
    my ($catalog) = @_;
    my $new = write_file("$folder/new.json", ref $catalog ? encode_json($catalog) : $catalog);
    $mtime += 10;
    utime $mtime, $mtime, $new;
    rename $new, $file or die "$file: $!\n";
    return;
}
sell($books);

my ($httpd, $sandbox) = own_shop('catalog', shop => { catalog => $file });
my $base = $httpd->base;
announce('catalog', 'catalog');

# Each process has its pages: CODE must hold for as many visitors in a row as there are processes, and more.
sub soon_everywhere {
    my ($name, $code) = @_;
    return ok comes_true(SEEN_WITHIN, sub { !grep { !$code->(visitor($base)) } 1 .. 12 }), $name;
}

subtest 'a new price' => sub {
    my $tag    = visitor($base)->get('/')->headers->header('ETag');
    my $before = visitor($base);
    my $form   = $before->open_checkout(1);
    $books->{books}[0]{price} = 2450;
    sell($books);
    soon_everywhere('reaches the shelf', sub { $_[0]->get('/')->body =~ /\$24\.50/ });
    soon_everywhere('and the book', sub { $_[0]->get('/books/1')->dom->at('.price-large')->all_text eq '$24.50' });
    isnt visitor($base)->get('/')->headers->header('ETag'), $tag, 'the page has another tag';
    is visitor($base)->open_checkout(1)->{amount_minor}, 2450, 'it is what is charged';
    is $before->place($form)->code, 200, 'a tab that was open before may still pay what it shows';
    is $sandbox->intent($form->{payment_intent})->{amount}, 2300, 'and no more';
    my $now = $before->open_checkout(1);
    is $now->{amount_minor}, 2450, 'a reload shows the new price';
    isnt $now->{payment_intent}, $form->{payment_intent}, 'with another PaymentIntent';
    is $sandbox->intent($form->{payment_intent})->{status}, 'canceled', 'in place of the old';
};

subtest 'an order keeps its price' => sub {
    my $buyer = visitor($base);
    my $form  = $buyer->open_checkout(2);
    $buyer->place($form);
    $sandbox->pay($form->{payment_intent});
    $books->{books}[1]{price} = 9900;
    sell($books);
    soon_everywhere('the price has changed', sub { $_[0]->get('/books/2')->dom->at('.price-large')->all_text eq '$99.00' });
    my $page = $buyer->get("/success?pi=$form->{payment_intent}");
    is $page->dom->at('.outcome')->attr('data-state'), 'paid', 'what was paid before is paid';
    like $page->dom->at('main')->all_text, qr/\$25\.00/, 'at the price of then';
};

subtest 'a book more, and one less' => sub {
    push @{ $books->{books} }, { id => 'new-1', title => '"><img src=x onerror=alert(1)> & Söhne', authors => ['Ünï Cödé'], categories => [], price => 50 };
    my $gone = splice @{ $books->{books} }, 2, 1;
    sell($books);
    soon_everywhere('the new one is on the shelf', sub { $_[0]->get('/')->dom->find('li.shelf-book')->size == 3 && $_[0]->get('/books/new-1')->code == 200 });
    my $page = visitor($base)->get('/books/new-1');
    lacks($page->body, qr/<img src=x/, 'its title is text');
    is $page->dom->at('h1')->all_text =~ s/\A\s+|\s+\z//gr, '"><img src=x onerror=alert(1)> & Söhne', 'as it was written';
    soon_everywhere('the withdrawn one can\'t be bought', sub { $_[0]->checkout($gone->{id})->code == 404 && $_[0]->get("/books/$gone->{id}")->code == 404 });
    my ($row) = rows('SELECT withdrawn FROM book WHERE id = ?', [$gone->{id}], $httpd->database);
    ok $row->{withdrawn}, 'and is withdrawn in the database, not lost';
};

subtest 'a mistake in the file' => sub {
    my $from = length $httpd->error_log;
    for my $broken ('{"books": [', '', '{"books": [{"id": "1", "title": "A", "authors": ["B"], "categories": [], "price": "free"}]}') {
        my $at = length $httpd->error_log;
        sell($broken);
        ok $httpd->logs(qr/\[bookshop:error\][^\n]*catalog/i, SEEN_WITHIN, $at), 'is told in the error log';
        is visitor($base)->get('/')->dom->find('li.shelf-book')->size, 3, 'and the shelf stays';
        is visitor($base)->open_checkout(1)->{amount_minor}, 2450, 'and so do the prices';
    }
    cmp_ok scalar(() = substr($httpd->error_log, $from) =~ /\[bookshop:error\][^\n]*catalog/gi), '<=', 12, 'not again and again';
    $books->{books}[0]{price} = 2300;
    sell($books);
    soon_everywhere('mended, it is read', sub { $_[0]->get('/books/1')->dom->at('.price-large')->all_text eq '$23.00' });
};

subtest 'after a restart' => sub {
    $httpd->graceful;
    soon_everywhere('the shelf is what the file says', sub { $_[0]->get('/books/2')->dom->at('.price-large')->all_text eq '$99.00' });
};

$httpd->stop;
done_testing;
