# A shop under any prefix, and two shops in two virtual hosts of one httpd that know nothing of each other.
# SPDX-License-Identifier: Apache-2.0
use strict;
use warnings;
use utf8;
use Bookshop::Test;
use Mojo::File qw(path);
use Mojo::JSON qw(decode_json encode_json);
use Mojo::URL;
use Test::More;

my $folder = Bookshop::Test::Conf::servers_folder() . '/prefix';
path($folder)->make_path;
my $books = decode_json(path(Bookshop::Test::Conf::top() . '/conf/catalog.json')->slurp);
splice @{ $books->{books} }, 1;
$books->{books}[0]{price} = 4711;
my $other_catalog = write_file("$folder/other.json", encode_json($books));

my $sandbox = Bookshop::Test::Sandbox->start(folder => $folder);
my $httpd   = Bookshop::Test::Httpd->start(
    name  => 'prefix',
    shops => [
        { prefix => '/shop', sandbox => $sandbox, name => 'First' },
        { prefix => '', sandbox => $sandbox, name => 'Second', catalog => $other_catalog },
        { prefix => '/deep/er/shop', sandbox => $sandbox, name => 'Third', without => ['BookshopDatabase'],
            lines => "BookshopDatabase \"sqlite:$folder/third.db\"" },
    ],
);

for my $number (0 .. 2) {
    my $base = $httpd->base($number);
    subtest "a purchase at $base" => sub {
        my $visitor = visitor($base);
        my $prefix  = $httpd->{shops}[$number]{prefix};
        my $shelf   = $visitor->get('/');
        is $shelf->code, 200, 'the shelf';
        for my $address (map { $_->attr('href') // $_->attr('src') // $_->attr('action') } $shelf->dom->find('[href], [src], [action]')->each) {
            next if $address =~ /\A#/ || $address eq '/terms';
            my $url = Mojo::URL->new($address)->to_abs(Mojo::URL->new("$base/"));
            like $url->path, qr{\A\Q$prefix\E/}, "$address is below the prefix";
            is $visitor->get("$url")->code, 200, 'and there' if $url->path !~ /checkout/;
        }
        my $buy = $shelf->dom->at('a[href*="checkout"]')->attr('href');
        my $page = $visitor->get($visitor->origin . Mojo::URL->new($buy)->to_abs(Mojo::URL->new("$base/"))->path_query);
        is $page->code, 200, 'the checkout';
        my $form = $visitor->form_of($page);
        $form->{cache_url} = $visitor->origin . Mojo::URL->new($form->{cache_url})->to_abs(Mojo::URL->new("$base/"))->path if $form->{cache_url} !~ /^http/;
        my ($cookie) = $visitor->cookies;
        is $visitor->place($form)->code, 200, 'the form';
        $sandbox->pay($form->{payment_intent});
        like $form->{return_url}, qr{\A\Q$base\E/success\?}, 'the way back is below the prefix';
        is $visitor->get("/success?pi=$form->{payment_intent}")->dom->at('.outcome')->attr('data-state'), 'paid', 'paid';
    };
}

subtest 'the shops share nothing' => sub {
    is visitor($httpd->base(1))->get('/')->dom->find('li.shelf-book')->size, 1, 'each has its catalogue';
    is visitor($httpd->base(0))->get('/')->dom->find('li.shelf-book')->size, 3, 'of its own';
    is visitor($httpd->base(1))->open_checkout(1)->{amount_minor}, 4711, 'and its prices';
    is visitor($httpd->base(0))->open_checkout(1)->{amount_minor}, 2300, 'each';
    my $buyer = visitor($httpd->base(0));
    my $form  = $buyer->open_checkout(1);
    $sandbox->pay($form->{payment_intent});
    is $buyer->get("/success?pi=$form->{payment_intent}")->code, 200, 'an order is known where it was placed';
    my ($cookie) = $buyer->cookies;
    my $answer = visitor($httpd->base(1))->get("/success?pi=$form->{payment_intent}", { Cookie => $cookie->name . '=' . $cookie->value });
    is $answer->code, 404, 'and nowhere else';
    my ($key) = $form->{return_url} =~ /key=(\w+)/;
    is visitor($httpd->base(1))->get("/success?pi=$form->{payment_intent}&key=$key")->code, 404, 'not even by its link';
};

subtest 'outside of the prefix' => sub {
    is visitor("http://127.0.0.1:" . $httpd->port(0))->get('/')->code == 200 ? visitor("http://127.0.0.1:" . $httpd->port(0))->get('/books/1')->code : 404, 404, 'there is no shop';
    is visitor("http://127.0.0.1:" . $httpd->port(0))->get('/checkout?item=1')->code, 404, 'and no checkout';
    is visitor("http://127.0.0.1:" . $httpd->port(0))->get('/shopping')->code, 404, 'nor at a name that only begins like it';
    my $bare = visitor("http://127.0.0.1:" . $httpd->port(0))->get('/shop');
    ok $bare->code == 200 || ($bare->code =~ /\A30[1278]\z/ && $bare->headers->location =~ m{/shop/\z}), 'the prefix without its slash leads to the shop (' . $bare->code . ')';
};

$httpd->stop;
done_testing;
