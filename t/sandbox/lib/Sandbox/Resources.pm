# The tables of the API: its routes, and which fields of an object can be expanded. A new resource is its rows here, a
# package beside this one, and its lines in contract/extract.cjs.
# SPDX-License-Identifier: Apache-2.0
package Sandbox::Resources;
use strict;
use warnings;
use Exporter 'import';
use Sandbox::Charges;
use Sandbox::Elements;
use Sandbox::Events;
use Sandbox::PaymentIntents;
use Sandbox::PaymentMethods;

our @EXPORT_OK = qw(route_of expandable public_view);

# method, path (ID stands for an object's id), operation as the contract calls it, what does it,
# 'public' where a publishable key will do
my @ROUTES = (
    [POST => '/v1/payment_intents',            'payment_intents.create',   \&Sandbox::PaymentIntents::create],
    [GET  => '/v1/payment_intents',            'payment_intents.list',     \&Sandbox::PaymentIntents::list],
    [GET  => '/v1/payment_intents/ID',         'payment_intents.retrieve', \&Sandbox::PaymentIntents::retrieve, 'public'],
    [POST => '/v1/payment_intents/ID',         'payment_intents.update',   \&Sandbox::PaymentIntents::update],
    [POST => '/v1/payment_intents/ID/confirm', 'payment_intents.confirm',  \&Sandbox::PaymentIntents::confirm, 'public'],
    [POST => '/v1/payment_intents/ID/cancel',  'payment_intents.cancel',   \&Sandbox::PaymentIntents::cancel],
    [POST => '/v1/payment_intents/ID/capture', 'payment_intents.capture',  \&Sandbox::PaymentIntents::capture],
    [POST => '/v1/payment_methods',            'payment_methods.create',   \&Sandbox::PaymentMethods::create, 'public'],
    [GET  => '/v1/payment_methods/ID',         'payment_methods.retrieve', \&Sandbox::PaymentMethods::retrieve],
    [GET  => '/v1/charges',                    'charges.list',             \&Sandbox::Charges::list],
    [GET  => '/v1/charges/ID',                 'charges.retrieve',         \&Sandbox::Charges::retrieve],
    [GET  => '/v1/events',                     'events.list',              \&Sandbox::Events::list],
    [GET  => '/v1/events/ID',                  'events.retrieve',          \&Sandbox::Events::retrieve],
    # what Stripe.js asks for the Payment Element; not part of the documented API, so without a contract
    [GET  => '/v1/elements/sessions',          undef,                      \&Sandbox::Elements::session, 'public'],
);

# object -> field -> the kind of object that it names
my %EXPAND = (
    payment_intent => { latest_charge => 'charge', payment_method => 'payment_method' },
    charge         => { payment_intent => 'payment_intent' },
    payment_method => {},
    event          => {},
);

# object -> what of it a publishable key gets to see
my %PUBLIC_VIEW = (payment_intent => \&Sandbox::PaymentIntents::public_view);

my (%exact, @with_id);
for my $row (@ROUTES) {
    my ($method, $path, $operation, $code, $access) = @$row;
    my $route = { name => "$method $path", operation => $operation, code => $code, public => defined $access };
    if ($path =~ /ID/) {
        my $pattern = $path =~ s/ID/([^\/]+)/r;
        push @with_id, [$method, qr/\A$pattern\z/, $route];
    }
    else {
        $exact{"$method $path"} = $route;
    }
}

# The route and the id in the path, or nothing.
sub route_of {
    my ($method, $path) = @_;
    my $found = $exact{"$method $path"};
    return ($found) if $found;
    for my $row (@with_id) {
        return ($row->[2], $1) if $row->[0] eq $method and $path =~ $row->[1];
    }
    return;
}

sub expandable { return $EXPAND{ $_[0] }{ $_[1] } }

sub public_view {
    my ($object) = @_;
    my $view = $PUBLIC_VIEW{ $object->{object} // '' };
    return $view ? $view->($object) : $object;
}

1;
