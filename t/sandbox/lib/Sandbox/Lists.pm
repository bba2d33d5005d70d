# Stripe's lists: newest first, by cursor, with a filter by time.
# SPDX-License-Identifier: Apache-2.0
package Sandbox::Lists;
use strict;
use warnings;
use Mojo::JSON qw(true false);
use Sandbox::Error;

use constant { PAGE => 10, LARGEST_PAGE => 100 };

my %COMPARE = (
    gt  => sub { $_[0] >  $_[1] },
    gte => sub { $_[0] >= $_[1] },
    lt  => sub { $_[0] <  $_[1] },
    lte => sub { $_[0] <= $_[1] },
);

# One page of the objects of a kind for which $wanted->($object) holds; those for whose id $worth->($id) does not are not
# even looked at.
sub page {
    my ($context, $kind, $url, $params, $wanted, $worth) = @_;
    my $limit = $params->{limit} // PAGE;
    Sandbox::Error->throw(integer => 'This value must be greater than or equal to 1.', param => 'limit') if $limit < 1;
    Sandbox::Error->throw(integer => 'This value must be less than or equal to ' . LARGEST_PAGE . '.', param => 'limit')
        if $limit > LARGEST_PAGE;
    my ($after, $before) = @$params{qw(starting_after ending_before)};
    Sandbox::Error->throw(exclusive => 'Received both starting_after and ending_before parameters. Please pass in only one.')
        if defined $after and defined $before;
    my $created = $params->{created};
    $created = { gte => $created, lte => $created } if defined $created and !ref $created;

    my $oldest_first = $context->{ledger}->ids($kind);
    my $backwards    = defined $before;
    my @ids          = $backwards ? @$oldest_first : reverse @$oldest_first;
    my $cursor       = $backwards ? $before : $after;
    if (defined $cursor) {
        my ($at) = grep { $ids[$_] eq $cursor } 0 .. $#ids;
        Sandbox::Error->throw(invalid => "No such $kind: '$cursor'", code => 'resource_missing',
            param => $backwards ? 'ending_before' : 'starting_after') if !defined $at;
        splice @ids, 0, $at + 1;
    }
    my @found;
    for my $id (@ids) {
        next if $worth and !$worth->($id);
        my $object = $context->{ledger}->find($kind => $id);
        next if grep { !$COMPARE{$_}->($object->{created}, $created->{$_}) } keys %{ $created // {} };
        next if !$wanted->($object);
        push @found, $object;
        last if @found > $limit;
    }
    my $more = @found > $limit;
    pop @found if $more;
    @found = reverse @found if $backwards;
    return { object => 'list', data => \@found, has_more => $more ? true : false, url => $url };
}

1;
