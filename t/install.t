# `make install`: what it puts where, and that the sample configuration serves a shop from there once its lines are filled in.
# SPDX-License-Identifier: Apache-2.0
use strict;
use warnings;
use utf8;
use Bookshop::Test;
use File::Path qw(make_path remove_tree);
use Test::More;

# The sample leaves the webhook's secret to the admin.
announce('install', qr/BKS0212: no BookshopWebhookSecret/);

my $top    = Bookshop::Test::Conf::top();
my $folder = Bookshop::Test::Conf::servers_folder() . '/install';
my $root   = "$folder/root";
make_path($folder, "$folder/run", "$folder/logs", "$folder/www");
write_file("$folder/www/index.html", "It works\n");  # as Debian has it
remove_tree($root);

sub read_file {
    my ($path) = @_;
    open my $file, '<', $path or die "$path: $!\n";
    local $/;
    return scalar <$file>;
}

sub install {
    local @ENV{qw(DESTDIR BUILD)} = ($root, Bookshop::Test::Conf::build());
    return scalar qx("$top/scripts/install" 2>&1);
}

chomp(my $modules = Bookshop::Test::Conf::modules_folder());
my $said = install();
is $?, 0, 'make install' or diag $said;
like $said, qr{^\s*LoadModule bookshop_module \Q$modules\E/mod_bookshop\.so$}m, 'says which line loads the module';
for my $path ("$modules/mod_bookshop.so", map {"/usr/share/bookshop/$_"} qw(bookshop.conf catalog.json catalog.sample.json templates/index.mustache templates/messages.json htdocs/static/shop.css htdocs/covers/1.svg)) {
    ok -s "$root$path", "$path is there" or next;
    is((stat "$root$path")[2] & 0777, 0644, 'and for all to read');
}
my $share = "$root/usr/share/bookshop";
write_file("$share/htdocs/covers/own.svg", 'own');
write_file("$share/catalog.json", my $own = '{"books": [{"id": "own", "title": "A", "authors": ["B"], "categories": [], "price": 100}]}');
write_file("$share/templates/index.mustache", 'old');
install();
is $?, 0, 'and again, over the old one';
is read_file("$share/htdocs/covers/own.svg"), 'own', 'a cover of the admin\'s own stays';
is read_file("$share/catalog.json"), $own, 'and so does what is sold';
isnt read_file("$share/templates/index.mustache"), 'old', 'the templates are this version\'s';
is read_file("$share/catalog.sample.json"), read_file("$top/conf/catalog.json"), 'whose catalogue lies beside';
write_file("$share/catalog.json", read_file("$share/catalog.sample.json"));

# The sample with its three lines filled in, in a root of its own.
my $sandbox = Bookshop::Test::Sandbox->start(folder => $folder);
my $port    = Bookshop::Test::Process::free_port();
write_file("$folder/secret-key", "sk_test_sandbox\n");
write_file("$folder/publishable-key", "pk_test_sandbox\n");
chmod 0600, "$folder/secret-key", "$folder/publishable-key";
my $sample = read_file("$root/usr/share/bookshop/bookshop.conf");
(my $filled = $sample) =~ s{^BookshopBaseURL .*}{BookshopBaseURL http://127.0.0.1:$port/}m;
$filled =~ s{/etc/apache2/bookshop/}{$folder/}g;
$filled =~ s{^#(Bookshop(?:Catalog|Templates|Static) )}{$1}mg;
$filled =~ s{/usr/share/bookshop}{$root/usr/share/bookshop}g;
$filled =~ s{\Q$modules\E/mod_bookshop\.so}{$root$modules/mod_bookshop.so};
$filled =~ s{^#BookshopDatabase .*}{BookshopDatabase sqlite:$folder/shop.db}m;
$filled =~ s{^#BookshopStripeAPIBase .*}{"BookshopStripeAPIBase " . $sandbox->url('')}me;
my $loaded = join '', grep { !/mod_bookshop|socache/ } split /^/, Bookshop::Test::Conf::load_modules();
write_file("$folder/httpd.conf", <<"CONF");
ServerRoot "$folder"
ServerName 127.0.0.1:$port
Listen 127.0.0.1:$port
DefaultRuntimeDir "$folder/run"
PidFile "$folder/run/httpd.pid"
$loaded
@{[ Bookshop::Test::Conf::types() ]}
ErrorLog "$folder/logs/error_log"
LogLevel info
DocumentRoot "$folder/www"
<Directory />
    Require all denied
</Directory>
<Directory "$folder/www">
    Require all granted
</Directory>
$filled
CONF

my $httpd = bless { name => 'install', folder => $folder, shops => [{ port => $port, prefix => '', base => "http://127.0.0.1:$port" }] }, 'Bookshop::Test::Httpd';
my ($status, $words) = $httpd->check;
is $status, 0, 'configtest is content with the sample' or diag $words;
$httpd->start;
my $visitor = visitor($httpd->base);
is $visitor->get('/')->dom->find('li.shelf-book')->size, 3, 'the shelf';
for my $file ($visitor->get('/')->dom->find('link[rel=stylesheet], img.cover')->map(sub { $_->attr('href') // $_->attr('src') })->each) {
    is $visitor->get($visitor->origin . $file)->code, 200, "$file is served";
}
my $form = $visitor->open_checkout(1);
is $visitor->place($form)->code, 200, 'the form';
$sandbox->pay($form->{payment_intent});
is $visitor->get("/success?pi=$form->{payment_intent}")->dom->at('.outcome')->attr('data-state'), 'paid', 'a purchase';
like $visitor->checkout(2)->headers->header('Content-Security-Policy'), qr{https://js\.stripe\.com}, 'by default Stripe.js is Stripe\'s';
$httpd->stop;

subtest 'the sample is the reference' => sub {
    open my $pipe, '-|', Bookshop::Test::Conf::httpd(), '-L', '-f', "$folder/httpd.conf" or die "httpd -L: $!\n";
    my %known = map { /^(Bookshop\w+) \(mod_bookshop/ ? ($1 => 1) : () } <$pipe>;
    close $pipe;
    cmp_ok scalar keys %known, '>=', 20, scalar(keys %known) . ' directives';
    for my $name (sort keys %known) {
        like $sample, qr/^#?$name /m, "$name is in the sample";
    }
    my %named = map { $_ => 1 } $sample =~ /^#?(Bookshop\w+) /mg;
    is_deeply [grep { !$known{$_} } sort keys %named], [], 'and no other';
};

done_testing;
