# Holds parameters against the contract: what Stripe's own types say that an operation takes (contract/VERSION.json).
# SPDX-License-Identifier: Apache-2.0
package Sandbox::Contract;
use strict;
use warnings;
use Mojo::File qw(path);
use Mojo::JSON qw(decode_json true false);
use Sandbox::Error;

use constant { LARGEST_INTEGER => '9007199254740991', CURRENT_VERSION => '2026-10-28.endive' };

# One contract for each version that there is a file for.
sub load_all {
    my ($class, $folder) = @_;
    my %contract;
    for my $file (path($folder)->list->each) {
        next if $file->basename !~ /\A(\d{4}-\d\d-\d\d\.[a-z]+)\.json\z/;
        my $version = $1;
        $contract{$version} = bless decode_json($file->slurp), $class;
        $contract{$version}->add_browser_operations;
        $contract{$version}{names} = { map { $_ => $contract{$version}->object_names($_) } keys %{ $contract{$version}{objects} } };
    }
    die "no contract in $folder: run contract/make\n" if !%contract;
    return \%contract;
}

# Stripe.js may send card data with a confirmation, and the client secret that stands in for the secret key; both are no
# part of the public types.
sub add_browser_operations {
    my ($self) = @_;
    my $operations = $self->{operations};
    my $confirm    = $operations->{'payment_intents.confirm'};
    my $method     = $self->resolved($confirm->{object}{payment_method_data});
    my ($card, $type) = @{ $operations->{'payment_methods.create'}{object} }{qw(card type)};
    $operations->{'payment_intents.confirm (browser)'} = { object => {
        %{ $confirm->{object} },
        client_secret       => 'string',
        payment_method_data => { %$method, object => { %{ $method->{object} }, card => $card, type => $type } },
    } };
    $operations->{'payment_intents.retrieve (browser)'} = $operations->{'payment_intents.retrieve'};
    $operations->{'payment_methods.create (browser)'}   = $operations->{'payment_methods.create'};
    return;
}

sub resolved {
    my ($self, $schema) = @_;
    return exists $schema->{ref} ? $self->{shared}[$schema->{ref}] : $schema;
}

sub object_names {
    my ($self, $object) = @_;
    my $names = $self->{objects}{$object} or return;
    return { map { $_ => 1 } @{ $names->{always} }, @{ $names->{sometimes} } };
}

# The fields that this version's object has: { name => 1 }.
sub fields_of { return $_[0]{names}{ $_[1] } }

# The parameters with their types: integers are numbers, booleans are booleans. Throws Stripe's error for the first
# that is unknown, missing or mistyped.
sub check {
    my ($self, $operation, $params) = @_;
    my $schema = $self->{operations}{$operation} or die "no contract for $operation: add it to contract/extract.cjs\n";
    return $self->check_object($schema, $params, '');
}

sub inner_name {
    my ($outer, $name) = @_;
    return $outer eq '' ? $name : "$outer\[$name]";
}

sub check_object {
    my ($self, $schema, $value, $where) = @_;
    $value = {} if ref $value eq 'ARRAY' and !@$value;
    Sandbox::Error->throw(invalid => 'Invalid object', param => $where) if ref $value ne 'HASH';
    my @unknown = map { inner_name($where, $_) } grep { !$schema->{object}{$_} } sort keys %$value;
    if (@unknown) {
        my $plural = @unknown > 1 ? 's' : '';
        Sandbox::Error->throw(unknown => "Received unknown parameter$plural: " . join(', ', @unknown), param => $unknown[0]);
    }
    for my $name (@{ $schema->{required} // [] }) {
        next if exists $value->{$name};
        my $param = inner_name($where, $name);
        Sandbox::Error->throw(missing => "Missing required param: $param.", param => $param);
    }
    return { map { $_ => $self->check_value($schema->{object}{$_}, $value->{$_}, inner_name($where, $_)) } sort keys %$value };
}

my %SCALAR = (string => \&check_string, integer => \&check_integer, boolean => \&check_boolean, map => \&check_map);

sub check_value {
    my ($self, $schema, $value, $where) = @_;
    return $SCALAR{$schema}->($value, $where) if !ref $schema;
    return $self->check_value($self->{shared}[$schema->{ref}], $value, $where) if exists $schema->{ref};
    return $self->check_any($schema->{any}, $value, $where) if $schema->{any};
    return check_enum($schema->{enum}, $value, $where) if $schema->{enum};
    return $self->check_array($schema->{array}, $value, $where) if $schema->{array};
    refuse_empty($value, $where);
    return $self->check_object($schema, $value, $where);
}

# Of several shapes the one that the value has; an empty string unsets where the contract says so.
sub check_any {
    my ($self, $choices, $value, $where) = @_;
    my @choices = grep { $_ ne 'empty' } @$choices;
    return '' if @choices < @$choices and !ref $value and $value eq '';
    my $refused;
    for my $choice (@choices) {
        my $checked = eval { { value => scalar $self->check_value($choice, $value, $where) } };
        return $checked->{value} if $checked;
        die $@ if !ref $@;
        # of several refusals the one that reached deepest says most
        $refused = $@ if !$refused or length($@->fields->{param} // '') > length($refused->fields->{param} // '');
    }
    die $refused;
}

sub check_array {
    my ($self, $schema, $value, $where) = @_;
    refuse_empty($value, $where);
    Sandbox::Error->throw(invalid => 'Invalid array', param => $where) if ref $value ne 'ARRAY';
    my $index = 0;
    return [map { $self->check_value($schema, $_, inner_name($where, $index++)) } @$value];
}

sub refuse_empty {
    my ($value, $where) = @_;
    return if ref $value or $value ne '';
    Sandbox::Error->throw(
        empty => "You passed an empty string for '$where'. We assume empty values are an attempt to unset a parameter; "
            . "however '$where' cannot be unset. You should remove '$where' from your request or supply a non-empty value.",
        param => $where,
    );
    return;
}

sub check_string {
    my ($value, $where) = @_;
    Sandbox::Error->throw(invalid => 'Invalid string: ' . Mojo::JSON::to_json($value), param => $where) if ref $value;
    refuse_empty($value, $where);
    return $value;
}

sub check_integer {
    my ($value, $where) = @_;
    refuse_empty($value, $where);
    my $digits = ref $value ? '' : $value =~ /\A-?(\d{1,16})\z/ ? $1 : '';
    my $fits = $digits ne '' && (length $digits < 16 || $digits le LARGEST_INTEGER);
    Sandbox::Error->throw(integer => 'Invalid integer: ' . (ref $value ? Mojo::JSON::to_json($value) : $value), param => $where)
        if !$fits;
    return 0 + $value;
}

my %BOOLEAN = (true => true, false => false, 1 => true, 0 => false);

sub check_boolean {
    my ($value, $where) = @_;
    refuse_empty($value, $where);
    return $BOOLEAN{$value} // Sandbox::Error->throw(invalid => "Invalid boolean: $value", param => $where);
}

sub check_enum {
    my ($words, $value, $where) = @_;
    refuse_empty($value, $where);
    return $value if grep { $_ eq $value } @$words;
    my @words = @$words;
    my $last = pop @words;
    my $list = @words > 1 ? join(', ', @words) . ", or $last" : @words ? "$words[0] or $last" : $last;
    Sandbox::Error->throw(invalid => "Invalid $where: must be one of $list", param => $where);
    return;
}

use constant { MAP_KEYS => 50, MAP_KEY_LENGTH => 40, MAP_VALUE_LENGTH => 500 };

sub check_map {
    my ($value, $where) = @_;
    refuse_empty($value, $where);
    $value = { map { $_ => $value->[$_] } 0 .. $#$value } if ref $value eq 'ARRAY';
    Sandbox::Error->throw(invalid => 'Invalid object', param => $where) if ref $value ne 'HASH';
    Sandbox::Error->throw(
        invalid => sprintf('You can have up to %d metadata keys, but you passed in %d.', MAP_KEYS, scalar keys %$value),
        param => $where,
    ) if keys %$value > MAP_KEYS;
    for my $name (sort keys %$value) {
        my $text = $value->{$name};
        Sandbox::Error->throw(invalid => 'Invalid string: ' . Mojo::JSON::to_json($text), param => "$where\[$name]") if ref $text;
        refuse_long($where, $name, 'keys', $name, MAP_KEY_LENGTH);
        refuse_long($where, $name, 'values', $text, MAP_VALUE_LENGTH);
    }
    return $value;
}

sub refuse_long {
    my ($where, $name, $what, $text, $most) = @_;
    return if length $text <= $most;
    my $one = $what =~ s/s\z//r;
    Sandbox::Error->throw(
        invalid => sprintf('Metadata %s can have up to %d characters, but you passed in a %s that is %d characters. Invalid %s: %s',
            $what, $most, $one, length $text, $one, $text),
        param => "$where\[$name]",
    );
    return;
}

1;
