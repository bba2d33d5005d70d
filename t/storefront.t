# The shelf and the book pages: what is sold, at what price, without a call to Stripe and without the database.
# SPDX-License-Identifier: Apache-2.0
use strict;
use warnings;
use utf8;
use Bookshop::Test;
use Test::More;

my %BOOK = (
    1 => ['The Art of Doing Science and Engineering', 'Richard Hamming', '$23.00'],
    2 => ['The Making of Prince of Persia', 'Jordan Mechner', '$25.00'],
    3 => ['Working in Public', 'Nadia Eghbal', '$28.00'],
);

my $visitor = visitor();
sandbox->forget_requests;

subtest 'the shelf lists the three books' => sub {
    my $shelf = $visitor->get('/');
    is $shelf->code, 200, 'status';
    like $shelf->headers->content_type, qr{\Atext/html; *charset=utf-8\z}i, 'HTML in UTF-8';
    is $shelf->dom->find('li.shelf-book')->size, 3, 'three of them';
    for my $id (sort keys %BOOK) {
        my ($title, $author, $price) = @{ $BOOK{$id} };
        my $link = $shelf->dom->find('a[href$="/checkout?item=' . $id . '"]')->first;
        ok $link, "book $id leads to its checkout" or next;
        my $place = $link->ancestors('li')->first->all_text;
        like $place, qr/\Q$title\E/, 'title';
        like $place, qr/\Q$author\E/, 'author';
        like $place, qr/\Q$price\E/, 'price';
    }
    lacks($shelf->body, qr/<script(?![^>]*\bsrc=)/, 'no inline script');
    lacks($shelf->body, qr/<style|\bstyle=|\bon[a-z]+=/, 'no inline style or handler');
};

subtest 'each book has a page' => sub {
    for my $id (sort keys %BOOK) {
        my ($title, $author, $price) = @{ $BOOK{$id} };
        my $page = $visitor->get("/books/$id");
        is $page->code, 200, "book $id";
        like $page->dom->at('h1')->all_text, qr/\Q$title\E/, 'title';
        like $page->dom->at('main')->all_text, qr/\Q$author\E/, 'author';
        is $page->dom->at('.price-large')->all_text, $price, 'price';
        ok $page->dom->at('a[href$="/checkout?item=' . $id . '"]'), 'a way to buy it';
        ok length $page->dom->at('.blurb')->all_text > 100, 'a blurb';
        my $cover = $page->dom->at('img.cover');
        ok $cover, 'a cover' and is $visitor->get($visitor->origin . $cover->attr('src'))->headers->content_type, 'image/svg+xml', 'that httpd serves';
    }
};

subtest 'addresses that lead nowhere' => sub {
    for my $path ('/books/4', '/books/0', '/books/', '/books/1%00', '/books/..%2f1', '/books/1/', '/books/%3Cscript%3E', '/books/' . 'x' x 3000) {
        my $answer = $visitor->get($path);
        is $answer->code, 404, substr($path, 0, 40) . ' is 404';
        lacks($answer->body, qr/<script>/, 'nothing reflected');
    }
    is_refused($visitor->get('/books/4'), 404, qr/not on our shelves/, 'an unknown book is said in a page of the shop');
    is $visitor->get('/no/such/page')->code, 404, 'what the shop does not know is httpd\'s';
};

subtest 'methods' => sub {
    for my $path ('/', '/books/1') {
        my $get  = $visitor->get($path);
        my $head = $visitor->head($path);
        is $head->code, 200, "HEAD $path";
        is $head->body, '', 'no body';
        is $head->headers->content_length, $get->headers->content_length, 'the length of the page' if $get->headers->content_length;
        for my $method (qw(POST PUT DELETE)) {
            my $answer = $visitor->request($method => $path, { Origin => $visitor->origin });
            is $answer->code, 405, "$method $path is 405";
            like $answer->headers->header('Allow') // '', qr/\bGET\b/, 'with Allow';
        }
    }
};

is scalar(sandbox->requests), 0, 'Stripe was not called';
is scalar($visitor->cookies), 0, 'no cookie was set: there is nothing to remember';

done_testing;
