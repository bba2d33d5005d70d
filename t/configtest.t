# What is wrong in the configuration is refused by `apachectl configtest`, with a sentence that says what to do.
# SPDX-License-Identifier: Apache-2.0
use strict;
use warnings;
use utf8;
use Bookshop::Test;
use File::Path qw(make_path);
use Test::More;

my $folder = Bookshop::Test::Conf::servers_folder() . '/configtest';
make_path($folder);

my $number = 0;

# What httpd -t says of a shop: shop => {...} for Bookshop::Test::Conf, env => {...}
sub configtest {
    my (%given) = @_;
    my $shop = $given{shop} // {};
    return Bookshop::Test::Httpd->prepare(name => 'configtest', map({ $_ => $given{$_} } grep { exists $given{$_} } qw(env head cache)),
        shops => [{ port => 8, stripe_port => 9, %$shop }, @{ $given{more} // [] }])->check;
}

sub file_with {
    my ($name, $text, $mode) = @_;
    my $path = "$folder/$name";
    unlink $path;
    write_file($path, $text);
    chmod $mode // 0600, $path;
    return $path;
}

# A mistake: httpd -t refuses it, names DIRECTIVE, and says something like WORDS; what it says is a sentence.
sub refused {
    my ($name, $words, %given) = @_;
    return subtest "refused: $name" => sub {
        my ($status, $said) = configtest(%given);
        isnt $status, 0, 'configtest fails';
        like $said, $words, 'and says why';
        my ($line) = grep {/Bookshop|bookshop|BKS/} split /\n/, $said;
        ok $line, 'in a line of ours' or diag $said;
        unlike $said, qr/sk_(?:test|live)_\w{8}/, 'without the key';
        unlike $said, qr/Segmentation|core dumped/, 'without a crash';
    };
}

sub accepted {
    my ($name, %given) = @_;
    return subtest "accepted: $name" => sub {
        my ($status, $said) = configtest(%given);
        is $status, 0, 'configtest is content' or diag $said;
        like $said, qr/Syntax OK/, 'Syntax OK';
    };
}

# A shop whose directive NAME is left out, or has LINE in its place.
sub with { my ($name, $line) = @_; return (shop => { without => [$name], lines => $line // '' }) }

accepted('the tests\' own shop');
accepted('without a publishable key', with('BookshopStripePublishableKey'));

refused('no secret key', qr/BookshopStripeSecretKey/, with('BookshopStripeSecretKey'));
refused('the key itself in the file', qr/BookshopStripeSecretKey.*(?:env:|file:)/s, with(BookshopStripeSecretKey => 'BookshopStripeSecretKey sk_test_1234'));
refused('a variable that is not set', qr/BOOKSHOP_NO_SUCH_KEY/, with(BookshopStripeSecretKey => 'BookshopStripeSecretKey env:BOOKSHOP_NO_SUCH_KEY'));
refused('an empty key', qr/BOOKSHOP_TEST_SECRET_KEY|empty/, env => { BOOKSHOP_TEST_SECRET_KEY => '' });
refused('a mistyped key', qr/sk_|rk_/, env => { BOOKSHOP_TEST_SECRET_KEY => 'sk-test-sandbox' });
refused('a publishable key in the secret\'s place', qr/BookshopStripeSecretKey/, env => { BOOKSHOP_TEST_SECRET_KEY => 'pk_test_sandbox' });
refused('a key with a space', qr/BookshopStripeSecretKey|key/, env => { BOOKSHOP_TEST_SECRET_KEY => 'sk_test_ sandbox' });
refused('a secret key in the publishable\'s place', qr/BookshopStripePublishableKey/, with(BookshopStripePublishableKey => 'BookshopStripePublishableKey sk_test_sandbox'));
refused('a mistyped publishable key', qr/BookshopStripePublishableKey.*pk_/s, with(BookshopStripePublishableKey => 'BookshopStripePublishableKey sandbox'));
refused('a live and a test key', qr/test.*live|live.*test/is, with(BookshopStripePublishableKey => 'BookshopStripePublishableKey pk_live_sandbox'));
refused('a mode that the key is not for', qr/BookshopStripeMode/, shop => { lines => 'BookshopStripeMode live' });
refused('a mode that there is not', qr/BookshopStripeMode.*(?:test|live)/s, shop => { lines => 'BookshopStripeMode sandbox' });

{
    my $good = file_with('key', "sk_test_sandbox\n", 0600);
    accepted('the key in a file of its own', with(BookshopStripeSecretKey => "BookshopStripeSecretKey \"file:$good\""));
    for my $mode (0644, 0640, 0604) {
        my $path = file_with('lax', "sk_test_sandbox\n", $mode);
        refused(sprintf('a key file that others can read (%04o)', $mode), qr/\Q$path\E.*(?:chmod|600|0600)/s, with(BookshopStripeSecretKey => "BookshopStripeSecretKey \"file:$path\""));
    }
    my $hidden = file_with('hidden', "sk_test_sandbox\n", 0000);
    refused('a key file that can\'t be read', qr/\Q$hidden\E/, with(BookshopStripeSecretKey => "BookshopStripeSecretKey \"file:$hidden\"")) if $> != 0;
    refused('a key file that is not there', qr{/no/such/file}, with(BookshopStripeSecretKey => 'BookshopStripeSecretKey file:/no/such/file'));
    my $link = "$folder/link";
    unlink $link;
    symlink $good, $link or die "$link: $!\n";
    refused('a key file that is a symbolic link', qr/\Q$link\E.*(?:link|symbolic)/s, with(BookshopStripeSecretKey => "BookshopStripeSecretKey \"file:$link\""));
    my $empty = file_with('empty', '', 0600);
    refused('an empty key file', qr/\Q$empty\E|empty/, with(BookshopStripeSecretKey => "BookshopStripeSecretKey \"file:$empty\""));
    refused('a folder for a key file', qr/\Q$folder\E/, with(BookshopStripeSecretKey => "BookshopStripeSecretKey \"file:$folder\""));
    my $program = file_with('tell', "#!/bin/sh\necho sk_test_sandbox\n", 0700);
    accepted('the key from a program', with(BookshopStripeSecretKey => "BookshopStripeSecretKey \"exec:$program\""));
    refused('a program that is not there', qr{/no/such/program}, with(BookshopStripeSecretKey => 'BookshopStripeSecretKey exec:/no/such/program'));
}

{
    my $lost = "$folder/templates";
    make_path($lost);
    file_with('templates/index.mustache', "<h1>{{#books}}{{title}}</h1>\n");
    refused('a template that does not parse', qr/index\.mustache.*(?:books|line|:1)/s, shop => { without => ['BookshopTemplates'], lines => "BookshopTemplates \"$lost\" \"" . Bookshop::Test::Conf::top() . '/templates"' });
    file_with('templates/index.mustache', "<h1>{{title</h1>\n");
    refused('a tag that does not end', qr/index\.mustache/, shop => { without => ['BookshopTemplates'], lines => "BookshopTemplates \"$lost\" \"" . Bookshop::Test::Conf::top() . '/templates"' });
    unlink "$lost/index.mustache";
    refused('a folder without the templates', qr/\Q$lost\E|mustache|messages\.json/, with(BookshopTemplates => "BookshopTemplates \"$lost\""));
    refused('no folder of templates', qr{/no/such/folder}, with(BookshopTemplates => 'BookshopTemplates /no/such/folder'));
}

refused('an unknown currency', qr/BookshopCurrency.*xyz|xyz.*BookshopCurrency/is, shop => { lines => 'BookshopCurrency xyz' });
accepted('a currency in capitals', shop => { lines => 'BookshopCurrency EUR' });

my %catalog = (
    'no price'              => ['{"books":[{"id":"1","title":"A","authors":["B"],"categories":[]}]}', qr/price/],
    'a price in words'      => ['{"books":[{"id":"1","title":"A","authors":["B"],"categories":[],"price":"2300"}]}', qr/price/],
    'a price with a point'  => ['{"books":[{"id":"1","title":"A","authors":["B"],"categories":[],"price":23.00}]}', qr/price/],
    'a negative price'      => ['{"books":[{"id":"1","title":"A","authors":["B"],"categories":[],"price":-1}]}', qr/price/],
    'a price of nothing'    => ['{"books":[{"id":"1","title":"A","authors":["B"],"categories":[],"price":0}]}', qr/price/],
    'a price beyond Stripe' => ['{"books":[{"id":"1","title":"A","authors":["B"],"categories":[],"price":100000000}]}', qr/price/],
    'no title'              => ['{"books":[{"id":"1","authors":["B"],"categories":[],"price":2300}]}', qr/title/],
    'one id twice'          => ['{"books":[{"id":"1","title":"A","authors":["B"],"categories":[],"price":1000},{"id":"1","title":"C","authors":["D"],"categories":[],"price":1000}]}', qr/"?1"?.*(?:twice|already|two|unique|same)/s],
    'a name given twice'    => ['{"books":[{"id":"1","title":"A","title":"C","authors":["B"],"categories":[],"price":1000}]}', qr/title|twice|duplicate/i],
    'no JSON'               => ['{"books": [', qr/line|JSON|\}|\]/],
    'a list'                => ['[]', qr/books|object/],
);
for my $name (sort keys %catalog) {
    my ($text, $words) = @{ $catalog{$name} };
    my $path = file_with('catalog.json', $text, 0644);
    refused("a catalogue with $name", qr/\Q$path\E.*$words|$words.*\Q$path\E/s, shop => { catalog => $path });
}
refused('a catalogue that is not there', qr{/no/such/catalog\.json}, shop => { catalog => '/no/such/catalog.json' });

refused('http to another host', qr/BookshopStripeAPIBase.*https/s, with(BookshopStripeAPIBase => 'BookshopStripeAPIBase http://api.example.com'));
refused('http to a host that only looks like loopback', qr/BookshopStripeAPIBase/, with(BookshopStripeAPIBase => "BookshopStripeAPIBase $_"))
    for 'http://127.0.0.1.example.com', 'http://localhost.example.com', 'http://localhost@example.com';
refused('another protocol', qr/BookshopStripeAPIBase/, with(BookshopStripeAPIBase => 'BookshopStripeAPIBase file:///etc/passwd'));
refused('http for Stripe.js from another host', qr/BookshopStripeJS/, with(BookshopStripeJS => 'BookshopStripeJS http://js.example.com/v3'));
refused('no base URL', qr/BookshopBaseURL/, with('BookshopBaseURL'));
refused('a base URL that is none', qr/BookshopBaseURL/, with(BookshopBaseURL => "BookshopBaseURL $_")) for 'shop.example.com', '/shop', 'ftp://shop.example.com/', 'http://shop.example.com/?x=1';
refused('a shop without TLS for the world', qr/BookshopBaseURL.*https/s, with(BookshopBaseURL => 'BookshopBaseURL http://shop.example.com/'));
refused('a database of no kind', qr/BookshopDatabase.*sqlite:/s, with(BookshopDatabase => 'BookshopDatabase mysql://localhost/shop'));
refused('a database at no absolute path', qr/BookshopDatabase/, with(BookshopDatabase => 'BookshopDatabase sqlite:shop.db'));
refused('a cache of no kind', qr/BookshopCache/, cache => 'nothing:here');
refused('a time limit that is none', qr/BookshopStripeTimeout/, shop => { lines => 'BookshopStripeTimeout connect=soon' });
refused('a number that is none', qr/BookshopStripeMaxConcurrent/, shop => { lines => 'BookshopStripeMaxConcurrent many' });
refused('a directive that there is not', qr/BookshopTypo/, shop => { lines => 'BookshopTypo On' });
refused('a link that runs a script', qr/BookshopLink/, shop => { lines => 'BookshopLink "Terms" javascript:alert(1)' });

done_testing;
