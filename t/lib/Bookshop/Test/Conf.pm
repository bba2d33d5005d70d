# The configuration of the tests' servers: one place that writes httpd.conf for the suite's own server and for all others.
# SPDX-License-Identifier: Apache-2.0
package Bookshop::Test::Conf;
use strict;
use warnings;
use Cwd qw(abs_path);
use File::Basename qw(dirname);

# The tree under test: a checkout, or the suite's scratch copy of it.
my $TOP = abs_path(dirname(__FILE__) . '/../../../..');

sub top { return $TOP }
sub build { return $ENV{BOOKSHOP_TEST_BUILD} // "$TOP/build" }
sub work { return $ENV{BOOKSHOP_TEST_WORK} // die "Please call the tests through t/TEST, which makes their place: t/TEST t/storefront.t\n" }
sub servers_folder { return work() . '/servers' }

# event, worker or prefork
sub mpm { return $ENV{BOOKSHOP_TEST_MPM} // 'event' }

# httpd, or what runs it for a tool (a sanitizer's preload, valgrind).
sub httpd {
    return $ENV{BOOKSHOP_TEST_HTTPD} if $ENV{BOOKSHOP_TEST_HTTPD};
    for my $folder (split(/:/, $ENV{PATH}), '/usr/sbin') {
        for my $name (qw(apache2 httpd)) {
            return "$folder/$name" if -x "$folder/$name";
        }
    }
    die "Neither apache2 nor httpd is here. scripts/setup test installs it.\n";
}

my $modules;
sub modules_folder {
    return $modules //= do {
        chomp(my $said = qx(apxs -q LIBEXECDIR 2>/dev/null || apxs2 -q LIBEXECDIR));
        $said or die "apxs does not say where httpd's modules are\n";
    };
}

# Keys reach httpd by its environment, and only there.
sub secrets { return (BOOKSHOP_TEST_SECRET_KEY => 'sk_test_sandbox', BOOKSHOP_TEST_WEBHOOK_SECRET => 'whsec_sandbox') }

sub load_modules {
    my (@more) = @_;
    my $folder = modules_folder();
    my @lines  = map {"LoadModule ${_}_module \"$folder/mod_$_.so\""}
        'mpm_' . mpm(), qw(authz_core authz_host mime alias dir headers reqtimeout socache_shmcb status), @more;
    return join '', map {"$_\n"} @lines, 'LoadModule bookshop_module "' . build() . '/mod_bookshop.so"';
}

# Half of the threads may wait for Stripe at once: by default enough for twenty visitors who meet in one process.
sub processes {
    my ($threads) = @_;
    my $all = 4 * $threads;
    if (mpm() eq 'prefork') {
        # A process for each connection, and all from the start: prefork begins with one more in a second.
        $all = 64 if $all < 64;
        return "StartServers 64\nMinSpareServers 8\nMaxSpareServers 64\nServerLimit $all\nMaxRequestWorkers $all\n";
    }
    return "StartServers 2\nServerLimit 4\nThreadsPerChild $threads\nMinSpareThreads $threads\nMaxSpareThreads $all\nMaxRequestWorkers $all\n";
}

# What every server of the tests says, whoever writes the rest: the levels at which logs show all but what httpd's own
# modules print of requests and cookies before any hook can redact it.
sub logging {
    return "LogLevel trace8 core:trace4 http:trace3\n";
}

sub types {
    return "TypesConfig /dev/null\nAddType text/html .html\nAddType text/css .css\nAddType text/javascript .js\nAddType image/svg+xml .svg\n";
}

# One shop as a virtual host. port, base, prefix, sandbox (a Bookshop::Test::Sandbox) or stripe_port, database, catalog,
# name, lines => (more directives), without => [names of directives that are left out]
sub shop {
    my (%shop) = @_;
    my $prefix = $shop{prefix} // '';
    my $stripe = $shop{stripe_port} // $shop{sandbox}->port;
    my @lines = (
        "BookshopBaseURL $shop{base}/",
        'BookshopName "' . ($shop{name} // 'The Test Bookshop') . '"',
        'BookshopCatalog "' . ($shop{catalog} // "$TOP/conf/catalog.json") . '"',
        "BookshopDatabase \"sqlite:$shop{database}\"",
        "BookshopTemplates \"$TOP/templates\"",
        "BookshopStatic \"$TOP/htdocs\"",
        'BookshopStripeSecretKey env:BOOKSHOP_TEST_SECRET_KEY',
        'BookshopStripePublishableKey pk_test_sandbox',
        'BookshopWebhookSecret env:BOOKSHOP_TEST_WEBHOOK_SECRET',
        "BookshopStripeAPIBase http://127.0.0.1:$stripe",
        "BookshopStripeJS http://localhost:$stripe/endive/stripe.js",
        'BookshopLink "Terms" /terms',
        'BookshopServerTiming On',
    );
    for my $name (@{ $shop{without} // [] }) {
        @lines = grep { !/^\Q$name\E\s/ } @lines;
    }
    my $static = $prefix eq '' ? '' : "Alias $prefix/static \"$TOP/htdocs/static\"\n    Alias $prefix/covers \"$TOP/htdocs/covers\"";
    my $place  = $prefix eq '' ? '/' : $prefix;
    my $body   = join "\n    ", @lines;
    return <<"CONF";
<VirtualHost 127.0.0.1:$shop{port}>
    ServerName 127.0.0.1:$shop{port}
    DocumentRoot "$TOP/htdocs"
    LimitRequestLine 8190
    @{[ logging() ]}
    $static
    $body
    @{[ $shop{lines} // '' ]}
    <Location $place>
        SetHandler bookshop
    </Location>
</VirtualHost>
CONF
}

# A whole httpd.conf: folder, shops => [...], head => (lines before the shops), user => NAME, cache => 'shmcb', threads => 64, listen => [further ports],
# modules => [further ones], or undef where somebody else loads all of them
sub server {
    my (%server) = @_;
    my @shops = @{ $server{shops} };
    my @ports = (@{ $server{listen} // [] }, map { $_->{port} } @shops);
    my $user  = $server{user} ? "User $server{user}\nGroup $server{user}\n" : '';
    my $load  = exists $server{modules} && !$server{modules} ? '' : load_modules(@{ $server{modules} // [] });
    my $conf  = <<"CONF";
ServerRoot "$server{folder}"
ServerName 127.0.0.1:$ports[0]
DefaultRuntimeDir "$server{folder}/run"
PidFile "$server{folder}/run/httpd.pid"
@{[ join "\n", map {"Listen 127.0.0.1:$_"} @ports ]}
$user$load
@{[ processes($server{threads} // 64) ]}
@{[ types() ]}
ErrorLog "$server{folder}/logs/error_log"
@{[ logging() ]}
LogFormat "%h %t \\"%r\\" %>s %b \\"%{Referer}i\\"" test
CustomLog "$server{folder}/logs/access_log" test
DocumentRoot "$TOP/htdocs"
<Directory />
    Require all denied
</Directory>
<Directory "$TOP/htdocs">
    Require all granted
</Directory>
BookshopCache @{[ $server{cache} // 'shmcb' ]}
@{[ $server{head} // '' ]}
CONF
    my $number = 0;
    for my $shop (@shops) {
        $conf .= shop(%$shop, database => $shop->{database} // "$server{folder}/$number.db");
        $number++;
    }
    return $conf;
}

1;
