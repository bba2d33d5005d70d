# Reads form-encoded parameters with nested names, as Stripe does: a[b]=1, a[]=1, a[0][b]=1.
# SPDX-License-Identifier: Apache-2.0
package Sandbox::Form;
use strict;
use warnings;
use Encode ();
use Exporter 'import';

our @EXPORT_OK = qw(parse_form);

use constant DEEPEST => 10;

sub unescape {
    my ($text) = @_;
    $text =~ tr/+/ /;
    $text =~ s/%([0-9a-fA-F]{2})/chr hex $1/ge;
    return $text if $text !~ /[^\x00-\x7f]/ or utf8::decode($text);
    return Encode::decode('UTF-8', $text, Encode::FB_DEFAULT);
}

# The parameters as hashes, arrays and strings; names that are all digits make an array.
sub parse_form {
    my ($text) = @_;
    return {} if !defined $text or $text eq '';
    my %tree;
    for my $pair (split /&/, $text) {
        next if $pair eq '';
        my ($name, $value) = map { unescape($_) } split /=/, $pair, 2;
        place(\%tree, $name, $value // '');
    }
    return arrays(\%tree);
}

sub place {
    my ($tree, $name, $value) = @_;
    my ($head, $rest) = $name =~ /\A([^\[]+)((?:\[[^\[\]]*\])*)\z/ or return $tree->{$name} = $value;
    my @path = ($head, $rest =~ /\[([^\[\]]*)\]/g);
    return $tree->{$name} = $value if @path > DEEPEST;
    my $last = pop @path;
    for my $step (@path) {
        $step = scalar keys %$tree if $step eq '';
        $tree->{$step} = {} if ref $tree->{$step} ne 'HASH';
        $tree = $tree->{$step};
    }
    $last = scalar keys %$tree if $last eq '';
    $tree->{$last} = $value;
    return;
}

sub arrays {
    my ($node) = @_;
    return $node if ref $node ne 'HASH';
    $_ = arrays($_) for values %$node;
    return $node if !%$node or grep { !/\A\d{1,4}\z/ } keys %$node;
    return [map { $node->{$_} } sort { $a <=> $b } keys %$node];
}

1;
