# Faults that a test orders for the next webhooks: lost, doubled, delayed, held, out of order.
# SPDX-License-Identifier: Apache-2.0
package Sandbox::WebhookFaults;
use Mojo::Base -base, -signatures;
use List::Util qw(first shuffle);
use Mojo::IOLoop;

# Each kind gets (job, fault).
my %KIND = (lose => \&lose, duplicate => \&duplicate, delay => \&delay, hold => \&hold, reorder => \&reorder);

has 'webhooks', undef, weak => 1;
has list   => sub { [] };
has held   => sub { {} };    # name => [job, ...]
has number => 0;

# match => { type (a regular expression), object (an id), endpoint (an id) }, times (default 1, for reorder its count; 0 for
# always), kind, and what the kind wants
sub add ($self, $fault) {
    die "no fault of webhooks is called " . ($fault->{kind} // '(nothing)') . ': there are ' . join(', ', sort keys %KIND) . "\n"
        if !$KIND{ $fault->{kind} // '' };
    my $type    = $fault->{match}{type};
    my $pattern = defined $type ? eval { qr/$type/ } // die "match.type is no regular expression\n" : qr//;
    check_order($fault->{order});
    $self->number($self->number + 1);
    my $times = $fault->{kind} eq 'reorder' ? count_of($fault) : 1;
    my $made  = { times => $times, %$fault, id => $self->number, taken => 0, pattern => $pattern };
    push @{ $self->list }, $made;
    return $made;
}

sub shown ($self) {
    return [map { my %fault = %$_; delete $fault{pattern}; \%fault } @{ $self->list }];
}

# Forgets the fault with that id, or all, and then lets what is held go.
sub clear ($self, $id = undef) {
    $self->list(defined $id ? [grep { $_->{id} ne $id } @{ $self->list }] : []);
    $self->release if !defined $id;
    return;
}

sub forget ($self) {
    $self->list([]);
    $self->held({});
    return;
}

# A delivery goes its way, or that of the first fault that fits and is not used up.
sub meet ($self, $job) {
    return if !$self->webhooks->is_open($job);
    my $fault = first { $self->fits($_, $job) } @{ $self->list };
    return $self->webhooks->attempt($job) if !$fault;
    $fault->{taken}++;
    $job->{entry}{fault} = $fault->{kind};
    return $KIND{ $fault->{kind} }->($self, $job, $fault);
}

sub fits ($self, $fault, $job) {
    return 0 if $fault->{times} and $fault->{taken} >= $fault->{times};
    return 0 if grep { defined $fault->{match}{$_} and $fault->{match}{$_} ne ($job->{$_} // '') } qw(object endpoint);
    return $job->{type} =~ $fault->{pattern};
}

# Never sent; Stripe says that all tries failed.
sub lose ($self, $job, $fault) { return $self->webhooks->close($job, 'failed') }

# `copies` (2) at once
sub duplicate ($self, $job, $fault) { return $self->webhooks->attempt($job, $fault->{copies} // 2) }

# `ms` (1000) later
sub delay ($self, $job, $fault) {
    Mojo::IOLoop->timer(($fault->{ms} // 1000) / 1000 => sub { $self->webhooks->attempt($job) });
    return;
}

# Until it is released, by the `name` ("held")
sub hold ($self, $job, $fault) {
    push @{ $self->held->{ $fault->{name} // 'held' } }, $job;
    return;
}

sub count_of ($fault) { return $fault->{count} // 2 }

# Until `count` (2) of them are there; then all go in the `order` (reversed)
sub reorder ($self, $job, $fault) {
    my $name = $fault->{name} // "reorder $fault->{id}";
    push @{ $self->held->{$name} }, $job;
    $self->release({ name => $name, order => $fault->{order} // 'reversed' }) if @{ $self->held->{$name} } >= count_of($fault);
    return;
}

my %ORDER = (made => sub (@jobs) { @jobs }, reversed => sub (@jobs) { reverse @jobs }, shuffled => sub (@jobs) { shuffle(@jobs) });

sub check_order ($order) {
    return if !defined $order or ref $order eq 'ARRAY' or $ORDER{$order};
    die "no order is called $order: there are " . join(', ', sort keys %ORDER) . ", and a list of events' ids or types\n";
}

# A list's events come as it names them, by id or type, and the others after them.
sub in_order ($order, @jobs) {
    return $ORDER{ $order // 'made' }->(@jobs) if ref $order ne 'ARRAY';
    my @left = @jobs;
    my @first;
    for my $name (@$order) {
        my $at = first { $left[$_]{event} eq $name or $left[$_]{type} eq $name } 0 .. $#left;
        push @first, splice @left, $at, 1 if defined $at;
    }
    return (@first, @left);
}

# { name (all if not given), order (made), parallel }: lets what is held go, each after the answer to the one before it; or all
# at once. How many they are.
sub release ($self, $how = {}) {
    check_order($how->{order});
    my @names = defined $how->{name} ? $how->{name} : sort keys %{ $self->held };
    my @jobs  = in_order($how->{order}, map { @{ delete $self->held->{$_} // [] } } @names);
    my $number = @jobs;
    if ($how->{parallel}) {
        $self->webhooks->attempt($_) for @jobs;
        return $number;
    }
    $self->one_by_one(@jobs);
    return $number;
}

sub one_by_one ($self, @jobs) {
    my $job = shift @jobs // return;
    return $self->webhooks->attempt($job, 1, sub { $self->one_by_one(@jobs) });
}

sub holding ($self) { return { map { $_ => scalar @{ $self->held->{$_} } } keys %{ $self->held } } }

sub held_number ($self) {
    my $number = 0;
    $number += $_ for values %{ $self->holding };
    return $number;
}

1;
